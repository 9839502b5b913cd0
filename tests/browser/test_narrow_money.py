"""Statement, grant preview and corrections on the narrowest phones: everything is read without moving sideways."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.allocations.test_statement import an_ordinary_case
from tests.browser.conftest import NewPhone
from tests.browser.world import World
from tests.cast import a_case
from tests.world import A_RULE
from webapp import clock
from webapp.allocations.actions import load_rule
from webapp.allocations.models import Adjustment, Allocation, AllocationRule
from webapp.people.models import Staff

CUT_OFF = """() => [...document.querySelectorAll("main, main *")].filter((element) => {
  const box = element.getBoundingClientRect();
  const hidden = element.closest(".unseen, thead, [hidden], .print-only") || getComputedStyle(element).display === "inline";
  return box.width && !hidden && (box.left < -1 || box.right > innerWidth + 1 || element.scrollWidth > element.clientWidth + 1);
}).map((element) => element.outerHTML.slice(0, 120))"""


def fits(page: Page) -> None:
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    assert page.evaluate(CUT_OFF) == []


def with_money(world: World) -> None:
    """Aminata's full statement, and corrections of either person in every outcome."""
    with world.database() as session:
        if session.scalar(select(Adjustment.id)):
            return
    an_ordinary_case(world.app, world.cast)
    with world.database() as session:
        allocation = session.scalars(select(Allocation).where(Allocation.case_id == world.cast.aminata)).one()
        people = {name: getattr(world.cast, name) for name in ("kadiatou", "farah")}
        for proposer, decider in (
            ("kadiatou", None),
            ("farah", None),
            ("farah", "farah"),
            ("farah", "kadiatou"),
        ):
            at = clock.now()
            session.add(
                Adjustment(
                    id=uuid4(), allocation_id=allocation.id, minor=-1_250, reason="Facture Abdoulaye-Mamadou-N’Diaye-et-Frères : "
                    "le montant était celui de l’année dernière", proposed_by_id=people[proposer], proposed_at=at,
                    **({"outcome": "refused", "decided_by_id": people[decider], "decided_at": at} if decider else {}),
                )
            )  # fmt: skip
        load_rule(A_RULE.read_text(), by=world.cast.root, now=clock.now())
        session.commit()


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_money_pages_are_read_without_moving_sideways(new_phone: NewPhone, world: World, locale: str) -> None:
    with_money(world)
    world.speaks("kadiatou", locale)
    with world.database() as session:
        bare = a_case("Condé", "Mory", officer=session.get_one(Staff, world.cast.ibrahima)).id
        rule = session.scalars(select(AllocationRule.id)).one()
        session.commit()
    phone = new_phone(locale)
    page = phone.page
    phone.signs_in("kadiatou")
    for path, name in (
        (f"/cases/{world.cast.aminata}/allocation", "statement"),
        (f"/cases/{world.cast.aminata}/allocation/adjustments", "adjustments"),
    ):
        phone.opens(path)
        phone.shows(f"{locale}-narrow-{name}")
        fits(page)
    phone.opens(f"/cases/{bare}/allocation/new?rule={rule}")
    for field, value in {"adult": "1", "child": "2", "donor": "Espagne"}.items():
        page.fill(f"[name={field}]", value)
    phone.chooses("return_type", "voluntary")
    page.locator("main form [type=submit]").click()
    page.wait_for_url("**/preview")
    phone.shows(f"{locale}-narrow-preview")
    fits(page)


def test_the_kept_statement_is_dressed_the_same_without_network(new_phone: NewPhone, world: World) -> None:
    with_money(world)
    phone = new_phone()
    phone.is_made_ready_for("ibrahima")
    phone.brings_the_rest()
    phone.context.set_offline(True)
    phone.opens(f"/cases/{world.cast.aminata}/allocation")
    expect(phone.page.locator("table.stacked").first).to_have_css("display", "block")
    phone.shows("fr-narrow-kept")
    fits(phone.page)
    phone.context.set_offline(False)
