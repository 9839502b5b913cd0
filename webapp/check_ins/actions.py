"""What is done with check-ins and red flags."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import select

from .. import clock
from ..cases.actions import plan_follow_up, touch
from ..cases.models import Case
from ..cases.timeline import add_entry
from ..database import db
from ..keys import CannotOpen, Keyring
from ..people.models import Office
from ..permissions import may
from ..web import NeedsAttention
from . import instruments, queries, scoring
from .forms import CheckInDraft, RedFlagDraft
from .instruments import Instrument
from .models import CheckIn, InstrumentSwitch, NextStep, PublishedInstrument, RedFlag


def record_check_in(
    case: Case,
    draft: CheckInDraft,
    *,
    instrument: Instrument,
    by: Any,
    now: datetime,
    asked_at: datetime,
    keyring: Keyring,
    claimed_at: datetime | None = None,
) -> CheckIn:
    """Add a check-in to its case. Sending the same one again changes nothing."""
    if already := db.session.get(CheckIn, draft.id):
        if already.case_id != case.id or already.by_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        if (already.outcome, queries.answers_of(already, keyring)) != (draft.outcome, draft.answers):
            raise NeedsAttention({"id": [_already_recorded()]})
        return already
    check_in = CheckIn(
        id=draft.id,
        case_id=case.id,
        by_id=by.id,
        asked_at=asked_at,
        received_at=now,
        claimed_at=claimed_at,
        instrument=instrument.id,
        instrument_version=str(instrument.version),
        scoring_version=str(instrument.scoring.version),
        locale=draft.locale,
        outcome=draft.outcome,
    )
    facts: dict[str, Any] = {"instrument": instrument.id, "outcome": draft.outcome}
    steps: list[instruments.NextStep] = []
    if draft.answers is not None:
        place: dict[str, Any] = {"table": "check_ins", "row": draft.id}
        check_in.answers_sealed = keyring.seal_field(
            scoring.kept_answers(draft.answers), column="answers", **place
        )
        before = queries.last_score(case.id, instrument.id, keyring, before=asked_at)
        score = scoring.score(instrument, draft.answers)
        steps = scoring.next_steps(instrument, draft.answers, score, before)
        if score:
            changed = scoring.change(instrument, before, score)
            result = {**score.stored(), "drop": bool(changed and changed.is_meaningful_drop)}
            check_in.result_sealed = keyring.seal_field(result, column="result", **place)
        # What the worker must know, and no more: whom to call upon.
        if score or steps:
            facts["next_step"] = str(steps[0].action if steps else instruments.Action.ROUTINE)
        if len(steps) > 1:
            facts["also"] = [str(step.action) for step in steps[1:]]
    db.session.add(check_in)
    kind = "check_in.recorded" if draft.outcome == "answered" else "check_in.declined"
    add_entry(
        kind,
        case=case,
        office_id=case.office_id,
        subject=draft.id,
        by=by.id,
        happened_at=asked_at,
        now=now,
        **facts,
    )
    db.session.flush()
    _ask_for(steps, check_in, case, now=now)
    touch(case)
    return check_in


def _ask_for(steps: list[instruments.NextStep], check_in: CheckIn, case: Case, *, now: datetime) -> None:
    """Note what is to be done and until when; the next contact comes no later than the first of it."""
    timezone = db.session.get_one(Office, case.office_id).timezone
    asked_on = clock.local(check_in.asked_at, timezone).date()
    for step in steps:
        due_on = asked_on + timedelta(days=step.within_days or 0)
        db.session.add(
            NextStep(
                check_in_id=check_in.id, case_id=case.id, action=str(step.action), due_on=due_on, made_at=now
            )
        )
        if step.action in BRINGS_FORWARD and (
            case.next_follow_up_on is None or due_on < case.next_follow_up_on
        ):
            plan_follow_up(case, due_on=due_on, channel="call", ends_on=due_on + timedelta(days=3))


BRINGS_FORWARD = (
    instruments.Action.OFFER_COUNSELLOR,
    instruments.Action.OFFER_REFERRAL,
    instruments.Action.REVIEW_PLAN,
)
"""What the case's officer sees to, at the next contact."""


def settle_step(step: NextStep, outcome: str, *, case: Case, by: Any, now: datetime) -> None:
    """Note what came of a next step: done, or whether the person took up what was offered."""
    if step.done_at is not None:
        return
    step.done_at, step.done_by_id, step.outcome = now, by.id, outcome
    add_entry(
        "check_in.step_done",
        case=case,
        office_id=case.office_id,
        subject=step.id,
        by=by.id,
        happened_at=now,
        now=now,
    )
    touch(case)


def switch_off(office_id: UUID, instrument: str, place: str, *, by: Any, now: datetime) -> None:
    """From now on the office (or one place of it) does not give this instrument."""
    if _switch(office_id, instrument, place) is None:
        db.session.add(
            InstrumentSwitch(
                office_id=office_id, instrument=instrument, place=place, off_at=now, off_by_id=by.id
            )
        )


def switch_on(office_id: UUID, instrument: str, place: str) -> None:
    """There is somebody to refer people to again."""
    if (found := _switch(office_id, instrument, place)) is not None:
        db.session.delete(found)


