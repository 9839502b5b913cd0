"""What is written of each step, of a first contact, and of an interruption.

Where a diagnosis or a story could slip in there is no field for it: answers are chosen from short lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import phonenumbers
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from ..cases.pages import NEEDS
from ..fields import Form, IdField, IntegerField, as_choices, stripped

EARLIEST = date(2015, 1, 1)
LATEST_AHEAD = timedelta(days=1500)
CHANNEL_NAMES = [
    ("phone", _l("Par téléphone")),
    ("office", _l("Au bureau")),
    ("partner", _l("Par un partenaire")),
    ("community", _l("Par la communauté")),
]
FIT_NAMES = [
    ("yes", _l("Oui, peut voyager")),
    ("conditions", _l("Oui, avec des conditions")),
    ("no", _l("Pas maintenant")),
]
CONDITION_NAMES = [
    ("wheelchair", _l("Fauteuil roulant")),
    ("companion", _l("Accompagnant pendant le voyage")),
    ("extra_seat", _l("Place supplémentaire")),
    ("own_medicine", _l("Emporte ses médicaments")),
    ("oxygen", _l("Oxygène à bord")),
]
DOCUMENT_NAMES = [("passport", _l("Passeport valable")), ("laissez_passer", _l("Laissez-passer"))]
TOPIC_NAMES = [
    ("communication", _l("Communication")),
    ("self_esteem", _l("Estime de soi")),
    ("micro_project", _l("Montage de micro-projets")),
    ("income", _l("Activités génératrices de revenus")),
    ("microfinance", _l("Microfinance")),
    ("other", _l("Autre formation")),
]
ASSISTANCE_NAMES = [
    ("escort", _l("Accompagnement jusqu’à l’embarquement")),
    ("wheelchair", _l("Fauteuil roulant")),
    ("minor", _l("Mineur : accueil par un proche ou par le bureau")),
    ("priority", _l("Embarquement prioritaire")),
    ("met", _l("À accueillir à l’aéroport d’arrivée")),
]
HELP_NAMES = [
    ("reception", _l("Accueil à l’aéroport")),
    ("transport", _l("Transport jusque chez soi")),
    ("lodging", _l("Hébergement")),
    ("health", _l("Soins")),
    ("food", _l("Repas")),
]
CONTACTED_NAMES = [("returnee", _l("La personne")), ("office", _l("Le bureau"))]
ORIENTATION_NAMES = [
    ("objectives", _l("Ses objectifs")),
    ("activity", _l("L’idée d’activité")),
    ("training", _l("Formation ou emploi")),
    ("services", _l("Les services près de chez soi")),
    ("allocation", _l("L’allocation et ses règles")),
]
ASKED_BY_NAMES = [("person", _l("La personne")), ("programme", _l("Le programme"))]
REASON_NAMES = [
    ("", _l("Sans raison dite")),
    ("changed_mind", _l("A changé d’avis")),
    ("family", _l("Famille")),
    ("work_or_study", _l("Travail ou études")),
    ("waited", _l("Attente trop longue")),
    ("documents", _l("Papiers")),
    ("other", _l("Autre")),
]
DECISION_NAMES = [
    ("go_on", _l("Tout ce qui est engagé est tenu")),
    ("cancel", _l("Ce qui n’est pas livré est annulé")),
    ("mixed", _l("Décidé pour chaque demande")),
]
SEX_NAMES = [("", _l("Pas dit")), ("F", _l("Femme")), ("M", _l("Homme"))]


class Several(SelectMultipleField):
    """Several answers, each a card to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata([value for value in valuelist if value])

    def pre_validate(self, form: Any) -> None:
        try:
            super().pre_validate(form)
        except ValidationError:
            raise ValidationError(_("Choisissez une des réponses proposées.")) from None


@dataclass(frozen=True)
class StepDraft:
    """A step as it was written, checked and typed; ``facts`` are the answers of its kind."""

    id: UUID
    outcome: str
    happened_on: date
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)


