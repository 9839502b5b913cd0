"""How referrals are called, and told on the timeline: restricted ones without saying which service."""

from typing import Any

from flask_babel import gettext as _

from ..cases.timeline import Telling, tell
from .actions import kind_of
from .forms import SERVICE_NAMES

STATE_NAMES = {
    "written": lambda: _("Accord à demander"),
    "agreed": lambda: _("À envoyer"),
    "declined": lambda: _("La personne n’est pas d’accord"),
    "sent": lambda: _("Envoyé, réponse attendue"),
    "accepted": lambda: _("Accepté par le service"),
    "refused": lambda: _("Refusé par le service"),
    "seen": lambda: _("Personne reçue"),
    "did_not_come": lambda: _("Personne non venue"),
    "outcome": lambda: _("Suite connue"),
    "closed": lambda: _("Clos"),
    "withdrawn": lambda: _("Accord retiré"),
}
STEP_NAMES = STATE_NAMES | {
    "written": lambda: _("Rédigé"),
    "agreed": lambda: _("Accord donné"),
    "sent": lambda: _("Envoyé au service"),
}
"""What happened, rather than where it stands."""
NEXT_NAMES = {
    "written": lambda: _("À faire : demander l’accord"),
    "agreed": lambda: _("À faire : envoyer"),
    "sent": lambda: _("À faire : demander la réponse"),
    "accepted": lambda: _("À faire : demander si la personne a été reçue"),
    "refused": lambda: _("À faire : clore, ou demander à un autre service"),
    "did_not_come": lambda: _("À faire : demander pourquoi, puis clore"),
    "seen": lambda: _("À faire : demander ce qui en est sorti"),
    "outcome": lambda: _("À faire : clore"),
}
"""What comes next, from each state from which something does."""
DEED_NAMES = {
    "consent": lambda: _("Noter la réponse de la personne"),
    "sending": lambda: _("Noter l’envoi"),
    "acceptance": lambda: _("Le service accepte"),
    "refusal": lambda: _("Le service refuse"),
    "contact": lambda: _("La personne a été reçue"),
    "absence": lambda: _("La personne n’est pas venue"),
    "outcome": lambda: _("Noter ce qui en est sorti"),
    "closure": lambda: _("Clore le référencement"),
    "withdrawal": lambda: _("La personne retire son accord"),
}


def service_name(service: str) -> str:
    return str(dict(SERVICE_NAMES).get(service, ""))


def _titled(state: str) -> Any:
    def title(facts: dict[str, Any]) -> str:
        service = service_name(facts.get("service", ""))
        about = _("Référencement (%(service)s)", service=service) if service else _("Référencement")
        return _("%(about)s : %(state)s", about=about, state=STEP_NAMES[state]())

    return title


for _restricted in (False, True):
    for _state in STATE_NAMES:
        tell(kind_of(_state, restricted=_restricted), Telling("transfer", _titled(_state)))
    for _late in ("waiting", "waiting_long"):
        tell(
            kind_of(_late, restricted=_restricted),
            Telling("wait", lambda facts: _("Référencement sans réponse")),
        )
