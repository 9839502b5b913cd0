"""The pack: the pages of an officer's caseload as lines that a phone keeps one by one.

The same templates that answer the browser make the lines, so what is kept is what would have been shown.
Never in it: answers, scores, counsellor notes, other officers' cases.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import UUID

from flask import current_app, render_template
from markupsafe import Markup, escape

from .. import clock
from ..allocations.requests.queries import available_locally, drafts_of
from ..allocations.requests.views import blank_request, request_page
from ..allocations.views import statements
from ..cases import pages, queries, timeline
from ..cases.closures.views import blank_closure, closure_form_page
from ..cases.pages import SlotCase
from ..cases.views import list_page
from ..check_ins.forms import RedFlagForm
from ..check_ins.queries import giving_state, off_at_places
from ..check_ins.views import frames as check_in_frames
from ..check_ins.views import red_flag_page
from ..formats import money, plain_amount
from ..people.forms import ROLE_NAMES
from ..permissions import Role
from ..plans.queries import cases_with_plan
from ..plans.views import blank_plan, filled_forms, form_page, plan_frame, told_plans
from ..referrals.queries import referrals_of
from ..referrals.views import blank_referral
from ..referrals.views import list_page as list_of_referrals
from ..referrals.views import listed as listed_referrals
from ..referrals.views import new_page as new_referral_page
from ..returns.views import (
    blank_arrival,
    blank_interruption,
    board_lines,
    interruption_page,
    procedure_page,
)
from ..visits.views import blank_visit, visit_page

ROWS = Markup("%%rows%%")
ALLOCATION = Markup("%%allocation%%")
Form = tuple[str, str, dict[str, Any]]
"""A form with slots: its address under the case, its template, what the template needs."""
FIRST_FORMS = ("visits/new", "check-ins/new", "red-flags/new")
KEPT = "kept"
"""In place of the moment a page was made: the phone writes the moment it was brought."""


def build_of(person: Any) -> str:
    """Changes when kept fragments of an older version, or another language, must be fetched again."""
    said = f"{current_app.extensions['assets'].build}|{_templates_digest()}|{person.locale}|{person.role}"
    said += f"|{giving_state(person.office_id)}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def lines(person: Any, *, cursor: int, build: str, opaque: str, later: bool = False) -> Iterator[str]:
    """The lines for this person's phone since its cursor; everything when it is 0 or of another build.

    What is seldom needed on a first day comes ``later``: the end of a whole pack says so, and the phone asks for it
    when the line is quiet again.
    """
    newest = queries.newest_change(person.id)
    present_build = build_of(person)
    whole = cursor <= 0 or cursor > newest or build != present_build
    sends = person.role == Role.CASEWORKER
    carried = queries.returns_of if sends else queries.cases_of
    if whole:
        found = carried(person.id)
        yield _line(reset=True)
        yield from _frames_of_returns(person) if sends else _frames(person, _first_forms(person))
        gone: set[UUID] = set()
    else:
        changed, _last = queries.changed_since(person.id, cursor)
        found = carried(person.id, only=list(changed)) if changed else []
        gone = changed - {case.id for case in found}
    end: dict[str, Any] = {"later": True} if whole and not sends else {}
    if later and not whole and not sends:
        forms = _later_forms(person)
        yield from _patterns(forms)
        end = {
            "patterns": [_pattern(path) for path in (*FIRST_FORMS, *(path for path, *_rest in forms))],
            "assets": [current_app.extensions["assets"].url(name) for name in ("questions.js", "money.css")],
        }
    yield from _returns(found, person) if sends else _cases(found, person)
    planned = cases_with_plan(gone) if gone and not sends else set()
    for case_id in sorted(gone, key=str):
        yield _line(gone=f"/cases/{case_id}")
        if sends:
            yield _line(gone=f"/cases/{case_id}/procedure")
        if case_id in planned:
            yield _line(gone=f"/cases/{case_id}/plan/new")
    yield _line(
        cursor=newest, build=present_build, person=opaque, as_of=clock.now().isoformat(), **end, end=True
    )


def _frames(person: Any, forms: list[Form]) -> Iterator[str]:
    """What is the same for every case: the shell, the lists without their rows, the forms with slots."""
    yield _line(shell=render_template("shell.html"), title="Suivi")
    nothing: dict[str, list[Any]] = {"overdue": [], "due": [], "coming": []}
    day = clock.today(person.timezone)
    yield _keep(
        "/today", "today.html", rows="due_row", order="due_on", groups=nothing, today=day, rows_slot=ROWS
    )
    yield _keep(
        "/cases", "cases/index.html", rows="row", order="list_order", rows_slot=ROWS, **list_page([], None)
    )
    yield _keep("/outbox", "outbox.html")
    yield _keep("/more", "more.html", role_name=ROLE_NAMES[person.role], here="/more")
    yield from _patterns(forms)


def _first_forms(person: Any) -> list[Form]:
    """The forms without which no day in the field begins: those of ``FIRST_FORMS``."""
    blank = SlotCase(person, queries.emergency_numbers(person.office_id))
    return [
        (
            "visits/new",
            "visits/new.html",
            visit_page(blank, blank_visit(person), person=person) | {"allocation_slot": ALLOCATION},
        ),
        *islice(check_in_frames(blank, person), 1),
        ("red-flags/new", "red_flags/new.html", red_flag_page(blank, RedFlagForm(), person=person)),
    ]


def _later_forms(person: Any) -> list[Form]:
    """The request for a payment, the statement, plan, referrals, the other questionnaires, and what a journey needs."""
    blank = SlotCase(person, queries.emergency_numbers(person.office_id))
    ask_page = request_page(blank, blank_request(blank), person=person)
    ask_page |= {
        "allocation_slot": ALLOCATION,
        "available": "%%available%%",
        "available_in": "%%currency%%",
        "available_locally": "%%available_locally%%",
        "locally_in": "%%locally_in%%",
    }
    statement_page = {
        "case": blank.view,
        "named": True,
        "may_request": True,
        "statement_slot": Markup("%%statement%%"),
    }
    referrals_page = {**list_of_referrals(blank, person=person), "referrals_slot": Markup("%%referrals%%")}
    return [
        ("payment-requests/new", "payment_requests/new.html", ask_page),
        ("allocation", "cases/allocation.html", statement_page),
        ("referrals", "referrals/index.html", referrals_page),
        (
            "referrals/new",
            "referrals/new.html",
            new_referral_page(blank, blank_referral(blank, person=person), person=person),
        ),
        ("plan", "plans/show.html", plan_frame(blank, person=person)),
        ("plan/new", "plans/new.html", form_page(blank, blank_plan(blank, person=person), person=person)),
        *islice(check_in_frames(blank, person), 1, None),
        ("procedure/arrival/new", "returns/step.html", blank_arrival(blank, person=person)),
        _interruption_form(blank, person),
        _closure_form(blank, person),
    ]


def _patterns(forms: list[Form]) -> Iterator[str]:
    for path, template, context in forms:
        if form := context.get("form"):
            form.id.data = ""  # the script gives each opened form an id of its own
        title, main = _main_of(template, **{"as_of": KEPT, **context})
        yield _line(pattern=_pattern(path), main=main, title=title)


def _pattern(path: str) -> str:
    return f"/cases/{{case}}/{path}"


def _frames_of_returns(person: Any) -> Iterator[str]:
    """The same for a caseworker, who carries the returns under way to the embassy and to the airport."""
    yield _line(shell=render_template("shell.html"), title="Suivi")
    yield _keep(
        "/procedure", "returns/index.html", rows="board_row", order="board_order", steps={}, rows_slot=ROWS
    )
    yield _keep(
        "/cases",
        "cases/index.html",
        rows="row",
        order="list_order",
        rows_slot=ROWS,
        **list_page([], None, follows=False),
    )
    yield _keep("/outbox", "outbox.html")
    yield _keep("/more", "more.html", role_name=ROLE_NAMES[person.role], here="/more")
    yield from _patterns([_interruption_form(SlotCase(person, []), person)])


def _interruption_form(blank: SlotCase, person: Any) -> Form:
    said = interruption_page(blank, blank_interruption(), person=person)
    return "interruption/new", "returns/interruption.html", said


def _closure_form(blank: SlotCase, person: Any) -> Form:
    said = closure_form_page(blank, blank_closure(), person=person)
    return "closure/new", "cases/closure_new.html", said


def _returns(found: list[Any], person: Any) -> Iterator[str]:
    """The returns under way: milestones, the procedure with whom to call, and their line on the board."""
    ids = [case.id for case in found]
    if not ids:
        return
    day = clock.today(person.timezone)
    parts = pages.parts_of(found, person)
    board = {line["case_id"]: (step, line) for step, line in board_lines(person)}
    rows = current_app.jinja_env.get_template("parts/pack_rows.html").module
    _hidden, only = pages.timeline_kinds(person)
    for case in found:
        entries, _next = queries.timeline(case.id, hidden=(), only=only)
        context = pages.case_page(case, [], entries, None, parts=parts[case.id], person=person, today=day)
        url = f"/cases/{case.id}"
        title, main = _main_of("cases/show.html", as_of=KEPT, **context)
        yield _line(keep=url, main=main, title=title)
        title, main = _main_of("returns/show.html", **procedure_page(case, person=person))
        yield _line(keep=f"{url}/procedure", main=main, title=title)
        row = queries.milestones_only(queries.row_of(case))
        step, line = board.get(str(case.id), ("", None))
        slots = {
            "case_id": str(case.id),
            "code": str(escape(case.code)),
            "name": str(escape(context["case"].name)),
            "row": str(rows.list_row(list_page([row], None, follows=False)["cases"][0])),  # type: ignore[attr-defined]
            "list_order": case.list_name,
            # How many days it is changes by itself: the line says since which day.
            "board_row": str(rows.board_row({**line, "days": None}, step)) if line else "",  # type: ignore[attr-defined]
            "board_order": line["since"].isoformat() if line else "",
        }
        yield _line(about=url, slots=slots)


def _cases(found: list[Any], person: Any) -> Iterator[str]:
    ids = [case.id for case in found]
    if not ids:
        return
    day = clock.today(person.timezone)
    numbers = queries.numbers_of([case.returnee_id for case in found])
    histories = queries.timelines(ids, hidden=timeline.kinds_hidden_from(Role.FIELD_OFFICER))
    parts = pages.parts_of(found, person)
    said, referred = _statements(found, person), _referrals(found, person)
    locally, drafts = available_locally(ids, day), drafts_of(ids)
    told, filled = told_plans(found, person), filled_forms(found, person)
    rows = current_app.jinja_env.get_template("parts/pack_rows.html").module
    not_here = off_at_places(person.office_id, [case.place for case in found])
    for case in found:
        context = pages.case_page(
            case,
            numbers[case.returnee_id],
            histories[case.id],
            None,
            parts=parts[case.id],
            person=person,
            today=day,
        )
        url = f"/cases/{case.id}"
        title, main = _main_of("cases/show.html", as_of=KEPT, **context)
        yield _line(keep=url, main=main, title=title)
        if case.id in filled:
            title, main = _main_of("plans/new.html", **filled[case.id])
            yield _line(keep=f"{url}/plan/new", main=main, title=title)
        allocation, local = parts[case.id].get("allocation"), locally.get(case.id)
        bar_of = (allocation, money(local) if local else "", drafts[case.id])
        row = replace(queries.row_of(case), officer_name=None)
        due = context["next_follow_up"]
        yield _line(
            about=url,
            slots={
                "case_id": str(case.id),
                "code": str(escape(case.code)),
                "name": str(escape(context["case"].name)),
                "not_here": " ".join(sorted(not_here[case.place])),
                "allocation": str(rows.bar(*bar_of)) if allocation else "",  # type: ignore[attr-defined]
                "available": allocation.available_plain if allocation else "",
                "currency": allocation.currency if allocation else "",
                "available_locally": plain_amount(local) if local else "",
                "locally_in": local.currency if local else "",
                "statement": said.get(case.id, ""),
                "referrals": referred.get(case.id, ""),
                "plan": _plan(told[case.id], case),
                "row": str(rows.list_row(list_page([row], None)["cases"][0])),  # type: ignore[attr-defined]
                "list_order": case.list_name,
                "due_row": str(rows.due_row({**_plain(row), **due})) if due else "",  # type: ignore[attr-defined]
                "due_on": due["due_on"].isoformat() if due else "",
            },
        )


def _plain(row: queries.Row) -> dict[str, Any]:
    return {"case_id": str(row.id), "code": row.code, "name": row.name, "place": row.place}


def _statements(found: list[Any], person: Any) -> dict[UUID, str]:
    """The statement of each case's allocation: the part of its page that differs."""
    macro = current_app.jinja_env.get_template("parts/statement.html").module.statement  # type: ignore[attr-defined]
    return {case_id: str(macro(**said)) for case_id, said in statements(found, person).items()}


