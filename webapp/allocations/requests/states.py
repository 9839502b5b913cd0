"""The way of a payment request, as data: which deed leads from where to where, who may, and what it needs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

DIRECT = ("cash", "mobile_money", "reimbursement")
"""Payees to whom money goes without an order and an invoice."""
BEFORE_PAYMENT = ("draft", "quoted", "requested", "approved", "ordered")
HOLDS_MONEY = ("approved", "ordered", "delivered", "invoiced", "disputed")
"""States in which what is not yet paid is set aside."""
SETTLINGS = ("confirmed", "failed", "refunded")
"""What became of a payment: steps that stand beside the states, and lead to none."""
LACKS = ("returnee.not_received", "returnee.partly")
SAID = ("returnee.received", *LACKS)
"""What returnees say of a purchase, as it stands on the timeline; and the words by which something is missing."""


@dataclass(frozen=True)
class Deed:
    """One deed on a request. ``document`` must be there first; ``reason`` must be given; ``apart`` from whoever
    asked or paid."""

    name: str
    to: str
    from_: tuple[str, ...]
    permission: str
    reason: bool = False
    document: str | None = None
    direct_from: tuple[str, ...] = ()
    """States from which it is possible when the payee gets money directly."""
    apart: bool = False


DEEDS = {
    deed.name: deed
    for deed in (
        Deed("submission", "requested", ("draft", "quoted"), "payment.request"),
        Deed("approval", "approved", ("requested",), "payment.approve"),
        Deed("rejection", "rejected", ("requested",), "payment.approve", reason=True),
        Deed("cancellation", "cancelled", BEFORE_PAYMENT, "payment.cancel", reason=True),
        Deed("order", "ordered", ("approved",), "payment.order"),
        Deed("delivery", "delivered", ("ordered",), "payment.request", document="handover"),
        Deed("invoice", "invoiced", ("delivered",), "payment.order", document="invoice"),
        Deed("payment", "paid", ("invoiced",), "payment.pay", direct_from=("approved", "delivered")),
        Deed("verification", "verified", ("paid",), "payment.verify", apart=True),
        Deed("closure", "closed", ("verified", "returned"), "payment.verify", apart=True),
        Deed(
            "dispute",
            "disputed",
            ("delivered", "invoiced", "paid", "verified"),
            "payment.dispute",
            reason=True,
        ),
        Deed("return", "returned", ("disputed", "delivered"), "payment.verify", reason=True),
        Deed("settlement", "verified", ("disputed",), "payment.verify", reason=True, apart=True),
    )
}


PAPERS = {("payment", "reimbursement"): "receipt", ("verification", "cash"): "receipt"}
"""What else must be there for some payees: nobody is paid back without a receipt, and who got cash signs for it."""


def paper_for(deed: Deed, payee_kind: str) -> str | None:
    """The kind of paper that must be there before this deed."""
    return PAPERS.get((deed.name, payee_kind), deed.document)


def settles_to(*, before: str, payee_kind: str, holds_money: bool) -> str:
    """Where a settled dispute leads: all paid, it is verified; else it goes on where it was, to be paid.

    What is set aside stays set aside: only a return of the goods gives it back.
    """
    if not holds_money:
        return DEEDS["settlement"].to
    if before in HOLDS_MONEY:
        return before
    # It was paid, and the payment did not arrive.
    return "approved" if payee_kind in DIRECT else "invoiced"


def is_possible(deed: Deed, *, state: str, payee_kind: str) -> bool:
    """Whether the deed leads on from this state for this kind of payee."""
    if state in deed.from_:
        return not (deed.name == "order" and payee_kind in DIRECT)
    return payee_kind in DIRECT and state in deed.direct_from


def takes_refunds(way: Sequence[str]) -> bool:
    """Whether money may come back after these states: the goods went back, also when the request was closed since."""
    return way[-1:] == ["returned"] or way[-2:] == ["returned", "closed"]


def method_of(payee_kind: str) -> str:
    """How money goes to this kind of payee; a payment's reference is unique within its method."""
    return "bank" if payee_kind in ("provider", "institution") else payee_kind


def reachable() -> set[str]:
    """Every state some deed leads to, and where requests begin."""
    return {"draft", "quoted", *(deed.to for deed in DEEDS.values())}
