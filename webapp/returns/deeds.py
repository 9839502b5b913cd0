"""The one door of each deed: a posted form and a submission from a phone both pass here."""

from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from .. import clock, projects
from ..cases.models import Case
from ..fields import sentences
from ..permissions import Role
from ..web import NeedsAttention
from . import actions, queries
from .forms import DecisionForm, FirstContactForm, InterruptionForm, OfficerForm, StepForm, form_of
from .models import Interruption, ProcedureStep
from .procedures import SENDING, Step, steps_of


def first_contact_form(fields: Any, *, by: Any, now: datetime) -> FirstContactForm:
    """The form of a first contact, with the offices and projects to choose from."""
    known = projects.names()
    return FirstContactForm(
        fields, today=clock.local(now, by.timezone).date(), offices=queries.offices_but(by.office_id),
        projects=[(name, steps_of(name).title) for name in known], country=by.country,
    )  # fmt: skip


def open_first_contact_from(fields: MultiDict[str, str], *, by: Any, now: datetime) -> Case:
    """Check a first contact and open its case; raises NeedsAttention with the sentences for each field."""
    form = first_contact_form(fields, by=by, now=now)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return actions.open_first_contact(form.draft(), by=by, now=now)


def step_form(case: Any, step: Step, fields: Any, *, by: Any, now: datetime) -> StepForm:
    """The form of a step for this case and this person."""
    escorts = queries.colleagues(by.office_id, Role.CASEWORKER) if step.kind == "departure" else []
    again = not step.repeats and case.id is not None and queries.is_recorded(case.id, step.name)
    return form_of(
        step.kind, fields, today=clock.local(now, by.timezone).date(), again=again, escorts=escorts
    )


def record_step_from(
    fields: MultiDict[str, str],
    step: Step,
    *,
    case: Case,
    by: Any,
    now: datetime,
    claimed_at: datetime | None = None,
) -> ProcedureStep:
    """Check what was written of a step and record it; raises NeedsAttention with the sentences for each field."""
    form = step_form(case, step, fields, by=by, now=now)
    # The same form sent again is not the step done again.
    form.again = form.again and not (form.id.data and queries.find_step(form.id.data))
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return actions.record_step(case, step, form.draft(), by=by, now=now, claimed_at=claimed_at)


def record_arrival_from(fields: MultiDict[str, str], *, case: Case, **how: Any) -> ProcedureStep:
    """The same for the arrival, which every procedure has."""
    return record_step_from(fields, steps_of(case.project).of_kind("arrival"), case=case, **how)


def interrupt_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    interrupted_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> Interruption:
    """Check what was written of an interruption and stop the return; raises NeedsAttention."""
    form = InterruptionForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return actions.interrupt(
        case, form.draft(), by=by, now=now, interrupted_at=interrupted_at, claimed_at=claimed_at
    )


def decide_from(fields: MultiDict[str, str], *, case: Case, by: Any, now: datetime) -> None:
    """Check the manager's decision and keep it; raises NeedsAttention."""
    form = DecisionForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    actions.decide(case, form.decision.data, by=by, now=now)


def give_to_officer_from(fields: MultiDict[str, str], *, case: Case, by: Any, now: datetime) -> None:
    """Check who was chosen and give them the case; raises NeedsAttention."""
    form = OfficerForm(fields, officers=queries.colleagues(case.office_id, Role.FIELD_OFFICER))
    if not form.validate():
        raise NeedsAttention(sentences(form))
    officer = next(
        one
        for one in queries.colleagues(case.office_id, Role.FIELD_OFFICER)
        if str(one.id) == form.officer.data
    )
    actions.give_to_officer(case, officer, by=by, now=now)


def may_be_done_by(step: Step) -> str:
    """The action of the policy that this step needs: the sending mission's steps and the origin's are not the same."""
    return "procedure.record" if step.side == SENDING else "arrival.record"
