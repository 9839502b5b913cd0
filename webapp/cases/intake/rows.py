"""A row of a referral list: what was understood of one person, what was doubted, and which rows are one person."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import Any

from dateutil.relativedelta import relativedelta
from openpyxl.utils.datetime import WINDOWS_EPOCH

from webapp.formats import plain
from webapp.money import Money

from . import words
from .doubts import Doubt, Weight
from .vocabulary import Field, NeedCode, Sector, Situation
from .words import HouseholdSize, Need, Phone, Value


class Outcome(StrEnum):
    """What can be made of a row, looking at its file alone."""

    OK = "ok"
    SAME = "same"
    LOOK = "look"
    REFUSED = "refused"


@dataclass(frozen=True)
class Difference:
    """One field in which two rows differ, as text to show. Restricted needs never appear in it."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Repeat:
    """An earlier row of the same file that is, or may be, the same person."""

    line: int
    same: bool
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class ReadRow:
    """One row as it was understood. A field that was not understood is None and has a doubt."""

    line: int
    """The row number of the sheet, as people see it in their spreadsheet."""
    external_ref: str | None = None
    family_name: str = ""
    given_names: str = ""
    sex: str | None = None
    birth_date: date | None = None
    birth_approximate: bool = False
    nationality: str | None = None
    phones: tuple[Phone, ...] = ()
    languages: tuple[str, ...] = ()
    situation: Situation | None = None
    interviewed_on: date | None = None
    departure_on: date | None = None
    flight: str | None = None
    arrival_airport: str | None = None
    region: str | None = None
    place: str | None = None
    contact_person: str | None = None
    activity: str | None = None
    sector: Sector | None = None
    donor: str | None = None
    ceiling: Money | None = None
    household: HouseholdSize = field(default_factory=HouseholdSize)
    needs: tuple[Need, ...] = ()
    remarks: str | None = None
    doubts: tuple[Doubt, ...] = ()
    repeats: Repeat | None = None

    @property
    def outcome(self) -> Outcome:
        if self.refusals:
            return Outcome.REFUSED
        if self.repeats and self.repeats.same:
            return Outcome.SAME
        return Outcome.LOOK if self.reasons else Outcome.OK

    @property
    def reasons(self) -> tuple[Doubt, ...]:
        """Why somebody must look."""
        return tuple(doubt for doubt in self.doubts if doubt.weight == Weight.LOOK)

    @property
    def refusals(self) -> tuple[Doubt, ...]:
        """Why the row cannot be taken in."""
        return tuple(doubt for doubt in self.doubts if doubt.weight == Weight.REFUSAL)

    @property
    def notes(self) -> tuple[Doubt, ...]:
        """What the reader should know but need not decide."""
        return tuple(doubt for doubt in self.doubts if doubt.weight == Weight.NOTE)

    @property
    def name(self) -> str:
        return f"{self.given_names} {self.family_name}".strip()

    def kept(self) -> dict[str, Any]:
        """The row as plain JSON, to be stored between preview and confirmation."""
        kept: dict[str, Any] = json.loads(json.dumps(asdict(self), default=date.isoformat))
        return kept

    @classmethod
    def from_kept(cls, kept: Mapping[str, Any]) -> "ReadRow":
        """The row that ``kept`` was made of."""
        return cls(
            **{
                **kept,
                "birth_date": _date(kept["birth_date"]),
                "interviewed_on": _date(kept["interviewed_on"]),
                "departure_on": _date(kept["departure_on"]),
                "phones": tuple(Phone(**phone) for phone in kept["phones"]),
                "languages": tuple(kept["languages"]),
                "situation": kept["situation"] and Situation(kept["situation"]),
                "sector": kept["sector"] and Sector(kept["sector"]),
                "ceiling": kept["ceiling"] and Money(**kept["ceiling"]),
                "household": HouseholdSize(**kept["household"]),
                "needs": tuple(Need(**{**need, "code": NeedCode(need["code"])}) for need in kept["needs"]),
                "doubts": tuple(Doubt(**doubt) for doubt in kept["doubts"]),
                "repeats": kept["repeats"]
                and Repeat(
                    kept["repeats"]["line"],
                    kept["repeats"]["same"],
                    tuple(Difference(**difference) for difference in kept["repeats"]["differences"]),
                ),
            }
        )


def read_row(
    line: int,
    cells: Mapping[Field, Sequence[Value]],
    *,
    as_of: date,
    heading_currency: str | None = None,
    epoch: datetime = WINDOWS_EPOCH,
) -> ReadRow:
    """Understand one row. ``cells`` gives each field its cells: several where two columns say the same thing.

    ``as_of`` is the day the list was true: birth dates lie before it, and who has departed did so by then.
    """
    return _Reader(line, cells, as_of, heading_currency, epoch).row()


