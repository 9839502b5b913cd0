"""Dates, money and names as people read them, and text folded for search."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from babel.numbers import format_decimal, get_group_symbol
from flask_babel import format_date, format_datetime, get_locale
from flask_babel import gettext as _

from .money import EXPONENT, Money

_ARABIC = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ـ": None, "ء": None}
)
_KEPT_TOGETHER = "’'ʼ`"
RIGHT_TO_LEFT_MARK = "\u200f"
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
_GROUPED = re.compile(r"\d{1,3}(?P<group>(?P<mark>[,٬])\d{3}(?:(?P=mark)\d{3})*)(?P<rest>[.٫]\d+)?", re.ASCII)


def country(code: str | None) -> str:
    """The name of a country of ISO 3166 in the reader's language; the code itself where there is none."""
    return str(get_locale().territories.get(code) or code) if code else ""


def plain(words: str) -> str:
    """Fold text for search: no accents, no case, Arabic letters unified, digits ASCII, single spaces.

    The phone folds the same way (static/js/search.js); a test compares them.
    """
    folded = unicodedata.normalize("NFKD", words).translate(_ARABIC).casefold()
    kept = []
    for letter in folded:
        category = unicodedata.category(letter)
        if category[0] == "M" or letter in _KEPT_TOGETHER:
            continue
        if category == "Nd":
            kept.append(str(unicodedata.digit(letter)))
        else:
            kept.append(letter if category[0] in "LN" else " ")
    return " ".join("".join(kept).translate(_ARABIC).split())


def money(amount: Money) -> str:
    """``1 500,00 EUR`` the way the reader's language writes it; always the decimals of the currency."""
    return f"{number(amount)} {amount.currency}"


def number(amount: Money) -> str:
    """The same without the currency: what stands in a field; ``read_money`` reads it back."""
    exponent = EXPONENT[amount.currency]
    pattern = "#,##0" + ("." + "0" * exponent if exponent else "")
    # Integers only: the number is built from digits, never from a float.
    return str(
        format_decimal(Decimal(amount.minor).scaleb(-exponent), format=pattern, locale=get_locale() or "fr")
    )


def read_money(typed: str, currency: str) -> Money:
    """An amount as somebody typed it, or typed it back as their language shows it; raises NotAnAmount.

    Digits may be Arabic. ``٬`` groups and ``٫`` begins the decimals in every language. A comma groups only where the
    reader's language writes it so, and only where it cannot begin decimals: else nothing is guessed.
    """
    legible = "".join(sign for sign in typed if unicodedata.category(sign) != "Cf")
    written = legible.translate(_DIGITS).strip()
    if found := _GROUPED.fullmatch(written):
        plainly_groups = found["rest"] or found["group"].count(",") > 1 or not EXPONENT.get(currency, 0)
        if found["mark"] == "٬" or (plainly_groups and _groups_with_comma()):
            written = written.replace(found["mark"], "")
    return Money.parse(written.replace("٫", "."), currency)


def _groups_with_comma() -> bool:
    locale = get_locale()
    return locale is not None and get_group_symbol(locale) == ","


def plain_amount(amount: Money) -> str:
    """The amount as it is typed into a field."""
    return str(amount).partition(" ")[0]


def decimal(value: Decimal) -> str:
    """``9 350,567``: every decimal it has."""
    return str(format_decimal(value, format="#,##0.############", locale=get_locale() or "fr"))


def day(value: date | None) -> str:
    """``12 nov. 2026``"""
    return format_date(value, "d MMM y") if value else ""


def moment(value: datetime | None) -> str:
    """``12 nov. 2026, 14:02`` in the time zone of the reader's office."""
    return format_datetime(value, _("d MMM y, HH:mm")) if value else ""


def megabytes(count: int) -> str:
    """Bytes as people count the room on a phone."""
    number = format_decimal(round(count / 1_000_000, 1), locale=get_locale() or "fr")
    return _("%(number)s Mo", number=number)


def listed(words: Iterable[str]) -> str:
    """Words one after the other, with the comma and in the direction of the reader's language."""
    locale = get_locale()
    if locale is not None and locale.text_direction == "rtl":
        # Names in Latin letters would turn the whole list around; each is set apart from its neighbours.
        return RIGHT_TO_LEFT_MARK + _(", ").join(f"\u2068{word}\u2069" for word in words)
    return _(", ").join(words)


def phone(number: str) -> str:
    """An E.164 number grouped the way its country writes it; anything else as it was written."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def national(number: str) -> str:
    """An E.164 number as it is dialled inside its own country; nothing when it is none."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
