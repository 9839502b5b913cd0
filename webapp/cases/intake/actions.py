"""A referral list is read and kept for somebody to look at; confirmed, its rows become cases, once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import update

from webapp import clock
from webapp.database import db, next_number
from webapp.formats import plain
from webapp.people.models import Office
from webapp.permissions import Role

from .. import timeline
from ..actions import Opening, open_cases
from ..models import Case, PhoneNumber, ReferralList, ReferralRow, Returnee
from . import queries
from .comparison import Verdict, judge, without_restricted_needs
from .rows import ReadRow, fingerprint
from .vocabulary import NeedCode, Situation, language_name
from .words import Need
from .workbook import ReferralList as ListAsRead
from .workbook import read_referral_list

STAGE_OF = {
    None: "first_contact",
    Situation.INTERVIEWED: "interview",
    Situation.MEDICAL_OK: "medical_check",
    Situation.LAISSEZ_PASSER_ASKED: "travel_document",
    Situation.LAISSEZ_PASSER_RECEIVED: "travel_document",
    Situation.DEPARTURE_SET: "departure_set",
    Situation.DEPARTED: "departed",
    Situation.WITHDRAWN: "interrupted",
    Situation.WITHDRAWN_AT_AIRPORT: "interrupted",
}
_MIDDAY = time(12)
_BLANK_LINES_LISTED = 50


@dataclass(frozen=True)
class Counts:
    """How many rows of a list became cases, were here already, need a look, or were refused."""

    created: int = 0
    same: int = 0
    look: int = 0
    refused: int = 0

    @classmethod
    def of(cls, list_id: UUID) -> "Counts":
        """As the list stands now: before confirmation ``created`` means "would be"."""
        return cls(**queries.count_outcomes(list_id))


# --- Reading ------------------------------------------------------------------------------------------------


def preview_list(file: bytes, filename: str, *, by: Any, now: datetime) -> ReferralList:
    """Read a file, compare each row with what is here, and keep the result to be looked at. No case is touched.

    Raises ``UnreadableList``, whose ``sentence`` says why, where the file is no referral list.
    """
    office = db.session.get_one(Office, by.office_id)
    listed = read_referral_list(file, filename, today=clock.local(now, office.timezone).date())
    referral_list = ReferralList(
        file_name=filename.encode(errors="replace").decode()[:200],
        file_digest=sha256(file).hexdigest(),
        title=listed.title,
        read_at=now,
        read_by_id=by.id,
        unread=_not_read(listed),
    )
    db.session.add(referral_list)
    db.session.flush()
    rows = [(row, fingerprint(row)) for row in listed.rows]
    known = queries.KnownCases(rows)
    numbers_above: dict[str, int] = {}
    for row, mark in rows:
        verdict = judge(row, mark, known, numbers_above)
        if verdict.outcome == "created" and row.external_ref:
            numbers_above.setdefault(row.external_ref, row.line)
        db.session.add(_stored(referral_list, row, mark, verdict))
    db.session.flush()
    return referral_list


def keep_choice(referral_list: ReferralList, *, shown: Collection[UUID], chosen: Collection[UUID]) -> None:
    """Remember which of the rows shown are to be taken in although they need a look, until the list is confirmed."""
    held = _hold(referral_list)
    if held.taken_in_at is not None:
        return
    of_the_list = (ReferralRow.list_id == held.id, ReferralRow.outcome == "look")
    for ids, choice in ((set(shown) - set(chosen), False), (set(shown) & set(chosen), True)):
        if ids:
            db.session.execute(
                update(ReferralRow).where(*of_the_list, ReferralRow.id.in_(ids)).values(chosen=choice)
            )


def _stored(referral_list: ReferralList, row: ReadRow, mark: str, verdict: Verdict) -> ReferralRow:
    shown, restricted = without_restricted_needs(row)
    return ReferralRow(
        list_id=referral_list.id,
        line=row.line,
        outcome=verdict.outcome,
        fingerprint=mark,
        row=shown.kept(),
        restricted_needs=restricted,
        reasons=list(verdict.reasons),
        case_id=verdict.case_id,
    )


def _not_read(listed: ListAsRead) -> list[dict[str, Any]]:
    """Everything in the file that became no row, so that nothing is left out in silence."""
    not_read: list[dict[str, Any]] = [
        {"code": line.code, "line": line.line, "text": line.text} for line in listed.unread
    ]
    not_read += [
        {"code": "unknown_column", "text": column.heading or column.letter}
        for column in listed.unknown_columns
    ]
    not_read += [
        {"code": "other_list" if sheet in listed.other_lists else "other_sheet", "text": sheet}
        for sheet in listed.other_sheets
    ]
    if blank := listed.blank_lines:
        more = "…" if len(blank) > _BLANK_LINES_LISTED else ""
        not_read.append(
            {"code": "blank_lines", "text": ", ".join(map(str, blank[:_BLANK_LINES_LISTED])) + more}
        )
    if not listed.as_of_known:
        not_read.append({"code": "date_assumed", "text": listed.as_of.isoformat()})
    return not_read


# --- Taking in ------------------------------------------------------------------------------------------------


def take_in(
    referral_list: ReferralList, *, by: Any, now: datetime, chosen: Collection[UUID] = frozenset()
) -> Counts:
    """Open a case for every row that is new and clear, and for those rows in doubt that somebody chose.

    Everything is compared once more, so a list confirmed twice, read twice, or confirmed by two people at the
    same moment opens each case once. The caller commits.
    """
    held = _hold(referral_list)
    if held.taken_in_at is None:
        held.taken_in_at, held.taken_in_by_id = now, by.id
        _take_rows_in(queries.rows_of(held.id), set(chosen), _Plan(by, now))
        db.session.flush()
    return Counts.of(held.id)


def _hold(referral_list: ReferralList) -> ReferralList:
    """The list as it stands, when no other list is being confirmed: they follow one another."""
    # The row of this counter stays locked until the transaction ends.
    next_number("referral_lists")
    return queries.held_list(referral_list.id)


def _take_rows_in(stored: list[ReferralRow], chosen: set[UUID], plan: "_Plan") -> None:
    rows = [(line, ReadRow.from_kept(line.row)) for line in stored]
    known = queries.KnownCases((row, line.fingerprint) for line, row in rows)
    numbers_above: dict[str, int] = {}
    new: list[tuple[ReferralRow, ReadRow]] = []
    for line, row in rows:
        verdict = judge(row, line.fingerprint, known, numbers_above)
        line.chosen = verdict.outcome == "look" and (line.chosen or line.id in chosen)
        line.outcome, line.case_id, line.reasons = verdict.outcome, verdict.case_id, list(verdict.reasons)
        if verdict.outcome == "created" or (line.chosen and not verdict.blocked):
            line.outcome = "created"
            new.append((line, row))
            if row.external_ref:
                numbers_above.setdefault(row.external_ref, line.line)
    cases = plan.open([(row, line.restricted_needs) for line, row in new])
    case_at = {line.line: case.id for (line, _row), case in zip(new, cases, strict=True)}
    for line, row in rows:
        repeated = row.repeats.line if row.repeats and row.repeats.same else line.line
        line.case_id = line.case_id or case_at.get(line.line) or case_at.get(repeated)


class _Plan:
    """Opens the cases of one list, in the name of one person."""

    def __init__(self, by: Any, now: datetime) -> None:
        self.by = by
        self.now = now
        self.offices = queries.offices()
        self.own_office = next(office for office in self.offices if office.id == by.office_id)

    def open(self, rows: Sequence[tuple[ReadRow, list[str]]]) -> list[Case]:
        """A case for each row and its restricted needs."""
        offices = [self._office_of_return(row) for row, _needs in rows]
        openings = [
            self._opening(row, office, restricted)
            for (row, restricted), office in zip(rows, offices, strict=True)
        ]
        cases = open_cases(openings, by=self.by.id, now=self.now)
        for (row, _needs), office, case in zip(rows, offices, cases, strict=True):
            self._tell(case, office, "interview", row.interviewed_on)
            self._tell(case, office, "departed", case.departed_on)
        return cases

    def _opening(self, row: ReadRow, office: Office, restricted_needs: list[str]) -> Opening:
        return Opening(
            Returnee(
                family_name=row.family_name,
                given_names=row.given_names,
                sex=row.sex.upper() if row.sex else None,
                birth_date=row.birth_date,
                birth_approximate=row.birth_approximate,
                nationality=row.nationality,
                languages=[language_name(language, "fr") for language in row.languages],
            ),
            numbers=_numbers(row),
            office_id=office.id,
            country=row.nationality or office.country,
            stage=STAGE_OF[row.situation],
            facts={
                "external_ref": row.external_ref,
                "caseworker_id": self.by.id if self.by.role == Role.CASEWORKER else None,
                "departed_on": row.departure_on if row.situation == Situation.DEPARTED else None,
                "region": row.region,
                "place": row.place,
                "contact_person": row.contact_person,
                "activity": row.activity,
                "donor_name": row.donor,
                "ceiling_minor": row.ceiling.minor if row.ceiling else None,
                "ceiling_currency": row.ceiling.currency if row.ceiling else None,
                "household_size": row.household.size,
                "needs": [_need_code(need, row) for need in row.needs],
                "restricted_needs": list(restricted_needs),
                "remarks": row.remarks,
            },
        )

    def _office_of_return(self, row: ReadRow) -> Office:
        """The office of the country of return, nearest to the place if there are several; else the person's own."""
        there = [office for office in self.offices if office.country == row.nationality]
        where = f" {plain(' '.join(filter(None, [row.place, row.region])))} "
        near = (office for office in there if f" {plain(office.town)} " in where)
        return next(near, there[0] if there else self.own_office)

    def _tell(self, case: Case, office: Office, stage: str, day: date | None) -> None:
        """Write a step on the timeline at the day it is known to have happened."""
        if day is None or day > clock.local(self.now, office.timezone).date():
            return
        happened_at = min(clock.from_local(datetime.combine(day, _MIDDAY), office.timezone), self.now)
        timeline.add_entry(
            "case.stage", case=case, office_id=case.office_id, subject=None, by=self.by.id,
            happened_at=happened_at, now=self.now, stage=stage,
        )  # fmt: skip


def _numbers(row: ReadRow) -> list[PhoneNumber]:
    """The person's own numbers first; of the others, whose they are."""
    own_first = sorted(row.phones, key=lambda phone: phone.kind != "own")
    whose = (row.contact_person or "contact")[:40]
    return [
        PhoneNumber(
            written=phone.raw,
            e164=phone.e164,
            whose="own" if phone.kind == "own" else phone.relation or whose,
        )
        for phone in own_first
    ]


def _need_code(need: Need, row: ReadRow) -> str:
    if need.code == NeedCode.SINGLE_PARENT and row.sex == "f":
        return "single_mother"
    return need.code.value
