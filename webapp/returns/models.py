"""Where a return stands, the steps that were done, and its interruptions."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db, one_of

Model: Any = db.Model

OUTCOMES = ("done", "open", "skipped")
"""``open``: something was done and the step goes on, such as a laissez-passer that was asked for."""
ASKED_BY = ("person", "programme")
DECISIONS = ("go_on", "cancel", "mixed")


class Procedure(Model):
    """Where one person's return stands: the step waited for, since when, and the journey once it is known."""

    __tablename__ = "procedures"
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    """The office of origin, which will receive the person."""
    began_with: Mapped[str] = mapped_column(String(30))
    """The first step done here; those before it were done before the case came."""
    next_step: Mapped[str | None] = mapped_column(String(30))
    """None once nothing is waited for any more."""
    waiting_since: Mapped[datetime] = mapped_column(Utc)
    departs_on: Mapped[date | None]
    arrives_on: Mapped[date | None]
    flight: Mapped[str] = mapped_column(String(40), default="")
    transit: Mapped[str] = mapped_column(String(80), default="")
    assistance: Mapped[list[str]] = mapped_column(JSON, default=list)
    informed_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the office of origin was told of the arrival."""
    __table_args__ = (
        CheckConstraint("arrives_on IS NULL OR departs_on IS NOT NULL", name="arrives_after_leaving"),
    )


class ProcedureStep(Model):
    """One step as it was done, skipped or done again. Never changed afterwards."""

    __tablename__ = "procedure_steps"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    step: Mapped[str] = mapped_column(String(30))
    outcome: Mapped[str] = mapped_column(String(10))
    happened_on: Mapped[date]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    """What the phone's clock said when it was saved; kept, never trusted for order."""
    reason: Mapped[str] = mapped_column(String(300), default="")
    """Why it was skipped or done again."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    file: Mapped[str | None] = mapped_column(String(100))
    """The photo of its paper."""
    __table_args__ = (
        CheckConstraint(one_of("outcome", OUTCOMES), name="known_outcome"),
        CheckConstraint("outcome <> 'skipped' OR reason <> ''", name="skipped_says_why"),
        Index("ix_procedure_steps_case", "case_id", "recorded_at"),
    )


class Interruption(Model):
    """A return that was stopped, at whatever step; nobody's fault, and it may be resumed. A case has at most one
    that stands."""

    __tablename__ = "interruptions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    step: Mapped[str | None] = mapped_column(String(30))
    stage_before: Mapped[str] = mapped_column(String(20))
    interrupted_at: Mapped[datetime] = mapped_column(Utc)
    recorded_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    asked_by: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(20), default="")
    """A coarse word, or nothing: nobody owes a reason."""
    open_matters: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """What was still under way, by kind, for the manager to decide on."""
    decision: Mapped[str | None] = mapped_column(String(10))
    decided_at: Mapped[datetime | None] = mapped_column(Utc)
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    resumed_at: Mapped[datetime | None] = mapped_column(Utc)
    resumed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (
        CheckConstraint(one_of("asked_by", ASKED_BY), name="known_asked_by"),
        CheckConstraint(f"decision IS NULL OR {one_of('decision', DECISIONS)}", name="known_decision"),
        CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by_id IS NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint("(resumed_at IS NULL) = (resumed_by_id IS NULL)", name="resumed_by_someone"),
        Index("ix_interruptions_case", "case_id", "interrupted_at"),
        Index(
            "uq_interruptions_standing",
            "case_id",
            unique=True,
            sqlite_where=resumed_at.is_(None),
            postgresql_where=resumed_at.is_(None),
        ),
    )
