"""The plan of a case: written and changed by its officer, approved or sent back by the manager, compared, kept on the phone."""

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, redirect, request, url_for
from markupsafe import Markup

from .. import clock
from ..cases import means
from ..cases.access import on_case
from ..cases.models import RETURNING
from ..cases.pages import case_view
from ..cases.queries import case_for_deed
from ..fields import show_sentences
from ..permissions import may as policy_allows
from ..providers.queries import choices_of
from ..web import NeedsAttention, begin_anew, page, signed_in
from . import queries
from .actions import DECISIONS
from .deeds import decide_from, form_for, form_with, settle_step_from, submit_from
from .forms import PlanForm, fill
from .telling import changes, told_heading, told_version
from .words import version_name

plans = Blueprint("plans", __name__)

UNPLANNED = (*RETURNING, "interrupted", "closed")
"""Stages in which no plan is written."""


@plans.get("/cases/<uuid:case_id>/plan")
@on_case("plan.see")
def show(case: Any) -> Any:
    return page("plans/show.html", **plan_page(case, person=signed_in()))


def plan_page(
    case: Any, *, person: Any, about: UUID | None = None, errors: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """What ``plans/show.html`` needs; ``about`` names the version or the step whose deed was refused."""
    told = told_plans([case], person)[case.id]
    waiting = told["waiting"]
    return {
        "case": case_view(case, person.locale),
        **told,
        "as_of": clock.now(),
        "may_write": policy_allows(person, "plan.write", case) and case.stage not in UNPLANNED,
        "may_decide": waiting is not None
        and waiting["author_id"] != person.id
        and policy_allows(person, "plan.approve", case),
        "may_ask": policy_allows(person, "payment.request", case),
        "errors": errors or {},
        "about": str(about or ""),
        "reason": request.form.get("reason", "")[:300],
    }


def plan_frame(case: Any, *, person: Any) -> dict[str, Any]:
    """The same page for every case on a phone: each brings the part that differs."""
    return {
        "case": case_view(case, person.locale),
        "plan_slot": Markup("%%plan%%"),
        "may_write": True,
        "history": [],
    }


def told_plans(cases: list[Any], person: Any) -> dict[UUID, dict[str, Any]]:
    """The approved and the waiting version of each of these cases, and its history; for those this person may see."""
    seen = [case.id for case in cases if policy_allows(person, "plan.see", case)]
    found = queries.versions_of(seen) if seen else {}
    spend = means.means_of(list(found)) if found else {}
    outcomes = queries.outcomes_of(list(found)) if found else {}
    today = clock.today(person.timezone)
    told: dict[UUID, dict[str, Any]] = {}
    for case_id in seen:
        rows = found.get(case_id, [])
        told[case_id] = {
            **{
                state: next(
                    (
                        told_version(
                            row, means=spend.get(case_id), outcomes=outcomes.get(case_id, {}), today=today
                        )
                        for row in rows
                        if row.Plan.state == state
                    ),
                    None,
                )
                for state in ("approved", "waiting")
            },
            "history": [told_heading(row) for row in rows],
        }
    return told


@plans.get("/cases/<uuid:case_id>/plan/new")
@on_case("plan.write")
def new(case: Any) -> Any:
    person = signed_in()
    return page("plans/new.html", **form_page(case, blank_plan(case, person=person), person=person))


def blank_plan(case: Any, *, person: Any) -> PlanForm:
    """A form under a fresh id, with what the last version says."""
    form = form_for(case, by=person, now=clock.now())
    form.id.data = uuid4()
    if case.id is None:
        return form
    if rows := queries.versions(case.id):
        fill(form, rows[0].Plan)
    else:
        form.activity.data, form.place.data = case.activity or "", case.place or ""
    return form


def form_page(
    case: Any, form: PlanForm, *, person: Any, refused: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """What ``plans/new.html`` needs."""
    return {
        "case": case_view(case, person.locale),
        "form": form,
        "refused": (refused or {}).get("", []),
    }


def filled_forms(cases: list[Any], person: Any) -> dict[UUID, dict[str, Any]]:
    """What ``plans/new.html`` needs for those of some cases that have a plan, in as few statements as for one."""
    written = queries.versions_of([case.id for case in cases])
    if not written:
        return {}
    spend, known = means.means_of(list(written)), means.currencies() or ["EUR"]
    providers = choices_of(person.office_id)
    found = {}
    for case in cases:
        if rows := written.get(case.id):
            currencies = [spend[case.id].granted.currency] if case.id in spend else known
            form = form_with(currencies, providers, by=person, now=clock.now())
            fill(form, rows[0].Plan)
            found[case.id] = form_page(case, form, person=person)
    return found


@plans.post("/cases/<uuid:case_id>/plans")
@on_case("plan.write")
def submit(case: Any) -> Any:
    person, now = signed_in(), clock.now()
    locked = case_for_deed(case.id) or abort(404)
    try:
        submit_from(request.form, case=locked, by=person, now=now)
    except NeedsAttention as refused:
        form = form_for(case, request.form, by=person, now=now)
        form.validate()
        show_sentences(form, refused)
        said = form_page(case, form, person=person, refused=refused.errors)
        return page("plans/new.html", 422, **said)
    return redirect(url_for("plans.show", case_id=case.id), 303)


@plans.post("/cases/<uuid:case_id>/plans/<uuid:plan_id>/<any(" + ",".join(DECISIONS) + "):deed>")
@on_case("plan.approve")
def decide(case: Any, plan_id: UUID, deed: str) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        decide_from(request.form, deed, case=locked, plan_id=plan_id, by=person, now=clock.now())
    except NeedsAttention as refused:
        begin_anew()
        return page(
            "plans/show.html", 422, **plan_page(case, person=person, about=plan_id, errors=refused.errors)
        )
    return redirect(url_for("plans.show", case_id=case.id), 303)


@plans.post("/cases/<uuid:case_id>/plan/steps/<uuid:plan_step_id>/outcome")
@on_case("plan.write")
def settle_step(case: Any, plan_step_id: UUID) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        settle_step_from(request.form, case=locked, step=plan_step_id, by=person, now=clock.now())
    except NeedsAttention as refused:
        begin_anew()
        return page(
            "plans/show.html",
            422,
            **plan_page(case, person=person, about=plan_step_id, errors=refused.errors),
        )
    return redirect(url_for("plans.show", case_id=case.id), 303)


@plans.get("/cases/<uuid:case_id>/plan/changes")
@on_case("plan.see")
def compare(case: Any) -> Any:
    """What changed from one version to another; else from the last one that was approved to the newest."""
    rows = queries.versions(case.id)
    after = _version(rows, "to") or (rows[0] if rows else None)
    earlier = [row for row in rows if after and row.Plan.number < after.Plan.number]
    before = _version(rows, "from") or next(
        (row for row in earlier if row.Plan.state == "approved"), earlier[0] if earlier else None
    )
    return page(
        "plans/changes.html",
        case=case_view(case, signed_in().locale),
        before=version_name(before.Plan.number) if before else "",
        after=version_name(after.Plan.number) if after else "",
        parts=changes(before.Plan if before else None, after.Plan) if after else [],
    )


def _version(rows: list[Any], asked: str) -> Any:
    """The version whose number stands in the address, 404 where there is none such."""
    said = request.args.get(asked)
    if said is None:
        return None
    return next((row for row in rows if str(row.Plan.number) == said), None) or abort(404)
