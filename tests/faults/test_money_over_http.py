"""Many approvals at once through the real doors: four server processes on PostgreSQL, one on SQLite."""

import os
import threading
from collections import Counter
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from flask import Flask

from tests.allocations.builders import a_request, an_allocation, euros, set_aside_of
from tests.browser_client import Person
from tests.cast import Cast
from tests.faults.serving import Server
from webapp.allocations.models import Allocation
from webapp.database import db

pytestmark = pytest.mark.faults
# SUIVI_ROUNDS=200 is the long run; each round is 128 requests.
_LONG = int(os.environ.get("SUIVI_ROUNDS", "6"))
AT_ONCE, ROUNDS = 64, {"postgresql": _LONG, "sqlite": max(2, _LONG // 10)}
EACH, FIT = 1_000, 40


def prepare(cast: Cast, rounds: int) -> tuple[list[UUID], list[list[UUID]]]:
    """An allocation for each round, and 64 requests that wait for approval; 40 of them fit."""
    allocations, requests = [], []
    for _ in range(rounds):
        allocation = an_allocation(cast, euros(FIT * EACH))
        allocations.append(allocation.id)
        requests.append(
            [
                a_request(allocation, cast, euros(EACH), id=uuid4(), state="requested", approver_id=None).id
                for _ in range(AT_ONCE)
            ]
        )
    db.session.commit()
    return allocations, requests


def approve_all(ports: list[int], cookie: str, requests: list[list[UUID]]) -> Counter[int]:
    """64 people begin together; each approves two requests, so that every approval is sent twice."""
    answers: Counter[int] = Counter()
    guard, lock = threading.Barrier(AT_ONCE), threading.Lock()
    fields = urlencode({"version": "1", "shown": str(EACH)})
    headers = {
        "Cookie": cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }

    def person(number: int) -> None:
        line = HTTPConnection("127.0.0.1", ports[number % len(ports)], timeout=120)
        said: Counter[int] = Counter()
        for of_round in requests:
            guard.wait()
            for position in (number, (number * 7 + 3) % AT_ONCE):
                line.request("POST", f"/payment-requests/{of_round[position]}/approval", fields, headers)
                answer = line.getresponse()
                answer.read()
                said[answer.status] += 1
        with lock:
            answers.update(said)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_64_approvals_at_once_set_aside_exactly_what_was_granted(
    app: Flask, cast: Cast, tmp_path: Path, engine: str
) -> None:
    with app.app_context():
        allocations, requests = prepare(cast, ROUNDS[engine])
    cookie = Person(app, cast.kadiatou).client.get_cookie("suivi")
    assert cookie is not None
    url = app.extensions["settings"].database_url
    with ExitStack() as running:
        servers = [
            running.enter_context(Server(tmp_path, url)) for _ in range(4 if engine == "postgresql" else 1)
        ]
        answers = approve_all([server.port for server in servers], f"suivi={cookie.value}", requests)
    rounds = ROUNDS[engine]
    # Sent twice, both copies are accepted or both are told "asked, available".
    assert answers == {303: rounds * FIT * 2, 422: rounds * (AT_ONCE - FIT) * 2}
    with app.app_context():
        assert [set_aside_of(id) for id in allocations] == [FIT * EACH] * rounds
        assert {db.session.get_one(Allocation, id).set_aside_minor for id in allocations} == {FIT * EACH}
