"""Asking for a payment, following it, approving it, paying it."""

import hashlib
from datetime import date
from statistics import median
from typing import Any
from uuid import UUID, uuid4, uuid5

from flask import Blueprint, Response, abort, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _

from ... import clock, formats
from ...cases.access import allowed_case, on_case
from ...cases.models import Case
from ...cases.pages import case_view
from ...cases.queries import case_for_deed
from ...fields import CATEGORY_NAMES, sentences, show_sentences
from ...formats import plain_amount
from ...money import CATEGORIES, Money, NotAnAmount
from ...permissions import Role
from ...permissions import may as policy_allows
from ...storage import NotInStorage, StorageUnavailable
from ...web import NeedsAttention, begin_anew, keep_so_far, may, page, signed_in
from ..grants.queries import undecided_adjustments
from ..grants.views import in_groups
from ..grants.views import told as told_adjustment
from ..ledger import left_to_refund
from ..models import PAYEE_KINDS, PaymentRequest
from ..queries import sums_of
from . import papers, queries
from .actions import (
    OverCeiling,
    add_over_ceiling,
    may_come_back,
    needs_reason,
    offered,
    record_payment,
    record_refund,
    take_step,
)
from .deeds import add_document_from, ask_from, form_for
from .forms import (
    CHOSEN_BY_NAMES,
    DOCUMENT_NAMES,
    PAYEE_NAMES,
    DocumentForm,
    PaymentForm,
    PaymentRequestForm,
    RefundForm,
    StepForm,
)
from .states import DEEDS, DIRECT
from .words import DEED_NAMES, SAID_NAMES, step_name

payment_requests = Blueprint("payment_requests", __name__)

MOST_UPLOAD = 13 * 1024 * 1024
FEWEST_SIMILAR = 5
OVERPRICED = 1.5
"""A price this many times the median of similar requests is pointed out to whoever approves."""
STEPS = tuple(name for name in DEEDS if name != "payment")


def request_page(case: Any, form: PaymentRequestForm, *, person: Any) -> dict[str, Any]:
    """What ``payment_requests/new.html`` needs: the form and what is left, as of now."""
    sums = sums_of([case.id]).get(case.id) if case.id else None
    day = clock.today(person.timezone)
    local = queries.available_locally([case.id], day).get(case.id) if case.id else None
    return {
        "case": case_view(case, person.locale),
        "form": form,
        "allocation": sums,
        "available": sums.available_plain if sums else "",
        "available_in": sums.currency if sums else "",
        "available_locally": plain_amount(local) if local else "",
        "locally_in": local.currency if local else "",
        "left_locally": formats.money(local) if local else "",
        "drafts": queries.drafts_of([case.id])[case.id] if case.id else [],
        "as_of": clock.now(),
    }


def blank_request(case: Any) -> PaymentRequestForm:
    """An empty form under a fresh id."""
    form = form_for(case)
    form.id.data = uuid4()
    return form


@payment_requests.get("/cases/<uuid:case_id>/payment-requests/new")
@on_case("payment.request")
def new(case: Any) -> Any:
    form = blank_request(case)
    if (category := request.args.get("category")) in CATEGORIES:
        form.category.data = category
    return page("payment_requests/new.html", **request_page(case, form, person=signed_in()))


@payment_requests.post("/cases/<uuid:case_id>/payment-requests")
@on_case("payment.request")
def ask_now(case: Any) -> Any:
    request.max_content_length = MOST_UPLOAD
    person, now = signed_in(), clock.now()
    locked = case_for_deed(case.id) or abort(404)
    try:
        asked = ask_from(request.form, case=locked, by=person, now=now)
    except NeedsAttention as refused:
        if isinstance(refused, OverCeiling):
            note_over_ceiling(case, refused, by=person)
        form = form_for(case, request.form)
        form.validate()
        show_sentences(form, refused)
        return page("payment_requests/new.html", 422, **request_page(case, form, person=person))
    asked_id = asked.id
    _keep_quotes(case.id, asked_id, person)
    return redirect(url_for("payment_requests.show", request_id=asked_id), 303)


