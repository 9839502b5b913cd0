"""A real server in a process of its own, that can be killed; with a fault planted in it where a test asks for one."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.databases import settings
from tests.faults import planted
from webapp import create_app, serve
from webapp.alerts import views as _alerts  # noqa: F401 - imported once, in the parent of all servers
from webapp.offline import views as _offline  # noqa: F401
from webapp.visits import views as _visits  # noqa: F401

# One process that has imported everything is the parent of all servers: so one is up a moment after it was killed.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.faults.serving"])


Fault = str | Callable[[Any], None]
"""A name of ``planted.PLANTS``, or the function itself; nothing for none."""


class Server:
    """The server of one test database. ``start``, ``kill`` (SIGKILL), start again: always on the same port."""

    def __init__(self, folder: Path, url: str, fault: Fault = "") -> None:
        self.folder, self.url, self.fault = folder, url, fault
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        self._process: Any = None

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *_why: object) -> None:
        self.kill()

    def start(self) -> "Server":
        self._process = _processes.Process(
            target=_serve, args=(self.folder, self.url, self.port, self.fault), daemon=True
        )
        self._process.start()
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.is_alive():
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("the server did not start")

    def kill(self) -> None:
        """End it as a power cut or the kernel does: at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _serve(folder: Path, url: str, port: int, fault: Fault) -> None:
    app = create_app(settings(folder, url))
    if fault:
        (planted.PLANTS[fault] if isinstance(fault, str) else fault)(app)
    server, sockets = serve._listen(app, "127.0.0.1", port)
    serve._serve(server, sockets, threading.Event())
