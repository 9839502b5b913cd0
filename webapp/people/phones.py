"""Enrolled phones and the two passes that their submissions carry."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import select, update

from ..database import db
from ..permissions import Role
from ..web import NeedsAttention
from .models import Phone, PhonePerson, Staff
from .sessions import SignedIn


@dataclass(frozen=True)
class Author:
    """Whose work a submission is, by the pass inside its seal."""

    staff: Staff
    phone_id: UUID
    trusted: bool
    """False when the person or this phone was cut off: the work goes to quarantine, not to the bin."""

    @property
    def person(self) -> SignedIn:
        """The author as deeds know a signed-in person; there is no session behind it."""
        staff, office = self.staff, self.staff.office
        return SignedIn(
            staff.id, staff.name, Role(staff.role), staff.locale, office.id, office.name, office.country,
            office.timezone, office.currency, "",
        )  # fmt: skip


class Passes:
    """Signs and reads phone passes (let bytes in) and author passes (say whose work it is)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._phone = URLSafeSerializer(
            secret, salt="phone pass", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._author = URLSafeSerializer(
            secret, salt="author pass", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def phone_pass(self, phone_id: UUID) -> str:
        return str(self._phone.dumps(phone_id.hex))

    def author_pass(self, phone_id: UUID, staff_id: UUID) -> str:
        return str(self._author.dumps([phone_id.hex, staff_id.hex]))

    def opaque(self, staff_id: UUID) -> str:
        """A name for the person's stores on the phone that says nothing about the person."""
        return hmac.new(self._secret.encode(), b"person" + staff_id.bytes, hashlib.sha256).hexdigest()[:20]

    def read_phone_pass(self, text: str) -> UUID | None:
        """The phone that a pass names, if we signed it."""
        try:
            return UUID(hex=self._phone.loads(text))
        except (BadData, ValueError, TypeError, AttributeError):
            return None

    def read_author_pass(self, text: str) -> tuple[UUID, UUID] | None:
        """(phone, staff) that a pass names, if we signed it."""
        try:
            phone, staff = self._author.loads(text)
            return UUID(hex=phone), UUID(hex=staff)
        except (BadData, ValueError, TypeError, AttributeError):
            return None


def enrol(phone_id: UUID, staff_id: UUID, *, label: str, now: datetime) -> Phone:
    """Make this phone known, and this person on it. Asked again, it changes nothing but the last contact."""
    phone = db.session.get(Phone, phone_id)
    if phone is None:
        phone = Phone(id=phone_id, label=label, enrolled_at=now, seen_at=now)
        db.session.add(phone)
        db.session.flush()
    if phone.revoked_at is not None:
        raise NeedsAttention({"phone": ["revoked"]})
    phone.seen_at = now
    person = db.session.get(PhonePerson, (phone_id, staff_id))
    if person is None:
        db.session.add(PhonePerson(phone_id=phone_id, staff_id=staff_id, enrolled_at=now))
    else:
        # Whoever could sign in again after a dismissal was taken back may use the phone again.
        person.revoked_at = None
    return phone


def find_author(passes: Passes, text: str) -> Author | None:
    """Whose pass this is; None when we never gave it."""
    named = passes.read_author_pass(text)
    if named is None:
        return None
    phone_id, staff_id = named
    row = db.session.execute(
        select(Staff, Phone.revoked_at, PhonePerson.revoked_at)
        .join(PhonePerson, (PhonePerson.staff_id == Staff.id) & (PhonePerson.phone_id == phone_id))
        .join(Phone, Phone.id == phone_id)
        .where(Staff.id == staff_id)
    ).first()
    if row is None:
        return None
    staff, phone_revoked, person_revoked = row
    return Author(staff, phone_id, not (phone_revoked or person_revoked or staff.disabled_at))


def revoke_phones(staff_id: UUID, *, now: datetime) -> None:
    """Cut a person off on every phone; the other people on those phones go on."""
    db.session.execute(
        update(PhonePerson)
        .where(PhonePerson.staff_id == staff_id, PhonePerson.revoked_at.is_(None))
        .values(revoked_at=now)
    )
