"""Server-side sessions: who is signed in, until when; revoked at once, everywhere."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flask_login import UserMixin
from sqlalchemy import bindparam, select, text, update

from ..config import Settings
from ..database import Utc, db, is_reading, own_transaction
from ..permissions import Role
from .models import Office, Session, Staff

_NOTE_SEEN_AFTER = timedelta(seconds=60)
_ALL_DAY = {Role.FIELD_OFFICER}
"""Roles whose session stays open through pauses: their phone has its own lock, and the field its own rhythm."""


@dataclass(frozen=True)
class SignedIn(UserMixin):
    """A signed-in member of staff, as pages and the policy need them. Nothing of it can be written back."""

    id: UUID
    name: str
    role: Role
    locale: str
    office_id: UUID
    office_name: str
    country: str
    timezone: str
    currency: str
    secret: str

    def get_id(self) -> str:
        """For Flask-Login: the secret of this session, not of the person, so that one phone can be signed out."""
        return self.secret


_FIND = (
    select(
        Staff.id,
        Staff.name,
        Staff.role,
        Staff.locale,
        Staff.office_id,
        Office.name.label("office_name"),
        Office.country,
        Office.timezone,
        Office.currency,
        Session.seen_at,
        Session.ends_at,
    )
    .join(Staff, Staff.id == Session.staff_id)
    .join(Office, Office.id == Staff.office_id)
    .where(
        Session.secret_hash == bindparam("hash"),
        Session.revoked_at.is_(None),
        Staff.disabled_at.is_(None),
    )
)


def start_session(staff: Staff, *, now: datetime, settings: Settings) -> SignedIn:
    """Open a new session for someone whose secret was right."""
    secret = secrets.token_urlsafe(32)
    ends_at = now + timedelta(hours=settings.session_hours)
    db.session.add(
        Session(secret_hash=_hash(secret), staff_id=staff.id, started_at=now, seen_at=now, ends_at=ends_at)
    )
    office = staff.office
    return SignedIn(
        staff.id, staff.name, Role(staff.role), staff.locale, office.id, office.name, office.country,
        office.timezone, office.currency, secret,
    )  # fmt: skip


def find_session(secret: str, *, now: datetime, settings: Settings) -> SignedIn | None:
    """Who this secret belongs to, if the session still stands."""
    row = db.session.execute(_FIND, {"hash": _hash(secret)}).first()
    if row is None or row.ends_at <= now:
        return None
    idle = now - row.seen_at
    if idle >= timedelta(minutes=settings.session_idle_minutes) and row.role not in _ALL_DAY:
        return None
    if idle > _NOTE_SEEN_AFTER:
        note_seen = update(Session).where(Session.secret_hash == _hash(secret)).values(seen_at=now)
        if is_reading():
            with own_transaction() as connection:
                connection.execute(note_seen)
        else:
            db.session.execute(note_seen)
    return SignedIn(
        row.id, row.name, Role(row.role), row.locale, row.office_id, row.office_name, row.country,
        row.timezone, row.currency, secret,
    )  # fmt: skip


def phone_of(secret: str) -> UUID | None:
    """The phone on which this session was opened, where it is an enrolled one."""
    return db.session.scalar(select(Session.phone_id).where(Session.secret_hash == _hash(secret)))


def tie_to_phone(secret: str, phone_id: UUID) -> None:
    """Say on which phone a session was opened."""
    db.session.execute(update(Session).where(Session.secret_hash == _hash(secret)).values(phone_id=phone_id))


def end_session(secret: str, *, now: datetime) -> None:
    """Sign out this one session."""
    db.session.execute(
        update(Session)
        .where(Session.secret_hash == _hash(secret), Session.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def end_all_sessions(staff_id: UUID, *, now: datetime) -> None:
    """Sign a person out everywhere: dismissed, new password, other role."""
    db.session.execute(
        update(Session)
        .where(Session.staff_id == staff_id, Session.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def forget_old_sessions(*, before: datetime) -> int:
    """Delete sessions that ended before a moment; how many."""
    return db.session.execute(
        text("DELETE FROM sessions WHERE ends_at < :before").bindparams(bindparam("before", type_=Utc)),
        {"before": before},
    ).rowcount  # type: ignore[attr-defined]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
