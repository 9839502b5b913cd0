"""What a returnee types at the door: the code and the PIN of the card."""

import unicodedata
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import AnyOf, DataRequired, Length, ValidationError

from ..fields import Form, IdField, stripped
from .actions import CODE_LENGTH, CODE_LETTERS, KINDS, PIN_LENGTH

_TAKEN_FOR = str.maketrans({"O": "0", "I": "1", "L": "1"})
"""Letters that codes never have, and what people who write them have read."""


def code_as_kept(written: str | None) -> str:
    """A code as people write it (small letters, spaces, dashes, O for 0, digits of any script) as it is kept."""
    kept = []
    for letter in written or "":
        if unicodedata.category(letter) == "Nd":
            kept.append(str(unicodedata.digit(letter)))
        elif letter.isalnum():
            kept.append(letter.upper())
    return "".join(kept).translate(_TAKEN_FOR)


def code_as_shown(code: str) -> str:
    """Two groups of five, as on the card."""
    return f"{code[:5]}-{code[5:]}"


def _printable(written: str | None) -> str:
    """What was typed, to be shown again: without characters that stand in no page."""
    return "".join(letter for letter in stripped(written) if letter.isprintable())


class DoorForm(Form):
    code = StringField(_l("Code"), [Length(max=60)], filters=[_printable])
    pin = PasswordField(_l("Numéro secret"), [Length(max=60)])

    def validate_code(self, field: StringField) -> None:
        code = code_as_kept(field.data)
        if len(code) != CODE_LENGTH or set(code) - set(CODE_LETTERS):
            raise ValidationError(_("Le code a 10 lettres et chiffres. Il est sur votre carte."))
        field.data = code_as_shown(code)

    def validate_pin(self, field: PasswordField) -> None:
        pin = code_as_kept(field.data)
        if len(pin) != PIN_LENGTH or not pin.isdecimal():
            raise ValidationError(_("Le numéro secret a 6 chiffres. Il est sur votre carte."))


class AnswerForm(Form):
    """What was done about it: the returnee reads it on a page that others may see."""

    answer = StringField(
        _l("Ce qui a été fait ou convenu"),
        [DataRequired(_l("Écrivez une réponse.")), Length(max=300, message=_l("Au plus 300 caractères."))],
        filters=[stripped],
    )


class WordForm(Form):
    """One tap: what the returnee says. The id is made with the page, so that two taps say it once."""

    id = IdField()
    kind = HiddenField(validators=[AnyOf(KINDS)])
    request = HiddenField(filters=[lambda written: written or None])

    def validate_request(self, field: HiddenField) -> None:
        self.request_id: UUID | None = None
        if field.data is None:
            return
        try:
            self.request_id = UUID(field.data)
        except ValueError as wrong:
            raise ValidationError(_("Cette demande n’a pas pu être lue.")) from wrong
        if self.kind.data == "call_me_back":
            raise ValidationError(_("Cette demande n’a pas pu être lue."))
