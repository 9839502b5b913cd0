"""The kinds of submissions in words."""

from collections.abc import Callable

from flask_babel import gettext as _

KIND_NAMES: dict[str, Callable[[], str]] = {
    "visit": lambda: _("Visite"),
    "check-in": lambda: _("Questionnaire"),
    "red-flag": lambda: _("Signal de danger"),
    "referral": lambda: _("Référencement"),
    "payment-request": lambda: _("Demande de paiement"),
    "plan": lambda: _("Plan de réintégration"),
    "arrival": lambda: _("Arrivée"),
    "interruption": lambda: _("Retour interrompu"),
    "closure-request": lambda: _("Clôture demandée"),
    "photo": lambda: _("Photo"),
}
