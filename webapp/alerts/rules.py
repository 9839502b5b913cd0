"""Who must look at what: each rule reads one timeline entry and says whom to tell, or nothing.

Adding an alert is adding a function here, its name to ``RULES`` and its sentences to ``words.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from ..permissions import Role


class Entry(Protocol):
    """What a rule may know of a timeline entry."""

    kind: str
    facts: dict[str, Any]
    case_id: UUID | None
    subject_id: UUID | None
    by_id: UUID | None


class Whom(Enum):
    """Whom an alert is for; the worker finds the people."""

    AUTHOR = "whoever wrote what the entry is about"
    OFFICER = "the case's field officer"
    COUNSELLOR = "the case's counsellor, else the office's, else any: somebody must hear of it"
    COUNSELLORS = "every counsellor of the office, else any: somebody must hear of it"
    MANAGERS = "every programme manager of the office"
    FINANCE = "every finance officer of the office"
    SENDERS = "the caseworker who prepares the return, and whoever goes along"


@dataclass(frozen=True)
class Raise:
    """An alert to raise. An urgent one wakes the phone at once, the others wait for the hourly push."""

    to: tuple[Whom, ...]
    urgent: bool = False


Rule = Callable[[Entry], Raise | None]


def serious_concern(entry: Entry) -> Raise | None:
    if entry.kind == "visit.recorded" and entry.facts.get("concern") == "serious":
        return Raise((Whom.MANAGERS,), urgent=True)
    return None


def counsellor_needed(entry: Entry) -> Raise | None:
    # The check-in itself says what its result asks for; the result stays sealed and managers hear nothing of it.
    if entry.kind == "check_in.recorded" and "counsellor_contact" in _asked_for(entry):
        return Raise((Whom.COUNSELLOR,), urgent=True)
    return None


def counsellor_today(entry: Entry) -> Raise | None:
    if entry.kind == "check_in.recorded" and "counsellor_today" in _asked_for(entry):
        return Raise((Whom.COUNSELLORS,), urgent=True)
    return None


def step_asked(entry: Entry) -> Raise | None:
    # An offer to make, or a plan to go over: the officer's, at the next contact.
    asked = _asked_for(entry) & {"offer_counsellor", "offer_referral", "review_plan"}
    return Raise((Whom.OFFICER,)) if entry.kind == "check_in.recorded" and asked else None


def step_late(entry: Entry) -> Raise | None:
    if entry.kind != "check_in.step_late":
        return None
    counsellors = entry.facts.get("action") in ("counsellor_today", "counsellor_contact")
    return Raise((Whom.COUNSELLOR if counsellors else Whom.OFFICER,), urgent=counsellors)


def _asked_for(entry: Entry) -> set[str]:
    return {str(entry.facts.get("next_step")), *entry.facts.get("also", [])}


def red_flag(entry: Entry) -> Raise | None:
    if entry.kind == "red_flag.raised":
        return Raise((Whom.COUNSELLORS, Whom.MANAGERS), urgent=True)
    return None


def photo_refused(entry: Entry) -> Raise | None:
    return Raise((Whom.AUTHOR,)) if entry.kind == "photo.refused" else None


def submission_needs_attention(entry: Entry) -> Raise | None:
    return Raise((Whom.AUTHOR,)) if entry.kind == "submission.needs_attention" else None


def submission_contested(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS,)) if entry.kind == "submission.contested" else None


def submission_quarantined(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS,)) if entry.kind == "submission.quarantined" else None


def returnee_not_received(entry: Entry) -> Raise | None:
    if entry.kind == "returnee.not_received":
        return Raise((Whom.OFFICER, Whom.MANAGERS), urgent=True)
    return None


def returnee_received_partly(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER, Whom.MANAGERS)) if entry.kind == "returnee.partly" else None


def returnee_call_me_back(entry: Entry) -> Raise | None:
    if entry.kind == "returnee.call_me_back":
        return Raise((Whom.OFFICER, Whom.MANAGERS))
    return None


def case_arrived(entry: Entry) -> Raise | None:
    if entry.kind == "case.stage" and entry.facts.get("stage") == "arrived":
        return Raise((Whom.OFFICER,))
    return None


def case_assigned(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER,)) if entry.kind == "case.assigned" else None


def contact_lost(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER, Whom.MANAGERS)) if entry.kind == "contact.lost" else None


# Referrals. What is restricted is told to managers by a rule of its own, which names no case.


def referral_waiting(entry: Entry) -> Raise | None:
    if entry.kind in ("referral.waiting", "restricted_referral.waiting"):
        return Raise((Whom.AUTHOR,), urgent=bool(entry.facts.get("urgent")))
    return None


def referral_waiting_long(entry: Entry) -> Raise | None:
    if entry.kind == "referral.waiting_long":
        return Raise((Whom.MANAGERS,), urgent=bool(entry.facts.get("urgent")))
    return None


def restricted_referral_waiting_long(entry: Entry) -> Raise | None:
    if entry.kind == "restricted_referral.waiting_long":
        return Raise((Whom.MANAGERS,), urgent=bool(entry.facts.get("urgent")))
    return None


# Handing on, and the end. An entry of a transfer that waits is the office's that must answer.


def transfer_to_decide(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS,)) if entry.kind == "transfer.asked" else None


def transfer_accepted(entry: Entry) -> Raise | None:
    return Raise((Whom.AUTHOR, Whom.MANAGERS)) if entry.kind == "case.moved" else None


def transfer_sent_back(entry: Entry) -> Raise | None:
    return Raise((Whom.AUTHOR,)) if entry.kind == "transfer.sent_back" else None


def closure_to_sign(entry: Entry) -> Raise | None:
    if entry.kind != "closure.asked":
        return None
    # The office may have no other manager than the one who asked.
    return Raise((Whom.MANAGERS, Whom.FINANCE) if entry.facts.get("by_manager") else (Whom.MANAGERS,))


def closure_sent_back(entry: Entry) -> Raise | None:
    return Raise((Whom.AUTHOR,)) if entry.kind == "closure.sent_back" else None


def case_closed(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER,)) if entry.kind == "case.closed" else None


def case_reopened(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER,)) if entry.kind == "case.reopened" else None


def work_after_closure(entry: Entry) -> Raise | None:
    if entry.kind == "visit.recorded" and entry.facts.get("after_closure"):
        return Raise((Whom.OFFICER, Whom.MANAGERS))
    return None


# The return. The entry's office is the one that has the case: before a departure is set, nobody at the origin is told.


def return_informed(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS, Whom.OFFICER)) if entry.kind == "return.informed" else None


def return_interrupted(entry: Entry) -> Raise | None:
    if entry.kind == "return.interrupted":
        return Raise((Whom.MANAGERS, Whom.OFFICER, Whom.SENDERS), urgent=True)
    return None


def interruption_to_decide(entry: Entry) -> Raise | None:
    if entry.kind == "return.interrupted" and entry.facts.get("open"):
        return Raise((Whom.MANAGERS,))
    return None


def return_resumed(entry: Entry) -> Raise | None:
    if entry.kind == "return.resumed":
        return Raise((Whom.MANAGERS, Whom.OFFICER, Whom.SENDERS))
    return None


# The plan.


def plan_to_approve(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS,)) if entry.kind == "plan.submitted" else None


def plan_sent_back(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER,)) if entry.kind == "plan.sent_back" else None


# Money. What only time brings about is written down by the daily look (daily.py), once for each request and threshold.


def payment_to_approve(entry: Entry) -> Raise | None:
    return _to_approve(entry) if entry.kind == "payment.requested" else None


def _to_approve(entry: Entry) -> Raise:
    """Managers decide on any amount, finance on what the allocation's rule leaves to it."""
    finance = entry.facts.get("approver") == Role.FINANCE_OFFICER
    return Raise((Whom.MANAGERS, Whom.FINANCE) if finance else (Whom.MANAGERS,))


