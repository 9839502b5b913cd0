"""Reads for referral lists: the lists themselves, and what the rows of one are compared with."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select

from webapp.database import db
from webapp.formats import plain
from webapp.money import Money
from webapp.people.models import Office, Staff
from webapp.permissions import Role

from ..models import Case, PhoneNumber, ReferralList, ReferralRow, Returnee
from .rows import ReadRow
from .words import Phone

PAGE = 200
_AT_ONCE = 500
"""So many values in one IN list."""


# --- A list and its rows ----------------------------------------------------------------------------------


def find_list(list_id: UUID, person: Any) -> ReferralList | None:
    """The list, for the person who read it or a manager of that person's office; for others there is none."""
    query = select(ReferralList).join(Staff, Staff.id == ReferralList.read_by_id)
    mine = ReferralList.read_by_id == person.id
    if person.role == Role.PROGRAMME_MANAGER:
        mine = or_(mine, Staff.office_id == person.office_id)
    return db.session.scalar(query.where(ReferralList.id == list_id, mine))


def held_list(list_id: UUID) -> ReferralList:
    """The list as it stands now, held until the transaction ends."""
    return db.session.scalars(
        select(ReferralList)
        .where(ReferralList.id == list_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def count_outcomes(list_id: UUID) -> dict[str, int]:
    """How many rows of the list have each outcome."""
    rows = db.session.execute(
        select(ReferralRow.outcome, func.count())
        .where(ReferralRow.list_id == list_id)
        .group_by(ReferralRow.outcome)
    )
    return {row[0]: row[1] for row in rows}


def rows_of(list_id: UUID) -> list[ReferralRow]:
    """Every row of the list as it stands now, in the order of the sheet."""
    return list(
        db.session.scalars(
            select(ReferralRow)
            .where(ReferralRow.list_id == list_id)
            .order_by(ReferralRow.line)
            .execution_options(populate_existing=True)
        )
    )


_LOOKS_FIRST = case({"look": 0, "refused": 1, "created": 2}, value=ReferralRow.outcome, else_=3)


def page_of_rows(list_id: UUID, page: int) -> list[ReferralRow]:
    """A page of the list (the first is 1): what somebody must look at first, then what was refused, then the rest."""
    return list(
        db.session.scalars(
            select(ReferralRow)
            .where(ReferralRow.list_id == list_id)
            .order_by(_LOOKS_FIRST, ReferralRow.line)
            .limit(PAGE)
            .offset((page - 1) * PAGE)
        )
    )


def cases_named(ids: Iterable[UUID]) -> dict[UUID, Any]:
    """What it takes to name some cases and to know who may see them."""
    columns = (Case.id, Case.code, Case.officer_id, Case.office_id, Case.counsellor_id, Case.caseworker_id)
    return {
        row.id: row
        for some in _portions(ids)
        for row in db.session.execute(select(*columns).where(Case.id.in_(some)))
    }


# --- What is here already ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class KnownCase:
    """A case as a row of a list would tell it, to be compared with."""

    id: UUID
    row: ReadRow
    fingerprint: str | None
    """Of the row it was made of; None where the case was opened otherwise: ``row`` then holds only what the case says."""


class KnownCases:
    """The cases that rows of a list may be about, found in a few queries."""

    def __init__(self, rows: Iterable[tuple[ReadRow, str]]) -> None:
        rows = list(rows)
        self._by_number: dict[str, KnownCase] = {}
        self._by_name: dict[str, list[KnownCase]] = defaultdict(list)
        self._by_fingerprint = _cases_by_fingerprint(fingerprint for _row, fingerprint in rows)
        for known, name in _known_cases(
            {row.external_ref for row, _ in rows if row.external_ref},
            {name for row, _ in rows for name in _spellings(row)},
        ):
            if known.row.external_ref:
                self._by_number[known.row.external_ref] = known
            self._by_name[name].append(known)

    def with_number(self, number: str | None) -> KnownCase | None:
        """The case that has this number of the sending mission."""
        return self._by_number.get(number) if number else None

    def made_of(self, fingerprint: str) -> UUID | None:
        """The case that was made of a row with just this content."""
        return self._by_fingerprint.get(fingerprint)

    def of_name(self, row: ReadRow) -> Iterator[KnownCase]:
        """Cases of somebody with the same name, family and given names in either order."""
        for name in _spellings(row):
            yield from self._by_name.get(name, ())


def _spellings(row: ReadRow) -> set[str]:
    return {plain(row.name), plain(f"{row.family_name} {row.given_names}")} - {""}


def _cases_by_fingerprint(fingerprints: Iterable[str]) -> dict[str, UUID]:
    query = select(ReferralRow.fingerprint, ReferralRow.case_id)
    return {
        fingerprint: case_id
        for some in _portions(fingerprints)
        for fingerprint, case_id in db.session.execute(
            query.where(
                ReferralRow.fingerprint.in_(some),
                ReferralRow.outcome == "created",
                ReferralRow.case_id.is_not(None),
            )
        )
        if case_id
    }


_FACTS = (
    Case.id,
    Case.external_ref,
    Case.returnee_id,
    Case.region,
    Case.place,
    Case.contact_person,
    Case.activity,
    Case.donor_name,
    Case.ceiling_minor,
    Case.ceiling_currency,
    Returnee.family_name,
    Returnee.given_names,
    Returnee.name_folded,
    Returnee.sex,
    Returnee.birth_date,
    Returnee.birth_approximate,
    Returnee.nationality,
)


def _known_cases(numbers: set[str], names: set[str]) -> Iterator[tuple[KnownCase, str]]:
    """Each case once, with its folded name."""
    query = select(*_FACTS).join(Returnee, Returnee.id == Case.returnee_id)
    found = {
        row.id: row
        for column, values in ((Case.external_ref, numbers), (Returnee.name_folded, names))
        for some in _portions(values)
        for row in db.session.execute(query.where(column.in_(some)))
    }
    made_of = _rows_by_case(found)
    phones = _phones_by_returnee(row.returnee_id for row in found.values() if row.id not in made_of)
    for row in found.values():
        if row.id in made_of:
            stored = made_of[row.id]
            # The number a case goes by now is what counts.
            read = ReadRow.from_kept({**stored.row, "external_ref": row.external_ref})
            yield KnownCase(row.id, read, stored.fingerprint), row.name_folded
        else:
            yield (
                KnownCase(row.id, _told_by_case(row, phones.get(row.returnee_id, ())), None),
                row.name_folded,
            )


def _rows_by_case(case_ids: Iterable[UUID]) -> dict[UUID, Any]:
    columns = (ReferralRow.case_id, ReferralRow.row, ReferralRow.fingerprint)
    return {
        row.case_id: row
        for some in _portions(case_ids)
        for row in db.session.execute(
            select(*columns).where(ReferralRow.case_id.in_(some), ReferralRow.outcome == "created")
        )
        if row.case_id
    }


def _phones_by_returnee(returnees: Iterable[UUID]) -> dict[UUID, list[Phone]]:
    found: dict[UUID, list[Phone]] = defaultdict(list)
    columns = (PhoneNumber.returnee_id, PhoneNumber.written, PhoneNumber.e164, PhoneNumber.whose)
    for some in _portions(returnees):
        for number in db.session.execute(select(*columns).where(PhoneNumber.returnee_id.in_(some))):
            kind = "own" if number.whose == "own" else "contact"
            found[number.returnee_id].append(Phone(number.written, number.e164, kind))
    return found


def _told_by_case(row: Any, phones: Iterable[Phone]) -> ReadRow:
    ceiling = Money(row.ceiling_minor, row.ceiling_currency) if row.ceiling_currency else None
    return ReadRow(
        line=0,
        external_ref=row.external_ref,
        family_name=row.family_name,
        given_names=row.given_names,
        sex=row.sex.lower() if row.sex else None,
        birth_date=row.birth_date,
        birth_approximate=row.birth_approximate,
        nationality=row.nationality,
        phones=tuple(phones),
        region=row.region,
        place=row.place,
        contact_person=row.contact_person,
        activity=row.activity,
        donor=row.donor_name,
        ceiling=ceiling,
    )


def _portions(values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    once = tuple(dict.fromkeys(values))
    return (once[start : start + _AT_ONCE] for start in range(0, len(once), _AT_ONCE))


# --- Offices ----------------------------------------------------------------------------------------------


def offices() -> list[Office]:
    """All offices by name, to find the one of a country of return."""
    return list(db.session.scalars(select(Office).order_by(Office.name)))
