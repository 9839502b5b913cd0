"""What people say of the help at the end: the mean of what was answered. Pure."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

OVERALL, SATISFIED_FROM = "overall", 4


def score(answers: Mapping[str, int]) -> Decimal | None:
    """The mean of the answered items, exactly; none answered has none. An item without an answer is never 0."""
    return Decimal(sum(answers.values())) / len(answers) if answers else None


def shown(value: Decimal) -> Decimal:
    """The score with one digit, half up."""
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)