class _Reader:
    """Reads the cells of one row and collects the doubts on the way."""

    def __init__(
        self,
        line: int,
        cells: Mapping[Field, Sequence[Value]],
        as_of: date,
        heading_currency: str | None,
        epoch: datetime,
    ) -> None:
        self.line = line
        self.cells = cells
        self.as_of = as_of
        self.heading_currency = heading_currency
        self.epoch = epoch
        self.doubts: list[Doubt] = []

    def row(self) -> ReadRow:
        number = self.take(words.read_number(self.first(Field.EXTERNAL_REF)))
        family_name, given_names = self.names()
        nationality = self.take(words.read_nationality(self.first(Field.NATIONALITY)))
        birth = self.take(
            words.read_birth_date(self.first(Field.BIRTH_DATE), as_of=self.as_of, epoch=self.epoch)
        )
        contact_person, phones = self.reach(nationality)
        needs, remarks = self.needs_and_remarks()
        languages = self.take(words.read_languages(self.first(Field.LANGUAGES), nationality))
        activity = self.text(Field.ACTIVITY, 80)
        row = ReadRow(
            line=self.line,
            external_ref=number,
            family_name=family_name,
            given_names=given_names,
            sex=self.take(words.read_sex(self.first(Field.SEX))),
            birth_date=birth.day,
            birth_approximate=birth.approximate,
            nationality=nationality,
            phones=phones,
            languages=tuple(languages),
            situation=self.take(words.read_situation(self.first(Field.SITUATION))),
            interviewed_on=self.day(Field.INTERVIEWED_ON),
            departure_on=self.day(Field.DEPARTURE_ON),
            flight=self.take(words.read_flight(self.first(Field.FLIGHT))),
            arrival_airport=self.text(Field.ARRIVAL_AIRPORT, 80),
            region=self.text(Field.REGION, 80),
            place=self.text(Field.PLACE, 80),
            contact_person=contact_person,
            activity=activity,
            sector=words.sector_of(activity),
            donor=self.text(Field.DONOR, 80),
            ceiling=self.take(
                words.read_ceiling(self.first(Field.CEILING), heading_currency=self.heading_currency)
            ),
            household=self.take(words.read_household(self.first(Field.HOUSEHOLD))),
            needs=needs,
            remarks=remarks,
        )
        self.doubts += _contradictions(row, self.as_of)
        if row.sex == "m" and any(words.says_mother(cell) for cell in self.all(Field.NEEDS)):
            self.doubts.append(Doubt(Field.NEEDS, "single_mother_and_man"))
        return replace(row, doubts=tuple(dict.fromkeys(self.doubts)))

    def take(self, meaning: words.Meaning[words.Understood]) -> words.Understood:
        self.doubts += meaning.doubts
        return meaning.value

    def all(self, field: Field) -> Sequence[Value]:
        return self.cells.get(field, ())

    def first(self, field: Field) -> Value:
        return next((cell for cell in self.all(field) if not words.is_blank(cell)), None)

    def text(self, field: Field, longest: int) -> str | None:
        cell = self.first(field)
        return None if words.says_nothing(cell) else self.take(words.read_text(cell, field, longest))

    def day(self, field: Field) -> date | None:
        return self.take(words.read_day(self.first(field), field, as_of=self.as_of, epoch=self.epoch))

    def names(self) -> tuple[str, str]:
        family_name = self.take(words.read_name(self.first(Field.FAMILY_NAME), Field.FAMILY_NAME, 120))
        given_names = self.take(words.read_name(self.first(Field.GIVEN_NAMES), Field.GIVEN_NAMES, 160))
        if not family_name and not given_names:
            family_name, given_names = self.take(words.read_full_name(self.first(Field.FULL_NAME)))
        if not family_name and not given_names:
            self.doubts.append(Doubt(Field.FAMILY_NAME, "no_name"))
        elif not (family_name and given_names) and all(
            doubt.code != "name_not_split" for doubt in self.doubts
        ):
            self.doubts.append(
                Doubt(Field.GIVEN_NAMES if family_name else Field.FAMILY_NAME, "name_incomplete")
            )
        return family_name, given_names

    def reach(self, nationality: str | None) -> tuple[str | None, tuple[Phone, ...]]:
        phones: list[Phone] = []
        for cell in self.all(Field.PHONES):
            own_numbers = self.take(words.read_phones(cell, nationality))
            phones += own_numbers
        own = {phone.key for phone in phones}
        contact_person = None
        for cell in self.all(Field.CONTACT_PERSON):
            who, numbers = self.take(words.read_contact_person(cell, nationality))
            contact_person = contact_person or who
            phones += numbers
            if any(number.key in own for number in numbers):
                self.doubts.append(Doubt(Field.CONTACT_PERSON, "phone_same_as_own"))
        return contact_person, tuple(dict.fromkeys(phones))

    def needs_and_remarks(self) -> tuple[tuple[Need, ...], str | None]:
        needs: list[Need] = []
        remarks: list[str] = []
        for cell in self.all(Field.NEEDS):
            said = self.take(words.read_needs(cell))
            needs += said
        for cell in self.all(Field.REMARKS):
            remark, hidden = self.take(words.read_remarks(cell))
            needs += hidden
            remarks += [remark] if remark else []
        first_of_each = {need.code: need for need in reversed(needs)}
        return tuple(first_of_each[code] for code in dict.fromkeys(need.code for need in needs)), " · ".join(
            remarks
        ) or None


