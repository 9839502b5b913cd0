"""Reads about payment requests."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import aliased

from ...cases.models import Case, TimelineEntry
from ...database import db
from ...money import Money
from ...people.models import Staff
from ...providers.models import ServiceProvider
from ..ledger import AVAILABLE, LEFT_TO_REFUND
from ..models import (
    PAYEE_KINDS,
    REQUEST_STATES,
    Allocation,
    Donor,
    PaymentRequest,
    RequestDocument,
    RequestStep,
)
from ..rates import convert, rate_on
from .states import LACKS, SAID

PAGE = 30
_PLACE = {state: place for place, state in enumerate(REQUEST_STATES)}
"""Steps of one moment are told in the order of the way."""

_requester, _approver, _payer = aliased(Staff), aliased(Staff), aliased(Staff)
_COLUMNS = (
    select(
        PaymentRequest,
        Case.code,
        Allocation.currency.label("donor_currency"),
        ServiceProvider.name.label("provider_name"),
        _requester.name.label("requester_name"),
        _approver.name.label("approver_name"),
        _payer.name.label("payer_name"),
    )
    .join(Case, Case.id == PaymentRequest.case_id)
    .join(Allocation, Allocation.id == PaymentRequest.allocation_id)
    .join(_requester, _requester.id == PaymentRequest.requester_id)
    .outerjoin(_approver, _approver.id == PaymentRequest.approver_id)
    .outerjoin(_payer, _payer.id == PaymentRequest.payer_id)
    .outerjoin(ServiceProvider, ServiceProvider.id == PaymentRequest.provider_id)
)


def find_request(request_id: UUID) -> Any | None:
    """A request with the names of everybody in it."""
    return db.session.execute(_COLUMNS.where(PaymentRequest.id == request_id)).first()


def request_for_deed(request_id: UUID) -> PaymentRequest | None:
    """The request, held until the transaction ends: two deeds on it follow one another."""
    return db.session.scalar(
        select(PaymentRequest)
        .where(PaymentRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def requests_of(case_id: UUID) -> list[Any]:
    """A case's requests, newest first."""
    return list(
        db.session.execute(
            _COLUMNS.where(PaymentRequest.case_id == case_id)
            .order_by(PaymentRequest.changed_at.desc(), PaymentRequest.id)
            .limit(100)
        )
    )


_QUEUE = (
    _COLUMNS.where(
        PaymentRequest.office_id == bindparam("office_id"),
        PaymentRequest.state.in_(bindparam("states", expanding=True)),
        PaymentRequest.payee_kind.in_(bindparam("kinds", expanding=True)),
    )
    .order_by(PaymentRequest.changed_at, PaymentRequest.id)
    .limit(PAGE + 1)
)


_AWAITING_REFUND = _QUEUE.where(
    LEFT_TO_REFUND > 0,
    exists().where(RequestStep.request_id == PaymentRequest.id, RequestStep.state == "returned"),
)


def office_queue(
    office_id: UUID, states: tuple[str, ...], kinds: tuple[str, ...], *, approver: str | None = None
) -> tuple[list[Any], bool]:
    """The office's requests in these states, longest waiting first, and whether more of them wait.

    With ``approver``, of those that wait for approval only what the rule leaves to this role.
    """
    if approver and "requested" in states:
        return _some(_QUEUE.where(PaymentRequest.approver_role == approver), office_id, states, kinds)
    return _some(_QUEUE, office_id, states, kinds)


def awaiting_refund(office_id: UUID) -> tuple[list[Any], bool]:
    """Likewise those whose goods went back and whose money has not all come back."""
    return _some(_AWAITING_REFUND, office_id, ("returned", "closed"), PAYEE_KINDS)


def _some(
    queue: Any, office_id: UUID, states: Collection[str], kinds: Collection[str]
) -> tuple[list[Any], bool]:
    asked = {"office_id": office_id, "states": list(states), "kinds": list(kinds)}
    found = list(db.session.execute(queue, asked))
    return found[:PAGE], len(found) > PAGE


def steps_of(request_id: UUID) -> list[Any]:
    """Who did what with a request, in order."""
    rows = db.session.execute(
        select(
            RequestStep.state,
            RequestStep.at,
            RequestStep.reason,
            RequestStep.by_id,
            Staff.name.label("by_name"),
        )
        .outerjoin(Staff, Staff.id == RequestStep.by_id)
        .where(RequestStep.request_id == request_id)
    )
    return sorted(rows, key=lambda row: (row.at, _PLACE.get(row.state, len(_PLACE))))


