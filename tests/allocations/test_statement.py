"""The statement that anybody can read: every sum, who did what, the proofs; and on paper, one A4 page."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Route, sync_playwright
from pypdfium2 import PdfDocument
from sqlalchemy import select

from tests.allocations.builders import a_rate, a_request, euros, pay
from tests.allocations.hands import Hands
from tests.browser.phone import CHROMIUM
from tests.browser_client import Page, Person
from tests.cast import LONG_AGO, Cast
from tests.world import a_picture
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.models import (
    Allocation,
    AllocationLimit,
    Instalment,
    RequestDocument,
    RequestStep,
)
from webapp.allocations.statements import statements
from webapp.cases.models import Case
from webapp.cases.queries import find_case
from webapp.cases.timeline import add_entry
from webapp.database import db
from webapp.people.models import Staff
from webapp.people.phones import Author

ORDINARY = ("Machine à coudre", "Tissus et fils", "Formation de couture", "Loyer de l’atelier")


def an_ordinary_case(app: Flask, cast: Cast, whats: tuple[str, ...] = ORDINARY) -> list[UUID]:
    """Aminata's allocation with limits, instalments, and a paid and proven request for each thing."""
    with app.app_context():
        now = clock.now()
        a_rate("EUR", "GNF", "9350.567", LONG_AGO)
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        allocation.valid_until = (now + timedelta(days=200)).date()
        for name, ceiling in (("micro_project", 120_000), ("training", 40_000), ("cash", 20_000)):
            db.session.add(AllocationLimit(allocation_id=allocation.id, name=name, ceiling_minor=ceiling))
        for number, days in ((1, 10), (2, 90)):
            db.session.add(
                Instalment(
                    allocation_id=allocation.id, number=number, minor=10_000,
                    condition="Premier achat livré et vu par une visite", due_on=(now + timedelta(days=days)).date(),
                )
            )  # fmt: skip
        db.session.flush()
        ledger.hold_back(allocation, 20_000)
        made = [_a_purchase(app, cast, allocation, what, 3_000 + 10 * n) for n, what in enumerate(whats)]
        db.session.commit()
        return made


def _a_purchase(app: Flask, cast: Cast, allocation: Allocation, what: str, minor: int) -> UUID:
    now = clock.now()
    asked = a_request(
        allocation, cast, euros(minor), what=what, state="paid", payer_id=cast.farah, requested_at=now, approved_at=now,
        paid_at=now, category="other",
    )  # fmt: skip
    ledger.set_aside(asked, by=cast.kadiatou, now=now)
    pay(asked, euros(minor), by=cast.farah, now=now)
    steps = (
        ("draft", cast.ibrahima), ("requested", cast.ibrahima), ("approved", cast.kadiatou),
        ("ordered", cast.ibrahima), ("delivered", cast.ibrahima), ("invoiced", cast.farah), ("paid", cast.farah),
    )  # fmt: skip
    for minute, (state, by) in enumerate(steps):
        at = now - timedelta(days=20 - minute)
        db.session.add(RequestStep(request_id=asked.id, state=state, by_id=by, at=at, amount_minor=minor))
    storage = app.extensions["storage"]
    file, thumb = storage.put(a_picture(200 + minor % 50), "paper"), storage.put(a_picture(64), "thumb")
    for kind in ("quote", "handover"):
        db.session.add(
            RequestDocument(
                id=uuid4(), request_id=asked.id, case_id=allocation.case_id, kind=kind, media="jpeg", file=file,
                thumb=thumb, by_id=cast.ibrahima, added_at=now,
            )
        )  # fmt: skip
    db.session.add(
        RequestDocument(
            id=uuid4(), request_id=asked.id, case_id=allocation.case_id, kind="invoice", media="pdf", file=file,
            thumb=None, by_id=cast.ibrahima, added_at=now,
        )
    )  # fmt: skip
    db.session.flush()
    return asked.id


