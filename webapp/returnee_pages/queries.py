"""What the returnee's page shows: money, where things stand, whom to call. Nothing else is even read."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import aliased

from .. import clock
from ..allocations.models import Allocation, LedgerEntry, Payment, PaymentRequest, RequestStep
from ..allocations.queries import fees_of
from ..allocations.requests.states import DIRECT
from ..cases.models import Case, TimelineEntry
from ..database import db
from ..money import Money
from ..people.models import Office, Staff
from .actions import ASKS_FOR_AN_ANSWER, hashed
from .models import ReturneeAccess, ReturneeSession, ReturneeWord


@dataclass(frozen=True)
class Promise:
    """The allocation as its returnee is told, and about how much each is at home.

    What was promised is paid (fees among it), set aside for purchases, to come later, or left to ask for.
    """

    promised: Money
    paid: Money
    fees: Money
    set_aside: Money
    later: Money
    left: Money
    at_home: "dict[str, Money] | None" = None


@dataclass(frozen=True)
class Status:
    """Where the accompaniment stands. ``step`` is a stage, or ``paying`` while money is set aside for a purchase."""

    step: str
    since: date | None
    next_contact: date | None
    office_name: str
    office_phone: str
    promise: Promise | None


@dataclass(frozen=True)
class Purchase:
    """Something that was asked for the returnee, and how far it has come. Steps: (what happened, when)."""

    id: UUID
    what: str
    category: str
    amount: Money
    steps: tuple[tuple[str, datetime], ...]
    said: str | None
    """What the returnee said of it last: ``received``, ``partly``, ``not_received``, or nothing."""
    asks_receipt: bool


STEPS_TOLD = (
    "requested", "approved", "rejected", "cancelled", "ordered", "delivered", "paid", "failed", "disputed", "returned",
)  # fmt: skip
MOST_WORDS = 5
MOST_PURCHASES = 60
"""More than anybody has been bought in one allocation."""
_ON_ITS_WAY = exists().where(
    Payment.request_id == PaymentRequest.id, Payment.confirmed_at.is_(None), Payment.failed_at.is_(None)
)
"""Money was sent, and nobody has noted whether it arrived."""
_PURCHASES = (
    select(
        PaymentRequest.id,
        PaymentRequest.what,
        PaymentRequest.category,
        PaymentRequest.minor,
        PaymentRequest.currency,
        PaymentRequest.payee_kind,
        PaymentRequest.state,
        _ON_ITS_WAY.label("on_its_way"),
    )
    .where(PaymentRequest.case_id == bindparam("case_id"), PaymentRequest.state.not_in(["draft", "quoted"]))
    .order_by(PaymentRequest.changed_at.desc(), PaymentRequest.id)
    .limit(MOST_PURCHASES)
)
_STEPS = (
    select(RequestStep.request_id, RequestStep.state, RequestStep.at)
    .where(
        RequestStep.request_id.in_(bindparam("requests", expanding=True)), RequestStep.state.in_(STEPS_TOLD)
    )
    .order_by(RequestStep.at, RequestStep.id)
)
_SAID = (
    select(ReturneeWord.request_id, ReturneeWord.kind, ReturneeWord.said_at)
    .where(ReturneeWord.case_id == bindparam("case_id"), ReturneeWord.request_id.is_not(None))
    .order_by(ReturneeWord.said_at, ReturneeWord.id)
)

_ACCESS = select(ReturneeAccess.case_id, ReturneeAccess.pin_hash).where(
    ReturneeAccess.code == bindparam("code")
)
_SESSION = select(ReturneeSession.case_id).where(
    ReturneeSession.secret_hash == bindparam("hash"), ReturneeSession.ends_at > bindparam("now")
)
_STATUS = (
    select(
        Case.stage,
        Case.next_follow_up_on,
        Case.opened_at,
        Office.name.label("office_name"),
        Office.phone.label("office_phone"),
        Office.timezone,
        Allocation.id.label("allocation_id"),
        Allocation.currency,
        Allocation.granted_minor,
        Allocation.adjusted_minor,
        Allocation.held_back_minor,
        Allocation.set_aside_minor,
        Allocation.disbursed_minor,
        Allocation.refunded_minor,
        Allocation.exchange_minor,
    )
    .join(Office, Office.id == Case.office_id)
    .outerjoin(Allocation, Allocation.case_id == Case.id)
    .where(Case.id == bindparam("case_id"))
)
_LATEST_STAGE = select(func.max(TimelineEntry.happened_at)).where(
    TimelineEntry.case_id == bindparam("case_id"),
    TimelineEntry.kind.in_(["case.stage", "case.closed", "case.reopened"]),
)
_LATEST_SET_ASIDE = (
    select(func.max(LedgerEntry.posted_at))
    .join(PaymentRequest, PaymentRequest.id == LedgerEntry.request_id)
    .where(
        LedgerEntry.allocation_id == bindparam("allocation_id"),
        LedgerEntry.kind == "set_aside",
        PaymentRequest.held_minor > 0,
    )
)
_LATEST_RATE = (
    select(LedgerEntry.minor, LedgerEntry.local_minor, LedgerEntry.local_currency)
    .where(
        LedgerEntry.allocation_id == bindparam("allocation_id"),
        LedgerEntry.local_minor > 0,
        LedgerEntry.local_currency != bindparam("currency"),
    )
    .order_by(LedgerEntry.posted_at.desc(), LedgerEntry.id.desc())
    .limit(1)
)


def card_made_at(case_id: UUID) -> datetime | None:
    """When the card that opens this case's page was made, if there is one."""
    return db.session.scalar(select(ReturneeAccess.made_at).where(ReturneeAccess.case_id == case_id))


