"""What phones say of themselves, and what is done to a lost one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from ...cases.timeline import add_entry
from ...database import db
from ...people.models import Phone, PhonePerson, Session, Staff
from ...people.sessions import SignedIn

EVERYBODY = "*"
MOST_UNSENT = 1_000_000
LARGEST = 2**53
"""Numbers beyond it are none that a script can mean."""
ODDEST_CLOCK_MS = 40 * 365 * 86_400_000


def note_state(phone: Phone, said: dict[str, Any], *, now: datetime) -> None:
    """Keep what the phone says of itself; what makes no sense is taken for not said."""
    phone.seen_at = phone.reported_at = now
    phone.unsent = _whole(said.get("unsent"), MOST_UNSENT)
    phone.oldest_unsent_at = _moment(said.get("oldest_unsent_at"), now)
    phone.persistent = said["persistent"] if isinstance(said.get("persistent"), bool) else None
    phone.storage_used, phone.storage_quota = _whole(said.get("used")), _whole(said.get("quota"))
    build = said.get("build")
    phone.build = build[:40] if isinstance(build, str) and build.isprintable() else None
    error = said.get("clock_error_ms")
    sensible = isinstance(error, int | float) and abs(error) <= ODDEST_CLOCK_MS
    phone.clock_error_ms = int(error) if sensible else None  # type: ignore[arg-type]


def persons_to_forget(phone: Phone | None) -> list[UUID] | str:
    """Whose pages must leave this phone: EVERYBODY's when it is cut off or unknown, else of whom it was taken from."""
    if phone is None or phone.revoked_at is not None:
        return EVERYBODY
    return list(
        db.session.scalars(
            select(Staff.id)
            .join(PhonePerson, PhonePerson.staff_id == Staff.id)
            .where(
                PhonePerson.phone_id == phone.id,
                PhonePerson.revoked_at.is_not(None) | Staff.disabled_at.is_not(None),
            )
            .order_by(Staff.id)
        )
    )


def revoke_phone(phone: Phone, *, by: SignedIn, now: datetime) -> None:
    """Cut a lost phone off, with everybody on it: signed out there, cleared at its next contact, and what it still
    delivers is set aside. Done twice it is done once."""
    if phone.revoked_at is not None:
        return
    phone.revoked_at, phone.revoked_by_id = now, by.id
    db.session.execute(
        update(Session)
        .where(Session.phone_id == phone.id, Session.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    add_entry(
        "phone.revoked",
        case=None,
        office_id=by.office_id,
        subject=phone.id,
        by=by.id,
        happened_at=now,
        now=now,
    )


def _whole(said: Any, most: int = LARGEST) -> int | None:
    is_number = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= most
    return int(said) if is_number else None


def _moment(said: Any, now: datetime) -> datetime | None:
    try:
        moment = datetime.fromisoformat(said.replace("Z", "+00:00"))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, AttributeError, OverflowError):
        return None
    return min(moment, now) if moment.year >= 1970 else None
