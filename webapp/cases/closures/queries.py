"""Reads for the page of an accompaniment's end."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from ...database import db
from ...people.models import Staff
from ...permissions import Role, may
from ..open_matters import MATTERS, open_matters
from .models import Closure


@dataclass(frozen=True)
class Unmet:
    """What keeps a case from being closed, and where it is seen to. ``told`` is empty for who may not know what."""

    told: str
    url: str
    may_stay: bool


def unmet(case_id: UUID, *, by: Any, case: Any) -> list[Unmet]:
    """What is still open in a case."""
    found = []
    for name, count in open_matters(case_id).items():
        matter = MATTERS[name]
        known = may(by, matter.seen_with, case)
        found.append(
            Unmet(matter.told(count), matter.url(case_id), matter.may_stay)
            if known
            else Unmet("", "", matter.may_stay)
        )
    return found


_asker, _decider, _reopener = aliased(Staff), aliased(Staff), aliased(Staff)
_CLOSURES = (
    select(
        Closure,
        _asker.name.label("asked_by"),
        _decider.name.label("decided_by"),
        _reopener.name.label("reopened_by"),
    )
    .join(_asker, _asker.id == Closure.asked_by_id)
    .outerjoin(_decider, _decider.id == Closure.decided_by_id)
    .outerjoin(_reopener, _reopener.id == Closure.reopened_by_id)
    .order_by(Closure.recorded_at.desc(), Closure.id)
)


def closures_of(case_id: UUID) -> list[Any]:
    """Every end that was asked for, latest first, with who asked, decided and reopened."""
    return list(db.session.execute(_CLOSURES.where(Closure.case_id == case_id)))


def standing(case_id: UUID) -> Closure | None:
    """The closure that waits for a second person, or that holds."""
    found = db.session.scalars(select(Closure).where(Closure.case_id == case_id))
    return next((closure for closure in found if closure.stands), None)


def asked_by_a_manager(closure: Closure) -> bool:
    """Whether the first person is a manager: then finance may be the second."""
    role = db.session.scalar(select(Staff.role).where(Staff.id == closure.asked_by_id))
    return role == Role.PROGRAMME_MANAGER
