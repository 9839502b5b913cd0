"""What comes after: what a page offers next, refunds, fees of what did not arrive, and being told once."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.allocations.builders import a_rate, a_request, euros, pay
from tests.allocations.hands import Hands
from tests.browser_client import Page, Person
from tests.cast import LONG_AGO, Cast
from tests.world import request_fields
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.ledger import available
from webapp.allocations.models import Allocation, LedgerEntry, Payment, RequestStep
from webapp.allocations.requests import queries
from webapp.allocations.requests.actions import fail_payment, offered, record_payment, take_step
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.money import Money
from webapp.returnee_pages.queries import status_of
from webapp.web import NeedsAttention


@pytest.fixture
def hands(app: Flask, cast: Cast) -> Hands:
    return Hands(app, cast)


def plainly(text: str) -> str:
    return text.translate(str.maketrans({"\xa0": " ", "\u202f": " "}))


# What is offered


def refused(hands: Hands, request_id: Any, name: str) -> list[str]:
    """The deeds that this person's page offers and that are refused when they are done; nothing stays done."""
    person, state, wrong = hands.known(name), hands.state(request_id), []
    with hands.app.test_request_context():
        case_id = hands.request(request_id).case_id
        case = db.session.get_one(Case, case_id)
        asked = queries.request_for_deed(request_id)
        assert asked is not None
        for deed, missing in offered(asked, case, by=person):
            if missing:
                continue
            try:
                if deed.name == "payment":
                    record_payment(
                        asked, case, id=uuid4(), paid=Money(asked.minor, asked.currency), fee=None, reference=str(uuid4()),
                        paid_on=clock.now().date(), by=person, now=clock.now(),
                    )  # fmt: skip
                else:
                    take_step(asked, case, deed, by=person, now=clock.now(), reason="Parce que")
            except NeedsAttention as said:
                wrong.append(f"{name}: {deed.name} in {state}: {said.errors}")
            db.session.rollback()
            asked = queries.request_for_deed(request_id)
            assert asked is not None
        db.session.rollback()
    return wrong


@pytest.mark.parametrize("kind", ["provider", "mobile_money"])
def test_what_a_page_offers_next_can_be_done(hands: Hands, kind: str) -> None:
    way = ["approval", "order", "delivery", "invoice", "payment", "dispute", "settlement", "closure"]
    if kind == "mobile_money":
        way = [deed for deed in way if deed not in ("order", "delivery", "invoice")]
    request_id, wrong = hands.asks("100", kind), []
    for deed in ["", *way]:
        if deed:
            hands.walks(request_id, deed)
        for name in ("ibrahima", "kadiatou", "farah"):
            wrong += refused(hands, request_id, name)
    assert hands.state(request_id) == "closed"
    # Also to who asked, whatever they have become; and what is paid in part is not offered to be cancelled.
    partly = hands.walks(hands.asks("100", "cash"), "approval")
    hands.pays(partly, amount=Money(4_000, "EUR"))
    other = hands.asks("50")
    hands.becomes("ibrahima", "programme_manager")
    hands.becomes("farah", "programme_manager")
    for id in (partly, other):
        for name in ("ibrahima", "kadiatou", "farah"):
            wrong += refused(hands, id, name)
    assert not wrong, "\n".join(wrong)


def test_an_offer_that_would_be_refused_is_noticed(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = hands.asks("50")
    hands.becomes("ibrahima", "programme_manager")
    monkeypatch.setattr("webapp.allocations.requests.actions._is_barred", lambda *args, **how: False)
    assert refused(hands, request_id, "ibrahima")


def test_a_paper_that_is_missing_is_named_in_place_of_the_button(hands: Hands, ibrahima: Person) -> None:
    request_id = hands.walks(hands.asks("100"), "approval", "order")
    page = ibrahima.opens(f"/payment-requests/{request_id}")
    assert "Ajoutez d’abord l’attestation de remise" in page.text()
    assert not page.soup.select("form[action$=delivery]")
    hands.adds("handover", request_id)
    assert ibrahima.opens(f"/payment-requests/{request_id}").soup.select("form[action$=delivery]")


def test_a_price_far_above_similar_ones_is_pointed_out_to_who_approves(
    hands: Hands, kadiatou: Person, ibrahima: Person
) -> None:
    with hands.app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == hands.case)).one()
        for minor in (9_000, 10_000, 10_000, 11_000, 12_000):
            a_request(allocation, hands.cast, euros(minor), state="closed")
        db.session.commit()
    usual, dear = hands.asks("150"), hands.asks("150,01")
    for id, pointed_out in ((usual, False), (dear, True)):
        said = plainly(kadiatou.opens(f"/payment-requests/{id}").text())
        assert "Prix habituel pour ce genre d’achat : 100,00 EUR (5 demandes)." in said
        assert ("nettement plus chère" in said) == pointed_out
    rows = kadiatou.opens("/payment-requests").soup.select(".rows a.row")
    waiting = {row["href"].rpartition("/")[2]: plainly(row.get_text(" ")) for row in rows}
    for id, pointed_out in ((usual, False), (dear, True)):
        assert "d’habitude 100,00 EUR" in waiting[str(id)]
        assert ("Plus cher" in waiting[str(id)]) == pointed_out
    assert "Prix habituel" not in ibrahima.opens(f"/payment-requests/{dear}").text()


