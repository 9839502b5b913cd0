"""What a real Chromium needs on a link of known speed: bytes, requests, waiting. Link and counters are tests/link.py."""

import base64
import io
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image
from playwright.sync_api import Browser, CDPSession, Playwright, expect, sync_playwright
from sqlalchemy import func, select

from bench.table import Row, kb, median, ms, spread
from bench.world import served
from tests.browser import phone as phones
from tests.browser.phone import Phone
from tests.browser.world import ROOT, World, _free_port, until
from tests.link import BAD_3G, GOOD_3G, LOOPBACK, SLOW_3G, Link, Shape
from webapp import clock
from webapp.cases.models import Case
from webapp.database import db
from webapp.offline.models import Submission
from webapp.returnee_pages.actions import make_access

TIMES = 15
SAVES = 5
QUEUED = 50
WITH_PHOTO = 20
PICTURE_BYTES = 200_000
SLOWER = 6
"""The page's processor is held to a sixth, as the peers were measured; workers keep their speed."""
DISK_IS_ASKED = 0.02


@contextmanager
def _at_hand(folder: Path, shape: Shape = LOOPBACK) -> Iterator[tuple[Playwright, World, Link]]:
    """A browser to start, a server, and the link between them."""
    with sync_playwright() as playwright, served(folder) as world, Link(world.port, shape) as link:
        world.line = link  # type: ignore[assignment]
        yield playwright, world, link


@contextmanager
def _phone(playwright: Playwright, world: World, folder: Path, **options: Any) -> Iterator[Phone]:
    phone = Phone(playwright, world, folder / "phone", **options)
    try:
        yield phone
    finally:
        phone.close()


def _held_back(phone: Phone, times: int) -> None:
    phone.devtools().send("Emulation.setCPUThrottlingRate", {"rate": times})


# First use


def first_use(folder: Path) -> Iterator[Row]:
    """From an empty phone to one that works without a network: what that costs on the line."""
    with _at_hand(folder) as (playwright, world, link), _phone(playwright, world, folder) as phone:
        # Mariama has no case: what comes is the app, every form and every list.
        phone.is_made_ready_for("mariama")
        carried = list(link.carried)
    door = next(place for place, asked in enumerate(carried) if asked.what == "POST /sign-in")
    page = sum(asked.down for asked in carried[:door])
    whole, up = sum(asked.down for asked in carried), sum(asked.up for asked in carried)
    yield Row(
        "sign-in page, everything it needs", "14 KB", kb(page), "", f"{door} requests", over=page > 14 * 1024
    )
    yield Row(
        "ready to work offline, one visit: down", "49 KB", kb(whole),
        "Enketo 1,721 KB in two visits; Aam 2,792 KB; smallest page 3.1 KB", f"answers with their headers; up {kb(up)}",
        over=whole > 49 * 1024,
    )  # fmt: skip
    yield Row(
        "ready to work offline: requests", "10", str(len(carried)), "Enketo 36 to 38; Aam 344", "", over=len(carried) > 10
    )  # fmt: skip


def first_use_on_a_slow_link(folder: Path) -> Iterator[Row]:
    """The same on slow 3G with a sixth of the processor; the owner types in no time."""
    with _at_hand(folder, SLOW_3G) as (playwright, world, _), _phone(playwright, world, folder) as phone:
        phone.context.set_default_timeout(60_000)
        _held_back(phone, SLOWER)
        started = time.monotonic()
        phone.signs_in("mariama")
        expect(phone.page.locator("h1")).to_be_visible()
        usable = time.monotonic() - started
        expect(phone.page.locator("#vault-setup")).to_be_visible(timeout=60_000)
        phone.takes_the_words()
        phone.is_ready()
        ready = time.monotonic() - started
    note = f"400 kbit/s, 400 ms, page's processor 1/{SLOWER}; once"
    yield Row(
        "first use on slow 3G: usable",
        "3 s",
        f"{usable:.1f} s",
        "Enketo 22.7 s; smallest page 1.1 s",
        note,
        over=usable > 3,
    )
    yield Row(
        "first use on slow 3G: ready for offline",
        "5 s",
        f"{ready:.1f} s",
        "Enketo 24.9 s; smallest page 2.5 s",
        note,
        over=ready > 5,
    )


