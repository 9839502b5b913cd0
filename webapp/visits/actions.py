"""What is done with follow-ups and photos."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import func, select, update

from .. import clock
from ..cases.actions import plan_follow_up, reach_stage, touch
from ..cases.models import Case, TimelineEntry
from ..cases.timeline import add_entry, is_noted
from ..database import db
from ..people.models import Office
from ..web import NeedsAttention
from . import schedule
from .forms import PhotoDraft, VisitDraft
from .models import FollowUp, Photo

_WRITTEN = (
    "visited_at", "channel", "reached", "why_not", "present", "activity_status", "agreed", "agreed_due_on",
    "concern", "words", "notes",
)  # fmt: skip
_SEVEREST_FIRST = ("serious", "some", "none")


def record_visit(
    case: Case,
    draft: VisitDraft,
    *,
    by: Any,
    now: datetime,
    claimed_at: datetime | None = None,
    corrects: Sequence[UUID] = (),
) -> FollowUp:
    """Add a visit or call to its case. Sending the same one again changes nothing; another one under the id
    of a kept one needs attention, so that nothing written is dropped unseen.

    Photos that arrived before it, for it or for the refused ones it ``corrects``, become its own.
    """
    if already := db.session.get(FollowUp, draft.id):
        if already.case_id != case.id or already.by_id != by.id:
            raise NeedsAttention(
                {"id": [_("Ce numéro de visite est déjà pris. Ouvrez le formulaire de nouveau.")]}
            )
        if any(getattr(already, name) != getattr(draft, name) for name in _WRITTEN):
            raise NeedsAttention(
                {
                    "id": [
                        _("Une visite est déjà enregistrée. Enregistrez de nouveau pour en noter une autre.")
                    ]
                }
            )
        return already
    visit = FollowUp(
        id=draft.id,
        case_id=case.id,
        by_id=by.id,
        visited_at=draft.visited_at,
        received_at=now,
        claimed_at=claimed_at,
        channel=draft.channel,
        reached=draft.reached,
        why_not=draft.why_not,
        present=draft.present,
        activity_status=draft.activity_status,
        agreed=draft.agreed,
        agreed_due_on=draft.agreed_due_on,
        concern=draft.concern,
        words=draft.words,
        notes=draft.notes,
        photos_announced=draft.photos_announced,
    )
    db.session.add(visit)
    corrects = hand_over_photos(corrects, visit.id, case, by=by)
    facts = {
        "channel": draft.channel,
        "reached": draft.reached,
        "why_not": draft.why_not,
        "present": draft.present,
        "activity_status": draft.activity_status,
        "agreed": draft.agreed,
        "agreed_due_on": draft.agreed_due_on.isoformat() if draft.agreed_due_on else None,
        "concern": draft.concern,
        "words": draft.words,
        "notes": draft.notes,
        "photos": draft.photos_announced,
        # Entries of photos name the visit they were taken for, which may be one that was refused.
        "corrects": [str(refused) for refused in corrects] or None,
    }
    add_entry(
        "visit.recorded", case=case, office_id=case.office_id, subject=visit.id, by=by.id,
        happened_at=draft.visited_at, now=now, **{name: fact for name, fact in facts.items() if fact not in ("", None)},
    )  # fmt: skip
    if draft.reached and case.stage == "departed":
        # Whoever was met has arrived: the clock of follow-ups runs from here on.
        case.arrived_on = case.arrived_on or clock.local(draft.visited_at, by.timezone).date()
        reach_stage(case, "arrived", by=by.id, happened_at=draft.visited_at, now=now)
    db.session.flush()
    set_next_follow_up(case, now=now)
    touch(case)
    return visit


def hand_over_photos(refused: Sequence[UUID], right: UUID, case: Case, *, by: Any) -> list[UUID]:
    """The photos of refused visits are those of the one that corrects them; which of these were really refused.

    A visit that is recorded keeps its own, whatever names it as refused.
    """
    recorded = set(db.session.scalars(select(FollowUp.id).where(FollowUp.id.in_(refused)))) if refused else ()
    refused = [visit for visit in refused if visit not in recorded]
    if refused:
        db.session.execute(
            update(Photo)
            .where(Photo.for_visit.in_(refused), Photo.case_id == case.id, Photo.by_id == by.id)
            .values(for_visit=right)
        )
    return refused


def set_next_follow_up(case: Case, *, now: datetime) -> None:
    """Compute the case's next follow-up from what is known now, by the rule of its project and the clock of its office."""
    timezone = db.session.scalar(select(Office.timezone).where(Office.id == case.office_id)) or "UTC"
    reached = db.session.scalar(
        select(func.max(FollowUp.visited_at)).where(FollowUp.case_id == case.id, FollowUp.reached)
    )
    # What was noticed and agreed stands until the person is met again: a call that nobody answers ends neither.
    since: Any = select(
        FollowUp.visited_at, FollowUp.channel, FollowUp.reached, FollowUp.concern, FollowUp.agreed_due_on
    ).where(FollowUp.case_id == case.id)
    if reached is not None:
        since = since.where(FollowUp.visited_at >= reached)
    noted = db.session.execute(since.order_by(FollowUp.visited_at.desc())).all()
    tries = [
        schedule.Try(clock.local(row.visited_at, timezone).date(), row.channel)
        for row in noted
        if not row.reached
    ]
    rule = schedule.rule_of(case.project)
    due = schedule.next_due(
        arrived_on=case.arrived_on,
        delivered_on=_last_delivered_on(case, timezone),
        last_reached_on=clock.local(reached, timezone).date() if reached else None,
        tries=tries,
        agreed_on=next((row.agreed_due_on for row in noted if row.agreed_due_on), None),
        concern=min((row.concern for row in noted), key=_SEVEREST_FIRST.index, default="none"),
        rule=rule,
        today=clock.local(now, timezone).date(),
    )
    if due is None or case.closed_at is not None or case.stage == "interrupted":
        plan_follow_up(case, due_on=None, channel=None, ends_on=None)
    else:
        plan_follow_up(case, due_on=due.on, channel=due.channel, ends_on=due.ends_on)
        _note_lost_contact(case, rule, tries, reached, now=now)


