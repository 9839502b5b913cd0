"""What of a return goes with its case to another office."""

from uuid import UUID

from sqlalchemy import update

from ..cases.actions import ON_TRANSFER
from ..cases.models import Case
from ..database import db
from .models import Procedure


def receiving_office_follows(case: Case, left: UUID) -> None:
    """Where the person is received by the office that hands the case on, the new one receives; a new day of departure
    would otherwise take the case back."""
    db.session.execute(
        update(Procedure)
        .where(Procedure.case_id == case.id, Procedure.office_id == left)
        .values(office_id=case.office_id)
    )


ON_TRANSFER.append(receiving_office_follows)
