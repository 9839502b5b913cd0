"""Why quarantined work is taken in or thrown away."""

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from ...fields import Form, stripped


class ReasonForm(Form):
    reason = StringField(
        _l("Pourquoi"),
        [DataRequired(_l("Dites pourquoi.")), Length(max=300, message=_l("C’est trop long."))],
        filters=[stripped],
    )
