"""What one cell means. Every function takes whatever a cell can hold and never raises.

A result is a value and the doubts about it; nothing is guessed without a doubt that says by which rule.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

import phonenumbers
from dateutil.relativedelta import relativedelta
from openpyxl.utils.datetime import WINDOWS_EPOCH, from_excel

from webapp.formats import plain
from webapp.money import Money, NotAnAmount

from . import vocabulary
from .doubts import Doubt
from .vocabulary import Field, NeedCode, Sector, Situation, folded


@dataclass(frozen=True)
class Formula:
    """A cell that holds a formula. It is never evaluated."""

    text: str


@dataclass(frozen=True)
class Broken:
    """A cell whose value the spreadsheet itself marks as an error (``#REF!``)."""

    text: str


Value = str | int | float | bool | date | datetime | time | timedelta | Formula | Broken | None
Understood = TypeVar("Understood")


@dataclass
class Meaning(Generic[Understood]):
    """What a cell was understood to say, and what was doubted."""

    value: Understood
    doubts: list[Doubt] = field(default_factory=list)


# --- Text ---------------------------------------------------------------------------------------------

_SHOWN = 80
"""Characters of a cell that a doubt repeats."""
_JOINERS = "\u200c\u200d"
_MARKUP = re.compile(r"<\s*/?\s*[a-zA-Z!][^<>]*>")
_FORMULA_AS_TEXT = re.compile(r"\s*[=@]\s*[A-Za-z.]{2,30}\s*\(")
_LARGEST_NUMBER = 10**30


def text_of(value: Value) -> str:
    """The cell as one line of clean text: composed letters, no control or direction marks, single spaces."""
    if value is None or isinstance(value, Formula | Broken):
        return ""
    if isinstance(value, bool):
        return "vrai" if value else "faux"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, int | float):
        return _number_text(value)
    text = unicodedata.normalize("NFC", str(value))
    if not text.isprintable():
        text = "".join(letter for letter in text if not _unseen(letter))
    return " ".join(text.split())


def _parts_text(value: Value) -> str:
    """The cell as one line in which a line break separates, as a stroke does."""
    return text_of(re.sub(r"[\r\n]+", " / ", value) if isinstance(value, str) else value)


def is_blank(value: Value) -> bool:
    """True where the cell holds nothing, or only dashes and dots."""
    if value is None or isinstance(value, Formula | Broken):
        return value is None
    if isinstance(value, str) and any(letter.isalnum() for letter in value):
        return False
    return not plain(text_of(value))


def says_nothing(value: Value) -> bool:
    """True for a blank cell and for the words people write instead of leaving it blank (``n/a``, ``néant``)."""
    if is_blank(value):
        return True
    return isinstance(value, str) and len(value) < 40 and folded(text_of(value)) in vocabulary.NOTHING


def read_text(value: Value, name: Field, longest: int) -> Meaning[str | None]:
    """Plain text, kept as written; formulas are not taken over and markup stays inert."""
    if doubt := _not_a_value(value, name):
        return Meaning(None, [doubt])
    text = text_of(value)
    if not plain(text):
        return Meaning(None)
    meaning: Meaning[str | None] = Meaning(text)
    if _MARKUP.search(text):
        meaning.doubts.append(Doubt(name, "markup_as_text", shown(text)))
    if len(text) > longest:
        meaning.value = text[:longest].rstrip()
        meaning.doubts.append(Doubt(name, "text_cut", shown(text)))
    return meaning


def shown(value: Value | str) -> str:
    """The cell's text, short enough to repeat in a sentence."""
    text = value.text if isinstance(value, Formula | Broken) else value
    clean = text_of(text)
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 1] + "…"


def _number_text(value: int | float) -> str:
    if not -_LARGEST_NUMBER < value < _LARGEST_NUMBER:  # also catches infinities and what is not a number
        return "#NUM!"
    return str(int(value)) if value == int(value) else str(Decimal(repr(value)))


def _unseen(letter: str) -> bool:
    """Control, direction and unassigned characters, which hide in cells and break files and pages."""
    if letter in "\t\n\r\v\f":
        return False
    category = unicodedata.category(letter)
    return category in {"Cc", "Cs", "Cn", "Co"} or (category == "Cf" and letter not in _JOINERS)


