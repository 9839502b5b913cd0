"""Two officers, one phone, no network: each with their own words, and each one's work under its own name."""

from playwright.sync_api import expect

from tests.browser.phone import Phone
from tests.browser.test_sending import logs_visit, visits_of
from tests.browser.world import World, until


def locks(phone: Phone) -> None:
    phone.opens("/more")
    phone.page.click("[data-lock]")
    expect(phone.page.locator("#unlock")).to_be_visible()


def sees_nothing_of(phone: Phone, name: str, *paths: str) -> None:
    for path in ("/today", "/cases", "/outbox", *paths):
        phone.opens(path)
        phone.page.wait_for_timeout(150)
        assert name not in phone.page.content(), path


def test_two_officers_change_places_without_a_line(phone: Phone, world: World) -> None:
    world.speaks("mariama", "fr")
    his = world.a_case("Partage", "Ibrahima-Kanari")
    hers = world.a_case("Partage", "Mariama-Kanari", officer="mariama")
    phone.is_made_ready_for("ibrahima")
    his_words = phone.words
    phone.opens("/more")
    phone.page.click("form[data-sign-out] button")
    phone.page.wait_for_url("**/sign-in")
    phone.is_made_ready_for("mariama")
    her_words = phone.words
    is_kept = f"fetch('/cases/{hers}', {{ headers: {{ 'X-Kept': '1' }} }}).then(({{ ok }}) => ok)"
    until(lambda: phone.page.evaluate(is_kept), "her pages are on the phone, beside his")
    world.line.mode = "reset"

    logs_visit(phone, hers, "écrit par elle")
    sees_nothing_of(phone, "Ibrahima-Kanari", f"/cases/{his}", f"/cases/{his}/visits/new")
    locks(phone)
    phone.unlocks(his_words)
    phone.opens(f"/cases/{his}")
    expect(phone.page.locator("h1")).to_contain_text("Ibrahima-Kanari")
    logs_visit(phone, his, "écrit par lui")
    sees_nothing_of(phone, "Mariama-Kanari", f"/cases/{hers}", f"/cases/{hers}/visits/new")
    phone.opens("/outbox")
    expect(phone.page.locator("[data-outbox-others]")).to_have_text("1")
    assert "écrit par elle" not in phone.page.content()
    phone.fills_in_visit(his, words="à moitié")
    phone.page.wait_for_timeout(800)
    locks(phone)
    phone.unlocks(her_words)
    phone.page.go_back()
    assert "Ibrahima-Kanari" not in phone.page.content()
    sees_nothing_of(phone, "à moitié", f"/cases/{his}/visits/new")

    # The session is hers; whoever is there, everything is delivered, each under the author's name.
    world.line.mode = "ok"
    phone.delivers_all()
    for case, words, author in (
        (his, "écrit par lui", world.cast.ibrahima), (hers, "écrit par elle", world.cast.mariama),
    ):  # fmt: skip
        [visit] = visits_of(world, case)
        assert (visit.words, visit.by_id) == (words, author)
