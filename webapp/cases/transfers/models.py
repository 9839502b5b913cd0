"""Each handing-on of a case: from whom, to whom, why, and what the next one should know."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ...database import Utc, db, one_of

Model: Any = db.Model

REASONS = ("person_moved", "workload", "officer_leaves", "language", "safety", "other")
OUTCOMES = ("done", "sent_back", "withdrawn")


class Transfer(Model):
    """A case that goes to another officer, or waits for the manager of another office. At most one of a case waits."""

    __tablename__ = "transfers"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    from_office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    from_officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    to_office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    to_officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    """Named by the manager who receives the case."""
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(Text, default="")
    """What whoever follows the case from here on should know."""
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(Utc)
    outcome: Mapped[str | None] = mapped_column(String(10))
    """Nothing while the other office has not answered."""
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Utc)
    answer: Mapped[str] = mapped_column(String(300), default="")
    """Why it was sent back."""
    __table_args__ = (
        CheckConstraint(one_of("reason", REASONS), name="known_reason"),
        CheckConstraint(one_of("outcome", OUTCOMES), name="known_outcome"),
        CheckConstraint("reason <> 'other' OR note <> ''", name="other_says_what"),
        CheckConstraint("outcome <> 'sent_back' OR answer <> ''", name="sent_back_says_why"),
        CheckConstraint("outcome <> 'done' OR to_officer_id IS NOT NULL", name="done_names_an_officer"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided_by_someone",
        ),
        Index("ix_transfers_case", "case_id", "asked_at"),
        Index("ix_transfers_to", "to_office_id", "asked_at"),
        Index("ix_transfers_from", "from_office_id", "asked_at"),
        Index(
            "uq_transfers_waiting",
            "case_id",
            unique=True,
            sqlite_where=outcome.is_(None),
            postgresql_where=outcome.is_(None),
        ),
    )