def _not_a_value(value: Value, name: Field) -> Doubt | None:
    if isinstance(value, Formula) or (isinstance(value, str) and _FORMULA_AS_TEXT.match(value)):
        return Doubt(name, "formula_not_taken", shown(value))
    if isinstance(value, Broken):
        return Doubt(name, "cell_error", shown(value))
    return None


# --- Case number, names, sex, country ------------------------------------------------------------------

_USABLE_NUMBER = re.compile(r"[\w./\- ]{1,40}")


def read_number(value: Value) -> Meaning[str | None]:
    """The sending mission's case number. Without one somebody must look."""
    doubts = [doubt] if (doubt := _not_a_value(value, Field.EXTERNAL_REF)) else []
    if doubts or says_nothing(value):
        return Meaning(None, [*doubts, Doubt(Field.EXTERNAL_REF, "number_missing")])
    text = text_of(value)
    if not _USABLE_NUMBER.fullmatch(text):
        return Meaning(None, [Doubt(Field.EXTERNAL_REF, "number_unusable", shown(text))])
    return Meaning(text)


def read_name(value: Value, name: Field, longest: int) -> Meaning[str]:
    """A family name or given names, as written; the empty string where there is none."""
    read = read_text(value, name, longest)
    if read.value and any(unicodedata.category(letter)[0] in "NS" for letter in read.value):
        read.doubts.append(Doubt(name, "name_unusual", shown(read.value)))
    return Meaning(read.value or "", read.doubts)


def read_full_name(value: Value) -> Meaning[tuple[str, str]]:
    """Family name and given names from one cell: ``DIALLO Aminata`` or ``Diallo, Aminata``; anything else is not split."""
    read = read_name(value, Field.FULL_NAME, 250)
    family, comma, given = (part.strip() for part in read.value.partition(","))
    if comma and family and given:
        return Meaning((family[:120], given[:160]), read.doubts)
    words = read.value.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    others = [word for word in words if word not in capitals]
    if capitals and others:
        return Meaning((" ".join(capitals)[:120], " ".join(others)[:160]), read.doubts)
    doubts = (
        [*read.doubts, Doubt(Field.FULL_NAME, "name_not_split", shown(read.value))]
        if read.value
        else read.doubts
    )
    return Meaning((read.value[:120], ""), doubts)


def read_sex(value: Value) -> Meaning[str | None]:
    """``f``, ``m``, ``x`` or None."""
    if doubt := _not_a_value(value, Field.SEX):
        return Meaning(None, [doubt])
    if says_nothing(value):
        return Meaning(None, [Doubt(Field.SEX, "sex_missing")])
    found = vocabulary.SEXES.get(folded(text_of(value)))
    return Meaning(found, [] if found else [Doubt(Field.SEX, "sex_unknown", shown(value))])


def read_nationality(value: Value) -> Meaning[str | None]:
    """The ISO 3166 alpha-2 code of a country, its code or its people's name."""
    doubts = [doubt] if (doubt := _not_a_value(value, Field.NATIONALITY)) else []
    if doubts or says_nothing(value):
        return Meaning(None, [*doubts, Doubt(Field.NATIONALITY, "nationality_missing")])
    found = vocabulary.countries().get(folded(text_of(value)))
    return Meaning(found, [] if found else [Doubt(Field.NATIONALITY, "nationality_unknown", shown(value))])


# --- Dates ----------------------------------------------------------------------------------------------

_AROUND = frozenset(
    {
        "vers",
        "env",
        "environ",
        "circa",
        "ca",
        "approx",
        "approximatif",
        "about",
        "around",
        "en",
        "ne",
        "nee",
        "born",
        "in",
        "annee",
    }
)
_OLDEST = 110
_UNLIKELY_AGE = 85
_FIRST_YEAR = 2000
_LAST_SERIAL = 2_958_465


@dataclass(frozen=True)
class Day:
    """A date read from a cell. ``approximate``: only the year (then 1 January) or month is known."""

    day: date | None = None
    approximate: bool = False


