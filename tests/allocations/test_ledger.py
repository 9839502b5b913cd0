"""The ledger: what each deed moves, what is refused, and that nothing of it can be changed."""

from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError

from tests.allocations.builders import NOW, a_rate, a_request, an_allocation, entries, euros, pay, the_case
from tests.cast import Cast
from webapp.allocations import ledger
from webapp.allocations.actions import post
from webapp.allocations.check import faults
from webapp.allocations.ledger import (
    ExceedsAllocation,
    ExceedsRequest,
    IdTaken,
    LimitExceeded,
    NeedsTwoPeople,
    available,
    deed_id,
)
from webapp.allocations.models import Allocation, AllocationLimit, Instalment, LedgerEntry
from webapp.database import db
from webapp.money import LARGEST, MixedCurrencies, Money, NotAnAmount


@pytest.fixture(autouse=True)
def in_the_application(app: Flask):
    with app.app_context():
        yield
        assert list(faults()) == []
        db.session.commit()


def test_money_is_held_then_paid(cast: Cast) -> None:
    allocation = an_allocation(cast)
    request = a_request(allocation, cast, euros(30_000))
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    assert (available(allocation), request.held_minor) == (euros(70_000), 30_000)
    pay(request, euros(30_000), by=cast.farah)
    assert (available(allocation), request.held_minor) == (euros(70_000), 0)
    assert allocation.disbursed_minor == 30_000
    assert entries(allocation) == [("disbursed", 30_000), ("set_aside", 30_000)]


def test_the_same_deed_again_changes_nothing(cast: Cast) -> None:
    allocation = an_allocation(cast)
    request, payment, back = a_request(allocation, cast, euros(30_000)), uuid4(), uuid4()
    for _ in range(2):
        ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    for _ in range(2):
        entry = pay(request, euros(20_000), id=payment, by=cast.farah)
    for _ in range(2):
        ledger.refund(request, euros(5_000), id=back, by=cast.farah, now=NOW)
    for _ in range(2):
        ledger.release(request, by=cast.farah, now=NOW, amount=euros(1_000), id=deed_id(back, "part"))
    assert entries(allocation) == [
        ("disbursed", 20_000),
        ("refunded", 5_000),
        ("released", 1_000),
        ("set_aside", 30_000),
    ]
    with pytest.raises(IdTaken):
        ledger.pay(request, euros(1), id=payment, by=cast.farah, now=NOW)
    ledger.refund(request, euros(1), id=uuid4(), by=cast.farah, now=NOW)
    with pytest.raises(ExceedsRequest):
        ledger.reverse(entry, reason="Numéro fermé", by=cast.farah, now=NOW)


def test_an_allocation_is_not_overspent_and_the_refusal_says_by_how_much(cast: Cast) -> None:
    allocation = an_allocation(cast)
    ledger.set_aside(a_request(allocation, cast, euros(99_999)), by=cast.kadiatou, now=NOW)
    too_much = a_request(allocation, cast, euros(2))
    with pytest.raises(ExceedsAllocation) as refused:
        ledger.set_aside(too_much, by=cast.kadiatou, now=NOW)
    assert (refused.value.asked, refused.value.available) == (euros(2), euros(1))
    assert too_much.held_minor == 0
    assert entries(allocation) == [("set_aside", 99_999)]
    ledger.set_aside(a_request(allocation, cast, euros(1)), by=cast.kadiatou, now=NOW)
    assert available(allocation) == euros(0)


