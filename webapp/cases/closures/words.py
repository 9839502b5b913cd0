"""The end of an accompaniment in words, and how the timeline tells it."""

from collections.abc import Callable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from ..timeline import Telling, tell

REASON_NAMES = (
    ("completed", _l("Le plan est accompli")),
    ("dropped_out", _l("La personne ne souhaite plus être suivie")),
    ("unreachable", _l("La personne ne peut plus être jointe")),
    ("moved_away", _l("La personne habite ailleurs")),
    ("migrated_again", _l("La personne est repartie")),
    ("interrupted", _l("Le retour est resté interrompu")),
    ("died", _l("La personne est décédée")),
    ("other", _l("Autre raison")),
)
ITEM_NAMES = (
    ("return_help", _l("L’aide au retour")),
    ("counselling", _l("L’écoute et les conseils")),
    ("economic_help", _l("L’aide économique")),
    ("social_help", _l("L’aide sociale (logement, santé, école)")),
    ("community_help", _l("L’aide donnée à la communauté")),
    ("overall", _l("L’aide à la réintégration dans l’ensemble")),
    ("expectations", _l("Par rapport à ce que la personne attendait")),
)
ANSWER_NAMES = (
    ("5", _l("Très satisfaite")),
    ("4", _l("Satisfaite")),
    ("3", _l("Correct")),
    ("2", _l("Insatisfaite")),
    ("1", _l("Très insatisfaite")),
)
OUTCOME_NAMES: dict[str | None, Callable[[], str]] = {
    None: lambda: _("Attend une deuxième personne"),
    "signed_off": lambda: _("Clos"),
    "sent_back": lambda: _("Renvoyé"),
    "withdrawn": lambda: _("Retiré"),
}

tell("closure.asked", Telling("done", lambda facts: _("Clôture demandée")))
tell("closure.sent_back", Telling("cross", lambda facts: _("Clôture renvoyée")))
tell("closure.withdrawn", Telling("cross", lambda facts: _("Demande de clôture retirée")))
tell("case.reopened", Telling("step", lambda facts: _("Dossier rouvert")))
