"""The dashboard: what waits in a manager's office; for analysts, what happened in all of them."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from flask import Blueprint, current_app
from flask_babel import format_date, format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from .. import clock, formats
from ..check_ins.words import shown as told_score
from ..check_ins.words import signed as told_change
from ..permissions import Role
from ..web import may, page, signed_in
from . import queries, reintegration, statistics

reports = Blueprint("reports", __name__)

FEWEST = 5
"""A cell that counts fewer than these is not shown to analysts."""
MONTHS = 6
MEASURE_NAMES = {
    "opened": _l("Cas ouverts"),
    "arrived": _l("Arrivées"),
    "home_visit": _l("Visites à domicile"),
    "business_visit": _l("Visites de l’activité"),
    "office": _l("Au bureau"),
    "call": _l("Appels"),
    "not_reached": _l("Personne non jointe"),
    "closed": _l("Cas clos"),
}
BAND_NAMES = {
    "high_support": _l("Appui fort"),
    "medium_support": _l("Appui moyen"),
    "low_support": _l("Appui léger"),
}
MOVES = {"up": _l("en hausse"), "same": _l("pas de changement net"), "down": _l("en baisse")}
FACTORS = {
    "sex": _l("sexe"),
    "age": _l("âge"),
    "household": _l("ménage"),
    "contacts": _l("contacts avec la personne"),
    "country": _l("pays"),
}
GROUPS = {
    "F": _l("Femme"),
    "M": _l("Homme"),
    "unknown": _l("inconnu"),
    "alone": _l("seul(e)"),
    "family": _l("en famille"),
}
OUTCOME_NAMES = {
    "needs attention": _l("À corriger par son auteur"),
    "quarantined": _l("Mis de côté : à vérifier"),
}


@reports.get("/dashboard")
@may("dashboard.see")
def dashboard() -> Any:
    person = signed_in()
    shown = for_analyst(person) if person.role == Role.ANALYST else for_manager(person)
    return page("dashboard.html", as_of=clock.now(), **shown)


@reports.get("/reports/reintegration")
@may("dashboard.see")
def reintegration_report() -> Any:
    person = signed_in()
    found = reintegration.report(
        None if person.role == Role.ANALYST else person.office_id,
        today=clock.today(person.timezone),
        keyring=current_app.extensions["keyring"],
    )
    return page("reports/reintegration.html", report=found, told=_told(found, person) if found else None)


def _told(found: reintegration.Report, person: Any) -> dict[str, Any]:
    """The report's tables in words; what is too small to be told says so."""
    names = {each.id: each.name.in_(person.locale).text for each in found.instrument.scoring.dimensions}
    names["composite"] = _("Ensemble")
    number, few = told_score, _few()
    return {
        "until": formats.day(found.until),
        "notice": found.instrument.notice.in_(person.locale).text if found.instrument.notice else "",
        "people": _enough(found.people),
        "paired": _enough(found.paired),
        "asked": _enough(found.asked),
        "not_answered": _enough(found.not_answered),
        "adequate": _of(found.adequate),
        "satisfied": _of(found.satisfied),
        "silent": _of(found.silent),
        "tables": [
            _table(
                _("Au dernier passage, de 0 à 1"),
                [_("Dimension"), _("Personnes"), _("Moyenne"), _("Médiane")],
                [
                    [
                        names[name],
                        *([each.n, number(each.mean), number(each.median)] if each else [few, few, few]),
                    ]
                    for name, each in found.latest.items()
                ],
            ),
            _table(
                _("Combien de personnes à chaque niveau"),
                [
                    _("Dimension"),
                    *(f"{number(Fraction(n, 5))}–{number(Fraction(n + 1, 5))}" for n in range(5)),
                ],
                [
                    [names[name], *(few if count is None else count for count in cells.values())]
                    for name, cells in found.distribution.items()
                ],
            ),
            _table(
                _("Accompagnement qui en découle"),
                [_("Besoin d’appui"), _("Personnes")],
                [
                    [str(BAND_NAMES.get(band, band)), few if count is None else count]
                    for band, count in found.bands.items()
                ],
            ),
            _table(
                _("Du premier au dernier passage, mêmes personnes, à 90 jours au moins"),
                [_("Dimension"), _("Personnes"), _("Changement moyen"), _("Intervalle à 95 %")],
                [[names[name], *_interval(each)] for name, each in found.changes.items()],
            ),
            _table(
                _("Changements qui comptent"),
                [_("Sens"), _("Personnes")],
                [
                    [str(MOVES[name]), few if count is None else count]
                    for name, count in found.meaningful.items()
                ],
            ),
            *(
                _table(
                    _("Changement moyen selon : %(factor)s", factor=str(FACTORS[factor])),
                    [_("Groupe"), _("Personnes"), _("Changement moyen"), _("Intervalle à 95 %")],
                    [[_group(factor, name), *_interval(each)] for name, each in groups.items()],
                )
                for factor, groups in found.factors.items()
            ),
        ],
    }