# Refunds


def refunds(farah: Person, request_id: Any, status: int = 303, **changed: str) -> Page:
    page = farah.opens(f"/payment-requests/{request_id}")
    form = page.soup.select_one("form[action$=refunds]")
    sent = {str(f["name"]): str(f.get("value", "")) for f in form.select("input")} if form else {}
    sent |= {"back_reference": "RET-1", **changed}
    return farah.posts(f"/payment-requests/{request_id}/refunds", sent, status)


def test_money_that_came_back_after_a_return_is_noted_once_and_can_be_spent_again(
    hands: Hands, people: Any
) -> None:
    farah, before = people("farah"), hands.left()
    with hands.app.app_context():
        a_rate("EUR", "GNF", "9000", LONG_AGO)
        db.session.commit()
    id = hands.asks("1800000", currency="GNF")
    hands.walks(id, "approval", "order", "delivery", "invoice", "payment")
    assert farah.opens(f"/payment-requests/{id}").soup.select("form[action$=refunds]") == []
    key = str(uuid4())
    too_soon = {"id": key, "version": str(hands.request(id).version), "back": "5", "back_on": ""}
    assert "qu’après le retour" in refunds(farah, id, 422, **too_soon).text()
    hands.walks(id, "dispute", "return")
    assert hands.left() == before - 20_000
    shown = farah.opens(f"/payment-requests/{id}")
    assert plainly(shown.soup.select_one("[name=back]")["value"]) == "1 800 000"
    back = plainly(refunds(farah, id, 422, back="1800001", back_reference="RET-0").text("#back-field .error"))
    assert "payé 1 800 000 GNF" in back
    for field, wrong in (("back", "1e9"), ("back", "-1"), ("back_reference", " ")):
        assert refunds(farah, id, 422, **{field: wrong}).soup.select_one(f"#{field}-error")
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    assert "dans le futur" in refunds(farah, id, 422, back_on=tomorrow).text("#back_on-field .error")
    assert "encore payé" in refunds(farah, id, 422, back_on="2020-01-01").text("#back_on-field .error")
    version = str(hands.request(id).version)
    for _ in range(2):
        refunds(farah, id, id=key, back="900000", version=version)
    assert hands.left() == before - 10_000
    assert "déjà noté" in refunds(farah, id, 422, back="900000").text("#back_reference-field .error")
    refunds(farah, id, back="900000", back_reference="RET-2")
    assert hands.left() == before
    done = farah.opens(f"/payment-requests/{id}")
    assert done.texts("section[aria-labelledby=steps-title] li strong").count("Remboursé") == 2
    assert done.soup.select("form[action$=refunds]") == []
    for name in ("kadiatou", "ibrahima"):
        assert people(name).client.post(f"/payment-requests/{id}/refunds").status_code == 403
    assert "Paiement : remboursé" in people("kadiatou").opens(f"/cases/{hands.case}").text(".timeline")


def test_money_comes_back_also_after_the_returned_request_was_closed(hands: Hands, people: Any) -> None:
    farah, before = people("farah"), hands.left()
    way = ("approval", "order", "delivery", "invoice", "payment")
    fine = hands.walks(hands.asks("50"), *way, "verification", "closure")
    sent = {"id": str(uuid4()), "version": str(hands.request(fine).version), "back": "50", "back_on": ""}
    assert "qu’après le retour" in refunds(farah, fine, 422, **sent).text()
    returned = hands.walks(hands.asks("100"), *way, "dispute", "return", "closure")
    assert hands.left() == before - 15_000
    refunds(farah, returned)
    assert (hands.left(), hands.state(returned)) == (before - 5_000, "closed")
    assert not farah.opens(f"/payment-requests/{returned}").soup.select("form[action$=refunds]")