def _keep_quotes(case_id: UUID, request_id: UUID, person: Any) -> None:
    """The papers that a browser without scripts posts with the form: the request is safe before any is looked at."""
    files = [file for file in request.files.getlist("photos") if file.filename]
    if files:
        keep_so_far()
    for number, file in enumerate(files, start=1):
        given = file.read()
        seen = papers.look_at(given)
        try:
            # The same paper of the same form sent twice is one.
            add_document_from(
                "quote", seen, id=uuid5(request_id, hashlib.sha256(given).hexdigest()), request_id=request_id,
                case=case_for_deed(case_id) or abort(404), by=person, now=clock.now(),
                storage=current_app.extensions["storage"],
            )  # fmt: skip
        except NeedsAttention as refused:
            begin_anew()
            said = " ".join(sentence for each in refused.errors.values() for sentence in each)
            flash(
                _("La demande est enregistrée. Photo %(number)s : %(sentence)s", number=number, sentence=said)
            )
        else:
            keep_so_far()


def note_over_ceiling(case: Any, refused: OverCeiling, *, by: Any) -> None:
    """Keep the note although the answer is a refusal."""
    begin_anew()
    if locked := case_for_deed(case.id):
        add_over_ceiling(locked, refused, by=by, now=clock.now())
    keep_so_far()


@payment_requests.get("/payment-requests")
@may("payment.act")
def index() -> Any:
    """The queue of whoever must act: the manager approves and verifies, finance orders and pays."""
    person = signed_in()
    if person.role == Role.FIELD_OFFICER:
        abort(403)
    groups: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
    is_manager = person.role == Role.PROGRAMME_MANAGER
    if is_manager:
        groups = [
            (_("À approuver"), ("requested",), PAYEE_KINDS),
            (_("À vérifier"), ("paid", "disputed"), PAYEE_KINDS),
            (_("À terminer"), ("verified", "returned"), PAYEE_KINDS),
        ]
    else:
        ordered_first = tuple(kind for kind in PAYEE_KINDS if kind not in DIRECT)
        groups = [
            # Only what the rules leave to finance.
            (_("À approuver"), ("requested",), PAYEE_KINDS),
            (_("À payer"), ("invoiced",), PAYEE_KINDS),
            (_("À payer directement"), ("approved",), DIRECT),
            (_("Facture attendue"), ("delivered",), PAYEE_KINDS),
            (_("À commander ou à livrer"), ("approved", "ordered"), ordered_first),
        ]
    shown: list[dict[str, Any]] = []
    similar: dict[tuple[str, str], list[int]] = {}
    for title, states, kinds in groups:
        found, more = queries.office_queue(
            person.office_id, states, kinds, approver=None if is_manager else str(person.role)
        )
        rows = [summary(row) for row in found]
        if states == ("requested",):
            # What waits for approval is in nobody's median: one look for each category serves all its rows.
            for row, shown_row in zip(found, rows, strict=True):
                asked, currency = row.PaymentRequest, row.donor_currency
                known = (asked.category, currency)
                if known not in similar:
                    similar[known] = queries.similar_amounts(asked, currency)
                shown_row["price"] = _price(asked, currency, similar[known])
        shown.append({"title": title, "rows": rows, "more": more})
    if person.role == Role.FINANCE_OFFICER:
        found, more = queries.awaiting_refund(person.office_id)
        rows = [summary(row) for row in found]
        shown.append({"title": _("Remboursement attendu"), "rows": rows, "more": more})
    adjustments = [told_adjustment(each, person) for each in undecided_adjustments(person.office_id)]
    return page("payment_requests/index.html", groups=shown, adjustment_groups=in_groups(adjustments))


@payment_requests.get("/payment-requests/<uuid:request_id>")
@may("payment.act")
def show(request_id: UUID) -> Any:
    return page("payment_requests/show.html", **_show(request_id))


