"""A referral list in the reader's words: what was understood of each row, and what is made of it.

Everything a cell held is text here; restricted needs were taken out before anything was kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from webapp import formats
from webapp.permissions import may

from ..models import ReferralList, ReferralRow
from . import queries
from .comparison import BLOCKING
from .doubts import FIELD_NAMES, NEED_NAMES, SITUATION_NAMES, UNREAD, country_name
from .rows import ReadRow
from .vocabulary import Field, language_name
from .words import Phone

OUTCOME_WORDS = {
    "created": (_l("sera créé"), _l("créé")),
    "same": (_l("déjà ici"), _l("déjà ici")),
    "look": (_l("à regarder"), _l("non repris")),
    "refused": (_l("refusé"), _l("refusé")),
}
"""What is said of a row before the list is confirmed, and after."""

REASONS = {
    "differs": (
        _l("Le dossier %(case)s a déjà ce numéro, avec des différences. Il n’est pas changé."),
        _l("Un dossier que vous ne voyez pas a déjà ce numéro. Il n’est pas changé."),
    ),
    "number_of_someone_else": (
        _l(
            "Le dossier %(case)s a déjà ce numéro, et c’est peut-être une autre personne. Il n’est pas changé."
        ),
        _l("Un dossier que vous ne voyez pas a déjà ce numéro. Il n’est pas changé."),
    ),
    "perhaps_same_person": (
        _l("Peut-être la même personne que dans le dossier %(case)s."),
        _l("Peut-être la même personne que dans un dossier que vous ne voyez pas."),
    ),
    "number_used_above": (
        _l("La ligne %(line)s porte le même numéro : un seul dossier peut l’avoir."),
        _l("La ligne %(line)s porte le même numéro : un seul dossier peut l’avoir."),
    ),
}
"""What the comparison found: to those who may see the case it names, and to others."""

NOT_READ = {
    **UNREAD,
    "unknown_column": _l("Colonne inconnue : elle n’est pas lue."),
    "other_sheet": _l("Autre feuille : elle n’est pas lue."),
    "other_list": _l("Autre feuille qui ressemble à une liste : elle n’est pas lue. Envoyez-la à part."),
    "blank_lines": _l("Lignes vides."),
    "date_assumed": _l("La liste ne porte pas de date : lue comme une liste de ce jour."),
}
_LONGEST_SHOWN = 240
_MOST_NOT_READ = 100


@dataclass(frozen=True)
class RowShown:
    """One row of the list as the page says it."""

    id: UUID
    line: int
    name: str
    outcome: str
    outcome_word: str
    understood: list[tuple[str, str]]
    reasons: list[str]
    """Why somebody must look, or why the row was refused."""
    differences: list[tuple[str, str, str]]
    """(field, in the case, in this list)"""
    notes: list[str]
    may_be_chosen: bool
    chosen: bool
    case_code: str
    """Of the case it became or is the same as, where the reader may see that case."""
    case_url: str


@dataclass(frozen=True)
class NotRead:
    """Something in the file that became no row, and why."""

    line: int | None
    sentence: str
    text: str


def rows_shown(referral_list: ReferralList, rows: Iterable[ReferralRow], person: Any) -> list[RowShown]:
    """Some rows of a list as this person may see them."""
    rows = list(rows)
    compared = (UUID(reason["case"]) for row in rows for reason in row.reasons if "case" in reason)
    made = (row.case_id for row in rows if row.case_id)
    cases = {
        id: case
        for id, case in queries.cases_named([*compared, *made]).items()
        if may(person, "case.see", case)
    }
    confirmed = referral_list.taken_in_at is not None
    return [_row_shown(row, cases, confirmed=confirmed) for row in rows]


def not_read(referral_list: ReferralList) -> list[NotRead]:
    """What of the file became no row; of a great many such lines, the first and how many more there are."""
    entries = referral_list.unread
    told = [
        NotRead(
            entry.get("line"),
            str(NOT_READ[entry["code"]]),
            formats.day(date.fromisoformat(entry["text"]))
            if entry["code"] == "date_assumed"
            else entry["text"],
        )
        for entry in entries[:_MOST_NOT_READ]
    ]
    if more := len(entries) - len(told):
        told.append(NotRead(None, _("Et %(number)s autres.", number=more), ""))
    return told


def _row_shown(stored: ReferralRow, cases: dict[UUID, Any], *, confirmed: bool) -> RowShown:
    row = ReadRow.from_kept(stored.row)
    case = cases.get(stored.case_id) if stored.case_id else None
    blocked = any(reason["code"] in BLOCKING for reason in stored.reasons)
    return RowShown(
        id=stored.id,
        line=stored.line,
        name=row.name,
        outcome=stored.outcome,
        outcome_word=str(OUTCOME_WORDS[stored.outcome][confirmed]),
        understood=_understood(row),
        reasons=_reasons(stored, row, cases),
        differences=_differences(stored, cases),
        notes=_notes(stored, row),
        may_be_chosen=stored.outcome == "look" and not blocked and not confirmed,
        chosen=stored.chosen,
        case_code=case.code if case else "",
        case_url=f"/cases/{case.id}" if case else "",
    )


def _reasons(stored: ReferralRow, row: ReadRow, cases: dict[UUID, Any]) -> list[str]:
    if stored.outcome == "refused":
        return [doubt.sentence for doubt in row.refusals]
    compared = [_reason(reason, cases) for reason in stored.reasons]
    return [*compared, *(doubt.sentence for doubt in row.reasons)] if stored.outcome == "look" else []


def _reason(reason: dict[str, Any], cases: dict[UUID, Any]) -> str:
    case = cases.get(UUID(reason["case"])) if "case" in reason else None
    seen, unseen = REASONS[reason["code"]]
    return str(seen if case else unseen) % {"case": case and case.code, "line": reason.get("line")}


def _notes(stored: ReferralRow, row: ReadRow) -> list[str]:
    said = [doubt.sentence for doubt in row.notes]
    if stored.outcome == "created":
        # Somebody looked and chose it: what was doubted stays written beside it.
        said = [doubt.sentence for doubt in row.reasons] + said
    if stored.outcome == "same" and row.repeats and row.repeats.same:
        said.insert(0, _("La même personne qu’à la ligne %(line)s.", line=row.repeats.line))
    return said


def _differences(stored: ReferralRow, cases: dict[UUID, Any]) -> list[tuple[str, str, str]]:
    return [
        (str(FIELD_NAMES.get(field, field)), _value(field, before), _value(field, after))
        for reason in stored.reasons
        if "case" in reason and UUID(reason["case"]) in cases
        for field, before, after in reason["differences"]
    ]


def _value(field: str, text: str) -> str:
    """One side of a difference in the reader's words."""
    if field in (Field.BIRTH_DATE, Field.INTERVIEWED_ON, Field.DEPARTURE_ON) and text:
        return formats.day(date.fromisoformat(text))
    if field == Field.SEX:
        return _sex(text)
    if field == Field.LANGUAGES and text:
        return _languages(text.split(", "))
    if field == Field.NATIONALITY and text:
        return country_name(text)
    if field == Field.SITUATION:
        return str(SITUATION_NAMES.get(text, text))
    if field == Field.NEEDS:
        return formats.listed(str(NEED_NAMES.get(need, need)) for need in text.split(", "))
    return text


