"""The pages of one allocation's grant, of its instalments, and of its corrections."""

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, redirect, request, url_for
from flask_babel import gettext as _

from ... import clock, formats
from ...cases.access import on_case
from ...cases.pages import case_view
from ...cases.queries import case_for_deed
from ...fields import sentences, show_sentences, stripped
from ...money import Money
from ...permissions import may as policy_allows
from ...web import NeedsAttention, begin_anew, page, signed_in
from ..actions import Terms
from ..queries import rule as rule_called
from ..queries import sums_of
from ..rules import read_rule
from ..words import LIMIT_NAMES, return_type
from . import actions, queries, words
from .forms import OTHERWISE, AdjustmentForm, GrantForm, ReleaseForm

grants = Blueprint("grants", __name__)


# Granting


@grants.get("/cases/<uuid:case_id>/allocation/new")
@on_case("allocation.grant")
def new(case: Any) -> Any:
    """Under which rule first; then what the rule must know of the case."""
    if queries.allocation_of(case.id) is not None:
        return redirect(f"/cases/{case.id}/allocation", 303)
    rules = queries.rules_for(case.project)
    asked = request.args.get("rule", "")
    row = next((row for row in rules if str(row.id) == asked or len(rules) == 1), None)
    if row is None:
        return abort(404) if asked else _choose_rule(case)
    form = GrantForm(rule=read_rule(row.text))
    form.id.data = uuid4()
    # How many of the household are adults nobody knows yet: it is asked, never guessed.
    form.adult.data = None
    form.donor.data = _likely_donor(case)
    return _grant_page(case, row, form)


def _choose_rule(case: Any, status: int = 200) -> Any:
    rules = [(row, read_rule(row.text)) for row in queries.rules_for(case.project)]
    return page("allocations/grant_rules.html", status, case=case_view(case, signed_in().locale), rules=rules)


def _likely_donor(case: Any) -> str:
    """The donor that the sending mission named, or the only one there is."""
    donors = queries.donors()
    return case.donor_name or (donors[0].name if len(donors) == 1 else "")


@grants.post("/cases/<uuid:case_id>/allocation/preview")
@on_case("allocation.grant")
def preview(case: Any) -> Any:
    """What the rule gives these persons; nothing is granted yet."""
    row = _rule()
    if row is None:
        return _choose_rule(case, 422)
    rule = read_rule(row.text)
    form = GrantForm(request.form, rule=rule)
    if "change" in request.form:
        return _grant_page(case, row, form)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        terms = actions.terms_for(case, row, form.draft(), by=signed_in(), now=clock.now())
    except NeedsAttention as refused:
        return _grant_sent_back(case, row, form, refused)
    form.shown.data = str(terms.granted)
    return page(
        "allocations/grant_preview.html",
        case=case_view(case, signed_in().locale),
        rule=rule,
        rule_id=row.id,
        form=form,
        new_donor=queries.donor_called(form.donor.data or "") is None,
        promised=_promised(case, terms.granted),
        **_told(form, terms),
    )


def _promised(case: Any, granted: Money) -> str:
    """What the sending mission's list promised this person, where that is another amount."""
    promised = queries.promised_to(case.id)
    return formats.money(promised) if promised and promised != granted else ""


def _told(form: GrantForm, terms: Terms) -> dict[str, Any]:
    draft = form.draft()
    kind = None if draft.return_type == OTHERWISE else draft.return_type
    return {
        "return_type": return_type(kind),
        "persons": words.persons(draft.persons.adult, draft.persons.child, draft.persons.unaccompanied),
        "ceiling": formats.money(terms.ceiling),
        "granted": formats.money(terms.granted),
        "valid_until": terms.valid_until,
        "limits": [(LIMIT_NAMES[name](), formats.money(most)) for name, most in terms.limits.items()],
        "parts": [
            {
                "amount": formats.money(part.amount),
                "condition": part.condition,
                "at_once": part.at_once,
                "due_on": part.due_on,
            }
            for part in terms.parts
        ],
    }


