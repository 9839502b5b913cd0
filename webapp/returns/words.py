"""How steps and interruptions are called and told; the tracker of a case from the first contact to its closure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _

from ..cases.timeline import Telling, tell
from ..formats import day
from .procedures import Step

NAMES: dict[str, Callable[[], str]] = {
    "contact": lambda: _("Prise de contact"),
    "interview": lambda: _("Entretien"),
    "medical": lambda: _("Visite médicale"),
    "document": lambda: _("Document de voyage"),
    "training": lambda: _("Formation avant le départ"),
    "note": lambda: _("Autre étape"),
    "departure": lambda: _("Départ à fixer"),
    "boarding": lambda: _("Embarquement"),
    "arrival": lambda: _("Arrivée"),
    "contact_there": lambda: _("Contact au pays"),
    "orientation": lambda: _("Orientation et conseil"),
}


def step_name(step: Step, locale: str) -> str:
    """What the project calls the step, in the reader's language."""
    return (step.title or {}).get(locale) or NAMES[step.kind]()


PHASES: tuple[tuple[tuple[str, ...], Callable[[], str]], ...] = (
    (("first_contact",), lambda: _("Contact")),
    (("interview", "medical_check", "travel_document", "departure_set"), lambda: _("Préparation")),
    (("departed",), lambda: _("Voyage")),
    (("arrived",), lambda: _("Arrivée")),
    (("plan",), lambda: _("Plan")),
    (("in_progress",), lambda: _("Réalisation")),
    (("follow_up",), lambda: _("Suivi")),
    (("closed",), lambda: _("Clos")),
)
"""What a tired person sees of the stages: eight, of which one is now."""


ARRIVED = 4
"""The number of the phase with which the return ends."""


@dataclass(frozen=True)
class Tracker:
    """Where the case stands among the phases."""

    phases: list[str]
    now: int
    """The number of the present phase, from 1."""
    interrupted: bool = False
    waits_for: str = ""
    waits_since: date | None = None
    returning: bool = False
    """The return itself is not over: its steps are worth a look."""
    travelling: bool = False
    """A departure is set: the arrival may be written down."""

    @property
    def arrived(self) -> bool:
        """The person is there: what follows may be planned."""
        return self.now >= ARRIVED and not self.interrupted

    @property
    def present(self) -> str:
        return self.phases[self.now - 1]


def tracker(stage: str, *, interrupted: bool = False, **waits: Any) -> Tracker:
    """The tracker of a case at this stage; for one that is interrupted, the stage before."""
    place = next((number for number, (stages, _name) in enumerate(PHASES, start=1) if stage in stages), 1)
    return Tracker(
        [name() for _stages, name in PHASES],
        place,
        interrupted,
        returning=place <= ARRIVED or interrupted,
        **waits,
    )


def _step_title(facts: dict[str, Any]) -> str:
    name = (facts.get("title") or {}).get(str(get_locale())) or NAMES[facts["about"]]()
    if facts["outcome"] == "skipped":
        return _("%(step)s : étape passée", step=name)
    return _("%(step)s : en cours", step=name) if facts["outcome"] == "open" else name


def _informed(facts: dict[str, Any]) -> str:
    return _(
        "Bureau d’origine informé : arrivée le %(day)s", day=day(date.fromisoformat(facts["arrives_on"]))
    )


tell("return.step", Telling("step", _step_title))
tell("return.informed", Telling("send", _informed))
tell("return.interrupted", Telling("wait", lambda facts: _("Retour interrompu")))
tell("return.resumed", Telling("step", lambda facts: _("Retour repris")))
tell("return.decided", Telling("note", lambda facts: _("Décision prise sur ce qui était engagé")))
