"""Check-ins and red flags. Answers, results and what help is needed lie encrypted, bound to their row."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db

Model: Any = db.Model

OUTCOMES = ("answered", "declined", "not_alone")


class CheckIn(Model):
    """One instrument offered to one person. "Declined today" is an answer, without any consequence."""

    __tablename__ = "check_ins"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(Utc)
    received_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    instrument: Mapped[str] = mapped_column(String(40))
    instrument_version: Mapped[str] = mapped_column(String(20))
    scoring_version: Mapped[str] = mapped_column(String(20))
    locale: Mapped[str] = mapped_column(String(5))
    """The language it was asked in: a score of an unverified translation is read with care."""
    outcome: Mapped[str] = mapped_column(String(10))
    answers_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Item id → code, as chosen; kept for ever, scores can be computed again."""
    result_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """``{"raw", "percent", "band", "drop", "dimensions"}``; what is no whole number is written as a fraction."""
    __table_args__ = (
        CheckConstraint("outcome IN ('answered', 'declined', 'not_alone')", name="known_outcome"),
        CheckConstraint("outcome = 'answered' OR answers_sealed IS NULL", name="declined_has_no_answers"),
        Index("ix_check_ins_case", "case_id", "instrument", "asked_at"),
        Index("ix_check_ins_instrument", "instrument", "asked_at"),
    )


class PublishedInstrument(Model):
    """A version of an instrument that an administrator published here: the whole file. Added, never changed."""

    __tablename__ = "instruments"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(Utc)
    published_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (UniqueConstraint("name", "version"),)


class InstrumentSwitch(Model):
    """An office, or one place of it, does not give this instrument: there is nobody to refer people to."""

    __tablename__ = "instrument_switches"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    instrument: Mapped[str] = mapped_column(String(40))
    place: Mapped[str] = mapped_column(String(80), default="")
    """The place of the case, folded; empty for the whole office."""
    off_at: Mapped[datetime] = mapped_column(Utc)
    off_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (UniqueConstraint("office_id", "instrument", "place"),)


class NextStep(Model):
    """What a result asks somebody to do, and until when. It never says what somebody has."""

    __tablename__ = "next_steps"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    check_in_id: Mapped[UUID] = mapped_column(ForeignKey("check_ins.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    action: Mapped[str] = mapped_column(String(24))
    due_on: Mapped[date]
    made_at: Mapped[datetime] = mapped_column(Utc)
    done_at: Mapped[datetime | None] = mapped_column(Utc)
    done_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str | None] = mapped_column(String(12))
    __table_args__ = (
        CheckConstraint("outcome IN ('done', 'accepted', 'declined')", name="known_outcome"),
        CheckConstraint("(done_at IS NULL) = (outcome IS NULL)", name="done_has_outcome"),
        UniqueConstraint("check_in_id", "action"),
        Index(
            "ix_next_steps_open",
            "case_id",
            "due_on",
            sqlite_where=done_at.is_(None),
            postgresql_where=done_at.is_(None),
        ),
        Index(
            "ix_next_steps_due",
            "due_on",
            sqlite_where=done_at.is_(None),
            postgresql_where=done_at.is_(None),
        ),
    )


class RedFlag(Model):
    """A same-day danger that an officer raised. Open until somebody documents what was done."""

    __tablename__ = "red_flags"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    raised_at: Mapped[datetime] = mapped_column(Utc)
    received_at: Mapped[datetime] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """``{"category", "help_needed"}``"""
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What was done, in the words of who closed it."""
    closed_at: Mapped[datetime | None] = mapped_column(Utc)
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (
        Index("ix_red_flags_case", "case_id", "raised_at"),
        Index(
            "ix_red_flags_open",
            "raised_at",
            sqlite_where=closed_at.is_(None),
            postgresql_where=closed_at.is_(None),
        ),
    )
