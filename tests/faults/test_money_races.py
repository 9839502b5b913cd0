"""Many people at once on one allocation: exactly what was granted is set aside, never more, and nobody sees an error."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.allocations.builders import NOW, a_request, an_allocation, euros, pay, set_aside_of
from tests.cast import Cast
from webapp.allocations import ledger
from webapp.allocations.ledger import ExceedsAllocation, available
from webapp.allocations.models import Allocation, LedgerEntry, PaymentRequest
from webapp.database import db, reading

pytestmark = pytest.mark.faults
# SUIVI_ROUNDS=200 is the long run; each round is 128 deeds.
AT_ONCE, ROUNDS = 64, int(os.environ.get("SUIVI_ROUNDS", "20"))
EACH, FIT = 1_000, 40
"""Each request asks EUR 10; 40 of the 64 fit."""

Deed = Callable[[UUID], None]


@dataclass
class Race:
    """What came of the rounds: what was set aside in each, how many asked in vain, and what went wrong."""

    set_aside: list[int]
    held: list[int]
    refused: int
    errors: list[BaseException]


def set_aside(request_id: UUID) -> None:
    ledger.set_aside(db.session.get_one(PaymentRequest, request_id), by=None, now=NOW)


def look_then_write(request_id: UUID) -> None:
    """The planted fault: see whether there is enough, then write what was computed from it."""
    request = db.session.get_one(PaymentRequest, request_id)
    allocation = db.session.get_one(Allocation, request.allocation_id)
    key = ledger.deed_id(request_id, "set_aside")
    if db.session.get(LedgerEntry, key):
        return
    there = available(allocation)
    if there < euros(request.donor_minor):
        raise ExceedsAllocation(euros(request.donor_minor), there)
    allocation.set_aside_minor += request.donor_minor
    request.held_minor = request.donor_minor
    db.session.add(
        LedgerEntry(
            id=key, allocation_id=allocation.id, kind="set_aside", minor=request.donor_minor, what="",
            category=request.category, request_id=request.id, posted_at=NOW,
        )
    )  # fmt: skip


def race(app: Flask, cast: Cast, deed: Deed, rounds: int) -> Race:
    """Every request is sent twice, by two threads, under its one key; 64 threads begin together."""
    allocations, requests = prepare(app, cast, rounds)
    outcome, refused, guard = Race([], [], 0, []), [0] * AT_ONCE, threading.Barrier(AT_ONCE)

    def person(number: int) -> None:
        for of_round in requests:
            guard.wait()
            for position in (number, (number * 7 + 3) % AT_ONCE):
                try:
                    with app.app_context():
                        deed(of_round[position])
                        db.session.commit()
                except ExceedsAllocation:
                    refused[number] += 1
                except Exception as error:
                    outcome.errors.append(error)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.refused = sum(refused)
    with app.app_context():
        for id in allocations:
            outcome.set_aside.append(set_aside_of(id))
            outcome.held.append(db.session.get_one(Allocation, id).set_aside_minor)
    return outcome


def prepare(app: Flask, cast: Cast, rounds: int) -> tuple[list[UUID], list[list[UUID]]]:
    with app.app_context():
        allocations = [
            an_allocation(cast, euros(FIT * EACH), micro_project=FIT * EACH) for _ in range(rounds)
        ]
        requests = [
            [a_request(allocation, cast, euros(EACH), id=uuid4()).id for _ in range(AT_ONCE)]
            for allocation in allocations
        ]
        db.session.commit()
        return [allocation.id for allocation in allocations], requests


def test_64_people_at_once_set_aside_exactly_what_was_granted(app: Flask, cast: Cast) -> None:
    outcome = race(app, cast, set_aside, ROUNDS)
    assert outcome.errors == []
    assert outcome.set_aside == outcome.held == [FIT * EACH] * ROUNDS
    # Of the two copies of each request, both are accepted or both refused.
    assert outcome.refused == ROUNDS * 2 * (AT_ONCE - FIT)


def test_looking_before_writing_is_caught_by_the_same_race(app: Flask, cast: Cast, engine: str) -> None:
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]

    def planted(request_id: UUID) -> None:
        # SQLite would let one writer after the other begin: the fault begins as a reader, as its driver does.
        with reading():
            look_then_write(request_id)
            db.session.commit()

    outcome = race(app, cast, planted, 5)
    if engine == "postgresql":
        assert max(outcome.set_aside) > FIT * EACH
    assert outcome.errors


def test_two_deeds_on_one_request_at_once_do_it_once(app: Flask, cast: Cast) -> None:
    """Pay, pay again under another key, release and cancel a payment, all together: what is held is never spent twice."""
    with app.app_context():
        allocation = an_allocation(cast, euros(100_000))
        requests = [a_request(allocation, cast, euros(1_000), id=uuid4()) for _ in range(40)]
        for request in requests:
            ledger.set_aside(request, by=None, now=NOW)
        ids = [request.id for request in requests]
        allocation_id = allocation.id
        db.session.commit()
    errors: list[BaseException] = []
    guard = threading.Barrier(8)

    def person(number: int) -> None:
        for id in ids:
            guard.wait()
            try:
                with app.app_context():
                    request = db.session.get_one(PaymentRequest, id)
                    if number % 2:
                        pay(request, euros(1_000), by=cast.farah)
                    else:
                        ledger.release(request, by=None, now=NOW)
                    db.session.commit()
            except ExceedsAllocation:
                pass
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with app.app_context():
        done = db.session.execute(
            select(LedgerEntry.request_id, LedgerEntry.kind).where(
                LedgerEntry.allocation_id == allocation_id, LedgerEntry.kind.in_(("disbursed", "released"))
            )
        ).all()
        assert sorted(request for request, _kind in done) == sorted(ids)
        assert db.session.scalar(text("SELECT max(held_minor) FROM payment_requests")) == 0
