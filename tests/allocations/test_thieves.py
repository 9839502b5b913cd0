"""What somebody with a right to one part of the money could try alone, and what stops it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.allocations.builders import a_rate, a_request, an_allocation, euros, pay
from tests.allocations.hands import Hands
from tests.cast import Cast
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.check import faults
from webapp.allocations.models import LedgerEntry, Payment, PaymentRequest
from webapp.database import db
from webapp.money import Money


@pytest.fixture
def hands(app: Flask, cast: Cast) -> Hands:
    return Hands(app, cast)


@pytest.fixture
def farah(people: Any) -> Any:
    return people("farah")


def pays(farah: Any, hands: Hands, request_id: UUID, status: int = 303, **said: str) -> Any:
    fields = {
        "id": str(uuid4()), "version": str(hands.request(request_id).version), "reference": str(uuid4())[:8], **said,
    }  # fmt: skip
    return farah.posts(f"/payment-requests/{request_id}/payments", fields, status)


def rates(hands: Hands, **by_age: str) -> None:
    """Euros in francs, since so many days: ``d400="5000"``."""
    with hands.app.app_context():
        for age, worth in by_age.items():
            a_rate("EUR", "GNF", worth, clock.now() - timedelta(days=int(age[1:])))
        db.session.commit()


@pytest.mark.parametrize("derived", ["exchange", "reversed"])
def test_a_payment_under_a_number_that_the_ledger_derives_is_refused(
    hands: Hands, farah: Any, derived: str
) -> None:
    first, number = hands.walks(hands.asks("1", "cash"), "approval"), uuid4()
    pays(farah, hands, first, id=str(number), amount="1")
    second = hands.walks(hands.asks("100", "cash"), "approval")
    said = pays(farah, hands, second, 422, id=str(uuid5(number, derived)), amount="100").text()
    assert "a perdu son numéro" in said
    left = hands.left()
    farah.posts(f"/payments/{number}/failure", {"reason": "numéro fermé"})
    assert (hands.left(), hands.state(first)) == (left, "approved")
    assert hands.request(first).held_minor == 100


@pytest.mark.parametrize("derived", ["exchange", "reversed"])
def test_an_entry_of_another_deed_is_never_taken_for_the_own(app: Flask, hands: Hands, derived: str) -> None:
    first = hands.walks(hands.asks("1", "cash"), "approval")
    hands.pays(first)
    second = hands.walks(hands.asks("100", "cash"), "approval")
    with app.app_context():
        entry = db.session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "disbursed")).all()[-1]
        by, asked = hands.cast.farah, db.session.get_one(PaymentRequest, second)
        hidden = ledger.deed_id(entry.id, derived)
        ledger.pay(asked, Money(10_000, "EUR"), id=hidden, by=by, now=clock.now())
        with pytest.raises(ledger.IdTaken):
            ledger.reverse(db.session.get_one(LedgerEntry, entry.id), reason="x", by=by, now=clock.now())
        db.session.rollback()


def test_nobody_chooses_the_rate_by_the_day_they_type(hands: Hands, farah: Any) -> None:
    rates(hands, d400="18000", d10="9000")
    before = hands.left()
    request_id = hands.walks(hands.asks("1800000", "cash", currency="GNF"), "approval")
    long_ago = (clock.now() - timedelta(days=300)).date().isoformat()
    said = pays(farah, hands, request_id, 422, amount="1800000", paid_on=long_ago).text(
        "#paid_on-field .error"
    )
    assert "n’était pas encore approuvée" in said
    pays(farah, hands, request_id, amount="1800000")
    assert before - hands.left() == 20_000


def test_money_comes_back_at_the_rate_of_the_day_and_not_before_it_left(hands: Hands, farah: Any) -> None:
    rates(hands, d400="5000", d10="9000")
    before = hands.left()
    request_id = hands.walks(
        hands.asks("1800000", currency="GNF"), "approval", "order", "delivery", "invoice", "payment", "dispute", "return"
    )  # fmt: skip
    sent = {
        "id": str(uuid4()), "version": str(hands.request(request_id).version), "back": "1800000", "back_reference": "R1",
        "back_on": (clock.now() - timedelta(days=300)).date().isoformat(),
    }  # fmt: skip
    said = farah.posts(f"/payment-requests/{request_id}/refunds", sent, 422).text("#back_on-field .error")
    assert "Rien n’était encore payé" in said
    farah.posts(f"/payment-requests/{request_id}/refunds", {**sent, "back_on": ""})
    assert hands.left() == before


def test_a_rate_far_from_that_of_the_request_pays_nothing_until_others_looked(
    hands: Hands, farah: Any
) -> None:
    rates(hands, d10="9000")
    request_id = hands.walks(hands.asks("1800000", "cash", currency="GNF"), "approval")
    rates(hands, d0="900000")
    before = hands.left()
    assert "plus d’un quart" in pays(farah, hands, request_id, 422, amount="1800000").text()
    assert (hands.left(), hands.state(request_id)) == (before, "approved")


@pytest.mark.parametrize(("fee", "taken"), [("2", True), ("2,01", False), ("890", False)])
def test_a_fee_is_a_fifth_of_the_payment_at_most(hands: Hands, farah: Any, fee: str, taken: bool) -> None:
    request_id = hands.walks(hands.asks("10", "mobile_money"), "approval")
    left = hands.left()
    page = pays(farah, hands, request_id, 303 if taken else 422, amount="10", fee=fee)
    if taken:
        assert hands.left() == left - 200
    else:
        assert "cinquième" in page.text("#fee-field .error")
        assert hands.left() == left


def test_finance_alone_does_not_end_a_dispute(app: Flask, hands: Hands, farah: Any) -> None:
    request_id = hands.walks(
        hands.asks("100"), "approval", "order", "delivery", "invoice", "payment", "dispute"
    )
    with app.app_context():
        payment = db.session.scalar(select(Payment.id).where(Payment.request_id == request_id))
    farah.posts(f"/payments/{payment}/failure", {"reason": "compte fermé"})
    assert hands.state(request_id) == "disputed"
    pays(farah, hands, request_id, 422, amount="100")
    hands.walks(request_id, "settlement")
    assert hands.state(request_id) == "invoiced"


def test_a_reference_is_one_of_its_office_however_it_is_written(hands: Hands, farah: Any) -> None:
    for reference, status in (("OM-123a", 303), ("om-123A", 422), ("OM-123\u200ba", 422), (" OM-123Ａ", 422)):
        request_id = hands.walks(hands.asks("10", "mobile_money"), "approval")
        pays(farah, hands, request_id, status, reference=reference, amount="10")


def test_another_office_has_its_own_vouchers(app: Flask, cast: Cast) -> None:
    with app.app_context():
        for office, allowed in ((cast.conakry, True), (cast.dakar, True), (cast.conakry, False)):
            asked = a_request(an_allocation(cast), cast, euros(1_000), payee_kind="cash", office_id=office)
            ledger.set_aside(asked, by=cast.kadiatou, now=clock.now())
            if allowed:
                pay(asked, euros(1_000), by=cast.farah, reference="BC-0001")
                continue
            with pytest.raises(DBAPIError):
                pay(asked, euros(1_000), by=cast.farah, reference="bc-0001")
        db.session.rollback()


def test_a_loaded_rate_never_changes_and_a_changed_payment_is_found(
    app: Flask, hands: Hands, engine: str
) -> None:
    rates(hands, d10="9000")
    hands.pays(hands.walks(hands.asks("10", "cash"), "approval"))
    with app.app_context():
        for statement in ("UPDATE exchange_rates SET rate = '1'", "DELETE FROM exchange_rates"):
            with pytest.raises(DBAPIError, match="never"):
                db.session.execute(text(statement))
            db.session.rollback()
        on = "" if engine == "sqlite" else " ON payments"
        db.session.execute(text(f"DROP TRIGGER payments_stay{on}"))
        db.session.execute(text("UPDATE payments SET minor = minor + 1"))
        assert any("says something else" in fault for fault in faults())
        db.session.rollback()
