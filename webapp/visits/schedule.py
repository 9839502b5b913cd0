"""When the next follow-up is due: pure arithmetic on dates, computed when something changes, by the rule of a project."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ..projects import FaultyProject, names, read
from .models import CHANNELS

FILE = "follow-ups.toml"
ANCHORS = ("arrival", "delivery")
WAYS = {"call": "phone", "home_visit": "in person", "business_visit": "in person", "office": "in person"}
"""Calling ten times is one way of trying to reach somebody; going there is another."""
CALLS_BEFORE_GOING = 2
"""After so many calls that nobody answered, somebody goes there."""


@dataclass(frozen=True)
class Step:
    """A follow-up that the rule asks for, so many days or months after an anchor."""

    days: int
    channel: str
    after: str = "arrival"
    months: int = 0
    name: str = ""
    window: int = 15
    """It may be done so many days before or after its day; after that it is overdue."""

    def day(self, anchors: Mapping[str, date | None]) -> date | None:
        """Its day, or None while what it follows has not happened."""
        anchor = anchors.get(self.after)
        return anchor and months_later(anchor, self.months) + timedelta(days=self.days)

    @property
    def early(self) -> timedelta:
        # The first call comes a week after arrival: a window of fifteen days would open before it.
        return timedelta(days=min(self.window, (self.days + 30 * self.months) // 2))


@dataclass(frozen=True)
class Lost:
    """When a contact counts as lost: so many attempts, on so many ways, over so many days."""

    attempts: int = 3
    ways: int = 2
    days: int = 60


@dataclass(frozen=True)
class Rule:
    """The follow-ups of one project."""

    steps: tuple[Step, ...]
    soon: Mapping[str, timedelta] = field(
        default_factory=lambda: {"serious": timedelta(days=7), "some": timedelta(days=30)}
    )
    """How soon to be back when the officer noticed something."""
    try_again: timedelta = timedelta(days=3)
    lost: Lost = Lost()
    version: int = 1


@dataclass(frozen=True)
class Try:
    """A contact that was tried and failed."""

    on: date
    channel: str


@dataclass(frozen=True)
class Due:
    """The next follow-up: on which day, by which channel, and the last day on which it is in time."""

    on: date
    channel: str
    ends_on: date


@dataclass(frozen=True)
class Appointment:
    """One step of the rule in a case: its day, its window, and how it stands today."""

    step: Step
    on: date
    opens_on: date
    ends_on: date
    state: str
    """``done``, ``missed`` (the window of the next one opened first), ``overdue``, ``due`` or ``coming``."""


def months_later(day: date, months: int) -> date:
    """The same day so many months later; the last of the month where there is no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def calendar(
    rule: Rule,
    *,
    arrived_on: date | None,
    delivered_on: date | None = None,
    last_reached_on: date | None = None,
    today: date,
) -> list[Appointment]:
    """Every follow-up of the rule whose anchor is known, in order, and how each stands today.

    A contact counts for the step whose window it falls into and for all before it.
    """
    anchors = {"arrival": arrived_on, "delivery": delivered_on}
    dated = sorted(
        ((day, place, step) for place, step in enumerate(rule.steps) if (day := step.day(anchors))),
        key=lambda one: one[:2],
    )
    found = []
    for place, (day, _order, step) in enumerate(dated):
        opens_on, ends_on = day - step.early, day + step.early
        later = dated[place + 1] if place + 1 < len(dated) else None
        if last_reached_on is not None and opens_on <= last_reached_on:
            state = "done"
        elif later is not None and ends_on < today and later[0] - later[2].early <= today:
            state = "missed"
        elif ends_on < today:
            state = "overdue"
        else:
            state = "due" if opens_on <= today else "coming"
        found.append(Appointment(step, day, opens_on, ends_on, state))
    return found


def next_due(
    *,
    arrived_on: date | None,
    last_reached_on: date | None,
    delivered_on: date | None = None,
    tries: Sequence[Try] = (),
    agreed_on: date | None = None,
    concern: str = "none",
    rule: Rule,
    today: date,
) -> Due | None:
    """The next follow-up of a case, or None before arrival and after the last step.

    A concern, a date agreed with the returnee, or a contact that failed bring the next one forward, never back.
    ``tries`` are those since the person was last reached.
    """
    candidates: list[Due] = []
    for one in calendar(
        rule, arrived_on=arrived_on, delivered_on=delivered_on, last_reached_on=last_reached_on, today=today
    ):
        if one.state not in ("done", "missed"):
            candidates.append(Due(one.on, one.step.channel, one.ends_on))
            break
    if last_reached_on is not None and concern in rule.soon:
        candidates.append(_by(last_reached_on + rule.soon[concern], "home_visit"))
    if agreed_on is not None and (last_reached_on is None or agreed_on > last_reached_on):
        candidates.append(_by(agreed_on, "call"))
    if tries:
        only_called = all(one.channel == "call" for one in tries)
        channel = "home_visit" if only_called and len(tries) >= CALLS_BEFORE_GOING else "call"
        candidates.append(_by(max(one.on for one in tries) + rule.try_again, channel))
    return min(candidates, key=lambda due: due.on, default=None)


