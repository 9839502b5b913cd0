"""What returns add to the page of a case: the tracker, and until the arrival what is waited for."""

from typing import Any
from uuid import UUID

from .. import clock
from ..cases.models import RETURNING
from ..cases.pages import PARTS
from . import queries
from .procedures import steps_of
from .words import step_name, tracker


def trackers(cases: list[Any], person: Any) -> dict[UUID, Any]:
    """The tracker of each case; returns under way or stopped are looked up, the others cost nothing."""
    cases = [case for case in cases if case.id is not None]  # a form for every case is about none
    under_way = [case.id for case in cases if case.stage in RETURNING]
    waits = queries.waits_of(under_way) if under_way else {}
    stopped = [case.id for case in cases if case.stage == "interrupted"]
    stops = queries.interruptions_of(stopped) if stopped else {}
    found = {}
    for case in cases:
        if case.stage == "interrupted":
            stage = stops[case.id].stage_before if case.id in stops else "first_contact"
            found[case.id] = tracker(stage, interrupted=True)
        elif case.id in waits and (step := steps_of(case.project).named(waits[case.id].next_step or "")):
            since = clock.local(waits[case.id].waiting_since, person.timezone).date()
            found[case.id] = tracker(case.stage, waits_for=step_name(step, person.locale), waits_since=since)
        else:
            found[case.id] = tracker(case.stage)
    return found


PARTS["tracker"] = trackers
