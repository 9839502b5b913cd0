"""An instrument from an XLSForm workbook: measured before it is opened, judged by pyxform, then read row by row.

The file comes from outside: formulas are refused and never evaluated, nothing in it is followed, and what this software
does not know is said for its row and never guessed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _l

from ...cases.intake.words import Broken, Formula
from ...cases.intake.workbook import UnreadableList, sheets_of
from ...formats import plain
from ...permissions import Role
from ..instruments import LANGUAGES, FaultyInstrument, Instrument, read
from .relevant import NotUnderstood, code, named, read_relevant

MOST_ROWS = 600
LONGEST_CELL = 2_000
SHEETS = ("survey", "choices", "settings")
LEFT_OUT = (
    "start",
    "end",
    "today",
    "deviceid",
    "username",
    "phonenumber",
    "simserial",
    "subscriberid",
    "audit",
)
"""Rows about the phone that this software does not record."""
KINDS = {"select_one": "one", "select_multiple": "many", "integer": "number", "note": "note"}
GROUPS = ("begin_group", "end_group")
_MATTERS = ("calculation", "choice_filter", "repeat_count", "trigger", "default")
"""Columns without which the row would mean something else."""
_UNUSED = (
    "hint",
    "required",
    "appearance",
    "guidance_hint",
    "read_only",
    "constraint_message",
    "required_message",
)
_LANGUAGES = {
    "fr": "fr", "francais": "fr", "french": "fr", "en": "en", "english": "en", "anglais": "en", "ar": "ar",
    "arabic": "ar", "arabe": "ar", plain("العربية"): "ar", plain("عربي"): "ar",
}  # fmt: skip
_LIMITS = re.compile(r"\s*\.\s*(>=|<=|>|<)\s*(-?\d{1,12})\s*")

SENTENCES = {
    "no_survey": _l("Il manque la feuille « survey »."),
    "too_many": _l("Plus de %(most)s lignes : c’est trop pour un questionnaire."),
    "formula": _l("Une formule : écrivez la valeur elle-même."),
    "too_long": _l("Un texte de plus de %(most)s caractères."),
    "type": _l("Le type « %(what)s » n’est pas pris en charge."),
    "name": _l("Le nom « %(what)s » n’est pas valable ou sert déjà."),
    "no_label": _l("Il manque le texte en : %(what)s."),
    "list": _l("La liste « %(what)s » n’a pas de choix."),
    "code": _l("Le code « %(what)s » n’est pas valable ou sert déjà dans sa liste."),
    "relevant": _l("La condition n’est pas comprise : « %(what)s »."),
    "constraint": _l("La limite n’est pas comprise : « %(what)s »."),
    "column": _l("La colonne « %(what)s » n’est pas prise en charge."),
    "language": _l("La langue de « %(what)s » n’est pas connue ici."),
    "number": _l("« %(what)s » n’est pas un nombre exact, par exemple 3/4."),
    "settings": _l("La feuille « settings » doit dire form_id et version (un nombre entier)."),
    "pyxform": _l("La vérification du format dit : %(what)s"),
    "whole": _l("Le questionnaire ne tient pas ensemble : %(what)s"),
}
REMARKS = {
    "left_out": _l("« %(what)s » n’est pas gardé ici."),
    "unused": _l("La colonne « %(what)s » n’est pas reprise."),
    "sheet": _l("La feuille « %(what)s » n’est pas lue."),
}


class Unreadable(Exception):
    """The file as a whole could not be read; its words say why."""


@dataclass(frozen=True)
class Fault:
    """Something wrong, or left out, in one row of one sheet."""

    code: str
    sheet: str = ""
    row: int | None = None
    what: str = ""

    @property
    def sentence(self) -> str:
        """The fault in the reader's language, with its place."""
        said = str({**SENTENCES, **REMARKS}[self.code]) % {
            "what": self.what,
            "most": LONGEST_CELL if self.code == "too_long" else MOST_ROWS,
        }
        place = " ".join(filter(None, [self.sheet, str(self.row or "")]))
        return f"{place} : {said}" if place else said