def is_lost(rule: Rule, tries: Sequence[Try]) -> bool:
    """Whether the attempts since the person was last reached are enough to say that contact is lost."""
    if not tries:
        return False
    days = (max(one.on for one in tries) - min(one.on for one in tries)).days
    ways = {WAYS[one.channel] for one in tries}
    return len(tries) >= rule.lost.attempts and len(ways) >= rule.lost.ways and days >= rule.lost.days


def _by(day: date, channel: str) -> Due:
    return Due(day, channel, day + timedelta(days=3))


# The rule as data


def rule_of(project: str) -> Rule:
    """The rule of a project; raises ``FaultyProject``."""
    return parse(read(project, FILE), f"{project}/{FILE}")


def check_projects(*_asked: Any) -> None:
    """Read the schedule of every project; raises ``FaultyProject``."""
    for name in names():
        rule_of(name)


def parse(said: Mapping[str, Any], file: str = FILE) -> Rule:
    """Check what a file says, to the last key; all its faults at once."""
    faults = _unknown(said, ("version", "window_days", "try_again_days", "soon", "lost", "follow_ups"), "")
    version = _whole(said, "version", 1, 10_000, faults)
    window = _whole(said, "window_days", 0, 90, faults)
    try_again = _whole(said, "try_again_days", 1, 60, faults)
    soon, lost = _table(said, "soon", faults), _table(said, "lost", faults)
    faults += _unknown(soon, ("serious_days", "some_days"), "soon.")
    faults += _unknown(lost, ("attempts", "ways", "days"), "lost.")
    days_soon = {
        name: timedelta(days=_whole(soon, f"{name}_days", 1, 365, faults, "soon."))
        for name in ("serious", "some")
    }
    when_lost = Lost(
        _whole(lost, "attempts", 1, 50, faults, "lost."),
        _whole(lost, "ways", 1, 2, faults, "lost."),
        _whole(lost, "days", 0, 730, faults, "lost."),
    )
    listed = said.get("follow_ups")
    if not isinstance(listed, list) or not 1 <= len(listed) <= 60:
        raise FaultyProject(file, [*faults, "follow_ups: 1 to 60 tables [[follow_ups]] are needed"])
    steps = [
        _step(one, f"follow_ups[{number}].", window, faults) for number, one in enumerate(listed, start=1)
    ]
    named = [step.name for step in steps]
    faults += [
        f"follow_ups: the name {name} stands twice"
        for name in sorted({n for n in named if named.count(n) > 1})
    ]
    if faults:
        raise FaultyProject(file, faults)
    return Rule(tuple(steps), days_soon, timedelta(days=try_again), when_lost, version)


def _step(said: Any, place: str, window: int, faults: list[str]) -> Step:
    if not isinstance(said, dict):
        faults.append(f"{place.rstrip('.')}: a table is needed")
        return Step(0, "call")
    faults += _unknown(said, ("name", "after", "days", "months", "channel", "window_days"), place)
    if not isinstance(said.get("name"), str) or not said["name"]:
        faults.append(f"{place}name: a text is needed")
    if said.get("after") not in ANCHORS:
        faults.append(f"{place}after: one of {', '.join(ANCHORS)} is needed")
    if said.get("channel") not in CHANNELS:
        faults.append(f"{place}channel: one of {', '.join(CHANNELS)} is needed")
    if ("days" in said) == ("months" in said):
        faults.append(f"{place}days: either days or months are needed")
    return Step(
        _whole(said, "days", 0, 3_650, faults, place) if "days" in said else 0,
        str(said.get("channel")),
        str(said.get("after")),
        _whole(said, "months", 1, 120, faults, place) if "months" in said else 0,
        str(said.get("name")),
        _whole(said, "window_days", 0, 90, faults, place) if "window_days" in said else window,
    )


def _unknown(said: Mapping[str, Any], known: Sequence[str], place: str) -> list[str]:
    return [f"{place}{key}: unknown key" for key in said if key not in known]


def _table(said: Mapping[str, Any], key: str, faults: list[str]) -> Mapping[str, Any]:
    table = said.get(key)
    if isinstance(table, dict):
        return table
    faults.append(f"{key}: a table is needed")
    return {}


def _whole(
    said: Mapping[str, Any], key: str, least: int, most: int, faults: list[str], place: str = ""
) -> int:
    value = said.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    faults.append(f"{place}{key}: a whole number from {least} to {most} is needed")
    return least
