"""What is done with payment requests. Every deed locks the request first, then its allocation."""

import secrets
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext as _
from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError

from ... import clock
from ...cases.actions import touch
from ...cases.models import Case
from ...cases.timeline import add_entry, is_noted
from ...database import db
from ...formats import money
from ...money import Money
from ...permissions import Role, may
from ...providers.models import ServiceProvider
from ...web import NeedsAttention
from .. import ledger
from ..actions import approval_of
from ..models import (
    REQUEST_STATES,
    Allocation,
    LedgerEntry,
    Payment,
    PaymentRequest,
    RequestDocument,
    RequestStep,
)
from ..rates import NoRate, Rate, convert, in_currency, rate_on
from ..rules import Approval, Rule
from ..words import LIMIT_NAMES
from . import queries
from .forms import RequestDraft
from .states import (
    DEEDS,
    DIRECT,
    HOLDS_MONEY,
    Deed,
    is_possible,
    method_of,
    paper_for,
    settles_to,
    takes_refunds,
)

MOST_FEE = Fraction(1, 5)
"""An operator's fee is small beside the payment; whatever is more is a correction by two people."""
MOST_RATE_MOVES = Fraction(1, 4)
_WRITTEN = (
    "category", "what", "payee_kind", "provider_id", "payee_name", "payee_account", "chosen_by", "operator",
    "holder_checked",
)  # fmt: skip
DECIDE_WITHIN_DAYS = 5
"""Where no rule says it."""
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class OverCeiling(NeedsAttention):
    """More was asked than the allocation has. Who approves hears of it, though nothing is recorded."""

    def __init__(self, asked: Money, available: Money, sentence: str, request_id: UUID | None = None) -> None:
        super().__init__({"amount": [sentence]})
        self.asked, self.available, self.request_id = asked, available, request_id


def add_over_ceiling(case: Case, refused: OverCeiling, *, by: Any, now: datetime) -> None:
    """Note that more was asked than is there, for whoever approves; what was asked is not recorded.

    The same request for the same amount, sent again by somebody impatient, is noted once. The case is held.
    """
    subject = uuid5(refused.request_id or case.id, f"over ceiling {refused.asked}")
    if is_noted("payment.over_ceiling", subject):
        return
    add_entry(
        "payment.over_ceiling", case=case, office_id=case.office_id, subject=subject, by=by.id, happened_at=now, now=now,
        asked=refused.asked.minor, available=refused.available.minor, currency=refused.asked.currency,
    )  # fmt: skip


def ask(
    case: Case,
    draft: RequestDraft,
    *,
    by: Any,
    now: datetime,
    today: date,
) -> PaymentRequest:
    """Ask for a payment within the case's allocation. Asking for the same again under its id changes nothing.

    With all the quotes that the rule asks for (often none) it goes to whoever approves; else it waits as a
    draft for them. Raises NeedsAttention, and OverCeiling with "asked, available".
    """
    if already := db.session.get(PaymentRequest, draft.id):
        if already.case_id != case.id or already.requester_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        if Money(already.minor, already.currency) != draft.amount or any(
            getattr(already, name) != getattr(draft, name) for name in _WRITTEN
        ):
            said = _("Une demande est déjà partie de cette page. Envoyez encore pour en faire une autre.")
            raise NeedsAttention({"id": [said]})
        return already
    if case.closed_at is not None:
        raise NeedsAttention({"amount": [_("Ce cas est clos.")]})
    allocation = db.session.scalar(select(Allocation).where(Allocation.case_id == case.id))
    if allocation is None:
        raise NeedsAttention({"amount": [_("Ce cas n’a pas d’allocation.")]})
    _check_valid(allocation, today)
    donor_amount, rate = _in_donor_currency(draft.amount, allocation, today)
    available = ledger.available(allocation)
    if available < donor_amount:
        said = _over(draft.amount, donor_amount, available)
        raise OverCeiling(donor_amount, available, said, draft.id)
    try:
        ledger.check_limits(
            allocation, donor_amount, category=draft.category, cash=ledger.counts_as_cash(draft.payee_kind)
        )
    except ledger.LimitExceeded as refused:
        raise _over_ceiling(refused, draft.id) from refused
    if draft.provider_id and not _is_known_provider(draft.provider_id, case.office_id):
        raise NeedsAttention({"provider": [_("Ce fournisseur n’est pas connu de votre bureau.")]})
    needed = _needed(allocation, donor_amount, today)
    request = PaymentRequest(
        id=draft.id,
        reference=_new_reference(),
        case_id=case.id,
        allocation_id=allocation.id,
        office_id=case.office_id,
        state="draft",
        category=draft.category,
        what=draft.what,
        minor=draft.amount.minor,
        currency=draft.amount.currency,
        donor_minor=donor_amount.minor,
        rate_id=rate.id if rate else None,
        payee_kind=draft.payee_kind,
        provider_id=draft.provider_id,
        payee_name=draft.payee_name,
        chosen_by=draft.chosen_by,
        operator=draft.operator,
        payee_account=draft.payee_account,
        holder_checked=draft.holder_checked,
        # Quotes are for what is bought; money that goes to the person directly has no sellers to compare.
        quotes_required=needed[1].quotes if needed and draft.payee_kind not in DIRECT else 0,
        three_people=needed[0].three_people if needed else True,
        decide_within_days=needed[0].decide_within_days if needed else DECIDE_WITHIN_DAYS,
        approver_role=str(needed[1].approver if needed else Role.PROGRAMME_MANAGER),
        requester_id=by.id,
        changed_at=now,
    )
    db.session.add(request)
    _note(request, case, "draft", by=by, now=now)
    db.session.flush()
    advance_with_quotes(request, case, by=by, now=now)
    return request


