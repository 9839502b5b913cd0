"""From a result to what is done: who is told, until when, and who never hears of it."""

import logging
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from tests.browser_client import Person
from tests.cast import Cast
from tests.test_rights import DOORS, SIGNS_OUT, path_of
from tests.world import OWN, check_in_fields, make_world, principals
from webapp import clock, worker
from webapp.alerts import daily
from webapp.alerts.models import Alert
from webapp.cases.models import Case
from webapp.check_ins import actions
from webapp.check_ins.models import CheckIn, NextStep
from webapp.database import db

PHQ = {f"phq{n}": "0" for n in range(1, 10)}


@pytest.fixture
def url(cast: Cast) -> str:
    return f"/cases/{cast.aminata}/check-ins"


def alerts(app: Flask) -> set[tuple[str, UUID, bool]]:
    worker.drain(app)
    with app.app_context():
        told = db.session.query(Alert).where(Alert.rule != "case_assigned")
        return {(alert.rule, alert.for_id, alert.urgent) for alert in told}


def test_a_wish_for_support_is_offered_within_a_week_and_its_answer_has_no_consequence(
    app: Flask, people: Any, url: str, cast: Cast
) -> None:
    with app.app_context():
        before = db.session.get_one(Case, cast.aminata).next_follow_up_on
    people("salma").posts(
        url, check_in_fields("-----", instrument="reintegration-survey", version="1", P8="1")
    )
    today = clock.today("Africa/Conakry")
    with app.app_context():
        step = db.session.query(NextStep).one()
        case = db.session.get_one(Case, cast.aminata)
        assert (step.action, step.due_on) == ("offer_referral", today + timedelta(days=7))
        assert case.next_follow_up_on == min(filter(None, [before, step.due_on]))
        step_id = step.id
    assert alerts(app) == {("step_asked", cast.ibrahima, False)}
    page = people("ibrahima").opens(url)
    assert "Proposer une orientation" in page.text()
    assert len(page.soup.select("form[action^='/next-steps/'] button")) == 2
    people("ibrahima").posts(f"/next-steps/{step_id}/outcome", {"outcome": "never heard"})
    people("ibrahima").posts(f"/next-steps/{step_id}/outcome", {"outcome": "declined"})
    people("salma").posts(f"/next-steps/{step_id}/outcome", {"outcome": "accepted"})
    assert "Rien à faire" in people("ibrahima").opens(url).text()
    with app.app_context():
        assert db.session.get_one(NextStep, step_id).outcome == "declined"
    for name in ("kadiatou", "karim"):
        assert "questionnaire" not in people(name).opens(f"/cases/{cast.aminata}").text("#timeline").lower()


def test_the_ninth_question_calls_a_counsellor_the_same_day_whatever_the_sum(
    app: Flask, people: Any, url: str, cast: Cast
) -> None:
    people("salma").posts(
        url, check_in_fields("-----", instrument="phq-9", version="1", **{**PHQ, "phq9": "1"})
    )
    with app.app_context():
        step = db.session.query(NextStep).one()
        assert (step.action, step.due_on) == ("counsellor_today", clock.today("Africa/Conakry"))
    page = people("salma").opens(url)
    assert "parle avec la personne" in page.text()
    # Without a sum too: one question was left out.
    left_out = {name: code for name, code in PHQ.items() if name != "phq1"} | {"phq9": "3"}
    people("salma").posts(url, check_in_fields("-----", instrument="phq-9", version="1", **left_out))
    with app.app_context():
        assert [step.action for step in db.session.query(NextStep)] == ["counsellor_today"] * 2


def test_what_nobody_did_in_time_is_told_once_to_whom_it_is_for(
    app: Flask, people: Any, url: str, cast: Cast
) -> None:
    people("ibrahima").posts(url, check_in_fields("22222"))
    people("ibrahima").posts(url, check_in_fields("00000"))
    assert alerts(app) == {("counsellor_needed", cast.salma, True)}
    with app.app_context():
        for step in db.session.query(NextStep):
            step.due_on -= timedelta(days=20)
        db.session.commit()
        for _ in range(2):
            now = clock.now()
            found = list(daily.findings(cast.conakry, since=now, now=now))
            daily.note(
                [each for each in found if each.kind == "check_in.step_late"], office_id=cast.conakry, now=now
            )
            db.session.commit()
        assert not any(
            each.kind == "check_in.step_late" for each in daily.findings(cast.dakar, since=now, now=now)
        )
    assert alerts(app) == {
        ("counsellor_needed", cast.salma, True),
        ("step_late", cast.salma, True),
        ("step_late", cast.ibrahima, False),
    }
    assert "en retard" in people("ibrahima").opens(url).text()


def test_the_course_of_a_case_has_its_numbers_and_says_what_counts(people: Any, url: str) -> None:
    worst, best = _answers(0), _answers(-1)
    for answers in (worst, best):
        people("ibrahima").posts(
            url, check_in_fields("-----", instrument="reintegration-survey", version="1", **answers)
        )
    page = people("salma").opens(url)
    rows = {row.select_one("th").get_text(): row.get_text(" ") for row in page.soup.select("tbody tr")}
    assert len(rows) == 4
    assert all("+1,00" in said and "en hausse" in said for said in rows.values())
    assert page.soup.select("svg.course polyline")
    assert "0,15" in page.text()
    officer = people("ibrahima").opens(url)
    assert len(officer.soup.select("tbody tr")) == 2
    assert "Psychosocial" not in officer.text("table")


