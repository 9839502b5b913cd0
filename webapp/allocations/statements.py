"""The statement of an allocation: every sum, every request with who did what, every dated line, ready to be shown.

The browser's page and the phone's kept copy are made of the same; only the browser shows the proofs.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import aliased

from .. import clock, formats
from ..database import db
from ..money import Money
from ..people.models import Staff
from ..permissions import may
from ..providers.models import ServiceProvider
from . import queries, words
from .models import Allocation, PaymentRequest, RequestDocument, RequestStep
from .rates import Rate, convert, rate_on
from .requests.forms import DOCUMENT_NAMES, PAYEE_NAMES
from .requests.queries import said_of
from .requests.states import DIRECT
from .requests.words import SAID_NAMES, step_name

SHOWN_STEPS = (
    "requested", "approved", "rejected", "cancelled", "ordered", "delivered", "paid", "failed", "confirmed", "verified",
    "disputed", "returned", "refunded",
)  # fmt: skip
"""What a reader wants to know of a request's way; waiting for quotes and filing are left to its own page."""


def statements(cases: list[Any], person: Any, *, proofs: bool = False) -> dict[UUID, dict[str, Any]]:
    """What ``parts/statement.html`` shows of some cases' allocations, for those this person may see."""
    seen = [case.id for case in cases if may(person, "allocation.see", case)]
    if not seen:
        return {}
    sums, lines = queries.sums_of(seen), queries.lines_of(seen)
    limits, instalments = queries.limits_of(seen), queries.instalments_of(seen)
    fees = queries.fees_of(seen)
    taken = {id: sum(line.minor for line in lines[id] if line.id in fees) for id in seen}
    figures = _figures_of(taken, clock.today(person.timezone))
    asked = _requests_of(seen, proofs=proofs)
    nothing: dict[str, Any] = {"figures": [], "rate": None}
    return {
        id: {
            "allocation": sums.get(id),
            "lines": words.lines(lines[id], fees, instalments[id]),
            "limits": words.limits(limits[id]),
            "categories": words.categories(lines[id], limits[id]),
            "instalments": instalments[id],
            "requests": asked[id],
            **figures.get(id, nothing),
        }
        for id in seen
    }


def lines_of(case_id: UUID) -> list[dict[str, Any]]:
    """The dated lines of one case's ledger."""
    rows = queries.lines_of([case_id])[case_id]
    return words.lines(rows, queries.fees_of([case_id]), queries.instalments_of([case_id])[case_id])


# The sums


def _figures_of(fees: dict[UUID, int], today: date) -> dict[UUID, dict[str, Any]]:
    """By case (with what operators took): the rows of the table of sums, and the rate of their estimates."""
    rates: dict[tuple[str, str], Rate | None] = {}
    found = {}
    for allocation in db.session.scalars(select(Allocation).where(Allocation.case_id.in_(fees))):
        pair = (allocation.currency, allocation.local_currency)
        if pair not in rates:
            rates[pair] = rate_on(*pair, today) if pair[0] != pair[1] else None
        found[allocation.case_id] = {
            "figures": [
                _figure(*row, allocation, rates[pair]) for row in _rows(allocation, fees[allocation.case_id])
            ],
            "rate": _told_rate(rates[pair]),
        }
    return found


def _rows(allocation: Allocation, fees: int) -> list[tuple[str, str, int, bool]]:
    """(swatch, title, minor units, shown even when it is nothing)."""
    paid = allocation.disbursed_minor - allocation.refunded_minor + allocation.exchange_minor
    spoken_for = allocation.held_back_minor + allocation.set_aside_minor + paid
    available = allocation.granted_minor + allocation.adjusted_minor - spoken_for
    return [
        ("", _("Accordé"), allocation.granted_minor, True),
        ("", _("Ajusté"), allocation.adjusted_minor, False),
        ("", _("Retenu pour plus tard"), allocation.held_back_minor, False),
        ("set-aside", _("Mis de côté"), allocation.set_aside_minor, True),
        ("paid", _("Payé"), paid, True),
        ("", _("dont frais de l’opérateur"), fees, False),
        ("available", _("Disponible"), available, True),
    ]