def _last_delivered_on(case: Case, timezone: str) -> date | None:
    delivered = db.session.scalar(
        select(func.max(TimelineEntry.happened_at)).where(
            TimelineEntry.case_id == case.id, TimelineEntry.kind == "payment.delivered"
        )
    )
    return clock.local(delivered, timezone).date() if delivered else None


def _note_lost_contact(
    case: Case, rule: schedule.Rule, tries: list[schedule.Try], reached: datetime | None, *, now: datetime
) -> None:
    """Write down, once since the person was last reached, that nobody can reach them."""
    if not schedule.is_lost(rule, tries):
        return
    noted = db.session.scalar(
        select(func.max(TimelineEntry.happened_at)).where(
            TimelineEntry.case_id == case.id, TimelineEntry.kind == "contact.lost"
        )
    )
    if noted is None or (reached is not None and noted < reached):
        add_entry(
            "contact.lost", case=case, office_id=case.office_id, subject=None, by=None, happened_at=now, now=now,
            attempts=len(tries),
        )  # fmt: skip


RESCHEDULED_BY = ("payment.delivered", "return.resumed", "case.moved", "case.reopened")
"""What happens elsewhere and moves the next follow-up; beside the arrival (see ``reschedule_after``)."""


def reschedule_after(kind: str, facts: dict[str, Any], case_id: UUID | None, *, now: datetime) -> None:
    """Something happened to a case: where it moves the next follow-up, compute that again. The worker says what."""
    arrived = kind == "case.stage" and facts.get("stage") == "arrived"
    if case_id is None or not (arrived or kind in RESCHEDULED_BY):
        return
    case = db.session.scalar(select(Case).where(Case.id == case_id).with_for_update())
    if case is None:
        return
    before = (case.next_follow_up_on, case.next_follow_up_channel)
    set_next_follow_up(case, now=now)
    if (case.next_follow_up_on, case.next_follow_up_channel) != before:
        touch(case)


def keep_photo(
    case: Case,
    draft: PhotoDraft,
    *,
    id: UUID,
    visit_id: UUID,
    file: str,
    thumb: str,
    size: tuple[int, int],
    by: Any,
    now: datetime,
) -> Photo:
    """Add a photo that was pressed and stored. Sending the same one again changes nothing."""
    if already := db.session.get(Photo, id):
        if already.case_id != case.id or already.by_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro de photo est déjà pris.")]})
        return already
    photo = Photo(
        id=id,
        case_id=case.id,
        for_visit=visit_id,
        slot=draft.slot,
        caption=draft.caption,
        subject=draft.subject,
        consent=draft.consent,
        by_id=by.id,
        received_at=now,
        file=file,
        thumb=thumb,
        width=size[0],
        height=size[1],
    )
    db.session.add(photo)
    _photo_entry("photo.added", case, id, visit_id, by=by, now=now, slot=draft.slot, caption=draft.caption)
    return photo


def note_refused_photo(
    case: Case, *, id: UUID, visit_id: UUID, slot: int, reason: str, by: Any, now: datetime
) -> None:
    """Write down, once, that a photo could not be kept, so that nobody waits for it."""
    if is_noted("photo.refused", id):
        return
    _photo_entry("photo.refused", case, id, visit_id, by=by, now=now, slot=slot, reason=reason)


def _photo_entry(
    kind: str, case: Case, id: UUID, visit_id: UUID, *, by: Any, now: datetime, **facts: Any
) -> None:
    visit = db.session.get(FollowUp, visit_id)
    add_entry(
        kind, case=case, office_id=case.office_id, subject=id, by=by.id,
        # Beside its visit on the timeline, whenever it arrives.
        happened_at=visit.visited_at if visit else now, now=now, visit=str(visit_id), **facts,
    )  # fmt: skip
    touch(case)
