"""What people type to sign in and to administer accounts."""

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, PasswordField, SelectField, StringField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, Regexp, ValidationError

from ..fields import Form, as_choices, stripped
from ..permissions import Role
from ..web import LANGUAGES
from .passwords import is_acceptable

ROLE_NAMES = {
    Role.FIELD_OFFICER: _l("Agent de terrain"),
    Role.COUNSELLOR: _l("Conseiller psychosocial"),
    Role.PROGRAMME_MANAGER: _l("Responsable de programme"),
    Role.FINANCE_OFFICER: _l("Agent des finances"),
    Role.ANALYST: _l("Analyste"),
    Role.ADMINISTRATOR: _l("Administrateur"),
    Role.CASEWORKER: _l("Gestionnaire de cas (mission d’envoi)"),
}


class SignInForm(Form):
    email = StringField(
        _l("Adresse e-mail"),
        [InputRequired(_l("Indiquez votre adresse e-mail.")), Length(max=200)],
        filters=[stripped],
    )
    password = PasswordField(
        _l("Mot de passe"), [InputRequired(_l("Indiquez votre mot de passe.")), Length(max=200)]
    )


class StaffForm(Form):
    name = StringField(_l("Nom"), [DataRequired(_l("Indiquez le nom.")), Length(max=120)], filters=[stripped])
    email = EmailField(
        _l("Adresse e-mail"),
        [
            InputRequired(_l("Indiquez l’adresse e-mail.")),
            Length(max=200),
            Regexp(r"[^@\s]+@[^@\s]+$", message=_l("Cette adresse e-mail n’est pas valable.")),
        ],
        filters=[stripped],
    )
    role = SelectField(
        _l("Rôle"), choices=as_choices([(str(role), name) for role, name in ROLE_NAMES.items()])
    )
    office = SelectField(_l("Bureau"))
    locale = SelectField(_l("Langue"), choices=as_choices(LANGUAGES.items()))
    password = PasswordField(
        _l("Premier mot de passe"), [InputRequired(_l("Donnez un premier mot de passe.")), Length(max=200)]
    )

    def validate_password(self, field: PasswordField) -> None:
        _check_acceptable(field)


class PasswordForm(Form):
    """Another password for oneself: the present one proves that it is not a phone left on a table."""

    present = PasswordField(
        _l("Mot de passe actuel"), [InputRequired(_l("Indiquez votre mot de passe.")), Length(max=200)]
    )
    new = PasswordField(
        _l("Nouveau mot de passe"), [InputRequired(_l("Choisissez un mot de passe.")), Length(max=200)]
    )
    again = PasswordField(
        _l("Le nouveau, encore une fois"),
        [EqualTo("new", _l("Les deux nouveaux mots de passe ne sont pas les mêmes."))],
    )

    def validate_new(self, field: PasswordField) -> None:
        _check_acceptable(field)


class FirstPasswordForm(Form):
    """A password given by the administrator to whoever forgot theirs."""

    password = PasswordField(
        _l("Nouveau mot de passe"), [InputRequired(_l("Choisissez un mot de passe.")), Length(max=200)]
    )

    def validate_password(self, field: PasswordField) -> None:
        _check_acceptable(field)


def _check_acceptable(field: PasswordField) -> None:
    if not is_acceptable(field.data or ""):
        raise ValidationError(
            str(_l("Au moins 12 caractères, et pas un mot de passe que tout le monde essaie."))
        )
