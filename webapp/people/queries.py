"""Reads for the pages about people."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from ..database import db
from ..permissions import Role
from .models import Office, PhonePerson, Staff


@dataclass(frozen=True)
class Account:
    id: UUID
    name: str
    email: str
    role: Role
    office_name: str
    disabled_at: datetime | None
    phones: int


def accounts() -> list[Account]:
    """Every account, by office and name."""
    phones = (
        select(PhonePerson.staff_id, func.count().label("phones"))
        .where(PhonePerson.revoked_at.is_(None))
        .group_by(PhonePerson.staff_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Staff, Office.name, func.coalesce(phones.c.phones, 0))
        .join(Office)
        .outerjoin(phones, phones.c.staff_id == Staff.id)
        .order_by(Office.name, Staff.name)
    )
    return [
        Account(s.id, s.name, s.email, Role(s.role), office, s.disabled_at, count)
        for s, office, count in rows
    ]


def offices() -> list[Office]:
    """All offices by name."""
    return list(db.session.scalars(select(Office).order_by(Office.name)))


def account(staff_id: UUID) -> Staff:
    """The account of somebody who is signed in."""
    return db.session.get_one(Staff, staff_id)


def staff_by_email(email: str) -> Staff | None:
    """The account with this address, whatever its capitals."""
    return db.session.scalar(select(Staff).where(Staff.email == email.strip().lower()))