class StepForm(Form):
    """What every step asks; each kind adds its own questions."""

    id = IdField()
    skipped = BooleanField(_l("Passer cette étape"))
    happened_on = DateField(_l("Quel jour"), [InputRequired(_l("Indiquez le jour."))])
    reason = StringField(
        _l("Pourquoi"), [Length(max=300, message=_l("Au plus 300 caractères."))], filters=[stripped]
    )

    asks: Sequence[str] = ()
    """The names of the questions that this kind adds, in the order of the page."""

    def __init__(self, fields: Any = None, *, today: date, again: bool = False, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self._today, self.again = today, again

    def validate_happened_on(self, field: DateField) -> None:
        # A phone a few hours ahead of the office is no mistake.
        if field.data and not EARLIEST <= field.data <= self._today + timedelta(days=1):
            raise ValidationError(_("Ce jour est dans le futur ou trop ancien."))

    def validate(self, extra_validators: Any = None) -> bool:
        if self.skipped.data:
            # Only the day and the reason count: what else was typed is not kept.
            valid = self.id.validate(self) & self.happened_on.validate(self) & self.reason.validate(self)
            if valid and self.happened_on.data:
                valid = self._holds(self.validate_happened_on, self.happened_on)
        else:
            valid = super().validate(extra_validators)
        if (self.skipped.data or self.again) and not self.reason.data:
            self.reason.errors = [
                *self.reason.errors,
                _("Dites pourquoi cette étape est passée.")
                if self.skipped.data
                else _("Cette étape est déjà faite : dites pourquoi elle est refaite."),
            ]
            valid = False
        return bool(valid)

    def _holds(self, check: Any, asked: Any) -> bool:
        try:
            check(asked)
        except ValidationError as refused:
            asked.errors = [*asked.errors, str(refused)]
            return False
        return True

    def draft(self) -> StepDraft:
        assert self.happened_on.data is not None
        if self.skipped.data:
            return StepDraft(self.id.uuid, "skipped", self.happened_on.data, self.reason.data or "")
        return StepDraft(
            self.id.uuid, self.outcome(), self.happened_on.data, self.reason.data or "", self.facts()
        )

    def outcome(self) -> str:
        """Whether the step is through with this."""
        return "done"

    def facts(self) -> dict[str, Any]:
        """The answers, without those not given."""
        found = {name: _plainly(self[name].data) for name in self.asks}
        return {name: value for name, value in found.items() if value not in (None, "", [], False)}


def _plainly(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _text(label: Any, most: int, sentence: Any) -> StringField:
    return StringField(label, [Length(max=most, message=sentence)], filters=[stripped])


class ContactStep(StepForm):
    channel = SelectField(_l("Comment"), choices=as_choices(CHANNEL_NAMES))
    asks = ("channel",)


class InterviewStep(StepForm):
    consent = BooleanField(
        _l("La personne sait à quoi servent ses réponses et qui les lira, et elle est d’accord.")
    )
    needs = Several(_l("Ce dont elle a besoin"), [Optional()])
    household_size = IntegerField(
        _l("Combien rentrent ensemble"),
        [Optional(), NumberRange(1, 50, message=_l("De 1 à 50 personnes."))],
    )
    place = _text(_l("Où elle veut vivre"), 80, _l("Au plus 80 caractères."))
    asks = ("needs", "household_size", "place")

    def __init__(self, fields: Any = None, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self.needs.choices = as_choices([(code, name()) for code, name in NEEDS.items()])

    def validate_consent(self, field: BooleanField) -> None:
        if not field.data:
            raise ValidationError(_("Sans son accord, l’entretien n’est pas noté ici."))


class MedicalStep(StepForm):
    """Whether the person can travel; what they have is the doctor's to know."""

    fit = RadioField(
        _l("Peut-elle voyager ?"),
        [InputRequired(_l("Dites si la personne peut voyager."))],
        choices=as_choices(FIT_NAMES),
    )
    conditions = Several(_l("À quelles conditions"), [Optional()], choices=as_choices(CONDITION_NAMES))
    not_before = DateField(_l("Pas avant le"), [Optional()])
    asks = ("fit", "conditions", "not_before")

    def validate_not_before(self, field: DateField) -> None:
        _near(field.data, self._today)

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if not self.skipped.data and self.fit.data == "conditions" and not self.conditions.data:
            self.conditions.errors = [*self.conditions.errors, _("Choisissez au moins une condition.")]
            valid = False
        return valid

    def outcome(self) -> str:
        return "open" if self.fit.data == "no" else "done"

    def facts(self) -> dict[str, Any]:
        found = super().facts()
        return (
            found if self.fit.data == "conditions" else {k: v for k, v in found.items() if k != "conditions"}
        )


class DocumentStep(StepForm):
    document = RadioField(
        _l("Quel document"),
        [InputRequired(_l("Choisissez le document."))],
        choices=as_choices(DOCUMENT_NAMES),
    )
    embassy = _text(_l("Ambassade ou consulat"), 80, _l("Au plus 80 caractères."))
    asked_on = DateField(_l("Demandé le"), [Optional()])
    received_on = DateField(_l("Reçu le"), [Optional()])
    expires_on = DateField(_l("Valable jusqu’au"), [Optional()])
    asks = ("document", "embassy", "asked_on", "received_on", "expires_on")

    def validate_asked_on(self, field: DateField) -> None:
        _past(field.data, self._today)

    def validate_received_on(self, field: DateField) -> None:
        _past(field.data, self._today)
        if field.data and self.asked_on.data and field.data < self.asked_on.data:
            raise ValidationError(_("Le document ne peut pas être reçu avant d’être demandé."))

    def validate_expires_on(self, field: DateField) -> None:
        _near(field.data, self._today)

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if self.skipped.data:
            return valid
        if self.outcome() == "done" and not self.expires_on.data and not self.expires_on.errors:
            self.expires_on.errors = [_("Jusqu’à quand ce document est-il valable ?")]
            valid = False
        if self.outcome() == "open" and not self.asked_on.data and not self.asked_on.errors:
            self.asked_on.errors = [_("Quand le laissez-passer a-t-il été demandé ?")]
            valid = False
        return valid

    def outcome(self) -> str:
        return "done" if self.document.data == "passport" or self.received_on.data else "open"


class TrainingStep(StepForm):
    topic = SelectField(_l("Sur quoi"), choices=as_choices(TOPIC_NAMES))
    partner = _text(_l("Avec quel partenaire"), 80, _l("Au plus 80 caractères."))
    sessions = IntegerField(
        _l("Nombre de séances"),
        [InputRequired(_l("Combien de séances ?")), NumberRange(1, 99, message=_l("De 1 à 99 séances."))],
    )
    attended = IntegerField(
        _l("Séances suivies"),
        [InputRequired(_l("Combien de séances ont été suivies ?")), NumberRange(0, 99, message=_l("De 0 à 99 séances."))],
    )  # fmt: skip
    asks = ("topic", "partner", "sessions", "attended")

    def validate_attended(self, field: IntegerField) -> None:
        if field.data is not None and self.sessions.data is not None and field.data > self.sessions.data:
            raise ValidationError(_("Plus de séances suivies que de séances."))

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "attended": self.attended.data}


class NoteStep(StepForm):
    words = TextAreaField(
        _l("Ce qui a été fait"), [Length(max=300, message=_l("Au plus 300 caractères."))], filters=[stripped]
    )
    asks = ("words",)


class DepartureStep(StepForm):
    departs_on = DateField(_l("Jour du départ"), [InputRequired(_l("Indiquez le jour du départ."))])
    arrives_on = DateField(_l("Jour d’arrivée"), [InputRequired(_l("Indiquez le jour d’arrivée."))])
    flight = _text(_l("Vol"), 40, _l("Au plus 40 caractères."))
    transit = _text(_l("Escale"), 80, _l("Au plus 80 caractères."))
    assistance = Several(_l("Aide au départ"), [Optional()], choices=as_choices(ASSISTANCE_NAMES))
    escort = SelectField(_l("Qui accompagne à l’aéroport"), [Optional()])
    asks = ("departs_on", "arrives_on", "flight", "transit", "assistance", "escort")

    def validate_departs_on(self, field: DateField) -> None:
        _near(field.data, self._today)

    def validate_arrives_on(self, field: DateField) -> None:
        _near(field.data, self._today)
        if (
            field.data
            and self.departs_on.data
            and not (timedelta(0) <= field.data - self.departs_on.data <= timedelta(days=10))
        ):
            raise ValidationError(_("L’arrivée suit le départ de dix jours au plus."))


class BoardingStep(StepForm):
    accompanied = BooleanField(_l("Accompagné(e) jusqu’à l’embarquement"))
    asks = ("accompanied",)


class ArrivalStep(StepForm):
    met = RadioField(
        _l("A été accueilli(e) ?"),
        [InputRequired(_l("Dites si la personne a été accueillie."))],
        choices=as_choices([("yes", _l("Oui")), ("no", _l("Non"))]),
    )
    given = Several(_l("Aide donnée"), [Optional()], choices=as_choices(HELP_NAMES))
    lacking = Several(_l("Aide qui manque encore"), [Optional()], choices=as_choices(HELP_NAMES))
    asks = ("met", "given", "lacking")


class ContactThereStep(StepForm):
    contacted_by = RadioField(
        _l("Qui a pris contact"),
        [InputRequired(_l("Dites qui a pris contact."))],
        choices=as_choices(CONTACTED_NAMES),
    )
    channel = SelectField(_l("Comment"), choices=as_choices(CHANNEL_NAMES))
    asks = ("contacted_by", "channel")


class OrientationStep(StepForm):
    topics = Several(_l("De quoi vous avez parlé"), [Optional()], choices=as_choices(ORIENTATION_NAMES))
    agreed = _text(_l("Ce qui est convenu"), 300, _l("Au plus 300 caractères."))
    next_on = DateField(_l("Prochaine séance"), [Optional()])
    asks = ("topics", "agreed", "next_on")

    def validate_next_on(self, field: DateField) -> None:
        _near(field.data, self._today)


FORMS: dict[str, type[StepForm]] = {
    "contact": ContactStep,
    "interview": InterviewStep,
    "medical": MedicalStep,
    "document": DocumentStep,
    "training": TrainingStep,
    "note": NoteStep,
    "departure": DepartureStep,
    "boarding": BoardingStep,
    "arrival": ArrivalStep,
    "contact_there": ContactThereStep,
    "orientation": OrientationStep,
}


def form_of(
    kind: str, fields: Any = None, *, today: date, again: bool = False, escorts: Sequence[Any] = ()
) -> StepForm:
    """The form of a kind of step; ``escorts`` are (id, name) of who may go along."""
    form = FORMS[kind](fields, today=today, again=again)
    if isinstance(form, DepartureStep):
        form.escort.choices = as_choices([("", _("Personne")), *((str(id), name) for id, name in escorts)])
    return form


def _near(day: date | None, today: date) -> None:
    if day and not EARLIEST <= day <= today + LATEST_AHEAD:
        raise ValidationError(_("Vérifiez l’année de cette date."))


def _past(day: date | None, today: date) -> None:
    if day and not EARLIEST <= day <= today + timedelta(days=1):
        raise ValidationError(_("Ce jour est dans le futur ou trop ancien."))


# A first contact opens a case


@dataclass(frozen=True)
class FirstContactDraft:
    id: UUID
    family_name: str
    given_names: str
    sex: str | None
    number: str
    e164: str | None
    office_id: UUID
    project: str
    channel: str
    happened_on: date


class FirstContactForm(Form):
    id = IdField()
    given_names = StringField(
        _l("Prénoms"),
        [InputRequired(_l("Indiquez le prénom.")), Length(max=160, message=_l("C’est trop long."))],
        filters=[stripped],
    )
    family_name = StringField(
        _l("Nom de famille"),
        [InputRequired(_l("Indiquez le nom.")), Length(max=120, message=_l("C’est trop long."))],
        filters=[stripped],
    )
    sex = SelectField(_l("Sexe"), [Optional()], choices=as_choices(SEX_NAMES))
    number = StringField(
        _l("Téléphone"), [Length(max=80, message=_l("C’est trop long."))], filters=[stripped]
    )
    office = SelectField(
        _l("Où la personne veut rentrer"), [InputRequired(_l("Choisissez le pays de retour."))]
    )
    project = SelectField(_l("Projet"), [Optional()])
    channel = SelectField(_l("Comment"), choices=as_choices(CHANNEL_NAMES))
    happened_on = DateField(_l("Quel jour"), [InputRequired(_l("Indiquez le jour."))])

    def __init__(
        self,
        fields: Any = None,
        *,
        today: date,
        offices: Sequence[Any],
        projects: Sequence[tuple[str, str]],
        country: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(fields, **kwargs)
        self._today, self._country = today, country
        self.office.choices = as_choices(
            [("", _("Choisissez")), *((str(office.id), office.name) for office in offices)]
        )
        self.project.choices = as_choices(projects)

    def validate_happened_on(self, field: DateField) -> None:
        _past(field.data, self._today)

    def draft(self) -> FirstContactDraft:
        assert self.happened_on.data is not None
        number = self.number.data or ""
        return FirstContactDraft(
            id=self.id.uuid,
            family_name=self.family_name.data or "",
            given_names=self.given_names.data or "",
            sex=self.sex.data or None,
            number=number,
            e164=_e164(number, self._country),
            office_id=UUID(self.office.data),
            project=self.project.data or "default",
            channel=self.channel.data,
            happened_on=self.happened_on.data,
        )


def _e164(written: str, country: str) -> str | None:
    try:
        parsed = phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


# An interruption


@dataclass(frozen=True)
class InterruptionDraft:
    id: UUID
    asked_by: str
    reason: str


class InterruptionForm(Form):
    """One tap is enough: everything but the id has an answer already."""

    id = IdField()
    asked_by = SelectField(
        _l("Qui le demande"), [Optional()], choices=as_choices(ASKED_BY_NAMES), default="person"
    )
    reason = SelectField(_l("Raison, si elle veut la dire"), [Optional()], choices=as_choices(REASON_NAMES))

    def draft(self) -> InterruptionDraft:
        return InterruptionDraft(self.id.uuid, self.asked_by.data or "person", self.reason.data or "")


class DecisionForm(Form):
    decision = RadioField(
        _l("Que devient ce qui est engagé ?"),
        [InputRequired(_l("Choisissez ce qui est décidé."))],
        choices=as_choices(DECISION_NAMES),
    )


class OfficerForm(Form):
    officer = SelectField(_l("Agent qui accueille et suit"), [InputRequired(_l("Choisissez un agent."))])

    def __init__(self, fields: Any = None, *, officers: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self.officer.choices = as_choices(
            [("", _("Choisissez")), *((str(one.id), one.name) for one in officers)]
        )


def blank_step(form: StepForm, *, id: UUID, today: date) -> StepForm:
    """An empty form: today, under a fresh id."""
    form.id.data, form.happened_on.data = id, today
    return form
