"""The pack: an officer's own cases come to the phone, changes follow, and what is not theirs any more goes."""

import itertools
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests.browser_client import Person
from tests.cast import Cast, a_case
from tests.world import check_in_fields, visit_fields
from webapp import clock
from webapp.cases import queries
from webapp.cases.actions import assign_officer, touch
from webapp.cases.models import Case, Change
from webapp.database import db
from webapp.people.models import Staff

Lines = list[dict[str, Any]]


def pack(person: Person, cursor: Any = 0, build: str = "") -> Lines:
    page = person.opens(f"/pack?cursor={cursor}&build={build}")
    assert page.response.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in page.html.splitlines()]


def kept(lines: Lines) -> set[str]:
    return {line["keep"] for line in lines if line.get("keep", "").startswith("/cases/")}


def gone(lines: Lines) -> set[str]:
    return {line["gone"] for line in lines if "gone" in line}


def since(person: Person, lines: Lines) -> Lines:
    end = lines[-1]
    assert end["end"] is True
    return pack(person, end["cursor"], end["build"])


def url(case: UUID) -> str:
    return f"/cases/{case}"


@pytest.fixture
def second(app: Flask, cast: Cast) -> UUID:
    with app.app_context():
        case = a_case("Keïta", "Sira", officer=db.session.get_one(Staff, cast.ibrahima))
        a_case("Traoré", "Bintou", officer=db.session.get_one(Staff, cast.mariama))
        db.session.commit()
        return case.id  # type: ignore[no-any-return]


def give(app: Flask, case_id: UUID, to: UUID) -> None:
    with app.app_context():
        case = db.session.get_one(Case, case_id)
        assign_officer(case, to, officer_name="X", by=None, now=clock.now())
        db.session.commit()


def test_the_first_pack_brings_the_own_cases_and_every_page_to_work_with(
    ibrahima: Person, cast: Cast, second: UUID
) -> None:
    lines = pack(ibrahima)
    assert lines[0] == {"reset": True}
    assert kept(lines) == {url(cast.aminata), url(second)}
    assert {line["about"] for line in lines if "about" in line} == kept(lines)
    assert {"/today", "/cases", "/outbox"} <= {line.get("keep") for line in lines}
    patterns = {line["pattern"] for line in lines if "pattern" in line}
    assert {
        f"/cases/{{case}}/{name}" for name in ("visits/new", "check-ins/new", "red-flags/new")
    } <= patterns
    assert sum("shell" in line for line in lines) == 1
    assert sum(line.get("end", False) for line in lines) == 1
    for line in lines:
        if "main" in line:
            assert line["main"].startswith("<main")
            assert line["main"].endswith("</main>")
            assert line["title"]


def later(person: Person, lines: Lines) -> Lines:
    """What the phone asks for once the line is quiet again."""
    end = lines[-1]
    page = person.opens(f"/pack?cursor={end['cursor']}&build={end['build']}&later")
    return [json.loads(line) for line in page.html.splitlines()]


def test_what_can_wait_comes_with_the_second_asking_and_names_all_forms(ibrahima: Person) -> None:
    first = pack(ibrahima)
    assert first[-1]["later"] is True
    second = later(ibrahima, first)
    came = [{line["pattern"] for line in lines if "pattern" in line} for lines in (first, second)]
    assert "/cases/{case}/check-ins/new/reintegration-survey" in came[1]
    assert "/cases/{case}/interruption/new" in came[1]
    assert not came[0] & came[1]
    assert set(second[-1]["patterns"]) == came[0] | came[1]
    assert [name for name in second[-1]["assets"] if "/questions-" in name]
    assert "later" not in second[-1]
    assert later(ibrahima, [{**first[-1], "build": "another"}])[0] == {"reset": True}


