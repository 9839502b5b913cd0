"""Everything an officer records, and everything a manager is told, works with plain forms."""

from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.conftest import NewPhone
from tests.browser.phone import PHOTOS
from tests.browser.world import World, until
from webapp.alerts.models import Alert
from webapp.check_ins.models import CheckIn
from webapp.visits.models import FollowUp, Photo


def test_the_day_is_worked_without_scripts(new_phone: NewPhone, world: World) -> None:
    case = world.a_case("Sans", "Script")
    phone = new_phone(java_script_enabled=False)
    page = phone.page
    phone.signs_in("ibrahima")
    page.wait_for_url("**/today")
    phone.opens(f"/cases/{case}")
    page.click(f"a[href='/cases/{case}/visits/new']")
    page.check("[name=channel][value=home_visit]", force=True)
    page.fill("[name=visited_at]", "2035-01-01T10:00")
    page.check("[name=reached][value=yes]", force=True)
    page.check("[name=concern][value=serious]", force=True)
    page.fill("[name=words]", "Écrit sans script")
    page.click("form[data-outbox] button[type=submit]")
    expect(page.locator("#visited_at-error")).to_be_visible()
    phone.shows("no-script-error")
    expect(page.locator("[name=words]")).to_have_value("Écrit sans script")
    page.fill("[name=visited_at]", "2026-01-01T10:00")
    page.set_input_files("[data-photos][multiple]", PHOTOS / "landscape_3.jpg")
    phone.shows("no-script-form")
    page.click("form[data-outbox] button[type=submit]")
    page.wait_for_url(f"**/cases/{case}*")
    expect(page.locator("[data-timeline]")).to_contain_text("Écrit sans script")
    expect(page.locator("[data-timeline] img")).to_have_count(1)
    phone.opens(f"/cases/{case}/check-ins/new")
    for name, value in (("private", "yes"), ("consent", "yes")):
        page.check(f"[name={name}][value={value}]", force=True)
    items = page.locator("fieldset.item")
    for place in range(items.count()):
        items.nth(place).locator("input[value='1']").check(force=True)
    page.click("form[data-outbox] button[type=submit]:not([name])")
    page.wait_for_url(f"**/cases/{case}*")
    assert len(world.rows(select(FollowUp).where(FollowUp.case_id == case))) == 1
    assert len(world.rows(select(Photo).where(Photo.case_id == case))) == 1
    assert len(world.rows(select(CheckIn).where(CheckIn.case_id == case))) == 1

    until(lambda: len(world.rows(select(Alert).where(Alert.case_id == case))) >= 2, "the manager is told")
    manager = new_phone(java_script_enabled=False)
    manager.signs_in("kadiatou")
    manager.opens("/alerts")
    row = manager.page.locator(".alert", has_text=world.code_of(case)).first
    row.locator("form button").click()
    manager.page.wait_for_url("**/alerts/*")
    manager.page.click(f"a[href='/cases/{case}']")
    expect(manager.page.locator("h1")).to_contain_text("Script")
    taken_up = [
        alert for alert in world.rows(select(Alert).where(Alert.case_id == case)) if alert.acknowledged_at
    ]
    assert [alert.for_id for alert in taken_up] == [world.cast.kadiatou]
