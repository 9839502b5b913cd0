"""A real server that is killed while it pays: nothing is paid twice, nothing is lost."""

import http.client
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import func, select

from tests.allocations.builders import a_request, an_allocation, euros
from tests.browser_client import Person
from tests.cast import Cast
from tests.faults.planted_money import two_commits
from tests.faults.serving import Fault, Server
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.check import faults
from webapp.allocations.models import LedgerEntry, Payment, RequestStep
from webapp.database import db

EACH = 10_000
PAYMENTS = 300
KILLS = 12


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


def wrong_after_kills(
    app: Flask, cast: Cast, folder: Path, fault: Fault, payments: int, kills: int
) -> list[str]:
    """Eight people pay while the server is killed, then every key is sent again; what is not as it must be."""
    finance, chance = Browser(app, cast.farah), random.Random(payments)
    waiting, paid, wrong = to_be_paid(app, cast, payments), [], []
    with Server(folder, app.extensions["settings"].database_url, fault) as server:

        def pay(line: tuple[UUID, dict[str, Any]]) -> None:
            id, fields = line
            until = time.monotonic() + 300
            while time.monotonic() < until:
                try:
                    answer = finance.posts(server.port, f"/payment-requests/{id}/payments", fields)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)
                    continue
                if answer == 503:
                    continue
                if answer != 303:
                    wrong.append(f"answer: {answer}")
                paid.append(id)
                return
            raise AssertionError("a payment found no answer")

        with ThreadPoolExecutor(8) as hands:
            done = [hands.submit(pay, line) for line in waiting]
            for after in sorted(chance.sample(range(int(payments * 0.9)), kills)):
                while len(paid) < after and not all(each.done() for each in done):
                    time.sleep(0.002)
                time.sleep(chance.uniform(0, 0.03))
                server.kill()
                server.start()
            for each in done:
                each.result(300)
        assert len(paid) == payments
        for line in waiting:  # every key again, after it all
            pay(line)
    ids = [id for id, _fields in waiting]
    once = dict.fromkeys(ids, 1)
    with app.app_context():
        for table, *where in (
            (Payment,), (LedgerEntry, LedgerEntry.kind == "disbursed"), (RequestStep, RequestStep.state == "paid"),
        ):  # fmt: skip
            if counted(table, table.request_id.in_(ids), *where) != once:
                wrong.append(f"{table.__tablename__}: not one for each request")
        return wrong + list(faults())


def test_a_server_killed_while_it_pays_pays_nothing_twice_and_loses_nothing(
    app: Flask, cast: Cast, tmp_path: Path
) -> None:
    assert wrong_after_kills(app, cast, tmp_path, "", PAYMENTS, KILLS) == []


def test_sums_that_are_safe_before_their_entry_are_noticed_by_the_same_kills(
    app: Flask, cast: Cast, tmp_path: Path
) -> None:
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    wrong = wrong_after_kills(app, cast, tmp_path, two_commits, 40, 6)
    assert any("the entries make" in sentence or "its entries make" in sentence for sentence in wrong), wrong


def counted(table: Any, *where: Any) -> dict[UUID, int]:
    rows = db.session.execute(select(table.request_id, func.count()).where(*where).group_by(table.request_id))
    return {row[0]: row[1] for row in rows}


def to_be_paid(app: Flask, cast: Cast, payments: int) -> list[tuple[UUID, dict[str, Any]]]:
    """Approved requests of ten cases, each with the form that pays it."""
    found = []
    with app.app_context():
        for _case in range(10):
            allocation = an_allocation(cast, euros(10_000_000))
            for _request in range(payments // 10):
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