@dataclass
class Reading:
    """What a workbook was understood to be: an instrument and its text, or what keeps it from being one."""

    faults: list[Fault] = field(default_factory=list)
    remarks: list[Fault] = field(default_factory=list)
    text: str | None = None
    instrument: Instrument | None = None


@dataclass(frozen=True)
class Giving:
    """What a workbook does not say and its publisher does."""

    roles: tuple[Role, ...] = (Role.COUNSELLOR,)
    least_age: int = 18
    licence: str = "Not stated. Ask the owner of these questions before use."
    recall_days: int | None = None
    official: tuple[str, ...] = ()
    """The languages whose wording is the published one."""


Row = dict[str, str]
_GIVING = Giving()


def read_workbook(file: bytes, filename: str, giving: Giving = _GIVING) -> Reading:
    """Read a workbook; raises Unreadable when it is none."""
    try:
        sheets = {title.strip().lower(): lines for title, lines in sheets_of(file, filename)}
    except UnreadableList as refused:
        raise Unreadable(str(refused)) from refused
    found = Reading()
    found.remarks += [Fault("sheet", what=title[:60]) for title in sheets if title not in SHEETS]
    rows = {name: _rows(name, sheets.get(name, []), found) for name in SHEETS}
    if not rows["survey"]:
        found.faults.append(Fault("no_survey"))
    if found.faults:
        return found
    _ask_pyxform(rows, found)
    said = _Workbook(rows, giving, filename, found).said()
    if not found.faults:
        text = json.dumps(said, ensure_ascii=False, indent=1)
        try:
            found.text, found.instrument = text, read(text)
        except FaultyInstrument as fault:
            found.text = None
            found.faults.append(Fault("whole", what=str(fault)[:200]))
    return found


def _rows(sheet: str, lines: Iterable[tuple[int, tuple[Any, ...]]], found: Reading) -> list[tuple[int, Row]]:
    """Number and filled cells of every row under the headings, by heading; all of them words."""
    headings: list[str] | None = None
    rows: list[tuple[int, Row]] = []
    for number, cells in lines:
        if headings is None:
            headings = [str(cell or "").strip()[:100] for cell in cells]
            continue
        row: Row = {}
        for heading, cell in zip(headings, cells, strict=False):
            if isinstance(cell, Formula | Broken):
                found.faults.append(Fault("formula", sheet, number))
            elif heading and cell is not None and str(cell).strip():
                row[heading] = _words(cell)
                if len(row[heading]) > LONGEST_CELL:
                    found.faults.append(Fault("too_long", sheet, number))
        rows.append((number, row))
    if len(rows) > MOST_ROWS:
        found.faults.append(Fault("too_many", sheet))
        return rows[:MOST_ROWS]
    return rows


def _words(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).replace("\x00", "").strip()


