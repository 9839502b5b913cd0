"""A monthly table of exchange rates: read from CSV or XLSX, looked at, then loaded."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from ..cases.timeline import add_entry
from ..database import db
from ..formats import decimal
from ..money import EXPONENT
from ..people.models import Staff
from .models import ExchangeRate
from .sheets import Row, Table, read_table

HEADINGS = {
    "currency": (
        "devise", "currency", "currency code", "code", "iso", "iso code", "iso a3 code", "monnaie", "code devise",
    ),
    "rate": ("taux", "rate", "exchange rate", "value", "valeur", "cours", "operational rate"),
    "from": (
        "date", "from", "du", "à partir du", "valable à partir du", "en vigueur le", "effective date", "effective",
        "valid from", "mois", "month", "période", "period",
    ),
    "source": ("source", "origine"),
    "base": ("base", "devise de base", "base currency"),
}  # fmt: skip
MUCH = Decimal("0.25")
"""A rate that moved more than this since the last one is shown with a doubt: a comma may stand elsewhere."""
_RATE = re.compile(r"\d{1,12}(?:\.\d{1,12})?", re.ASCII)
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’]")
_DAYS = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})(?:-(?P<d>\d{1,2}))?(?: .*)?", re.ASCII),
    re.compile(r"(?P<d>\d{1,2})[/.](?P<m>\d{1,2})[/.](?P<y>\d{4})", re.ASCII),
    re.compile(r"(?P<m>\d{1,2})/(?P<y>\d{4})", re.ASCII),
)
_SENTENCES = {
    "not_used": _l("Cette devise n’est pas utilisée ici."),
    "itself": _l("C’est la devise de base elle-même."),
    "not_a_rate": _l("Ce n’est pas un taux : un nombre plus grand que zéro, au plus douze décimales."),
    "comma": _l("Une virgule sépare déjà les colonnes : écrivez le taux avec un point."),
    "not_a_day": _l("Cette date n’est pas lisible."),
    "no_source": _l("La source manque."),
    "base_unknown": _l("La devise de base n’est pas connue."),
    "twice": _l("Cette devise est déjà plus haut, pour le même jour."),
    "other_value": _l("Un autre taux de la même source est déjà chargé pour ce jour ; il ne change plus."),
    "much": _l("Très différent du dernier taux chargé (%(last)s). Vérifiez la virgule."),
}


@dataclass(frozen=True)
class ReadRate:
    """One line of the table as it was understood; ``outcome`` is new, same, left_out or refused."""

    line: int
    base: str
    quote: str
    rate: str
    effective_on: date | None
    source: str
    outcome: str
    doubt: str = ""
    last: str = ""

    @property
    def sentence(self) -> str:
        """Why it is refused or left out, or what should be looked at; empty when there is nothing to say."""
        return str(_SENTENCES[self.doubt]) % {"last": told(self.last)} if self.doubt else ""


def told(rate: str) -> str:
    """A rate as its reader writes numbers; what is none stays as it was written."""
    try:
        return decimal(Decimal(rate))
    except InvalidOperation:
        return rate


def read_rates(
    file: bytes, filename: str, *, base: str, effective_on: date | None, source: str
) -> list[ReadRate]:
    """Read a table of rates; what a line does not say itself is taken from the arguments. Raises UnreadableTable."""
    table = read_table(file, filename, headings=HEADINGS, needed=("currency", "rate"))
    return understood(
        (_line(row, table, base, effective_on, source) for row in table.rows),
    )


def understood(read: Iterable[ReadRate]) -> list[ReadRate]:
    """The lines again, each compared with what is loaded and with the lines before it."""
    found: list[ReadRate] = []
    seen: set[tuple[Any, ...]] = set()
    for line in read:
        key = (line.base, line.quote, line.effective_on, line.source)
        if line.outcome == "new" and key in seen:
            line = _with(line, "refused", "twice")  # noqa: PLW2901
        elif line.outcome == "new":
            seen.add(key)
            line = _compared(line)  # noqa: PLW2901
        found.append(line)
    return found


def as_text(read: Iterable[ReadRate]) -> str:
    """What is new of a table, as a table again: what the preview hands to its confirmation."""
    text = StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["base", "currency", "rate", "from", "source"])
    for line in read:
        if line.outcome == "new" and line.effective_on:
            writer.writerow([line.base, line.quote, line.rate, line.effective_on.isoformat(), line.source])
    return text.getvalue()


def load_rates(
    read: Iterable[ReadRate], *, by: UUID | None, now: datetime, office_id: UUID | None = None
) -> int:
    """Keep the rates that are new, and say how many. What is loaded never changes.

    The managers of ``office_id`` hear of it: whoever loads rates is not alone with them.
    """
    new = [line for line in understood(read) if line.outcome == "new"]
    db.session.add_all(
        ExchangeRate(
            base=line.base,
            quote=line.quote,
            rate=line.rate,
            effective_on=line.effective_on,
            source=line.source,
            loaded_at=now,
            loaded_by_id=by,
        )
        for line in new
    )
    if new and office_id:
        add_entry(
            "rates.loaded", case=None, office_id=office_id, subject=None, by=by, happened_at=now, now=now
        )
    db.session.flush()
    return len(new)


def months_of_rates(before: date | None, most: int = 3) -> tuple[list[tuple[date, list[Any]]], date | None]:
    """The rates of the latest days of entry into force, newest first, and the day from which to go on."""
    days_query = select(ExchangeRate.effective_on).distinct().order_by(ExchangeRate.effective_on.desc())
    if before is not None:
        days_query = days_query.where(ExchangeRate.effective_on < before)
    days = list(db.session.scalars(days_query.limit(most + 1)))
    shown = days[:most]
    rows = db.session.execute(
        select(
            ExchangeRate.base,
            ExchangeRate.quote,
            ExchangeRate.rate,
            ExchangeRate.effective_on,
            ExchangeRate.source,
            ExchangeRate.loaded_at,
            Staff.name.label("by_name"),
        )
        .outerjoin(Staff, Staff.id == ExchangeRate.loaded_by_id)
        .where(ExchangeRate.effective_on.in_(shown))
        .order_by(ExchangeRate.base, ExchangeRate.quote, ExchangeRate.loaded_at.desc())
    ).all()
    return [(day, [row for row in rows if row.effective_on == day]) for day in shown], (
        shown[-1] if len(days) > most else None
    )


def _line(row: Row, table: Table, base: str, effective_on: date | None, source: str) -> ReadRate:
    quote, base = row["currency"].upper()[:12], (row["base"] or base).upper()[:12]
    day = _day(row["from"]) if row["from"] else effective_on
    rate, source = _SPACES.sub("", row["rate"]), (row["source"] or source)[:80]
    doubt = ""
    if quote not in EXPONENT:
        return ReadRate(row.line, base, quote, row["rate"], day, source, "left_out", "not_used")
    if base not in EXPONENT:
        doubt = "base_unknown"
    elif quote == base:
        return ReadRate(row.line, base, quote, row["rate"], day, source, "left_out", "itself")
    elif "," in rate and table.comma_separates:
        doubt = "comma"
    elif not _RATE.fullmatch(rate := rate.replace(",", ".", 1)) or Decimal(rate) <= 0:
        doubt = "not_a_rate"
    elif day is None:
        doubt = "not_a_day"
    elif not source:
        doubt = "no_source"
    if doubt:
        return ReadRate(row.line, base, quote, row["rate"][:30], day, source, "refused", doubt)
    return ReadRate(row.line, base, quote, rate, day, source, "new")


def _compared(line: ReadRate) -> ReadRate:
    """With what is loaded: the same again, another value, or a jump that somebody should look at."""
    loaded = db.session.scalar(
        select(ExchangeRate.rate).where(
            ExchangeRate.base == line.base,
            ExchangeRate.quote == line.quote,
            ExchangeRate.effective_on == line.effective_on,
            ExchangeRate.source == line.source,
        )
    )
    if loaded is not None:
        if Decimal(loaded) == Decimal(line.rate):
            return _with(line, "same")
        return _with(line, "refused", "other_value")
    last = db.session.scalar(
        select(ExchangeRate.rate)
        .where(
            ExchangeRate.base == line.base,
            ExchangeRate.quote == line.quote,
            ExchangeRate.effective_on < line.effective_on,
        )
        .order_by(ExchangeRate.effective_on.desc())
        .limit(1)
    )
    if last is not None and abs(Decimal(line.rate) / Decimal(last) - 1) > MUCH:
        return _with(line, "new", "much", last)
    return line


def _with(line: ReadRate, outcome: str, doubt: str = "", last: str = "") -> ReadRate:
    return ReadRate(
        line.line, line.base, line.quote, line.rate, line.effective_on, line.source, outcome, doubt, last
    )


def _day(words: str) -> date | None:
    for shape in _DAYS:
        if match := shape.fullmatch(words.strip()):
            parts = match.groupdict()
            try:
                return date(int(parts["y"]), int(parts["m"]), int(parts.get("d") or 1))
            except ValueError:
                return None
    return None
