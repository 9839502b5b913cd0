"""The offices and accounts of the demo world."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..database import db
from ..people import passwords
from ..people.models import Office, Staff
from ..people.sessions import SignedIn
from ..permissions import Role

PASSWORD = "demo-demo-demo"  # noqa: S105 - everybody may know it: it opens invented data only

OFFICES: dict[str, dict[str, Any]] = {
    "conakry": {
        "name": "Bureau de Conakry",
        "country": "GN",
        "town": "Conakry",
        "timezone": "Africa/Conakry",
        "currency": "GNF",
        "phone": "+224 620 00 01 00",
        "emergency_numbers": [
            {"name": "Permanence du bureau, jour et nuit", "number": "+224 620 00 01 01"},
            {"name": "Police secours", "number": "117"},
        ],
    },
    "dakar": {
        "name": "Bureau de Dakar",
        "country": "SN",
        "town": "Dakar",
        "timezone": "Africa/Dakar",
        "currency": "XOF",
        "phone": "+221 77 000 02 00",
        "emergency_numbers": [
            {"name": "Permanence du bureau, jour et nuit", "number": "+221 77 000 02 01"},
            {"name": "Police secours", "number": "17"},
        ],
    },
    "rabat": {
        "name": "Mission de Rabat",
        "country": "MA",
        "town": "Rabat",
        "timezone": "Africa/Casablanca",
        "currency": "MAD",
        "phone": "+212 600 00 03 00",
        "emergency_numbers": [],
    },
}

ACCOUNTS = [
    ("ibrahima", "Ibrahima Diallo", Role.FIELD_OFFICER, "conakry"),
    ("awa", "Awa Ndiaye", Role.FIELD_OFFICER, "dakar"),
    ("salma", "Salma Touré", Role.COUNSELLOR, "conakry"),
    ("kadiatou", "Kadiatou Barry", Role.PROGRAMME_MANAGER, "conakry"),
    ("farah", "Farah Sow", Role.FINANCE_OFFICER, "conakry"),
    ("ada", "Ada Bello", Role.ANALYST, "conakry"),
    ("root", "Administration", Role.ADMINISTRATOR, "conakry"),
    ("karim", "Karim Amrani", Role.CASEWORKER, "rabat"),
]


@dataclass(frozen=True)
class Cast:
    """Everybody of the demo world, as deeds want them (``by=``), and the offices."""

    people: dict[str, SignedIn]
    offices: dict[str, Office]


def engage(now: datetime) -> Cast:
    """Open the offices and the accounts. All share one password, so it is hashed once."""
    offices = {key: Office(**facts) for key, facts in OFFICES.items()}
    db.session.add_all(offices.values())
    db.session.flush()
    password_hash = passwords.hashed(PASSWORD)
    people = {}
    for number, (key, name, role, office) in enumerate(ACCOUNTS):
        staff = Staff(
            name=name,
            email=f"{key}@demo",
            role=str(role),
            office_id=offices[office].id,
            password_hash=password_hash,
            locale="fr",
            phone=f"+224 620 00 01 {10 + number}" if office == "conakry" else offices[office].phone,
            created_at=now,
        )
        db.session.add(staff)
        db.session.flush()
        people[key] = _as_signed_in(staff, offices[office])
    return Cast(people, offices)


def _as_signed_in(staff: Staff, office: Office) -> SignedIn:
    return SignedIn(
        staff.id, staff.name, Role(staff.role), staff.locale, office.id, office.name, office.country,
        office.timezone, office.currency, secret="",
    )  # fmt: skip
