"""What waits in an office's quarantine, and what of it a manager may read."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from ...cases.models import Case
from ...database import db
from ...people.models import Staff
from ..models import QuarantineDecision, Submission

MOST = 200
PROTECTED = ("check-in", "red-flag", "referral")
"""Of danger, of how somebody feels and of referrals a manager learns that they came, never what they say or of whom."""


def waiting_for(person: Any) -> list[Any]:
    """The quarantined work of this manager's office, the oldest first: submission, author's name, who asked to
    throw it away."""
    return list(db.session.execute(_of(person).order_by(Submission.number).limit(MOST)))


def find(person: Any, submission_id: UUID) -> Any | None:
    """One of them, if it is of this manager's office and still waits; held until the transaction ends."""
    return db.session.execute(
        _of(person).where(Submission.id == submission_id).with_for_update(of=Submission)
    ).first()


def _of(person: Any) -> Any:
    # Work whose author nobody knows is every office's to look at.
    return (
        select(Submission, Staff.name.label("author"), Case.code, QuarantineDecision)
        .outerjoin(Staff, Staff.id == Submission.author_id)
        .outerjoin(Case, Case.id == Submission.case_id)
        .outerjoin(QuarantineDecision, QuarantineDecision.submission_id == Submission.id)
        .where(
            Submission.outcome == "quarantined",
            Submission.sealed.is_not(None),
            or_(Staff.office_id == person.office_id, Submission.author_id.is_(None)),
        )
    )
