"""Reads for the case pages and lists: keyset pages, no counting, need-to-know inside every query."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, String, Uuid, bindparam, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from ..database import Utc, db
from ..formats import plain
from ..people.models import Office, Staff
from ..permissions import Role
from . import search
from .models import RETURNING, Case, CaseOfficer, Change, PhoneNumber, Returnee, TimelineEntry

PAGE = 30
TIMELINE_PAGE = 40

SCOPE = {
    Role.FIELD_OFFICER: "officer_id",
    Role.COUNSELLOR: "counsellor_id",
    Role.PROGRAMME_MANAGER: "office_id",
    Role.FINANCE_OFFICER: "office_id",
    Role.CASEWORKER: "caseworker_id",
}
"""Which column of a case says that it is this role's to know; roles not named know no case."""

_officer = aliased(Staff)


@dataclass(frozen=True)
class Row:
    """A line of the list of cases."""

    id: UUID
    code: str
    name: str
    stage: str
    place: str
    next_follow_up_on: date | None
    next_follow_up_channel: str | None
    next_follow_up_ends_on: date | None
    officer_name: str | None
    find: str


_ROW_COLUMNS = (
    Case.id,
    Case.code,
    Returnee.given_names,
    Returnee.family_name,
    Case.stage,
    Case.place,
    Case.region,
    Case.next_follow_up_on,
    Case.next_follow_up_channel,
    Case.next_follow_up_ends_on,
    Case.list_name,
)


def _list_query(role: Role) -> Select[Any]:
    query: Any = select(*_ROW_COLUMNS).join(Returnee, Returnee.id == Case.returnee_id)
    query = query.where(getattr(Case, SCOPE[role]) == bindparam("mine"))
    if role == Role.PROGRAMME_MANAGER:
        query = query.add_columns(_officer.name.label("officer_name")).outerjoin(
            _officer, _officer.id == Case.officer_id
        )
    return query


_LISTS = {role: _list_query(role) for role in SCOPE}
_PAGES = {
    role: query.where(
        tuple_(Case.list_name, Case.id)
        > tuple_(bindparam("after_name", type_=String()), bindparam("after_id", type_=Uuid()))
    )
    .order_by(Case.list_name, Case.id)
    .limit(bindparam("most"))
    for role, query in _LISTS.items()
}
_FIRST_PAGES = {
    role: query.order_by(Case.list_name, Case.id).limit(bindparam("most")) for role, query in _LISTS.items()
}
_DUE = (
    _LISTS[Role.FIELD_OFFICER]
    .where(Case.next_follow_up_on <= bindparam("until"))
    .order_by(Case.next_follow_up_on, Case.id)
    .limit(200)
)


def scope_of(person: Any) -> UUID:
    """The value that a case's scope column must have for this person."""
    return person.office_id if SCOPE[person.role] == "office_id" else person.id


def case_list(
    person: Any, *, asked: str = "", after: str = "", most: int = PAGE
) -> tuple[list[Row], str | None]:
    """A page of the cases this person may know, and the key of the next page.

    ``asked`` narrows to the cases matching every word (name, code, phone, place), whatever the accents.
    ``after`` is the key a former page gave; anything else starts at the beginning.
    """
    values: dict[str, Any] = {"mine": scope_of(person)}
    if asked.strip():
        number = int(after) if after.isdecimal() and len(after) < 18 else 0
        query = search.narrow(
            _LISTS[person.role], scope=SCOPE[person.role], mine=values["mine"], asked=asked, after=number
        )
        if query is None:
            return [], None
        rows = db.session.execute(query.limit(most + 1), values).all()
        key = str(rows[most - 1].search_number) if len(rows) > most else None
    else:
        key_name, _, key_id = after.replace("\x00", "").rpartition("~")
        values["most"] = most + 1
        try:
            values |= {"after_name": key_name, "after_id": UUID(key_id)}
            rows = db.session.execute(_PAGES[person.role], values).all()
        except ValueError:
            rows = db.session.execute(_FIRST_PAGES[person.role], values).all()
        key = f"{rows[most - 1].list_name}~{rows[most - 1].id}" if len(rows) > most else None
    shown = [row_of(row) for row in rows[:most]]
    return [milestones_only(row) for row in shown] if person.role == Role.CASEWORKER else shown, key


def due_list(person: Any, *, today: date) -> list[Row]:
    """The officer's follow-ups that are overdue, due, or come within a week, soonest first."""
    values = {"mine": person.id, "until": today + timedelta(days=7)}
    return [row_of(row) for row in db.session.execute(_DUE, values)]


