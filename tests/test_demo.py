"""The demo world and the commands: made once from the real list, believable, and whole."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy import func, select

from tests.browser_client import Person
from tests.databases import Templates, engines, settings
from webapp import clock, create_app
from webapp.alerts.daily import Daily
from webapp.alerts.models import Job
from webapp.allocations.models import Adjustment, Allocation, LedgerEntry, PaymentRequest
from webapp.cases.models import Case, ReferralList, TimelineEntry
from webapp.cases.queries import due_list
from webapp.check_ins.models import CheckIn, RedFlag
from webapp.cli import CHECKS
from webapp.database import db
from webapp.demo import how_to_sign_in, is_demo, keep_card, make_demo_world, needs_data
from webapp.demo.cast import ACCOUNTS, PASSWORD
from webapp.formats import plain
from webapp.offline.models import Submission
from webapp.people.models import Office, Staff
from webapp.people.queries import staff_by_email
from webapp.people.words import LENGTH, propose, word_list
from webapp.referrals.models import Referral
from webapp.visits.models import FollowUp, Photo

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).parent / "samples/referrals-ma-2026-10.xlsx"


@pytest.fixture(scope="module", params=engines())
def made(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Flask, tuple[str, str]]]:
    """The demo world on one engine, made once for the tests that only look."""
    folder = tmp_path_factory.mktemp("demo")
    with templates.fresh(request.param, folder) as url:
        app = create_app(settings(folder, url))
        with app.app_context():
            assert needs_data()
            card = make_demo_world(app)
            db.session.commit()
        yield app, card
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def world(made: tuple[Flask, tuple[str, str]]) -> Iterator[Flask]:
    with made[0].app_context():
        yield made[0]


def number_of(query: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def staff(name: str) -> Staff:
    found = staff_by_email(f"{name}@demo")
    assert found is not None
    return found


def test_the_world_is_remembered_as_a_demo_and_not_made_twice(world: Flask) -> None:
    assert is_demo()
    assert not needs_data()
    done = world.test_cli_runner().invoke(args=["demo"])
    assert done.exit_code != 0
    assert "has data already" in done.output


def test_everybody_of_the_cast_signs_in(made: tuple[Flask, tuple[str, str]]) -> None:
    for name, *_ in ACCOUNTS:
        Person(made[0]).posts("/sign-in", {"email": f"{name}@demo", "password": PASSWORD})


def test_the_sample_list_became_cases_with_histories(world: Flask) -> None:
    assert db.session.scalars(select(ReferralList)).one().taken_in_at is not None
    assert 230 <= number_of(select(Case)) <= 250
    with_history = select(TimelineEntry.case_id).group_by(TimelineEntry.case_id).having(func.count() > 1)
    assert number_of(with_history) >= 200
    assert number_of(select(FollowUp.case_id).distinct()) >= 150
    mine = set(db.session.scalars(select(Case.stage).where(Case.officer_id == staff("ibrahima").id)))
    assert {"interview", "arrived", "plan", "in_progress", "follow_up", "closed", "interrupted"} <= mine
    assert 60 <= number_of(select(Case).where(Case.officer_id == staff("ibrahima").id)) <= 80
    assert number_of(select(Case).where(Case.counsellor_id == staff("salma").id)) == 15


def test_nothing_happened_in_the_future_and_much_happened_lately(world: Flask) -> None:
    now = clock.now()
    assert db.session.scalar(select(func.max(FollowUp.visited_at))) < now
    assert db.session.scalar(select(func.max(FollowUp.received_at))) <= now
    assert db.session.scalar(select(func.max(TimelineEntry.happened_at))) <= now
    assert number_of(select(FollowUp).where(FollowUp.visited_at > now - timedelta(days=30))) > 30


def test_a_morning_begins_with_work_overdue_due_and_coming(world: Flask) -> None:
    ibrahima = staff("ibrahima")
    today = clock.today("Africa/Conakry")
    rows = due_list(ibrahima, today=today)
    assert [row for row in rows if row.next_follow_up_ends_on and row.next_follow_up_ends_on < today]
    assert "Aminata Bah" in [row.name for row in rows if row.next_follow_up_on == today]
    assert [row for row in rows if row.next_follow_up_on and row.next_follow_up_on > today]


def test_photos_lie_in_the_storage_and_check_ins_spread(world: Flask) -> None:
    photos = list(db.session.scalars(select(Photo)))
    assert len(photos) > 100
    assert len({photo.file for photo in photos}) > 20, "drawn, not one picture again and again"
    for photo in photos:
        assert world.extensions["storage"].get(photo.file).startswith(b"\xff\xd8")
        assert max(photo.width, photo.height) <= 1600
    keyring = world.extensions["keyring"]
    raws = [
        keyring.open_field(sealed, table="check_ins", row=id, column="result")["raw"]
        for id, sealed in db.session.execute(
            select(CheckIn.id, CheckIn.result_sealed).where(
                CheckIn.result_sealed.is_not(None), CheckIn.instrument == "who-5"
            )
        )
    ]
    assert len(raws) > 100
    assert min(raws) <= 7
    assert max(raws) >= 20
    assert number_of(select(CheckIn).where(CheckIn.outcome == "declined")) > 5
    assert number_of(select(RedFlag).where(RedFlag.closed_at.is_(None))) == 3


def test_the_worker_is_left_with_a_handful(world: Flask) -> None:
    left = number_of(select(TimelineEntry).where(TimelineEntry.considered_at.is_(None)))
    assert 3 <= left <= 10


def test_money_is_on_its_way_and_the_morning_brings_no_flood(world: Flask) -> None:
    states = set(db.session.scalars(select(PaymentRequest.state)))
    assert states >= {
        "requested",
        "approved",
        "ordered",
        "invoiced",
        "paid",
        "closed",
        "rejected",
        "disputed",
    }
    assert number_of(select(Allocation).where(Allocation.rule_id.is_not(None))) == 1
    assert number_of(select(Adjustment).where(Adjustment.outcome.is_(None))) == 1
    for office in db.session.scalars(select(Office)):
        [job] = db.session.scalars(select(Job).where(Job.key == f"daily:{office.id}"))
        assert len(Daily().prepare(job.facts, now=clock.now())) < 20


def test_two_offices_receive_in_two_currencies_what_is_promised_in_euros(world: Flask) -> None:
    offices = {office.name: office for office in db.session.scalars(select(Office))}
    receiving = {
        office.name: office.currency
        for office in offices.values()
        if number_of(select(Case).where(Case.office_id == office.id))
    }
    assert receiving == {"Bureau de Conakry": "GNF", "Bureau de Dakar": "XOF"}
    assert number_of(select(Staff)) == len(ACCOUNTS) == 8
    assert {office_of[3] for office_of in ACCOUNTS} == {"conakry", "dakar", "rabat"}
    assert set(db.session.execute(select(Allocation.currency, Allocation.local_currency))) == {
        ("EUR", "GNF"),
        ("EUR", "XOF"),
    }
    paid = select(LedgerEntry.local_currency).where(LedgerEntry.kind == "disbursed").distinct()
    assert set(db.session.scalars(paid)) >= {"GNF", "XOF"}


def test_people_are_sent_to_services_and_each_referral_has_come_so_far(world: Flask) -> None:
    states = list(db.session.scalars(select(Referral.state)))
    assert set(states) >= {"written", "declined", "sent", "accepted", "refused", "did_not_come", "outcome"}
    assert set(db.session.scalars(select(Referral.restricted))) == {True, False}


def test_the_card_of_aminata_opens_her_page(made: tuple[Flask, tuple[str, str]], tmp_path: Path) -> None:
    app, card = made
    visitor = Person(app)
    visitor.posts("/my/sign-in", {"code": card[0], "pin": card[1]})
    assert "Un achat pour vous est en cours de paiement" in visitor.opens("/my").text()
    keep_card(tmp_path, card)
    assert card[1] in how_to_sign_in(tmp_path)
    assert stat.S_IMODE((tmp_path / "demo.txt").stat().st_mode) == 0o600


def test_pages_of_the_demo_open_for_those_who_work_there(made: tuple[Flask, tuple[str, str]]) -> None:
    app = made[0]
    with app.app_context():
        aminata = db.session.scalars(select(Case).where(Case.external_ref == "MA-AVRR-2025-0999")).one().id
        ids = {name: staff(name).id for name, *_ in ACCOUNTS}
    Person(app, ids["ibrahima"]).opens("/today")
    page = Person(app, ids["ibrahima"]).opens(f"/cases/{aminata}")
    assert "Les deux machines sont là" in page.text()
    assert page.soup.select("figure.photo img")
    Person(app, ids["salma"]).opens(f"/cases/{aminata}")
    Person(app, ids["kadiatou"]).opens("/dashboard")
    Person(app, ids["awa"]).opens(f"/cases/{aminata}", 404)


# What `flask check` proves, and each fault that it must find


def check(app: Flask) -> Any:
    return app.test_cli_runner().invoke(args=["check"])


def test_the_demo_world_is_whole(world: Flask) -> None:
    done = check(world)
    assert done.exit_code == 0, done.output
    assert done.output.count(": ok") == len(CHECKS)


def test_a_lost_file_is_named_and_fails_the_check(world: Flask) -> None:
    storage = world.extensions["storage"]
    key = db.session.scalars(select(Photo.thumb).limit(1)).one()
    thumb = storage.get(key)
    storage.delete(key)
    try:
        done = check(world)
        assert done.exit_code != 0
        assert f"{key} is not in the storage" in done.output
    finally:
        storage.put(thumb, "thumb")


def _change_a_sum() -> None:
    allocation = db.session.scalars(select(Allocation).limit(1)).one()
    allocation.granted_minor += 1


def _exchange_answers() -> None:
    one, other = db.session.scalars(select(CheckIn).where(CheckIn.answers_sealed.is_not(None)).limit(2))
    one.answers_sealed = other.answers_sealed


def _promise_a_visit() -> None:
    promised = Submission(id=uuid4(), number=1, kind="visit", digest="0" * 64, outcome="accepted", errors={})
    promised.sealing_key, promised.received_at = "key", clock.now()
    db.session.add(promised)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (_change_a_sum, "its entries make"),
        (_exchange_answers, "answers_sealed does not open"),
        (_promise_a_visit, "accepted, but its visit is not there"),
    ],
)
def test_a_planted_fault_is_named(world: Flask, plant: Callable[[], None], said: str) -> None:
    plant()
    db.session.flush()
    try:
        found = [fault for faults in CHECKS.values() for fault in faults()]
        assert len(found) == 1
        assert said in found[0]
    finally:
        db.session.rollback()


# Commands


def test_a_list_is_read_shown_and_taken_in_once(app: Flask, cast: Any) -> None:
    runner = app.test_cli_runner()
    refused = runner.invoke(args=["intake", str(LIST)], input="n\n")
    assert refused.exit_code != 0
    with app.app_context():
        before = number_of(select(Case))
    taken = runner.invoke(args=["intake", str(LIST), "--yes", "--by", "karim@demo"])
    assert taken.exit_code == 0, taken.output
    assert "Mamadou Bah" in taken.output
    assert "Ligne de total" in taken.output
    with app.app_context():
        assert number_of(select(Case)) == before + 209
    again = runner.invoke(args=["intake", str(LIST), "--yes", "--by", "karim@demo"])
    assert "new: 0" in again.output
    with app.app_context():
        assert number_of(select(Case)) == before + 209


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["intake", __file__, "--yes"], "Excel"),
        (["intake", str(LIST), "--by", "nobody@demo"], "No such account"),
        (["intake", str(LIST), "--by", "farah@demo"], "may not take lists in"),
    ],
)
def test_a_list_that_cannot_be_taken_in_is_refused_in_words(
    app: Flask, cast: Any, arguments: list[str], said: str
) -> None:
    done = app.test_cli_runner().invoke(args=arguments)
    assert done.exit_code != 0
    assert said in done.output


def test_the_first_administrator_is_made_by_command(app: Flask) -> None:
    asked = ["grant", "administrator", "Someone@Example.org", "--name", "Someone", "--office", "Labé"]
    password = "une longue phrase"
    answers = f"Labé\ngn\nAfrica/Conakry\ngnf\n+224620000000\nshort\nshort\n{password}\n{password}\n"
    done = app.test_cli_runner().invoke(args=asked, input=answers)
    assert "password was not accepted" in done.output
    done = app.test_cli_runner().invoke(args=asked, input=answers.replace("short\nshort\n", ""))
    assert done.exit_code == 0, done.output
    Person(app).posts("/sign-in", {"email": "someone@example.org", "password": password})


def test_another_role_signs_out(app: Flask, cast: Any, ibrahima: Person) -> None:
    ibrahima.opens("/today")
    assert app.test_cli_runner().invoke(args=["grant", "analyst", "ibrahima@demo"]).exit_code == 0
    assert ibrahima.client.get("/today").status_code == 303


@pytest.mark.parametrize("command", ["worker", "demo", "intake", "grant", "check"])
def test_every_command_explains_itself(app: Flask, command: str) -> None:
    done = app.test_cli_runner().invoke(args=[command, "--help"])
    assert done.exit_code == 0
    assert len(done.output.splitlines()) >= 4


# Starting


def start(
    folder: Path, *more: str, program: Sequence[str | Path] = (sys.executable, "-m", "webapp.serve")
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*program, "--port", "0", "--data", str(folder), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def lines_until_address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("Suivi is at "):
            return line.removeprefix("Suivi is at ").strip()
    raise AssertionError("the server ended without saying where it is")


def test_an_empty_start_answers_stops_cleanly_and_stays_empty(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    for _ in range(2):
        server = start(folder, "--empty")
        try:
            address = lines_until_address(server)
            with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
                assert answer.status == 200
            with urllib.request.urlopen(f"{address}/sign-in", timeout=10) as answer:
                assert "démonstration" not in answer.read().decode()
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "suivi.sqlite").stat().st_mode) == 0o600
    assert not (folder / "demo.txt").exists()


def test_the_readmes_command_keeps_its_data_and_its_sessions(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    seen = []
    for time in ("first", "second"):
        server = start(folder, program=[ROOT / "bin/run"])
        try:
            address = lines_until_address(server)
            if time == "first":
                with visitor.open(f"{address}/sign-in", timeout=10) as answer:
                    fields = BeautifulSoup(answer.read(), "html5lib").select("form[action='/sign-in'] [name]")
                typed = {str(field["name"]): str(field.get("value", "")) for field in fields}
                typed |= {"email": "ibrahima@demo", "password": PASSWORD}
                visitor.open(f"{address}/sign-in", urlencode(typed).encode(), timeout=30).close()
            with visitor.open(f"{address}/cases?q=Aminata", timeout=10) as answer:
                seen.append(BeautifulSoup(answer.read(), "html5lib").select_one("main"))
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0
        with closing(sqlite3.connect(folder / "suivi.sqlite")) as kept:
            rows = "SELECT id, code, version FROM cases ORDER BY id"
            seen.append(kept.execute(rows).fetchall())
    assert "Aminata Bah" in str(seen[0])
    assert seen[0] == seen[2], "the same page, still signed in"
    assert seen[1] == seen[3]


# Words


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_word_lists_are_long_and_without_doubles(locale: str) -> None:
    words = word_list(locale)
    assert len(words) >= 1024
    assert len({plain(word) for word in words}) == len(words)
    assert len(words) ** LENGTH[locale] >= 2**55
    assert len(propose(locale)) == LENGTH[locale]


def test_arabic_words_are_short_and_plain() -> None:
    for word in word_list("ar"):
        assert 3 <= len(word) <= 7
        assert all("\u0621" <= letter <= "\u064a" and letter != "\u0640" for letter in word)
