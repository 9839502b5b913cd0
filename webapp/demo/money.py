"""Money on its way in the demo world: rules, rates, providers, and requests in every state, by the real deeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from .. import clock
from ..allocations import rate_tables
from ..allocations.actions import load_rule
from ..allocations.grants.actions import grant_as_shown, propose, terms_for
from ..allocations.grants.forms import GrantDraft
from ..allocations.grants.queries import allocation_of
from ..allocations.requests.actions import add_document, confirm_payment, record_payment, take_step
from ..allocations.requests.deeds import ask_from
from ..allocations.requests.states import DEEDS
from ..allocations.rules import Persons
from ..cases.models import Case
from ..money import Money
from ..providers.actions import add_provider
from .histories import World

RULE = "gn-office-example.toml"
RATES = {"GNF": ("9338.12", "9350.57", "9361.04"), "XOF": ("655.957", "655.957", "655.957")}
"""Of one euro, on the first day of this month and of the two before, latest last. Invented, but for the fixed one."""
SOURCE = "Taux inventés de la démonstration"
PROVIDERS = {
    "barry": ("Barry & Frères, quincaillerie", "shop", "Madina", "+224620000701", "GN 0010 4471 2200 18"),
    "mercerie": ("Mercerie du carrefour", "shop", "Ratoma", "+224620000702", "GN 0010 9035 1180 44"),
    "atelier": ("Centre de métiers de Kaloum", "training", "Kaloum", "+224620000703", ""),
}


@dataclass(frozen=True)
class Wish:
    """What an officer asks for, and how far it has come: each deed with the days ago it was done."""

    what: str
    category: str
    euros: str
    payee: str
    deeds: tuple[tuple[str, float], ...]
    asked: float
    """Days ago."""


WISHES = (
    Wish("Brouette, pelles et tuyaux", "micro_project", "118,50", "barry", (), 1.2),
    Wish("Deux sacs de semences", "micro_project", "64", "barry", (), 6.4),
    Wish("Inscription à la formation de soudure", "training", "90", "atelier", (("approval", 9), ("order", 8)), 11),
    Wish(
        "Rayonnages de la boutique", "micro_project", "135", "barry",
        (("approval", 24), ("order", 22), ("delivery", 6), ("invoice", 4)), 26,
    ),
    Wish("Ordonnance de la clinique", "medicine", "27,40", "mobile_money", (("approval", 1),), 2),
    Wish("Transport du matériel", "other", "35", "mobile_money", (("approval", 5), ("payment", 4)), 7),
    Wish(
        "Congélateur d’occasion", "micro_project", "160", "barry",
        (("approval", 40), ("order", 38), ("delivery", 30), ("invoice", 28), ("payment", 21)), 43,
    ),
    Wish("Moto de livraison", "other", "190", "barry", (("rejection", 12),), 14),
    Wish(
        "Groupe électrogène", "micro_project", "150", "barry",
        (("approval", 20), ("order", 18), ("delivery", 9), ("dispute", 3)), 23,
    ),
)  # fmt: skip
OF_AMINATA = (
    Wish(
        "Table de coupe", "micro_project", "48", "mercerie",
        (("approval", 70), ("order", 68), ("delivery", 60), ("invoice", 58), ("payment", 52), ("verification", 45), ("closure", 44)),
        74,
    ),
    Wish("Enseigne peinte de l’atelier", "micro_project", "22", "mercerie", (), 0.8),
)  # fmt: skip
REASONS = {
    "rejection": "Deux devis de plus, s’il vous plaît.",
    "dispute": "Le moteur ne démarre pas, vu à la visite.",
}
MANAGER = ("approval", "rejection", "verification", "closure")


def let_money_flow(
    world: World, aminata: Case, others: Iterable[Case], fresh: Iterable[Case], rng: Random
) -> None:
    """Load a rule and rates, add providers, and let requests of Conakry's cases come as far as they have."""
    people = world.cast.people
    _load_rates(world)
    told = _Told(world, _providers(world), rng)
    for wish in OF_AMINATA:
        told.asks(aminata, wish)
    for case, wish in zip(others, WISHES, strict=False):
        told.asks(case, wish)
    for case in fresh:
        _grant_under_rule(
            case, told.rule, by=people["kadiatou"], now=world.now - timedelta(hours=20), id=told.new_id()
        )
    allocation = allocation_of(aminata.id)
    assert allocation is not None
    propose(
        aminata, allocation, Money(12_000, "EUR"), id=told.new_id(), reason="Réparation du toit, accordée par le donateur",
        by=people["kadiatou"], now=world.now - timedelta(hours=5),
    )  # fmt: skip


