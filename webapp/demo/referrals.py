"""Referrals of the demo world: to services of every kind, each as far as it has come, by the real deeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from ..cases.models import Case
from ..referrals.deeds import take_step_from, write_referral_from
from .histories import World

ANSWERS: dict[str, dict[str, str]] = {
    "refusal": {"reason": "Le centre ne prend plus personne avant janvier."},
    "outcome": {"outcome": "helped", "told": "Reçue deux fois ; revient d’elle-même en cas de besoin."},
}


@dataclass(frozen=True)
class Sending:
    """To whom somebody is sent, for what, and how far it has come: each deed with the days ago it was done."""

    service: str
    name: str
    asked: str
    urgency: str
    written: float
    """Days ago."""
    deeds: tuple[tuple[str, float], ...] = ()
    consent: str = "spoken"
    sent_how: str = "phone"
    by: str = "ibrahima"


SENDINGS = (
    Sending(
        "health", "Centre de santé de Ratoma", "Une consultation, avec le carnet de suivi", "soon", 40,
        (("acceptance", 38), ("contact", 33), ("outcome", 20)),
    ),
    Sending("psychosocial", "Service d’écoute de Dixinn", "Un premier entretien", "soon", 12, (("acceptance", 9),), by="salma"),
    Sending("legal", "Maison de la justice de Kaloum", "Un acte de naissance à refaire", "routine", 9, consent="written"),
    Sending("housing", "Foyer des Amis", "Une chambre pour un mois", "urgent", 0.4, sent_how="person"),
    Sending("training", "Centre de métiers de Kaloum", "Une place en soudure", "routine", 35, (("refusal", 30),)),
    Sending("employment", "Agence pour l’emploi", "Un entretien d’orientation", "routine", 21, (("acceptance", 15), ("absence", 6))),
    Sending("protection", "Antenne de protection", "Un rendez-vous cette semaine", "soon", 3, consent="later", sent_how=""),
    Sending("education", "École du quartier", "L’inscription de deux enfants", "routine", 15, consent="declined", sent_how=""),
)  # fmt: skip
"""The first is Aminata's."""


def send_to_services(world: World, aminata: Case, others: Sequence[Case], rng: Random) -> None:
    """Aminata and others who are followed from Conakry are sent on, one service each."""
    for case, sending in zip((aminata, *others), SENDINGS, strict=False):
        _send(world, case, sending, rng)


def _send(world: World, case: Case, sending: Sending, rng: Random) -> None:
    by = world.cast.people[sending.by]
    at = world.now - timedelta(days=sending.written)
    fields = {
        "id": _new_id(rng), "service": sending.service, "provider_name": sending.name, "provider_phone": "+224620000811",
        "asked": sending.asked, "urgency": sending.urgency, "consent": sending.consent, "sent_how": sending.sent_how,
    }  # fmt: skip
    how: dict[str, Any] = {"case": case, "by": by, "keyring": world.keyring}
    referral = write_referral_from(MultiDict(fields), now=at, **how)
    for deed, days_ago in sending.deeds:
        step = {"id": _new_id(rng), "state": referral.state, **ANSWERS.get(deed, {})}
        take_step_from(
            MultiDict(step), deed, referral=referral, now=world.now - timedelta(days=days_ago), **how
        )


def _new_id(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
