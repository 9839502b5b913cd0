"""Reads for the dashboards: each asks an index about one office, or adds up tallies; none counts a growing table."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text

from ..alerts.models import Alert
from ..cases.models import Case
from ..check_ins.models import RedFlag
from ..database import db
from ..offline.models import UNSETTLED, Submission
from ..people.models import Phone, PhonePerson, Staff
from ..permissions import Role
from ..visits.models import FollowUp
from .models import Tally

MOST_ROWS = 100
IN_PERSON = ("home_visit", "business_visit", "office")


@dataclass(frozen=True)
class OfficerLine:
    """An officer's month: follow-ups overdue, visits and calls made."""

    name: str
    overdue: int
    visits: int
    calls: int


def officers(office_id: UUID, *, today: date, month_began: datetime) -> list[OfficerLine]:
    """Each officer of the office; what is counted is one officer's caseload or month, never the whole table."""
    overdue = (
        select(func.count())
        .where(Case.officer_id == Staff.id, Case.next_follow_up_on < today)
        .correlate(Staff)
        .scalar_subquery()
    )
    done = (
        select(func.count())
        .where(FollowUp.by_id == Staff.id, FollowUp.visited_at >= month_began)
        .correlate(Staff)
    )
    rows = db.session.execute(
        select(
            Staff.name,
            overdue.label("overdue"),
            done.where(FollowUp.channel.in_(IN_PERSON)).scalar_subquery().label("visits"),
            done.where(FollowUp.channel == "call").scalar_subquery().label("calls"),
        )
        .where(
            Staff.office_id == office_id, Staff.role == str(Role.FIELD_OFFICER), Staff.disabled_at.is_(None)
        )
        .order_by(Staff.name)
        .limit(MOST_ROWS)
    )
    return [OfficerLine(*row) for row in rows]


def phones(office_id: UUID) -> list[Any]:
    """The office's phones and whose they are, the longest silent first."""
    return list(
        db.session.execute(
            select(Staff.name, Phone.label, Phone.unsent, Phone.oldest_unsent_at, Phone.seen_at)
            .join(PhonePerson, PhonePerson.staff_id == Staff.id)
            .join(Phone, Phone.id == PhonePerson.phone_id)
            .where(
                Staff.office_id == office_id,
                Staff.disabled_at.is_(None),
                PhonePerson.revoked_at.is_(None),
                Phone.revoked_at.is_(None),
            )
            .order_by(Phone.seen_at)
            .limit(MOST_ROWS)
        )
    )


def open_red_flags(office_id: UUID) -> tuple[int, datetime | None]:
    """How many red flags of the office are open, and since when the oldest is."""
    row = db.session.execute(
        select(func.count(), func.min(RedFlag.raised_at))
        .join(Case, Case.id == RedFlag.case_id)
        .where(RedFlag.closed_at.is_(None), Case.office_id == office_id)
    ).one()
    return row[0], row[1]


def open_alerts(staff_id: UUID, *, most: int = MOST_ROWS) -> int:
    """How many alerts wait for this person; counting stops at ``most``."""
    some = (
        select(Alert.id)
        .where(Alert.for_id == staff_id, Alert.acknowledged_at.is_(None))
        .limit(most)
        .subquery()
    )
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def unsettled_submissions(office_id: UUID) -> list[Any]:
    """What phones delivered and somebody must look at: the office's own, and what no author could be found for."""
    return list(
        db.session.execute(
            select(Submission.id, Submission.outcome, Submission.received_at, Staff.name)
            .outerjoin(Staff, Staff.id == Submission.author_id)
            .where(text(UNSETTLED), or_(Staff.office_id == office_id, Submission.author_id.is_(None)))
            .order_by(Submission.number.desc())
            .limit(MOST_ROWS)
        )
    )


def months(since: date) -> dict[date, dict[str, int]]:
    """What happened in all offices together, by month and measure."""
    found: dict[date, dict[str, int]] = {}
    rows = db.session.execute(
        select(Tally.month, Tally.measure, func.sum(Tally.number))
        .where(Tally.month >= since)
        .group_by(Tally.month, Tally.measure)
    )
    for month, measure, number in rows:
        found.setdefault(month, {})[measure] = int(number)
    return found
