"""Numbers about groups of people: exact sums, intervals, and what must not be told because the group is too small. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

FEWEST = 10
"""Nothing psychosocial is told of fewer people than these."""
FEWEST_IN_A_CELL = 5
FEWEST_TO_COMPARE = 30
_NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Summary:
    """How many, their mean and their median, exactly."""

    n: int
    mean: Fraction
    median: Fraction


@dataclass(frozen=True)
class Interval:
    """A mean change of the same people, with the 95 % interval around it."""

    n: int
    mean: Fraction
    low: float
    high: float


def summary(values: Sequence[Fraction], *, fewest: int = FEWEST) -> Summary | None:
    """Mean and median, or None when too few people are behind them."""
    if len(values) < fewest:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Summary(len(values), sum(ordered, Fraction(0)) / len(ordered), median)


def paired_change(changes: Sequence[Fraction], *, fewest: int = FEWEST) -> Interval | None:
    """The mean of changes between two rounds of the same people, with its interval by Student's distribution."""
    n = len(changes)
    if n < max(fewest, 2):
        return None
    mean = sum(changes, Fraction(0)) / n
    variance = sum(((change - mean) ** 2 for change in changes), Fraction(0)) / (n - 1)
    half = student(n - 1) * sqrt(variance) / sqrt(n)
    return Interval(n, mean, float(mean) - half, float(mean) + half)


def student(freedom: int) -> float:
    """The 97.5 % point of Student's distribution, by its expansion around the normal one; good to 0.002 from 9 on."""
    z = _NORMAL
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def tellable(cells: Mapping[str, int]) -> dict[str, int | None]:
    """Counts of one whole, small ones hidden; never one alone, which the whole would give away."""
    told: dict[str, int | None] = {
        name: None if 0 < number < FEWEST_IN_A_CELL else number for name, number in cells.items()
    }
    hidden = [name for name, number in told.items() if number is None]
    if hidden and sum(cells[name] for name in hidden) < FEWEST_IN_A_CELL * 2:
        others = [name for name, number in told.items() if number]
        if others:
            told[min(others, key=lambda name: (cells[name], name))] = None
    return told


def groups_to_tell(sizes: Mapping[str, int]) -> set[str]:
    """Groups large enough to compare, without those that would give away a small one by subtraction."""
    large = {name for name, size in sizes.items() if size >= FEWEST_TO_COMPARE}
    rest = sum(size for name, size in sizes.items() if name not in large)
    if 0 < rest < FEWEST and large:
        large.remove(min(large, key=lambda name: (sizes[name], name)))
    # A comparison needs two.
    return large if len(large) > 1 else set()