def opened(person: Person, cast: Cast) -> Page:
    return person.opens(f"/cases/{cast.aminata}/allocation")


def sums_shown(page: Page) -> dict[str, str]:
    rows = page.soup.select(".sums tr")
    return {
        row.select_one("th").get_text(" ", strip=True): row.select_one("td .money").get_text(strip=True)  # type: ignore[union-attr]
        for row in rows
    }


def test_the_sums_are_those_of_the_ledger_and_add_up(app: Flask, cast: Cast, ibrahima: Person) -> None:
    an_ordinary_case(app, cast)
    with app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        ledger.adjust(
            allocation, euros(-5_000), reason="Erreur de saisie", by=cast.kadiatou, confirmed_by=cast.farah,
            now=clock.now(),
        )  # fmt: skip
        db.session.commit()
    shown = {
        name: int(re.sub(r"[^\d-]", "", amount.replace("−", "-")))
        for name, amount in sums_shown(opened(ibrahima, cast)).items()
    }
    assert shown == {
        "Accordé": 150_000, "Ajusté": -5_000, "Retenu pour plus tard": 20_000, "Mis de côté": 40_000,
        "Payé": 32_060, "Disponible": 52_940,
    }  # fmt: skip
    assert shown["Accordé"] + shown["Ajusté"] == sum(
        shown[name] for name in ("Retenu pour plus tard", "Mis de côté", "Payé", "Disponible")
    )


def test_every_category_says_what_it_used_with_a_ceiling_or_without(
    app: Flask, cast: Cast, ibrahima: Person
) -> None:
    an_ordinary_case(app, cast)
    hands = Hands(app, cast)
    hands.walks(hands.asks("17", category="housing"), "approval")
    table = opened(ibrahima, cast).soup.select_one("table:has(#limits-title)")
    assert table is not None
    rows = {
        row.select_one("th").get_text(" ", strip=True).split(" au plus")[0]: row.select_one("td").get_text(strip=True)
        for row in table.select("tbody tr")
    }  # fmt: skip
    assert set(rows) >= {"Microprojet", "Formation", "Remis en argent", "Logement"}
    assert rows["Logement"].replace("\xa0", " ") == "17,00 EUR"


def test_signed_lines_make_what_is_available_and_a_released_instalment_has_its_own(
    app: Flask, cast: Cast, ibrahima: Person
) -> None:
    an_ordinary_case(app, cast, ORDINARY[:1])
    with app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        ledger.release_instalment(allocation, 2, by=cast.kadiatou, now=clock.now())
        dear = a_request(allocation, cast, euros(7_000), category="other")
        ledger.set_aside(dear, by=cast.kadiatou, now=clock.now())
        ledger.release(dear, by=cast.kadiatou, now=clock.now())
        dear.state = "cancelled"
        ledger.adjust(
            allocation, euros(-5_000), reason="Erreur", by=cast.kadiatou, confirmed_by=cast.farah, now=clock.now()
        )  # fmt: skip
        db.session.commit()
    page = opened(ibrahima, cast)
    rows = [
        (
            row.select_one("th").get_text(" ", strip=True),
            re.sub(r"[^\d+-]", "", row.select_one(".money").get_text()),
        )
        for row in page.soup.select(".movements tbody tr")
    ]
    told = dict(rows)
    for start, amount in (
        ("Accordé", "+150000"), ("Retenu pour plus tard", "-20000"), ("Tranche 2 libérée", "+10000"), ("Rendu disponible", "+7000"),
        ("Ajusté", "-5000"),
    ):  # fmt: skip
        assert [shown for title, shown in rows if title.startswith(start)] == [amount], start
    assert all(amount.startswith("-") for title, amount in rows if title.startswith("Mis de côté"))
    paid = [amount for title, amount in rows if title.startswith("Payé, sur ce qui était mis de côté")]
    assert paid
    assert not any(amount[0] in "+-" for amount in paid)
    assert "Kadiatou Barry" in next(title for title in told if title.startswith("Tranche 2"))
    available = re.sub(r"\D", "", sums_shown(page)["Disponible"])
    assert sum(int(amount) for _title, amount in rows if amount[0] in "+-") == int(available)


