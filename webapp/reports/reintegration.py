"""How reintegration goes in an office, or in all: read from sealed scores, told of groups only, until the last full quarter.

Scores of one version are put together, never of two. The cut at the quarter keeps anybody from reading one person's
score out of the difference between yesterday's report and today's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from ..cases.closures.models import Closure
from ..cases.closures.satisfaction import OVERALL, SATISFIED_FROM
from ..cases.models import Case, Returnee
from ..check_ins import queries as check_ins
from ..check_ins.instruments import Instrument
from ..check_ins.models import CheckIn
from ..check_ins.scoring import Score
from ..database import db
from ..keys import Keyring
from ..people.models import Office
from ..visits.models import FollowUp
from . import statistics

SURVEY, SATISFACTION = "reintegration-survey", "satisfaction"
MOST_ROWS = 50_000
"""Rounds read for one report, the latest."""
APART = timedelta(days=90)
"""A first and a last round nearer to each other say nothing of reintegration."""
COMPOSITE = "composite"
TENTHS = 5
"""The distribution is told in fifths of the scale."""


@dataclass(frozen=True)
class Round:
    """One answered survey, with what the comparison may look at."""

    case_id: UUID
    asked_at: datetime
    score: Score
    factors: dict[str, str]


@dataclass(frozen=True)
class Report:
    """Everything the page tells; what is None is too few people to be told."""

    until: date
    instrument: Instrument
    people: int
    paired: int
    latest: dict[str, statistics.Summary | None]
    distribution: dict[str, dict[str, int | None]]
    bands: dict[str, int | None]
    adequate: tuple[int, int] | None
    changes: dict[str, statistics.Interval | None]
    meaningful: dict[str, int | None]
    factors: dict[str, dict[str, statistics.Interval]]
    satisfied: tuple[int, int] | None
    silent: tuple[int, int] | None
    """Of the accompaniments that ended, in how many nobody said whether the help was good."""
    asked: int
    not_answered: int


def report(office_id: UUID | None, *, today: date, keyring: Keyring) -> Report | None:
    """The report of one office, or of all together; None where the survey is not known."""
    instrument = check_ins.instrument(SURVEY)
    if instrument is None:
        return None
    until = _quarter(today)
    before = datetime(until.year, until.month, 1, tzinfo=UTC)
    rounds = _rounds(office_id, before, instrument, keyring)
    by_case: dict[UUID, list[Round]] = defaultdict(list)
    for each in rounds:
        by_case[each.case_id].append(each)
    latest = [each[-1] for each in by_case.values()]
    pairs = [
        (each[0], each[-1]) for each in by_case.values() if each[-1].asked_at - each[0].asked_at >= APART
    ]
    names = [*(each.id for each in instrument.scoring.dimensions), COMPOSITE]
    enough = len(latest) >= statistics.FEWEST
    asked, refused = _asked(office_id, before)
    ended = _ended(office_id, before)
    return Report(
        until=until,
        instrument=instrument,
        people=len(latest),
        paired=len(pairs),
        latest={name: statistics.summary(_values(latest, name)) for name in names},
        distribution={name: _fifths(_values(latest, name)) for name in names} if enough else {},
        bands=_bands(latest, instrument) if enough else {},
        adequate=_adequate(latest, instrument),
        changes={name: statistics.paired_change(_changes(pairs, name)) for name in names},
        meaningful=_meaningful(pairs, instrument),
        factors=_factors(pairs),
        satisfied=_satisfied(office_id, before, keyring, ended),
        silent=_share(sum(overall is None for _case, _at, overall in ended), len(ended)),
        asked=asked,
        not_answered=refused,
    )


def _quarter(today: date) -> date:
    return date(today.year, today.month - (today.month - 1) % 3, 1)


def _rounds(
    office_id: UUID | None, before: datetime, instrument: Instrument, keyring: Keyring
) -> list[Round]:
    visits = (
        select(func.count())
        .where(FollowUp.case_id == Case.id, FollowUp.reached, FollowUp.visited_at < before)
        .correlate(Case)
        .scalar_subquery()
    )
    asked = (
        select(
            CheckIn,
            Returnee.sex,
            Returnee.birth_date,
            Case.household_size,
            Office.country,
            visits.label("contacts"),
        )
        .join(Case, Case.id == CheckIn.case_id)
        .join(Returnee, Returnee.id == Case.returnee_id)
        .join(Office, Office.id == Case.office_id)
        .where(
            CheckIn.instrument == SURVEY,
            CheckIn.asked_at < before,
            CheckIn.instrument_version == str(instrument.version),
            CheckIn.scoring_version == str(instrument.scoring.version),
            CheckIn.result_sealed.is_not(None),
        )
    )
    if office_id is not None:
        asked = asked.where(Case.office_id == office_id)
    rows = db.session.execute(asked.order_by(CheckIn.asked_at.desc(), CheckIn.id).limit(MOST_ROWS)).all()
    found = []
    for row in reversed(rows):
        score = check_ins.score_of(row.CheckIn, keyring)
        if score is not None:
            found.append(Round(row.CheckIn.case_id, row.CheckIn.asked_at, score, _factors_of(row)))
    return found


def _factors_of(row: Any) -> dict[str, str]:
    age = None if row.birth_date is None else (row.CheckIn.asked_at.date() - row.birth_date).days // 365
    return {
        "sex": row.sex or "unknown",
        "age": "unknown" if age is None else "18-25" if age < 26 else "26-35" if age < 36 else "36+",
        "household": "family" if (row.household_size or 1) > 1 else "alone",
        "contacts": "0-3" if row.contacts < 4 else "4-7" if row.contacts < 8 else "8+",
        "country": row.country,
    }


def _value(each: Round, name: str) -> Fraction | None:
    value = each.score.raw if name == COMPOSITE else dict(each.score.dimensions).get(name)
    return None if value is None else Fraction(value)


def _values(rounds: Iterable[Round], name: str) -> list[Fraction]:
    return [value for each in rounds if (value := _value(each, name)) is not None]


def _changes(pairs: Iterable[tuple[Round, Round]], name: str) -> list[Fraction]:
    found = []
    for first, last in pairs:
        before, after = _value(first, name), _value(last, name)
        if before is not None and after is not None:
            found.append(after - before)
    return found


def _fifths(values: list[Fraction]) -> dict[str, int | None]:
    """How many in each fifth of the scale; a threshold belongs to the fifth above it."""
    places = Counter(min(TENTHS - 1, int(value * TENTHS)) for value in values)
    return statistics.tellable({str(place): places[place] for place in range(TENTHS)})


def _bands(latest: list[Round], instrument: Instrument) -> dict[str, int | None]:
    found = Counter(each.score.band for each in latest if each.score.band)
    return statistics.tellable({band.id: found[band.id] for band in instrument.scoring.bands})


def _adequate(latest: list[Round], instrument: Instrument) -> tuple[int, int] | None:
    least, values = instrument.scoring.adequate, _values(latest, COMPOSITE)
    if least is None:
        return None
    return _share(sum(value >= least for value in values), len(values))


def _share(some: int, of: int) -> tuple[int, int] | None:
    """Some of so many, unless either side is so small that it names people."""
    small = 0 < some < statistics.FEWEST_IN_A_CELL or 0 < of - some < statistics.FEWEST_IN_A_CELL
    return None if of < statistics.FEWEST or small else (some, of)


def _meaningful(pairs: list[tuple[Round, Round]], instrument: Instrument) -> dict[str, int | None]:
    """How many went up, down, or moved less than means something."""
    enough, changes = instrument.scoring.meaningful, _changes(pairs, COMPOSITE)
    if enough is None or len(changes) < statistics.FEWEST:
        return {}
    up = sum(change >= enough.by for change in changes)
    down = sum(change <= -enough.by for change in changes)
    return statistics.tellable({"up": up, "same": len(changes) - up - down, "down": down})


def _factors(pairs: list[tuple[Round, Round]]) -> dict[str, dict[str, statistics.Interval]]:
    """The paired change of the whole score in groups that are large enough, factor by factor."""
    found: dict[str, dict[str, statistics.Interval]] = {}
    whole = [pair for pair in pairs if None not in (_value(pair[0], COMPOSITE), _value(pair[1], COMPOSITE))]
    for factor in ("sex", "age", "household", "contacts", "country"):
        groups: dict[str, list[tuple[Round, Round]]] = defaultdict(list)
        for pair in whole:
            groups[pair[1].factors[factor]].append(pair)
        told = statistics.groups_to_tell({name: len(group) for name, group in groups.items()})
        made = {name: statistics.paired_change(_changes(groups[name], COMPOSITE)) for name in sorted(told)}
        if made:
            found[factor] = {name: interval for name, interval in made.items() if interval}
    return found


def _asked(office_id: UUID | None, before: datetime) -> tuple[int, int]:
    """How often the survey was offered, and how often nobody answered it."""
    asked = (
        select(CheckIn.outcome, func.count())
        .where(CheckIn.instrument == SURVEY, CheckIn.asked_at < before)
        .group_by(CheckIn.outcome)
    )
    if office_id is not None:
        asked = asked.join(Case, Case.id == CheckIn.case_id).where(Case.office_id == office_id)
    found = {outcome: number for outcome, number in db.session.execute(asked)}  # noqa: C416 - rows are no pairs to mypy
    return sum(found.values()), sum(number for outcome, number in found.items() if outcome != "answered")


def _ended(office_id: UUID | None, before: datetime) -> list[tuple[UUID, datetime, int | None]]:
    """Each accompaniment that ended and was not reopened: when, and what the person said of the help overall."""
    asked = select(Closure.case_id, Closure.decided_at, Closure.answers).where(
        Closure.outcome == "signed_off", Closure.reopened_at.is_(None), Closure.decided_at < before
    )
    if office_id is not None:
        asked = asked.join(Case, Case.id == Closure.case_id).where(Case.office_id == office_id)
    rows = db.session.execute(asked.order_by(Closure.decided_at.desc()).limit(MOST_ROWS))
    return [(row.case_id, row.decided_at, row.answers.get(OVERALL)) for row in rows]


def _satisfied(
    office_id: UUID | None,
    before: datetime,
    keyring: Keyring,
    ended: list[tuple[UUID, datetime, int | None]],
) -> tuple[int, int] | None:
    """Of those who answered the overall question of satisfaction last, by questionnaire or at the end, how many are
    satisfied."""
    asked = select(CheckIn).where(
        CheckIn.instrument == SATISFACTION, CheckIn.asked_at < before, CheckIn.answers_sealed.is_not(None)
    )
    if office_id is not None:
        asked = asked.join(Case, Case.id == CheckIn.case_id).where(Case.office_id == office_id)
    said = [
        (row.case_id, row.asked_at, (check_ins.answers_of(row, keyring) or {}).get(OVERALL))
        for row in db.session.scalars(asked.order_by(CheckIn.asked_at.desc()).limit(MOST_ROWS))
    ]
    last = {
        case_id: answer
        for case_id, _at, answer in sorted([*said, *ended], key=lambda each: each[1])
        if isinstance(answer, int)
    }
    return _share(sum(answer >= SATISFIED_FROM for answer in last.values()), len(last))