def _figure(
    swatch: str, title: str, minor: int, always: bool, allocation: Allocation, rate: Rate | None
) -> dict[str, str]:
    amount = Money(minor, allocation.currency)
    return {
        "swatch": swatch,
        "title": title if always or minor else "",
        "amount": formats.money(amount),
        # Half-up, as every report: a ceiling would be rounded down.
        "at_home": formats.money(convert(amount, rate)) if rate else "",
    }


def _told_rate(rate: Rate | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    return {
        "told": f"1 {rate.base} = {formats.decimal(rate.rate)} {rate.quote}",
        "day": rate.effective_on,
        "source": rate.source,
    }


# The requests

_requester = aliased(Staff)
_REQUESTS = (
    select(
        PaymentRequest.id,
        PaymentRequest.case_id,
        PaymentRequest.reference,
        PaymentRequest.what,
        PaymentRequest.state,
        PaymentRequest.minor,
        PaymentRequest.currency,
        PaymentRequest.donor_minor,
        PaymentRequest.payee_kind,
        PaymentRequest.payee_name,
        PaymentRequest.quotes_required,
        PaymentRequest.requested_at,
        Allocation.currency.label("donor_currency"),
        ServiceProvider.name.label("provider_name"),
        _requester.name.label("requester_name"),
    )
    .join(Allocation, Allocation.id == PaymentRequest.allocation_id)
    .join(_requester, _requester.id == PaymentRequest.requester_id)
    .outerjoin(ServiceProvider, ServiceProvider.id == PaymentRequest.provider_id)
)


def _requests_of(case_ids: list[UUID], *, proofs: bool) -> dict[UUID, list[dict[str, Any]]]:
    """The requests of some cases, newest first."""
    rows = db.session.execute(
        _REQUESTS.where(PaymentRequest.case_id.in_(case_ids)).order_by(
            PaymentRequest.changed_at.desc(), PaymentRequest.id
        )
    ).all()
    ids = [row.id for row in rows]
    steps, said = _steps_of(ids), said_of(case_ids) if ids else {}
    papers = _papers_of(ids) if proofs else {}
    found: dict[UUID, list[dict[str, Any]]] = {id: [] for id in case_ids}
    for row in rows:
        found[row.case_id].append(
            _request(row, steps.get(row.id, []), said.get(str(row.id)), papers.get(row.id, []))
        )
    return found


def _request(row: Any, steps: list[Any], said: Any, papers: list[dict[str, str]]) -> dict[str, Any]:
    trail = [
        {"word": step_name(step.state, row.quotes_required), "at": step.at, "by_name": step.by_name or ""}
        for step in steps
        if step.state in SHOWN_STEPS
    ]
    state = step_name(row.state, row.quotes_required)
    if said is not None:
        trail.append({"word": SAID_NAMES[said.kind](), "at": said.happened_at, "by_name": ""})
    return {
        "id": str(row.id),
        "reference": row.reference,
        "what": row.what,
        "payee": _payee(row),
        "amount": formats.money(Money(row.minor, row.currency)),
        "donor_amount": formats.money(Money(row.donor_minor, row.donor_currency))
        if row.currency != row.donor_currency
        else "",
        "state": state,
        "trail": trail or [{"word": state, "at": None, "by_name": row.requester_name}],
        "papers": papers,
    }


def _payee(row: Any) -> str:
    if row.payee_kind in DIRECT:
        return str(dict(PAYEE_NAMES)[row.payee_kind])
    return row.provider_name or row.payee_name


def _steps_of(request_ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    if request_ids:
        for step in db.session.execute(
            select(RequestStep.request_id, RequestStep.state, RequestStep.at, Staff.name.label("by_name"))
            .outerjoin(Staff, Staff.id == RequestStep.by_id)
            .where(RequestStep.request_id.in_(request_ids))
            .order_by(RequestStep.at, RequestStep.id)
        ):
            found.setdefault(step.request_id, []).append(step)
    return found


def _papers_of(request_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, str]]]:
    found: dict[UUID, list[dict[str, str]]] = {}
    if request_ids:
        for paper in db.session.scalars(
            select(RequestDocument)
            .where(RequestDocument.request_id.in_(request_ids))
            .order_by(RequestDocument.added_at, RequestDocument.id)
        ):
            shown = {
                "url": f"/documents/{paper.id}",
                "thumb_url": f"/documents/{paper.id}/thumb" if paper.thumb else "",
                "kind": str(dict(DOCUMENT_NAMES)[paper.kind]),
            }
            found.setdefault(paper.request_id, []).append(shown)
    return found
