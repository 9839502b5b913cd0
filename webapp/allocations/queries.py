"""Reads for the allocation's pages."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from ..database import db
from ..formats import money
from ..money import Money
from ..people.models import Staff
from .ledger import fee_id
from .models import (
    ENTRY_KINDS,
    Allocation,
    AllocationLimit,
    AllocationRule,
    Donor,
    Instalment,
    LedgerEntry,
    Payment,
    PaymentRequest,
)

PAGE = 50


@dataclass(frozen=True)
class Sums:
    """An allocation's sums as people read them, and the two shares (0 to 100) that its bar draws.

    ``granted`` counts corrections in, ``paid`` what came back and what exchange rates did; ``held_back`` is empty
    where no instalment waits. The five add up: granted = paid + set aside + held back + available.
    """

    granted: str
    held_back: str
    set_aside: str
    paid: str
    available: str
    available_plain: str
    """As it is typed, with a dot: what the form on the phone compares with."""
    currency: str
    paid_pct: int
    set_aside_pct: int
    donor: str
    valid_until: date | None


@dataclass(frozen=True)
class LimitLine:
    """A sub-ceiling as people read it: a category or ``cash``, how much of it is used, and what is left."""

    name: str
    ceiling: str
    used: str
    left: str
    used_pct: int


@dataclass(frozen=True)
class InstalmentLine:
    """An instalment as people read it."""

    number: int
    amount: str
    condition: str
    due_on: date | None
    released_at: datetime | None
    released_by: str
    held: Money


_COLUMNS = select(
    Allocation.case_id,
    Allocation.case_code,
    Allocation.currency,
    Allocation.granted_minor,
    Allocation.adjusted_minor,
    Allocation.set_aside_minor,
    Allocation.disbursed_minor,
    Allocation.refunded_minor,
    Allocation.exchange_minor,
    Allocation.held_back_minor,
    Allocation.valid_until,
    Donor.name.label("donor"),
).join(Donor, Donor.id == Allocation.donor_id)
_SUMS = _COLUMNS.where(Allocation.case_id.in_(bindparam("cases", expanding=True)))
_OFFICE = (
    _COLUMNS.where(Allocation.office_id == bindparam("office_id"), Allocation.case_code > bindparam("after"))
    .order_by(Allocation.case_code)
    .limit(PAGE + 1)
)


def sums_of(case_ids: list[UUID]) -> dict[UUID, Sums]:
    """The sums of some cases' allocations."""
    return {row.case_id: sums(row) for row in db.session.execute(_SUMS, {"cases": case_ids})}


def sums(row: Any) -> Sums:
    """The sums of one allocation row."""
    granted = row.granted_minor + row.adjusted_minor
    paid = row.disbursed_minor - row.refunded_minor + row.exchange_minor
    shown = {
        "granted": granted,
        "set_aside": row.set_aside_minor,
        "paid": paid,
        "available": granted - row.held_back_minor - row.set_aside_minor - paid,
    }
    return Sums(
        **{name: money(Money(minor, row.currency)) for name, minor in shown.items()},
        held_back=money(Money(row.held_back_minor, row.currency)) if row.held_back_minor else "",
        available_plain=str(Money(shown["available"], row.currency)).partition(" ")[0],
        currency=row.currency,
        paid_pct=_share(paid, granted),
        set_aside_pct=_share(row.set_aside_minor, granted),
        donor=row.donor,
        valid_until=row.valid_until,
    )


def _share(part: int, whole: int) -> int:
    return min(100, max(0, round(100 * part / whole))) if whole > 0 else 0


_LIMITS = (
    select(AllocationLimit, Allocation.currency, Allocation.case_id)
    .join(Allocation, Allocation.id == AllocationLimit.allocation_id)
    .where(Allocation.case_id.in_(bindparam("cases", expanding=True)))
    .order_by(AllocationLimit.name)
)
_INSTALMENTS = (
    select(
        Instalment,
        Allocation.currency,
        Allocation.case_id,
        Staff.name.label("released_by"),
    )
    .join(Allocation, Allocation.id == Instalment.allocation_id)
    .outerjoin(Staff, Staff.id == Instalment.released_by_id)
    .where(Allocation.case_id.in_(bindparam("cases", expanding=True)))
    .order_by(Instalment.number)
)


