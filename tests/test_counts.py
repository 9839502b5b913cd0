"""How much a page costs: statements, plans, and bytes over the wire. Times are measured in bench/, not here."""

import json
from typing import Any

import brotli
import pytest
from flask import Flask

from tests.browser_client import Person
from tests.cast import Cast
from tests.statements import many_cases, plans, statements
from tests.world import OWN, World, make_world, visit_fields
from webapp.allocations.models import Donor
from webapp.cases.models import Case
from webapp.database import db

LISTS = {
    "ibrahima": ["/cases", "/cases?q=bah", "/cases?q=2000", "/today"],
    "salma": ["/cases", "/cases?q=bah"],
    "kadiatou": ["/cases", "/cases?q=bah"],
    "karim": ["/cases", "/cases?q=bah"],
    "farah": ["/allocations"],
}


def asked_for(app: Flask, person: Person, path: str) -> list[tuple[str, Any]]:
    person.opens(path)
    with statements(app) as asked:
        person.opens(path)
    return list(asked)


def second_pages(person: Person, paths: list[str]) -> list[str]:
    found = []
    for path in paths:
        more = person.opens(path).soup.select_one(".more-rows a")
        found += [str(more["href"])] if more else []
    return found


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(app)


def test_a_list_costs_three_statements_and_a_case_five_however_many_cases_there_are(
    app: Flask, people: Any, world: World
) -> None:
    counts: list[dict[str, int]] = []
    for first, more in ((0, 50), (50, 1_950)):
        many_cases(app, more, first=first)
        found = {}
        for name, paths in LISTS.items():
            for path in [*paths, *(["/cases?after=bah~0"] if name != "farah" else [])]:
                found[f"{name} {path}"] = len(asked_for(app, people(name), path))
        for name in ("ibrahima", "salma", "kadiatou", "karim"):
            path = f"/cases/{world.cases[OWN]}"
            found[f"{name} case"] = len(asked_for(app, people(name), path))
        counts.append(found)
    small, large = counts
    assert small == large
    over = {what: count for what, count in large.items() if count > (5 if what.endswith("case") else 3)}
    assert not over


def test_no_list_search_day_or_case_reads_more_than_it_shows(
    app: Flask, people: Any, engine: str, world: World
) -> None:
    if engine != "sqlite":
        pytest.skip("the plans are SQLite's")
    with app.app_context():
        # Of one donor alone SQLite rightly reads the whole table.
        db.session.add_all(Donor(name=f"Bailleur {n}", currency="EUR") for n in range(40))
        db.session.commit()
    many_cases(app, 2_000)
    asked: list[tuple[str, Any]] = []
    for name, paths in LISTS.items():
        person = people(name)
        for path in [*paths, *second_pages(person, paths)]:
            asked += asked_for(app, person, path)
    for name in ("ibrahima", "salma", "kadiatou", "karim"):
        case = f"/cases/{world.cases[OWN]}"
        asked += asked_for(app, people(name), case)
        asked += asked_for(app, people(name), f"{case}?before=2026-01-01T00:00:00%2B00:00~99")
    wrong = [line for line in plans(app, asked) if is_costly(line)]
    assert not wrong, "\n".join(wrong)
    # SQLAlchemy writes "OFFSET 0" after every LIMIT for SQLite: nothing is skipped.
    assert not [s for s, values in asked if " OFFSET " in s.upper() and tuple(values)[-1] != 0]
    assert not [s for s, _ in asked if "COUNT(" in s.upper()]
    assert len(asked) > 30


def is_costly(line: str) -> bool:
    """A whole table read, or a sort of more than a page; FTS5 calls every look into its index a scan."""
    plan = line.partition("    [")[0]
    if "TEMP B-TREE" in plan:
        # A page of search results is sorted after at most 31 were found by the index.
        return "case_search" not in line and "search_rows" not in line
    return plan.startswith("SCAN") and "VIRTUAL TABLE INDEX" not in plan and "CONSTANT ROW" not in plan


def test_a_planted_slow_statement_is_noticed(app: Flask, engine: str) -> None:
    if engine != "sqlite":
        pytest.skip("the plans are SQLite's")
    planted = [("SELECT * FROM cases ORDER BY place", ()), ("SELECT * FROM cases WHERE place = 'x'", ())]
    assert [line for line in plans(app, planted) if is_costly(line)]


def wire(page: Any) -> int:
    return len(brotli.compress(page.response.get_data(), quality=5))


def test_pages_stay_within_their_bytes(app: Flask, people: Any, world: World) -> None:
    many_cases(app, 200)
    ibrahima = people("ibrahima")
    sizes = {
        path: wire(ibrahima.opens(path))
        for path in ("/cases", "/cases?q=bah", "/today", f"/cases/{world.cases[OWN]}")
    }
    assert {path: size for path, size in sizes.items() if size > 4_096} == {}


def test_the_sign_in_page_and_all_it_needs_fit_one_round_trip(app: Flask, people: Any) -> None:
    door = people(None).opens("/sign-in")
    size = wire(door)
    for link in door.soup.select("link[rel=stylesheet], script[src]"):
        answer = people(None).client.get(
            str(link.get("href") or link.get("src")), headers={"Accept-Encoding": "br"}
        )
        assert answer.status_code == 200
        size += len(answer.data)
    assert size <= 14 * 1024


def test_the_pack_of_two_hundred_cases_and_one_change_stay_within_their_bytes(
    app: Flask, ibrahima: Person, cast: Cast
) -> None:
    many_cases(app, 199)
    whole = ibrahima.opens("/pack")
    lines = [json.loads(line) for line in whole.html.splitlines()]
    assert sum("about" in line for line in lines) == 200
    assert wire(whole) <= 230_000
    end = lines[-1]
    ibrahima.posts(f"/cases/{cast.aminata}/visits", visit_fields(notes="Vendu deux sacs de riz."))
    delta = ibrahima.opens(f"/pack?cursor={end['cursor']}&build={end['build']}")
    told = [json.loads(line) for line in delta.html.splitlines()]
    assert [line["keep"] for line in told if "keep" in line] == [f"/cases/{cast.aminata}"]
    assert wire(delta) <= 3_000


def test_the_pack_asks_as_much_for_many_cases_as_for_few(app: Flask, ibrahima: Person) -> None:
    counts = []
    for first in (0, 60):
        many_cases(app, 60, first=first)
        counts.append(len(asked_for(app, ibrahima, "/pack")))
    # The pages it carries, each asked for once for all cases: plans and referrals among them.
    assert counts[0] == counts[1] <= 26
    with app.app_context():
        assert db.session.query(Case).count() == 122