def returnee(folder: Path) -> Iterator[Row]:
    """Door, sign-in and status of the returnee's page on an empty browser."""
    with _at_hand(folder) as (playwright, world, link), _phone(playwright, world, folder) as phone:
        with world.database() as session:
            code, pin = make_access(session.get_one(Case, world.cast.aminata), clock.now())
            session.commit()
        phone.opens("/my")
        phone.page.fill("[name=code]", code)
        phone.page.fill("[name=pin]", pin)
        phone.page.click("form[action='/my/sign-in'] button[type=submit]")
        expect(phone.page.locator(".left")).to_be_visible()
        phone.page.wait_for_load_state("networkidle")
        size, count = link.down, len(link.carried)
    yield Row(
        "returnee's page, everything it needs",
        "20 KB",
        kb(size),
        "",
        f"{count} requests, door and sign-in too",
        over=size > 20 * 1024,
    )


# Daily work, without a network


def daily_work(folder: Path) -> Iterator[Row]:
    """Open a kept case with a worker that was ended, and save visits with a photo."""
    with _at_hand(folder) as (playwright, world, _), _phone(playwright, world, folder) as phone:
        phone.is_made_ready_for("ibrahima")
        phone.context.set_offline(True)
        case = world.cast.aminata
        for times, note in ((1, "whole browser at full speed"), (SLOWER, f"page's processor 1/{SLOWER}")):
            _held_back(phone, times)
            opened = [_opens_cold(phone, case, times) for _ in range(TIMES)]
            yield Row(
                "open a kept case offline, cold worker", "150 ms", ms(median(opened)),
                "Enketo 182 and 710 ms, Aam 267 and 1,224; smallest page 50 and 145", f"{note}; {spread(opened)}",
                over=median(opened) > 0.15,
            )  # fmt: skip
        for times, note in ((1, "whole browser at full speed"), (SLOWER, f"page's processor 1/{SLOWER}")):
            saved = [_saves(phone, case, times) for _ in range(SAVES)]
            yield Row(
                "save a visit with one photo until “saved”", "100 ms", ms(median(saved)),
                "Enketo 155 and 417 ms; smallest page 16 and 60", f"{note}; photo shrunk before; {spread(saved)}",
                over=median(saved) > 0.1,
            )  # fmt: skip


def _opens_cold(phone: Phone, case: UUID, times: int) -> float:
    phone.opens("/cases")
    # The page asks for the key once it is dressed; from then on it can hand it to a worker that starts anew.
    phone.page.wait_for_timeout(600 * times)
    phone.stops_its_worker()
    phone.opens(f"/cases/{case}")
    # The first picture of the page comes a frame after its document is whole.
    found = phone.page.evaluate(
        """() => new Promise((resolve) => {
          const painted = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
          const look = () => (painted() ? resolve(painted()) : setTimeout(look, 5));
          look();
        })"""
    )
    expect(phone.page.locator("#allocation")).to_be_visible()
    return float(found) / 1000


def _saves(phone: Phone, case: UUID, times: int) -> float:
    _held_back(phone, 1)
    phone.page.wait_for_timeout(600)
    phone.fills_in_visit(case, notes="La boutique tourne.")
    phone.adds_photo("portrait_6.jpg")
    _held_back(phone, times)
    took = phone.page.evaluate(
        """() => new Promise((resolve) => {
          const started = performance.now();
          const isSaved = () => document.querySelector("[role=status] [data-time]")?.textContent;
          new MutationObserver(() => isSaved() && resolve(performance.now() - started))
            .observe(document.body, { childList: true, subtree: true, characterData: true });
          document.querySelector("form[data-outbox] button[type=submit]:not([name])").click();
        })"""
    )
    return float(took) / 1000


