"""What is done with a referral: written, and led on step by step."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from flask_babel import gettext as _
from sqlalchemy import update

from ..cases.actions import touch
from ..cases.models import Case
from ..cases.timeline import add_entry
from ..database import db
from ..keys import Keyring
from ..web import NeedsAttention
from . import queries
from .forms import ReferralDraft, StepDraft
from .models import Referral, ReferralStep
from .states import DEEDS, RESTRICTED, WITHIN


def write_referral(
    case: Case,
    draft: ReferralDraft,
    *,
    by: Any,
    now: datetime,
    keyring: Keyring,
    written_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> Referral:
    """Add a referral to its case, with the steps it has already taken. Sending the same one again changes nothing."""
    if already := db.session.get(Referral, draft.id):
        if already.case_id != case.id or already.by_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        if (queries.content_of(already, keyring), already.urgency) != (draft.content, draft.urgency):
            raise NeedsAttention(
                {"id": [_("Un envoi est déjà enregistré. Enregistrez de nouveau pour en noter un autre.")]}
            )
        return already
    written_at = written_at or now
    states = ["written"]
    if draft.consent:
        states.append("declined" if draft.consent == "declined" else "agreed")
    if draft.sent_how:
        states.append("sent")
    referral = Referral(
        id=draft.id,
        case_id=case.id,
        by_id=by.id,
        written_at=written_at,
        received_at=now,
        claimed_at=claimed_at,
        restricted=draft.content["service"] in RESTRICTED,
        urgency=draft.urgency,
        due_at=written_at + WITHIN[draft.urgency],
        content_sealed=keyring.seal_field(draft.content, table="referrals", row=draft.id, column="content"),
        state=states[-1],
        changed_at=now,
        consent=draft.consent,
        consent_on=draft.consent_on,
        sent_how=draft.sent_how,
        appointment_on=draft.appointment_on,
    )
    db.session.add(referral)
    db.session.flush()
    for state in states:
        db.session.add(
            ReferralStep(id=uuid4(), referral_id=referral.id, state=state, by_id=by.id, at=written_at)
        )
    tell = "written" if states[-1] == "agreed" else states[-1]
    _add_entry(tell, referral, case, keyring, subject=referral.id, by=by, happened_at=written_at, now=now)
    return referral


def take_step(
    referral: Referral, case: Case, deed: str, draft: StepDraft, *, by: Any, now: datetime, keyring: Keyring
) -> None:
    """Lead the referral on. The same step again changes nothing; a page that showed another state is told so."""
    if already := db.session.get(ReferralStep, draft.id):
        if (already.referral_id, already.by_id, already.state) != (referral.id, by.id, draft.to):
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        return
    moved = draft.shown in DEEDS[deed].from_ and db.session.scalar(
        update(Referral)
        .where(Referral.id == referral.id, Referral.state == draft.shown)
        .values(state=draft.to, changed_at=now, **draft.values)
        .returning(Referral.id)
    )
    if not moved:
        raise NeedsAttention(
            {
                "": [
                    _(
                        "Ce référencement a changé entre-temps. Voici où il en est ; rien n’a été noté de plus."
                    )
                ]
            }
        )
    step = ReferralStep(id=draft.id, referral_id=referral.id, state=draft.to, by_id=by.id, at=now)
    if draft.words:
        step.words_sealed = keyring.seal_field(
            draft.words, table="referral_steps", row=draft.id, column="words"
        )
    db.session.add(step)
    db.session.flush()
    if draft.to == "agreed":
        touch(case)  # told once it is sent
    else:
        _add_entry(draft.to, referral, case, keyring, subject=step.id, by=by, happened_at=now, now=now)


def kind_of(state: str, *, restricted: bool) -> str:
    """The timeline's kind: of a restricted referral it is another one, which most timelines do not show."""
    return f"restricted_referral.{state}" if restricted else f"referral.{state}"


def _add_entry(
    state: str,
    referral: Referral,
    case: Case,
    keyring: Keyring,
    *,
    subject: UUID,
    by: Any,
    happened_at: datetime,
    now: datetime,
) -> None:
    facts = {} if referral.restricted else {"service": queries.content_of(referral, keyring)["service"]}
    add_entry(
        kind_of(state, restricted=referral.restricted), case=case, office_id=case.office_id, subject=subject,
        by=by.id, happened_at=happened_at, now=now, **facts,
    )  # fmt: skip
    touch(case)