def said_of(case_ids: Collection[UUID]) -> dict[str, Any]:
    """The latest word of the returnee about each request of these cases, by the request's id."""
    rows = db.session.execute(
        select(TimelineEntry.kind, TimelineEntry.subject_id, TimelineEntry.happened_at, TimelineEntry.facts)
        .where(TimelineEntry.case_id.in_(case_ids), TimelineEntry.kind.in_(SAID))
        .order_by(TimelineEntry.happened_at, TimelineEntry.number)
    )
    return {row.facts["request"]: row for row in rows if row.facts.get("request")}


def said_lacking(request: PaymentRequest) -> Any | None:
    """The returnee's latest word about this request, where it says that something did not come."""
    said = said_of([request.case_id]).get(str(request.id))
    return said if said is not None and said.kind in LACKS else None


def _is_paper_of(request: PaymentRequest) -> tuple[Any, Any]:
    """A paper names its request before that is there: only one of the same case is the request's."""
    return RequestDocument.request_id == request.id, RequestDocument.case_id == request.case_id


def documents_of(request: PaymentRequest) -> list[RequestDocument]:
    """The papers of a request."""
    return list(
        db.session.scalars(
            select(RequestDocument)
            .where(*_is_paper_of(request))
            .order_by(RequestDocument.added_at, RequestDocument.id)
        )
    )


def has_document(request: PaymentRequest, kind: str) -> bool:
    """Whether the request has a paper of this kind."""
    found = select(RequestDocument.id).where(*_is_paper_of(request), RequestDocument.kind == kind)
    return db.session.scalar(found.limit(1)) is not None


def count_quotes(request: PaymentRequest) -> int:
    """How many different quotes a request has (a handful at most); the same paper twice is one."""
    return (
        db.session.scalar(
            select(func.count(RequestDocument.file.distinct())).where(
                *_is_paper_of(request), RequestDocument.kind == "quote"
            )
        )
        or 0
    )


def similar_amounts(request: PaymentRequest, currency: str) -> list[int]:
    """What the office's latest approved requests of the same category cost, in this donor's currency."""
    return list(
        db.session.scalars(
            select(PaymentRequest.donor_minor)
            .join(Allocation, Allocation.id == PaymentRequest.allocation_id)
            .where(
                PaymentRequest.office_id == request.office_id,
                PaymentRequest.category == request.category,
                PaymentRequest.id != request.id,
                PaymentRequest.approver_id.is_not(None),
                Allocation.currency == currency,
            )
            .order_by(PaymentRequest.changed_at.desc())
            .limit(99)
        )
    )


def allocation_of(case_id: UUID) -> Allocation | None:
    """The case's allocation."""
    return db.session.scalar(select(Allocation).where(Allocation.case_id == case_id))


def available_locally(case_ids: Collection[UUID], day: date) -> dict[UUID, Money]:
    """What each case's allocation still has, in the local currency at the rate of the day, rounded down."""
    rows = db.session.execute(
        select(
            Allocation.case_id, Allocation.currency, Allocation.local_currency, AVAILABLE.label("left")
        ).where(Allocation.case_id.in_(case_ids), Allocation.currency != Allocation.local_currency)
    ).all()
    pairs = {(row.currency, row.local_currency) for row in rows}
    rates = {pair: rate_on(*pair, day) for pair in pairs}
    found = {}
    for row in rows:
        if rate := rates[row.currency, row.local_currency]:
            found[row.case_id] = convert(Money(max(0, row.left), row.currency), rate, "down")
    return found


def drafts_of(case_ids: Collection[UUID]) -> dict[UUID, list[PaymentRequest]]:
    """Each case's requests that wait for their quotes, oldest first."""
    found: dict[UUID, list[PaymentRequest]] = {id: [] for id in case_ids}
    for draft in db.session.scalars(
        select(PaymentRequest)
        .where(PaymentRequest.case_id.in_(case_ids), PaymentRequest.state == "draft")
        .order_by(PaymentRequest.changed_at, PaymentRequest.id)
    ):
        found[draft.case_id].append(draft)
    return found


def donor_currencies() -> list[str]:
    """The currencies donors give in."""
    return list(db.session.scalars(select(Donor.currency).distinct().order_by(Donor.currency)))


def document(document_id: UUID) -> RequestDocument | None:
    """One paper."""
    return db.session.get(RequestDocument, document_id)