def _switch(office_id: UUID, instrument: str, place: str) -> InstrumentSwitch | None:
    return db.session.scalar(
        select(InstrumentSwitch).where(
            InstrumentSwitch.office_id == office_id,
            InstrumentSwitch.instrument == instrument,
            InstrumentSwitch.place == place,
        )
    )


class VersionTaken(Exception):
    """This version, or a later one, is here already: an instrument is superseded, never edited."""


def publish(text: str, *, by: UUID, now: datetime) -> PublishedInstrument:
    """Keep a new version of an instrument; from now on it is the one that is given."""
    made = instruments.read(text)
    newest = queries.instrument(made.id)
    if newest is not None and newest.version >= made.version:
        raise VersionTaken(str(newest.version))
    row = PublishedInstrument(
        name=made.id, version=made.version, text=text, published_at=now, published_by_id=by
    )
    db.session.add(row)
    db.session.flush()
    return row


def wrong_scores(keyring: Keyring, *, closed: bool = True) -> Iterator[tuple[UUID, str]]:
    """Every stored score that is not what its answers make under its own version, and why.

    ``closed``: also those whose seal does not open, which another check names by itself.
    """
    rows = db.session.scalars(
        select(CheckIn).where(CheckIn.answers_sealed.is_not(None)).execution_options(yield_per=500)
    )
    known = queries.known_instruments()
    for check_in in rows:
        try:
            used = instruments.newest(known, check_in.instrument, int(check_in.instrument_version))
        except (KeyError, ValueError):
            yield check_in.id, f"{check_in.instrument} {check_in.instrument_version} is not here"
            continue
        if str(used.scoring.version) != check_in.scoring_version:
            yield (
                check_in.id,
                f"scored by version {check_in.scoring_version}, the file has {used.scoring.version}",
            )
            continue
        try:
            stored = queries.score_of(check_in, keyring)
            made = scoring.score(used, queries.answers_of(check_in, keyring))
        except CannotOpen:
            if closed:
                yield check_in.id, "its seal does not open"
            continue
        except (scoring.WrongAnswer, KeyError, ValueError) as reason:
            yield check_in.id, f"cannot be computed again ({type(reason).__name__})"
            continue
        if stored != made:
            yield check_in.id, "the stored score is not the computed one"


def _already_recorded() -> str:
    return _("Un envoi est déjà enregistré. Enregistrez de nouveau pour en noter un autre.")


def content_of(red_flag: RedFlag, keyring: Keyring) -> Any:
    """``{"category", "help_needed"}``"""
    return keyring.open_field(red_flag.content_sealed, table="red_flags", row=red_flag.id, column="content")


def answer_red_flag(
    red_flag: RedFlag, case: Case, answer: str, *, by: Any, now: datetime, keyring: Keyring
) -> None:
    """Write down what was done about a danger, and close it. The same words again change nothing; other words are
    refused: somebody else closed it meanwhile."""
    if not may(by, "red_flag.answer", case):
        raise NeedsAttention({"answer": [_("Votre rôle ne permet pas cette action.")]})
    if red_flag.closed_at is not None:
        if red_flag.closed_by_id == by.id and answer_of(red_flag, keyring) == answer:
            return
        raise NeedsAttention({"answer": [_("Quelqu’un a déjà clos ce signal.")]})
    red_flag.answer_sealed = keyring.seal_field(answer, table="red_flags", row=red_flag.id, column="answer")
    red_flag.closed_at, red_flag.closed_by_id = now, by.id
    add_entry(
        "red_flag.answered", case=case, office_id=case.office_id, subject=red_flag.id, by=by.id, happened_at=now,
        now=now,
    )  # fmt: skip
    touch(case)


def answer_of(red_flag: RedFlag, keyring: Keyring) -> str:
    """What was done; empty while it is open."""
    if red_flag.answer_sealed is None:
        return ""
    return str(
        keyring.open_field(red_flag.answer_sealed, table="red_flags", row=red_flag.id, column="answer")
    )


def raise_red_flag(
    case: Case,
    draft: RedFlagDraft,
    *,
    by: Any,
    now: datetime,
    raised_at: datetime,
    keyring: Keyring,
    claimed_at: datetime | None = None,
) -> RedFlag:
    """Note a same-day danger. Sending it again changes nothing; who must act hears of it after the commit."""
    content = {"category": draft.category, "help_needed": draft.help_needed}
    if already := db.session.get(RedFlag, draft.id):
        if already.case_id != case.id or already.by_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        if content_of(already, keyring) != content:
            raise NeedsAttention({"id": [_already_recorded()]})
        return already
    red_flag = RedFlag(
        id=draft.id,
        case_id=case.id,
        by_id=by.id,
        raised_at=raised_at,
        received_at=now,
        claimed_at=claimed_at,
        content_sealed=keyring.seal_field(content, table="red_flags", row=draft.id, column="content"),
    )
    db.session.add(red_flag)
    add_entry(
        "red_flag.raised", case=case, office_id=case.office_id, subject=draft.id, by=by.id, happened_at=raised_at,
        now=now,
    )  # fmt: skip
    touch(case)
    return red_flag
