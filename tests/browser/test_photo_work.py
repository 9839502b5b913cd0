"""What the phone itself makes of a photo before it seals it: small, upright, and nothing in it but the picture."""

import base64
import re
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat
from playwright.sync_api import FilePayload, Locator, expect

from tests.browser.conftest import NewPhone
from tests.browser.phone import PHOTOS
from tests.browser.test_sending import lands_once
from tests.browser.world import World

LARGEST = 280_000
BYTES = """async (preview) => {
  const bytes = new Uint8Array(await (await fetch(preview.src)).arrayBuffer());
  let said = "";
  for (let at = 0; at < bytes.length; at += 8192) said += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(said);
}"""
GOOD = ("HMD_Nokia_8.3_5G.jpg", "landscape_3.jpg", "portrait_6.jpg", "35-empty.jpg", "noise.jpg")
WHOLE = (PHOTOS / "landscape_3.jpg").read_bytes()
BAD = {
    "half.jpg": WHOLE[: len(WHOLE) // 2],
    "nothing.jpg": b"",
    "words.jpg": b"not a picture",
    "iphone.HEIC": (PHOTOS / "iphone_13_pro_max.HEIC").read_bytes(),
}


def noise() -> bytes:
    """Six megapixels that no encoder makes small."""
    file = BytesIO()
    Image.effect_noise((3000, 2000), 120).convert("RGB").save(file, "JPEG", quality=95)
    return file.getvalue()


def chosen(name: str, content: bytes) -> FilePayload:
    kind = "image/heic" if name.endswith("HEIC") else "image/jpeg"
    return {"name": name, "mimeType": kind, "buffer": content}


def is_upright(made: Image.Image, original: Image.Image) -> bool:
    """Whether it is nearer to the picture as it is meant to be looked at than to any turned or mirrored one."""
    meant = ImageOps.exif_transpose(original)
    ways = [small(meant), *(small(meant.transpose(way)) for way in Image.Transpose)]
    difference = [ImageStat.Stat(ImageChops.difference(small(made), way)).mean[0] for way in ways]
    return difference.index(min(difference)) == 0


def small(picture: Image.Image) -> Image.Image:
    return picture.convert("L").resize((32, 32), Image.Resampling.BOX)


def test_the_phone_seals_small_upright_pictures_and_nothing_else(new_phone: NewPhone, world: World) -> None:
    case = world.a_case("Photo", "Nue")
    # Only so that the test may read the bytes behind the preview.
    phone = new_phone(bypass_csp=True)
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.fills_in_visit(case, words="cinq photos")
    tray = phone.page.locator("[data-photo-tray] > *")
    originals = {name: noise() if name == "noise.jpg" else (PHOTOS / name).read_bytes() for name in GOOD}
    phone.page.set_input_files(
        "[data-photos][multiple]", [chosen(name, content) for name, content in {**originals, **BAD}.items()]
    )
    expect(tray).to_have_count(len(GOOD) + len(BAD))
    for place, name in enumerate(GOOD):
        looks_as_it_should(tray.nth(place), originals[name], name)
    unreadable = world.word("Cette image ne peut pas être lue. La visite peut partir sans elle.", "fr")
    for place in range(len(GOOD), len(GOOD) + len(BAD)):
        expect(tray.nth(place).locator("[data-photo-state]")).to_have_text(unreadable)
    phone.shows("photo-unreadable")

    person = tray.nth(2)
    person.locator("[data-subject]").select_option("person")
    phone.page.click("form[data-outbox] button[type=submit]:not([name])")
    expect(person.locator("[data-photo-state]")).to_have_text(
        world.word("Demandez l’accord de la personne, ou retirez la photo.", "fr")
    )
    expect(person.locator("[data-consent]")).to_be_focused()
    assert phone.outbox() == []
    person.locator("[data-consent]").check()
    phone.saves()
    world.line.mode = "ok"
    lands_once(phone, world, case, "cinq photos", photos=len(GOOD))


def looks_as_it_should(item: Locator, original: bytes, name: str) -> None:
    preview = item.locator("[data-preview]")
    expect(preview).to_have_attribute("src", re.compile("^blob:"), timeout=30_000)
    made = base64.b64decode(preview.evaluate(BYTES))
    assert len(made) <= LARGEST, name
    for inside in (b"Exif", b"GPS", b"http://ns.adobe.com", b"Nokia"):
        assert inside not in made, (name, inside)
    with Image.open(BytesIO(made)) as picture, Image.open(BytesIO(original)) as before:
        assert picture.format == "JPEG", name
        assert max(picture.size) <= 1600, name
        assert not picture.getexif(), name
        assert is_upright(picture, before), name


@pytest.mark.parametrize("name", ["landscape_3.jpg", "portrait_6.jpg"])
def test_a_picture_that_lies_on_its_side_is_noticed(name: str) -> None:
    with Image.open(PHOTOS / name) as original:
        lying = Image.frombytes("RGB", original.size, original.convert("RGB").tobytes())
        assert is_upright(ImageOps.exif_transpose(original), original)
        assert not is_upright(lying, original)