def _show(
    request_id: UUID,
    *,
    step: StepForm | None = None,
    payment: PaymentForm | None = None,
    refund: RefundForm | None = None,
    document: DocumentForm | None = None,
    errors: Any = None,
) -> dict[str, Any]:
    row = queries.find_request(request_id) or abort(404)
    asked = row.PaymentRequest
    case = allowed_case(asked.case_id, "payment.see")
    person = signed_in()
    said = queries.said_lacking(asked)
    can_do = offered(asked, case, by=person)
    possible = [
        {
            "name": deed.name,
            "word": DEED_NAMES[deed.name](),
            "says_no": deed.reason,
            "reason": needs_reason(asked, deed),
            "missing": missing,
        }
        for deed, missing in can_do
        if deed.name != "payment"
    ]
    if any(each["name"] == "rejection" for each in possible):
        # Who may say no to it need not be asked whether to cancel it.
        possible = [each for each in possible if each["name"] != "cancellation"]
    local = queries.available_locally([case.id], clock.today(person.timezone)).get(case.id)
    may_pay = [missing for deed, missing in can_do if deed.name == "payment"]
    if may_pay and payment is None:
        payment = PaymentForm()
        payment.id.data = uuid4()
        payment.paid_on.data = clock.today(person.timezone).isoformat()
        payment.amount.data = formats.number(Money(asked.minor, asked.currency))
    return {
        # Whoever pays must know where to: here, and in no list.
        "request": {
            **summary(row),
            "payee_account": asked.payee_account,
            "holder": asked.payee_name if asked.payee_kind == "mobile_money" else "",
        },
        "case": case_view(case, person.locale),
        "case_rights": case,
        "said": {"word": SAID_NAMES[said.kind](), "at": said.happened_at, "id": said.subject_id}
        if said
        else None,
        "steps": [
            {
                "state": step.state,
                "word": step_name(step.state, asked.quotes_required),
                "at": step.at,
                "by_name": step.by_name,
                "reason": step.reason,
            }
            for step in queries.steps_of(request_id)
        ],
        "documents": [
            {
                "id": str(paper.id),
                "kind": str(dict(DOCUMENT_NAMES)[paper.kind]),
                "media": paper.media,
                "at": paper.added_at,
            }
            for paper in queries.documents_of(asked)
        ],
        "deeds": possible,
        "step": step,
        "payment": payment if may_pay else None,
        "payment_lacks": next(iter(may_pay), ""),
        "refund": _refund_form(asked, case, person, refund),
        "price": _price(asked, row.donor_currency)
        if policy_allows(person, "payment.approve", case)
        else None,
        "allocation": sums_of([asked.case_id]).get(asked.case_id),
        "left_locally": formats.money(local) if local else "",
        "document_form": document or _blank_document(asked),
        "errors": errors or {},
    }


def _refund_form(asked: Any, case: Any, person: Any, typed: RefundForm | None) -> RefundForm | None:
    """For finance, once goods went back and as long as something paid has not come back."""
    left = left_to_refund(asked)
    if not may_come_back(asked) or not left.minor or not policy_allows(person, "payment.refund", case):
        return None
    if typed is None:
        typed = RefundForm()
        typed.id.data = uuid4()
        typed.back.data = formats.number(left)
        typed.back_on.data = clock.today(person.timezone).isoformat()
    return typed


