"""Who may open which door: every route of the application, every role, nobody, and the returnee."""

import hashlib
import random
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import inspect, text

from tests.browser_client import Person
from tests.world import FOREIGN, OTHER, OWN, STAFF, World, make_world, principals
from webapp import clock
from webapp.allocations.requests.views import STEPS
from webapp.database import db
from webapp.people.models import Session, Staff
from webapp.permissions import MAY, Role, may
from webapp.referrals.states import DEEDS as REFERRAL_DEEDS

ALLOWED, SIGN_IN, FORBIDDEN, UNKNOWN = "allowed", "sign in", "403", "404"

KNOWING = {
    OWN: {"ibrahima", "salma", "kadiatou", "karim", "farah"},
    OTHER: {"mariama", "kadiatou", "farah"},
    FOREIGN: {"awa", "moussa"},
}
"""Who knows that each case exists: the others get 404, whatever they ask of it."""
FOLLOWING = {
    OWN: {"ibrahima", "salma", "kadiatou", "karim"},
    OTHER: {"mariama", "kadiatou"},
    FOREIGN: {"awa", "moussa"},
}
OFFICER = {OWN: {"ibrahima"}, OTHER: {"mariama"}, FOREIGN: {"awa"}}
CARING = {OWN: {"ibrahima", "salma"}, OTHER: {"mariama"}, FOREIGN: {"awa"}}
REFERRING = {
    OWN: {"ibrahima", "salma", "kadiatou"},
    OTHER: {"mariama", "kadiatou"},
    FOREIGN: {"awa", "moussa"},
}
IN_CHARGE = {OWN: {"ibrahima", "kadiatou"}, OTHER: {"mariama", "kadiatou"}, FOREIGN: {"awa", "moussa"}}
PAYING = {
    OWN: {"ibrahima", "kadiatou", "farah"},
    OTHER: {"mariama", "kadiatou", "farah"},
    FOREIGN: {"awa", "moussa"},
}
RETURNING = {
    OWN: {"ibrahima", "kadiatou", "karim"},
    OTHER: {"mariama", "kadiatou"},
    FOREIGN: {"awa", "moussa"},
}
STOPPING = {OWN: {"ibrahima", "karim"}, OTHER: {"mariama"}, FOREIGN: {"awa"}}
WOKEN = {OWN: {"salma", "oumar"}, OTHER: {"salma", "oumar"}, FOREIGN: set()}
"""By a red flag: every counsellor of the office."""
SENDING = {OWN: {"karim"}, OTHER: set(), FOREIGN: set()}
MANAGING = {OWN: {"kadiatou"}, OTHER: {"kadiatou"}, FOREIGN: {"moussa"}}
BETWEEN = {OWN: {"kadiatou", "moussa"}, OTHER: {"kadiatou", "moussa"}, FOREIGN: {"moussa", "kadiatou"}}
NOBODY_ELSE: dict[str, set[str]] = {OWN: set(), OTHER: set(), FOREIGN: set()}
READING = {OWN: {"kadiatou"}, OTHER: {"nadia"}, FOREIGN: {"moussa"}}
OFFICERS = {"ibrahima", "mariama", "awa"}
COUNSELLORS = {"salma", "oumar"}
MANAGERS = {"kadiatou", "moussa"}
CASEWORKERS = {"karim", "nadia"}
EVERYBODY = set(STAFF)
HANDLING = OFFICERS | MANAGERS | {"farah"}
"""Whose work has to do with payments at all."""
FINANCE = {OWN: {"farah"}, OTHER: {"farah"}, FOREIGN: set()}
# Finance is told there that this amount is not left to it.
DECIDING = {which: MANAGING[which] | FINANCE[which] for which in MANAGING}
ASKING_OR_PAYING = {which: OFFICER[which] | FINANCE[which] for which in OFFICER}
OF_OFFICE = {
    OWN: {"ibrahima", "mariama", "kadiatou", "farah"},
    OTHER: {"ibrahima", "mariama", "kadiatou", "farah"},
    FOREIGN: {"awa", "moussa"},
}
DEED = "/payment-requests/<uuid:request_id>/<any(" + ",".join(STEPS) + "):deed>"
REFERRAL_STEP = "/referrals/<uuid:referral_id>/<any(" + ",".join(REFERRAL_DEEDS) + "):deed>"
ADJUSTMENT = (
    "/cases/<uuid:case_id>/allocation/adjustments/<uuid:adjustment_id>/<any(confirmed,refused):outcome>"
)
PLAN_DEED = "/cases/<uuid:case_id>/plans/<uuid:plan_id>/<any(approval,return):deed>"
VALUE = r"<\w+(?:\([^)]*\))?:(\w+)>"
"""A part of a route that stands for a value."""


