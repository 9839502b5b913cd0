"""What a returnee does, and the card that lets them in."""

import hashlib
import itertools
import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select

from ..cases.actions import touch
from ..cases.models import Case
from ..cases.timeline import add_entry
from ..database import db
from ..people import locks, passwords
from .models import ReturneeAccess, ReturneeSession, ReturneeWord

CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32: no letter that is easily taken for a digit or another letter."""
CODE_LENGTH = 10
PIN_LENGTH = 6
ASKS_FOR_AN_ANSWER = ("partly", "not_received", "call_me_back")
KINDS = ("received", "partly", "not_received", "call_me_back")
MOST_TRIES = 15
"""After so many wrong PINs in all, a code is locked until somebody makes a new card."""
SESSION = timedelta(minutes=15)
MOST_WORDS_A_DAY = 20
"""Each wakes people: more in a day say nothing new."""


class SaidEnough(Exception):
    """The returnee has said so much today that those who must act know."""


def make_access(case: Case, now: datetime) -> tuple[str, str]:
    """Make the case's card: (code, PIN). The PIN is known only now; a former card stops working.

    The code is drawn at random and says nothing of the case, so it cannot be found by counting.
    """
    db.session.execute(delete(ReturneeAccess).where(ReturneeAccess.case_id == case.id))
    db.session.execute(delete(ReturneeSession).where(ReturneeSession.case_id == case.id))
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    pin = _new_pin()
    db.session.add(ReturneeAccess(code=code, case_id=case.id, pin_hash=passwords.hashed(pin), made_at=now))
    db.session.flush()
    return code, pin


def give_card(case: Case, *, by: UUID, now: datetime) -> tuple[str, str]:
    """Make a card and write down that it was given: (code, PIN)."""
    card = make_access(case, now)
    add_entry(
        "returnee.card", case=case, office_id=case.office_id, subject=uuid4(), by=by, happened_at=now, now=now
    )
    touch(case)
    return card


def count_try(code: str, *, now: datetime) -> bool:
    """Count one try for this code, known or not, before its PIN is looked at; whether the PIN may be checked."""
    return locks.count_try(_lock_of(code), now=now, most=MOST_TRIES) is None


def open_session(code: str, case_id: UUID, *, now: datetime) -> str:
    """Let the returnee in for a quarter of an hour; the secret of the session."""
    locks.forget_tries(_lock_of(code))
    db.session.execute(delete(ReturneeSession).where(ReturneeSession.ends_at <= now))
    secret = secrets.token_urlsafe(32)
    db.session.add(
        ReturneeSession(secret_hash=hashed(secret), case_id=case_id, started_at=now, ends_at=now + SESSION)
    )
    return secret


def end_session(secret: str) -> None:
    """Close the page for good."""
    db.session.execute(delete(ReturneeSession).where(ReturneeSession.secret_hash == hashed(secret)))


def say(case: Case, kind: str, *, id: UUID, now: datetime, request_id: UUID | None = None) -> None:
    """Write down what the returnee said, of one purchase or of all. The same id again says it once.

    Raises SaidEnough for more than anybody has to say in a day.
    """
    if db.session.get(ReturneeWord, id) is not None:
        return
    lately = select(func.count()).where(
        ReturneeWord.case_id == case.id, ReturneeWord.said_at > now - timedelta(days=1)
    )
    if (db.session.scalar(lately) or 0) >= MOST_WORDS_A_DAY:
        raise SaidEnough
    db.session.add(ReturneeWord(id=id, case_id=case.id, request_id=request_id, kind=kind, said_at=now))
    about = {"request": str(request_id)} if request_id else {}
    add_entry(
        f"returnee.{kind}", case=case, office_id=case.office_id, subject=id, by=None, happened_at=now, now=now,
        **about,
    )  # fmt: skip
    touch(case)


def answer(word: ReturneeWord, case: Case, text: str, *, by: UUID, now: datetime) -> None:
    """Tell the returnee of a held case what was done about what they said. The first answer stands."""
    if word.answered_at is not None:
        return
    word.answer, word.answered_at, word.answered_by_id = text, now, by
    about = {"request": str(word.request_id)} if word.request_id else {}
    add_entry(
        "returnee.answered", case=case, office_id=case.office_id, subject=word.id, by=by, happened_at=now, now=now,
        answer=text, **about,
    )  # fmt: skip
    touch(case)


def hashed(secret: str) -> str:
    """What is kept of a session's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _lock_of(code: str) -> str:
    return locks.lock_key("returnee", code)


def _new_pin() -> str:
    while True:
        pin = f"{secrets.randbelow(10**PIN_LENGTH):0{PIN_LENGTH}}"
        # Those that anybody would try first, 111111 and 123456, are never given.
        steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
        if len(steps) > 1:
            return pin