def read_birth_date(value: Value, *, as_of: date, epoch: datetime = WINDOWS_EPOCH) -> Meaning[Day]:
    """A birth date: in the past, and a two-digit year is the latest one that is in the past."""
    read = _read_day(value, Field.BIRTH_DATE, as_of=as_of, epoch=epoch)
    day = read.value.day
    if day is None:
        if all(doubt.code not in {"date_unread", "date_impossible"} for doubt in read.doubts):
            read.doubts.append(Doubt(Field.BIRTH_DATE, "birth_missing"))
        return read
    if day > as_of or as_of.year - day.year > _OLDEST:
        return Meaning(Day(), [Doubt(Field.BIRTH_DATE, "date_impossible", shown(value))])
    if read.value.approximate:
        read.doubts.append(Doubt(Field.BIRTH_DATE, "birth_approximate", shown(value)))
    if relativedelta(as_of, day).years > _UNLIKELY_AGE:
        read.doubts.append(Doubt(Field.BIRTH_DATE, "age_unlikely", shown(value), str(day.year)))
    return read


def read_day(
    value: Value, name: Field, *, as_of: date, epoch: datetime = WINDOWS_EPOCH
) -> Meaning[date | None]:
    """The date of something in the return procedure: in this century, at most three years ahead."""
    read = _read_day(value, name, as_of=as_of, epoch=epoch)
    day = read.value.day
    if day is not None and not _FIRST_YEAR <= day.year <= as_of.year + 3:
        return Meaning(None, [Doubt(name, "date_impossible", shown(value))])
    return Meaning(day, read.doubts)


def date_in(words: str) -> date | None:
    """The date of a title: ``Situation au 31/10/2026``; of several, the one after "au", else the latest."""
    found: list[tuple[bool, date]] = []
    tokens = folded(words).split()
    for start in range(len(tokens) - 2):
        after = start > 0 and tokens[start - 1] in {"au", "as", "at", "of", "le"}
        if len(max(tokens[start : start + 3], key=len)) >= 3 and (
            day := _day_from_words(tokens[start : start + 3])[0]
        ):
            found.append((after, day))
    return max(found)[1] if found else None


def _read_day(value: Value, name: Field, *, as_of: date, epoch: datetime) -> Meaning[Day]:
    if doubt := _not_a_value(value, name):
        return Meaning(Day(), [doubt])
    if isinstance(value, datetime | date):
        return Meaning(Day(value.date() if isinstance(value, datetime) else value))
    if says_nothing(value) or (isinstance(value, str) and folded(value) in vocabulary.NOT_SETTLED):
        return Meaning(Day())
    tokens = _date_words(value)
    if name == Field.BIRTH_DATE and (known := _year_or_month(tokens, as_of)):
        return Meaning(Day(known, approximate=True))
    if len(tokens) == 1 and _is_number(tokens[0]):
        return _day_from_number(int(tokens[0][:12]), name, value, epoch)
    day, month_first = _day_from_words(tokens, born_by=as_of if name == Field.BIRTH_DATE else None)
    if day is None:
        return Meaning(Day(), [Doubt(name, "date_unread", shown(value))])
    doubts = []
    if month_first:
        doubts.append(Doubt(name, "date_month_first", shown(value), day.isoformat()))
    if not any(_is_number(token, 4) for token in tokens):
        doubts.append(Doubt(name, "two_digit_year", shown(value), str(day.year)))
    return Meaning(Day(day), doubts)


def _date_words(value: Value) -> list[str]:
    text = text_of(value)
    # A time of day after an ISO date says nothing more about the day.
    text = re.sub(r"(\d{4}-\d{2}-\d{2})[T ]\d{1,2}:.*", r"\1", text)
    return folded(text).replace("1er ", "1 ").split()[:8]


