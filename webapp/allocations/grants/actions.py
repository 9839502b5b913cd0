"""Granting under a rule, releasing an instalment, adjusting by two people. Every deed holds the case first."""

from datetime import date, datetime
from typing import Any
from uuid import uuid4, uuid5

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from wtforms.validators import ValidationError

from ... import clock
from ...cases.models import Case
from ...cases.timeline import add_entry
from ...database import db
from ...fields import read_amount
from ...formats import day, money
from ...money import Money
from ...permissions import may
from ...web import NeedsAttention
from .. import ledger
from ..actions import AlreadyGranted, ExceedsCeiling, Terms, grant_under, rule_of, terms_of
from ..models import Adjustment, Allocation, AllocationRule, Donor, Instalment, LedgerEntry
from ..rates import NoRate
from ..rules import NoCeiling, months_later, read_rule
from . import queries
from .forms import GrantDraft

MOST_REASON = 200

# Granting


def terms_for(case: Case, rule: AllocationRule, draft: GrantDraft, *, by: Any, now: datetime) -> Terms:
    """What granting as written would do; raises NeedsAttention with the sentences for each field."""
    _check_right(by, "allocation.grant", case)
    if case.closed_at is not None:
        raise NeedsAttention({"": [_("Ce cas est clos.")]})
    if queries.rule_in_force(rule.id) is None:
        raise NeedsAttention({"": [_("Une version plus récente de ces règles est chargée. Choisissez-la.")]})
    known = queries.donor_called(draft.donor)
    currency = known.currency if known else rule.currency
    amount = _amount(draft.amount, currency) if draft.amount else None
    try:
        return terms_of(
            case, rule, return_type=draft.return_type, persons=draft.persons, currency=currency, on=now.date(), amount=amount
        )  # fmt: skip
    except NoCeiling as none:
        said = _("Ces règles ne donnent rien pour ce retour et ces personnes.")
        raise NeedsAttention({"return_type": [said]}) from none
    except ExceedsCeiling as refused:
        said = _("Le plafond est de %(ceiling)s.", ceiling=money(refused.available))
        raise NeedsAttention({"amount": [said]}) from refused
    except NoRate as none:
        said = _("Il n’y a pas de taux de change entre la monnaie des règles et celle du donateur.")
        raise NeedsAttention({"donor": [said]}) from none


def grant_as_shown(
    case: Case, rule: AllocationRule, draft: GrantDraft, *, shown: str, by: Any, now: datetime
) -> Allocation:
    """Grant what was shown to a held case that has no allocation. The same form again changes nothing."""
    _check_right(by, "allocation.grant", case)
    there = queries.allocation_of(case.id)
    if there is not None:
        entry = db.session.get(LedgerEntry, draft.id)
        if entry is not None and (entry.allocation_id, entry.kind) == (there.id, "granted"):
            return there
        raise NeedsAttention({"": [_("Ce cas a déjà son allocation.")]})
    if db.session.get(LedgerEntry, draft.id) is not None:
        raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
    terms = terms_for(case, rule, draft, by=by, now=now)
    if shown != str(terms.granted):
        said = _("Ce que les règles donnent a changé depuis. Regardez-le de nouveau.")
        raise NeedsAttention({"": [said]})
    donor = queries.donor_called(draft.donor) or _new_donor(draft.donor, rule.currency)
    try:
        allocation = grant_under(
            case, rule, return_type=draft.return_type, persons=draft.persons, donor=donor, amount=terms.granted, by=by.id,
            now=now, id=draft.id,
        )  # fmt: skip
    except AlreadyGranted as already:
        raise NeedsAttention({"": [_("Ce cas a déjà son allocation.")]}) from already
    told = read_rule(rule.text)
    add_entry(
        "allocation.granted", case=case, office_id=case.office_id, subject=allocation.id, by=by.id, happened_at=now, now=now,
        minor=terms.granted.minor, currency=terms.granted.currency, ceiling=terms.ceiling.minor, rule=told.title,
        version=told.version, return_type=draft.return_type, adult=draft.persons.adult, child=draft.persons.child,
        unaccompanied=draft.persons.unaccompanied,
    )  # fmt: skip
    db.session.flush()
    return allocation


