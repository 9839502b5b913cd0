"""What an officer writes of a check-in and of a red flag."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from ..fields import Form, IdField, as_choices, stripped
from . import scoring
from .instruments import LANGUAGES, SOURCE_LANGUAGE, Instrument, Item, Kind
from .skips import NO_ANSWER

CATEGORY_NAMES = [
    ("", _l("Choisissez")),
    ("self_harm", _l("Veut mourir ou se faire du mal")),
    ("harm_to_others", _l("Menace de faire du mal à d’autres")),
    ("confused", _l("Ne peut plus prendre soin de soi, très confus")),
    ("violence", _l("Violence sexuelle ou dans le couple, récente ou en cours")),
    ("child_at_risk", _l("Enfant en danger ou seul")),
    ("trafficking", _l("Menaces de trafiquants, de passeurs ou de créanciers")),
    ("illness", _l("Maladie grave, grossesse en danger, traitement arrêté")),
    ("no_shelter", _l("Ni nourriture ni abri ce soir")),
]


@dataclass(frozen=True)
class CheckInDraft:
    """A check-in as it was written: ``answers`` only when the person agreed and could speak freely."""

    id: UUID
    outcome: str
    answers: dict[str, Any] | None
    locale: str


class CheckInForm(Form):
    """The questions common to every instrument; ``for_instrument`` adds its items."""

    id = IdField()
    locale = HiddenField()
    instrument = HiddenField()
    version = HiddenField()
    declined = HiddenField()
    private = RadioField(
        _l("La personne peut-elle parler librement, sans être entendue ?"),
        [Optional()],
        choices=as_choices([("yes", _l("Oui, seule")), ("no", _l("Non"))]),
    )
    consent = RadioField(
        _l("Est-elle d’accord pour répondre aujourd’hui ?"),
        [Optional()],
        choices=as_choices([("yes", _l("Oui")), ("no", _l("Non, pas aujourd’hui"))]),
    )

    given: Instrument

    @classmethod
    def for_instrument(cls, instrument: Instrument, fields: Any = None) -> "CheckInForm":
        """The form with one field for each question of the instrument."""
        items = {item.id: _field_of(item) for item in instrument.items if item.kind is not Kind.NOTE}
        form_class: type[CheckInForm] = type("CheckInFormOfInstrument", (cls,), items)
        form = form_class(fields)
        form.given = instrument
        form.instrument.data, form.version.data = instrument.id, str(instrument.version)
        return form

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if self.declined.data:
            return valid
        for field, sentence in (
            (self.private, _("Demandez d’abord si la personne peut parler librement.")),
            (self.consent, _("Demandez d’abord l’accord de la personne.")),
        ):
            if not field.data and not field.errors:
                field.errors = [sentence]
                valid = False
        if self.private.data == "yes" and self.consent.data == "yes":
            valid = self._answers_are_right() and valid
        return valid

    def _answers_are_right(self) -> bool:
        try:
            given = scoring.read_answers(self.given, self._said())
        except scoring.WrongAnswer as wrong:
            if not self[wrong.item].errors:
                self[wrong.item].errors = [self._sentence_for(wrong.item)]
            return False
        if not given:
            first = next(item for item in self.given.items if item.kind is not Kind.NOTE)
            self[first.id].errors = [
                _("Choisissez au moins une réponse, ou notez que la personne ne souhaite pas répondre.")
            ]
        return bool(given)

    def _sentence_for(self, item_id: str) -> str:
        item = self.given.item(item_id)
        if item.kind is Kind.NUMBER:
            return _(
                "Écrivez un nombre entier de %(least)s à %(most)s.", least=item.lowest, most=item.highest
            )
        return _("Choisissez une des réponses proposées.")

    def draft(self) -> CheckInDraft:
        if self.declined.data or self.consent.data == "no":
            outcome = "declined"
        elif self.private.data == "no":
            outcome = "not_alone"
        else:
            outcome = "answered"
        answers = None
        if outcome == "answered":
            # What was answered before a later answer hid the question is not an answer any more.
            answers = scoring.without_hidden(self.given, scoring.read_answers(self.given, self._said()))
        return CheckInDraft(self.id.uuid, outcome, answers, self._locale())

    def _locale(self) -> str:
        return self.locale.data if self.locale.data in LANGUAGES else SOURCE_LANGUAGE

    def _said(self) -> dict[str, Any]:
        return {item.id: self[item.id].data for item in self.given.items if item.kind is not Kind.NOTE}


def _field_of(item: Item) -> Any:
    choices = as_choices((word, word) for word in (*map(str, item.values), *NO_ANSWER, "skip"))
    if item.kind is Kind.NUMBER:
        return StringField(validators=[Optional()], filters=[stripped])
    if item.kind is Kind.MANY:
        return SelectMultipleField(choices=choices, validators=[Optional()])
    return RadioField(choices=choices, validators=[Optional()])


@dataclass(frozen=True)
class RedFlagDraft:
    id: UUID
    category: str
    help_needed: str


class AnswerForm(Form):
    answer = TextAreaField(
        _l("Ce qui a été fait"),
        [DataRequired(_l("Dites ce qui a été fait.")), Length(max=1000, message=_l("Au plus 1 000 caractères."))],
        filters=[stripped],
    )  # fmt: skip


class RedFlagForm(Form):
    id = IdField()
    category = SelectField(
        _l("Quel danger"), [InputRequired(_l("Choisissez le danger."))], choices=as_choices(CATEGORY_NAMES)
    )
    help_needed = TextAreaField(
        _l("Quelle aide faut-il"), [Length(max=200, message=_l("Au plus 200 caractères."))],
        filters=[stripped],
    )  # fmt: skip

    def draft(self) -> RedFlagDraft:
        return RedFlagDraft(self.id.uuid, self.category.data, self.help_needed.data or "")
