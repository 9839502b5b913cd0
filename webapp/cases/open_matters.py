"""What is still under way in a case when it stops or ends: other features say it, the case knows none of them."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Matter:
    """One kind of open matter: how many there are in a case, how a number of them is said, and where they are seen to."""

    count: Callable[[UUID], int]
    told: Callable[[int], str]
    url: Callable[[UUID], str] = lambda case_id: f"/cases/{case_id}"
    may_stay: bool = False
    """A case may end with it when somebody writes down what becomes of it."""
    to_decide: bool = True
    """When a return is interrupted, the manager says what becomes of it."""
    seen_with: str = "case.see"
    """Who may not do this reads that something is open, not what."""


MATTERS: dict[str, Matter] = {}
"""Filled by each feature for what it may leave open (see ``PARTS`` of the pages)."""


def open_matters(case_id: UUID) -> dict[str, int]:
    """What is still open, by name; nothing that is not."""
    return {name: count for name, matter in MATTERS.items() if (count := matter.count(case_id))}


def matters_to_decide(case_id: UUID) -> dict[str, int]:
    """What of it the manager decides on when the return is interrupted."""
    return {name: count for name, count in open_matters(case_id).items() if MATTERS[name].to_decide}


def matters_told(counts: dict[str, int]) -> list[str]:
    """Open matters in the reader's language."""
    return [MATTERS[name].told(count) for name, count in counts.items() if name in MATTERS]