def _new_donor(name: str, currency: str) -> Donor:
    try:
        with db.session.begin_nested():
            donor = Donor(id=uuid4(), name=name, currency=currency)
            db.session.add(donor)
    except IntegrityError as taken:
        # Somebody named the same donor at this moment.
        raise NeedsAttention({"donor": [_("Ce donateur vient d’être ajouté. Essayez encore.")]}) from taken
    return donor


# Instalments


def due_day(instalment: Instalment, allocation: Allocation, case: Case) -> tuple[date | None, bool, bool]:
    """The day of an instalment, whether it may come earlier, and whether its day cannot be known yet."""
    rule = rule_of(allocation)
    part = rule.part(instalment.number) if rule else None
    due_on = instalment.due_on
    unknown = False
    if due_on is None and part is not None and part.months_after is not None:
        # The journey was not over when the money was granted; it may be by now.
        since = {"arrival": case.arrived_on, "departure": case.departed_on}.get(part.event or "")
        due_on = months_later(since, part.months_after) if since else None
        unknown = due_on is None
    return due_on, bool(part and part.early), unknown


def not_before(instalment: Instalment, allocation: Allocation, case: Case, today: date) -> str:
    """The sentence that says why an instalment cannot be released today, whatever else is met; empty when it can."""
    due_on, early, unknown = due_day(instalment, allocation, case)
    if early:
        return ""
    if unknown:
        return _("Le jour de cette tranche n’est pas connu : notez d’abord l’arrivée.")
    if due_on is not None and today < due_on:
        return _("À libérer à partir du %(day)s : la règle ne permet pas plus tôt.", day=day(due_on))
    return ""


def release(
    case: Case,
    allocation: Allocation,
    number: int,
    *,
    checked: bool,
    reason: str,
    proof: str,
    by: Any,
    now: datetime,
) -> Instalment:
    """Give an instalment of a held case free, once; done already, it changes nothing. Raises NeedsAttention."""
    _check_right(by, "instalment.release", case)
    instalment = queries.instalment(allocation.id, number)
    if instalment is None:
        raise NeedsAttention({"": [_("Cette tranche n’existe pas.")]})
    if instalment.released_at is not None:
        return instalment
    today = clock.local(now, by.timezone).date()
    if allocation.valid_until and allocation.valid_until < today:
        raise NeedsAttention({"": [_("L’allocation n’est plus valable.")]})
    if waits := not_before(instalment, allocation, case, today):
        raise NeedsAttention({"": [waits]})
    if instalment.condition and not checked:
        raise NeedsAttention({"checked": [_("Vérifiez d’abord que la condition est remplie.")]})
    if not reason:
        raise NeedsAttention({"reason": [_("Dites comment on le sait.")]})
    shows = _proof(case, proof)
    instalment = ledger.release_instalment(allocation, number, by=by.id, now=now)
    add_entry(
        "instalment.released", case=case, office_id=case.office_id, subject=uuid5(allocation.id, f"instalment {number}"),
        by=by.id, happened_at=now, now=now, number=number, minor=instalment.minor, currency=allocation.currency,
        condition=instalment.condition, reason=reason, **shows,
    )  # fmt: skip
    db.session.flush()
    return instalment


def _proof(case: Case, number: str) -> dict[str, Any]:
    for row in queries.proofs_of(case.id) if number else ():
        if str(row.number) == number:
            return {"proof": row.number, "proof_kind": row.kind, "proof_at": row.happened_at.isoformat()}
    return {}


# Adjustments


