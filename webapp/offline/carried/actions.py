"""Take in a file of sealed work. The seal names the author, so it matters to nobody who carries the file."""

import json
from collections import Counter
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from ...cases.timeline import add_entry
from ...database import reading
from ...people.sessions import SignedIn
from ...web import begin_anew, keep_so_far
from .. import parts, receiving
from ..receiving import Arrived, Desk, Envelope

HEADING = {"suivi": "outbox", "version": 1}
"""The first line of a file; each further line is one envelope, as a phone posts it."""
LARGEST_FILE = 64 * 1024 * 1024
MOST_LINES = 2000
AT_ONCE = 25
"""Texts taken in within one transaction: others wait no longer for it than for a phone's batch."""


class NotCarriedWork(ValueError):
    """The file was not made by a phone of Suivi."""


def read_file(file: IO[bytes]) -> tuple[list[Envelope], int]:
    """The envelopes of a file, texts before photos, and how many of its lines were cut or changed on the way.

    Raises NotCarriedWork for any other file, and for one with more than MOST_LINES.
    """
    if _line(file.readline(1024)) != HEADING:
        raise NotCarriedWork
    envelopes: list[Envelope] = []
    unreadable = 0
    while line := file.readline(2 * receiving.LARGEST_PHOTO):
        if len(envelopes) + unreadable >= MOST_LINES:
            raise NotCarriedWork
        try:
            envelope = receiving.read_envelope(_line(line), photos=True)
            if receiving.is_damaged(envelope):
                raise receiving.NotASubmission
            envelopes.append(envelope)
        except (receiving.NotASubmission, receiving.TooMuch):
            unreadable += 1
    return sorted(envelopes, key=lambda envelope: envelope.kind == "photo"), unreadable


def take_in(envelopes: list[Envelope], desk: Desk, *, by: SignedIn, now: datetime) -> Counter[str]:
    """Take everything in under its authors' names: how many of each outcome, with ``here before`` among them.

    Commits on the way: what was taken in stays so, whatever becomes of the rest. The phones that wrote it get
    their receipts when they next send the same.
    """
    found: Counter[str] = Counter()
    texts = [envelope for envelope in envelopes if envelope.kind != "photo"]
    for first in range(0, len(texts), AT_ONCE):
        found += _settle(receiving.opened(texts[first : first + AT_ONCE], desk.keyring), desk, now=now)
    for envelope in envelopes[len(texts) :]:
        found += _settle_photo(envelope, desk, now=now)
    add_entry(
        "work.carried", case=None, office_id=by.office_id, subject=None, by=by.id, happened_at=now, now=now,
        pieces=len(envelopes),
    )  # fmt: skip
    return found


def _settle(
    arrived: list[Arrived], desk: Desk, *, now: datetime, photo: receiving.PressedPhoto | None = None
) -> Counter[str]:
    before = {
        envelope.id for envelope, _content in arrived if parts.find_submission(envelope.id, envelope.digest)
    }
    receipts = receiving.receive(arrived, desk, carried_by=None, trusted=True, now=now, photo=photo)
    keep_so_far()
    return Counter(
        "here before" if UUID(receipt["id"]) in before else receipt["outcome"] for receipt in receipts
    )


def _settle_photo(envelope: Envelope, desk: Desk, *, now: datetime) -> Counter[str]:
    with reading():
        known = parts.find_submission(envelope.id, envelope.digest) is not None
        begin_anew()
    if known:
        return Counter({"here before": 1})
    arrived = receiving.opened([envelope], desk.keyring)
    photo = receiving.ready_photo(arrived[0][1], desk, trusted=True)
    found = _settle(arrived, desk, now=now, photo=photo)
    if not found["later"]:
        parts.forget_parts(envelope.id, envelope.digest)
    return found


def _line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
