"""The worker: looks at what happened, raises alerts, does the jobs, tidies up.

Several may run. Whatever moment one is killed at, the next finds either the work undone or all of it done:
an entry is claimed, considered and ticked off in one transaction, and a job leaves the table only together
with its results.
"""

import logging
import threading
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.exc import OperationalError

from . import clock
from .alerts import actions, daily, deliveries
from .alerts.deliveries import Again
from .alerts.models import Job
from .cases.models import TimelineEntry
from .database import db, reading
from .keys import Keyring
from .offline import parts
from .people.sessions import forget_old_sessions
from .reports.tallies import count
from .visits.actions import reschedule_after

WORK: dict[str, deliveries.Work] = {**deliveries.WORK, "daily": daily.Daily()}
WAKES_EVERY = 1.0
LEASE = timedelta(minutes=2)
"""Longer than any job takes: after it, whoever held the job is taken for dead."""
ENTRIES_AT_ONCE = 50
TIDIES_EVERY = timedelta(minutes=10)
OLD_SESSIONS_STAY = timedelta(days=7)
LONGEST_PAUSE = 30

log = logging.getLogger("suivi.worker")


@dataclass(frozen=True)
class Leased:
    """A job that is ours until its lease ends."""

    number: int
    kind: str
    facts: dict[str, Any]
    tries: int
    until: datetime


def run_forever(app: Flask, stop_event: threading.Event) -> None:
    """Work until told to stop; whatever goes wrong is logged and tried again."""
    troubles = 0
    tidy_at = clock.now()
    while not stop_event.is_set():
        try:
            busy = work_once(app)
            if clock.now() >= tidy_at:
                tidy_at = clock.now() + TIDIES_EVERY
                tidy(app)
            troubles = 0
        except Exception as trouble:  # noqa: BLE001 - the worker outlives everything
            troubles += 1
            log.error("the worker met trouble: %s", _without_facts(trouble))
            stop_event.wait(min(LONGEST_PAUSE, 2**troubles))
            continue
        if not busy:
            stop_event.wait(WAKES_EVERY)


def drain(app: Flask) -> int:
    """Do everything that is due, then return how many entries and jobs that was."""
    total = 0
    while done := consider_entries(app) + do_one_job(app):
        total += done
    return total


def work_once(app: Flask) -> bool:
    """Look at what is new, then do one job, so that no slow push keeps an alert from being raised."""
    with app.app_context(), reading():
        new = db.session.scalar(select(exists().where(TimelineEntry.considered_at.is_(None))))
        due = db.session.scalar(select(exists().where(*_is_due(clock.now()))))
    considered = consider_entries(app) if new else 0
    return bool((do_one_job(app) if due else 0) or considered)


# What happened


def consider_entries(app: Flask) -> int:
    """Look at the oldest entries nobody has looked at, in one transaction; how many they were."""
    with app.app_context():
        entries = _claim_entries()
        for entry in entries:
            _consider(entry)
        count(entries)
        db.session.commit()
        return len(entries)


def _claim_entries() -> list[TimelineEntry]:
    # On PostgreSQL another worker passes over the rows we hold; on SQLite there is one writer at a time.
    return list(
        db.session.scalars(
            select(TimelineEntry)
            .where(TimelineEntry.considered_at.is_(None))
            .order_by(TimelineEntry.number)
            .limit(ENTRIES_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
    )


def _consider(entry: TimelineEntry) -> None:
    now, number = clock.now(), entry.number
    try:
        with db.session.begin_nested():
            actions.consider(entry, now=now)
            reschedule_after(entry.kind, entry.facts or {}, entry.case_id, now=now)
    except OperationalError:
        raise  # the database itself is in trouble: nothing of this transaction stays
    except Exception as trouble:  # noqa: BLE001 - one entry must not hold up the others
        log.error("entry %d could not be considered: %s", number, _without_facts(trouble))
        actions.add_job(
            "consider", {"entry": number}, key=f"consider:{number}", due_at=now + timedelta(minutes=1)
        )
    entry.considered_at = now


# Jobs


def do_one_job(app: Flask) -> int:
    """Lease the job that has been due longest and do it; 0 when none is due."""
    job = _lease(app)
    if job is None:
        return 0
    work = WORK.get(job.kind)
    try:
        if work is None:
            raise LookupError(f"no such work: {job.kind}")
        with app.app_context(), reading():
            prepared = work.prepare(job.facts, now=clock.now())
        done = work.perform(prepared)
        with app.app_context():
            if _still_ours(job):
                _put_back(job, work.finish(job.facts, prepared, done, tries=job.tries, now=clock.now()))
                db.session.commit()
    except Exception as trouble:  # noqa: BLE001 - a job that fails waits and is tried again, the others go on
        log.error("job %d (%s) failed: %s", job.number, job.kind, _without_facts(trouble))
        with app.app_context():
            if _still_ours(job):
                later = clock.now() + actions.retry_delay(job.tries, 0.5)
                _put_back(job, Again(later, job.facts, trouble=type(trouble).__name__))
                db.session.commit()
    return 1


def _is_due(now: Any) -> tuple[Any, Any]:
    return Job.due_at <= now, or_(Job.leased_until.is_(None), Job.leased_until < now)


def _lease(app: Flask) -> Leased | None:
    with app.app_context():
        now = clock.now()
        oldest = (
            select(Job.number)
            .where(*_is_due(now))
            .order_by(Job.due_at, Job.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = db.session.execute(
            update(Job)
            .where(Job.number == oldest.scalar_subquery(), *_is_due(now))
            .values(leased_until=now + LEASE, tries=Job.tries + 1)
            .returning(Job.number, Job.kind, Job.facts, Job.tries, Job.leased_until)
            .execution_options(synchronize_session=False)
        ).first()
        db.session.commit()
        return Leased(*row) if row else None


def _still_ours(job: Leased) -> bool:
    """Take hold of the job's row until commit, unless another worker has leased it since."""
    mine = select(Job.number).where(
        Job.number == job.number, Job.tries == job.tries, Job.leased_until == job.until
    )
    return db.session.scalar(mine.with_for_update()) is not None


def _put_back(job: Leased, again: Again | None) -> None:
    mine = Job.number == job.number
    if again is None:
        db.session.execute(delete(Job).where(mine))
        return
    # What went well starts its next round with a clean count.
    values: dict[str, Any] = {
        "facts": again.facts,
        "due_at": again.at,
        "leased_until": None,
        "last_trouble": again.trouble,
    }
    if again.trouble is None:
        values["tries"] = 0
    db.session.execute(update(Job).where(mine).values(**values))


# Tidying


def tidy(app: Flask) -> None:
    """Let go of what nobody needs any more, and see that every office is looked through each day."""
    keyring: Keyring = app.extensions["keyring"]
    with app.app_context():
        forget_old_sessions(before=clock.now() - OLD_SESSIONS_STAY)
        actions.forget_useless_subscriptions(vapid_key=keyring.public_vapid_key())
        parts.forget_deserted(now=clock.now())
        daily.ask_for_every_office(now=clock.now())
        db.session.commit()


def _without_facts(trouble: BaseException) -> str:
    """What went wrong and where; never the message, which may carry a person's words."""
    frames = traceback.extract_tb(trouble.__traceback__)
    here = str(Path(__file__).parent)
    ours = [frame for frame in frames if frame.filename.startswith(here)] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown"
    return f"{type(trouble).__name__} at {where}"
