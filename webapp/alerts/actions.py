"""What is done with alerts and push subscriptions."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..cases.models import Case, TimelineEntry
from ..database import db
from ..keys import Keyring
from ..people.models import Staff
from ..permissions import Role
from . import push
from .models import Alert, Job, PushSubscription
from .push import Outcome, Result
from .queries import MOST_SUBSCRIPTIONS
from .rules import RULES, SETTLED_BY, Raise, Rule, Whom, name_of, settles

MOST_FAILURES = 5
"""A subscription that its push service refused this often in a row is forgotten."""


def consider(entry: TimelineEntry, *, now: datetime, rules: Sequence[Rule] = RULES) -> list[UUID]:
    """Raise what the rules ask for and settle what the entry ends. Looking again raises nothing twice."""
    _settle(entry, now=now)
    raised = []
    for rule in rules:
        asked = rule(entry)
        if asked is None or _is_over(name_of(rule), entry):
            continue
        for staff_id in _people(asked, entry):
            alert_id = _raise_alert(name_of(rule), asked, entry, staff_id, now=now)
            if alert_id is not None:
                raised.append(alert_id)
                _ask_for_push(alert_id, staff_id, urgent=asked.urgent, now=now)
    return raised


def _settle(entry: TimelineEntry, *, now: datetime) -> None:
    """Close what this entry ends, for everybody who was told and has not taken it up."""
    rules = [rule for rule, kinds in SETTLED_BY.items() if entry.kind in kinds]
    if not rules or entry.case_id is None:
        return
    earlier = (TimelineEntry.case_id == entry.case_id, TimelineEntry.number < entry.number)
    # Another worker that looks at one of them this moment may be raising an alert: its commit is waited for.
    db.session.execute(
        select(TimelineEntry.number).where(*earlier, TimelineEntry.considered_at.is_(None)).with_for_update()
    )
    rows = db.session.execute(
        select(Alert.id, Alert.rule, TimelineEntry)
        .join(TimelineEntry, TimelineEntry.number == Alert.entry_number)
        .where(*earlier, Alert.rule.in_(rules), Alert.acknowledged_at.is_(None))
    )
    over = [id for id, rule, raised in rows if settles(rule, raised, entry)]
    db.session.execute(update(Alert).where(Alert.id.in_(over)).values(acknowledged_at=now, settled_at=now))


def _is_over(rule: str, entry: TimelineEntry) -> bool:
    """Whether what the entry would raise was ended before anybody looked at it."""
    kinds = SETTLED_BY.get(rule)
    if not kinds or entry.case_id is None:
        return False
    later = select(TimelineEntry).where(
        TimelineEntry.case_id == entry.case_id,
        TimelineEntry.number > entry.number,
        TimelineEntry.kind.in_(kinds),
    )
    return any(settles(rule, entry, each) for each in db.session.scalars(later))


def _raise_alert(
    rule: str, asked: Raise, entry: TimelineEntry, staff_id: UUID, *, now: datetime
) -> UUID | None:
    return db.session.execute(
        _insert(Alert)
        .values(
            id=uuid4(),
            rule=rule,
            entry_number=entry.number,
            case_id=entry.case_id,
            subject_id=_subject(entry),
            for_id=staff_id,
            urgent=asked.urgent,
            raised_at=now,
        )
        .on_conflict_do_nothing(index_elements=["rule", "entry_number", "for_id"])
        .returning(Alert.id)
    ).scalar()


def _subject(entry: TimelineEntry) -> UUID | None:
    """What the alert leads to."""
    facts = entry.facts
    return _id(facts.get("submission") or facts.get("request") or facts.get("transfer")) or entry.subject_id


def _ask_for_push(alert_id: UUID, staff_id: UUID, *, urgent: bool, now: datetime) -> None:
    if urgent:
        add_job("push.alert", {"alert": str(alert_id)}, key=f"alert:{alert_id}", due_at=now)
    else:
        add_job("push.digest", {"staff": str(staff_id)}, key=f"digest:{staff_id}", due_at=now)


def add_job(kind: str, facts: dict[str, Any], *, due_at: datetime, key: str | None = None) -> None:
    """Ask the worker for something, in the same commit as what asks for it; with a key it waits only once."""
    asked = _insert(Job).values(kind=kind, key=key, facts=facts, due_at=due_at, tries=0)
    # Not "do nothing": the waiting job's row is taken hold of until commit, so that a worker about to finish
    # it sees what this transaction adds to its work, or this transaction asks anew.
    db.session.execute(asked.on_conflict_do_update(index_elements=["key"], set_={"key": asked.excluded.key}))


def _people(asked: Raise, entry: TimelineEntry) -> set[UUID]:
    people: set[UUID] = set()
    for whom in asked.to:
        found = _find(whom, entry)
        # Nobody is told of their own deed, unless it is theirs to put right.
        people |= found if whom is Whom.AUTHOR else found - {entry.by_id}
    return people


def _find(whom: Whom, entry: TimelineEntry) -> set[UUID]:
    if whom is Whom.AUTHOR:
        return _working([_id(entry.facts.get("author")) or entry.by_id])
    if whom is Whom.OFFICER:
        return _working([_of_case(entry, "officer_id")])
    if whom is Whom.SENDERS:
        return _working([_of_case(entry, "caseworker_id"), _of_case(entry, "escort_id")])
    if whom is Whom.MANAGERS:
        return _with_role(Role.PROGRAMME_MANAGER, entry.office_id)
    if whom is Whom.FINANCE:
        return _with_role(Role.FINANCE_OFFICER, entry.office_id)
    if whom is Whom.COUNSELLOR and (own := _working([_of_case(entry, "counsellor_id")])):
        return own
    return _with_role(Role.COUNSELLOR, entry.office_id) or _with_role(Role.COUNSELLOR)


def _of_case(entry: TimelineEntry, column: str) -> UUID | None:
    if entry.case_id is None:
        return None
    return db.session.scalar(select(getattr(Case, column)).where(Case.id == entry.case_id))


def _working(ids: Iterable[UUID | None]) -> set[UUID]:
    known = [id for id in ids if id is not None]
    if not known:
        return set()
    return set(db.session.scalars(select(Staff.id).where(Staff.id.in_(known), Staff.disabled_at.is_(None))))


def _with_role(role: Role, office_id: UUID | None = None) -> set[UUID]:
    query = select(Staff.id).where(Staff.role == str(role), Staff.disabled_at.is_(None))
    return set(db.session.scalars(query.where(Staff.office_id == office_id) if office_id else query))


def _id(written: Any) -> UUID | None:
    try:
        return UUID(str(written))
    except ValueError:
        return None


def acknowledge(alert_id: UUID, *, by: UUID, now: datetime) -> None:
    """Take an alert up. Doing it again changes nothing."""
    db.session.execute(
        update(Alert)
        .where(Alert.id == alert_id, Alert.for_id == by, Alert.acknowledged_at.is_(None))
        .values(acknowledged_at=now)
    )


def subscribe(staff_id: UUID, target: push.Target, *, keyring: Keyring, now: datetime) -> None:
    """Keep where this person's browser can be woken. A browser that changes hands wakes for its new person only."""
    found_by = push.hash_of(target.endpoint)
    id = UUID(found_by[:32])
    address = {
        "endpoint": target.endpoint,
        "p256dh": target.p256dh,
        "auth": target.auth,
        "origin": target.origin,
    }
    kept = {
        "staff_id": staff_id,
        "sealed": keyring.seal_field(address, table="push_subscriptions", row=id, column="sealed"),
        "vapid_key": keyring.public_vapid_key(),
        "made_at": now,
        "worked_at": None,
        "failures": 0,
    }
    asked = _insert(PushSubscription).values(id=id, endpoint_hash=found_by, **kept)
    db.session.execute(asked.on_conflict_do_update(index_elements=["endpoint_hash"], set_=kept))
    _forget_beyond_the_most(staff_id)


