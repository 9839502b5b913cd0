"""The alerts page, and waking one's own phone."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select, update
from werkzeug.datastructures import MultiDict

from tests.alerts.conftest import subscribes
from tests.alerts.push_service import Browser, PushService
from tests.browser_client import Person
from tests.cast import Cast
from webapp import clock, worker
from webapp.alerts.models import Alert, PushSubscription
from webapp.cases.models import Case, Returnee
from webapp.database import db, prove_writable
from webapp.people.models import Staff
from webapp.web import LANGUAGES

Happens = Callable[..., int]


def alert_of(app: Flask, person: Any, rule: str) -> str:
    with app.app_context():
        query = select(Alert.id).where(Alert.for_id == person, Alert.rule == rule)
        return str(db.session.scalars(query.order_by(Alert.entry_number.desc())).first())


@pytest.fixture
def serious(app: Flask, cast: Cast, happens: Happens) -> str:
    """A serious concern about Aminata, as Kadiatou is told of it."""
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    return alert_of(app, cast.kadiatou, "serious_concern")


def test_a_manager_opens_the_case_from_the_push(
    app: Flask, cast: Cast, people: Any, service: PushService, ibrahima: Person, kadiatou: Person
) -> None:
    browser = Browser(service.address())
    subscribes(kadiatou, browser)
    now = clock.local(clock.now() - timedelta(minutes=5), "Africa/Conakry")
    ibrahima.posts(
        f"/cases/{cast.aminata}/visits",
        MultiDict(
            {"id": str(uuid4()), "visited_at": now.strftime("%Y-%m-%dT%H:%M"), "channel": "home_visit",
             "reached": "yes", "concern": "serious", "words": "J'ai peur"}
        ),
    )  # fmt: skip
    worker.drain(app)
    [arrived] = service.arrived
    path = browser.reads(arrived)["notification"]["navigate"].removeprefix("http://localhost")
    alert = kadiatou.opens(path)
    assert alert.text("h1") == "Une visite signale une inquiétude sérieuse"
    link = alert.soup.select_one(f'main a[href="/cases/{cast.aminata}"]')
    assert link is not None
    kadiatou.opens(link["href"])


def test_the_list_shows_open_alerts_first(app: Flask, cast: Cast, happens: Happens, kadiatou: Person) -> None:
    for _ in range(3):
        happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    happens("submission.quarantined", office=cast.conakry)
    worker.drain(app)
    kadiatou.posts(f"/alerts/{alert_of(app, cast.kadiatou, 'submission_quarantined')}/acknowledgement")
    titles = kadiatou.opens("/alerts").texts("#alerts strong")
    assert titles == ["Une visite signale une inquiétude sérieuse"] * 3 + [
        "Un envoi a été mis de côté : à vérifier"
    ]


def test_a_long_list_comes_in_pages_that_miss_and_repeat_nothing(
    app: Flask, cast: Cast, happens: Happens, kadiatou: Person
) -> None:
    for _ in range(70):
        happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    with app.app_context():
        done = select(Alert.id).where(Alert.for_id == cast.kadiatou).order_by(Alert.id).limit(35)
        ids = list(db.session.scalars(done))
        db.session.execute(update(Alert).where(Alert.id.in_(ids)).values(acknowledged_at=clock.now()))
        db.session.commit()
    seen: list[str] = []
    page = kadiatou.opens("/alerts")
    while True:
        seen += [row["id"] for row in page.soup.select("li.alert")]
        more = page.soup.select_one(".more-rows a")
        if more is None:
            break
        page = kadiatou.opens(more["href"])
    assert len(seen) == len(set(seen)) == 70
    assert {row.removeprefix("alert-") for row in seen[-35:]} == {str(id) for id in ids}


BROKEN_KEYS = [
    "x", "open~", "open~x~y", "done~9999-99-99~x", "~~", "open~2026-01-01T00:00:00~" + "0" * 32,
    "open~0001-01-01T00:00:00+14:00~" + "0" * 32, "done~9999-12-31T23:59:59-14:00~" + "0" * 32, "open~\x00~",
]  # fmt: skip


def test_a_broken_key_starts_at_the_beginning(kadiatou: Person, serious: str) -> None:
    for before in BROKEN_KEYS:
        answer = kadiatou.client.get("/alerts", query_string={"before": before})
        assert answer.status_code == 200, before
        assert serious in answer.text


def test_only_its_addressee_sees_an_alert(cast: Cast, people: Any, serious: str) -> None:
    people("kadiatou").opens(f"/alerts/{serious}")
    for name in ("moussa", "ibrahima", "salma", "root", "ada", "farah", "karim"):
        people(name).opens(f"/alerts/{serious}", status=404)
        people(name).posts(f"/alerts/{serious}/acknowledgement", status=404)
        assert "inquiétude" not in people(name).opens("/alerts").text()
    people("kadiatou").opens(f"/alerts/{uuid4()}", status=404)


def test_acknowledging_is_remembered_once(app: Flask, kadiatou: Person, serious: str) -> None:
    kadiatou.posts(f"/alerts/{serious}/acknowledgement")
    with app.app_context():
        first = db.session.scalar(select(Alert.acknowledged_at).where(Alert.rule == "serious_concern"))
    kadiatou.posts(f"/alerts/{serious}/acknowledgement")
    with app.app_context():
        assert (
            db.session.scalar(select(Alert.acknowledged_at).where(Alert.rule == "serious_concern")) == first
        )
    assert kadiatou.opens(f"/alerts/{serious}").soup.select("main form") == []


def test_htmx_gets_the_row_alone(kadiatou: Person, serious: str) -> None:
    answer = kadiatou.posts(f"/alerts/{serious}/acknowledgement", status=200, **{"HX-Request": "true"})
    assert "<html" not in answer.html
    assert len(answer.soup.select("li.alert")) == 1
    assert answer.soup.select("form") == []


def test_a_manager_learns_of_a_red_flag_but_not_whose(
    app: Flask, cast: Cast, happens: Happens, people: Any, kadiatou: Person
) -> None:
    happens("red_flag.raised", case=cast.aminata, by=cast.ibrahima)
    worker.drain(app)
    with app.app_context():
        code = db.session.get_one(Case, cast.aminata).code
    for path in ("/alerts", f"/alerts/{alert_of(app, cast.kadiatou, 'red_flag')}"):
        page = kadiatou.opens(path)
        assert code not in page.html
        assert str(cast.aminata) not in page.html
    assert "Ibrahima Diallo" in page.text(), "the manager calls the colleague who gave the signal"
    counsellor = people("salma").opens(f"/alerts/{alert_of(app, cast.salma, 'red_flag')}")
    assert code in counsellor.text()
    assert counsellor.soup.select(f'a[href="/cases/{cast.aminata}"]')


def test_a_counsellor_of_another_office_is_told_whom_to_call_and_no_more(
    app: Flask, cast: Cast, happens: Happens, people: Any
) -> None:
    happens("check_in.recorded", case=cast.fatou, by=cast.awa, next_step="counsellor_contact")
    worker.drain(app)
    page = people("salma").opens(f"/alerts/{alert_of(app, cast.salma, 'counsellor_needed')}")
    assert "Awa Ndiaye" in page.text()
    assert str(cast.fatou) not in page.html


def test_who_took_it_up_is_shown_to_the_others(app: Flask, cast: Cast, happens: Happens, people: Any) -> None:
    happens("red_flag.raised", case=cast.aminata, by=cast.ibrahima)
    worker.drain(app)
    people("salma").posts(f"/alerts/{alert_of(app, cast.salma, 'red_flag')}/acknowledgement")
    assert (
        "Salma Touré"
        in people("kadiatou").opens(f"/alerts/{alert_of(app, cast.kadiatou, 'red_flag')}").text()
    )


def test_the_author_is_led_to_the_submission(
    app: Flask, cast: Cast, happens: Happens, ibrahima: Person
) -> None:
    submission = str(uuid4())
    happens(
        "submission.needs_attention", office=cast.conakry, author=str(cast.ibrahima), submission=submission
    )
    worker.drain(app)
    page = ibrahima.opens(f"/alerts/{alert_of(app, cast.ibrahima, 'submission_needs_attention')}")
    assert page.soup.select(f'a[href="/submissions/{submission}"]')


def test_nobody_signed_in_sees_and_subscribes_nothing(people: Any, serious: str) -> None:
    nobody = people(None).client
    assert nobody.get("/alerts").status_code == 303
    assert nobody.get(f"/alerts/{serious}").status_code == 303
    assert nobody.post(f"/alerts/{serious}/acknowledgement").status_code == 401
    for method, path in (
        ("POST", "/push/subscriptions"),
        ("DELETE", "/push/subscriptions"),
        ("POST", "/push/test"),
    ):
        answer = nobody.open(path, method=method, json={})
        assert (answer.status_code, answer.mimetype) == (401, "application/json")


# What a push and a title may say


def test_nothing_personal_leaves_in_any_push_or_title(
    app: Flask,
    cast: Cast,
    people: Any,
    happens: Happens,
    service: PushService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    canaries = ["Zinédineya", "Kankalabé", "Wonkifong", "chagrin-canari", "GN-CANAR"]
    with app.app_context():
        case = db.session.get_one(Case, cast.aminata)
        case.place, case.region, case.code = "Kankalabé", "Wonkifong", "GN-CANAR"
        db.session.get_one(Returnee, case.returnee_id).given_names = "Zinédineya"
        for locale, name in zip(LANGUAGES, ("ibrahima", "kadiatou", "salma"), strict=True):
            db.session.get_one(Staff, getattr(cast, name)).locale = locale
        db.session.commit()
    browsers = {name: Browser(service.address(f"/{name}")) for name in ("ibrahima", "kadiatou", "salma")}
    for name, browser in browsers.items():
        subscribes(people(name), browser)
    facts: dict[str, Any] = {
        "concern": "serious", "next_step": "counsellor_contact", "stage": "arrived", "words": "chagrin-canari",
        "notes": "Zinédineya à Kankalabé", "reason": "chagrin-canari", "officer": "Zinédineya", "score": 5,
        "author": str(cast.ibrahima),
    }  # fmt: skip
    for kind in (
        "visit.recorded", "check_in.recorded", "red_flag.raised", "photo.refused", "submission.needs_attention",
        "submission.contested", "submission.quarantined", "returnee.not_received", "returnee.call_me_back",
        "case.stage", "case.assigned",
    ):  # fmt: skip
        happens(kind, case=cast.aminata, by=cast.ibrahima, **facts)
    for _ in range(3):
        worker.drain(app)
        monkeypatch.setenv("SUIVI_TEST_CLOCK", (clock.now() + timedelta(hours=1, minutes=1)).isoformat())
    said = set()
    for arrived in service.arrived:
        message = browsers[arrived.path[1:]].reads(arrived)
        # The case's id stands in no push either: the alert's own id opens the right page.
        assert not any(canary in str(message) for canary in [*canaries, str(cast.aminata), "/cases/"])
        assert set(message["notification"]) == {"title", "lang", "body", "navigate", "tag"}
        said.add((message["notification"]["lang"], message["notification"]["body"]))
    assert {arrived.path for arrived in service.arrived} == {"/ibrahima", "/kadiatou", "/salma"}
    assert len(said) <= 6, "one sentence for what is urgent, one for all the rest, in each language"
    monkeypatch.delenv("SUIVI_TEST_CLOCK")
    for name in browsers:
        page = people(name).opens("/alerts")
        for title in page.texts("#alerts strong"):
            assert not any(canary in title for canary in canaries)


# Subscribing


def test_a_subscription_lies_encrypted(
    app: Flask, cast: Cast, service: PushService, kadiatou: Person
) -> None:
    browser = Browser(service.address("/secret-canary"))
    assert "essai" in subscribes(kadiatou, browser)["sentence"]
    with app.app_context():
        row = db.session.scalars(select(PushSubscription)).one()
        assert b"canary" not in row.sealed
        assert browser.subscription["keys"]["auth"].encode() not in row.sealed
        assert row.staff_id == cast.kadiatou


NO_SUBSCRIPTIONS: list[Any] = [
        None, [], "x", 5, {}, {"endpoint": "https://fcm.googleapis.com/x"}, {"endpoint": 5, "keys": {}},
        {"endpoint": "https://fcm.googleapis.com/x", "keys": []},
        {"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": None, "auth": 1}},
        {"endpoint": "https://evil.example/x", "keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"endpoint": ["https://fcm.googleapis.com/x"], "keys": "x"},
]  # fmt: skip


def test_what_is_no_subscription_is_answered_with_a_sentence(app: Flask, kadiatou: Person) -> None:
    for asked in NO_SUBSCRIPTIONS:
        answer = kadiatou.client.post("/push/subscriptions", json=asked)
        assert answer.status_code == 422, asked
        assert answer.get_json()["sentence"]
    with app.app_context():
        assert db.session.scalars(select(PushSubscription)).all() == []


def test_a_form_is_no_subscription(kadiatou: Person) -> None:
    assert kadiatou.client.post("/push/subscriptions", data={"endpoint": "x"}).status_code == 422
    assert kadiatou.client.delete("/push/subscriptions", data=b"\xff").status_code == 422


def test_the_same_browser_twice_is_one_and_the_sixth_replaces_the_oldest(
    app: Flask, cast: Cast, service: PushService, kadiatou: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in (1, 1, 2, 3, 4, 5, 6):
        subscribes(kadiatou, Browser(service.address(f"/{n}")))
        monkeypatch.setenv("SUIVI_TEST_CLOCK", (clock.now() + timedelta(seconds=1)).isoformat())
    answer = kadiatou.client.post("/push/test").get_json()
    assert answer["results"] == ["sent"] * 5
    assert sorted(arrived.path for arrived in service.arrived) == ["/2", "/3", "/4", "/5", "/6"]


def test_a_browser_that_changes_hands_wakes_for_its_new_person_only(
    app: Flask, cast: Cast, happens: Happens, people: Any, service: PushService
) -> None:
    shared = Browser(service.address("/shared"))
    subscribes(people("kadiatou"), shared)
    subscribes(people("ibrahima"), shared)
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    assert [a for a in service.arrived if a.headers["urgency"] == "high"] == []
    assert people("kadiatou").client.post("/push/test").get_json()["results"] == []
    assert people("ibrahima").client.post("/push/test").get_json()["results"] == ["sent"]


def test_one_can_stop_one_s_own_subscription_only(people: Any, service: PushService) -> None:
    browser = Browser(service.address())
    subscribes(people("kadiatou"), browser)
    people("ibrahima").client.delete("/push/subscriptions", json={"endpoint": browser.endpoint})
    assert people("kadiatou").client.post("/push/test").get_json()["results"] == ["sent"]
    answer = people("kadiatou").client.delete("/push/subscriptions", json={"endpoint": browser.endpoint})
    assert answer.get_json()["sentence"]
    assert people("kadiatou").client.post("/push/test").get_json()["results"] == []


@pytest.mark.parametrize(
    ("status", "result", "says"),
    [
        (201, "sent", "Envoyée"), (410, "gone", "retiré"), (403, "rejected", "a répondu 403"),
        (429, "busy", "occupé"), (307, "rejected", "a répondu 307"),
    ],
)  # fmt: skip
def test_the_test_alert_says_what_happened(
    status: int, result: str, says: str, kadiatou: Person, service: PushService
) -> None:
    subscribes(kadiatou, Browser(service.address()))
    service.status, service.headers = status, {"Location": service.address("/elsewhere")}
    answer = kadiatou.client.post("/push/test").get_json()
    assert answer["results"] == [result]
    assert says in answer["sentence"]
    assert [arrived.path for arrived in service.arrived] == ["/push/one"]


def test_without_a_subscription_the_test_alert_says_so(kadiatou: Person) -> None:
    assert "Aucun appareil" in kadiatou.client.post("/push/test").get_json()["sentence"]


def test_nobody_waits_for_the_database_while_a_push_service_thinks(
    app: Flask, kadiatou: Person, service: PushService
) -> None:
    wrote = threading.Event()

    def write_meanwhile() -> None:
        with app.app_context():
            prove_writable()
        wrote.set()

    subscribes(kadiatou, Browser(service.address()))
    service.before_answering = write_meanwhile
    assert kadiatou.client.post("/push/test").get_json()["results"] == ["sent"]
    assert wrote.is_set()


# Cost


def test_the_list_asks_the_database_three_times_and_no_table_is_read_through(
    app: Flask, engine: str, kadiatou: Person, serious: str
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    with app.app_context():
        database = db.engine
    event.listen(database, "before_cursor_execute", note)
    kadiatou.opens("/alerts")
    event.remove(database, "before_cursor_execute", note)
    assert len(asked) <= 3
    if engine == "sqlite":
        with database.connect() as connection:
            for statement, parameters in asked:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
                assert not [step for step in plan if "SCAN" in step[3] or "TEMP B-TREE" in step[3]], plan
