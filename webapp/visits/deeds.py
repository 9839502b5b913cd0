"""The one door of each deed: a posted form and a submission from a phone both pass here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from .. import press
from ..cases.models import Case
from ..fields import sentences
from ..storage import Storage, StorageUnavailable
from ..web import NeedsAttention, TryLater
from .actions import keep_photo, note_refused_photo, record_visit
from .forms import PhotoForm, VisitForm
from .models import FollowUp, Photo


def record_visit_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    claimed_at: datetime | None = None,
    corrects: Sequence[UUID] = (),
) -> FollowUp:
    """Check what was written and record it; raises NeedsAttention with the sentences for each field."""
    form = VisitForm(fields, timezone=by.timezone, now=now)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return record_visit(case, form.draft(), by=by, now=now, claimed_at=claimed_at, corrects=corrects)


class NoPicture(NeedsAttention):
    """What was sent as a photo is none; ``sentence`` says why, in the language of the moment."""

    def __init__(self, sentence: str) -> None:
        super().__init__({"photo": [sentence]})
        self.sentence = sentence


class PressedPhoto:
    """A photo decoded and drawn anew, or the sentence that says why it cannot be. Made outside transactions."""

    def __init__(self, given: bytes) -> None:
        self.pressed: press.Pressed | None = None
        self._reason: press.Reason | None = None
        self._keys: tuple[str, str] | None = None
        try:
            self.pressed = press.press(given)
        except press.Unpressable as refused:
            self._reason = refused.reason
        except press.PressUnavailable as trouble:
            raise TryLater(str(trouble)) from trouble

    @property
    def refusal(self) -> str:
        """Why it cannot be a photo, in the language of the moment; empty when it is one."""
        return str(press.sentence(self._reason)) if self._reason else ""

    def store(self, storage: Storage) -> tuple[str, str]:
        """Put photo and thumb by their content; the keys. Asked again, it has them."""
        assert self.pressed is not None
        try:
            if self._keys is None:
                self._keys = (
                    storage.put(self.pressed.photo, "photo"),
                    storage.put(self.pressed.thumb, "thumb"),
                )
        except StorageUnavailable as trouble:
            raise TryLater(str(trouble)) from trouble
        return self._keys


def keep_photo_from(
    fields: MultiDict[str, str],
    photo: PressedPhoto,
    *,
    id: UUID,
    visit_id: UUID,
    case: Case,
    by: Any,
    now: datetime,
    storage: Storage,
) -> Photo:
    """Check what was said of the photo and keep it; raises NeedsAttention, also for a file that is no photo."""
    form = PhotoForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    draft = form.draft()
    if photo.pressed is None:
        raise NoPicture(photo.refusal)
    file, thumb = photo.store(storage)
    return keep_photo(
        case, draft, id=id, visit_id=visit_id, file=file, thumb=thumb,
        size=(photo.pressed.width, photo.pressed.height), by=by, now=now,
    )  # fmt: skip


__all__ = ["NoPicture", "PressedPhoto", "keep_photo_from", "note_refused_photo", "record_visit_from"]
