"""A payment is asked for without network, comes back over the ceiling, is corrected, approved with one thumb, and paid."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.allocations.builders import a_rate
from tests.allocations.hands import Hands
from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.world import World, until
from webapp import clock
from webapp.allocations.models import ExchangeRate, LedgerEntry, Payment, PaymentRequest, RequestDocument
from webapp.cases.models import TimelineEntry


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_a_payment_asked_for_without_network_is_corrected_approved_and_paid(
    new_phone: NewPhone, world: World, locale: str
) -> None:
    for name in ("ibrahima", "kadiatou", "farah"):
        world.speaks(name, locale)
    with_a_rate(world)
    case = world.a_case("Bah", {"fr": "Oumou", "ar": "هاجر"}[locale])
    phone = new_phone(locale)
    phone.is_made_ready_for("ibrahima")
    phone.brings_the_rest()

    world.line.mode = "reset"
    asks_offline(phone, case, locale)
    assert phone.waiting() == 2
    assert not requests_of(world, case)
    world.line.mode = "ok"
    phone.delivers_all()
    assert not requests_of(world, case)
    [noted] = world.rows(
        select(TimelineEntry).where(
            TimelineEntry.case_id == case, TimelineEntry.kind == "payment.over_ceiling"
        )
    )
    assert noted.facts == {"asked": 95_000, "available": 90_000, "currency": "EUR"}

    world.line.mode = "reset"
    corrects_it(phone, world, locale)
    world.line.mode = "ok"
    phone.delivers_all()
    [asked] = requests_of(world, case)
    assert (asked.state, asked.minor, asked.currency, asked.what) == (
        "requested", 85_000, "EUR", "Moulin à maïs <électrique>",
    )  # fmt: skip
    [quote] = world.rows(select(RequestDocument).where(RequestDocument.case_id == case))
    assert (quote.request_id, quote.kind, quote.media) == (asked.id, "quote", "jpeg")

    approves_with_one_thumb(new_phone(locale), world, asked, locale)
    [held] = world.rows(select(LedgerEntry).where(LedgerEntry.request_id == asked.id))
    assert (held.kind, held.minor) == ("set_aside", 85_000)
    pays(new_phone(locale), world, asked, locale)
    [payment] = world.rows(select(Payment).where(Payment.request_id == asked.id))
    assert (payment.reference, payment.minor) == (f"OM-{locale}-1", 85_000)
    sees_what_is_left(phone, case, locale)


def with_a_rate(world: World) -> None:
    with world.database() as session:
        if session.scalar(select(ExchangeRate.id)) is None:
            a_rate("EUR", "GNF", "9500", clock.now().replace(day=1))
            session.commit()


def requests_of(world: World, case: UUID) -> list[PaymentRequest]:
    return world.rows(select(PaymentRequest).where(PaymentRequest.case_id == case))


def shows(phone: Phone, picture: str) -> None:
    """By day and by night."""
    phone.shows(picture)
    phone.page.emulate_media(color_scheme="dark")
    phone.shows(f"{picture}-dark")
    phone.page.emulate_media(color_scheme="light")


def fits(page: Page) -> None:
    """Nothing sticks out of a narrow screen, in either direction of writing."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px too wide"


def asks_offline(phone: Phone, case: UUID, locale: str) -> None:
    phone.opens(f"/cases/{case}/payment-requests/new")
    phone.waits_for_form()
    page = phone.page
    expect(page.locator(".allocation-bar")).to_contain_text("900")
    expect(page.locator("[data-as-of]")).to_have_text(re.compile(r"\d"))
    over = page.locator("[data-over]")
    expect(over).to_be_hidden()
    page.select_option("[name=currency]", "GNF")
    page.fill("[name=amount]", "8 550 001")
    expect(over).to_be_visible()
    page.fill("[name=amount]", "8 550 000")
    expect(over).to_be_hidden()
    page.select_option("[name=currency]", "EUR")
    expect(over).to_be_visible()
    page.fill("[name=amount]", "900,00")
    expect(over).to_be_hidden()
    page.fill("[name=amount]", "950")
    expect(over).to_be_visible()
    page.fill("[name=what]", "Moulin à maïs <électrique>")
    page.select_option("[name=category]", "micro_project")
    page.select_option("[name=chosen_by]", "returnee")
    phone.chooses("payee_kind", "mobile_money")
    expect(page.locator("[name=payee_name]")).to_be_hidden()
    page.fill("[name=operator]", "Orange")
    page.fill("[name=payee_account]", "+224 622 00 03 17")
    page.fill("[name=holder]", "Oumou Bah")
    page.locator("label.card:has([name=holder_checked])").click()
    phone.adds_photo("DSCN0010.jpg", caption="Devis", subject="document")
    fits(page)
    shows(phone, f"{locale}-pay-1-asking")
    phone.saves()
    phone.shows(f"{locale}-pay-2-saved")


