"""Payment requests in words: states, kinds, and their lines on the timeline."""

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

from ...cases.timeline import Telling, tell
from ...formats import money
from ...money import Money

STATE_NAMES = {
    "draft": lambda: _("Attend les devis"),
    "quoted": lambda: _("Devis reçus"),
    "requested": lambda: _("Demandé"),
    "approved": lambda: _("Approuvé"),
    "ordered": lambda: _("Commandé"),
    "delivered": lambda: _("Livré"),
    "invoiced": lambda: _("Facturé"),
    "paid": lambda: _("Payé"),
    "verified": lambda: _("Vérifié"),
    "closed": lambda: _("Terminé"),
    "rejected": lambda: _("Refusé"),
    "cancelled": lambda: _("Annulé"),
    "disputed": lambda: _("Contesté"),
    "returned": lambda: _("Rendu"),
}
STEP_NAMES = {
    **STATE_NAMES,
    "confirmed": lambda: _("Reçu par la personne"),
    "failed": lambda: _("Paiement non arrivé"),
    "refunded": lambda: _("Remboursé"),
}
"""What may stand in the history of a request: its states, and what became of a payment."""
SAID_NAMES = {
    "returnee.received": lambda: _("La personne dit : reçu"),
    "returnee.partly": lambda: _("La personne dit : reçu en partie"),
    "returnee.not_received": lambda: _("La personne dit : pas reçu"),
}
DEED_NAMES = {
    "submission": lambda: _("Demander"),
    "approval": lambda: _("Approuver"),
    "rejection": lambda: _("Refuser"),
    "cancellation": lambda: _("Annuler la demande"),
    "order": lambda: _("Noter la commande"),
    "delivery": lambda: _("Noter la livraison"),
    "invoice": lambda: _("Noter la facture"),
    "payment": lambda: _("Noter le paiement"),
    "verification": lambda: _("Confirmer que tout est juste"),
    "closure": lambda: _("Terminer"),
    "dispute": lambda: _("Contester"),
    "return": lambda: _("Noter le retour"),
    "settlement": lambda: _("Régler la contestation"),
}


def step_name(state: str, quotes_required: int) -> str:
    """A step in words; what waits for no quotes was only written."""
    if state == "draft" and not quotes_required:
        return _("Demande écrite")
    return STEP_NAMES[state]()


def _amount(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(facts.get("what", ""), money(Money(facts["minor"], facts["currency"])))]


def _title_of(state: str) -> Callable[[dict[str, Any]], str]:
    return lambda facts: _("Paiement : %(state)s", state=STATE_NAMES[state]())


for _state, _icon in (
    ("requested", "money"),
    ("approved", "ok"),
    ("rejected", "cross"),
    ("cancelled", "cross"),
    ("ordered", "send"),
    ("delivered", "done"),
    ("invoiced", "note"),
    ("paid", "paid"),
    ("verified", "done"),
    ("closed", "done"),
    ("disputed", "warning"),
    ("returned", "back"),
):
    tell(f"payment.{_state}", Telling(_icon, _title_of(_state), _amount))
tell("payment.confirmed", Telling("done", lambda facts: _("Paiement : reçu par la personne"), _amount))
tell("payment.failed", Telling("warning", lambda facts: _("Paiement : il n’est pas arrivé"), _amount))
tell("payment.refunded", Telling("back", lambda facts: _("Paiement : remboursé"), _amount))
tell("payment.over_ceiling", Telling("warning", lambda facts: _("Demande plus grande que ce qui reste")))