@dataclass(frozen=True)
class Door:
    """Who of the staff comes through. ``of_case``: by the case it is about, else for all the same.

    ``known`` says who is told 403 instead of 404 for a case; ``roles`` who may come to this kind of page at all
    (the others are told 403 before anything is looked up).
    """

    staff: frozenset[str] = frozenset()
    public: bool = False
    of_case: dict[str, set[str]] | None = None
    known: dict[str, set[str]] | None = None
    roles: frozenset[str] = frozenset(EVERYBODY)
    returnee: bool = False
    phone: bool = False
    machine: bool = False


def public() -> Door:
    return Door(public=True)


def staff(names: set[str], *, machine: bool = False) -> Door:
    return Door(frozenset(names), machine=machine)


def on_case(allowed: dict[str, set[str]], known: dict[str, set[str]] | None = None) -> Door:
    return Door(of_case=allowed, known=known or KNOWING)


def hidden(allowed: dict[str, set[str]], roles: set[str], known: dict[str, set[str]] | None = None) -> Door:
    return Door(of_case=allowed, known=known or NOBODY_ELSE, roles=frozenset(roles))


DOORS: dict[tuple[str, str], Door] = {
    ("GET", "/"): staff(EVERYBODY),
    ("GET", "/more"): staff(EVERYBODY),
    ("GET", "/today"): staff(OFFICERS),
    ("GET", "/outbox"): staff(OFFICERS | COUNSELLORS | CASEWORKERS),
    ("GET", "/dashboard"): staff(MANAGERS | {"ada"}),
    ("GET", "/reports/reintegration"): staff(MANAGERS | {"ada"}),
    # Cases
    ("GET", "/cases"): staff(OFFICERS | COUNSELLORS | MANAGERS | CASEWORKERS),
    ("GET", "/cases/<uuid:case_id>"): on_case(FOLLOWING),
    ("GET", "/cases/<uuid:case_id>/visits/new"): on_case(OFFICER),
    ("POST", "/cases/<uuid:case_id>/visits"): on_case(OFFICER),
    ("GET", "/cases/<uuid:case_id>/check-ins/new"): on_case(CARING),
    ("GET", "/cases/<uuid:case_id>/check-ins/new/<string:instrument_name>"): on_case(CARING),
    ("GET", "/cases/<uuid:case_id>/check-ins"): on_case(CARING),
    ("POST", "/cases/<uuid:case_id>/check-ins"): on_case(CARING),
    ("POST", "/next-steps/<uuid:step_id>/outcome"): on_case(CARING),
    ("GET", "/cases/<uuid:case_id>/red-flags/new"): on_case(CARING),
    ("POST", "/cases/<uuid:case_id>/red-flags"): on_case(CARING),
    ("GET", "/returnee-words/<uuid:word_id>"): hidden(IN_CHARGE, OFFICERS | MANAGERS),
    ("POST", "/returnee-words/<uuid:word_id>/answer"): hidden(IN_CHARGE, OFFICERS | MANAGERS),
    ("GET", "/red-flags/<uuid:red_flag_id>"): hidden(WOKEN, COUNSELLORS),
    ("POST", "/red-flags/<uuid:red_flag_id>/answer"): hidden(WOKEN, COUNSELLORS),
    ("GET", "/cases/<uuid:case_id>/allocation"): on_case(PAYING),
    # Granted, released and corrected by the manager; a correction is confirmed by a second person
    ("GET", "/cases/<uuid:case_id>/allocation/new"): on_case(MANAGING),
    ("POST", "/cases/<uuid:case_id>/allocation/preview"): on_case(MANAGING),
    ("POST", "/cases/<uuid:case_id>/allocation"): on_case(MANAGING),
    ("GET", "/cases/<uuid:case_id>/allocation/instalments/<int:number>"): on_case(MANAGING),
    ("POST", "/cases/<uuid:case_id>/allocation/instalments/<int:number>/release"): on_case(MANAGING),
    ("GET", "/cases/<uuid:case_id>/allocation/adjustments"): on_case(DECIDING),
    ("POST", "/cases/<uuid:case_id>/allocation/adjustments"): on_case(MANAGING),
    ("POST", ADJUSTMENT): on_case(DECIDING),
    ("GET", "/cases/<uuid:case_id>/card"): on_case(IN_CHARGE),
    ("GET", "/visits/<uuid:visit_id>/photos/new"): on_case(OFFICER),
    ("POST", "/visits/<uuid:visit_id>/photos"): on_case(OFFICER),
    ("GET", "/photos/<uuid:photo_id>"): on_case(IN_CHARGE),
    ("GET", "/photos/<uuid:photo_id>/thumb"): on_case(IN_CHARGE),
    # That there is a check-in at all is not the manager's or the sending mission's to know.
    ("GET", "/check-ins/<uuid:check_in_id>"): on_case(
        CARING, {OWN: {"farah"}, OTHER: {"farah"}, FOREIGN: set()}
    ),
    ("GET", "/submissions/<uuid:submission_id>"): hidden(IN_CHARGE, OFFICERS | MANAGERS | CASEWORKERS),
    # The return. Each step by itself, with who does it: tests/returns/test_procedure.py. Here, the interview.
    ("GET", "/procedure"): staff(CASEWORKERS),
    ("GET", "/procedure/new"): staff(CASEWORKERS),
    ("POST", "/procedure"): staff(CASEWORKERS),
    ("GET", "/cases/<uuid:case_id>/procedure"): on_case(RETURNING),
    ("GET", "/cases/<uuid:case_id>/procedure/<string:step>/new"): on_case(SENDING),
    ("POST", "/cases/<uuid:case_id>/procedure/<string:step>"): on_case(SENDING),
    ("GET", "/cases/<uuid:case_id>/interruption/new"): on_case(STOPPING),
    ("POST", "/cases/<uuid:case_id>/interruption"): on_case(STOPPING),
    ("POST", "/cases/<uuid:case_id>/interruption/end"): on_case(STOPPING),
    ("POST", "/cases/<uuid:case_id>/interruption/decision"): on_case(MANAGING),
    # The plan: written by the officer, agreed to by the manager
    ("GET", "/cases/<uuid:case_id>/plan"): on_case(IN_CHARGE),
    ("GET", "/cases/<uuid:case_id>/plan/changes"): on_case(IN_CHARGE),
    ("GET", "/cases/<uuid:case_id>/plan/new"): on_case(OFFICER),
    ("POST", "/cases/<uuid:case_id>/plans"): on_case(OFFICER),
    ("POST", PLAN_DEED): on_case(MANAGING),
    ("POST", "/cases/<uuid:case_id>/plan/steps/<uuid:plan_step_id>/outcome"): on_case(OFFICER),
    ("GET", "/arrivals"): staff(OFFICERS | MANAGERS),
    ("POST", "/cases/<uuid:case_id>/officer"): on_case(MANAGING),
    # Handing on: between the two offices, the answers each by itself in tests/cases/test_transfers.py
    ("GET", "/transfers"): staff(MANAGERS),
    ("POST", "/transfers"): staff(MANAGERS),
    ("GET", "/transfers/<uuid:transfer_id>"): hidden(BETWEEN, MANAGERS),
    ("POST", "/transfers/<uuid:transfer_id>/<any(acceptance,refusal,withdrawal):answer>"): hidden(
        BETWEEN, MANAGERS
    ),
    # The end: who signs off, and that it is not who asked, in tests/cases/test_closures.py
    ("GET", "/cases/<uuid:case_id>/closure/new"): on_case(IN_CHARGE),
    ("POST", "/cases/<uuid:case_id>/closure"): on_case(IN_CHARGE),
    ("GET", "/cases/<uuid:case_id>/closure"): on_case(PAYING),
    ("POST", "/cases/<uuid:case_id>/closure/<any(signed_off,sent_back):outcome>"): on_case(PAYING),
    ("POST", "/cases/<uuid:case_id>/closure/answers"): on_case(IN_CHARGE),
    ("POST", "/cases/<uuid:case_id>/reopening"): on_case(MANAGING),
    # Referral lists
    ("GET", "/cases/intake"): staff(MANAGERS | CASEWORKERS),
    ("POST", "/cases/intake"): staff(MANAGERS | CASEWORKERS),
    ("GET", "/cases/intake/<uuid:list_id>"): hidden(READING, MANAGERS | CASEWORKERS),
    ("POST", "/cases/intake/<uuid:list_id>/choice"): hidden(READING, MANAGERS | CASEWORKERS),
    ("POST", "/cases/intake/<uuid:list_id>/confirmation"): hidden(READING, MANAGERS | CASEWORKERS),
    # Referrals; which of them are restricted: tests/referrals/test_restricted.py
    ("GET", "/cases/<uuid:case_id>/referrals"): on_case(REFERRING),
    ("GET", "/cases/<uuid:case_id>/referrals/new"): on_case(CARING),
    ("POST", "/cases/<uuid:case_id>/referrals"): on_case(CARING),
    ("GET", "/referrals/<uuid:referral_id>"): on_case(REFERRING),
    ("GET", "/referrals/<uuid:referral_id>/letter"): on_case(CARING),
    ("POST", REFERRAL_STEP): on_case(CARING),
    # Payment requests: asked by the officer, approved by the manager, paid by finance
    ("GET", "/cases/<uuid:case_id>/payment-requests/new"): on_case(OFFICER),
    ("POST", "/cases/<uuid:case_id>/payment-requests"): on_case(OFFICER),
    ("GET", "/payment-requests"): staff(MANAGERS | {"farah"}),
    ("GET", "/payment-requests/<uuid:request_id>"): hidden(PAYING, HANDLING),
    # Each deed by itself, with what it needs: tests/allocations/test_requests.py. Here, the approval.
    ("POST", DEED): hidden(DECIDING, HANDLING, ASKING_OR_PAYING),
    ("POST", "/payment-requests/<uuid:request_id>/payments"): hidden(FINANCE, HANDLING, IN_CHARGE),
    ("POST", "/payment-requests/<uuid:request_id>/refunds"): hidden(FINANCE, HANDLING, IN_CHARGE),
    ("POST", "/payment-requests/<uuid:request_id>/documents"): hidden(ASKING_OR_PAYING, HANDLING, MANAGING),
    ("GET", "/documents/<uuid:document_id>"): hidden(PAYING, HANDLING),
    ("GET", "/documents/<uuid:document_id>/thumb"): hidden(PAYING, HANDLING),
    # Finance's list, its files, and what became of a payment
    ("GET", "/payments"): staff({"farah"}),
    ("GET", "/payments/export.xlsx"): staff({"farah"}),
    ("GET", "/payments/confirmations/new"): staff({"farah"}),
    ("POST", "/payments/confirmations/preview"): staff({"farah"}),
    ("POST", "/payments/confirmations"): staff({"farah"}),
    ("GET", "/payments/<uuid:payment_id>"): hidden(FINANCE, {"farah"}),
    ("POST", "/payments/<uuid:payment_id>/confirmation"): hidden(FINANCE, {"farah"}),
    ("POST", "/payments/<uuid:payment_id>/failure"): hidden(FINANCE, {"farah"}),
    # Providers are their office's
    ("GET", "/providers"): staff(HANDLING),
    ("GET", "/providers/new"): staff(MANAGERS | {"farah"}),
    ("POST", "/providers"): staff(MANAGERS | {"farah"}),
    ("GET", "/providers/<uuid:provider_id>"): hidden(OF_OFFICE, HANDLING),
    ("POST", "/providers/<uuid:provider_id>/retirement"): hidden(OF_OFFICE, MANAGERS | {"farah"}),
    # Rules and rates
    ("GET", "/allocation-rules"): staff(MANAGERS | {"farah", "root"}),
    ("GET", "/allocation-rules/<uuid:rule_id>"): staff(MANAGERS | {"farah", "root"}),
    ("GET", "/allocation-rules/new"): staff({"root"}),
    ("POST", "/allocation-rules/preview"): staff({"root"}),
    ("POST", "/allocation-rules"): staff({"root"}),
    ("GET", "/exchange-rates"): staff(HANDLING),
    ("GET", "/exchange-rates/new"): staff({"farah"}),
    ("POST", "/exchange-rates/preview"): staff({"farah"}),
    ("POST", "/exchange-rates"): staff({"farah"}),
    # Instruments
    ("GET", "/instruments"): staff(MANAGERS | {"root"}),
    ("GET", "/instruments/<string:instrument_name>/<int:version>"): staff(MANAGERS | {"root"}),
    ("POST", "/instruments/switches"): staff(MANAGERS | {"root"}),
    ("GET", "/instruments/new"): staff({"root"}),
    ("POST", "/instruments/preview"): staff({"root"}),
    ("POST", "/instruments"): staff({"root"}),
    # Money by code, accounts
    ("GET", "/allocations"): staff({"farah"}),
    ("GET", "/staff"): staff({"root"}),
    ("GET", "/staff/new"): staff({"root"}),
    ("POST", "/staff"): staff({"root"}),
    ("GET", "/staff/<uuid:staff_id>/password"): staff({"root"}),
    ("POST", "/staff/<uuid:staff_id>/password"): staff({"root"}),
    ("GET", "/password"): staff(EVERYBODY),
    ("POST", "/password"): staff(EVERYBODY),
    ("POST", "/staff/<uuid:staff_id>/dismissal"): staff({"root"}),
    ("POST", "/staff/<uuid:staff_id>/dismissal/end"): staff({"root"}),
    # Alerts are their reader's own
    ("GET", "/alerts"): staff(EVERYBODY),
    ("GET", "/alerts/<uuid:alert_id>"): hidden(MANAGING, EVERYBODY),
    ("POST", "/alerts/<uuid:alert_id>/acknowledgement"): hidden(MANAGING, EVERYBODY),
    ("POST", "/push/subscriptions"): staff(EVERYBODY, machine=True),
    ("DELETE", "/push/subscriptions"): staff(EVERYBODY, machine=True),
    ("POST", "/push/test"): staff(EVERYBODY, machine=True),
    # The phone
    ("GET", "/pack"): staff(OFFICERS | CASEWORKERS, machine=True),
    ("POST", "/phones"): staff(OFFICERS | CASEWORKERS, machine=True),
    ("POST", "/phones/state"): Door(phone=True),
    ("GET", "/phones"): staff(OFFICERS | CASEWORKERS | MANAGERS | {"root"}),
    ("POST", "/phones/<uuid:phone_id>/revocation"): hidden(
        {which: {*OFFICER[which], *MANAGING[which], "root"} for which in OFFICER},
        OFFICERS | CASEWORKERS | MANAGERS | {"root"},
    ),
    ("GET", "/outbox/carried"): staff(EVERYBODY),
    ("POST", "/outbox/carried"): staff(EVERYBODY),
    ("GET", "/quarantine"): staff(MANAGERS),
    ("GET", "/quarantine/<uuid:quarantined_id>"): hidden(MANAGING, MANAGERS),
    ("POST", "/quarantine/<uuid:quarantined_id>/acceptance"): hidden(MANAGING, MANAGERS),
    ("POST", "/quarantine/<uuid:quarantined_id>/discard"): hidden(MANAGING, MANAGERS),
    ("POST", "/outbox/submissions"): Door(phone=True),
    ("PUT", "/outbox/photos/<uuid:photo_id>/parts/<int:n>"): Door(phone=True),
    ("GET", "/outbox/photos/<uuid:photo_id>"): Door(phone=True),
    # The returnee
    ("GET", "/my"): public(),
    ("GET", "/my/closed"): public(),
    ("GET", "/my/sign-in"): public(),
    ("POST", "/my/sign-in"): public(),
    ("GET", "/my/words"): public(),
    ("POST", "/my/words"): Door(returnee=True),
    ("POST", "/my/sign-out"): public(),
    # After the returnee's own doors: a new card shuts the one that the returnee came in with.
    ("POST", "/cases/<uuid:case_id>/card"): on_case(IN_CHARGE),
    # Everybody
    ("GET", "/sign-in"): public(),
    ("POST", "/sign-in"): public(),
    ("POST", "/sign-out"): public(),
    ("POST", "/language"): public(),
    ("GET", "/unlock"): public(),
    ("GET", "/phone-check"): public(),
    ("GET", "/health"): public(),
    ("GET", "/sw.js"): public(),
    ("GET", "/manifest.webmanifest"): public(),
    ("GET", "/static/dist/<path:name>"): public(),
}
SIGNS_OUT = {"/sign-out", "/my/sign-out", "/my/closed"}


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(app)


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def path_of(rule: str, world: World, which: str, app: Flask) -> str:
    built = app.extensions["assets"].names.get("main.css", "main.css")
    values: dict[str, Any] = {
        "case_id": world.cases[which],
        "visit_id": world.visits[which],
        "photo_id": world.photos[which],
        "check_in_id": world.check_ins[which],
        "red_flag_id": world.red_flags[which],
        "word_id": world.words[which],
        "step_id": world.next_steps[which],
        "instrument_name": "who-5",
        "version": 1,
        "alert_id": world.alerts[which],
        "submission_id": world.submissions[which],
        "list_id": world.lists[which],
        "phone_id": world.phones[which],
        "quarantined_id": world.quarantined[which],
        "staff_id": world.dismissed,
        "request_id": world.requests[which],
        "referral_id": world.referrals[which],
        "document_id": world.documents[which],
        "payment_id": world.payments[which],
        "provider_id": world.providers[which],
        "adjustment_id": world.adjustments[which],
        "plan_id": world.plans[which],
        "plan_step_id": world.plan_steps[which],
        "transfer_id": world.transfers[which],
        "answer": "refusal",
        "outcome": "sent_back" if "/closure/" in rule else "refused",
        "number": 1,
        "rule_id": world.rule,
        "deed": "acceptance" if "/referrals/" in rule else "approval",
        "step": "interview",
        "n": 0,
        "name": built,
    }
    return re.sub(VALUE, lambda found: str(values[found[1]]), rule)


