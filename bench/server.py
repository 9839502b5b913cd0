"""What the server does for a page, a pack and a delivery. One process, one connection; the client runs beside it."""

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
from flask import Flask
from sqlalchemy import event

from bench.instructions import instructions_of
from bench.table import Row, kb, median, ms, within
from bench.world import app_with, served
from tests.browser.world import World
from tests.browser_client import Person
from tests.cast import Cast
from tests.phone import Phone, Piece, line_to_port
from tests.statements import statements
from tests.world import visit_fields
from webapp.database import db

TIMES = 60
SMALL, LARGE = 10_000, 1_300_000
SINGLE, BATCHES, IN_A_BATCH = 150, 12, 50


# Pages


def pages(folder: Path, *, large: bool) -> Iterator[Row]:
    """Bytes, statements and time of the pages people open most; with ``large`` also how they grow."""
    with app_with(SMALL, folder) as (app, cast):
        small = {what: _Page(app, who, path) for what, who, path in _most_used(cast)}
        counted = {
            what: instructions_of(app, who, path) for what, who, path in _most_used(cast) if what in BARE
        }
    grown: dict[str, _Page] = {}
    if large:
        with app_with(LARGE, folder) as (app, cast):
            grown = {what: _Page(app, who, path) for what, who, path in _most_used(cast)}
    for what, page in small.items():
        yield from _rows_of_page(what, page)
        if what in BARE:
            yield _row_of_instructions(what, counted[what])
    for what, page in grown.items():
        yield from _rows_of_growth(what, small[what], page)


def _most_used(cast: Cast) -> list[tuple[str, Any, str]]:
    return [
        ("case page", cast.ibrahima, f"/cases/{cast.aminata}"),
        ("list page", cast.ibrahima, "/cases"),
        ("list page of an office", cast.kadiatou, "/cases"),
        ("search", cast.kadiatou, "/cases?q=diallo+00012"),
        ("today", cast.ibrahima, "/today"),
        ("dashboard", cast.kadiatou, "/dashboard"),
    ]


class _Page:
    """One page, opened until its figures are steady."""

    def __init__(self, app: Flask, who: Any, path: str) -> None:
        person = Person(app, who)
        whole = person.opens(path)
        self.size = len(brotli.compress(whole.response.get_data(), quality=5))
        with statements(app) as asked:
            person.client.get(path)
        self.statements = len(asked)
        self.steps = _steps_of(app, lambda: person.client.get(path))
        worked = time.process_time()
        taken = sorted(_seconds(lambda: person.client.get(path)) for _ in range(TIMES))
        self.cpu = (time.process_time() - worked) / TIMES
        self.half, self.most = median(taken), taken[int(len(taken) * 0.95)]


