"""A link with the speed and the faults of a radio network, which counts what it carries: a proxy on loopback.

``with Link(server_port) as link:`` gives ``link.port``; ``link.shape`` says how good it is and may change at any
time. What came over it is in ``link.carried``, one row for each request. Bytes are those of HTTP, as the programs
on both ends write them; the headers of TCP and IP come on top in a real network.
"""

import asyncio
import random
import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from tests.proxy import RESET_WHEN_CLOSED

PIECE = 2048
KBIT = 1000 / 8


@dataclass(frozen=True)
class Shape:
    """How good a link is. Speeds in bytes a second, None for as fast as the machine."""

    down: float | None = None
    up: float | None = None
    round_trip: float = 0.0
    """Seconds there and back; a new connection costs one of its own."""
    cut_every: float | None = None
    """Connections are reset after so many bytes on average, both ways together."""
    loses: float = 0.0
    """The share of answers that never arrive, although the server has sent them."""


LOOPBACK = Shape()
SLOW_3G = Shape(400 * KBIT, 400 * KBIT, 0.4)
GOOD_3G = Shape(1600 * KBIT, 750 * KBIT, 0.15)
BAD_3G = Shape(1600 * KBIT, 750 * KBIT, 0.15, cut_every=400 * 1024, loses=0.1)


@dataclass
class Asked:
    """One request and what it cost."""

    what: str
    """``METHOD /path?query``"""
    up: int = 0
    down: int = 0


class Link:
    """The link to the server at ``target``."""

    def __init__(self, target: int, shape: Shape = LOOPBACK, *, seed: int = 1) -> None:
        self.target, self.shape = target, shape
        self.port = 0
        self.carried: list[Asked] = []
        self._chance = random.Random(seed)
        self._free = {"up": 0.0, "down": 0.0}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Link":
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def up(self) -> int:
        return sum(asked.up for asked in self.carried)

    @property
    def down(self) -> int:
        return sum(asked.down for asked in self.carried)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, limit=PIECE)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not mine:
                task.cancel()
        await asyncio.sleep(0)

    async def _carry(self, phone: asyncio.StreamReader, to_phone: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.shape.round_trip)
        server, to_server = await asyncio.open_connection("127.0.0.1", self.target, limit=PIECE)
        mean = self.shape.cut_every
        call = _Call(self._chance.expovariate(1 / mean) if mean else None)
        ways = [
            asyncio.ensure_future(self._way("up", phone, to_server, call)),
            asyncio.ensure_future(self._way("down", server, to_phone, call)),
        ]
        try:
            with suppress(asyncio.CancelledError):
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (to_phone, to_server):
                _hang_up(end, rudely=call.broken)

    async def _way(
        self, name: str, take: asyncio.StreamReader, give: asyncio.StreamWriter, call: "_Call"
    ) -> None:
        """One direction of a connection, until it ends or breaks."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.ensure_future(self._arrive(pieces, give))
        try:
            while piece := await take.read(PIECE):
                lost = call.notes_up(piece, self) if name == "up" else call.notes_down(piece, self)
                if lost or call.is_used_up(len(piece)):
                    call.broken = True
                    return
                await self._wait_for_turn(name, len(piece))
                pieces.put_nowait((self._loop.time() + self.shape.round_trip / 2, piece))
            pieces.put_nowait((self._loop.time() + self.shape.round_trip / 2, b""))
            await arriving
        except OSError:
            call.broken = True
        finally:
            arriving.cancel()

    async def _wait_for_turn(self, name: str, count: int) -> None:
        """All connections share the speed of the link."""
        speed = self.shape.up if name == "up" else self.shape.down
        if speed is None:
            return
        now = self._loop.time()
        self._free[name] = max(now, self._free[name]) + count / speed
        await asyncio.sleep(self._free[name] - now)

    async def _arrive(self, pieces: "asyncio.Queue[tuple[float, bytes]]", give: asyncio.StreamWriter) -> None:
        while True:
            due, piece = await pieces.get()
            if (early := due - self._loop.time()) > 0:
                await asyncio.sleep(early)
            if not piece:
                return
            give.write(piece)
            await give.drain()


@dataclass
class _Call:
    """What is under way on one connection. Browsers ask the next thing only when the last answer is whole."""

    left: float | None
    broken: bool = False
    _asked: Asked | None = None
    _head: bytes = b""
    _body_left: int = 0
    _unanswered: bool = field(default=False)

    def is_used_up(self, count: int) -> bool:
        if self.left is None:
            return False
        self.left -= count
        return self.left < 0

    def notes_up(self, piece: bytes, link: Link) -> bool:
        rest = piece
        while rest:
            if self._body_left:
                taken = min(self._body_left, len(rest))
                self._body_left -= taken
                assert self._asked
                self._asked.up += taken
                rest = rest[taken:]
                continue
            self._head += rest
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return False
            self._head = b""
            self._asked = Asked(b" ".join(head.split(b" ", 2)[:2]).decode("latin-1"), up=len(head) + 4)
            link.carried.append(self._asked)
            found = re.search(rb"(?im)^content-length: *(\d+)", head)
            self._body_left = int(found[1]) if found else 0
            self._unanswered = True
        return False

    def notes_down(self, piece: bytes, link: Link) -> bool:
        """Counts; True when this answer is one of those that get lost."""
        if self._asked:
            self._asked.down += len(piece)
        begins, self._unanswered = self._unanswered, False
        return begins and link._chance.random() < link.shape.loses


def _hang_up(end: asyncio.StreamWriter, *, rudely: bool) -> None:
    if not rudely:
        end.close()
        return
    if raw := end.get_extra_info("socket"):
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WHEN_CLOSED)
    end.transport.abort()
