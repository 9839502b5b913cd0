"""Money through real servers: many hands on one allocation at one instant, and a server that is killed while it pays."""

import http.client
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from tests.allocations.builders import a_request, an_allocation, euros
from tests.browser_client import Person
from tests.cast import Cast
from tests.faults.planted_money import check_then_insert
from tests.faults.serving import Fault, Server
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.models import Allocation, LedgerEntry, Payment, PaymentRequest, RequestStep
from webapp.database import db

PROCESSES = 4
AT_ONCE = 64
# SUIVI_ROUNDS=200 is the long run; each round is 128 requests.
ROUNDS = int(os.environ.get("SUIVI_ROUNDS", "6"))
GRANTED, EACH = 160_000, 10_000
"""What is granted pays for sixteen of the requests; twice as many are approved at the same instant, each twice."""
PAYMENTS = 300
KILLS = 12


@contextmanager
def servers(app: Flask, folder: Path, number: int, fault: Fault = "") -> Iterator[list[Server]]:
    with ExitStack() as running:
        url = app.extensions["settings"].database_url
        yield [running.enter_context(Server(folder, url, fault)) for _process in range(number)]


class Browser:
    """Somebody's signed-in browser, whose forms go to one of the servers."""

    def __init__(self, app: Flask, staff: UUID) -> None:
        cookie = Person(app, staff).client.get_cookie(app.config["SESSION_COOKIE_NAME"])
        assert cookie is not None
        self.cookie = f"{cookie.key}={cookie.value}"

    def posts(self, port: int, path: str, fields: dict[str, Any]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            said = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, urlencode(fields), said)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@dataclass
