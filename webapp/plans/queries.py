"""Reads about plans: the versions of a case, and what became of their steps."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import aliased

from ..database import db
from ..people.models import Staff
from .models import Plan, PlanStepOutcome

_decider = aliased(Staff)
_VERSIONS = (
    select(Plan, Staff.name.label("author_name"), _decider.name.label("decider_name"))
    .join(Staff, Staff.id == Plan.author_id)
    .outerjoin(_decider, _decider.id == Plan.decided_by_id)
    .where(Plan.case_id.in_(bindparam("cases", expanding=True)))
    .order_by(Plan.number.desc())
)
_OUTCOMES = select(PlanStepOutcome).where(PlanStepOutcome.case_id.in_(bindparam("cases", expanding=True)))


def versions_of(case_ids: list[UUID]) -> dict[UUID, list[Any]]:
    """Every version of some cases' plans with who wrote and who decided it, the newest first."""
    found: dict[UUID, list[Any]] = {}
    for row in db.session.execute(_VERSIONS, {"cases": case_ids}):
        found.setdefault(row.Plan.case_id, []).append(row)
    return found


def versions(case_id: UUID) -> list[Any]:
    """The versions of one case, the newest first."""
    return versions_of([case_id]).get(case_id, [])


def cases_with_plan(case_ids: Collection[UUID]) -> set[UUID]:
    """Those of these cases for which a plan was ever submitted."""
    return set(db.session.scalars(select(Plan.case_id).where(Plan.case_id.in_(case_ids)).distinct()))


def outcomes_of(case_ids: list[UUID]) -> dict[UUID, dict[str, PlanStepOutcome]]:
    """What became of steps of some cases' plans, by the key of the step."""
    found: dict[UUID, dict[str, PlanStepOutcome]] = {}
    for each in db.session.scalars(_OUTCOMES, {"cases": case_ids}):
        found.setdefault(each.case_id, {})[str(each.step)] = each
    return found


def find_plan(case_id: UUID, plan_id: UUID) -> Plan | None:
    """A version, if it is of this case."""
    found: Plan | None = db.session.scalar(select(Plan).where(Plan.id == plan_id, Plan.case_id == case_id))
    return found


def approved_plan(case_id: UUID) -> Plan | None:
    """The version that counts: the last one that was approved."""
    query = select(Plan).where(Plan.case_id == case_id, Plan.state == "approved")
    found: Plan | None = db.session.scalar(query.order_by(Plan.number.desc()).limit(1))
    return found


def known_keys(case_id: UUID) -> set[str]:
    """The keys of all rows that ever stood in the plan of this case."""
    kept = db.session.execute(select(Plan.steps, Plan.lines).where(Plan.case_id == case_id))
    return {row["key"] for steps, lines in kept for row in (*steps, *lines)}