def advance_with_quotes(request: PaymentRequest, case: Case, *, by: Any, now: datetime) -> None:
    """A draft that has the quotes its rule asks for goes to whoever approves."""
    if request.state != "draft" or not _has_quotes(request):
        return
    if request.quotes_required:
        _move(request, case, "quoted", by=by, now=now)
    request.requested_at = now
    _move(request, case, "requested", by=by, now=now)


def add_document(
    case: Case,
    *,
    id: UUID,
    request_id: UUID,
    kind: str,
    media: str,
    file: str,
    thumb: str | None,
    minor: int | None,
    by: Any,
    now: datetime,
) -> RequestDocument:
    """Keep a paper of a request, also when it arrives first. Sending the same again changes nothing."""
    if already := db.session.get(RequestDocument, id):
        if (already.case_id, already.by_id, already.request_id, already.kind, already.file) != (
            case.id, by.id, request_id, kind, file,
        ):  # fmt: skip
            raise NeedsAttention({"id": [_("Ce numéro de document est déjà pris.")]})
        return already
    document = RequestDocument(
        id=id, request_id=request_id, case_id=case.id, kind=kind, media=media, file=file, thumb=thumb, minor=minor,
        by_id=by.id, added_at=now,
    )  # fmt: skip
    db.session.add(document)
    db.session.flush()
    request = queries.request_for_deed(request_id)
    if request is not None and request.case_id == case.id and kind == "quote":
        advance_with_quotes(request, case, by=by, now=now)
    touch(case)
    return document


def hand_over_papers(refused: list[UUID], right: UUID, case: Case, *, by: Any, now: datetime) -> None:
    """The papers of refused requests are those of the one that corrects them, whichever comes first.

    A request that is recorded keeps its own, whatever names it as refused.
    """
    db.session.execute(
        update(RequestDocument)
        .where(
            RequestDocument.request_id.in_(refused),
            ~exists().where(PaymentRequest.id == RequestDocument.request_id),
            RequestDocument.case_id == case.id,
            RequestDocument.by_id == by.id,
        )
        .values(request_id=right)
    )
    request = queries.request_for_deed(right)
    if request is not None and request.case_id == case.id:
        advance_with_quotes(request, case, by=by, now=now)


def take_step(
    request: PaymentRequest,
    case: Case,
    deed: Deed,
    *,
    by: Any,
    now: datetime,
    version: int | None = None,
    shown_minor: int | None = None,
    reason: str = "",
) -> PaymentRequest:
    """Do one deed of ``states.DEEDS`` on a request that is locked. Done already, it changes nothing.

    ``version`` and ``shown_minor`` are what was on the screen: a request that changed since is refused.
    """
    if _is_done(request, deed, by):
        return request
    _check_step(request, case, deed, by=by, version=version, shown_minor=shown_minor, reason=reason)
    to = deed.to
    if deed.name == "submission":
        if not _has_quotes(request):
            raise NeedsAttention({"document": [_("Ajoutez d’abord les devis que la règle demande.")]})
        request.requested_at = now
    elif deed.name == "approval":
        _approve(request, case, by=by, now=now)
    elif deed.name in ("cancellation", "return"):
        ledger.release(request, by=by.id, now=now)
    elif deed.name == "settlement":
        to = settles_to(
            before=_state_before(request), payee_kind=request.payee_kind, holds_money=request.held_minor > 0
        )
    elif deed.name in ("verification", "closure") and request.held_minor:
        raise NeedsAttention({"": [_("De l’argent est encore mis de côté pour cette demande.")]})
    _move(request, case, to, by=by, now=now, reason=reason)
    return request