def milestones_only(row: Row) -> Row:
    """The line as the mission that referred the case sees it: who and how far, not where and when next."""
    return replace(
        row, place="", next_follow_up_on=None, next_follow_up_channel=None, next_follow_up_ends_on=None,
        find=plain(f"{row.name} {row.code}"),
    )  # fmt: skip


def row_of(row: Any) -> Row:
    """The line of the list for a row of ``find_case`` or of a list query."""
    place = ", ".join(filter(None, [row.place, row.region if row.region != row.place else None]))
    name = f"{row.given_names} {row.family_name}".strip()
    return Row(
        id=row.id,
        code=row.code,
        name=name,
        stage=row.stage,
        place=place,
        next_follow_up_on=row.next_follow_up_on,
        next_follow_up_channel=row.next_follow_up_channel,
        next_follow_up_ends_on=row.next_follow_up_ends_on,
        officer_name=getattr(row, "officer_name", None),
        find=plain(f"{name} {row.code} {place}"),
    )


_CASES = (
    select(
        Case.id,
        Case.code,
        Case.external_ref,
        Case.office_id,
        Case.officer_id,
        Case.counsellor_id,
        Case.caseworker_id,
        Case.escort_id,
        Case.project,
        Case.returnee_id,
        Case.stage,
        Case.departed_on,
        Case.arrived_on,
        Case.region,
        Case.place,
        Case.contact_person,
        Case.activity,
        Case.donor_name,
        Case.household_size,
        Case.needs,
        Case.remarks,
        Case.next_follow_up_on,
        Case.next_follow_up_channel,
        Case.next_follow_up_ends_on,
        Case.version,
        Case.closed_at,
        Case.list_name,
        Returnee.given_names,
        Returnee.family_name,
        Returnee.sex,
        Returnee.birth_date,
        Returnee.birth_approximate,
        Returnee.nationality,
        Returnee.languages,
        _officer.name.label("officer_name"),
        _officer.phone.label("officer_phone"),
        Office.name.label("office_name"),
        Office.timezone,
        Office.emergency_numbers,
    )
    .join(Returnee, Returnee.id == Case.returnee_id)
    .join(Office, Office.id == Case.office_id)
    .outerjoin(_officer, _officer.id == Case.officer_id)
)
_CASE = _CASES.where(Case.id == bindparam("case_id"))
_CASES_OF_OFFICER = _CASES.where(
    Case.officer_id == bindparam("officer_id"), Case.closed_at.is_(None)
).order_by(Case.list_name, Case.id)
_RETURNS_OF = _CASES.where(
    or_(Case.caseworker_id == bindparam("staff_id"), Case.escort_id == bindparam("staff_id")),
    Case.stage.in_((*RETURNING, "interrupted")),
    Case.closed_at.is_(None),
).order_by(Case.list_name, Case.id)


def find_case(case_id: UUID) -> Any | None:
    """The case with its returnee, officer and office in one row; rights are checked by ``on_case``."""
    return db.session.execute(_CASE, {"case_id": case_id}).first()


def cases_of(officer_id: UUID, only: list[UUID] | None = None) -> list[Any]:
    """The officer's cases that are not closed, as ``find_case`` gives them, all or some of them, for the pack."""
    query = _CASES_OF_OFFICER if only is None else _CASES_OF_OFFICER.where(Case.id.in_(only))
    return list(db.session.execute(query, {"officer_id": officer_id}))


def returns_of(staff_id: UUID, only: list[UUID] | None = None) -> list[Any]:
    """The cases whose return this caseworker prepares or goes along with, as ``find_case`` gives them, for the pack."""
    query = _RETURNS_OF if only is None else _RETURNS_OF.where(Case.id.in_(only))
    return list(db.session.execute(query, {"staff_id": staff_id}))


def emergency_numbers(office_id: UUID) -> list[dict[str, str]]:
    """The numbers of an office's safety card."""
    return db.session.scalar(select(Office.emergency_numbers).where(Office.id == office_id)) or []


_NUMBERS = select(
    PhoneNumber.written,
    PhoneNumber.e164,
    PhoneNumber.whose,
    PhoneNumber.returnee_id,
    PhoneNumber.position,
).where(PhoneNumber.returnee_id.in_(bindparam("returnees", expanding=True)))


def numbers_of(returnees: list[UUID]) -> dict[UUID, list[Any]]:
    """The phone numbers of some returnees, in order."""
    found: dict[UUID, list[Any]] = {id: [] for id in returnees}
    rows = db.session.execute(_NUMBERS, {"returnees": returnees}).all()
    for row in sorted(rows, key=lambda row: row.position):
        found[row.returnee_id].append(row)
    return found


