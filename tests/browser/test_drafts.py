"""A half-filled form is still there, whatever ended the page: the camera, the battery, a reload, the lock. And the clock."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.test_sending import lands_once, visits_of
from tests.browser.world import World

SET_CLOCK = """async (error) => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("suivi");
    request.onsuccess = () => resolve(request.result);
  });
  const transaction = database.transaction("meta", "readwrite");
  transaction.objectStore("meta").put({ error_ms: error }, "clock");
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""


def comes_back(phone: Phone, words: str, notes: str) -> None:
    """The form as it was left, in the field where it was left, with its photo."""
    phone.waits_for_form()
    expect(phone.page.locator("[name=words]")).to_have_value(words)
    expect(phone.page.locator("[name=notes]")).to_have_value(notes)
    expect(phone.page.locator("[name=channel][value=home_visit]")).to_be_checked()
    expect(phone.page.locator("[name=concern][value=some]")).to_be_checked()
    expect(phone.page.locator("[data-photo-tray] [data-preview]")).to_have_attribute(
        "src", re.compile("^blob:")
    )
    expect(phone.page.locator("[data-caption]")).to_have_value("Devanture")


def test_a_half_filled_visit_survives_camera_battery_reload_and_lock(phone: Phone, world: World) -> None:
    case = world.a_case("Brouillon", "Kadi")
    form = f"/cases/{case}/visits/new"
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.fills_in_visit(case, concern="some", words="les mots", notes="")
    phone.adds_photo("landscape_3.jpg", caption="Devanture", subject="premises")
    # Killed behind the camera, at once after it was opened: what was typed last is there already.
    phone.page.fill("[name=notes]", "juste avant la photo")
    with phone.page.expect_file_chooser():
        phone.page.locator("[data-photos][capture]").dispatch_event("click")
    phone.page.wait_for_timeout(250)
    phone.is_killed()
    phone.start()
    phone.opens(form)
    phone.unlocks()
    comes_back(phone, "les mots", "juste avant la photo")
    expect(phone.page.locator("form[data-outbox] > [data-shown-error]")).to_have_text(
        world.word("Brouillon retrouvé sur ce téléphone", "fr")
    )
    phone.page.locator("[name=notes]").focus()
    phone.page.keyboard.type(", puis plus")
    phone.page.wait_for_timeout(800)
    phone.page.reload()
    comes_back(phone, "les mots", "juste avant la photo, puis plus")
    expect(phone.page.locator("[name=notes]")).to_be_focused()
    second = phone.opens("/more", phone.context.new_page())
    second.click("[data-lock]")
    expect(phone.page.locator("#unlock")).to_be_visible()
    assert "les mots" not in phone.page.content()
    phone.unlocks()
    comes_back(phone, "les mots", "juste avant la photo, puis plus")
    phone.saves()
    phone.opens(form)
    phone.waits_for_form()
    expect(phone.page.locator("[name=words]")).to_have_value("")
    world.line.mode = "ok"
    lands_once(phone, world, case, "les mots", photos=1)


def test_a_wrong_clock_is_told_and_counted_with(phone: Phone, world: World) -> None:
    case = world.a_case("Horloge", "Fausse")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.opens(f"/cases/{case}/visits/new")
    phone.waits_for_form()
    now = phone.page.locator("[name=visited_at]").input_value()
    expect(phone.page.locator("[data-bar=wrong-clock]")).to_have_count(0)
    # Measured at the last delivery: this phone is five hours and a day ahead.
    phone.page.evaluate(SET_CLOCK, 29 * 3_600_000)
    phone.opens(f"/cases/{case}/visits/new")
    phone.waits_for_form()
    bar = phone.page.locator("[data-bar=wrong-clock]")
    expect(bar.locator("[data-said]")).to_have_text(re.compile(r"\d\d:\d\d"))
    said, true = bar.locator("[data-said]").inner_text(), bar.locator("[data-true]").inner_text()
    assert said != true
    counted = phone.page.locator("[name=visited_at]").input_value()
    assert counted < now, (counted, now)
    phone.shows("wrong-clock")


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_what_is_missing_is_said_beside_the_field_without_a_line_and_nothing_typed_is_lost(
    new_phone: NewPhone, world: World, locale: str
) -> None:
    world.speaks("ibrahima", locale)
    case = world.a_case("Manque", f"Quelque chose {locale}")
    phone = new_phone(locale)
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.opens(f"/cases/{case}/visits/new")
    phone.waits_for_form()
    phone.page.fill("[name=notes]", "Le toit est fini")
    phone.page.fill("[name=visited_at]", "")
    phone.chooses("reached", "no")
    phone.page.click("form[data-outbox] button[type=submit]:not([name])")
    for name in ("channel", "visited_at", "why_not", "concern"):
        field = phone.page.locator(f"#{name}-field")
        expect(field.locator("[data-shown-error]")).to_have_text(re.compile(r"\S"))
        expect(field.locator("[aria-invalid=true]").first).to_be_attached()
    expect(phone.page.locator("#channel-field [name=channel]").first).to_be_focused()
    phone.shows(f"missing-{locale}")
    assert phone.outbox() == []
    expect(phone.page.locator("[name=notes]")).to_have_value("Le toit est fini")
    phone.chooses("channel", "call")
    phone.chooses("reached", "yes")
    phone.chooses("concern", "none")
    phone.page.fill("[name=visited_at]", "2026-03-04T10:30")
    phone.saves()
    world.speaks("ibrahima", "fr")
    world.line.mode = "ok"
    phone.delivers_all()
    [visit] = visits_of(world, case)
    assert (visit.notes, visit.channel) == ("Le toit est fini", "call")
