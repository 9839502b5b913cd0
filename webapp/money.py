"""Money: whole minor units of one currency, exact, and never two currencies in one sum."""

import re
from dataclasses import dataclass

# ISO 4217 minor units. Our own table: CLDR rounds some of these away (SOS, IQD, MGA…), and money is
# stored in them for ever.
EXPONENT = {
    **dict.fromkeys(["XOF", "XAF", "GNF", "BIF", "RWF", "UGX", "DJF", "KMF", "VND", "JPY"], 0),
    **dict.fromkeys(
        "EUR USD CHF GBP SEK NOK DKK CAD GMD NGN GHS SLE LRD CVE CDF MAD DZD MRU EGP ETB KES SDG SOS "
        "MGA AFN BDT GEL ALL RSD".split(),
        2,
    ),
    **dict.fromkeys(["TND", "LYD", "IQD", "JOD"], 3),
}
CATEGORIES = ("micro_project", "training", "medicine", "housing", "schooling", "other")
"""What help is spent on: sub-ceilings, payment requests and the lines of a plan name the same."""
LARGEST = 10**15
"""No single amount may be larger (minor units): far above any allocation, far below a 64-bit overflow."""

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’]")
_AMOUNT = re.compile(r"\d{1,15}(?:[.,]\d{1,3})?", re.ASCII)


class MixedCurrencies(ValueError):
    """Two currencies met in one sum or comparison."""


class NotAnAmount(ValueError):
    """The text is not an amount of that currency; ``reason`` is 'form', 'decimals', 'currency' or 'size'."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Money:
    """An exact amount: ``minor`` units (cents, or francs where there are no cents) of ``currency``."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read an amount as people type it in French or English: ``1 500``, ``1 500,50``, ``1500.5``.

        Only plain ASCII digits with spaces as group marks and one comma or dot; raises NotAnAmount.
        """
        if currency not in EXPONENT:
            raise NotAnAmount("currency")
        written = _SPACES.sub("", text)
        if not _AMOUNT.fullmatch(written):
            raise NotAnAmount("form")
        whole, _, decimals = written.replace(",", ".").partition(".")
        exponent = EXPONENT[currency]
        # Three digits after the mark of a currency with fewer decimals is a thousand to many who write it
        # ("50.000 GNF"): nothing is guessed.
        if len(decimals) > exponent and (decimals.strip("0") or len(decimals) == 3):
            raise NotAnAmount("decimals")
        minor = int(whole) * 10**exponent + int((decimals + "000")[:exponent] or "0")
        if minor > LARGEST:
            raise NotAnAmount("size")
        return cls(minor, currency)

    def in_(self, currency: str) -> int:
        """The minor units, if the currency is the expected one; raises MixedCurrencies."""
        if self.currency != currency:
            raise MixedCurrencies(f"{self.currency} is not {currency}")
        return self.minor

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + other.in_(self.currency), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - other.in_(self.currency), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < other.in_(self.currency)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= other.in_(self.currency)

    def __str__(self) -> str:
        """Plain digits with a dot, for files and machines; people read ``formats.money``."""
        exponent = EXPONENT[self.currency]
        sign, digits = ("-" if self.minor < 0 else ""), str(abs(self.minor)).rjust(exponent + 1, "0")
        return (
            f"{sign}{digits[:-exponent]}.{digits[-exponent:]} {self.currency}"
            if exponent
            else f"{sign}{digits} {self.currency}"
        )
