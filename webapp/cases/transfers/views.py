"""Handing cases on: choose them, say to whom and why; the other office accepts or sends back."""

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, redirect, request, url_for

from ... import clock
from ...fields import show_sentences
from ...web import NeedsAttention, begin_anew, may, page, signed_in
from ..pages import stage_name
from . import queries
from .deeds import NOBODY, answer_from, hand_on_from, shown_cases, transfer_form
from .forms import AnswerForm, TransferForm
from .words import OUTCOME_NAMES, REASON_NAMES

transfers = Blueprint("transfers", __name__)

ANSWERS = {"acceptance": "done", "refusal": "sent_back", "withdrawal": "withdrawn"}


@transfers.get("/transfers")
@may("transfer.see")
def index() -> Any:
    form = transfer_form(None, by=signed_in())
    form.id.data = uuid4()
    return page("cases/transfers.html", **_page(form, set()))


@transfers.post("/transfers")
@may("transfer.see")
def hand_on() -> Any:
    person = signed_in()
    try:
        hand_on_from(request.form, by=person, now=clock.now())
    except NeedsAttention as refused:
        begin_anew()
        form = transfer_form(request.form, by=person)
        form.validate()
        show_sentences(form, refused)
        ticked = set(shown_cases(request.form.getlist("case")))
        return page(
            "cases/transfers.html", 422, **_page(form, ticked, refused=refused.errors.get("case", []))
        )
    return redirect(url_for("transfers.index", officer=request.form.get("officer", "")[:40] or None), 303)


def _page(form: TransferForm, ticked: set[UUID], refused: list[str] | None = None) -> dict[str, Any]:
    """What ``cases/transfers.html`` needs; ``officer`` says whose cases are shown, ``case`` names single ones."""
    office_id = signed_in().office_id
    whose = request.values.get("officer", "")[:40]
    known = queries.who_has_cases(office_id)
    if whose == NOBODY or any(str(one.id) == whose for one in known):
        found, more = queries.cases_of_officer(office_id, None if whose == NOBODY else UUID(whose))
    else:
        whose = ""
        named = set(shown_cases(request.args.getlist("case"))) | ticked
        found, more = (queries.some_cases(office_id, list(named)) if named else []), False
        ticked = ticked or named
    between = queries.between_offices(office_id)
    return {
        "form": form,
        "refused": refused or [],
        "officers": known,
        "whose": whose,
        "cases": [
            {
                "value": f"{case.id} {case.officer_id or ''}".strip(),
                "id": str(case.id),
                "code": case.code,
                "name": case.name,
                "officer_name": case.officer_name or "",
                "stage": stage_name(case.stage),
                "next_follow_up_on": case.next_follow_up_on,
                "ticked": case.id in ticked,
            }
            for case in found
        ],
        "more": more,
        "most": queries.MOST,
        "all_ticked": bool(request.form.get("all")),
        "coming": [_told(each) for each in between["coming"]],
        "going": [_told(each) for each in between["going"]],
        "as_of": clock.now(),
    }


def _told(each: queries.Handing) -> dict[str, Any]:
    return {
        "transfer": each,
        "stage": stage_name(each.stage),
        "reason": dict(REASON_NAMES)[each.reason],
        "outcome_word": OUTCOME_NAMES[each.outcome](),
        "mine": each.to_office_id == signed_in().office_id,
    }


@transfers.get("/transfers/<uuid:transfer_id>")
@may("transfer.see")
def show(transfer_id: UUID) -> Any:
    return page("cases/transfer.html", **_one(transfer_id))


def _one(
    transfer_id: UUID, form: AnswerForm | None = None, refused: list[str] | None = None
) -> dict[str, Any]:
    office_id = signed_in().office_id
    found = queries.find_transfer(transfer_id, office_id) or abort(404)
    form = form or AnswerForm(officers=queries.officers(office_id))
    return {**_told(found), "form": form, "refused": refused or []}


@transfers.post("/transfers/<uuid:transfer_id>/<any(" + ",".join(ANSWERS) + "):answer>")
@may("transfer.see")
def answer(transfer_id: UUID, answer: str) -> Any:
    person = signed_in()
    if queries.find_transfer(transfer_id, person.office_id) is None:
        abort(404)
    try:
        answer_from(request.form, transfer_id, ANSWERS[answer], by=person, now=clock.now())
    except NeedsAttention as refused:
        begin_anew()
        form = AnswerForm(request.form, officers=queries.officers(person.office_id))
        form.validate()
        for name, said in refused.errors.items():
            if name in form:
                form[name].errors = said
        return page("cases/transfer.html", 422, **_one(transfer_id, form, refused=refused.errors.get("", [])))
    return redirect(url_for("transfers.show", transfer_id=transfer_id), 303)