def _referrals(found: list[Any], person: Any) -> dict[UUID, str]:
    """The list of each case's referrals, without what restricted ones say."""
    macro = current_app.jinja_env.get_template("parts/referrals.html").module.referral_rows  # type: ignore[attr-defined]
    here = referrals_of([case.id for case in found])
    return {
        case.id: str(macro(**listed_referrals(here[case.id], case, person, on_phone=True)))
        for case in found
        if here[case.id]
    }


def _plan(told: dict[str, Any], case: Any) -> str:
    """The versions of the plan that count; nothing for a case without one."""
    macro = current_app.jinja_env.get_template("parts/plan.html").module.plan_body  # type: ignore[attr-defined]
    return str(macro(told["approved"], told["waiting"], str(case.id))) if told["history"] else ""


def _keep(url: str, template: str, *, rows: str = "", order: str = "", **context: Any) -> str:
    title, main = _main_of(template, **{"as_of": KEPT, **context})
    listed = {"rows": rows, "order": order} if rows else {}
    return _line(keep=url, main=main, title=title, **listed)


def _main_of(template: str, **context: Any) -> tuple[str, str]:
    """(title, ``<main>…</main>``) of a page, cut out of the whole page as the server would answer it."""
    html = render_template(template, **context)
    title = html[html.index("<title>") + 7 : html.index("</title>")]
    return title, html[html.index("<main") : html.rindex("</main>") + 7]


def _line(**said: Any) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"


def _templates_digest() -> str:
    """A digest of every template, made once for each start: a changed template is fetched again."""
    known: str | None = current_app.extensions.get("templates_digest")
    if known is None:
        digest = hashlib.sha256()
        loader = current_app.jinja_env.loader
        assert loader is not None
        for name in sorted(loader.list_templates()):
            digest.update(loader.get_source(current_app.jinja_env, name)[0].encode())
        known = current_app.extensions["templates_digest"] = digest.hexdigest()
    return known
