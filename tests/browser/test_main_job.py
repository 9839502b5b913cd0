"""The main job, end to end: without network a visit is logged, it lands once, and the manager hears of it."""

import hashlib
import json
import re
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from tests.alerts.push_service import Browser
from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.world import World, until
from webapp.check_ins.models import CheckIn
from webapp.offline.models import ContestedSubmission, Submission
from webapp.visits.models import FollowUp, Photo

PICTURES = [
    ("HMD_Nokia_8.3_5G.jpg", "Machine à coudre livrée", "goods", False),
    ("portrait_6.jpg", "Oumou devant l’atelier", "person", True),
    ("DSCN0010.jpg", "Le reçu", "document", False),
]
LOW = [1, 1, 1, 1, 2]


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_a_visit_logged_without_network_lands_once(new_phone: NewPhone, world: World, locale: str) -> None:
    world.speaks("ibrahima", locale)
    world.speaks("kadiatou", locale)
    name = {"fr": "Oumou", "ar": "هاجر"}[locale]
    case = world.a_case("Bah", name)
    code = world.code_of(case)
    manager, hears = a_manager_who_is_woken(new_phone, world, locale)

    phone = new_phone(locale)
    phone.signs_in("ibrahima")
    expect(phone.page.locator("#vault-setup")).to_be_visible()
    phone.shows(f"{locale}-1-words")
    phone.takes_the_words()
    phone.is_ready()
    phone.brings_the_rest()

    world.line.mode = "reset"
    finds_the_case(phone, case, name, locale)
    phone.fills_in_visit(case, concern="serious", words="Jaraama, je veux continuer", notes="Toit percé")
    expect(phone.page.locator(".allocation-bar .left")).to_contain_text("900")
    expect(phone.page.locator("[data-as-of]").first).to_have_text(re.compile(r"\d\d:\d\d"))
    for picture, caption, subject, consent in PICTURES:
        phone.adds_photo(picture, caption=caption, subject=subject, consent=consent)
    phone.shows(f"{locale}-6-form")
    said = phone.saves()
    assert world.word("Enregistré sur ce téléphone", locale) in said
    phone.shows(f"{locale}-7-saved")
    phone.asks_well_being(case, LOW)
    phone.shows(f"{locale}-8-check-in")
    phone.saves()
    assert phone.waiting() == 5
    sees_what_waits(phone, case, name, locale)
    assert not world.rows(select(FollowUp).where(FollowUp.case_id == case))

    comes_back_badly(phone, world)
    [visit] = world.rows(select(FollowUp).where(FollowUp.case_id == case))
    landed_whole(world, case, visit)
    sees_it_received(phone, case, name, locale)
    alert_of(manager, hears, world, case, code, name, locale)


def finds_the_case(phone: Phone, case: UUID, name: str, locale: str) -> None:
    """From the kept day to the kept case, by name, all without a line."""
    phone.opens("/today")
    expect(phone.page.locator("h1")).to_have_count(1)
    phone.page.reload()
    phone.shows(f"{locale}-2-today")
    phone.opens("/cases")
    phone.page.fill("[data-find-input]", name[:3])
    rows = phone.page.locator("[data-find]:visible")
    expect(rows).to_have_count(1)
    phone.shows(f"{locale}-3-cases")
    rows.first.locator("a").first.click()
    phone.page.wait_for_url(f"**/cases/{case}")
    bar = phone.page.locator("#allocation")
    for amount in ("1", "500", "400", "200", "900"):  # granted 1,500; set aside, paid, available
        expect(bar).to_contain_text(amount)
    phone.shows(f"{locale}-4-case")
    phone.page.locator("#allocation a").click()
    expect(phone.page.locator("main")).to_contain_text("Machine à coudre")
    phone.shows(f"{locale}-5-allocation")


def sees_what_waits(phone: Phone, case: UUID, name: str, locale: str) -> None:
    waits = phone.page.locator("[data-state-name=waiting]:visible")
    for picture, path, number in (
        ("case-waiting", f"/cases/{case}", 2), ("today-waiting", "/today", 2), ("outbox-waiting", "/outbox", 5),
    ):  # fmt: skip
        phone.opens(path)
        phone.page.reload()
        expect(waits).to_have_count(number)
        expect(waits.first).to_contain_text(name)
        phone.shows(f"{locale}-9-{picture}")
    expect(phone.page.locator("[data-storage]")).to_have_text(re.compile(r"\S"))


def comes_back_badly(phone: Phone, world: World) -> None:
    """Answers are lost, connections cut, then it works: the owner only keeps the app open."""
    delivering = lambda: phone.delivers_all(patience=4)  # noqa: E731
    for line in ({"_mode": "deaf"}, {"cut_after": 9_000}, {"loses": 3, "cut_after": 45_000}):
        world.line.mode = "ok"
        for part, value in line.items():
            setattr(world.line, part, value)
        if line.get("loses") is None:
            with pytest.raises(AssertionError, match="everything is delivered"):
                delivering()
    phone.delivers_all()
    world.line.cut_after = world.line.loses = None


