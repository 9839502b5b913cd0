"""One table: what was measured, beside what it may be and what others need."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

HEADINGS = ("what", "budget", "measured", "beside it", "note")


@dataclass(frozen=True)
class Row:
    """One line. ``over`` says that the measured figure is beyond the budget."""

    what: str
    budget: str
    measured: str
    beside: str = ""
    note: str = ""
    over: bool = False


def as_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table that also reads well in a terminal."""
    cells = [
        (row.what, row.budget, f"{row.measured} OVER" if row.over else row.measured, row.beside, row.note)
        for row in rows
    ]
    widths = [max(len(line[place]) for line in [HEADINGS, *cells]) for place in range(len(HEADINGS))]

    def line(texts: Sequence[str]) -> str:
        return "| " + " | ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)) + " |"

    return "\n".join([line(HEADINGS), line(["-" * width for width in widths]), *map(line, cells)])


def machine() -> str:
    """Where this was measured, and how busy it was."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    busy = " Other work ran beside this: times are too long." if load > cores else ""
    return f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}, load {load:.1f}.{busy}"


def within(figure: float, budget: float) -> bool:
    return figure <= budget


def kb(count: float) -> str:
    return f"{count / 1024:,.1f} KB"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def spread(seconds: Sequence[float]) -> str:
    """``n of 15, 98-140 ms``: how many samples, and between which they lie."""
    return f"median of {len(seconds)}, {min(seconds) * 1000:,.0f}-{max(seconds) * 1000:,.0f} ms"


__all__ = ["Row", "as_table", "kb", "machine", "median", "ms", "spread", "within"]
