"""Every page, for every role, in three languages: axe finds nothing, nothing scrolls sideways, the console is silent."""

from uuid import UUID

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import NewPhone
from tests.browser.world import ROOT, World
from tests.cast import a_case
from tests.world import OWN, make_world
from webapp.people.models import Staff

AXE = ROOT / "node_modules/axe-core/axe.min.js"
FORM_PAGES = ("/cases/{case}/visits/new", "/cases/{case}/check-ins/new", "/cases/{case}/red-flags/new")
MONEY_PAGES = ("/cases/{case}/allocation/adjustments", "/payment-requests", "/payment-requests/{request}")
PAGES = {
    "ibrahima": (
        "/today", "/cases", "/cases/{case}", *FORM_PAGES, "/cases/{case}/allocation", "/outbox", "/more", "/alerts",
        "/cases/{case}/check-ins/new/reintegration-survey", "/cases/{case}/check-ins",
        "/arrivals", "/cases/{case}/procedure/orientation/new", "/visits/{visit}/photos/new", "/nothing-here", "/unlock", "/phone-check",
    ),
    "salma": ("/cases", "/cases/{case}", *FORM_PAGES[1:], "/check-ins/{check_in}", "/alerts", "/more", "/outbox"),
    "kadiatou": (
        "/dashboard", "/cases", "/cases?q=Bah", "/cases?q=nobody", "/cases/{case}", "/cases/{case}/allocation",
        "/cases/intake", "/cases/intake/{list}", "/alerts", "/alerts/{alert}", "/submissions/{submission}", "/more",
        "/arrivals", "/cases/{case}/procedure", "/cases/{bare}/allocation/new", *MONEY_PAGES, "/cases/{case}/allocation/instalments/1",
    ),
    "farah": ("/allocations", "/cases/{case}/allocation", *MONEY_PAGES, "/alerts", "/more"),
    "ada": ("/dashboard", "/reports/reintegration", "/alerts", "/more"),
    "root": ("/instruments", "/instruments/new", "/instruments/reintegration-survey/1", "/staff", "/staff/new", "/alerts", "/more"),
    "karim": (
        "/procedure", "/procedure/new", "/cases", "/cases/{case}", "/cases/{case}/procedure",
        "/cases/{case}/procedure/interview/new", "/cases/{case}/procedure/medical_check/new",
        "/cases/{case}/interruption/new", "/cases/intake", "/alerts", "/more",
    ),
}  # fmt: skip
DARK = {
    "/today",
    "/cases/{case}",
    "/cases/{case}/visits/new",
    "/outbox",
    "/dashboard",
    "/alerts/{alert}",
    "/staff",
}
LOOK = """async (without) => {
  const rules = Object.fromEntries(without.map((rule) => [rule, { enabled: false }]));
  const { violations } = await axe.run(document, { resultTypes: ["violations"], rules });
  return violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target, failureSummary }) =>
    `${target} (${failureSummary.split("\\n").slice(1, 2).join("").trim()})`).slice(0, 3).join("; "));
}"""


@pytest.fixture(scope="module")
def found(world: World) -> dict[str, str]:
    """Ids of what the pages are about, and the card of the returnee: a case with everything a case can hold."""
    world.app.cast = world.cast  # type: ignore[attr-defined]
    made = make_world(world.app)
    kinds = ("cases", "visits", "photos", "check_ins", "alerts", "submissions", "lists", "requests")
    ids = {kind.rstrip("s"): str(getattr(made, kind)[OWN]) for kind in kinds}
    return {**ids, "bare": str(_without_money(world)), "code": made.code, "pin": made.pin}


def _without_money(world: World) -> UUID:
    """A case that waits for its allocation."""
    with world.database() as session:
        officer = session.get_one(Staff, world.cast.ibrahima)
        found: UUID = a_case("Condé", "Mory", officer=officer).id
        session.commit()
        return found


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_everybody(
    new_phone: NewPhone, world: World, found: dict[str, str], name: str, locale: str
) -> None:
    world.speaks(name, locale)
    phone = new_phone(locale, bypass_csp=True, reduced_motion="reduce")
    phone.context.add_init_script(path=str(AXE))
    troubles = []
    for path in ("/sign-in",) if name == "ibrahima" else ():
        phone.opens(path)
        troubles += looked_at(phone.page, path)
    phone.signs_in(name)
    if name in ("ibrahima", "karim"):
        phone.page.locator("#vault-setup").wait_for()
        troubles += looked_at(phone.page, "the words")
        phone.takes_the_words()
        phone.is_ready()
    for pattern in PAGES[name]:
        path = pattern.format(**found)
        phone.opens(path)
        troubles += looked_at(phone.page, pattern)
        phone.shows(f"page-{locale}-{name}-{pattern.strip('/').replace('/', '-')}")
        if locale == "fr" and pattern in DARK:
            phone.page.emulate_media(color_scheme="dark")
            troubles += looked_at(phone.page, f"{pattern} (dark)")
            phone.shows(f"dark-{name}-{pattern.strip('/').replace('/', '-')}")
            phone.page.emulate_media(color_scheme="light")
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_the_returnees_page_is_for_everybody(
    new_phone: NewPhone, world: World, found: dict[str, str], locale: str
) -> None:
    phone = new_phone(locale, bypass_csp=True, reduced_motion="reduce")
    phone.context.add_init_script(path=str(AXE))
    phone.context.add_cookies([{"name": "language", "value": locale, "url": world.address}])
    phone.opens("/my")
    troubles = looked_at(phone.page, "/my")
    phone.shows(f"page-{locale}-returnee-door")
    phone.page.fill("[name=code]", found["code"])
    phone.page.fill("[name=pin]", found["pin"])
    phone.page.click("form.pin button")
    phone.page.locator("form.pin").wait_for(state="detached")
    # The page closes by itself after two minutes, because it is read on phones that go from hand to hand.
    troubles += looked_at(phone.page, "/my, signed in", without=("meta-refresh",))
    phone.shows(f"page-{locale}-returnee")
    assert not troubles, "\n".join(troubles)


def looked_at(page: Page, what: str, without: tuple[str, ...] = ()) -> list[str]:
    # Colours are the same in every language, and what takes axe longest.
    if page.locator("html").get_attribute("lang") != "fr":
        without = (*without, "color-contrast")
    said = [f"{what}: {trouble}" for trouble in page.evaluate(LOOK, list(without))]
    width = page.evaluate("document.scrollingElement.scrollWidth")
    return said + ([f"{what}: {width} px wide"] if width > 360 else [])
