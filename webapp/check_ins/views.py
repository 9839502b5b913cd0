"""The check-in, its result for those who may see it, what it asks for, and the red flag."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask_babel import gettext as _

from .. import clock, formats
from ..cases.access import allowed_case, on_case
from ..cases.pages import SlotCase, case_view
from ..cases.queries import case_for_deed, find_case
from ..database import db
from ..fields import sentences, show_sentences
from ..permissions import may as policy_allows
from ..web import NeedsAttention, may, page, signed_in
from . import actions, course, queries, scoring, words
from .deeds import instrument_of, raise_red_flag_from, record_check_in_from
from .forms import CATEGORY_NAMES, AnswerForm, CheckInForm, RedFlagForm
from .instruments import Action, Instrument, Item, Kind
from .models import CheckIn, NextStep, RedFlag
from .skips import DECLINED, DONT_KNOW

check_ins = Blueprint("check_ins", __name__)

SETTLED = ("done", "accepted", "declined")


def instrument_page(instrument: Instrument, locale: str) -> dict[str, Any]:
    """The instrument in one language, with where its words come from, as the form shows it."""
    shown_in = locale if locale in instrument.languages else instrument.languages[0]
    return {
        "id": instrument.id,
        "title": instrument.name.in_(locale).text,
        "recall": instrument.introduction.in_(locale).text,
        "language": shown_in,
        "items": [_item(item, locale) for item in instrument.items],
        "notice": instrument.notice.in_(locale).text if instrument.notice else "",
        "provenance": ""
        if instrument.is_verified_in(locale)
        else _("Traduction non vérifiée : lire les résultats avec prudence."),
        "licence": instrument.licence,
    }


def _item(item: Item, locale: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": str(item.kind),
        "text": item.statement.in_(locale).text,
        "when": json.dumps(item.when) if item.when else "",
        "lowest": item.lowest,
        "highest": item.highest,
        "options": [
            {"code": str(option.value), "text": option.label.in_(locale).text} for option in item.options
        ],
    }


def check_in_page(
    case: Any, form: CheckInForm, *, person: Any, not_here: Any = "", offered: list[Instrument] | None = None
) -> dict[str, Any]:
    """What ``check_ins/new.html`` needs; ``not_here`` names the instruments that are not given where the case lives."""
    if offered is None:
        offered = queries.offered(person.role, case.office_id)
    return {
        "case": case_view(case, person.locale),
        "form": form,
        "instrument": instrument_page(form.given, person.locale),
        "first": queries.FIRST,
        "others": [
            {"id": one.id, "title": one.name.in_(person.locale).text, "here": one.id == form.given.id}
            for one in offered
        ],
        "not_here": not_here,
    }


def blank_check_in(person: Any, instrument: Instrument) -> CheckInForm:
    """An empty form under a fresh id."""
    form = CheckInForm.for_instrument(instrument)
    form.id.data, form.locale.data = uuid4(), person.locale
    return form


def frames(blank: SlotCase, person: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(address under the case, template, context) of every instrument this person may give, for the phone.

    The first is the one that is offered without being chosen, under the plain address too.
    """
    offered = queries.offered(person.role, person.office_id)
    for number, instrument in enumerate(offered):
        form = blank_check_in(person, instrument)
        context = check_in_page(blank, form, person=person, not_here="%%not_here%%", offered=offered)
        if number == 0:
            yield "check-ins/new", "check_ins/new.html", context
        yield f"check-ins/new/{instrument.id}", "check_ins/new.html", context


@check_ins.get("/cases/<uuid:case_id>/check-ins/new")
@on_case("check_in.record")
def new(case: Any) -> Any:
    offered = queries.offered(signed_in().role, case.office_id)
    if not offered:
        return page("check_ins/none.html", case=case_view(case, signed_in().locale))
    return _new(case, offered[0])


@check_ins.get("/cases/<uuid:case_id>/check-ins/new/<string:instrument_name>")
@on_case("check_in.record")
def new_of(case: Any, instrument_name: str) -> Any:
    offered = {one.id: one for one in queries.offered(signed_in().role, case.office_id)}
    return _new(case, offered.get(instrument_name) or abort(404))


def _new(case: Any, instrument: Instrument) -> Any:
    person = signed_in()
    not_here = " ".join(sorted(queries.off_at(case.office_id, case.place)))
    return page(
        "check_ins/new.html",
        **check_in_page(case, blank_check_in(person, instrument), person=person, not_here=not_here),
    )


