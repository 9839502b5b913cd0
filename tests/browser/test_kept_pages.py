"""What is on the phone opens without a network, and only for who holds the words."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.world import World

KEPT = (
    "/today",
    "/cases",
    "/cases/{case}",
    "/cases/{case}/allocation",
    "/cases/{case}/visits/new",
    "/cases/{case}/check-ins/new",
    "/cases/{case}/red-flags/new",
    "/outbox",
    "/more",
)

LATER = (
    "/cases/{case}/check-ins/new/reintegration-survey",
    "/cases/{case}/payment-requests/new",
    "/cases/{case}/referrals",
    "/cases/{case}/referrals/new",
    "/cases/{case}/plan",
    "/cases/{case}/plan/new",
    "/cases/{case}/procedure/arrival/new",
    "/cases/{case}/interruption/new",
    "/cases/{case}/closure/new",
)


def test_every_kept_page_reloads_without_a_line_and_with_the_worker_stopped(
    phone: Phone, world: World
) -> None:
    case = world.a_case("Kourouma", "Fanta")
    phone.is_made_ready_for("ibrahima")
    phone.brings_the_rest()
    world.line.mode = "reset"
    headings = set()
    for path in KEPT:
        phone.opens(path.format(case=case))
        phone.page.reload()
        heading = phone.page.locator("h1").inner_text()
        # The only tab hands its key to the worker that starts anew.
        phone.page.wait_for_timeout(400)
        phone.stops_its_worker()
        phone.page.reload()
        expect(phone.page.locator("h1")).to_have_text(heading)
        assert phone.page.locator("#unlock").count() == 0, path
        headings.add(heading)
    assert len(headings) >= len(KEPT) - 1


# French last: the others' tests speak it.
@pytest.mark.parametrize("locale", ["ar", "fr"])
def test_every_screen_there_is_on_a_phone_reloads_without_a_line(
    new_phone: NewPhone, world: World, locale: str
) -> None:
    case = world.a_case("Kourouma", "Hawa")
    world.speaks("ibrahima", locale)
    phone = new_phone(locale)
    phone.is_made_ready_for("ibrahima")
    phone.brings_the_rest()
    world.line.mode = "reset"
    headings = {}
    for path in (*KEPT, *LATER):
        phone.opens(path.format(case=case))
        heading = phone.page.locator("h1").inner_text()
        phone.page.reload()
        expect(phone.page.locator("h1")).to_have_text(heading)
        headings[heading] = path
    assert len(headings) >= len((*KEPT, *LATER)) - 1, headings


def test_without_an_open_tab_the_words_open_the_phone_again(phone: Phone, world: World) -> None:
    case = world.a_case("Kourouma", "Bintou")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    other = phone.context.new_page()
    phone.page.close()
    phone.stops_its_worker(other)
    phone.page = phone.opens(f"/cases/{case}", other)
    expect(phone.page.locator("#unlock")).to_be_visible()
    assert "Kourouma" not in phone.page.content()
    phone.shows("unlock")
    phone.page.fill("#unlock [name=passphrase]", "cinq mots qui sont faux")
    phone.page.click("#unlock button[type=submit]")
    expect(phone.page.locator("#unlock [data-error]")).to_have_text(
        world.word("Ces mots n’ouvrent pas ce téléphone", "fr")
    )
    phone.unlocks(f"  {phone.words.upper()} ")
    expect(phone.page.locator("h1")).to_contain_text("Kourouma")
    expect(phone.page).to_have_url(f"{world.address}/cases/{case}")


def test_locking_hides_every_tab(phone: Phone, world: World) -> None:
    case = world.a_case("Kourouma", "Sira")
    phone.is_made_ready_for("ibrahima")
    second = phone.opens("/cases", phone.context.new_page())
    phone.opens(f"/cases/{case}", second)
    expect(second.locator("h1")).to_contain_text("Kourouma")
    world.line.mode = "reset"
    phone.opens("/more")
    phone.page.click("[data-lock]")
    for page in (phone.page, second):
        expect(page.locator("#unlock")).to_be_visible()
    # Not even the page before it, which the browser may have kept whole.
    second.go_back()
    expect(second.locator("#unlock")).to_be_visible()
    assert "Kourouma" not in second.content()


def test_a_page_that_is_not_kept_says_so_without_a_line(phone: Phone, world: World) -> None:
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.opens("/alerts")
    expect(phone.page.locator("h1")).to_have_text(world.word("Cette page n’est pas sur ce téléphone", "fr"))
    phone.shows("not-on-this-phone")


def test_the_list_is_searched_on_the_phone(phone: Phone, world: World) -> None:
    world.a_case("Ünlü-Keïta", "Aïssata")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.opens("/cases")
    found = phone.page.locator("[data-find]:visible")
    for typed in ("KEITA", "keïta ais", "unlu", "ratoma unlu"):
        phone.page.fill("[data-find-input]", typed)
        expect(found).to_have_count(1)
    phone.page.fill("[data-find-input]", "nobody-is-called-so")
    expect(phone.page.locator("[data-find-none]")).to_be_visible()
    # Tapping "search" shows the same, and leaves no name in the address or in the browser's history.
    phone.page.fill("[data-find-input]", "unlu")
    phone.page.click("form[role=search] button")
    expect(found).to_have_count(1)
    assert phone.page.url == f"{world.address}/cases"


@pytest.mark.parametrize("locale", ["ar"])
def test_arabic_names_are_found_however_they_are_typed(
    new_phone: NewPhone, world: World, locale: str
) -> None:
    world.speaks("mariama", locale)
    world.a_case("إبراهيم", "فاطمة", officer="mariama")
    phone = new_phone(locale)
    phone.is_made_ready_for("mariama")
    world.line.mode = "reset"
    phone.opens("/cases")
    for typed in ("ابراهيم", "فاطمه", "إبراهيم فاطمة"):
        phone.page.fill("[data-find-input]", typed)
        expect(phone.page.locator("[data-find]:visible")).to_have_count(1)
