"""Intake of submissions: opened, checked, recorded through the same door as a posted form, and receipted.

A receipt is true: it leaves only after the commit of what it says. Sending again changes nothing and gets
the same receipt; other bytes under a known id are kept beside it.
"""

import hashlib
import json
import logging
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import MultiDict

from ..allocations.requests import papers
from ..allocations.requests.actions import OverCeiling, add_over_ceiling, hand_over_papers
from ..allocations.requests.deeds import add_document_from, ask_from
from ..cases.closures.deeds import ask_from as ask_to_close_from
from ..cases.models import Case
from ..cases.queries import has_followed, hold_cases
from ..cases.timeline import add_entry
from ..check_ins.deeds import raise_red_flag_from, record_check_in_from
from ..database import db, next_number, reading
from ..keys import CannotOpen, Keyring, unb64
from ..people.models import Office, Staff
from ..people.phones import Author, Passes, find_author
from ..people.sessions import SignedIn
from ..permissions import may
from ..plans.deeds import submit_from
from ..referrals.deeds import write_referral_from
from ..returns.deeds import interrupt_from, record_arrival_from
from ..storage import Storage
from ..visits.actions import hand_over_photos
from ..visits.deeds import NoPicture, PressedPhoto, keep_photo_from, note_refused_photo, record_visit_from
from ..visits.forms import PhotoForm
from ..web import NeedsAttention, TryLater, begin_anew
from .models import ContestedSubmission, Submission

log = logging.getLogger(__name__)

KINDS = (
    "visit", "check-in", "red-flag", "referral", "payment-request", "plan", "arrival", "interruption",
    "closure-request", "photo",
)  # fmt: skip
MOST_IN_A_BATCH = 100
LARGEST_SEALED = 256 * 1024
"""Of a text. A sealed photo may be LARGEST_PHOTO."""
LARGEST_PHOTO = 2 * 1024 * 1024
LARGEST_OPENED = 1024 * 1024
MOST_FIELDS = 400
MOST_SET_ASIDE = 500
"""What one phone may bring that nobody can be asked to correct: its pass lies readable, and disks are not endless.
The rest is told ``later`` and stays on the phone."""
ODDEST_CLOCK = timedelta(days=40 * 365)
"""A phone's clock further off than this tells nothing."""
LONGEST_CHAIN = 20
"""Corrections of corrections that are followed."""


@dataclass(frozen=True)
class Envelope:
    """A sealed submission as it arrived."""

    id: UUID
    kind: str
    key: str
    digest: str
    sealed: bytes


@dataclass(frozen=True)
class Opened:
    """What was under the seal: who says it, of which case, when by the phone's clock, and the body."""

    author_pass: str
    case_id: UUID | None
    claimed_at: datetime | None
    clock_error_ms: int | None
    build: str
    supersedes: UUID | None
    body: bytes
    photo: dict[str, Any]


Arrived = tuple[Envelope, Opened | None]
"""A submission as it arrived, with what is under its seal."""


class NotASubmission(Exception):
    """The request is not of the agreed form."""


class TooMuch(Exception):
    """More in one request than is taken at once."""


@dataclass(frozen=True)
class Desk:
    """What receiving needs of this installation."""

    keyring: Keyring
    passes: Passes
    storage: Storage


def read_batch(said: Any) -> list[Envelope]:
    """The envelopes of a posted batch; raises NotASubmission or TooMuch."""
    try:
        items = said["submissions"]
        if not isinstance(items, list):
            raise NotASubmission("not a list")
        if len(items) > MOST_IN_A_BATCH:
            raise TooMuch(str(len(items)))
    except (KeyError, TypeError) as reason:
        raise NotASubmission(str(reason)) from reason
    return [read_envelope(item) for item in items]


def read_envelope(item: Any, *, photos: bool = False) -> Envelope:
    """One envelope as it was posted; raises NotASubmission or TooMuch. A phone sends ``photos`` in parts, by
    their own address; only in a file carried by hand they stand among the texts."""
    try:
        kind, digest, key = str(item["kind"]), str(item["digest"]), str(item["key"])
        if kind not in KINDS or (kind == "photo" and not photos) or not is_key_name(key):
            raise NotASubmission(kind)
        sealed = unb64(item["sealed"])
        if len(sealed) > (LARGEST_PHOTO if kind == "photo" else LARGEST_SEALED):
            raise TooMuch(str(len(sealed)))
        return Envelope(UUID(item["id"]), kind, key, digest, sealed)
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        raise NotASubmission(str(reason)) from reason