def _check_step(
    request: PaymentRequest,
    case: Case,
    deed: Deed,
    *,
    by: Any,
    version: int | None,
    shown_minor: int | None,
    reason: str,
) -> None:
    """Whether this person may do this now, to what was on the screen, and gave what the deed needs."""
    if not may(by, deed.permission, case):
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})
    if not is_possible(deed, state=request.state, payee_kind=request.payee_kind):
        raise NeedsAttention({"": [_("Cette demande a changé entre-temps. Regardez-la de nouveau.")]})
    if version is not None and (
        version != request.version or (shown_minor or request.minor) != request.minor
    ):
        raise NeedsAttention(
            {"": [_("Cette demande a changé depuis que vous l’avez ouverte. Regardez-la de nouveau.")]}
        )
    if deed.apart and _had_a_hand(request, by):
        raise NeedsAttention({"": [_("Quelqu’un qui n’a ni demandé ni payé doit le faire.")]})
    if deed.name == "cancellation" and _is_paid_in_part(request):
        raise NeedsAttention(
            {
                "": [
                    _(
                        "Une partie est déjà payée : notez le reste, ou signalez que le paiement n’est pas arrivé."
                    )
                ]
            }
        )
    if deed.permission == "payment.approve" and not _is_theirs_to_approve(request, by):
        raise NeedsAttention({"": [_("La règle demande une autre personne pour ce montant.")]})
    if needs_reason(request, deed) and not reason:
        raise NeedsAttention({"reason": [_("Dites pourquoi.")]})
    if lacks := _lacking(request, deed):
        raise NeedsAttention({"document": [lacks]})


def offered(request: PaymentRequest, case: Case, *, by: Any) -> list[tuple[Deed, str]]:
    """What this person can do next with a request, each with the sentence of a paper that is missing for it.

    Nothing stands here that would be refused for another reason than that.
    """
    return [
        (deed, _lacking(request, deed))
        for deed in DEEDS.values()
        if may(by, deed.permission, case)
        and is_possible(deed, state=request.state, payee_kind=request.payee_kind)
        and not _is_barred(request, deed, by=by)
    ]


def _lacking(request: PaymentRequest, deed: Deed) -> str:
    """The sentence of the paper that must be there first and is not; empty when nothing is missing."""
    paper = paper_for(deed, request.payee_kind)
    # A settled dispute calls it right without a verification: then its paper is asked for here.
    if deed.name == "settlement" and not request.held_minor:
        paper = paper_for(DEEDS["verification"], request.payee_kind)
    return _missing(paper) if paper and not queries.has_document(request, paper) else ""


def needs_reason(request: PaymentRequest, deed: Deed) -> bool:
    """Whether the deed must say why: also calling it right or done against the word of the returnee."""
    against = deed.name in ("verification", "closure") and queries.said_lacking(request) is not None
    return deed.reason or against


def _is_barred(request: PaymentRequest, deed: Deed, *, by: Any) -> bool:
    """Whether this deed waits for somebody else, or for the request's money or quotes."""
    if deed.apart and _had_a_hand(request, by):
        return True
    match deed.name:
        case "submission":
            return not _has_quotes(request)
        case "approval":
            return by.id == request.requester_id or not _is_theirs_to_approve(request, by)
        case "rejection":
            return not _is_theirs_to_approve(request, by)
        case "payment":
            return by.id in _others_than_payer(request)
        case "cancellation":
            return _is_paid_in_part(request)
        case "verification" | "closure":
            return request.held_minor > 0
    return False


def _others_than_payer(request: PaymentRequest) -> list[Any]:
    """Who may not pay it: where the rule wants three people who asked and who approved; never a payer who approved."""
    if request.three_people:
        return [request.requester_id, request.approver_id]
    return [request.approver_id] if request.approver_role == Role.FINANCE_OFFICER else []


