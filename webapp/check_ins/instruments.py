"""Instruments: questionnaires as data files, read once and checked so that a faulty file is never half understood.

Two formats are understood. Format 1 knows one scale and a sum; format 2 also several scales, several choices,
numbers, questions that depend on others, weights, dimensions and answers that ask for a step of their own.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..permissions import Role
from .skips import NO_ANSWER, Code, Condition, FaultyCondition, read_condition

FOLDER = Path(__file__).with_name("instruments")
FORMATS = (1, 2)
LANGUAGES = ("fr", "en", "ar")
SOURCE_LANGUAGE = "fr"
MOST_ITEMS = 120
LONGEST_FILE = 400_000
RESERVED = frozenset("id locale declined private consent instrument version".split())
"""Names of the form's own fields, which no item may take."""
_ITEM_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_INSTRUMENT_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CODE = re.compile(r"(?!-?\d+\Z)[A-Za-z0-9_.-]{1,40}")
"""A code in letters; what looks like a number is written as one."""


class FaultyInstrument(Exception):
    """An instrument file says something that this version does not understand, or contradicts itself."""


class Provenance(StrEnum):
    """Where the wording of a text comes from."""

    OFFICIAL = "official"
    UNVERIFIED = "unverified"


class Action(StrEnum):
    """What a result asks for. It says what to do next, never what somebody has."""

    COUNSELLOR_TODAY = "counsellor_today"
    COUNSELLOR_CONTACT = "counsellor_contact"
    OFFER_REFERRAL = "offer_referral"
    OFFER_COUNSELLOR = "offer_counsellor"
    REVIEW_PLAN = "review_plan"
    ROUTINE = "routine"


class Kind(StrEnum):
    """How a question is answered."""

    ONE = "one"
    MANY = "many"
    NUMBER = "number"
    NOTE = "note"


class Method(StrEnum):
    """How answers become one score."""

    SUM = "sum"
    MEAN = "mean"
    DIMENSIONS = "dimensions"
    NONE = "none"


@dataclass(frozen=True)
class Wording:
    """A text in one language."""

    text: str
    provenance: Provenance

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Text:
    """A text in every language of its instrument."""

    wordings: MappingProxyType[str, Wording]

    def in_(self, language: str) -> Wording:
        """The wording in this language ("fr", also "fr_GN"), or in French, or in the first there is."""
        found = self.wordings.get(language[:2]) or self.wordings.get(SOURCE_LANGUAGE)
        return found or next(iter(self.wordings.values()))

    def is_in(self, language: str) -> bool:
        """Whether there is a wording of its own in this language."""
        return language[:2] in self.wordings


@dataclass(frozen=True)
class Answer:
    """One of the answers people choose from, and what it scores. Without a score, or where it says that the
    question does not apply, it stays out of the sum and out of its divisor."""

    value: Code
    label: Text
    score: Fraction | None = None
    applies: bool = True


@dataclass(frozen=True)
class Item:
    """One question, and the answers it accepts."""

    id: str
    statement: Text
    kind: Kind
    options: tuple[Answer, ...] = ()
    when: Condition | None = None
    weight: Fraction | None = None
    """None: asked, kept and never scored."""
    dimension: str | None = None
    lowest: int = 0
    highest: int = 0

    @property
    def values(self) -> tuple[Code, ...]:
        """The codes it accepts."""
        return tuple(option.value for option in self.options)

    def option(self, code: object) -> Answer | None:
        """The answer with this code."""
        return next((option for option in self.options if option.value == code), None)

    def accepts(self, given: object) -> bool:
        """Whether this is an answer to it, one that was refused included."""
        if self.kind is Kind.NOTE:
            return False
        if isinstance(given, str) and given in NO_ANSWER:
            return True
        if self.kind is Kind.MANY:
            return (
                isinstance(given, tuple)
                and 0 < len(given) == len(set(given))
                and all(self._knows(code) for code in given)
            )
        if self.kind is Kind.NUMBER:
            return _is_whole(given) and self.lowest <= given <= self.highest  # type: ignore[operator]
        return self._knows(given)

    def _knows(self, code: object) -> bool:
        return any(type(code) is type(value) and code == value for value in self.values)

    def accepts_in_condition(self, comparison: str, code: object) -> bool:
        """Whether comparing it with this code can ever be meant."""
        if comparison == "selected":
            return self.kind is Kind.MANY and self._knows(code)
        if comparison in ("=", "!="):
            return (
                _is_whole(code) if self.kind is Kind.NUMBER else self.kind is Kind.ONE and self._knows(code)
            )
        return self.kind in (Kind.NUMBER, Kind.ONE) and _is_whole(code)