def test_the_shell_and_the_forms_hold_nothing_of_a_person(ibrahima: Person, cast: Cast, second: UUID) -> None:
    first = pack(ibrahima)
    for line in [*first, *later(ibrahima, first)]:
        if "shell" in line or "pattern" in line:
            said = json.dumps(line, ensure_ascii=False)
            for word in ("Aminata", "Bah", "Sira", "Ibrahima", str(cast.ibrahima), str(cast.aminata)):
                assert word not in said


def test_nobody_elses_case_is_ever_in_it(people: Any, second: UUID, cast: Cast) -> None:
    said = json.dumps(pack(people("ibrahima")), ensure_ascii=False)
    for word in ("Bintou", "Traoré", "Fatou", str(cast.fatou)):
        assert word not in said
    assert kept(pack(people("awa"))) == {url(cast.fatou)}


def test_a_kept_page_says_what_the_page_of_the_server_says(ibrahima: Person, cast: Cast) -> None:
    ibrahima.posts(f"/cases/{cast.aminata}/visits", visit_fields(notes="Vu au marché"))
    page = ibrahima.opens(url(cast.aminata))
    (line,) = (line for line in pack(ibrahima) if line.get("keep") == url(cast.aminata))
    from bs4 import BeautifulSoup

    def words(html: str) -> str:
        soup = BeautifulSoup(html, "html5lib")
        for time_of_reading in soup.select(".as-of"):
            time_of_reading.decompose()
        main = soup.select_one("main")
        return " ".join(main.get_text(" ").split()) if main else ""

    assert words(line["main"]) == words(page.html)


def test_nothing_new_brings_the_end_alone(ibrahima: Person, second: UUID) -> None:
    lines = since(ibrahima, pack(ibrahima))
    assert len(lines) == 1
    assert lines[0]["end"] is True


def test_a_change_brings_the_changed_case_alone(
    ibrahima: Person, people: Any, cast: Cast, second: UUID
) -> None:
    before = pack(ibrahima)
    ibrahima.posts(f"/cases/{cast.aminata}/visits", visit_fields())
    people("salma").posts(f"/cases/{cast.aminata}/check-ins", check_in_fields())
    after = since(ibrahima, before)
    assert kept(after) == {url(cast.aminata)}
    assert not any("reset" in line or "shell" in line or "pattern" in line for line in after)
    assert len(since(ibrahima, after)) == 1


def test_a_case_given_away_goes_and_comes_to_the_new_officer(
    app: Flask, people: Any, cast: Cast, second: UUID
) -> None:
    before = {name: pack(people(name)) for name in ("ibrahima", "mariama")}
    give(app, cast.aminata, cast.mariama)
    assert gone(since(people("ibrahima"), before["ibrahima"])) == {url(cast.aminata)}
    assert kept(since(people("ibrahima"), before["ibrahima"])) == set()
    assert kept(since(people("mariama"), before["mariama"])) == {url(cast.aminata)}
    give(app, cast.aminata, cast.ibrahima)
    back = since(people("ibrahima"), before["ibrahima"])
    assert (kept(back), gone(back)) == ({url(cast.aminata)}, set())
    assert gone(since(people("mariama"), before["mariama"])) == {url(cast.aminata)}


def test_another_build_language_or_cursor_begins_again(ibrahima: Person, cast: Cast, second: UUID) -> None:
    end = pack(ibrahima)[-1]
    cursor, build = end["cursor"], end["build"]
    for asked in (
        (0, build),
        (cursor, "other"),
        (cursor, ""),
        (cursor + 1_000, build),
        ("x", build),
        ("-1", build),
        ("²", build),
    ):
        lines = pack(ibrahima, *asked)
        assert lines[0] == {"reset": True}, asked
        assert len(kept(lines)) == 2
    ibrahima.posts("/language", {"language": "ar"})
    assert pack(ibrahima, cursor, build)[0] == {"reset": True}


