"""Versions of plans as pages say them: held against what is left, and against one another."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _

from ..cases.means import Means
from ..fields import CATEGORY_NAMES
from ..formats import day, money
from ..money import Money
from .forms import SECTOR_NAMES, TEXT_NAMES, WHO_NAMES
from .models import TEXTS, Plan
from .words import OUTCOME_NAMES, STATE_NAMES, version_name

_CATEGORIES, _SECTORS, _WHO = dict(CATEGORY_NAMES), dict(SECTOR_NAMES), dict(WHO_NAMES)


@dataclass(frozen=True)
class Budget:
    """One category of a plan beside what the allocation has for it; ``left`` is empty before anything is granted."""

    category: str
    name: str
    planned: str
    left: str
    over: bool
    """More than may go to the category at all."""


@dataclass(frozen=True)
class Change:
    """What another version says otherwise; an empty side says nothing."""

    title: str
    before: str
    after: str


def told_version(row: Any, *, means: Means | None, outcomes: dict[str, Any], today: date) -> dict[str, Any]:
    """A version as its page shows it."""
    plan = row.Plan
    return {
        **told_heading(row),
        "objectives": plan.objectives,
        "facts": [(str(TEXT_NAMES[name]), _text(plan, name)) for name in TEXTS if name != "objectives"],
        "steps": [_step(plan, step, outcomes.get(step["key"]), today) for step in plan.steps],
        "lines": [
            {
                "what": line["what"],
                "category": line["category"],
                "category_name": str(_CATEGORIES[line["category"]]),
                "amount": money(Money(line["minor"], plan.currency)),
                "provider": line["provider"],
            }
            for line in plan.lines
        ],
        "total": money(Money(plan.total_minor, plan.currency)),
        **_against(plan, means),
    }


def told_heading(row: Any) -> dict[str, Any]:
    """Which version it is, whose, and what was decided."""
    plan = row.Plan
    return {
        "id": str(plan.id),
        "number": plan.number,
        "title": version_name(plan.number),
        "state": plan.state,
        "state_word": STATE_NAMES[plan.state](),
        "author_id": plan.author_id,
        "author_name": row.author_name,
        "submitted_at": plan.submitted_at,
        "decider_name": row.decider_name or "",
        "decided_at": plan.decided_at,
        "reason": plan.reason,
    }


def _step(plan: Plan, step: dict[str, Any], settled: Any, today: date) -> dict[str, Any]:
    due_on = date.fromisoformat(step["due_on"])
    return {
        "key": step["key"],
        "what": step["what"],
        "due_on": due_on,
        "who": str(_WHO[step["who"]]),
        "outcome": settled.outcome if settled else "",
        "outcome_word": OUTCOME_NAMES[settled.outcome]() if settled else "",
        "reason": settled.reason if settled else "",
        "late": settled is None and plan.state == "approved" and due_on < today,
    }


def _against(plan: Plan, means: Means | None) -> dict[str, Any]:
    """The plan's money beside what was granted; nothing to compare before that, or in another currency."""
    planned: dict[str, Money] = {}
    for line in plan.lines:
        amount = Money(line["minor"], plan.currency)
        category = line["category"]
        planned[category] = planned[category] + amount if category in planned else amount
    held = means if means and means.granted.currency == plan.currency else None
    return {
        "budget": [
            Budget(
                category=category,
                name=str(_CATEGORIES[category]),
                planned=money(amount),
                left=money(held.left(category)) if held else "",
                over=held is not None and held.ceiling(category) < amount,
            )
            for category, amount in planned.items()
        ],
        "granted": money(held.granted) if held else "",
        "left": money(held.available) if held else "",
        "over": held is not None and held.granted < Money(plan.total_minor, plan.currency),
        "other_currency": means.granted.currency if means and held is None else "",
    }


def changes(before: Plan | None, after: Plan) -> list[tuple[str, list[Change]]]:
    """(part, what changed in it) from one version to another: field by field, step by step, line by line."""
    texts = [
        Change(str(TEXT_NAMES[name]), _text(before, name) if before else "", _text(after, name))
        for name in TEXTS
    ]
    parts = [
        (_("Le projet"), texts),
        (_("Étapes"), _rows(before.steps if before else [], after.steps, _step_said, _("Étape"))),
        (
            _("Budget"),
            _rows(
                [(line, before.currency) for line in before.lines] if before else [],
                [(line, after.currency) for line in after.lines],
                _line_said,
                _("Poste"),
            ),
        ),
    ]
    changed = [(part, [each for each in found if each.before != each.after]) for part, found in parts]
    return [(part, found) for part, found in changed if found]


def _rows(
    before: list[Any], after: list[Any], said: Callable[[Any], tuple[str, str]], name: str
) -> list[Change]:
    """Rows of two versions, put side by side by their keys: those of the later one first, then what is gone."""
    old, new = dict(map(said, before)), dict(map(said, after))
    keys: Iterable[str] = [*new, *(key for key in old if key not in new)]
    return [
        Change(f"{name} {number}", old.get(key, ""), new.get(key, ""))
        for number, key in enumerate(keys, start=1)
    ]


def _step_said(step: dict[str, Any]) -> tuple[str, str]:
    due_on = day(date.fromisoformat(step["due_on"]))
    return step["key"], " · ".join([step["what"], due_on, str(_WHO[step["who"]])])


def _line_said(row: tuple[dict[str, Any], str]) -> tuple[str, str]:
    line, currency = row
    amount = money(Money(line["minor"], currency))
    said = [line["what"], str(_CATEGORIES[line["category"]]), amount, line["provider"]]
    return line["key"], " · ".join(filter(None, said))


def _text(plan: Plan, name: str) -> str:
    said = getattr(plan, name)
    return str(_SECTORS.get(said, said)) if name == "sector" and said else said
