"""Lists and search: everybody finds their own cases, all of them, once, however they type."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser_client import Person
from tests.cast import Cast, a_case
from tests.statements import many_cases
from webapp import clock
from webapp.cases.actions import reindex
from webapp.cases.models import Case
from webapp.database import db
from webapp.people.models import Staff


def codes(page: Any) -> list[str]:
    return [str(code) for code in page.texts("#case-rows .code")]


def all_pages(person: Person, **asked: str) -> list[str]:
    """The codes of every page, by following "more" to the end."""
    found, url, seen = [], "/cases" + (f"?{urlencode(asked)}" if asked else ""), set()
    while url:
        assert url not in seen, "the pages go round in a circle"
        seen.add(url)
        page = person.opens(url)
        found += codes(page)
        more = page.soup.select_one(".more-rows a")
        url = str(more["href"]) if more else ""
    return found


def finds(person: Person, asked: str) -> list[str]:
    return codes(person.opens(f"/cases?{urlencode({'q': asked})}"))


@pytest.fixture
def mixed(app: Flask, cast: Cast) -> dict[str, str]:
    """Some of Ibrahima's cases by name; their codes."""
    with app.app_context():
        ibrahima = db.session.get_one(Staff, cast.ibrahima)
        made = {
            "sekou": a_case("Condé", "Sékou", officer=ibrahima, number="+224628112233", place="Kankan"),
            "ndiaye": a_case("N’Diaye", "Aïssatou", officer=ibrahima, number="+221771234567", place="Labé"),
            "arabic": a_case("أحمد", "مُحَمَّد", officer=ibrahima, number="+212612345678", place="الدار البيضاء"),
            "fatima": a_case("إبراهيم", "فاطمة", officer=ibrahima, number="+213551234567", place="وهران"),
            "adlam": a_case("𞤄𞤢𞥄𞤸", "𞤀𞤥𞤢", officer=ibrahima, number="+224622000111", place="Mali"),
            "foreign": a_case(
                "Bah", "Mamadou-Aliou", officer=ibrahima, number="+224623999888", external_ref="MA-2026-0147",
                place="Nzérékoré", region="Forêt",
            ),
        }  # fmt: skip
        reindex(made["foreign"])
        found = {name: case.code for name, case in made.items()}
        db.session.commit()
    return found


FOUND = [
    ("sekou", "sekou"), ("SÉKOU", "sekou"), ("Conde", "sekou"), ("condé sékou", "sekou"), ("sékou condé", "sekou"),
    ("con sek", "sekou"), ("kankan", "sekou"), ("KANKAN sekou", "sekou"),
    ("ndiaye", "ndiaye"), ("N'Diaye", "ndiaye"), ("n’diaye", "ndiaye"), ("aissatou", "ndiaye"), ("labe", "ndiaye"),
    ("محمد", "arabic"), ("مُحَمَّد", "arabic"), ("احمد", "arabic"), ("أحمد", "arabic"), ("آحمد", "arabic"), ("البيضاء", "arabic"),
    ("فاطمه", "fatima"), ("فاطمة", "fatima"), ("ابراهيم", "fatima"), ("وهران", "fatima"),
    ("2233", "sekou"), ("628112233", "sekou"), ("628 11 22 33", "sekou"), ("628-11-22-33", "sekou"),
    ("+224628112233", "sekou"), ("+224 628 11 22 33", "sekou"), ("00224628112233", "sekou"), ("00 224 628 11 22 33", "sekou"),
    ("224628", "sekou"), ("62811", "sekou"), ("628 11", "sekou"), ("٦٢٨١١٢٢٣٣", "sekou"),
    ("0612345678", "arabic"), ("06 12 34 56 78", "arabic"), ("612345678", "arabic"), ("5678", "arabic"),
    ("771234567", "ndiaye"), ("77 123 45 67", "ndiaye"),
    ("MA-2026-0147", "foreign"), ("2026 0147", "foreign"), ("0147", "foreign"), ("mamadou aliou", "foreign"),
    ("mamadou-aliou", "foreign"), ("nzerekore", "foreign"), ("foret", "foreign"),
    ("aliou 9888", "foreign"),
]  # fmt: skip


def test_a_case_is_found_however_its_words_are_typed(ibrahima: Person, mixed: dict[str, str]) -> None:
    missed = [asked for asked, name in FOUND if mixed[name] not in finds(ibrahima, asked)]
    assert not missed
    for code in mixed.values():
        for asked in (code, code.lower(), code.replace("-", " "), code[:-1]):
            assert code in finds(ibrahima, asked), asked


def test_what_matches_nothing_finds_nothing(ibrahima: Person, mixed: dict[str, str]) -> None:
    for asked in (
        "zzz",
        "sekou ndiaye",
        "9999999",
        "%",
        "_",
        "*",
        '"',
        "' OR 1=1",
        "^",
        "-",
        "NOT sekou",
        "\u200f",
    ):
        assert finds(ibrahima, asked) == [], asked


