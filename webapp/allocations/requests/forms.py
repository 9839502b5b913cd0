"""What an officer writes to ask for a payment, and what the deeds on it need."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from ...fields import CATEGORY_NAMES, Form, IdField, as_choices, as_reference, read_amount, stripped
from ...money import Money

PAYEE_NAMES = [
    ("provider", _l("Un fournisseur")),
    ("institution", _l("Une école, une clinique, un bailleur")),
    ("reimbursement", _l("La personne, pour ce qu’elle a déjà payé")),
    ("cash", _l("La personne, en espèces")),
    ("mobile_money", _l("La personne, par mobile money")),
]
CHOSEN_BY_NAMES = [
    ("returnee", _l("La personne")),
    ("officer", _l("L’agent")),
    ("framework", _l("Contrat du bureau")),
]
DOCUMENT_NAMES = [
    ("quote", _l("Devis")),
    ("invoice", _l("Facture")),
    ("receipt", _l("Reçu")),
    ("handover", _l("Attestation de remise")),
]


_MOBILE_ACCOUNT = re.compile(r"[+ .()-]*(?:[0-9][+ .()-]*){6,20}", re.ASCII)


@dataclass(frozen=True)
class RequestDraft:
    """A payment request as it was written."""

    id: UUID
    category: str
    what: str
    amount: Money
    payee_kind: str
    provider_id: UUID | None
    payee_name: str
    chosen_by: str
    operator: str
    payee_account: str
    holder_checked: bool


class PaymentRequestForm(Form):
    id = IdField()
    category = SelectField(
        _l("Pour quoi"),
        [InputRequired(_l("Dites à quoi sert l’argent."))],
        choices=as_choices([("", _l("Choisissez")), *CATEGORY_NAMES]),
    )
    what = StringField(
        _l("Ce qu’il faut acheter ou payer"),
        [
            DataRequired(_l("Dites ce qu’il faut payer.")),
            Length(max=200, message=_l("Au plus 200 caractères.")),
        ],
        filters=[stripped],
    )
    amount = StringField(_l("Montant"), [DataRequired(_l("Indiquez le montant."))], filters=[stripped])
    currency = SelectField(_l("Monnaie"), [InputRequired(_l("Choisissez une des réponses proposées."))])
    payee_kind = RadioField(
        _l("Qui reçoit l’argent"),
        [InputRequired(_l("Dites qui reçoit l’argent."))],
        choices=as_choices(PAYEE_NAMES),
    )
    provider = SelectField(_l("Fournisseur connu"), [Optional()])
    payee_name = StringField(
        _l("Nom de celui qui est payé"),
        [Length(max=120, message=_l("Au plus 120 caractères."))],
        filters=[stripped],
    )
    chosen_by = SelectField(
        _l("Choisi par"),
        [InputRequired(_l("Dites qui a choisi."))],
        choices=as_choices([("", _l("Choisissez")), *CHOSEN_BY_NAMES]),
    )
    operator = StringField(
        _l("Opérateur mobile money"),
        [Length(max=40, message=_l("Au plus 40 caractères."))],
        filters=[stripped],
    )
    payee_account = StringField(
        _l("Numéro du compte mobile"),
        [Length(max=40, message=_l("Au plus 40 caractères."))],
        filters=[as_reference],
    )
    holder = StringField(
        _l("Nom du titulaire"),
        [Length(max=120, message=_l("Au plus 120 caractères."))],
        filters=[as_reference],
    )
    holder_checked = BooleanField(_l("J’ai vérifié que le numéro est au nom de la personne."))

    def __init__(
        self, fields: Any = None, *, currencies: list[str], providers: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(fields, **kwargs)
        # Where several are possible nobody's is meant until it is chosen: the same number is two amounts.
        unchosen = [("", _("Choisissez"))] if len(currencies) > 1 else []
        self.currency.choices = as_choices([*unchosen, *((currency, currency) for currency in currencies)])
        self.provider.choices = as_choices([("", _("Aucun")), *providers])
        self._amount: Money | None = None

    def validate_amount(self, field: StringField) -> None:
        if self.currency.data:
            self._amount = read_amount(field.data, self.currency.data)

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if self.payee_kind.data in ("provider", "institution") and not (
            self.provider.data or self.payee_name.data
        ):
            self.payee_name.errors = [*self.payee_name.errors, _("Nommez celui qui est payé.")]
            valid = False
        if self.payee_kind.data == "mobile_money":
            for field, sentence in (
                (self.operator, _("Nommez l’opérateur.")),
                (self.payee_account, _("Indiquez le numéro.")),
                (self.holder, _("Indiquez à quel nom est le numéro.")),
            ):
                if not field.data:
                    field.errors = [*field.errors, sentence]
                    valid = False
            if self.payee_account.data and not _MOBILE_ACCOUNT.fullmatch(self.payee_account.data):
                self.payee_account.errors = [
                    *self.payee_account.errors,
                    _("Écrivez un numéro de téléphone, par exemple +224 622 00 03 17."),
                ]
                valid = False
            if not self.holder_checked.data:
                self.holder_checked.errors = [
                    _("Vérifiez d’abord à quel nom est le numéro : l’argent envoyé à un autre est perdu.")
                ]
                valid = False
        return valid

    def draft(self) -> RequestDraft:
        assert self._amount is not None
        named = self.payee_kind.data in ("provider", "institution") and self.provider.data
        mobile = self.payee_kind.data == "mobile_money"
        return RequestDraft(
            id=self.id.uuid,
            category=self.category.data,
            what=self.what.data or "",
            amount=self._amount,
            payee_kind=self.payee_kind.data,
            provider_id=UUID(self.provider.data) if named else None,
            payee_name=(self.holder if mobile else self.payee_name).data or "",
            chosen_by=self.chosen_by.data,
            operator=self.operator.data or "",
            payee_account=self.payee_account.data or "" if mobile else "",
            holder_checked=bool(self.holder_checked.data),
        )


class StepForm(Form):
    """A deed on a request: which version was on the screen, and why."""

    version = StringField(filters=[stripped])
    shown = StringField(filters=[stripped])
    reason = StringField(
        _l("Raison"), [Length(max=300, message=_l("Au plus 300 caractères."))], filters=[stripped]
    )


class PaymentForm(StepForm):
    """A payment: under which reference, when, what it cost."""

    id = IdField()
    reference = StringField(
        _l("Référence du paiement"),
        [DataRequired(_l("Indiquez la référence.")), Length(max=60, message=_l("Au plus 60 caractères."))],
        filters=[as_reference],
    )
    paid_on = StringField(_l("Jour du paiement"), filters=[stripped])
    amount = StringField(_l("Montant payé"), [DataRequired(_l("Indiquez le montant."))], filters=[stripped])
    fee = StringField(_l("Frais de l’opérateur"), [Optional()], filters=[stripped])


class RefundForm(StepForm):
    """Money that came back: how much, under which reference, when."""

    id = IdField()
    back = StringField(_l("Montant revenu"), [DataRequired(_l("Indiquez le montant."))], filters=[stripped])
    back_reference = StringField(
        _l("Référence du remboursement"),
        [DataRequired(_l("Indiquez la référence.")), Length(max=60, message=_l("Au plus 60 caractères."))],
        filters=[as_reference],
    )
    back_on = StringField(_l("Jour où l’argent est revenu"), filters=[stripped])


class DocumentForm(Form):
    """A quote, invoice, receipt or hand-over certificate."""

    id = IdField()
    kind = SelectField(
        _l("Quel document"),
        choices=as_choices(DOCUMENT_NAMES),
    )
    amount = StringField(_l("Montant écrit sur le document"), [Optional()], filters=[stripped])
