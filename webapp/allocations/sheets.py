"""Tables that come from outside as CSV or XLSX: measured, opened, and handed on as lines of text."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

from flask_babel import lazy_gettext as _l

from ..cases.intake.words import Broken, Formula
from ..cases.intake.workbook import UnreadableList, sheets_of
from ..formats import plain

MAX_FILE = 1024 * 1024
MAX_LINES = 5_000
_HEADINGS_WITHIN = 20
_SENTENCES = {
    "empty": _l("Le fichier est vide."),
    "too_large": _l("Le fichier est trop lourd."),
    "too_many": _l("Le fichier a trop de lignes."),
    "not_text": _l("Ce n’est ni un classeur .xlsx ni un texte CSV lisible."),
    "no_headings": _l("Aucune ligne de titres avec : %(names)s."),
}


class UnreadableTable(Exception):
    """The file as a whole could not be read; ``sentence`` says why in the reader's language."""

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code)
        self.code, self._facts = code, facts

    @property
    def sentence(self) -> str:
        if isinstance(self.__cause__, UnreadableList):
            return self.__cause__.sentence
        return str(_SENTENCES[self.code]) % self._facts


@dataclass(frozen=True)
class Row:
    """One line below the headings: its number in the file, and the text of each column that was found."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


@dataclass(frozen=True)
class Table:
    """The columns that were found, and the lines below them that are not blank."""

    columns: frozenset[str]
    rows: tuple[Row, ...]
    comma_separates: bool
    """The file is a CSV with commas between cells: a comma inside a number says nothing certain."""


def read_table(
    file: bytes, filename: str, *, headings: Mapping[str, Iterable[str]], needed: Iterable[str]
) -> Table:
    """Read the first table that has the ``needed`` columns; ``headings`` gives the words for each column.

    Words are compared folded (``formats.plain``). Numbers and dates of a workbook become plain text: ``655.957``,
    ``2026-11-01``; a formula stays text and is never evaluated. Raises UnreadableTable.
    """
    if len(file) > MAX_FILE:
        raise UnreadableTable("too_large")
    if not file.strip(b"\0 \r\n\t"):
        raise UnreadableTable("empty")
    if file.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        tables, comma = _workbook(file, filename), False
    else:
        lines, comma = _csv(file)
        tables = [lines]
    known = {plain(word): name for name, words in headings.items() for word in words}
    needed = list(needed)
    for lines in tables:
        for position, (_number, cells) in enumerate(lines[:_HEADINGS_WITHIN]):
            columns: dict[str, int] = {}
            for index, cell in enumerate(cells):
                if name := known.get(plain(cell)):
                    columns.setdefault(name, index)
            if set(needed) <= columns.keys():
                return Table(frozenset(columns), tuple(_rows(lines[position + 1 :], columns)), comma)
    words = ", ".join(next(iter(headings[name])) for name in needed)
    raise UnreadableTable("no_headings", names=words)


_Line = tuple[int, list[str]]


def _rows(lines: list[_Line], columns: Mapping[str, int]) -> Iterable[Row]:
    for number, cells in lines:
        found = {name: cells[index] for name, index in columns.items() if index < len(cells)}
        if any(found.values()):
            yield Row(number, found)


def _workbook(file: bytes, filename: str) -> list[list[_Line]]:
    try:
        sheets = sheets_of(file, filename)
    except UnreadableList as refused:
        raise UnreadableTable(refused.code) from refused
    return [
        [(number, [_text(cell) for cell in cells]) for number, cells in lines] for _title, lines in sheets
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.min.time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        # The shortest decimal that is this number: what was typed into the cell.
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    if isinstance(value, Formula | Broken):
        return f"={value.text.lstrip('=')}"[:500]
    return str(value).strip()[:500]


def _csv(file: bytes) -> tuple[list[_Line], bool]:
    text = _decoded(file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(";\t,", key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[_Line] = []
    try:
        for cells in reader:
            lines.append((reader.line_num, [cell.strip()[:500] for cell in cells]))
            if len(lines) > MAX_LINES:
                raise UnreadableTable("too_many")
    except csv.Error as error:
        raise UnreadableTable("not_text") from error
    return lines, separator == ","


def _decoded(file: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or the code page that French spreadsheets write."""
    for encoding in ("utf-16",) if file[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            text = file.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnreadableTable("not_text")