def test_search_finds_nobody_elses_case(people: Any, mixed: dict[str, str]) -> None:
    for name in ("mariama", "awa", "moussa"):
        assert finds(people(name), "sekou") == []
    assert finds(people("kadiatou"), "sekou") == [mixed["sekou"]]
    for name in ("farah", "ada", "root"):
        people(name).opens("/cases?q=sekou", 403)


def test_a_case_follows_its_officer_through_the_search(
    app: Flask, people: Any, cast: Cast, mixed: dict[str, str]
) -> None:
    from webapp.cases.actions import assign_officer

    with app.app_context():
        case = db.session.query(Case).filter_by(code=mixed["sekou"]).one()
        assign_officer(case, cast.mariama, officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    assert finds(people("ibrahima"), "sekou") == []
    assert finds(people("mariama"), "sekou") == [mixed["sekou"]]


@pytest.mark.parametrize("name", ["ibrahima", "salma", "kadiatou", "karim"])
def test_the_pages_of_a_list_show_every_case_once_and_in_order(app: Flask, people: Any, name: str) -> None:
    many_cases(app, 250)
    found = all_pages(people(name))
    with app.app_context():
        mine = {
            "ibrahima": Case.officer_id, "salma": Case.counsellor_id, "kadiatou": Case.office_id,
            "karim": Case.caseworker_id,
        }[name]  # fmt: skip
        cast = app.cast  # type: ignore[attr-defined]
        of = cast.conakry if name == "kadiatou" else getattr(cast, name)
        ordered = db.session.query(Case.code, Case.list_name).filter(mine == of).all()
    assert found == [code for code, _ in sorted(ordered, key=lambda row: row[1])] or sorted(found) == sorted(
        code for code, _ in ordered
    )
    assert len(found) == len(set(found)) == len(ordered) >= 250


def test_the_pages_of_a_search_show_every_match_once(app: Flask, people: Any) -> None:
    many_cases(app, 250)
    for name in ("ibrahima", "salma", "kadiatou", "karim"):
        found = all_pages(people(name), q="personne ratoma")
        assert len(found) == len(set(found)) == 250
        assert len(all_pages(people(name), q="bah personne")) == 32


def test_the_next_page_comes_as_its_rows_alone_where_htmx_asks(app: Flask, ibrahima: Person) -> None:
    many_cases(app, 40)
    first = ibrahima.opens("/cases")
    url = str(first.soup.select_one(".more-rows a")["href"])  # type: ignore[index]
    fragment = ibrahima.opens(url, **{"HX-Request": "true"})
    assert "<html" not in fragment.html
    assert fragment.html.count("page-row") == 11
    assert set(re.findall(r"GN-[0-9A-Z]{5}", fragment.html)) == set(codes(ibrahima.opens(url)))


def test_what_a_stranger_writes_in_the_address_breaks_no_list(
    app: Flask, ibrahima: Person, cast: Cast
) -> None:
    many_cases(app, 40)
    for after in (
        "",
        "~",
        "x~y",
        "\x00~\x00",
        f"\x00~{cast.aminata}",
        f"~{cast.aminata}",
        "9" * 400,
        "²",
        "-1",
        "é~é",
    ):
        for q in ("", "bah"):
            ibrahima.opens(f"/cases?{urlencode({'after': after, 'q': q})}")
    for before in (
        "",
        "~",
        "x~1",
        "2026-01-01~1",
        "2026-01-01T00:00:00+00:00~²",
        "\x00~1",
        "9999-12-31T23:59:59-23:59~1",
    ):
        ibrahima.opens(f"/cases/{cast.aminata}?{urlencode({'before': before})}")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.text(alphabet="aé0١أ'\"*-^:()%_\\ \u00a0𞤀🙂\x00", max_size=20))
def test_any_search_is_answered(ibrahima: Person, asked: str) -> None:
    asked = asked.encode("utf-8", "ignore").decode()
    answer = ibrahima.client.get("/cases", query_string={"q": asked})
    assert answer.status_code == 200


def test_the_day_shows_what_is_overdue_due_and_to_come(app: Flask, people: Any, cast: Cast) -> None:
    from datetime import timedelta

    from webapp.cases.actions import plan_follow_up

    today = clock.today("Africa/Conakry")
    with app.app_context():
        mariama = db.session.get_one(Staff, cast.mariama)
        for family, due, ends in (
            ("Overdue", -20, -5), ("Window", -20, 5), ("Today", 0, 15), ("Soon", 7, 20), ("Later", 8, 20),
        ):  # fmt: skip
            plan_follow_up(
                a_case(family, "X", officer=mariama), due_on=today + timedelta(days=due), channel="call",
                ends_on=today + timedelta(days=ends),
            )  # fmt: skip
        db.session.commit()
    page = people("mariama").opens("/today")
    buckets = {
        str(group["data-bucket"]): " ".join(group.get_text(" ").split())
        for group in page.soup.select("[data-bucket]")
    }
    assert "X Overdue" in buckets["overdue"]
    assert "X Window" in buckets["today"]
    assert "X Today" in buckets["today"]
    assert "X Soon" in buckets["week"]
    assert "Later" not in page.text()
