"""Reads for the alerts page, and what the worker must know before it sends."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, tuple_

from ..allocations.models import PaymentRequest
from ..cases.models import Case, TimelineEntry
from ..database import Utc, db
from ..keys import CannotOpen, Keyring
from ..people.models import Staff
from .models import Alert, PushSubscription
from .push import Target

PAGE = 30
MOST_SUBSCRIPTIONS = 5

_ALERT: Any = (
    select(
        Alert.id,
        Alert.rule,
        Alert.case_id,
        Alert.subject_id,
        Alert.entry_number,
        Alert.urgent,
        Alert.raised_at,
        Alert.acknowledged_at,
        Alert.settled_at,
        Case.code,
        Case.office_id,
        Case.officer_id,
        Case.counsellor_id,
        Case.caseworker_id,
    )
    .outerjoin(Case, Case.id == Alert.case_id)
    .where(Alert.for_id == bindparam("mine"))
)
_LATEST_FIRST = (Alert.raised_at.desc(), Alert.id.desc())
_BEFORE = tuple_(Alert.raised_at, Alert.id) < tuple_(
    bindparam("at", type_=Utc), bindparam("id", type_=Uuid())
)
_HALVES = {
    "open": _ALERT.where(Alert.acknowledged_at.is_(None)).order_by(*_LATEST_FIRST).limit(bindparam("most")),
    "done": _ALERT.where(Alert.acknowledged_at.is_not(None))
    .order_by(*_LATEST_FIRST)
    .limit(bindparam("most")),
}


def alerts_of(staff_id: UUID, *, before: str = "", most: int = PAGE) -> tuple[list[Any], str | None]:
    """A page of a person's alerts, open ones first, each half latest first; and the key of the next page.

    ``before`` is the key a former page gave; anything else starts at the beginning.
    """
    half, after = _read_key(before)
    rows: list[Any] = []
    for name in ("open", "done")[("open", "done").index(half) :]:
        query, values = _HALVES[name], {"mine": staff_id, "most": most + 1 - len(rows)}
        if after is not None:
            query, values = query.where(_BEFORE), {**values, "at": after[0], "id": after[1]}
        rows += db.session.execute(query, values).all()
        after = None
        if len(rows) > most:
            break
    key = _key(rows[most - 1]) if len(rows) > most else None
    return rows[:most], key


def _key(row: Any) -> str:
    return f"{'done' if row.acknowledged_at else 'open'}~{row.raised_at.isoformat()}~{row.id}"


def _read_key(key: str) -> tuple[str, tuple[datetime, UUID] | None]:
    half, _, place = key.partition("~")
    moment, _, id = place.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if half in _HALVES and at.tzinfo is not None:
            return half, (at.astimezone(UTC), UUID(id))
    except (ValueError, OverflowError):
        pass
    return "open", None


def find_alert(staff_id: UUID, alert_id: UUID) -> Any:
    """This person's alert, or None."""
    return db.session.execute(_ALERT.where(Alert.id == alert_id), {"mine": staff_id}).first()


def also_told(row: Any, staff_id: UUID) -> Any:
    """Who else was told the same and has taken it up: their name and when, or None."""
    return db.session.execute(
        select(Staff.name, Alert.acknowledged_at)
        .join(Staff, Staff.id == Alert.for_id)
        .where(
            Alert.rule == row.rule,
            Alert.entry_number == row.entry_number,
            Alert.for_id != staff_id,
            Alert.acknowledged_at.is_not(None),
            Alert.settled_at.is_(None),
        )
        .order_by(Alert.acknowledged_at)
        .limit(1)
    ).first()


def author_of(row: Any) -> Any:
    """The colleague whose deed raised the alert (name, phone), or None."""
    return db.session.execute(
        select(Staff.id, Staff.name, Staff.phone)
        .join(TimelineEntry, TimelineEntry.by_id == Staff.id)
        .where(TimelineEntry.number == row.entry_number)
    ).first()


def is_request(subject_id: UUID | None) -> bool:
    """Whether an alert's subject is a payment request."""
    return subject_id is not None and db.session.get(PaymentRequest, subject_id) is not None


def to_push(alert_id: UUID) -> Any:
    """The alert and its reader, while it still needs to be pushed."""
    return db.session.execute(
        select(Alert.id, Alert.for_id, Alert.raised_at, Staff.locale)
        .join(Staff, Staff.id == Alert.for_id)
        .where(Alert.id == alert_id, Alert.acknowledged_at.is_(None), Staff.disabled_at.is_(None))
    ).first()


def waiting_for_push(staff_id: UUID) -> list[UUID]:
    """Open alerts of a person that no push has told of, and that are not pushed alone."""
    return list(
        db.session.scalars(
            select(Alert.id)
            .join(Staff, Staff.id == Alert.for_id)
            .where(
                Alert.for_id == staff_id,
                Alert.acknowledged_at.is_(None),
                Alert.pushed_at.is_(None),
                ~Alert.urgent,
                Staff.disabled_at.is_(None),
            )
            .limit(500)
        )
    )


def locale_of(staff_id: UUID) -> str:
    """The language this person reads."""
    return db.session.scalar(select(Staff.locale).where(Staff.id == staff_id)) or "fr"


def targets_of(
    staff_id: UUID, keyring: Keyring, only: Sequence[UUID] | None = None
) -> list[tuple[UUID, Target]]:
    """The person's browsers, latest first; those subscribed under another key than today's cannot be reached."""
    query = select(PushSubscription).where(
        PushSubscription.staff_id == staff_id, PushSubscription.vapid_key == keyring.public_vapid_key()
    )
    if only is not None:
        query = query.where(PushSubscription.id.in_(only))
    query = query.order_by(PushSubscription.made_at.desc(), PushSubscription.id).limit(MOST_SUBSCRIPTIONS)
    found = []
    for row in db.session.scalars(query):
        try:
            address: Any = keyring.open_field(
                row.sealed, table="push_subscriptions", row=row.id, column="sealed"
            )
        except CannotOpen:
            continue
        found.append((row.id, Target(**address)))
    return found


def entry(number: int) -> TimelineEntry | None:
    """An entry of the timeline."""
    return db.session.get(TimelineEntry, number)
