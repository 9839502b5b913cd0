"""Reads about visits and photos."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from ..database import db
from .models import FollowUp, Photo

_PHOTO = select(Photo.case_id, Photo.file, Photo.thumb).where(Photo.id == bindparam("id"))


def find_photo(photo_id: UUID) -> Any | None:
    """Where a photo and its thumb lie, and whose case it is."""
    return db.session.execute(_PHOTO, {"id": photo_id}).first()


def find_visit(visit_id: UUID) -> FollowUp | None:
    """A visit by its id."""
    return db.session.get(FollowUp, visit_id)


def next_slot(visit_id: UUID) -> int:
    """The slot after the last one used."""
    last = db.session.scalar(select(func.max(Photo.slot)).where(Photo.for_visit == visit_id))
    return 1 if last is None else last + 1