def test_amounts_at_home_are_estimates_half_up_with_rate_source_and_day(
    app: Flask, cast: Cast, ibrahima: Person
) -> None:
    an_ordinary_case(app, cast, ORDINARY[:1])
    page = opened(ibrahima, cast)
    home = {
        row.select("th")[0].get_text(strip=True): "".join(row.select("td small")[0].get_text().split())
        for row in page.soup.select(".sums tr")
    }
    # 230 euros are 2,150,630.41 francs, and 670 are 6,264,879.89.
    assert home["Payé"] == "environ2150630GNF"
    assert home["Disponible"] == "environ6264880GNF"
    assert "estimation au taux" in page.text()
    assert "1 EUR = 9 350,567 GNF" in page.text()
    assert "test" in page.text(".statement > .meta")


def test_every_request_says_who_asked_approved_and_paid_with_its_proofs(
    app: Flask, cast: Cast, ibrahima: Person
) -> None:
    (id,) = an_ordinary_case(app, cast, ORDINARY[:1])
    page = opened(ibrahima, cast)
    said = page.text(".requests tbody")
    for words in (
        "Demandé",
        "Ibrahima Diallo",
        "Approuvé",
        "Kadiatou Barry",
        "Commandé",
        "Livré",
        "Payé",
        "Farah Sow",
    ):
        assert words in said
    for hidden in ("Attend les devis", "Facturé"):
        assert hidden not in said
    pictures = page.soup.select(".proofs img")
    assert {str(picture["alt"]) for picture in pictures} == {"Devis", "Attestation de remise"}
    answer = ibrahima.client.get(str(pictures[0]["src"]))
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert "PDF" in said
    assert page.soup.select_one(f'a[href="/payment-requests/{id}"]')


def test_the_returnee_s_word_stands_beside_what_it_is_about(app: Flask, cast: Cast, ibrahima: Person) -> None:
    (id,) = an_ordinary_case(app, cast, ORDINARY[:1])
    with app.app_context():
        case = db.session.get_one(Case, cast.aminata)
        for minutes, kind in ((2, "returnee.received"), (1, "returnee.not_received")):
            at = clock.now() - timedelta(minutes=minutes)
            add_entry(
                kind, case=case, office_id=case.office_id, subject=uuid4(), by=None, happened_at=at, now=at,
                request=str(id),
            )  # fmt: skip
        db.session.commit()
    said = opened(ibrahima, cast).text(".requests tbody")
    assert "La personne dit : pas reçu" in said
    assert "La personne dit : reçu" not in said.replace("pas reçu", "")


def test_finance_reads_the_statement_by_its_code_and_no_name(app: Flask, cast: Cast, people: Any) -> None:
    an_ordinary_case(app, cast)
    html = opened(people("farah"), cast).html
    assert "Aminata" not in html
    assert "Demander un paiement" not in html


def test_the_officer_asks_for_a_payment_from_the_case_and_from_its_statement(
    app: Flask, cast: Cast, ibrahima: Person, kadiatou: Person
) -> None:
    link = f'a[href="/cases/{cast.aminata}/payment-requests/new"]'
    assert ibrahima.opens(f"/cases/{cast.aminata}").soup.select_one(link)
    assert opened(ibrahima, cast).soup.select_one(link)
    assert not opened(kadiatou, cast).soup.select_one(link)


def test_the_kept_statement_is_small_and_needs_no_network(app: Flask, cast: Cast) -> None:
    an_ordinary_case(app, cast)
    with app.test_request_context():
        person = Author(db.session.get_one(Staff, cast.ibrahima), uuid4(), True).person
        case = find_case(cast.aminata)
        macro = app.jinja_env.get_template("parts/statement.html").module.statement  # type: ignore[attr-defined]
        kept = str(macro(**statements([case], person)[cast.aminata]))
    assert "Farah Sow" in kept
    assert "<img" not in kept
    assert "/documents/" not in kept
    assert len(kept.encode()) < 12_000