class Round:
    """What came of one round: the two answers to each request."""

    allocation_id: UUID
    pairs: list[tuple[int, int]]

    def fault_in(self, app: Flask) -> str:
        """The first thing that is not as it must be; nothing when all is well."""
        with app.app_context():
            there = db.session.get_one(Allocation, self.allocation_id).set_aside_minor
            of_round = LedgerEntry.allocation_id == self.allocation_id, LedgerEntry.kind == "set_aside"
            held = sum(db.session.scalars(select(LedgerEntry.minor).where(*of_round)))
            asked = select(PaymentRequest.state).where(PaymentRequest.allocation_id == self.allocation_id)
            states = Counter(db.session.scalars(asked))
        if held != GRANTED or there != GRANTED:
            return f"set aside: {held} by the entries, {there} by the sum, of {GRANTED}"
        if states != {"approved": GRANTED // EACH, "requested": AT_ONCE // 2 - GRANTED // EACH}:
            return f"states: {states}"
        if Counter(self.pairs) != {
            (303, 303): GRANTED // EACH,
            (422, 422): AT_ONCE // 2 - GRANTED // EACH,
        }:
            return f"answers: {Counter(self.pairs)}"
        return ""


def approve_all_at_once(
    app: Flask, cast: Cast, running: list[Server], manager: Browser, pool: ThreadPoolExecutor
) -> Round:
    """A fresh allocation, twice as many requests as it can pay for, every approval sent twice, all at one instant."""
    with app.app_context():
        allocation = an_allocation(cast, euros(GRANTED))
        made = [
            a_request(allocation, cast, euros(EACH), state="requested", approver_id=None)
            for _request in range(AT_ONCE // 2)
        ]
        allocation_id, asked = allocation.id, [(request.id, request.version) for request in made]
        db.session.commit()
    start = threading.Barrier(AT_ONCE)

    def approve(place: int) -> int:
        id, version = asked[place // 2]
        start.wait(60)
        return manager.posts(
            running[place % len(running)].port,
            f"/payment-requests/{id}/approval",
            {"version": version, "shown": EACH},
        )

    answers = list(pool.map(approve, range(AT_ONCE)))
    return Round(allocation_id, list(zip(answers[::2], answers[1::2], strict=True)))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


def on_postgresql(engine: str) -> None:
    if engine != "postgresql":
        pytest.skip("several server processes need PostgreSQL")


def test_64_approvals_at_once_on_four_servers_set_aside_exactly_what_was_granted(
    app: Flask, cast: Cast, engine: str, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    on_postgresql(engine)
    manager = Browser(app, cast.kadiatou)
    with servers(app, tmp_path, PROCESSES) as running:
        for _round in range(ROUNDS):
            assert not approve_all_at_once(app, cast, running, manager, pool).fault_in(app)


def test_looking_first_and_writing_then_is_noticed(
    app: Flask, cast: Cast, engine: str, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    on_postgresql(engine)
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    with app.app_context():
        db.session.execute(text("ALTER TABLE allocations DROP CONSTRAINT ck_allocations_never_overspent"))
        db.session.commit()
    manager = Browser(app, cast.kadiatou)
    with servers(app, tmp_path, PROCESSES, check_then_insert) as running:
        found = (approve_all_at_once(app, cast, running, manager, pool).fault_in(app) for _round in range(10))
        assert "set aside" in next(filter(None, found), "")


def test_a_server_killed_while_it_pays_pays_nothing_twice_and_loses_nothing(
    app: Flask, cast: Cast, tmp_path: Path
) -> None:
    finance, chance = Browser(app, cast.farah), random.Random(PAYMENTS)
    waiting, paid = to_be_paid(app, cast), []
    with servers(app, tmp_path, 1) as [server]:

        def pay(line: tuple[UUID, dict[str, Any]]) -> None:
            id, fields = line
            until = time.monotonic() + 300
            while time.monotonic() < until:
                try:
                    answer = finance.posts(server.port, f"/payment-requests/{id}/payments", fields)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)
                    continue
                assert answer in (303, 503), answer
                if answer == 303:
                    paid.append(id)
                    return
            raise AssertionError("a payment found no answer")

        with ThreadPoolExecutor(8) as hands:
            done = [hands.submit(pay, line) for line in waiting]
            for after in sorted(chance.sample(range(int(PAYMENTS * 0.9)), KILLS)):
                while len(paid) < after and not all(each.done() for each in done):
                    time.sleep(0.002)
                time.sleep(chance.uniform(0, 0.03))
                server.kill()
                server.start()
            for each in done:
                each.result(300)
        assert len(paid) == PAYMENTS
        for line in waiting:  # every key again, after it all
            pay(line)
    ids = [id for id, _fields in waiting]
    once = dict.fromkeys(ids, 1)
    with app.app_context():
        assert counted(Payment, Payment.request_id.in_(ids)) == once
        assert counted(LedgerEntry, LedgerEntry.request_id.in_(ids), LedgerEntry.kind == "disbursed") == once
        assert counted(RequestStep, RequestStep.request_id.in_(ids), RequestStep.state == "paid") == once


def counted(table: Any, *where: Any) -> dict[UUID, int]:
    rows = db.session.execute(select(table.request_id, func.count()).where(*where).group_by(table.request_id))
    return {row[0]: row[1] for row in rows}


def to_be_paid(app: Flask, cast: Cast) -> list[tuple[UUID, dict[str, Any]]]:
    """Approved requests of ten cases, each with the form that pays it."""
    found = []
    with app.app_context():
        for _case in range(10):
            allocation = an_allocation(cast, euros(10_000_000))
            for _request in range(PAYMENTS // 10):
                request = a_request(allocation, cast, euros(EACH), payee_kind="cash")
                ledger.set_aside(request, by=cast.kadiatou, now=clock.now())
                fields = {
                    "id": str(uuid4()),
                    "version": request.version,
                    "reference": f"R-{request.id}",
                    "amount": "100",
                    "paid_on": clock.now().date().isoformat(),
                }
                found.append((request.id, fields))
        db.session.commit()
    random.Random(1).shuffle(found)
    return found
