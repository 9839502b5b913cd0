"""Reads for finance: codes, references, payees and amounts; never a returnee's name, a visit or free text."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, exists, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from ...cases.models import Case
from ...database import Utc, db
from ...money import Money
from ...people.models import Staff
from ...providers.models import ServiceProvider
from ..models import LedgerEntry, Payment, PaymentRequest, RequestDocument
from ..requests.states import DIRECT

PAGE = 30
SHOWN_FOR = timedelta(days=90)
MOST_EXPORTED = 5_000
READY = (("invoiced", False), ("approved", True), ("delivered", True))
"""(state, only payees who get money directly): what may be paid now."""
_PAID = (
    select(func.coalesce(func.sum(Payment.minor), 0))
    .where(Payment.request_id == PaymentRequest.id, Payment.failed_at.is_(None))
    .correlate(PaymentRequest)
    .scalar_subquery()
)
_REQUEST = (
    PaymentRequest.id,
    PaymentRequest.case_id,
    PaymentRequest.office_id,
    PaymentRequest.reference,
    PaymentRequest.category,
    PaymentRequest.payee_kind,
    PaymentRequest.payee_name,
    PaymentRequest.operator,
    PaymentRequest.minor,
    PaymentRequest.currency,
    PaymentRequest.state,
    PaymentRequest.approved_at,
    PaymentRequest.changed_at,
    Case.code,
    ServiceProvider.name.label("provider_name"),
)


@dataclass(frozen=True)
class ToPay:
    """A request that waits for its money."""

    id: UUID
    reference: str
    code: str
    category: str
    payee_kind: str
    payee: str
    amount: Money
    """What is left to pay of it."""
    approved_at: datetime | None
    since: datetime


@dataclass(frozen=True)
class Paid:
    """Money that left for a request."""

    id: UUID
    office_id: UUID
    """The office that paid: the case may be another's since."""
    request_id: UUID
    case_id: UUID
    reference: str
    code: str
    category: str
    payee_kind: str
    payee: str
    amount: Money
    fee: Money
    paid_on: Any
    payment_reference: str
    method: str
    posted_at: datetime
    confirmed_at: datetime | None
    failed_at: datetime | None
    by_name: str
    failure: str
    """Why it did not arrive, where it did not."""

    @property
    def status(self) -> str:
        """``failed``, ``confirmed`` by the recipient, or ``sent``."""
        return "failed" if self.failed_at else "confirmed" if self.confirmed_at else "sent"


def payee_of(row: Any) -> str:
    """Who is paid, where that is no returnee: a returnee is known to finance by the case's code only."""
    return "" if row.payee_kind in DIRECT else row.provider_name or row.payee_name


_RECEIPT = exists().where(RequestDocument.request_id == PaymentRequest.id, RequestDocument.kind == "receipt")
"""Nobody is paid back without one (requests/states.py), so without one there is nothing to pay yet."""


def _to_pay(state: str, direct: bool) -> Any:
    query = (
        select(*_REQUEST, _PAID.label("paid"))
        .join(Case, Case.id == PaymentRequest.case_id)
        .outerjoin(ServiceProvider, ServiceProvider.id == PaymentRequest.provider_id)
        .where(
            PaymentRequest.office_id == bindparam("office_id"),
            PaymentRequest.state == state,
            or_(PaymentRequest.payee_kind != "reimbursement", _RECEIPT),
            tuple_(PaymentRequest.changed_at, PaymentRequest.id)
            > tuple_(bindparam("at", type_=Utc), bindparam("id", type_=Uuid())),
        )
        .order_by(PaymentRequest.changed_at, PaymentRequest.id)
        .limit(bindparam("most"))
    )
    return query.where(PaymentRequest.payee_kind.in_(DIRECT)) if direct else query


# One walk along the index for each state, and the walks are merged here: no table is sorted.
_TO_PAY = [_to_pay(state, direct) for state, direct in READY]
_reversal = aliased(LedgerEntry)
_PAYMENTS = (
    select(
        *_REQUEST,
        Payment.id.label("payment_id"),
        Payment.office_id.label("paying_office_id"),
        Payment.reference.label("payment_reference"),
        Payment.method,
        Payment.minor.label("paid_minor"),
        Payment.currency.label("paid_currency"),
        Payment.fee_minor,
        Payment.paid_on,
        Payment.posted_at,
        Payment.confirmed_at,
        Payment.failed_at,
        Staff.name.label("by_name"),
        _reversal.what.label("failure"),
    )
    .join(PaymentRequest, PaymentRequest.id == Payment.request_id)
    .outerjoin(_reversal, _reversal.reverses_id == Payment.entry_id)
    .join(Case, Case.id == PaymentRequest.case_id)
    .join(Staff, Staff.id == Payment.by_id)
    .outerjoin(ServiceProvider, ServiceProvider.id == PaymentRequest.provider_id)
)
_LATEST = (
    _PAYMENTS.where(
        Payment.office_id == bindparam("office_id"),
        Payment.posted_at >= bindparam("since", type_=Utc),
        tuple_(Payment.posted_at, Payment.id)
        < tuple_(bindparam("at", type_=Utc), bindparam("id", type_=Uuid())),
    )
    .order_by(Payment.posted_at.desc(), Payment.id.desc())
    .limit(bindparam("most"))
)
_FIRST = (datetime(1, 1, 2, tzinfo=UTC), UUID(int=0))
_LAST = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


