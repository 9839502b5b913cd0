"""Getting work from the phone to the server past everything that pretends, breaks or changes in between."""

from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect
from sqlalchemy import delete, select

from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.planted import planted
from tests.browser.world import World, until
from webapp.offline.models import ContestedSubmission, Submission
from webapp.people.models import Session
from webapp.visits.models import FollowUp, Photo

SEND = "navigator.serviceWorker.controller.postMessage({type: 'send', pressed: true})"


Journey = Callable[[Phone, World], None]


def visits_of(world: World, case: UUID) -> list[FollowUp]:
    return world.rows(select(FollowUp).where(FollowUp.case_id == case))


def photos_of(world: World, case: UUID) -> list[Photo]:
    return world.rows(select(Photo).where(Photo.case_id == case))


def logs_visit(phone: Phone, case: UUID, words: str, *, photo: bool = False) -> None:
    phone.fills_in_visit(case, words=words)
    if photo:
        phone.adds_photo("landscape_3.jpg", caption=words)
    phone.saves()


def lands_once(phone: Phone, world: World, case: UUID, *words: str, photos: int = 0) -> None:
    phone.delivers_all()
    assert sorted(visit.words for visit in visits_of(world, case)) == sorted(words)
    assert len(photos_of(world, case)) == photos
    arrived = world.rows(select(Submission).where(Submission.case_id == case))
    assert len(arrived) == len(words) + photos
    assert {each.outcome for each in arrived} == {"accepted"}
    kept = {UUID(row["id"]): (row["digest"], row["person"]) for row in phone.outbox()}
    known_as = world.app.extensions["passes"].opaque
    assert {each.id: (each.digest, known_as(each.author_id)) for each in arrived}.items() <= kept.items()
    assert not world.rows(select(ContestedSubmission))


def stays_whatever_pretends(phone: Phone, world: World, *pretending: str) -> None:
    case = world.a_case("Portail", "Sira")
    phone.is_made_ready_for("ibrahima")
    world.line.only, world.line.mode = "/outbox/", "reset"
    logs_visit(phone, case, "derrière le portail", photo=True)
    for what in pretending:
        world.line.mode = what
        for _ in range(3):
            world.line.asked.clear()
            phone.page.evaluate(SEND)
            until(lambda: any("/outbox/" in asked for asked in world.line.asked), f"a try against {what}")
            # The answer has been read, whatever became of it.
            phone.page.wait_for_timeout(300)
            assert [row["state"] for row in phone.outbox()] == ["waiting"] * 2, what
    phone.opens("/outbox")
    expect(phone.page.locator("[data-state-name=waiting]")).to_have_count(2)
    assert not visits_of(world, case)
    world.line.mode = "ok"
    lands_once(phone, world, case, "derrière le portail", photos=1)


def pretends(what: str) -> Journey:
    return lambda phone, world: stays_whatever_pretends(phone, world, what)


def delivers_from_two_tabs(phone: Phone, world: World) -> None:
    case = world.a_case("Deux", "Onglets")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    for words in ("un", "deux", "trois"):
        logs_visit(phone, case, words, photo=words == "deux")
    second = phone.opens("/today", phone.context.new_page())
    world.line.mode = "ok"
    world.line.only, world.line.loses = "/outbox/", 3
    for _ in range(5):
        for page in (phone.page, second):
            page.evaluate(f"for (let i = 0; i < 4; i += 1) {SEND}")
    lands_once(phone, world, case, "un", "deux", "trois", photos=1)


def insists(deed: Callable[[], object]) -> None:
    """A worker that is stopped in the middle of a reload takes the key with it, and the page goes to the lock by
    itself: a deed that met this is done again there."""
    try:
        deed()
    except PlaywrightError:
        deed()


def reloads_while_it_sends(phone: Phone, world: World) -> None:
    case = world.a_case("Encore", "Une")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    logs_visit(phone, case, "rechargé", photo=True)
    world.line.mode = "ok"
    world.line.cut_after = 60_000
    for _ in range(4):
        insists(lambda: phone.page.evaluate(SEND))
        insists(phone.page.reload)
        phone.stops_its_worker()
    world.line.cut_after = None
    insists(lambda: phone.opens("/outbox"))
    lands_once(phone, world, case, "rechargé", photos=1)


def changes_hands_with_work_on_it(phone: Phone, world: World) -> None:
    world.speaks("mariama", "fr")
    case = world.a_case("Secret", "Oumar")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    logs_visit(phone, case, "avant de partir", photo=True)
    world.line.mode = "ok"
    world.line.only = "/outbox/"
    world.line.mode = "reset"
    phone.opens("/more")
    phone.page.click("form[data-sign-out] button")
    phone.page.wait_for_url("**/sign-in")
    assert not visits_of(world, case)
    phone.signs_in("mariama")
    phone.takes_the_words()
    phone.is_ready()
    phone.opens("/cases")
    assert "Secret" not in phone.page.content()
    phone.opens(f"/cases/{case}")
    assert "Secret" not in phone.page.content()
    phone.opens("/outbox")
    expect(phone.page.locator("[data-outbox-others]")).to_have_text("2")
    assert "avant de partir" not in phone.page.content()
    phone.shows("outbox-of-others")
    world.line.mode = "ok"
    lands_once(phone, world, case, "avant de partir", photos=1)
    [visit] = visits_of(world, case)
    assert visit.by_id == world.cast.ibrahima


