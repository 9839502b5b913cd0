"""Allocations and requests as the tests of money need them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from tests.cast import LONG_AGO, Cast
from webapp.allocations import ledger
from webapp.allocations.actions import grant
from webapp.allocations.models import (
    Allocation,
    AllocationLimit,
    Donor,
    ExchangeRate,
    LedgerEntry,
    Payment,
    PaymentRequest,
)
from webapp.allocations.rates import Rate, rate_on
from webapp.allocations.requests.states import method_of
from webapp.cases.models import Case
from webapp.database import db
from webapp.money import Money

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def an_allocation(cast: Cast, granted: Money | None = None, **limits: int) -> Allocation:
    """A fresh allocation of EUR 1,000 (or ``granted``) for a new case in Conakry, with sub-ceilings."""
    from tests.cast import a_case
    from webapp.people.models import Office, Staff

    granted = granted or euros(100_000)
    donor = db.session.scalar(select(Donor).where(Donor.currency == granted.currency))
    if donor is None:
        donor = Donor(name=f"Donor in {granted.currency}", currency=granted.currency)
        db.session.add(donor)
        db.session.flush()
    case = a_case(
        office=db.session.get_one(Office, cast.conakry), officer=db.session.get_one(Staff, cast.ibrahima)
    )
    allocation = grant(case, granted, donor=donor, local_currency="GNF", by=cast.kadiatou, now=LONG_AGO)
    for name, ceiling in limits.items():
        db.session.add(AllocationLimit(allocation_id=allocation.id, name=name, ceiling_minor=ceiling))
    db.session.flush()
    return allocation


def a_request(
    allocation: Allocation, cast: Cast, amount: Money, *, donor_minor: int | None = None, **facts: Any
) -> PaymentRequest:
    """An approved request, of which nothing is set aside yet."""
    chosen: dict[str, Any] = {
        "id": uuid4(),
        "reference": f"PR-{uuid4().hex[:10]}",
        "case_id": allocation.case_id,
        "allocation_id": allocation.id,
        "office_id": allocation.office_id,
        "state": "approved",
        "category": "micro_project",
        "what": "Machine à coudre",
        "minor": amount.minor,
        "currency": amount.currency,
        "donor_minor": donor_minor or amount.in_(allocation.currency),
        "payee_kind": "provider",
        "payee_name": "Bamba & fils",
        "requester_id": cast.ibrahima,
        "approver_id": cast.kadiatou,
        "changed_at": NOW,
        **facts,
    }
    request = PaymentRequest(**chosen)
    db.session.add(request)
    db.session.flush()
    return request


def pay(
    request: PaymentRequest,
    paid: Money,
    *,
    by: UUID,
    id: UUID | None = None,
    now: datetime = NOW,
    rate: Rate | None = None,
    reference: str = "",
) -> LedgerEntry:
    """Money leaves for a request, and its payment is noted; again under the same id changes nothing."""
    entry = ledger.pay(request, paid, id=id or uuid4(), by=by, now=now, rate=rate)
    if db.session.get(Payment, entry.id) is None:
        db.session.add(
            Payment(
                id=entry.id, request_id=request.id, office_id=request.office_id, entry_id=entry.id,
                method=method_of(request.payee_kind), reference=reference or str(entry.id), minor=paid.minor,
                currency=paid.currency, paid_on=now.date(), by_id=by, posted_at=now,
            )
        )  # fmt: skip
        db.session.flush()
    return entry


def a_rate(base: str, quote: str, rate: str, day: datetime = NOW) -> Rate:
    """A rate in force from a day on."""
    db.session.add(
        ExchangeRate(base=base, quote=quote, rate=rate, effective_on=day.date(), source="test", loaded_at=day)
    )
    db.session.flush()
    found = rate_on(base, quote, day.date())
    assert found is not None
    return found


def the_case(allocation: Allocation) -> Case:
    return db.session.get_one(Case, allocation.case_id)


def entries(allocation: Allocation) -> list[tuple[str, int]]:
    """Kind and amount of every entry but the grant, in no particular order."""
    rows = db.session.execute(
        select(LedgerEntry.kind, LedgerEntry.minor).where(LedgerEntry.allocation_id == allocation.id)
    )
    return sorted((kind, minor) for kind, minor in rows if kind != "granted")


def set_aside_of(allocation_id: UUID) -> int:
    """What the entries say is set aside."""
    rows = db.session.execute(
        select(LedgerEntry.minor).where(
            LedgerEntry.allocation_id == allocation_id, LedgerEntry.kind == "set_aside"
        )
    )
    return sum(minor for (minor,) in rows)