def test_a_limit_holds_for_its_category_and_for_cash(cast: Cast) -> None:
    allocation = an_allocation(cast, medicine=10_000, cash=5_000)
    ledger.set_aside(
        a_request(allocation, cast, euros(8_000), category="medicine"), by=cast.kadiatou, now=NOW
    )
    with pytest.raises(LimitExceeded) as refused:
        ledger.set_aside(
            a_request(allocation, cast, euros(2_001), category="medicine"), by=cast.kadiatou, now=NOW
        )
    assert (refused.value.limit, refused.value.available) == ("medicine", euros(2_000))
    in_hand = a_request(allocation, cast, euros(5_000), payee_kind="mobile_money")
    ledger.set_aside(in_hand, by=cast.kadiatou, now=NOW)
    with pytest.raises(LimitExceeded) as refused:
        ledger.set_aside(a_request(allocation, cast, euros(1), payee_kind="cash"), by=cast.kadiatou, now=NOW)
    assert refused.value.limit == "cash"
    # The sum that had already moved in that deed is as it was.
    assert available(allocation) == euros(100_000 - 13_000)
    pay(in_hand, euros(5_000), by=cast.farah)
    ledger.refund(in_hand, euros(3_000), id=uuid4(), by=cast.farah, now=NOW)
    cash = db.session.get_one(AllocationLimit, (allocation.id, "cash"), populate_existing=True)
    assert cash.used_minor == 2_000


def test_a_request_pays_no_more_than_it_asked(cast: Cast) -> None:
    allocation = an_allocation(cast)
    request = a_request(allocation, cast, euros(10_000))
    with pytest.raises(ExceedsRequest):
        pay(request, euros(10_000), by=cast.farah)
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    pay(request, euros(6_000), by=cast.farah)
    with pytest.raises(ExceedsRequest) as refused:
        pay(request, euros(4_001), by=cast.farah)
    assert refused.value.available == euros(4_000)
    ledger.release(request, by=cast.farah, now=NOW)
    assert (request.held_minor, available(allocation)) == (0, euros(94_000))
    assert ledger.release(request, by=cast.farah, now=NOW) is None


def test_what_a_payment_costs_beyond_what_was_held_is_an_entry_of_its_own(cast: Cast) -> None:
    allocation = an_allocation(cast)
    request = a_request(allocation, cast, Money(1_000_000, "GNF"), donor_minor=10_000)
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    dearer = a_rate("EUR", "GNF", "9600")
    pay(request, Money(480_000, "GNF"), by=cast.farah, rate=dearer)
    assert entries(allocation) == [("disbursed", 4_800), ("exchange_difference", 200), ("set_aside", 10_000)]
    cheaper = a_rate("EUR", "GNF", "10400", NOW.replace(day=21))
    pay(request, Money(520_000, "GNF"), by=cast.farah, rate=cheaper)
    assert request.held_minor == 0
    assert (allocation.disbursed_minor, allocation.exchange_minor) == (10_000, 0)
    assert available(allocation) == euros(90_000)


def test_a_payment_that_did_not_arrive_is_held_again_even_when_its_gain_is_spent(cast: Cast) -> None:
    allocation = an_allocation(cast, euros(10_000), cash=10_000)
    request = a_request(
        allocation, cast, Money(1_000_000, "GNF"), donor_minor=10_000, payee_kind="mobile_money"
    )
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    rate = a_rate("EUR", "GNF", "10400")
    paid = pay(request, Money(1_000_000, "GNF"), by=cast.farah, rate=rate)
    gain = available(allocation)
    assert gain == euros(385)
    ledger.set_aside(
        a_request(allocation, cast, gain, category="other", payee_kind="provider"), by=cast.kadiatou, now=NOW
    )
    for _ in range(2):
        back = ledger.reverse(paid, reason="Numéro fermé", by=cast.farah, now=NOW)
    assert (back.reverses_id, back.what) == (paid.id, "Numéro fermé")
    assert (request.held_minor, allocation.exchange_minor, allocation.disbursed_minor) == (9_615, 0, 0)
    again = pay(request, Money(1_000_000, "GNF"), by=cast.farah, rate=rate)
    assert again.minor == 9_615
    assert available(allocation) == euros(0)