def _contradictions(row: ReadRow, as_of: date) -> list[Doubt]:
    """What each cell says alone is fine; together they cannot be."""
    return [*_about_dates(row, as_of), *_about_age(row, as_of)]


def _about_dates(row: ReadRow, as_of: date) -> Iterable[Doubt]:
    interviewed, departure = row.interviewed_on, row.departure_on
    if interviewed and interviewed > as_of:
        yield Doubt(Field.INTERVIEWED_ON, "interview_after_list", interviewed.isoformat(), as_of.isoformat())
    if interviewed and departure and departure < interviewed:
        yield Doubt(
            Field.DEPARTURE_ON, "departure_before_interview", departure.isoformat(), interviewed.isoformat()
        )
    if row.situation == Situation.DEPARTED and departure is None:
        yield Doubt(Field.DEPARTURE_ON, "departed_without_date")
    if row.situation == Situation.DEPARTED and departure and departure > as_of:
        yield Doubt(Field.DEPARTURE_ON, "departed_after_list", departure.isoformat(), as_of.isoformat())
    if row.situation == Situation.DEPARTURE_SET and departure is None:
        yield Doubt(Field.DEPARTURE_ON, "departure_set_without_date")
    if row.situation == Situation.DEPARTURE_SET and departure and departure < as_of:
        yield Doubt(Field.DEPARTURE_ON, "departure_past", departure.isoformat())


def _about_age(row: ReadRow, as_of: date) -> Iterable[Doubt]:
    if row.birth_date is None:
        return
    # Who was born "around" a year may be up to a year younger than its first of January says.
    youngest = relativedelta(as_of, row.birth_date).years - (1 if row.birth_approximate else 0)
    if youngest < 18:
        yield Doubt(Field.BIRTH_DATE, "minor")
    elif any(need.code == NeedCode.UNACCOMPANIED_MINOR for need in row.needs):
        yield Doubt(Field.NEEDS, "minor_is_adult")


# --- The meaning of a row, and comparing two ---------------------------------------------------------------


