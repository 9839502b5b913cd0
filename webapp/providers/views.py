"""The office's service providers."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask_babel import gettext as _

from .. import clock, formats
from ..permissions import may as policy_allows
from ..web import may, page, signed_in
from . import queries
from .actions import add_provider, retire_provider
from .forms import KIND_NAMES, ProviderForm

providers = Blueprint("providers", __name__)


@providers.get("/providers")
@may("provider.see")
def index() -> Any:
    found, next_key = queries.providers_of(signed_in().office_id, request.args.get("after", "")[:200])
    return page("providers/index.html", providers=found, kinds=dict(KIND_NAMES), next_key=next_key)


@providers.get("/providers/new")
@may("provider.change")
def new() -> Any:
    return page("providers/new.html", form=ProviderForm(country=signed_in().country))


@providers.post("/providers")
@may("provider.change")
def add() -> Any:
    person = signed_in()
    form = ProviderForm(request.form, country=person.country)
    if form.validate() and queries.same_name(person.office_id, form.name.data or ""):
        form.name.errors = [_("Votre bureau a déjà un fournisseur de ce nom.")]
    if form.errors or form.name.errors:
        return page("providers/new.html", 422, form=form)
    provider = add_provider(
        **{name: form[name].data or "" for name in form.data}, by=person, now=clock.now(),
        keyring=current_app.extensions["keyring"],
    )  # fmt: skip
    return redirect(url_for("providers.show", provider_id=provider.id), 303)


@providers.get("/providers/<uuid:provider_id>")
@may("provider.see")
def show(provider_id: UUID) -> Any:
    provider = _of_office(provider_id)
    account: Any = None
    if provider.account_sealed and policy_allows(signed_in(), "provider.account"):
        account = current_app.extensions["keyring"].open_field(
            provider.account_sealed, table="service_providers", row=provider.id, column="account"
        )
    return page(
        "providers/show.html", provider=provider, kind=dict(KIND_NAMES)[provider.kind], account=account,
        country=formats.country(provider.country),
    )  # fmt: skip


@providers.post("/providers/<uuid:provider_id>/retirement")
@may("provider.change")
def retire(provider_id: UUID) -> Any:
    retire_provider(_of_office(provider_id), now=clock.now())
    return redirect(url_for("providers.index"), 303)


def _of_office(provider_id: UUID) -> Any:
    provider = queries.find_provider(provider_id)
    if provider is None or provider.office_id != signed_in().office_id:
        abort(404)
    return provider
