"""What the allocation of a case leaves, for features that hold something against it."""

from uuid import UUID

from sqlalchemy import bindparam, select

from ..cases.means import SOURCES, Means, Source
from ..database import db
from ..money import Money
from . import ledger
from .models import CASH, Allocation, AllocationLimit
from .requests.queries import donor_currencies

_ALLOCATIONS = select(Allocation).where(Allocation.case_id.in_(bindparam("cases", expanding=True)))
_LIMITS = select(AllocationLimit).where(
    AllocationLimit.allocation_id.in_(bindparam("allocations", expanding=True)), AllocationLimit.name != CASH
)


def means_of(case_ids: list[UUID]) -> dict[UUID, Means]:
    """The means of those of these cases that have an allocation."""
    found = {
        allocation.id: (
            allocation.case_id,
            Means(
                granted=Money(allocation.granted_minor + allocation.adjusted_minor, allocation.currency),
                available=ledger.available(allocation),
            ),
        )
        for allocation in db.session.scalars(_ALLOCATIONS, {"cases": case_ids})
    }
    for limit in db.session.scalars(_LIMITS, {"allocations": list(found)}) if found else ():
        _case_id, means = found[limit.allocation_id]
        currency = means.granted.currency
        means.ceilings[limit.name] = Money(limit.ceiling_minor, currency)
        means.unused[limit.name] = Money(limit.ceiling_minor - limit.used_minor, currency)
    return dict(found.values())


SOURCES.append(Source(means_of, donor_currencies))