@grants.post("/cases/<uuid:case_id>/allocation")
@on_case("allocation.grant")
def grant(case: Any) -> Any:
    row = _rule()
    if row is None:
        return _choose_rule(case, 422)
    form = GrantForm(request.form, rule=read_rule(row.text))
    locked = case_for_deed(case.id) or abort(404)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        actions.grant_as_shown(
            locked, row, form.draft(), shown=form.shown.data or "", by=signed_in(), now=clock.now()
        )
    except NeedsAttention as refused:
        begin_anew()
        return _grant_sent_back(case, row, form, refused)
    return redirect(f"/cases/{case.id}/allocation", 303)


def _rule() -> Any:
    """The rule that the form names, also one that a newer version has replaced since."""
    try:
        return rule_called(UUID(request.form.get("rule", "")))
    except ValueError:
        return None


def _grant_page(case: Any, row: Any, form: GrantForm, status: int = 200, **more: Any) -> Any:
    return page(
        "allocations/grant_new.html",
        status,
        case=case_view(case, signed_in().locale),
        rule=read_rule(row.text),
        rule_id=row.id,
        form=form,
        donors=[donor.name for donor in queries.donors()],
        errors=more.get("errors", {}),
    )


def _grant_sent_back(case: Any, row: Any, form: GrantForm, refused: NeedsAttention) -> Any:
    show_sentences(form, refused)
    return _grant_page(case, row, form, 422, errors=refused.errors)


# Instalments


@grants.get("/cases/<uuid:case_id>/allocation/instalments/<int:number>")
@on_case("instalment.release")
def instalment(case: Any, number: int) -> Any:
    return _instalment_page(case, number, ReleaseForm(proofs=_proofs(case)))


@grants.post("/cases/<uuid:case_id>/allocation/instalments/<int:number>/release")
@on_case("instalment.release")
def release(case: Any, number: int) -> Any:
    form = ReleaseForm(request.form, proofs=_proofs(case))
    locked = case_for_deed(case.id) or abort(404)
    allocation = queries.allocation_of(case.id) or abort(404)
    if queries.instalment(allocation.id, number) is None:
        abort(404)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        actions.release(
            locked, allocation, number, checked=bool(form.checked.data), reason=form.reason.data or "",
            proof=form.proof.data or "", by=signed_in(), now=clock.now(),
        )  # fmt: skip
    except NeedsAttention as refused:
        begin_anew()
        for name, said in refused.errors.items():
            if name in form and not form[name].errors:
                form[name].errors = said
        return _instalment_page(case, number, form, 422, errors=refused.errors)
    return redirect(f"/cases/{case.id}/allocation", 303)


def _proofs(case: Any) -> list[tuple[str, str]]:
    return [(str(row.number), words.proof(row.kind, row.happened_at)) for row in queries.proofs_of(case.id)]


def _instalment_page(case: Any, number: int, form: ReleaseForm, status: int = 200, errors: Any = None) -> Any:
    allocation = queries.allocation_of(case.id) or abort(404)
    part = queries.instalment(allocation.id, number) or abort(404)
    due_on, _early, _unknown = actions.due_day(part, allocation, case)
    return page(
        "allocations/instalment.html",
        status,
        case=case_view(case, signed_in().locale),
        number=part.number,
        amount=formats.money(Money(part.minor, allocation.currency)),
        condition=part.condition,
        due_on=due_on,
        waits=actions.not_before(part, allocation, case, clock.today(signed_in().timezone)),
        released_at=part.released_at,
        form=form,
        errors=errors or {},
    )


# Adjustments


@grants.get("/cases/<uuid:case_id>/allocation/adjustments")
@on_case("adjustment.decide")
def adjustments(case: Any) -> Any:
    return _adjustments_page(case)


