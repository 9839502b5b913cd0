"""What a returnee asked or missed is answered by the office, once, and the answer is theirs to read."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.allocations.hands import Hands
from tests.browser_client import Page, Person
from tests.cast import Cast
from webapp import clock, worker
from webapp.alerts.models import Alert
from webapp.cases.models import Case
from webapp.cases.open_matters import open_matters
from webapp.database import db
from webapp.returnee_pages.actions import make_access
from webapp.returnee_pages.models import ReturneeWord


@pytest.fixture
def visitor(app: Flask, cast: Cast) -> Person:
    with app.app_context():
        code, pin = make_access(db.session.get_one(Case, cast.aminata), clock.now())
        db.session.commit()
    visitor = Person(app)
    visitor.posts("/my/sign-in", {"code": code, "pin": pin})
    return visitor


def says(visitor: Person, kind: str, request: Any = "") -> UUID:
    id = uuid4()
    visitor.posts("/my/words", {"id": str(id), "kind": kind, "request": str(request)})
    return id


def waits(app: Flask, cast: Cast) -> int:
    with app.test_request_context():
        return open_matters(cast.aminata).get("returnee_words", 0)


def words_on(page: Page) -> str:
    return page.text("section:has(#answers-title)")


def test_who_asks_to_be_called_reads_that_nobody_answered_and_then_the_answer(
    app: Flask, cast: Cast, visitor: Person, people: Any
) -> None:
    word = says(visitor, "call_me_back")
    assert "pas encore répondu" in words_on(visitor.opens("/my"))
    assert waits(app, cast) == 1
    worker.drain(app)
    kadiatou = people("kadiatou")
    alert = kadiatou.opens("/alerts").soup.select_one('a[href^="/alerts/"]')
    assert alert is not None
    link = kadiatou.opens(str(alert["href"])).soup.select_one(f"a[href='/returnee-words/{word}']")
    assert link is not None
    timeline = people("ibrahima").opens(f"/cases/{cast.aminata}")
    assert timeline.soup.select_one(f"a[href='/returnee-words/{word}']") is not None
    people("ibrahima").posts(f"/returnee-words/{word}/answer", {"answer": "Appelée <b>ce matin</b>."})
    told = words_on(visitor.opens("/my"))
    assert "Appelée <b>ce matin</b>." in told
    assert "Ibrahima" not in visitor.opens("/my").text("main")
    assert waits(app, cast) == 0
    worker.drain(app)
    with app.app_context():
        alerts = db.session.scalars(select(Alert).where(Alert.rule == "returnee_call_me_back")).all()
        assert alerts
        assert all(alert.settled_at for alert in alerts), "nobody is still called to it"


def test_the_first_answer_stands(app: Flask, cast: Cast, visitor: Person, people: Any) -> None:
    word = says(visitor, "call_me_back")
    people("ibrahima").posts(f"/returnee-words/{word}/answer", {"answer": "Demain à dix heures."})
    people("kadiatou").posts(f"/returnee-words/{word}/answer", {"answer": "Jamais."})
    with app.app_context():
        kept = db.session.get_one(ReturneeWord, word)
        assert (kept.answer, kept.answered_by_id) == ("Demain à dix heures.", cast.ibrahima)
    assert not people("kadiatou").opens(f"/returnee-words/{word}").soup.select("main form")


@pytest.mark.parametrize("text", ["", "   ", "x" * 301])
def test_an_answer_that_is_none_is_refused_beside_it_and_stays_typed(
    cast: Cast, visitor: Person, people: Any, text: str
) -> None:
    word = says(visitor, "call_me_back")
    page = people("ibrahima").posts(f"/returnee-words/{word}/answer", {"answer": text}, 422)
    assert page.text("#answer-field .error")
    field = page.soup.select_one("#answer")
    assert field is not None
    assert field["value"] == text.strip()


def test_what_came_after_all_waits_for_no_answer(app: Flask, cast: Cast, visitor: Person) -> None:
    hands = Hands(app, cast)
    bought = hands.walks(hands.asks("100"), "approval", "order", "delivery")
    says(visitor, "not_received", bought)
    says(visitor, "partly", bought)
    assert waits(app, cast) == 2
    says(visitor, "received", bought)
    assert waits(app, cast) == 0
    assert not visitor.opens("/my").soup.select("#answers-title")


def test_a_word_that_asks_nothing_has_no_page(cast: Cast, visitor: Person, people: Any, app: Flask) -> None:
    hands = Hands(app, cast)
    bought = hands.walks(hands.asks("100"), "approval", "order", "delivery")
    word = says(visitor, "received", bought)
    people("ibrahima").opens(f"/returnee-words/{word}", 404)


def test_a_case_does_not_end_over_an_unanswered_word(
    app: Flask, cast: Cast, visitor: Person, people: Any
) -> None:
    says(visitor, "call_me_back")
    assert "sans réponse" in people("ibrahima").opens(f"/cases/{cast.aminata}/closure/new").text()
