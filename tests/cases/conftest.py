"""What tests of transfers and closures share."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.cast import Cast, _staff
from webapp import clock
from webapp.alerts.models import Alert
from webapp.allocations.models import Allocation
from webapp.cases.actions import assign_officer
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.people.models import Office, Staff
from webapp.permissions import Role
from webapp.worker import drain


def url(case_id: UUID) -> str:
    return f"/cases/{case_id}"


class Desk:
    """What the tests look up behind the pages."""

    def __init__(self, app: Flask, cast: Cast) -> None:
        self.app, self.cast = app, cast

    def case(self, case_id: UUID) -> Case:
        with self.app.app_context():
            case = db.session.get_one(Case, case_id)
            db.session.expunge(case)
            return case

    def entries(self, case_id: UUID, kind: str) -> list[Any]:
        with self.app.app_context():
            return list(
                db.session.execute(
                    select(TimelineEntry.facts, TimelineEntry.office_id)
                    .where(TimelineEntry.case_id == case_id, TimelineEntry.kind == kind)
                    .order_by(TimelineEntry.number)
                )
            )

    def told(self, rule: str) -> set[str]:
        """First names of everybody alerted by this rule, once the worker has looked."""
        drain(self.app)
        with self.app.app_context():
            names = db.session.scalars(
                select(Staff.name).join(Alert, Alert.for_id == Staff.id).where(Alert.rule == rule)
            )
            return {name.split()[0].lower() for name in names}

    def count(self, model: Any, **facts: Any) -> int:
        with self.app.app_context():
            return int(db.session.query(model).filter_by(**facts).count())

    def new(self, name: str, role: Role, office: UUID) -> UUID:
        """Somebody more."""
        with self.app.app_context():
            first = name.split(maxsplit=1)[0].lower()
            made = _staff(name, first, role, db.session.get_one(Office, office)).id
            db.session.commit()
            return made

    def also(self, officer: UUID, given_names: str) -> UUID:
        """One more case of this officer."""
        from tests.cast import a_case

        with self.app.app_context():
            made = a_case("Diallo", given_names, officer=db.session.get_one(Staff, officer)).id
            db.session.commit()
            return made

    def without_money(self, given_names: str = "Lansana", officer: UUID | None = None) -> UUID:
        """A case of Ibrahima with nothing open at all."""
        return self.also(officer or self.cast.ibrahima, given_names)

    def moves(self, case_id: UUID, officer: UUID) -> None:
        """Somebody else was quicker."""
        with self.app.app_context():
            case = db.session.get_one(Case, case_id)
            staff = db.session.get_one(Staff, officer)
            assign_officer(case, staff.id, officer_name=staff.name, by=None, now=clock.now())
            db.session.commit()

    def allocation_office(self, case_id: UUID) -> UUID:
        with self.app.app_context():
            return db.session.scalars(select(Allocation.office_id).where(Allocation.case_id == case_id)).one()


@pytest.fixture
def desk(app: Flask, cast: Cast) -> Desk:
    return Desk(app, cast)


@pytest.fixture
def sheikh(desk: Desk, cast: Cast) -> UUID:
    """Cheikh, finance officer of Dakar."""
    return desk.new("Cheikh Diop", Role.FINANCE_OFFICER, cast.dakar)
