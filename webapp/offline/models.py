"""Submissions as they arrived, and the parts of photos that are still on their way."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db

Model: Any = db.Model

OUTCOMES = ("accepted", "needs attention", "quarantined")
UNSETTLED = "outcome <> 'accepted' AND superseded_at IS NULL"
"""What somebody must still look at, in the words of the index that finds it."""


class Submission(Model):
    """One finished piece of work that reached us: the proof that it is here, and what became of it.

    The id was made on the phone. The row is written before the work is looked at, in the same transaction:
    a second copy finds it and gets the same receipt.
    """

    __tablename__ = "submissions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(64))
    sealing_key: Mapped[str] = mapped_column(String(40))
    phone_id: Mapped[UUID | None]
    """The phone that carried it here; the phone it was written on is named inside the seal."""
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    received_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    clock_error_ms: Mapped[int | None] = mapped_column(BigInteger)
    build: Mapped[str] = mapped_column(String(40), default="")
    outcome: Mapped[str] = mapped_column(String(20))
    errors: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Kept while somebody may still need it: when it needs attention or is quarantined."""
    supersedes: Mapped[UUID | None]
    superseded_at: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint("outcome IN ('accepted', 'needs attention', 'quarantined')", name="known_outcome"),
        Index("ix_submissions_author_number", "author_id", "number"),
        Index("ix_submissions_outcome", "outcome", "number"),
        Index(
            "ix_submissions_unsettled",
            "number",
            sqlite_where=text(UNSETTLED),
            postgresql_where=text(UNSETTLED),
        ),
    )


class ContestedSubmission(Model):
    """Other bytes that came under an id we already have: kept beside it and shown, never dropped."""

    __tablename__ = "contested_submissions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"))
    digest: Mapped[str] = mapped_column(String(64))
    sealing_key: Mapped[str] = mapped_column(String(40))
    phone_id: Mapped[UUID | None]
    received_at: Mapped[datetime] = mapped_column(Utc)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (Index("uq_contested_digest", "submission_id", "digest", unique=True),)


class QuarantineDecision(Model):
    """What a manager decided about work that came from a phone or person cut off: taken in after all by one,
    thrown away only by two."""

    __tablename__ = "quarantine_decisions"
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    outcome: Mapped[str | None] = mapped_column(String(20))
    """Nothing while one person asks to throw it away and no second one has agreed."""
    reason: Mapped[str] = mapped_column(String(300))
    proposed_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(Utc)
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint("reason <> ''", name="reason_given"),
        CheckConstraint("outcome IN ('accepted', 'discarded')", name="known_outcome"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint(
            "outcome IS NULL OR outcome <> 'discarded' OR decided_by_id <> proposed_by_id",
            name="discarded_by_two",
        ),
    )


class SubmissionPart(Model):
    """A part of a sealed photo. All parts of one digest together are the submission."""

    __tablename__ = "submission_parts"
    submission_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    phone_id: Mapped[UUID] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(Utc)
    body: Mapped[bytes] = mapped_column(LargeBinary)
