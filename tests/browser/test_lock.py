"""Opening and locking a phone: words, PIN, fingerprint, the camera, and what is left when it is cleared."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.test_sending import logs_visit, visits_of
from tests.browser.world import World, until
from tests.cast import PASSWORD
from webapp.people.models import Session

PIN = "274913"
IS_ARMED = """async () => {
  const { port1, port2 } = new MessageChannel();
  const said = new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data); });
  navigator.serviceWorker.controller.postMessage({ type: "rest" }, [port2]);
  return Boolean(await said);
}"""


def chooses_pin(phone: Phone) -> None:
    phone.opens("/phone-check")
    phone.page.fill("[data-openers-form] [name=passphrase]", phone.words)
    phone.page.fill("[data-openers-form] [name=pin]", PIN)
    phone.page.click("[data-openers-form] [value=pin]")
    expect(phone.page.locator("[data-done]")).to_be_visible()


def locks(phone: Phone) -> None:
    phone.opens("/more")
    phone.page.click("[data-lock]")
    expect(phone.page.locator("#unlock")).to_be_visible()


def test_a_pin_reopens_while_suivi_stays_open_and_is_gone_after_five_mistakes(
    phone: Phone, world: World
) -> None:
    case = world.a_case("Code", "Fatou")
    phone.is_made_ready_for("ibrahima")
    chooses_pin(phone)
    world.line.mode = "reset"
    phone.opens(f"/cases/{case}")
    expect(phone.page.locator("h1")).to_contain_text("Code")
    locks(phone)
    # The worker is ended behind the lock; the page gives it back what the PIN opens.
    expect(phone.page.locator("[data-by-pin]")).to_be_visible()
    phone.stops_its_worker()
    phone.shows("pin")
    phone.page.fill("[data-by-pin] [name=pin]", PIN)
    phone.page.click("[data-by-pin] button")
    expect(phone.page.locator("[data-lock]")).to_be_visible()
    phone.opens(f"/cases/{case}")
    expect(phone.page.locator("h1")).to_contain_text("Code")
    locks(phone)
    for left in (4, 3, 2, 1):
        phone.page.fill("[data-by-pin] [name=pin]", "111112")
        phone.page.click("[data-by-pin] button")
        expect(phone.page.locator("[data-pin-error]")).to_have_text(re.compile(rf"{left}$"))
    phone.page.fill("[data-by-pin] [name=pin]", "111112")
    phone.page.click("[data-by-pin] button")
    expect(phone.page.locator("[data-pin-error]")).to_have_text(
        world.word("Cinq erreurs : le code est effacé. Ouvrez avec vos mots de passage.", "fr")
    )
    phone.page.reload()
    expect(phone.page.locator("#unlock")).to_be_visible()
    assert not phone.page.evaluate(IS_ARMED)
    expect(phone.page.locator("[data-by-pin]")).to_be_hidden()
    phone.unlocks()
    # A browser that was ended has nothing left that a PIN could open.
    phone.close()
    phone.start()
    phone.opens("/today")
    expect(phone.page.locator("#unlock")).to_be_visible()
    assert not phone.page.evaluate(IS_ARMED)


@pytest.fixture
def by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passkey belongs to a name, never to a bare address."""
    monkeypatch.setattr(
        World, "address", property(lambda world: f"http://localhost:{world.line.port}"), raising=True
    )


@pytest.mark.usefixtures("by_name")
def test_a_fingerprint_opens_the_phone_without_a_line_and_only_on_this_phone(
    new_phone: NewPhone, world: World
) -> None:
    case = world.a_case("Empreinte", "Mory")
    phone = new_phone()
    phone.opens("/sign-in")
    session = phone.devtools()
    session.send("WebAuthn.enable")
    finger = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True, "hasPrf": True,
            }
        },
    )["authenticatorId"]  # fmt: skip
    phone.is_made_ready_for("ibrahima")
    phone.opens("/phone-check")
    phone.page.fill("[data-openers-form] [name=passphrase]", "cinq mots qui sont faux")
    phone.page.click("[data-openers-form] [value=passkey]")
    expect(phone.page.locator("[data-openers-form] [data-error]")).to_have_text(
        world.word("Ces mots n’ouvrent pas ce téléphone", "fr")
    )
    phone.page.fill("[data-openers-form] [name=passphrase]", phone.words)
    phone.page.click("[data-openers-form] [value=passkey]")
    expect(phone.page.locator("[data-done]")).to_be_visible()
    world.line.mode = "reset"
    # (Ending the worker here would end the devtools' authenticator as well.)
    locks(phone)
    phone.opens(f"/cases/{case}")
    phone.page.click("[data-by-passkey]")
    expect(phone.page.locator("h1")).to_contain_text("Empreinte")
    # Another finger opens nothing.
    locks(phone)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": finger, "isUserVerified": False})
    phone.page.click("[data-by-passkey]")
    phone.page.wait_for_timeout(300)
    expect(phone.page.locator("#unlock")).to_be_visible()
    phone.unlocks()


