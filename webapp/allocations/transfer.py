"""What of the money goes with a case to another office: the allocation, and every request that is not over.

A payment that was made stays in the books of the office that paid it, whose finance also hears what became of it.
"""

from uuid import UUID

from sqlalchemy import update

from ..cases.actions import ON_TRANSFER
from ..cases.models import Case
from ..database import db
from .models import Allocation, PaymentRequest
from .open_matters import ENDED


def money_follows(case: Case, left: UUID) -> None:
    """The office that has the case answers for its money."""
    db.session.execute(
        update(Allocation).where(Allocation.case_id == case.id).values(office_id=case.office_id)
    )
    db.session.execute(
        update(PaymentRequest)
        .where(PaymentRequest.case_id == case.id, PaymentRequest.state.not_in(ENDED))
        .values(office_id=case.office_id)
    )


ON_TRANSFER.append(money_follows)