def is_key_name(text: str) -> bool:
    """Whether this can be the name of a sealing key."""
    return 0 < len(text) <= 40 and text.isascii() and text.isprintable()


def opened(envelopes: list[Envelope], keyring: Keyring) -> list[Arrived]:
    """Each envelope with what is under its seal, or None when it cannot be opened. Done before the transaction."""
    return [(envelope, try_open(envelope, keyring)) for envelope in envelopes]


def receive(
    arrived: list[Arrived],
    desk: Desk,
    *,
    carried_by: UUID | None,
    trusted: bool,
    now: datetime,
    photo: PressedPhoto | None = None,
) -> list[dict[str, Any]]:
    """Take submissions in, one after the other, inside the present transaction; their receipts.

    ``carried_by`` is the phone that delivers them (none: they came by hand) and ``trusted`` whether that phone is
    not cut off; ``photo`` is the picture of a single photo, as ``ready_photo`` gave it. A trouble of ours undoes only the one that met
    it and answers ``later`` for it.
    """
    # All cases are held from the start and in one order, before any counter: two batches, or a batch and a page,
    # that want the same two cases would otherwise wait for one another.
    cases = hold_cases({content.case_id for _envelope, content in arrived if content and content.case_id})
    return [
        _receive_one(
            envelope,
            content,
            cases.get(content.case_id) if content and content.case_id else None,
            desk,
            carried_by=carried_by,
            trusted=trusted,
            now=now,
            photo=photo,
        )
        for envelope, content in arrived
    ]


def _receive_one(
    envelope: Envelope, opened: Opened | None, case: Case | None, desk: Desk, *, now: datetime, **how: Any
) -> dict[str, Any]:
    if is_damaged(envelope):
        # Changed on the way: what the phone holds is whole, so it must send again.
        return _receipt(envelope, "later", None, now)
    try:
        with db.session.begin_nested():
            return _receive(envelope, opened, case, desk, now=now, **how)
    except TryLater:
        return _receipt(envelope, "later", None, now)
    except OperationalError:
        raise
    except Exception:
        log.exception("a submission could not be taken in")
        return _receipt(envelope, "later", None, now)


def _receive(
    envelope: Envelope,
    opened: Opened | None,
    case: Case | None,
    desk: Desk,
    *,
    carried_by: UUID | None,
    trusted: bool,
    now: datetime,
    photo: PressedPhoto | None,
) -> dict[str, Any]:
    first = _claim(envelope, carried_by=carried_by, now=now)
    submission = db.session.get_one(Submission, envelope.id, populate_existing=True)
    if not first:
        if submission.digest == envelope.digest:
            return receipt_of(submission)
        return _contest(envelope, submission, carried_by=carried_by, now=now)
    if opened is None:
        return _set_aside(submission, envelope, "quarantined", {"": ["cannot be opened"]}, now=now)
    # Found before anything is written: one UPDATE then says it all.
    author = find_author(desk.passes, opened.author_pass)
    submission.claimed_at, submission.clock_error_ms = opened.claimed_at, opened.clock_error_ms
    submission.build, submission.supersedes = opened.build, opened.supersedes
    if author is None:
        return _set_aside(submission, envelope, "quarantined", {"": ["unknown author"]}, now=now)
    submission.author_id = author.staff.id
    submission.case_id = (
        case.id if case and _may_deliver(author.person, opened, envelope.kind, case) else None
    )
    if not (author.trusted and trusted):
        return _set_aside(
            submission, envelope, "quarantined", {"": ["phone cut off"]}, now=now, author=author, case=case
        )
    person = author.person
    try:
        with force_locale(person.locale):
            if case is None or not _may_deliver(person, opened, envelope.kind, case):
                raise NeedsAttention(
                    {"": [_("Ce cas n’est plus dans votre liste. Le bureau décide de ce qui suit.")]}
                )
            with db.session.begin_nested():
                _DEEDS[envelope.kind](opened, envelope, case, author, desk, now, photo)
    except NoPicture as refused:
        # The bytes of a refused picture are kept nowhere: nobody could do anything with them.
        assert case is not None
        submission.outcome, submission.errors = "needs attention", refused.errors
        note_refused_photo(
            case, id=envelope.id, visit_id=_photo_visit(opened, author), slot=_whole(opened.photo.get("slot")),
            reason=refused.sentence, by=person, now=now,
        )  # fmt: skip
        db.session.flush()
        return receipt_of(submission)
    except NeedsAttention as refused:
        if isinstance(refused, OverCeiling) and case is not None:
            add_over_ceiling(case, refused, by=person, now=now)
        return _set_aside(
            submission, envelope, "needs attention", refused.errors, now=now, author=author, case=case
        )
    if opened.supersedes:
        _supersede(_corrected(opened, envelope, author), author, now=now)
    db.session.flush()
    return receipt_of(submission)


