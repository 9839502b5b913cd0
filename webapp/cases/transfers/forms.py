"""What a manager says when cases go to somebody else, and what the other office answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from ...fields import Form, IdField, as_choices, stripped
from .words import REASON_NAMES


@dataclass(frozen=True)
class TransferDraft:
    """Cases as they are to be handed on: to an officer of the office, or to another office."""

    id: UUID
    shown: dict[UUID, UUID | None]
    """Each case with the officer who followed it on the page that was sent."""
    officer_id: UUID | None
    office_id: UUID | None
    reason: str
    note: str


class TransferForm(Form):
    """To whom, why, and what they should know; which cases, the page says."""

    id = IdField()
    to = SelectField(_l("À qui"), [InputRequired(_l("Choisissez à qui."))])
    reason = SelectField(_l("Pourquoi"), [InputRequired(_l("Dites pourquoi."))])
    note = TextAreaField(
        _l("À savoir pour la suite"),
        [Length(max=2000, message=_l("Au plus 2 000 caractères."))],
        filters=[stripped],
    )

    def __init__(
        self, fields: Any = None, *, officers: Sequence[Any], offices: Sequence[Any], **kwargs: Any
    ) -> None:
        super().__init__(fields, **kwargs)
        here, elsewhere = _("Agents de votre bureau"), _("Autres bureaux, qui doivent accepter")
        self.to.choices = [
            SelectChoice("", _("Choisissez")),
            *(SelectChoice(f"officer {one.id}", one.name, optgroup=here) for one in officers),
            *(SelectChoice(f"office {one.id}", one.name, optgroup=elsewhere) for one in offices),
        ]
        self.reason.choices = as_choices([("", _l("Choisissez")), *REASON_NAMES])

    def validate_note(self, field: TextAreaField) -> None:
        if self.reason.data == "other" and not field.data:
            raise ValidationError(_("Dites ici pourquoi."))

    def draft(self, shown: dict[UUID, UUID | None]) -> TransferDraft:
        kind, _space, id = self.to.data.partition(" ")
        return TransferDraft(
            id=self.id.uuid,
            shown=shown,
            officer_id=UUID(id) if kind == "officer" else None,
            office_id=UUID(id) if kind == "office" else None,
            reason=self.reason.data,
            note=self.note.data or "",
        )


class AnswerForm(Form):
    """Who follows the case from here on; or why it is sent back."""

    officer = SelectField(_l("Agent qui suit le cas"), [Optional()])
    answer = TextAreaField(
        _l("Pourquoi le renvoyer"),
        [Length(max=300, message=_l("Au plus 300 caractères."))],
        filters=[stripped],
    )

    def __init__(self, fields: Any = None, *, officers: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self.officer.choices = as_choices(
            [("", _("Choisissez")), *((str(one.id), one.name) for one in officers)]
        )
