"""Purchase by purchase: what the returnee follows, and what they answer."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.alerts.conftest import alerts_by_person
from tests.allocations.builders import a_request, euros
from tests.allocations.hands import Hands
from tests.browser_client import Page, Person
from tests.cast import Cast
from webapp import clock, worker
from webapp.allocations import ledger
from webapp.allocations.models import Allocation, Instalment, Payment, RequestStep
from webapp.allocations.requests.actions import confirm_payment, fail_payment
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.returnee_pages.actions import make_access
from webapp.returnee_pages.models import ReturneeWord
from webapp.returnee_pages.queries import status_of

WAY = ("draft", "requested", "approved", "ordered", "delivered", "invoiced", "paid")


@pytest.fixture
def visitor(app: Flask, cast: Cast, people: Any) -> Person:
    """Aminata, behind her card."""
    with app.app_context():
        code, pin = make_access(db.session.get_one(Case, cast.aminata), clock.now())
        db.session.commit()
    visitor: Person = people(None)
    visitor.posts("/my/sign-in", {"code": code, "pin": pin})
    return visitor


def a_purchase(app: Flask, cast: Cast, until: str, *, case_id: UUID | None = None, **facts: Any) -> UUID:
    with app.app_context():
        allocation = db.session.scalars(
            select(Allocation).where(Allocation.case_id == (case_id or cast.aminata))
        ).one()
        approved = WAY.index(until) >= 2 if until in WAY else until != "rejected"
        asked = a_request(
            allocation,
            cast,
            euros(12_300),
            state=until,
            approver_id=cast.kadiatou if approved else None,
            **facts,
        )
        if approved:
            ledger.set_aside(asked, by=cast.kadiatou, now=clock.now())
        reached = WAY[: WAY.index(until) + 1] if until in WAY else (*WAY[:2], until)
        for days, state in enumerate(reached):
            at = clock.now() - timedelta(days=20 - days)
            by = cast.kadiatou if state in ("verified", "closed") else cast.ibrahima
            db.session.add(RequestStep(request_id=asked.id, state=state, by_id=by, at=at))
        db.session.commit()
        return asked.id


def steps_of(page: Page) -> list[str]:
    return page.texts(".steps li span")


def says(visitor: Person, page: Page, kind: str) -> Page:
    """Tap the button of this answer, the way a browser without scripts does."""
    button = page.soup.select_one(f'.purchases button[value="{kind}"]')
    assert button is not None
    form = button.find_parent("form")
    assert form is not None
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    visitor.posts("/my/words", {**fields, "kind": kind})
    return visitor.opens(f"/my?said={kind}")


def test_each_purchase_is_followed_in_plain_dated_words(app: Flask, cast: Cast, visitor: Person) -> None:
    a_purchase(app, cast, "paid")
    page = visitor.opens("/my")
    assert "Machine à coudre" in page.text(".purchases")
    assert "123,00 EUR" in page.text(".purchases").replace("\xa0", " ")
    assert steps_of(page) == ["Demandé", "Accepté", "Commandé", "Remis", "Payé"]
    assert len(page.soup.select(".steps time")) == 5


def test_a_plan_that_is_still_being_written_is_not_told(app: Flask, cast: Cast, visitor: Person) -> None:
    a_purchase(app, cast, "draft")
    assert not visitor.opens("/my").soup.select(".purchases")


def test_a_refusal_is_told_and_asks_nothing(app: Flask, cast: Cast, visitor: Person) -> None:
    a_purchase(app, cast, "rejected")
    page = visitor.opens("/my")
    assert steps_of(page) == ["Demandé", "Pas accepté"]
    assert not page.soup.select(".purchases form")


def test_medicine_is_not_named_on_a_page_that_others_may_see(app: Flask, cast: Cast, visitor: Person) -> None:
    a_purchase(app, cast, "delivered", category="medicine", what="Antirétroviraux")
    html = visitor.opens("/my").html.lower()
    assert "antirétroviraux" not in html
    assert "médic" not in html
    assert "dépense personnelle" in html


@pytest.mark.parametrize(
    ("until", "kind", "asked"),
    [("ordered", "provider", False), ("delivered", "provider", True), ("approved", "cash", False)],
)
def test_receipt_is_asked_for_what_was_handed_over(
    app: Flask, cast: Cast, visitor: Person, until: str, kind: str, asked: bool
) -> None:
    a_purchase(app, cast, until, payee_kind=kind)
    assert bool(visitor.opens("/my").soup.select('.purchases button[value="received"]')) is asked


def test_received_is_said_once_and_asked_no_more(
    app: Flask, cast: Cast, visitor: Person, ibrahima: Person
) -> None:
    id = a_purchase(app, cast, "delivered")
    page = says(visitor, visitor.opens("/my"), "received")
    assert "C’est noté" in page.text()
    assert steps_of(page)[-1] == "Vous avez dit : reçu"
    assert not page.soup.select(".purchases form")
    with app.app_context():
        word = db.session.scalars(select(ReturneeWord)).one()
        assert (word.request_id, word.kind) == (id, "received")
    assert "La personne dit : reçu" in ibrahima.opens(f"/cases/{cast.aminata}/allocation").text()


@pytest.mark.parametrize(
    ("kind", "rule"), [("not_received", "returnee_not_received"), ("partly", "returnee_received_partly")]
)
def test_what_did_not_come_is_told_to_officer_and_manager_and_leads_to_the_request(
    app: Flask, cast: Cast, visitor: Person, kadiatou: Person, kind: str, rule: str
) -> None:
    id = a_purchase(app, cast, "delivered")
    page = says(visitor, visitor.opens("/my"), kind)
    assert page.soup.select('.purchases button[value="received"]'), "it may still come"
    worker.drain(app)
    assert alerts_by_person(app) == sorted([(rule, cast.ibrahima), (rule, cast.kadiatou)], key=str)
    link = kadiatou.opens("/alerts").soup.select_one('a[href^="/alerts/"]')
    assert link is not None
    assert kadiatou.opens(str(link["href"])).soup.select_one(f'a[href="/payment-requests/{id}"]')


def asks(page: Page) -> bool:
    return bool(page.soup.select('.purchases button[value="received"]'))


def test_receipt_of_money_is_asked_until_the_office_knows_that_it_arrived(
    app: Flask, cast: Cast, visitor: Person
) -> None:
    hands = Hands(app, cast)
    id = hands.walks(hands.asks("100", "cash"), "approval", "payment")
    assert asks(visitor.opens("/my"))
    with hands.held(id) as (asked, case):
        payment = db.session.scalars(select(Payment).where(Payment.request_id == id)).one()
        confirm_payment(payment, asked, case, by=hands.known("farah"), now=clock.now())
    assert not asks(visitor.opens("/my"))


@pytest.mark.parametrize("kind", ["received", "not_received"])
def test_what_who_has_the_money_says_stands_where_finance_notes_whether_it_arrived(
    app: Flask, cast: Cast, visitor: Person, people: Any, kind: str
) -> None:
    hands = Hands(app, cast)
    id = hands.walks(hands.asks("100", "mobile_money"), "approval", "payment")
    with app.app_context():
        payment = db.session.scalars(select(Payment).where(Payment.request_id == id)).one()
    farah = people("farah")
    assert "La personne dit" not in farah.opens(f"/payments/{payment.id}").text()
    says(visitor, visitor.opens("/my"), kind)
    words = "La personne dit : reçu" if kind == "received" else "La personne dit : pas reçu"
    assert words in farah.opens(f"/payments/{payment.id}").text()
    assert words in farah.posts(f"/payments/{payment.id}/failure", {"reason": ""}, status=422).text()
    with app.app_context():
        assert db.session.get_one(Payment, payment.id).confirmed_at is None, "a word moves no money"


def test_a_word_about_a_payment_that_failed_says_nothing_of_the_next(
    app: Flask, cast: Cast, visitor: Person, people: Any
) -> None:
    hands = Hands(app, cast)
    id = hands.walks(hands.asks("100", "mobile_money"), "approval", "payment")
    says(visitor, visitor.opens("/my"), "not_received")
    with hands.held(id) as (asked, case):
        payment = db.session.scalars(select(Payment).where(Payment.request_id == id)).one()
        fail_payment(payment, asked, case, reason="Numéro éteint", by=hands.known("farah"), now=clock.now())
    hands.pays(id)
    with app.app_context():
        again = db.session.scalars(
            select(Payment.id).where(Payment.request_id == id, Payment.failed_at.is_(None))
        ).one()
    assert "La personne dit" not in people("farah").opens(f"/payments/{again}").text()


def test_that_goods_came_does_not_say_that_the_provider_was_paid(
    app: Flask, cast: Cast, visitor: Person
) -> None:
    hands = Hands(app, cast)
    id = hands.walks(hands.asks("100"), "approval", "order", "delivery", "invoice", "payment")
    says(visitor, visitor.opens("/my"), "received")
    with app.app_context():
        payment = db.session.scalars(select(Payment).where(Payment.request_id == id)).one()
        assert payment.confirmed_at is None


def test_every_line_of_the_money_can_be_followed_and_names_nobody(
    app: Flask, cast: Cast, visitor: Person
) -> None:
    hands = Hands(app, cast)
    goats = hands.walks(hands.asks("100", "cash", what="Deux chèvres"), "approval", "payment")
    with hands.held(goats) as (asked, case):
        payment = db.session.scalars(select(Payment).where(Payment.request_id == goats)).one()
        fail_payment(payment, asked, case, reason="Ibrahima ment", by=hands.known("farah"), now=clock.now())
    hands.walks(hands.asks("20", category="medicine", what="Antirétroviraux"), "approval")
    page = visitor.opens("/my")
    lines = [text.replace("\xa0", " ") for text in page.texts("details li")]
    assert len(lines) == 7
    assert "Ibrahima ment" not in page.html
    assert any("Mis de côté" in line and "Deux chèvres" in line and "100,00 EUR" in line for line in lines)
    assert "ntirétroviraux" not in page.html
    for name in ("Ibrahima", "Kadiatou", "Farah"):
        assert name not in page.text("details")


def test_receipt_of_goods_is_asked_until_the_purchase_is_closed(
    app: Flask, cast: Cast, visitor: Person
) -> None:
    hands = Hands(app, cast)
    id = hands.walks(hands.asks("100"), "approval", "order", "delivery", "invoice", "payment", "verification")
    with hands.held(id) as (asked, case):
        payment = db.session.scalars(select(Payment).where(Payment.request_id == id)).one()
        confirm_payment(payment, asked, case, by=hands.known("farah"), now=clock.now())
    assert asks(visitor.opens("/my")), "the provider has the money"
    hands.walks(id, "closure")
    assert not asks(visitor.opens("/my"))


def promise_on(page: Page) -> dict[str, str]:
    rows = page.soup.select(".promise > div:not(.words)")
    return {
        row.select_one("dt").get_text(strip=True): "".join(row.select_one("dd").get_text().split())  # type: ignore[union-attr]
        for row in rows
    }


def test_what_is_promised_is_paid_set_aside_for_later_or_left(
    app: Flask, cast: Cast, visitor: Person
) -> None:
    assert promise_on(visitor.opens("/my")) == {
        "Promis": "1500,00EUR", "Déjà payé": "200,00EUR", "Mis de côté pour vos achats": "400,00EUR",
        "Reste": "900,00EUR",
    }  # fmt: skip
    a_purchase(app, cast, "approved")
    with app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        db.session.add(
            Instalment(allocation_id=allocation.id, number=1, minor=30_000, condition="Premier achat vu")
        )
        db.session.flush()
        ledger.hold_back(allocation, 30_000)
        db.session.commit()
    assert promise_on(visitor.opens("/my")) == {
        "Promis": "1500,00EUR", "Déjà payé": "200,00EUR", "Mis de côté pour vos achats": "523,00EUR",
        "Plus tard": "300,00EUR", "Reste": "477,00EUR",
    }  # fmt: skip


def test_money_is_set_aside_since_the_day_of_a_purchase_that_still_holds_it(app: Flask, cast: Cast) -> None:
    now = clock.now()
    with app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        held, given_up = (a_request(allocation, cast, euros(1_000), state="approved") for _ in "12")
        ledger.set_aside(held, by=cast.kadiatou, now=now - timedelta(days=9))
        ledger.set_aside(given_up, by=cast.kadiatou, now=now - timedelta(days=2))
        ledger.release(given_up, by=cast.kadiatou, now=now)
        db.session.commit()
        status = status_of(cast.aminata)
    assert status.step == "paying"
    assert status.since == (now - timedelta(days=9)).date()


def test_nobody_answers_for_the_purchase_of_another(app: Flask, cast: Cast, visitor: Person) -> None:
    other = a_purchase(app, cast, "delivered", case_id=cast.fatou)
    mine = a_purchase(app, cast, "delivered")
    on_its_way = a_purchase(app, cast, "ordered")
    for request in (str(other), str(on_its_way), str(uuid4()), "x"):
        visitor.posts("/my/words", {"id": str(uuid4()), "kind": "received", "request": request}, status=400)
    visitor.posts("/my/words", {"id": str(uuid4()), "kind": "call_me_back", "request": str(mine)}, status=400)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ReturneeWord)) == 0
        told = select(TimelineEntry.kind).where(TimelineEntry.kind.startswith("returnee."))
        assert db.session.scalars(told).all() == []
