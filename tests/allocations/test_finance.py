"""Finance: what is to be paid and was paid, the file for the agency's system, and the file that comes back."""

import csv
import io
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from tests.allocations.builders import a_request, an_allocation, entries, euros
from tests.allocations.hands import Hands
from tests.browser_client import Page, Person
from tests.cast import Cast
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.finance import confirmations, export, queries
from webapp.allocations.finance.export import PAID, TO_PAY
from webapp.allocations.models import Allocation, LedgerEntry, Payment, PaymentRequest, RequestStep
from webapp.cases.models import TimelineEntry
from webapp.database import db
from webapp.money import Money

HEADINGS = ["Référence", "Référence du paiement", "Montant", "Devise", "Payé le"]


@pytest.fixture
def farah(people: Any) -> Person:
    return people("farah")  # type: ignore[no-any-return]


@pytest.fixture
def today() -> str:
    return clock.now().date().isoformat()


def approved(
    app: Flask, cast: Cast, amount: Money | None = None, *, donor_minor: int | None = None, **facts: Any
) -> tuple[UUID, str]:
    """The id and reference of an approved request with its money set aside; to a provider, its invoice is here."""
    with app.app_context():
        kind = facts.get("payee_kind", "provider")
        facts.setdefault("state", "invoiced" if kind in ("provider", "institution") else "approved")
        yesterday = clock.now() - timedelta(days=1)
        facts.setdefault("changed_at", yesterday)
        asked = a_request(
            an_allocation(cast), cast, amount or euros(15_000), donor_minor=donor_minor,
            approved_at=yesterday, **facts,
        )  # fmt: skip
        ledger.set_aside(asked, by=cast.kadiatou, now=clock.now())
        db.session.add(RequestStep(request_id=asked.id, state=asked.state, by_id=cast.kadiatou, at=yesterday))
        db.session.commit()
        return asked.id, asked.reference


def pays(farah: Person, request_id: UUID, reference: str, day: str, id: UUID | None = None) -> None:
    """Finance notes a payment of EUR 150 on the request's own page."""
    page = farah.opens(f"/payment-requests/{request_id}")
    version = page.soup.select_one("form[action$=payments] input[name=version]")
    assert version is not None
    farah.posts(
        f"/payment-requests/{request_id}/payments",
        {
            "id": str(id or uuid4()), "reference": reference, "amount": "150", "paid_on": day,
            "version": str(version["value"]),
        },
    )  # fmt: skip


def a_csv(*lines: list[str], headings: list[str] = HEADINGS, separator: str = ";") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([headings, *lines])
    return text.getvalue().encode()


def previews(farah: Person, file: bytes, name: str = "confirmations.csv", status: int = 200) -> Page:
    return farah.posts("/payments/confirmations/preview", {"file": (io.BytesIO(file), name)}, status=status)


def takes_in(farah: Person, preview: Page, status: int = 200, **changed: str) -> Page:
    fields = {
        name: str(found["value"])
        for name in ("table", "seal")
        if (found := preview.soup.select_one(f"input[name={name}]"))
    }
    return farah.posts("/payments/confirmations", {**fields, **changed}, status=status)


