"""The one timeline: how entries are added, who sees which, and how each kind is told in words."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import select

from ..database import db
from ..permissions import Role
from .models import Case, TimelineEntry

MILESTONES = (
    "case.opened", "case.stage", "case.assigned", "case.moved", "case.closed", "case.reopened", "return.step",
    "return.informed", "return.interrupted", "return.resumed",
)  # fmt: skip
"""All that the sending mission sees."""
COUNSELLING = (
    "check_in.recorded", "check_in.declined", "check_in.step_done", "check_in.step_late", "red_flag.raised", "red_flag.answered",
    *(
        f"restricted_referral.{state}"
        for state in (
            "written declined sent accepted refused did_not_come seen outcome closed withdrawn waiting waiting_long"
        ).split()
    ),
)  # fmt: skip
"""Kinds that neither the manager's nor anyone else's timeline shows: officer and counsellor only."""


PAYMENTS = (
    *(
        f"payment.{state}"
        for state in (
            "requested approved ordered delivered invoiced paid verified closed rejected cancelled disputed returned "
            "over_ceiling confirmed failed refunded"
        ).split()
    ),
    "allocation.granted",
    "instalment.released",
    *(f"adjustment.{outcome}" for outcome in ("proposed", "confirmed", "refused")),
)
"""Kinds that name amounts: not the counsellor's to know."""
PLANS = ("plan.submitted", "plan.approved", "plan.sent_back", "plan.step_done")
"""Nor is what was planned."""


@dataclass
class Told:
    """One entry as a page shows it."""

    id: str
    kind: str
    icon: str
    title: str
    happened_at: datetime
    recorded_at: datetime
    by_name: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    words: str = ""
    url: str = ""
    concern: str = ""
    photos: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Telling:
    """How a kind is told: its icon, its title, and the facts worth a line each."""

    icon: str
    title: Callable[[dict[str, Any]], str]
    lines: Callable[[dict[str, Any]], list[tuple[str, str]]] = lambda facts: []
    url: Callable[[UUID | None], str] = lambda subject: ""


TELLINGS: dict[str, Telling] = {}
"""Filled by each feature for the kinds it writes (see ``tell``)."""


def tell(kind: str, telling: Telling) -> None:
    """Teach the timeline to tell a kind of entry."""
    TELLINGS[kind] = telling


def add_entry(
    kind: str,
    *,
    case: Case | None,
    office_id: UUID,
    subject: UUID | None,
    by: UUID | None,
    happened_at: datetime,
    now: datetime,
    **facts: Any,
) -> TimelineEntry:
    """Write down that something happened. The worker looks at it after the commit."""
    if case is not None and case.closed_at is not None:
        facts["after_closure"] = True
    entry = TimelineEntry(
        case_id=case.id if case else None,
        office_id=office_id,
        kind=kind,
        subject_id=subject,
        by_id=by,
        happened_at=happened_at,
        recorded_at=now,
        facts=facts,
    )
    db.session.add(entry)
    return entry


def is_noted(kind: str, subject: UUID) -> bool:
    """Whether this already stands on the timeline."""
    found = select(TimelineEntry.number).where(
        TimelineEntry.kind == kind, TimelineEntry.subject_id == subject
    )
    return db.session.scalar(found.limit(1)) is not None


def kinds_hidden_from(role: Role) -> tuple[str, ...]:
    """Kinds this role never sees on any timeline."""
    if role == Role.COUNSELLOR:
        return (*PAYMENTS, *PLANS)
    return () if role == Role.FIELD_OFFICER else COUNSELLING


def told(rows: list[Any], *, photos: bool = True) -> list[Told]:
    """Rows of the timeline as the page shows them; photos, for who may see them, are gathered under their visit."""
    entries: list[Told] = []
    visits: dict[str, Told] = {}
    taken: list[tuple[str, dict[str, Any]]] = []
    for row in rows:
        telling = TELLINGS.get(row.kind)
        if telling is None:
            continue
        if row.kind in ("photo.added", "photo.refused") and row.facts.get("visit"):
            taken.append((row.facts["visit"], _photo(row)))
            continue
        entry = Told(
            id=str(row.subject_id or row.number),
            kind=row.kind,
            icon=telling.icon,
            title=telling.title(row.facts),
            happened_at=row.happened_at,
            recorded_at=row.recorded_at,
            by_name=row.by_name or "",
            facts=[*telling.lines(row.facts), *_after_closure(row.facts)],
            words=row.facts.get("words", ""),
            url=telling.url(row.subject_id),
            concern=row.facts.get("concern", ""),
        )
        entries.append(entry)
        if row.kind == "visit.recorded":
            visits |= dict.fromkeys([str(row.subject_id), *row.facts.get("corrects", [])], entry)
    for visit, photo in taken:
        if photos and visit in visits:
            visits[visit].photos.append(photo)
    for entry in visits.values():
        entry.photos.sort(key=lambda photo: photo["slot"])
    return entries


def _after_closure(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(_("Reçu"), _("après la clôture"))] if facts.get("after_closure") else []


def _photo(row: Any) -> dict[str, Any]:
    arrived = row.kind == "photo.added"
    return {
        "id": str(row.subject_id),
        "slot": row.facts.get("slot", 0),
        "caption": row.facts.get("caption", ""),
        "state": "received" if arrived else "refused",
        "url": f"/photos/{row.subject_id}" if arrived else "",
        "thumb_url": f"/photos/{row.subject_id}/thumb" if arrived else "",
        "refused": row.facts.get("reason", ""),
    }


STAGE_NAMES = {
    "first_contact": lambda: _("Prise de contact"),
    "interview": lambda: _("Entretien fait"),
    "medical_check": lambda: _("Visite médicale faite"),
    "travel_document": lambda: _("Document de voyage"),
    "departure_set": lambda: _("Départ fixé"),
    "departed": lambda: _("Parti(e)"),
    "arrived": lambda: _("Arrivé(e)"),
    "plan": lambda: _("Plan de réintégration"),
    "in_progress": lambda: _("Plan en cours"),
    "follow_up": lambda: _("Suivi"),
    "closed": lambda: _("Clos"),
    "interrupted": lambda: _("Retour interrompu"),
}


def stage_name(stage: str) -> str:
    """The stage in the reader's language."""
    return STAGE_NAMES[stage]()


tell("case.opened", Telling("case", lambda facts: _("Dossier ouvert")))
tell("case.stage", Telling("step", lambda facts: stage_name(facts["stage"])))
tell("case.assigned", Telling("person", lambda facts: _("Confié à %(name)s", name=facts.get("officer", ""))))
tell("case.closed", Telling("done", lambda facts: _("Dossier clos")))