def _day_from_number(number: int, name: Field, value: Value, epoch: datetime) -> Meaning[Day]:
    """A spreadsheet's day number (46022), or digits without separators (20260826)."""
    unread = Meaning(Day(), [Doubt(name, "date_unread", shown(value))])
    try:
        if 19000101 <= number <= 21001231:
            return Meaning(Day(date(number // 10000, number // 100 % 100, number % 100)))
        if not 366 < number <= _LAST_SERIAL or 1900 <= number <= 2100:
            return unread
        read = from_excel(number, epoch)
    except (ValueError, OverflowError):
        return unread
    day = read.date() if isinstance(read, datetime) else read
    if not isinstance(day, date):
        return unread
    return Meaning(Day(day), [Doubt(name, "date_from_number", shown(value), day.isoformat())])


def _year_or_month(tokens: list[str], as_of: date) -> date | None:
    """``vers 1998``, ``1998``, ``03/1998``: the first day that fits."""
    rest = [token for token in tokens if token not in _AROUND]
    numbers = [int(token) for token in rest if _is_number(token, 1, 2, 4)]
    if len(numbers) != len(rest) or not numbers or not as_of.year - _OLDEST <= numbers[-1] <= as_of.year:
        return None
    if len(numbers) == 1:
        return date(numbers[0], 1, 1)
    if len(numbers) == 2 and 1 <= numbers[0] <= 12:
        return date(numbers[1], numbers[0], 1)
    return None


def _day_from_words(tokens: list[str], *, born_by: date | None = None) -> tuple[date | None, bool]:
    """Day, month and year of three words, and whether they stood month first. The French order is the rule."""
    if len(tokens) != 3:
        return None, False
    first, second, third = tokens
    month_first = False
    if _is_number(first, 4):
        first, third = third, first
    if _is_number(first, 1, 2) and _is_number(second, 2) and int(second) > 12 >= int(first):
        first, second, month_first = second, first, True
    elif first in vocabulary.months():  # "Feb 10, 2003": the month is a word, nothing is doubtful
        first, second = second, first
    month = int(second) if _is_number(second, 1, 2) else vocabulary.months().get(second, 0)
    if not _is_number(first, 1, 2) or not _is_number(third, 2, 4):
        return None, False
    try:
        return _in_its_century(int(first), month, third, born_by), month_first
    except ValueError:
        return None, False


def _is_number(token: str, *lengths: int) -> bool:
    """ASCII digits of one of these lengths; any length where none is given."""
    return token.isascii() and token.isdigit() and (not lengths or len(token) in lengths)


def _in_its_century(day: int, month: int, year: str, born_by: date | None) -> date:
    if len(year) == 4:
        return date(int(year), month, day)
    this_century = date(2000 + int(year), month, day)
    if born_by is not None and this_century > born_by:
        return date(1900 + int(year), month, day)
    return this_century


# --- Phones ---------------------------------------------------------------------------------------------

_BETWEEN_NUMBERS = re.compile(r"\s*(?:[/;,|&\n]|\bou\b|\bet\b|\bor\b|\s(?=\+))\s*", re.IGNORECASE)
_DIGIT_RUN = re.compile(r"\(?\+?\d[\d\s().\-/‑–]*\d")
_MOST_NUMBERS = 6


@dataclass(frozen=True)
class Phone:
    """One number. ``kind`` is ``own`` or ``contact``; ``relation`` the word that says whose it is."""

    raw: str
    e164: str | None = None
    kind: str = "own"
    relation: str | None = None
    doubt: str | None = None

    @property
    def key(self) -> str:
        """What makes two spellings the same number: its last seven digits, or all where there are fewer."""
        return re.sub(r"\D", "", self.e164 or self.raw)[-7:]


def read_phones(value: Value, nationality: str | None) -> Meaning[list[Phone]]:
    """The person's own numbers (a number that names a relative is the relative's)."""
    if doubt := _not_a_value(value, Field.PHONES):
        return Meaning([], [doubt])
    text = ascii_digits(_parts_text(value))
    if folded(text) in vocabulary.UNREACHABLE:
        return Meaning([], [Doubt(Field.PHONES, "phone_unreachable", shown(text))])
    if says_nothing(value):
        return Meaning([])
    meaning: Meaning[list[Phone]] = Meaning([])
    for part in _numbers_of(text):
        relation = _relation_in(part)
        phone, doubts = _read_phone(
            part, nationality, "contact" if relation else "own", relation, Field.PHONES
        )
        meaning.value.append(phone)
        meaning.doubts += doubts
    return meaning


def read_contact_person(value: Value, nationality: str | None) -> Meaning[tuple[str | None, list[Phone]]]:
    """Who to call instead (``oncle``, ``mère``, a name) and their numbers."""
    if doubt := _not_a_value(value, Field.CONTACT_PERSON):
        return Meaning((None, []), [doubt])
    if says_nothing(value):
        return Meaning((None, []))
    text = ascii_digits(_parts_text(value))
    relation = _relation_in(text)
    meaning: Meaning[tuple[str | None, list[Phone]]] = Meaning((None, []))
    for run in _DIGIT_RUN.findall(text)[:_MOST_NUMBERS]:
        for part in _numbers_of(run):
            phone, doubts = _read_phone(part, nationality, "contact", relation, Field.CONTACT_PERSON)
            meaning.value[1].append(phone)
            meaning.doubts += doubts
    words = " ".join(_DIGIT_RUN.sub(" ", text).split()).strip(" ,;:/-–—|()")
    who = read_text(words, Field.CONTACT_PERSON, 120)
    return Meaning((who.value, meaning.value[1]), meaning.doubts + who.doubts)


def ascii_digits(text: str) -> str:
    """Arabic and other decimal digits as 0 to 9."""
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)


def _numbers_of(text: str) -> list[str]:
    """The numbers of a cell, each as written. A stroke inside one number does not cut it."""
    parts = [part for part in _BETWEEN_NUMBERS.split(text) if part and part.strip()]
    lengths = [len(re.sub(r"\D", "", part)) for part in parts]
    if len(parts) > 1 and max(lengths) < 5 and 6 <= sum(lengths) <= 15:
        return [text]
    return parts[:_MOST_NUMBERS]


def _relation_in(text: str) -> str | None:
    """The first word that names a relative or friend, as it was written."""
    for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text):
        if folded(word) in vocabulary.RELATIONS:
            return str(word)[:40]
    return None


def _read_phone(
    part: str, nationality: str | None, kind: str, relation: str | None, name: Field
) -> tuple[Phone, list[Doubt]]:
    raw = shown(part)
    digits = re.sub(r"\D", "", part)
    if not 6 <= len(digits) <= 18:
        return Phone(raw, None, kind, relation, "phone_unread"), [Doubt(name, "phone_unread", raw)]
    international = "+" in part or digits.startswith("00")
    number = "+" + (digits[2:] if digits.startswith("00") else digits) if international else digits
    if not international and nationality is None:
        return Phone(raw, None, kind, relation, "phone_no_country"), [Doubt(name, "phone_no_country", raw)]
    try:
        parsed = phonenumbers.parse(number, None if international else nationality)
    except phonenumbers.NumberParseException:
        return Phone(raw, None, kind, relation, "phone_unread"), [Doubt(name, "phone_unread", raw)]
    country = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if not phonenumbers.is_valid_number(parsed):
        return Phone(raw, None, kind, relation, "phone_not_valid"), [
            Doubt(name, "phone_not_valid", raw, country)
        ]
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if international:
        return Phone(raw, e164, kind, relation), []
    return Phone(raw, e164, kind, relation, "phone_country_assumed"), [
        Doubt(name, "phone_country_assumed", raw, country)
    ]


# --- Closed words ---------------------------------------------------------------------------------------

_GENDERED = re.compile(r"\((?:e|s|es|ne|ée)\)", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"\s*(?:[,;/+\n|]|\bet\b|\band\b|&)\s*")
_FLIGHT = re.compile(r"([A-Z]{2,3}|[A-Z]\d|\d[A-Z])[\s-]*(\d{1,4}[A-Z]?)")


def read_situation(value: Value) -> Meaning[Situation | None]:
    """Where the return procedure stands; only words of the vocabulary count."""
    doubts = [doubt] if (doubt := _not_a_value(value, Field.SITUATION)) else []
    if doubts or says_nothing(value):
        return Meaning(None, [*doubts, Doubt(Field.SITUATION, "situation_missing")])
    found = vocabulary.SITUATIONS.get(folded(_GENDERED.sub("", text_of(value))))
    return Meaning(found, [] if found else [Doubt(Field.SITUATION, "situation_unknown", shown(value))])


def read_languages(value: Value, nationality: str | None) -> Meaning[list[str]]:
    """ISO 639 codes in the order written; an unknown language stays as written."""
    if doubt := _not_a_value(value, Field.LANGUAGES):
        return Meaning([], [doubt])
    meaning: Meaning[list[str]] = Meaning([])
    for word in [] if says_nothing(value) else _BETWEEN_WORDS.split(_parts_text(value))[:8]:
        if is_blank(word):
            continue
        code = vocabulary.LANGUAGES.get(folded(word))
        if code == "pcm" and nationality == "CM":
            code = "wes"
        if code is None:
            meaning.doubts.append(Doubt(Field.LANGUAGES, "language_unknown", shown(word)))
        if (code or shown(word)) not in meaning.value:
            meaning.value.append(code or shown(word))
    return meaning


def read_flight(value: Value) -> Meaning[str | None]:
    """A flight as ``AT 531``, however it was spaced; other words stay as written."""
    read = read_text(value, Field.FLIGHT, 40)
    if read.value and (flight := _FLIGHT.fullmatch(read.value.upper())):
        read.value = f"{flight[1]} {flight[2]}"
    return read


def sector_of(activity: str | None) -> Sector | None:
    """The trade of a project idea, where one of its words or phrases is known."""
    words = f" {folded(activity)} " if activity else ""
    known = [(len(phrase), sector) for phrase, sector in vocabulary.SECTORS.items() if f" {phrase} " in words]
    return max(known)[1] if known else None


# --- Money ----------------------------------------------------------------------------------------------

_SMALLEST_CEILING = 10_00
_LARGEST_CEILING = 100_000_00
_GROUP_OR_DECIMALS = re.compile(r"\d{1,3}[.,]\d{3}")
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d{1,2})?")


