"""A workbook as a sending mission sends it: find the sheet, the title, the headings, and hand each row on.

The file comes from outside. It is measured before it is opened, formulas are seen as formulas and never evaluated,
and nothing in it (links, macros, entities) is followed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import islice
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl
from openpyxl.utils import get_column_letter

from .doubts import UNREAD, UNREADABLE
from .rows import ReadRow, mark_repeats, read_row
from .vocabulary import TOTALS, Field, currency_in, folded, heading_fields, heading_key
from .words import Broken, Formula, Value, date_in, is_blank, read_remarks, shown, text_of

MAX_FILE = 10 * 1024 * 1024
MAX_UNPACKED = 64 * 1024 * 1024
MAX_PARTS = 2_000
MAX_TAGS = 1_000_000
MAX_ROWS = 5_000
MAX_COLUMNS = 200
MAX_PLACES = 5_000_000
"""Places for cells, filled or not, that are walked over in one workbook: a far row or column costs all before it."""
_HEADINGS_WITHIN = 60
_FEWEST_HEADINGS = 3
_ABOUT_A_PERSON = (Field.BIRTH_DATE, Field.SEX, Field.NATIONALITY, Field.SITUATION)
_SEVERAL_COLUMNS = frozenset({Field.PHONES, Field.CONTACT_PERSON, Field.NEEDS, Field.REMARKS})


class UnreadableList(Exception):
    """The file as a whole could not be read; ``sentence`` says why in the reader's language."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def sentence(self) -> str:
        return str(UNREADABLE[self.code])

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Column:
    """One column with its heading; ``field`` is None where the heading is not known or already taken."""

    letter: str
    heading: str
    field: Field | None


@dataclass(frozen=True)
class UnreadLine:
    """A line of the sheet that is not a row of the list, and why."""

    line: int
    code: str
    text: str

    @property
    def sentence(self) -> str:
        return str(UNREAD[self.code])


@dataclass(frozen=True)
class ReferralList:
    """A referral list as it was read."""

    title: str
    sheet: str
    as_of: date
    as_of_known: bool
    """False where the title block names no date: ``as_of`` is then the day of reading."""
    columns: tuple[Column, ...]
    rows: tuple[ReadRow, ...]
    unread: tuple[UnreadLine, ...]
    blank_lines: tuple[int, ...]
    other_sheets: tuple[str, ...]
    """Sheets that were not read."""
    other_lists: tuple[str, ...]
    """Those among them that have the headings of a list: somebody should know."""

    @property
    def unknown_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.field is None)

    @property
    def persons(self) -> int:
        """Rows that are not a repetition, certain or possible, of an earlier row, nor refused."""
        return sum(1 for row in self.rows if not row.refusals and not row.repeats)


_Line = tuple[int, tuple[Value, ...]]


@dataclass(frozen=True)
class _Sheet:
    title: str
    lines: list[_Line]
    """Row number and cells of every line that is not blank."""
    beyond: str | None = None
    """The limit at which reading stopped: it matters only if this sheet is the list."""


def read_referral_list(file: bytes, filename: str, *, today: date | None = None) -> ReferralList:
    """Read a referral list; raises UnreadableList where the file is none.

    ``today`` stands in for the date of the list where its title block gives none.
    """
    _measure(file, filename)
    sheets, epoch = _open(file)
    if not any(sheet.lines for sheet in sheets):
        raise UnreadableList("empty")
    found = [(headings, sheet) for sheet in sheets if (headings := _find_headings(sheet))]
    if not found:
        raise UnreadableList("no_headings")
    heading_line, sheet = max(found, key=lambda pair: _known_headings(pair[0]))
    if sheet.beyond:
        raise UnreadableList(sheet.beyond)
    title, listed_on = _title_block(sheet, before=heading_line[0])
    as_of = listed_on or today or date.today()  # noqa: DTZ011  the caller who cares gives today in its own time zone
    below = [line for line in sheet.lines if line[0] > heading_line[0]]
    columns = _columns(heading_line[1], below)
    rows, unread = _read_rows(below, columns, as_of, epoch)
    if not rows:
        raise UnreadableList("no_rows")
    taken = {number for number, _cells in sheet.lines}
    last = max(row.line for row in rows)
    return ReferralList(
        title=title,
        sheet=sheet.title,
        as_of=as_of,
        as_of_known=listed_on is not None,
        columns=tuple(columns.values()),
        rows=tuple(mark_repeats(rows)),
        unread=tuple(unread),
        blank_lines=tuple(
            line
            for line in range(heading_line[0] + 1, min(last, heading_line[0] + 2 * MAX_ROWS))
            if line not in taken
        ),
        other_sheets=tuple(other.title for other in sheets if other is not sheet),
        other_lists=tuple(other.title for _headings, other in found if other is not sheet),
    )


