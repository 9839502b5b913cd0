"""The returnee's page in words, and how the timeline tells what returnees said."""

from collections.abc import Callable
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext

from ..cases.open_matters import MATTERS, Matter
from ..cases.timeline import Telling, tell
from . import queries

STEPS: dict[str, Callable[[], str]] = {
    "first_contact": lambda: _("Votre demande est reçue"),
    "interview": lambda: _("L’entretien est fait"),
    "medical_check": lambda: _("La visite médicale est faite"),
    "travel_document": lambda: _("Votre document de voyage est en préparation"),
    "departure_set": lambda: _("La date de votre départ est fixée"),
    "departed": lambda: _("Vous êtes en route ; le bureau vous appellera"),
    "arrived": lambda: _("Vous êtes arrivé ; votre plan se prépare"),
    "plan": lambda: _("Votre plan se prépare avec le bureau"),
    "in_progress": lambda: _("Votre plan avance"),
    "paying": lambda: _("Un achat pour vous est en cours de paiement"),
    "follow_up": lambda: _("Votre projet est lancé ; le bureau prend des nouvelles"),
    "closed": lambda: _("L’accompagnement est terminé ; vous pouvez encore appeler le bureau"),
    "interrupted": lambda: _("Le retour est interrompu ; vous pouvez le reprendre"),
}
"""What happens now, said to the returnee: money and steps only."""

PURCHASE_STEPS: dict[str, Callable[[], str]] = {
    "requested": lambda: _("Demandé"),
    "approved": lambda: _("Accepté"),
    "rejected": lambda: _("Pas accepté"),
    "cancelled": lambda: _("Annulé"),
    "ordered": lambda: _("Commandé"),
    "delivered": lambda: _("Remis"),
    "paid": lambda: _("Payé"),
    "failed": lambda: _("L’argent n’est pas arrivé ; le bureau le renvoie"),
    "disputed": lambda: _("Le bureau vérifie"),
    "returned": lambda: _("Rendu au vendeur"),
    "received": lambda: _("Vous avez dit : reçu"),
    "partly": lambda: _("Vous avez dit : reçu en partie"),
    "not_received": lambda: _("Vous avez dit : pas reçu"),
}
"""How far a purchase has come, in the words of whoever waits for it."""


def purchase_name(what: str, category: str) -> str:
    """What was asked; of care and medicine the page, which others may see, says nothing more."""
    return _("Une dépense personnelle") if category == "medicine" else what


SAID: dict[str, Callable[[], str]] = {
    "received": lambda: _("C’est noté : vous avez reçu ce qui était prévu."),
    "partly": lambda: _("C’est noté : vous n’avez reçu qu’une partie. Le bureau va vérifier."),
    "not_received": lambda: _("C’est noté : vous n’avez pas reçu ce qui était prévu. Le bureau va vérifier."),
    "call_me_back": lambda: _("C’est noté : le bureau vous rappellera."),
}

ASKED: dict[str, Callable[[], str]] = {
    "partly": lambda: _("Une partie seulement est reçue"),
    "not_received": lambda: _("Rien n’est reçu"),
    "call_me_back": lambda: _("Demande d’être rappelé"),
}
"""What a returnee said, as the one who answers reads it; and the returnee again, beside the answer."""


def _answer_page(word_id: UUID | None) -> str:
    return f"/returnee-words/{word_id}"


MATTERS["returnee_words"] = Matter(
    queries.words_waiting,
    lambda count: ngettext(
        "une parole de la personne sans réponse", "%(num)s paroles de la personne sans réponse", count
    ),
    to_decide=False,
)

tell("returnee.received", Telling("ok", lambda facts: _("Le retourné dit avoir reçu ce qui était prévu")))
tell(
    "returnee.not_received",
    Telling(
        "cross", lambda facts: _("Le retourné dit ne pas avoir reçu ce qui était prévu"), url=_answer_page
    ),
)
tell(
    "returnee.partly",
    Telling("warning", lambda facts: _("Le retourné dit n’avoir reçu qu’une partie"), url=_answer_page),
)
tell(
    "returnee.call_me_back",
    Telling("call", lambda facts: _("Le retourné demande qu’on le rappelle"), url=_answer_page),
)
tell(
    "returnee.answered",
    Telling(
        "ok", lambda facts: _("Le bureau a répondu à la personne"), lambda facts: [("", facts["answer"])],
        url=_answer_page,
    ),
)  # fmt: skip
tell("returnee.card", Telling("case", lambda facts: _("Carte du retourné remise")))