def to_pay(office_id: UUID, after: str = "", most: int = PAGE) -> tuple[list[ToPay], str | None]:
    """What the office can pay now, longest waiting first, and the key of the next page."""
    at, id = _place(after) or _FIRST
    rows: list[Any] = []
    for query in _TO_PAY:
        rows += db.session.execute(query, {"office_id": office_id, "at": at, "id": id, "most": most + 1})
    rows.sort(key=lambda row: (row.changed_at, row.id.hex))
    key = _key(rows[most - 1].changed_at, rows[most - 1].id) if len(rows) > most else None
    return [_waiting(row) for row in rows[:most]], key


def payments(
    office_id: UUID, *, now: datetime, before: str = "", most: int = PAGE
) -> tuple[list[Paid], str | None]:
    """What the office paid in the last 90 days, newest first, and the key of the next page."""
    at, id = _place(before) or _LAST
    facts = {"office_id": office_id, "since": now - SHOWN_FOR, "at": at, "id": id, "most": most + 1}
    rows = list(db.session.execute(_LATEST, facts))
    key = _key(rows[most - 1].posted_at, rows[most - 1].payment_id) if len(rows) > most else None
    return [_paid(row) for row in rows[:most]], key


def find_payment(payment_id: UUID) -> Paid | None:
    """One payment."""
    row = db.session.execute(_PAYMENTS.where(Payment.id == payment_id)).first()
    return _paid(row) if row else None


def payment_for_deed(payment_id: UUID) -> Payment | None:
    """The payment as it is now; its request is locked by the caller."""
    return db.session.get(Payment, payment_id, populate_existing=True)


def paper(document_id: UUID) -> RequestDocument | None:
    """One paper of a request."""
    return db.session.get(RequestDocument, document_id)


# What confirmations are compared with


@dataclass(frozen=True)
class Known:
    """A request as a confirmation is compared with it, with the payments it has."""

    row: Any
    payments: tuple[Any, ...]

    @property
    def left(self) -> Money:
        paid = sum(payment.minor for payment in self.payments if payment.failed_at is None)
        return Money(self.row.minor - paid, self.row.currency)


def requests_by_reference(office_id: UUID, references: Iterable[str]) -> dict[str, Known]:
    """The office's requests with these references, exactly as they are written."""
    rows: list[Any] = []
    for some in _portions(sorted(set(references))):
        query = (
            select(*_REQUEST, _RECEIPT.label("has_receipt"))
            .join(Case, Case.id == PaymentRequest.case_id)
            .outerjoin(ServiceProvider, ServiceProvider.id == PaymentRequest.provider_id)
            .where(PaymentRequest.office_id == office_id, PaymentRequest.reference.in_(some))
        )
        rows += db.session.execute(query).all()
    paid: dict[UUID, list[Any]] = {}
    for payment in _payments_of([row.id for row in rows]):
        paid.setdefault(payment.request_id, []).append(payment)
    return {row.reference: Known(row, tuple(paid.get(row.id, ()))) for row in rows}


def _payments_of(request_ids: list[UUID]) -> Iterator[Any]:
    for some in _portions(request_ids):
        yield from db.session.execute(
            select(
                Payment.id,
                Payment.request_id,
                Payment.reference,
                Payment.minor,
                Payment.currency,
                Payment.failed_at,
            )
            .where(Payment.request_id.in_(some))
            .order_by(Payment.posted_at, Payment.id)
        )


def references_taken(office_id: UUID, references: Iterable[str]) -> set[tuple[str, str]]:
    """(method, reference in capitals) of payments that the office has already."""
    found: set[tuple[str, str]] = set()
    for some in _portions(sorted({reference.upper() for reference in references})):
        rows = db.session.execute(
            select(Payment.method, Payment.reference).where(
                Payment.office_id == office_id, func.upper(Payment.reference).in_(some)
            )
        )
        found |= {(row.method, row.reference.upper()) for row in rows}
    return found


def _portions(wanted: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Few enough at a time for one statement."""
    for start in range(0, len(wanted), 400):
        yield wanted[start : start + 400]


def _waiting(row: Any) -> ToPay:
    return ToPay(
        id=row.id,
        reference=row.reference,
        code=row.code,
        category=row.category,
        payee_kind=row.payee_kind,
        payee=payee_of(row),
        amount=Money(row.minor - int(row.paid), row.currency),
        approved_at=row.approved_at,
        since=row.changed_at,
    )


def _paid(row: Any) -> Paid:
    return Paid(
        id=row.payment_id,
        office_id=row.paying_office_id,
        request_id=row.id,
        case_id=row.case_id,
        reference=row.reference,
        code=row.code,
        category=row.category,
        payee_kind=row.payee_kind,
        payee=payee_of(row),
        amount=Money(row.paid_minor, row.paid_currency),
        fee=Money(row.fee_minor, row.paid_currency),
        paid_on=row.paid_on,
        payment_reference=row.payment_reference,
        method=row.method,
        posted_at=row.posted_at,
        confirmed_at=row.confirmed_at,
        failed_at=row.failed_at,
        by_name=row.by_name,
        failure=row.failure or "",
    )


def _key(at: datetime, id: UUID) -> str:
    return f"{at.isoformat()}~{id}"


def _place(key: str) -> tuple[datetime, UUID] | None:
    """Where a page begins; anything that is no key begins at the beginning."""
    moment, _sep, id = key.partition("~")
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(moment)
        if at.tzinfo is not None:
            return at.astimezone(UTC), UUID(id)
    return None
