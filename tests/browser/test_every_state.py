"""What pages look like in between, in three languages: work in every state, chosen photos, refused forms, errors.

axe finds nothing there either, and nothing scrolls sideways.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPhone
from tests.browser.phone import PHOTOS, Phone
from tests.browser.test_every_page import AXE, STATUS, found, looked_at
from tests.browser.world import World

__all__ = ["found"]

STATES = ("waiting", "needs attention", "contested", "quarantined", "received")
PUT_IN_STATES = """async (states) => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("suivi");
    request.onsuccess = () => resolve(request.result);
  });
  const transaction = database.transaction("outbox", "readwrite");
  const outbox = transaction.objectStore("outbox");
  const request = outbox.getAll();
  request.onsuccess = () => request.result.forEach((row, place) => {
    outbox.put({ ...row, state: states[place], settled_at: Date.now() });
  });
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""
# As a browser without the phone's scripts posts it.
POST_PLAIN = "form => HTMLFormElement.prototype.submit.call(form)"
REFUSED = (
    "/cases/{case}/visits/new", "/cases/{case}/check-ins/new", "/cases/{case}/red-flags/new",
    "/cases/{case}/check-ins/new/reintegration-survey", "/cases/{case}/payment-requests/new", "/cases/{case}/plan/new",
    "/cases/{case}/referrals/new", "/cases/{case}/procedure/orientation/new", "/visits/{visit}/photos/new", "/password",
)  # fmt: skip


def everybody(new_phone: NewPhone, world: World, locale: str) -> Phone:
    world.speaks("ibrahima", locale)
    phone = new_phone(locale, bypass_csp=True, reduced_motion="reduce")
    phone.context.add_init_script(path=str(AXE))
    phone.is_made_ready_for("ibrahima")
    return phone


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_work_in_every_state_is_for_everybody(new_phone: NewPhone, world: World, locale: str) -> None:
    case = world.a_case("Barry", f"Tous les états {locale}")
    phone = everybody(new_phone, world, locale)
    world.line.only, world.line.mode = "/outbox/", "reset"
    for state in STATES:
        phone.fills_in_visit(case, words=state)
        phone.saves()
    troubles = looked_at(phone.page, "saved on this phone")
    phone.shows(f"state-{locale}-saved")
    # By now all has been tried that saving sets going: nothing writes the rows behind our back.
    phone.page.wait_for_timeout(1_500)
    phone.page.evaluate(PUT_IN_STATES, STATES)
    told = set()
    for path, mode, first in (
        ("/outbox", "reset", "waiting"), ("/outbox", "hang", "sending"), (f"/cases/{case}", "hang", "sending"),
        ("/today", "reset", "waiting"),
    ):  # fmt: skip
        world.line.mode = mode
        phone.opens(path)
        shown = phone.page.locator("[data-state-name]:visible")
        expect(phone.page.locator(f"[data-state-name={first}]:visible").first).to_be_visible()
        if path == "/outbox":
            said = shown.evaluate_all("items => items.map((item) => item.dataset.stateName)")
            assert said == [first, *STATES[1:]]
            told |= set(phone.page.locator("[data-outbox-list] [data-state]").all_inner_texts())
            phone.page.click("[data-send-now]")
        what = f"{path}, every state, {first}"
        troubles += looked_at(phone.page, what)
        phone.shows(f"state-{locale}-{path.strip('/').partition('/')[0]}-{first}")
        if locale == "fr":
            phone.page.emulate_media(color_scheme="dark")
            troubles += looked_at(phone.page, f"{what} (dark)")
            phone.page.emulate_media(color_scheme="light")
    assert len(told) == len(STATES) + 1, "each state has words of its own"
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_chosen_photos_are_for_everybody(new_phone: NewPhone, world: World, locale: str) -> None:
    case = world.a_case("Barry", f"Photos {locale}")
    phone = everybody(new_phone, world, locale)
    phone.fills_in_visit(case)
    phone.adds_photo("landscape_3.jpg", caption="Le kiosque")
    phone.adds_photo("portrait_6.jpg", subject="person", consent=True)
    phone.page.set_input_files("[data-photos][multiple]", PHOTOS / "35-empty.jpg")
    expect(phone.page.locator("[data-photo-tray] > *")).to_have_count(3)
    phone.page.wait_for_timeout(500)
    troubles = looked_at(phone.page, "chosen photos")
    phone.shows(f"state-{locale}-photos")
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_refused_forms_and_errors_are_for_everybody(
    new_phone: NewPhone, world: World, found: dict[str, str], locale: str
) -> None:
    phone = everybody(new_phone, world, locale)
    troubles = []
    for pattern in REFUSED:
        phone.opens(pattern.format(**found))
        form = phone.page.locator("main form[method=post]").last
        with phone.page.expect_navigation():
            form.evaluate(POST_PLAIN)
        assert phone.page.evaluate(STATUS) == 422, pattern
        troubles += looked_at(phone.page, f"{pattern}, refused")
        phone.shows(f"state-{locale}-refused-{pattern.strip('/').replace('/', '-')}")
    # A form that another site could have made; a page of another role.
    phone.opens("/password")
    form = phone.page.locator("main form[method=post]").last
    form.evaluate(
        "form => form.querySelectorAll('[name=csrf_token]').forEach((field) => { field.value = 'x' })"
    )
    with phone.page.expect_navigation():
        form.evaluate(POST_PLAIN)
    troubles += looked_at(phone.page, "a form of another site")
    phone.shows(f"state-{locale}-error-csrf")
    phone.opens("/staff")
    assert phone.page.evaluate(STATUS) in (403, 404)
    troubles += looked_at(phone.page, "a page of another role")
    phone.shows(f"state-{locale}-error-role")
    phone.complaints.clear()
    assert not troubles, "\n".join(troubles)
