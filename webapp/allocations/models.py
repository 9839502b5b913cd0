"""Donors, allocations and the ledger: whole minor units, entries that are only ever added.

The sums of an allocation are kept beside it in the same transaction as each entry, and the database itself
refuses an overspent row: no race and no bug in Python can spend what is not there.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    column,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db, one_of
from ..money import CATEGORIES, LARGEST
from ..providers.models import ServiceProvider

Model: Any = db.Model

ENTRY_KINDS = (
    "granted",
    "adjusted",
    "set_aside",
    "released",
    "disbursed",
    "refunded",
    "reversed",
    "exchange_difference",
)
SIGNED_KINDS = ("adjusted", "exchange_difference")
CASH = "cash"
"""The limit beside the categories: how much of the allocation may be handed over as money."""


class Donor(Model):
    """Whose money it is."""

    __tablename__ = "donors"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    currency: Mapped[str] = mapped_column(String(3))


class AllocationRule(Model):
    """One version of a scheme's rules, as the text that was loaded. Superseded, never changed (trigger)."""

    __tablename__ = "allocation_rules"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    text: Mapped[str] = mapped_column(Text)
    loaded_at: Mapped[datetime] = mapped_column(Utc)
    loaded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (UniqueConstraint("name", "version"),)


class Allocation(Model):
    """Money granted to one case by one donor, under one version of the rules.

    ``available = granted + adjusted - held_back - set_aside - disbursed - exchange + refunded`` and is never
    negative. ``held_back`` is what later instalments will release; ``set_aside`` what approved requests hold
    and has not been paid; ``exchange`` what payments cost more (or less) than was set aside for them.
    """

    __tablename__ = "allocations"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), unique=True)
    donor_id: Mapped[UUID] = mapped_column(ForeignKey("donors.id"))
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    rule_id: Mapped[UUID | None] = mapped_column(ForeignKey("allocation_rules.id"))
    case_code: Mapped[str] = mapped_column(String(12))
    currency: Mapped[str] = mapped_column(String(3))
    local_currency: Mapped[str] = mapped_column(String(3))
    granted_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    adjusted_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    held_back_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    set_aside_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    disbursed_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    exchange_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    valid_until: Mapped[date | None]
    __table_args__ = (
        CheckConstraint(
            "granted_minor >= 0 AND set_aside_minor >= 0 AND held_back_minor >= 0", name="sums_positive"
        ),
        CheckConstraint(
            "disbursed_minor >= refunded_minor AND refunded_minor >= 0", name="refunds_within_paid"
        ),
        CheckConstraint(
            "granted_minor + adjusted_minor - held_back_minor - set_aside_minor - disbursed_minor "
            "- exchange_minor + refunded_minor >= 0",
            name="never_overspent",
        ),
        Index("ix_allocations_office", "office_id", "case_code"),
        Index("ix_allocations_valid_until", "valid_until"),
    )


class AllocationLimit(Model):
    """A sub-ceiling: how much may go to one category, or be handed over as cash. Held by the database."""

    __tablename__ = "allocation_limits"
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocations.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    ceiling_minor: Mapped[int] = mapped_column(BigInteger)
    used_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    """Set aside, plus disbursed, less refunded, in this category (or as cash)."""
    __table_args__ = (
        CheckConstraint(one_of("name", (*CATEGORIES, CASH)), name="known_name"),
        CheckConstraint("used_minor >= 0 AND used_minor <= ceiling_minor", name="never_over"),
    )


class Instalment(Model):
    """A part of the allocation that is held back until its condition is met and somebody releases it."""

    __tablename__ = "instalments"
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocations.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    minor: Mapped[int] = mapped_column(BigInteger)
    condition: Mapped[str] = mapped_column(String(200))
    due_on: Mapped[date | None]
    released_at: Mapped[datetime | None] = mapped_column(Utc)
    released_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (
        CheckConstraint("minor > 0", name="positive"),
        CheckConstraint("(released_at IS NULL) = (released_by_id IS NULL)", name="released_by_someone"),
    )


class ExchangeRate(Model):
    """How many units of ``quote`` one unit of ``base`` was worth from a day on, and who said so."""

    __tablename__ = "exchange_rates"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    base: Mapped[str] = mapped_column(String(3))
    quote: Mapped[str] = mapped_column(String(3))
    rate: Mapped[str] = mapped_column(String(30))
    """A decimal as text: never a float."""
    effective_on: Mapped[date]
    source: Mapped[str] = mapped_column(String(80))
    loaded_at: Mapped[datetime] = mapped_column(Utc)
    loaded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    __table_args__ = (UniqueConstraint("base", "quote", "effective_on", "source"),)