def sheets_of(file: bytes, filename: str) -> list[tuple[str, list[_Line]]]:
    """Title and filled lines of every worksheet, for other tables that come from outside; raises UnreadableList."""
    _measure(file, filename)
    sheets, _epoch = _open(file)
    for sheet in sheets:
        if sheet.beyond:
            raise UnreadableList(sheet.beyond)
    return [(sheet.title, sheet.lines) for sheet in sheets]


# --- Opening a file from outside ------------------------------------------------------------------------------


def _measure(file: bytes, filename: str) -> None:
    """Refuse what is no workbook or would grow beyond any list, before a library opens it."""
    if not file.strip(b"\0 \r\n\t"):
        raise UnreadableList("empty")
    if file.startswith(b"\xd0\xcf\x11\xe0"):
        encrypted = "EncryptedPackage".encode("utf-16-le") in file
        raise UnreadableList("encrypted" if encrypted else "old_workbook")
    if len(file) > MAX_FILE:
        raise UnreadableList("too_large")
    if not file.startswith(b"PK"):
        raise UnreadableList("not_a_workbook")
    try:
        with ZipFile(BytesIO(file)) as parts:
            _measure_parts(parts, filename)
    except UnreadableList:
        raise
    except BadZipFile as error:
        raise UnreadableList("damaged") from error
    except Exception as error:  # an archive can be wrong in many more ways than BadZipFile
        raise UnreadableList("damaged") from error


def _measure_parts(parts: ZipFile, filename: str) -> None:
    known = parts.infolist()
    names = {part.filename for part in known}
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise UnreadableList(
            "other_workbook" if "mimetype" in names or filename.lower().endswith(".ods") else "not_a_workbook"
        )
    if any(part.flag_bits & 1 for part in known):
        raise UnreadableList("encrypted")
    # The library never unpacks more of a part than the directory of the archive declares.
    if len(known) > MAX_PARTS or sum(part.file_size for part in known) > MAX_UNPACKED:
        raise UnreadableList("too_large")
    for part in known:
        if part.filename.lower().endswith((".xml", ".rels", ".vml")):
            _measure_markup(parts.read(part))


def _measure_markup(part: bytes) -> None:
    """Workbooks have no document types, so no entities; and a million tags is far beyond any list."""
    letters = part.replace(b"\0", b"")  # the same words in UTF-16
    if b"<!DOCTYPE" in letters or b"<!ENTITY" in letters:
        raise UnreadableList("damaged")
    if letters.count(b"<") > MAX_TAGS:
        raise UnreadableList("too_large")


def _open(file: bytes) -> tuple[list[_Sheet], datetime]:
    """Every worksheet's filled lines, and the day its dates count from."""
    try:
        book = openpyxl.load_workbook(BytesIO(file), read_only=True, data_only=False, keep_links=False)
        try:
            places = iter(range(MAX_PLACES))
            return [_sheet(sheet, places) for sheet in book.worksheets], book.epoch
        finally:
            book.close()
    except UnreadableList:
        raise
    except Exception as error:  # whatever the library trips over, the file is what is wrong
        raise UnreadableList("damaged") from error


def _sheet(sheet: Any, places: Iterator[int]) -> _Sheet:
    lines: list[_Line] = []
    try:
        lines.extend(_lines(sheet, places))
    except UnreadableList as refusal:
        if refusal.code == "too_large":
            raise
        return _Sheet(sheet.title, lines, refusal.code)
    return _Sheet(sheet.title, lines)


def _lines(sheet: Any, places: Iterator[int]) -> Iterator[_Line]:
    # The declared dimension may be missing or absurd: the cells themselves decide.
    sheet.reset_dimensions()
    filled = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        # The library makes up every row and cell before one that says it lies far away.
        if next(places, None) is None or (cells and next(islice(places, len(cells) - 1, None), None) is None):
            raise UnreadableList("too_large")
        if not cells:
            continue
        values = [_value(cell) for cell in cells]
        while values and is_blank(values[-1]):
            values.pop()
        if not values:
            continue
        filled += 1
        if filled > MAX_ROWS:
            raise UnreadableList("too_many_rows")
        if len(values) > MAX_COLUMNS:
            raise UnreadableList("too_many_columns")
        yield number, tuple(values)


