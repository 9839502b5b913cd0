"""A phone that finds no network for days gives its work away as a file, and learns later that it arrived."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.test_sending import lands_once, logs_visit, photos_of, visits_of
from tests.browser.world import World


def test_a_colleague_hands_in_what_a_phone_without_a_line_gave_away(
    phone: Phone, new_phone: NewPhone, world: World, tmp_path: Path
) -> None:
    case = world.a_case("Porte", "Main")
    phone.is_made_ready_for("ibrahima")
    phone.opens("/phone-check")
    expect(phone.page.locator("[data-carry]")).to_be_hidden()
    phone.page.wait_for_timeout(500)  # the check keeps itself for days without a line
    world.line.mode = "reset"
    logs_visit(phone, case, "porté à la main", photo=True)
    phone.opens("/phone-check")
    phone.page.click("[data-carry] button")
    expect(phone.page.locator("[data-carried]")).to_have_text("2")
    phone.shows("carry")
    with phone.page.expect_download() as download:
        phone.page.click("[data-files] a")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == ".txt"
    content = file.read_text()
    for secret in ("porté", "Porte", str(case), "ibrahima"):
        assert secret not in content

    world.line.mode = "ok"
    colleague = new_phone()
    colleague.signs_in("kadiatou")
    colleague.opens("/outbox/carried")
    colleague.page.set_input_files("#file", file)
    colleague.page.click("main form button[type=submit]")
    expect(colleague.page.locator("section.sheet li")).to_have_text("2 reçus")
    colleague.shows("carried")
    assert [visit.words for visit in visits_of(world, case)] == ["porté à la main"]
    assert len(photos_of(world, case)) == 1

    lands_once(phone, world, case, "porté à la main", photos=1)
    phone.opens("/phone-check")
    expect(phone.page.locator("[data-carry]")).to_be_hidden()