def payment_rejected(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER,)) if entry.kind == "payment.rejected" else None


def adjustment_to_decide(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS, Whom.FINANCE)) if entry.kind == "adjustment.proposed" else None


def rates_loaded(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS,)) if entry.kind == "rates.loaded" else None


def payment_over_ceiling(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS,), urgent=True) if entry.kind == "payment.over_ceiling" else None


def payment_failed(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER, Whom.MANAGERS)) if entry.kind == "payment.failed" else None


def payment_waiting(entry: Entry) -> Raise | None:
    return _to_approve(entry) if entry.kind == "payment.waiting" else None


def payment_undelivered(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER, Whom.MANAGERS)) if entry.kind == "payment.undelivered" else None


def payment_unpaid(entry: Entry) -> Raise | None:
    return Raise((Whom.FINANCE, Whom.MANAGERS)) if entry.kind == "payment.unpaid" else None


def allocation_expiring(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER, Whom.MANAGERS)) if entry.kind == "allocation.expiring" else None


def instalment_due(entry: Entry) -> Raise | None:
    return Raise((Whom.OFFICER, Whom.MANAGERS)) if entry.kind == "instalment.due" else None


def same_photo(entry: Entry) -> Raise | None:
    # Not the officer, who may have taken it: the manager compares and asks.
    return Raise((Whom.MANAGERS,)) if entry.kind == "proof.same_photo" else None


def provider_share(entry: Entry) -> Raise | None:
    return Raise((Whom.MANAGERS, Whom.FINANCE)) if entry.kind == "provider.share" else None


