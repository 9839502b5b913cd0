"""What is done to a case."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from ..database import db, next_number
from ..formats import plain
from . import search, timeline
from .models import RETURNING, Case, CaseOfficer, Change, PhoneNumber, Returnee

ON_TRANSFER: list[Callable[[Case, UUID], None]] = []
"""Filled by each feature for what goes with a case to another office: called with the held case and the office it
leaves, in the same transaction."""
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Opening:
    """What a case is opened with; ``facts`` are further columns of the case."""

    returnee: Returnee
    numbers: list[PhoneNumber]
    office_id: UUID
    country: str
    stage: str
    id: UUID | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def open_case(
    returnee: Returnee,
    *,
    numbers: list[PhoneNumber],
    office_id: UUID,
    country: str,
    stage: str,
    by: UUID | None,
    now: datetime,
    id: UUID | None = None,
    **facts: Any,
) -> Case:
    """Open the case of a new returnee; ``facts`` are further columns of the case."""
    return open_cases([Opening(returnee, numbers, office_id, country, stage, id, facts)], by=by, now=now)[0]


def open_cases(openings: Sequence[Opening], *, by: UUID | None, now: datetime) -> list[Case]:
    """Open the cases of many new returnees, in as few statements as for one."""
    for opening in openings:
        opening.returnee.name_folded = plain(opening.returnee.name)
        db.session.add(opening.returnee)
    db.session.flush()
    cases = [
        Case(
            **({"id": opening.id} if opening.id else {}),
            code=code,
            returnee_id=opening.returnee.id,
            office_id=opening.office_id,
            stage=opening.stage,
            list_name=plain(f"{opening.returnee.family_name} {opening.returnee.given_names}"),
            opened_at=now,
            **opening.facts,
        )
        for opening, code in zip(openings, new_codes([each.country for each in openings]), strict=True)
    ]
    for opening in openings:
        for position, number in enumerate(opening.numbers):
            number.returnee_id, number.position = opening.returnee.id, position
        db.session.add_all(opening.numbers)
    db.session.add_all(cases)
    db.session.flush()
    search.index_new_cases(
        [(case, each.returnee, each.numbers) for case, each in zip(cases, openings, strict=True)]
    )
    for case in cases:
        timeline.add_entry(
            "case.opened",
            case=case,
            office_id=case.office_id,
            subject=case.id,
            by=by,
            happened_at=now,
            now=now,
        )
    return cases


def assign_officer(
    case: Case, officer_id: UUID, *, officer_name: str, by: UUID | None, now: datetime
) -> None:
    """Give the case to a field officer; the one before keeps nothing of it on the phone."""
    if case.officer_id == officer_id:
        return
    touch(case)
    db.session.execute(
        update(CaseOfficer)
        .where(CaseOfficer.case_id == case.id, CaseOfficer.until.is_(None))
        .values(until=now)
    )
    db.session.add(CaseOfficer(case_id=case.id, staff_id=officer_id, since=now))
    case.officer_id = officer_id
    db.session.flush()
    reindex(case)
    timeline.add_entry(
        "case.assigned", case=case, office_id=case.office_id, subject=None, by=by, happened_at=now, now=now,
        officer=officer_name,
    )  # fmt: skip
    touch(case)


def move_to_office(case: Case, office_id: UUID) -> None:
    """The case is another office's from here on, with everything that goes with it; its counsellor stays behind."""
    left = case.office_id
    if left == office_id:
        return
    touch(case)
    case.office_id, case.counsellor_id = office_id, None
    db.session.flush()
    for follow in ON_TRANSFER:
        follow(case, left)
    reindex(case)


def assign_counsellor(case: Case, counsellor_id: UUID) -> None:
    """Refer the case to a counsellor of the office."""
    case.counsellor_id = counsellor_id
    db.session.flush()
    reindex(case)


def reach_stage(case: Case, stage: str, *, by: UUID | None, happened_at: datetime, now: datetime) -> None:
    """Note where the accompaniment stands now."""
    if case.stage == stage:
        return
    case.stage = stage
    timeline.add_entry(
        "case.stage", case=case, office_id=case.office_id, subject=None, by=by, happened_at=happened_at, now=now,
        stage=stage,
    )  # fmt: skip
    touch(case)


def plan_follow_up(case: Case, *, due_on: date | None, channel: str | None, ends_on: date | None) -> None:
    """Keep when and how the next follow-up is due (computed when things change, never when pages are read); a closed
    case has none."""
    if case.closed_at is not None:
        due_on, channel, ends_on = None, None, None
    case.next_follow_up_on, case.next_follow_up_channel, case.next_follow_up_ends_on = (
        due_on,
        channel,
        ends_on,
    )


def touch(case: Case) -> None:
    """The case's pages changed: the phones that carry them must fetch them again. They are its officer's and, while
    the return is under way, those of the caseworker and of whoever goes along."""
    case.version = (case.version or 0) + 1
    carry = {case.officer_id}
    if case.stage in RETURNING or case.stage == "interrupted":
        carry |= {case.caseworker_id, case.escort_id}
    for staff_id in sorted(filter(None, carry)):
        db.session.execute(
            insert(Change).values(number=next_number("changes"), staff_id=staff_id, case_id=case.id)
        )


def reindex(case: Case) -> None:
    """Write the case's search words again."""
    returnee = db.session.get_one(Returnee, case.returnee_id)
    numbers = list(db.session.scalars(select(PhoneNumber).where(PhoneNumber.returnee_id == returnee.id)))
    search.index_case(case, returnee, numbers)


def new_codes(countries: Sequence[str]) -> list[str]:
    """Codes people can read out on the phone, such as ``GN-7K3MX``; each says nothing but its country."""
    codes = [_code(country) for country in countries]
    taken = {
        code
        for some in _portions(codes)
        for code in db.session.scalars(select(Case.code).where(Case.code.in_(some)))
    }
    for place, country in enumerate(countries):
        while codes[place] in taken:
            codes[place] = _code(country)
            if db.session.scalar(select(Case.id).where(Case.code == codes[place])) is not None:
                taken.add(codes[place])
        taken.add(codes[place])
    return codes


def _code(country: str) -> str:
    return f"{country}-{''.join(secrets.choice(_CODE_LETTERS) for _ in range(5))}"


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + 500] for start in range(0, len(values), 500))
