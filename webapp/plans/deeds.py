"""The one door of each deed: a posted form and a submission from a phone both pass here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from .. import clock
from ..cases import means
from ..cases.models import Case
from ..fields import sentences
from ..providers.queries import choices_of
from ..web import NeedsAttention
from . import actions, queries
from .forms import DecisionForm, PlanForm, StepForm
from .models import Plan, PlanStepOutcome


def form_for(case: Any, fields: Any = None, *, by: Any, now: datetime) -> PlanForm:
    """The form of a case: the currency of what was granted to it, and the office's providers."""
    granted = means.means_of([case.id]).get(case.id) if case.id else None
    # The form on the phone fits every case of the office: any donor's currency may be meant.
    currencies = [granted.granted.currency] if granted else means.currencies() or ["EUR"]
    return form_with(currencies, choices_of(case.office_id), fields, by=by, now=now)


def form_with(
    currencies: list[str],
    providers: list[tuple[str, str]],
    fields: Any = None,
    *,
    by: Any,
    now: datetime,
) -> PlanForm:
    """The form with these choices, for this person's day."""
    today = clock.local(now, by.timezone).date()
    return PlanForm(fields, currencies=currencies, providers=providers, today=today)


def submit_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    claimed_at: datetime | None = None,
) -> Plan:
    """Check what was written and submit it; raises NeedsAttention with the sentences for each field."""
    form = form_for(case, fields, by=by, now=now)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    draft = form.draft(queries.known_keys(case.id))
    return actions.submit(case, draft, by=by, now=now, claimed_at=claimed_at)


def decide_from(
    fields: MultiDict[str, str], deed: str, *, case: Case, plan_id: UUID, by: Any, now: datetime
) -> None:
    """Check the manager's decision and keep it; raises NeedsAttention."""
    form = DecisionForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    actions.decide(case, plan_id, deed, by=by, now=now, reason=form.reason.data or "")


def settle_step_from(
    fields: MultiDict[str, str], *, case: Case, step: UUID, by: Any, now: datetime
) -> PlanStepOutcome:
    """Check what became of a step and note it; raises NeedsAttention."""
    form = StepForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return actions.settle_step(case, step, form.outcome.data, by=by, now=now, reason=form.reason.data or "")
