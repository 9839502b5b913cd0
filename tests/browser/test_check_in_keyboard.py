"""A check-in in Arabic, without network, by the keyboard alone and by the names that a screen reader says."""

from uuid import UUID

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from tests.browser.conftest import NewPhone
from tests.browser.world import World, until
from webapp import clock
from webapp.check_ins import queries
from webapp.check_ins.instruments import instrument
from webapp.check_ins.models import CheckIn, InstrumentSwitch

ANSWERS = (5, 4, 3, 2, 1)
QUESTIONS_ARE_HERE = """async () => {
  const address = document.querySelector("script[data-questions]")?.dataset.questions;
  return !address || Boolean(await caches.match(new URL(address, location.origin).href));
}"""
"""The script that makes questions lighter to ask is on the phone, where it does not come with every page."""


def focused(page: Page, wanted: Locator) -> bool:
    return bool(wanted.evaluate("(element) => element === document.activeElement"))


def tabs_to(page: Page, wanted: Locator, most: int = 80) -> None:
    """Press Tab until this has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(most):
        if focused(page, wanted):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard never comes to {wanted}")


def chooses(page: Page, question: str, answer: str) -> None:
    """Choose an answer in the group of this name."""
    group = page.get_by_role("group", name=question)
    first = group.get_by_role("radio").first
    tabs_to(page, first)
    wanted = group.get_by_role("radio", name=answer, exact=True)
    page.keyboard.press("Space")
    for _ in range(8):
        if wanted.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{answer} cannot be chosen")


def test_a_check_in_in_arabic_by_keyboard_alone(new_phone: NewPhone, world: World) -> None:
    world.speaks("ibrahima", "ar")
    case = world.a_case("Bah", "هاجر")
    who5 = instrument("who-5")
    say = lambda french: world.word(french, "ar")  # noqa: E731
    phone = new_phone("ar")
    phone.is_made_ready_for("ibrahima")
    phone.brings_the_rest()
    page = phone.page

    def questions_are_here() -> bool:
        phone.opens("/today")
        return bool(page.evaluate(QUESTIONS_ARE_HERE))

    until(questions_are_here, "what comes when the line is quiet is here", patience=60, pause=4)
    world.line.mode = "reset"
    phone.opens(f"/cases/{case}")
    link = page.get_by_role("link", name=say("Comment allez-vous ?"))
    tabs_to(page, link)
    page.keyboard.press("Enter")
    page.wait_for_url("**/check-ins/new")
    phone.waits_for_form()
    assert page.locator("html").get_attribute("dir") == "rtl"

    # Privacy and consent come first.
    chooses(page, say("La personne peut-elle parler librement, sans être entendue ?"), say("Oui, seule"))
    chooses(page, say("Est-elle d’accord pour répondre aujourd’hui ?"), say("Oui"))
    phone.shows("ar-keyboard-1-before")

    # The phone in other hands shows the questions and nothing else.
    tabs_to(page, page.get_by_role("button", name=say("Passer le téléphone")))
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(
        page.get_by_role("group", name=say("Est-elle d’accord pour répondre aujourd’hui ?"))
    ).to_have_count(0)
    expect(page.get_by_text("هاجر")).to_be_hidden()
    for place, (item, code) in enumerate(zip(who5.items, ANSWERS, strict=True)):
        question = item.statement.in_("ar").text
        option = item.option(code)
        assert option
        expect(page.get_by_role("group")).to_have_count(1)
        assert focused(page, page.get_by_role("group", name=question)), "the question is where the reader is"
        chooses(page, question, option.label.in_("ar").text)
        phone.shows(f"ar-keyboard-2-question-{place + 1}")
        tabs_to(page, page.get_by_role("button", name=say("Suivante")))
        page.keyboard.press("Enter")
    assert focused(page, page.get_by_role("heading", name=say("Merci.")))
    phone.shows("ar-keyboard-3-thanks")
    tabs_to(page, page.get_by_role("button", name=say("Reprendre le téléphone")))
    page.keyboard.press("Enter")

    tabs_to(page, page.get_by_role("button", name=say("Enregistrer les réponses")))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(say("Enregistré sur ce téléphone"))
    assert phone.waiting() == 1
    world.line.mode = "ok"
    phone.delivers_all()
    kept = check_in_of(world, case)
    with world.app.app_context():
        assert queries.answers_of(kept, world.app.extensions["keyring"]) == {
            item.id: code for item, code in zip(who5.items, ANSWERS, strict=True)
        }
    assert (kept.locale, kept.outcome) == ("ar", "answered")

    # Questions that depend on an answer come and go with it, on the kept page too.
    phone.opens(f"/cases/{case}/check-ins/new/reintegration-survey")
    phone.waits_for_form()
    survey = instrument("reintegration-survey")
    looking, why = (survey.item(name).statement.in_("ar").text for name in ("E9", "E10"))
    expect(page.get_by_role("group", name=why)).to_have_count(0)
    chooses(page, looking, say("Oui"))
    expect(page.get_by_role("group", name=why)).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    phone.shows("ar-keyboard-4-survey")

    # Where nobody can follow up, the kept form says so and gives way, once the phone has heard of it.
    with world.database() as session:
        office = {"office_id": world.cast.conakry, "off_by_id": world.cast.root, "off_at": clock.now()}
        session.add(InstrumentSwitch(instrument="who-5", place="ratoma", **office))
        session.commit()

    def gives_way() -> bool:
        phone.opens(f"/cases/{case}/check-ins/new/who-5")
        page.wait_for_timeout(300)
        return page.locator("[data-off]").is_visible() and page.locator("form.check-in").is_hidden()

    until(gives_way, "the phone has heard that nobody can follow up there", patience=60, pause=3)


def check_in_of(world: World, case: UUID) -> CheckIn:
    [found] = world.rows(select(CheckIn).where(CheckIn.case_id == case))
    assert isinstance(found, CheckIn)
    return found
