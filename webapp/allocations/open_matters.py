"""What of the money is still under way in a case: requests on their way, and what is left of an allocation."""

from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select

from ..cases.open_matters import MATTERS, Matter
from ..database import db
from . import queries
from .models import Allocation, PaymentRequest

ENDED = ("verified", "closed", "rejected", "cancelled", "returned")


def _statement(case_id: UUID) -> str:
    return f"/cases/{case_id}/allocation"


def requests_under_way(case_id: UUID) -> int:
    """Payment requests that somebody still has to deal with."""
    under_way = select(func.count()).where(
        PaymentRequest.case_id == case_id, PaymentRequest.state.not_in(ENDED)
    )
    return db.session.scalar(under_way) or 0


def commitments_without_request(case_id: UUID) -> int:
    """Allocations with money set aside for no request that is still under way."""
    held = (
        select(func.coalesce(func.sum(PaymentRequest.held_minor), 0))
        .where(PaymentRequest.case_id == case_id, PaymentRequest.state.not_in(ENDED))
        .scalar_subquery()
    )
    return (
        db.session.scalar(
            select(func.count()).where(Allocation.case_id == case_id, Allocation.set_aside_minor > held)
        )
        or 0
    )


def allocations_with_something_left(case_id: UUID) -> int:
    """Allocations of which not everything is spent."""
    sums = queries.sums_of([case_id]).get(case_id)
    return int(sums is not None and any(digit in "123456789" for digit in sums.available_plain))


MATTERS["payment_requests"] = Matter(
    requests_under_way,
    lambda count: ngettext(
        "%(num)s demande de paiement en cours", "%(num)s demandes de paiement en cours", count
    ),
    _statement,
    seen_with="allocation.see",
)
MATTERS["commitments"] = Matter(
    commitments_without_request,
    lambda count: _("de l’argent mis de côté et pas encore payé"),
    _statement,
    seen_with="allocation.see",
)
MATTERS["allocations"] = Matter(
    allocations_with_something_left,
    lambda count: ngettext(
        "une allocation dont il reste quelque chose", "%(num)s allocations dont il reste quelque chose", count
    ),
    _statement,
    may_stay=True,
    seen_with="allocation.see",
)
