"""Every page, for every role, in three languages: axe finds nothing, nothing scrolls sideways, the console is silent."""

import re
from fnmatch import fnmatch
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import NewPhone
from tests.browser.world import ROOT, World
from tests.cast import a_case
from tests.world import A_RULE, OWN, make_world
from webapp import clock
from webapp.cases.closures.actions import ask, decide
from webapp.cases.closures.forms import ClosureDraft
from webapp.cases.transfers.actions import hand_on
from webapp.cases.transfers.forms import TransferDraft
from webapp.database import db
from webapp.people.models import Staff
from webapp.people.sessions import start_session

AXE = ROOT / "node_modules/axe-core/axe.min.js"
FORM_PAGES = ("/cases/{case}/visits/new", "/cases/{case}/check-ins/new", "/cases/{case}/red-flags/new")
MONEY_PAGES = ("/cases/{case}/allocation/adjustments", "/payment-requests", "/payment-requests/{request}")
PAGES = {
    "ibrahima": (
        "/today", "/cases", "/cases/{case}", *FORM_PAGES, "/cases/{case}/allocation", "/outbox", "/more", "/alerts",
        "/cases/{case}/check-ins/new/reintegration-survey", "/cases/{case}/check-ins",
        "/arrivals", "/cases/{case}/procedure/orientation/new", "/visits/{visit}/photos/new", "/nothing-here", "/unlock", "/phone-check",
        "/cases/{case}/payment-requests/new", "/cases/{case}/plan", "/cases/{case}/plan/new", "/phones", "/password",
        "/cases/{case}/referrals", "/cases/{case}/referrals/new", "/referrals/{referral}", "/referrals/{referral}/letter",
        "/returnee-words/{word}",
    ),
    "salma": ("/cases", "/cases/{case}", *FORM_PAGES[1:], "/check-ins/{check_in}", "/red-flags/{red_flag}", "/alerts", "/more", "/outbox"),
    "kadiatou": (
        "/dashboard", "/cases", "/cases?q=Bah", "/cases?q=nobody", "/cases/{case}", "/cases/{case}/allocation",
        "/cases/intake", "/cases/intake/{list}", "/alerts", "/alerts/{alert}", "/submissions/{submission}", "/more",
        "/arrivals", "/cases/{case}/procedure", "/cases/{bare}/allocation/new", *MONEY_PAGES, "/cases/{case}/allocation/instalments/1",
        "/phones", "/outbox/carried", "/quarantine", "/quarantine/{quarantined}", "/cases/{case}/card",
        "/cases/{case}/referrals", "/cases/{case}/plan", "/cases/{case}/plan/changes",
        "/transfers", "/transfers?case={case}",
        "/transfers/{transfer}", "/transfers/{coming}", "/cases/{case}/closure/new", "/cases/{ended}/closure", "/cases/{ending}/closure",
    ),
    "farah": (
        "/allocations", "/cases/{case}/allocation", *MONEY_PAGES, "/payments", "/payments/{payment}",
        "/payments/confirmations/new", "/providers", "/providers/new", "/providers/{provider}",
        "/exchange-rates", "/exchange-rates/new", "/alerts", "/more",
    ),
    "ada": ("/dashboard", "/reports/reintegration", "/alerts", "/more"),
    "root": (
        "/instruments", "/instruments/new", "/instruments/reintegration-survey/1", "/staff", "/staff/new", "/alerts", "/more",
        "/staff/{staff}/password", "/allocation-rules", "/allocation-rules/new", "/allocation-rules/{rule}",
        "/phones",
    ),
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
STATUS = "performance.getEntriesByType('navigation')[0].responseStatus"
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
    kinds = (
        "cases", "visits", "check_ins", "red_flags", "alerts", "submissions", "lists", "requests", "payments", "providers", "quarantined",
        "referrals", "transfers", "words",
    )  # fmt: skip
    ids = {kind.rstrip("s"): str(getattr(made, kind)[OWN]) for kind in kinds}
    ids |= {"rule": str(made.rule), "staff": str(world.cast.ibrahima)}
    ids |= {name: str(id) for name, id in _moved_and_ended(world).items()}
    return {**ids, "bare": str(_without_money(world)), "code": made.code, "pin": made.pin}


def _moved_and_ended(world: World) -> dict[str, UUID]:
    """A transfer that waits for Conakry's answer, a case that waits to be closed, and one that is."""
    now = clock.now()
    with world.app.test_request_context():
        people = {
            name: start_session(
                db.session.get_one(Staff, getattr(world.cast, name)), now=now, settings=world.app.extensions["settings"]
            )
            for name in ("moussa", "ibrahima", "kadiatou")
        }  # fmt: skip
        draft = TransferDraft(
            uuid4(), {world.cast.fatou: world.cast.awa}, None, world.cast.conakry, "safety", "Parle wolof."
        )
        (coming,) = hand_on(draft, by=people["moussa"], now=now)
        officer = db.session.get_one(Staff, world.cast.ibrahima)
        ending, ended = a_case("Fofana", "Alpha", officer=officer), a_case("Keita", "Néné", officer=officer)
        for case in (ending, ended):
            asked = ClosureDraft(
                uuid4(), "other", "Elle le souhaite.", "", {"overall": 4} if case is ended else {}
            )
            closure = ask(case, asked, by=people["ibrahima"], now=now)
        decide(ended, closure, "signed_off", answer="", by=people["kadiatou"], now=now)
        found = {"coming": coming.id, "ending": ending.id, "ended": ended.id}
        db.session.commit()
        return found


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
        assert phone.page.evaluate(STATUS) == (404 if pattern == "/nothing-here" else 200), pattern
        troubles += looked_at(phone.page, pattern)
        phone.shows(f"page-{locale}-{name}-{pattern.strip('/').replace('/', '-')}")
        if locale == "fr" and pattern in DARK:
            phone.page.emulate_media(color_scheme="dark")
            troubles += looked_at(phone.page, f"{pattern} (dark)")
            phone.shows(f"dark-{name}-{pattern.strip('/').replace('/', '-')}")
            phone.page.emulate_media(color_scheme="light")
    assert not troubles, "\n".join(troubles)


RATES = b"devise;taux;date;source\nGNF;9350,5;2026-11-01;BCRG\nXOF;deux;2026-11-01;BCEAO\n"
CONFIRMATIONS = (
    "Référence;Montant;Devise;Payé le;Référence du paiement\nPR-0;10,00;EUR;2026-11-20;B-1\n".encode()
)
ANSWERS = {
    "kadiatou": ("/cases/{bare}/allocation/new?rule={rule}", {"adult": "1", "child": "2", "donor": "Espagne"}, None),
    "root": ("/allocation-rules/new", {}, ("rule.toml", A_RULE.read_bytes())),
    "farah": ("/payments/confirmations/new", {}, ("confirmations.csv", CONFIRMATIONS)),
    "farah's rates": ("/exchange-rates/new", {}, ("rates.csv", RATES)),
}  # fmt: skip
"""A page, what is typed or chosen on it, and so the preview that its form answers with."""


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
@pytest.mark.parametrize("name", ANSWERS)
def test_what_forms_answer_with_is_for_everybody(
    new_phone: NewPhone, world: World, found: dict[str, str], name: str, locale: str
) -> None:
    path, typed, file = ANSWERS[name]
    name = name.partition("'")[0]
    world.speaks(name, locale)
    phone = new_phone(locale, bypass_csp=True, reduced_motion="reduce")
    phone.context.add_init_script(path=str(AXE))
    phone.signs_in(name)
    troubles = []
    for complete in (False, True):
        phone.opens(path.format(**found))
        if complete:
            for field, value in typed.items():
                phone.page.fill(f"[name={field}]", value)
            if file:
                phone.page.set_input_files(
                    "[name=file]", {"name": file[0], "mimeType": "text/plain", "buffer": file[1]}
                )
            if name == "kadiatou":
                phone.chooses("return_type", "voluntary")
        form = phone.page.locator("main form[method=post]").last
        form.evaluate("form => form.noValidate = true")
        form.locator("[type=submit]").click()
        phone.page.wait_for_url("**/preview")
        troubles += looked_at(phone.page, f"{path} {'complete' if complete else 'empty'}")
        phone.shows(f"page-{locale}-{name}-{'preview' if complete else 'refused'}-{path[1:5]}")
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
    phone.opens("/my/closed")
    troubles += looked_at(phone.page, "/my/closed")
    assert not troubles, "\n".join(troubles)


NO_PAGES = {
    "/health", "/manifest.webmanifest", "/sw.js", "/static/dist/<path:name>", "/pack", "/outbox/photos/<uuid:photo_id>",
    "/payments/export.xlsx", "/photos/<uuid:photo_id>", "/photos/<uuid:photo_id>/thumb", "/documents/<uuid:document_id>",
    "/documents/<uuid:document_id>/thumb",
}  # fmt: skip
ON_THE_WAY = {
    "/": "leads where the role works",
    "/my/sign-in": "leads to the door",
    "/my/words": "leads to the door",
}
LOOKED_AT_ELSEWHERE = {"/sign-in", "/my", "/my/closed"}


def test_no_page_is_left_out(world: World) -> None:
    looked_at = {
        re.sub(r"\{\w+\}", "*", path.partition("?")[0]) for paths in PAGES.values() for path in paths
    }
    left_out = NO_PAGES | ON_THE_WAY.keys() | LOOKED_AT_ELSEWHERE
    forgotten = {
        rule.rule
        for rule in world.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.rule not in left_out
        and not any(fnmatch(path, re.sub(r"<[^>]+>", "*", rule.rule)) for path in looked_at)
    }  # fmt: skip
    assert not forgotten


def looked_at(page: Page, what: str, without: tuple[str, ...] = ()) -> list[str]:
    # Colours are the same in every language, and what takes axe longest.
    if page.locator("html").get_attribute("lang") != "fr":
        without = (*without, "color-contrast")
    said = [f"{what}: {trouble}" for trouble in page.evaluate(LOOK, list(without))]
    width = page.evaluate("document.scrollingElement.scrollWidth")
    return said + ([f"{what}: {width} px wide"] if width > 360 else [])
