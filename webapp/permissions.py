"""Who may do what: the whole policy on one page.

An action is allowed when any of its predicates says yes. A predicate knows the signed-in person
(``id``, ``role``, ``office_id``) and, where there is one, the case (``officer_id``, ``office_id``,
``counsellor_id``, ``caseworker_id``). What is not named here is refused.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


class Role(StrEnum):
    """The roles of staff. A returnee is not staff and signs in by code and PIN."""

    FIELD_OFFICER = "field_officer"
    COUNSELLOR = "counsellor"
    PROGRAMME_MANAGER = "programme_manager"
    FINANCE_OFFICER = "finance_officer"
    ANALYST = "analyst"
    ADMINISTRATOR = "administrator"
    CASEWORKER = "caseworker"


class Person(Protocol):
    """What the policy needs to know of a signed-in person."""

    @property
    def id(self) -> UUID: ...
    @property
    def role(self) -> Role: ...
    @property
    def office_id(self) -> UUID: ...


Predicate = Callable[[Person, Any], bool]


def _has(role: Role) -> Predicate:
    return lambda person, case: person.role == role


anyone_signed_in: Predicate = lambda person, case: True  # noqa: E731
is_field_officer = _has(Role.FIELD_OFFICER)
is_counsellor = _has(Role.COUNSELLOR)
is_programme_manager = _has(Role.PROGRAMME_MANAGER)
is_finance_officer = _has(Role.FINANCE_OFFICER)
is_analyst = _has(Role.ANALYST)
is_administrator = _has(Role.ADMINISTRATOR)
is_caseworker = _has(Role.CASEWORKER)


def is_case_officer(person: Person, case: Any) -> bool:
    return person.role == Role.FIELD_OFFICER and case.officer_id == person.id


def is_case_counsellor(person: Person, case: Any) -> bool:
    return person.role == Role.COUNSELLOR and case.counsellor_id == person.id


def is_office_counsellor(person: Person, case: Any) -> bool:
    return person.role == Role.COUNSELLOR and case.office_id == person.office_id


def is_office_manager(person: Person, case: Any) -> bool:
    return person.role == Role.PROGRAMME_MANAGER and case.office_id == person.office_id


def is_office_finance(person: Person, case: Any) -> bool:
    return person.role == Role.FINANCE_OFFICER and case.office_id == person.office_id


def is_referring_caseworker(person: Person, case: Any) -> bool:
    return person.role == Role.CASEWORKER and case.caseworker_id == person.id


def is_escort(person: Person, case: Any) -> bool:
    return person.role == Role.CASEWORKER and getattr(case, "escort_id", None) == person.id


PUBLIC = "public"
"""The permission of a route that anybody may open: sign-in, health, the worker file."""

MAY: dict[str, list[Predicate]] = {
    # Pages of one's own
    "home.see": [anyone_signed_in],
    "settings.change": [anyone_signed_in],
    "alert.see": [anyone_signed_in],
    "push.subscribe": [anyone_signed_in],
    # The phone
    "phone.enrol": [is_field_officer, is_caseworker],
    "pack.fetch": [is_field_officer, is_caseworker],
    "outbox.see": [is_field_officer, is_counsellor, is_caseworker],
    "outbox.carry": [anyone_signed_in],
    "phone.see": [is_field_officer, is_caseworker, is_programme_manager, is_administrator],
    "phone.revoke": [is_field_officer, is_caseworker, is_programme_manager, is_administrator],
    "quarantine.decide": [is_programme_manager],
    "submission.see": [is_field_officer, is_programme_manager, is_caseworker],
    # Cases
    "case.list": [is_field_officer, is_counsellor, is_programme_manager, is_caseworker],
    "today.see": [is_field_officer],
    "case.see": [is_case_officer, is_case_counsellor, is_office_manager, is_referring_caseworker, is_escort],
    "case.follow": [is_case_officer, is_case_counsellor, is_office_manager],
    "returnee_card.give": [is_case_officer, is_office_manager],
    "returnee_word.act": [is_field_officer, is_programme_manager],
    "returnee_word.answer": [is_case_officer, is_office_manager],
    "case.assign": [is_office_manager],
    "transfer.see": [is_programme_manager],
    # The end: asked by whoever follows the case, signed off by somebody else; a manager's own request also by finance
    "closure.see": [is_case_officer, is_office_manager, is_office_finance],
    "closure.ask": [is_case_officer, is_office_manager],
    "closure.decide": [is_office_manager, is_office_finance],
    "case.reopen": [is_office_manager],
    "referral_list.take_in": [is_programme_manager, is_caseworker],
    # The return: prepared by the mission that sends, received by the office of origin, stopped by whoever is there
    "procedure.board": [is_caseworker],
    "procedure.open": [is_caseworker],
    "procedure.see": [is_referring_caseworker, is_escort, is_case_officer, is_office_manager],
    "procedure.record": [is_referring_caseworker],
    "procedure.interrupt": [is_referring_caseworker, is_escort, is_case_officer],
    "procedure.resume": [is_referring_caseworker, is_case_officer],
    "procedure.decide": [is_office_manager],
    "arrival.list": [is_field_officer, is_programme_manager],
    "arrival.assign": [is_programme_manager],
    "arrival.record": [is_case_officer, is_office_manager],
    # The plan: written by the officer, agreed to by the manager
    "plan.see": [is_case_officer, is_office_manager],
    "plan.write": [is_case_officer],
    "plan.approve": [is_office_manager],
    # Follow-up
    "visit.record": [is_case_officer],
    "photo.see": [is_case_officer, is_office_manager],
    "photo.add": [is_case_officer],
    # Check-ins: the answers are for their author and the counsellor; the band for the case's officer
    "check_in.record": [is_case_officer, is_case_counsellor],
    "check_in.see_band": [is_case_officer, is_case_counsellor],
    "check_in.see_answers": [is_case_counsellor],
    # Instruments: published by the administrator; switched off also by the manager whose office has nobody to refer to
    "instrument.see": [is_administrator, is_programme_manager],
    "instrument.switch": [is_administrator, is_programme_manager],
    "instrument.publish": [is_administrator],
    "red_flag.raise": [is_case_officer, is_case_counsellor],
    "red_flag.read": [is_counsellor],
    # Every counsellor of the office is woken by one, and whoever is there first sees to it
    "red_flag.see": [is_case_counsellor, is_office_counsellor],
    "red_flag.answer": [is_case_counsellor, is_office_counsellor],
    "red_flag.count": [is_office_manager],
    # Referrals: a restricted one is read by its author and by whom "see_restricted" names, nobody else
    "referral.see": [is_case_officer, is_case_counsellor, is_office_manager],
    "referral.see_restricted": [is_case_counsellor],
    "referral.write": [is_case_officer, is_case_counsellor],
    # Money
    "allocation.see": [is_case_officer, is_office_manager, is_office_finance],
    "allocation.list": [is_finance_officer],
    "allocation.grant": [is_office_manager],
    "instalment.release": [is_office_manager],
    # A correction: proposed by a manager, decided by somebody else who answers for the money
    "allocation.adjust": [is_office_manager],
    "adjustment.decide": [is_office_manager, is_office_finance],
    # Asked by the officer, approved by the manager (by finance only what the rule leaves to it), paid by finance,
    # verified by whoever did not ask
    "payment.see": [is_case_officer, is_office_manager, is_office_finance],
    "payment.request": [is_case_officer],
    "payment.approve": [is_office_manager, is_office_finance],
    "payment.cancel": [is_case_officer, is_office_manager],
    "payment.order": [is_case_officer, is_office_finance],
    "payment.pay": [is_office_finance],
    "payment.refund": [is_office_finance],
    "payment.verify": [is_office_manager],
    "payment.dispute": [is_case_officer, is_office_manager],
    "payment.queue": [is_programme_manager],
    "payment.list": [is_finance_officer],
    "payment.act": [is_field_officer, is_programme_manager, is_finance_officer],
    "provider.see": [is_field_officer, is_programme_manager, is_finance_officer],
    "provider.change": [is_programme_manager, is_finance_officer],
    "provider.account": [is_finance_officer],
    "rule.see": [is_administrator, is_programme_manager, is_finance_officer],
    "rule.load": [is_administrator],
    "rate.see": [is_field_officer, is_programme_manager, is_finance_officer],
    "rate.import": [is_finance_officer],
    # Programme
    "dashboard.see": [is_programme_manager, is_analyst],
    "staff.administer": [is_administrator],
}


def may(person: Person | None, action: str, case: Any = None) -> bool:
    """Whether this person may do this deed (to this case). Nobody may do what the policy does not name."""
    if person is None:
        return False
    return any(allows(person, case) for allows in MAY[action])
