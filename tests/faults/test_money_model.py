"""Thousands of sequences of everything that moves money in an allocation, beside a model that fits on a page.

By default 5,000 run on SQLite and 200 on PostgreSQL; SUIVI_SEQUENCES=5000 runs as many on both. A cancellation and a
return release all that a request holds; a rejection, a dispute and its settlement move nothing.
"""

import os
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any
from uuid import UUID, uuid5

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.allocations.builders import NOW, a_rate, a_request, an_allocation, euros, pay
from tests.cast import Cast
from webapp.allocations import ledger
from webapp.allocations.check import faults
from webapp.allocations.ledger import ExceedsAllocation, available
from webapp.allocations.models import Allocation, AllocationLimit, Instalment, LedgerEntry, PaymentRequest
from webapp.allocations.rates import Rate
from webapp.database import db
from webapp.money import Money

pytestmark = pytest.mark.faults
_ASKED_FOR = os.environ.get("SUIVI_SEQUENCES")
SEQUENCES = {"sqlite": int(_ASKED_FOR or 5_000), "postgresql": int(_ASKED_FOR or 200)}
PROVED_EVERY = 25
"""Every so many sequences the invariant query is asked too, before the sequence is taken back."""
GRANTED, HELD_BACK, MOST = 10_000, 2_000, {"medicine": 4_000, "cash": 3_000}
ASKED = [
    (Money(285_001, "GNF"), 3_000, "medicine", "provider"),
    (Money(237_499, "GNF"), 2_500, "medicine", "cash"),
    (Money(475_013, "GNF"), 5_000, "other", "provider"),
    (Money(1_777, "EUR"), 1_777, "other", "cash"),
]
"""Four requests: what each asks, the same in cents when it was made, and which limits it counts against."""
RATES = {"8613.37": Decimal("8613.37"), "9500": Decimal("9500"), "11873.5": Decimal("11873.5")}