def corrects_it(phone: Phone, world: World, locale: str) -> None:
    phone.opens("/outbox")
    page = phone.page
    item = page.locator("[data-outbox-list] > *").filter(has=page.locator("a[data-open]:visible"))
    expect(item.locator("[data-reasons]")).to_contain_text("950")
    expect(item.locator("[data-reasons]")).to_contain_text("900")
    shows(phone, f"{locale}-pay-3-refused")
    item.locator("a[data-open]").click()
    phone.waits_for_form()
    for name, value in {
        "what": "Moulin à maïs <électrique>", "amount": "950", "currency": "EUR",
        "operator": "Orange", "payee_account": "+224 622 00 03 17", "holder": "Oumou Bah",
    }.items():  # fmt: skip
        expect(page.locator(f"[name={name}]")).to_have_value(value)
    expect(page.locator("[name=payee_kind][value=mobile_money]")).to_be_checked()
    expect(page.locator("[name=holder_checked]")).to_be_checked()
    expect(page.locator("#amount-field")).to_contain_text("900")
    expect(page.locator("[data-over]")).to_be_visible()
    shows(phone, f"{locale}-pay-4-correcting")
    page.fill("[name=amount]", "850")
    phone.saves()


def approves_with_one_thumb(phone: Phone, world: World, asked: PaymentRequest, locale: str) -> None:
    phone.signs_in("kadiatou")
    phone.opens("/payment-requests")
    page = phone.page
    fits(page)
    shows(phone, f"{locale}-pay-5-queue")
    page.locator(f"a[href='/payment-requests/{asked.id}']").click()
    page.wait_for_url(f"**/payment-requests/{asked.id}")
    button = page.locator("form[action$='/approval'] button")
    expect(button).to_contain_text("850")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 48, "a thumb finds it"
    assert box["width"] >= 200
    assert box["y"] + box["height"] <= 740, "without scrolling"
    fits(page)
    shows(phone, f"{locale}-pay-6-approving")
    button.tap()
    expect(page.locator("form[action$='/approval']")).to_have_count(0)
    [now] = world.rows(select(PaymentRequest).where(PaymentRequest.id == asked.id))
    assert (now.state, now.approver_id) == ("approved", world.cast.kadiatou)
    shows(phone, f"{locale}-pay-7-approved")


def pays(phone: Phone, world: World, asked: PaymentRequest, locale: str) -> None:
    phone.signs_in("farah")
    phone.opens("/payment-requests")
    page = phone.page
    shows(phone, f"{locale}-pay-8-to-pay")
    page.locator(f"a[href='/payment-requests/{asked.id}']").click()
    page.wait_for_url(f"**/payment-requests/{asked.id}")
    fits(page)
    shows(phone, f"{locale}-pay-9-paying")
    page.click("form[action$='/payments'] button")
    expect(page.locator("#reference-field .error")).to_be_visible()
    phone.shows(f"{locale}-pay-10-no-reference")
    page.fill("[name=reference]", f"OM-{locale}-1")
    page.click("form[action$='/payments'] button")
    expect(page.locator("form[action$='/payments']")).to_have_count(0)
    shows(phone, f"{locale}-pay-11-paid")


def sees_what_is_left(phone: Phone, case: UUID, locale: str) -> None:
    """The officer's phone brings the news by itself."""

    def is_news() -> bool:
        phone.opens(f"/cases/{case}/payment-requests/new")
        phone.waits_for_form()
        return "50,00" in phone.page.locator(".allocation-bar .left").inner_text().replace(".", ",")

    until(is_news, "what is left has come to the phone", patience=60, pause=2)


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_a_request_is_declined_on_the_phone_with_a_reason_that_its_officer_reads(
    new_phone: NewPhone, world: World, locale: str
) -> None:
    for name in ("ibrahima", "kadiatou"):
        world.speaks(name, locale)
    hands = Hands(world.app, world.cast)
    hands.case = world.a_case("Sylla", {"fr": "Mamadou", "ar": "مامادو"}[locale])
    asked = hands.request(hands.asks("120", "cash", what="Moto"))
    phone = new_phone(locale)
    phone.signs_in("kadiatou")
    phone.opens(f"/payment-requests/{asked.id}")
    page = phone.page
    reason, button = page.locator("#reason-rejection"), page.locator("form[action$='/rejection'] button")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 48, "a thumb finds it"
    button.tap()
    assert hands.state(asked.id) == "requested", "not without a reason"
    reason.fill("Le devis manque <b>")
    fits(page)
    shows(phone, f"{locale}-pay-12-declining")
    button.tap()
    expect(page.locator("form[action$='/rejection']")).to_have_count(0)
    assert hands.state(asked.id) == "rejected"
    assert hands.entries(asked.id) == []
    officer = new_phone(locale)
    officer.signs_in("ibrahima")
    officer.opens(f"/payment-requests/{asked.id}")
    expect(officer.page.locator("main")).to_contain_text("Le devis manque <b>")