def sealed_work(submission: Submission, keyring: Keyring) -> tuple[Envelope, Opened | None]:
    """What a submission that was set aside still holds: its envelope, and what is under the seal if it opens."""
    envelope = Envelope(
        submission.id, submission.kind, submission.sealing_key, submission.digest, submission.sealed or b""
    )
    return envelope, try_open(envelope, keyring)


def take_in_after_all(
    submission: Submission, desk: Desk, *, now: datetime, photo: PressedPhoto | None = None
) -> None:
    """Record quarantined work under its author's name, as if no phone had been cut off.

    Raises NeedsAttention with the sentences of the deed, or when nobody can be told to have written it.
    ``photo`` is the picture of a photo, as ``ready_photo`` gave it.
    """
    envelope, opened = sealed_work(submission, desk.keyring)
    author = find_author(desk.passes, opened.author_pass) if opened else None
    if opened is None or author is None:
        raise NeedsAttention({"": [_("Personne ne peut être dit l’auteur de cet envoi.")]})
    if envelope.kind == "payment-request":
        # Whoever found the phone may have written it, and whoever takes it in could approve it.
        raise NeedsAttention(
            {"": [_("Une demande d’argent ne se reprend pas : l’agent qui suit le cas la fait de nouveau.")]}
        )
    case = hold_cases({opened.case_id}).get(opened.case_id) if opened.case_id else None
    if case is None or not _may_deliver(author.person, opened, envelope.kind, case):
        raise NeedsAttention({"": [_("Ce cas n’était pas à son auteur.")]})
    with db.session.begin_nested():
        _DEEDS[envelope.kind](opened, envelope, case, author, desk, now, photo)
    submission.outcome, submission.errors, submission.sealed = "accepted", {}, None
    submission.case_id = case.id
    if opened.supersedes:
        _supersede(_corrected(opened, envelope, author), author, now=now)
    db.session.flush()


def _claim(envelope: Envelope, *, carried_by: UUID | None, now: datetime) -> bool:
    """Write the submission's row if nobody has; whether we are the first. Copies at the same moment wait here."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    row = {
        "id": envelope.id,
        "number": next_number("submissions"),
        "kind": envelope.kind,
        "digest": envelope.digest,
        "sealing_key": envelope.key,
        "phone_id": carried_by,
        "received_at": now,
        "build": "",
        "outcome": "accepted",
        "errors": {},
    }
    written = db.session.execute(
        dialect.insert(Submission)
        .values(row)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(Submission.id)
    )
    return written.scalar_one_or_none() is not None


def _contest(
    envelope: Envelope, submission: Submission, *, carried_by: UUID | None, now: datetime
) -> dict[str, Any]:
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    kept = db.session.execute(
        dialect.insert(ContestedSubmission)
        .values(
            id=UUID(bytes=hashlib.sha256(envelope.id.bytes + envelope.digest.encode()).digest()[:16]),
            submission_id=submission.id,
            digest=envelope.digest,
            sealing_key=envelope.key,
            phone_id=carried_by,
            received_at=now,
            sealed=envelope.sealed,
        )
        .on_conflict_do_nothing()
        .returning(ContestedSubmission.id)
    ).scalar_one_or_none()
    if kept is not None:
        _refuse_endless(ContestedSubmission.phone_id == carried_by)
        _tell("submission.contested", submission, subject=kept, now=now, author=None, case=None)
    return _receipt(envelope, "contested", submission.number, now)


def _set_aside(
    submission: Submission,
    envelope: Envelope,
    outcome: str,
    errors: dict[str, list[str]],
    *,
    now: datetime,
    author: Author | None = None,
    case: Case | None = None,
) -> dict[str, Any]:
    """Keep it sealed, with the reason, for the person who must look at it."""
    submission.outcome, submission.errors = outcome, errors
    if outcome == "needs attention" and author is not None and (right := _correction(submission.id, author)):
        # Given again to a server set back to a backup: its correction was quicker, nobody need look at it.
        submission.superseded_at = now
        if case is not None:
            hand_over_photos([submission.id], right, case, by=author.person)
            if submission.kind == "payment-request":
                hand_over_papers([submission.id], right, case, by=author.person, now=now)
        db.session.flush()
        return receipt_of(submission)
    if outcome == "quarantined":
        _refuse_endless(Submission.phone_id == submission.phone_id, Submission.outcome == outcome)
    submission.sealed = envelope.sealed
    kind = "submission.needs_attention" if outcome == "needs attention" else "submission.quarantined"
    _tell(kind, submission, subject=submission.id, now=now, author=author, case=case)
    db.session.flush()
    return receipt_of(submission)


def _refuse_endless(*those: Any) -> None:
    if (db.session.scalar(select(func.count()).where(*those)) or 0) > MOST_SET_ASIDE:
        raise TryLater("this phone has too much set aside")


def _tell(
    kind: str,
    submission: Submission,
    *,
    subject: UUID,
    now: datetime,
    author: Author | None,
    case: Case | None,
) -> None:
    office_id = case.office_id if case else author.staff.office_id if author else None
    if office_id is None and submission.author_id:
        office_id = db.session.scalar(select(Staff.office_id).where(Staff.id == submission.author_id))
    if office_id is None:
        office_id = db.session.scalar(select(Office.id).order_by(Office.id).limit(1))
    if office_id is None:
        return
    add_entry(
        kind, case=None, office_id=office_id, subject=subject, by=submission.author_id, happened_at=now, now=now,
        submission=str(submission.id), author=str(submission.author_id) if submission.author_id else None,
    )  # fmt: skip


def _supersede(refused: list[UUID], author: Author, *, now: datetime) -> None:
    """The corrected work is here: the refused ones it replaces need nobody's attention any more."""
    db.session.execute(
        update(Submission)
        .where(
            Submission.id.in_(refused),
            Submission.author_id == author.staff.id,
            Submission.outcome == "needs attention",
        )
        .values(superseded_at=now, sealed=None)
    )


