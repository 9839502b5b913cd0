"""Offices, staff, their sessions and their phones."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..database import Utc, db
from ..permissions import Role

Model: Any = db.Model


class Office(Model):
    """A mission's office: where its people work, in which time zone, and whom to call in danger."""

    __tablename__ = "offices"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    country: Mapped[str] = mapped_column(String(2))
    town: Mapped[str] = mapped_column(String(80))
    timezone: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    phone: Mapped[str] = mapped_column(String(40))
    emergency_numbers: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    """Numbers of the safety card: ``[{"name": …, "number": …}]``, most urgent first."""
    key_lease_hours: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """For how long its phones keep, on their disk, what a PIN opens; 0: in memory only. docs/data-protection.md."""


class Staff(Model):
    """A member of staff. Disabled, never deleted: what they wrote stays under their name."""

    __tablename__ = "staff"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    role: Mapped[str] = mapped_column(String(30))
    password_hash: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(5), default="fr")
    phone: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(Utc)
    disabled_at: Mapped[datetime | None] = mapped_column(Utc)
    office: Mapped[Office] = relationship(lazy="joined")
    __table_args__ = (
        CheckConstraint("role IN (" + ", ".join(f"'{role}'" for role in Role) + ")", name="known_role"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        Index("ix_staff_office_role", "office_id", "role"),
    )


class Session(Model):
    """One sign-in on one browser. Only a hash of its secret is kept, so a copied database opens nothing."""

    __tablename__ = "sessions"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    started_at: Mapped[datetime] = mapped_column(Utc)
    seen_at: Mapped[datetime] = mapped_column(Utc)
    ends_at: Mapped[datetime] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)
    phone_id: Mapped[UUID | None] = mapped_column(index=True)
    """The enrolled phone it was opened on, so that a lost one is signed out."""


class SignInLock(Model):
    """Wrong passwords for one address, counted before each check so that restarts and threads forget nothing."""

    __tablename__ = "sign_in_locks"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    total: Mapped[int]
    locked_until: Mapped[datetime | None] = mapped_column(Utc)


class Phone(Model):
    """An enrolled device; several people may share it."""

    __tablename__ = "phones"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(80))
    enrolled_at: Mapped[datetime] = mapped_column(Utc)
    seen_at: Mapped[datetime] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)
    unsent: Mapped[int | None]
    oldest_unsent_at: Mapped[datetime | None] = mapped_column(Utc)
    persistent: Mapped[bool | None]
    build: Mapped[str | None] = mapped_column(String(40))
    storage_used: Mapped[int | None] = mapped_column(BigInteger)
    storage_quota: Mapped[int | None] = mapped_column(BigInteger)
    clock_error_ms: Mapped[int | None] = mapped_column(BigInteger)
    reported_at: Mapped[datetime | None] = mapped_column(Utc)
    revoked_by_id: Mapped[UUID | None]


class PhonePerson(Model):
    """A person on a phone. Revoked alone, the others on the phone go on."""

    __tablename__ = "phone_people"
    phone_id: Mapped[UUID] = mapped_column(ForeignKey("phones.id"), primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True, index=True)
    enrolled_at: Mapped[datetime] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (UniqueConstraint("phone_id", "staff_id"),)