def expected(door: Door, name: str, which: str) -> str:
    if door.public:
        return ALLOWED
    if door.phone:
        return SIGN_IN  # a phone pass is asked for, whoever is signed in
    if door.returnee:
        return ALLOWED if name == "returnee" else SIGN_IN
    if name in ("nobody", "returnee"):
        return SIGN_IN
    if door.of_case is None:
        return ALLOWED if name in door.staff else FORBIDDEN
    if name not in door.roles:
        return FORBIDDEN
    assert door.known is not None
    if name in door.of_case[which]:
        return ALLOWED
    return FORBIDDEN if name in door.known[which] else UNKNOWN


def outcome(response: Any) -> str:
    if response.status_code == 401 or (
        response.status_code == 303 and "/sign-in?next=" in response.headers["Location"]
    ):
        return SIGN_IN
    return {403: FORBIDDEN, 404: UNKNOWN}.get(response.status_code, ALLOWED)


def test_every_route_stands_in_the_table_and_every_line_is_a_route(app: Flask) -> None:
    assert routes(app) == set(DOORS)


def test_a_route_without_a_permission_keeps_the_application_from_starting(app: Flask) -> None:
    from webapp.web import check_every_route

    app.view_functions["planted"] = lambda: "open"
    with pytest.raises(RuntimeError, match="planted"):
        check_every_route(app)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