def _group(factor: str, name: str) -> str:
    return str(GROUPS.get(name, name)) if factor != "country" else name


def _interval(each: statistics.Interval | None) -> list[Any]:
    if each is None:
        return [_few(), _few(), _few()]
    return [each.n, told_change(each.mean), f"{told_change(each.low)} … {told_change(each.high)}"]


def _of(share: tuple[int, int] | None) -> str:
    if share is None:
        return _few()
    return _("%(some)s sur %(of)s", some=share[0], of=share[1])


def _enough(number: int) -> int | str:
    return number if number >= statistics.FEWEST or number == 0 else _few()


def _few() -> str:
    return _("trop peu")


def for_manager(person: Any) -> dict[str, Any]:
    """The office's figures and tables; of red flags only how many and how old."""
    today = clock.today(person.timezone)
    officers = queries.officers(
        person.office_id, today=today, month_began=_month_began(today, person.timezone)
    )
    submissions = queries.unsettled_submissions(person.office_id)
    waiting = queries.open_alerts(person.id)
    flags, oldest = queries.open_red_flags(person.office_id)
    overdue = sum(line.overdue for line in officers)
    return {
        "figures": [
            ("/alerts", _up_to_most(waiting), _("Alertes ouvertes"), "bad" if waiting else ""),
            ("", overdue, _("Contacts en retard"), "bad" if overdue else ""),
            ("", flags, _red_flags(oldest), "bad" if flags else ""),
            ("", _up_to_most(len(submissions)), _("Envois à regarder"), "bad" if submissions else ""),
        ],
        "tables": [
            _table(
                _("Agents, ce mois-ci"),
                [_("Agent"), _("Contacts en retard"), _("Visites"), _("Appels")],
                [[line.name, line.overdue, line.visits, line.calls] for line in officers],
            ),
            _table(
                _("Téléphones"),
                [_("Agent"), _("Téléphone"), _("Non envoyés"), _("Le plus ancien"), _("Dernier contact")],
                [
                    [
                        row.name,
                        row.label,
                        _unknown(row.unsent),
                        formats.moment(row.oldest_unsent_at),
                        formats.moment(row.seen_at),
                    ]
                    for row in queries.phones(person.office_id)
                ],
            ),
            _table(
                _("Envois à regarder"),
                [_("Auteur"), _("État"), _("Reçu")],
                [
                    [_author(row), str(OUTCOME_NAMES[row.outcome]), formats.moment(row.received_at)]
                    for row in submissions
                ],
            ),
        ],
    }


def for_analyst(person: Any) -> dict[str, Any]:
    """All offices together, month by month: no name, no office, no small number."""
    months = _last_months(clock.today(person.timezone))
    found = queries.months(months[-1])
    return {
        "figures": [],
        "tables": [
            _table(
                _("Tous les bureaux, par mois"),
                [_("Mois"), *(str(name) for name in MEASURE_NAMES.values())],
                [
                    [
                        format_date(month, "MMMM y"),
                        *(shown(found.get(month, {}).get(name, 0)) for name in MEASURE_NAMES),
                    ]
                    for month in months
                ],
            )
        ],
    }


def shown(number: int) -> int | str:
    """The number, or that it is too small to be told."""
    return number if number >= FEWEST else _("moins de %(fewest)s", fewest=FEWEST)


def _red_flags(oldest: datetime | None) -> str:
    if oldest is None:
        return _("Signaux de danger ouverts")
    age = format_timedelta(clock.now() - oldest, granularity="minute")
    return _("Signaux de danger ouverts, le plus ancien depuis %(age)s", age=age)


def _author(row: Any) -> Any:
    # Without an author nobody may open it: that it is there is all that can be said.
    if row.name is None:
        return _("Auteur inconnu")
    return {"url": f"/submissions/{row.id}", "word": row.name}


def _table(title: str, headings: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    return {"title": title, "headings": headings, "rows": rows}


def _up_to_most(number: int) -> int | str:
    return number if number < queries.MOST_ROWS else _("%(number)s ou plus", number=queries.MOST_ROWS)


def _unknown(number: int | None) -> int | str:
    return _("inconnu") if number is None else number


def _month_began(today: date, timezone: str) -> datetime:
    return clock.from_local(datetime(today.year, today.month, 1), timezone)  # noqa: DTZ001 - a wall clock of that zone


def _last_months(today: date) -> list[date]:
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months
