"""How visits and photos are told on the timeline."""

from datetime import date
from typing import Any

from flask_babel import gettext as _

from ..cases.timeline import Telling, tell
from ..formats import day
from .forms import ACTIVITY_NAMES, CHANNEL_NAMES, CONCERN_NAMES, WHY_NAMES

_CHANNELS, _WHY, _ACTIVITY, _CONCERNS = map(dict, (CHANNEL_NAMES, WHY_NAMES, ACTIVITY_NAMES, CONCERN_NAMES))


def _title(facts: dict[str, Any]) -> str:
    channel = str(_CHANNELS[facts["channel"]])
    return channel if facts.get("reached") else _("%(channel)s : personne non jointe", channel=channel)


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    if not facts.get("reached"):
        lines.append((_("Pourquoi"), str(_WHY.get(facts.get("why_not", ""), ""))))
    if facts.get("concern") in ("some", "serious"):
        lines.append((_("Inquiétude"), str(_CONCERNS[facts["concern"]])))
    if facts.get("activity_status"):
        lines.append((_("Activité"), str(_ACTIVITY.get(facts["activity_status"], ""))))
    if facts.get("present"):
        lines.append((_("Présents"), facts["present"]))
    if facts.get("agreed"):
        agreed = facts["agreed"]
        if facts.get("agreed_due_on"):
            agreed = _(
                "%(what)s, pour le %(day)s", what=agreed, day=day(date.fromisoformat(facts["agreed_due_on"]))
            )
        lines.append((_("Convenu"), agreed))
    if facts.get("notes"):
        lines.append((_("Notes"), facts["notes"]))
    return lines


tell("visit.recorded", Telling("visit", _title, _lines))
tell("photo.added", Telling("camera", lambda facts: _("Photo ajoutée")))
tell("photo.refused", Telling("camera", lambda facts: _("Photo refusée")))
tell(
    "contact.lost",
    Telling(
        "offline", lambda facts: _("Contact perdu après %(attempts)s essais", attempts=facts["attempts"])
    ),
)