def read_ceiling(value: Value, *, heading_currency: str | None) -> Meaning[Money | None]:
    """An amount in euros, exact to the cent. ``1.700`` could be two things, so it is not taken."""
    name = Field.CEILING
    doubts = [doubt] if (doubt := _not_a_value(value, name)) else []
    words = text_of(value)
    if doubts or says_nothing(value) or folded(words) in vocabulary.NOT_SETTLED:
        return Meaning(None, [*doubts, Doubt(name, "ceiling_missing", shown(value) if not doubts else "")])
    currency = vocabulary.currency_in(words) or heading_currency
    if currency not in {None, "EUR"}:
        return Meaning(None, [Doubt(name, "ceiling_other_currency", shown(value), str(currency))])
    amount = _amount(words)
    if isinstance(amount, str):
        return Meaning(None, [Doubt(name, amount, shown(value))])
    if currency is None:
        doubts.append(Doubt(name, "currency_assumed", shown(value)))
    if not _SMALLEST_CEILING <= amount.minor <= _LARGEST_CEILING:
        doubts.append(Doubt(name, "ceiling_unlikely", shown(value)))
    return Meaning(amount, doubts)


def _amount(words: str) -> Money | str:
    """The amount, or the code of the doubt. Numbers of cells come as their shortest decimal text, never as floats."""
    digits = re.sub(r"(?i)eur(?:os?)?|€", "", ascii_digits(words))
    digits = re.sub(r"[\s'’]", "", digits)
    if _GROUP_OR_DECIMALS.fullmatch(digits):
        return "ceiling_ambiguous"
    if grouped := _GROUPED.fullmatch(digits):
        digits = digits.replace(grouped[1], "")
    try:
        return Money.parse(digits, "EUR")
    except NotAnAmount:
        return "ceiling_unread"