def find_access(code: str) -> Any | None:
    """Whose code this is, and the hash of its PIN."""
    return db.session.execute(_ACCESS, {"code": code}).first()


def case_of_session(secret: str, *, now: datetime) -> UUID | None:
    """Whose page an open session may show."""
    return db.session.scalar(_SESSION, {"hash": hashed(secret), "now": now})


def status_of(case_id: UUID) -> Status:
    """Where this case stands."""
    row = db.session.execute(_STATUS, {"case_id": case_id}).one()
    step, since = row.stage, db.session.scalar(_LATEST_STAGE, {"case_id": case_id}) or row.opened_at
    if row.set_aside_minor and step != "closed":
        step = "paying"
        since = db.session.scalar(_LATEST_SET_ASIDE, {"allocation_id": row.allocation_id})
    return Status(
        step=step,
        since=clock.local(since, row.timezone).date() if since else None,
        next_contact=row.next_follow_up_on,
        office_name=row.office_name,
        office_phone=row.office_phone,
        promise=_promise(row, case_id) if row.allocation_id else None,
    )


def purchases_of(case_id: UUID) -> list[Purchase]:
    """What was asked for this case's returnee, latest first; plans that are still being written are not told."""
    rows = db.session.execute(_PURCHASES, {"case_id": case_id}).all()
    if not rows:
        return []
    steps: dict[UUID, list[tuple[str, datetime]]] = {row.id: [] for row in rows}
    for step in db.session.execute(_STEPS, {"requests": list(steps)}):
        steps[step.request_id].append((step.state, step.at))
    said: dict[UUID, str] = {}
    for word in db.session.execute(_SAID, {"case_id": case_id}):
        said[word.request_id] = word.kind
        if word.request_id in steps:
            steps[word.request_id].append((word.kind, word.said_at))
    return [
        Purchase(
            id=row.id,
            what=row.what,
            category=row.category,
            amount=Money(row.minor, row.currency),
            steps=tuple(sorted(steps[row.id], key=lambda step: step[1])),
            said=said.get(row.id),
            asks_receipt=_asks_receipt(row, {state for state, _at in steps[row.id]}),
        )
        for row in rows
    ]


def is_told_of(case_id: UUID, request_id: UUID) -> bool:
    """Whether the office says that this was handed over or paid for this case, so that there is something to answer."""
    told = (
        select(PaymentRequest.id)
        .join(RequestStep, RequestStep.request_id == PaymentRequest.id)
        .where(
            PaymentRequest.id == request_id,
            PaymentRequest.case_id == case_id,
            RequestStep.state.in_(("delivered", "paid")),
        )
    )
    return db.session.scalar(told.limit(1)) is not None


