"""The worker: nothing is overlooked, nothing is raised twice, whatever happens to it."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError

from tests.alerts.conftest import alerts_by_person, subscribes
from tests.alerts.push_service import Browser, PushService
from tests.cast import Cast
from webapp import clock, worker
from webapp.alerts import actions, rules
from webapp.alerts.models import Alert, Job, PushSubscription
from webapp.cases.models import TimelineEntry
from webapp.database import db
from webapp.people.models import Session
from webapp.reports.models import Tally
from webapp.worker import WORK

Happens = Callable[..., int]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``later(minutes=61)`` moves the clock on from where it stands."""

    def later(**by: float) -> None:
        monkeypatch.setenv("SUIVI_TEST_CLOCK", (clock.now() + timedelta(**by)).isoformat())

    return later


@pytest.fixture
def quiet(app: Flask, later: Callable[..., None]) -> None:
    """The cast's own beginnings are considered and told."""
    worker.drain(app)
    later(hours=2)
    worker.drain(app)


def pushes(service: PushService, path: str) -> int:
    return sum(arrived.path == path for arrived in service.arrived)


def jobs(app: Flask) -> list[Any]:
    with app.app_context():
        return list(db.session.execute(select(Job.kind, Job.due_at, Job.tries, Job.facts, Job.last_trouble)))


# Each entry once


def test_entries_are_considered_once_and_in_order(
    app: Flask, cast: Cast, happens: Happens, quiet: None
) -> None:
    numbers = [
        happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious") for _ in range(60)
    ]
    worker.drain(app)
    worker.drain(app)
    with app.app_context():
        raised = db.session.scalars(
            select(Alert.entry_number)
            .where(Alert.rule == "serious_concern")
            .order_by(Alert.raised_at, Alert.entry_number)
        ).all()
        assert list(raised) == numbers
        assert db.session.scalar(select(func.count()).where(TimelineEntry.considered_at.is_(None))) == 0


def test_looking_at_an_entry_again_raises_nothing_twice(
    app: Flask, cast: Cast, happens: Happens, quiet: None
) -> None:
    number = happens("red_flag.raised", case=cast.aminata, by=cast.ibrahima)
    worker.drain(app)
    first = alerts_by_person(app)
    with app.app_context():
        db.session.execute(
            update(TimelineEntry).where(TimelineEntry.number == number).values(considered_at=None)
        )
        db.session.commit()
    worker.drain(app)
    assert alerts_by_person(app) == first != []


def test_four_workers_at_once_raise_push_and_count_each_once(
    app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, quiet: None
) -> None:
    subscribes(people("kadiatou"), Browser(service.address("/kadiatou")))
    visit: dict[str, Any] = {"case": cast.aminata, "by": cast.ibrahima, "channel": "call", "reached": True}
    for _ in range(60):
        happens("visit.recorded", concern="serious", **visit)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: worker.drain(app), range(4)))
    worker.drain(app)
    assert alerts_by_person(app) == [("serious_concern", cast.kadiatou)] * 60
    assert pushes(service, "/kadiatou") == 60
    with app.app_context():
        assert db.session.scalar(select(func.sum(Tally.number)).where(Tally.measure == "call")) == 60
    assert jobs(app) == []


EXPECTED = {
    "visit.recorded": ["kadiatou"],
    "red_flag.raised": ["kadiatou", "salma"],
    "photo.refused": ["ibrahima"],
}


def _things_happen(cast: Cast, happens: Happens) -> dict[int, list[UUID]]:
    written = {}
    for kind, told in EXPECTED.items():
        number = happens(
            kind, case=cast.aminata, by=cast.ibrahima, concern="serious", channel="call", reached=True
        )
        written[number] = sorted((getattr(cast, name) for name in told), key=str)
    return written


@pytest.fixture
def hurried(app: Flask) -> None:
    """Commits do not wait for the disk: a killed process loses nothing that it gave to the system."""

    def hurry(connection: Any, record: Any) -> None:
        sqlite = "sqlite" in type(connection).__module__
        connection.execute("PRAGMA synchronous=OFF" if sqlite else "SET synchronous_commit TO off")
        if not sqlite:
            connection.commit()

    with app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "connect", hurry)