def _ask_pyxform(rows: Mapping[str, list[tuple[int, Row]]], found: Reading) -> None:
    """Whether this is an XLSForm at all: pyxform gets the words of the cells, never the file."""
    from pyxform.errors import PyXFormError
    from pyxform.xls2xform import convert

    book: dict[str, Any] = {"sheet_names": [name for name in SHEETS if rows[name]]}
    for name in SHEETS:
        if rows[name]:
            by_number = dict(rows[name])
            # With its blank rows, so that the rows it names are those of the sheet.
            book[name] = [by_number.get(number, {}) for number in range(2, max(by_number) + 1)]
            headings = dict.fromkeys(heading for row in by_number.values() for heading in row)
            book[f"{name}_header"] = [dict.fromkeys(headings)]
    try:
        convert(book, validate=False, form_name="data")
    except (PyXFormError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        said = " ".join(str(fault).split())[:300]
        row = re.search(r"\[row : (\d+)\]", said)
        found.faults.append(Fault("pyxform", "survey" if row else "", int(row[1]) if row else None, said))


class _Workbook:
    """The rows of a workbook, turned into the words of an instrument file."""

    def __init__(
        self, rows: Mapping[str, list[tuple[int, Row]]], giving: Giving, filename: str, found: Reading
    ) -> None:
        self.rows, self.giving, self.filename, self.found = rows, giving, filename, found
        self.settings = rows["settings"][0][1] if rows["settings"] else {}
        self.default = _LANGUAGES.get(_language_name(self.settings.get("default_language", "fr")), "fr")
        self.languages = self._languages()
        self.scales: dict[str, list[dict[str, Any]]] = {}
        self.names: set[str] = set()
        self.several: set[str] = set()

    def wrong(self, code: str, sheet: str, row: int | None, what: str = "") -> None:
        self.found.faults.append(Fault(code, sheet, row, what[:80]))

    def said(self) -> dict[str, Any]:
        self._read_choices()
        items = [item for number, row in self.rows["survey"] if row and (item := self._item(number, row))]
        used = {item["scale"] for item in items if "scale" in item}
        scored = [item for item in items if "weight" in item]
        name, version = self.settings.get("form_id", ""), self.settings.get("version", "")
        if not name or not re.fullmatch(r"[1-9]\d{0,8}", version):
            self.wrong("settings", "settings", None)
        title = self.settings.get("form_title") or name or "?"
        return {
            "format": 2,
            "id": re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")[:40],
            "version": int(version) if version.isdigit() and len(version) < 10 else 0,
            "licence": self.giving.licence,
            "source": f"XLSForm {self.filename[:120]}",
            "given_by": {str(role): self.giving.least_age for role in self.giving.roles},
            "recall_days": self.giving.recall_days,
            "languages": self.languages,
            "name": self._same(title),
            "introduction": self._same(self.settings.get("introduction") or title),
            "scales": {scale: options for scale, options in self.scales.items() if scale in used},
            "items": items,
            "scoring": self._scoring(scored),
        }

    def _scoring(self, scored: list[dict[str, Any]]) -> dict[str, Any]:
        if not scored:
            return {"version": 1, "method": "none", "least_answered": "1", "bands": []}
        names = list(dict.fromkeys(item["dimension"] for item in scored if "dimension" in item))
        made: dict[str, Any] = {
            "version": 1,
            "method": "dimensions" if names else "mean",
            "least_answered": "7/10",
            "bands": [{"id": "all", "action": "routine", "within_days": None}],
        }
        if names:
            made["dimensions"] = [{"id": name, "name": self._same(name), "weight": "1"} for name in names]
        return made

    # Languages

    def _languages(self) -> list[str]:
        found: set[str] = set()
        for sheet in ("survey", "choices"):
            for heading in dict.fromkeys(heading for _number, row in self.rows[sheet] for heading in row):
                column, _, language = heading.partition("::")
                if column.strip().lower() != "label":
                    continue
                known = self.default if not language else _LANGUAGES.get(_language_name(language))
                if known is None:
                    self.wrong("language", sheet, 1, heading)
                else:
                    found.add(known)
        return [language for language in LANGUAGES if language in found] or [self.default]

    def _text(self, sheet: str, number: int, row: Row) -> dict[str, Any]:
        said: dict[str, str] = {}
        for heading, words in row.items():
            column, _, language = heading.partition("::")
            if column.strip().lower() == "label":
                known = self.default if not language else _LANGUAGES.get(_language_name(language))
                if known:
                    said[known] = words
        missing = [language for language in self.languages if not said.get(language)]
        if missing:
            self.wrong("no_label", sheet, number, ", ".join(missing))
        return {language: self._wording(said.get(language, "?"), language) for language in self.languages}

    def _wording(self, words: str, language: str) -> dict[str, str]:
        return {"text": words, "provenance": "official" if language in self.giving.official else "unverified"}

    def _same(self, words: str) -> dict[str, Any]:
        return {language: self._wording(words, language) for language in self.languages}

    # Choices

    def _read_choices(self) -> None:
        for number, row in self.rows["choices"]:
            if not row:
                continue
            scale = row.get("list_name") or row.get("list name") or ""
            name = row.get("name") or row.get("value") or ""
            options = self.scales.setdefault(scale, [])
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name) or code(name) in [
                one["value"] for one in options
            ]:
                self.wrong("code", "choices", number, name)
                continue
            option: dict[str, Any] = {"value": code(name), "label": self._text("choices", number, row)}
            score = row.get("score", "")
            if score.lower() in ("n/a", "na"):
                option["applies"] = False
            elif score:
                option["score"] = self._exact(score, "choices", number)
            options.append(option)

    def _exact(self, words: str, sheet: str, number: int) -> str:
        if not re.fullmatch(r"\d{1,12}(/[1-9]\d{0,11}|\.\d{1,12})?", words):
            self.wrong("number", sheet, number, words)
            return "1"
        return words

    # Questions

    def _item(self, number: int, row: Row) -> dict[str, Any] | None:
        kind, _, scale = " ".join(row.get("type", "").split()).partition(" ")
        kind = kind.lower()
        if not self._is_question(kind, scale, number, row):
            return None
        self._say_columns(number, row)
        name = row.get("name", "")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", name) or name in self.names:
            self.wrong("name", "survey", number, name)
            return None
        item: dict[str, Any] = {"id": name, "kind": KINDS[kind]}
        if kind.startswith("select"):
            if not self.scales.get(scale):
                self.wrong("list", "survey", number, scale)
            item["scale"] = scale
        if kind == "integer":
            item["lowest"], item["highest"] = self._limits(number, row)
        if kind == "select_one" and "weight" in row:
            item["weight"] = self._exact(row["weight"], "survey", number)
            if "dimension" in row:
                item["dimension"] = row["dimension"]
        if "relevant" in row:
            item["when"] = self._condition(number, row["relevant"])
        self.names.add(name)
        if kind == "select_multiple":
            self.several.add(name)
        return {**item, "statement": self._text("survey", number, row)}

    def _is_question(self, kind: str, scale: str, number: int, row: Row) -> bool:
        if f"{kind}_{scale}" in GROUPS or kind in GROUPS:
            if "relevant" in row:
                self.wrong("column", "survey", number, "relevant (group)")
            return False
        if kind in LEFT_OUT:
            self.found.remarks.append(Fault("left_out", "survey", number, kind))
            return False
        if kind not in KINDS:
            self.wrong("type", "survey", number, row.get("type", ""))
            return False
        return True

    def _say_columns(self, number: int, row: Row) -> None:
        for heading in row:
            column = heading.partition("::")[0].strip().lower()
            if column in _MATTERS:
                self.wrong("column", "survey", number, heading)
            elif column in _UNUSED or column.startswith(("media", "image", "audio", "video", "body", "bind")):
                self.found.remarks.append(Fault("unused", "survey", number, heading))

    def _condition(self, number: int, words: str) -> Any:
        try:
            found = read_relevant(words, self.several)
        except NotUnderstood:
            found = ["=", "", 0]
        if not named(found) <= self.names:
            # Not understood, or it looks at a question that comes later or is not there.
            self.wrong("relevant", "survey", number, words)
        return found

    def _limits(self, number: int, row: Row) -> tuple[int, int]:
        lowest, highest = 0, 1_000_000
        for part in (
            re.split(r"\s+and\s+", row.get("constraint", "").strip()) if row.get("constraint") else []
        ):
            said = _LIMITS.fullmatch(part)
            if said is None:
                self.wrong("constraint", "survey", number, row["constraint"])
                break
            edge = int(said[2])
            if said[1] in (">", ">="):
                lowest = edge + (said[1] == ">")
            else:
                highest = edge - (said[1] == "<")
        return lowest, highest


def _language_name(words: str) -> str:
    """``Français (fr)`` → ``fr``; ``French`` → ``french``."""
    inside = re.search(r"\(([A-Za-z-]{2,8})\)\s*$", words)
    return (inside[1].lower() if inside else plain(words)).partition("-")[0].strip()
