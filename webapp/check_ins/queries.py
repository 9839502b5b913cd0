"""Reads for check-ins: which instruments there are, who may give which where, and what was recorded."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from ..database import db
from ..formats import plain
from ..keys import Keyring
from ..people.models import Staff
from ..permissions import Role
from . import scoring
from .instruments import Instrument, instruments, newest, read
from .models import CheckIn, InstrumentSwitch, NextStep, PublishedInstrument

FIRST = "who-5"
"""The instrument that the form shows where nothing else was asked for."""
MOST_CHECK_INS = 200


@lru_cache(maxsize=64)
def _read(text: str) -> Instrument:
    # A published file never changes, so that it is understood once.
    return read(text)


def known_instruments() -> list[Instrument]:
    """Every instrument and version: what comes with this software, and what was published here."""
    rows = db.session.scalars(select(PublishedInstrument.text).order_by(PublishedInstrument.published_at))
    return [*instruments(), *(_read(text) for text in rows)]


def instrument(name: str, version: int | None = None) -> Instrument | None:
    """The instrument in this version or its newest, or None."""
    try:
        return newest(known_instruments(), name, version)
    except KeyError:
        return None


def newest_instruments() -> list[Instrument]:
    """The newest version of each, the usual one first."""
    known = known_instruments()
    found = [newest(known, name) for name in sorted({one.id for one in known})]
    return sorted(found, key=lambda one: (one.id != FIRST, one.id))


def offered(role: Role, office_id: UUID) -> list[Instrument]:
    """The instruments this role may give and that the office has not switched off everywhere."""
    off = {switch.instrument for switch in switches(office_id) if not switch.place}
    return [one for one in newest_instruments() if role in one.given_by and one.id not in off]


def off_at(office_id: UUID, place: str | None) -> set[str]:
    """The instruments that are not given at this place of the office, or nowhere in it."""
    here = plain(place or "")
    return {switch.instrument for switch in switches(office_id) if switch.place in ("", here)}


def off_at_places(office_id: UUID, places: Iterable[str | None]) -> dict[str | None, set[str]]:
    """``off_at`` for many places with one question."""
    found = list(switches(office_id))
    return {
        place: {switch.instrument for switch in found if switch.place in ("", plain(place or ""))}
        for place in set(places)
    }


def switches(office_id: UUID | None = None) -> list[InstrumentSwitch]:
    """What is switched off, in one office or in all."""
    asked = select(InstrumentSwitch).order_by(InstrumentSwitch.instrument, InstrumentSwitch.place)
    if office_id is not None:
        asked = asked.where(InstrumentSwitch.office_id == office_id)
    return list(db.session.scalars(asked))


def giving_state(office_id: UUID) -> str:
    """Changes whenever the office may give other instruments, other versions, or elsewhere: phones then fetch anew."""
    row = db.session.execute(
        select(
            select(func.count()).select_from(PublishedInstrument).scalar_subquery(),
            select(func.count()).where(InstrumentSwitch.office_id == office_id).scalar_subquery(),
            select(func.max(InstrumentSwitch.off_at))
            .where(InstrumentSwitch.office_id == office_id)
            .scalar_subquery(),
        )
    ).one()
    return f"{[(one.id, one.version) for one in instruments()]} {tuple(row)}"


def answers_of(check_in: CheckIn, keyring: Keyring) -> dict[str, Any] | None:
    """The answers as they were given, or None when there are none."""
    if check_in.answers_sealed is None:
        return None
    kept: Any = keyring.open_field(
        check_in.answers_sealed, table="check_ins", row=check_in.id, column="answers"
    )
    return scoring.answers_from_kept(kept)


def score_of(check_in: CheckIn, keyring: Keyring) -> scoring.Score | None:
    """The score as it was stored, or None when there is none."""
    if check_in.result_sealed is None:
        return None
    kept: Any = keyring.open_field(
        check_in.result_sealed, table="check_ins", row=check_in.id, column="result"
    )
    return scoring.Score.from_stored(kept)


def last_score(case_id: UUID, name: str, keyring: Keyring, *, before: datetime) -> scoring.Score | None:
    """The latest score of a case with this instrument until that moment."""
    last = db.session.scalar(
        select(CheckIn)
        .where(
            CheckIn.case_id == case_id,
            CheckIn.instrument == name,
            CheckIn.result_sealed.is_not(None),
            CheckIn.asked_at <= before,
        )
        .order_by(CheckIn.asked_at.desc())
        .limit(1)
    )
    return score_of(last, keyring) if last else None


def check_ins_of(case_id: UUID) -> list[CheckIn]:
    """The latest check-ins of a case, the newest first."""
    return list(
        db.session.scalars(
            select(CheckIn)
            .where(CheckIn.case_id == case_id)
            .order_by(CheckIn.asked_at.desc(), CheckIn.id)
            .limit(MOST_CHECK_INS)
        )
    )


def open_steps(case_id: UUID) -> list[NextStep]:
    """What is still to be done after check-ins of this case, the most urgent first."""
    return list(
        db.session.scalars(
            select(NextStep)
            .where(NextStep.case_id == case_id, NextStep.done_at.is_(None))
            .order_by(NextStep.due_on, NextStep.id)
            .limit(MOST_CHECK_INS)
        )
    )


def published() -> dict[tuple[str, int], date]:
    """When each version that was published here was published."""
    rows = db.session.execute(
        select(PublishedInstrument.name, PublishedInstrument.version, PublishedInstrument.published_at)
    )
    return {(row.name, row.version): row.published_at.date() for row in rows}


def colleague(staff_id: UUID | None) -> Staff | None:
    """Who raised or closed a red flag."""
    return db.session.get(Staff, staff_id) if staff_id else None
