"""Transfers in words, and how the timeline tells them."""

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from ..open_matters import MATTERS, Matter
from ..timeline import Telling, tell
from . import queries

REASON_NAMES = (
    ("person_moved", _l("La personne habite ailleurs")),
    ("workload", _l("Mieux partager le travail")),
    ("officer_leaves", _l("L’agent s’en va ou s’absente")),
    ("language", _l("Une langue commune")),
    ("safety", _l("La sécurité")),
    ("other", _l("Autre raison")),
)
OUTCOME_NAMES: dict[str | None, Callable[[], str]] = {
    None: lambda: _("Attend une réponse"),
    "done": lambda: _("Fait"),
    "sent_back": lambda: _("Renvoyé"),
    "withdrawn": lambda: _("Retiré"),
}


def _to(facts: dict[str, Any]) -> str:
    return _("Transfert demandé vers %(office)s", office=facts.get("office", ""))


tell("transfer.asked", Telling("transfer", _to))
tell("transfer.sent_back", Telling("cross", lambda facts: _("Transfert renvoyé")))
tell("transfer.withdrawn", Telling("cross", lambda facts: _("Transfert retiré")))
tell("case.handed_over", Telling("transfer", lambda facts: _("À savoir pour la suite")))
tell(
    "case.moved",
    Telling("transfer", lambda facts: _("Suivi par le bureau : %(office)s", office=facts.get("office", ""))),
)

MATTERS["transfer"] = Matter(
    queries.waiting_transfers,
    lambda count: ngettext("%(num)s transfert qui attend", "%(num)s transferts qui attendent", count),
    lambda case_id: "/transfers",
    to_decide=False,
)
