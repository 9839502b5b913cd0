"""The end of an accompaniment, and what the person said of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, and_, or_
from sqlalchemy.orm import Mapped, mapped_column

from ...database import Utc, db, one_of

Model: Any = db.Model

REASONS = (
    "completed", "dropped_out", "unreachable", "moved_away", "migrated_again", "died", "interrupted", "other",
)  # fmt: skip
OUTCOMES = ("signed_off", "sent_back", "withdrawn")
ITEMS = (
    "return_help", "counselling", "economic_help", "social_help", "community_help", "overall", "expectations",
)  # fmt: skip
"""What the person is asked about at the end, as the questionnaire of satisfaction names it."""


class Closure(Model):
    """One end of an accompaniment: asked, then signed off or not by somebody else, perhaps reopened. A case has at most
    one that stands."""

    __tablename__ = "closures"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    reason: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(Text, default="")
    money_left: Mapped[str] = mapped_column(String(300), default="")
    """What becomes of what is left of the allocation."""
    stage_before: Mapped[str] = mapped_column(String(20))
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(Utc)
    recorded_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    """What the phone's clock said when it was saved; kept, never trusted for order."""
    answers: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Item → 1 to 5, only what was answered."""
    outcome: Mapped[str | None] = mapped_column(String(12))
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Utc)
    answer: Mapped[str] = mapped_column(String(300), default="")
    """Why it was sent back."""
    reopened_at: Mapped[datetime | None] = mapped_column(Utc)
    reopened_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    reopened_because: Mapped[str] = mapped_column(String(300), default="")
    __table_args__ = (
        CheckConstraint(one_of("reason", REASONS), name="known_reason"),
        CheckConstraint(one_of("outcome", OUTCOMES), name="known_outcome"),
        CheckConstraint("reason <> 'other' OR words <> ''", name="other_says_what"),
        CheckConstraint("outcome <> 'sent_back' OR answer <> ''", name="sent_back_says_why"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint(
            "outcome IS NULL OR outcome <> 'signed_off' OR decided_by_id <> asked_by_id",
            name="signed_off_by_another",
        ),
        CheckConstraint(
            "(reopened_at IS NULL) = (reopened_by_id IS NULL) AND (reopened_at IS NULL OR "
            "(outcome IS NOT NULL AND outcome = 'signed_off' AND reopened_because <> ''))",
            name="reopened_by_someone",
        ),
        Index("ix_closures_case", "case_id", "recorded_at"),
        Index(
            "uq_closures_standing",
            "case_id",
            unique=True,
            sqlite_where=or_(outcome.is_(None), and_(outcome == "signed_off", reopened_at.is_(None))),
            postgresql_where=or_(outcome.is_(None), and_(outcome == "signed_off", reopened_at.is_(None))),
        ),
    )

    @property
    def stands(self) -> bool:
        """Waiting for a second person, or signed off and not reopened."""
        return self.outcome is None or (self.outcome == "signed_off" and self.reopened_at is None)
