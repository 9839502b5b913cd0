"""The people of every test, demo and picture: one cast, two offices and a sending mission."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from webapp import clock
from webapp.allocations.actions import grant, post
from webapp.allocations.models import Donor
from webapp.cases.actions import assign_counsellor, assign_officer, open_case, reindex
from webapp.cases.models import Case, PhoneNumber, Returnee
from webapp.database import db
from webapp.money import Money
from webapp.people import passwords
from webapp.people.models import Office, Staff
from webapp.permissions import Role

PASSWORD = "demo-demo-demo"
LONG_AGO = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@cache
def password_hash() -> str:
    return passwords.hashed(PASSWORD)


@dataclass
class Cast:
    """Ids only, so that they outlive any database session."""

    conakry: UUID
    dakar: UUID
    rabat: UUID
    ibrahima: UUID
    mariama: UUID
    awa: UUID
    salma: UUID
    kadiatou: UUID
    moussa: UUID
    farah: UUID
    ada: UUID
    root: UUID
    karim: UUID
    aminata: UUID
    """Aminata's case: Ibrahima follows it, Salma counsels, Karim referred it."""
    fatou: UUID
    """Fatou's case, in Dakar, with Awa."""


def make_cast() -> Cast:
    """Fill an empty database with the cast; the caller commits."""
    conakry = _office("Conakry", "GN", "Africa/Conakry", "GNF")
    dakar = _office("Dakar", "SN", "Africa/Dakar", "XOF")
    rabat = _office("Rabat", "MA", "Africa/Casablanca", "MAD")
    ibrahima = _staff("Ibrahima Diallo", "ibrahima", Role.FIELD_OFFICER, conakry)
    mariama = _staff("Mariama Camara", "mariama", Role.FIELD_OFFICER, conakry)
    awa = _staff("Awa Ndiaye", "awa", Role.FIELD_OFFICER, dakar)
    salma = _staff("Salma Touré", "salma", Role.COUNSELLOR, conakry)
    kadiatou = _staff("Kadiatou Barry", "kadiatou", Role.PROGRAMME_MANAGER, conakry)
    moussa = _staff("Moussa Fall", "moussa", Role.PROGRAMME_MANAGER, dakar)
    farah = _staff("Farah Sow", "farah", Role.FINANCE_OFFICER, conakry)
    ada = _staff("Ada Bello", "ada", Role.ANALYST, conakry)
    root = _staff("Root Admin", "root", Role.ADMINISTRATOR, conakry)
    karim = _staff("Karim Amrani", "karim", Role.CASEWORKER, rabat)
    aminata = a_case(
        "Bah", "Aminata", office=conakry, officer=ibrahima, place="Ratoma", region="Conakry", caseworker=karim
    )
    assign_counsellor(aminata, salma.id)
    fatou = a_case("Sow", "Fatou", office=dakar, officer=awa, place="Pikine", region="Dakar")
    money_for(aminata, by=kadiatou.id)
    money_for(fatou, by=moussa.id)
    db.session.flush()
    return Cast(
        conakry.id, dakar.id, rabat.id, ibrahima.id, mariama.id, awa.id, salma.id, kadiatou.id, moussa.id, farah.id,
        ada.id, root.id, karim.id, aminata.id, fatou.id,
    )  # fmt: skip


def _office(name: str, country: str, timezone: str, currency: str) -> Office:
    office = Office(
        id=uuid4(), name=name, country=country, town=name, timezone=timezone, currency=currency, phone="+224620000001",
        emergency_numbers=[{"name": "Police", "number": "117"}, {"name": "Centre médical", "number": "+224622000000"}],
    )  # fmt: skip
    db.session.add(office)
    db.session.flush()
    return office


def _staff(name: str, first: str, role: Role, office: Office, locale: str = "fr") -> Staff:
    staff = Staff(
        id=uuid4(), name=name, email=f"{first}@demo", role=str(role), office_id=office.id,
        password_hash=password_hash(), locale=locale, created_at=LONG_AGO, phone="+224620000002",
    )  # fmt: skip
    db.session.add(staff)
    db.session.flush()
    return staff


def a_case(
    family_name: str = "Camara",
    given_names: str = "Sékou",
    *,
    office: Office | None = None,
    officer: Staff | None = None,
    caseworker: Staff | None = None,
    stage: str = "arrived",
    born: date | None = date(1996, 4, 12),
    arrived_on: date | None = None,
    number: str = "+224620112233",
    **facts: Any,
) -> Case:
    """A case as it reads aloud: ``a_case("Bah", "Aminata", officer=ibrahima)``."""
    if office is None:
        assert officer is not None
        office = officer.office
    returnee = Returnee(
        family_name=family_name, given_names=given_names, sex="F", birth_date=born, nationality=office.country,
        languages=["Pular"],
    )  # fmt: skip
    case = open_case(
        returnee, numbers=[PhoneNumber(written=number, e164=number)], office_id=office.id, country=office.country,
        stage=stage, by=None, now=LONG_AGO, arrived_on=arrived_on or clock.now().date() - timedelta(days=20),
        caseworker_id=caseworker.id if caseworker else None, **facts,
    )  # fmt: skip
    if caseworker:
        reindex(case)
    if officer:
        assign_officer(case, officer.id, officer_name=officer.name, by=None, now=LONG_AGO)
    return case


def money_for(case: Case, *, by: UUID, granted: int = 150_000, what: str = "Machine à coudre") -> None:
    """EUR 1,500 granted, 400 set aside and 200 paid."""
    donor = db.session.query(Donor).filter_by(name="Espagne").one_or_none() or Donor(
        name="Espagne", currency="EUR"
    )
    db.session.add(donor)
    db.session.flush()
    allocation = grant(case, Money(granted, "EUR"), donor=donor, local_currency="GNF", by=by, now=LONG_AGO)
    post(allocation, "set_aside", Money(60_000, "EUR"), what=what, by=by, now=LONG_AGO, case=case)
    post(allocation, "disbursed", Money(20_000, "EUR"), what=what, by=by, now=LONG_AGO, case=case)
