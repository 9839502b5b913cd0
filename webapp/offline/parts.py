"""Parts of sealed photos on their way: kept until the whole is there, then joined."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from ..database import db
from .models import Submission, SubmissionPart
from .receiving import LARGEST_PHOTO

PART = 32768
MOST_PARTS = LARGEST_PHOTO // PART
MOST_UNFINISHED = 64 * 1024 * 1024
"""Bytes of unfinished photos one phone may leave here; more must wait until some are whole."""


DESERTED_AFTER = timedelta(days=100)
"""Phones deliver up to 90 days late; what nobody went on with for longer is of a phone that is gone."""


class TooMuchUnfinished(Exception):
    """This phone has begun too many photos without finishing them."""


def keep_part(
    submission_id: UUID, digest: str, n: int, body: bytes, *, phone_id: UUID, now: datetime
) -> None:
    """Keep one part; the same part again changes nothing."""
    waiting = db.session.scalar(
        select(func.count()).select_from(SubmissionPart).where(SubmissionPart.phone_id == phone_id)
    )
    unfinished = (waiting or 0) * PART
    # What was begun may be finished, within reason: finishing is what makes room.
    if unfinished > 2 * MOST_UNFINISHED or (
        unfinished > MOST_UNFINISHED and not parts_here(submission_id, digest)
    ):
        raise TooMuchUnfinished
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    db.session.execute(
        dialect.insert(SubmissionPart)
        .values(
            submission_id=submission_id, digest=digest, n=n, phone_id=phone_id, received_at=now, body=body
        )
        .on_conflict_do_nothing()
    )


def parts_here(submission_id: UUID, digest: str) -> list[int]:
    """The numbers of the parts that are here."""
    return list(
        db.session.scalars(
            select(SubmissionPart.n)
            .where(SubmissionPart.submission_id == submission_id, SubmissionPart.digest == digest)
            .order_by(SubmissionPart.n)
        )
    )


def parts_to_tell(submission_id: UUID, digest: str) -> list[int]:
    """The numbers of the parts that a phone need not send again.

    When all are here although the photo was never finished (the server fell, or could not look at it just
    then), the last is left out: the phone sends it again, and so asks for its receipt.
    """
    here = parts_here(submission_id, digest)
    is_gapless = here == list(range(len(here)))
    if here and is_gapless and hashlib.sha256(joined(submission_id, digest)).hexdigest() == digest:
        return here[:-1]
    return here


def joined(submission_id: UUID, digest: str) -> bytes:
    """All parts that are here, in order, as one."""
    bodies = db.session.scalars(
        select(SubmissionPart.body)
        .where(SubmissionPart.submission_id == submission_id, SubmissionPart.digest == digest)
        .order_by(SubmissionPart.n)
    )
    return b"".join(bodies)


def forget_parts(submission_id: UUID, digest: str) -> None:
    """The photo is whole and taken in, or must come again."""
    db.session.execute(
        delete(SubmissionPart).where(
            SubmissionPart.submission_id == submission_id, SubmissionPart.digest == digest
        )
    )


def find_submission(submission_id: UUID, digest: str) -> Submission | None:
    """A submission that is already here with these very bytes."""
    found = db.session.get(Submission, submission_id)
    return found if found is not None and found.digest == digest else None


def forget_deserted(*, now: datetime) -> None:
    """Let go of parts whose photo was never finished. The phone, should it come back, sends them again."""
    newest = (
        select(SubmissionPart.submission_id, SubmissionPart.digest)
        .group_by(SubmissionPart.submission_id, SubmissionPart.digest)
        .having(func.max(SubmissionPart.received_at) < now - DESERTED_AFTER)
    )
    db.session.execute(
        delete(SubmissionPart).where(tuple_(SubmissionPart.submission_id, SubmissionPart.digest).in_(newest))
    )