def test_every_door_opens_for_whom_the_table_names_and_for_nobody_else(
    app: Flask, world: World, headers: dict[str, str]
) -> None:
    people = principals(app, world)
    wrong, walked = [], 0
    for (method, rule), door in DOORS.items():
        for which in (OWN, OTHER, FOREIGN) if door.of_case else (OWN,):
            path = path_of(rule, world, which, app)
            for name, person in people.items():
                if rule in SIGNS_OUT:
                    person = Person(app, person.id)  # noqa: PLW2901
                answer = person.client.open(path, method=method, headers=headers)
                walked += 1
                assert answer.status_code < 500, f"{name}: {method} {path}: {answer.status_code}"
                if outcome(answer) != expected(door, name, which):
                    wrong.append(f"{name}: {method} {rule} ({which}): {answer.status_code}")
                if outcome(answer) == SIGN_IN and (method != "GET" or headers or door.machine):
                    assert answer.status_code == 401, f"{name}: {method} {path} must be told 401"
    assert not wrong, "\n".join(wrong)
    assert walked > 1_000


def test_a_missing_check_on_one_route_is_noticed(app: Flask, world: World) -> None:
    view = app.view_functions["cases.show"]
    app.view_functions["cases.show"] = lambda case_id: "everything"
    assert outcome(people_of(app, world, "awa").client.get(f"/cases/{world.cases[OWN]}")) != expected(
        DOORS["GET", "/cases/<uuid:case_id>"], "awa", OWN
    )
    app.view_functions["cases.show"] = view


