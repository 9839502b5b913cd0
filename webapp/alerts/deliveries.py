"""The jobs that send: one push for an urgent alert, one an hour for all the others.

Each has three steps: prepare (reads), perform (sends, outside any transaction), finish (writes what became of
it). A worker that dies in between leaves the job to the next one; a push sent twice replaces itself by its tag.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from flask import current_app
from flask_babel import force_locale

from ..keys import Keyring
from . import actions, queries, words
from .push import Outcome, Result, Sender, Target, message, send_all

DIGEST_EVERY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
"""So long a push is tried again; the alert itself stays open in the list."""
MOST_DIGEST_TRIES = 20


@dataclass(frozen=True)
class Again:
    """The job goes on at a later moment, with these facts."""

    at: datetime
    facts: dict[str, Any]
    trouble: str | None = None


class Work(Protocol):
    """What the worker does with a kind of job."""

    def prepare(self, facts: dict[str, Any], *, now: datetime) -> Any:
        """Read what is needed."""

    def perform(self, prepared: Any) -> Any:
        """Do what takes time or touches the world, without any transaction."""

    def finish(
        self, facts: dict[str, Any], prepared: Any, done: Any, *, tries: int, now: datetime
    ) -> Again | None:
        """Write what became of it; None when the job is done."""


@dataclass(frozen=True)
class Parcel:
    """Pushes ready to be sent, and the alerts they tell of."""

    sender: Sender
    urgent: bool
    topic: str
    alerts: list[UUID] = field(default_factory=list)
    raised_at: datetime | None = None
    subscriptions: list[UUID] = field(default_factory=list)
    pushes: list[tuple[Target, bytes]] = field(default_factory=list)


def make_parcel(
    staff_id: UUID,
    body: Any,
    *,
    path: str,
    tag: str,
    topic: str,
    locale: str,
    urgent: bool,
    alerts: list[UUID],
    raised_at: datetime | None = None,
    only: list[UUID] | None = None,
) -> Parcel:
    """Write one neutral sentence to each of the person's browsers."""
    keyring: Keyring = current_app.extensions["keyring"]
    targets = queries.targets_of(staff_id, keyring, only)
    with force_locale(locale):
        said = str(body)
    return Parcel(
        sender=Sender.of(keyring, current_app.extensions["settings"]),
        urgent=urgent,
        topic=topic,
        alerts=alerts,
        raised_at=raised_at,
        subscriptions=[id for id, _ in targets],
        pushes=[
            (target, message(said, path=path, tag=tag, locale=locale, origin=target.origin))
            for _, target in targets
        ],
    )


def post(parcel: Parcel | None) -> list[Result]:
    """Send a parcel."""
    if parcel is None:
        return []
    return send_all(parcel.pushes, sender=parcel.sender, urgent=parcel.urgent, topic=parcel.topic)


class PushAlert:
    """One urgent alert, at once, again and again until it has arrived or its reader has seen it."""

    def prepare(self, facts: dict[str, Any], *, now: datetime) -> Parcel | None:
        alert = queries.to_push(UUID(facts["alert"]))
        if alert is None:
            return None
        return make_parcel(
            alert.for_id, words.PUSHED_AT_ONCE, path=f"/alerts/{alert.id}", tag=f"alert-{alert.id}",
            topic=alert.id.hex, locale=alert.locale, urgent=True, alerts=[alert.id], raised_at=alert.raised_at,
            only=[UUID(id) for id in facts["left"]] if "left" in facts else None,
        )  # fmt: skip

    def perform(self, prepared: Parcel | None) -> list[Result]:
        return post(prepared)

    def finish(
        self, facts: dict[str, Any], prepared: Parcel | None, done: list[Result], *, tries: int, now: datetime
    ) -> Again | None:
        if prepared is None:
            return None
        again = settle(prepared, done, facts, tries=tries, now=now)
        if prepared.raised_at is not None and now - prepared.raised_at > GIVE_UP_AFTER:
            return None
        return again


class PushDigest:
    """All that is not urgent, in one push, at most once an hour for each person."""

    def prepare(self, facts: dict[str, Any], *, now: datetime) -> Parcel | None:
        staff_id = UUID(facts["staff"])
        waiting = queries.waiting_for_push(staff_id)
        if not waiting:
            return None
        return make_parcel(
            staff_id, words.PUSHED_TOGETHER, path="/alerts", tag="alerts", topic="alerts",
            locale=queries.locale_of(staff_id), urgent=False, alerts=waiting,
            only=[UUID(id) for id in facts["left"]] if "left" in facts else None,
        )  # fmt: skip

    def perform(self, prepared: Parcel | None) -> list[Result]:
        return post(prepared)

    def finish(
        self, facts: dict[str, Any], prepared: Parcel | None, done: list[Result], *, tries: int, now: datetime
    ) -> Again | None:
        for_one = {"staff": facts["staff"]}
        if prepared is None:
            # The job's row is held: whoever raises an alert now waits, and asks anew once it is gone.
            return Again(now, for_one) if queries.waiting_for_push(UUID(facts["staff"])) else None
        again = settle(prepared, done, facts, tries=tries, now=now)
        if any(result.outcome is Outcome.SENT for result in done):
            # One phone knows: the others hear it with the next push.
            actions.note_pushed(prepared.alerts, now=now)
            return Again(now + DIGEST_EVERY, for_one)
        if again is not None and tries < MOST_DIGEST_TRIES:
            return again
        actions.note_pushed(prepared.alerts, now=now)
        return Again(now, for_one) if queries.waiting_for_push(UUID(facts["staff"])) else None


def settle(
    parcel: Parcel, results: list[Result], facts: dict[str, Any], *, tries: int, now: datetime
) -> Again | None:
    """Note what each push service said; the job goes on for those that were busy or silent."""
    left, wait = [], timedelta(0)
    for subscription, result in zip(parcel.subscriptions, results, strict=True):
        actions.note_result(subscription, result, now=now)
        if result.outcome in (Outcome.BUSY, Outcome.NO_ANSWER):
            left.append(str(subscription))
            wait = max(wait, timedelta(seconds=result.retry_after or 0))
    if not left:
        actions.note_pushed(parcel.alerts, now=now)
        return None
    delay = max(wait, actions.retry_delay(tries, random.random()))  # noqa: S311 - spreads, hides nothing
    return Again(now + delay, {**facts, "left": left}, trouble="no push service took it")


class Consider:
    """An entry whose rules failed is looked at again, alone, so that it holds up no other."""

    def prepare(self, facts: dict[str, Any], *, now: datetime) -> None:
        return None

    def perform(self, prepared: None) -> None:
        return None

    def finish(
        self, facts: dict[str, Any], prepared: None, done: None, *, tries: int, now: datetime
    ) -> Again | None:
        entry = queries.entry(int(facts["entry"]))
        if entry is not None:
            actions.consider(entry, now=now)
        return None


WORK: dict[str, Work] = {"push.alert": PushAlert(), "push.digest": PushDigest(), "consider": Consider()}
