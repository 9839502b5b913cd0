"""The languages in which sentences can be tested, and people who speak them."""

from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update

import webapp
from webapp.database import db
from webapp.people.models import Staff

CATALOGUES = Path(webapp.__file__).parent / "translations"


def spoken(languages: list[str]) -> list[str]:
    """French, and those of the others that the sentences have been translated into."""
    return [
        each for each in languages if each == "fr" or (CATALOGUES / each / "LC_MESSAGES/messages.po").exists()
    ]


def speak(app: Any, staff_id: UUID, locale: str) -> None:
    """Let this person have chosen that language."""
    with app.app_context():
        db.session.execute(update(Staff).where(Staff.id == staff_id).values(locale=locale))
        db.session.commit()
