"""What of the money is still under way in a case: requests on their way, and what is left of an allocation."""

from uuid import UUID

from flask_babel import ngettext
from sqlalchemy import func, select

from ..cases.open_matters import MATTERS, Matter
from ..database import db
from . import queries
from .models import PaymentRequest

ENDED = ("verified", "closed", "rejected", "cancelled", "returned")


def requests_under_way(case_id: UUID) -> int:
    """Payment requests that somebody still has to deal with."""
    under_way = select(func.count()).where(
        PaymentRequest.case_id == case_id, PaymentRequest.state.not_in(ENDED)
    )
    return db.session.scalar(under_way) or 0


def allocations_with_something_left(case_id: UUID) -> int:
    """Allocations of which not everything is spent."""
    sums = queries.sums_of([case_id]).get(case_id)
    return int(sums is not None and any(digit in "123456789" for digit in sums.available_plain))


MATTERS["payment_requests"] = Matter(
    requests_under_way,
    lambda count: ngettext(
        "%(num)s demande de paiement en cours", "%(num)s demandes de paiement en cours", count
    ),
)
MATTERS["allocations"] = Matter(
    allocations_with_something_left,
    lambda count: ngettext(
        "une allocation dont il reste quelque chose", "%(num)s allocations dont il reste quelque chose", count
    ),
)