def _steps_of(app: Flask, act: Callable[[], object]) -> int:
    """How many steps SQLite's machine takes for it: exact, whatever else runs here."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watch(connection: Any, *_: object) -> None:
        connection.set_progress_handler(step, 1)

    def leave(connection: Any, *_: object) -> None:
        connection.set_progress_handler(None, 1)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "checkout", watch)
    event.listen(engine, "checkin", leave)
    try:
        act()
    finally:
        event.remove(engine, "checkout", watch)
        event.remove(engine, "checkin", leave)
    return steps


BYTES = {"case page": "12.8 KB", "list page": "15.8 KB"}
STATEMENTS = {
    "case page": (5, "31"),
    "list page": (3, "27"),
    "list page of an office": (3, "27"),
    "search": (3, ""),
    "today": (3, ""),
}
BARE = {"case page": (1.273e6, 2.0, "6.32 M"), "list page": (3.044e6, 1.6, "6.34 M")}
"""Instructions of the smallest program that makes the page, how many times that ours may be, and what the same small
program needs through an object-relational mapper."""
GROWN = {"case page": (0.001, "75 ms"), "list page": (0.0015, "2,408 ms")}


def _rows_of_page(what: str, page: _Page) -> Iterator[Row]:
    beside = f"Sahana Eden {BYTES[what]}" if what in BYTES else ""
    yield Row(f"{what}: HTML", "4 KB", kb(page.size), beside, "brotli 5", over=not within(page.size, 4096))
    most, eden = STATEMENTS.get(what, (None, ""))
    yield Row(
        f"{what}: statements", str(most or ""), str(page.statements), f"Sahana Eden {eden}" if eden else "",
        "session and rights are in it", over=bool(most and page.statements > most),
    )  # fmt: skip
    yield Row(
        f"{what}: p50 at {SMALL:,} cases", "", ms(page.half), "",
        f"p95 {ms(page.most)}; {ms(page.cpu)} of processor, Flask's test client in it; {page.steps:,} SQLite steps",
    )  # fmt: skip


def _row_of_instructions(what: str, counted: int | None) -> Row:
    bare, times, mapped = BARE[what]
    if counted is None:
        return Row(f"{what}: instructions", f"{times}x bare", "no valgrind here")
    return Row(
        f"{what}: instructions", f"{times}x bare", f"{counted / 1e6:.2f} M, {counted / bare:.1f}x",
        f"bare page {bare / 1e6:.2f} M; bare page through an ORM {mapped}", "callgrind, Flask's test client in it",
        over=counted > times * bare,
    )  # fmt: skip


def _rows_of_growth(what: str, small: _Page, large: _Page) -> Iterator[Row]:
    budget, eden = GROWN.get(what, (None, ""))
    yield Row(
        f"{what}: p50 at {LARGE:,} cases", ms(budget) if budget else "", ms(large.half),
        f"Sahana Eden {eden}, indexed" if eden else "", f"p95 {ms(large.most)}", over=bool(budget and large.half > budget),
    )  # fmt: skip
    times, steps = large.most / small.most, large.steps / max(1, small.steps)
    yield Row(
        f"{what}: growth {SMALL:,} to {LARGE:,}", "p95 1.2x, steps 1.1x", f"{times:.2f}x, {steps:.2f}x",
        "Sahana Eden's list 21x to 30x" if "list" in what else "", f"{small.steps:,} to {large.steps:,} SQLite steps",
        over=times > 1.2 or steps > 1.1,
    )  # fmt: skip


# The pack


def pack(folder: Path) -> Iterator[Row]:
    """The caseload's pages on their way to the phone: 200 cases, then one that has changed."""
    with app_with(199, folder) as (app, cast):
        ibrahima = Person(app, cast.ibrahima)
        started = time.perf_counter()
        whole = ibrahima.client.get("/pack").get_data()
        seconds = time.perf_counter() - started
        end = json.loads(whole.splitlines()[-1])
        ibrahima.posts(f"/cases/{cast.aminata}/visits", visit_fields(notes="Vendu deux sacs de riz."))
        changed = ibrahima.client.get(f"/pack?cursor={end['cursor']}&build={end['build']}").get_data()
    size, delta = (len(brotli.compress(said, quality=5)) for said in (whole, changed))
    yield Row(
        "pack of 200 cases, first time",
        "230 KB",
        kb(size),
        "",
        f"brotli 5; made in {ms(seconds)}",
        over=size > 230_000,
    )
    yield Row("pack: one changed case later", "3 KB", kb(delta), "", "brotli 5", over=delta > 3_000)


# Deliveries


def submissions(folder: Path) -> Iterator[Row]:
    """Sealed visits through HTTP into SQLite, each synced to disk before its receipt."""
    with served(folder) as world:
        phone = Phone(line_to_port(world.port)).enrol(Person(world.app, world.cast.ibrahima))
        visits = [phone.save_visit(world.cast.aminata) for _ in range(SINGLE + BATCHES * IN_A_BATCH)]
        alone, together = visits[:SINGLE], visits[SINGLE:]
        batches = [together[at : at + IN_A_BATCH] for at in range(0, len(together), IN_A_BATCH)]
        single, single_cpu = _post_all(world, phone, [[visit] for visit in alone])
        batched, batched_cpu = _post_all(world, phone, batches)
    yield Row(
        "durable submissions a second, one by one", "800", f"{single:,.0f}", "ODK Central 121 to 215; bare Flask 1,453",
        f"one connection; {ms(single_cpu)} of processor each, the worker that raises alerts in it", over=single < 800,
    )  # fmt: skip
    yield Row(
        "durable submissions a second, 50 at once", "10,000", f"{batched:,.0f}", "bare Flask 23,116",
        f"{ms(batched_cpu)} of processor each", over=batched < 10_000,
    )  # fmt: skip


def _post_all(world: World, phone: Phone, batches: list[list[Piece]]) -> tuple[float, float]:
    """Submissions a second, and the server's processor seconds for each."""
    (enrolment,) = phone.enrolments.values()
    headers = {"Authorization": f"Bearer {enrolment.phone_pass}", "Content-Type": "application/json"}
    bodies = [json.dumps({"submissions": [piece.envelope for piece in batch]}) for batch in batches]
    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60)
    started, worked = time.perf_counter(), _worked(world)
    for body in bodies:
        connection.request("POST", "/outbox/submissions", body, headers)
        said = json.loads(connection.getresponse().read())
        assert all(receipt["outcome"] == "accepted" for receipt in said["receipts"]), said
    seconds = time.perf_counter() - started
    connection.close()
    count = sum(map(len, batches))
    return count / seconds, (_worked(world) - worked) / count


def _worked(world: World) -> float:
    """Processor seconds of the server so far."""
    assert world._process is not None
    of_process = Path(f"/proc/{world._process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(of_process[11]) + int(of_process[12])) / os.sysconf("SC_CLK_TCK")


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