class LedgerEntry(Model):
    """One line of the ledger, in the allocation's currency. Never changed, never deleted (triggers)."""

    __tablename__ = "ledger_entries"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The unique key of the deed: the same deed again finds its entry."""
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocations.id"))
    kind: Mapped[str] = mapped_column(String(20))
    minor: Mapped[int] = mapped_column(BigInteger)
    """Always positive, except where a kind is signed (adjusted, exchange difference)."""
    what: Mapped[str] = mapped_column(String(200))
    category: Mapped[str | None] = mapped_column(String(20))
    cash: Mapped[bool] = mapped_column(default=False)
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_requests.id"), index=True)
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    local_minor: Mapped[int | None] = mapped_column(BigInteger)
    local_currency: Mapped[str | None] = mapped_column(String(3))
    rate_id: Mapped[UUID | None] = mapped_column(ForeignKey("exchange_rates.id"))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    confirmed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    """The second person of a correction."""
    posted_at: Mapped[datetime] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint(one_of("kind", ENTRY_KINDS), name="known_kind"),
        CheckConstraint(
            f"(minor > 0 AND minor <= {LARGEST}) OR ({one_of('kind', SIGNED_KINDS)} AND minor <> 0 AND minor >= -{LARGEST})",
            name="minor_in_range",
        ),
        CheckConstraint("(kind = 'reversed') = (reverses_id IS NOT NULL)", name="reversal_names_its_entry"),
        CheckConstraint(
            "kind <> 'adjusted' OR (by_id IS NOT NULL AND confirmed_by_id IS NOT NULL AND confirmed_by_id <> by_id "
            "AND what <> '')",
            name="adjusted_by_two",
        ),
        Index("ix_ledger_entries_allocation", "allocation_id", "posted_at", "id"),
    )


class Adjustment(Model):
    """A correction of what was granted: one person proposes it, another decides, once (checks and triggers)."""

    __tablename__ = "adjustments"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Also the id of the ledger entry, once it is confirmed."""
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocations.id"))
    minor: Mapped[int] = mapped_column(BigInteger)
    """Up or down, in the allocation's currency."""
    reason: Mapped[str] = mapped_column(String(200))
    proposed_by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(Utc)
    outcome: Mapped[str | None] = mapped_column(String(10))
    """``confirmed``, ``refused``, or nothing yet."""
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint(f"minor <> 0 AND minor >= -{LARGEST} AND minor <= {LARGEST}", name="minor_in_range"),
        CheckConstraint("reason <> ''", name="reason_given"),
        CheckConstraint(one_of("outcome", ("confirmed", "refused")), name="known_outcome"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint(
            "outcome IS NULL OR outcome <> 'confirmed' OR decided_by_id <> proposed_by_id",
            name="confirmed_by_another",
        ),
        Index("ix_adjustments_allocation", "allocation_id", "proposed_at", "id"),
    )


REQUEST_STATES = (
    "draft",
    "quoted",
    "requested",
    "approved",
    "ordered",
    "delivered",
    "invoiced",
    "paid",
    "verified",
    "closed",
    "rejected",
    "cancelled",
    "disputed",
    "returned",
)
PAYEE_KINDS = ("provider", "institution", "reimbursement", "cash", "mobile_money")
DOCUMENT_KINDS = ("quote", "invoice", "receipt", "handover")