# On paper


@pytest.fixture
def printed(app: Flask, cast: Cast, people: Any, tmp_path: Path, engine: str) -> Iterator[Any]:
    """Print a page as a browser does; every file it asks for is answered by the application itself."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here (SUIVI_CHROMIUM says where one is)")
    client = people("ibrahima").client
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def answer(route: Route) -> None:
            asked = client.get(re.sub(r"^https?://[^/]+", "", route.request.url))
            route.fulfill(
                status=asked.status_code,
                body=asked.data,
                headers={"Content-Type": asked.headers["Content-Type"]},
            )

        def pdf(path: str, name: str = "statement.pdf") -> Path:
            page = browser.new_page(java_script_enabled=False)
            page.route("**/*", answer)
            page.goto(f"http://suivi.test{path}", wait_until="networkidle")
            page.pdf(path=tmp_path / name, prefer_css_page_size=True, print_background=False)
            page.close()
            return tmp_path / name

        yield pdf
        browser.close()


def pages_of(pdf: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))


def is_a4(pdf: Path) -> bool:
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", pdf.read_bytes())
    return bool(boxes) and all(
        abs(float(width) - 595.3) < 1.5 and abs(float(height) - 841.9) < 1.5 for width, height in boxes
    )


def picture_of(pdf: Path) -> Image.Image:
    """The first page in shades of grey, four dots to the millimetre."""
    with PdfDocument(pdf) as document:
        return document[0].render(scale=4 * 25.4 / 72).to_pil().convert("L")


def ink(picture: Image.Image, box: tuple[float, float, float, float], *, darker_than: int = 200) -> int:
    """How many dots are painted between these edges (left, top, right, bottom, in millimetres)."""
    part = picture.crop(tuple(round(4 * edge) for edge in box))  # type: ignore[arg-type]
    return sum(part.histogram()[:darker_than])


@pytest.mark.browser
@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_an_ordinary_statement_is_one_a4_page(
    app: Flask, cast: Cast, printed: Any, locale: str, tmp_path: Path
) -> None:
    an_ordinary_case(app, cast)
    with app.app_context():
        db.session.get_one(Staff, cast.ibrahima).locale = locale
        db.session.commit()
    pdf = printed(f"/cases/{cast.aminata}/allocation")
    assert pages_of(pdf) == 1
    assert is_a4(pdf)
    picture = picture_of(pdf)
    picture.save(tmp_path / f"statement-{locale}.png")
    assert picture.size == (pytest.approx(840, abs=2), pytest.approx(1188, abs=2))
    # Nothing is cut: the margins are empty, but for the number of the page below on the right.
    for name, margin in {
        "top": (0, 0, 210, 11), "left": (0, 0, 12, 297), "right": (198, 0, 210, 282), "bottom": (0, 284, 180, 297),
    }.items():  # fmt: skip
        assert ink(picture, margin) == 0, name
    # Every quarter of the height says something, down to the last purchase; both sides are used.
    for quarter in range(4):
        assert ink(picture, (13, 12 + quarter * 55, 197, 67 + quarter * 55)) > 1_000, quarter
    assert ink(picture, (13, 12, 60, 280)) > 5_000
    assert ink(picture, (150, 12, 197, 280)) > 5_000
    # The bar of the allocation prints with its parts apart: black, grey, and paper.
    shades = picture.crop((52, 48, 788, 400)).histogram()
    assert sum(shades[100:140]) > 300, "the part that is set aside or held back"


@pytest.mark.browser
def test_a_long_history_goes_on_over_several_pages(app: Flask, cast: Cast, printed: Any) -> None:
    an_ordinary_case(app, cast, tuple(f"Achat numéro {n}" for n in range(20)))
    assert 2 <= pages_of(printed(f"/cases/{cast.aminata}/allocation")) <= 4
