"""Reads for granting, releasing and adjusting."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from ... import projects
from ...cases.models import Case, TimelineEntry
from ...database import db
from ...formats import plain
from ...money import Money
from ...people.models import Staff
from ..models import Adjustment, Allocation, AllocationRule, Donor, Instalment
from ..rules import read_rule

PROOFS = ("visit.recorded", "payment.delivered", "payment.verified", "returnee.received")
"""What on the timeline may show that a condition is met."""
MOST_PROOFS = 20


def allocation_of(case_id: UUID) -> Allocation | None:
    """The case's allocation."""
    return db.session.scalar(select(Allocation).where(Allocation.case_id == case_id))


def rules_for(project: str) -> list[AllocationRule]:
    """The latest version of each rule that cases of this project may be granted money under."""
    known = projects.names()
    return [rule for rule in rules_in_force() if read_rule(rule.text).is_for(project, known)]


def rules_in_force() -> list[AllocationRule]:
    """The latest version of each rule."""
    latest = select(AllocationRule.name, func.max(AllocationRule.version).label("version")).group_by(
        AllocationRule.name
    )
    newest = latest.subquery()
    return list(
        db.session.scalars(
            select(AllocationRule)
            .join(
                newest,
                (newest.c.name == AllocationRule.name) & (newest.c.version == AllocationRule.version),
            )
            .order_by(AllocationRule.name)
        )
    )


def rule_in_force(id: UUID) -> AllocationRule | None:
    """A rule, if it is the latest version of its name."""
    return next((rule for rule in rules_in_force() if rule.id == id), None)


def promised_to(case_id: UUID) -> Money | None:
    """What the sending mission's list said this person may get at most."""
    minor, currency = db.session.execute(
        select(Case.ceiling_minor, Case.ceiling_currency).where(Case.id == case_id)
    ).one()
    return Money(minor, currency) if minor is not None and currency else None


def donors() -> list[Donor]:
    """Whose money there is."""
    return list(db.session.scalars(select(Donor).order_by(Donor.name)))


def donor_called(name: str) -> Donor | None:
    """The donor of that name, however it is written."""
    return next((donor for donor in donors() if plain(donor.name) == plain(name)), None)


def instalment(allocation_id: UUID, number: int) -> Instalment | None:
    """One instalment."""
    return db.session.get(Instalment, (allocation_id, number))


def instalments_of(allocation_id: UUID) -> list[Instalment]:
    """All instalments of an allocation, in their order."""
    return list(
        db.session.scalars(
            select(Instalment).where(Instalment.allocation_id == allocation_id).order_by(Instalment.number)
        )
    )


def proofs_of(case_id: UUID) -> list[Any]:
    """What lately happened in a case that may show that a condition is met: number, kind and when."""
    return list(
        db.session.execute(
            select(TimelineEntry.number, TimelineEntry.kind, TimelineEntry.happened_at)
            .where(TimelineEntry.case_id == case_id, TimelineEntry.kind.in_(PROOFS))
            .order_by(TimelineEntry.happened_at.desc(), TimelineEntry.number.desc())
            .limit(MOST_PROOFS)
        )
    )


@dataclass(frozen=True)
class Proposed:
    """A correction as lists show it."""

    id: UUID
    case_id: UUID
    code: str
    amount: Money
    reason: str
    proposed_by_id: UUID
    proposed_by: str
    proposed_at: datetime
    outcome: str | None
    decided_by: str
    decided_at: datetime | None
    taken_back: bool
    refusal: str


_proposer, _decider = aliased(Staff), aliased(Staff)
_PROPOSED = (
    select(
        Adjustment,
        Allocation.case_id,
        Allocation.case_code,
        Allocation.currency,
        _proposer.name.label("proposed_by"),
        _decider.name.label("decided_by"),
        TimelineEntry.facts.label("refused"),
    )
    .join(Allocation, Allocation.id == Adjustment.allocation_id)
    .join(_proposer, _proposer.id == Adjustment.proposed_by_id)
    .outerjoin(_decider, _decider.id == Adjustment.decided_by_id)
    .outerjoin(
        TimelineEntry,
        (TimelineEntry.case_id == Allocation.case_id)
        & (TimelineEntry.kind == "adjustment.refused")
        & (TimelineEntry.subject_id == Adjustment.id),
    )
)


def adjustments_of(allocation_id: UUID) -> list[Proposed]:
    """The corrections of an allocation, newest first."""
    return _proposed(
        _PROPOSED.where(Adjustment.allocation_id == allocation_id)
        .order_by(Adjustment.proposed_at.desc(), Adjustment.id)
        .limit(100)
    )


def undecided_adjustments(office_id: UUID) -> list[Proposed]:
    """The office's corrections that wait for a second person, longest waiting first."""
    return _proposed(
        _PROPOSED.where(Allocation.office_id == office_id, Adjustment.outcome.is_(None))
        .order_by(Adjustment.proposed_at, Adjustment.id)
        .limit(100)
    )


def _proposed(query: Any) -> list[Proposed]:
    return [
        Proposed(
            id=row.Adjustment.id,
            case_id=row.case_id,
            code=row.case_code,
            amount=Money(row.Adjustment.minor, row.currency),
            reason=row.Adjustment.reason,
            proposed_by_id=row.Adjustment.proposed_by_id,
            proposed_by=row.proposed_by,
            proposed_at=row.Adjustment.proposed_at,
            outcome=row.Adjustment.outcome,
            decided_by=row.decided_by or "",
            decided_at=row.Adjustment.decided_at,
            taken_back=row.Adjustment.outcome == "refused"
            and row.Adjustment.decided_by_id == row.Adjustment.proposed_by_id,
            refusal=(row.refused or {}).get("refusal", ""),
        )
        for row in db.session.execute(query)
    ]


def adjustment_for_deed(id: UUID) -> Adjustment | None:
    """A correction, held until the transaction ends."""
    return db.session.scalar(
        select(Adjustment)
        .where(Adjustment.id == id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
