"""Plans in versions: a version that was submitted is never changed, and at most one of a case waits for approval."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db, one_of
from ..money import LARGEST

Model: Any = db.Model

STATES = ("waiting", "approved", "sent_back", "replaced")
"""``replaced``: a later version was submitted before anybody decided on this one."""
OUTCOMES = ("done", "dropped")
TEXTS = ("objectives", "activity", "sector", "place", "partners", "training", "risks")


class Plan(Model):
    """One version of a case's plan, whole in one row: only its decision is ever added (trigger)."""

    __tablename__ = "plans"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    """1 for the first version of the case."""
    state: Mapped[str] = mapped_column(String(10))
    objectives: Mapped[str] = mapped_column(String(2000))
    """In the returnee's own words."""
    activity: Mapped[str] = mapped_column(String(200))
    sector: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(120))
    partners: Mapped[str] = mapped_column(String(300))
    training: Mapped[str] = mapped_column(String(500))
    risks: Mapped[str] = mapped_column(String(1000))
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """``{"key", "what", "due_on", "who"}``: the key is the same in every version, and so are the lines'."""
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """``{"key", "category", "what", "minor", "provider_id", "provider"}``; the provider's name as it was then."""
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    submitted_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    """What the phone's clock said when it was saved; kept, never trusted for order."""
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Utc)
    reason: Mapped[str] = mapped_column(String(300), default="")
    """Why it was sent back."""
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        CheckConstraint(one_of("state", STATES), name="known_state"),
        CheckConstraint("objectives <> ''", name="says_objectives"),
        CheckConstraint(f"total_minor >= 0 AND total_minor <= {LARGEST}", name="total_in_range"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> author_id", name="decided_by_another"),
        CheckConstraint(
            "(state IN ('approved', 'sent_back')) = (decided_by_id IS NOT NULL) "
            "AND (decided_by_id IS NULL) = (decided_at IS NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint("state <> 'sent_back' OR reason <> ''", name="sent_back_says_why"),
        Index(
            "uq_plans_waiting",
            "case_id",
            unique=True,
            sqlite_where=state == "waiting",
            postgresql_where=state == "waiting",
        ),
    )


class PlanStepOutcome(Model):
    """A step of a plan that was done or dropped: once, whatever version it stands in. Only added (trigger)."""

    __tablename__ = "plan_step_outcomes"
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    step: Mapped[UUID] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(300), default="")
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint(one_of("outcome", OUTCOMES), name="known_outcome"),
        CheckConstraint("outcome <> 'dropped' OR reason <> ''", name="dropped_says_why"),
    )
