"""The one door of each deed of a transfer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from ...database import db
from ...fields import sentences
from ...web import NeedsAttention
from ..queries import case_for_deed
from . import actions, queries
from .forms import AnswerForm, TransferForm
from .models import Transfer

NOBODY = "nobody"
"""In place of an officer: the cases that nobody follows."""


def transfer_form(fields: Any, *, by: Any) -> TransferForm:
    """The form with the officers and offices to choose from."""
    return TransferForm(
        fields, officers=queries.officers(by.office_id), offices=queries.other_offices(by.office_id)
    )


def shown_cases(written: Iterable[str]) -> dict[UUID, UUID | None]:
    """The cases that were ticked, each with the officer it stood under; what cannot be read is left out."""
    found: dict[UUID, UUID | None] = {}
    for each in written:
        case_id, _space, officer_id = each.partition(" ")
        try:
            found[UUID(case_id)] = UUID(officer_id) if officer_id else None
        except ValueError:
            continue
    return found


def _whose(written: str) -> tuple[UUID | None] | None:
    """Whose cases are meant, all of them: an officer's, or nobody's; None for nothing that can be read."""
    if written == NOBODY:
        return (None,)
    try:
        return (UUID(written),)
    except ValueError:
        return None


def hand_on_from(fields: MultiDict[str, str], *, by: Any, now: datetime) -> list[Transfer]:
    """Check what was written and hand the ticked cases on, or all of one officer; raises NeedsAttention."""
    form = transfer_form(fields, by=by)
    valid = form.validate()
    shown = shown_cases(fields.getlist("case"))
    if everything := _whose(fields.get("all", "")):
        found, _more = queries.cases_of_officer(by.office_id, *everything)
        shown = {case.id: case.officer_id for case in found}
        if valid and not shown:
            # Sent again: they are all gone already.
            return []
    errors = {} if valid else sentences(form)
    if not shown:
        errors["case"] = [_("Choisissez au moins un cas.")]
    elif len(shown) > queries.MOST:
        errors["case"] = [_("Au plus %(most)s cas à la fois.", most=queries.MOST)]
    if errors:
        raise NeedsAttention(errors)
    return actions.hand_on(form.draft(shown), by=by, now=now)


def answer_from(
    fields: MultiDict[str, str], transfer_id: UUID, outcome: str, *, by: Any, now: datetime
) -> Transfer:
    """Check the other office's answer and keep it; raises NeedsAttention."""
    form = AnswerForm(fields, officers=queries.officers(by.office_id))
    if not form.validate():
        raise NeedsAttention(sentences(form))
    found = db.session.get_one(Transfer, transfer_id)
    # The case is held before its transfer is read: of two answers the second sees what the first did.
    case = case_for_deed(found.case_id)
    assert case is not None
    db.session.refresh(found)
    if outcome == "done":
        if not form.officer.data:
            raise NeedsAttention({"officer": [_("Choisissez un agent.")]})
        return actions.accept(case, found, UUID(form.officer.data), by=by, now=now)
    return actions.end_unmoved(case, found, outcome, answer=form.answer.data or "", by=by, now=now)