def _answers(which: int) -> dict[str, str]:
    from webapp.check_ins.instruments import instrument

    ordered = {
        item.id: sorted((each for each in item.options if each.applies), key=lambda each: each.score or 0)
        for item in instrument("reintegration-survey").scored
    }
    return {item: str(options[which].value) for item, options in ordered.items()}


# Canaries: an answer and a score that stand nowhere else, and who may ever meet them

ANSWER, SCORE = 8_675_309, 77_317
SEES_ALL = {"ibrahima", "salma"}
"""The author, and the counsellor of the case."""

CANARY_FILE = """{"format": 2, "id": "canary", "version": 1, "licence": "x", "source": "x", "given_by": {"field_officer": 18},
"recall_days": null, "languages": ["fr"], "name": {"fr": {"text": "Canari", "provenance": "unverified"}},
"introduction": {"fr": {"text": "…", "provenance": "unverified"}},
"scales": {"s": [{"value": "bird", "score": "77317", "label": {"fr": {"text": "Kanarioui", "provenance": "unverified"}}},
{"value": "none", "score": "0", "label": {"fr": {"text": "Rien", "provenance": "unverified"}}}]},
"items": [{"id": "sings", "kind": "one", "scale": "s", "weight": "1", "statement": {"fr": {"text": "?", "provenance": "unverified"}}},
{"id": "times", "kind": "number", "lowest": 0, "highest": 99999999, "statement": {"fr": {"text": "?", "provenance": "unverified"}}}],
"scoring": {"version": 1, "method": "sum", "least_answered": "1",
"bands": [{"id": "all", "action": "offer_counsellor", "within_days": 14}]}}"""


def test_an_answer_and_a_score_are_met_by_their_author_and_the_counsellor_and_by_nobody_else(
    app: Flask, engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    if engine != "sqlite":
        pytest.skip("one engine is enough for what pages say")
    caplog.set_level(logging.DEBUG)
    world = make_world(app)
    everybody = principals(app, world)
    with app.app_context():
        actions.publish(CANARY_FILE, by=world.staff["root"], now=clock.now())
        db.session.commit()
    id = uuid4()
    fields = check_in_fields(
        "-----", id=str(id), instrument="canary", version="1", sings="bird", times=str(ANSWER)
    )
    everybody["ibrahima"].posts(f"/cases/{world.cases[OWN]}/check-ins", fields)
    world.check_ins[OWN] = id
    worker.drain(app)
    met = {name: canaries(crawled(app, person, world)) for name, person in everybody.items()}
    assert {name: found for name, found in met.items() if found} == {
        name: {"answer", "score"} for name in SEES_ALL
    }
    # Whom the case goes to afterwards, and a counsellor of the office who does not counsel it, learn what to do at most.
    assert not canaries(caplog.text)
    with app.app_context():
        tables = [
            name
            for (name,) in db.session.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        ]
        rows = [
            str(row)
            for table in tables
            for row in db.session.execute(text(f'SELECT * FROM "{table}"'))
            if table != "instruments"
        ]
        assert db.session.get_one(CheckIn, id).result_sealed
    assert not canaries("\n".join(rows)), "nothing readable in the database: jobs, pushes, timeline, alerts"


def crawled(app: Flask, person: Person, world: Any) -> str:
    """Everything this person is shown, as pages, fragments, exports, searches and the pack."""
    paths = [
        path_of(rule, world, OWN, app)
        for (method, rule) in DOORS
        if method == "GET" and rule not in SIGNS_OUT and "static" not in rule
    ]
    paths += [f"/cases/{world.cases[OWN]}/check-ins/new/canary"]
    for asked in ("Kanarioui", str(ANSWER), str(SCORE)):
        assert world.cases[OWN].hex not in person.client.get(f"/cases?q={asked}").text.replace("-", "")
    said = []
    for path in paths:
        answer = person.client.get(path)
        if answer.mimetype.startswith(("text", "application/json", "application/x-ndjson")):
            said.append(answer.get_data().decode("utf-8", "replace"))
        for link in ("/alerts/", "/check-ins/"):
            said += [
                person.client.get(each).get_data(as_text=True)
                for each in _links(said[-1] if said else "", link)
            ]
    return "\n".join(said)


def _links(html: str, start: str) -> set[str]:
    return set(re.findall(rf'href="({re.escape(start)}[0-9a-f-]{{36}})"', html))


def canaries(said: str) -> set[str]:
    digits = "".join(letter for letter in said if letter not in "\u202f\u00a0")
    found = {"answer"} if str(ANSWER) in digits or "8,675,309" in digits else set()
    return found | ({"score"} if str(SCORE) in digits and '"score": "77317"' not in digits else set())
