"""What is done with allocations as a whole: rules are loaded, money is granted under them."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select

from .. import projects
from ..cases.models import Case
from ..database import db
from ..money import Money
from ..people.models import Office
from .ledger import (
    ExceedsAllocation,
    ExceedsRequest,
    IdTaken,
    LimitExceeded,
    available,
    hold_back,
    post,
)
from .models import Allocation, AllocationLimit, AllocationRule, Donor, Instalment
from .rates import NoRate, convert, in_currency, rate_on
from .rules import Approval, DuePart, Fault, FaultyRule, NoCeiling, Persons, Rule, read_rule

__all__ = [
    "AlreadyGranted",
    "ExceedsAllocation",
    "ExceedsCeiling",
    "ExceedsRequest",
    "IdTaken",
    "LimitExceeded",
    "approval_of",
    "available",
    "grant",
    "grant_under",
    "load_rule",
    "post",
    "read_new_rule",
    "rule_of",
    "terms_of",
]


class AlreadyGranted(Exception):
    """The case has its allocation; another cannot be granted beside it."""


class ExceedsCeiling(ExceedsAllocation):
    """More was to be granted than the rule's ceiling for these persons."""


def read_new_rule(text: str) -> tuple[Rule, AllocationRule | None]:
    """Read a rule that is to be loaded, and the row it already has if the same text was loaded before.

    Raises FaultyRule with a sentence for each fault: a version that is loaded is never changed, only superseded.
    """
    rule = read_rule(text)
    if rule.project and rule.project not in (known := projects.names()):
        raise FaultyRule([Fault("not_one_of", "project", facts={"words": ", ".join(known)}).on(text)])
    loaded = db.session.scalar(
        select(AllocationRule).where(AllocationRule.name == rule.name, AllocationRule.version == rule.version)
    )
    if loaded is not None and loaded.text != text:
        raise FaultyRule([Fault("version_taken", "version", facts={"version": str(rule.version)}).on(text)])
    latest = db.session.scalar(
        select(func.max(AllocationRule.version)).where(AllocationRule.name == rule.name)
    )
    if loaded is None and latest is not None and rule.version < latest:
        raise FaultyRule([Fault("version_old", "version", facts={"latest": str(latest)}).on(text)])
    return rule, loaded


def load_rule(text: str, *, by: UUID | None, now: datetime) -> AllocationRule:
    """Keep one version of a rule; the same text again finds its row. Raises FaultyRule."""
    rule, loaded = read_new_rule(text)
    if loaded is None:
        loaded = AllocationRule(
            id=uuid4(),
            name=rule.name,
            version=rule.version,
            currency=rule.currency,
            text=text,
            loaded_at=now,
            loaded_by_id=by,
        )
        db.session.add(loaded)
        db.session.flush()
    return loaded


def rule_of(allocation: Allocation) -> Rule | None:
    """The rule under which it was granted, in the version it had then; None when there was none."""
    if allocation.rule_id is None:
        return None
    return read_rule(db.session.get_one(AllocationRule, allocation.rule_id).text)


def approval_of(allocation: Allocation, amount: Money, *, on: date) -> tuple[Rule, Approval] | None:
    """The rule of an allocation, and what it asks of a purchase of ``amount``; None where there is no rule.

    Raises NoRate when the rule is written in a currency that the day has no rate for.
    """
    rule = rule_of(allocation)
    return (rule, rule.approval_for(in_currency(amount, rule.currency, on)[0])) if rule else None


@dataclass(frozen=True)
class Terms:
    """What a rule allows the persons of one case, and what an allocation under it would be."""

    ceiling: Money
    granted: Money
    valid_until: date | None
    limits: dict[str, Money]
    parts: list[DuePart]


def terms_of(
    case: Case,
    rule: AllocationRule,
    *,
    return_type: str,
    persons: Persons,
    currency: str,
    on: date,
    amount: Money | None = None,
) -> Terms:
    """What granting under a rule on a day would do; nothing is written.

    Raises ExceedsCeiling, ``rules.NoCeiling``, NoRate when the donor's currency needs one.
    """
    told = _told_in(read_rule(rule.text), currency, on)
    if not told.is_for(case.project, projects.names()):
        raise NoCeiling(case.project)
    ceiling = told.ceiling(return_type, persons)
    granted = amount or ceiling
    if ceiling < granted:
        raise ExceedsCeiling(granted, ceiling)
    events = {"grant": on, "arrival": case.arrived_on, "departure": case.departed_on}
    return Terms(
        ceiling=ceiling,
        granted=granted,
        valid_until=told.valid_until(on),
        limits=told.limits(granted, persons),
        parts=told.instalments(granted, events),
    )


def grant_under(
    case: Case,
    rule: AllocationRule,
    *,
    return_type: str,
    persons: Persons,
    donor: Donor,
    by: UUID,
    now: datetime,
    amount: Money | None = None,
    local_currency: str | None = None,
    id: UUID | None = None,
) -> Allocation:
    """Open the case's allocation under a rule: what it allows these persons, or ``amount`` below that.

    Sub-ceilings and instalments come from the rule; its version stays with the allocation. ``id`` is the key of the
    entry. Raises AlreadyGranted, and what ``terms_of`` raises.
    """
    if db.session.scalar(select(Allocation.id).where(Allocation.case_id == case.id)) is not None:
        raise AlreadyGranted(case.code)
    terms = terms_of(
        case, rule, return_type=return_type, persons=persons, currency=donor.currency, on=now.date(), amount=amount
    )  # fmt: skip
    allocation = grant(
        case,
        terms.granted,
        donor=donor,
        local_currency=local_currency or db.session.get_one(Office, case.office_id).currency,
        by=by,
        now=now,
        valid_until=terms.valid_until,
        rule=rule,
        entry_id=id,
    )
    for name, most in terms.limits.items():
        db.session.add(AllocationLimit(allocation_id=allocation.id, name=name, ceiling_minor=most.minor))
    later = 0
    for part in terms.parts:
        db.session.add(
            Instalment(
                allocation_id=allocation.id,
                number=part.number,
                minor=part.amount.minor,
                condition=part.condition,
                due_on=part.due_on,
                released_at=now if part.at_once else None,
                released_by_id=by if part.at_once else None,
            )
        )
        later += 0 if part.at_once else part.amount.minor
    db.session.flush()
    if later:
        hold_back(allocation, later)
    return allocation


def _told_in(rule: Rule, currency: str, on: date) -> Rule:
    """The rule in the donor's currency; its ceilings are rounded down."""
    if rule.currency == currency:
        return rule
    rate = rate_on(rule.currency, currency, on)
    if rate is None:
        raise NoRate(rule.currency, currency, on)
    return rule.told_in(currency, lambda amount: convert(amount, rate, "down"))


def grant(
    case: Case,
    amount: Money,
    *,
    donor: Donor,
    local_currency: str,
    by: UUID | None,
    now: datetime,
    valid_until: date | None = None,
    what: str = "",
    entry_id: UUID | None = None,
    rule: AllocationRule | None = None,
) -> Allocation:
    """Open the case's allocation with what the donor grants."""
    allocation = Allocation(
        id=uuid4(),
        case_id=case.id,
        donor_id=donor.id,
        office_id=case.office_id,
        rule_id=rule.id if rule else None,
        case_code=case.code,
        currency=amount.currency,
        local_currency=local_currency,
        valid_until=valid_until,
    )
    db.session.add(allocation)
    db.session.flush()
    post(allocation, "granted", amount, what=what or donor.name, by=by, now=now, case=case, id=entry_id)
    return allocation
