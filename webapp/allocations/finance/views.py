"""Finance's list of payments, its files for the agency's system, and what became of each payment."""

import hashlib
from itertools import chain
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeTimedSerializer

from ... import clock, formats
from ...cases.access import allowed_case
from ...cases.queries import case_for_deed
from ...fields import CATEGORY_NAMES
from ...permissions import may as policy_allows
from ...storage import NotInStorage, StorageUnavailable
from ...web import NeedsAttention, begin_anew, keep_so_far, may, page, signed_in
from ..requests.actions import confirm_payment, fail_payment
from ..requests.forms import PAYEE_NAMES, StepForm
from ..requests.queries import request_for_deed, said_of
from ..requests.words import SAID_NAMES
from ..sheets import UnreadableTable
from . import confirmations, export, queries

finance = Blueprint("finance", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PREVIEW_LASTS = 24 * 3600


@finance.get("/payments")
@may("payment.list")
def index() -> Any:
    """What is to be paid and what was paid; each list walks its own way back."""
    person = signed_in()
    after, before = request.args.get("after", "")[:120], request.args.get("before", "")[:120]
    waiting, next_waiting = queries.to_pay(person.office_id, after)
    done, next_done = queries.payments(person.office_id, now=clock.now(), before=before)
    return page(
        "finance/index.html",
        waiting=[] if before else [_waiting(asked) for asked in waiting],
        next_waiting=None if before else next_waiting,
        done=[] if after else [_done(left) for left in done],
        next_done=None if after else next_done,
        later=bool(after or before),
    )


@finance.get("/payments/export.xlsx")
@may("payment.list")
def download() -> Response:
    person, now = signed_in(), clock.now()
    waiting, more = queries.to_pay(person.office_id, most=queries.MOST_EXPORTED)
    done, _more = queries.payments(person.office_id, now=now, most=queries.MOST_EXPORTED)
    response = Response(export.workbook(waiting, done), mimetype=XLSX)
    day = clock.local(now, person.timezone).date().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="paiements-{day}.xlsx"'
    if more:
        response.headers["X-Suivi-Truncated"] = str(queries.MOST_EXPORTED)
    return response


# Confirmations


@finance.get("/payments/confirmations/new")
@may("payment.list")
def new_confirmations() -> Any:
    return page("finance/confirmations_new.html", errors={})


@finance.post("/payments/confirmations/preview")
@may("payment.list")
def preview_confirmations() -> Any:
    """Read the file and show how each line compares; nothing is recorded yet."""
    person = signed_in()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _file_sent_back(_("Choisissez un fichier."))
    try:
        lines = confirmations.read_confirmations(
            sent.stream.read(), sent.filename, office_id=person.office_id, today=clock.today(person.timezone)
        )
    except UnreadableTable as refused:
        return _file_sent_back(refused.sentence)
    table = confirmations.as_text(lines)
    return page(
        "finance/confirmations_preview.html",
        file_name=sent.filename[:120],
        lines=[_line(line) for line in lines],
        counts=_counts(lines),
        table=table,
        seal=_seal().dumps(_digest(table)),
        done=False,
    )


@finance.post("/payments/confirmations")
@may("payment.list")
def take_in_confirmations() -> Any:
    """Record the payments that the preview showed as agreeing, each in a transaction of its own.

    A connection that breaks in between leaves whole payments; sending it all again records the others.
    """
    person = signed_in()
    table = request.form.get("table", "").replace("\r\n", "\n")
    try:
        if _seal().loads(request.form.get("seal", ""), max_age=PREVIEW_LASTS) != _digest(table):
            raise BadSignature("another table")
        lines = confirmations.read_confirmations(
            table.encode(), "table.csv", office_id=person.office_id, today=clock.today(person.timezone)
        )
    except (BadSignature, UnreadableTable):
        return _file_sent_back(
            _(
                "Ce n’est pas ce qui vous a été montré, ou c’était il y a plus d’un jour. Lisez le fichier de nouveau."
            )
        )
    taken = [_taken(line, person) for line in lines]
    return page(
        "finance/confirmations_preview.html",
        file_name="",
        lines=[_line(line) for line in taken],
        counts=_counts(taken),
        table="",
        seal="",
        done=True,
    )


def _taken(line: confirmations.Line, person: Any) -> confirmations.Line:
    begin_anew()
    try:
        taken = confirmations.take_in(line, by=person, now=clock.now())
        keep_so_far()
        return taken
    except NeedsAttention as refused:
        begin_anew()
        return line.refused("said", said=" ".join(chain.from_iterable(refused.errors.values())))


def _seal() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt=f"confirmations {signed_in().id}")


def _digest(table: str) -> str:
    return hashlib.sha256(table.encode()).hexdigest()


def _file_sent_back(sentence: str) -> Any:
    return page("finance/confirmations_new.html", 422, errors={"file": [sentence]})


def _counts(lines: list[confirmations.Line]) -> dict[str, int]:
    return {
        outcome: sum(line.outcome == outcome for line in lines) for outcome in ("matched", "same", "refused")
    }