def people_of(app: Flask, world: World, name: str) -> Person:
    return Person(app, world.staff[name])


def test_what_is_not_there_and_what_is_not_yours_are_answered_alike(app: Flask, world: World) -> None:
    awa = people_of(app, world, "awa").client
    for (method, rule), door in DOORS.items():
        if door.of_case and "awa" in door.roles:
            theirs = awa.open(path_of(rule, world, OWN, app), method=method)
            nobodys = awa.open(
                re.sub(
                    r"<uuid:\w+>",
                    str(uuid4()),
                    re.sub(r"<any.*>", "acceptance" if "/referrals/" in rule else "approval", rule),
                ),
                method=method,
            )
            assert (theirs.status_code, theirs.data) == (nobodys.status_code, nobodys.data), rule


# The policy, said a second time


def said_again(role: Role, action: str, relation: set[str]) -> bool:
    """The roles of the design, in other words than permissions.py."""
    if action in {"home.see", "settings.change", "alert.see", "push.subscribe", "outbox.carry"}:
        return True
    always = {
        Role.FIELD_OFFICER: "phone.enrol pack.fetch outbox.see submission.see case.list today.see arrival.list "
        "payment.act provider.see returnee_word.act "
        "rate.see",
        Role.COUNSELLOR: "outbox.see case.list red_flag.read",
        Role.PROGRAMME_MANAGER: "submission.see case.list referral_list.take_in arrival.list "
        "arrival.assign transfer.see dashboard.see payment.act payment.queue returnee_word.act "
        "provider.see provider.change rule.see rate.see",
        Role.FINANCE_OFFICER: "allocation.list payment.act payment.list provider.see provider.change provider.account "
        "rule.see rate.see rate.import",
        Role.ANALYST: "dashboard.see",
        Role.ADMINISTRATOR: "staff.administer rule.see rule.load",
        Role.CASEWORKER: "case.list referral_list.take_in procedure.board procedure.open phone.enrol pack.fetch outbox.see "
        "submission.see",
    }[role].split()
    if role in (Role.ADMINISTRATOR, Role.PROGRAMME_MANAGER):
        always += ["instrument.see", "instrument.switch"]
    if role == Role.ADMINISTRATOR:
        always += ["instrument.publish"]
    if role in (Role.FIELD_OFFICER, Role.CASEWORKER, Role.PROGRAMME_MANAGER, Role.ADMINISTRATOR):
        always += ["phone.see", "phone.revoke"]
    if role == Role.PROGRAMME_MANAGER:
        always += ["quarantine.decide"]
    needs, then = {
        Role.FIELD_OFFICER: (
            "follows",
            (
                "case.see case.follow procedure.see procedure.interrupt procedure.resume arrival.record "
                "returnee_card.give returnee_word.answer "
                "visit.record plan.see plan.write photo.see photo.add check_in.record check_in.see_band referral.see referral.write "
                "red_flag.raise allocation.see payment.see payment.request payment.cancel payment.order payment.dispute "
                "closure.see closure.ask"
            ),
        ),
        Role.COUNSELLOR: (
            "counsels",
            (
                "case.see case.follow check_in.record check_in.see_band check_in.see_answers red_flag.raise "
                "referral.see referral.see_restricted referral.write"
            ),
        ),
        Role.PROGRAMME_MANAGER: (
            "office",
            (
                "case.see case.follow case.assign case.reopen closure.see closure.ask closure.decide "
                "procedure.see procedure.decide arrival.record returnee_card.give returnee_word.answer "
                "plan.see plan.approve photo.see red_flag.count referral.see allocation.see payment.see payment.approve payment.cancel "
                "payment.verify payment.dispute allocation.grant instalment.release allocation.adjust adjustment.decide"
            ),
        ),
        Role.FINANCE_OFFICER: (
            "office",
            (
                "allocation.see payment.see payment.approve payment.order payment.pay payment.refund "
                "adjustment.decide closure.see closure.decide"
            ),
        ),
        Role.ANALYST: ("nothing", ""),
        Role.ADMINISTRATOR: ("nothing", ""),
        Role.CASEWORKER: (
            "referred",
            "case.see procedure.see procedure.record procedure.interrupt procedure.resume",
        ),
    }[role]
    if role == Role.COUNSELLOR and action in {"red_flag.see", "red_flag.answer"}:
        return bool({"counsels", "office"} & relation)
    goes_along = role == Role.CASEWORKER and "escorts" in relation
    return (
        action in always
        or (needs in relation and action in then.split())
        or (goes_along and action in {"case.see", "procedure.see", "procedure.interrupt"})
    )


