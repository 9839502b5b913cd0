"""Counting what happened, entry by entry, so that no dashboard counts a growing table."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from ..database import db
from .models import Tally

MEASURES = ("home_visit", "business_visit", "call", "office", "not_reached", "opened", "arrived", "closed")
"""Never anything psychosocial. No two of them add up to a third: a hidden number cannot be worked out."""


def measure_of(kind: str, facts: dict[str, Any]) -> str | None:
    """What a timeline entry counts as, if anything."""
    if kind == "visit.recorded":
        return str(facts.get("channel")) if facts.get("reached") else "not_reached"
    if kind == "case.stage" and facts.get("stage") == "arrived":
        return "arrived"
    return {"case.opened": "opened", "case.closed": "closed"}.get(kind)


def count(entries: Iterable[Any]) -> None:
    """Add entries to the tallies, in the transaction that ticks them off: each is counted once."""
    found: Counter[tuple[date, UUID, str]] = Counter()
    for entry in entries:
        if (measure := measure_of(entry.kind, entry.facts or {})) in MEASURES:
            found[entry.happened_at.date().replace(day=1), entry.office_id, measure] += 1
    # Always in the same order, so that two workers wait for each other and never in a ring.
    for (month, office_id, measure), number in sorted(found.items(), key=lambda item: str(item[0])):
        asked = _insert().values(month=month, office_id=office_id, measure=measure, number=number)
        db.session.execute(
            asked.on_conflict_do_update(
                index_elements=["month", "office_id", "measure"],
                set_={"number": Tally.number + asked.excluded.number},
            )
        )


def _insert() -> Any:
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(Tally)
