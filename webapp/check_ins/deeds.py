"""The one door of each deed: a posted form and a submission from a phone both pass here."""

from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from ..cases.models import Case, Returnee
from ..database import db
from ..fields import sentences
from ..keys import Keyring
from ..web import NeedsAttention
from . import queries
from .actions import raise_red_flag, record_check_in
from .forms import CheckInForm, RedFlagForm
from .instruments import Instrument
from .models import CheckIn, RedFlag


def record_check_in_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    keyring: Keyring,
    asked_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> CheckIn:
    """Check what was written and record it; raises NeedsAttention with the sentences for each field."""
    instrument = instrument_of(fields)
    if instrument is None:
        raise NeedsAttention({"id": [_("Ce questionnaire n’est pas connu ici.")]})
    form = CheckInForm.for_instrument(instrument, fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    draft = form.draft()
    if draft.answers is not None:
        refuse_role_or_age(case, instrument, by=by, now=now)
    return record_check_in(
        case, draft, instrument=instrument, by=by, now=now, asked_at=asked_at or now, keyring=keyring,
        claimed_at=claimed_at,
    )  # fmt: skip


def instrument_of(fields: MultiDict[str, str]) -> Instrument | None:
    """The instrument in the version that was asked; forms of older phones name none and mean the first."""
    name, version = fields.get("instrument") or queries.FIRST, fields.get("version") or ""
    plain = version.isascii() and version.isdigit() and len(version) < 8
    if name == queries.FIRST and not version:
        return queries.instrument(name, 1)
    return queries.instrument(name, int(version)) if plain else None


def refuse_role_or_age(case: Case, instrument: Instrument, *, by: Any, now: datetime) -> None:
    """Who is not trained for it does not give it, and nobody under its age is asked."""
    if by.role not in instrument.given_by:
        raise NeedsAttention({"private": [_("Ce questionnaire est donné par un conseiller formé.")]})
    born = db.session.get_one(Returnee, case.returnee_id).birth_date
    age = None if born is None else now.year - born.year - ((now.month, now.day) < (born.month, born.day))
    if not instrument.may_be_given(by.role, age):
        least = instrument.given_by[by.role]
        raise NeedsAttention(
            {
                "private": [
                    _(
                        "Ce questionnaire n’est pas pour les moins de %(age)s ans. Parlez-en au conseiller.",
                        age=least,
                    )
                ]
            }
        )


def raise_red_flag_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    keyring: Keyring,
    raised_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> RedFlag:
    """Check what was written and raise the flag; raises NeedsAttention with the sentences for each field."""
    form = RedFlagForm(fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    return raise_red_flag(
        case, form.draft(), by=by, now=now, raised_at=raised_at or now, keyring=keyring, claimed_at=claimed_at
    )
