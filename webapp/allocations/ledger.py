"""The ledger: each deed adds an entry and moves every sum beside it, in conditional statements of one transaction.

What a deed changes it locks in one order: request, allocation, limits. The database refuses an overspent row by
itself; the conditions here only make the refusal a sentence instead of an error.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import BigInteger, bindparam, func, select, update
from sqlalchemy import case as when
from sqlalchemy.orm import InstrumentedAttribute

from ..cases.actions import touch
from ..cases.models import Case
from ..database import db
from ..money import LARGEST, MixedCurrencies, Money, NotAnAmount
from .models import (
    CASH,
    SIGNED_KINDS,
    Allocation,
    AllocationLimit,
    Instalment,
    LedgerEntry,
    PaymentRequest,
)
from .rates import Rate, convert

HANDED_OVER = ("cash", "mobile_money")
"""Kinds of payee who receive money, not goods: these count against the limit on cash."""


@dataclass(frozen=True)
class Effect:
    """What an entry of one unit does to each sum: of the allocation, of its limits, and of the request's hold."""

    granted: int = 0
    adjusted: int = 0
    set_aside: int = 0
    disbursed: int = 0
    refunded: int = 0
    exchange: int = 0

    @property
    def available(self) -> int:
        return self.granted + self.adjusted - self.set_aside - self.disbursed - self.exchange + self.refunded

    @property
    def used(self) -> int:
        """Of a limit: set aside, plus disbursed, less refunded."""
        return self.set_aside + self.disbursed - self.refunded

    @property
    def held(self) -> int:
        """Of a request: set aside for it and not paid."""
        return self.set_aside


EFFECTS = {
    "granted": Effect(granted=1),
    "adjusted": Effect(adjusted=1),
    "set_aside": Effect(set_aside=1),
    "released": Effect(set_aside=-1),
    "disbursed": Effect(set_aside=-1, disbursed=1),
    "reversed": Effect(set_aside=1, disbursed=-1),
    "refunded": Effect(refunded=1),
    "exchange_difference": Effect(exchange=1),
}
SUMS: dict[str, InstrumentedAttribute[int]] = {
    "granted": Allocation.granted_minor,
    "adjusted": Allocation.adjusted_minor,
    "set_aside": Allocation.set_aside_minor,
    "disbursed": Allocation.disbursed_minor,
    "refunded": Allocation.refunded_minor,
    "exchange": Allocation.exchange_minor,
}
_SUM_KEYS = [*(column.key for column in SUMS.values()), "held_back_minor"]
AVAILABLE = (
    Allocation.granted_minor
    + Allocation.adjusted_minor
    - Allocation.held_back_minor
    - Allocation.set_aside_minor
    - Allocation.disbursed_minor
    - Allocation.exchange_minor
    + Allocation.refunded_minor
)
"""What can still be set aside, as a column of a query."""
PAID = Allocation.disbursed_minor - Allocation.refunded_minor


class ExceedsAllocation(Exception):
    """More was asked than is there: ``asked`` and ``available``."""

    def __init__(self, asked: Money, available: Money) -> None:
        super().__init__(f"asked {asked}, available {available}")
        self.asked, self.available = asked, available


class LimitExceeded(ExceedsAllocation):
    """More was asked than a sub-ceiling leaves; ``limit`` is the category, or ``cash``."""

    def __init__(self, limit: str, asked: Money, available: Money) -> None:
        super().__init__(asked, available)
        self.limit = limit


class ExceedsRequest(ExceedsAllocation):
    """More was asked than this request holds, has left to pay, or has paid."""


class IdTaken(ValueError):
    """The id already stands for an entry of another allocation, kind or amount."""


class NeedsTwoPeople(ValueError):
    """A correction is made by one person and confirmed by another."""


class NoSuchInstalment(LookupError):
    """The allocation has no instalment of that number."""


def available(allocation: Allocation) -> Money:
    """What can still be set aside."""
    return Money(
        allocation.granted_minor
        + allocation.adjusted_minor
        - allocation.held_back_minor
        - allocation.set_aside_minor
        - allocation.disbursed_minor
        - allocation.exchange_minor
        + allocation.refunded_minor,
        allocation.currency,
    )


