"""What an officer writes of a plan: a fixed number of rows for steps and lines, so that no page needs a script."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from ..cases.intake import SECTOR_NAMES as TRADES
from ..fields import CATEGORY_NAMES, Form, IdField, as_choices, read_amount, stripped
from ..formats import plain_amount
from ..money import LARGEST, Money
from .models import TEXTS

STEPS, LINES = 8, 6
"""Rows of the form; a plan with more of either is no plan that somebody keeps to."""
LONGEST_AHEAD = timedelta(days=1500)
SECTOR_NAMES = [
    ("", _l("Pas encore choisi")),
    *TRADES.items(),
    ("employment", _l("emploi")),
    ("studies", _l("école ou formation")),
    ("other", _l("autre")),
]
TEXT_NAMES = {
    "objectives": _l("Ce que la personne veut atteindre, dans ses mots"),
    "activity": _l("Activité"),
    "sector": _l("Secteur"),
    "place": _l("Où"),
    "partners": _l("Partenaires"),
    "training": _l("Formation"),
    "risks": _l("Ce qui peut aller de travers"),
}
ROW_NAMES = {
    "what": _l("Ce qu’il y a à faire"),
    "due_on": _l("Pour quel jour"),
    "who": _l("Qui le fait"),
    "category": _l("Pour quoi"),
    "paid": _l("Ce qu’il faut acheter ou payer"),
    "amount": _l("Montant"),
    "provider": _l("Fournisseur"),
}
WHO_NAMES = [
    ("returnee", _l("La personne")),
    ("officer", _l("L’agent")),
    ("both", _l("Les deux ensemble")),
    ("partner", _l("Un partenaire")),
]


def at_most(most: int) -> Length:
    return Length(max=most, message=_l("Au plus %(max)d caractères."))


@dataclass(frozen=True)
class PlanDraft:
    """A version as it was written, checked and typed. Rows that were there before keep their key."""

    id: UUID
    texts: dict[str, str]
    currency: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        return sum(line["minor"] for line in self.lines)


class PlanForm(Form):
    """The plan; its rows are the fields ``step_0_what`` … and ``line_0_what`` … added below."""

    id = IdField()
    currency = SelectField(_l("Monnaie"))
    objectives = TextAreaField(
        TEXT_NAMES["objectives"],
        [DataRequired(_l("Écrivez ce que la personne veut atteindre.")), at_most(2000)],
        filters=[stripped],
    )
    activity = StringField(TEXT_NAMES["activity"], [at_most(200)], filters=[stripped])
    sector = SelectField(TEXT_NAMES["sector"], [Optional()], choices=as_choices(SECTOR_NAMES))
    place = StringField(TEXT_NAMES["place"], [at_most(120)], filters=[stripped])
    partners = StringField(TEXT_NAMES["partners"], [at_most(300)], filters=[stripped])
    training = TextAreaField(TEXT_NAMES["training"], [at_most(500)], filters=[stripped])
    risks = TextAreaField(TEXT_NAMES["risks"], [at_most(1000)], filters=[stripped])

    def __init__(
        self,
        fields: Any = None,
        *,
        currencies: list[str],
        providers: list[tuple[str, str]],
        today: date,
        **kwargs: Any,
    ) -> None:
        super().__init__(fields, **kwargs)
        self.currency.choices = as_choices([(currency, currency) for currency in currencies])
        self.providers = [name for _id, name in providers]
        self._provider_ids = {name: id for id, name in providers}
        self._today = today
        self._amounts: dict[int, Money] = {}

    def step(self, n: int) -> dict[str, Any]:
        """The fields of a row of steps, by what they ask."""
        return {name: self[f"step_{n}_{name}"] for name in ("key", "what", "due_on", "who")}

    def line(self, n: int) -> dict[str, Any]:
        """The fields of a row of lines, by what they ask."""
        return {name: self[f"line_{n}_{name}"] for name in ("key", "category", "what", "amount", "provider")}

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [self.step(n) for n in range(STEPS)]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [self.line(n) for n in range(LINES)]

    @staticmethod
    def shown(rows: list[dict[str, Any]], least: int) -> int:
        """How many rows stand open: all up to the last one that was begun."""
        return max(least, *(n for n, row in enumerate(rows, start=1) if is_begun(row)), 0)

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        refused = [self._refuse_step(row) for row in self.steps if is_begun(row)]
        refused += [self._refuse_line(n, row) for n, row in enumerate(self.lines) if is_begun(row)]
        if not any(refused) and sum(amount.minor for amount in self._amounts.values()) > LARGEST:
            refused.append(_refuse(self.line(0)["amount"], _("Ces montants sont trop grands ensemble.")))
        return valid and not any(refused)

    def _refuse_step(self, row: dict[str, Any]) -> bool:
        refused = not row["what"].data and _refuse(row["what"], _("Dites ce qu’il y a à faire."))
        day = row["due_on"]
        if day.data is None:
            if not day.errors:
                refused = _refuse(day, _("Dites pour quel jour."))
        elif abs(day.data - self._today) > LONGEST_AHEAD:
            refused = _refuse(day, _("Vérifiez l’année de cette date."))
        return bool(refused)

    def _refuse_line(self, n: int, row: dict[str, Any]) -> bool:
        refused = not row["what"].data and _refuse(row["what"], _("Dites ce qu’il faut acheter ou payer."))
        if not row["category"].data:
            refused = _refuse(row["category"], _("Dites à quoi sert l’argent."))
        if not row["amount"].data:
            return _refuse(row["amount"], _("Indiquez le montant."))
        if self.currency.data and not self.currency.errors:
            try:
                self._amounts[n] = read_amount(row["amount"].data, self.currency.data)
            except ValidationError as wrong:
                refused = _refuse(row["amount"], str(wrong))
        return bool(refused)

    def draft(self, known: set[str]) -> PlanDraft:
        """The version; only keys that are ``known`` of an earlier version of this case count, each once."""
        keys = _Keys(self.id.uuid, set(known))
        return PlanDraft(
            self.id.uuid,
            texts={name: self[name].data or "" for name in TEXTS},
            currency=self.currency.data,
            steps=[
                {
                    "key": keys.of(row["key"].data, f"step {n}"),
                    "what": row["what"].data,
                    "due_on": row["due_on"].data.isoformat(),
                    "who": row["who"].data,
                }
                for n, row in enumerate(self.steps)
                if is_begun(row)
            ],
            lines=[
                {
                    "key": keys.of(row["key"].data, f"line {n}"),
                    "category": row["category"].data,
                    "what": row["what"].data,
                    "minor": self._amounts[n].minor,
                    "provider_id": self._provider_ids.get(row["provider"].data),
                    "provider": row["provider"].data,
                }
                for n, row in enumerate(self.lines)
                if is_begun(row)
            ],
        )


class _Keys:
    """Hands out the keys of rows."""

    def __init__(self, plan_id: UUID, known: set[str]) -> None:
        self._plan_id, self._known = plan_id, known

    def of(self, given: str, row: str) -> str:
        if given in self._known:
            self._known.remove(given)
            return given
        return str(uuid5(self._plan_id, row))


def _refuse(asked: Any, sentence: str) -> bool:
    asked.errors = [*asked.errors, sentence]
    return True


def is_begun(row: dict[str, Any]) -> bool:
    """Whether anything was written into a row: its key, and who does it, stand there before anybody writes."""
    return any(asked.data or asked.errors for name, asked in row.items() if name not in ("key", "who"))


_ROWS: dict[str, Any] = {}
for _n in range(STEPS):
    _ROWS |= {
        f"step_{_n}_key": HiddenField(filters=[stripped]),
        f"step_{_n}_what": StringField(ROW_NAMES["what"], [at_most(200)], filters=[stripped]),
        f"step_{_n}_due_on": DateField(ROW_NAMES["due_on"], [Optional()]),
        f"step_{_n}_who": SelectField(ROW_NAMES["who"], choices=as_choices(WHO_NAMES), default="returnee"),
    }
for _n in range(LINES):
    _ROWS |= {
        f"line_{_n}_key": HiddenField(filters=[stripped]),
        f"line_{_n}_category": SelectField(
            ROW_NAMES["category"], [Optional()], choices=as_choices([("", _l("Choisissez")), *CATEGORY_NAMES])
        ),
        f"line_{_n}_what": StringField(ROW_NAMES["paid"], [at_most(200)], filters=[stripped]),
        f"line_{_n}_amount": StringField(ROW_NAMES["amount"], filters=[stripped]),
        f"line_{_n}_provider": StringField(ROW_NAMES["provider"], [at_most(210)], filters=[stripped]),
    }
for _name, _row_field in _ROWS.items():
    setattr(PlanForm, _name, _row_field)


def fill(form: PlanForm, plan: Any) -> None:
    """Write an earlier version into an empty form."""
    for name in TEXTS:
        form[name].data = getattr(plan, name)
    form.currency.data = plan.currency
    for row, step in zip(form.steps, plan.steps, strict=False):
        row["key"].data, row["what"].data, row["who"].data = step["key"], step["what"], step["who"]
        row["due_on"].data = date.fromisoformat(step["due_on"])
    for row, line in zip(form.lines, plan.lines, strict=False):
        row["key"].data, row["category"].data, row["what"].data = line["key"], line["category"], line["what"]
        row["amount"].data = plain_amount(Money(line["minor"], plan.currency))
        row["provider"].data = line["provider"]


class DecisionForm(Form):
    """A manager's decision: a reason where the plan goes back."""

    reason = StringField(_l("Raison"), [at_most(300)], filters=[stripped])


class StepForm(Form):
    """What became of a step."""

    outcome = SelectField(
        _l("Ce qu’il en est"),
        [InputRequired(_l("Dites si l’étape est faite ou abandonnée."))],
        choices=as_choices([("done", _l("Fait")), ("dropped", _l("Abandonné"))]),
    )
    reason = StringField(_l("Raison"), [at_most(300)], filters=[stripped])

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if valid and self.outcome.data == "dropped" and not self.reason.data:
            return not _refuse(self.reason, _("Dites pourquoi cette étape est abandonnée."))
        return valid
