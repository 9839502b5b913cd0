"""Proof that the money adds up: every sum computed again from the entries, every constraint asked again."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, and_, false, func, inspect, or_, select, text
from sqlalchemy import case as when

from ..database import db
from .ledger import EFFECTS, SUMS
from .models import (
    CASH,
    Adjustment,
    Allocation,
    AllocationLimit,
    AllocationRule,
    Donor,
    ExchangeRate,
    Instalment,
    LedgerEntry,
    Payment,
    PaymentRequest,
    RequestDocument,
    RequestStep,
)
from .requests.states import SETTLINGS, reachable

_TABLES = (
    Donor, AllocationRule, Allocation, AllocationLimit, Instalment, ExchangeRate, LedgerEntry, PaymentRequest,
    RequestStep, RequestDocument, Payment, Adjustment,
)  # fmt: skip
_ADDED_ONLY = ("ledger_entries", "allocation_rules", "request_steps", "exchange_rates", "instruments")
_KEPT = ("adjustments", "payment_requests", "payments", "plans", "plan_step_outcomes")
_GUARDS = {
    "sqlite": (
        *(f"{table}_{guard}" for table in (*_ADDED_ONLY, *_KEPT) for guard in ("are_kept", "stay", "are_not_replaced")),
        *(f"{table}_{guard}" for table in ("timeline_entries", "closures") for guard in ("are_kept", "stay")),
        "payments_by_a_third", "request_steps_end_apart", "payment_requests_keep_their_account",
    ),
    "postgresql": (
        *(f"{table}_stay" for table in _ADDED_ONLY),
        *(f"{table}_{guard}" for table in (*_KEPT, "timeline_entries", "closures") for guard in ("are_kept", "stay")),
        "payments_by_a_third", "request_steps_end_apart", "payment_requests_keep_their_account",
    ),
}  # fmt: skip
"""Every trigger that the migrations made."""


def faults(storage: Any = None) -> Iterator[str]:
    """What is wrong with the money, one sentence for each wrong row; nothing when all is right.

    With ``storage``, the files that documents name are looked for too.
    """
    yield from sums_that_differ()
    yield from limits_that_differ()
    yield from holds_that_differ()
    yield from instalments_that_differ()
    yield from entries_that_do_not_fit()
    yield from payments_that_differ()
    yield from adjustments_that_differ()
    yield from broken_constraints()
    yield from requests_out_of_step()
    yield from guards_that_are_missing()
    if storage is not None:
        yield from documents_without_file(storage)


def sums_that_differ() -> Iterator[str]:
    """Allocations whose sums are not those of their entries."""
    computed = [_total(LedgerEntry, name) for name in SUMS]
    query = (
        select(Allocation.id, *SUMS.values(), *computed)
        .outerjoin(LedgerEntry, LedgerEntry.allocation_id == Allocation.id)
        .group_by(Allocation.id)
        .having(
            or_(false(), *(column != total for column, total in zip(SUMS.values(), computed, strict=True)))
        )
    )
    for id, *numbers in _rows(query):
        kept, right = numbers[: len(SUMS)], [int(number) for number in numbers[len(SUMS) :]]
        for name, is_kept, is_right in zip(SUMS, kept, right, strict=True):
            if is_kept != is_right:
                yield f"allocations {id}: {name} is {is_kept}, its entries make {is_right}"


def limits_that_differ() -> Iterator[str]:
    """Sub-ceilings whose use is not that of the entries of their category, or of cash."""
    used = _total(LedgerEntry, "used")
    query = (
        select(AllocationLimit.allocation_id, AllocationLimit.name, AllocationLimit.used_minor, used)
        .outerjoin(
            LedgerEntry,
            and_(
                LedgerEntry.allocation_id == AllocationLimit.allocation_id,
                or_(
                    LedgerEntry.category == AllocationLimit.name,
                    and_(AllocationLimit.name == CASH, LedgerEntry.cash),
                ),
            ),
        )
        .group_by(AllocationLimit.allocation_id, AllocationLimit.name, AllocationLimit.used_minor)
        .having(AllocationLimit.used_minor != used)
    )
    for id, name, kept, right in _rows(query):
        yield f"allocation_limits {id} {name}: used is {kept}, the entries make {int(right)}"


def holds_that_differ() -> Iterator[str]:
    """Requests that hold something else than their entries set aside."""
    held = _total(LedgerEntry, "held")
    query = (
        select(PaymentRequest.id, PaymentRequest.held_minor, held)
        .outerjoin(LedgerEntry, LedgerEntry.request_id == PaymentRequest.id)
        .group_by(PaymentRequest.id, PaymentRequest.held_minor)
        .having(PaymentRequest.held_minor != held)
    )
    for id, kept, right in _rows(query):
        yield f"payment_requests {id}: held is {kept}, its entries make {int(right)}"


def instalments_that_differ() -> Iterator[str]:
    """Allocations that hold back something else than what their later instalments are."""
    waiting = func.coalesce(func.sum(when((Instalment.released_at.is_(None), Instalment.minor), else_=0)), 0)
    query = (
        select(Allocation.id, Allocation.held_back_minor, waiting)
        .outerjoin(Instalment, Instalment.allocation_id == Allocation.id)
        .group_by(Allocation.id, Allocation.held_back_minor)
        .having(Allocation.held_back_minor != waiting)
    )
    for id, kept, right in _rows(query):
        yield f"allocations {id}: held back is {kept}, the instalments still held make {int(right)}"


def entries_that_do_not_fit() -> Iterator[str]:
    """Entries that name a request of another allocation, or take back something else than they say."""
    strangers = (
        select(LedgerEntry.id, PaymentRequest.id)
        .join(PaymentRequest, PaymentRequest.id == LedgerEntry.request_id)
        .where(PaymentRequest.allocation_id != LedgerEntry.allocation_id)
    )
    for id, request in _rows(strangers):
        yield f"ledger_entries {id}: its request {request} spends another allocation"
    taken_back = LedgerEntry.__table__.alias("taken_back")
    wrong = (
        select(LedgerEntry.id, taken_back.c.id)
        .join(taken_back, taken_back.c.id == LedgerEntry.reverses_id)
        .where(
            or_(
                taken_back.c.kind != "disbursed",
                taken_back.c.minor != LedgerEntry.minor,
                taken_back.c.allocation_id != LedgerEntry.allocation_id,
            )
        )
    )
    for id, other in _rows(wrong):
        yield f"ledger_entries {id}: it does not take back {other}, which it names"


def adjustments_that_differ() -> Iterator[str]:
    """Confirmed corrections without their entry in the ledger, and entries of corrections nobody confirmed."""
    confirmed = func.coalesce(Adjustment.outcome, "") == "confirmed"
    any_entry = select(LedgerEntry.id).where(LedgerEntry.id == Adjustment.id)
    its_entry = any_entry.where(
        LedgerEntry.kind == "adjusted",
        LedgerEntry.allocation_id == Adjustment.allocation_id,
        LedgerEntry.minor == Adjustment.minor,
        LedgerEntry.by_id == Adjustment.proposed_by_id,
        LedgerEntry.confirmed_by_id == Adjustment.decided_by_id,
    )
    query = select(Adjustment.id, Adjustment.outcome).where(
        or_(and_(confirmed, ~its_entry.exists()), and_(~confirmed, any_entry.exists()))
    )
    for id, outcome in _rows(query):
        yield f"adjustments {id}: it is {outcome or 'undecided'}, and the ledger says otherwise"


def payments_that_differ() -> Iterator[str]:
    """Payments that say another sum, or another request, than the entry they stand for; entries without payment;
    and payments by who asked or approved, where the rule asks for three people."""
    query = (
        select(Payment.id, LedgerEntry.id)
        .join(LedgerEntry, LedgerEntry.id == Payment.entry_id)
        .where(
            or_(
                LedgerEntry.kind != "disbursed",
                LedgerEntry.local_minor != Payment.minor,
                LedgerEntry.local_currency != Payment.currency,
                LedgerEntry.request_id != Payment.request_id,
            )
        )
    )
    for id, entry in _rows(query):
        yield f"payments {id}: its ledger entry {entry} says something else"
    unpaid = select(LedgerEntry.id, LedgerEntry.request_id).where(
        LedgerEntry.kind == "disbursed",
        LedgerEntry.request_id.is_not(None),
        ~select(1).where(Payment.entry_id == LedgerEntry.id).exists(),
    )
    for id, request in _rows(unpaid):
        yield f"ledger_entries {id}: it paid for {request}, and there is no payment of it"
    by_two = (
        select(Payment.id, PaymentRequest.id)
        .join(PaymentRequest, PaymentRequest.id == Payment.request_id)
        .where(
            PaymentRequest.three_people,
            or_(Payment.by_id == PaymentRequest.requester_id, Payment.by_id == PaymentRequest.approver_id),
        )
    )
    for id, request in _rows(by_two):
        yield f"payments {id}: who asked for {request} or approved it also paid it"


def broken_constraints() -> Iterator[str]:
    """Rows that a CHECK of their table would refuse, and references to rows that are not there."""
    for model in _TABLES:
        table, keys, wrong = _ways_to_be_wrong(model)
        # The table is read once; only where something is wrong, once more for each way to be.
        if db.session.execute(select(*keys).where(or_(false(), *wrong.values())).limit(1)).first() is None:
            continue
        for sentence, condition in wrong.items():
            for row in _rows(select(*keys).where(condition)):
                yield f"{table.name} {' '.join(map(str, row))}: {sentence}"


@cache
def _ways_to_be_wrong(model: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """A table, its keys, and for each sentence about a row the condition under which it is true."""
    table = model.__table__
    keys = [table.c[str(column.key)] for column in inspect(model).primary_key]
    return (
        table,
        keys,
        {
            **{
                f"{constraint.name} does not hold": text(f"NOT ({constraint.sqltext})")
                for constraint in table.constraints
                if isinstance(constraint, CheckConstraint)
            },
            **{f"its {foreign.parent.name} is not there": _lost(foreign) for foreign in table.foreign_keys},
        },
    )


def _lost(foreign: ForeignKey) -> Any:
    """That a row names another that is not there."""
    there = foreign.column.table.alias("there")
    known = select(1).where(there.c[foreign.column.key] == foreign.parent).correlate(foreign.parent.table)
    return and_(foreign.parent.is_not(None), ~known.exists())


def requests_out_of_step() -> Iterator[str]:
    """Requests that hold or paid money in a state where that cannot be, or whose state no step led to."""
    before = ("draft", "quoted", "requested", "rejected")
    held = select(PaymentRequest.id, PaymentRequest.state).where(
        PaymentRequest.held_minor > 0, PaymentRequest.state.in_((*before, "cancelled", "closed"))
    )
    for id, state in _rows(held):
        yield f"payment_requests {id}: it holds money and is {state}"
    entries = (
        select(PaymentRequest.id, PaymentRequest.state)
        .join(LedgerEntry, LedgerEntry.request_id == PaymentRequest.id)
        .where(PaymentRequest.state.in_(before))
    )
    for id, state in _rows(entries):
        yield f"payment_requests {id}: it has entries in the ledger and is {state}"

    known = reachable() | set(SETTLINGS)
    strange = select(RequestStep.id, RequestStep.state).where(RequestStep.state.not_in(sorted(known)))
    for id, state in _rows(strange):
        yield f"request_steps {id}: no deed leads to {state}"
    steps = select(RequestStep.request_id, RequestStep.state)
    unsaid = select(PaymentRequest.id, PaymentRequest.state).where(
        PaymentRequest.id.in_(steps.with_only_columns(RequestStep.request_id)),
        ~steps.where(
            RequestStep.request_id == PaymentRequest.id, RequestStep.state == PaymentRequest.state
        ).exists(),
    )
    for id, state in _rows(unsaid):
        yield f"payment_requests {id}: it is {state}, and none of its steps led there"


def guards_that_are_missing() -> Iterator[str]:
    """Tables that have lost a trigger by which the database itself refuses."""
    there = set(db.session.scalars(_TRIGGERS[db.engine.dialect.name]))
    for name in _GUARDS[db.engine.dialect.name]:
        if name not in there:
            yield f"the trigger {name} is gone: what it forbids could be done"


_TRIGGERS = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'trigger'"),
    "postgresql": text("SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND NOT tgisinternal"),
}


def documents_without_file(storage: Any) -> Iterator[str]:
    """Documents of requests whose file, or small picture, is not in the storage."""
    for id, *keys in _rows(select(RequestDocument.id, RequestDocument.file, RequestDocument.thumb)):
        for key in keys:
            if key and not _is_there(storage, key):
                yield f"request_documents {id}: {key} is not in the storage"


def _is_there(storage: Any, key: str) -> bool:
    try:
        return bool(storage.exists(key))
    except ValueError:  # no key that the storage could ever have given
        return False


def _total(entry: Any, sum_name: str) -> Any:
    """What the entries make of one sum (or of ``used`` and ``held``), as each kind moves it."""
    signed = [
        (entry.kind == kind, factor * entry.minor)
        for kind, effect in EFFECTS.items()
        if (factor := getattr(effect, sum_name))
    ]
    return func.coalesce(func.sum(when(*signed, else_=0)), 0)


def _rows(query: Any) -> Iterator[Any]:
    """The rows, a thousand at a time, without keeping them."""
    yield from db.session.execute(query.execution_options(yield_per=1000))
