"""What a manager writes to grant an allocation, to release a part of it, or to correct it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from ...fields import Form, IdField, IntegerField, as_choices, read_amount, stripped
from ...money import Money
from ..rules import Persons, Rule
from ..words import return_type as return_type_name

OTHERWISE = "other"
"""What stands for all return types that a rule does not name."""


@dataclass(frozen=True)
class GrantDraft:
    """An allocation as somebody wants to grant it; no amount is all that the rule allows."""

    id: UUID
    return_type: str
    persons: Persons
    donor: str
    amount: str


def _persons(label: str) -> IntegerField:
    return IntegerField(
        label,
        [InputRequired(_l("Écrivez un nombre, zéro s’il n’y en a pas.")), NumberRange(0, 50)],
        default=0,
    )


class GrantForm(Form):
    """Under which rule is in the address; the rest is asked."""

    id = IdField()
    return_type = RadioField(_l("Type de retour"), [InputRequired(_l("Choisissez le type de retour."))])
    adult = _persons(_l("Adultes"))
    child = _persons(_l("Enfants"))
    unaccompanied = _persons(_l("Mineurs non accompagnés"))
    donor = StringField(
        _l("Donateur"),
        [
            DataRequired(_l("Dites qui donne cet argent.")),
            Length(max=80, message=_l("Au plus 80 caractères.")),
        ],
        filters=[stripped],
    )
    amount = StringField(
        _l("Montant, si c’est moins que le plafond"),
        [Optional(), Length(max=40, message=_l("Au plus 40 caractères."))],
        filters=[stripped],
    )
    shown = HiddenField(filters=[stripped])
    """What was on the screen when it was confirmed."""

    def __init__(self, fields: Any = None, *, rule: Rule, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self.return_type.choices = as_choices(
            [(name or OTHERWISE, return_type_name(name)) for name in rule.return_types]
        )

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        counted = [self.adult, self.child, self.unaccompanied]
        if not any(field.errors for field in counted):
            size = sum(field.data or 0 for field in counted)
            if not 1 <= size <= 50:
                self.adult.errors = [_("Une allocation est pour 1 à 50 personnes.")]
                valid = False
        return bool(valid)

    def draft(self) -> GrantDraft:
        return GrantDraft(
            id=self.id.uuid,
            return_type=self.return_type.data,
            persons=Persons(self.adult.data or 0, self.child.data or 0, self.unaccompanied.data or 0),
            donor=self.donor.data or "",
            amount=self.amount.data or "",
        )


class ReleaseForm(Form):
    """That a condition is met: who says so, why, and what shows it."""

    checked = BooleanField(_l("J’ai vérifié que la condition est remplie."))
    reason = StringField(
        _l("Comment on le sait"),
        [
            DataRequired(_l("Dites comment on le sait.")),
            Length(max=300, message=_l("Au plus 300 caractères.")),
        ],
        filters=[stripped],
    )
    proof = SelectField(_l("Ce qui le montre"), [Optional()])

    def __init__(self, fields: Any = None, *, proofs: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self.proof.choices = as_choices([("", _("Rien dans le dossier")), *proofs])


class AdjustmentForm(Form):
    """A correction, up or down."""

    id = IdField()
    direction = RadioField(
        _l("Sens"),
        [InputRequired(_l("Dites si c’est plus ou moins."))],
        choices=as_choices([("up", _l("Ajouter")), ("down", _l("Retirer"))]),
    )
    amount = StringField(_l("Montant"), [DataRequired(_l("Indiquez le montant."))], filters=[stripped])
    reason = StringField(
        _l("Raison"),
        [DataRequired(_l("Dites pourquoi.")), Length(max=200, message=_l("Au plus 200 caractères."))],
        filters=[stripped],
    )

    def __init__(self, fields: Any = None, *, currency: str, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self._currency = currency
        self._amount: Money | None = None

    def validate_amount(self, field: StringField) -> None:
        self._amount = read_amount(field.data, self._currency)

    def signed(self) -> Money:
        assert self._amount is not None
        return Money(
            self._amount.minor if self.direction.data == "up" else -self._amount.minor, self._currency
        )
