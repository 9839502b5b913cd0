"""Faults that tests plant to see themselves fail: each a way in which deliveries were lost or doubled elsewhere."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from flask import request
from sqlalchemy import insert, select, text

from webapp.cases.models import Case
from webapp.database import db
from webapp.offline import parts, receiving
from webapp.offline.models import Submission, SubmissionPart

Put = Callable[[Any, str, Any], None]
"""How a fault is put in place: ``setattr``, or a test's ``monkeypatch.setattr``."""


def acknowledge_before_commit(app: Any, put: Put = setattr, *, moment: float = 0.05) -> None:
    """The receipt leaves at once; the work is written a moment later."""
    receive = receiving.receive

    def too_early(arrived: Any, desk: Any, *, now: Any, **how: Any) -> Any:
        def later() -> None:
            time.sleep(moment)
            with app.app_context():
                receive(arrived, desk, now=now, **how)
                db.session.commit()

        threading.Thread(target=later).start()
        return [receiving._receipt(envelope, "accepted", 0, now) for envelope, _content in arrived]

    put(receiving, "receive", too_early)


def check_then_insert(app: Any, put: Put = setattr) -> None:
    """Look whether it is there, then write: nothing but luck keeps two copies apart."""

    def claim(envelope: Any, *, carried_by: UUID, now: Any) -> bool:
        if db.session.scalar(select(Submission.id).where(Submission.id == envelope.id).limit(1)):
            return False
        db.session.execute(
            insert(Submission).values(
                id=envelope.id, number=time.time_ns(), kind=envelope.kind, digest=envelope.digest,
                sealing_key=envelope.key, phone_id=carried_by, received_at=now, build="", outcome="accepted", errors={},
            )
        )  # fmt: skip
        return True

    def not_held(case_ids: Any) -> dict[UUID, Case]:
        return {case.id: case for case in db.session.scalars(select(Case).where(Case.id.in_(case_ids)))}

    put(receiving, "_claim", claim)
    put(receiving, "hold_cases", not_held)


def drop_what_forbids_doubles(app: Any) -> None:
    """Take away from a PostgreSQL test database the keys that would stop ``check_then_insert``."""
    with app.app_context():
        for table, key in (
            ("submissions", "pk_submissions"),
            ("submissions", "uq_submissions_number"),
            ("follow_ups", "pk_follow_ups"),
            ("timeline_entries", "uq_timeline_entries_deed"),
        ):
            db.session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {key} CASCADE"))
        db.session.commit()


def digest_not_compared(app: Any, put: Put = setattr) -> None:
    """Whatever comes under a known id is taken for the same, and acknowledged."""

    def waved_through(envelope: Any, submission: Any, **_how: Any) -> Any:
        return {**receiving.receipt_of(submission), "digest": envelope.digest}

    put(receiving, "_contest", waved_through)


def parts_joined_as_they_came(app: Any, put: Put = setattr) -> None:
    """Parts are joined in the order of their arrival."""

    def joined(submission_id: UUID, digest: str) -> bytes:
        return b"".join(
            db.session.scalars(
                select(SubmissionPart.body)
                .where(SubmissionPart.submission_id == submission_id, SubmissionPart.digest == digest)
                .order_by(SubmissionPart.received_at)
            )
        )

    put(parts, "joined", joined)


def ids_forgotten(app: Any, put: Put = setattr) -> None:
    """Each delivery is new to the server: it gives its own ids, and the phone's is only said back."""
    receive = receiving._receive

    def anew(envelope: Any, *args: Any, **how: Any) -> Any:
        return {**receive(replace(envelope, id=uuid4()), *args, **how), "id": str(envelope.id)}

    put(receiving, "_receive", anew)


def author_is_who_delivers(app: Any, put: Put = setattr) -> None:
    """Work is booked under the name of whoever holds the phone when it leaves."""
    find = receiving.find_author

    def carrier(passes: Any, _said: str) -> Any:
        return find(passes, request.headers["Authorization"].removeprefix("Bearer "))

    put(receiving, "find_author", carrier)


def cases_held_as_they_come(app: Any, put: Put = setattr) -> None:
    """Each case of a batch is held when its turn comes: two batches in opposite orders wait for one another."""

    class HeldWhenAskedFor(dict[UUID, Case]):
        def get(self, case_id: UUID, _otherwise: Any = None) -> Any:  # type: ignore[override]
            return db.session.scalar(select(Case).where(Case.id == case_id).with_for_update())

    put(receiving, "hold_cases", lambda case_ids: HeldWhenAskedFor())


def corrections_forgotten(app: Any, put: Put = setattr) -> None:
    """A corrected visit is acknowledged and not recorded."""
    record = receiving.record_visit_from

    def forgetful(*args: Any, corrects: Any = (), **how: Any) -> Any:
        return None if corrects else record(*args, corrects=corrects, **how)

    put(receiving, "record_visit_from", forgetful)


PLANTS: dict[str, Callable[..., None]] = {
    "acknowledge before commit": acknowledge_before_commit,
    "author is who delivers": author_is_who_delivers,
    "check then insert": check_then_insert,
    "cases held as they come": cases_held_as_they_come,
    "corrections forgotten": corrections_forgotten,
    "digest not compared": digest_not_compared,
    "ids forgotten": ids_forgotten,
    "parts joined as they came": parts_joined_as_they_came,
}
