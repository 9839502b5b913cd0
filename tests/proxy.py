"""A line between a phone and the server that can be cut: a TCP proxy on loopback.

``with Line(server_port) as line:`` gives ``line.port``; what the line does to whoever uses it is said by:

- ``line.mode``: ``ok``; ``reset`` (every connection ends at once); ``hang`` (taken, never answered); ``deaf`` (the
  server gets the request, its answer is lost); ``portal`` (a hotspot's own page, 200); ``redirect`` (302 to the
  sign-in page); ``empty`` (200 without a word); ``unauthorised`` (401).
- ``line.only``: a regular expression on "METHOD /path": the mode, and what the line loses, hold for requests that
  match, others pass.
- ``line.cut_after``: connections end after so many bytes, both ways together; None for never.
- ``line.loses``: the first of every n answers is lost, like ``deaf``; None for never.
- ``line.says``: what is answered at a path instead of what the server has there: ``{"/sw.js": (type, bytes)}``.
"""

import re
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

HOTSPOT = b"<!doctype html><title>WiFi</title><h1>Welcome! Accept the terms to go online.</h1>"
SPOKEN = {
    "portal": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    % (len(HOTSPOT), HOTSPOT),
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /sign-in\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "unauthorised": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}
PIECE = 8192
RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)


@dataclass
class Line:
    """The line to the server at ``target``; it works until told otherwise."""

    target: int
    port: int = 0
    only: str | None = None
    cut_after: int | None = None
    loses: int | None = None
    asked: list[str] = field(default_factory=list)
    """Every request that came: "METHOD /path"."""
    says: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    _mode: str = "ok"
    _answers: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        threading.Thread(target=self._take_calls, daemon=True).start()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._mode = mode
        self.cut()

    def cut(self) -> None:
        """End everything that is under way now."""
        with self._guard:
            under_way, self._open = self._open, set()
        for connection in under_way:
            _reset(connection)

    def _take_calls(self) -> None:
        while True:
            try:
                phone, _address = self._listener.accept()
            except OSError:
                return
            with self._guard:
                self._open.add(phone)
            threading.Thread(target=self._carry, args=(phone,), daemon=True).start()

    def _carry(self, phone: socket.socket) -> None:
        """One connection; each request on it is looked at, so that the mode may change in between."""
        try:
            while self._one_request(phone):
                pass
        except OSError:
            pass
        finally:
            self._end(phone)

    def _one_request(self, phone: socket.socket) -> bool:
        budget = [self.cut_after]
        head, rest = _read_head(phone)
        if not head:
            return False
        self.asked.append(b" ".join(head.split(b" ", 2)[:2]).decode("latin-1"))
        meant = self.only is None or re.search(self.only, self.asked[-1]) is not None
        mode = self._mode if meant else "ok"
        if mode == "reset":
            return False
        if mode == "hang":
            with suppress(OSError):
                while phone.recv(PIECE):
                    pass
            return False
        spoken = SPOKEN.get(mode) or self._own_words(self.asked[-1])
        if spoken:
            _skip(phone, _length_of(head) - len(rest))
            phone.sendall(spoken)
            return _goodbye(phone)
        server = socket.create_connection(("127.0.0.1", self.target))
        with self._guard:
            self._open.add(server)
        try:
            lost = mode == "deaf" or (meant and self._is_lost())
            return self._exchange(phone, server, head, rest, budget, lost=lost)
        finally:
            self._end(server)

    def _exchange(
        self,
        phone: socket.socket,
        server: socket.socket,
        head: bytes,
        rest: bytes,
        budget: list[int | None],
        *,
        lost: bool,
    ) -> bool:
        # One request, one connection to the server: it says when its answer is over by closing.
        asked = re.sub(rb"(?im)^connection:.*\r\n", b"", head).replace(
            b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
        )
        if not _pass(server, asked + rest, budget):
            return False
        left = _length_of(head) - len(rest)
        while left > 0:
            piece = phone.recv(min(PIECE, left))
            if not piece or not _pass(server, piece, budget):
                return False
            left -= len(piece)
        while piece := server.recv(PIECE):
            if lost:
                while server.recv(PIECE):
                    pass
                return False
            if not _pass(phone, piece, budget):
                return False
        return _goodbye(phone)

    def _own_words(self, asked: str) -> bytes | None:
        kind, content = self.says.get(asked.partition(" ")[2].partition("?")[0], ("", b""))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        return head.encode() + content if kind else None

    def _is_lost(self) -> bool:
        if self.loses is None:
            self._answers = 0
            return False
        self._answers += 1
        return self._answers % self.loses == 1 % self.loses

    def _end(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.discard(connection)
        _reset(connection)


def _read_head(phone: socket.socket) -> tuple[bytes, bytes]:
    said = b""
    while b"\r\n\r\n" not in said:
        piece = phone.recv(PIECE)
        if not piece:
            return b"", b""
        said += piece
    head, _, rest = said.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _length_of(head: bytes) -> int:
    found = re.search(rb"(?im)^content-length: *(\d+)", head)
    return int(found[1]) if found else 0


def _skip(phone: socket.socket, left: int) -> None:
    while left > 0 and (piece := phone.recv(min(PIECE, left))):
        left -= len(piece)


def _goodbye(phone: socket.socket) -> bool:
    """Everything is said: the phone closes when it has read it."""
    with suppress(OSError):
        phone.shutdown(socket.SHUT_WR)
        phone.settimeout(5)
        phone.recv(1)
    return False


def _pass(to: socket.socket, piece: bytes, budget: list[int | None]) -> bool:
    """Hand a piece on, as far as the line carries; False when it was cut."""
    left = budget[0]
    if left is None:
        to.sendall(piece)
        return True
    to.sendall(piece[:left])
    budget[0] = max(0, left - len(piece))
    return len(piece) < left


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WHEN_CLOSED)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()
