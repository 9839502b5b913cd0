"""Thousands of sequences of everything that can be done to an allocation, beside a model that fits on a page."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.allocations.builders import NOW, a_request, an_allocation, euros
from tests.cast import Cast
from webapp.allocations import ledger
from webapp.allocations.check import faults
from webapp.allocations.ledger import ExceedsAllocation, available
from webapp.allocations.models import Allocation, AllocationLimit, Instalment, PaymentRequest
from webapp.allocations.rates import Rate
from webapp.database import db
from webapp.money import Money

pytestmark = pytest.mark.faults
SEQUENCES = {"sqlite": 5_000, "postgresql": 300}
GRANTED, HELD_BACK, MEDICINE, CASH = 10_000, 2_000, 4_000, 3_000
ASKED = [(3_000, "medicine", "provider"), (2_500, "medicine", "cash"), (5_000, "other", "provider")]
GNF = 100
"""The requests are in GNF, 100 of them to the cent when they were made; payments at 80, 100 or 125."""


class Model:
    """What an allocation should do: all in cents, refusing by returning False, changing nothing then."""

    def __init__(self) -> None:
        self.there = GRANTED - HELD_BACK
        self.used = {"medicine": 0, "cash": 0, "other": 0}
        self.most = {"medicine": MEDICINE, "cash": CASH, "other": 10**9}
        self.held, self.asked_once, self.left = [0, 0, 0], [False] * 3, [asked for asked, *_ in ASKED]
        self.payments: dict[int, list[tuple[int, int, int]]] = {0: [], 1: [], 2: []}
        self.back, self.back_here, self.released_later = [0, 0, 0], [0, 0, 0], False

    def uses(self, request: int, cents: int) -> None:
        for name in (ASKED[request][1], ASKED[request][2]):
            if name in self.used:
                self.used[name] += cents

    def set_aside(self, request: int, **_: Any) -> bool:
        cents, *names = ASKED[request]
        if self.asked_once[request]:
            return True
        if cents > self.there or any(self.used[n] + cents > self.most[n] for n in names if n in self.used):
            return False
        self.asked_once[request], self.held[request], self.there = True, cents, self.there - cents
        self.uses(request, cents)
        return True

    def release(self, request: int, cents: int, **_: Any) -> bool:
        if cents > self.held[request]:
            return False
        self.held[request], self.there = self.held[request] - cents, self.there + cents
        self.uses(request, -cents)
        return True

    def pay(self, request: int, cents: int, rate: int, **_: Any) -> bool:
        left, held = self.left[request], self.held[request]
        if cents > left or not held:
            return False
        part = held if cents == left else min(held, cents)
        difference = cents * GNF // rate - part
        if difference > self.there:
            return False
        self.held[request], self.left[request], self.there = (
            held - part,
            left - cents,
            self.there - difference,
        )
        self.payments[request].append((part, difference, cents))
        return True

    def reverse(self, request: int, **_: Any) -> bool:
        if not self.payments[request]:
            return True
        part, difference, cents = self.payments[request][-1]
        if sum(paid for paid, *_ in self.payments[request]) - self.back[request] < part:
            return False
        self.payments[request].pop()
        self.held[request] += part + min(difference, 0)
        self.there += max(difference, 0)
        self.uses(request, min(difference, 0))
        self.left[request] += cents
        return True

    def refund(self, request: int, cents: int, rate: int, **_: Any) -> bool:
        paid = sum(part for part, *_ in self.payments[request]) - self.back[request]
        paid_here = sum(here for *_, here in self.payments[request]) - self.back_here[request]
        if cents > paid_here or not paid:
            return False
        part = (
            paid
            if cents == paid_here
            else max(1, min(paid, (2 * paid * cents + paid_here) // (2 * paid_here)))
        )
        self.there += cents * GNF // rate
        self.back[request], self.back_here[request] = (
            self.back[request] + part,
            self.back_here[request] + cents,
        )
        self.uses(request, -part)
        return True

    def adjust(self, cents: int, up: bool, **_: Any) -> bool:
        if not up and cents > self.there:
            return False
        self.there += cents if up else -cents
        return True

    def release_instalment(self, **_: Any) -> bool:
        self.there += 0 if self.released_later else HELD_BACK
        self.released_later = True
        return True


class Real:
    """The same deeds on the allocation in the database."""

    def __init__(self, allocation: Allocation, requests: list[PaymentRequest], cast: Cast) -> None:
        self.allocation, self.requests, self.cast, self.deeds = allocation, requests, cast, 0
        self.payments: dict[int, list[UUID]] = {0: [], 1: [], 2: []}

    def key(self) -> UUID:
        self.deeds += 1
        return uuid5(self.allocation.id, str(self.deeds))

    def set_aside(self, request: int, **_: Any) -> None:
        ledger.set_aside(self.requests[request], by=None, now=NOW)

    def release(self, request: int, cents: int, **_: Any) -> None:
        ledger.release(self.requests[request], amount=euros(cents), id=self.key(), by=None, now=NOW)

    def pay(self, request: int, cents: int, rate: int, again: bool, **_: Any) -> None:
        key, amount = self.key(), Money(cents * GNF, "GNF")
        for _time in range(1 + again):
            ledger.pay(self.requests[request], amount, id=key, by=None, now=NOW, rate=at(rate))
        self.payments[request].append(key)

    def reverse(self, request: int, again: bool, **_: Any) -> None:
        if not self.payments[request]:
            return
        paid = db.session.get_one(ledger.LedgerEntry, self.payments[request][-1])
        for _time in range(1 + again):
            ledger.reverse(paid, reason="Non arrivé", by=None, now=NOW)
        self.payments[request].pop()

    def refund(self, request: int, cents: int, rate: int, again: bool, **_: Any) -> None:
        key = self.key()
        for _time in range(1 + again):
            ledger.refund(
                self.requests[request], Money(cents * GNF, "GNF"), id=key, by=None, now=NOW, rate=at(rate)
            )

    def adjust(self, cents: int, up: bool, **_: Any) -> None:
        ledger.adjust(
            self.allocation, euros(cents if up else -cents), reason="Correction", id=self.key(),
            by=self.cast.kadiatou, confirmed_by=self.cast.farah, now=NOW,
        )  # fmt: skip

    def release_instalment(self, **_: Any) -> None:
        ledger.release_instalment(self.allocation, 1, by=self.cast.kadiatou, now=NOW)


RATES: dict[int, Rate] = {}


def at(rate: int) -> Rate:
    return RATES[rate]


DEED = st.tuples(
    st.sampled_from(
        [
            "set_aside",
            "set_aside",
            "pay",
            "pay",
            "release",
            "reverse",
            "refund",
            "adjust",
            "release_instalment",
        ]
    ),
    st.fixed_dictionaries(
        {
            "request": st.integers(0, 2),
            # Multiples of 20 cents are whole at every rate.
            "cents": st.sampled_from([20, 500, 1_000, 2_500, 3_000, 5_000, 9_000]),
            "rate": st.sampled_from([80, 100, 125]),
            "again": st.booleans(),
            "up": st.booleans(),
        }
    ),
)
SEQUENCE = st.lists(DEED, min_size=1, max_size=10)


def prepare(cast: Cast) -> tuple[UUID, list[UUID]]:
    from decimal import Decimal

    from tests.allocations.builders import a_rate

    allocation = an_allocation(cast, euros(GRANTED), medicine=MEDICINE, cash=CASH)
    db.session.add(Instalment(allocation_id=allocation.id, number=1, minor=HELD_BACK, condition="Visite"))
    db.session.flush()
    ledger.hold_back(allocation, HELD_BACK)
    requests = [
        a_request(
            allocation,
            cast,
            Money(cents * GNF, "GNF"),
            donor_minor=cents,
            category=category,
            payee_kind=payee,
        )
        for cents, category, payee in ASKED
    ]
    known = a_rate("EUR", "GNF", "10000")
    for rate in (80, 100, 125):
        RATES[rate] = Rate(known.id, "EUR", "GNF", Decimal(rate * 100), known.effective_on, "test")
    return allocation.id, [request.id for request in requests]


def agree(real: Real, model: Model) -> None:
    assert available(real.allocation).minor == model.there
    assert [request.held_minor for request in real.requests] == model.held


def follow(
    ids: tuple[UUID, list[UUID]], cast: Cast, deeds: list[Any], pay: Callable[..., None] | None = None
) -> None:
    """Do the deeds to both, and compare after each; the database goes back to where it was."""
    try:
        real = Real(
            db.session.get_one(Allocation, ids[0]),
            [db.session.get_one(PaymentRequest, id) for id in ids[1]],
            cast,
        )
        model = Model()
        for name, facts in deeds:
            allowed = getattr(model, name)(**facts)
            try:
                (pay if pay and name == "pay" else getattr(real, name))(
                    *([real] if pay and name == "pay" else []), **facts
                )
                done = True
            except ExceedsAllocation:
                done = False
            assert done == allowed, f"{name} {facts}"
            agree(real, model)
        for limit in ("medicine", "cash"):
            kept = db.session.get_one(AllocationLimit, (ids[0], limit), populate_existing=True)
            assert kept.used_minor == model.used[limit]
    finally:
        db.session.rollback()


def test_every_sequence_of_deeds_does_what_the_model_says(app: Flask, cast: Cast, engine: str) -> None:
    with app.app_context():
        ids = prepare(cast)
        db.session.commit()
        count = 0

        @settings(
            max_examples=SEQUENCES[engine], deadline=None, database=None,
            suppress_health_check=list(HealthCheck), derandomize=True,
        )  # fmt: skip
        @given(SEQUENCE)
        def sequences(deeds: list[Any]) -> None:
            nonlocal count
            count += 1
            follow(ids, cast, deeds)
            if count % 500 == 0:
                assert list(faults()) == []

        sequences()
        assert count >= SEQUENCES[engine]


def test_a_payment_that_forgets_its_exchange_difference_is_found(app: Flask, cast: Cast) -> None:
    def forgetful(real: Real, request: int, cents: int, **_: Any) -> None:
        real.pay(request, cents, rate=100, again=False)

    with app.app_context():
        ids = prepare(cast)
        db.session.commit()

        @settings(
            max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )  # fmt: skip
        @given(SEQUENCE)
        def sequences(deeds: list[Any]) -> None:
            follow(ids, cast, deeds, pay=forgetful)

        with pytest.raises(AssertionError):
            sequences()
