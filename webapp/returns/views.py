"""The board, the steps of a return, its interruption, and the arrivals of an office."""

from typing import Any
from uuid import uuid4

from flask import Blueprint, abort, redirect, request, url_for

from .. import clock
from ..cases.access import on_case
from ..cases.models import RETURNING
from ..cases.open_matters import matters_told
from ..cases.pages import case_view, phones
from ..cases.queries import case_for_deed, numbers_of
from ..fields import show_sentences
from ..permissions import Role
from ..permissions import may as policy_allows
from ..web import NeedsAttention, may, page, signed_in
from . import actions, queries
from .deeds import (
    decide_from,
    first_contact_form,
    give_to_officer_from,
    interrupt_from,
    may_be_done_by,
    open_first_contact_from,
    record_step_from,
    step_form,
)
from .forms import ASSISTANCE_NAMES, DECISION_NAMES, DecisionForm, InterruptionForm, StepForm, blank_step
from .procedures import ORIGIN, Step, check_projects, steps_of
from .telling import told_step
from .words import step_name

returns = Blueprint("returns", __name__)
# A file that says what cannot be keeps the application from starting, not a page from opening.
returns.record_once(check_projects)

TOLD_TO_ORIGIN = ("contact", "interview", "training", "note", "departure", "boarding")


# The sending mission's board


@returns.get("/procedure")
@may("procedure.board")
def index() -> Any:
    person = signed_in()
    lines: dict[str, list[dict[str, Any]]] = {}
    for step, line in board_lines(person):
        lines.setdefault(step, []).append(line)
    return page("returns/index.html", steps=lines, as_of=clock.now())


def board_lines(person: Any) -> list[tuple[str, dict[str, Any]]]:
    """(step, line) of every return this person leads or goes along with, longest wait first."""
    today = clock.today(person.timezone)
    found = []
    for waiting in queries.board(person.id):
        since = clock.local(waiting.since, person.timezone).date()
        line = {
            "case_id": str(waiting.case_id),
            "code": waiting.code,
            "name": waiting.name,
            "since": since,
            "days": (today - since).days,
            "departs_on": waiting.departs_on,
            "escorted": waiting.escorted,
        }
        found.append((step_name(waiting.step, person.locale), line))
    return found


@returns.get("/procedure/new")
@may("procedure.open")
def new() -> Any:
    person, now = signed_in(), clock.now()
    form = first_contact_form(None, by=person, now=now)
    form.id.data, form.happened_on.data = uuid4(), clock.today(person.timezone)
    return page("returns/new.html", form=form)


@returns.post("/procedure")
@may("procedure.open")
def open_case() -> Any:
    person, now = signed_in(), clock.now()
    try:
        case = open_first_contact_from(request.form, by=person, now=now)
    except NeedsAttention as refused:
        form = first_contact_form(request.form, by=person, now=now)
        form.validate()
        show_sentences(form, refused)
        return page("returns/new.html", 422, form=form)
    return redirect(url_for("returns.show", case_id=case.id), 303)


# The steps of one return


@returns.get("/cases/<uuid:case_id>/procedure")
@on_case("procedure.see")
def show(case: Any) -> Any:
    return page("returns/show.html", **procedure_page(case, person=signed_in()))


def procedure_page(case: Any, *, person: Any) -> dict[str, Any]:
    """What ``returns/show.html`` needs: every step with what was done of it, and what comes next."""
    steps, done = steps_of(case.project), queries.recorded(case.id)
    procedure = queries.find_procedure(case.id)
    first = procedure.began_with if procedure else steps.after_stage(case.stage).name
    interruption = queries.standing_interruption(case.id)
    goes_on = case.stage != "interrupted" and case.closed_at is None
    lines, elsewhere = [], True
    next_step = procedure.next_step if procedure else first
    for step in steps.steps:
        elsewhere = elsewhere and step.name != first
        told = [
            told_step(row, step, whole=_reads(person, case, step)) for row in done if row.step == step.name
        ]
        lines.append(
            {
                "name": step_name(step, person.locale),
                "url": f"/cases/{case.id}/procedure/{step.name}/new"
                if goes_on and policy_allows(person, may_be_done_by(step), case)
                else "",
                "told": told,
                "elsewhere": elsewhere and not told,
                "next": goes_on and step.name == next_step,
                "optional": step.optional,
            }
        )
    return {
        "case": case_view(case, person.locale),
        "lines": lines,
        "procedure": procedure,
        "waiting_since": procedure.waiting_since if procedure else None,
        "interruption": interruption,
        "interrupted": case.stage == "interrupted",
        "decision": dict(DECISION_NAMES).get(interruption.decision or "") if interruption else None,
        "open_matters": matters_told(interruption.open_matters) if interruption else [],
        "phones": _reaches(person, case),
        "form": DecisionForm(),
        "may": lambda action: policy_allows(person, action, case),
        "goes_on": goes_on,
    }


@returns.get("/cases/<uuid:case_id>/procedure/<string:step>/new")
@on_case("procedure.see")
def new_step(case: Any, step: str) -> Any:
    person, now = signed_in(), clock.now()
    known = _allowed_step(case, step)
    form = blank_step(
        step_form(case, known, None, by=person, now=now), id=uuid4(), today=clock.today(person.timezone)
    )
    return page("returns/step.html", **step_page(case, known, form, person=person))