@dataclass(frozen=True)
class NextStep:
    """What follows from a result, and within how many days (`None`: at the next planned follow-up)."""

    action: Action
    within_days: int | None


@dataclass(frozen=True)
class Band:
    """A range of scores, up to a threshold; the last one has none."""

    id: str
    next_step: NextStep
    up_to: Fraction | None = None
    included: bool = True
    """Whether the threshold itself still belongs to it."""

    def takes(self, score: Fraction) -> bool:
        if self.up_to is None:
            return True
        return score <= self.up_to if self.included else score < self.up_to


@dataclass(frozen=True)
class Change:
    """By how much a score must move for it to mean something, and what a fall asks for."""

    by: Fraction
    next_step: NextStep


@dataclass(frozen=True)
class Trigger:
    """Answers that ask for a step whatever the score."""

    when: Condition
    next_step: NextStep


@dataclass(frozen=True)
class Dimension:
    """A part of the score, and its weight in the whole."""

    id: str
    name: Text
    weight: Fraction


@dataclass(frozen=True)
class Scoring:
    """How answers become a score. The version is kept with every score."""

    version: int
    method: Method
    least_answered: Fraction
    """The share of the scored questions that apply which must be answered for there to be a score."""
    percent_per_point: int | None
    meaningful: Change | None
    bands: tuple[Band, ...]
    dimensions: tuple[Dimension, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    adequate: Fraction | None = None
    """The score from which programmes call it adequate."""


@dataclass(frozen=True)
class Instrument:
    """A questionnaire in one version. Superseded by a higher version, never edited."""

    id: str
    version: int
    licence: str
    source: str
    given_by: MappingProxyType[Role, int]
    recall_days: int | None
    name: Text
    introduction: Text
    items: tuple[Item, ...]
    scoring: Scoring
    languages: tuple[str, ...] = LANGUAGES
    notice: Text | None = None
    """What readers of the questions and of the scores must know, such as that it is a paraphrase."""

    def may_be_given(self, by: Role, age: int | None) -> bool:
        """Whether this role may give it to a person of this age. An unknown age is taken as old enough."""
        return by in self.given_by and (age is None or age >= self.given_by[by])

    def is_verified_in(self, language: str) -> bool:
        """Whether every text in this language has its official wording; the page says so when not."""
        return all(
            text.is_in(language) and text.in_(language).provenance is Provenance.OFFICIAL
            for text in self._texts()
        )

    def item(self, item_id: str) -> Item:
        """The item with this id; `KeyError` when there is none."""
        return {item.id: item for item in self.items}[item_id]

    @property
    def scored(self) -> tuple[Item, ...]:
        """The items that count."""
        return tuple(item for item in self.items if item.weight is not None)

    def _texts(self) -> list[Text]:
        return [
            self.name,
            self.introduction,
            *(item.statement for item in self.items),
            *(option.label for item in self.items for option in item.options),
        ]


def instrument(instrument_id: str, version: int | None = None) -> Instrument:
    """The shipped instrument in this version, or in its newest; `KeyError` when there is none."""
    return newest(instruments(), instrument_id, version)


def newest(known: Iterable[Instrument], instrument_id: str, version: int | None = None) -> Instrument:
    """The instrument in this version, or in its newest, among these; `KeyError` when there is none."""
    versions = {one.version: one for one in known if one.id == instrument_id}
    if not versions:
        raise KeyError(instrument_id)
    return versions[max(versions) if version is None else version]


@cache
def instruments() -> tuple[Instrument, ...]:
    """Every instrument and version that comes with this software."""
    found = tuple(read(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json")))
    if len({(one.id, one.version) for one in found}) < len(found):
        raise FaultyInstrument("two files describe the same version of one instrument")
    return found


def read(text: str) -> Instrument:
    """The instrument that a file describes, or `FaultyInstrument`."""
    try:
        if len(text) > LONGEST_FILE:
            raise FaultyInstrument("the file is too long")
        said = json.loads(text)
        _expect(
            said["format"] in FORMATS and not isinstance(said["format"], bool), "the file has another format"
        )
        made = _first_format(said) if said.pop("format") == 1 else _second_format(said)
        _expect_it_makes_sense(made)
        return made
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ZeroDivisionError) as fault:
        raise FaultyInstrument(f"{type(fault).__name__}: {fault}") from fault


# --- Format 1: one scale, a sum of all answers ---


def _first_format(said: dict[str, Any]) -> Instrument:
    _only(
        said, "id version licence source given_by recall_days name introduction scale items scoring".split()
    )
    said["languages"] = list(LANGUAGES)
    scale = {option.value: option for option in _options(said["scale"], LANGUAGES, scored=True)}
    items = []
    for each in said["items"]:
        _only(each, ["id", "values", "statement"])
        codes = [_whole(code) for code in each["values"]]
        _expect(set(codes) <= set(scale), f"{each['id']} accepts an answer without a label")
        _expect(len(set(codes)) == len(codes) > 1, f"{each['id']} needs several different values")
        items.append(
            Item(
                _word(each["id"]),
                _text(each["statement"], LANGUAGES),
                Kind.ONE,
                tuple(option for option in scale.values() if option.value in codes),
                weight=Fraction(1),
            )
        )
    return _instrument(said, tuple(items), _first_scoring(said["scoring"], items))


def _first_scoring(said: dict[str, Any], items: list[Item]) -> Scoring:
    _only(said, ["version", "method", "required", "percent_per_point", "meaningful_drop", "bands"])
    _expect(said["method"] == "sum", "only sums are understood")
    _expect(said["required"] == "all", "only scores that need every answer are understood")
    drop = said["meaningful_drop"]
    _only(drop, ["percent", "action", "within_days"])
    bands, start = [], sum(min(int(value) for value in item.values) for item in items)
    for each in said["bands"]:
        _only(each, ["id", "lowest", "highest", "action", "within_days"])
        _expect(_whole(each["lowest"]) == start, f"band {each['id']} leaves a gap or overlaps")
        _expect(_whole(each["highest"]) >= start, f"band {each['id']} is empty")
        start = each["highest"] + 1
        bands.append(Band(_word(each["id"]), _next_step(each), Fraction(each["highest"])))
    highest = sum(max(int(value) for value in item.values) for item in items)
    _expect(start == highest + 1, "the bands do not end at the highest score")
    _expect(len({band.id for band in bands}) == len(bands), "two bands have one id")
    bands[-1] = Band(bands[-1].id, bands[-1].next_step)
    return Scoring(
        version=_whole(said["version"]),
        method=Method.SUM,
        least_answered=Fraction(1),
        percent_per_point=_whole(said["percent_per_point"]),
        meaningful=Change(Fraction(_whole(drop["percent"])), _next_step(drop)),
        bands=tuple(bands),
    )


# --- Format 2 ---


def _second_format(said: dict[str, Any]) -> Instrument:
    _only(
        said,
        "id version licence source given_by recall_days languages name introduction scales items scoring".split(),
        ["notice"],
    )
    languages = said["languages"]
    _expect(isinstance(languages, list) and bool(languages), "it needs a language")
    _expect(
        set(languages) <= set(LANGUAGES) and len(set(languages)) == len(languages), "a language is not known"
    )
    scales = {name: _options(scale, languages) for name, scale in said["scales"].items()}
    items: dict[str, Item] = {}
    for each in said["items"]:
        item = _item(each, scales, items, languages)
        _expect(item.id not in items, f"{item.id} stands twice")
        items[item.id] = item
    return _instrument(said, tuple(items.values()), _scoring(said["scoring"], items, languages))


def _item(
    said: dict[str, Any],
    scales: Mapping[str, tuple[Answer, ...]],
    before: Mapping[str, Item],
    languages: list[str],
) -> Item:
    _only(said, ["id", "kind", "statement"], ["scale", "when", "weight", "dimension", "lowest", "highest"])
    kind = Kind(said["kind"])
    chooses = kind in (Kind.ONE, Kind.MANY)
    _expect(("scale" in said) is chooses, f"{said['id']}: a scale is for those who choose")
    _expect(
        ("lowest" in said) is ("highest" in said) is (kind is Kind.NUMBER),
        f"{said['id']}: limits of a number",
    )
    _expect("weight" not in said or kind is Kind.ONE, f"{said['id']}: only one choice can be scored")
    _expect("dimension" not in said or "weight" in said, f"{said['id']}: a dimension without a weight")
    item = Item(
        id=_word(said["id"]),
        statement=_text(said["statement"], languages),
        kind=kind,
        options=scales[said["scale"]] if chooses else (),
        when=read_condition(said["when"], before) if "when" in said else None,
        weight=_fraction(said["weight"]) if "weight" in said else None,
        dimension=_word(said["dimension"]) if "dimension" in said else None,
        lowest=_number(said.get("lowest", 0)),
        highest=_number(said.get("highest", 0)),
    )
    _expect(item.lowest <= item.highest, f"{item.id}: the lowest number is above the highest")
    if item.weight is not None:
        _expect(item.weight > 0, f"{item.id} weighs nothing")
        _expect(
            all((option.score is not None) is option.applies for option in item.options),
            f"{item.id}: every answer needs a score, or says that it does not apply",
        )
        _expect(
            sum(option.applies for option in item.options) > 1, f"{item.id} needs several different scores"
        )
    return item


def _scoring(said: dict[str, Any], items: Mapping[str, Item], languages: list[str]) -> Scoring:
    _only(
        said,
        ["version", "method", "least_answered", "bands"],
        ["percent_per_point", "meaningful", "dimensions", "triggers", "adequate"],
    )
    method = Method(said["method"])
    least = _fraction(said["least_answered"])
    _expect(0 < least <= 1, "the share of answers lies between 0 and 1")
    _expect(least == 1 or method is not Method.SUM, "a sum needs every answer: nothing is estimated")
    scored = [item for item in items.values() if item.weight is not None]
    _expect(bool(scored) is (method is not Method.NONE), "what is scored and the method do not agree")
    _expect(("dimensions" in said) is (method is Method.DIMENSIONS), "dimensions and the method do not agree")
    dimensions = tuple(_dimension(each, languages) for each in said.get("dimensions", []))
    _expect(len({each.id for each in dimensions}) == len(dimensions), "two dimensions have one id")
    _expect(
        {item.dimension or "" for item in scored}
        == ({each.id for each in dimensions} or {""} if scored else set()),
        "the dimensions of the questions are not those of the scoring",
    )
    bands = tuple(_band(each) for each in said["bands"])
    _expect(bool(bands) is (method is not Method.NONE), "the bands and the method do not agree")
    _expect_rising(bands)
    meaningful = None
    if "meaningful" in said:
        _only(said["meaningful"], ["by", "action", "within_days"])
        meaningful = Change(_fraction(said["meaningful"]["by"]), _next_step(said["meaningful"]))
        _expect(meaningful.by > 0, "a change of nothing means nothing")
    return Scoring(
        version=_whole(said["version"]),
        method=method,
        least_answered=least,
        percent_per_point=_whole(said["percent_per_point"]) if "percent_per_point" in said else None,
        meaningful=meaningful,
        bands=bands,
        dimensions=dimensions,
        triggers=tuple(_trigger(each, items) for each in said.get("triggers", [])),
        adequate=_fraction(said["adequate"]) if "adequate" in said else None,
    )


def _band(said: dict[str, Any]) -> Band:
    _only(said, ["id", "action", "within_days"], ["up_to", "below"])
    _expect(not {"up_to", "below"} <= set(said), f"band {said['id']} has two ends")
    edge = said.get("up_to", said.get("below"))
    return Band(
        _word(said["id"]),
        _next_step(said),
        None if edge is None else _fraction(edge),
        included="below" not in said,
    )


def _expect_rising(bands: tuple[Band, ...]) -> None:
    """Every score falls into exactly one band: thresholds rise, and only the last band has none."""
    edges = [band.up_to for band in bands]
    _expect(all(edge is None for edge in edges[-1:]), "the last band must be open")
    _expect(all(edge is not None for edge in edges[:-1]), "only the last band is open")
    closed = [(band.up_to, band.included) for band in bands[:-1] if band.up_to is not None]
    _expect(closed == sorted(set(closed)), "the bands do not rise")
    _expect(len({band.id for band in bands}) == len(bands), "two bands have one id")


def _dimension(said: dict[str, Any], languages: list[str]) -> Dimension:
    _only(said, ["id", "name", "weight"])
    weight = _fraction(said["weight"])
    _expect(weight > 0, f"dimension {said['id']} weighs nothing")
    return Dimension(_word(said["id"]), _text(said["name"], languages), weight)


def _trigger(said: dict[str, Any], items: Mapping[str, Item]) -> Trigger:
    _only(said, ["when", "action", "within_days"])
    return Trigger(read_condition(said["when"], items), _next_step(said))


# --- What both formats share ---


def _instrument(said: dict[str, Any], items: tuple[Item, ...], scoring: Scoring) -> Instrument:
    languages = tuple(said["languages"])
    recall = said["recall_days"]
    return Instrument(
        id=_word(said["id"]),
        version=_whole(said["version"]),
        licence=_word(said["licence"]),
        source=_word(said["source"]),
        given_by=MappingProxyType({Role(role): _whole(age) for role, age in said["given_by"].items()}),
        recall_days=None if recall is None else _whole(recall),
        name=_text(said["name"], languages),
        introduction=_text(said["introduction"], languages),
        items=items,
        scoring=scoring,
        languages=languages,
        notice=_text(said["notice"], languages) if "notice" in said else None,
    )


def _expect_it_makes_sense(made: Instrument) -> None:
    _expect(_INSTRUMENT_ID.fullmatch(made.id) is not None, "the name of the instrument is not a plain one")
    _expect(made.version > 0, "versions begin with 1")
    _expect(any(item.kind is not Kind.NOTE for item in made.items), "there are no questions")
    _expect(len(made.items) <= MOST_ITEMS, "there are too many questions")
    _expect(len({item.id for item in made.items}) == len(made.items), "two items have the same id")
    for item in made.items:
        _expect(_ITEM_ID.fullmatch(item.id) is not None, f"{item.id} is not a plain name")
        _expect(item.id not in RESERVED, f"{item.id} is a name of the form itself")


def _options(
    said: list[dict[str, Any]], languages: Iterable[str], *, scored: bool = False
) -> tuple[Answer, ...]:
    made = []
    for each in said:
        _only(each, ["value", "label"], [] if scored else ["score", "applies"])
        code = each["value"]
        if scored:
            _whole(code)
        _expect(
            _is_whole(code) or (isinstance(code, str) and _CODE.fullmatch(code) is not None),
            f"{code!r} is no code",
        )
        score = Fraction(code) if scored else _fraction(each["score"]) if "score" in each else None
        applies = each.get("applies", True)
        _expect(
            isinstance(applies, bool) and not (score is not None and not applies), f"{code!r}: applies or not"
        )
        made.append(Answer(code, _text(each["label"], languages), score, applies))
    words = [str(option.value) for option in made]
    _expect(
        len(set(words)) == len(words) and not {*NO_ANSWER, "skip"} & set(words), "two answers have one code"
    )
    return tuple(made)


def _next_step(said: dict[str, Any]) -> NextStep:
    days = said["within_days"]
    return NextStep(Action(said["action"]), None if days is None else _whole(days))


def _text(said: dict[str, Any], languages: Iterable[str]) -> Text:
    _only(said, list(languages))
    return Text(MappingProxyType({language: _wording(said[language]) for language in languages}))


def _wording(said: dict[str, Any]) -> Wording:
    _only(said, ["text", "provenance"])
    return Wording(_word(said["text"]), Provenance(said["provenance"]))


def _only(said: dict[str, Any], names: list[str], maybe: Iterable[str] = ()) -> None:
    found = set(said)
    _expect(set(names) <= found <= {*names, *maybe}, f"expected {sorted(names)}, found {sorted(found)}")


def _word(said: object) -> str:
    if not isinstance(said, str) or not said.strip() or len(said) > 4_000:
        raise FaultyInstrument(f"expected words, found {str(said)[:80]!r}")
    return said


def _fraction(said: object) -> Fraction:
    """An exact number: a whole one, or words such as "1/3" or "0.15". Never a float."""
    if isinstance(said, int) and _is_whole(said):
        return Fraction(said)
    if not isinstance(said, str) or not re.fullmatch(r"\d{1,12}(/\d{1,12}|\.\d{1,12})?", said):
        raise FaultyInstrument(f"expected an exact number, found {said!r}")
    return Fraction(said)


def _is_whole(said: object) -> bool:
    # True and False are numbers to Python, but not to people who write instruments.
    return isinstance(said, int) and not isinstance(said, bool) and abs(said) < 10**12


def _whole(said: object) -> int:
    if not isinstance(said, int) or not _is_whole(said) or said < 0:
        raise FaultyInstrument(f"expected a whole number, found {said!r}")
    return said


def _number(said: object) -> int:
    if not isinstance(said, int) or not _is_whole(said):
        raise FaultyInstrument(f"expected a number, found {said!r}")
    return said


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise FaultyInstrument(otherwise)


__all__ = ["FaultyCondition", "FaultyInstrument", "Instrument", "instrument", "instruments", "newest", "read"]
