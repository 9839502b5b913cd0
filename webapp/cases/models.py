"""Returnees, their cases, the one timeline, and the lists that sending missions send."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..database import Utc, db

Model: Any = db.Model

STAGES = (
    "first_contact",
    "interview",
    "medical_check",
    "travel_document",
    "departure_set",
    "departed",
    "arrived",
    "plan",
    "in_progress",
    "follow_up",
    "closed",
    "interrupted",
)
"""Where an accompaniment stands, from first contact to closure; a return may be interrupted at any step."""
RETURNING = STAGES[: STAGES.index("arrived")]
"""Stages before the arrival: the mission that sends still waits for something."""


class Returnee(Model):
    """The person who came back."""

    __tablename__ = "returnees"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    family_name: Mapped[str] = mapped_column(String(120))
    given_names: Mapped[str] = mapped_column(String(160))
    name_folded: Mapped[str] = mapped_column(String(300), index=True)
    sex: Mapped[str | None] = mapped_column(String(1))
    birth_date: Mapped[date | None]
    birth_approximate: Mapped[bool] = mapped_column(default=False)
    nationality: Mapped[str | None] = mapped_column(String(2))
    languages: Mapped[list[str]] = mapped_column(JSON, default=list)
    phone_numbers: Mapped[list["PhoneNumber"]] = relationship(lazy="raise", order_by="PhoneNumber.position")

    @property
    def name(self) -> str:
        return f"{self.given_names} {self.family_name}".strip()


class PhoneNumber(Model):
    """A number on which the returnee, or someone close, can be reached."""

    __tablename__ = "phone_numbers"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    returnee_id: Mapped[UUID] = mapped_column(ForeignKey("returnees.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    written: Mapped[str] = mapped_column(String(80))
    e164: Mapped[str | None] = mapped_column(String(20))
    whose: Mapped[str] = mapped_column(String(40), default="own")
    """``own``, or the words that say whose it is (frère, oncle…)."""


class Case(Model):
    """One accompaniment, from referral to closure."""

    __tablename__ = "cases"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    external_ref: Mapped[str | None] = mapped_column(String(40), unique=True)
    returnee_id: Mapped[UUID] = mapped_column(ForeignKey("returnees.id"), index=True)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    counsellor_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    caseworker_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    escort_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    """Who goes with the person to the airport: knows the case until the arrival, no longer."""
    project: Mapped[str] = mapped_column(String(40), default="default", server_default="default")
    """Whose steps and schedule apply: the name of a folder of data files (see ``projects``)."""
    stage: Mapped[str] = mapped_column(String(20))
    list_name: Mapped[str] = mapped_column(String(300))
    """The folded family name, then given names: the order of lists."""
    opened_at: Mapped[datetime] = mapped_column(Utc)
    closed_at: Mapped[datetime | None] = mapped_column(Utc)
    departed_on: Mapped[date | None]
    arrived_on: Mapped[date | None]
    region: Mapped[str | None] = mapped_column(String(80))
    place: Mapped[str | None] = mapped_column(String(80))
    contact_person: Mapped[str | None] = mapped_column(String(120))
    activity: Mapped[str | None] = mapped_column(String(80))
    donor_name: Mapped[str | None] = mapped_column(String(80))
    ceiling_minor: Mapped[int | None] = mapped_column(BigInteger)
    """The most that the donor may grant, as the referral list says it; what is granted is the allocation's."""
    ceiling_currency: Mapped[str | None] = mapped_column(String(3))
    household_size: Mapped[int | None]
    needs: Mapped[list[str]] = mapped_column(JSON, default=list)
    restricted_needs: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Needs that no list, pack or search shows."""
    remarks: Mapped[str | None] = mapped_column(Text)
    next_follow_up_on: Mapped[date | None]
    next_follow_up_channel: Mapped[str | None] = mapped_column(String(20))
    next_follow_up_ends_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)
    returnee: Mapped[Returnee] = relationship(lazy="raise")
    __table_args__ = (
        CheckConstraint("stage IN (" + ", ".join(f"'{stage}'" for stage in STAGES) + ")", name="known_stage"),
        Index("ix_cases_officer_name", "officer_id", "list_name", "id"),
        Index("ix_cases_office_name", "office_id", "list_name", "id"),
        Index("ix_cases_counsellor_name", "counsellor_id", "list_name", "id"),
        Index("ix_cases_caseworker_name", "caseworker_id", "list_name", "id"),
        Index("ix_cases_officer_due", "officer_id", "next_follow_up_on", "id"),
        Index("ix_cases_office_due", "office_id", "next_follow_up_on", "id"),
        Index("ix_cases_caseworker_stage", "caseworker_id", "stage"),
        Index("ix_cases_escort", "escort_id"),
        Index("ix_cases_office_stage", "office_id", "stage"),
    )


class SearchRow(Model):
    """What a case is found by, with whose lists it stands on. SQLite mirrors ``words`` in the FTS5 table
    ``case_search``; PostgreSQL has a trigram index on it."""

    __tablename__ = "search_rows"
    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), unique=True)
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"), index=True)
    counsellor_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    caseworker_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    words: Mapped[str] = mapped_column(Text)


class CaseOfficer(Model):
    """Who has followed a case, since when and until when: the record of transfers."""

    __tablename__ = "case_officers"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    since: Mapped[datetime] = mapped_column(Utc)
    until: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (Index("ix_case_officers_staff_case", "staff_id", "case_id"),)


class TimelineEntry(Model):
    """Something that happened: history, audit and the worker's queue in one row. Never changed, never deleted."""

    __tablename__ = "timeline_entries"
    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID | None]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    happened_at: Mapped[datetime] = mapped_column(Utc)
    recorded_at: Mapped[datetime] = mapped_column(Utc)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    considered_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the worker looked at it; what it has not looked at is its queue."""
    __table_args__ = (
        Index("ix_timeline_case", "case_id", "happened_at", "number"),
        Index(
            "ix_timeline_unconsidered",
            "number",
            sqlite_where=considered_at.is_(None),
            postgresql_where=considered_at.is_(None),
        ),
        UniqueConstraint("kind", "subject_id", name="uq_timeline_entries_deed"),
    )


class Change(Model):
    """A case that a person's phone must fetch again. Numbers appear in order (see ``next_number``)."""

    __tablename__ = "changes"
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    __table_args__ = (Index("ix_changes_staff", "staff_id", "number"),)


class ReferralList(Model):
    """A list a sending mission sent, as it was read: shown first, taken in when somebody confirms."""

    __tablename__ = "referral_lists"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    file_name: Mapped[str] = mapped_column(String(200))
    file_digest: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(300))
    read_at: Mapped[datetime] = mapped_column(Utc)
    read_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    taken_in_at: Mapped[datetime | None] = mapped_column(Utc)
    taken_in_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    unread: Mapped[list[Any]] = mapped_column(JSON, default=list)


class ReferralRow(Model):
    """One line of a referral list: what was understood, what was made of it."""

    __tablename__ = "referral_rows"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    list_id: Mapped[UUID] = mapped_column(ForeignKey("referral_lists.id"))
    line: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(12))
    """``created``, ``same``, ``look`` or ``refused``."""
    chosen: Mapped[bool] = mapped_column(default=False)
    """Somebody looked and wants it taken in."""
    fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    row: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What was understood, without the restricted needs."""
    restricted_needs: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Needs that no page shows, on their way to the case."""
    reasons: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """What the comparison with the cases found."""
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    __table_args__ = (UniqueConstraint("list_id", "line"),)
