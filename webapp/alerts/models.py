"""Alerts, push subscriptions, and the jobs that send."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db

Model: Any = db.Model


class Alert(Model):
    """Something one person must look at. Raised once for each (rule, entry, person)."""

    __tablename__ = "alerts"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    rule: Mapped[str] = mapped_column(String(40))
    entry_number: Mapped[int] = mapped_column(ForeignKey("timeline_entries.number"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    subject_id: Mapped[UUID | None]
    for_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    urgent: Mapped[bool]
    raised_at: Mapped[datetime] = mapped_column(Utc)
    pushed_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the person's phone was told; empty while it waits, alone or with others for the hourly push."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(Utc)
    """When its reader took it up, or what had raised it ended."""
    settled_at: Mapped[datetime | None] = mapped_column(Utc)
    """Only where it ended before its reader took it up."""
    __table_args__ = (
        UniqueConstraint("rule", "entry_number", "for_id", name="uq_alerts_once"),
        Index(
            "ix_alerts_open",
            "for_id",
            "raised_at",
            "id",
            sqlite_where=acknowledged_at.is_(None),
            postgresql_where=acknowledged_at.is_(None),
        ),
        Index(
            "ix_alerts_acknowledged",
            "for_id",
            "raised_at",
            "id",
            sqlite_where=acknowledged_at.is_not(None),
            postgresql_where=acknowledged_at.is_not(None),
        ),
    )


class PushSubscription(Model):
    """Where a browser can be woken. The address is personal: it lies encrypted, found by its hash."""

    __tablename__ = "push_subscriptions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Made from the address's hash: the same browser saved twice is one row."""
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    endpoint_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """``{"endpoint", "p256dh", "auth", "origin"}``; the origin is ours, as that browser knows it."""
    vapid_key: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime] = mapped_column(Utc)
    worked_at: Mapped[datetime | None] = mapped_column(Utc)
    failures: Mapped[int] = mapped_column(default=0)


class Job(Model):
    """Work for the worker, written in the same commit as what asks for it."""

    __tablename__ = "jobs"
    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str | None] = mapped_column(String(80), unique=True)
    """Work that must not wait twice carries a key: asking again finds it waiting."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    due_at: Mapped[datetime] = mapped_column(Utc)
    leased_until: Mapped[datetime | None] = mapped_column(Utc)
    tries: Mapped[int] = mapped_column(default=0)
    last_trouble: Mapped[str | None] = mapped_column(String(200))
    __table_args__ = (Index("ix_jobs_due", "due_at"),)
