"""What is written of a service provider."""

from typing import Any

import pycountry
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from .. import formats
from ..fields import Form, as_choices, stripped

KIND_NAMES = [
    ("shop", _l("Magasin")),
    ("craft", _l("Artisan")),
    ("livestock", _l("Élevage")),
    ("transport", _l("Transport")),
    ("training", _l("Centre de formation")),
    ("school", _l("École")),
    ("clinic", _l("Clinique")),
    ("pharmacy", _l("Pharmacie")),
    ("landlord", _l("Bailleur")),
    ("mobile_money", _l("Opérateur mobile money")),
    ("other", _l("Autre")),
]


class ProviderForm(Form):
    name = StringField(
        _l("Nom"),
        [InputRequired(_l("Indiquez le nom.")), Length(max=120, message=_l("Au plus 120 caractères."))],
        filters=[stripped],
    )
    kind = SelectField(_l("Genre"), choices=as_choices(KIND_NAMES))
    country = SelectField(_l("Pays"))
    town = StringField(
        _l("Ville"), [Length(max=80, message=_l("Au plus 80 caractères."))], filters=[stripped]
    )
    contact = StringField(
        _l("Personne à joindre"), [Length(max=120, message=_l("Au plus 120 caractères."))], filters=[stripped]
    )
    phone = StringField(
        _l("Téléphone"), [Length(max=40, message=_l("Au plus 40 caractères."))], filters=[stripped]
    )
    account = StringField(
        _l("Compte ou numéro de paiement"),
        [Length(max=60, message=_l("Au plus 60 caractères."))],
        filters=[stripped],
    )
    holder = StringField(
        _l("Au nom de"), [Length(max=120, message=_l("Au plus 120 caractères."))], filters=[stripped]
    )

    def __init__(self, fields: Any = None, *, country: str, **kwargs: Any) -> None:
        super().__init__(fields, **kwargs)
        names = {found.alpha_2: formats.country(found.alpha_2) for found in pycountry.countries}
        others = sorted(names.keys() - {country}, key=lambda code: formats.plain(names[code]))
        # The office's own country first: most providers are there.
        self.country.choices = as_choices([(code, names[code]) for code in (country, *others)])