def fingerprint(row: ReadRow) -> str:
    """A digest of what the row means: equal for two readings of the same content, wherever it stood and however it was spelt."""
    return sha256(json.dumps(_meaning(row), sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def differences(before: ReadRow, after: ReadRow) -> tuple[Difference, ...]:
    """The fields whose meaning differs. A difference in restricted needs is named but its words are not shown."""
    was, now = _meaning(before), _meaning(after)
    return tuple(
        Difference(name, _shown(before, name), _shown(after, name)) for name in was if was[name] != now[name]
    )


def _meaning(row: ReadRow) -> dict[str, Any]:
    household = row.household
    people = [household.adults, household.children, household.size]
    return {
        Field.EXTERNAL_REF.value: _same(row.external_ref),
        Field.FAMILY_NAME.value: _same(row.family_name),
        Field.GIVEN_NAMES.value: _same(row.given_names),
        Field.SEX.value: row.sex,
        Field.BIRTH_DATE.value: row.birth_date and [row.birth_date.isoformat(), row.birth_approximate],
        Field.NATIONALITY.value: row.nationality,
        Field.PHONES.value: sorted([phone.e164 or _same(phone.raw), phone.kind] for phone in row.phones),
        Field.LANGUAGES.value: sorted(row.languages),
        Field.SITUATION.value: row.situation and row.situation.value,
        Field.INTERVIEWED_ON.value: row.interviewed_on and row.interviewed_on.isoformat(),
        Field.DEPARTURE_ON.value: row.departure_on and row.departure_on.isoformat(),
        Field.FLIGHT.value: _same(row.flight),
        Field.ARRIVAL_AIRPORT.value: _same(row.arrival_airport),
        Field.REGION.value: _same(row.region),
        Field.PLACE.value: _same(row.place),
        Field.CONTACT_PERSON.value: _same(row.contact_person),
        Field.ACTIVITY.value: _same(row.activity),
        Field.DONOR.value: _same(row.donor),
        Field.CEILING.value: row.ceiling and [row.ceiling.minor, row.ceiling.currency],
        Field.HOUSEHOLD.value: people if household.size else _same(household.written),
        Field.NEEDS.value: sorted([need.code.value, need.count or 0] for need in row.needs),
        Field.REMARKS.value: _same(row.remarks),
    }


def _same(text: str | None) -> str | None:
    """Text as it counts when compared; signs without letters (an emoji) count as themselves."""
    return (plain(text) or text) if text else None


def _shown(row: ReadRow, name: str) -> str:
    if name == Field.PHONES:
        return ", ".join(phone.raw for phone in row.phones)
    if name == Field.NEEDS:
        return ", ".join("…" if need.restricted else need.code.value for need in row.needs)
    if name == Field.HOUSEHOLD:
        return row.household.written or ""
    value = getattr(row, name)
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")


# --- Repeats within one list --------------------------------------------------------------------------------


# A list can be written to be slow: beyond so many rows of one name, and so many of them alike, no more are compared.
_MOST_NAMESAKES = 50
_MOST_CANDIDATES = 8


def mark_repeats(rows: Sequence[ReadRow]) -> list[ReadRow]:
    """Say of each row which earlier row of the list is, or may be, the same person.

    The same number and the same content is the same; the same number with differences, or the same person
    under another number, needs a look. A row is compared with all earlier ones, so the order of the sheet decides
    only which of the two is asked about.
    """
    by_number: dict[str, ReadRow] = {}
    by_name: dict[tuple[str, ...], list[ReadRow]] = defaultdict(list)
    marked = []
    for row in rows:
        if row.refusals:
            marked.append(row)
            continue
        number, name = _same(row.external_ref), name_key(row)
        earlier = by_number.get(number) if number else None
        if earlier:
            marked.append(_with_same_number(row, earlier))
        else:
            marked.append(_with_other_number(row, by_name[name]))
            if number:
                by_number[number] = row
        if len(by_name[name]) < _MOST_NAMESAKES:
            by_name[name].append(row)
    return marked


def _with_same_number(row: ReadRow, earlier: ReadRow) -> ReadRow:
    found = differences(earlier, row)
    if not found:
        return replace(row, repeats=Repeat(earlier.line, same=True))
    someone_else = name_key(row) != name_key(earlier) and row.birth_date != earlier.birth_date
    code = "number_of_someone_else" if someone_else else "same_number_differs"
    return _doubted(row, code, earlier, found)


def _with_other_number(row: ReadRow, earlier: Sequence[ReadRow]) -> ReadRow:
    """Of several earlier rows that may be the same person, the one with the fewest differences is named."""
    alike = (other for other in earlier if perhaps_same_person(row, other))
    candidates = [(other, differences(other, row)) for other in islice(alike, _MOST_CANDIDATES)]
    if not candidates:
        return row
    closest, found = min(candidates, key=lambda candidate: len(candidate[1]))
    return _doubted(row, "perhaps_same_person", closest, found)


def _doubted(row: ReadRow, code: str, earlier: ReadRow, found: tuple[Difference, ...]) -> ReadRow:
    doubt = Doubt(
        Field.EXTERNAL_REF, code, str(earlier.line), " ".join(difference.field for difference in found)
    )
    return replace(
        row, doubts=(*row.doubts, doubt), repeats=Repeat(earlier.line, same=False, differences=found)
    )


def name_key(row: ReadRow) -> tuple[str, ...]:
    """The words of the name in no order: family and given names are often exchanged."""
    return tuple(sorted((_same(row.name) or "").split()))


def perhaps_same_person(row: ReadRow, other: ReadRow) -> bool:
    """Same name is given; the country must not differ, and the birth date or a phone number must speak for it."""
    if row.nationality and other.nationality and row.nationality != other.nationality:
        return False
    if {phone.key for phone in row.phones} & {phone.key for phone in other.phones}:
        return True
    if row.birth_date is None or other.birth_date is None:
        return True
    if row.birth_approximate or other.birth_approximate:
        return abs(row.birth_date.year - other.birth_date.year) <= 2
    return row.birth_date == other.birth_date


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