# --- Household ------------------------------------------------------------------------------------------

_MOST_PEOPLE = 30
_ALONE = frozenset(
    folded(word)
    for word in "seul|seule|personne seule|célibataire|isolé|isolée|individuel|alone|single|single person|1 personne".split(
        "|"
    )
)
_PEOPLE = r"(?: personnes?| pers| membres?| people| persons?| members?)?"
_CHILDREN = r"(?: enfants?| children| child| kids?)?"
_SIZE = re.compile(rf"(?:(?:famille|menage|family|household)(?: de| of)? )?(\d{{1,3}}){_PEOPLE}")
_ADULTS_AND_CHILDREN = re.compile(
    rf"(?:(\d{{1,3}})(?: adultes?| adults?)?|(couple|2 parents)|(?:mere|pere|femme|homme|parent|mother|father)(?: seule?)?)"
    rf"(?: plus| et| and| avec| with) (\d{{1,3}}){_CHILDREN}"
)


@dataclass(frozen=True)
class HouseholdSize:
    """Who travels together: what is not said stays None. ``written`` is the cell."""

    adults: int | None = None
    children: int | None = None
    size: int | None = None
    written: str | None = None


def read_household(value: Value) -> Meaning[HouseholdSize]:
    """``seul``, ``4``, ``famille de 4``, ``1 + 3 enfant(s)``, ``couple + 2 enfants``."""
    if doubt := _not_a_value(value, Field.HOUSEHOLD):
        return Meaning(HouseholdSize(), [doubt])
    if says_nothing(value):
        return Meaning(HouseholdSize())
    written = shown(value)
    words = folded(_GENDERED.sub("", text_of(value)).replace("+", " plus ").replace(",", " plus "))
    adults, children, size = _people(words)
    if size is None or not 1 <= size <= _MOST_PEOPLE:
        return Meaning(HouseholdSize(written=written), [Doubt(Field.HOUSEHOLD, "household_unread", written)])
    return Meaning(HouseholdSize(adults, children, size, written))


