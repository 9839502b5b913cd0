"""The kinds of submissions in words."""

from collections.abc import Callable

from flask_babel import gettext as _

KIND_NAMES: dict[str, Callable[[], str]] = {
    "visit": lambda: _("Visite"),
    "check-in": lambda: _("Questionnaire"),
    "red-flag": lambda: _("Signal de danger"),
    "payment-request": lambda: _("Demande de paiement"),
    "arrival": lambda: _("Arrivée"),
    "interruption": lambda: _("Retour interrompu"),
    "closure-request": lambda: _("Clôture demandée"),
    "photo": lambda: _("Photo"),
}
