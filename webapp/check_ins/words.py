"""How check-ins and red flags are told: on the timeline that they happened, never what was answered; on their own
pages what is to be done, never what somebody has."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask_babel import format_decimal, format_percent, ngettext
from flask_babel import gettext as _

from .. import formats
from ..cases.timeline import Telling, tell
from . import scoring
from .instruments import Action, Instrument, NextStep, newest
from .models import CheckIn

ROUTINE = NextStep(Action.ROUTINE, None)


def step_sentence(action: str, within_days: int | None) -> str:
    """What a result asks for, and how soon."""
    days = within_days or 0
    if action == Action.COUNSELLOR_TODAY:
        return _("Un conseiller parle avec la personne aujourd’hui")
    if action == Action.COUNSELLOR_CONTACT:
        return ngettext(
            "Un conseiller prend contact sous %(num)s jour",
            "Un conseiller prend contact dans les %(num)s jours",
            days,
        )
    if action == Action.OFFER_COUNSELLOR:
        return ngettext(
            "Proposer un conseiller, revoir dans %(num)s jour",
            "Proposer un conseiller, revoir dans %(num)s jours",
            days,
        )
    if action == Action.OFFER_REFERRAL:
        return ngettext(
            "Proposer une orientation vers un service sous %(num)s jour",
            "Proposer une orientation vers un service dans les %(num)s jours",
            days,
        )
    if action == Action.REVIEW_PLAN:
        return ngettext(
            "Revoir le plan avec la personne sous %(num)s jour",
            "Revoir le plan avec la personne dans les %(num)s jours",
            days,
        )
    return _("Suivi habituel")


def action_name(action: str) -> str:
    """What is to be done; the day stands beside it."""
    names = {
        Action.COUNSELLOR_TODAY: _("Un conseiller parle avec la personne"),
        Action.COUNSELLOR_CONTACT: _("Un conseiller prend contact"),
        Action.OFFER_COUNSELLOR: _("Proposer un conseiller, puis redemander des nouvelles"),
        Action.OFFER_REFERRAL: _("Proposer une orientation vers un service"),
        Action.REVIEW_PLAN: _("Revoir le plan avec la personne"),
        Action.ROUTINE: _("Suivi habituel"),
    }
    return names[Action(action)]


def figures(instrument: Instrument, score: scoring.Score, locale: str) -> list[tuple[Any, str]]:
    """The numbers of a score with their words."""
    if score.dimensions:
        found: list[tuple[Any, str]] = [
            (shown(dict(score.dimensions)[each.id]), each.name.in_(locale).text)
            for each in instrument.scoring.dimensions
        ]
        return [*found, (shown(score.raw), _("ensemble"))]
    if isinstance(score.raw, int) and instrument.scoring.percent_per_point:
        return [
            (shown(score.raw), _("points")),
            (format_percent(Decimal(score.percent or 0) / 100), _("de bien-être")),
        ]
    return [(shown(score.raw), _("en moyenne") if score.instrument == "satisfaction" else _("points"))]


def shown(value: scoring.Number | None) -> str:
    """A value as people read it: two decimals, half up; a dash where there is none."""
    if value is None:
        return "–"
    return (
        format_decimal(value, "#,##0")
        if isinstance(value, int)
        else format_decimal(scoring.rounded(value), "0.00")
    )


def signed(value: scoring.Number | float) -> str:
    """A change with its sign."""
    return format_decimal(scoring.rounded(Fraction(value)), "+0.00;-0.00")


def told_check_ins(rows: Iterable[CheckIn], known: list[Instrument], locale: str) -> list[dict[str, Any]]:
    """Which questionnaires were offered when, without anything that was answered."""
    outcomes = {
        "answered": _("Rempli"),
        "declined": _("Ne souhaite pas répondre aujourd’hui"),
        "not_alone": _("Pas le bon moment"),
    }
    found = []
    for row in rows:
        try:
            name = newest(known, row.instrument, int(row.instrument_version)).name.in_(locale).text
        except KeyError:
            name = row.instrument
        url = f"/check-ins/{row.id}" if row.outcome == "answered" else ""
        found.append(
            {"name": name, "at": formats.moment(row.asked_at), "outcome": outcomes[row.outcome], "url": url}
        )
    return found


tell(
    "check_in.recorded",
    Telling("heart", lambda facts: _("Questionnaire rempli"), url=lambda subject: f"/check-ins/{subject}"),
)
tell(
    "check_in.declined",
    Telling(
        "heart",
        lambda facts: (
            _("Questionnaire : pas le bon moment")
            if facts.get("outcome") == "not_alone"
            else _("Questionnaire : ne souhaite pas répondre aujourd’hui")
        ),
    ),
)
tell("check_in.step_done", Telling("heart", lambda facts: _("Suite d’un questionnaire : notée")))
tell("check_in.step_late", Telling("wait", lambda facts: _("Suite d’un questionnaire : en retard")))
tell("red_flag.raised", Telling("flag", lambda facts: _("Signal de danger")))
tell("red_flag.answered", Telling("flag", lambda facts: _("Signal de danger : clos")))
