"""Copies of the same work that arrive at the same moment, by several connections and several servers."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser_client import Person
from tests.databases import engines
from tests.faults import planted
from tests.faults.conftest import Account, Sent, account_of, phone_at
from tests.faults.serving import Server
from tests.phone import Piece, a_picture, visit_fields

COPIES = 4
BATCH = 10


def account_of_copies(
    app: Flask, cast, mariamas_case, folder, engine: str, *, visits: int = 500, fault: str = ""
) -> tuple[Account, int]:
    """Send every visit in four copies at once; the account, and how many visits got unlike receipts.

    PostgreSQL is served by two processes, each half of the copies goes to one of them.
    """
    sent = Sent()
    url = app.extensions["settings"].database_url
    with ExitStack() as running, ThreadPoolExecutor(COPIES) as threads:
        servers = [
            running.enter_context(Server(folder, url, fault))
            for _n in range(2 if engine == "postgresql" else 1)
        ]
        writer = phone_at(app, servers[0].port, cast.ibrahima, cast.mariama)
        carriers = [phone_at(app, servers[n % len(servers)].port, cast.ibrahima) for n in range(COPIES)]
        unlike = 0
        for _batch in range(visits // BATCH):
            pieces: list[Piece] = []
            for n in range(BATCH):
                by, case = (cast.ibrahima, cast.aminata) if n % 2 else (cast.mariama, mariamas_case)
                pieces.append(sent.visit(writer, case, by=by))
            # Half of the copies come in the opposite order: two that wait for one another would show.
            orders = [pieces if n < COPIES // 2 else pieces[::-1] for n in range(COPIES)]
            answers = list(
                threads.map(lambda pair: pair[0].post(*pair[1]), zip(carriers, orders, strict=True))
            )
            told = [{receipt["id"]: receipt for receipt in answer.receipts} for answer in answers]
            unlike += sum(
                any(copy.get(str(piece.id)) != told[0].get(str(piece.id)) for copy in told)
                for piece in pieces
            )
    return account_of(app, sent), unlike


def test_500_visits_in_four_copies_at_once_are_500_visits_with_four_equal_receipts_each(
    app, cast, mariamas_case, tmp_path, engine
):
    account, unlike = account_of_copies(app, cast, mariamas_case, tmp_path, engine)
    assert account.is_clean, account
    assert unlike == 0


@pytest.mark.skipif("postgresql" not in engines(), reason="SQLite lets only one write at a time")
@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_that_looks_and_then_writes_is_found_out(app, cast, mariamas_case, tmp_path, engine):
    planted.drop_what_forbids_doubles(app)
    account, _unlike = account_of_copies(
        app, cast, mariamas_case, tmp_path, engine, visits=50, fault="check then insert"
    )
    assert account.doubled > 0


def test_the_parts_of_a_photo_all_at_once_and_twice_are_one_photo(app, cast, tmp_path, engine):
    sent = Sent()
    url = app.extensions["settings"].database_url
    with ExitStack() as running, ThreadPoolExecutor(8) as threads:
        servers = [
            running.enter_context(Server(tmp_path, url)) for _n in range(2 if engine == "postgresql" else 1)
        ]
        phones = [phone_at(app, server.port, cast.ibrahima) for server in servers]
        writer = phones[0]
        visit = sent.visit(writer, cast.aminata)
        writer.post(visit)
        for seed in range(12):
            photo = sent.photo(writer, visit, cast.aminata, a_picture(330, seed=seed))
            carriers = [phones[n % len(phones)] for n in range(8)]
            putting = [threads.submit(each.put_part, photo, n % 4) for n, each in enumerate(carriers)]
            answers = [each.result() for each in putting]
            assert {answer.status for answer in answers} == {200}
            told = [receipt for answer in answers for receipt in answer.receipts]
            # One at least of the requests saw that all were there, so the phone need not ask.
            assert told
            assert all(receipt == told[0] for receipt in told)
    assert account_of(app, sent).is_clean, account_of(app, sent)


def statuses_of_crossing_deliveries(
    app: Flask, cast, mariamas_case, folder, *, deliveries: int = 80, fault: str = ""
) -> set[int]:
    """A batch over two cases, its reverse, single deliveries and visits posted on the page, all at once."""
    with (
        Server(folder, app.extensions["settings"].database_url, fault) as server,
        ThreadPoolExecutor(4) as threads,
    ):
        phones = [phone_at(app, server.port, cast.ibrahima, cast.mariama) for _n in range(3)]
        ibrahima = Person(app, cast.ibrahima)

        def deliver(n: int) -> int:
            if n % 4 == 3:
                fields = {**visit_fields(), "id": str(uuid4())}
                return ibrahima.client.post(f"/cases/{cast.aminata}/visits", data=fields).status_code
            phone = phones[n % 4]
            first = phone.save_visit(cast.aminata, by=cast.ibrahima)
            second = phone.save_visit(mariamas_case, by=cast.mariama)
            return phone.post(*((first, second), (second, first), (first,))[n % 4]).status

        return set(threads.map(deliver, range(deliveries)))


def test_batches_and_pages_that_want_the_same_cases_never_wait_for_one_another(
    app, cast, mariamas_case, tmp_path, engine
):
    assert statuses_of_crossing_deliveries(app, cast, mariamas_case, tmp_path) == {200, 303}


@pytest.mark.skipif("postgresql" not in engines(), reason="SQLite lets only one write at a time")
@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_that_holds_cases_as_they_come_is_found_out(app, cast, mariamas_case, tmp_path, engine):
    found = statuses_of_crossing_deliveries(
        app, cast, mariamas_case, tmp_path, deliveries=24, fault="cases held as they come"
    )
    assert found & {500, 503}