@grants.post("/cases/<uuid:case_id>/allocation/adjustments")
@on_case("allocation.adjust")
def propose(case: Any) -> Any:
    locked = case_for_deed(case.id) or abort(404)
    allocation = queries.allocation_of(case.id) or abort(404)
    form = AdjustmentForm(request.form, currency=allocation.currency)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        actions.propose(
            locked, allocation, form.signed(), id=form.id.uuid, reason=form.reason.data or "", by=signed_in(),
            now=clock.now(),
        )  # fmt: skip
    except NeedsAttention as refused:
        begin_anew()
        show_sentences(form, refused)
        return _adjustments_page(case, 422, form=form, errors=refused.errors)
    return redirect(url_for("grants.adjustments", case_id=case.id), 303)


@grants.post(
    "/cases/<uuid:case_id>/allocation/adjustments/<uuid:adjustment_id>/<any(confirmed,refused):outcome>"
)
@on_case("adjustment.decide")
def decide(case: Any, adjustment_id: UUID, outcome: str) -> Any:
    locked = case_for_deed(case.id) or abort(404)
    allocation = queries.allocation_of(case.id) or abort(404)
    adjustment = queries.adjustment_for_deed(adjustment_id)
    if adjustment is None or adjustment.allocation_id != allocation.id:
        abort(404)
    refusal = stripped(request.form.get("refusal"))
    try:
        actions.decide(adjustment, locked, outcome, refusal=refusal, by=signed_in(), now=clock.now())
    except NeedsAttention as refused:
        begin_anew()
        return _adjustments_page(case, 422, refusing=(adjustment_id, refusal), errors=refused.errors)
    return redirect(url_for("grants.adjustments", case_id=case.id), 303)


def _adjustments_page(
    case: Any,
    status: int = 200,
    *,
    form: AdjustmentForm | None = None,
    refusing: tuple[UUID, str] | None = None,
    errors: Any = None,
) -> Any:
    person = signed_in()
    allocation = queries.allocation_of(case.id) or abort(404)
    may_propose = policy_allows(person, "allocation.adjust", case)
    if form is None and may_propose:
        form = AdjustmentForm(currency=allocation.currency)
        form.id.data = uuid4()
    return page(
        "allocations/adjustments.html",
        status,
        case=case_view(case, person.locale),
        # Finance reads codes and amounts, never the name.
        named=policy_allows(person, "case.see", case),
        allocation=sums_of([case.id])[case.id],
        form=form if may_propose else None,
        groups=in_groups([told(each, person) for each in queries.adjustments_of(allocation.id)]),
        refusing=refusing,
        errors=errors or {},
    )


def in_groups(adjustments: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Corrections under what this person has to do about them; who proposed one can only wait."""
    groups = [
        (_("Corrections à confirmer"), [each for each in adjustments if each["may_decide"]]),
        (_("Attendent une deuxième personne"), [each for each in adjustments if each["may_take_back"]]),
        (_("Corrections décidées"), [each for each in adjustments if each["outcome"]]),
    ]
    return [(title, rows) for title, rows in groups if rows]


def told(each: queries.Proposed, person: Any) -> dict[str, Any]:
    """A correction as lists show it, with what this person may do about it."""
    waits, own = each.outcome is None, person.id == each.proposed_by_id
    return {
        "id": each.id,
        "case_id": str(each.case_id),
        "code": each.code,
        "amount": words.signed(each.amount),
        "reason": each.reason,
        "proposed_by": each.proposed_by,
        "proposed_at": each.proposed_at,
        "outcome": each.outcome,
        "outcome_word": words.OUTCOME_NAMES["taken_back" if each.taken_back else each.outcome]()
        if each.outcome
        else "",
        "decided_by": each.decided_by,
        "decided_at": each.decided_at,
        "refusal": each.refusal,
        "may_decide": waits and not own,
        "may_take_back": waits and own,
    }