def _had_a_hand(request: PaymentRequest, by: Any) -> bool:
    """Whether this person asked for it or, where the rule wants other people for each part, ever paid for it.

    A trigger of the database holds the same.
    """
    if by.id == request.requester_id:
        return True
    paid = select(Payment.id).where(Payment.request_id == request.id, Payment.by_id == by.id)
    return request.three_people and db.session.scalar(paid.limit(1)) is not None


def _is_theirs_to_approve(request: PaymentRequest, by: Any) -> bool:
    """A manager of the office decides on any amount; finance on what the allocation's rule leaves to it."""
    return str(by.role) in (request.approver_role, Role.PROGRAMME_MANAGER)


def _is_paid_in_part(request: PaymentRequest) -> bool:
    standing = select(Payment.id).where(Payment.request_id == request.id, Payment.failed_at.is_(None))
    return db.session.scalar(standing.limit(1)) is not None


def _approve(request: PaymentRequest, case: Case, *, by: Any, now: datetime) -> None:
    if by.id == request.requester_id:
        raise NeedsAttention({"": [_("Une autre personne que celle qui a demandé doit approuver.")]})
    allocation = db.session.get_one(Allocation, request.allocation_id)
    today = clock.local(now, by.timezone).date()
    _check_valid(allocation, today)
    try:
        ledger.set_aside(request, by=by.id, now=now)
    except ledger.ExceedsAllocation as refused:
        raise _over_ceiling(refused) from refused
    except ledger.IdTaken as taken:
        raise NeedsAttention({"": [_taken_payment()]}) from taken
    # After the ledger, which reads the request anew when it locks it.
    request.approver_id, request.approved_at = by.id, now


def record_payment(
    request: PaymentRequest,
    case: Case,
    *,
    id: UUID,
    paid: Money,
    fee: Money | None,
    reference: str,
    paid_on: date,
    by: Any,
    now: datetime,
    version: int | None = None,
) -> Payment:
    """Note money that left for a locked request, under the reference of who moved it. Again: changes nothing."""
    if already := db.session.get(Payment, id):
        if (already.request_id, already.minor, already.reference) != (request.id, paid.minor, reference):
            raise NeedsAttention({"id": [_taken_payment()]})
        return already
    method = _check_payment(
        request, case, reference=reference, paid_on=paid_on, by=by, now=now, version=version
    )
    allocation = db.session.get_one(Allocation, request.allocation_id)
    rate = _rate_today(request, allocation, "paid_on", by=by, now=now)
    if fee is not None and fee.minor > paid.minor * MOST_FEE:
        raise NeedsAttention({"fee": [_("Ces frais dépassent le cinquième du paiement. Vérifiez-les.")]})
    try:
        # All of it or nothing, also for a caller that goes on with the next line of a table.
        with db.session.begin_nested():
            entry = ledger.pay(request, paid, id=id, by=by.id, now=now, rate=rate)
            if fee is not None and fee.minor:
                _charge(request, fee, id=ledger.fee_id(id), by=by, now=now, rate=rate)
            request.payer_id, request.paid_at = by.id, now
            payment = Payment(
                id=id, request_id=request.id, office_id=request.office_id, entry_id=entry.id, method=method,
                reference=reference, minor=paid.minor, currency=paid.currency,
                fee_minor=fee.minor if fee else 0, paid_on=paid_on, by_id=by.id, posted_at=now,
            )  # fmt: skip
            db.session.add(payment)
    except ledger.ExceedsAllocation as refused:
        raise _over_ceiling(refused) from refused
    except ledger.IdTaken as taken:
        raise NeedsAttention({"id": [_taken_payment()]}) from taken
    except IntegrityError as twice:
        # Somebody was quicker, on another request: what the looking before could not see.
        if "reference" in str(twice.orig):
            raise NeedsAttention({"reference": [_taken_reference()]}) from twice
        if "unique" in str(twice.orig).lower():
            raise NeedsAttention({"id": [_taken_payment()]}) from twice
        raise
    if not request.held_minor:
        _move(request, case, "paid", by=by, now=now, reason=reference)
    else:
        request.version += 1
        request.changed_at = now
        touch(case)
    return payment


