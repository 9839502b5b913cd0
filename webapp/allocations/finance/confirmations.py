"""What the agency's system says it paid: read from a table, compared line by line, and taken in where all agrees.

A line counts only when its reference is exactly that of a request of the office, with the amount that is left to
pay in its currency, on a day that can be read one way. Everything else is shown with the reason; nothing is guessed.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from io import StringIO
from typing import Any
from uuid import UUID, uuid5

from flask_babel import lazy_gettext as _l

from ...cases.queries import case_for_deed
from ...fields import as_reference
from ...formats import day as day_in_words
from ...formats import money
from ...money import EXPONENT, Money, NotAnAmount
from ..requests.actions import record_payment
from ..requests.queries import request_for_deed
from ..requests.states import DEEDS, is_possible, method_of
from ..requests.words import STATE_NAMES
from ..sheets import Row, Table, UnreadableTable, read_table
from . import queries

MOST_LINES = 2_000
HEADINGS = {
    "reference": ("Référence", "Reference", "Ref", "Référence de la demande", "Request reference", "المرجع"),
    "payment_reference": ("Référence du paiement", "Payment reference", "Transaction", "مرجع الدفع"),
    "amount": ("Montant", "Montant payé", "Amount", "Amount paid", "المبلغ"),
    "currency": ("Devise", "Monnaie", "Currency", "العملة"),
    "paid_on": ("Payé le", "Date de paiement", "Jour du paiement", "Paid on", "Payment date", "تاريخ الدفع"),
    "fee": ("Frais", "Fee", "Fees", "الرسوم"),
}
NEEDED = ("reference", "payment_reference", "amount", "currency", "paid_on")
_SENTENCES = {
    "unknown": _l("Aucune demande de votre bureau n’a cette référence."),
    "no_reference": _l("La référence de la demande manque."),
    "no_payment_reference": _l("La référence du paiement manque."),
    "long_reference": _l("La référence du paiement est trop longue."),
    "amount": _l("Ce montant ne se lit pas."),
    "comma": _l("Une virgule dans un fichier à virgules : on ne sait pas où finit le montant."),
    "fee": _l("Les frais ne se lisent pas."),
    "currency": _l("Cette monnaie n’est pas connue."),
    "other_amount": _l("Autre montant : il reste %(amount)s à payer."),
    "other_currency": _l("Autre monnaie : la demande est en %(currency)s."),
    "date": _l("Le jour du paiement manque ou ne se lit pas."),
    "date_two_ways": _l("Ce jour se lit de deux façons. Écrivez-le comme 2026-11-23."),
    "date_future": _l("Ce jour est dans le futur."),
    "date_before": _l("Ce jour est avant l’accord, donné le %(day)s."),
    "repeated": _l("La même ligne est déjà plus haut."),
    "request_twice": _l("Cette demande est sur plusieurs lignes qui ne disent pas la même chose."),
    "payment_twice": _l("Cette référence de paiement est sur plusieurs lignes."),
    "taken": _l("Cette référence est déjà celle d’un autre paiement."),
    "paid_otherwise": _l("Déjà payée, sous la référence %(reference)s."),
    "failed": _l("Ce paiement est noté comme non arrivé."),
    "said": "%(said)s",
    "receipt": _l("Le reçu de ce que la personne a payé n’est pas encore là."),
    "state": _l("Pas à payer en ce moment : %(state)s."),
}
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?", re.ASCII)
_WRITTEN = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)


@dataclass(frozen=True)
class Line:
    """One line of a table of confirmations: what it says, and how that compares with the request it names.

    ``outcome`` is ``matched`` (can be taken in), ``same`` (is here already) or ``refused``, with the reason.
    """

    number: int
    reference: str
    payment_reference: str
    amount: str
    currency: str
    paid_on: str
    fee: str = ""
    outcome: str = "matched"
    reason: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    code: str = ""
    request_id: UUID | None = None
    case_id: UUID | None = None
    paid: Money | None = None
    taken_fee: Money | None = None
    day: date | None = None

    @property
    def sentence(self) -> str:
        """Why it is not taken in; empty when there is nothing to say."""
        return str(_SENTENCES[self.reason]) % self.facts if self.reason else ""

    def refused(self, reason: str, **facts: str) -> "Line":
        return replace(self, outcome="refused", reason=reason, facts=facts)


def read_confirmations(file: bytes, filename: str, *, office_id: UUID, today: date) -> list[Line]:
    """Read a table and compare every line; nothing is recorded. Raises UnreadableTable."""
    table = read_table(file, filename, headings=HEADINGS, needed=NEEDED)
    if len(table.rows) > MOST_LINES:
        raise UnreadableTable("too_many")
    return compared([_read(row, table, today) for row in table.rows if _says_something(row)], office_id)


def as_text(lines: Iterable[Line]) -> str:
    """The lines that agree, as a table again: what the preview hands to its confirmation."""
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow([HEADINGS[name][0] for name in (*NEEDED, "fee")])
    for line in lines:
        if line.outcome == "matched" and line.day:
            writer.writerow(
                [
                    line.reference,
                    line.payment_reference,
                    line.amount,
                    line.currency,
                    line.day.isoformat(),
                    line.fee,
                ]
            )
    return text.getvalue()


def take_in(line: Line, *, by: Any, now: datetime) -> Line:
    """Record the payment of a line that agrees, once more compared while its request is held.

    Taking it in again, or another file with the same line, finds the payment and changes nothing.
    Raises NeedsAttention.
    """
    if line.outcome != "matched" or line.case_id is None or line.request_id is None:
        return line
    case = case_for_deed(line.case_id)
    request = request_for_deed(line.request_id)
    if case is None or request is None:
        return line.refused("unknown")
    line = compared([line], by.office_id)[0]
    if line.outcome != "matched" or line.paid is None or line.day is None:
        return line
    record_payment(
        request,
        case,
        id=payment_id(request.id, line.payment_reference),
        paid=line.paid,
        fee=line.taken_fee,
        reference=line.payment_reference,
        paid_on=line.day,
        by=by,
        now=now,
    )
    return line


def payment_id(request_id: UUID, payment_reference: str) -> UUID:
    """The id of a payment that a file confirms: the same line always gives the same."""
    return uuid5(request_id, f"payment {payment_reference}")


# Reading a line


def _says_something(row: Row) -> bool:
    """A list that was exported carries the requests nobody has paid yet: their last columns are empty."""
    return bool(row["payment_reference"] or row["paid_on"])


def _read(row: Row, table: Table, today: date) -> Line:
    line = Line(
        number=row.line,
        reference=row["reference"][:60],
        payment_reference=as_reference(row["payment_reference"]),
        amount=row["amount"][:40],
        currency=row["currency"].upper()[:12],
        paid_on=row["paid_on"][:40],
        fee=row["fee"][:40],
    )
    if not line.reference:
        return line.refused("no_reference")
    if not line.payment_reference:
        return line.refused("no_payment_reference")
    if len(line.payment_reference) > 60:
        return replace(line, payment_reference=line.payment_reference[:60]).refused("long_reference")
    if line.currency not in EXPONENT:
        return line.refused("currency")
    if table.comma_separates and "," in line.amount + line.fee:
        return line.refused("comma")
    paid, fee = _amount(line.amount, line.currency), _amount(line.fee or "0", line.currency)
    if paid is None or not paid.minor:
        return line.refused("amount")
    if fee is None:
        return line.refused("fee")
    day, doubt = read_day(line.paid_on)
    if day is not None and day > today:
        doubt = "date_future"
    if doubt:
        return line.refused(doubt)
    return replace(line, paid=paid, taken_fee=fee if fee.minor else None, day=day)


def _amount(text: str, currency: str) -> Money | None:
    try:
        return Money.parse(text, currency)
    except NotAnAmount:
        return None


def read_day(written: str) -> tuple[date | None, str]:
    """The day, or the reason why it is none: 03/04/2026 is in March to some and in April to others."""
    written = written.strip()
    try:
        if found := _ISO.fullmatch(written):
            return date(int(found[1]), int(found[2]), int(found[3])), ""
        if found := _WRITTEN.fullmatch(written):
            day, month, year = int(found[1]), int(found[2]), int(found[3])
            if day <= 12 and month <= 12 and day != month:
                return None, "date_two_ways"
            return date(year, month, day), ""
    except ValueError:
        pass
    return None, "date"


# Comparing


def compared(lines: list[Line], office_id: UUID) -> list[Line]:
    """The lines, each compared with the lines around it, with its request and with the payments there are."""
    known = queries.requests_by_reference(office_id, (line.reference for line in lines))
    taken = queries.references_taken(office_id, (line.payment_reference for line in lines))
    found: list[Line] = []
    for line in _without_repetitions(lines):
        request = known.get(line.reference)
        if request is not None:
            line = replace(line, code=request.row.code)  # noqa: PLW2901
        if line.outcome == "matched":
            line = _against(line, request, taken) if request else line.refused("unknown")  # noqa: PLW2901
        found.append(line)
    return found


def _without_repetitions(lines: list[Line]) -> list[Line]:
    """Lines that say the same again are left out; those that contradict each other are all refused."""
    says: dict[str, set[Any]] = {}
    for line in lines:
        said = (line.payment_reference, line.amount, line.currency, line.paid_on, line.fee)
        says.setdefault(line.reference, set()).add(said)
    pays = Counter(pair[0] for pair in {(line.payment_reference.upper(), line.reference) for line in lines})
    seen: set[str] = set()
    found = []
    for line in lines:
        if line.outcome == "matched":
            if len(says[line.reference]) > 1:
                line = line.refused("request_twice")  # noqa: PLW2901
            elif pays[line.payment_reference.upper()] > 1:
                line = line.refused("payment_twice")  # noqa: PLW2901
            elif line.reference in seen:
                line = line.refused("repeated")  # noqa: PLW2901
            seen.add(line.reference)
        found.append(line)
    return found


def _against(line: Line, known: queries.Known, taken: set[tuple[str, str]]) -> Line:
    asked = known.row
    assert line.paid is not None
    assert line.day is not None
    line = replace(line, request_id=asked.id, case_id=asked.case_id)
    for payment in known.payments:
        if payment.reference.upper() == line.payment_reference.upper():
            return _same(line, payment)
    if line.currency != asked.currency:
        return line.refused("other_currency", currency=asked.currency)
    if not is_possible(DEEDS["payment"], state=asked.state, payee_kind=asked.payee_kind):
        standing = [payment.reference for payment in known.payments if payment.failed_at is None]
        if standing:
            return line.refused("paid_otherwise", reference=", ".join(standing))
        return line.refused("state", state=STATE_NAMES[asked.state]())
    if asked.payee_kind == "reimbursement" and not asked.has_receipt:
        return line.refused("receipt")
    if line.paid != known.left:
        return line.refused("other_amount", amount=money(known.left))
    if (method_of(asked.payee_kind), line.payment_reference.upper()) in taken:
        return line.refused("taken")
    if asked.approved_at and line.day < asked.approved_at.date():
        return line.refused("date_before", day=day_in_words(asked.approved_at.date()))
    return line


def _same(line: Line, payment: Any) -> Line:
    """The payment is here under this reference: the same again, or something else that must be looked at."""
    there = Money(payment.minor, payment.currency)
    if line.currency != there.currency:
        return line.refused("other_currency", currency=there.currency)
    if line.paid != there:
        return line.refused("paid_otherwise", reference=f"{payment.reference} ({money(there)})")
    if payment.failed_at is not None:
        return line.refused("failed")
    return replace(line, outcome="same")