def _corrected(opened: Opened, envelope: Envelope, author: Author) -> list[UUID]:
    """What a submission corrects: the one it names and those that one corrected. Never accepted work, and
    never another person's."""
    found: list[UUID] = []
    step = opened.supersedes
    while step is not None and step not in found and len(found) < LONGEST_CHAIN:
        old = db.session.execute(
            select(Submission.author_id, Submission.kind, Submission.outcome, Submission.supersedes).where(
                Submission.id == step
            )
        ).first()
        if old is not None and (
            old.outcome == "accepted" or old.author_id != author.staff.id or old.kind != envelope.kind
        ):
            break
        found.append(step)
        step = old.supersedes if old is not None else None
    return found


def _correction(refused: UUID, author: Author) -> UUID | None:
    """The accepted submission that corrects a refused one, directly or over further refused ones."""
    step, seen = [refused], {refused}
    for _link in range(LONGEST_CHAIN):
        newer = db.session.execute(
            select(Submission.id, Submission.outcome).where(
                Submission.author_id == author.staff.id, Submission.supersedes.in_(step)
            )
        ).all()
        for row in newer:
            if row.outcome == "accepted":
                return row.id
        step = [row.id for row in newer if row.id not in seen]
        if not step:
            return None
        seen.update(step)
    return None


def try_open(envelope: Envelope, keyring: Keyring) -> Opened | None:
    """What is under the seal, or None when it cannot be opened."""
    try:
        return open_envelope(envelope, keyring)
    except CannotOpen:
        return None


def open_envelope(envelope: Envelope, keyring: Keyring) -> Opened:
    """What is under the seal; raises CannotOpen for anything not of the agreed form."""
    frozen = keyring.open_sealed(envelope.sealed, key=envelope.key, kind=envelope.kind, id=str(envelope.id))
    try:
        (length,) = struct.unpack(">I", frozen[:4])
        header = json.loads(frozen[4 : 4 + length])
        body = frozen[4 + length :]
        if header["v"] != 1 or UUID(header["id"]) != envelope.id or header["kind"] != envelope.kind:
            raise CannotOpen("another submission's header")
        if header.get("zip"):
            unzipper = zlib.decompressobj(-15)
            body = unzipper.decompress(body, LARGEST_OPENED)
            if unzipper.unconsumed_tail or not unzipper.eof:
                raise CannotOpen("the body is too long or cut")
        photo = header.get("photo") or {}
        return Opened(
            author_pass=str(header["by"]),
            case_id=_uuid(header.get("case")),
            claimed_at=_moment(header.get("claimed_at")),
            clock_error_ms=_clock_error(header.get("clock_error_ms")),
            build=_text(header.get("build"))[:40],
            supersedes=_uuid(header.get("supersedes")),
            body=body,
            photo=photo if isinstance(photo, dict) else {},
        )
    except (
        struct.error,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        zlib.error,
        RecursionError,
    ) as reason:
        raise CannotOpen(str(reason)) from reason