# A payment that did not arrive, and its fee


def test_the_fee_of_a_payment_that_did_not_arrive_stays_paid(hands: Hands) -> None:
    before = hands.left()
    id = hands.walks(hands.asks("100", "mobile_money"), "approval")
    hands.pays(id, fee=Money(150, "EUR"), reference="OM-1")
    with hands.held(id) as (asked, case):
        payment = db.session.scalars(select(Payment).where(Payment.request_id == id)).one()
        for _ in range(2):
            fail_payment(
                payment, asked, case, reason="Numéro fermé", by=hands.known("farah"), now=clock.now()
            )
    assert hands.left() == before - 10_000 - 150
    hands.pays(id, fee=Money(200, "EUR"), reference="OM-2")
    assert hands.left() == before - 10_000 - 350
    with hands.app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == hands.case)).one()
        told = {
            (each.reference, each.fee_minor, each.failed_at is not None)
            for each in db.session.scalars(select(Payment))
        }
        assert told == {("OM-1", 150, True), ("OM-2", 200, False)}
        fees = select(func.sum(LedgerEntry.minor)).where(
            LedgerEntry.kind == "disbursed",
            LedgerEntry.request_id.is_(None),
            LedgerEntry.local_minor.is_not(None),
            LedgerEntry.allocation_id == allocation.id,
        )
        assert db.session.scalar(fees) == 350
        assert available(allocation).minor == before - 10_350


# Told once


def test_an_impatient_request_over_the_ceiling_is_noted_once_for_its_amount(
    app: Flask, cast: Cast, ibrahima: Person
) -> None:
    url = f"/cases/{cast.aminata}/payment-requests"
    fields = request_fields("5000")
    for _ in range(5):
        ibrahima.posts(url, fields, 422)
    noted = select(func.count()).where(TimelineEntry.kind == "payment.over_ceiling")
    with app.app_context():
        assert db.session.scalar(noted) == 1
    ibrahima.posts(url, {**fields, "amount": "4000"}, 422)
    ibrahima.posts(url, request_fields("5000"), 422)
    with app.app_context():
        assert db.session.scalar(noted) == 3


# Exchange differences are part of what was paid


def test_what_the_rate_cost_is_paid_for_the_returnee_too(app: Flask, cast: Cast, ibrahima: Person) -> None:
    with app.app_context():
        rate = a_rate("EUR", "GNF", "8000", LONG_AGO)
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        asked = a_request(allocation, cast, Money(900_000, "GNF"), donor_minor=10_000)
        ledger.set_aside(asked, by=cast.kadiatou, now=clock.now())
        pay(asked, Money(900_000, "GNF"), by=cast.farah, now=clock.now(), rate=rate)
        db.session.add(RequestStep(request_id=asked.id, state="approved", at=clock.now()))
        db.session.commit()
        # EUR 100 were set aside; 900,000 francs are worth 112.50. EUR 200 had been paid before, 400 are set aside.
        assert allocation.exchange_minor == 1_250
        promise = status_of(cast.aminata).promise
        assert promise is not None
        assert (promise.paid, promise.left) == (euros(31_250), euros(78_750))
    page = ibrahima.opens(f"/cases/{cast.aminata}/allocation")
    assert "312,50 EUR" in plainly(page.text(".sums"))


# The way there


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("ibrahima", {"/providers", "/exchange-rates"}),
        ("kadiatou", {"/payment-requests", "/providers", "/allocation-rules", "/exchange-rates"}),
        ("farah", {"/payment-requests", "/payments", "/providers", "/allocation-rules", "/exchange-rates"}),
        ("root", {"/allocation-rules"}),
        ("salma", set()),
    ],
)
def test_whoever_uses_a_page_of_money_finds_it_and_it_opens(people: Any, name: str, also: set[str]) -> None:
    money = {"/payment-requests", "/payments", "/providers", "/allocation-rules", "/exchange-rates"}
    page = people(name).opens("/more")
    assert {str(link["href"]) for link in page.soup.select("main .rows a")} & money == also
    for path in also:
        people(name).opens(path)
    # Beside the others on a wide screen; an officer's phone is not made heavier by them.
    wide = {str(link["href"]) for link in page.soup.select(".nav .wide-only a")}
    narrow = {str(link["href"]) for link in page.soup.select(".nav li:not(.wide-only) a")}
    assert wide & money == (set() if name == "ibrahima" else also - narrow)
