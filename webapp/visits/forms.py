"""What an officer writes of a visit or a call, and of a photo."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from .. import clock
from ..fields import Form, IdField, IntegerField, as_choices, stripped

CHANNEL_NAMES = [
    ("home_visit", _l("Visite à domicile")),
    ("business_visit", _l("Visite de l’activité")),
    ("call", _l("Appel")),
    ("office", _l("Au bureau")),
]
REACHED_NAMES = [("yes", _l("Oui")), ("no", _l("Non"))]
WHY_NAMES = [
    ("", _l("Choisissez")),
    ("no_answer", _l("Pas de réponse")),
    ("phone_off", _l("Téléphone éteint")),
    ("wrong_number", _l("Faux numéro")),
    ("refused", _l("Ne souhaite pas parler")),
    ("relative_answered", _l("Un proche a répondu")),
    ("not_there", _l("Absent, ou a déménagé")),
]
ACTIVITY_NAMES = [
    ("", _l("Pas abordé")),
    ("not_started", _l("Pas commencée")),
    ("setting_up", _l("En préparation")),
    ("running", _l("Marche bien")),
    ("running_with_difficulty", _l("Marche avec des difficultés")),
    ("stopped", _l("Arrêtée")),
    ("sold", _l("Vendue")),
    ("changed", _l("A changé d’activité")),
]
CONCERN_NAMES = [("none", _l("Aucune")), ("some", _l("Un peu")), ("serious", _l("Sérieuse"))]
SUBJECT_NAMES = [
    ("goods", _l("Matériel ou marchandise")),
    ("premises", _l("Local")),
    ("document", _l("Document")),
    ("person", _l("Personne")),
]
EARLIEST = date(2015, 1, 1)


@dataclass(frozen=True)
class VisitDraft:
    """A visit as it was written, checked and typed; the moment is in UTC."""

    id: UUID
    visited_at: datetime
    channel: str
    reached: bool
    why_not: str | None
    present: str
    activity_status: str | None
    agreed: str
    agreed_due_on: date | None
    concern: str
    words: str
    notes: str
    photos_announced: int


class VisitForm(Form):
    id = IdField()
    visited_at = DateTimeLocalField(
        _l("Quand"),
        [InputRequired(_l("Indiquez la date et l’heure."))],
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    channel = RadioField(
        _l("Comment"),
        [InputRequired(_l("Indiquez comment le contact a eu lieu."))],
        choices=as_choices(CHANNEL_NAMES),
    )
    reached = RadioField(
        _l("Avez-vous pu lui parler ?"),
        [InputRequired(_l("Dites si vous avez pu lui parler."))],
        choices=as_choices(REACHED_NAMES),
    )
    why_not = SelectField(_l("Pourquoi non"), [Optional()], choices=as_choices(WHY_NAMES))
    present = StringField(
        _l("Qui était présent"), [Length(max=200, message=_l("Au plus 200 caractères."))], filters=[stripped]
    )
    activity_status = SelectField(_l("L’activité"), [Optional()], choices=as_choices(ACTIVITY_NAMES))
    agreed = StringField(
        _l("Ce qui est convenu"), [Length(max=500, message=_l("Au plus 500 caractères."))], filters=[stripped]
    )
    agreed_due_on = DateField(_l("Pour quand"), [Optional()])
    concern = RadioField(
        _l("Êtes-vous inquiet pour cette personne ?"),
        [InputRequired(_l("Choisissez : aucune, un peu ou sérieuse."))],
        choices=as_choices(CONCERN_NAMES),
    )
    words = TextAreaField(
        _l("Ses propres mots"), [Length(max=2000, message=_l("Au plus 2000 caractères."))], filters=[stripped]
    )
    notes = TextAreaField(
        _l("Vos notes"), [Length(max=5000, message=_l("Au plus 5000 caractères."))], filters=[stripped]
    )
    photos_announced = IntegerField(_l("Photos"), [Optional(), NumberRange(0, 40)])

    def __init__(self, fields: Any = None, *, timezone: str, now: datetime, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self._timezone, self._now = timezone, now

    def validate_visited_at(self, field: DateTimeLocalField) -> None:
        if field.data is None:
            return
        if field.data.date() < EARLIEST:
            raise ValidationError(_("Cette date est trop ancienne. Vérifiez l’heure de votre téléphone."))
        if clock.from_local(field.data, self._timezone) > self._now + timedelta(hours=26):
            raise ValidationError(_("Cette date est dans le futur. Vérifiez l’heure de votre téléphone."))

    def validate_agreed_due_on(self, field: DateField) -> None:
        if field.data and not EARLIEST <= field.data <= self._now.date() + timedelta(days=1500):
            raise ValidationError(_("Vérifiez l’année de cette date."))

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if self.reached.data == "no" and not self.why_not.data:
            self.why_not.errors = [*self.why_not.errors, _("Dites pourquoi vous n’avez pas pu lui parler.")]
            valid = False
        return valid

    def draft(self) -> VisitDraft:
        reached = self.reached.data == "yes"
        assert self.visited_at.data is not None
        return VisitDraft(
            id=self.id.uuid,
            visited_at=clock.from_local(self.visited_at.data, self._timezone),
            channel=self.channel.data,
            reached=reached,
            why_not=None if reached else self.why_not.data,
            present=self.present.data or "",
            activity_status=self.activity_status.data or None,
            agreed=self.agreed.data or "",
            agreed_due_on=self.agreed_due_on.data,
            concern=self.concern.data,
            words=self.words.data or "",
            notes=self.notes.data or "",
            photos_announced=self.photos_announced.data or 0,
        )


@dataclass(frozen=True)
class PhotoDraft:
    """What was said of a photo."""

    slot: int
    caption: str
    subject: str
    consent: bool


class PhotoForm(Form):
    slot = IntegerField(_l("Numéro"), [Optional(), NumberRange(0, 99)])
    caption = StringField(
        _l("Légende"), [Length(max=200, message=_l("Au plus 200 caractères."))], filters=[stripped]
    )
    subject = SelectField(_l("Ce que montre la photo"), choices=as_choices(SUBJECT_NAMES))
    consent = BooleanField(
        _l("La personne est d’accord pour cette photo. Son refus ne change rien à son aide.")
    )

    def validate_consent(self, field: BooleanField) -> None:
        if self.subject.data == "person" and not field.data:
            raise ValidationError(_("Sans l’accord de la personne, sa photo ne peut pas être gardée."))

    def draft(self) -> PhotoDraft:
        return PhotoDraft(
            self.slot.data or 0, self.caption.data or "", self.subject.data, bool(self.consent.data)
        )
