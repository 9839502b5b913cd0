"""Start Suivi: bring the database up to date, make the demo world on a new one, then web server and worker.

``python -m webapp.serve [--host H] [--port P] [--data DIR] [--empty]``; bin/run calls it.
"""

import argparse
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_REQUEST = 45 * 1024 * 1024
"""Several pictures straight from a camera, posted without scripts; each view allows less."""
SECONDS_TO_FINISH = 20


def main(arguments: list[str] | None = None) -> None:
    """Start, serve until SIGTERM or SIGINT, finish what is being answered, stop."""
    asked = _read(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # What this process writes (database, photos, keys) is for its owner only.
    os.umask(0o077)
    _set_environment(asked)
    app = set_up(empty=asked.empty)
    try:
        server, sockets = _listen(app, asked.host, asked.port)
    except OSError as trouble:
        sys.exit(f"Suivi cannot listen on {asked.host}:{asked.port}: {trouble.strerror}")
    worker = _start_worker(app, stop)
    _announce(app, server)
    _serve(server, sockets, stop)
    worker.join(SECONDS_TO_FINISH)


def set_up(*, empty: bool) -> "Flask":
    """The application on an up-to-date database; with the demo world when there is no data and none is refused."""
    from .config import Settings

    settings = Settings.from_environment()
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone_in(settings.folder):
        from . import create_app

        app = create_app(settings)
        with app.app_context():
            upgrade_database(app)
            from .database import db
            from .demo import is_demo, keep_card, make_demo_world, needs_data

            if not empty and needs_data():
                print("Making the demo world (takes less than a minute) …", flush=True)
                card = make_demo_world(app)
                db.session.commit()
                keep_card(settings.folder, card)
            if is_demo():
                app.extensions["settings"] = replace(settings, demo=True)
    return app


def upgrade_database(app: "Flask") -> None:
    """Bring the tables to this version; nothing happens when they are."""
    import flask_migrate

    flask_migrate.upgrade(directory=str(migrations_folder()))


def migrations_folder() -> Path:
    """Where the migrations lie: beside the package in a clone, inside it when installed from a wheel."""
    package = Path(__file__).resolve().parent
    beside = package.parent / "migrations"
    return beside if (beside / "env.py").exists() else package / "migrations"


def _read(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bin/run", description="Start Suivi: web server and worker.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port to listen on (default %(default)s)")
    parser.add_argument("--data", type=Path, default=Path("var"), help="folder for database, files and keys")
    parser.add_argument("--empty", action="store_true", help="make no demo world on a new database")
    return parser.parse_args(arguments)


def _set_environment(asked: argparse.Namespace) -> None:
    os.environ["SUIVI_DATA"] = str(asked.data.absolute())
    if asked.host in LOOPBACK:
        # Browsers keep secure cookies on https only (127.0.0.1 is no exception everywhere). Behind a proxy
        # that speaks https, say SUIVI_INSECURE_COOKIES=0.
        os.environ.setdefault("SUIVI_INSECURE_COOKIES", "1")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two starts at once follow one another; the lock ends with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _listen(app: "Flask", host: str, port: int) -> tuple[Any, dict[int, Any]]:
    import waitress

    sockets: dict[int, Any] = {}
    server = waitress.create_server(
        app,
        map=sockets,
        host="127.0.0.1" if host == "localhost" else host,
        port=port,
        threads=8,
        connection_limit=1000,
        channel_timeout=120,
        asyncore_use_poll=True,
        max_request_body_size=LARGEST_REQUEST,
        ident=None,
    )
    return server, sockets


def _start_worker(app: "Flask", stop: threading.Event) -> threading.Thread:
    from .worker import run_forever

    worker = threading.Thread(target=run_forever, args=(app, stop), name="worker", daemon=True)
    worker.start()
    return worker


def _serve(server: Any, sockets: dict[int, Any], stop: threading.Event) -> None:
    """Answer until asked to stop; then accept nobody new, finish what was begun, and close.

    waitress on its own drops the answers in progress when it is stopped.
    """
    from waitress import wasyncore

    while not stop.is_set():
        wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
    for listener in [each for each in sockets.values() if each.accepting]:
        listener.del_channel(sockets)
        listener.socket.close()
    until = time.monotonic() + SECONDS_TO_FINISH
    while time.monotonic() < until and any(_is_answering(each) for each in sockets.values()):
        wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(sockets)


def _is_answering(channel: Any) -> bool:
    return bool(getattr(channel, "requests", None) or getattr(channel, "total_outbufs_len", 0))


def _announce(app: "Flask", server: Any) -> None:
    host, port = (
        server.effective_listen[0]
        if hasattr(server, "effective_listen")
        else (
            server.effective_host,
            server.effective_port,
        )
    )
    shown = f"[{host}]" if ":" in str(host) else host
    print(f"Suivi is at http://{shown}:{port}", flush=True)
    if app.extensions["settings"].demo:
        from .demo import how_to_sign_in

        print(how_to_sign_in(app.extensions["settings"].folder), flush=True)


if __name__ == "__main__":
    main()