def deed_id(id: UUID, deed: str) -> UUID:
    """The key of what is done once to a thing: the same thing and deed give the same key everywhere."""
    return uuid5(id, deed)


def fee_id(payment: UUID) -> UUID:
    """The key of what an operator took for a payment."""
    return deed_id(payment, "fee")


def counts_as_cash(payee_kind: str) -> bool:
    """Whether paying this kind of payee hands over money: it counts against the limit on cash."""
    return payee_kind in HANDED_OVER


# The deeds


def set_aside(request: PaymentRequest, *, by: UUID | None, now: datetime) -> LedgerEntry:
    """Hold the request's money; the second time changes nothing."""
    allocation = _lock(request)
    return post(
        allocation,
        "set_aside",
        Money(request.donor_minor, allocation.currency),
        id=deed_id(request.id, "set_aside"),
        by=by,
        now=now,
        **_of(request),
        locked=True,
    )


def release(
    request: PaymentRequest,
    *,
    by: UUID | None,
    now: datetime,
    amount: Money | None = None,
    id: UUID | None = None,
) -> LedgerEntry | None:
    """Give back ``amount`` of what the request holds, or all of it; None when it holds nothing."""
    allocation = _lock(request)
    if amount is None:
        amount = Money(request.held_minor, allocation.currency)
        if not amount.minor:
            return None
    elif id is None:
        raise ValueError("a part is released under a key of its own")
    return post(allocation, "released", amount, id=id, by=by, now=now, **_of(request), locked=True)


def pay(
    request: PaymentRequest,
    paid: Money,
    *,
    id: UUID,
    by: UUID | None,
    now: datetime,
    rate: Rate | None = None,
) -> LedgerEntry:
    """Money left for this request. ``id`` is the payment's: paying again under it changes nothing.

    What leaves the hold is the part that ``paid`` stands for of the whole request (all of it with the last part);
    what ``paid`` is worth at ``rate`` beyond or below that is an entry of its own.
    """
    allocation = _lock(request)
    if already := db.session.get(LedgerEntry, id):
        if (already.request_id, already.kind, already.local_minor) != (request.id, "disbursed", paid.minor):
            raise IdTaken(str(id))
        return already
    left = Money(request.minor - _local_paid(request), request.currency)
    if left < paid or not request.held_minor:
        raise ExceedsRequest(paid, left if request.held_minor else Money(0, request.currency))
    worth = _worth(paid, allocation.currency, rate)
    part = request.held_minor
    if paid < left:
        part = max(1, min(part, _portion(request.donor_minor, paid.minor, request.minor)))
    if request.currency == allocation.currency:
        part = worth
    with _whole(allocation, request):
        entry = post(
            allocation,
            "disbursed",
            Money(part, allocation.currency),
            id=id,
            by=by,
            now=now,
            local=paid,
            rate_id=rate.id if rate else None,
            **_of(request),
            locked=True,
        )
        _difference(request, allocation, worth - part, id, by=by, now=now, rate=rate)
    return entry