def _check_payment(
    request: PaymentRequest,
    case: Case,
    *,
    reference: str,
    paid_on: date,
    by: Any,
    now: datetime,
    version: int | None,
) -> str:
    """Whether this person may note this payment now, under a new reference; by which method it goes."""
    deed = DEEDS["payment"]
    if not may(by, deed.permission, case):
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})
    if not is_possible(deed, state=request.state, payee_kind=request.payee_kind):
        raise NeedsAttention({"": [_("Cette demande n’est pas à payer en ce moment.")]})
    if version is not None and version != request.version:
        raise NeedsAttention(
            {"": [_("Cette demande a changé depuis que vous l’avez ouverte. Regardez-la de nouveau.")]}
        )
    if by.id in _others_than_payer(request):
        raise NeedsAttention({"": [_("Une troisième personne doit payer.")]})
    if lacks := _lacking(request, deed):
        raise NeedsAttention({"document": [lacks]})
    method = method_of(request.payee_kind)
    taken = select(Payment.id).where(
        Payment.office_id == request.office_id,
        Payment.method == method,
        func.upper(Payment.reference) == func.upper(reference),
    )
    if db.session.scalar(taken) is not None:
        raise NeedsAttention({"reference": [_taken_reference()]})
    if paid_on > clock.local(now, by.timezone).date():
        raise NeedsAttention({"paid_on": [_("Ce jour est dans le futur.")]})
    if request.approved_at and paid_on < clock.local(request.approved_at, by.timezone).date():
        raise NeedsAttention({"paid_on": [_("La demande n’était pas encore approuvée ce jour-là.")]})
    return method


def _charge(
    request: PaymentRequest, fee: Money, *, id: UUID, by: Any, now: datetime, rate: Rate | None
) -> None:
    try:
        ledger.charge_fee(request, fee, id=id, by=by.id, now=now, rate=rate)
    except ledger.ExceedsAllocation as refused:
        raise NeedsAttention({"fee": [_over(refused.asked, refused.asked, refused.available)]}) from refused


def _taken_payment() -> str:
    return str(_("Ce numéro de paiement est déjà pris. Ouvrez la page de nouveau."))


def _taken_reference() -> str:
    return str(_("Cette référence est déjà celle d’un autre paiement."))


def confirm_payment(
    payment: Payment, request: PaymentRequest, case: Case, *, by: Any, now: datetime
) -> Payment:
    """Note that the recipient has the money of a locked request's payment. Again: changes nothing."""
    _check_settling(payment, by=by, settled=payment.failed_at)
    if payment.confirmed_at is None:
        payment.confirmed_at = now
        _note_settled("confirmed", payment, request, case, by=by, now=now)
    return payment


def fail_payment(
    payment: Payment, request: PaymentRequest, case: Case, *, reason: str, by: Any, now: datetime
) -> Payment:
    """Note that a payment of a locked request did not arrive: its money is set aside again, to be paid anew.

    Doing it again changes nothing. What an operator took as a fee stays paid.
    """
    _check_settling(payment, by=by, settled=payment.confirmed_at)
    if payment.failed_at is not None:
        return payment
    if not reason:
        raise NeedsAttention({"reason": [_("Dites pourquoi.")]})
    if request.state not in (*HOLDS_MONEY, "paid"):
        raise NeedsAttention({"": [_("Cette demande est déjà vérifiée ou terminée. Contestez-la d’abord.")]})
    try:
        ledger.reverse(db.session.get_one(LedgerEntry, payment.entry_id), reason=reason, by=by.id, now=now)
    except ledger.ExceedsAllocation as refused:
        raise NeedsAttention({"": [_("Une partie de cet argent est déjà revenue.")]}) from refused
    except ledger.IdTaken as taken:
        raise NeedsAttention({"": [_taken_payment()]}) from taken
    payment.failed_at = now
    request.paid_at = None
    # A dispute goes on until it is settled by whoever may settle it.
    if request.state == "paid":
        request.state = "approved" if request.payee_kind in DIRECT else "invoiced"
    request.version += 1
    request.changed_at = now
    _note_settled("failed", payment, request, case, by=by, now=now, reason=reason)
    return payment