def _run_and_be_killed(app: Flask, work: Callable[[Flask], Any], at: int) -> bool:
    """Do the work in a process that dies by SIGKILL at its nth dealing with the database; whether it died."""
    with app.app_context():
        db.engine.dispose()
    child = os.fork()
    if child == 0:
        try:
            with app.app_context():
                db.engine.dispose(close=False)
                engine = db.engine
            dealings = iter(range(1, 100_000))

            def die_when_due(*_: Any) -> None:
                if next(dealings) == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            event.listen(engine, "before_cursor_execute", die_when_due)
            event.listen(engine, "commit", die_when_due)
            work(app)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _finish(app: Flask, later: Callable[..., None]) -> None:
    """What the next worker does, once leases of the dead one have run out."""
    for _ in range(2):
        later(hours=2)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            worker.drain(app)
            with app.app_context():
                waiting = db.session.scalar(select(func.count()).where(TimelineEntry.considered_at.is_(None)))
            if not waiting:
                break
            time.sleep(0.02)  # the server has not noticed yet that the dead worker's connection is gone


def _told(app: Flask, numbers: list[int]) -> dict[int, list[UUID]]:
    with app.app_context():
        found: dict[int, list[UUID]] = {number: [] for number in numbers}
        for number, person in db.session.execute(
            select(Alert.entry_number, Alert.for_id).where(Alert.entry_number.in_(numbers))
        ):
            found[number].append(person)
    return {number: sorted(told, key=str) for number, told in found.items()}


@pytest.mark.faults
def test_a_worker_killed_anywhere_raises_each_alert_once_and_loses_no_push(
    app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, later: Callable[..., None],
    hurried: None, quiet: None,
) -> None:  # fmt: skip
    browser = Browser(service.address("/kadiatou"))
    subscribes(people("kadiatou"), browser)
    at, killed, calls = 0, True, 0
    while killed:
        at += 1
        calls += 1
        expected = _things_happen(cast, happens)
        arrived_before = len(service.arrived)
        killed = _run_and_be_killed(app, worker.drain, at)
        _finish(app, later)
        assert _told(app, list(expected)) == expected, f"killed at {at}"
        tags = [browser.reads(arrived)["notification"]["tag"] for arrived in service.arrived[arrived_before:]]
        # Two urgent alerts, each under its own tag; one sent twice replaces itself.
        assert len(set(tags)) == 2, f"killed at {at}"
        assert [job.kind for job in jobs(app)] == [], f"killed at {at}"
    assert at > 30, "the worker was killed at every step on the way"
    with app.app_context():
        assert db.session.scalar(select(func.sum(Tally.number)).where(Tally.measure == "call")) == calls


def _in_two_transactions(app: Flask) -> None:
    """The planted fault: tick off first, raise afterwards."""
    with app.app_context():
        entries = worker._claim_entries()
        for entry in entries:
            entry.considered_at = clock.now()
        db.session.commit()
        for entry in entries:
            actions.consider(entry, now=clock.now())
        db.session.commit()


@pytest.mark.faults
def test_ticking_off_before_raising_would_be_caught(
    app: Flask, cast: Cast, happens: Happens, later: Callable[..., None], hurried: None, quiet: None
) -> None:
    lost = False
    for at in range(1, 15):
        expected = _things_happen(cast, happens)
        _run_and_be_killed(app, _in_two_transactions, at)
        _finish(app, later)
        lost = lost or _told(app, list(expected)) != expected
    assert lost


# Rules and jobs that fail