def limits_of(case_ids: list[UUID]) -> dict[UUID, list[LimitLine]]:
    """The sub-ceilings of some cases' allocations."""
    found: dict[UUID, list[LimitLine]] = {id: [] for id in case_ids}
    for limit, currency, case_id in db.session.execute(_LIMITS, {"cases": case_ids}):
        ceiling, used = limit.ceiling_minor, limit.used_minor
        found[case_id].append(
            LimitLine(
                name=limit.name,
                ceiling=money(Money(ceiling, currency)),
                used=money(Money(used, currency)),
                left=money(Money(ceiling - used, currency)),
                used_pct=_share(used, ceiling),
            )
        )
    return found


def instalments_of(case_ids: list[UUID]) -> dict[UUID, list[InstalmentLine]]:
    """The instalments of some cases' allocations, in their order."""
    found: dict[UUID, list[InstalmentLine]] = {id: [] for id in case_ids}
    for part, currency, case_id, released_by in db.session.execute(_INSTALMENTS, {"cases": case_ids}):
        held = Money(part.minor, currency)
        found[case_id].append(
            InstalmentLine(
                part.number, money(held), part.condition, part.due_on, part.released_at, released_by or "", held
            )
        )  # fmt: skip
    return found


def rules() -> list[Any]:
    """Every version of every rule, newest first, and how many allocations were granted under it."""
    used = (
        select(Allocation.rule_id, func.count().label("number"))
        .where(Allocation.rule_id.is_not(None))
        .group_by(Allocation.rule_id)
        .subquery()
    )
    query = (
        select(
            AllocationRule, Staff.name.label("by_name"), func.coalesce(used.c.number, 0).label("allocations")
        )
        .outerjoin(Staff, Staff.id == AllocationRule.loaded_by_id)
        .outerjoin(used, used.c.rule_id == AllocationRule.id)
        .order_by(AllocationRule.name, AllocationRule.version.desc())
    )
    return list(db.session.execute(query))


def rule(id: UUID) -> AllocationRule | None:
    """One version of a rule."""
    return db.session.get(AllocationRule, id)


_LINES = (
    select(
        LedgerEntry.id,
        LedgerEntry.kind,
        LedgerEntry.minor,
        LedgerEntry.category,
        LedgerEntry.what,
        LedgerEntry.local_minor,
        LedgerEntry.local_currency,
        LedgerEntry.posted_at,
        Allocation.currency,
        Allocation.case_id,
        Staff.name.label("by_name"),
    )
    .join(Allocation, Allocation.id == LedgerEntry.allocation_id)
    .outerjoin(Staff, Staff.id == LedgerEntry.by_id)
    .where(Allocation.case_id.in_(bindparam("cases", expanding=True)))
    .order_by(LedgerEntry.posted_at.desc(), LedgerEntry.id.desc())
)


def lines_of(case_ids: list[UUID]) -> dict[UUID, list[Any]]:
    """The dated lines of some cases' ledgers, newest first."""
    found: dict[UUID, list[Any]] = {id: [] for id in case_ids}
    rows = db.session.execute(_LINES, {"cases": case_ids}).all()
    # Entries of one moment are told in the order in which money moves.
    for row in sorted(rows, key=lambda row: (row.posted_at, ENTRY_KINDS.index(row.kind)), reverse=True):
        found[row.case_id].append(row)
    return found


def fees_of(case_ids: list[UUID]) -> set[UUID]:
    """The entries of these cases' ledgers that are an operator's fee."""
    payments = select(Payment.id).join(PaymentRequest, PaymentRequest.id == Payment.request_id)
    rows = db.session.scalars(payments.where(PaymentRequest.case_id.in_(case_ids), Payment.fee_minor > 0))
    return {fee_id(payment) for payment in rows}


def office_allocations(office_id: UUID, after: str) -> tuple[list[Any], str | None]:
    """A page of the office's allocations by case code, for finance: codes and amounts, no names.

    ``after`` is the key a former page gave; what can be none starts at the beginning.
    """
    if "\x00" in after:
        after = ""
    rows = list(db.session.execute(_OFFICE, {"office_id": office_id, "after": after}))
    key = rows[PAGE - 1].case_code if len(rows) > PAGE else None
    return [(row.case_id, row.case_code, sums(row)) for row in rows[:PAGE]], key
