"""Plans in words: states, steps, and their lines on the timeline."""

from typing import Any

from flask_babel import gettext as _

from ..cases.timeline import Telling, tell

STATE_NAMES = {
    "waiting": lambda: _("Attend l’accord"),
    "approved": lambda: _("Approuvé"),
    "sent_back": lambda: _("Renvoyé"),
    "replaced": lambda: _("Remplacé"),
}
OUTCOME_NAMES = {"done": lambda: _("Fait"), "dropped": lambda: _("Abandonné")}


def version_name(number: int) -> str:
    """``Version 2``"""
    return _("Version %(number)s", number=number)


def _version(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(_("Plan"), version_name(facts["number"]))]


def _step_title(facts: dict[str, Any]) -> str:
    return _("Étape du plan faite") if facts["outcome"] == "done" else _("Étape du plan abandonnée")


def _step_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(_("Étape"), facts["what"]), (_("Raison"), facts["reason"])]


tell("plan.submitted", Telling("send", lambda facts: _("Plan de réintégration proposé"), _version))
tell("plan.approved", Telling("ok", lambda facts: _("Plan de réintégration approuvé"), _version))
tell("plan.sent_back", Telling("back", lambda facts: _("Plan de réintégration renvoyé"), _version))
tell("plan.step_done", Telling("step", _step_title, _step_lines))