def reverse(entry: LedgerEntry, *, reason: str, by: UUID | None, now: datetime) -> LedgerEntry:
    """A payment did not arrive: take its entry back, with its exchange difference; its request holds the money again.

    Where the payment had cost less than was set aside, the gain may be spent by now: the hold is smaller by it.
    """
    if entry.kind != "disbursed":
        raise ValueError("only what was disbursed can be taken back")
    request = db.session.get(PaymentRequest, entry.request_id) if entry.request_id else None
    allocation = _lock(request) if request else _lock_allocation(entry.allocation_id)
    key = deed_id(entry.id, "reversed")
    if already := db.session.get(LedgerEntry, key):
        if already.reverses_id != entry.id:
            raise IdTaken(str(key))
        return already
    amount = Money(entry.minor, allocation.currency)
    if request and (kept := _paid(request)) < entry.minor:
        raise ExceedsRequest(amount, Money(kept, allocation.currency))
    about: dict[str, Any] = _of(request) if request else {"category": entry.category, "cash": entry.cash}
    about["what"] = reason or entry.what
    local = None
    if entry.local_minor and entry.local_currency:
        local = Money(entry.local_minor, entry.local_currency)
    difference = db.session.get(LedgerEntry, deed_id(entry.id, "exchange"))
    if difference is not None and (difference.kind, difference.request_id, difference.allocation_id) != (
        "exchange_difference", entry.request_id, entry.allocation_id,
    ):  # fmt: skip
        raise IdTaken(str(difference.id))
    with _whole(allocation, request):
        taken_back = post(
            allocation,
            "reversed",
            amount,
            id=key,
            by=by,
            now=now,
            reverses=entry,
            local=local,
            **about,
            locked=True,
        )
        if request is None:
            # Nobody holds it: without this it would stay set aside for ever.
            post(
                allocation,
                "released",
                amount,
                id=deed_id(key, "released"),
                by=by,
                now=now,
                **about,
                locked=True,
            )
        if difference is not None:
            if difference.minor < 0:
                gain = Money(-difference.minor, allocation.currency)
                post(
                    allocation,
                    "released",
                    gain,
                    id=deed_id(key, "released"),
                    by=by,
                    now=now,
                    **about,
                    locked=True,
                )
            post(
                allocation,
                "exchange_difference",
                Money(-difference.minor, allocation.currency),
                id=deed_id(key, "exchange"),
                by=by,
                now=now,
                rate_id=difference.rate_id,
                what=about["what"],
                request=request,
                locked=True,
            )
    return taken_back


def refund(
    request: PaymentRequest,
    back: Money,
    *,
    id: UUID,
    by: UUID | None,
    now: datetime,
    rate: Rate | None = None,
) -> LedgerEntry:
    """Money came back for what this request paid, in the request's currency; again under ``id``: no change."""
    allocation = _lock(request)
    if already := db.session.get(LedgerEntry, id):
        if (already.request_id, already.kind, already.local_minor) != (request.id, "refunded", back.minor):
            raise IdTaken(str(id))
        return already
    paid, paid_here = _paid(request), Money(_local_paid(request, less_refunds=True), request.currency)
    if paid_here < back or not paid:
        raise ExceedsRequest(back, paid_here)
    worth = _worth(back, allocation.currency, rate)
    part = paid
    if back < paid_here:
        part = max(1, min(paid, _portion(paid, back.minor, paid_here.minor)))
    with _whole(allocation, request):
        entry = post(
            allocation,
            "refunded",
            Money(part, allocation.currency),
            id=id,
            by=by,
            now=now,
            local=back,
            rate_id=rate.id if rate else None,
            **_of(request),
            locked=True,
        )
        _difference(request, allocation, part - worth, id, by=by, now=now, rate=rate)
    return entry


def left_to_refund(request: PaymentRequest) -> Money:
    """What this request paid and has not got back, in its own currency."""
    return Money(_local_paid(request, less_refunds=True), request.currency)


def charge_fee(
    request: PaymentRequest,
    fee: Money,
    *,
    id: UUID,
    by: UUID | None,
    now: datetime,
    rate: Rate | None = None,
) -> LedgerEntry:
    """What an operator took for a payment: set aside and paid in one deed, outside the sub-ceilings.

    The two entries name the request in words only: the request holds and pays its own amount, not the fee.
    """
    allocation = _lock(request)
    amount = Money(max(1, _worth(fee, allocation.currency, rate)), allocation.currency)
    what = f"{request.reference} · {request.what}"[:200]
    with _whole(allocation, request):
        post(
            allocation,
            "set_aside",
            amount,
            what=what,
            id=deed_id(id, "set_aside"),
            by=by,
            now=now,
            locked=True,
        )
        return post(
            allocation,
            "disbursed",
            amount,
            what=what,
            id=id,
            by=by,
            now=now,
            local=fee,
            rate_id=rate.id if rate else None,
            locked=True,
        )


