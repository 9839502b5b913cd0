"""A referral told by its steps: ``refers("ibrahima", service="legal")`` and then ``does("salma", referral, "acceptance")``."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.browser_client import Page
from tests.cast import Cast
from tests.world import referral_fields
from webapp.cases.models import TimelineEntry
from webapp.database import db
from webapp.referrals.models import Referral, ReferralStep

ANSWERS: dict[str, dict[str, str]] = {
    "consent": {"consent": "spoken", "consent_on": ""},
    "sending": {"sent_how": "letter", "appointment_on": ""},
    "acceptance": {"appointment_on": ""},
    "refusal": {"reason": "Plus de place ce mois-ci"},
    "outcome": {"outcome": "partly", "told": "Reçue deux fois, revient en mars"},
}
"""A good answer to every step that asks something."""


@dataclass
class Hands:
    """Who does what, through the pages."""

    app: Flask
    people: Any
    case: UUID

    @property
    def url(self) -> str:
        return f"/cases/{self.case}/referrals"

    def refers(self, who: str, **changed: str) -> UUID:
        fields = referral_fields(**changed)
        self.people(who).posts(self.url, fields)
        return UUID(fields["id"])

    def step(self, referral: UUID, deed: str, **changed: str) -> dict[str, str]:
        """The form of a step as the page shows it now."""
        return {"id": str(uuid4()), "state": self.state(referral), **ANSWERS.get(deed, {}), **changed}

    def does(self, who: str, referral: UUID, deed: str, status: int = 303, **changed: str) -> Page:
        page: Page = self.people(who).posts(
            f"/referrals/{referral}/{deed}", self.step(referral, deed, **changed), status
        )
        return page

    def row(self, referral: UUID) -> Referral:
        with self.app.app_context():
            found = db.session.get_one(Referral, referral)
            db.session.expunge(found)
            return found

    def state(self, referral: UUID) -> str:
        return str(self.row(referral).state)

    def steps(self, referral: UUID) -> list[str]:
        with self.app.app_context():
            return sorted(
                db.session.scalars(select(ReferralStep.state).where(ReferralStep.referral_id == referral))
            )

    def entries(self) -> list[Any]:
        """(kind, facts) of everything that the timeline tells of referrals."""
        with self.app.app_context():
            rows = db.session.execute(
                select(TimelineEntry.kind, TimelineEntry.facts)
                .where(TimelineEntry.kind.like("%referral.%"))
                .order_by(TimelineEntry.number)
            )
            return [tuple(row) for row in rows]


@pytest.fixture
def hands(app: Flask, cast: Cast, people: Any) -> Hands:
    return Hands(app, people, cast.aminata)