def _may_deliver(person: SignedIn, opened: Opened, kind: str, case: Case) -> bool:
    """Depositing needs less than reading: work on a case that was the author's is still theirs to deliver."""
    action = {
        "visit": "visit.record",
        "photo": "photo.add",
        "check-in": "check_in.record",
        "red-flag": "red_flag.raise",
        "referral": "referral.write",
        "payment-request": "payment.request",
        "plan": "plan.write",
        "arrival": "arrival.record",
        "interruption": "procedure.interrupt",
        "closure-request": "closure.ask",
    }[kind]
    if kind == "photo" and opened.photo.get("document"):
        action = "payment.request"
    if may(person, action, case):
        return True
    # Asking for money, proving what it is for, or asking for a plan to be agreed to is no deposit: only whoever
    # follows the case now may.
    return action not in ("payment.request", "plan.write") and has_followed(person.id, case.id)


def _fields(opened: Opened) -> MultiDict[str, str]:
    try:
        text = opened.body.decode()
        return MultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as reason:  # not UTF-8, or more fields than any form has
        raise NeedsAttention({"": [_("Le contenu n’a pas pu être lu.")]}) from reason


def _form_of(opened: Opened, envelope: Envelope) -> MultiDict[str, str]:
    fields = _fields(opened)
    fields["id"] = str(envelope.id)
    return fields


def _when(opened: Opened, now: datetime) -> datetime:
    """When it was done, by the phone's clock put right by what was measured of its error; never after now."""
    if opened.claimed_at is None:
        return now
    claimed = opened.claimed_at
    if opened.clock_error_ms is not None:
        claimed -= timedelta(milliseconds=opened.clock_error_ms)
    return claimed if timedelta(0) <= now - claimed <= timedelta(days=400) else now


def _visit(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    record_visit_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, claimed_at=opened.claimed_at,
        corrects=_corrected(opened, envelope, author),
    )  # fmt: skip


def _check_in(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    record_check_in_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, keyring=desk.keyring,
        asked_at=_when(opened, now), claimed_at=opened.claimed_at,
    )  # fmt: skip


def _red_flag(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    raise_red_flag_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, keyring=desk.keyring,
        raised_at=_when(opened, now), claimed_at=opened.claimed_at,
    )  # fmt: skip


def _referral(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    write_referral_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, keyring=desk.keyring,
        written_at=_when(opened, now), claimed_at=opened.claimed_at,
    )  # fmt: skip


def _photo(
    opened: Opened,
    envelope: Envelope,
    case: Case,
    author: Author,
    desk: Desk,
    now: datetime,
    photo: PressedPhoto | None,
) -> None:
    if photo is None:
        raise TryLater("the photo was not pressed")
    if kind := _text(opened.photo.get("document")):
        # A paper of a payment request: the quote that was photographed with it.
        add_document_from(
            kind, papers.of_photo(photo), id=envelope.id, request_id=_photo_visit(opened, author), case=case,
            by=author.person, now=now, storage=desk.storage,
        )  # fmt: skip
        return
    keep_photo_from(
        _photo_fields(opened),
        photo,
        id=envelope.id,
        visit_id=_photo_visit(opened, author),
        case=case,
        by=author.person,
        now=now,
        storage=desk.storage,
    )


def _photo_fields(opened: Opened) -> MultiDict[str, str]:
    said = opened.photo
    return MultiDict(
        {
            "slot": str(_whole(said.get("slot"))),
            "caption": _text(said.get("caption")),
            "subject": _text(said.get("subject")),
            **({"consent": "yes"} if said.get("consent") is True else {}),
        }
    )