def test_the_policy_agrees_with_the_roles_as_they_were_designed() -> None:
    dice = random.Random(7)
    ids, offices = [UUID(int=n) for n in range(6)], [UUID(int=100 + n) for n in range(3)]
    yes = 0
    for _ in range(2_000):
        person = SimpleNamespace(
            id=dice.choice(ids), role=dice.choice(list(Role)), office_id=dice.choice(offices)
        )
        case = SimpleNamespace(
            officer_id=dice.choice([*ids, None]),
            counsellor_id=dice.choice([*ids, None]),
            caseworker_id=dice.choice([*ids, None]),
            escort_id=dice.choice([*ids, None]),
            office_id=dice.choice(offices),
        )
        relation = {
            name
            for name, holds in {
                "follows": case.officer_id == person.id,
                "counsels": case.counsellor_id == person.id,
                "referred": case.caseworker_id == person.id,
                "escorts": case.escort_id == person.id,
                "office": case.office_id == person.office_id,
            }.items()
            if holds
        }
        action = dice.choice(sorted(MAY))
        assert may(person, action, case) == said_again(person.role, action, relation), (person, case, action)
        yes += may(person, action, case)
    assert 100 < yes < 1_900


def test_nobody_may_do_anything() -> None:
    assert not any(may(None, action, SimpleNamespace()) for action in MAY)