_TIMELINE_COLUMNS = (
    TimelineEntry.number,
    TimelineEntry.case_id,
    TimelineEntry.kind,
    TimelineEntry.subject_id,
    TimelineEntry.happened_at,
    TimelineEntry.recorded_at,
    TimelineEntry.facts,
    Staff.name.label("by_name"),
)
_TIMELINE = (
    select(*_TIMELINE_COLUMNS)
    .outerjoin(Staff, Staff.id == TimelineEntry.by_id)
    .where(
        TimelineEntry.case_id == bindparam("case_id"),
        tuple_(TimelineEntry.happened_at, TimelineEntry.number)
        < tuple_(bindparam("before_moment", type_=Utc), bindparam("before_number", type_=BigInteger())),
    )
    .order_by(TimelineEntry.happened_at.desc(), TimelineEntry.number.desc())
    .limit(TIMELINE_PAGE + 1)
)
_END_OF_TIME = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


def timeline(
    case_id: UUID, *, hidden: tuple[str, ...], only: tuple[str, ...] | None, before: str = ""
) -> tuple[list[Any], str | None]:
    """A page of the timeline, newest first, and the key of the next (older) page."""
    moment, number = _END_OF_TIME, 2**62
    key_moment, _, key_number = before.rpartition("~")
    if key_number.isdecimal() and len(key_number) < 18:
        try:
            moment, number = datetime.fromisoformat(key_moment), int(key_number)
            moment = moment.astimezone(UTC) if moment.tzinfo else _END_OF_TIME
        except (ValueError, OverflowError):
            moment, number = _END_OF_TIME, 2**62
    query = _TIMELINE
    if only is not None:
        query = query.where(TimelineEntry.kind.in_(only))
    elif hidden:
        query = query.where(TimelineEntry.kind.not_in(hidden))
    rows = list(
        db.session.execute(query, {"case_id": case_id, "before_moment": moment, "before_number": number})
    )
    if len(rows) <= TIMELINE_PAGE:
        return rows, None
    last = rows[TIMELINE_PAGE - 1]
    return rows[:TIMELINE_PAGE], f"{last.happened_at.isoformat()}~{last.number}"


def timelines(case_ids: list[UUID], *, hidden: tuple[str, ...]) -> dict[UUID, list[Any]]:
    """The latest entries of many cases at once, for the pack."""
    rank = (
        func.row_number()
        .over(
            partition_by=TimelineEntry.case_id,
            order_by=(TimelineEntry.happened_at.desc(), TimelineEntry.number.desc()),
        )
        .label("rank")
    )
    inner = (
        select(*_TIMELINE_COLUMNS, rank)
        .outerjoin(Staff, Staff.id == TimelineEntry.by_id)
        .where(TimelineEntry.case_id.in_(case_ids), TimelineEntry.kind.not_in(hidden or ("",)))
        .subquery()
    )
    found: dict[UUID, list[Any]] = {id: [] for id in case_ids}
    for row in db.session.execute(
        select(inner)
        .where(inner.c.rank <= TIMELINE_PAGE)
        .order_by(inner.c.case_id, inner.c.happened_at.desc(), inner.c.number.desc())
    ):
        found[row.case_id].append(row)
    return found


def changed_since(staff_id: UUID, cursor: int) -> tuple[set[UUID], int]:
    """The cases whose pages this person's phone must fetch again, and the newest number among them."""
    rows = db.session.execute(
        select(Change.number, Change.case_id).where(Change.staff_id == staff_id, Change.number > cursor)
    ).all()
    return {row.case_id for row in rows}, max((row.number for row in rows), default=cursor)


def newest_change(staff_id: UUID) -> int:
    """The newest number that concerns this person's phone."""
    return (
        db.session.scalar(
            select(Change.number).where(Change.staff_id == staff_id).order_by(Change.number.desc()).limit(1)
        )
        or 0
    )


def has_followed(staff_id: UUID, case_id: UUID) -> bool:
    """Whether this officer follows the case or ever did: work from that time is still theirs to deliver."""
    return (
        db.session.scalar(
            select(CaseOfficer.id)
            .where(CaseOfficer.staff_id == staff_id, CaseOfficer.case_id == case_id)
            .limit(1)
        )
        is not None
    )


def case_for_deed(case_id: UUID) -> Case | None:
    """The case, held until the transaction ends, so that two deeds on it follow one another."""
    return db.session.scalar(select(Case).where(Case.id == case_id).with_for_update())


def hold_cases(case_ids: Collection[UUID]) -> dict[UUID, Case]:
    """Several cases, held until the transaction ends, always in the same order."""
    if not case_ids:
        return {}
    held = db.session.scalars(select(Case).where(Case.id.in_(case_ids)).order_by(Case.id).with_for_update())
    return {case.id: case for case in held}
