"""Phones and a world for the tests that drive a real Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.browser.phone import CHROMIUM, Phone
from tests.browser.world import World
from tests.browser.world import world as running_world
from tests.databases import Templates, engines


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The server works on SQLite; for tests that are marked so, once more on PostgreSQL where one answers."""
    if "world" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("postgres")
        metafunc.parametrize("world", engines() if both else ["sqlite"], indirect=True, scope="module")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here (SUIVI_CHROMIUM says where one is)")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def world(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A server with its data, for all tests of a file; each test takes a case of its own."""
    with running_world(templates, tmp_path_factory.mktemp("world"), request.param) as world:
        yield world


class NewPhone(Protocol):
    def __call__(self, locale: str = "fr", **options: Any) -> Phone: ...


@pytest.fixture
def new_phone(playwright: Playwright, world: World, tmp_path: Path) -> Iterator[NewPhone]:
    """Phones with empty profiles. At the end none of them may have complained."""
    phones: list[Phone] = []

    def make(locale: str = "fr", **options: Any) -> Phone:
        phones.append(Phone(playwright, world, tmp_path / f"phone-{len(phones)}", locale=locale, **options))
        return phones[-1]

    yield make
    world.line.only = world.line.cut_after = world.line.loses = None
    world.line.mode = "ok"
    for phone in phones:
        phone.close()
    complaints = [complaint for phone in phones for complaint in phone.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def phone(new_phone: NewPhone) -> Phone:
    return new_phone()
