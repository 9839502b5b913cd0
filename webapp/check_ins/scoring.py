"""Scores of check-ins: pure, exact arithmetic on answers, the same as ``static/js/scoring.js`` does with the same file.

Nothing is estimated for a missing answer, and thresholds are compared with the exact value, never a rounded one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from .instruments import Action, Instrument, Item, Kind, Method, NextStep
from .skips import NO_ANSWER, holds

Number = int | Fraction


class WrongAnswer(ValueError):
    """An answer to no item of the instrument, or with a code that the item does not know."""

    def __init__(self, item: str, given: object) -> None:
        super().__init__(f"{item}: {given!r}")
        self.item = item
        self.given = given


@dataclass(frozen=True)
class Score:
    """The result of one check-in, with the versions that explain it later."""

    instrument: str
    version: int
    scoring_version: int
    raw: Number | None
    """The sum, the mean, or the composite of the dimensions; None when a dimension is missing."""
    percent: int | None
    band: str | None
    dimensions: tuple[tuple[str, Fraction | None], ...] = ()

    def stored(self) -> dict[str, Any]:
        """The score as it is kept: whole numbers as they are, others as fractions."""
        kept: dict[str, Any] = {"raw": _stored(self.raw), "percent": self.percent, "band": self.band}
        kept |= {
            "instrument": self.instrument,
            "version": self.version,
            "scoring_version": self.scoring_version,
        }
        if self.dimensions:
            kept["dimensions"] = {name: _stored(value) for name, value in self.dimensions}
        return kept

    @classmethod
    def from_stored(cls, kept: Mapping[str, Any]) -> "Score":
        dimensions = (kept.get("dimensions") or {}).items()
        return cls(
            instrument=kept["instrument"],
            version=kept["version"],
            scoring_version=kept["scoring_version"],
            raw=_number(kept["raw"]),
            percent=kept["percent"],
            band=kept["band"],
            dimensions=tuple(
                (name, None if value is None else Fraction(value)) for name, value in dimensions
            ),
        )


@dataclass(frozen=True)
class Change:
    """The difference between two scores, in percentage points where there are any; negative is worse."""

    by: Number
    is_meaningful: bool

    @property
    def is_meaningful_drop(self) -> bool:
        return self.is_meaningful and self.by < 0


def read_answers(instrument: Instrument, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Answers from the words of a form, by item id. What was left blank is left out; other fields are ignored."""
    answers: dict[str, Any] = {}
    for item in instrument.items:
        said = fields.get(item.id)
        given = (
            _read_many(item, said) if isinstance(said, list | tuple) else _read(item, (said or "").strip())
        )
        if given is not None:
            answers[item.id] = given
    return answers


def _read(item: Item, given: str) -> Any:
    if not given or given == "skip":
        return None
    if given in NO_ANSWER and item.kind is not Kind.NOTE:
        return given
    if item.kind is Kind.MANY:
        return _read_many(item, [given])
    if item.kind is Kind.NUMBER:
        # Digits of other scripts are digits to Python; the phone sends plain ones.
        if (
            len(given) < 14
            and given.isascii()
            and given.removeprefix("-").isdigit()
            and item.accepts(int(given))
        ):
            return int(given)
        raise WrongAnswer(item.id, given)
    codes = {str(value): value for value in item.values}
    if given not in codes:
        raise WrongAnswer(item.id, given)
    return codes[given]


def _read_many(item: Item, said: Iterable[str]) -> Any:
    given = [word.strip() for word in said if word.strip() and word.strip() != "skip"]
    if not given:
        return None
    if item.kind is not Kind.MANY:
        if len(given) == 1:
            return _read(item, given[0])
        raise WrongAnswer(item.id, given)
    if len(given) == 1 and given[0] in NO_ANSWER:
        return given[0]
    codes = {str(value): value for value in item.values}
    if not set(given) <= set(codes):
        raise WrongAnswer(item.id, given)
    # In the order of the questionnaire, whatever the order they came in.
    return tuple(value for word, value in codes.items() if word in given)


