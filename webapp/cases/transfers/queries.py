"""Reads for the pages of transfers."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from ...database import db
from ...people.models import Office, Staff
from ...permissions import Role
from ..models import Case, Returnee
from .models import Transfer

MOST = 200
"""Cases handed on at a time."""
SHOWN = 30


@dataclass(frozen=True)
class Movable:
    """A case as whoever hands it on sees it."""

    id: UUID
    code: str
    name: str
    officer_id: UUID | None
    officer_name: str | None
    stage: str
    next_follow_up_on: date | None


_MOVABLE = (
    select(
        Case.id,
        Case.code,
        Returnee.given_names,
        Returnee.family_name,
        Case.officer_id,
        Staff.name.label("officer_name"),
        Case.stage,
        Case.next_follow_up_on,
    )
    .join(Returnee, Returnee.id == Case.returnee_id)
    .outerjoin(Staff, Staff.id == Case.officer_id)
    .where(Case.closed_at.is_(None))
    .order_by(Case.list_name, Case.id)
)


def _movables(query: Any) -> list[Movable]:
    return [
        Movable(
            row.id,
            row.code,
            f"{row.given_names} {row.family_name}".strip(),
            row.officer_id,
            row.officer_name,
            row.stage,
            row.next_follow_up_on,
        )
        for row in db.session.execute(query)
    ]


def cases_of_officer(office_id: UUID, officer_id: UUID | None) -> tuple[list[Movable], bool]:
    """The officer's cases in this office, or those nobody follows, that are not closed; and whether there are more."""
    found = _movables(
        _MOVABLE.where(Case.office_id == office_id, Case.officer_id == officer_id).limit(MOST + 1)
    )
    return found[:MOST], len(found) > MOST


def some_cases(office_id: UUID, case_ids: list[UUID]) -> list[Movable]:
    """Of these cases those that are the office's."""
    return _movables(_MOVABLE.where(Case.office_id == office_id, Case.id.in_(case_ids[:MOST])))


def officers(office_id: UUID) -> list[Any]:
    """(id, name) of who may follow cases there, by name."""
    return list(
        db.session.execute(
            select(Staff.id, Staff.name)
            .where(
                Staff.office_id == office_id,
                Staff.role == str(Role.FIELD_OFFICER),
                Staff.disabled_at.is_(None),
            )
            .order_by(Staff.name)
        )
    )


def who_has_cases(office_id: UUID) -> list[Any]:
    """(id, name) of whoever follows or followed cases there, also who left: their cases are what must go on."""
    return list(
        db.session.execute(
            select(Staff.id, Staff.name)
            .where(Staff.office_id == office_id, Staff.role == str(Role.FIELD_OFFICER))
            .order_by(Staff.disabled_at.is_not(None), Staff.name)
        )
    )


def other_offices(office_id: UUID) -> list[Any]:
    """(id, name) of the offices that somebody manages: nobody else could accept."""
    managed = select(Staff.office_id).where(
        Staff.role == str(Role.PROGRAMME_MANAGER), Staff.disabled_at.is_(None)
    )
    return list(
        db.session.execute(
            select(Office.id, Office.name)
            .where(Office.id != office_id, Office.id.in_(managed))
            .order_by(Office.name)
        )
    )


def waiting_transfers(case_id: UUID) -> int:
    """Transfers of the case that another office has not answered."""
    return (
        db.session.scalar(select(func.count()).where(Transfer.case_id == case_id, Transfer.outcome.is_(None)))
        or 0
    )


@dataclass(frozen=True)
class Handing:
    """A transfer as the two offices see it."""

    id: UUID
    case_id: UUID
    code: str
    name: str
    stage: str
    place: str
    next_follow_up_on: date | None
    from_office_id: UUID
    to_office_id: UUID
    from_office: str
    to_office: str
    from_officer: str
    to_officer: str
    reason: str
    note: str
    asked_by: str
    asked_at: datetime
    outcome: str | None
    decided_at: datetime | None
    answer: str


_from_office, _to_office = aliased(Office), aliased(Office)
_from_officer, _to_officer, _asker = aliased(Staff), aliased(Staff), aliased(Staff)
_HANDING = (
    select(
        Transfer,
        Case.code,
        Case.stage,
        Case.place,
        Case.region,
        Case.next_follow_up_on,
        Returnee.given_names,
        Returnee.family_name,
        _from_office.name.label("from_office"),
        _to_office.name.label("to_office"),
        _from_officer.name.label("from_officer"),
        _to_officer.name.label("to_officer"),
        _asker.name.label("asked_by"),
    )
    .join(Case, Case.id == Transfer.case_id)
    .join(Returnee, Returnee.id == Case.returnee_id)
    .join(_from_office, _from_office.id == Transfer.from_office_id)
    .join(_to_office, _to_office.id == Transfer.to_office_id)
    .outerjoin(_from_officer, _from_officer.id == Transfer.from_officer_id)
    .outerjoin(_to_officer, _to_officer.id == Transfer.to_officer_id)
    .join(_asker, _asker.id == Transfer.asked_by_id)
    .order_by(Transfer.asked_at.desc(), Transfer.id)
)


def _handing(row: Any, office_id: UUID) -> Handing:
    transfer = row.Transfer
    holder = transfer.to_office_id if transfer.outcome == "done" else transfer.from_office_id
    # Once it is answered, the office that has not the case knows that there was one, not whose.
    knows = transfer.outcome is None or office_id == holder
    return Handing(
        id=transfer.id,
        case_id=transfer.case_id,
        code=row.code,
        name=f"{row.given_names} {row.family_name}".strip() if knows else row.code,
        stage=row.stage,
        place=(row.place or row.region or "") if knows else "",
        next_follow_up_on=row.next_follow_up_on if knows else None,
        from_office_id=transfer.from_office_id,
        to_office_id=transfer.to_office_id,
        from_office=row.from_office,
        to_office=row.to_office,
        from_officer=row.from_officer or "",
        to_officer=row.to_officer or "",
        reason=transfer.reason,
        note=transfer.note if knows else "",
        asked_by=row.asked_by,
        asked_at=transfer.asked_at,
        outcome=transfer.outcome,
        decided_at=transfer.decided_at,
        answer=transfer.answer,
    )


def between_offices(office_id: UUID) -> dict[str, list[Handing]]:
    """The latest transfers between this office and others: ``coming``, those that come here, and ``going``."""
    found = {}
    for name, mine, others in (
        ("coming", Transfer.to_office_id, Transfer.from_office_id),
        ("going", Transfer.from_office_id, Transfer.to_office_id),
    ):
        rows = db.session.execute(_HANDING.where(mine == office_id, others != office_id).limit(SHOWN))
        found[name] = [_handing(row, office_id) for row in rows]
    return found


def find_transfer(transfer_id: UUID, office_id: UUID) -> Handing | None:
    """A transfer, for the two offices it is between."""
    row = db.session.execute(_HANDING.where(Transfer.id == transfer_id)).first()
    if row is None or office_id not in (row.Transfer.from_office_id, row.Transfer.to_office_id):
        return None
    return _handing(row, office_id)