def _load_rates(world: World) -> None:
    day = clock.local(world.now, "UTC").date().replace(day=1)
    days = [_months_before(day, months) for months in (2, 1, 0)]
    lines = ["devise;taux;du;source;base"]
    for currency, rates in RATES.items():
        lines += [f"{currency};{rate};{on};{SOURCE};EUR" for rate, on in zip(rates, days, strict=True)]
    read = rate_tables.read_rates(
        "\n".join(lines).encode(), "taux.csv", base="EUR", effective_on=None, source=SOURCE
    )
    rate_tables.load_rates(read, by=world.cast.people["farah"].id, now=world.now - timedelta(days=60))


def _months_before(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _providers(world: World) -> dict[str, UUID]:
    kadiatou = world.cast.people["kadiatou"]
    return {
        key: add_provider(
            name=name, kind=kind, country="GN", town=town, contact="", phone=phone, account=account, holder=name,
            by=kadiatou, now=world.now - timedelta(days=200), keyring=world.keyring,
        ).id
        for key, (name, kind, town, phone, account) in PROVIDERS.items()
    }  # fmt: skip


def _grant_under_rule(case: Case, rule: Any, *, by: Any, now: datetime, id: UUID) -> None:
    donor = case.donor_name or "UE – EURP"
    draft = GrantDraft(id=id, return_type="voluntary", persons=Persons(adult=1), donor=donor, amount="")
    terms = terms_for(case, rule, draft, by=by, now=now)
    grant_as_shown(case, rule, draft, shown=str(terms.granted), by=by, now=now)


class _Told:
    """Requests as they are asked for, decided, delivered and paid, each deed at its time."""

    def __init__(self, world: World, providers: dict[str, UUID], rng: Random) -> None:
        self.world, self.providers, self.rng = world, providers, rng
        text = files("webapp.allocations").joinpath("schemes", RULE).read_text(encoding="utf-8")
        self.rule = load_rule(text, by=world.cast.people["root"].id, now=world.now - timedelta(days=300))

    def new_id(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)

    def asks(self, case: Case, wish: Wish) -> None:
        direct = wish.payee == "mobile_money"
        fields = {
            "id": str(self.new_id()), "category": wish.category, "what": wish.what, "amount": wish.euros, "currency": "EUR",
            "payee_kind": "mobile_money" if direct else "provider", "provider": "" if direct else str(self.providers[wish.payee]),
            "payee_name": "", "chosen_by": "returnee", "operator": "Orange Money" if direct else "",
        }  # fmt: skip
        if direct:
            fields |= {"payee_account": "+224 622 00 03 17", "holder": "Aminata Bah", "holder_checked": "y"}
        officer = self.world.cast.people["ibrahima"]
        request = ask_from(MultiDict(fields), case=case, by=officer, now=self._ago(wish.asked))
        self._adds("quote", request, case, self._ago(wish.asked))
        for name, days in wish.deeds:
            now = self._ago(days)
            by = self.world.cast.people["kadiatou" if name in MANAGER else "ibrahima"]
            if DEEDS[name].document:
                self._adds(str(DEEDS[name].document), request, case, now)
            if name == "payment":
                self._pays(request, case, direct, now)
            else:
                take_step(request, case, DEEDS[name], by=by, now=now, reason=REASONS.get(name, ""))

    def _pays(self, request: Any, case: Case, direct: bool, now: datetime) -> None:
        farah = self.world.cast.people["farah"]
        reference = f"{'OM' if direct else 'VIR'}-{self.rng.randint(100_000, 999_999)}"
        payment = record_payment(
            request, case, id=self.new_id(), paid=Money(request.minor, "EUR"), fee=Money(55, "EUR") if direct else None,
            reference=reference, paid_on=now.date(), by=farah, now=now,
        )  # fmt: skip
        if not direct:
            confirm_payment(payment, request, case, by=farah, now=now + timedelta(days=2))

    def _adds(self, kind: str, request: Any, case: Case, now: datetime) -> None:
        kept = self.world.shelf.any_of("receipt", self.rng)
        add_document(
            case, id=self.new_id(), request_id=request.id, kind=kind, media="jpeg", file=kept.file, thumb=kept.thumb,
            minor=None, by=self.world.cast.people["ibrahima"], now=now,
        )  # fmt: skip

    def _ago(self, days: float) -> datetime:
        return self.world.now - timedelta(days=days)