def test_an_entry_whose_rule_fails_holds_up_no_other_and_is_looked_at_again(
    app: Flask, cast: Cast, happens: Happens, later: Callable[..., None], quiet: None,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    broken = happens("red_flag.raised", case=cast.aminata, by=cast.ibrahima)
    sound = happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")

    def fails(entry: Any) -> None:
        if entry.number == broken:
            raise ValueError("Aminata Bah")

    with monkeypatch.context() as planted:
        planted.setattr(rules, "RULES", rules.RULES)
        rules.RULES.append(fails)
        try:
            worker.drain(app)
        finally:
            rules.RULES.remove(fails)
    assert _told(app, [broken, sound]) == {broken: [], sound: [cast.kadiatou]}
    assert "ValueError" in caplog.text
    assert "Aminata" not in caplog.text
    later(minutes=2)
    worker.drain(app)
    assert _told(app, [broken]) == {broken: sorted([cast.kadiatou, cast.salma], key=str)}


def test_work_of_an_unknown_kind_waits_for_a_worker_who_knows_it(
    app: Flask, later: Callable[..., None], quiet: None
) -> None:
    with app.app_context():
        actions.add_job("dream", {}, due_at=clock.now())
        db.session.commit()
    worker.drain(app)
    [job] = jobs(app)
    assert (job.kind, job.tries, job.last_trouble) == ("dream", 1, "LookupError")
    assert job.due_at > clock.now()
    later(minutes=1)
    worker.drain(app)
    [again] = jobs(app)
    assert again.due_at - clock.now() > job.due_at - (clock.now() - timedelta(minutes=1)) - timedelta(
        seconds=1
    )


def test_whoever_lost_the_lease_writes_nothing(
    app: Flask, later: Callable[..., None], quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = []

    class Slow:
        def prepare(self, facts: dict[str, Any], *, now: datetime) -> None:
            return None

        def perform(self, prepared: None) -> None:
            if not finished:
                finished.append("slow one sleeps")
                later(minutes=5)
                worker.drain(app)  # another worker takes over meanwhile, and finishes

        def finish(
            self, facts: dict[str, Any], prepared: None, done: None, *, tries: int, now: datetime
        ) -> None:
            finished.append(f"try {tries}")

    monkeypatch.setitem(WORK, "slow", Slow())
    with app.app_context():
        actions.add_job("slow", {}, due_at=clock.now())
        db.session.commit()
    worker.drain(app)
    assert finished == ["slow one sleeps", "try 2"]
    assert jobs(app) == []


def test_the_same_work_waits_only_once(app: Flask, quiet: None) -> None:
    with app.app_context():
        for _ in range(3):
            actions.add_job(
                "push.digest", {"staff": "x"}, key="digest:x", due_at=clock.now() + timedelta(days=1)
            )
        db.session.commit()
    assert len(jobs(app)) == 1


def test_the_worker_outlives_a_database_in_trouble(
    app: Flask,
    cast: Cast,
    happens: Happens,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    quiet: None,
) -> None:
    monkeypatch.delenv("SUIVI_TEST_CLOCK")
    number = happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    failures = iter(range(2))

    def in_trouble(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if threading.current_thread() is thread and next(failures, None) is not None:
            raise OperationalError(statement, {"name": "Aminata Bah"}, Exception("disk is full of Aminata"))

    stop = threading.Event()
    thread = threading.Thread(target=worker.run_forever, args=(app, stop))
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", in_trouble)
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.05)
    with caplog.at_level(logging.ERROR):
        thread.start()
        until = time.monotonic() + 10
        while not _told(app, [number])[number] and time.monotonic() < until:
            time.sleep(0.1)
    stop.set()
    thread.join(5)
    event.remove(engine, "before_cursor_execute", in_trouble)
    assert not thread.is_alive()
    assert _told(app, [number]) == {number: [cast.kadiatou]}
    assert "OperationalError" in caplog.text
    assert "Aminata" not in caplog.text


# What is pushed when


def test_what_is_not_urgent_is_pushed_together_at_most_once_an_hour(
    app: Flask,
    cast: Cast,
    people: Any,
    happens: Happens,
    service: PushService,
    later: Callable[..., None],
    quiet: None,
) -> None:
    subscribes(people("ibrahima"), Browser(service.address("/ibrahima")))
    for _ in range(5):
        happens("photo.refused", case=cast.aminata, by=cast.ibrahima)
    worker.drain(app)
    assert pushes(service, "/ibrahima") == 1
    for _ in range(3):
        later(minutes=15)
        happens("photo.refused", case=cast.aminata, by=cast.ibrahima)
        worker.drain(app)
    assert pushes(service, "/ibrahima") == 1
    later(minutes=16)
    worker.drain(app)
    assert pushes(service, "/ibrahima") == 2
    later(minutes=61)
    worker.drain(app)
    assert pushes(service, "/ibrahima") == 2
    assert jobs(app) == []


def test_an_urgent_alert_is_pushed_at_once_and_marked(
    app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, quiet: None
) -> None:
    browser = Browser(service.address("/kadiatou"))
    subscribes(people("kadiatou"), browser)
    number = happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    [arrived] = service.arrived
    assert arrived.headers["urgency"] == "high"
    with app.app_context():
        alert = db.session.scalars(select(Alert).where(Alert.entry_number == number)).one()
        assert alert.pushed_at is not None
        assert browser.reads(arrived)["notification"]["navigate"] == f"http://localhost/alerts/{alert.id}"
        assert arrived.headers["topic"] == alert.id.hex


def test_what_was_seen_meanwhile_is_not_pushed(
    app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, quiet: None
) -> None:
    subscribes(people("kadiatou"), Browser(service.address("/kadiatou")))
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.consider_entries(app)
    with app.app_context():
        alert_id = db.session.scalars(select(Alert.id).where(Alert.rule == "serious_concern")).one()
        actions.acknowledge(alert_id, by=cast.kadiatou, now=clock.now())
        db.session.commit()
    worker.drain(app)
    assert service.arrived == []
    assert jobs(app) == []


def test_a_busy_push_service_is_asked_again_when_it_says(
    app: Flask,
    cast: Cast,
    people: Any,
    happens: Happens,
    service: PushService,
    later: Callable[..., None],
    quiet: None,
) -> None:
    subscribes(people("kadiatou"), Browser(service.address("/busy")))
    subscribes(people("kadiatou"), Browser(service.address("/fine")))
    service.answers, service.headers = {"/busy": 429}, {"Retry-After": "600"}
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    later(minutes=9)
    worker.drain(app)
    assert (pushes(service, "/busy"), pushes(service, "/fine")) == (1, 1)
    service.answers = {}
    later(minutes=2)
    worker.drain(app)
    assert (pushes(service, "/busy"), pushes(service, "/fine")) == (2, 1)
    assert jobs(app) == []


def test_a_push_that_never_arrives_is_given_up_and_the_alert_stays_open(
    app: Flask,
    cast: Cast,
    people: Any,
    happens: Happens,
    service: PushService,
    later: Callable[..., None],
    quiet: None,
) -> None:
    subscribes(people("kadiatou"), Browser(service.address("/kadiatou")))
    service.status = 503
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    for _ in range(30):
        worker.drain(app)
        later(hours=1)
    assert jobs(app) == []
    assert 20 < pushes(service, "/kadiatou") < 30
    assert alerts_by_person(app) == [("serious_concern", cast.kadiatou)]


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_removed(
    status: int, app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, quiet: None
) -> None:
    subscribes(people("kadiatou"), Browser(service.address("/gone")))
    subscribes(people("kadiatou"), Browser(service.address("/there")))
    service.answers = {"/gone": status}
    for _ in range(2):
        happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
        worker.drain(app)
    assert (pushes(service, "/gone"), pushes(service, "/there")) == (1, 2)


def test_a_subscription_refused_five_times_in_a_row_is_removed(
    app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, quiet: None
) -> None:
    subscribes(people("kadiatou"), Browser(service.address("/refused")))
    service.status = 403
    for _ in range(7):
        happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
        worker.drain(app)
    assert pushes(service, "/refused") == 5


def test_an_address_that_is_no_longer_allowed_is_not_asked_when_sending(
    app: Flask, cast: Cast, people: Any, happens: Happens, service: PushService, quiet: None
) -> None:
    import dataclasses

    subscribes(people("kadiatou"), Browser(service.address()))
    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], extra_push_hosts=())
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    assert service.arrived == []
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(PushSubscription)) == 0


# Tidying


def test_old_sessions_and_subscriptions_of_those_who_left_are_tidied_away(
    app: Flask, cast: Cast, people: Any, service: PushService, later: Callable[..., None]
) -> None:
    from webapp.people.actions import disable_staff
    from webapp.people.models import Staff

    subscribes(people("kadiatou"), Browser(service.address("/kadiatou")))
    subscribes(people("ibrahima"), Browser(service.address("/ibrahima")))
    with app.app_context():
        disable_staff(db.session.get_one(Staff, cast.kadiatou), now=clock.now())
        db.session.commit()
    later(days=30)
    worker.tidy(app)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Session)) == 0
        assert db.session.scalars(select(PushSubscription.staff_id)).all() == [cast.ibrahima]
