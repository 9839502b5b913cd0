"""A phone whose battery dies at any moment loses nothing that it called saved."""

import os
import random

from tests.browser.phone import Phone
from tests.browser.test_sending import SEND, lands_once, logs_visit
from tests.browser.world import World

TIMES = int(os.environ.get("SUIVI_KILLS", "5"))


def test_a_phone_killed_again_and_again_delivers_everything_once(phone: Phone, world: World) -> None:
    case = world.a_case("Batterie", "Vide")
    phone.is_made_ready_for("ibrahima")
    chance = random.Random(20)
    saved = []
    for number in range(TIMES):
        world.line.mode = "reset"
        saved.append(f"visite {number}")
        logs_visit(phone, case, saved[-1], photo=number in (0, 2))
        # Killed at once after "saved"; while answers are lost; while connections are cut.
        world.line.mode = ("reset", "deaf", "ok")[number % 3]
        world.line.cut_after = 20_000
        phone.page.evaluate(SEND)
        phone.page.wait_for_timeout(chance.random() * 400)
        phone.is_killed()
        world.line.mode, world.line.cut_after = "ok", None
        phone.start()
        phone.opens("/outbox")
        phone.unlocks()
    assert len([row for row in phone.outbox() if row["kind"] == "visit"]) == TIMES
    lands_once(phone, world, case, *saved, photos=min(2, (TIMES + 1) // 2))
