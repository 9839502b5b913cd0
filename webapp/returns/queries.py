"""Reads about returns: what is settled, who waits where and since when, who arrives when."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask_babel import get_locale
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import aliased

from ..cases.models import RETURNING, Case, Returnee
from ..database import db
from ..formats import listed
from ..people.models import Office, Staff
from ..permissions import Role
from .models import Interruption, Procedure, ProcedureStep
from .procedures import Step, Steps, steps_of
from .words import step_name

ON_THE_WAY = ("departure_set", "departed")
MOST = 300
ARRIVALS_AHEAD = timedelta(days=30)


def midday(day: date) -> datetime:
    """The middle of a day, as a wall clock shows it: the hour of what has only a day."""
    return datetime.combine(day, time(12))


def day(written: str) -> date:
    return date.fromisoformat(written)


def titles(steps: list[Step]) -> str:
    """Steps by their names, in the reader's language."""
    return listed(step_name(step, str(get_locale())) for step in steps)


_STEPS_OF = (
    select(
        ProcedureStep.id,
        ProcedureStep.step,
        ProcedureStep.outcome,
        ProcedureStep.happened_on,
        ProcedureStep.recorded_at,
        ProcedureStep.reason,
        ProcedureStep.facts,
        ProcedureStep.file,
        Staff.name.label("by_name"),
    )
    .join(Staff, Staff.id == ProcedureStep.by_id)
    .where(ProcedureStep.case_id == bindparam("case_id"))
    .order_by(ProcedureStep.recorded_at, ProcedureStep.id)
)


def recorded(case_id: UUID) -> list[Any]:
    """What was done, in the order in which it was written down."""
    return list(db.session.execute(_STEPS_OF, {"case_id": case_id}))


def settled(case_id: UUID) -> set[str]:
    """The steps that are through: the last word counts, so that a step done again may be open again."""
    rows = db.session.execute(
        select(ProcedureStep.step, ProcedureStep.outcome)
        .where(ProcedureStep.case_id == case_id)
        .order_by(ProcedureStep.recorded_at, ProcedureStep.id)
    )
    last = {row.step: row.outcome for row in rows}
    return {step for step, outcome in last.items() if outcome != "open"}


def is_recorded(case_id: UUID, step: str) -> bool:
    """Whether this step was done or skipped already."""
    return step in settled(case_id)


def latest_facts(case_id: UUID) -> dict[str, dict[str, Any]]:
    """The newest answers of each kind of step."""
    case = db.session.get(Case, case_id)
    assert case is not None
    kinds = {step.name: step.kind for step in steps_of(case.project).steps}
    return {kinds.get(row.step, ""): row.facts for row in recorded(case_id) if row.outcome != "skipped"}


def find_procedure(case_id: UUID) -> Procedure | None:
    return db.session.get(Procedure, case_id)


def arrived_since(case_id: UUID, moment: datetime) -> bool:
    """Whether somebody wrote down an arrival after this moment."""
    case = db.session.get(Case, case_id)
    assert case is not None
    arrival = steps_of(case.project).of_kind("arrival").name
    found = select(ProcedureStep.id).where(
        ProcedureStep.case_id == case_id, ProcedureStep.step == arrival, ProcedureStep.recorded_at > moment
    )
    return db.session.scalar(found.limit(1)) is not None


def find_step(step_id: UUID) -> ProcedureStep | None:
    return db.session.get(ProcedureStep, step_id)


def standing_interruption(case_id: UUID) -> Interruption | None:
    """The interruption that stands, if the return is stopped."""
    return db.session.scalar(
        select(Interruption).where(Interruption.case_id == case_id, Interruption.resumed_at.is_(None))
    )


def interruptions_of(case_ids: list[UUID]) -> dict[UUID, Any]:
    """The standing interruptions of some cases."""
    rows = db.session.execute(
        select(Interruption.case_id, Interruption.stage_before, Interruption.interrupted_at).where(
            Interruption.case_id.in_(case_ids), Interruption.resumed_at.is_(None)
        )
    )
    return {row.case_id: row for row in rows}


