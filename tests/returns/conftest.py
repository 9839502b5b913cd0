"""A return under way, told by its steps: ``a_return()`` by Karim for somebody who goes back to Conakry."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.browser_client import Page, Person
from tests.cast import Cast
from webapp import clock
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db

TODAY = clock.today("Africa/Casablanca")


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def ahead(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


ANSWERS: dict[str, dict[str, Any]] = {
    "first_contact": {"channel": "phone"},
    "interview": {"consent": "y", "needs": ["medication", "schooling"], "household_size": "3", "place": "Kindia"},
    "medical_check": {"fit": "conditions", "conditions": ["wheelchair"]},
    "travel_document": {
        "document": "laissez_passer", "embassy": "Ambassade de Guinée", "asked_on": ago(9), "received_on": ago(2),
        "expires_on": ahead(60),
    },
    "training": {"topic": "micro_project", "partner": "Caritas", "sessions": "4", "attended": "3"},
    "departure": {
        "departs_on": ahead(5), "arrives_on": ahead(6), "flight": "AT 525", "transit": "Dakar",
        "assistance": ["wheelchair", "met"], "escort": "",
    },
    "boarding": {"accompanied": "y"},
    "arrival": {"met": "yes", "given": ["reception", "transport"], "lacking": ["lodging"]},
    "contact_there": {"contacted_by": "returnee", "channel": "phone"},
    "orientation": {"topics": ["objectives", "allocation"], "agreed": "Revient avec un devis", "next_on": ahead(20)},
}  # fmt: skip
"""A good answer to every step."""


def step_fields(step: str, **changed: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "happened_on": TODAY.isoformat(), **ANSWERS[step], **changed}


class Return:
    """One return, done step by step through the pages."""

    def __init__(self, app: Flask, people: Any, case_id: UUID) -> None:
        self.app, self.people, self.id = app, people, case_id

    @property
    def url(self) -> str:
        return f"/cases/{self.id}"

    def does(self, who: str, step: str, status: int = 303, **changed: Any) -> Page:
        person: Person = self.people(who)
        return person.posts(f"{self.url}/procedure/{step}", step_fields(step, **changed), status)

    def prepared(self) -> "Return":
        """Everything that comes before the departure."""
        for step in ("interview", "medical_check", "travel_document"):
            self.does("karim", step)
        return self

    def departing(self, **changed: Any) -> "Return":
        self.prepared().does("karim", "departure", **changed)
        return self

    def given_to(self, officer: UUID) -> "Return":
        self.people("kadiatou").posts(f"{self.url}/officer", {"officer": str(officer)})
        return self

    def case(self) -> Case:
        with self.app.app_context():
            case = db.session.get_one(Case, self.id)
            db.session.expunge(case)
            return case

    def entries(self, kind: str) -> list[Any]:
        with self.app.app_context():
            return list(
                db.session.execute(
                    select(TimelineEntry.facts, TimelineEntry.office_id, TimelineEntry.happened_at)
                    .where(TimelineEntry.case_id == self.id, TimelineEntry.kind == kind)
                    .order_by(TimelineEntry.number)
                )
            )


@pytest.fixture
def a_return(app: Flask, cast: Cast, people: Any) -> Callable[[], Return]:
    """Somebody makes contact with Karim in Rabat and wants to go back to Conakry."""

    def make(**changed: Any) -> Return:
        fields = {
            "id": str(uuid4()), "given_names": "Mamadou", "family_name": "Sylla", "sex": "M", "number": "0612345678",
            "office": str(cast.conakry), "project": "default", "channel": "phone", "happened_on": TODAY.isoformat(),
        }  # fmt: skip
        people("karim").posts("/procedure", {**fields, **changed})
        return Return(app, people, UUID(fields["id"]))

    return make


def day_of(written: str) -> date:
    return date.fromisoformat(written)