def test_a_changed_template_begins_again(app: Flask, ibrahima: Person) -> None:
    end = pack(ibrahima)[-1]
    app.extensions["templates_digest"] = "changed"
    assert pack(ibrahima, end["cursor"], end["build"])[0] == {"reset": True}


def test_only_who_works_without_network_gets_a_pack(people: Any) -> None:
    people(None).opens("/pack", 401)
    for name in ("salma", "kadiatou", "farah", "ada", "root"):
        people(name).opens("/pack", 403)


# A cursor never skips


def follow(app: Flask, staff_id: UUID, until: threading.Event) -> set[UUID]:
    """What a phone that asks again and again learns of, cursor by cursor."""
    found: set[UUID] = set()
    cursor, last = 0, False
    while True:
        last = until.is_set()
        with app.app_context():
            newest = queries.newest_change(staff_id)
            changed, _ = queries.changed_since(staff_id, cursor)
            found |= changed
            cursor = newest
        if last:
            return found
        time.sleep(0.001)


def test_a_cursor_skips_no_change_of_transactions_that_end_in_another_order(app: Flask, cast: Cast) -> None:
    with app.app_context():
        officer = db.session.get_one(Staff, cast.ibrahima)
        cases = [a_case(f"Nom{n}", "X", officer=officer).id for n in range(60)]
        db.session.query(Change).delete()
        db.session.commit()
    done, dice = threading.Event(), random.Random(3)
    pauses = [dice.random() * 0.02 for _ in cases]

    def change(case_id: UUID, pause: float) -> None:
        with app.app_context():
            time.sleep(pause)
            touch(db.session.get_one(Case, case_id))
            time.sleep(pause)
            db.session.commit()

    with ThreadPoolExecutor(9) as hands:
        phone = hands.submit(follow, app, cast.ibrahima, done)
        list(hands.map(change, cases, pauses))
        done.set()
        assert phone.result() == set(cases)


def test_two_transactions_at_once_number_their_changes_in_the_order_of_their_commits(
    app: Flask, cast: Cast, engine: str
) -> None:
    if engine != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    first_touched, order = threading.Event(), []

    def first() -> None:
        with app.app_context():
            touch(db.session.get_one(Case, cast.aminata))
            db.session.flush()
            first_touched.set()
            time.sleep(0.3)
            order.append("first")
            db.session.commit()

    def second() -> None:
        first_touched.wait()
        with app.app_context():
            touch(db.session.get_one(Case, cast.fatou))
            order.append("second")
            db.session.commit()

    with ThreadPoolExecutor(2) as hands:
        for done in [hands.submit(first), hands.submit(second)]:
            done.result()
    assert order == ["first", "second"]
    with app.app_context():
        numbers = dict(db.session.query(Change.case_id, Change.number).order_by(Change.number))
        assert numbers[cast.aminata] < numbers[cast.fatou]


def test_numbers_that_do_not_wait_for_the_commit_are_caught_skipping(
    app: Flask, cast: Cast, engine: str
) -> None:
    """The planted fault: numbers drawn like a sequence, shown in whatever order transactions happen to end."""
    if engine != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    with app.app_context():
        officer = db.session.get_one(Staff, cast.ibrahima)
        cases = [a_case(f"Nom{n}", "X", officer=officer).id for n in range(40)]
        db.session.query(Change).delete()
        db.session.commit()
    done, sequence, dice = threading.Event(), itertools.count(10_000), random.Random(3)
    pauses = [dice.random() * 0.05 for _ in cases]

    def change(case_id: UUID, pause: float) -> None:
        with app.app_context():
            db.session.add(Change(number=next(sequence), staff_id=cast.ibrahima, case_id=case_id))
            db.session.flush()
            time.sleep(pause)
            db.session.commit()

    with ThreadPoolExecutor(9) as hands:
        phone = hands.submit(follow, app, cast.ibrahima, done)
        list(hands.map(change, cases, pauses))
        done.set()
        assert phone.result() < set(cases)
