"""What time it is. The only place that asks the machine's clock."""

import os
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC. Tests move it with SUIVI_TEST_CLOCK (an ISO moment)."""
    if fixed := os.environ.get("SUIVI_TEST_CLOCK"):
        return datetime.fromisoformat(fixed).astimezone(UTC)
    return datetime.now(UTC)


def today(timezone: str) -> date:
    """The calendar day it is in a time zone such as ``Africa/Conakry``."""
    return now().astimezone(ZoneInfo(timezone)).date()


def local(moment: datetime, timezone: str) -> datetime:
    """The same moment as a wall clock in that time zone shows it."""
    return moment.astimezone(ZoneInfo(timezone))


def from_local(wall_clock: datetime, timezone: str) -> datetime:
    """The UTC moment at which a wall clock in that time zone shows this time."""
    try:
        return wall_clock.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, west of Greenwich
        return wall_clock.replace(tzinfo=UTC)
