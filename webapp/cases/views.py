"""Today's list, the list of cases, and the page of a case."""

from typing import Any

from flask import Blueprint, request

from .. import clock
from ..permissions import Role
from ..permissions import may as policy_allows
from ..web import may, page, pressed_hard, signed_in
from . import pages, queries
from .access import on_case

cases = Blueprint("cases", __name__)


@cases.get("/today")
@may("today.see")
def today() -> Any:
    return pressed_hard(page("today.html", **today_page(signed_in())))


def today_page(person: Any) -> dict[str, Any]:
    """What ``today.html`` needs: follow-ups overdue, due today, and in the next seven days."""
    day = clock.today(person.timezone)
    groups: dict[str, list[dict[str, Any]]] = {"overdue": [], "due": [], "coming": []}
    for row in queries.due_list(person, today=day):
        follow_up = pages.next_follow_up(row, day)
        assert follow_up is not None
        groups[follow_up["state"]].append(
            {"case_id": str(row.id), "code": row.code, "name": row.name, "place": row.place, **follow_up}
        )
    return {"groups": groups, "today": day, "as_of": clock.now()}


@cases.get("/cases")
@may("case.list")
def index() -> Any:
    asked = request.args.get("q", "")[:200]
    # The sending mission follows milestones, not contacts.
    follows = signed_in().role != Role.CASEWORKER
    rows, next_key = queries.case_list(signed_in(), asked=asked, after=request.args.get("after", "")[:400])
    return page(
        "cases/index.html",
        block="rows" if request.args.get("after") else None,
        **list_page(rows, next_key, asked, follows=follows),
    )


def list_page(
    rows: list[queries.Row], next_key: str | None, asked: str = "", *, follows: bool = True
) -> dict[str, Any]:
    """What ``cases/index.html`` needs."""
    return {
        "cases": [
            {
                "case_id": str(row.id),
                "code": row.code,
                "name": row.name,
                "stage": pages.stage_name(row.stage),
                "place": row.place,
                "next_follow_up_on": row.next_follow_up_on if follows else None,
                "officer_name": row.officer_name,
                "find": row.find,
            }
            for row in rows
        ],
        "next_key": next_key,
        "asked": asked,
        "as_of": clock.now(),
    }


@cases.get("/cases/<uuid:case_id>")
@on_case("case.see")
def show(case: Any) -> Any:
    person = signed_in()
    hidden, only = pages.timeline_kinds(person)
    entries, next_key = queries.timeline(
        case.id, hidden=hidden, only=only, before=request.args.get("before", "")[:80]
    )
    follows = policy_allows(person, "case.follow", case)
    numbers = queries.numbers_of([case.returnee_id])[case.returnee_id] if follows else []
    context = pages.case_page(
        case,
        numbers,
        entries,
        next_key,
        parts=pages.parts_of([case], person)[case.id],
        person=person,
        today=clock.today(person.timezone),
    )
    return page(
        "cases/show.html",
        block="entries" if request.args.get("before") else None,
        as_of=clock.now(),
        **context,
    )
