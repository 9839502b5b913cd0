"""Real servers over fresh databases, phones that talk to them, and an account of what arrived."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import settings as hypothesis_settings
from sqlalchemy import select

from tests.browser_client import Person
from tests.cast import a_case
from tests.phone import Phone, Piece, line_to_port
from webapp import press
from webapp.cases.models import TimelineEntry
from webapp.database import db
from webapp.offline.models import Submission
from webapp.people.models import Staff
from webapp.storage import NotInStorage
from webapp.visits.models import FollowUp, Photo

hypothesis_settings.register_profile("thorough", max_examples=10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@dataclass
class Sent:
    """What phones were given to deliver."""

    visits: dict[UUID, Piece] = field(default_factory=dict)
    pictures: dict[UUID, bytes] = field(default_factory=dict)
    photos: dict[UUID, tuple[Piece, UUID]] = field(default_factory=dict)

    def visit(self, phone: Phone, case: UUID, *, by: UUID | None = None, **fields: Any) -> Piece:
        piece = phone.save_visit(case, by=by, **fields)
        self.visits[piece.id] = piece
        return piece

    def photo(
        self, phone: Phone, visit: Piece, case: UUID, picture: bytes, *, by: UUID | None = None
    ) -> Piece:
        piece = phone.save_photo(visit, case, picture, by=by)
        self.photos[piece.id] = (piece, visit.id)
        self.pictures[piece.id] = picture
        return piece


@dataclass
class Account:
    """What became of it, by the database and the files themselves."""

    lost: int = 0
    doubled: int = 0
    wrong_owner: int = 0
    other_digest: int = 0
    damaged: int = 0
    stray: int = 0

    @property
    def is_clean(self) -> bool:
        return self == Account()


def account_of(app: Flask, sent: Sent, confirmed: Iterable[UUID] | None = None) -> Account:
    """Compare what was sent with what is there; with ``confirmed`` only what has a receipt may not be lost."""
    account = Account()
    pieces = {**sent.visits, **{id: piece for id, (piece, _visit) in sent.photos.items()}}
    must_be = set(pieces) if confirmed is None else set(confirmed)
    with app.app_context():
        submissions = db.session.execute(
            select(Submission.id, Submission.digest, Submission.author_id, Submission.outcome)
        ).all()
        visits = db.session.execute(select(FollowUp.id, FollowUp.by_id)).all()
        photos = db.session.execute(
            select(Photo.id, Photo.by_id, Photo.for_visit, Photo.file, Photo.thumb)
        ).all()
        entries = db.session.scalars(
            select(TimelineEntry.subject_id).where(TimelineEntry.kind.in_(["visit.recorded", "photo.added"]))
        ).all()
        db.session.rollback()
    for rows in (submissions, visits + photos, entries):
        counted = Counter(row if isinstance(row, UUID) else row.id for row in rows)
        account.lost += len(must_be - set(counted))
        account.doubled += sum(number - 1 for number in counted.values())
        account.stray += len(set(counted) - set(pieces))
    for row in submissions:
        piece = pieces.get(row.id)
        account.other_digest += piece is not None and (
            row.digest != piece.digest or row.outcome != "accepted"
        )
        account.wrong_owner += piece is not None and row.author_id != piece.author
    account.wrong_owner += sum(
        row.by_id != pieces[row.id].author for row in visits + photos if row.id in pieces
    )
    account.damaged = sum(not _is_whole(app, row, sent) for row in photos if row.id in pieces)
    return account


def _is_whole(app: Flask, row: Any, sent: Sent) -> bool:
    expected = press.press(sent.pictures[row.id])
    storage = app.extensions["storage"]
    try:
        photo, thumb = storage.get(row.file), storage.get(row.thumb)
    except NotInStorage:
        return False
    is_of_its_visit = row.for_visit == sent.photos[row.id][1]
    return is_of_its_visit and sha256(photo).hexdigest() == expected.sha256 and bool(thumb == expected.thumb)


@pytest.fixture
def mariamas_case(app: Flask, cast: Any) -> UUID:
    with app.app_context():
        case = a_case("Keita", "Fanta", officer=db.session.get_one(Staff, cast.mariama))
        db.session.commit()
        return case.id  # type: ignore[no-any-return]


def phone_at(app: Flask, port: int, *staff: UUID) -> Phone:
    """An enrolled phone whose requests go over TCP to this port."""
    phone = Phone(line_to_port(port))
    for each in staff:
        phone.enrol(Person(app, each))
    return phone
