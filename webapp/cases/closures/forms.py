"""What is said when an accompaniment ends, and of the help that was given."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from ...fields import Form, IdField, as_choices, stripped
from .models import ITEMS
from .words import ANSWER_NAMES, ITEM_NAMES, REASON_NAMES

_ANSWERS = as_choices([("", _l("Pas de réponse")), *ANSWER_NAMES])
_NAMES = dict(ITEM_NAMES)


def _item(name: str) -> SelectField:
    return SelectField(_NAMES[name], [Optional()], choices=_ANSWERS)


class SatisfactionForm(Form):
    """Seven questions, each of them optional."""

    return_help = _item("return_help")
    counselling = _item("counselling")
    economic_help = _item("economic_help")
    social_help = _item("social_help")
    community_help = _item("community_help")
    overall = _item("overall")
    expectations = _item("expectations")

    def items(self) -> list[Any]:
        return [self[name] for name in ITEMS]

    def answers(self) -> dict[str, int]:
        """Only what was answered."""
        return {name: int(self[name].data) for name in ITEMS if self[name].data}


@dataclass(frozen=True)
class ClosureDraft:
    """An end as it is asked for."""

    id: UUID
    reason: str
    words: str
    money_left: str
    answers: dict[str, int]


class ClosureForm(SatisfactionForm):
    """Why the accompaniment ends; what becomes of money that is left."""

    id = IdField()
    reason = SelectField(_l("Pourquoi l’accompagnement se termine"), [InputRequired(_l("Dites pourquoi."))])
    words = TextAreaField(
        _l("En quelques mots"),
        [Length(max=1000, message=_l("Au plus 1 000 caractères."))],
        filters=[stripped],
    )
    money_left = StringField(
        _l("S’il reste de l’argent : ce qu’il devient"),
        [Length(max=300, message=_l("Au plus 300 caractères."))],
        filters=[stripped],
    )

    def __init__(self, fields: Any = None, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        self.reason.choices = as_choices([("", _l("Choisissez")), *REASON_NAMES])

    def validate_words(self, field: TextAreaField) -> None:
        if self.reason.data == "other" and not field.data:
            raise ValidationError(_("Dites ici pourquoi."))

    def draft(self) -> ClosureDraft:
        return ClosureDraft(
            id=self.id.uuid,
            reason=self.reason.data,
            words=self.words.data or "",
            money_left=self.money_left.data or "",
            answers=self.answers(),
        )


class DecisionForm(Form):
    """The second person's answer to the closure that was shown."""

    closure = HiddenField()
    answer = TextAreaField(
        _l("Pourquoi la renvoyer"),
        [Length(max=300, message=_l("Au plus 300 caractères."))],
        filters=[stripped],
    )


class ReopeningForm(Form):
    because = TextAreaField(
        _l("Pourquoi rouvrir"),
        [DataRequired(_l("Dites pourquoi.")), Length(max=300, message=_l("Au plus 300 caractères."))],
        filters=[stripped],
    )