def adjust(
    allocation: Allocation,
    amount: Money,
    *,
    reason: str,
    by: UUID,
    confirmed_by: UUID,
    now: datetime,
    id: UUID | None = None,
) -> LedgerEntry:
    """Correct what was granted, up or down; never below what is spent, set aside or held back."""
    if by == confirmed_by:
        raise NeedsTwoPeople("a correction needs a second person")
    if not reason.strip():
        raise ValueError("a correction needs a reason")
    return post(
        allocation, "adjusted", amount, what=reason.strip(), id=id, by=by, confirmed_by=confirmed_by, now=now
    )


def release_instalment(allocation: Allocation, number: int, *, by: UUID, now: datetime) -> Instalment:
    """Give a held-back part free, once; the second time changes nothing."""
    _lock_allocation(allocation.id)
    instalment = db.session.get(Instalment, (allocation.id, number), populate_existing=True)
    if instalment is None:
        raise NoSuchInstalment(f"{allocation.case_code} has no instalment {number}")
    if instalment.released_at is None:
        instalment.released_at, instalment.released_by_id = now, by
        db.session.flush()
        hold_back(allocation, -instalment.minor)
        touch(db.session.get_one(Case, allocation.case_id))
    return instalment


def hold_back(allocation: Allocation, minor: int) -> None:
    """Move what later instalments will release, up or down."""
    moved = _moved(_HELD_BACK_MOVES, allocation=allocation.id, moves=minor)
    db.session.expire(allocation, _SUM_KEYS)
    if not moved:
        raise ExceedsAllocation(Money(minor, allocation.currency), available(allocation))


# One entry


def post(
    allocation: Allocation,
    kind: str,
    amount: Money,
    *,
    what: str,
    by: UUID | None,
    now: datetime,
    case: Case | None = None,
    id: UUID | None = None,
    category: str | None = None,
    cash: bool = False,
    local: Money | None = None,
    rate_id: UUID | None = None,
    request: PaymentRequest | None = None,
    reverses: LedgerEntry | None = None,
    confirmed_by: UUID | None = None,
    locked: bool = False,
) -> LedgerEntry:
    """Add an entry and move the sums in conditional statements; the same id again changes nothing.

    ``locked``: the deed that this entry is part of has locked the allocation already.

    Raises ExceedsAllocation, LimitExceeded or ExceedsRequest when the sums do not allow it; nothing is written
    then. Raises IdTaken when the id stands for another entry: the money that is asked for now has not moved.
    """
    minor = _checked(kind, amount.in_(allocation.currency))
    if request is not None and request.allocation_id != allocation.id:
        raise ValueError("the request spends another allocation")
    if not locked:
        _lock_allocation(allocation.id)
    if id is not None and (already := db.session.get(LedgerEntry, id)):
        if (already.allocation_id, already.kind, already.minor) != (allocation.id, kind, minor):
            raise IdTaken(str(id))
        return already
    effect = EFFECTS[kind]
    with _whole(allocation, request):
        _move_sums(allocation, kind, effect, minor)
        if effect.used:
            _move_limits(
                allocation,
                [*([category] if category else []), *([CASH] if cash else [])],
                effect.used * minor,
            )
        if request is not None and effect.held:
            _move_hold(request, allocation, effect.held * minor)
        entry = LedgerEntry(
            id=id or uuid4(),
            allocation_id=allocation.id,
            kind=kind,
            minor=minor,
            what=what[:200],
            category=category,
            cash=cash,
            request_id=request.id if request else None,
            reverses_id=reverses.id if reverses else None,
            local_minor=local.minor if local else None,
            local_currency=local.currency if local else None,
            rate_id=rate_id,
            by_id=by,
            confirmed_by_id=confirmed_by,
            posted_at=now,
        )
        db.session.add(entry)
        db.session.flush()
    touch(case or db.session.get_one(Case, allocation.case_id))
    return entry


def _checked(kind: str, minor: int) -> int:
    """The minor units, if an entry of this kind may carry them."""
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise NotAnAmount("form")
    smallest = -LARGEST if kind in SIGNED_KINDS else 1
    if minor == 0 or not smallest <= minor <= LARGEST:
        raise NotAnAmount("size")
    return minor