def landed_whole(world: World, case: UUID, visit: FollowUp) -> None:
    assert (visit.by_id, visit.concern) == (world.cast.ibrahima, "serious")
    assert (visit.words, visit.notes) == ("Jaraama, je veux continuer", "Toit percé")
    assert visit.photos_announced == 3
    assert visit.claimed_at is not None
    photos = world.rows(select(Photo).where(Photo.case_id == case).order_by(Photo.slot))
    assert [(photo.caption, photo.subject, photo.consent) for photo in photos] == [
        picture[1:] for picture in PICTURES
    ]
    for photo in photos:
        assert (photo.for_visit, photo.by_id) == (visit.id, world.cast.ibrahima)
        stored = world.app.extensions["storage"].get(photo.file)
        assert hashlib.sha256(stored).hexdigest() in photo.file.replace("/", "")
        with Image.open(BytesIO(stored)) as picture:
            assert picture.format == "JPEG"
            assert max(picture.size) <= 1600
            assert picture.size == (photo.width, photo.height)
            assert not picture.getexif()
            assert {"exif", "xmp", "comment"}.isdisjoint(picture.info)
        assert b"Exif" not in stored
        assert b"GPS" not in stored
    # Of a portrait that the camera laid on its side only its note says so; now the pixels do.
    assert photos[1].height > photos[1].width
    [check_in] = world.rows(select(CheckIn).where(CheckIn.case_id == case))
    assert (check_in.by_id, check_in.outcome) == (world.cast.ibrahima, "answered")
    submissions = world.rows(select(Submission).where(Submission.case_id == case))
    assert sorted(each.kind for each in submissions) == ["check-in", "photo", "photo", "photo", "visit"]
    assert {each.outcome for each in submissions} == {"accepted"}
    assert not world.rows(select(ContestedSubmission))


def sees_it_received(phone: Phone, case: UUID, name: str, locale: str) -> None:
    phone.opens("/outbox")
    expect(phone.page.locator("[data-outbox-empty]")).to_be_visible()
    received = phone.page.locator("[data-outbox-list] [data-state-name=received]")
    expect(received).to_have_count(5)
    expect(received.first).to_contain_text(name)
    phone.shows(f"{locale}-10-outbox-received")
    phone.opens(f"/cases/{case}")
    timeline = phone.page.locator("[data-timeline]")
    # The phone asks for news of its cases every twenty seconds at most.
    until(
        lambda: timeline.locator("img").count() == 3 or phone.page.reload() is None,
        "the kept case shows the photos",
        patience=40,
        pause=1,
    )
    expect(timeline).to_contain_text("Jaraama, je veux continuer")
    expect(timeline.locator("[data-state-name]")).to_have_count(0)
    timeline.locator("img").last.scroll_into_view_if_needed()
    until(
        lambda: timeline.locator("img").evaluate_all("all => all.every(({ naturalWidth }) => naturalWidth)"),
        "photos",
    )
    phone.shows(f"{locale}-11-case-received")


# The manager

STUB = """keys => {
  const subscription = { endpoint: keys.endpoint, expirationTime: null, keys: keys.keys };
  PushManager.prototype.subscribe = async () => subscription;
  PushManager.prototype.getSubscription = async () => subscription;
}"""


def a_manager_who_is_woken(new_phone: NewPhone, world: World, locale: str) -> tuple[Phone, Browser]:
    """Kadiatou, on her own phone, asks for alerts and tries them out."""
    hears = Browser(world.push.address(f"/push/kadiatou-{locale}"))
    phone = new_phone(locale)
    # Chromium's own push service is not to be reached from here; everything else is real.
    phone.context.add_init_script(f"({STUB})({json.dumps(hears.subscription)})")
    phone.context.grant_permissions(["notifications"], origin=world.address)
    phone.signs_in("kadiatou")
    phone.opens("/alerts")
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.page.click("[data-push-subscribe]")
    said = phone.page.locator("[data-push-state]")
    expect(said).to_have_text(
        world.word("Les alertes arriveront sur cet appareil. Essayez avec une alerte d’essai.", locale)
    )
    phone.shows(f"{locale}-12-alerts")
    phone.page.click("[data-push-test]")
    expect(said).to_contain_text(world.word("Envoyée : elle doit s’afficher dans un instant.", locale))
    assert arrived_for(world, hears)
    return phone, hears


def arrived_for(world: World, hears: Browser) -> list[dict[str, Any]]:
    path = hears.endpoint.removeprefix(world.push.address(""))
    return [hears.reads(arrived)["notification"] for arrived in world.push.arrived if arrived.path == path]


def alert_of(
    manager: Phone, hears: Browser, world: World, case: UUID, code: str, name: str, locale: str
) -> None:
    """The push says nothing; behind it is the alert, and behind that the case."""
    told = until(
        lambda: [each for each in arrived_for(world, hears) if re.search("/alerts/.", each["navigate"])],
        "a push",
    )
    page = manager.page
    shown = manager.is_woken_by(page, json.dumps({"web_push": 8030, "notification": told[0]}))
    assert shown[-1]["title"] == "Suivi"
    everything = json.dumps([shown, told], ensure_ascii=False)
    for secret in (name, "Bah", code, str(case), "Ratoma", "Ibrahima", "WHO", "Jaraama"):
        assert secret not in everything
    manager.taps_notification(shown[-1]["tag"])
    page.wait_for_url("**/alerts/*")
    manager.shows(f"{locale}-13-alert")
    page.locator(f"a[href='/cases/{case}']").click()
    page.wait_for_url(f"**/cases/{case}")
    expect(page.locator("h1")).to_contain_text(name)
    expect(page.locator("[data-timeline]")).to_contain_text("Jaraama, je veux continuer")
    manager.shows(f"{locale}-14-managers-case")