def _people(words: str) -> tuple[int | None, int | None, int | None]:
    if words in _ALONE:
        return 1, 0, 1
    if words == "couple":
        return 2, 0, 2
    if found := _SIZE.fullmatch(words):
        size = int(found[1])
        return (1, 0, 1) if size == 1 else (None, None, size)
    if found := _ADULTS_AND_CHILDREN.fullmatch(words):
        adults = int(found[1]) if found[1] else 2 if found[2] else 1
        return adults, int(found[3]), adults + int(found[3])
    return None, None, None


# --- Needs and remarks ------------------------------------------------------------------------------------

_COUNTED_CHILDREN = re.compile(r"(\d{1,2}) enfants?|(\d{1,2}) child(?:ren)?")


@dataclass(frozen=True)
class Need:
    """A service somebody needs. ``restricted`` needs appear in no list; ``count`` is a number of children, if said."""

    code: NeedCode
    restricted: bool = False
    count: int | None = None


def read_needs(value: Value) -> Meaning[list[Need]]:
    """Codes only: the words of the cell, which may name an illness or a crime, are not carried."""
    if _not_a_value(value, Field.NEEDS):
        return Meaning(
            [], [Doubt(Field.NEEDS, "formula_not_taken" if not isinstance(value, Broken) else "cell_error")]
        )
    if says_nothing(value):
        return Meaning([])
    codes: dict[NeedCode, int | None] = {}
    doubts: list[Doubt] = []
    for part in _BETWEEN_WORDS.split(_parts_text(value)):
        words = folded(part)
        if not words or words in vocabulary.NOTHING:
            continue
        found = _needs_in(words)
        if _names_an_illness(words):
            doubts.append(Doubt(Field.NEEDS, "diagnosis_not_taken"))
            found = found or [NeedCode.MEDICAL_FOLLOW_UP]
        if not found:
            doubts.append(Doubt(Field.NEEDS, "need_unknown"))
        counted = _COUNTED_CHILDREN.search(words)
        for code in found or [NeedCode.OTHER]:
            count = (
                int(counted[1] or counted[2])
                if counted and code in {NeedCode.SCHOOLING, NeedCode.SINGLE_PARENT}
                else None
            )
            codes.setdefault(code, count)
    needs = [Need(code, code in vocabulary.RESTRICTED, count) for code, count in codes.items()]
    return Meaning(needs, list(dict.fromkeys(doubts)))


def says_mother(value: Value) -> bool:
    """True where the needs cell speaks of a mother alone."""
    return bool({"mere", "mother"} & set(folded(text_of(value)).split()))


def read_remarks(value: Value) -> Meaning[tuple[str | None, list[Need]]]:
    """Remarks as inert text, and the needs hidden in them. Words of illness or of crime keep the whole remark back."""
    read = read_text(value, Field.REMARKS, 2000)
    if not read.value:
        return Meaning((None, []), read.doubts)
    words = folded(text_of(value))
    restricted = [
        code
        for code in sorted(vocabulary.RESTRICTED)
        if _has_sign(words, code, vocabulary.TOO_COMMON_FOR_REMARKS)
    ]
    found = restricted + ([NeedCode.MEDICAL_FOLLOW_UP] if _names_an_illness(words) else [])
    if not found:
        return Meaning((read.value, []), read.doubts)
    return Meaning(
        (None, [Need(code, code in vocabulary.RESTRICTED) for code in found]),
        [Doubt(Field.REMARKS, "remark_withheld")],
    )


def _needs_in(words: str) -> list[NeedCode]:
    """Every need the words are a sign of; "mineur non accompagné" and "mère seule" are not also something wider."""
    found = [code for code in vocabulary.NEED_SIGNS if _has_sign(words, code)]
    if NeedCode.PSYCHOSOCIAL_SUPPORT in found and NeedCode.MEDICAL_FOLLOW_UP in found:
        found.remove(NeedCode.MEDICAL_FOLLOW_UP)
    return found


def _has_sign(words: str, code: NeedCode, without: Iterable[str] = ()) -> bool:
    return any(f" {sign} " in f" {words} " for sign in vocabulary.NEED_SIGNS[code] if sign not in without)


def _names_an_illness(words: str) -> bool:
    return any(
        word == illness or (len(illness) >= 5 and word.startswith(illness))
        for word in words.split()
        for illness in vocabulary.DIAGNOSES
    )
