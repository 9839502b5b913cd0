"""The workbook for the agency's payment system: typed cells, and text that no spreadsheet takes for a formula."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from ...money import EXPONENT, Money
from .queries import Paid, ToPay

# What a machine reads is the same in every language: these titles and codes stand in docs/money.md.
TO_PAY = (
    "Référence", "Cas", "Catégorie", "Mode", "Payé à", "Montant", "Devise", "Approuvé le", "Référence du paiement",
    "Payé le", "Frais",
)  # fmt: skip
PAID = (
    "Référence", "Cas", "Catégorie", "Mode", "Payé à", "Montant", "Devise", "Frais", "Payé le",
    "Référence du paiement", "Noté le", "État",
)  # fmt: skip
WIDTHS = {"Payé à": 32, "Référence du paiement": 26, "Montant": 16, "Catégorie": 16, "Mode": 16}
_STARTS_A_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "﹢",
    "﹣",
    "﹦",
    "＠",
    "﹫",
    "−",
)


def workbook(to_pay: Iterable[ToPay], paid: Iterable[Paid]) -> bytes:
    """The file: one sheet of what is to be paid, one of what was paid."""
    book = Workbook(write_only=True)
    waiting = _sheet(book, "A payer", TO_PAY)
    for asked in to_pay:
        waiting.append(
            [
                *(
                    _text(waiting, word)
                    for word in (asked.reference, asked.code, asked.category, asked.payee_kind)
                ),
                _text(waiting, asked.payee),
                _amount(waiting, asked.amount),
                _text(waiting, asked.amount.currency),
                _day(waiting, asked.approved_at),
            ]
        )
    done = _sheet(book, "Payés", PAID)
    for left in paid:
        done.append(
            [
                *(_text(done, word) for word in (left.reference, left.code, left.category, left.payee_kind)),
                _text(done, left.payee),
                _amount(done, left.amount),
                _text(done, left.amount.currency),
                _amount(done, left.fee),
                _day(done, left.paid_on),
                _text(done, left.payment_reference),
                _day(done, left.posted_at),
                _text(done, left.status),
            ]
        )
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def _sheet(book: Any, title: str, headings: tuple[str, ...]) -> Any:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for number, heading in enumerate(headings, start=1):
        sheet.column_dimensions[chr(64 + number)].width = WIDTHS.get(heading, 13)
    sheet.append([_text(sheet, heading) for heading in headings])
    return sheet


def _text(sheet: Any, words: str) -> Any:
    """Words as words, whatever they begin with: never computed, neither here nor by who opens the file."""
    cell = WriteOnlyCell(sheet, value="")
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", words)
    cell.data_type = "s"
    if words.lstrip(" ").startswith(_STARTS_A_FORMULA):
        cell.quotePrefix = True
    return cell


def _amount(sheet: Any, amount: Money) -> Any:
    exponent = EXPONENT[amount.currency]
    cell: Any = WriteOnlyCell(sheet)
    cell.value = Decimal(amount.minor).scaleb(-exponent)
    cell.number_format = "#,##0" + ("." + "0" * exponent if exponent else "")
    return cell


def _day(sheet: Any, day: date | None) -> Any:
    if isinstance(day, datetime):
        day = day.date()
    cell: Any = WriteOnlyCell(sheet)
    cell.value = day
    cell.number_format = "yyyy-mm-dd"
    return cell
