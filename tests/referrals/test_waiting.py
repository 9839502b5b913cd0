"""A referral that nobody accepts in time: its author hears of it, and after twice that time the manager; once each."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.alerts.conftest import alerts_by_person
from tests.cast import Cast
from tests.referrals.conftest import Hands
from webapp import worker
from webapp.alerts.models import Alert, Job
from webapp.alerts.rules import LEADS_TO
from webapp.database import db
from webapp.referrals.states import WITHIN

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
On = Callable[[timedelta], None]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> On:
    """Move the clock to so long after the 20th of November."""

    def move(by: timedelta) -> None:
        monkeypatch.setenv("SUIVI_TEST_CLOCK", (NOW + by).isoformat())

    move(timedelta(0))
    return move


def looks(app: Flask) -> None:
    worker.tidy(app)
    worker.drain(app)


def told(app: Flask) -> set[tuple[str, UUID]]:
    return {each for each in alerts_by_person(app) if "referral" in each[0]}


@pytest.mark.parametrize("urgency", WITHIN)
@pytest.mark.parametrize("service", ["health", "protection"])
def test_the_author_hears_in_time_and_the_manager_after_twice_that_time(
    app: Flask, cast: Cast, hands: Hands, people: Any, on: On, urgency: str, service: str
) -> None:
    hands.refers("ibrahima", urgency=urgency, service=service)
    within = WITHIN[urgency]
    looks(app)
    on(within - timedelta(minutes=1))
    looks(app)
    assert told(app) == set()
    late = {("referral_waiting", cast.ibrahima)}
    # An urgent one is looked at when its time has come; the others the next morning.
    on(within + timedelta(minutes=1) if urgency == "urgent" else within + timedelta(days=1))
    looks(app)
    assert told(app) == late
    rule = "restricted_referral_waiting_long" if service == "protection" else "referral_waiting_long"
    for later in (2 * within + timedelta(minutes=1), 2 * within + timedelta(days=1), 5 * within):
        on(later if urgency == "urgent" else later + timedelta(days=1))
        looks(app)
        assert told(app) == late | {(rule, cast.kadiatou)}
    with app.app_context():
        alerts = list(db.session.execute(select(Alert.id, Alert.for_id, Alert.urgent)))
    for alert in alerts:
        if alert.for_id == cast.kadiatou:
            page = people("kadiatou").opens(f"/alerts/{alert.id}")
            assert "Un référencement attend une réponse" in page.text()
            assert (str(hands.case) in page.html) is (service == "health")
            assert "Clinique" not in page.html
            assert alert.urgent is (urgency == "urgent")


@pytest.mark.parametrize("deed", ["acceptance", "refusal", "withdrawal"])
def test_of_one_that_was_answered_or_withdrawn_nobody_hears(
    app: Flask, hands: Hands, on: On, deed: str
) -> None:
    id = hands.refers("ibrahima", urgency="urgent")
    on(timedelta(minutes=10))
    hands.does("ibrahima", id, deed)
    on(timedelta(days=9))
    looks(app)
    assert told(app) == set()


def test_one_that_waits_for_consent_is_not_forgotten_either(
    app: Flask, cast: Cast, hands: Hands, on: On
) -> None:
    hands.refers("salma", urgency="soon", consent="later", sent_how="")
    on(timedelta(days=8))
    looks(app)
    assert told(app) == {("referral_waiting", cast.salma)}


def test_the_urgent_hour_is_kept_by_the_daily_job(app: Flask, hands: Hands, on: On) -> None:
    hands.refers("ibrahima", urgency="urgent")
    on(timedelta(hours=22))
    looks(app)
    with app.app_context():
        due = db.session.scalars(select(Job.due_at).where(Job.kind == "daily")).all()
    assert NOW + timedelta(hours=24) in due


def test_alerts_lead_to_no_money() -> None:
    assert not [rule for rule in LEADS_TO if "referral" in rule]