def _rate_today(
    request: PaymentRequest, allocation: Allocation, field: str, *, by: Any, now: datetime
) -> Rate | None:
    """The rate in force on the day of posting; None in the allocation's own currency.

    Never that of a day somebody types, which would let them choose it; and where it is far from what the request
    was approved at, other people look first.
    """
    if request.currency == allocation.currency:
        return None
    rate = rate_on(allocation.currency, request.currency, clock.local(now, by.timezone).date())
    if rate is None:
        raise NeedsAttention({field: [_("Il n’y a pas de taux de change pour ce jour.")]})
    worth = convert(Money(request.minor, request.currency), rate).minor
    if abs(worth - request.donor_minor) > max(Fraction(1), request.donor_minor * MOST_RATE_MOVES):
        raise NeedsAttention(
            {
                "": [
                    _(
                        "Le taux de change s’est écarté de plus d’un quart depuis la demande. Vérifiez-le ;"
                        " s’il est juste, il faut une nouvelle demande, ou une correction à deux personnes."
                    )
                ]
            }
        )
    return rate


def record_refund(
    request: PaymentRequest,
    case: Case,
    *,
    id: UUID,
    back: Money,
    reference: str,
    back_on: date,
    by: Any,
    now: datetime,
    version: int | None = None,
) -> LedgerEntry:
    """Note money that came back for a locked request whose goods went back. Again: changes nothing."""
    if not may(by, "payment.refund", case):
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})
    if already := db.session.get(LedgerEntry, id):
        if (already.request_id, already.kind, already.local_minor) != (request.id, "refunded", back.minor):
            raise NeedsAttention({"id": [_taken_payment()]})
        return already
    if not may_come_back(request):
        raise NeedsAttention({"": [_("L’argent d’une demande ne revient qu’après le retour.")]})
    if version is not None and version != request.version:
        raise NeedsAttention(
            {"": [_("Cette demande a changé depuis que vous l’avez ouverte. Regardez-la de nouveau.")]}
        )
    if any(step.state == "refunded" and step.reason == reference for step in queries.steps_of(request.id)):
        raise NeedsAttention({"back_reference": [_("Ce remboursement est déjà noté.")]})
    if back_on > clock.local(now, by.timezone).date():
        raise NeedsAttention({"back_on": [_("Ce jour est dans le futur.")]})
    first_paid_on = db.session.scalar(
        select(func.min(Payment.paid_on)).where(Payment.request_id == request.id)
    )
    if first_paid_on and back_on < first_paid_on:
        raise NeedsAttention({"back_on": [_("Rien n’était encore payé ce jour-là.")]})
    allocation = db.session.get_one(Allocation, request.allocation_id)
    rate = _rate_today(request, allocation, "back_on", by=by, now=now)
    try:
        entry = ledger.refund(request, back, id=id, by=by.id, now=now, rate=rate)
    except ledger.ExceedsAllocation as refused:
        said = _(
            "Plus que ce qui a été payé : %(asked)s, payé %(paid)s.",
            asked=money(refused.asked), paid=money(refused.available),
        )  # fmt: skip
        raise NeedsAttention({"back": [said]}) from refused
    db.session.add(
        RequestStep(
            request_id=request.id, state="refunded", by_id=by.id, at=now, reason=reference, amount_minor=back.minor
        )
    )  # fmt: skip
    add_entry(
        "payment.refunded", case=case, office_id=case.office_id, subject=id, by=by.id, happened_at=now, now=now,
        request=str(request.id), what=request.what, minor=back.minor, currency=back.currency,
    )  # fmt: skip
    request.version += 1
    db.session.flush()
    touch(case)
    return entry


def may_come_back(request: PaymentRequest) -> bool:
    """Whether money of this request may come back: its goods went back."""
    return takes_refunds([step.state for step in _way(request)])


def _check_settling(payment: Payment, *, by: Any, settled: datetime | None) -> None:
    # What became of a payment is known to the office that paid it, whoever has the case now.
    if not may(by, DEEDS["payment"].permission, payment):
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})
    if settled is not None:
        raise NeedsAttention({"": [_("Quelqu’un a déjà noté le contraire pour ce paiement.")]})


def _note_settled(
    what: str,
    payment: Payment,
    request: PaymentRequest,
    case: Case,
    *,
    by: Any,
    now: datetime,
    reason: str = "",
) -> None:
    """A step beside the states: the payment arrived, or it did not."""
    db.session.add(
        RequestStep(
            request_id=request.id, state=what, by_id=by.id, at=now, reason=reason, amount_minor=payment.minor
        )
    )
    add_entry(
        f"payment.{what}", case=case, office_id=case.office_id, subject=payment.id, by=by.id, happened_at=now,
        now=now, request=str(request.id), what=request.what, minor=payment.minor, currency=payment.currency,
    )  # fmt: skip
    db.session.flush()
    touch(case)


