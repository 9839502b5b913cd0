"""Phones, and what the database holds of what they delivered."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.cast import Cast
from tests.phone import Phone, line_to_app
from webapp.cases.models import TimelineEntry
from webapp.database import db
from webapp.offline.models import ContestedSubmission, Submission, SubmissionPart
from webapp.visits.models import FollowUp, Photo


@pytest.fixture
def phones(app: Flask, people: Any) -> Callable[..., Phone]:
    """New phones: ``phones("ibrahima")``, or shared by several people: ``phones("ibrahima", "mariama")``."""

    def phone(*names: str) -> Phone:
        made = Phone(line_to_app(app))
        for name in names:
            made.enrol(people(name))
        return made

    return phone


@pytest.fixture
def phone(phones: Any) -> Phone:
    """Ibrahima's phone."""
    return phones("ibrahima")  # type: ignore[no-any-return]


@pytest.fixture
def shelf(app: Flask) -> "Shelf":
    return Shelf(app)


class Shelf:
    """What the database holds, read anew each time."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def all(self, query: Any) -> list[Any]:
        with self.app.app_context():
            found = list(db.session.scalars(query))
            db.session.expunge_all()
            db.session.rollback()
            return found

    def submission(self, id: Any) -> Any:
        return self.all(select(Submission).where(Submission.id == id))[0]

    def submissions(self) -> list[Any]:
        return self.all(select(Submission).order_by(Submission.number))

    def contested(self) -> list[Any]:
        return self.all(select(ContestedSubmission))

    def parts(self) -> list[Any]:
        return self.all(select(SubmissionPart))

    def visits(self) -> list[Any]:
        return self.all(select(FollowUp))

    def photos(self) -> list[Any]:
        return self.all(select(Photo).order_by(Photo.slot))

    def entries(self, kind: str) -> list[Any]:
        return self.all(select(TimelineEntry).where(TimelineEntry.kind == kind))

    def count(self, model: Any) -> int:
        return int(self.all(select(func.count()).select_from(model))[0])

    def files(self) -> list[str]:
        """Keys of everything in the photo storage."""
        return sorted(self.app.extensions["storage"].keys())


@pytest.fixture
def aminata(cast: Cast) -> Any:
    return cast.aminata