# Deliveries


def deliveries(folder: Path, *, slow: bool) -> Iterator[Row]:
    """Queued visits on their way: texts over 3G, photos for the sender's memory, with ``slow`` also over a bad 3G."""
    port = _free_port()
    phones.FLAGS.append(f"--remote-debugging-port={port}")
    try:
        with _at_hand(folder) as (playwright, world, link), _phone(playwright, world, folder) as phone:
            phone.is_made_ready_for("ibrahima")
            heap = _Heap(playwright, port)
            yield _texts_over_3g(phone, world, link, heap)
            yield _memory(phone, world, link, heap)
            if slow:
                yield from _photos_over_bad_3g(phone, world, link, heap)
    finally:
        phones.FLAGS.pop()


def _texts_over_3g(phone: Phone, world: World, link: Link, heap: "_Heap") -> Row:
    _queue(phone, world.cast.aminata, QUEUED, with_photo=False)
    run = _delivers(phone, world, link, heap, GOOD_3G, texts=QUEUED, photos=0)
    return Row(
        f"{QUEUED} queued visits, texts safe on 3G", "1.2 s", f"{run.texts:.2f} s", "Enketo 125 s; smallest page 0.4 s",
        f"1600/750 kbit/s, 150 ms; {kb(run.up)} sent", over=run.texts > 1.2,
    )  # fmt: skip


def _memory(phone: Phone, world: World, link: Link, heap: "_Heap") -> Row:
    _queue(phone, world.cast.aminata, WITH_PHOTO, with_photo=True)
    run = _delivers(phone, world, link, heap, LOOPBACK, texts=WITH_PHOTO, photos=WITH_PHOTO)
    return Row(
        "memory of the sender while delivering", "8 MB", f"{run.heap / 1e6:.1f} MB", "Enketo 24 to 29 MB; smallest page 5 MB",
        f"most of the worker's JavaScript heap; its buffers at most {run.buffers / 1e6:.1f} MB; "
        f"{WITH_PHOTO} visits with a 200 KB photo on loopback", over=run.heap > 8e6,
    )  # fmt: skip


def _photos_over_bad_3g(phone: Phone, world: World, link: Link, heap: "_Heap") -> Iterator[Row]:
    _queue(phone, world.cast.aminata, QUEUED, with_photo=True)
    run = _delivers(phone, world, link, heap, BAD_3G, texts=QUEUED, photos=QUEUED)
    yield Row(
        f"{QUEUED} visits with a 200 KB photo, bad 3G", "125 s", f"{run.photos:.0f} s", "Enketo 178 s; photos in parts 120 s",
        "1600/750 kbit/s, cut every 400 KB, every tenth answer lost", over=run.photos > 125,
    )  # fmt: skip
    yield Row(
        "… sent for it", "12.5 MB", f"{run.up / 1e6:.1f} MB", "Enketo 16.4 MB; photos in parts 12.4 MB", "", over=run.up > 12.5e6
    )  # fmt: skip
    yield Row(
        "… texts safe", "1 s", f"{run.texts:.1f} s", "", "from the first connection", over=run.texts > 1
    )


class _Run:
    """One delivery: seconds until texts and photos were safe, bytes sent, most memory."""

    texts = photos = 0.0
    up = 0
    heap = buffers = 0.0