@check_ins.post("/cases/<uuid:case_id>/check-ins")
@on_case("check_in.record")
def record(case: Any) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        record_check_in_from(
            request.form, case=locked, by=person, now=clock.now(), keyring=current_app.extensions["keyring"]
        )
    except NeedsAttention as refused:
        instrument = instrument_of(request.form) or queries.instrument(queries.FIRST)
        assert instrument is not None
        form = CheckInForm.for_instrument(instrument, request.form)
        form.validate()
        show_sentences(form, refused)
        return page("check_ins/new.html", 422, **check_in_page(case, form, person=person))
    return redirect(url_for("cases.show", case_id=case.id), 303)


@check_ins.get("/check-ins/<uuid:check_in_id>")
@may("home.see")
def show(check_in_id: UUID) -> Any:
    check_in = db.session.get(CheckIn, check_in_id) or abort(404)
    case = allowed_case(check_in.case_id, "case.see")
    person, keyring = signed_in(), current_app.extensions["keyring"]
    is_author = check_in.by_id == person.id and policy_allows(person, "check_in.record", case)
    if not policy_allows(person, "check_in.see_band", case) and not is_author:
        abort(404)
    instrument = queries.instrument(check_in.instrument, int(check_in.instrument_version)) or abort(404)
    score = queries.score_of(check_in, keyring)
    given, asked_for = queries.answers_of(check_in, keyring), []
    if given is not None:
        asked_for = scoring.next_steps(instrument, given, score) or [words.ROUTINE] * (score is not None)
    sees_answers = given is not None and (is_author or policy_allows(person, "check_in.see_answers", case))
    return page(
        "check_ins/show.html",
        case=case_view(case, person.locale),
        asked_at=formats.moment(check_in.asked_at),
        instrument=instrument_page(instrument, person.locale),
        figures=words.figures(instrument, score, person.locale) if sees_answers and score else [],
        bands=[words.step_sentence(step.action, step.within_days) for step in asked_for],
        answers=_told(instrument, given, person.locale) if sees_answers and given is not None else None,
    )


def _told(instrument: Instrument, given: dict[str, Any], locale: str) -> list[tuple[str, str]]:
    """Each question that was asked, with its answer in words."""
    nothing = {DONT_KNOW: _("Ne sait pas"), DECLINED: _("Ne souhaite pas répondre")}
    found = []
    for item_id, answer in scoring.shown(instrument, given).items():
        item = instrument.item(item_id)
        if item.kind is Kind.NOTE:
            continue
        codes = answer if isinstance(answer, tuple) else (answer,)
        labels = {option.value: option.label.in_(locale).text for option in item.options}
        told = [labels.get(code) or nothing.get(code) or str(code) for code in codes if code is not None]
        found.append((item.statement.in_(locale).text, formats.listed(told) or "–"))
    return found


# What follows from check-ins, and how things went over time


@check_ins.get("/cases/<uuid:case_id>/check-ins")
@on_case("check_in.see_band")
def index(case: Any) -> Any:
    person, keyring = signed_in(), current_app.extensions["keyring"]
    rows, known = queries.check_ins_of(case.id), queries.known_instruments()
    today = clock.today(person.timezone)
    sees_all = policy_allows(person, "check_in.see_answers", case)
    return page(
        "check_ins/index.html",
        case=case_view(case, person.locale),
        may_record=policy_allows(person, "check_in.record", case),
        steps=[_step(step, today) for step in queries.open_steps(case.id)],
        courses=course.courses(rows, known, keyring, locale=person.locale, sees_all=sees_all),
        check_ins=words.told_check_ins(rows, known, person.locale),
    )


def _step(step: NextStep, today: date) -> dict[str, Any]:
    return {
        "id": step.id,
        "check_in_id": step.check_in_id,
        "sentence": words.action_name(step.action),
        "due_on": step.due_on,
        "late": step.due_on < today,
        "offers": step.action in (Action.OFFER_COUNSELLOR, Action.OFFER_REFERRAL),
    }


