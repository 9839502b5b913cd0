"""The steps of a return and their order: read from a project's file, checked to the last key. Nothing is stored here."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..projects import FaultyProject, names, read

FILE = "procedure.toml"
SENDING, ORIGIN = "sending", "origin"
LANGUAGES = ("fr", "en", "ar")


@dataclass(frozen=True)
class Kind:
    """What a step is about: who does it, and the stage of the accompaniment that is reached by it, if any."""

    side: str
    stage: str | None = None
    once: bool = False
    """Stands in every procedure, exactly once."""


KINDS: Mapping[str, Kind] = {
    "contact": Kind(SENDING, "first_contact", once=True),
    "interview": Kind(SENDING, "interview"),
    "medical": Kind(SENDING, "medical_check"),
    "document": Kind(SENDING, "travel_document"),
    "training": Kind(SENDING),
    "note": Kind(SENDING),
    "departure": Kind(SENDING, "departure_set", once=True),
    "boarding": Kind(SENDING, "departed"),
    "arrival": Kind(ORIGIN, "arrived", once=True),
    "contact_there": Kind(ORIGIN),
    "orientation": Kind(ORIGIN),
}
AFTER_DEPARTURE = ("boarding", "arrival", "contact_there", "orientation")


@dataclass(frozen=True)
class Step:
    """One step of a project's procedure."""

    name: str
    kind: str
    optional: bool = False
    """Offered, never waited for."""
    repeats: bool = False
    """May be done several times without saying why, such as a session of training."""
    title: Mapping[str, str] | None = None
    """What the project calls it, by language; else the kind's own name."""

    @property
    def side(self) -> str:
        return KINDS[self.kind].side

    @property
    def stage(self) -> str | None:
        return KINDS[self.kind].stage


@dataclass(frozen=True)
class Steps:
    """The steps of one project, in order."""

    title: str
    version: int
    steps: tuple[Step, ...]

    def named(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    def of_kind(self, kind: str) -> Step:
        """The step of a kind that every procedure has."""
        return next(step for step in self.steps if step.kind == kind)

    def after_stage(self, stage: str) -> Step:
        """The first step still to do for a case that came with this stage: what is before it was done elsewhere."""
        reached = [place for place, step in enumerate(self.steps) if step.stage == stage]
        place = reached[-1] + 1 if reached else 0
        return self.steps[min(place, len(self.steps) - 1)]

    def waiting(self, settled: Collection[str], *, began_with: str) -> list[Step]:
        """The steps still to do before the return is through, first the next one."""
        before = {step.name for step in self.steps[: self._place(began_with)]}
        return [
            step
            for step in self.steps
            if not step.optional and step.name not in settled and step.name not in before
        ]

    def before_departure(self, settled: Collection[str], *, began_with: str) -> list[Step]:
        """What still stands between the person and a date of departure."""
        end = self._place(self.of_kind("departure").name)
        earlier = {step.name for step in self.steps[:end]}
        return [step for step in self.waiting(settled, began_with=began_with) if step.name in earlier]

    def _place(self, name: str) -> int:
        return next((place for place, step in enumerate(self.steps) if step.name == name), 0)


def steps_of(project: str) -> Steps:
    """The procedure of a project; raises ``FaultyProject``."""
    return parse(read(project, FILE), f"{project}/{FILE}")


def check_projects(*_asked: Any) -> None:
    """Read the procedure of every project; raises ``FaultyProject``."""
    for name in names():
        steps_of(name)


def parse(said: Mapping[str, Any], file: str = FILE) -> Steps:
    """Check what a file says, to the last key; all its faults at once."""
    faults = [f"{key}: unknown key" for key in said if key not in ("title", "version", "steps")]
    if not isinstance(said.get("title"), str) or not said["title"].strip():
        faults.append("title: a text is needed")
    if not _is_whole(said.get("version")) or said["version"] < 1:
        faults.append("version: a whole number from 1 is needed")
    listed = said.get("steps")
    if not isinstance(listed, list) or not 3 <= len(listed) <= 40:
        raise FaultyProject(file, [*faults, "steps: 3 to 40 tables [[steps]] are needed"])
    steps = [_step(one, f"steps[{number}]", faults) for number, one in enumerate(listed, start=1)]
    known = [step for step in steps if step is not None]
    if len(known) == len(steps):
        faults += _faults_of_order(known)
    if faults:
        raise FaultyProject(file, faults)
    return Steps(said["title"].strip(), said["version"], tuple(known))


def _step(said: Any, place: str, faults: list[str]) -> Step | None:
    if not isinstance(said, dict):
        faults.append(f"{place}: a table is needed")
        return None
    before = len(faults)
    faults += [
        f"{place}.{key}: unknown key"
        for key in said
        if key not in ("name", "kind", "optional", "repeats", "title")
    ]
    if not isinstance(said.get("name"), str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", said["name"]):
        faults.append(f"{place}.name: small letters, digits and _ are needed, 30 at most")
    if said.get("kind") not in KINDS:
        faults.append(f"{place}.kind: one of {', '.join(KINDS)} is needed")
    faults += [
        f"{place}.{key}: true or false is needed"
        for key in ("optional", "repeats")
        if not isinstance(said.get(key, False), bool)
    ]
    title = said.get("title")
    if title is not None and not (
        isinstance(title, dict)
        and set(title) == set(LANGUAGES)
        and all(isinstance(words, str) and 0 < len(words.strip()) <= 60 for words in title.values())
    ):
        faults.append(
            f"{place}.title: a table with {', '.join(LANGUAGES)} is needed, 60 letters at most each"
        )
    if len(faults) > before:
        return None
    return Step(said["name"], said["kind"], said.get("optional", False), said.get("repeats", False), title)


def _faults_of_order(steps: list[Step]) -> list[str]:
    called, kinds = [step.name for step in steps], [step.kind for step in steps]
    faults = [
        f"steps: the name {name} stands twice" for name in sorted({n for n in called if called.count(n) > 1})
    ]
    for kind, about in KINDS.items():
        if about.once and kinds.count(kind) != 1:
            faults.append(f"steps: exactly one step of the kind {kind} is needed")
        elif about.once and steps[kinds.index(kind)].optional:
            faults.append(f"steps: the step of the kind {kind} cannot be optional")
    if faults:
        return faults
    departure, arrival = kinds.index("departure"), kinds.index("arrival")
    if steps[arrival].name != "arrival":
        # The phone carries this form for all cases, under one address.
        faults.append("steps: the step of the kind arrival is named arrival")
    if kinds[0] != "contact":
        faults.append("steps: the first contact comes first")
    for place, step in enumerate(steps):
        if step.kind in AFTER_DEPARTURE and place < departure:
            faults.append(f"steps: {step.name} comes after the departure")
        if step.kind in ("contact_there", "orientation") and place < arrival:
            faults.append(f"steps: {step.name} comes after the arrival")
        if step.side == SENDING and place > arrival:
            faults.append(f"steps: {step.name} comes before the arrival")
    return faults


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
