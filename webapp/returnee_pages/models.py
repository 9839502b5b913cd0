"""The code and PIN of a returnee, and what they said."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db

Model: Any = db.Model


class ReturneeAccess(Model):
    """A returnee's way in: a code that cannot be guessed and a PIN of which only a hash is kept."""

    __tablename__ = "returnee_access"
    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), unique=True)
    pin_hash: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(Utc)


class ReturneeSession(Model):
    """A short look of a returnee at the own page. Only a hash of its secret is kept."""

    __tablename__ = "returnee_sessions"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    started_at: Mapped[datetime] = mapped_column(Utc)
    ends_at: Mapped[datetime] = mapped_column(Utc)


class ReturneeWord(Model):
    """What the returnee said on the own page: received (all, a part, nothing), call me back."""

    __tablename__ = "returnee_words"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_requests.id"))
    """The purchase it is about; nothing when it is about all that was paid, or about none."""
    kind: Mapped[str] = mapped_column(String(20))
    said_at: Mapped[datetime] = mapped_column(Utc)
    answer: Mapped[str] = mapped_column(String(300), default="", server_default="")
    """What the office did about it; the returnee reads it."""
    answered_at: Mapped[datetime | None] = mapped_column(Utc)
    answered_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (
        CheckConstraint("kind IN ('received', 'partly', 'not_received', 'call_me_back')", name="known_kind"),
        CheckConstraint("request_id IS NULL OR kind <> 'call_me_back'", name="calls_are_about_no_purchase"),
        CheckConstraint("(answered_at IS NULL) = (answer = '')", name="answered_by_somebody"),
    )