def _move(
    request: PaymentRequest, case: Case, state: str, *, by: Any, now: datetime, reason: str = ""
) -> None:
    request.state, request.changed_at = state, now
    request.version += 1
    _note(request, case, state, by=by, now=now, reason=reason)


def _note(
    request: PaymentRequest, case: Case, state: str, *, by: Any, now: datetime, reason: str = ""
) -> None:
    step = RequestStep(
        request_id=request.id, state=state, by_id=by.id, at=now, reason=reason, amount_minor=request.minor
    )
    db.session.add(step)
    db.session.flush()
    if state not in ("draft", "quoted"):
        add_entry(
            "payment." + state, case=case, office_id=case.office_id, subject=step.id, by=by.id, happened_at=now,
            now=now, request=str(request.id), what=request.what, minor=request.minor, currency=request.currency,
            **({"approver": request.approver_role} if state == "requested" else {}),
        )  # fmt: skip
    touch(case)


def _is_done(request: PaymentRequest, deed: Deed, by: Any) -> bool:
    """Whether this deed is the last that was done, by the same person: the same again changes nothing."""
    way = _way(request)
    if not way or way[-1].by_id != by.id or way[-1].state != request.state:
        return False
    settled = deed.name == "settlement" and request.state in HOLDS_MONEY
    return request.state == deed.to or (settled and len(way) > 1 and way[-2].state == "disputed")


def _state_before(request: PaymentRequest) -> str:
    """The state that a disputed request was in before."""
    return next(step.state for step in reversed(_way(request)) if step.state != request.state)


def _way(request: PaymentRequest) -> list[Any]:
    """The states the request went through, without what became of its payments."""
    return [step for step in queries.steps_of(request.id) if step.state in REQUEST_STATES]


def _has_quotes(request: PaymentRequest) -> bool:
    return queries.count_quotes(request) >= request.quotes_required


def _needed(allocation: Allocation, amount: Money, today: date) -> tuple[Rule, Approval] | None:
    try:
        return approval_of(allocation, amount, on=today)
    except NoRate as none:
        raise NeedsAttention(
            {"currency": [_("Il n’y a pas de taux de change pour la monnaie de la règle.")]}
        ) from none


def _check_valid(allocation: Allocation, today: date) -> None:
    if allocation.valid_until and allocation.valid_until < today:
        raise NeedsAttention({"amount": [_("L’allocation n’est plus valable. Parlez-en au responsable.")]})


def _in_donor_currency(amount: Money, allocation: Allocation, today: date) -> tuple[Money, Rate | None]:
    try:
        return in_currency(amount, allocation.currency, today)
    except NoRate as none:
        raise NeedsAttention(
            {"currency": [_("Il n’y a pas de taux de change pour cette monnaie.")]}
        ) from none


def _is_known_provider(provider_id: UUID, office_id: UUID) -> bool:
    provider = db.session.get(ServiceProvider, provider_id)
    return provider is not None and provider.office_id == office_id and provider.retired_at is None


def _over_ceiling(refused: ledger.ExceedsAllocation, request_id: UUID | None = None) -> OverCeiling:
    """The refusal of the ledger in words; of a sub-ceiling, with its name."""
    said = _over(refused.asked, refused.asked, refused.available)
    if isinstance(refused, ledger.LimitExceeded):
        said = _(
            "Plafond « %(limit)s » : demandé %(asked)s, disponible %(available)s.",
            limit=LIMIT_NAMES[refused.limit](), asked=money(refused.asked), available=money(refused.available),
        )  # fmt: skip
    return OverCeiling(refused.asked, refused.available, said, request_id)


def _over(asked: Money, donor_amount: Money, available: Money) -> str:
    said = money(asked)
    if asked.currency != donor_amount.currency:
        said = f"{said} ({money(donor_amount)})"
    return _("Demandé %(asked)s, disponible %(available)s.", asked=said, available=money(available))


def _missing(kind: str) -> str:
    return {
        "handover": _("Ajoutez d’abord l’attestation de remise, signée ou en photo."),
        "invoice": _("Ajoutez d’abord la facture."),
        "receipt": _("Ajoutez d’abord le reçu."),
    }[kind]


def _new_reference() -> str:
    while True:
        reference = "PR-" + "".join(secrets.choice(_LETTERS) for _ in range(6))
        if db.session.scalar(select(PaymentRequest.id).where(PaymentRequest.reference == reference)) is None:
            return reference
