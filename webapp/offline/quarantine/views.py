"""The manager's quarantine: look, take in under a reason, or throw away with a second person."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from flask import Blueprint, abort, redirect, request, url_for
from flask_babel import gettext as _

from ... import clock
from ...allocations.requests.forms import PaymentRequestForm
from ...cases.closures.forms import ClosureForm
from ...people.phones import find_author
from ...plans.forms import PlanForm
from ...providers.queries import choices_of
from ...returns.forms import ArrivalStep, InterruptionForm
from ...visits.forms import VisitForm
from ...web import NeedsAttention, begin_anew, may, page, signed_in
from .. import receiving
from ..views import desk
from ..words import KIND_NAMES
from . import actions, queries
from .forms import ReasonForm

quarantine = Blueprint("quarantine", __name__)


@quarantine.get("/quarantine")
@may("quarantine.decide")
def index() -> Any:
    return page(
        "offline/quarantine.html",
        waiting=[
            {
                "id": str(row.Submission.id),
                "kind": KIND_NAMES[row.Submission.kind](),
                "author": row.author or _("auteur inconnu"),
                "received_at": row.Submission.received_at,
                "asked": row.QuarantineDecision is not None,
            }
            for row in queries.waiting_for(signed_in())
        ],
    )


@quarantine.get("/quarantine/<uuid:quarantined_id>")
@may("quarantine.decide")
def show(quarantined_id: UUID) -> Any:
    return _show(_found(quarantined_id), ReasonForm())


@quarantine.post("/quarantine/<uuid:quarantined_id>/acceptance")
@may("quarantine.decide")
def accept(quarantined_id: UUID) -> Any:
    row, form, photo = _found(quarantined_id), ReasonForm(request.form), None
    if not form.validate():
        return _show(row, form, 422)
    if row.Submission.kind == "photo":
        opened = receiving.sealed_work(row.Submission, desk().keyring)[1]
        begin_anew()  # nobody waits for the database while a picture is drawn
        photo = receiving.ready_photo(opened, desk(), trusted=True, after_all=True)
        row = _found(quarantined_id)
    try:
        actions.accept(
            row.Submission,
            desk(),
            reason=form.reason.data or "",
            by=signed_in(),
            now=clock.now(),
            photo=photo,
        )
    except NeedsAttention as refused:
        form.reason.errors = [sentence for said in refused.errors.values() for sentence in said]
        return _show(row, form, 422)
    return redirect(url_for("quarantine.index"), 303)


@quarantine.post("/quarantine/<uuid:quarantined_id>/discard")
@may("quarantine.decide")
def discard(quarantined_id: UUID) -> Any:
    row, form = _found(quarantined_id), ReasonForm(request.form)
    if not form.validate():
        return _show(row, form, 422)
    try:
        actions.discard(row.Submission, reason=form.reason.data or "", by=signed_in(), now=clock.now())
    except actions.NeedsASecond:
        form.reason.errors = [_("Une seconde personne doit être d’accord ; vous l’avez déjà demandé.")]
        return _show(row, form, 422)
    return redirect(url_for("quarantine.index"), 303)


def _found(quarantined_id: UUID) -> Any:
    return queries.find(signed_in(), quarantined_id) or abort(404)


def _show(row: Any, form: ReasonForm, status: int = 200) -> Any:
    submission = row.Submission
    protected = submission.kind in queries.PROTECTED
    return page(
        "offline/quarantine_show.html",
        status,
        form=form,
        submission=submission,
        kind=KIND_NAMES[submission.kind](),
        author=row.author or _("auteur inconnu"),
        code="" if protected else row.code or "",
        said=[] if protected else _said(submission),
        protected=protected,
        asked=row.QuarantineDecision,
        asked_by_me=bool(row.QuarantineDecision and row.QuarantineDecision.proposed_by_id == signed_in().id),
    )


def _said(submission: Any) -> list[tuple[str, str]]:
    """What a visit or a request says, field by field; of a photo its caption."""
    _envelope, opened = receiving.sealed_work(submission, desk().keyring)
    if opened is None:
        return [(_("Contenu"), _("Il ne peut pas être lu."))]
    if find_author(desk().passes, opened.author_pass) is None:
        return [(_("Auteur"), _("Son laissez-passer n’est pas de nous."))]
    if submission.kind == "photo":
        return [(_("Légende"), str(opened.photo.get("caption") or "")[:200])]
    form = {field.name: field for field in _FORMS[submission.kind]()}
    fields = parse_qsl(opened.body.decode(errors="replace"), max_num_fields=receiving.MOST_FIELDS)
    return [_in_words(form.get(name), name, value) for name, value in fields if name != "id"]


def _in_words(field: Any, name: str, value: str) -> tuple[str, str]:
    """The question as the form asks it, and the answer as it offers it."""
    offered = {choice.value: choice.label for choice in getattr(field, "choices", None) or []}
    return str(field.label.text if field else name), str(offered.get(value, value))[:2000]


_FORMS: dict[str, Callable[[], Any]] = {
    "visit": lambda: VisitForm(timezone="UTC", now=clock.now()),
    "payment-request": lambda: PaymentRequestForm(currencies=[], providers=choices_of(signed_in().office_id)),
    "plan": lambda: PlanForm(currencies=[], providers=[], today=clock.today("UTC")),
    "arrival": lambda: ArrivalStep(today=clock.today("UTC")),
    "interruption": InterruptionForm,
    "closure-request": ClosureForm,
}
"""The form of each kind whose words a manager may read."""
