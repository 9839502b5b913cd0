"""Referrals and their steps. Which service, who gives it and what is asked lie encrypted, bound to their row."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db, one_of
from .states import STATES, WITHIN, WITHOUT_CONSENT

Model: Any = db.Model

CONSENTS = ("spoken", "written", "declined")
WAYS = ("phone", "person", "letter", "message")
OUTCOMES = ("helped", "partly", "not_helped")


class Referral(Model):
    """One person sent to one provider for one service."""

    __tablename__ = "referrals"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    written_at: Mapped[datetime] = mapped_column(Utc)
    received_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    restricted: Mapped[bool]
    urgency: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[datetime] = mapped_column(Utc)
    """When the provider should have accepted it."""
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """``{"service", "provider", "name", "phone", "asked"}``; ``provider`` is the id of a listed one."""
    state: Mapped[str] = mapped_column(String(12))
    changed_at: Mapped[datetime] = mapped_column(Utc)
    consent: Mapped[str | None] = mapped_column(String(10))
    """What the person answered to this referral; none yet asked for is empty."""
    consent_on: Mapped[date | None]
    sent_how: Mapped[str | None] = mapped_column(String(10))
    appointment_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(String(12))
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="known_state"),
        CheckConstraint(one_of("urgency", tuple(WITHIN)), name="known_urgency"),
        CheckConstraint(f"consent IS NULL OR {one_of('consent', CONSENTS)}", name="known_consent"),
        CheckConstraint("(consent IS NULL) = (consent_on IS NULL)", name="consent_has_day"),
        CheckConstraint(
            f"{one_of('state', WITHOUT_CONSENT)} OR COALESCE(consent, 'declined') <> 'declined'",
            name="nothing_without_consent",
        ),
        CheckConstraint(f"sent_how IS NULL OR {one_of('sent_how', WAYS)}", name="known_way"),
        CheckConstraint(f"outcome IS NULL OR {one_of('outcome', OUTCOMES)}", name="known_outcome"),
        Index("ix_referrals_case", "case_id", "written_at"),
        Index("ix_referrals_due", "state", "due_at"),
    )


class ReferralStep(Model):
    """A state that a referral reached. Never changed afterwards."""

    __tablename__ = "referral_steps"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    state: Mapped[str] = mapped_column(String(12))
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Utc)
    words_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Why the provider refused, or what came of it."""
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="known_state"),
        UniqueConstraint("referral_id", "state"),
    )
