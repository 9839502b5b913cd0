"""How scores of one case went over time: first and last, the change between them, and a drawing of all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flask_babel import gettext as _

from .. import formats
from ..keys import Keyring
from . import queries, scoring, words
from .instruments import Instrument, Method, newest
from .models import CheckIn

WIDTH, HEIGHT, EDGE = 320, 140, 10
"""Of the drawing, in its own units."""
MOST_POINTS = 24
COMPOSITE = "composite"
SEEN_BY_OFFICERS = ("economic", "social")
"""What of the dimensions the officer reads as numbers; the others are the counsellor's, as answers are."""


@dataclass(frozen=True)
class Line:
    """One dimension, or the composite, in every round: the words of the table and the points of the drawing."""

    id: str
    name: str
    values: list[str]
    baseline: str
    latest: str
    change: str
    meaning: str
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)


@dataclass(frozen=True)
class Course:
    """One instrument in one version, over all its rounds."""

    id: str
    title: str
    notice: str
    days: list[str]
    lines: list[Line]
    meaningful: str
    """From which change on it means something."""


def courses(
    rows: Iterable[CheckIn], known: Sequence[Instrument], keyring: Keyring, *, locale: str, sees_all: bool
) -> list[Course]:
    """A course for each instrument with dimensions that was answered here, oldest round first."""
    rounds: dict[tuple[str, int], list[tuple[CheckIn, scoring.Score]]] = {}
    for row in rows:
        score = queries.score_of(row, keyring) if row.outcome == "answered" else None
        if score and score.dimensions:
            # Versions are never drawn in one line: their words or their sums may differ.
            rounds.setdefault((score.instrument, score.version), []).insert(0, (row, score))
    found = []
    for (name, version), made in rounds.items():
        instrument = newest(known, name, version)
        if instrument.scoring.method is Method.DIMENSIONS:
            found.append(_course(instrument, made[-MOST_POINTS:], locale, sees_all=sees_all))
    return found


def _course(
    instrument: Instrument, made: list[tuple[CheckIn, scoring.Score]], locale: str, *, sees_all: bool
) -> Course:
    series: dict[str, tuple[str, list[scoring.Number | None]]] = {}
    for each in instrument.scoring.dimensions:
        if sees_all or each.id in SEEN_BY_OFFICERS:
            values: list[scoring.Number | None] = [
                dict(score.dimensions).get(each.id) for _row, score in made
            ]
            series[each.id] = (each.name.in_(locale).text, values)
    if sees_all:
        series[COMPOSITE] = (_("Ensemble"), [score.raw for _row, score in made])
    meaningful = instrument.scoring.meaningful
    return Course(
        id=instrument.id,
        title=instrument.name.in_(locale).text,
        notice=instrument.notice.in_(locale).text if instrument.notice else "",
        days=[formats.day(row.asked_at.date()) for row, _score in made],
        lines=[_line(name, title, values, instrument) for name, (title, values) in series.items()],
        meaningful=words.shown(meaningful.by) if meaningful else "",
    )


def _line(name: str, title: str, values: list[scoring.Number | None], instrument: Instrument) -> Line:
    there = [value for value in values if value is not None]
    change = meaning = ""
    if len(there) > 1:
        made = scoring.compared(instrument, there[0], there[-1])
        change = words.signed(made.by)
        meaning = _meaning(made)
    return Line(
        id=name,
        name=title,
        values=[words.shown(value) for value in values],
        baseline=words.shown(there[0] if there else None),
        latest=words.shown(there[-1] if there else None),
        change=change or "–",
        meaning=meaning,
        points=[
            (_across(place, len(values)), _down(value))
            for place, value in enumerate(values)
            if value is not None
        ],
    )


def _meaning(made: scoring.Change) -> str:
    if not made.is_meaningful:
        return _("pas de changement net")
    return _("en baisse") if made.by < 0 else _("en hausse")


def _across(place: int, number: int) -> float:
    return EDGE + (WIDTH - 2 * EDGE) * (place / (number - 1) if number > 1 else 0.5)


def _down(value: scoring.Number) -> float:
    """Scores of dimensions lie between 0 and 1; the drawing has 1 on top."""
    return round(EDGE + (HEIGHT - 2 * EDGE) * float(1 - Fraction(value)), 1)


def drawing() -> dict[str, Any]:
    """The frame of the drawing."""
    return {"width": WIDTH, "height": HEIGHT, "edge": EDGE}
