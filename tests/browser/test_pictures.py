"""The picture in the README: an officer's day, a case, and a visit saved without network, as they look now.

The picture in docs/pictures is drawn anew only when asked for (SUIVI_PICTURES=1), so that a test leaves no trace.
"""

import os
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

from PIL import Image
from playwright.sync_api import expect
from werkzeug.datastructures import MultiDict

from tests.browser.conftest import NewPhone
from tests.browser.phone import Phone
from tests.browser.world import ROOT, World
from tests.cast import a_case
from tests.world import visit_fields
from webapp import clock
from webapp.cases.models import Case
from webapp.database import db
from webapp.demo.pictures import LIGHTS, drawn
from webapp.people import sessions
from webapp.people.models import Staff
from webapp.visits.deeds import record_visit_from

SCREEN = (360, 740)
GAP = 24
LARGEST = 200_000
PEOPLE = (
    ("Diallo", "Mamadou Alpha", "Matoto", -2),
    ("Camara", "Fatoumata", "Ratoma", 0),
    ("Soumah", "Ibrahima Sory", "Dixinn", 0),
    ("Kourouma", "Aissatou", "Coyah", 3),
)
"""Whom Ibrahima must see, where, and in how many days."""


def test_three_screens_are_worth_showing(new_phone: NewPhone, world: World, tmp_path: Path) -> None:
    aminata = an_ordinary_week(world)
    phone = new_phone(env={**os.environ, "LANGUAGE": "fr"})
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    screens = [screen(phone, "/today"), screen(phone, f"/cases/{aminata}"), saved(phone, aminata)]
    sheet = side_by_side(screens)
    place = (ROOT / "docs/pictures" if os.environ.get("SUIVI_PICTURES") else tmp_path) / "three-screens.png"
    place.parent.mkdir(exist_ok=True)
    sheet.save(place, optimize=True)
    with Image.open(place) as picture:
        assert picture.size == (3 * SCREEN[0] + 4 * GAP, SCREEN[1] + 2 * GAP)
        colours = picture.convert("RGB").getcolors(maxcolors=100_000)
        assert colours is not None
        assert len(colours) > 50, "an empty page has few colours"
    assert place.stat().st_size < LARGEST


def an_ordinary_week(world: World) -> UUID:
    """Aminata expects Ibrahima today; others before and after her. Her case."""
    with world.app.test_request_context():
        today = clock.today("Africa/Conakry")
        officer = db.session.get_one(Staff, world.cast.ibrahima)
        person = sessions.start_session(officer, now=clock.now(), settings=world.app.extensions["settings"])
        aminata = db.session.get_one(Case, world.cast.aminata)
        cases = [(aminata, 0)] + [
            (a_case(family, given, officer=officer, place=place, stage="in_progress"), days)
            for family, given, place, days in PEOPLE
        ]
        for case, days in cases:
            fields = visit_fields(
                visited_at=(clock.now() - timedelta(days=12)).strftime("%Y-%m-%dT%H:%M"),
                agreed="Passer à l’atelier",
                agreed_due_on=(today + timedelta(days=days)).isoformat(),
            )
            record_visit_from(MultiDict(fields), case=case, by=person, now=clock.now())
        db.session.commit()
        return aminata.id


def screen(phone: Phone, path: str) -> Image.Image:
    phone.opens(path)
    expect(phone.page.locator("h1")).to_be_visible()
    phone.page.wait_for_timeout(500)
    return taken(phone)


def saved(phone: Phone, case: UUID) -> Image.Image:
    phone.fills_in_visit(case, words="Les deux machines tournent, j’ai une apprentie.")
    photos = [
        {"name": f"{scene}.jpg", "mimeType": "image/jpeg", "buffer": drawn(scene, light, seed=1)}
        for scene, light in zip(("sewing", "shop", "receipt"), LIGHTS, strict=False)
    ]
    phone.page.set_input_files("[data-photos][multiple]", photos)
    expect(phone.page.locator("[data-preview][src^=blob]")).to_have_count(3)
    phone.saves()
    phone.page.wait_for_timeout(500)
    return taken(phone)


def taken(phone: Phone) -> Image.Image:
    with Image.open(BytesIO(phone.page.screenshot())) as picture:
        return picture.convert("RGB").resize(SCREEN, Image.Resampling.LANCZOS)


def side_by_side(screens: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (3 * SCREEN[0] + 4 * GAP, SCREEN[1] + 2 * GAP), "#d9d3c6")
    for place, each in enumerate(screens):
        sheet.paste(each, (GAP + place * (SCREEN[0] + GAP), GAP))
    return sheet.quantize(256, kmeans=2, dither=Image.Dither.NONE)
