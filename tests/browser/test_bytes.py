"""What a phone fetches, counted on the line under a real browser: bytes and requests are budgets, times are not."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from tests.browser.conftest import NewPhone
from tests.browser.world import World, until
from tests.link import Link
from tests.statements import many_cases
from webapp import clock
from webapp.cases.models import Case
from webapp.database import db
from webapp.returnee_pages.actions import make_access

KB = 1024


@pytest.fixture
def link(world: World) -> Iterator[Link]:
    """A line that counts, in place of the one that can be cut."""
    usual = world.line
    with Link(world.port) as link:
        world.line = link  # type: ignore[assignment]
        yield link
        world.line = usual


def listing(link: Link) -> str:
    return "\n".join(f"{asked.down:8} {asked.what}" for asked in link.carried)


def test_an_officers_phone_is_ready_for_offline_after_ten_requests(
    link: Link, new_phone: NewPhone, world: World
) -> None:
    # Mariama has no case yet: what comes is the app alone, with every form and list.
    phone = new_phone()
    phone.is_made_ready_for("mariama")
    until(lambda: link.carried[-1].down, "the last answer is here")
    door = next(place for place, asked in enumerate(link.carried) if asked.what == "POST /sign-in")
    assert sum(asked.down for asked in link.carried[:door]) <= 14 * KB, listing(link)
    assert link.down <= 49 * KB, listing(link)
    assert len(link.carried) <= 10, listing(link)
    phone.context.set_offline(True)
    for path in ("/today", "/cases", "/outbox", "/more"):
        phone.opens(path)
        expect(phone.page.locator("h1")).to_have_count(1)
    phone.context.set_offline(False)


def test_a_second_day_costs_a_phone_next_to_nothing(link: Link, new_phone: NewPhone, world: World) -> None:
    phone = new_phone()
    phone.is_made_ready_for("mariama")
    phone.page.wait_for_load_state("networkidle")
    before = link.down
    phone.opens("/today")
    phone.opens("/cases")
    phone.page.wait_for_load_state("networkidle")
    assert link.down - before <= 3 * KB, listing(link)


def test_a_returnee_sees_the_money_for_twenty_kilobytes(
    link: Link, new_phone: NewPhone, world: World
) -> None:
    with world.database() as session:
        code, pin = make_access(session.get_one(Case, world.cast.aminata), clock.now())
        session.commit()
    phone = new_phone()
    phone.opens("/my")
    phone.page.fill("[name=code]", code)
    phone.page.fill("[name=pin]", pin)
    phone.page.click("form[action='/my/sign-in'] button[type=submit]")
    expect(phone.page.locator(".left")).to_be_visible()
    phone.page.wait_for_load_state("networkidle")
    assert link.down <= 20 * KB, listing(link)


def test_rows_that_come_in_place_cost_their_script_only_where_they_are(
    link: Link, new_phone: NewPhone, world: World
) -> None:
    world.app.cast = world.cast  # type: ignore[attr-defined]
    many_cases(world.app, 80)
    with world.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Case)) >= 80
    phone = new_phone()
    phone.signs_in("kadiatou")
    scripts = lambda: [asked for asked in link.carried if "/exchange-" in asked.what]  # noqa: E731
    phone.opens("/alerts")
    phone.page.wait_for_load_state("networkidle")
    assert scripts() == []
    phone.opens("/cases")
    rows = phone.page.locator("main li:has(a[href^='/cases/'])")
    first = rows.count()
    until(lambda: scripts() and phone.page.evaluate("Boolean(window.htmx)"), "the script is here")
    phone.page.wait_for_timeout(100)
    phone.page.locator(".more-rows a").click()
    until(lambda: rows.count() > first, "the next rows are under the first")
    assert re.fullmatch(r".*/cases", phone.page.url)