def _move_sums(allocation: Allocation, kind: str, effect: Effect, minor: int) -> None:
    moved = _moved(_MOVES[kind], allocation=allocation.id, moves=minor)
    db.session.expire(allocation, _SUM_KEYS)
    if moved:
        return
    there = available(allocation)
    if kind in ("released", "disbursed"):
        there = Money(allocation.set_aside_minor, allocation.currency)
    elif kind in ("refunded", "reversed"):
        there = Money(allocation.disbursed_minor - allocation.refunded_minor, allocation.currency)
    raise ExceedsAllocation(Money(abs(minor), allocation.currency), there)


def _move_limits(allocation: Allocation, names: list[str], minor: int) -> None:
    """Move the sub-ceilings that the rule gave these; a category without one is only held by the whole."""
    if not names:
        return
    limits = db.session.execute(_LIMITS, {"allocation": allocation.id, "names": names}).all()
    for name, left in limits:
        if not _moved(_LIMIT_MOVES, allocation=allocation.id, limit=name, moves=minor):
            raise LimitExceeded(
                name, Money(abs(minor), allocation.currency), Money(left, allocation.currency)
            )


def check_limits(allocation: Allocation, amount: Money, *, category: str, cash: bool) -> None:
    """Raise LimitExceeded when a sub-ceiling leaves less than this; nothing is held by asking."""
    names = [category, *([CASH] if cash else [])]
    for name, left in db.session.execute(_LIMITS, {"allocation": allocation.id, "names": names}):
        if left < amount.minor:
            raise LimitExceeded(name, amount, Money(left, allocation.currency))


def _move_hold(request: PaymentRequest, allocation: Allocation, minor: int) -> None:
    moved = _moved(_HOLD_MOVES, request=request.id, moves=minor)
    db.session.expire(request, ["held_minor"])
    if not moved:
        there = request.held_minor if minor < 0 else request.donor_minor - request.held_minor
        raise ExceedsRequest(Money(abs(minor), allocation.currency), Money(there, allocation.currency))


def _moved(statement: Any, **facts: Any) -> bool:
    return bool(db.session.execute(statement, facts).rowcount == 1)  # type: ignore[attr-defined]


_MINOR: Any = bindparam("moves", type_=BigInteger)


def _move(effect: Effect) -> Any:
    """The conditional statement of one kind: all its sums move, or none."""
    minor = _MINOR
    values: dict[str, Any] = {}
    allowed: list[Any] = []
    for name, column in SUMS.items():
        if factor := getattr(effect, name):
            values[column.key] = column + factor * minor
            if factor < 0:
                allowed.append(column >= minor)
    if effect.available:
        allowed.append(AVAILABLE + effect.available * minor >= 0)
    if effect.refunded > 0 or effect.disbursed < 0:
        allowed.append(minor <= PAID)
    return (
        update(Allocation)
        .where(Allocation.id == bindparam("allocation"), *allowed)
        .values(values)
        .execution_options(synchronize_session=False)
    )


_MOVES = {kind: _move(effect) for kind, effect in EFFECTS.items()}
_HELD_BACK_MOVES = (
    update(Allocation)
    .where(
        Allocation.id == bindparam("allocation"),
        Allocation.held_back_minor + _MINOR >= 0,
        _MINOR <= AVAILABLE,
    )
    .values(held_back_minor=Allocation.held_back_minor + _MINOR)
    .execution_options(synchronize_session=False)
)
_LIMITS = (
    select(AllocationLimit.name, AllocationLimit.ceiling_minor - AllocationLimit.used_minor)
    .where(
        AllocationLimit.allocation_id == bindparam("allocation"),
        AllocationLimit.name.in_(bindparam("names", expanding=True)),
    )
    .order_by(AllocationLimit.name)
)
_LIMIT_MOVES = (
    update(AllocationLimit)
    .where(
        AllocationLimit.allocation_id == bindparam("allocation"),
        AllocationLimit.name == bindparam("limit"),
        AllocationLimit.used_minor + _MINOR >= 0,
        AllocationLimit.used_minor + _MINOR <= AllocationLimit.ceiling_minor,
    )
    .values(used_minor=AllocationLimit.used_minor + _MINOR)
    .execution_options(synchronize_session=False)
)
_HOLD_MOVES = (
    update(PaymentRequest)
    .where(
        PaymentRequest.id == bindparam("request"),
        PaymentRequest.held_minor + _MINOR >= 0,
        PaymentRequest.held_minor + _MINOR <= PaymentRequest.donor_minor,
    )
    .values(held_minor=PaymentRequest.held_minor + _MINOR)
    .execution_options(synchronize_session=False)
)


