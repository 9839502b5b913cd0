"""A real server on loopback for the tests that drive a browser: its own data, its worker, a line that can be cut."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID

from flask import Flask
from flask_babel import force_locale, gettext
from sqlalchemy import select

from tests import cast as casting
from tests.alerts.push_service import PushService, push_service
from tests.cast import Cast, make_cast
from tests.databases import Templates, settings
from tests.proxy import Line
from webapp import create_app
from webapp.allocations.check import faults as money_faults
from webapp.database import db
from webapp.people.models import Office, Staff

ROOT = Path(__file__).parents[2]
PLANTED = """
from tests.faults.planted import PLANTS
from webapp import serve
PLANTS["{}"](None)
serve.main()
"""
Found = TypeVar("Found")


class World:
    """The server, the line to it, and what its database says."""

    def __init__(self, folder: Path, url: str, app: Flask, cast: Cast, push: PushService) -> None:
        self.folder, self.url, self.app, self.cast, self.push = folder, url, app, cast, push
        self.port = _free_port()
        self.line = Line(self.port)
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where browsers find it: through the line."""
        return f"http://127.0.0.1:{self.line.port}"

    def start(self, fault: str = "") -> None:
        """Start the server; with a fault of ``tests.faults.planted`` where a test must see itself fail."""
        environment = {
            **os.environ,
            "SUIVI_TEST_PUSH_HOSTS": self.push.host,
            "SUIVI_INSECURE_COOKIES": "1",
            "PYTHONUNBUFFERED": "1",
        }
        for name in ("SUIVI_STORAGE", "SUIVI_KEYS", "REDIS_URL", "SUIVI_TEST_CLOCK"):
            environment.pop(name, None)
        environment["DATABASE_URL"] = self.url
        program = ["-c", PLANTED.format(fault)] if fault else ["-m", "webapp.serve"]
        command = [sys.executable, *program, "--port", str(self.port), "--empty"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.folder)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._answers, "the server answers", patience=60)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server and all it started."""
        if self._process is not None:
            os.killpg(self._process.pid, number)
            self._process.wait(30)
            self._process = None

    @contextmanager
    def planted(self, fault: str) -> Iterator[None]:
        """The same world with a fault in its server, until the end of the block."""
        self.stop()
        self.start(fault)
        try:
            yield
        finally:
            self.stop()
            self.start()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    # What its database says

    @contextmanager
    def database(self) -> Iterator[Any]:
        """A session of its own on the server's database; what is changed there must be committed."""
        with self.app.app_context():
            yield db.session
            db.session.rollback()

    def rows(self, query: Any) -> list[Any]:
        with self.database() as session:
            found = list(session.scalars(query))
            session.expunge_all()
            return found

    def speaks(self, name: str, locale: str) -> None:
        """The language of a member of staff from now on."""
        with self.database() as session:
            session.get_one(Staff, getattr(self.cast, name)).locale = locale
            session.commit()

    def word(self, french: str, locale: str) -> str:
        """What a page in that language says for it."""
        with self.app.app_context(), force_locale(locale):
            return gettext(french)

    def a_case(self, family_name: str, given_names: str, officer: str = "ibrahima", **facts: Any) -> UUID:
        """A new case of that officer, with money."""
        with self.database() as session:
            staff = session.get_one(Staff, getattr(self.cast, officer))
            case = casting.a_case(
                family_name,
                given_names,
                office=session.get_one(Office, staff.office_id),
                officer=staff,
                place="Ratoma",
                **facts,
            )
            casting.money_for(case, by=self.cast.kadiatou)
            session.flush()
            found: UUID = case.id
            session.commit()
            return found

    def an_officer(self, first: str, locale: str = "fr") -> UUID:
        """One more field officer in Conakry."""
        with self.database() as session:
            office = session.get_one(Office, self.cast.conakry)
            staff = casting._staff(
                f"{first.title()} Sylla", first, casting.Role.FIELD_OFFICER, office, locale
            )
            found: UUID = staff.id
            session.commit()
            setattr(self.cast, first, found)
            return found

    def code_of(self, case_id: UUID) -> str:
        from webapp.cases.models import Case

        return str(self.rows(select(Case).where(Case.id == case_id))[0].code)


@contextmanager
def world(templates: Templates, folder: Path, engine: str = "sqlite") -> Iterator[World]:
    """A running world of the cast, ended afterwards whatever happens."""
    with templates.fresh(engine, folder) as url, push_service() as push:
        app = create_app(settings(folder, url, extra_push_hosts=(push.host,)))
        with app.app_context():
            cast = make_cast()
            db.session.commit()
        made = World(folder, url, app, cast, push)
        try:
            with made.line:
                made.start()
                yield made
        finally:
            made.stop()
            with app.app_context():
                wrong = list(money_faults(app.extensions["storage"]))
                db.engine.dispose()
        assert wrong == [], "the money of this world does not add up"


def until(asked: Callable[[], Found], what: str, *, patience: float = 20, pause: float = 0.1) -> Found:
    """The first true answer; fails with ``what`` when there is none in time."""
    end = time.monotonic() + patience
    while not (found := asked()):
        assert time.monotonic() < end, f"not in {patience} s: {what}"
        time.sleep(pause)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
