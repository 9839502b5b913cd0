"""Form fields that several features share."""

import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Form as PlainForm
from wtforms import HiddenField
from wtforms import IntegerField as PlainIntegerField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import StopValidation, ValidationError

from .formats import read_money
from .money import Money, NotAnAmount
from .web import NeedsAttention

_SENTENCES = {
    "Not a valid choice.": _l("Choisissez une des réponses proposées."),
    "Not a valid datetime value.": _l("Cette date ou cette heure n’est pas valable."),
    "Not a valid date value.": _l("Cette date n’est pas valable."),
    "Not a valid integer value.": _l("Ce n’est pas un nombre."),
    "Number must be between %(min)s and %(max)s.": _l("Ce nombre est trop petit ou trop grand."),
    "This field is required.": _l("Cette réponse manque."),
    "Field cannot be longer than %(max)d character.": _l("C’est trop long."),
    "Field cannot be longer than %(max)d characters.": _l("C’est trop long."),
}
"""What the library says of a wrong value, in our own words and in the reader's language."""
CATEGORY_NAMES = [
    ("micro_project", _l("Petit projet")),
    ("training", _l("Formation")),
    ("medicine", _l("Médicaments et soins")),
    ("housing", _l("Logement")),
    ("schooling", _l("École des enfants")),
    ("other", _l("Autre")),
]
"""The categories of ``money.CATEGORIES`` as people read them."""
AMOUNT_SENTENCES = {
    "form": _l("Écrivez un montant comme 1 500 ou 1500,50."),
    "decimals": _l("Cette monnaie n’a pas autant de décimales."),
    "currency": _l("Cette monnaie n’est pas connue."),
    "size": _l("Ce montant est trop grand."),
}


class _OurSentences:
    def gettext(self, said: str) -> str:
        return str(_SENTENCES.get(said, said))

    def ngettext(self, one: str, many: str, n: int) -> str:
        return self.gettext(one if n == 1 else many)


class Form(PlainForm):
    """The base of every form: all its sentences are ours."""

    class Meta:
        def get_translations(self, form: Any) -> Any:
            return _OurSentences()


def as_choices(names: Iterable[tuple[str, Any]]) -> list[SelectChoice]:
    """The choices of a field from pairs of a value and its word."""
    return [SelectChoice(value, word) for value, word in names]


class IdField(HiddenField):
    """The id made on the phone or in the page: a random UUID, or None and a sentence.

    Only a random one (version 4): ids that the server derives from another are never chosen by anybody.
    """

    data: UUID | None  # type: ignore[assignment]

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            given = UUID(str(valuelist[0]))
        except (IndexError, ValueError):
            given = None
        self.data = given if given and given.version == 4 else None

    def pre_validate(self, form: Any) -> None:
        if self.data is None:
            raise ValidationError(_("Ce formulaire a perdu son numéro. Ouvrez-le de nouveau."))

    def _value(self) -> str:
        return str(self.data) if self.data else ""

    @property
    def uuid(self) -> UUID:
        """The id of a valid form."""
        assert self.data is not None
        return self.data


class IntegerField(PlainIntegerField):
    """A whole number as somebody may mean it: one of 400 digits is refused before anything reckons with it."""

    def pre_validate(self, form: Any) -> None:
        if self.data is not None and abs(self.data) >= 10**9:
            raise StopValidation(_("Ce nombre est trop petit ou trop grand."))


def stripped(value: str | None) -> str:
    """Typed text without the spaces around it and without the characters that databases refuse."""
    return (value or "").replace("\x00", "").encode("utf-8", "ignore").decode().strip()


def as_reference(value: str | None) -> str:
    """A reference without what nobody sees: two that look the same are the same."""
    legible = unicodedata.normalize("NFKC", stripped(value))
    return " ".join("".join(sign for sign in legible if unicodedata.category(sign) != "Cf").split())


def show_sentences(form: Any, refused: NeedsAttention) -> None:
    """Put what a deed says beside the fields. A form whose id cannot be used gets a fresh one: what was typed
    can be sent again as it is."""
    for name, said in refused.errors.items():
        if name in form and not form[name].errors:
            form[name].errors = said
    if "id" in form and form["id"].errors:
        form["id"].data = uuid4()


def sentences(form: Any) -> dict[str, list[str]]:
    """A form's errors as NeedsAttention carries them: sentences for each field."""
    return {name: [str(sentence) for sentence in said] for name, said in form.errors.items() if name}


def read_amount(text: str | None, currency: str) -> Money:
    """The amount somebody typed; raises ValidationError with the sentence that says what is wrong."""
    try:
        amount = read_money(text or "", currency)
    except NotAnAmount as wrong:
        raise ValidationError(str(AMOUNT_SENTENCES[wrong.reason])) from wrong
    if amount.minor <= 0:
        raise ValidationError(_("Le montant doit être plus grand que zéro."))
    return amount