# What the deeds are made of


@contextmanager
def _whole(allocation: Allocation, request: PaymentRequest | None) -> Iterator[None]:
    """All of what happens inside, or nothing: refused, neither the database nor what was read of it has moved."""
    try:
        with db.session.begin_nested():
            yield
    except BaseException:
        db.session.expire(allocation, _SUM_KEYS)
        if request is not None:
            db.session.expire(request, ["held_minor"])
        raise


def _lock(request: PaymentRequest) -> Allocation:
    """The request as it is now, and its allocation: nobody else moves them until this transaction ends."""
    db.session.refresh(request, with_for_update=True)
    return _lock_allocation(request.allocation_id)


def _lock_allocation(id: UUID) -> Allocation:
    return db.session.get_one(Allocation, id, populate_existing=True, with_for_update=True)


def _of(request: PaymentRequest) -> dict[str, Any]:
    """What an entry says of its request."""
    return {
        "what": request.what,
        "category": request.category,
        "cash": counts_as_cash(request.payee_kind),
        "request": request,
    }


def _difference(
    request: PaymentRequest,
    allocation: Allocation,
    minor: int,
    payment: UUID,
    *,
    by: UUID | None,
    now: datetime,
    rate: Rate | None,
) -> None:
    if not minor:
        return
    post(
        allocation,
        "exchange_difference",
        Money(minor, allocation.currency),
        what=request.what,
        id=deed_id(payment, "exchange"),
        by=by,
        now=now,
        request=request,
        rate_id=rate.id if rate else None,
        locked=True,
    )


def _worth(amount: Money, currency: str, rate: Rate | None) -> int:
    """What an amount is worth in the allocation's currency, in minor units."""
    if amount.minor <= 0 or amount.minor > LARGEST:
        raise NotAnAmount("size")
    if amount.currency == currency:
        return amount.minor
    if rate is None:
        raise MixedCurrencies(f"{amount.currency} is not {currency}, and no rate was given")
    return convert(amount, rate).in_(currency)


def _portion(whole: int, part: int, of: int) -> int:
    """``whole`` times ``part / of``, to the nearest unit."""
    return (2 * whole * part + of) // (2 * of)


def _paid(request: PaymentRequest) -> int:
    """What this request has paid and not got back, in the allocation's currency."""
    return _total(request, LedgerEntry.minor, plus=["disbursed"], minus=["reversed", "refunded"])


def _local_paid(request: PaymentRequest, *, less_refunds: bool = False) -> int:
    """The same in the request's own currency; what came back from a provider is not to be paid again."""
    minus = ["reversed", "refunded"] if less_refunds else ["reversed"]
    return _total(request, LedgerEntry.local_minor, plus=["disbursed"], minus=minus)


def _total(request: PaymentRequest, column: Any, *, plus: Iterable[str], minus: Iterable[str]) -> int:
    total = _sum(column, plus=plus, minus=minus)
    return int(db.session.scalar(select(total).where(LedgerEntry.request_id == request.id)) or 0)


def _sum(column: Any, *, plus: Iterable[str], minus: Iterable[str]) -> Any:
    signed = when((LedgerEntry.kind.in_(plus), column), (LedgerEntry.kind.in_(minus), -column), else_=0)
    return func.coalesce(func.sum(signed), 0)


LEFT_TO_REFUND = (
    select(_sum(LedgerEntry.local_minor, plus=["disbursed"], minus=["reversed", "refunded"]))
    .where(LedgerEntry.request_id == PaymentRequest.id)
    .correlate(PaymentRequest)
    .scalar_subquery()
)
"""What a request paid and has not got back, as a column of a query."""
