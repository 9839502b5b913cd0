"""A new version of the app waits until it is asked in."""

from playwright.sync_api import expect

from tests.browser.phone import Phone
from tests.browser.test_sending import lands_once, logs_visit
from tests.browser.world import ROOT, World

VERSION = """async () => {
  const { port1, port2 } = new MessageChannel();
  const said = new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    setTimeout(resolve, 500, "first");
  });
  navigator.serviceWorker.controller.postMessage({ type: "which" }, [port2]);
  return said;
}"""
SECOND = b"""
addEventListener("message", ({ data, ports }) => data?.type === "which" && ports[0].postMessage("second"));
"""


def test_a_new_version_asks_and_disturbs_nobody_who_writes(phone: Phone, world: World) -> None:
    case = world.a_case("Version", "Neuve")
    other = world.a_case("Version", "Autre")
    phone.is_made_ready_for("ibrahima")
    world.line.only = "/outbox/"
    world.line.mode = "reset"
    logs_visit(phone, case, "avant la nouvelle")
    phone.fills_in_visit(case, words="à moitié écrit")
    worker = (ROOT / "webapp/static/dist/sw.js").read_bytes()
    world.line.says["/sw.js"] = ("text/javascript", worker + SECOND)
    try:
        assert phone.page.evaluate(VERSION) == "first"
        phone.page.evaluate(
            "navigator.serviceWorker.ready.then((registration) => void registration.update())"
        )
        bar = phone.page.locator("[data-bar=new-version]")
        expect(bar).to_be_visible()
        phone.shows("new-version")
        bar.locator("[data-take-over]").click()
        phone.page.wait_for_timeout(500)
        assert phone.page.evaluate(VERSION) == "first", "who writes is not disturbed"
        expect(phone.page.locator("[name=words]")).to_have_value("à moitié écrit")
        phone.page.wait_for_timeout(700)

        # Another tab stays where it is, on the page of the old version, with what is written there.
        second = phone.opens(f"/cases/{other}/visits/new", phone.context.new_page())
        expect(second.locator("form[data-outbox] [name=id]")).not_to_have_value("")
        for name, value in (("channel", "home_visit"), ("reached", "yes"), ("concern", "none")):
            second.locator(f"label.card:has([name={name}][value={value}])").first.click()
        second.fill("[name=words]", "écrit sur l’ancienne page")

        phone.opens("/outbox")
        phone.page.locator("[data-take-over]").click()
        expect(phone.page.locator("[data-bar=new-version]")).to_have_count(0)
        phone.page.wait_for_load_state()
        assert phone.page.evaluate(VERSION) == "second"
        assert phone.page.locator("#unlock").count() == 0, "the key was handed over"
        assert phone.waiting() == 1
        assert second.evaluate(VERSION) == "second"
        expect(second.locator("[name=words]")).to_have_value("écrit sur l’ancienne page")
        second.click("form[data-outbox] button[type=submit]:not([name])")
        expect(second.locator("[role=status]:has([data-time])")).to_be_visible()
        assert phone.waiting() == 2
        phone.opens(f"/cases/{case}/visits/new")
        phone.waits_for_form()
        expect(phone.page.locator("[name=words]")).to_have_value("à moitié écrit")
        world.line.only = None
        world.line.mode = "ok"
        lands_once(phone, world, case, "avant la nouvelle")
        lands_once(phone, world, other, "écrit sur l’ancienne page")
    finally:
        world.line.says.clear()
