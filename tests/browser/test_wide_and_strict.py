"""Every page under the policy that is really sent, on a desk's wide screen: nothing refused, nothing beside the page."""

import pytest

from tests.browser.conftest import NewPhone
from tests.browser.test_every_page import PAGES, STATUS, found
from tests.browser.world import World

__all__ = ["found"]

BESIDE = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth + 1) return [];
  return [...document.querySelectorAll("main *")].filter((part) => {
    const { left, right } = part.getBoundingClientRect();
    return right > page.clientWidth + 1 || left < -1;
  }).slice(0, 3).map((part) => part.outerHTML.slice(0, 120));
}"""


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_every_page_lives_with_its_policy_and_a_wide_screen(
    new_phone: NewPhone, world: World, found: dict[str, str], locale: str
) -> None:
    troubles = []
    for name, patterns in PAGES.items():
        world.speaks(name, locale)
        phone = new_phone(
            locale, viewport={"width": 1280, "height": 800}, is_mobile=False, has_touch=False, device_scale_factor=1
        )  # fmt: skip
        phone.signs_in(name)
        if name in ("ibrahima", "karim"):
            phone.page.locator("#vault-setup").wait_for()
            phone.takes_the_words()
            phone.is_ready()
        for pattern in patterns:
            phone.opens(pattern.format(**found))
            assert phone.page.evaluate(STATUS) in (200, 404), pattern
            troubles += [f"{name} {pattern}: {part}" for part in phone.page.evaluate(BESIDE)]
            phone.shows(f"wide-{locale}-{name}-{pattern.strip('/').replace('/', '-')}")
        troubles += [f"{name}: {said}" for said in phone.complaints if "404" not in said]
        phone.complaints.clear()
        phone.close()
    assert not troubles, "\n".join(troubles)