def is_found(phone: Phone, world: World, journey: Journey, told: str) -> None:
    """The journey fails where its promise is looked at, in these words."""
    with pytest.raises(AssertionError, match=told):
        journey(phone, world)
    phone.complaints.clear()


def test_what_is_no_receipt_is_never_taken_for_one(phone: Phone, world: World) -> None:
    stays_whatever_pretends(phone, world, "portal", "redirect", "empty", "unauthorised")


@pytest.mark.postgres
def test_two_tabs_sending_at_once_deliver_once(phone: Phone, world: World) -> None:
    delivers_from_two_tabs(phone, world)


@pytest.mark.postgres
def test_reloading_while_it_sends_loses_nothing(phone: Phone, world: World) -> None:
    reloads_while_it_sends(phone, world)


@pytest.mark.postgres
def test_work_of_who_signed_out_is_delivered_by_the_next_under_the_right_name(
    phone: Phone, world: World
) -> None:
    changes_hands_with_work_on_it(phone, world)


@pytest.mark.parametrize(
    ("fault", "journey", "told"),
    [
        ("any answer is a receipt", pretends("portal"), "^portal\\n.*'received'"),
        ("any answer is a receipt", pretends("empty"), "^empty\\n.*'received'"),
        ("any answer is a receipt", pretends("unauthorised"), "^unauthorised\\n.*'received'"),
        ("a redirect is followed", pretends("redirect"), "^redirect\\n.*'received'"),
        ("settled before it is received", reloads_while_it_sends, "rechargé|photos_of"),
        ("settled before it is received", changes_hands_with_work_on_it, "outbox-others"),
    ],
)
def test_a_fault_planted_in_the_phone_is_found(
    new_phone: NewPhone, world: World, fault: str, journey: Journey, told: str
) -> None:
    with planted(world, fault):
        is_found(new_phone(), world, journey, told)


@pytest.mark.parametrize(
    ("fault", "journey", "told"),
    [
        ("ids forgotten", delivers_from_two_tabs, "deux|photos_of"),
        ("author is who delivers", changes_hands_with_work_on_it, "avant de partir"),
    ],
)
def test_a_fault_planted_in_the_server_is_found(
    new_phone: NewPhone, world: World, fault: str, journey: Journey, told: str
) -> None:
    with world.planted(fault):
        is_found(new_phone(), world, journey, told)


def test_work_of_who_signed_out_leaves_from_the_page_to_sign_in(phone: Phone, world: World) -> None:
    case = world.a_case("Parti", "Sans")
    phone.is_made_ready_for("ibrahima")
    world.line.only, world.line.mode = "/outbox/", "reset"
    logs_visit(phone, case, "puis déconnexion")
    phone.opens("/more")
    phone.page.click("form[data-sign-out] button")
    phone.page.wait_for_url("**/sign-in")
    world.line.mode = "ok"
    phone.opens("/sign-in")
    until(lambda: [visit.words for visit in visits_of(world, case)] == ["puis déconnexion"], "it has left")
    assert "/sign-in" in phone.page.url
    world.line.only, world.line.mode = "", "reset"
    phone.opens("/sign-in")
    expect(phone.page.locator("#unlock")).to_be_visible()
    world.line.mode = "ok"


def test_signing_out_without_a_line_locks_now_and_ends_the_session_later(phone: Phone, world: World) -> None:
    case = world.a_case("Deconnexion", "Plus")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    logs_visit(phone, case, "encore là")
    phone.opens("/more")
    phone.page.click("form[data-sign-out] button")
    expect(phone.page.locator("#unlock")).to_be_visible()
    phone.opens(f"/cases/{case}")
    expect(phone.page.locator("#unlock")).to_be_visible()
    world.line.mode = "ok"
    lands_once(phone, world, case, "encore là")
    phone.opens("/today")
    expect(phone.page.locator("form[action='/sign-in'], #unlock").first).to_be_visible()
    assert "Deconnexion" not in phone.page.content()


def test_an_ended_session_never_holds_work_back(phone: Phone, world: World) -> None:
    case = world.a_case("Session", "Finie")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    logs_visit(phone, case, "sans session", photo=True)
    with world.database() as session:
        session.execute(delete(Session).where(Session.staff_id == world.cast.ibrahima))
        session.commit()
    world.line.mode = "ok"
    lands_once(phone, world, case, "sans session", photos=1)
    phone.opens("/cases")
    expect(phone.page.locator("[data-bar=signed-out-bar]")).to_be_visible(timeout=30_000)
    phone.shows("signed-out-bar")