RULES: list[Rule] = [
    serious_concern,
    counsellor_needed,
    counsellor_today,
    step_asked,
    step_late,
    red_flag,
    photo_refused,
    submission_needs_attention,
    submission_contested,
    submission_quarantined,
    returnee_not_received,
    returnee_received_partly,
    returnee_call_me_back,
    case_arrived,
    case_assigned,
    contact_lost,
    referral_waiting,
    referral_waiting_long,
    restricted_referral_waiting_long,
    transfer_to_decide,
    transfer_accepted,
    transfer_sent_back,
    closure_to_sign,
    closure_sent_back,
    case_closed,
    case_reopened,
    work_after_closure,
    return_informed,
    return_interrupted,
    interruption_to_decide,
    return_resumed,
    plan_to_approve,
    plan_sent_back,
    payment_to_approve,
    payment_rejected,
    adjustment_to_decide,
    rates_loaded,
    payment_over_ceiling,
    payment_failed,
    payment_waiting,
    payment_undelivered,
    payment_unpaid,
    allocation_expiring,
    instalment_due,
    same_photo,
    provider_share,
]

DECIDED = ("payment.approved", "payment.rejected", "payment.cancelled")
RECEIVED = (
    "returnee.received",
    "returnee.answered",
    "payment.verified",
    "payment.closed",
    "payment.returned",
)
SETTLED_BY: dict[str, tuple[str, ...]] = {
    "red_flag": ("red_flag.answered",),
    "payment_to_approve": DECIDED,
    "payment_waiting": DECIDED,
    "payment_rejected": ("payment.requested",),
    "payment_undelivered": ("payment.delivered", "payment.cancelled"),
    "payment_unpaid": ("payment.paid", "payment.disputed"),
    "payment_failed": ("payment.paid", "payment.cancelled", "payment.returned"),
    "returnee_not_received": RECEIVED,
    "returnee_received_partly": RECEIVED,
    "returnee_call_me_back": ("returnee.answered",),
    "adjustment_to_decide": ("adjustment.confirmed", "adjustment.refused"),
    "instalment_due": ("instalment.released",),
    "interruption_to_decide": ("return.decided", "return.resumed"),
}
"""Alerts that need nobody any more once an entry of these kinds came after theirs, about the same thing of the case."""
SETTLED_BY_CASE = ("payment_rejected", "interruption_to_decide")
"""Those that any such entry of the case ends: a new request is another one."""


def settles(rule: str, raised: Entry, later: Entry) -> bool:
    """Whether a later entry of the same case ends what this one raised."""
    if later.kind not in SETTLED_BY.get(rule, ()):
        return False
    return rule in SETTLED_BY_CASE or _about(raised) == _about(later)


def _about(entry: Entry) -> str:
    """What in its case an entry is about: a request, an instalment, else its subject."""
    return str(entry.facts.get("request") or entry.facts.get("number") or entry.subject_id)


REQUEST, ALLOCATION, ADJUSTMENT, PROVIDER, RATES = "request", "allocation", "adjustment", "provider", "rates"
PLAN = "plan"
TRANSFER, CLOSURE, RED_FLAG, WORD = "transfer", "closure", "red_flag", "word"
WORDS_OF_RETURNEES = ("returnee_not_received", "returnee_received_partly", "returnee_call_me_back")
LEADS_TO = {
    "red_flag": RED_FLAG,
    "transfer_to_decide": TRANSFER,
    "transfer_accepted": TRANSFER,
    "transfer_sent_back": TRANSFER,
    "closure_to_sign": CLOSURE,
    "closure_sent_back": CLOSURE,
    "case_closed": CLOSURE,
    "returnee_not_received": REQUEST,
    "returnee_received_partly": REQUEST,
    "returnee_call_me_back": WORD,
    "plan_to_approve": PLAN,
    "plan_sent_back": PLAN,
    "payment_to_approve": REQUEST,
    "payment_rejected": REQUEST,
    "adjustment_to_decide": ADJUSTMENT,
    "rates_loaded": RATES,
    "payment_over_ceiling": ALLOCATION,
    "payment_failed": REQUEST,
    "payment_waiting": REQUEST,
    "payment_undelivered": REQUEST,
    "payment_unpaid": REQUEST,
    "allocation_expiring": ALLOCATION,
    "instalment_due": ALLOCATION,
    "same_photo": REQUEST,
    "provider_share": PROVIDER,
}
"""Alerts with a page of their own: the one that shows what they are about, for those who may open it."""

WITHOUT_CASE = {
    ("red_flag", Role.PROGRAMME_MANAGER),
    ("restricted_referral_waiting_long", Role.PROGRAMME_MANAGER),
}
"""(rule, role) that never learn which case it is about: a manager knows number and age of red flags and of restricted
referrals, no more."""


def name_of(rule: Rule) -> str:
    """The rule's name, as alerts keep it."""
    return rule.__name__
