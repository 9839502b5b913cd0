"""What of a person's safety is still open in a case: red flags that nobody has documented the answer to."""

from uuid import UUID

from flask_babel import ngettext
from sqlalchemy import func, select

from ..cases.open_matters import MATTERS, Matter
from ..database import db
from .models import RedFlag


def open_red_flags(case_id: UUID) -> int:
    """Dangers that were raised and are not over."""
    return (
        db.session.scalar(select(func.count()).where(RedFlag.case_id == case_id, RedFlag.closed_at.is_(None)))
        or 0
    )


MATTERS["red_flags"] = Matter(
    open_red_flags,
    lambda count: ngettext("%(num)s signal de danger ouvert", "%(num)s signaux de danger ouverts", count),
    to_decide=False,
)