def _delivers(
    phone: Phone, world: World, link: Link, heap: "_Heap", shape: Shape, *, texts: int, photos: int
) -> _Run:
    run, before = _Run(), _safe(world)
    link.shape, sent = shape, link.up
    phone.context.set_offline(False)
    started = time.monotonic()
    asked = 0.0
    while not (run.texts and run.photos):
        now = time.monotonic() - started
        assert now < 400, f"not delivered: {phone.waiting()} wait"
        if now - asked > 5 or not asked:
            asked = now or DISK_IS_ASKED
            phone.page.evaluate(
                "navigator.serviceWorker.controller.postMessage({type: 'send', pressed: true})"
            )
        safe = {kind: count - before.get(kind, 0) for kind, count in _safe(world).items()}
        now = time.monotonic() - started
        run.texts = run.texts or (now if safe.get("visit", 0) >= texts else 0.0)
        run.photos = run.photos or (now if safe.get("photo", 0) >= photos else 0.0)
        used, buffers = heap.used()
        run.heap, run.buffers = max(run.heap, used), max(run.buffers, buffers)
        time.sleep(DISK_IS_ASKED)
    link.shape = LOOPBACK
    run.up = link.up - sent
    until(lambda: phone.waiting() == 0, "every receipt is on the phone", patience=60)
    return run


def _safe(world: World) -> dict[str, int]:
    with world.app.app_context():
        found = db.session.execute(
            select(Submission.kind, func.count())
            .where(Submission.outcome == "accepted")
            .group_by(Submission.kind)
        )
        counts: dict[str, int] = {str(kind): int(number) for kind, number in found}
        db.session.rollback()
    return counts


def _queue(phone: Phone, case: UUID, count: int, *, with_photo: bool) -> None:
    """Finish visits without a network, by the app's own scripts, in the page of the case."""
    phone.context.set_offline(True)
    phone.opens(f"/cases/{case}")
    (esbuild,) = ROOT.glob("node_modules/@esbuild/*/bin/esbuild")
    script = subprocess.run(
        [esbuild, ROOT / "bench/queue.js", "--bundle", "--format=iife", "--global-name=bench"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    picture = base64.b64encode(_picture()).decode() if with_photo else None
    phone.page.evaluate(
        f"async (asked) => {{ {script}; await bench.visits(...asked); }}", [str(case), count, picture]
    )


def _picture() -> bytes:
    """A JPEG of about 200 KB in which nothing can be squeezed."""
    for width in range(300, 1600, 20):
        drawn = io.BytesIO()
        noise = os.urandom(width * width * 3 // 4)
        Image.frombytes("RGB", (width // 2, width // 2), noise[: (width // 2) ** 2 * 3]).save(
            drawn, "JPEG", quality=70
        )
        if drawn.tell() >= PICTURE_BYTES:
            return drawn.getvalue()
    raise AssertionError("no picture is large enough")


class _Heap:
    """The memory of the service worker, asked of the browser itself, which alone may look into workers."""

    def __init__(self, playwright: Playwright, port: int) -> None:
        self._browser: Browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        self._line: CDPSession = self._browser.new_browser_cdp_session()
        self._said: list[dict[str, Any]] = []
        self._line.on("Target.receivedMessageFromTarget", self._hear)
        self._session, self._target, self._number = "", "", 0

    def _hear(self, event: dict[str, Any]) -> None:
        self._said.append(json.loads(event["message"]))

    def used(self) -> tuple[float, float]:
        """Bytes of the worker's heap, and of the buffers it holds; nothing while it sleeps."""
        targets = self._line.send("Target.getTargets")["targetInfos"]
        target = next((each["targetId"] for each in targets if each["type"] == "service_worker"), "")
        if not target:
            return 0.0, 0.0
        if target != self._target:
            attached = self._line.send("Target.attachToTarget", {"targetId": target, "flatten": False})
            self._session, self._target = attached["sessionId"], target
        self._number += 1
        message = json.dumps({"id": self._number, "method": "Runtime.getHeapUsage"})
        self._line.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": message})
        answer = self._answer(self._number)
        return float(answer.get("usedSize", 0)), float(answer.get("backingStorageSize", 0))

    def _answer(self, number: int) -> dict[str, Any]:
        for _ in range(50):
            for said in self._said:
                if said.get("id") == number:
                    self._said.clear()
                    return dict(said.get("result", {}))
            self._line.send("Target.getTargets")
        return {}
