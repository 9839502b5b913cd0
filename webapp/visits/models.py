"""Follow-ups done, by any channel, and their photos."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db, one_of

Model: Any = db.Model

CHANNELS = ("home_visit", "business_visit", "call", "office")
CONCERNS = ("none", "some", "serious")
SUBJECTS = ("goods", "premises", "document", "person")


class FollowUp(Model):
    """A contact with a returnee: a visit when in person, a call when by phone. Never changed afterwards."""

    __tablename__ = "follow_ups"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    visited_at: Mapped[datetime] = mapped_column(Utc)
    received_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    """What the phone's clock said when it was saved; kept, never trusted for order."""
    channel: Mapped[str] = mapped_column(String(20))
    reached: Mapped[bool]
    why_not: Mapped[str | None] = mapped_column(String(20))
    present: Mapped[str] = mapped_column(String(200), default="")
    activity_status: Mapped[str | None] = mapped_column(String(30))
    agreed: Mapped[str] = mapped_column(String(500), default="")
    agreed_due_on: Mapped[date | None]
    concern: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(Text, default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    photos_announced: Mapped[int] = mapped_column(default=0)
    """How many photos the phone said would follow: the visit is complete when as many are there."""
    __table_args__ = (
        CheckConstraint(one_of("channel", CHANNELS), name="known_channel"),
        CheckConstraint(one_of("concern", CONCERNS), name="known_concern"),
        CheckConstraint("reached OR why_not IS NOT NULL", name="not_reached_has_why"),
        Index("ix_follow_ups_case", "case_id", "visited_at"),
        Index("ix_follow_ups_by", "by_id", "visited_at"),
    )


class Photo(Model):
    """One picture of a follow-up, in a numbered slot. Only what we decoded and encoded ourselves is kept."""

    __tablename__ = "photos"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    for_visit: Mapped[UUID] = mapped_column(index=True)
    """The visit it was taken on: it may arrive before that visit does."""
    slot: Mapped[int]
    caption: Mapped[str] = mapped_column(String(200), default="")
    subject: Mapped[str] = mapped_column(String(10))
    consent: Mapped[bool]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    received_at: Mapped[datetime] = mapped_column(Utc, index=True)
    file: Mapped[str] = mapped_column(String(100), index=True)
    thumb: Mapped[str] = mapped_column(String(100))
    width: Mapped[int]
    height: Mapped[int]
    __table_args__ = (
        CheckConstraint(one_of("subject", SUBJECTS), name="known_subject"),
        CheckConstraint("subject <> 'person' OR consent", name="people_consent"),
    )