def _forget_beyond_the_most(staff_id: UUID) -> None:
    kept = (
        select(PushSubscription.id)
        .where(PushSubscription.staff_id == staff_id)
        .order_by(PushSubscription.made_at.desc(), PushSubscription.id)
        .limit(MOST_SUBSCRIPTIONS)
    )
    db.session.execute(
        delete(PushSubscription)
        .where(PushSubscription.staff_id == staff_id, PushSubscription.id.not_in(kept))
        .execution_options(synchronize_session=False)
    )


def unsubscribe(staff_id: UUID, endpoint: str) -> None:
    """Stop waking this browser."""
    db.session.execute(
        delete(PushSubscription).where(
            PushSubscription.endpoint_hash == push.hash_of(endpoint), PushSubscription.staff_id == staff_id
        )
    )


def note_result(subscription_id: UUID, result: Result, *, now: datetime) -> None:
    """Remember that a subscription works, that it does not, or forget it when it is gone for good."""
    mine = PushSubscription.id == subscription_id
    if result.outcome is Outcome.SENT:
        db.session.execute(update(PushSubscription).where(mine).values(worked_at=now, failures=0))
    elif result.outcome in (Outcome.GONE, Outcome.NOT_ALLOWED):
        db.session.execute(delete(PushSubscription).where(mine))
    elif result.outcome is Outcome.REJECTED:
        db.session.execute(
            update(PushSubscription).where(mine).values(failures=PushSubscription.failures + 1)
        )
        db.session.execute(delete(PushSubscription).where(mine, PushSubscription.failures >= MOST_FAILURES))


def note_pushed(alert_ids: Sequence[UUID], *, now: datetime) -> None:
    """These alerts have reached their reader's phone, or have no phone to reach."""
    if alert_ids:
        db.session.execute(update(Alert).where(Alert.id.in_(alert_ids)).values(pushed_at=now))


def forget_useless_subscriptions(*, vapid_key: str) -> None:
    """Delete the subscriptions of people who left, and those made under a key that is no longer ours."""
    left = select(Staff.id).where(Staff.disabled_at.is_not(None))
    db.session.execute(
        delete(PushSubscription)
        .where((PushSubscription.vapid_key != vapid_key) | PushSubscription.staff_id.in_(left))
        .execution_options(synchronize_session=False)
    )


def retry_delay(tries: int, jitter: float) -> timedelta:
    """How long to wait after the nth try: ten seconds, doubled each time, at most a quarter of an hour."""
    return timedelta(seconds=min(900.0, 10.0 * 2 ** min(tries - 1, 10)) * (0.8 + 0.4 * jitter))


def _insert(table: Any) -> Any:
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