def test_money_that_comes_back_can_be_spent_again(cast: Cast) -> None:
    allocation = an_allocation(cast)
    request = a_request(allocation, cast, Money(1_000_000, "GNF"), donor_minor=10_000)
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    rate = a_rate("EUR", "GNF", "10000")
    pay(request, Money(1_000_000, "GNF"), by=cast.farah, rate=rate)
    weaker = a_rate("EUR", "GNF", "12500", NOW.replace(day=21))
    ledger.refund(request, Money(500_000, "GNF"), id=uuid4(), by=cast.farah, now=NOW, rate=weaker)
    # Half came back, and was worth 40 that day.
    assert (allocation.refunded_minor, allocation.exchange_minor) == (5_000, 1_000)
    assert available(allocation) == euros(94_000)
    with pytest.raises(ExceedsRequest) as refused:
        ledger.refund(request, Money(500_001, "GNF"), id=uuid4(), by=cast.farah, now=NOW, rate=weaker)
    assert refused.value.available == Money(500_000, "GNF")


def test_an_operators_fee_is_paid_beside_the_limits(cast: Cast) -> None:
    allocation = an_allocation(cast, cash=10_000)
    request = a_request(allocation, cast, euros(10_000), payee_kind="mobile_money")
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    pay(request, euros(10_000), by=cast.farah)
    fee = uuid4()
    for _ in range(2):
        entry = ledger.charge_fee(request, euros(150), id=fee, by=cast.farah, now=NOW)
    assert available(allocation) == euros(89_850)
    ledger.reverse(entry, reason="Frais rendus", by=cast.farah, now=NOW)
    assert available(allocation) == euros(90_000)


def test_a_correction_needs_a_reason_and_a_second_person(cast: Cast) -> None:
    allocation = an_allocation(cast)
    for by, confirmed_by, reason, refusal in (
        (cast.kadiatou, cast.kadiatou, "Erreur de saisie", NeedsTwoPeople),
        (cast.kadiatou, cast.farah, "  ", ValueError),
    ):
        with pytest.raises(refusal):
            ledger.adjust(allocation, euros(-1), reason=reason, by=by, confirmed_by=confirmed_by, now=NOW)
    ledger.adjust(
        allocation, euros(-40_000), reason="Plafond", by=cast.kadiatou, confirmed_by=cast.farah, now=NOW
    )
    assert available(allocation) == euros(60_000)
    with pytest.raises(ExceedsAllocation):
        ledger.adjust(
            allocation, euros(-60_001), reason="Plafond", by=cast.kadiatou, confirmed_by=cast.farah, now=NOW
        )
    ledger.adjust(
        allocation, euros(50_000), reason="Complément", by=cast.kadiatou, confirmed_by=cast.farah, now=NOW
    )
    assert available(allocation) == euros(110_000)


def test_the_database_itself_refuses_a_correction_by_one_person(cast: Cast) -> None:
    allocation = an_allocation(cast)
    for confirmed_by in (None, cast.kadiatou):
        entry = LedgerEntry(
            id=uuid4(), allocation_id=allocation.id, kind="adjusted", minor=5, what="Seul",
            by_id=cast.kadiatou, confirmed_by_id=confirmed_by, posted_at=NOW,
        )  # fmt: skip
        with pytest.raises(IntegrityError), db.session.begin_nested():
            db.session.add(entry)


def test_an_instalment_is_released_once(cast: Cast) -> None:
    allocation = an_allocation(cast)
    db.session.add(Instalment(allocation_id=allocation.id, number=2, minor=60_000, condition="Visite faite"))
    db.session.flush()
    ledger.hold_back(allocation, 60_000)
    assert available(allocation) == euros(40_000)
    with pytest.raises(ExceedsAllocation):
        ledger.set_aside(a_request(allocation, cast, euros(40_001)), by=cast.kadiatou, now=NOW)
    for _ in range(2):
        ledger.release_instalment(allocation, 2, by=cast.kadiatou, now=NOW)
    assert available(allocation) == euros(100_000)
    with pytest.raises(LookupError):
        ledger.release_instalment(allocation, 3, by=cast.kadiatou, now=NOW)