class PaymentRequest(Model):
    """An officer asks that something be paid for a returnee: not a promise until somebody else approves it."""

    __tablename__ = "payment_requests"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    """What finance and the agency's system match payments by, such as ``PR-7K3MX2``."""
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocations.id"))
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    state: Mapped[str] = mapped_column(String(12))
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Moves with every change: who approves says which version was on the screen."""
    category: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(200))
    minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    """The currency it will be paid in; ``donor_minor`` is the same in the allocation's currency."""
    donor_minor: Mapped[int] = mapped_column(BigInteger)
    rate_id: Mapped[UUID | None] = mapped_column(ForeignKey("exchange_rates.id"))
    payee_kind: Mapped[str] = mapped_column(String(16))
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey(ServiceProvider.id))
    payee_name: Mapped[str] = mapped_column(String(120), default="")
    chosen_by: Mapped[str] = mapped_column(String(20), default="returnee")
    operator: Mapped[str] = mapped_column(String(40), default="")
    payee_account: Mapped[str] = mapped_column(String(40), default="", server_default="")
    """The number that mobile money goes to; ``payee_name`` is then who holds it. In no list and no file."""
    holder_checked: Mapped[bool] = mapped_column(default=False)
    quotes_required: Mapped[int] = mapped_column(default=0)
    approver_role: Mapped[str] = mapped_column(
        String(20), default="programme_manager", server_default="programme_manager"
    )
    """Whose approval the rule asks for at this amount; a programme manager may always decide."""
    decide_within_days: Mapped[int] = mapped_column(default=5, server_default="5")
    """After so many days without a yes or no the managers hear of it."""
    three_people: Mapped[bool] = mapped_column(default=True)
    """The rule asks for three different people to request, approve and pay."""
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    requested_at: Mapped[datetime | None] = mapped_column(Utc)
    approver_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    approved_at: Mapped[datetime | None] = mapped_column(Utc)
    payer_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    paid_at: Mapped[datetime | None] = mapped_column(Utc)
    held_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    """Set aside for this request and not yet paid or released, in the allocation's currency."""
    changed_at: Mapped[datetime] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint(one_of("state", REQUEST_STATES), name="known_state"),
        CheckConstraint(one_of("category", CATEGORIES), name="known_category"),
        CheckConstraint(one_of("payee_kind", PAYEE_KINDS), name="known_payee"),
        CheckConstraint(f"minor > 0 AND minor <= {LARGEST} AND donor_minor > 0", name="amount_in_range"),
        CheckConstraint("held_minor >= 0 AND held_minor <= donor_minor", name="held_within"),
        CheckConstraint("approver_id IS NULL OR approver_id <> requester_id", name="approved_by_another"),
        CheckConstraint(
            "payer_id IS NULL OR NOT three_people OR (payer_id <> requester_id AND payer_id <> approver_id)",
            name="paid_by_a_third",
        ),
        CheckConstraint(
            "state IN ('draft', 'quoted', 'requested', 'rejected', 'cancelled') OR approver_id IS NOT NULL",
            name="approved_by_someone",
        ),
        Index("ix_payment_requests_office_state", "office_id", "state", "changed_at", "id"),
        Index("ix_payment_requests_case", "case_id", "changed_at"),
        Index("ix_payment_requests_provider", "provider_id"),
    )


class RequestStep(Model):
    """A state a request reached: who, when, why. Only added."""

    __tablename__ = "request_steps"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("payment_requests.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Utc)
    reason: Mapped[str] = mapped_column(String(300), default="")
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)


class RequestDocument(Model):
    """A quote, invoice, receipt or hand-over certificate: a photo drawn anew, or a checked PDF."""

    __tablename__ = "request_documents"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(index=True)
    """It may arrive before its request does."""
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    media: Mapped[str] = mapped_column(String(4))
    file: Mapped[str] = mapped_column(String(100), index=True)
    thumb: Mapped[str | None] = mapped_column(String(100))
    minor: Mapped[int | None] = mapped_column(BigInteger)
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    added_at: Mapped[datetime] = mapped_column(Utc, index=True)
    __table_args__ = (
        CheckConstraint(one_of("kind", DOCUMENT_KINDS), name="known_kind"),
        CheckConstraint("media IN ('jpeg', 'pdf')", name="known_media"),
    )


class Payment(Model):
    """Money that left for a request: how, under which reference, what it cost, and whether it arrived."""

    __tablename__ = "payments"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("payment_requests.id"), index=True)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    method: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(String(60))
    """The reference of the agency's system, the bank or the operator: never paid twice under one."""
    minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    fee_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    paid_on: Mapped[date]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    posted_at: Mapped[datetime] = mapped_column(Utc)
    confirmed_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the recipient confirmed it."""
    failed_at: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (
        Index("uq_payments_reference", "office_id", "method", func.upper(column("reference")), unique=True),
        CheckConstraint("minor > 0 AND fee_minor >= 0", name="amounts"),
        CheckConstraint("confirmed_at IS NULL OR failed_at IS NULL", name="arrived_or_failed"),
        Index("ix_payments_office", "office_id", "posted_at", "id"),
    )