@returns.post("/cases/<uuid:case_id>/procedure/<string:step>")
@on_case("procedure.see")
def record_step(case: Any, step: str) -> Any:
    person, now = signed_in(), clock.now()
    known = _allowed_step(case, step)
    locked = case_for_deed(case.id) or abort(404)
    try:
        record_step_from(request.form, known, case=locked, by=person, now=now)
    except NeedsAttention as refused:
        form = step_form(case, known, request.form, by=person, now=now)
        form.validate()
        show_sentences(form, refused)
        return page(
            "returns/step.html", 422, **step_page(case, known, form, person=person, refused=refused.errors)
        )
    return redirect(url_for("returns.show", case_id=case.id), 303)


def blank_arrival(case: Any, *, person: Any) -> dict[str, Any]:
    """The page on which an arrival is written down, empty."""
    step = steps_of("default").of_kind("arrival")
    form = step_form(case, step, None, by=person, now=clock.now())
    return step_page(
        case, step, blank_step(form, id=uuid4(), today=clock.today(person.timezone)), person=person
    )


def step_page(
    case: Any, step: Step, form: StepForm, *, person: Any, refused: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """What ``returns/step.html`` needs."""
    return {
        "case": case_view(case, person.locale),
        "step": step,
        "name": step_name(step, person.locale),
        "form": form,
        "refused": (refused or {}).get("", []),
    }


def _reads(person: Any, case: Any, step: Step) -> bool:
    """Whether this person reads the answers of a step, or only that it was done: the mission that sent hears no more
    of the life there, and the office of origin nothing of the doctor's and the embassy's."""
    if step.side == ORIGIN:
        return policy_allows(person, "case.follow", case)
    return policy_allows(person, "procedure.record", case) or step.kind in TOLD_TO_ORIGIN


def _reaches(person: Any, case: Any) -> list[dict[str, str]]:
    """The numbers, for whoever prepares the journey or goes along with it, until the arrival."""
    if case.stage not in RETURNING or person.role != Role.CASEWORKER:
        return []
    return phones(numbers_of([case.returnee_id])[case.returnee_id])


def _allowed_step(case: Any, name: str) -> Step:
    """The step, if the project has it and the person may do it; else 404 or 403."""
    step = steps_of(case.project).named(name) or abort(404)
    if not policy_allows(signed_in(), may_be_done_by(step), case):
        abort(403)
    return step


# Interruption


@returns.get("/cases/<uuid:case_id>/interruption/new")
@on_case("procedure.interrupt")
def new_interruption(case: Any) -> Any:
    return page(
        "returns/interruption.html", **interruption_page(case, blank_interruption(), person=signed_in())
    )


def blank_interruption() -> InterruptionForm:
    """An empty form under a fresh id."""
    form = InterruptionForm()
    form.id.data = uuid4()
    return form


def interruption_page(case: Any, form: InterruptionForm, *, person: Any) -> dict[str, Any]:
    """What ``returns/interruption.html`` needs."""
    return {"case": case_view(case, person.locale), "form": form}


@returns.post("/cases/<uuid:case_id>/interruption")
@on_case("procedure.interrupt")
def interrupt(case: Any) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        interrupt_from(request.form, case=locked, by=person, now=clock.now())
    except NeedsAttention as refused:
        form = InterruptionForm(request.form)
        form.validate()
        show_sentences(form, refused)
        said = {**interruption_page(case, form, person=person), "refused": refused.errors.get("", [])}
        return page("returns/interruption.html", 422, **said)
    return redirect(url_for("returns.show", case_id=case.id), 303)


@returns.post("/cases/<uuid:case_id>/interruption/end")
@on_case("procedure.resume")
def resume(case: Any) -> Any:
    actions.resume(case_for_deed(case.id) or abort(404), by=signed_in(), now=clock.now())
    return redirect(url_for("returns.show", case_id=case.id), 303)


@returns.post("/cases/<uuid:case_id>/interruption/decision")
@on_case("procedure.decide")
def decide(case: Any) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        decide_from(request.form, case=locked, by=person, now=clock.now())
    except NeedsAttention as refused:
        form = DecisionForm(request.form)
        form.validate()
        form.decision.errors = refused.errors.get("decision", form.decision.errors)
        return page("returns/show.html", 422, **{**procedure_page(case, person=person), "form": form})
    return redirect(url_for("returns.show", case_id=case.id), 303)


# The office of origin


@returns.get("/arrivals")
@may("arrival.list")
def arrivals() -> Any:
    person = signed_in()
    today = clock.today(person.timezone)
    names = dict(ASSISTANCE_NAMES)
    rows = [
        {
            "case_id": str(row.id),
            "code": row.code,
            "name": f"{row.given_names} {row.family_name}".strip(),
            "arrives_on": row.arrives_on,
            "late": bool(row.arrives_on and row.arrives_on < today),
            "flight": row.flight or "",
            "transit": row.transit or "",
            "household_size": row.household_size,
            "place": row.place or "",
            "assistance": [str(names[code]) for code in row.assistance or [] if code in names],
            "officer_name": row.officer_name or "",
        }
        for row in queries.arrivals(person, today=today)
    ]
    officers = (
        queries.colleagues(person.office_id, Role.FIELD_OFFICER)
        if policy_allows(person, "arrival.assign")
        else []
    )
    return page("returns/arrivals.html", rows=rows, officers=officers, today=today, as_of=clock.now())


@returns.post("/cases/<uuid:case_id>/officer")
@on_case("case.assign")
def give_to_officer(case: Any) -> Any:
    locked = case_for_deed(case.id) or abort(404)
    try:
        give_to_officer_from(request.form, case=locked, by=signed_in(), now=clock.now())
    except NeedsAttention:
        # A list of names with nobody chosen: the page says again who waits for an officer.
        return arrivals()[0], 422
    return redirect(url_for("returns.arrivals"), 303)