@pytest.mark.parametrize("minor", [0, -1, LARGEST + 1, 2**63, -(2**63), True, 1.0])
def test_an_amount_out_of_range_moves_nothing(cast: Cast, minor: int) -> None:
    allocation = an_allocation(cast)
    for kind in ("granted", "set_aside", "released", "disbursed", "refunded"):
        with pytest.raises(NotAnAmount):
            post(
                allocation, kind, euros(minor), what="", by=cast.kadiatou, now=NOW, case=the_case(allocation)
            )
    assert entries(allocation) == []


def test_currencies_do_not_mix(cast: Cast) -> None:
    allocation = an_allocation(cast)
    request = a_request(allocation, cast, Money(1_000_000, "GNF"), donor_minor=10_000)
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)
    with pytest.raises(MixedCurrencies):
        post(allocation, "set_aside", Money(5, "USD"), what="", by=None, now=NOW)
    with pytest.raises(MixedCurrencies):  # not the currency of the request
        ledger.pay(request, euros(5), id=uuid4(), by=cast.farah, now=NOW)
    with pytest.raises(MixedCurrencies):  # no rate
        ledger.pay(request, Money(5, "GNF"), id=uuid4(), by=cast.farah, now=NOW)
    with pytest.raises(MixedCurrencies):  # a rate between other currencies
        ledger.pay(
            request, Money(5, "GNF"), id=uuid4(), by=cast.farah, now=NOW, rate=a_rate("USD", "GNF", "8600")
        )
    assert request.held_minor == 10_000


def test_the_database_itself_refuses_an_overspent_row(cast: Cast) -> None:
    allocation = an_allocation(cast, medicine=100)
    for statement in (
        "UPDATE allocations SET set_aside_minor = 100001 WHERE id = :id",
        "UPDATE allocations SET set_aside_minor = -1 WHERE id = :id",
        "UPDATE allocations SET refunded_minor = 1 WHERE id = :id",
        "UPDATE allocation_limits SET used_minor = 101 WHERE allocation_id = :id",
    ):
        with pytest.raises(IntegrityError), db.session.begin_nested():
            db.session.execute(text(statement), {"id": _stored(allocation)})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET minor = 1",
        "UPDATE ledger_entries SET what = 'x' WHERE kind = 'granted'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_entries WHERE kind = 'granted'",
        "INSERT INTO ledger_entries SELECT * FROM ledger_entries WHERE true ON CONFLICT (id) DO UPDATE SET minor = 1",
        "REPLACE INTO ledger_entries SELECT * FROM ledger_entries",
        "TRUNCATE ledger_entries CASCADE",
        "UPDATE allocation_rules SET text = 'x'",
        "DELETE FROM allocation_rules",
        "UPDATE request_steps SET state = 'paid'",
        "DELETE FROM request_steps",
    ],
)
def test_plain_sql_changes_nothing_that_is_only_added(cast: Cast, engine: str, statement: str) -> None:
    if statement.startswith("REPLACE" if engine == "postgresql" else "TRUNCATE"):
        pytest.skip("not a statement of this engine")
    from webapp.allocations.models import AllocationRule, RequestStep

    request = a_request(an_allocation(cast), cast, euros(5))
    db.session.add(RequestStep(request_id=request.id, state="approved", at=NOW))
    db.session.add(AllocationRule(name="a", version=1, currency="EUR", text="", loaded_at=NOW))
    db.session.flush()
    with pytest.raises(DatabaseError, match="never"), db.session.begin_nested():
        db.session.execute(text(statement))


def _stored(allocation: Allocation) -> object:
    return allocation.id if db.engine.dialect.name == "postgresql" else allocation.id.hex