def count(app: Flask, model: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


# The list


def test_finance_sees_what_is_to_be_paid_and_what_was_paid(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    _waits, waiting = approved(app, cast, payee_name="Atelier Camara")
    id, done = approved(app, cast, payee_kind="cash", payee_name="Sékou Camara")
    not_yet, _ = approved(app, cast, state="ordered")
    pays(farah, id, "CASH-1", today)
    page = farah.opens("/payments")
    assert waiting in page.text('section[aria-labelledby="waiting-title"]')
    assert "Atelier Camara" in page.text('section[aria-labelledby="waiting-title"]')
    paid = page.text('section[aria-labelledby="done-title"]')
    assert done in paid
    assert "CASH-1" in paid
    assert str(not_yet) not in page.html


def test_what_cannot_be_paid_back_yet_is_not_listed_as_to_be_paid(
    app: Flask, cast: Cast, farah: Person
) -> None:
    hands = Hands(app, cast)
    id = hands.walks(hands.asks("10", "reimbursement"), "approval")
    assert str(id) not in farah.opens("/payments").html
    hands.adds("receipt", id)
    assert str(id) in farah.opens("/payments").html


def test_finance_reads_no_name_of_a_returnee(app: Flask, cast: Cast, farah: Person, today: str) -> None:
    approved(app, cast, payee_kind="cash", payee_name="Sékou Camara", what="Espèces pour Sékou Camara")
    id, _ = approved(app, cast, payee_kind="mobile_money", payee_name="Sékou Camara", operator="Orange")
    pays(farah, id, "OM-1", today)
    with app.app_context():
        payment = db.session.scalars(select(Payment.id)).one()
    shown = farah.opens("/payments").html + farah.opens(f"/payments/{payment}").text()
    file = farah.client.get("/payments/export.xlsx").data
    cells = [
        str(cell) for sheet in load_workbook(io.BytesIO(file)) for row in sheet.values for cell in row if cell
    ]
    for name in ("Sékou", "Espèces pour"):
        assert name not in shown
        assert not [cell for cell in cells if name in cell]


def test_a_long_list_is_read_page_by_page_and_nothing_is_left_out(
    app: Flask, cast: Cast, farah: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = [approved(app, cast, changed_at=clock.now() - timedelta(minutes=n))[1] for n in range(5)]
    references += [approved(app, cast, payee_kind="cash")[1] for _ in range(3)]
    with app.app_context():
        seen: list[str] = []
        key: str | None = ""
        while key is not None:
            rows, key = queries.to_pay(cast.conakry, key, most=2)
            seen += [row.reference for row in rows]
    assert sorted(seen) == sorted(references)
    assert len(seen) == len(set(seen))


# The file for the agency's system


def workbook_of(farah: Person) -> Any:
    answer = farah.client.get("/payments/export.xlsx")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    return load_workbook(io.BytesIO(answer.data))


@pytest.mark.parametrize(
    ("amount", "donor_minor", "value", "shape"),
    [
        (Money(15_050, "EUR"), None, 150.5, "#,##0.00"),
        (Money(1_403_000, "GNF"), 15_000, 1_403_000, "#,##0"),
        (Money(123_456, "TND"), 4_000, 123.456, "#,##0.000"),
    ],
)
def test_amounts_are_numbers_and_days_are_dates(
    app: Flask, cast: Cast, farah: Person, amount: Money, donor_minor: int | None, value: float, shape: str
) -> None:
    _, reference = approved(app, cast, amount, donor_minor=donor_minor)
    sheet = workbook_of(farah)["A payer"]
    assert tuple(cell.value for cell in sheet[1]) == TO_PAY
    row = dict(zip(TO_PAY, sheet[2], strict=False))
    assert row["Référence"].value == reference
    assert (row["Montant"].value, row["Montant"].data_type, row["Montant"].number_format) == (
        value,
        "n",
        shape,
    )
    assert row["Devise"].value == amount.currency
    assert row["Approuvé le"].is_date


FORMULAS = pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠SUM", " =1+1",
     "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "a\x00\x0bb"],
)  # fmt: skip


@FORMULAS
def test_no_cell_is_a_formula_whatever_a_provider_is_called(
    app: Flask, cast: Cast, farah: Person, name: str
) -> None:
    if "\x00" in name and app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
        name = name.replace("\x00", "")
    approved(app, cast, payee_name=name)
    cell = workbook_of(farah)["A payer"].cell(2, TO_PAY.index("Payé à") + 1)
    assert cell.data_type in ("s", "inlineStr")
    if name[0] != "a":
        assert cell.quotePrefix
        assert cell.value.strip() in (name, name.strip())


@FORMULAS
def test_no_text_of_either_sheet_is_a_formula(name: str) -> None:
    """Whatever column a text comes from: also those in which we ourselves write today."""
    kinds = {str: name, Money: euros(100), UUID: uuid4()}

    def full(model: Any) -> Any:
        return model(**{each.name: kinds.get(each.type, clock.now()) for each in fields(model)})

    book = load_workbook(io.BytesIO(export.workbook([full(queries.ToPay)], [full(queries.Paid)])))
    texts = {"A payer": 6, "Payés": 8}
    for title, number in texts.items():
        words = [cell for cell in book[title][2] if cell.data_type in ("s", "inlineStr", "f")]
        assert len(words) == number
        for cell in words:
            assert cell.data_type != "f", cell
            assert cell.quotePrefix or cell.value in ("ab", "EUR", "failed"), cell


def test_a_payment_reference_that_looks_like_a_formula_is_exported_as_text(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    for reference in ("=1+1", "@SUM(A1)", "=cmd|' /C calc'!A0"):
        pays(farah, approved(app, cast, payee_kind="cash")[0], reference, today)
    column = PAID.index("Référence du paiement") + 1
    cells = [row[column - 1] for row in workbook_of(farah)["Payés"].iter_rows(min_row=2)]
    assert sorted(cell.value for cell in cells) == ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)"]
    assert all(cell.data_type in ("s", "inlineStr") and cell.quotePrefix for cell in cells)


def test_a_planted_formula_would_be_noticed() -> None:
    book = Workbook()
    book.active["A1"] = "=1+1"  # type: ignore[index]
    kept = io.BytesIO()
    book.save(kept)
    cell = load_workbook(kept).active["A1"]  # type: ignore[index]
    assert cell.data_type == "f"


def test_the_exported_list_can_be_completed_and_read_again(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    first, second = approved(app, cast)[1], approved(app, cast)[1]
    book = workbook_of(farah)
    sheet = book["A payer"]
    column = {heading: number for number, heading in enumerate(TO_PAY, start=1)}
    row = next(n for n in (2, 3) if sheet.cell(n, 1).value == first)
    sheet.cell(row, column["Référence du paiement"]).value = "BANK-7"
    sheet.cell(row, column["Payé le"]).value = clock.now().replace(tzinfo=None)
    kept = io.BytesIO()
    book.save(kept)
    done = takes_in(farah, previews(farah, kept.getvalue(), "paiements.xlsx"))
    assert first in done.text()
    assert second not in done.text(), "nobody has paid it: it is no confirmation"
    book = workbook_of(farah)
    assert [cell.value for cell in book["Payés"][1]] == list(PAID)
    assert book["Payés"]["A2"].value == first
    assert book["A payer"]["A2"].value == second


# The file that comes back


def test_a_preview_records_nothing_and_its_confirmation_records_each_payment_once(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    id, reference = approved(app, cast)
    preview = previews(farah, a_csv([reference, "BANK-1", "150,00", "EUR", today]))
    assert "1 paiement correspond" in preview.text()
    assert count(app, Payment) == 0
    for _ in range(2):
        assert reference in takes_in(farah, preview).text()
    again = previews(farah, a_csv([reference, "BANK-1", "150", "EUR", today]))
    assert "1 déjà noté" in again.text()
    assert not again.soup.select("input[name=table]")
    with app.app_context():
        payment = db.session.scalars(select(Payment)).one()
        assert (payment.minor, payment.reference, payment.by_id) == (15_000, "BANK-1", cast.farah)
        assert payment.id == confirmations.payment_id(id, "BANK-1")
        asked = db.session.get_one(PaymentRequest, id)
        assert (asked.state, asked.payer_id) == ("paid", cast.farah)
        assert entries(db.session.get_one(Allocation, asked.allocation_id)) == [
            ("disbursed", 15_000),
            ("set_aside", 15_000),
        ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "headings",
    [
        ["Request reference", "Payment reference", "Amount", "Currency", "Paid on", "Fee"],
        ["المرجع", "مرجع الدفع", "المبلغ", "العملة", "تاريخ الدفع", "الرسوم"],
    ],
    ids=["en", "ar"],
)
def test_a_table_with_english_or_arabic_headings_is_read(
    app: Flask, cast: Cast, farah: Person, today: str, headings: list[str], kind: str
) -> None:
    id, reference = approved(app, cast)
    line = [reference, "BANK-1", "150", "EUR", today, "1"]
    file = a_csv(line, headings=headings)
    if kind == "xlsx":
        book, kept = Workbook(), io.BytesIO()
        for row in (headings, line):
            book.active.append(row)  # type: ignore[union-attr]
        book.save(kept)
        file = kept.getvalue()
    takes_in(farah, previews(farah, file, f"payments.{kind}"))
    with app.app_context():
        payment = db.session.scalars(select(Payment)).one()
        assert (payment.request_id, payment.reference) == (id, "BANK-1")
        assert (payment.minor, payment.fee_minor) == (15_000, 100)


def test_what_does_not_agree_is_listed_and_not_taken_in(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    reference = approved(app, cast)[1]
    future = (clock.now() + timedelta(days=2)).date().isoformat()
    long_ago = "2020-01-31"
    lines = {
        "Aucune demande": ["PR-NOBODY", "B-1", "150", "EUR", today],
        "Autre montant": [reference, "B-1", "150,01", "EUR", today],
        "Autre monnaie": [reference, "B-1", "150", "USD", today],
        "Ce montant ne se lit pas": [reference, "B-1", "1e9", "EUR", today],
        "Cette monnaie n’est pas connue": [reference, "B-1", "150", "XXX", today],
        "La référence du paiement manque": [reference, "", "150", "EUR", today],
        "manque ou ne se lit pas": [reference, "B-1", "150", "EUR", "hier"],
        "se lit de deux façons": [reference, "B-1", "150", "EUR", "03/04/2026"],
        "dans le futur": [reference, "B-1", "150", "EUR", future],
        "avant l’accord": [reference, "B-1", "150", "EUR", long_ago],
        "trop longue": [reference, "B" * 61, "150", "EUR", today],
    }
    for sentence, line in lines.items():
        page = previews(farah, a_csv(line))
        assert sentence in page.text(), (sentence, page.text())
        assert not page.soup.select("form[action='/payments/confirmations']")
    unsigned = approved(app, cast, payee_kind="reimbursement")[1]
    page = previews(farah, a_csv([unsigned, "B-1", "150", "EUR", today]))
    assert "Le reçu de ce que la personne a payé" in page.text()
    lower = previews(farah, a_csv([reference.lower() + "x", "B-1", "150", "EUR", today]))
    assert "Aucune demande" in lower.text()
    assert count(app, Payment) == 0


def test_lines_that_repeat_or_contradict_each_other(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    one, two, three = (approved(app, cast)[1] for _ in range(3))
    page = previews(
        farah,
        a_csv(
            [one, "B-1", "150", "EUR", today], [one, "B-1", "150", "EUR", today],
            [two, "B-2", "150", "EUR", today], [two, "B-3", "150", "EUR", today],
            [three, "B-4", "150", "EUR", today], ["PR-OTHER", "B-4", "150", "EUR", today],
        ),
    )  # fmt: skip
    assert "1 paiement correspond" in page.text()
    assert page.text().count("La même ligne est déjà plus haut") == 1
    assert page.text().count("ne disent pas la même chose") == 2
    assert page.text().count("Cette référence de paiement est sur plusieurs lignes") == 2
    takes_in(farah, page)
    assert count(app, Payment) == 1


def test_a_reference_that_paid_another_request_or_a_request_paid_otherwise_is_not_taken(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    one, two = approved(app, cast)[1], approved(app, cast)[1]
    takes_in(farah, previews(farah, a_csv([one, "B-1", "150", "EUR", today])))
    page = previews(farah, a_csv([two, "B-1", "150", "EUR", today]))
    assert "déjà celle d’un autre paiement" in page.text()
    page = previews(farah, a_csv([one, "B-9", "150", "EUR", today]))
    assert "Déjà payée, sous la référence B-1" in page.text()


def test_a_request_of_another_office_is_not_known(app: Flask, cast: Cast, farah: Person, today: str) -> None:
    _, reference = approved(app, cast, office_id=cast.dakar)
    assert "Aucune demande" in previews(farah, a_csv([reference, "B-1", "150", "EUR", today])).text()
    assert reference not in farah.opens("/payments").html


def test_what_was_not_shown_is_not_taken_in(
    app: Flask, cast: Cast, farah: Person, people: Any, today: str
) -> None:
    one, two = approved(app, cast)[1], approved(app, cast)[1]
    preview = previews(farah, a_csv([one, "B-1", "150", "EUR", today]))
    other = a_csv([two, "B-2", "150", "EUR", today]).decode()
    assert "Lisez le fichier de nouveau" in takes_in(farah, preview, 422, table=other).text()
    assert "Lisez le fichier de nouveau" in takes_in(farah, preview, 422, seal="x").text()
    assert count(app, Payment) == 0


def test_what_changed_since_the_preview_is_compared_again(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    id, reference = approved(app, cast)
    other_id, other = approved(app, cast)
    preview = previews(
        farah, a_csv([reference, "B-1", "150", "EUR", today], [other, "B-2", "150", "EUR", today])
    )
    with app.app_context():
        asked = db.session.get_one(PaymentRequest, id)
        ledger.release(asked, by=cast.kadiatou, now=clock.now())
        asked.state = "cancelled"
        db.session.add(RequestStep(request_id=id, state="cancelled", by_id=cast.kadiatou, at=clock.now()))
        db.session.commit()
    done = takes_in(farah, preview)
    assert "Pas à payer en ce moment : Annulé" in done.text()
    assert "1 paiement noté" in done.text()
    with app.app_context():
        assert db.session.scalars(select(Payment.request_id)).all() == [other_id]


def test_who_asked_or_approved_cannot_confirm_the_payment(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    _, reference = approved(app, cast, approver_id=cast.farah)
    done = takes_in(farah, previews(farah, a_csv([reference, "B-1", "150", "EUR", today])))
    assert "Une troisième personne doit payer" in done.text()
    assert count(app, Payment) == 0


@pytest.mark.parametrize(
    "file",
    [b"", b"\x00\x01", b"PK\x03\x04 not a zip", b"a;b;c\n1;2;3\n"],
    ids=["empty", "bytes", "zip", "others"],
)
def test_a_file_that_is_no_such_table_is_sent_back_with_a_sentence(farah: Person, file: bytes) -> None:
    assert previews(farah, file, "x.xlsx", 422).soup.select_one("#file-error")


# What became of a payment


def paid_by_phone(app: Flask, cast: Cast, farah: Person, today: str) -> tuple[UUID, UUID]:
    id, _ = approved(app, cast, payee_kind="mobile_money", operator="Orange")
    payment = uuid4()
    pays(farah, id, "OM-1", today, payment)
    return id, payment


def test_a_payment_is_sent_until_the_recipient_has_it(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    _, payment = paid_by_phone(app, cast, farah, today)
    assert "Envoyé" in farah.opens(f"/payments/{payment}").text()
    for _ in range(2):
        farah.posts(f"/payments/{payment}/confirmation")
    page = farah.opens(f"/payments/{payment}")
    assert "Reçu par la personne" in page.text()
    assert not page.soup.select("form[action$=failure]")
    assert farah.posts(f"/payments/{payment}/failure", {"reason": "x"}, status=422)
    with app.app_context():
        kinds = db.session.scalars(
            select(TimelineEntry.kind).where(TimelineEntry.subject_id == payment)
        ).all()
        assert kinds == ["payment.confirmed"]


def test_a_payment_that_failed_gives_its_money_back_to_the_request_and_can_be_made_again(
    app: Flask, cast: Cast, farah: Person, kadiatou: Person, today: str
) -> None:
    id, payment = paid_by_phone(app, cast, farah, today)
    assert farah.posts(f"/payments/{payment}/failure", {"reason": " "}, status=422).soup.select_one(
        "#reason-error"
    )
    for _ in range(2):
        farah.posts(f"/payments/{payment}/failure", {"reason": "Numéro fermé"})
    with app.app_context():
        asked = db.session.get_one(PaymentRequest, id)
        assert (asked.state, asked.held_minor) == ("approved", 15_000)
        allocation = db.session.get_one(Allocation, asked.allocation_id)
        assert (allocation.set_aside_minor, allocation.disbursed_minor) == (15_000, 0)
        assert len(db.session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "reversed")).all()) == 1
        assert [step.state for step in db.session.scalars(select(RequestStep))].count("failed") == 1
    assert "Paiement non arrivé" in kadiatou.opens(f"/payment-requests/{id}").text()
    pays(farah, id, "OM-2", today)
    with app.app_context():
        assert db.session.get_one(PaymentRequest, id).state == "paid"


def test_a_failed_payment_is_not_the_same_as_one_confirmed_by_a_file(
    app: Flask, cast: Cast, farah: Person, today: str
) -> None:
    id, payment = paid_by_phone(app, cast, farah, today)
    farah.posts(f"/payments/{payment}/failure", {"reason": "Numéro fermé"})
    with app.app_context():
        reference = db.session.get_one(PaymentRequest, id).reference
    page = previews(farah, a_csv([reference, "OM-1", "150", "EUR", today]))
    assert "noté comme non arrivé" in page.text()


def test_nobody_but_the_office_s_finance_settles_a_payment(
    app: Flask, cast: Cast, farah: Person, people: Any, today: str
) -> None:
    _, payment = paid_by_phone(app, cast, farah, today)
    for name in ("ibrahima", "kadiatou", "awa", "salma", "ada", "root", "karim"):
        for what in ("confirmation", "failure"):
            assert people(name).client.post(f"/payments/{payment}/{what}").status_code == 403
        for path in ("/payments", "/payments/export.xlsx", f"/payments/{payment}"):
            assert people(name).client.get(path).status_code == 403
