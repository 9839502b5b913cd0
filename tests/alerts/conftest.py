"""A push service that the application may ask, and a worker at hand."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.alerts.push_service import Browser, PushService, push_service
from tests.browser_client import Person
from webapp import clock
from webapp.alerts.models import Alert
from webapp.cases.models import Case
from webapp.cases.timeline import add_entry
from webapp.database import db


@pytest.fixture
def service(app: Flask) -> Iterator[PushService]:
    with push_service() as service:
        asked = app.extensions["settings"]
        app.extensions["settings"] = dataclasses.replace(asked, extra_push_hosts=(service.host,))
        yield service


@pytest.fixture
def happens(app: Flask) -> Callable[..., int]:
    """``happens("visit.recorded", case=…, by=…, concern="serious")``: the number of the entry written."""

    def happens(
        kind: str, *, case: UUID | None = None, office: UUID | None = None, by: UUID | None = None,
        subject: UUID | None = None, **facts: Any,
    ) -> int:  # fmt: skip
        with app.app_context():
            known = db.session.get_one(Case, case) if case else None
            at = clock.now() - timedelta(minutes=1)
            entry = add_entry(
                kind, case=known, office_id=office or known.office_id, subject=subject or uuid4(), by=by,  # type: ignore[union-attr]
                happened_at=at, now=at, **facts,
            )  # fmt: skip
            db.session.commit()
            return entry.number

    return happens


def alerts_by_person(app: Flask) -> list[tuple[str, UUID]]:
    """(rule, person) of every alert there is, apart from those of the cast's own beginnings."""
    with app.app_context():
        rows = db.session.execute(
            select(Alert.rule, Alert.for_id).where(Alert.rule.not_in(["case_assigned", "case_arrived"]))
        )
        return sorted(((rule, for_id) for rule, for_id in rows), key=str)


def subscribes(person: Person, browser: Browser, status: int = 200) -> Any:
    """The person allows alerts in this browser."""
    answer = person.client.post(
        "/push/subscriptions", json=browser.subscription, headers={"Origin": "http://localhost"}
    )
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()
