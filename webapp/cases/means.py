"""What there is to spend in a case: whoever keeps the money says it, others read it, and neither knows the other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from ..money import Money


@dataclass(frozen=True)
class Means:
    """What was granted and what is left of it, in all and in the categories that have a ceiling of their own."""

    granted: Money
    available: Money
    ceilings: dict[str, Money] = field(default_factory=dict)
    unused: dict[str, Money] = field(default_factory=dict)
    """What is left below each ceiling, whether or not so much is left in all."""

    def ceiling(self, category: str) -> Money:
        """The most that may go to a category."""
        return self.ceilings.get(category, self.granted)

    def left(self, category: str) -> Money:
        """What may still be asked for in a category."""
        return min(self.available, self.unused.get(category, self.available))


@dataclass(frozen=True)
class Source:
    """A feature that knows the means of some cases, and the currencies in which they are granted at all."""

    means: Callable[[list[UUID]], dict[UUID, Means]]
    currencies: Callable[[], list[str]]


SOURCES: list[Source] = []
"""Filled by the feature that keeps the money."""


def means_of(case_ids: list[UUID]) -> dict[UUID, Means]:
    """The means of those of these cases to which something was granted."""
    return {id: means for source in SOURCES for id, means in source.means(case_ids).items()}


def currencies() -> list[str]:
    """Every currency in which something may be granted."""
    return list(dict.fromkeys(currency for source in SOURCES for currency in source.currencies()))