# Where a request comes from


FOREIGN_REQUESTS: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "anything"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:81"},
    {"Origin": "http://evil.example@localhost.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": ""},
]


def test_no_unsafe_request_of_another_site_is_obeyed(app: Flask, world: World) -> None:
    people = principals(app, world)
    before = digests(app)
    for (method, rule), door in DOORS.items():
        if method == "GET":
            continue
        who = (
            next(iter(sorted(door.of_case[OWN]))) if door.of_case else next(iter(sorted(door.staff)), "root")
        )
        for headers in FOREIGN_REQUESTS:
            answer = people[who].client.open(path_of(rule, world, OWN, app), method=method, headers=headers)
            assert answer.status_code == 403, (rule, headers)
    assert digests(app) == before


def test_requests_of_our_own_pages_are_obeyed(app: Flask, world: World) -> None:
    root = people_of(app, world, "root")
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {},
    ):
        root.posts(f"/staff/{world.dismissed}/dismissal", headers=None, **headers)


# Whatever the body is


FIELDS = (
    "id", "q", "name", "email", "password", "amount", "amount_minor", "number", "visited_at", "notes", "words", "reason",
    "case", "code", "pin", "locale", "next", "reference", "kind", "currency", "rate", "key", "version", "row", "to",
)  # fmt: skip
"""Names of fields, as forms here have them; `named_fields` adds those of the page itself."""


def hostile_bodies(names: set[str]) -> dict[str, dict[str, Any]]:
    """What a stranger's program may send instead of a form."""
    form = "application/x-www-form-urlencoded"

    def filled(value: bytes) -> dict[str, Any]:
        return {
            "data": b"&".join(name.encode() + b"=" + value for name in sorted(names)),
            "content_type": form,
        }

    return {
        "NUL": filled(b"a%00b"),
        "digits": filled(b"9" * 400),
        "minus": filled(b"-1e999"),
        "surrogate": filled(b"%ED%A0%80"),
        "no UTF-8": filled(b"%ff%fe"),
        "JSON": {"data": b'{"id": [1, {"a": null}]}', "content_type": "application/json"},
        "JSON of nothing": {"data": b'[null, "\\ud800"]', "content_type": "application/json"},
        "no JSON": {"data": b"{", "content_type": "application/json"},
        "deep JSON": {"data": b"[" * 100_000, "content_type": "application/json"},
        "multipart": {
            "data": b'--x\r\nContent-Disposition: form-data; name="file"; filename="a',
            "content_type": "multipart/form-data; boundary=x",
        },
        "multipart of nothing": {"data": b"", "content_type": "multipart/form-data"},
        "2 MB": {"data": sorted(names)[0].encode() + b"=" + b"a" * 2_000_000, "content_type": form},
    }  # fmt: skip