def summary(row: Any) -> dict[str, Any]:
    """A request as lists and its page show it."""
    asked = row.PaymentRequest
    donor_amount = Money(asked.donor_minor, row.donor_currency)
    return {
        "id": str(asked.id),
        "reference": asked.reference,
        "case_id": str(asked.case_id),
        "code": row.code,
        "what": asked.what,
        "category": str(dict(CATEGORY_NAMES)[asked.category]),
        "amount": formats.money(Money(asked.minor, asked.currency)),
        "minor": asked.minor,
        "donor_amount": formats.money(donor_amount) if asked.currency != row.donor_currency else "",
        "state": asked.state,
        "state_word": step_name(asked.state, asked.quotes_required),
        # A returnee who is paid directly is known to finance by the case's code only.
        "payee": ("" if asked.payee_kind in DIRECT else row.provider_name or asked.payee_name)
        or str(dict(PAYEE_NAMES)[asked.payee_kind]),
        "payee_kind": str(dict(PAYEE_NAMES)[asked.payee_kind]),
        "operator": asked.operator if asked.payee_kind == "mobile_money" else "",
        "chosen_by": str(dict(CHOSEN_BY_NAMES).get(asked.chosen_by, "")),
        "version": asked.version,
        "requester_name": row.requester_name,
        "approver_name": row.approver_name or "",
        # Whoever noted a payment that did not arrive has paid nothing.
        "payer_name": (row.payer_name or "") if asked.paid_at else "",
        "changed_at": asked.changed_at,
        "quotes_required": asked.quotes_required,
    }


def _price(asked: Any, currency: str, similar: list[int] | None = None) -> dict[str, Any] | None:
    """What such a purchase usually costs the office; None where too few are known to say so."""
    if similar is None:
        similar = queries.similar_amounts(asked, currency)
    if len(similar) < FEWEST_SIMILAR:
        return None
    middle = round(median(similar))
    return {
        "median": formats.money(Money(middle, currency)),
        "among": len(similar),
        "high": asked.donor_minor > OVERPRICED * middle,
    }


def _held(request_id: UUID, permission: str) -> tuple[PaymentRequest, Case]:
    """The request and its case, held until the answer, for somebody with this right; else 404 or 403."""
    found = queries.find_request(request_id) or abort(404)
    case = allowed_case(found.PaymentRequest.case_id, "payment.see")
    if not policy_allows(signed_in(), permission, case):
        abort(403)
    locked_case = case_for_deed(case.id) or abort(404)
    return queries.request_for_deed(request_id) or abort(404), locked_case


@payment_requests.post("/payment-requests/<uuid:request_id>/<any(" + ",".join(STEPS) + "):deed>")
@may("payment.act")
def take(request_id: UUID, deed: str) -> Any:
    asked, locked_case = _held(request_id, DEEDS[deed].permission)
    form = StepForm(request.form)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        take_step(
            asked, locked_case, DEEDS[deed], by=signed_in(), now=clock.now(), version=_shown_version(form.version.data),
            shown_minor=_whole(form.shown.data), reason=form.reason.data or "",
        )  # fmt: skip
    except NeedsAttention as refused:
        begin_anew()
        return page("payment_requests/show.html", 422, **_show(request_id, step=form, errors=refused.errors))
    return redirect(url_for("payment_requests.show", request_id=request_id), 303)


@payment_requests.post("/payment-requests/<uuid:request_id>/payments")
@may("payment.act")
def pay(request_id: UUID) -> Any:
    person, (asked, locked_case) = signed_in(), _held(request_id, "payment.pay")
    form = PaymentForm(request.form)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        record_payment(
            asked,
            locked_case,
            id=form.id.uuid,
            paid=_amount(form.amount.data, asked.currency, "amount"),
            fee=_amount(form.fee.data, asked.currency, "fee", zero=True) if form.fee.data else None,
            reference=form.reference.data or "",
            paid_on=_day(form.paid_on.data, person),
            by=person,
            now=clock.now(),
            version=_shown_version(form.version.data),
        )
    except NeedsAttention as refused:
        begin_anew()
        show_sentences(form, refused)
        return page(
            "payment_requests/show.html", 422, **_show(request_id, payment=form, errors=refused.errors)
        )
    return redirect(url_for("payment_requests.show", request_id=request_id), 303)


@payment_requests.post("/payment-requests/<uuid:request_id>/refunds")
@may("payment.act")
def refund(request_id: UUID) -> Any:
    """Money came back after the goods did."""
    person, (asked, locked_case) = signed_in(), _held(request_id, "payment.refund")
    form = RefundForm(request.form)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        record_refund(
            asked,
            locked_case,
            id=form.id.uuid,
            back=_amount(form.back.data, asked.currency, "back"),
            reference=form.back_reference.data or "",
            back_on=_day(form.back_on.data, person, "back_on"),
            by=person,
            now=clock.now(),
            version=_shown_version(form.version.data),
        )
    except NeedsAttention as refused:
        begin_anew()
        show_sentences(form, refused)
        return page(
            "payment_requests/show.html", 422, **_show(request_id, refund=form, errors=refused.errors)
        )
    return redirect(url_for("payment_requests.show", request_id=request_id), 303)


