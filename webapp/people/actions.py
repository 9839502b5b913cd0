"""What is done to accounts."""

from datetime import datetime
from uuid import UUID, uuid4

from ..database import db
from ..permissions import Role
from . import passwords, phones, sessions
from .models import Office, Staff


def add_staff(
    *,
    name: str,
    email: str,
    role: Role,
    office: Office,
    password: str,
    locale: str,
    now: datetime,
    id: UUID | None = None,
) -> Staff:
    """Make an account; the address must be new (unique in the database)."""
    staff = Staff(
        id=id or uuid4(),
        name=name.strip(),
        email=email.strip().lower(),
        role=str(role),
        office_id=office.id,
        password_hash=passwords.hashed(password),
        locale=locale,
        created_at=now,
    )
    db.session.add(staff)
    db.session.flush()
    return staff


def change_password(staff: Staff, password: str, *, now: datetime) -> None:
    """Another password; whoever was signed in anywhere under the old one is signed out."""
    staff.password_hash = passwords.hashed(password)
    sessions.end_all_sessions(staff.id, now=now)


def disable_staff(staff: Staff, *, now: datetime) -> None:
    """Dismiss: signed out everywhere and cut off on every phone at once; what they wrote stays theirs."""
    staff.disabled_at = staff.disabled_at or now
    sessions.end_all_sessions(staff.id, now=now)
    phones.revoke_phones(staff.id, now=now)


def enable_staff(staff: Staff) -> None:
    """Take a dismissal back. Phones must be enrolled again."""
    staff.disabled_at = None
