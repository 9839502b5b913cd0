"""The one door of each deed: a posted form and a submission from a phone both pass here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from .. import clock
from ..cases.models import Case
from ..fields import sentences
from ..keys import Keyring
from ..providers.queries import choices_of, find_provider
from ..web import NeedsAttention
from .actions import take_step, write_referral
from .forms import STEP_FORMS, ReferralForm, StepForm
from .models import Referral


def form_for(case: Any, fields: Any = None, *, by: Any, now: datetime) -> ReferralForm:
    """The form of a referral, with the office's providers."""
    today = clock.local(now, by.timezone).date()
    return ReferralForm(fields, today=today, providers=choices_of(case.office_id))


def write_referral_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    keyring: Keyring,
    written_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> Referral:
    """Check what was written and record it; raises NeedsAttention with the sentences for each field."""
    form = form_for(case, fields, by=by, now=written_at or now)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    chosen = find_provider(UUID(form.provider.data)) if form.provider.data else None
    return write_referral(
        case, form.draft(chosen), by=by, now=now, keyring=keyring, written_at=written_at, claimed_at=claimed_at
    )  # fmt: skip


def step_form(deed: str, fields: Any = None, *, by: Any, now: datetime) -> StepForm:
    """The form of a step."""
    return STEP_FORMS[deed](fields, today=clock.local(now, by.timezone).date())


def take_step_from(
    fields: MultiDict[str, str],
    deed: str,
    *,
    referral: Referral,
    case: Case,
    by: Any,
    now: datetime,
    keyring: Keyring,
) -> None:
    """Check what was noted and lead the referral on; raises NeedsAttention with the sentences for each field."""
    form = step_form(deed, fields, by=by, now=now)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    take_step(referral, case, deed, form.draft(), by=by, now=now, keyring=keyring)