@check_ins.post("/next-steps/<uuid:step_id>/outcome")
@may("home.see")
def settle(step_id: UUID) -> Any:
    """Note what came of a next step."""
    step = db.session.get(NextStep, step_id) or abort(404)
    case = allowed_case(step.case_id, "check_in.record")
    outcome = request.form.get("outcome", "")
    if outcome not in SETTLED:
        return redirect(url_for("check_ins.index", case_id=case.id), 303)
    locked = case_for_deed(case.id) or abort(404)
    actions.settle_step(step, outcome, case=locked, by=signed_in(), now=clock.now())
    return redirect(url_for("check_ins.index", case_id=case.id), 303)


# Red flags


@check_ins.get("/cases/<uuid:case_id>/red-flags/new")
@on_case("red_flag.raise")
def new_red_flag(case: Any) -> Any:
    form = RedFlagForm()
    form.id.data = uuid4()
    return page("red_flags/new.html", **red_flag_page(case, form, person=signed_in()))


def red_flag_page(case: Any, form: RedFlagForm, *, person: Any) -> dict[str, Any]:
    """What ``red_flags/new.html`` needs: the form and the numbers that dial."""
    numbers = [
        {"name": said["name"], "shown": formats.phone(said["number"]), "tel_href": f"tel:{said['number']}"}
        for said in case.emergency_numbers or []
    ]
    return {"case": case_view(case, person.locale), "form": form, "emergency_numbers": numbers}


@check_ins.post("/cases/<uuid:case_id>/red-flags")
@on_case("red_flag.raise")
def raise_flag(case: Any) -> Any:
    person = signed_in()
    locked = case_for_deed(case.id) or abort(404)
    try:
        raise_red_flag_from(
            request.form, case=locked, by=person, now=clock.now(), keyring=current_app.extensions["keyring"]
        )
    except NeedsAttention as refused:
        form = RedFlagForm(request.form)
        form.validate()
        show_sentences(form, refused)
        return page("red_flags/new.html", 422, **red_flag_page(case, form, person=person))
    return redirect(url_for("cases.show", case_id=case.id), 303)


@check_ins.get("/red-flags/<uuid:red_flag_id>")
@may("red_flag.read")
def show_red_flag(red_flag_id: UUID) -> Any:
    red_flag, case = _red_flag_of(red_flag_id)
    return page("red_flags/show.html", **_told_red_flag(red_flag, case, AnswerForm()))


@check_ins.post("/red-flags/<uuid:red_flag_id>/answer")
@may("red_flag.read")
def answer_flag(red_flag_id: UUID) -> Any:
    _flag, case = _red_flag_of(red_flag_id)
    form = AnswerForm(request.form)
    locked = case_for_deed(case.id) or abort(404)
    red_flag = db.session.get_one(RedFlag, red_flag_id, populate_existing=True)
    try:
        if not form.validate():
            raise NeedsAttention(sentences(form))
        actions.answer_red_flag(
            red_flag, locked, form.answer.data or "", by=signed_in(), now=clock.now(),
            keyring=current_app.extensions["keyring"],
        )  # fmt: skip
    except NeedsAttention as refused:
        show_sentences(form, refused)
        return page("red_flags/show.html", 422, **_told_red_flag(red_flag, case, form))
    return redirect(url_for("check_ins.show_red_flag", red_flag_id=red_flag_id), 303)


def _red_flag_of(red_flag_id: UUID) -> tuple[RedFlag, Any]:
    red_flag = db.session.get(RedFlag, red_flag_id) or abort(404)
    case = find_case(red_flag.case_id)
    # Whoever is woken by a danger may know this of a case, and nothing else of it.
    if case is None or not policy_allows(signed_in(), "red_flag.see", case):
        abort(404)
    return red_flag, case


def _told_red_flag(red_flag: RedFlag, case: Any, form: AnswerForm) -> dict[str, Any]:
    keyring = current_app.extensions["keyring"]
    content = actions.content_of(red_flag, keyring)
    author, closer = queries.colleague(red_flag.by_id), queries.colleague(red_flag.closed_by_id)
    view = case_view(case, signed_in().locale)
    return {
        "id": str(red_flag.id),
        "name": view.name,
        "code": view.code,
        "category": dict(CATEGORY_NAMES).get(content["category"], content["category"]),
        "help_needed": content["help_needed"],
        "raised_at": red_flag.raised_at,
        "raised_by": author.name if author else "",
        "phone": author.phone if author and not red_flag.closed_at else "",
        "closed_at": red_flag.closed_at,
        "closed_by": closer.name if closer else "",
        "answer": actions.answer_of(red_flag, keyring),
        "form": form,
    }