def ready_photo(
    opened: Opened | None, desk: Desk, *, trusted: bool, after_all: bool = False
) -> PressedPhoto | None:
    """The picture drawn anew and stored: all that is slow, done before the transaction that records it.

    None when the intake will not take it, whose reasons the intake says itself. A picture that may not be
    kept, such as a person's without consent, is not stored. ``after_all``: a manager takes in what a phone
    brought that was cut off.
    """
    if opened is None or not trusted:
        return None
    with reading():
        author = find_author(desk.passes, opened.author_pass)
        case = db.session.get(Case, opened.case_id) if opened.case_id else None
        wanted = (
            author
            and (author.trusted or after_all)
            and case
            and _may_deliver(author.person, opened, "photo", case)
        )
        begin_anew()
    if not wanted:
        return None
    photo = PressedPhoto(opened.body)
    if opened.photo.get("document"):
        return photo  # kept as the paper of a request, not as a visit's photo
    if photo.pressed is not None and PhotoForm(_photo_fields(opened)).validate():
        photo.store(desk.storage)
    return photo


def _payment_request(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    ask_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now,
        corrects=_corrected(opened, envelope, author),
    )  # fmt: skip


def _plan(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    submit_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, claimed_at=opened.claimed_at
    )


def _arrival(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    record_arrival_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, claimed_at=opened.claimed_at
    )


def _interruption(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    interrupt_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, interrupted_at=_when(opened, now),
        claimed_at=opened.claimed_at,
    )  # fmt: skip


def _closure_request(
    opened: Opened, envelope: Envelope, case: Case, author: Author, desk: Desk, now: datetime, photo: Any
) -> None:
    ask_to_close_from(
        _form_of(opened, envelope), case=case, by=author.person, now=now, asked_at=_when(opened, now),
        claimed_at=opened.claimed_at,
    )  # fmt: skip


_DEEDS: dict[str, Callable[..., None]] = {
    "payment-request": _payment_request,
    "plan": _plan,
    "visit": _visit,
    "check-in": _check_in,
    "red-flag": _red_flag,
    "referral": _referral,
    "arrival": _arrival,
    "interruption": _interruption,
    "closure-request": _closure_request,
    "photo": _photo,
}


def _photo_visit(opened: Opened, author: Author) -> UUID:
    """The visit of a photo; the accepted correction when that visit was refused and corrected meanwhile."""
    named = _uuid(opened.photo.get("visit"))
    if named is None:
        raise NeedsAttention({"photo": [_("La photo ne dit pas à quoi elle appartient.")]})
    outcome = db.session.scalar(select(Submission.outcome).where(Submission.id == named))
    if outcome in (None, "accepted"):
        return named
    return _correction(named, author) or named


def receipt_of(submission: Submission) -> dict[str, Any]:
    """The receipt of a submission that is here: the same every time it is asked for."""
    return {
        "id": str(submission.id),
        "digest": submission.digest,
        "outcome": submission.outcome,
        "number": submission.number,
        "received_at": submission.received_at.isoformat(),
        "errors": submission.errors or {},
    }


def is_damaged(envelope: Envelope) -> bool:
    """Whether the bytes are not those of the digest: they were changed on the way and must come again."""
    return hashlib.sha256(envelope.sealed).hexdigest() != envelope.digest


def is_of_office(submission: Submission, office_id: UUID) -> bool:
    """Whether the submission's author works in this office."""
    staff = db.session.get(Staff, submission.author_id) if submission.author_id else None
    return staff is not None and staff.office_id == office_id


def case_code(case_id: UUID) -> str:
    """The code of a case, for its author's own list."""
    return db.session.scalar(select(Case.code).where(Case.id == case_id)) or ""


def _receipt(envelope: Envelope, outcome: str, number: int | None, now: datetime) -> dict[str, Any]:
    return {
        "id": str(envelope.id),
        "digest": envelope.digest,
        "outcome": outcome,
        "number": number,
        "received_at": now.isoformat(),
        "errors": {},
    }


def _uuid(said: Any) -> UUID | None:
    try:
        return UUID(said) if said else None
    except (ValueError, TypeError, AttributeError):
        return None


def _text(said: Any) -> str:
    """Typed text without what databases refuse: NUL and halves of letters."""
    return str(said or "").replace("\x00", "").encode("utf-8", "replace").decode()


def _whole(said: Any) -> int:
    return int(said) if isinstance(said, int | float) and abs(said) < 2**53 else 0


def _clock_error(said: Any) -> int | None:
    """How far the phone's clock was off, in milliseconds; None when that was not measured or cannot be."""
    if not isinstance(said, int | float) or not abs(said) <= ODDEST_CLOCK / timedelta(milliseconds=1):
        return None
    return int(said)


def _moment(said: Any) -> datetime | None:
    """The moment that a phone's clock showed; None for no moment and for years that no phone can mean."""
    try:
        moment = datetime.fromisoformat(str(said).replace("Z", "+00:00"))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1970 <= moment.year < 2200 else None
