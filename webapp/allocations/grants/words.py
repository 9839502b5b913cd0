"""Granting, releasing and adjusting in words: what people choose from, and the lines of the timeline."""

from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from ...cases.timeline import Telling, tell
from ...formats import day, money
from ...money import Money
from ..words import return_type, signed

PROOF_NAMES = {
    "visit.recorded": lambda: _("Contact avec la personne"),
    "payment.delivered": lambda: _("Livraison d’un achat"),
    "payment.verified": lambda: _("Achat vérifié"),
    "returnee.received": lambda: _("La personne dit : reçu"),
}
OUTCOME_NAMES = {
    "confirmed": lambda: _("Confirmé"),
    "refused": lambda: _("Refusé"),
    "taken_back": lambda: _("Reprise par qui l’a proposée"),
}


def proof(kind: str, at: datetime) -> str:
    """Something on the timeline, as the list of proofs names it."""
    return f"{PROOF_NAMES[kind]()} · {day(at.date())}"


def persons(adult: int, child: int, unaccompanied: int) -> str:
    """Who an allocation is for."""
    told = [
        ngettext("%(num)s adulte", "%(num)s adultes", adult) if adult else "",
        ngettext("%(num)s enfant", "%(num)s enfants", child) if child else "",
        ngettext("%(num)s mineur non accompagné", "%(num)s mineurs non accompagnés", unaccompanied)
        if unaccompanied
        else "",
    ]
    return _(", ").join(part for part in told if part)


def _granted(facts: dict[str, Any]) -> list[tuple[str, str]]:
    kind = facts["return_type"] if facts["return_type"] != "other" else None
    return [
        (_("Montant"), money(Money(facts["minor"], facts["currency"]))),
        (_("Règles"), f"{facts['rule']} · " + _("version %(number)s", number=facts["version"])),
        (_("Type de retour"), return_type(kind)),
        (_("Pour"), persons(facts["adult"], facts["child"], facts["unaccompanied"])),
    ]


def _released(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [(_("Montant"), money(Money(facts["minor"], facts["currency"])))]
    if facts.get("condition"):
        lines.append((_("Condition"), facts["condition"]))
    lines.append((_("Comment on le sait"), facts["reason"]))
    if facts.get("proof_kind") in PROOF_NAMES:
        lines.append(
            (_("Ce qui le montre"), proof(facts["proof_kind"], datetime.fromisoformat(facts["proof_at"])))
        )
    return lines


def _adjusted(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        (_("Montant"), signed(Money(facts["minor"], facts["currency"]))),
        (_("Raison"), facts["reason"]),
    ]
    return [*lines, (_("Raison du refus"), facts["refusal"])] if facts.get("refusal") else lines


tell("allocation.granted", Telling("money", lambda facts: _("Allocation accordée"), _granted))
tell(
    "instalment.released",
    Telling("ok", lambda facts: _("Tranche %(number)s libérée", number=facts["number"]), _released),
)
tell("adjustment.proposed", Telling("wait", lambda facts: _("Correction proposée"), _adjusted))
tell("adjustment.confirmed", Telling("ok", lambda facts: _("Correction confirmée"), _adjusted))
tell(
    "adjustment.refused",
    Telling(
        "cross",
        lambda facts: _("Correction reprise") if facts.get("taken_back") else _("Correction refusée"),
        _adjusted,
    ),
)
