"""What tests share: a fresh migrated database on each engine, the cast, and people with browsers."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from tests.browser_client import Person
from tests.cast import Cast, make_cast
from tests.databases import Stage, Templates, engines, settings
from webapp import create_app
from webapp.allocations.check import faults as money_faults
from webapp.database import db
from webapp.people import passwords
from webapp.storage import Storage


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Empty databases."""
    made = Templates(tmp_path_factory.mktemp("templates"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def with_cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Databases with the cast in them."""
    made = Templates(tmp_path_factory.mktemp("with_cast"), make_cast)
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Argon2 all the same, with little memory and one round; what people get is held by a test of its own."""
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(params=engines())
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Stages:
    """The application, made once for each engine: before every test its database is like the template's, and whatever
    a test changed of the application itself is put back."""

    def __init__(self, templates: Templates, folder: Path) -> None:
        self._templates, self._folder = templates, folder
        self._made: dict[str, tuple[Flask, Stage, dict[str, Any]]] = {}

    def ready(self, engine: str, folder: Path) -> Flask:
        """The application for the next test, with its files in ``folder``."""
        if engine not in self._made:
            home = self._folder / engine
            home.mkdir()
            stage = self._templates.stage(engine, home)
            stage.reset()
            app = create_app(settings(home, stage.url))
            app.testing = True
            app.cast = self._templates.filling[engine]  # type: ignore[attr-defined]
            self._made[engine] = app, stage, {name: dict(getattr(app, name)) for name in KEPT}
        app, stage, kept = self._made[engine]
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        stage.reset()
        for name, as_it_was in kept.items():
            held = getattr(app, name)
            held.clear()
            held.update(as_it_was)
        # Servers that a test starts in its folder are of the same installation.
        shutil.copytree(app.extensions["settings"].keys, folder / "keys")
        chosen = dataclasses.replace(app.extensions["settings"], storage=f"file:{folder}/files")
        app.extensions.update(settings=chosen, storage=Storage.open(chosen.storage))
        app.money_broken_on_purpose = False  # type: ignore[attr-defined]
        return app


KEPT = ("config", "extensions", "view_functions")
"""What tests change of an application."""


@pytest.fixture(scope="session")
def stages(with_cast: Templates, tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages(with_cast, tmp_path_factory.mktemp("stages"))


@pytest.fixture
def app(engine: str, stages: Stages, tmp_path: Path) -> Iterator[Flask]:
    """The application, with the cast in its database."""
    app = stages.ready(engine, tmp_path)
    yield app
    with app.app_context():
        if not app.money_broken_on_purpose:  # type: ignore[attr-defined]
            wrong = list(money_faults(app.extensions["storage"]))
            assert wrong == [], "the money of this test does not add up"


@pytest.fixture
def cast(app: Flask) -> Cast:
    return app.cast  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def people(app: Flask, cast: Cast) -> Any:
    """People by name: ``people("ibrahima").opens("/today")``; ``people(None)`` is nobody."""
    known: dict[str | None, Person] = {}

    def person(name: str | None) -> Person:
        if name not in known:
            known[name] = Person(app, getattr(cast, name) if name else None)
        return known[name]

    return person


@pytest.fixture
def ibrahima(people: Any) -> Person:
    return people("ibrahima")  # type: ignore[no-any-return]


@pytest.fixture
def kadiatou(people: Any) -> Person:
    return people("kadiatou")  # type: ignore[no-any-return]
