"""The allocation in words: ledger lines, and its part of the case's page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from ..cases.pages import PARTS
from ..formats import money
from ..money import Money
from ..permissions import may
from . import queries
from .ledger import EFFECTS, deed_id
from .rules import Ceiling, Limit, Part, Rule

KIND_NAMES = {
    "granted": lambda: _("Accordé"),
    "adjusted": lambda: _("Ajusté"),
    "set_aside": lambda: _("Mis de côté"),
    "released": lambda: _("Rendu disponible"),
    "disbursed": lambda: _("Payé, sur ce qui était mis de côté"),
    "refunded": lambda: _("Remboursé"),
    "reversed": lambda: _("Paiement non arrivé : remis de côté"),
    "exchange_difference": lambda: _("Différence de change"),
}
LIMIT_NAMES = {
    "micro_project": lambda: _("Microprojet"),
    "training": lambda: _("Formation"),
    "medicine": lambda: _("Soins et médicaments"),
    "housing": lambda: _("Logement"),
    "schooling": lambda: _("École"),
    "other": lambda: _("Autre"),
    "cash": lambda: _("Remis en argent"),
}
"""The categories, and cash beside them, as people read them."""


def signed(amount: Money) -> str:
    """An amount with its sign, whichever way it goes."""
    return ("+" if amount.minor > 0 else "") + money(amount)


def lines(
    rows: list[Any], fees: set[UUID], instalments: list[queries.InstalmentLine]
) -> list[dict[str, Any]]:
    """Ledger lines as the statement shows them, and what was held back and released between them, newest first.

    A sign says what a line takes from what is available, or gives to it: all signed lines make what is available.
    A fee is one line, though it is set aside and paid in one deed.
    """
    hidden = {deed_id(fee, "set_aside") for fee in fees}
    told = [
        {
            "title": _("Frais de l’opérateur") if row.id in fees else KIND_NAMES[row.kind](),
            "what": row.what,
            "kind": row.kind,
            "category": row.category,
            "amount": _moved("set_aside" if row.id in fees else row.kind, Money(row.minor, row.currency)),
            "local_amount": _moved(
                "set_aside" if row.id in fees else row.kind, Money(row.local_minor, row.local_currency)
            )
            if row.local_minor and row.local_currency != row.currency
            else "",
            "posted_at": row.posted_at,
            "by_name": row.by_name or "",
        }
        for row in reversed(rows)
        if row.id not in hidden
    ]
    granted_at = min((row.posted_at for row in rows if row.kind == "granted"), default=None)
    if granted_at and (later := [part for part in instalments if part.released_at != granted_at]):
        told += _of_instalments(later, granted_at)
    return sorted(told, key=lambda line: line["posted_at"])[::-1]


def _moved(kind: str, amount: Money) -> str:
    sign = EFFECTS[kind].available
    return signed(Money(sign * amount.minor, amount.currency)) if sign else money(amount)


def _of_instalments(later: list[queries.InstalmentLine], granted_at: datetime) -> Iterator[dict[str, Any]]:
    blank = {"what": "", "kind": "", "category": None, "local_amount": "", "by_name": ""}
    held = Money(-sum(part.held.minor for part in later), later[0].held.currency)
    yield {**blank, "title": _("Retenu pour plus tard"), "amount": signed(held), "posted_at": granted_at}
    for part in later:
        if part.released_at:
            yield {
                **blank,
                "title": _("Tranche %(number)s libérée", number=part.number),
                "what": part.condition,
                "amount": signed(part.held),
                "posted_at": part.released_at,
                "by_name": part.released_by,
            }


def limits(rows: list[queries.LimitLine]) -> list[tuple[str, queries.LimitLine]]:
    """Sub-ceilings with the name that people read."""
    return [(LIMIT_NAMES[row.name](), row) for row in rows]


def categories(rows: list[Any], limited: list[queries.LimitLine]) -> list[tuple[str, str]]:
    """What is set aside or paid for each category that has no sub-ceiling of its own: its name and the amount."""
    used: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.category:
            place = (row.category, row.currency)
            used[place] = used.get(place, 0) - EFFECTS[row.kind].available * row.minor
    named = {limit.name for limit in limited}
    return [
        (LIMIT_NAMES[name](), money(Money(used[name, currency], currency)))
        for name, currency in sorted(used, key=lambda place: list(LIMIT_NAMES).index(place[0]))
        if name not in named and used[name, currency]
    ]


RETURN_TYPES = {
    "voluntary": lambda: _("Volontaire"),
    "forced": lambda: _("Forcé"),
    None: lambda: _("Tous les autres retours"),
}
_EVENTS = {
    "grant": lambda: _("l’accord"),
    "arrival": lambda: _("l’arrivée"),
    "departure": lambda: _("le départ"),
}
_APPROVERS = {
    "programme_manager": lambda: _("Responsable de programme"),
    "finance_officer": lambda: _("Finances"),
}


def return_type(name: str | None) -> str:
    """A return type as people read it; one that only a rule knows stays as the rule writes it."""
    return RETURN_TYPES[name]() if name in RETURN_TYPES else str(name)


def told_rule(rule: Rule) -> dict[str, Any]:
    """A rule in words: what it gives to whom, its sub-ceilings, instalments, and who approves what."""
    return {
        "ceilings": [(return_type(step.return_type), list(_amounts(step))) for step in rule.ceilings],
        "supplements": [
            (_("À partir de %(number)s personnes", number=step.persons_from), money(step.amount))
            for step in rule.supplements
        ],
        "limits": [(LIMIT_NAMES[name](), _limit(limit)) for name, limit in rule.sub_ceilings.items()],
        "parts": [
            (_part(part, last=part is rule.parts[-1]), part.condition, _due(part)) for part in rule.parts
        ],
        "approvals": [
            (
                _("Jusqu’à %(amount)s", amount=money(step.up_to)) if step.up_to else _("Au-delà"),
                step.quotes,
                _APPROVERS[step.approver](),
            )
            for step in rule.approvals
        ],
    }


def _amounts(step: Ceiling) -> Iterator[tuple[str, str]]:
    for name, amount in (
        (_("Par cas"), step.case),
        (_("Par adulte"), step.adult),
        (_("Par enfant"), step.child),
        (_("Par mineur non accompagné"), step.unaccompanied),
    ):
        if amount.minor:
            yield name, money(amount)


def _limit(limit: Limit) -> str:
    if limit.amount is None:
        return _("%(share)s %% de l’allocation", share=limit.share)
    if limit.family is not None:
        return _(
            "%(alone)s, pour une famille %(family)s", alone=money(limit.amount), family=money(limit.family)
        )
    return (
        _("%(amount)s par personne", amount=money(limit.amount)) if limit.per_person else money(limit.amount)
    )


def _part(part: Part, *, last: bool) -> str:
    if part.share is not None:
        return _("%(share)s %%", share=part.share)
    return money(part.amount) if part.amount and not last else _("Le reste")


def _due(part: Part) -> str:
    if part.at_once:
        return _("Tout de suite")
    if part.months_after is None or part.event is None:
        return ""
    due = _("%(months)s mois après %(event)s", months=part.months_after, event=_EVENTS[part.event]())
    return _("%(due)s, ou plus tôt si la condition est remplie", due=due) if part.early else due


def case_parts(cases: list[Any], person: Any) -> dict[UUID, queries.Sums]:
    """The allocations that the pages of these cases show to this person."""
    seen = [case.id for case in cases if may(person, "allocation.see", case)]
    return queries.sums_of(seen) if seen else {}


PARTS["allocation"] = case_parts
