"""The demo world: two offices, eight accounts, a referral list taken in, and what happened since. All invented."""

import os
from pathlib import Path

from flask import Flask
from flask_babel import force_locale
from sqlalchemy import select

from ..database import Setting, db
from ..people.models import Office

CARD = "demo.txt"
"""Where Aminata's code and PIN are kept readable, in the data folder of a demo world only."""


def needs_data() -> bool:
    """Whether the database is empty."""
    return db.session.scalar(select(Office.id).limit(1)) is None


def is_demo() -> bool:
    """Whether this database is a demo world: remembered in it, and restored with it."""
    return db.session.get(Setting, "demo") is not None


def make_demo_world(app: Flask) -> tuple[str, str]:
    """Fill an empty database with the demo world; the caller commits. The code and PIN of Aminata's card."""
    from .world import make_world

    with force_locale("fr"):
        card = make_world(app.extensions["keyring"], app.extensions["storage"])
    db.session.add(Setting(name="demo", value="1"))
    db.session.flush()
    return card


def keep_card(folder: Path, card: tuple[str, str]) -> None:
    """Keep the code and the PIN readable for whoever starts the demo again. Nobody else's PIN is ever kept."""
    code, pin = card
    path = folder / CARD
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{code[:5]}-{code[5:]} {pin}\n")


def how_to_sign_in(folder: Path) -> str:
    """The accounts, the password and Aminata's card, as the terminal shows them."""
    from .cast import ACCOUNTS, OFFICES, PASSWORD

    lines = [f"Demo world: everything in it is invented. Password of every account: {PASSWORD}"]
    for key, name, role, office in ACCOUNTS:
        lines.append(f"  {key + '@demo':15} {name:18} {role.replace('_', ' '):18} {OFFICES[office]['name']}")
    try:
        code, pin = (folder / CARD).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        lines.append("  Aminata's card is not in this data folder.")
    else:
        lines.append(f"  Aminata (returnee, page /my): code {code}, PIN {pin}")
    return "\n".join(lines)
