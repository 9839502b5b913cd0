"""Which phones a person may see: one's own, those of one's office, or all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from ...database import db
from ...people.models import Office, Phone, PhonePerson, Staff
from ...permissions import Role

MOST_PHONES = 300


@dataclass(frozen=True)
class KnownPhone:
    """A phone with the people on it, as its page says it. Bytes and milliseconds; None where it never said."""

    id: UUID
    label: str
    people: list[str]
    enrolled_at: datetime
    seen_at: datetime
    revoked_at: datetime | None
    unsent: int | None
    oldest_unsent_at: datetime | None
    persistent: bool | None
    used: int | None
    quota: int | None
    build: str | None
    clock_error_ms: int | None


def phones_for(person: Any) -> list[KnownPhone]:
    """The phones this person may see, those that were cut off last, the longest silent first."""
    phones = db.session.scalars(
        _of(person).order_by(Phone.revoked_at.is_not(None), Phone.seen_at, Phone.id).limit(MOST_PHONES)
    ).all()
    names: dict[UUID, list[str]] = {phone.id: [] for phone in phones}
    for phone_id, name in db.session.execute(
        select(PhonePerson.phone_id, Staff.name)
        .join(Staff, Staff.id == PhonePerson.staff_id)
        .where(PhonePerson.phone_id.in_(names))
        .order_by(Staff.name)
    ):
        names[phone_id].append(name)
    return [
        KnownPhone(
            phone.id, phone.label, names[phone.id], phone.enrolled_at, phone.seen_at, phone.revoked_at, phone.unsent,
            phone.oldest_unsent_at, phone.persistent, phone.storage_used, phone.storage_quota, phone.build,
            phone.clock_error_ms,
        )
        for phone in phones
    ]  # fmt: skip


def find_phone(person: Any, phone_id: UUID) -> Phone | None:
    """The phone, if this person may see it."""
    return db.session.scalar(_of(person).where(Phone.id == phone_id))


def _of(person: Any) -> Select[Any]:
    people = select(PhonePerson.phone_id).join(Staff, Staff.id == PhonePerson.staff_id)
    if person.role == Role.PROGRAMME_MANAGER:
        people = people.join(Office, Office.id == Staff.office_id).where(Office.id == person.office_id)
    elif person.role != Role.ADMINISTRATOR:
        people = people.where(Staff.id == person.id)
    return select(Phone).where(Phone.id.in_(people))