def named_fields(app: Flask, world: World, person: Person, rule: str) -> set[str]:
    """The names of all fields on the pages that lead to this door."""
    names = set(FIELDS)
    for page in {rule, f"{rule}/new", rule.rpartition("/")[0], f"{rule.rpartition('/')[0]}/new"}:
        if ("GET", page) in DOORS:
            answer = person.client.get(path_of(page, world, OWN, app))
            names |= set(re.findall(r'name="([\w-]+)"', answer.get_data(as_text=True)))
    return names


def test_no_body_whatever_it_is_upsets_the_server(app: Flask, world: World) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    people = principals(app, world)
    upset, sent = [], 0
    for (method, rule), door in DOORS.items():
        if method == "GET":
            continue
        allowed = door.of_case[OWN] if door.of_case else door.staff
        name = "returnee" if door.returnee or rule.startswith("/my") else min(allowed, default="ibrahima")
        path = path_of(rule, world, OWN, app)
        person = people[name]
        names = named_fields(app, world, person, rule)
        for what, body in hostile_bodies(names).items():
            who = Person(app, person.id) if rule in SIGNS_OUT else person
            answer = who.client.open(path, method=method, **body)
            sent += 1
            if answer.status_code >= 500:
                upset.append(f"{name}: {method} {rule}: {what}: {answer.status_code}")
    assert not upset, "\n".join(upset)
    assert sent > 500


# Looking changes nothing


def digests(app: Flask) -> dict[str, str]:
    """A digest of every table; that somebody was seen, and the write that proves health, are no changes."""
    found = {}
    with app.app_context(), db.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            names = [column["name"] for column in inspect(connection).get_columns(table)]
            columns = ", ".join(f'"{name}"' for name in names if name != "seen_at")
            rows = sorted(map(str, connection.execute(text(f"SELECT {columns} FROM {table}"))))
            rows = [row for row in rows if not row.startswith("('health'")]
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def test_no_get_changes_a_row(app: Flask, world: World) -> None:
    people = principals(app, world)
    before = digests(app)
    for (method, rule), door in DOORS.items():
        if method == "GET":
            for which in (OWN, FOREIGN) if door.of_case else (OWN,):
                for person in people.values():
                    person.client.get(path_of(rule, world, which, app))
                    person.client.head(path_of(rule, world, which, app))
    after = digests(app)
    assert [name for name in before if before[name] != after[name]] == []


# Taking rights away


def test_a_right_taken_away_is_gone_with_the_next_request(app: Flask, world: World) -> None:
    ibrahima, path = people_of(app, world, "ibrahima"), f"/cases/{world.cases[OWN]}"
    ibrahima.opens(path)

    def change(**values: Any) -> None:
        with app.app_context():
            staff = db.session.get_one(Staff, world.staff["ibrahima"])
            for name, value in values.items():
                setattr(staff, name, value)
            db.session.commit()

    change(role=str(Role.FINANCE_OFFICER))
    assert ibrahima.client.get(path).status_code == 403
    assert ibrahima.client.get("/pack").status_code == 403
    change(role=str(Role.FIELD_OFFICER), disabled_at=clock.now())
    assert outcome(ibrahima.client.get(path)) == SIGN_IN
    assert ibrahima.client.get("/pack").status_code == 401
    change(disabled_at=None)
    ibrahima.opens(path)
    with app.app_context():
        db.session.query(Session).filter_by(staff_id=world.staff["ibrahima"]).update(
            {"revoked_at": clock.now()}
        )
        db.session.commit()
    assert outcome(ibrahima.client.get(path)) == SIGN_IN


def test_a_case_given_to_a_colleague_is_gone_for_the_one_before(app: Flask, world: World) -> None:
    from webapp.cases.actions import assign_officer
    from webapp.cases.models import Case

    with app.app_context():
        case = db.session.get_one(Case, world.cases[OWN])
        assign_officer(case, world.staff["mariama"], officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    for rule in ("/cases/<uuid:case_id>", "/photos/<uuid:photo_id>", "/check-ins/<uuid:check_in_id>"):
        path = path_of(rule, world, OWN, app)
        assert people_of(app, world, "ibrahima").client.get(path).status_code == 404
        assert people_of(app, world, "mariama").client.get(path).status_code == 200
    before, after = people_of(app, world, "ibrahima"), people_of(app, world, "mariama")
    assert (
        world.codes[OWN]
        not in before.client.get(f"/cases?q={world.codes[OWN]}").text.partition("case-rows")[2]
    )
    assert world.codes[OWN] in after.client.get(f"/cases?q={world.codes[OWN]}").text.partition("case-rows")[2]