@payment_requests.post("/payment-requests/<uuid:request_id>/documents")
@may("payment.act")
def add_paper(request_id: UUID) -> Any:
    request.max_content_length = MOST_UPLOAD
    found = queries.find_request(request_id) or abort(404)
    case = allowed_case(found.PaymentRequest.case_id, "payment.see")
    person = signed_in()
    if not any(policy_allows(person, action, case) for action in ("payment.request", "payment.order")):
        abort(403)
    form = DocumentForm(request.form)
    form.validate()
    form.id.data = form.id.data or uuid4()
    file = request.files.get("document")
    given = file.read() if file else b""
    begin_anew()
    if not given:
        missing = {"document": [_("Choisissez une photo ou un PDF.")]}
        return page("payment_requests/show.html", 422, **_show(request_id, document=form, errors=missing))
    paper = papers.look_at(given)
    locked_case = case_for_deed(case.id) or abort(404)
    try:
        add_document_from(
            form.kind.data, paper, id=form.id.uuid, request_id=request_id, case=locked_case, by=person,
            now=clock.now(), storage=current_app.extensions["storage"],
        )  # fmt: skip
    except NeedsAttention as refused:
        begin_anew()
        form.id.data = uuid4()  # nothing was taken in: whatever is chosen next is another paper
        return page(
            "payment_requests/show.html", 422, **_show(request_id, document=form, errors=refused.errors)
        )
    return redirect(url_for("payment_requests.show", request_id=request_id), 303)


@payment_requests.get("/documents/<uuid:document_id>")
@may("payment.act")
def paper(document_id: UUID) -> Response:
    found = queries.document(document_id) or abort(404)
    allowed_case(found.case_id, "payment.see")
    try:
        content = current_app.extensions["storage"].get(found.file)
    except (StorageUnavailable, NotInStorage):
        abort(503)
    pdf = found.media == "pdf"
    response = Response(content, mimetype="application/pdf" if pdf else "image/jpeg")
    if pdf:
        # Downloaded, never rendered inside our pages.
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{found.kind}-{str(found.id)[:8]}.pdf"'
        )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _blank_document(asked: PaymentRequest) -> DocumentForm:
    form = DocumentForm(kind=_next_paper(asked))
    form.id.data = uuid4()
    return form


def _next_paper(asked: PaymentRequest) -> str:
    """The paper that is still missing, in the order of the way; any of them where all are there."""
    if queries.count_quotes(asked) < asked.quotes_required:
        return "quote"
    papers = ("receipt",) if asked.payee_kind in DIRECT else ("handover", "invoice", "receipt")
    return next((kind for kind in papers if not queries.has_document(asked, kind)), "")


def _amount(text: str | None, currency: str, field: str, *, zero: bool = False) -> Money:
    try:
        amount = formats.read_money(text or "", currency)
    except NotAnAmount as wrong:
        raise NeedsAttention({field: [_("Écrivez un montant comme 1 500 ou 1500,50.")]}) from wrong
    if amount.minor <= 0 and not zero:
        raise NeedsAttention({field: [_("Le montant doit être plus grand que zéro.")]})
    return amount


def _day(text: str | None, person: Any, field: str = "paid_on") -> date:
    try:
        return date.fromisoformat(text or "") if text else clock.today(person.timezone)
    except ValueError as wrong:
        raise NeedsAttention({field: [_("Écrivez le jour comme 2026-11-23.")]}) from wrong


def _shown_version(text: str | None) -> int:
    """The version that was on the screen; a form that does not say it has shown none of them."""
    return _whole(text) or 0


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 17 else None