def test_who_forgot_the_words_loses_kept_pages_and_never_work(phone: Phone, world: World) -> None:
    case = world.a_case("Oubli", "Sekou")
    before = open_sessions(world)
    phone.is_made_ready_for("ibrahima")
    world.line.only, world.line.mode = "/outbox/", "reset"
    logs_visit(phone, case, "avant l’oubli")
    locks(phone)
    phone.page.locator("details summary").click()
    forget = phone.page.locator("[data-forget-vault]")
    forget.click()
    expect(phone.page.locator("#unlock [data-error]")).to_have_text(re.compile(r"\S"))
    forget.click()
    phone.page.wait_for_url("**/sign-in")
    phone.opens("/today")
    expect(phone.page.locator("form[action='/sign-in']")).to_be_visible()
    assert "Oubli" not in phone.page.content()
    assert open_sessions(world) <= before
    # A try that fails opens nothing, and the work is still there.
    phone.page.fill("[name=email]", "ibrahima@demo")
    phone.page.fill("[name=password]", "pas le bon mot de passe")
    phone.page.click("form[action='/sign-in'] button[type=submit]")
    expect(phone.page.locator("form[action='/sign-in'] .error").first).to_be_visible()
    phone.opens("/today")
    expect(phone.page.locator("form[action='/sign-in']")).to_be_visible()
    phone.signs_in("ibrahima")
    phone.takes_the_words()
    phone.is_ready()
    assert phone.waiting() == 1
    world.line.only, world.line.mode = None, "ok"
    phone.delivers_all()
    assert [visit.words for visit in visits_of(world, case)] == ["avant l’oubli"]


def open_sessions(world: World) -> set[str]:
    """Sessions of Ibrahima that somebody could still use."""
    found = select(Session).where(Session.staff_id == world.cast.ibrahima, Session.revoked_at.is_(None))
    return {session.secret_hash for session in world.rows(found)}


def test_trying_to_sign_in_after_a_forgotten_vault_without_a_line_opens_nothing(
    phone: Phone, world: World
) -> None:
    world.a_case("Apres", "Oubli")
    before = open_sessions(world)
    phone.is_made_ready_for("ibrahima")
    phone.opens("/sign-in")
    form = phone.page.url
    second = phone.opens("/more", phone.context.new_page())
    world.line.mode = "reset"
    second.click("[data-lock]")
    second.locator("details summary").click()
    second.locator("[data-forget-vault]").click()
    second.locator("[data-forget-vault]").click()
    second.wait_for_timeout(1_000)
    assert phone.page.url == form
    phone.page.fill("[name=email]", "ibrahima@demo")
    phone.page.fill("[name=password]", PASSWORD)
    phone.page.click("form[action='/sign-in'] button[type=submit]", no_wait_after=True)
    phone.page.wait_for_timeout(1_000)
    third = phone.context.new_page()
    third.goto(f"{world.address}/today")
    assert "Apres" not in third.content()
    world.line.mode = "ok"
    # The session from before ends before anything is shown.
    until(lambda: third.goto(f"{world.address}/today") and "/sign-in" in third.url, "the sign-in page")
    assert open_sessions(world) <= before


def test_the_phone_says_how_it_is_without_a_line_and_is_cleared_in_two_taps(
    phone: Phone, world: World
) -> None:
    case = world.a_case("Vider", "Laye")
    phone.context.grant_permissions(["notifications"], origin=world.address)
    phone.is_made_ready_for("ibrahima")
    phone.opens("/more")
    phone.page.click("a[href='/phone-check']")
    states = phone.page.locator("[data-check][data-found]")
    expect(states).to_have_count(10)
    phone.shows("phone-check")
    phone.page.wait_for_timeout(500)
    world.line.mode = "reset"
    logs_visit(phone, case, "reste scellé")
    locks(phone)
    phone.opens("/phone-check")
    expect(states).to_have_count(10)
    found = dict(
        phone.page.eval_on_selector_all(
            "[data-check]", "all => all.map(({ dataset }) => [dataset.check, dataset.found])"
        )
    )
    assert {found[name] for name in ("storage", "room", "unsent", "keys", "worker", "notifications")} == {
        "ok"
    }
    assert found["line"] == "bad"
    report = phone.page.locator("[data-report]").input_value()
    everything = (
        phone.words,
        "Vider",
        "Laye",
        str(case),
        "ibrahima",
        "Ratoma",
        "reste",
        phone.words.split()[0],
    )
    assert not [word for word in everything if word in report]
    assert "unsent: ok 1" in report
    expect(phone.page.locator("[data-openers]")).to_be_hidden()
    clear = phone.page.locator("[data-clear-phone]")
    clear.click()
    expect(phone.page.locator("[data-unsent-here]")).to_have_text("1")
    phone.shows("phone-clear")
    clear.click()
    phone.page.wait_for_url("**/unlock#signed-out")
    assert phone.page.evaluate(VAULTS) == 0
    assert phone.waiting() == 1
    world.line.mode = "ok"
    phone.opens("/today")
    expect(phone.page.locator("form[action='/sign-in']")).to_be_visible()
    phone.signs_in("mariama")
    phone.takes_the_words()
    phone.delivers_all()
    [visit] = visits_of(world, case)
    assert (visit.words, visit.by_id) == ("reste scellé", world.cast.ibrahima)


VAULTS = """async () => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("suivi");
    request.onsuccess = () => resolve(request.result);
  });
  const count = await new Promise((resolve) => {
    const request = database.transaction("vaults").objectStore("vaults").count();
    request.onsuccess = () => resolve(request.result);
  });
  database.close();
  return count;
}"""