def waits_of(case_ids: list[UUID]) -> dict[UUID, Any]:
    """What some returns wait for, and since when."""
    rows = db.session.execute(
        select(Procedure.case_id, Procedure.next_step, Procedure.waiting_since).where(
            Procedure.case_id.in_(case_ids)
        )
    )
    return {row.case_id: row for row in rows}


def offices_but(office_id: UUID) -> list[Any]:
    """The offices to which somebody may return."""
    return list(
        db.session.execute(select(Office.id, Office.name).where(Office.id != office_id).order_by(Office.name))
    )


def colleagues(office_id: UUID, role: Role) -> list[Any]:
    """Who works in an office with this role."""
    return list(
        db.session.execute(
            select(Staff.id, Staff.name)
            .where(Staff.office_id == office_id, Staff.role == str(role), Staff.disabled_at.is_(None))
            .order_by(Staff.name, Staff.id)
        )
    )


@dataclass(frozen=True)
class Waiting:
    """A line of the board: who waits for which step, since when."""

    case_id: UUID
    code: str
    name: str
    step: Step
    since: datetime
    departs_on: date | None
    escorted: bool


_BOARD: Any = (
    select(
        Case.id,
        Case.code,
        Case.stage,
        Case.project,
        Case.opened_at,
        Case.caseworker_id,
        Returnee.given_names,
        Returnee.family_name,
        Procedure.next_step,
        Procedure.waiting_since,
        Procedure.departs_on,
    )
    .join(Returnee, Returnee.id == Case.returnee_id)
    .outerjoin(Procedure, Procedure.case_id == Case.id)
    .where(Case.stage.in_(RETURNING), Case.closed_at.is_(None))
    .limit(MOST)
)


def board(person_id: UUID) -> list[Waiting]:
    """The returns under way that this caseworker leads or goes along with, whoever has waited longest first."""
    rows = [
        *db.session.execute(_BOARD.where(Case.caseworker_id == person_id)),
        *db.session.execute(_BOARD.where(Case.escort_id == person_id)),
    ]
    known: dict[str, Steps] = {}
    found: dict[UUID, Waiting] = {}
    for row in rows:
        steps = known.setdefault(row.project, steps_of(row.project))
        step = steps.named(row.next_step) if row.next_step else None
        found.setdefault(
            row.id,
            Waiting(
                case_id=row.id,
                code=row.code,
                name=f"{row.given_names} {row.family_name}".strip(),
                step=step or steps.after_stage(row.stage),
                since=row.waiting_since or row.opened_at,
                departs_on=row.departs_on,
                escorted=row.caseworker_id != person_id,
            ),
        )
    return sorted(found.values(), key=lambda line: (line.since, line.code))


_officer = aliased(Staff)
_ARRIVALS = (
    select(
        Case.id,
        Case.code,
        Case.stage,
        Case.officer_id,
        Case.household_size,
        Case.needs,
        Case.place,
        Returnee.given_names,
        Returnee.family_name,
        Procedure.arrives_on,
        Procedure.departs_on,
        Procedure.flight,
        Procedure.transit,
        Procedure.assistance,
        Case.departed_on,
        _officer.name.label("officer_name"),
    )
    .join(Returnee, Returnee.id == Case.returnee_id)
    .outerjoin(Procedure, Procedure.case_id == Case.id)
    .outerjoin(_officer, _officer.id == Case.officer_id)
    .where(Case.stage.in_(ON_THE_WAY), Case.closed_at.is_(None))
    .limit(MOST)
)


def arrivals(person: Any, *, today: date) -> list[Any]:
    """Who comes within thirty days, and who should be here already: the office's, or the officer's own."""
    mine = (
        Case.officer_id == person.id
        if person.role == Role.FIELD_OFFICER
        else Case.office_id == person.office_id
    )
    rows = db.session.execute(
        _ARRIVALS.where(
            mine, or_(Procedure.arrives_on.is_(None), Procedure.arrives_on <= today + ARRIVALS_AHEAD)
        )
    )
    return sorted(rows, key=lambda row: (row.arrives_on or row.departed_on or today, row.code))