def kept_answers(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as they are kept: several choices are a list."""
    return {item: list(given) if isinstance(given, tuple) else given for item, given in answers.items()}


def answers_from_kept(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Kept answers as scoring reads them."""
    return {item: tuple(given) if isinstance(given, list) else given for item, given in kept.items()}


def shown(instrument: Instrument, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Each item that is asked after these answers, with its answer or None. Answers to questions that are not
    asked any more count for nothing, also in what follows."""
    found: dict[str, Any] = {}
    for item in instrument.items:
        if item.when is None or holds(item.when, found):
            found[item.id] = answers.get(item.id)
    return found


def without_hidden(instrument: Instrument, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Only answers to questions that were asked."""
    return {item: given for item, given in shown(instrument, answers).items() if given is not None}


def score(instrument: Instrument, answers: Mapping[str, Any] | None) -> Score | None:
    """The score, or `None` when the check-in was declined (no answers) or too much is missing.

    A wrong answer is refused even when others are missing.
    """
    if answers is None:
        return None
    _refuse_wrong(instrument, answers)
    method, given = instrument.scoring.method, shown(instrument, answers)
    dimensions: tuple[tuple[str, Fraction | None], ...] = ()
    if method is Method.DIMENSIONS:
        dimensions = tuple(
            (
                each.id,
                _value(instrument, [item for item in instrument.scored if item.dimension == each.id], given),
            )
            for each in instrument.scoring.dimensions
        )
        if all(value is None for _name, value in dimensions):
            return None
        raw = _composite(instrument, dict(dimensions))
    else:
        raw = _value(instrument, list(instrument.scored), given)
        if raw is None:
            return None
    return Score(
        instrument=instrument.id,
        version=instrument.version,
        scoring_version=instrument.scoring.version,
        raw=None if raw is None else _plain(raw),
        percent=_percent(instrument, raw),
        band=None if raw is None else next(band.id for band in instrument.scoring.bands if band.takes(raw)),
        dimensions=dimensions,
    )


def _refuse_wrong(instrument: Instrument, answers: Mapping[str, Any]) -> None:
    items = {item.id: item for item in instrument.items}
    for item_id, given in answers.items():
        if item_id not in items or (given is not None and not items[item_id].accepts(given)):
            raise WrongAnswer(item_id, given)


def _value(instrument: Instrument, items: list[Item], given: Mapping[str, Any]) -> Fraction | None:
    """The sum or the weighted mean of these items, or None when too few of those that apply were answered."""
    applicable, total, weights, answered = 0, Fraction(0), Fraction(0), 0
    for item in items:
        option = item.option(given.get(item.id)) if item.id in given else None
        if item.id not in given or (option and not option.applies):
            continue
        applicable += 1
        if option is None or option.score is None or item.weight is None:
            continue
        answered += 1
        total += item.weight * option.score
        weights += item.weight
    if not answered or answered < instrument.scoring.least_answered * applicable:
        return None
    return total if instrument.scoring.method is Method.SUM else total / weights


def _composite(instrument: Instrument, dimensions: Mapping[str, Fraction | None]) -> Fraction | None:
    total, weights = Fraction(0), Fraction(0)
    for each in instrument.scoring.dimensions:
        value = dimensions[each.id]
        if value is None:
            return None
        total += each.weight * value
        weights += each.weight
    return total / weights


def _percent(instrument: Instrument, raw: Fraction | None) -> int | None:
    per_point = instrument.scoring.percent_per_point
    return None if raw is None or per_point is None else int(raw * per_point)


def change(instrument: Instrument, previous: Score | None, latest: Score | None) -> Change | None:
    """What changed since the previous score; `None` when there are not two scores made in the same way."""
    if previous is None or latest is None or not _are_comparable(previous, latest):
        return None
    before, after = measure(previous), measure(latest)
    if before is None or after is None:
        return None
    return compared(instrument, before, after)


def compared(instrument: Instrument, before: Number, after: Number) -> Change:
    """The difference between two values of one score or dimension."""
    by, meaningful = Fraction(after) - before, instrument.scoring.meaningful
    return Change(_plain(by), is_meaningful=meaningful is not None and abs(by) >= meaningful.by)


def measure(made: Score) -> Number | None:
    """What changes are measured in: per cent where the instrument has them, else the score itself."""
    return made.raw if made.percent is None else made.percent


def next_step(instrument: Instrument, latest: Score, previous: Score | None = None) -> NextStep:
    """What the score asks for: by its band, or by its fall when that asks for more."""
    by_band = next(
        (band.next_step for band in instrument.scoring.bands if band.id == latest.band),
        NextStep(Action.ROUTINE, None),
    )
    changed, meaningful = change(instrument, previous, latest), instrument.scoring.meaningful
    if by_band.within_days is None and changed and changed.is_meaningful_drop and meaningful:
        return meaningful.next_step
    return by_band


def next_steps(
    instrument: Instrument, answers: Mapping[str, Any], latest: Score | None, previous: Score | None = None
) -> list[NextStep]:
    """Everything that answers and score ask for, the soonest first; some answers ask whatever the score is."""
    given = without_hidden(instrument, answers)
    found = [trigger.next_step for trigger in instrument.scoring.triggers if holds(trigger.when, given)]
    if latest is not None:
        found.append(next_step(instrument, latest, previous))
    soonest: dict[Action, NextStep] = {}
    for step in found:
        if step.within_days is None:
            continue
        there = soonest.get(step.action)
        if there is None or there.within_days is None or step.within_days < there.within_days:
            soonest[step.action] = step
    return sorted(soonest.values(), key=lambda step: (step.within_days or 0, list(Action).index(step.action)))


def rounded(value: Number, places: int = 2) -> Decimal:
    """For showing only: half up."""
    exact = Fraction(value)
    step = Decimal(1).scaleb(-places)
    scaled = exact * 10**places
    whole = (abs(scaled.numerator) * 2 + scaled.denominator) // (scaled.denominator * 2)
    return (Decimal(whole if exact >= 0 else -whole) * step).quantize(step, ROUND_HALF_UP)


def _are_comparable(previous: Score, latest: Score) -> bool:
    # A new version may change the words that people answered, a new scoring version the sums.
    return (previous.instrument, previous.version, previous.scoring_version) == (
        latest.instrument,
        latest.version,
        latest.scoring_version,
    )


def _plain(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value


def _stored(value: Number | None) -> int | str | None:
    return value if value is None or isinstance(value, int) else str(value)


def _number(kept: int | str | None) -> Number | None:
    return _plain(Fraction(kept)) if isinstance(kept, str) else kept
