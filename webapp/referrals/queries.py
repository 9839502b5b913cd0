"""Reads about referrals, and who may read which."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from ..database import db
from ..keys import Keyring
from ..people.models import Office, Staff
from ..permissions import may
from .models import Referral, ReferralStep
from .states import ENDED, STATES

MOST = 200


def reads(person: Any, referral: Referral, case: Any) -> bool:
    """Whether this person may read a referral; a restricted one is its author's and the case's counsellor's alone."""
    if not referral.restricted:
        return may(person, "referral.see", case)
    return may(person, "referral.see_restricted", case) or (
        referral.by_id == person.id and may(person, "referral.write", case)
    )


def find_referral(referral_id: UUID) -> Referral | None:
    """One referral."""
    return db.session.get(Referral, referral_id)


def referrals_of(case_ids: list[UUID]) -> dict[UUID, list[Referral]]:
    """The referrals of some cases, the newest first."""
    found: dict[UUID, list[Referral]] = {id: [] for id in case_ids}
    rows = db.session.scalars(
        select(Referral)
        .where(Referral.case_id.in_(case_ids))
        .order_by(Referral.case_id, Referral.written_at.desc(), Referral.id)
    )
    for referral in rows:
        if len(found[referral.case_id]) < MOST:
            found[referral.case_id].append(referral)
    return found


def steps_of(referral_id: UUID) -> list[Any]:
    """(step, name of who noted it), in their order."""
    rows: Any = db.session.execute(
        select(ReferralStep, Staff.name.label("by_name"))
        .join(Staff, Staff.id == ReferralStep.by_id)
        .where(ReferralStep.referral_id == referral_id)
    )
    return sorted(rows, key=lambda row: STATES.index(row.ReferralStep.state))


def open_referrals(case_id: UUID) -> int:
    """How many referrals of a case somebody still has to deal with."""
    still_open = select(func.count()).where(Referral.case_id == case_id, Referral.state.not_in(ENDED))
    return db.session.scalar(still_open) or 0


def content_of(referral: Referral, keyring: Keyring) -> dict[str, str]:
    """Which service, who gives it, and what is asked."""
    kept: Any = keyring.open_field(
        referral.content_sealed, table="referrals", row=referral.id, column="content"
    )
    return dict(kept)


def words_of(step: ReferralStep, keyring: Keyring) -> str:
    """What was typed freely with a step."""
    if step.words_sealed is None:
        return ""
    return str(keyring.open_field(step.words_sealed, table="referral_steps", row=step.id, column="words"))


def sender_of(case: Any, author_id: UUID) -> Any:
    """Who wrote a referral, and the office that answers questions about it: names and numbers."""
    return db.session.execute(
        select(
            Staff.name,
            Staff.phone,
            Office.name.label("office_name"),
            Office.town,
            Office.phone.label("office_phone"),
        )
        .join(Office, Office.id == case.office_id)
        .where(Staff.id == author_id)
    ).one()
