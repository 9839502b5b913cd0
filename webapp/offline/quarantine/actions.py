"""What a manager does with quarantined work."""

from datetime import datetime

from ...cases.timeline import add_entry
from ...database import db
from ...people.sessions import SignedIn
from ...visits.deeds import PressedPhoto
from .. import receiving
from ..models import QuarantineDecision, Submission


class NeedsASecond(Exception):
    """Whoever asked to throw work away cannot be the one who agrees."""


def accept(
    submission: Submission,
    desk: receiving.Desk,
    *,
    reason: str,
    by: SignedIn,
    now: datetime,
    photo: PressedPhoto | None = None,
) -> None:
    """Take the work in after all, under its author's name; the reason stays with who accepted it.

    Raises NeedsAttention with the sentences of the deed; then nothing is decided.
    """
    receiving.take_in_after_all(submission, desk, now=now, photo=photo)
    decision = db.session.get(QuarantineDecision, submission.id) or _asked(submission, reason, by, now)
    decision.reason = reason
    decision.outcome, decision.decided_by_id, decision.decided_at = "accepted", by.id, now
    _note("submission.accepted_after_all", submission, by, now)


def discard(submission: Submission, *, reason: str, by: SignedIn, now: datetime) -> bool:
    """Ask to throw the work away, or agree to who asked; whether it is gone now.

    Raises NeedsASecond when the same person comes again.
    """
    asked = db.session.get(QuarantineDecision, submission.id)
    if asked is None:
        _asked(submission, reason, by, now)
        return False
    if asked.proposed_by_id == by.id:
        raise NeedsASecond
    asked.outcome, asked.decided_by_id, asked.decided_at = "discarded", by.id, now
    submission.sealed, submission.superseded_at = None, now
    _note("submission.discarded", submission, by, now)
    db.session.flush()
    return True


def _asked(submission: Submission, reason: str, by: SignedIn, now: datetime) -> QuarantineDecision:
    asked = QuarantineDecision(
        submission_id=submission.id, reason=reason, proposed_by_id=by.id, proposed_at=now
    )
    db.session.add(asked)
    db.session.flush()
    return asked


def _note(kind: str, submission: Submission, by: SignedIn, now: datetime) -> None:
    add_entry(
        kind, case=None, office_id=by.office_id, subject=submission.id, by=by.id, happened_at=now, now=now,
        submission=str(submission.id),
    )  # fmt: skip