def rounded(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def worth(paid: Money, rate: str) -> int:
    return paid.minor if paid.currency == "EUR" else rounded(Fraction(paid.minor * 100) / Fraction(rate))


class Model:
    """What an allocation should do, in cents; a deed that is refused returns False and changes nothing."""

    def __init__(self) -> None:
        self.sums = dict.fromkeys(ledger.SUMS, 0) | {"granted": GRANTED, "held_back": HELD_BACK}
        self.used, self.held, self.was_held = dict.fromkeys(MOST, 0), [0] * len(ASKED), [False] * len(ASKED)
        self.paid: list[list[tuple[int, int, int]]] = [[] for _ in ASKED]
        self.back, self.back_here = [0] * len(ASKED), [0] * len(ASKED)
        self.fees: list[int] = []

    @property
    def there(self) -> int:
        plus, minus = ("granted", "adjusted", "refunded"), ("held_back", "set_aside", "disbursed", "exchange")
        return sum(self.sums[name] for name in plus) - sum(self.sums[name] for name in minus)

    def use(self, request: int, cents: int) -> None:
        for name in self.used.keys() & set(ASKED[request][2:]):
            self.used[name] += cents

    def hold(self, request: int, cents: int) -> None:
        self.held[request] += cents
        self.sums["set_aside"] += cents
        self.use(request, cents)

    def set_aside(self, request: int, **_: Any) -> bool:
        cents, limits = ASKED[request][1], self.used.keys() & set(ASKED[request][2:])
        if self.was_held[request]:
            return True
        if cents > self.there or any(self.used[name] + cents > MOST[name] for name in limits):
            return False
        self.was_held[request] = True
        self.hold(request, cents)
        return True

    def release(self, request: int, cents: int, **_: Any) -> bool:
        if cents > self.held[request]:
            return False
        self.hold(request, -cents)
        return True

    def release_all(self, request: int, **_: Any) -> bool:
        return self.release(request, self.held[request])

    def pay(self, request: int, here: Money, rate: str, **_: Any) -> bool:
        asked, cents, held = *ASKED[request][:2], self.held[request]
        left = asked.minor - sum(paid for *_, paid in self.paid[request])
        part = (
            held
            if here.minor == left
            else max(1, min(held, rounded(Fraction(cents * here.minor, asked.minor))))
        )
        if asked.currency == "EUR":
            part = here.minor
        difference = worth(here, rate) - part
        if here.minor > left or not held or part > held or difference > self.there:
            return False
        self.held[request] -= part
        self.move(set_aside=-part, disbursed=part, exchange=difference)
        self.paid[request].append((part, difference, here.minor))
        return True

    def move(self, **sums: int) -> None:
        for name, cents in sums.items():
            self.sums[name] += cents

    def reverse(self, request: int, **_: Any) -> bool:
        if not self.paid[request]:
            return True
        part, difference, _here = self.paid[request][-1]
        if sum(paid for paid, *_ in self.paid[request]) - self.back[request] < part:
            return False
        self.paid[request].pop()
        self.move(set_aside=part, disbursed=-part, exchange=-difference)
        self.held[request] += part
        # What a payment had cost less is not held again: it may be spent by now.
        self.hold(request, min(difference, 0))
        return True

    def refund(self, request: int, here: Money, rate: str, **_: Any) -> bool:
        paid = sum(part for part, *_ in self.paid[request]) - self.back[request]
        paid_here = sum(paid for *_, paid in self.paid[request]) - self.back_here[request]
        if here.minor > paid_here or not paid:
            return False
        part = (
            paid
            if here.minor == paid_here
            else max(1, min(paid, rounded(Fraction(paid * here.minor, paid_here))))
        )
        self.move(refunded=part, exchange=part - worth(here, rate))
        self.back[request], self.back_here[request] = (
            self.back[request] + part,
            self.back_here[request] + here.minor,
        )
        self.use(request, -part)
        return True

    def fee(self, here: Money, rate: str, **_: Any) -> bool:
        cents = max(1, worth(here, rate))
        if cents > self.there:
            return False
        self.fees.append(cents)
        self.move(disbursed=cents)
        return True

    def fee_back(self, **_: Any) -> bool:
        if self.fees:
            self.move(disbursed=-self.fees.pop())
        return True

    def adjust(self, cents: int, up: bool, **_: Any) -> bool:
        if not up and cents > self.there:
            return False
        self.move(adjusted=cents if up else -cents)
        return True

    def release_instalment(self, **_: Any) -> bool:
        self.sums["held_back"] = 0
        return True


class Real:
    """The same deeds on the allocation in the database; where a deed has a key, it is done twice under it."""

    def __init__(self, ids: tuple[UUID, list[UUID]], rate_id: UUID, cast: Cast) -> None:
        self.allocation = db.session.get_one(Allocation, ids[0])
        self.requests = [db.session.get_one(PaymentRequest, id) for id in ids[1]]
        self.rate_id, self.cast, self.numbers = rate_id, cast, count()
        self.paid: list[list[LedgerEntry]] = [[] for _ in ASKED]
        self.fees: list[LedgerEntry] = []

    def key(self) -> UUID:
        return uuid5(self.allocation.id, str(next(self.numbers)))

    def at(self, rate: str) -> Rate:
        return Rate(self.rate_id, "EUR", "GNF", RATES[rate], NOW.date(), "test")

    def set_aside(self, request: int, **_: Any) -> None:
        ledger.set_aside(self.requests[request], by=None, now=NOW)

    def release(self, request: int, cents: int, **_: Any) -> None:
        ledger.release(self.requests[request], amount=euros(cents), id=self.key(), by=None, now=NOW)

    def release_all(self, request: int, **_: Any) -> None:
        ledger.release(self.requests[request], by=None, now=NOW)

    def pay(self, request: int, here: Money, rate: str, again: bool, **_: Any) -> None:
        key, how = self.key(), {"by": self.cast.farah, "rate": self.at(rate)}
        for _time in range(1 + again):
            entry = pay(self.requests[request], here, id=key, **how)
        self.paid[request].append(entry)

    def reverse(self, request: int, again: bool, **_: Any) -> None:
        for _time in range((1 + again) if self.paid[request] else 0):
            ledger.reverse(self.paid[request][-1], reason="Non arrivé", by=None, now=NOW)
        self.paid[request] = self.paid[request][:-1]

    def refund(self, request: int, here: Money, rate: str, again: bool, **_: Any) -> None:
        key = self.key()
        for _time in range(1 + again):
            ledger.refund(self.requests[request], here, id=key, by=None, now=NOW, rate=self.at(rate))

    def fee(self, request: int, here: Money, rate: str, again: bool, **_: Any) -> None:
        key = self.key()
        for _time in range(1 + again):
            entry = ledger.charge_fee(
                self.requests[request], here, id=key, by=None, now=NOW, rate=self.at(rate)
            )
        self.fees.append(entry)

    def fee_back(self, **_: Any) -> None:
        if self.fees:
            ledger.reverse(self.fees[-1], reason="Frais rendus", by=None, now=NOW)
            self.fees.pop()

    def adjust(self, cents: int, up: bool, **_: Any) -> None:
        ledger.adjust(
            self.allocation, euros(cents if up else -cents), reason="Correction", id=self.key(),
            by=self.cast.kadiatou, confirmed_by=self.cast.farah, now=NOW,
        )  # fmt: skip

    def release_instalment(self, **_: Any) -> None:
        ledger.release_instalment(self.allocation, 1, by=self.cast.kadiatou, now=NOW)


def sized(
    deed: str, request: int, share: int, rate: str, again: bool, up: bool
) -> tuple[str, dict[str, Any]]:
    """The deed with its amounts: so many hundredths of what the request asks, at least one unit."""
    asked, cents, *_ = ASKED[request]
    return deed, {
        "request": request, "here": Money(max(1, asked.minor * share // 100), asked.currency),
        "cents": max(1, cents * share // 100), "rate": rate, "again": again, "up": up,
    }  # fmt: skip


DEEDS = (
    "set_aside set_aside pay pay release release_all reverse refund fee fee_back adjust release_instalment"
)
DEED = st.builds(
    sized, st.sampled_from(DEEDS.split()), st.integers(0, len(ASKED) - 1),
    st.sampled_from([100, 67, 50, 33, 7, 0]), st.sampled_from(list(RATES)), st.booleans(), st.booleans(),
)  # fmt: skip
SEQUENCE = st.lists(DEED, min_size=1, max_size=10)


def prepare(cast: Cast) -> tuple[tuple[UUID, list[UUID]], UUID]:
    allocation = an_allocation(cast, euros(GRANTED), **MOST)
    db.session.add(Instalment(allocation_id=allocation.id, number=1, minor=HELD_BACK, condition="Visite"))
    db.session.flush()
    ledger.hold_back(allocation, HELD_BACK)
    requests = [
        a_request(allocation, cast, asked, donor_minor=cents, category=category, payee_kind=payee)
        for asked, cents, category, payee in ASKED
    ]
    found = (allocation.id, [request.id for request in requests]), a_rate("EUR", "GNF", "9500").id
    db.session.commit()
    return found


def follow(real: Real, deeds: list[Any], *, proved: bool = False) -> None:
    """Do the deeds to both, and compare every sum after each; the database goes back to where it was."""
    try:
        model, limits = Model(), select(AllocationLimit.name, AllocationLimit.used_minor)
        for name, facts in deeds:
            allowed, done = getattr(model, name)(**facts), True
            try:
                getattr(real, name)(**facts)
            except ExceedsAllocation:
                done = False
            assert done == allowed, f"{name} {facts}"
            sums = {name: getattr(real.allocation, f"{name}_minor") for name in model.sums}
            assert (sums, available(real.allocation).minor) == (model.sums, model.there), f"{name} {facts}"
            assert [request.held_minor for request in real.requests] == model.held, f"{name} {facts}"
        of_it = limits.where(AllocationLimit.allocation_id == real.allocation.id)
        assert dict(db.session.execute(of_it).all()) == model.used
        if proved:
            assert list(faults()) == []
    finally:
        db.session.rollback()


def try_sequences(
    real: type[Real], cast: Cast, number: int, *, every: int = PROVED_EVERY, **chosen: Any
) -> int:
    """How many sequences ran; the invariant query is asked in every so many."""
    made, ran = prepare(cast), count(1)

    @settings(
        max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck), **chosen
    )
    @given(SEQUENCE)
    def sequences(deeds: list[Any]) -> None:
        follow(real(*made, cast), deeds, proved=next(ran) % every == 0)

    sequences()
    return next(ran) - 1


def test_every_sequence_of_deeds_does_what_the_model_says(app: Flask, cast: Cast, engine: str) -> None:
    with app.app_context():
        assert try_sequences(Real, cast, SEQUENCES[engine], derandomize=True) >= SEQUENCES[engine]


class Forgetful(Real):
    """Posts no exchange difference."""

    def pay(self, rate: str, **facts: Any) -> None:
        super().pay(rate="9500", **facts)


def test_a_payment_that_forgets_its_exchange_difference_is_found(app: Flask, cast: Cast) -> None:
    with app.app_context(), pytest.raises(AssertionError):
        try_sequences(Forgetful, cast, 500, phases=[Phase.generate])


class Unnoted(Real):
    """Pays, and notes no payment: every sum is right."""

    def pay(self, request: int, here: Money, rate: str, **_: Any) -> None:
        paid = ledger.pay(self.requests[request], here, id=self.key(), by=None, now=NOW, rate=self.at(rate))
        self.paid[request].append(paid)


def test_a_payment_that_nobody_noted_is_found_by_the_invariant_query(app: Flask, cast: Cast) -> None:
    with app.app_context(), pytest.raises(AssertionError, match="there is no payment of it"):
        try_sequences(Unnoted, cast, 500, every=1, phases=[Phase.generate])
