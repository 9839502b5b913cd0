"""What the case's pages show, put together once for the browser and for the pack.

Other features add their part (the allocation, the open red flags) through ``PARTS``: the case knows none
of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from .. import formats
from ..permissions import Role, may
from . import timeline
from .intake.vocabulary import LANGUAGES, folded, language_name
from .timeline import stage_name

PARTS: dict[str, Callable[[list[Any], Any], dict[UUID, Any]]] = {}
"""name → function(cases, person) → what the page of each case shows under that name."""

CHANNELS: dict[str, Callable[[], str]] = {
    "home_visit": lambda: _("Visite à domicile"),
    "business_visit": lambda: _("Visite de l’activité"),
    "call": lambda: _("Appel"),
    "office": lambda: _("Au bureau"),
}
NEEDS: dict[str, Callable[[], str]] = {
    "medical_follow_up": lambda: _("suivi médical"),
    "medication": lambda: _("médicaments"),
    "single_mother": lambda: _("mère seule avec enfant"),
    "single_parent": lambda: _("parent seul avec enfant"),
    "unaccompanied_minor": lambda: _("mineur non accompagné"),
    "emergency_housing": lambda: _("logement d’urgence"),
    "schooling": lambda: _("scolarité des enfants"),
    "other": lambda: _("autre besoin"),
}


@dataclass(frozen=True)
class CaseView:
    """The case as its page says it."""

    id: str
    code: str
    name: str
    short_name: str
    sex: str
    birth: str
    nationality: str
    languages: str
    place: str
    stage: str
    officer_name: str
    officer_phone: str
    office_name: str
    arrived_on: date | None
    departed_on: date | None
    household_size: int | None
    activity: str
    contact_person: str
    needs: list[str]
    remarks: str
    emergency_numbers: list[dict[str, str]]


class SlotCase:
    """A case whose facts are slots (``%%name%%``): a form made with it fits every case on the phone."""

    id = returnee_id = counsellor_id = caseworker_id = None

    def __init__(self, person: Any, emergency_numbers: list[dict[str, str]]) -> None:
        self.officer_id, self.office_id, self.currency = person.id, person.office_id, person.currency
        self.emergency_numbers = emergency_numbers
        blank = {field.name: "" for field in fields(CaseView)}
        blank |= {"id": "%%case_id%%", "code": "%%code%%", "name": "%%name%%", "short_name": "%%name%%"}
        self.view = CaseView(**{**blank, "needs": [], "emergency_numbers": emergency_numbers})  # type: ignore[arg-type]


def case_view(case: Any, locale: str) -> CaseView:
    """A row of ``queries.find_case`` in the reader's words."""
    if isinstance(case, SlotCase):
        return case.view
    place = ", ".join(filter(None, [case.place, case.region if case.region != case.place else None]))
    return CaseView(
        id=str(case.id),
        code=case.code,
        name=f"{case.given_names} {case.family_name}".strip(),
        short_name=f"{case.given_names} {case.family_name[:1]}.".strip(),
        sex={"F": _("Femme"), "M": _("Homme")}.get(case.sex, ""),
        birth=birth(case),
        nationality=formats.country(case.nationality),
        languages=languages(case.languages or [], locale),
        place=place,
        stage=stage_name(case.stage),
        officer_name=case.officer_name or "",
        officer_phone=case.officer_phone or "",
        office_name=case.office_name,
        arrived_on=case.arrived_on,
        departed_on=case.departed_on,
        household_size=case.household_size,
        activity=case.activity or "",
        contact_person=case.contact_person or "",
        needs=[NEEDS[need]() for need in case.needs or [] if need in NEEDS],
        remarks=case.remarks or "",
        emergency_numbers=case.emergency_numbers or [],
    )


def milestones_only(case: CaseView) -> CaseView:
    """The case as the mission that referred it sees it: who, and how far; not how they live now."""
    kept = {
        "id",
        "code",
        "name",
        "short_name",
        "stage",
        "office_name",
        "arrived_on",
        "departed_on",
        "nationality",
    }
    blank: dict[str, Any] = {
        field.name: []
        if field.name in ("needs", "emergency_numbers")
        else None
        if field.name == "household_size"
        else ""
        for field in fields(CaseView)
        if field.name not in kept
    }
    return replace(case, **blank)


def birth(case: Any) -> str:
    """The birth date, or the year where only that is known."""
    if case.birth_date is None:
        return ""
    if case.birth_approximate:
        return _("vers %(year)s", year=case.birth_date.year)
    return formats.day(case.birth_date)


def languages(names: list[str], locale: str) -> str:
    """Languages as the reader's calls them; they are kept under their French names."""
    if locale == "fr":
        return formats.listed(names)
    return formats.listed(language_name(LANGUAGES.get(folded(name), name), locale) for name in names)


def phones(numbers: list[Any]) -> list[dict[str, str]]:
    """Numbers as they are shown and dialled."""
    return [
        {
            "shown": formats.phone(number.e164) if number.e164 else number.written,
            "tel_href": f"tel:{number.e164 or ''.join(c for c in number.written if c.isdigit() or c == '+')}",
            "note": "" if number.whose == "own" else number.whose,
        }
        for number in numbers
    ]


def next_follow_up(case: Any, today: date) -> dict[str, Any] | None:
    """The next follow-up and whether it is overdue, due or to come."""
    if case.next_follow_up_on is None:
        return None
    ends_on = case.next_follow_up_ends_on or case.next_follow_up_on
    state = "overdue" if ends_on < today else "due" if case.next_follow_up_on <= today else "coming"
    channel = CHANNELS.get(case.next_follow_up_channel or "", lambda: "")()
    return {"due_on": case.next_follow_up_on, "ends_on": ends_on, "channel": channel, "state": state}


def timeline_kinds(person: Any) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """(kinds hidden, only these kinds) for this person's view of a case."""
    only = timeline.MILESTONES if person.role == Role.CASEWORKER else None
    return timeline.kinds_hidden_from(person.role), only


def parts_of(cases: list[Any], person: Any) -> dict[UUID, dict[str, Any]]:
    """What other features add to the pages of these cases, by case."""
    found: dict[UUID, dict[str, Any]] = {case.id: dict.fromkeys(PARTS) for case in cases}
    for name, part in PARTS.items():
        for case_id, value in part(cases, person).items():
            found[case_id][name] = value
    return found


def case_page(
    case: Any,
    numbers: list[Any],
    entries: list[Any],
    next_key: str | None,
    *,
    parts: dict[str, Any],
    person: Any,
    today: date,
) -> dict[str, Any]:
    """Everything that ``cases/show.html`` needs."""
    follows = may(person, "case.follow", case)
    seen = case_view(case, person.locale)
    return {
        "case": seen if follows else milestones_only(seen),
        "follows": follows,
        "closed": case.closed_at is not None,
        "phones": phones(numbers) if follows else [],
        "next_follow_up": next_follow_up(case, today) if follows else None,
        "timeline": timeline.told(entries, photos=may(person, "photo.see", case)),
        "next_key": next_key,
        "may": lambda action: may(person, action, case),
        **parts,
    }
