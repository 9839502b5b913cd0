"""Exchange rates: decimals with a day and a source, and exact arithmetic with them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from ..database import db
from ..money import EXPONENT, MixedCurrencies, Money
from .models import ExchangeRate

Rounding = Literal["half_up", "down"]


class NoRate(LookupError):
    """No rate between two currencies is known for a day: ``base``, ``quote``, ``day``."""

    def __init__(self, base: str, quote: str, day: date) -> None:
        super().__init__(f"no rate of {base} in {quote} on {day}")
        self.base, self.quote, self.day = base, quote, day


@dataclass(frozen=True)
class Rate:
    """One unit of ``base`` is ``rate`` units of ``quote`` from a day on, says ``source``."""

    id: UUID
    base: str
    quote: str
    rate: Decimal
    effective_on: date
    source: str


_ON = (
    select(ExchangeRate)
    .where(
        or_(
            (ExchangeRate.base == bindparam("one")) & (ExchangeRate.quote == bindparam("other")),
            (ExchangeRate.base == bindparam("other")) & (ExchangeRate.quote == bindparam("one")),
        ),
        ExchangeRate.effective_on <= bindparam("day"),
    )
    .order_by(ExchangeRate.effective_on.desc(), ExchangeRate.loaded_at.desc(), ExchangeRate.id)
    .limit(1)
)


def rate_on(base: str, quote: str, day: date) -> Rate | None:
    """The rate in force between two currencies on a day, in the direction it was published; None if there is none."""
    row = db.session.scalar(_ON, {"one": base, "other": quote, "day": day})
    if row is None:
        return None
    return Rate(row.id, row.base, row.quote, Decimal(row.rate), row.effective_on, row.source)


def convert(amount: Money, rate: Rate, rounding: Rounding = "half_up") -> Money:
    """The amount in the rate's other currency, computed exactly and rounded once, to its minor unit.

    ``down`` is for ceilings (never more than was granted), ``half_up`` for everything that is reported.
    """
    if amount.currency == rate.base:
        factor, currency = Fraction(rate.rate), rate.quote
    elif amount.currency == rate.quote:
        factor, currency = 1 / Fraction(rate.rate), rate.base
    else:
        raise MixedCurrencies(f"{amount.currency} is neither {rate.base} nor {rate.quote}")
    exact = abs(amount.minor) * factor * Fraction(10) ** (EXPONENT[currency] - EXPONENT[amount.currency])
    minor = int(exact if rounding == "down" else exact + Fraction(1, 2))
    return Money(-minor if amount.minor < 0 else minor, currency)


def in_currency(amount: Money, currency: str, day: date) -> tuple[Money, Rate | None]:
    """What a positive amount is worth in another currency on a day, at least one unit, and the rate; raises NoRate."""
    if amount.currency == currency:
        return amount, None
    rate = rate_on(currency, amount.currency, day)
    if rate is None:
        raise NoRate(currency, amount.currency, day)
    worth = convert(amount, rate)
    return (worth if worth.minor or not amount.minor else Money(1, currency)), rate


def equivalent(amount: Money, currency: str, day: date, rounding: Rounding = "half_up") -> Money | None:
    """What a page shows beside an amount: the same in another currency, or None when no rate is known."""
    if amount.currency == currency:
        return amount
    rate = rate_on(amount.currency, currency, day)
    return convert(amount, rate, rounding) if rate else None