def _sex(code: str) -> str:
    return {"f": _("femme"), "m": _("homme")}.get(code, "")


def _birth(row: ReadRow) -> str:
    if row.birth_date and row.birth_approximate:
        return _("vers %(year)s", year=row.birth_date.year)
    return formats.day(row.birth_date)


def _languages(codes: Iterable[str]) -> str:
    return formats.listed(language_name(code, str(get_locale() or "fr")) for code in codes)


def _number(phone: Phone) -> str:
    shown = formats.phone(phone.e164) if phone.e164 else phone.raw
    return f"{shown} ({phone.relation or _('contact')})" if phone.kind != "own" else shown


_UNDERSTOOD: tuple[tuple[Field, Callable[[ReadRow], str]], ...] = (
    (Field.EXTERNAL_REF, lambda row: row.external_ref or ""),
    (Field.SEX, lambda row: _sex(row.sex or "")),
    (Field.BIRTH_DATE, _birth),
    (Field.NATIONALITY, lambda row: country_name(row.nationality) if row.nationality else ""),
    (Field.PHONES, lambda row: formats.listed(_number(phone) for phone in row.phones)),
    (Field.LANGUAGES, lambda row: _languages(row.languages)),
    (Field.SITUATION, lambda row: str(SITUATION_NAMES[row.situation]) if row.situation else ""),
    (Field.INTERVIEWED_ON, lambda row: formats.day(row.interviewed_on)),
    (
        Field.DEPARTURE_ON,
        lambda row: " · ".join(
            filter(None, [formats.day(row.departure_on), row.flight, row.arrival_airport])
        ),
    ),
    (Field.PLACE, lambda row: ", ".join(dict.fromkeys(filter(None, [row.place, row.region])))),
    (Field.CONTACT_PERSON, lambda row: row.contact_person or ""),
    (Field.ACTIVITY, lambda row: row.activity or ""),
    (Field.DONOR, lambda row: row.donor or ""),
    (Field.CEILING, lambda row: formats.money(row.ceiling) if row.ceiling else ""),
    (Field.HOUSEHOLD, lambda row: row.household.written or ""),
    (Field.NEEDS, lambda row: formats.listed(str(NEED_NAMES[need.code]) for need in row.needs)),
    (Field.REMARKS, lambda row: row.remarks or ""),
)


def _understood(row: ReadRow) -> list[tuple[str, str]]:
    told = ((str(FIELD_NAMES[field]), say(row)) for field, say in _UNDERSTOOD)
    return [
        (label, words if len(words) <= _LONGEST_SHOWN else words[:_LONGEST_SHOWN] + "…")
        for label, words in told
        if words
    ]
