"""The one door of each deed: a posted form and a submission from a phone both pass here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from ...database import db
from ...fields import sentences
from ...web import NeedsAttention
from ..models import Case
from . import actions, queries
from .forms import ClosureForm, DecisionForm, ReopeningForm, SatisfactionForm
from .models import Closure


def ask_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    asked_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> Closure:
    """Check what was written of the end and ask for it; raises NeedsAttention with the sentences for each field."""
    form = ClosureForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return actions.ask(case, form.draft(), by=by, now=now, asked_at=asked_at, claimed_at=claimed_at)


def decide_from(fields: MultiDict[str, str], outcome: str, *, case: Case, by: Any, now: datetime) -> Closure:
    """Check the second person's answer and keep it; raises NeedsAttention."""
    form = DecisionForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    try:
        closure = db.session.get(Closure, UUID(form.closure.data or ""))
    except ValueError:
        closure = None
    if closure is None or closure.case_id != case.id:
        raise NeedsAttention({"": [_("Cette demande a changé depuis. Regardez de nouveau.")]})
    return actions.decide(case, closure, outcome, answer=form.answer.data or "", by=by, now=now)


def reopen_from(fields: MultiDict[str, str], *, case: Case, by: Any, now: datetime) -> None:
    """Check why, and reopen; raises NeedsAttention."""
    form = ReopeningForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    actions.reopen(case, form.because.data or "", by=by, now=now)


def keep_answers_from(fields: MultiDict[str, str], *, case: Case) -> None:
    """Keep what the person answered after the closure was asked; raises NeedsAttention."""
    form = SatisfactionForm(fields)
    closure = queries.standing(case.id)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    if closure is None:
        raise NeedsAttention({"": [_("La clôture n’est pas demandée.")]})
    actions.keep_answers(closure, form.answers())