def _line(line: confirmations.Line) -> dict[str, Any]:
    return {
        "number": line.number,
        "reference": line.reference,
        "code": line.code,
        "payment_reference": line.payment_reference,
        "amount": formats.money(line.paid) if line.paid else f"{line.amount} {line.currency}".strip(),
        "fee": formats.money(line.taken_fee) if line.taken_fee else "",
        "day": line.day,
        "written_day": line.paid_on,
        "outcome": line.outcome,
        "sentence": line.sentence,
    }


# One payment


@finance.get("/payments/<uuid:payment_id>")
@may("payment.list")
def show(payment_id: UUID) -> Any:
    return page("finance/show.html", errors={}, reason="", **_told(_found(payment_id)))


@finance.post("/payments/<uuid:payment_id>/confirmation")
@may("payment.list")
def confirm(payment_id: UUID) -> Any:
    """The recipient has the money."""
    found = _found(payment_id)
    case, asked, payment = _held(found)
    try:
        confirm_payment(payment, asked, case, by=signed_in(), now=clock.now())
    except NeedsAttention as refused:
        return _sent_back(payment_id, refused)
    return redirect(url_for("finance.show", payment_id=payment_id), 303)


@finance.post("/payments/<uuid:payment_id>/failure")
@may("payment.list")
def fail(payment_id: UUID) -> Any:
    """The payment did not arrive: its money is set aside again."""
    found = _found(payment_id)
    form = StepForm(request.form)
    valid = form.validate()
    case, asked, payment = _held(found)
    try:
        if not valid:
            raise NeedsAttention({"reason": [str(said) for said in form.reason.errors]})
        fail_payment(payment, asked, case, reason=form.reason.data or "", by=signed_in(), now=clock.now())
    except NeedsAttention as refused:
        return _sent_back(payment_id, refused, form.reason.data or "")
    return redirect(url_for("finance.show", payment_id=payment_id), 303)


def _found(payment_id: UUID) -> queries.Paid:
    found = queries.find_payment(payment_id) or abort(404)
    if not policy_allows(signed_in(), "payment.pay", found):
        abort(404)
    return found


def _held(found: queries.Paid) -> tuple[Any, Any, Any]:
    """The case, the request and the payment, held in the order in which every deed holds them."""
    case = case_for_deed(found.case_id) or abort(404)
    asked = request_for_deed(found.request_id) or abort(404)
    return case, asked, queries.payment_for_deed(found.id) or abort(404)


def _sent_back(payment_id: UUID, refused: NeedsAttention, reason: str = "") -> Any:
    begin_anew()
    return page("finance/show.html", 422, errors=refused.errors, reason=reason, **_told(_found(payment_id)))


# Proofs


@finance.get("/documents/<uuid:document_id>/thumb")
@may("payment.act")
def thumb(document_id: UUID) -> Response:
    """The small picture of a photographed paper, for the statement."""
    found = queries.paper(document_id) or abort(404)
    allowed_case(found.case_id, "payment.see")
    if not found.thumb:
        abort(404)
    try:
        content = current_app.extensions["storage"].get(found.thumb)
    except (StorageUnavailable, NotInStorage):
        abort(503)
    response = Response(content, mimetype="image/jpeg")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


# What the lists show


def _payee(asked: queries.ToPay | queries.Paid) -> str:
    return asked.payee or str(dict(PAYEE_NAMES)[asked.payee_kind])


def _waiting(asked: queries.ToPay) -> dict[str, Any]:
    return {
        "id": str(asked.id),
        "reference": asked.reference,
        "code": asked.code,
        "category": str(dict(CATEGORY_NAMES)[asked.category]),
        "payee": _payee(asked),
        "amount": formats.money(asked.amount),
        "since": asked.since,
    }


STATUS_NAMES = {
    "sent": lambda: _("Envoyé"),
    "confirmed": lambda: _("Reçu par la personne"),
    "failed": lambda: _("Pas arrivé"),
}


def _told(left: queries.Paid) -> dict[str, Any]:
    """A payment with the latest word of whom it was for: finance confirms by it, or asks."""
    said = said_of([left.case_id]).get(str(left.request_id))
    # A word from before the money left is about something else.
    if said is not None and said.happened_at < left.posted_at:
        said = None
    return {
        "payment": _done(left),
        "said": said and {"word": SAID_NAMES[said.kind](), "at": said.happened_at},
    }


def _done(left: queries.Paid) -> dict[str, Any]:
    return {
        "id": str(left.id),
        "request_id": str(left.request_id),
        "reference": left.reference,
        "code": left.code,
        "category": str(dict(CATEGORY_NAMES)[left.category]),
        "payee": _payee(left),
        "payee_kind": str(dict(PAYEE_NAMES)[left.payee_kind]),
        "amount": formats.money(left.amount),
        "fee": formats.money(left.fee) if left.fee.minor else "",
        "payment_reference": left.payment_reference,
        "paid_on": left.paid_on,
        "by_name": left.by_name,
        "failure": left.failure,
        "status": left.status,
        "status_word": STATUS_NAMES[left.status](),
        "settled_at": left.confirmed_at or left.failed_at,
        "awaits_recipient": left.method in ("mobile_money", "cash") and left.status == "sent",
    }
