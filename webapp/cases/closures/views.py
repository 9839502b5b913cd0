"""The end of an accompaniment: the form, what waits for a second person, what was said, and going on all the same."""

from typing import Any
from uuid import uuid4

from flask import Blueprint, abort, redirect, request, url_for

from ... import clock, formats
from ...fields import show_sentences
from ...permissions import may as policy_allows
from ...web import NeedsAttention, begin_anew, page, signed_in
from ..access import on_case
from ..pages import case_view
from ..queries import case_for_deed
from . import queries, satisfaction
from .deeds import ask_from, decide_from, keep_answers_from, reopen_from
from .forms import ClosureForm, DecisionForm, ReopeningForm, SatisfactionForm
from .models import ITEMS
from .words import ANSWER_NAMES, ITEM_NAMES, OUTCOME_NAMES, REASON_NAMES

closures = Blueprint("closures", __name__)


def blank_closure() -> ClosureForm:
    """An empty form under a fresh id."""
    form = ClosureForm()
    form.id.data = uuid4()
    return form


def closure_form_page(case: Any, form: ClosureForm, *, person: Any) -> dict[str, Any]:
    """What ``cases/closure_new.html`` needs; the form that a phone keeps for every case knows of no open matters."""
    return {
        "case": case_view(case, person.locale),
        "form": form,
        "unmet": queries.unmet(case.id, by=person, case=case) if case.id else [],
        "may_hand_on": case.id is not None and policy_allows(person, "case.assign", case),
    }


@closures.get("/cases/<uuid:case_id>/closure/new")
@on_case("closure.ask")
def new(case: Any) -> Any:
    if case.closed_at is not None or queries.standing(case.id) is not None:
        return redirect(url_for("closures.show", case_id=case.id), 303)
    return page("cases/closure_new.html", **closure_form_page(case, blank_closure(), person=signed_in()))


@closures.post("/cases/<uuid:case_id>/closure")
@on_case("closure.ask")
def ask(case: Any) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        ask_from(request.form, case=locked, by=person, now=clock.now())
    except NeedsAttention as refused:
        form = ClosureForm(request.form)
        form.validate()
        show_sentences(form, refused)
        said = {**closure_form_page(case, form, person=person), "refused": refused.errors.get("", [])}
        return page("cases/closure_new.html", 422, **said)
    return redirect(url_for("closures.show", case_id=case.id), 303)


@closures.get("/cases/<uuid:case_id>/closure")
@on_case("closure.see")
def show(case: Any) -> Any:
    return page("cases/closure.html", **_page(case))


def _page(
    case: Any, *, decision: Any = None, reopening: Any = None, later: Any = None, refused: Any = None
) -> dict[str, Any]:
    """What ``cases/closure.html`` needs. Finance signs by code: it reads neither the name nor what was said."""
    person = signed_in()
    named = policy_allows(person, "case.see", case)
    told = [_told(row, named=named) for row in queries.closures_of(case.id)]
    standing = next((each for each in told if each["stands"]), None)
    waits = standing is not None and standing["waits"]
    mine = standing is not None and standing["asked_by_id"] == person.id
    if waits and decision is None:
        decision = DecisionForm()
        decision.closure.data = str(standing["id"]) if standing else ""
    return {
        "case": case_view(case, person.locale),
        "named": named,
        "closed": case.closed_at is not None,
        "closures": told,
        "unmet": queries.unmet(case.id, by=person, case=case) if waits else [],
        "decision": decision if waits else None,
        "may_sign_off": waits and not mine and policy_allows(person, "closure.decide", case),
        "may_take_back": waits and mine,
        "reopening": (reopening or ReopeningForm()) if policy_allows(person, "case.reopen", case) else None,
        "later": (later or SatisfactionForm())
        if standing and not standing["answers"] and policy_allows(person, "closure.ask", case)
        else None,
        "may": lambda action: policy_allows(person, action, case),
        "refused": refused or [],
    }


def _told(row: Any, *, named: bool) -> dict[str, Any]:
    closure = row.Closure
    answers = closure.answers if named else {}
    score = satisfaction.score(answers)
    words, names = dict(ANSWER_NAMES), dict(ITEM_NAMES)
    return {
        "id": closure.id,
        "stands": closure.stands,
        "waits": closure.outcome is None,
        "outcome": closure.outcome,
        "outcome_word": OUTCOME_NAMES[closure.outcome](),
        "reason": dict(REASON_NAMES)[closure.reason],
        "words": closure.words if named else "",
        "money_left": closure.money_left,
        "asked_by": row.asked_by,
        "asked_by_id": closure.asked_by_id,
        "asked_at": closure.asked_at,
        "decided_by": row.decided_by or "",
        "decided_at": closure.decided_at,
        "answer": closure.answer,
        "reopened_by": row.reopened_by or "",
        "reopened_at": closure.reopened_at,
        "reopened_because": closure.reopened_because,
        "answers": [(names[item], words[str(answers[item])]) for item in ITEMS if item in answers],
        "answered": len(answers),
        "asked": len(ITEMS),
        "score": formats.decimal(satisfaction.shown(score)) if score is not None else "",
    }


@closures.post("/cases/<uuid:case_id>/closure/<any(signed_off,sent_back):outcome>")
@on_case("closure.see")
def decide(case: Any, outcome: str) -> Any:
    locked = case_for_deed(case.id) or abort(404)
    try:
        decide_from(request.form, outcome, case=locked, by=signed_in(), now=clock.now())
    except NeedsAttention as refused:
        begin_anew()
        form = DecisionForm(request.form)
        form.answer.errors = refused.errors.get("answer", [])
        return page("cases/closure.html", 422, **_page(case, decision=form, refused=refused.errors.get("")))
    return redirect(url_for("closures.show", case_id=case.id), 303)


@closures.post("/cases/<uuid:case_id>/reopening")
@on_case("case.reopen")
def reopen(case: Any) -> Any:
    locked = case_for_deed(case.id) or abort(404)
    try:
        reopen_from(request.form, case=locked, by=signed_in(), now=clock.now())
    except NeedsAttention:
        begin_anew()
        form = ReopeningForm(request.form)
        form.validate()
        return page("cases/closure.html", 422, **_page(case, reopening=form))
    return redirect(url_for("cases.show", case_id=case.id), 303)


@closures.post("/cases/<uuid:case_id>/closure/answers")
@on_case("closure.ask")
def keep_answers(case: Any) -> Any:
    """What the person said by phone, after the closure was asked."""
    locked = case_for_deed(case.id) or abort(404)
    try:
        keep_answers_from(request.form, case=locked)
    except NeedsAttention as refused:
        begin_anew()
        form = SatisfactionForm(request.form)
        form.validate()
        return page("cases/closure.html", 422, **_page(case, later=form, refused=refused.errors.get("")))
    return redirect(url_for("closures.show", case_id=case.id), 303)
