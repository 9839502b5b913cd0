"""What the pages of money tell those who use them, and what they ask of them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.allocations.builders import euros
from tests.allocations.hands import Hands
from tests.cast import Cast
from webapp import clock
from webapp.allocations.models import Payment
from webapp.cases.models import Case
from webapp.cases.queries import case_for_deed
from webapp.database import db
from webapp.money import Money
from webapp.returnee_pages.actions import make_access, say
from webapp.returnee_pages.queries import status_of
from webapp.web import NeedsAttention


@pytest.fixture
def hands(app: Flask, cast: Cast) -> Hands:
    return Hands(app, cast)


def plainly(text: str) -> str:
    return text.translate(str.maketrans({"\xa0": " ", "\u202f": " "}))


def returnee_says(hands: Hands, kind: str, request_id: UUID) -> None:
    with hands.app.app_context():
        case = case_for_deed(hands.case)
        assert case is not None
        say(case, kind, id=uuid4(), now=clock.now(), request_id=request_id)
        db.session.commit()


# An operator's fee


def test_a_fee_is_one_line_under_its_own_name_and_counted_for_everybody(hands: Hands, people: Any) -> None:
    id = hands.walks(hands.asks("100", "mobile_money"), "approval")
    hands.pays(id, fee=Money(150, "EUR"))
    page = people("ibrahima").opens(f"/cases/{hands.case}/allocation")
    fees = [line for line in page.texts(".movements tbody tr") if "1,50 EUR" in plainly(line)]
    assert [plainly(line).startswith("Frais de l’opérateur") for line in fees] == [True]
    assert "dont frais de l’opérateur 1,50 EUR" in plainly(page.text(".sums"))
    with hands.app.app_context():
        promise = status_of(hands.case).promise
        assert promise is not None
        assert (promise.fees, promise.paid) == (euros(150), euros(30_150))
        card = make_access(db.session.get_one(Case, hands.case), clock.now())
        db.session.commit()
    visitor = people(None)
    visitor.posts("/my/sign-in", {"code": card[0], "pin": card[1]})
    assert "dont frais de l’opérateur 1,50 EUR" in plainly(visitor.opens("/my").text(".promise"))


# A payment that did not arrive


def test_a_payment_that_did_not_arrive_says_why_and_names_no_payer(hands: Hands, people: Any) -> None:
    id = hands.walks(hands.asks("100", "cash"), "approval")
    path, farah = f"/payment-requests/{id}", people("farah")
    assert "Noté payé par" not in farah.opens(path).text()
    hands.pays(id)
    assert "Noté payé par" in farah.opens(path).text()
    with hands.app.app_context():
        payment = db.session.scalars(select(Payment.id).where(Payment.request_id == id)).one()
    farah.posts(f"/payments/{payment}/failure", {"reason": "Numéro fermé"})
    assert "Raison Numéro fermé" in farah.opens(f"/payments/{payment}").text(".facts")
    page = farah.opens(path)
    assert page.text(".notice.bad") == "Paiement non arrivé : Numéro fermé"
    assert "Noté payé par" not in page.text()
    hands.pays(id)
    page = farah.opens(path)
    assert "Noté payé par" in page.text()
    assert not page.soup.select(".notice.bad")


def test_finance_sees_whose_money_has_not_come_back(hands: Hands, people: Any) -> None:
    never_paid = hands.walks(hands.asks("50"), "approval", "order", "delivery", "return")
    paid = hands.walks(
        hands.asks("100"), "approval", "order", "delivery", "invoice", "payment", "dispute", "return"
    )

    def awaited() -> list[str]:
        section = next(
            section
            for section in people("farah").opens("/payment-requests").soup.select("section")
            if "Remboursement attendu" in section.h2.text
        )
        return [row["href"].rpartition("/")[2] for row in section.select("a.row")]

    assert hands.state(never_paid) == "returned"
    assert awaited() == [str(paid)]
    form = people("farah").opens(f"/payment-requests/{paid}").soup.select_one("form[action$=refunds]")
    assert form is not None
    sent = {str(field["name"]): str(field.get("value", "")) for field in form.select("input")}
    people("farah").posts(f"/payment-requests/{paid}/refunds", {**sent, "back_reference": "RET-1"})
    assert awaited() == []


@pytest.mark.parametrize(("amount", "first"), [("50", "Demande écrite"), ("500", "Attend les devis")])
def test_quotes_are_spoken_of_where_the_rule_asks_for_some(
    hands: Hands, people: Any, amount: str, first: str
) -> None:
    hands.under_a_rule()
    id = hands.asks(amount)
    assert people("ibrahima").opens(f"/payment-requests/{id}").texts("#steps-title + ol strong")[0] == first


# What the returnee says of a purchase


@pytest.mark.parametrize(("kind", "word"), [("not_received", "pas reçu"), ("partly", "reçu en partie")])
def test_nobody_overlooks_that_the_returnee_lacks_something(
    hands: Hands, people: Any, kind: str, word: str
) -> None:
    id = hands.walks(hands.asks("100"), "approval", "order", "delivery", "invoice", "payment")
    path = f"/payment-requests/{id}"
    page = people("kadiatou").opens(path)
    assert "La personne dit" not in page.text()
    assert page.soup.select("details form[action$=dispute]")
    returnee_says(hands, kind, id)
    page = people("kadiatou").opens(path)
    assert f"La personne dit : {word}" in page.text(".notice.bad")
    assert page.soup.select("section[aria-labelledby=now-title] form[action$=dispute]")
    for deed, state in (("verification", "verified"), ("closure", "closed")):
        form = people("kadiatou").opens(path).soup.select_one(f"form[action$={deed}]")
        assert form is not None
        assert form.select_one("input[name=reason][required]")
        sent = {str(field["name"]): str(field.get("value", "")) for field in form.select("input")}
        assert "Dites pourquoi." in people("kadiatou").posts(f"{path}/{deed}", sent, 422).text("#errors")
        people("kadiatou").posts(f"{path}/{deed}", {**sent, "reason": "Vue au marché"})
        assert hands.state(id) == state
    assert people("kadiatou").opens(path).text("#steps-title + ol").count("Vue au marché") == 2


def test_a_purchase_that_came_after_all_is_verified_without_a_reason(hands: Hands, people: Any) -> None:
    id = hands.walks(hands.asks("100"), "approval", "order", "delivery", "invoice", "payment")
    returnee_says(hands, "not_received", id)
    with pytest.raises(NeedsAttention) as refused:
        hands.does("verification", id, reason="")
    assert list(refused.value.errors) == ["reason"]
    returnee_says(hands, "received", id)
    assert not people("kadiatou").opens(f"/payment-requests/{id}").soup.select(".notice.bad")
    assert hands.does("verification", id, reason="") == "verified"
