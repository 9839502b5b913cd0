"""What is written of a referral, and of each step after it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from ..fields import Form, IdField, as_choices, stripped
from .states import DEEDS

SERVICE_NAMES = [
    ("health", _l("Santé")),
    ("psychosocial", _l("Soutien psychosocial")),
    ("legal", _l("Aide juridique")),
    ("housing", _l("Logement")),
    ("training", _l("Formation")),
    ("education", _l("Scolarité")),
    ("employment", _l("Emploi")),
    ("protection", _l("Protection")),
    ("other", _l("Autre service")),
]
URGENCY_NAMES = [
    ("routine", _l("Habituel : réponse sous 30 jours")),
    ("soon", _l("Bientôt : réponse sous 7 jours")),
    ("urgent", _l("Urgent : réponse sous 24 heures")),
]
AGREED_NAMES = [("spoken", _l("Oui, de vive voix")), ("written", _l("Oui, par écrit"))]
CONSENT_NAMES = [*AGREED_NAMES, ("declined", _l("Non"))]
WAY_NAMES = [
    ("phone", _l("Par téléphone")),
    ("person", _l("En personne")),
    ("letter", _l("Par lettre")),
    ("message", _l("Par message")),
]
OUTCOME_NAMES = [("helped", _l("Aidée")), ("partly", _l("Aidée en partie")), ("not_helped", _l("Pas aidée"))]
EARLIEST = date(2015, 1, 1)
LATEST_AHEAD = timedelta(days=1500)


def _text(label: Any, most: int, sentence: Any) -> StringField:
    return StringField(label, [Length(max=most, message=sentence)], filters=[stripped])


def _refuse_far_day(field: DateField, today: date) -> None:
    if field.data and not EARLIEST <= field.data <= today + LATEST_AHEAD:
        raise ValidationError(_("Vérifiez l’année de cette date."))


def _refuse_coming_day(field: DateField, today: date) -> None:
    # A phone a few hours ahead of the office is no mistake.
    if field.data and not EARLIEST <= field.data <= today + timedelta(days=1):
        raise ValidationError(_("Ce jour est dans le futur ou trop ancien."))


@dataclass(frozen=True)
class ReferralDraft:
    """A referral as it was written, checked and typed; ``content`` is what lies encrypted."""

    id: UUID
    content: dict[str, str]
    urgency: str
    consent: str | None
    consent_on: date | None
    sent_how: str | None
    appointment_on: date | None


class ReferralForm(Form):
    id = IdField()
    service = SelectField(
        _l("Quel service"),
        [InputRequired(_l("Choisissez le service."))],
        choices=as_choices([("", _l("Choisissez")), *SERVICE_NAMES]),
    )
    provider = SelectField(_l("Où"), [Optional()])
    provider_name = _text(_l("Nom, s’il n’est pas dans la liste"), 120, _l("Au plus 120 caractères."))
    provider_phone = _text(_l("Son téléphone"), 40, _l("Au plus 40 caractères."))
    asked = TextAreaField(
        _l("Ce qui est demandé"),
        [
            DataRequired(_l("Dites ce qui est demandé.")),
            Length(max=300, message=_l("Au plus 300 caractères.")),
        ],
        filters=[stripped],
    )
    urgency = RadioField(
        _l("Pour quand"),
        [InputRequired(_l("Dites pour quand une réponse est attendue."))],
        choices=as_choices(URGENCY_NAMES),
    )
    consent = RadioField(
        _l("La personne est-elle d’accord pour ce référencement ?"),
        [InputRequired(_l("Dites si la personne est d’accord."))],
        choices=as_choices([*CONSENT_NAMES, ("later", _l("Pas encore demandé"))]),
    )
    consent_on = DateField(_l("Quel jour, si ce n’est pas aujourd’hui"), [Optional()])
    sent_how = SelectField(
        _l("Comment c’est envoyé"), [Optional()], choices=as_choices([("", _l("Pas encore envoyé")), *WAY_NAMES])
    )  # fmt: skip
    appointment_on = DateField(_l("Premier rendez-vous"), [Optional()])

    def __init__(
        self, fields: Any = None, *, today: date, providers: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(fields, **kwargs)
        self._today = today
        self.provider.choices = as_choices([("", _("Pas dans la liste")), *providers])

    def validate_consent_on(self, field: DateField) -> None:
        _refuse_coming_day(field, self._today)

    def validate_appointment_on(self, field: DateField) -> None:
        _refuse_far_day(field, self._today)

    def validate_sent_how(self, field: SelectField) -> None:
        if field.data and self.consent.data not in dict(AGREED_NAMES):
            raise ValidationError(_("Sans l’accord de la personne, rien n’est envoyé."))

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if not self.provider.data and not self.provider_name.data:
            self.provider_name.errors = [*self.provider_name.errors, _("Nommez celui qui donne ce service.")]
            valid = False
        return valid

    def draft(self, provider: Any = None) -> ReferralDraft:
        """What was written; ``provider`` is the listed one that was chosen."""
        answered = self.consent.data if self.consent.data != "later" else None
        return ReferralDraft(
            id=self.id.uuid,
            content={
                "service": self.service.data,
                "provider": str(provider.id) if provider else "",
                "name": provider.name if provider else self.provider_name.data or "",
                "phone": provider.phone if provider else self.provider_phone.data or "",
                "asked": self.asked.data or "",
            },
            urgency=self.urgency.data,
            consent=answered,
            consent_on=(self.consent_on.data or self._today) if answered else None,
            sent_how=self.sent_how.data or None,
            appointment_on=self.appointment_on.data,
        )


# What is noted afterwards


@dataclass(frozen=True)
class StepDraft:
    """A step as it was noted: the state it leads to, what it changes of the referral, and its words."""

    id: UUID
    shown: str
    to: str
    values: dict[str, Any] = field(default_factory=dict)
    words: str = ""


class StepForm(Form):
    """What every step says: its id, and the state that the page showed."""

    id = IdField()
    state = HiddenField(filters=[stripped])
    deed = ""

    def __init__(self, fields: Any = None, *, today: date, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self._today = today
        for asked in self:
            # Several of these forms stand on one page.
            asked.id = f"{self.deed}-{asked.name}"

    @property
    def asks(self) -> list[Any]:
        """The questions of this step, in the order of the page."""
        return [asked for asked in self if asked.name not in ("id", "state")]

    @property
    def to(self) -> str:
        return DEEDS[self.deed].to

    @property
    def words(self) -> str:
        """What was typed freely."""
        return next((str(asked.data or "") for asked in self.asks if asked.type == "TextAreaField"), "")

    def values(self) -> dict[str, Any]:
        return {}

    def draft(self) -> StepDraft:
        return StepDraft(self.id.uuid, self.state.data or "", self.to, self.values(), self.words)


class ConsentStep(StepForm):
    deed = "consent"
    consent = RadioField(
        _l("La personne est-elle d’accord pour ce référencement ?"),
        [InputRequired(_l("Dites si la personne est d’accord."))],
        choices=as_choices(CONSENT_NAMES),
    )
    consent_on = DateField(_l("Quel jour, si ce n’est pas aujourd’hui"), [Optional()])

    def validate_consent_on(self, field: DateField) -> None:
        _refuse_coming_day(field, self._today)

    @property
    def to(self) -> str:
        return "declined" if self.consent.data == "declined" else "agreed"

    def values(self) -> dict[str, Any]:
        return {"consent": self.consent.data, "consent_on": self.consent_on.data or self._today}


class AppointmentStep(StepForm):
    """A step with which the first appointment may become known."""

    appointment_on = DateField(_l("Premier rendez-vous"), [Optional()])

    def validate_appointment_on(self, field: DateField) -> None:
        _refuse_far_day(field, self._today)

    def values(self) -> dict[str, Any]:
        return {"appointment_on": self.appointment_on.data} if self.appointment_on.data else {}


class SendingStep(AppointmentStep):
    deed = "sending"
    sent_how = SelectField(
        _l("Comment c’est envoyé"),
        [InputRequired(_l("Dites comment c’est envoyé."))],
        choices=as_choices([("", _l("Choisissez")), *WAY_NAMES]),
    )

    def values(self) -> dict[str, Any]:
        return {**super().values(), "sent_how": self.sent_how.data}


class AcceptanceStep(AppointmentStep):
    deed = "acceptance"


class RefusalStep(StepForm):
    deed = "refusal"
    reason = TextAreaField(
        _l("Pourquoi le service refuse"),
        [DataRequired(_l("Dites pourquoi.")), Length(max=300, message=_l("Au plus 300 caractères."))],
        filters=[stripped],
    )


class ContactStep(StepForm):
    deed = "contact"


class AbsenceStep(StepForm):
    deed = "absence"


class OutcomeStep(StepForm):
    deed = "outcome"
    outcome = RadioField(
        _l("La personne a-t-elle été aidée ?"),
        [InputRequired(_l("Dites si la personne a été aidée."))],
        choices=as_choices(OUTCOME_NAMES),
    )
    told = TextAreaField(
        _l("Ce qui en est sorti"),
        [Length(max=500, message=_l("Au plus 500 caractères."))],
        filters=[stripped],
    )

    def values(self) -> dict[str, Any]:
        return {"outcome": self.outcome.data}


class ClosureStep(StepForm):
    deed = "closure"


class WithdrawalStep(StepForm):
    deed = "withdrawal"


STEP_FORMS: dict[str, type[StepForm]] = {
    form.deed: form
    for form in (
        ConsentStep, SendingStep, AcceptanceStep, RefusalStep, ContactStep, AbsenceStep, OutcomeStep, ClosureStep,
        WithdrawalStep,
    )
}  # fmt: skip