def _value(cell: Any) -> Value:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        formula = value if isinstance(value, str) else str(getattr(value, "text", None) or "")
        return Formula("=" + text_of(formula).lstrip("="))
    if cell.data_type == "e":
        return Broken(text_of(str(value)))
    return value if isinstance(value, str | int | float | date | time | timedelta) else str(value)


# --- Headings and title -----------------------------------------------------------------------------------------


def _find_headings(sheet: _Sheet) -> _Line | None:
    """The line, near the top, that names the most known fields, a name among them."""
    near_the_top = [line for line in sheet.lines[:_HEADINGS_WITHIN] if _names_people(line[1])]
    best = max(near_the_top, key=_known_headings, default=None)
    return best if best and _known_headings(best) >= _FEWEST_HEADINGS else None


def _known_headings(line: _Line) -> int:
    return len({field for cell in line[1] if (field := _heading_field(cell))})


def _names_people(cells: Sequence[Value]) -> bool:
    return bool({Field.FAMILY_NAME, Field.FULL_NAME} & {_heading_field(cell) for cell in cells})


def _heading_field(cell: Value) -> Field | None:
    return heading_fields().get(heading_key(cell)) if isinstance(cell, str) and len(cell) < 200 else None


def _columns(headings: Sequence[Value], below: Sequence[_Line]) -> dict[int, Column]:
    """Every column that has a heading or, below it, content; by position."""
    filled = {index for _number, values in below for index, value in enumerate(values) if not is_blank(value)}
    columns: dict[int, Column] = {}
    for index in range(max([len(headings), *(position + 1 for position in filled)])):
        heading = headings[index] if index < len(headings) else None
        field = _heading_field(heading)
        if field not in _SEVERAL_COLUMNS and any(column.field == field for column in columns.values()):
            field = None
        if not is_blank(heading) or index in filled:
            columns[index] = Column(get_column_letter(index + 1), shown(heading), field)
    return columns


def _title_block(sheet: _Sheet, *, before: int) -> tuple[str, date | None]:
    """The first words above the headings, and the date found there."""
    cells = [cell for number, line in sheet.lines if number < before for cell in line if not is_blank(cell)]
    texts = [text_of(cell) for cell in cells if isinstance(cell, str)]
    days = [cell.date() for cell in cells if isinstance(cell, datetime)]
    days += [day for text in texts if (day := date_in(text[:300]))]
    return (texts[0][:300] if texts else sheet.title), (days[0] if days else None)


# --- Rows -----------------------------------------------------------------------------------------------------------


def _read_rows(
    lines: Sequence[_Line], columns: dict[int, Column], as_of: date, epoch: datetime
) -> tuple[list[ReadRow], list[UnreadLine]]:
    ceilings = [column for column in columns.values() if column.field == Field.CEILING]
    heading_currency = currency_in(ceilings[0].heading) if ceilings else None
    headings = {column.heading for column in columns.values() if column.field}
    rows: list[ReadRow] = []
    unread: list[UnreadLine] = []
    for number, values in lines:
        cells: dict[Field, list[Value]] = {}
        for index, value in enumerate(values):
            if (column := columns.get(index)) and column.field:
                cells.setdefault(column.field, []).append(value)
        if code := _not_a_row(values, cells, headings):
            words = " | ".join(shown(value) for value in values if not is_blank(value))[:200]
            # A line of text is screened as a remark is: sensitive words stay in the file they came in.
            unread.append(UnreadLine(number, code, read_remarks(words).value[0] or "…"))
            continue
        rows.append(read_row(number, cells, as_of=as_of, heading_currency=heading_currency, epoch=epoch))
    return rows, unread


def _not_a_row(values: Sequence[Value], cells: dict[Field, list[Value]], headings: set[str]) -> str | None:
    filled = [value for value in values if not is_blank(value)]
    named = any(
        not is_blank(value)
        for field in (Field.FAMILY_NAME, Field.GIVEN_NAMES, Field.FULL_NAME)
        for value in cells.get(field, ())
    )
    if _is_total(filled) and not any(
        not is_blank(value) for field in _ABOUT_A_PERSON for value in cells.get(field, ())
    ):
        return "total"
    if sum(isinstance(value, str) and text_of(value) in headings for value in filled) >= _FEWEST_HEADINGS:
        return "headings_again"
    if len(filled) == 1 and not named and isinstance(filled[0], str):
        return "remark_line"
    return None


def _is_total(filled: Sequence[Value]) -> bool:
    words = [folded(value) for value in filled if isinstance(value, str) and len(value) < 60]
    return any(word in TOTALS for word in words) or (bool(words) and words[0].startswith("total "))