_later = aliased(ReturneeWord)
_TAKEN_BACK = exists().where(
    _later.case_id == ReturneeWord.case_id,
    _later.request_id.is_not_distinct_from(ReturneeWord.request_id),
    _later.kind == "received",
    _later.said_at > ReturneeWord.said_at,
    ReturneeWord.kind != "call_me_back",
)
"""It came after all, as the returnee says."""
_WAITS = ReturneeWord.kind.in_(ASKS_FOR_AN_ANSWER) & ReturneeWord.answered_at.is_(None) & ~_TAKEN_BACK


def words_waiting(case_id: UUID) -> int:
    """How much a returnee said that nobody has answered."""
    waiting = select(func.count()).select_from(ReturneeWord).where(ReturneeWord.case_id == case_id, _WAITS)
    return db.session.scalar(waiting) or 0


def words_of(case_id: UUID) -> list[ReturneeWord]:
    """What a returnee asked or missed lately and the office answered, or has not answered yet; latest first."""
    return list(
        db.session.scalars(
            select(ReturneeWord)
            .where(ReturneeWord.case_id == case_id, ReturneeWord.answered_at.is_not(None) | _WAITS)
            .order_by(ReturneeWord.said_at.desc(), ReturneeWord.id)
            .limit(MOST_WORDS)
        )
    )


def find_word(word_id: UUID) -> ReturneeWord | None:
    """One word of a returnee."""
    return db.session.get(ReturneeWord, word_id)


def what_of(word: ReturneeWord) -> str:
    """The purchase that a word is about."""
    about = select(PaymentRequest.what).where(PaymentRequest.id == word.request_id)
    return (db.session.scalar(about) or "") if word.request_id else ""


def answered_by(word: ReturneeWord) -> str:
    """Who answered it."""
    return db.session.scalar(select(Staff.name).where(Staff.id == word.answered_by_id)) or ""


def _asks_receipt(row: Any, reached: set[str]) -> bool:
    """Goods that were handed over may be confirmed, and money that was sent until it is known to have arrived.

    That a provider has the money does not say that the returnee has the goods.
    """
    if row.state in ("rejected", "cancelled", "returned", "closed") or "received" in reached:
        return False
    return "delivered" in reached or (row.payee_kind in DIRECT and "paid" in reached and row.on_its_way)


def _promise(row: Any, case_id: UUID) -> Promise:
    promised = row.granted_minor + row.adjusted_minor
    # What exchange rates cost or gave is part of what was paid, as on the statement.
    paid = row.disbursed_minor - row.refunded_minor + row.exchange_minor
    sums = {
        "promised": promised,
        "paid": paid,
        "fees": _fees(case_id),
        "set_aside": row.set_aside_minor,
        "later": row.held_back_minor,
        "left": promised - paid - row.set_aside_minor - row.held_back_minor,
    }
    amounts = {name: Money(minor, row.currency) for name, minor in sums.items()}
    rate = db.session.execute(
        _LATEST_RATE, {"allocation_id": row.allocation_id, "currency": row.currency}
    ).first()
    at_home = rate and {
        name: Money(_about(amount.minor * rate.local_minor, rate.minor), rate.local_currency)
        for name, amount in amounts.items()
    }
    return Promise(**amounts, at_home=at_home)


def _fees(case_id: UUID) -> int:
    """What operators took for this case's payments."""
    taken = select(func.coalesce(func.sum(LedgerEntry.minor), 0)).where(
        LedgerEntry.id.in_(fees_of([case_id]))
    )
    return int(db.session.scalar(taken) or 0)


def _about(product: int, divisor: int) -> int:
    """The quotient with three figures that count: an estimate must not look exact."""
    whole = (product + divisor // 2) // divisor
    coarse: int = 10 ** max(0, len(str(whole)) - 3)
    return (whole + coarse // 2) // coarse * coarse