def propose(
    case: Case,
    allocation: Allocation,
    amount: Money,
    *,
    id: Any,
    reason: str,
    by: Any,
    now: datetime,
) -> Adjustment:
    """Write a correction down for a second person to decide; no money moves. The same again changes nothing."""
    _check_right(by, "allocation.adjust", case)
    if already := db.session.get(Adjustment, id):
        if (already.allocation_id, already.minor, already.reason, already.proposed_by_id) != (
            allocation.id,
            amount.in_(allocation.currency),
            reason,
            by.id,
        ):
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        return already
    if db.session.get(LedgerEntry, id) is not None:
        raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
    there = ledger.available(allocation)
    if there.minor + amount.minor < 0:
        raise NeedsAttention({"amount": [_not_there(Money(-amount.minor, amount.currency), there)]})
    adjustment = Adjustment(
        id=id, allocation_id=allocation.id, minor=amount.minor, reason=reason, proposed_by_id=by.id, proposed_at=now
    )  # fmt: skip
    db.session.add(adjustment)
    add_entry(
        "adjustment.proposed", case=case, office_id=case.office_id, subject=id, by=by.id, happened_at=now, now=now,
        minor=amount.minor, currency=amount.currency, reason=reason,
    )  # fmt: skip
    db.session.flush()
    return adjustment


def decide(
    adjustment: Adjustment, case: Case, outcome: str, *, refusal: str = "", by: Any, now: datetime
) -> Adjustment:
    """Confirm a held correction, or refuse it with a reason; whoever proposed it may only take it back.

    Again: changes nothing.
    """
    _check_right(by, "adjustment.decide", case)
    if adjustment.outcome is not None:
        if (adjustment.outcome, adjustment.decided_by_id) == (outcome, by.id):
            return adjustment
        raise NeedsAttention(
            {"": [_("Quelqu’un a déjà décidé de cette correction. Regardez-la de nouveau.")]}
        )
    if outcome == "confirmed":
        if by.id == adjustment.proposed_by_id:
            said = _("Une autre personne que celle qui a proposé doit confirmer.")
            raise NeedsAttention({"": [said]})
        allocation = db.session.get_one(Allocation, adjustment.allocation_id)
        amount = Money(adjustment.minor, allocation.currency)
        try:
            ledger.adjust(
                allocation, amount, reason=adjustment.reason, by=adjustment.proposed_by_id, confirmed_by=by.id, now=now,
                id=adjustment.id,
            )  # fmt: skip
        except ledger.ExceedsAllocation as refused:
            raise NeedsAttention({"": [_not_there(refused.asked, refused.available)]}) from refused
        except ledger.IdTaken as taken:
            raise NeedsAttention(
                {
                    "": [
                        _(
                            "Le numéro de cette correction est déjà pris. Retirez-la et proposez-la de nouveau."
                        )
                    ]
                }
            ) from taken
    why: dict[str, Any] = {}
    if outcome == "refused":
        if by.id == adjustment.proposed_by_id:
            why = {"taken_back": True}
        elif not refusal:
            raise NeedsAttention({"refusal": [_("Dites pourquoi.")]})
        elif len(refusal) > MOST_REASON:
            raise NeedsAttention({"refusal": [_("Au plus 200 caractères.")]})
        else:
            why = {"refusal": refusal}
    adjustment.outcome, adjustment.decided_by_id, adjustment.decided_at = outcome, by.id, now
    currency = db.session.scalar(select(Allocation.currency).where(Allocation.id == adjustment.allocation_id))
    add_entry(
        f"adjustment.{outcome}", case=case, office_id=case.office_id, subject=adjustment.id, by=by.id, happened_at=now,
        now=now, minor=adjustment.minor, currency=currency, reason=adjustment.reason, **why,
    )  # fmt: skip
    db.session.flush()
    return adjustment


def _not_there(asked: Money, there: Money) -> str:
    return _(
        "On ne peut retirer que ce qui est disponible : demandé %(asked)s, disponible %(available)s.",
        asked=money(asked),
        available=money(there),
    )


# What they share


def _check_right(by: Any, action: str, case: Case) -> None:
    if not may(by, action, case):
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})


def _amount(text: str, currency: str) -> Money:
    try:
        return read_amount(text, currency)
    except ValidationError as wrong:
        raise NeedsAttention({"amount": [str(wrong)]}) from wrong