def test_a_refused_visit_is_corrected_in_its_own_form(phone: Phone, world: World) -> None:
    case = world.a_case("Corriger", "Aly")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.fills_in_visit(case, words="Dis à ma mère que ça va", notes="Reçu du loyer vu", concern="some")
    phone.page.fill("[name=visited_at]", "2035-03-04T10:30")
    phone.adds_photo("portrait_6.jpg", caption="La porte", subject="premises")
    phone.saves()
    refused = phone.outbox()[0]["id"]
    world.line.mode = "ok"
    phone.delivers_all()
    phone.opens("/outbox")
    item = phone.page.locator("[data-outbox-list] > *").filter(has=phone.page.locator("a[data-open]:visible"))
    sentence = world.word("Cette date est dans le futur. Vérifiez l’heure de votre téléphone.", "fr")
    expect(item.locator("[data-reasons]")).to_have_text(sentence)
    assert world.word("À corriger", "fr") in item.inner_text()
    phone.shows("attention-outbox")
    assert not visits_of(world, case)

    world.line.mode = "reset"
    item.locator("a[data-open]").click()
    phone.waits_for_form()
    expect(phone.page.locator("[name=visited_at]")).to_have_value("2035-03-04T10:30")
    expect(phone.page.locator("[name=words]")).to_have_value("Dis à ma mère que ça va")
    expect(phone.page.locator("[name=notes]")).to_have_value("Reçu du loyer vu")
    expect(phone.page.locator("[name=concern][value=some]")).to_be_checked()
    expect(phone.page.locator("#visited_at-field")).to_contain_text(sentence)
    phone.shows("attention-form")
    phone.page.fill("[name=visited_at]", "2026-03-04T10:30")
    phone.saves()
    states = {row["id"]: row["state"] for row in phone.outbox()}
    assert states[refused] == "superseded"

    world.line.mode = "ok"
    phone.delivers_all()
    [visit] = visits_of(world, case)
    assert (visit.words, visit.concern, visit.visited_at.year) == ("Dis à ma mère que ça va", "some", 2026)
    [old] = world.rows(select(Submission).where(Submission.id == UUID(refused)))
    assert old.superseded_at is not None
    [photo] = photos_of(world, case)
    assert photo.for_visit == visit.id, "the photo came over to the corrected visit"


PAUSE_IS_OVER = """async () => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("suivi");
    request.onsuccess = () => resolve(request.result);
  });
  const transaction = database.transaction("meta", "readwrite");
  transaction.objectStore("meta").put({}, "sending");
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""
NOTE_ASKING = """
const storage = globalThis.StorageManager?.prototype;
const persist = storage?.persist;
if (persist) storage.persist = function () { globalThis.askedToPersist = true; return persist.call(this); };
"""


def comes_online(phone: Phone) -> None:
    phone.context.set_offline(True)
    phone.context.set_offline(False)


def becomes_visible(phone: Phone) -> None:
    phone.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def stays_open(phone: Phone) -> None:
    phone.page.clock.fast_forward("01:00")


def is_closed_and_synced(phone: Phone) -> None:
    """No page is open any more; the browser itself wakes the worker."""
    phone.page.goto("about:blank")
    phone.syncs_in_the_background()


def test_work_leaves_by_itself_whatever_wakes_the_phone(phone: Phone, world: World) -> None:
    case = world.a_case("Tout", "Seul")
    phone.context.add_init_script(NOTE_ASKING)
    phone.page.clock.install()
    phone.is_made_ready_for("ibrahima")
    for wakes in (comes_online, becomes_visible, stays_open, is_closed_and_synced):
        world.line.only, world.line.mode = "/outbox/", "reset"
        logs_visit(phone, case, wakes.__name__)
        assert phone.page.evaluate("askedToPersist"), "the browser was asked to keep what is here"
        # Until all has been tried that saving sets going; then the line is good, and nobody does anything.
        phone.page.wait_for_timeout(1_500)
        phone.page.evaluate(PAUSE_IS_OVER)
        world.line.mode = "ok"
        phone.page.wait_for_timeout(500)
        before = [visit.words for visit in visits_of(world, case)]
        assert wakes.__name__ not in before
        wakes(phone)
        until(
            lambda told=wakes.__name__: told in [visit.words for visit in visits_of(world, case)],
            f"it leaves when it {wakes.__name__}",
        )
    phone.opens("/outbox")


@pytest.mark.parametrize("mode", ["reset", "hang"])
def test_a_line_that_is_up_but_dead_never_keeps_somebody_waiting(
    new_phone: NewPhone, world: World, mode: str
) -> None:
    case = world.a_case("Ligne", f"Morte {mode}")
    phone = new_phone()
    phone.is_made_ready_for("ibrahima")
    world.line.mode = mode
    assert phone.page.evaluate("navigator.onLine")
    phone.page.set_default_timeout(5_000)
    for path in ("/today", f"/cases/{case}", "/outbox"):
        phone.opens(path)
    logs_visit(phone, case, "dit tout de suite")
    world.line.mode = "ok"
    lands_once(phone, world, case, "dit tout de suite")
