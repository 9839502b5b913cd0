"""Two people, or one person twice, at the same instant on the same request: one of them was first, and only one counts."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.allocations.hands import Hands
from tests.cast import Cast
from webapp.allocations.models import Payment, RequestStep
from webapp.allocations.requests.actions import OverCeiling
from webapp.database import db
from webapp.money import Money
from webapp.web import NeedsAttention

ROUNDS = 6


@pytest.fixture
def hands(app: Flask, cast: Cast) -> Hands:
    made = Hands(app, cast)
    for name in ("ibrahima", "kadiatou", "farah"):
        made.known(name)
    return made


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """What came of each; a refusal is what it raised."""
    start, came = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(place: int) -> None:
        start.wait()
        try:
            came[place] = deeds[place]()
        except NeedsAttention as refused:
            came[place] = refused  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(each is not None for each in came), "a deed met a fault of ours, or never ended"
    return came


def refusals(came: list[Any]) -> int:
    return sum(isinstance(each, NeedsAttention) for each in came)


def steps(hands: Hands, request_id: UUID, *states: str) -> int:
    with hands.app.app_context():
        return int(
            db.session.scalar(
                select(func.count())
                .select_from(RequestStep)
                .where(RequestStep.request_id == request_id, RequestStep.state.in_(states))
            )
            or 0
        )


def test_approving_twice_at_once_is_one_approval(hands: Hands) -> None:
    for _round in range(ROUNDS):
        request_id = hands.asks("10")
        version = hands.request(request_id).version
        came = at_once(*[lambda: hands.does("approval", request_id, version=version)] * 4)  # noqa: B023
        assert came == ["approved"] * 4
        assert steps(hands, request_id, "approved") == 1
        assert hands.entries(request_id) == [("set_aside", 1_000)]


def test_two_managers_at_once_make_one_approval(hands: Hands) -> None:
    hands.becomes("salma", "programme_manager")
    for _round in range(ROUNDS):
        request_id = hands.asks("10")
        version = hands.request(request_id).version
        came = at_once(
            *[
                lambda name=name: hands.does("approval", request_id, by=name, version=version)  # noqa: B023
                for name in ("kadiatou", "salma") * 2
            ]
        )
        assert refusals(came) == 2, "the same person again changes nothing, the other one is told"
        assert steps(hands, request_id, "approved") == 1
        assert hands.entries(request_id) == [("set_aside", 1_000)]


@pytest.mark.parametrize(("other", "by"), [("rejection", "kadiatou"), ("cancellation", "ibrahima")])
def test_yes_and_no_at_once_end_as_one_of_them_and_hold_what_it_says(
    hands: Hands, other: str, by: str
) -> None:
    there = hands.left()
    for _round in range(ROUNDS):
        request_id = hands.asks("10")
        version = hands.request(request_id).version
        at_once(
            lambda: hands.does("approval", request_id, version=version),  # noqa: B023
            lambda: hands.does(other, request_id, by=by, version=version),  # noqa: B023
        )
        state = hands.state(request_id)
        assert steps(hands, request_id, "approved", "rejected", "cancelled") == 1
        if state == "approved":
            assert hands.entries(request_id) == [("set_aside", 1_000)]
            hands.does("cancellation", request_id)
        else:
            assert state in ("rejected", "cancelled")
            assert hands.entries(request_id) == []
        assert hands.left() == there


def test_the_last_of_the_money_goes_to_one_of_two_requests(hands: Hands) -> None:
    for _round in range(ROUNDS):
        asked = [hands.asks("500"), hands.asks("500")]
        came = at_once(*[lambda id=id: hands.does("approval", id) for id in asked])
        assert sum(isinstance(each, OverCeiling) for each in came) == 1
        assert sorted(map(hands.state, asked)) == ["approved", "requested"]
        for id in asked:
            hands.does("cancellation", id)


def test_two_payments_at_once_pay_once(hands: Hands) -> None:
    for _round in range(ROUNDS):
        request_id = hands.walks(hands.asks("10", "cash"), "approval")
        came = at_once(*[lambda: hands.pays(request_id)] * 3)  # noqa: B023
        assert refusals(came) == 2
        assert hands.entries(request_id) == [("disbursed", 1_000), ("set_aside", 1_000)]


def test_two_halves_at_once_are_two_payments(hands: Hands) -> None:
    for _round in range(ROUNDS):
        request_id = hands.walks(hands.asks("10", "cash"), "approval")
        came = at_once(*[lambda: hands.pays(request_id, amount=Money(500, "EUR"))] * 3)  # noqa: B023
        assert refusals(came) == 1
        assert hands.entries(request_id) == [("disbursed", 500), ("disbursed", 500), ("set_aside", 1_000)]


def test_the_same_payment_twice_at_once_is_one(hands: Hands) -> None:
    for _round in range(ROUNDS):
        request_id, id = hands.walks(hands.asks("10", "cash"), "approval"), uuid4()
        came = at_once(*[lambda: hands.pays(request_id, id=id, reference=f"A-{id}")] * 3)  # noqa: B023
        assert came == ["paid"] * 3
        assert payments(hands, request_id) == 1


@pytest.mark.parametrize("same", ["id", "reference"])
def test_one_number_or_one_reference_at_once_on_two_requests_pays_one_of_them(
    hands: Hands, same: str
) -> None:
    cases = [hands.case]
    hands.under_a_rule()
    cases.append(hands.case)
    for number in range(ROUNDS):
        asked = []
        for hands.case in cases:
            asked.append(hands.walks(hands.asks("10", "cash"), "approval"))
        shared: dict[str, Any] = {"id": uuid4()} if same == "id" else {"reference": f"OM-{number}"}
        came = at_once(*[lambda id=id: hands.pays(id, **shared) for id in asked])  # noqa: B023
        [refused] = [each for each in came if isinstance(each, NeedsAttention)]
        assert list(refused.errors) == [same]
        assert sum(payments(hands, id) for id in asked) == 1
        assert sorted(map(hands.state, asked)) == ["approved", "paid"]


def payments(hands: Hands, request_id: UUID) -> int:
    with hands.app.app_context():
        found = select(func.count()).select_from(Payment).where(Payment.request_id == request_id)
        return int(db.session.scalar(found) or 0)
