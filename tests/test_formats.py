"""Names are found however they are written, and money and numbers are shown as their readers write them."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st

from webapp.formats import listed, moment, money, national, number, phone, plain, read_money
from webapp.money import Money, NotAnAmount

FOLDED = [
    ("Sékou", "sekou"),
    ("  FATOUMATA   Binta ", "fatoumata binta"),
    ("N’Diaye", "ndiaye"),
    ("N'Diaye", "ndiaye"),
    ("Mamadou-Aliou", "mamadou aliou"),
    ("Nzérékoré", "nzerekore"),
    ("Straße", "strasse"),
    ("İstanbul", "istanbul"),
    ("ﬁche", "fiche"),
    ("GN-7K3M", "gn 7k3m"),
    ("٠٦٢٠", "0620"),
    # Arabic: the forms of alef, hamza on its seats, final forms, marks and the stretching letter.
    ("أحمد", "احمد"),
    ("إبراهيم", "ابراهيم"),
    ("آمنة", "امنه"),
    ("مُحَمَّد", "محمد"),
    ("محـــمد", "محمد"),
    ("فاطمة", "فاطمه"),
    ("مصطفى", "مصطفي"),
    ("مؤمن", "مومن"),
]


@pytest.mark.parametrize(("written", "folded"), FOLDED)
def test_text_is_folded_for_search(written: str, folded: str) -> None:
    assert plain(written) == folded


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(st.text(max_size=40))
def test_folded_text_holds_words_only(text: str) -> None:
    assert all(letter.isalnum() or letter == " " or not letter.isascii() for letter in plain(text))


def test_money_is_written_as_its_reader_writes_it(app: Flask) -> None:
    with app.test_request_context():
        with force_locale("fr"):
            assert money(Money(150_050, "EUR")) == "1\u202f500,50 EUR"
            assert money(Money(-1_500_000, "GNF")) == "-1\u202f500\u202f000 GNF"
        with force_locale("en"):
            assert money(Money(123_456_789_012_345, "EUR")) == "1,234,567,890,123.45 EUR"


READ = [
    ("fr", "1500,50", "EUR", 150_050), ("fr", "٩٥٠٬٠٠٠", "GNF", 950_000), ("fr", "١٬٥٠٠٫٥٠", "EUR", 150_050),
    ("ar", "١٥٠٠", "EUR", 150_000), ("ar", "۱۵۰۰٫۵", "EUR", 150_050), ("ar", "1,500.50", "EUR", 150_050),
    ("ar", "\u2068950,000\u2069", "GNF", 950_000), ("ar", "٩٥٠,٠٠٠", "GNF", 950_000), ("ar", "1,234", "TND", 1_234),
    ("en", "14,025,850", "GNF", 14_025_850), ("en", "1,500", "GNF", 1_500), ("en", "1,5", "EUR", 150),
]  # fmt: skip
NOT_READ = [
    ("fr", "1,500.50", "EUR", "form"), ("fr", "950,000", "GNF", "decimals"), ("fr", "50.000", "GNF", "decimals"),
    ("en", "1,500", "EUR", "decimals"), ("en", "1,50.00", "EUR", "form"), ("en", "1,5,0", "EUR", "form"),
    ("ar", "١٬٥", "EUR", "form"), ("ar", "１٥", "EUR", "form"), ("ar", "٫٥", "EUR", "form"), ("ar", "1,500", "XXX", "currency"),
]  # fmt: skip


@pytest.mark.parametrize(("locale", "typed", "currency", "minor"), READ)
def test_an_amount_is_read_as_its_language_writes_it(
    app: Flask, locale: str, typed: str, currency: str, minor: int
) -> None:
    with app.test_request_context(), force_locale(locale):
        assert read_money(typed, currency) == Money(minor, currency)


@pytest.mark.parametrize(("locale", "typed", "currency", "reason"), NOT_READ)
def test_what_may_be_two_amounts_is_none(
    app: Flask, locale: str, typed: str, currency: str, reason: str
) -> None:
    with app.test_request_context(), force_locale(locale), pytest.raises(NotAnAmount) as refused:
        read_money(typed, currency)
    assert refused.value.reason == reason


def test_every_amount_that_is_shown_can_be_typed_back(app: Flask) -> None:
    eastern = str.maketrans("0123456789,.", "٠١٢٣٤٥٦٧٨٩٬٫")
    for locale in ("fr", "en", "ar"):
        with app.test_request_context(), force_locale(locale):
            for currency in ("EUR", "GNF", "TND"):
                for minor in (
                    0,
                    5,
                    999,
                    1_000,
                    1_500,
                    95_000,
                    950_000,
                    1_234_567,
                    14_025_850,
                    123_456_789_012,
                ):
                    amount = Money(minor, currency)
                    assert read_money(number(amount), currency) == amount, (locale, number(amount))
                    if locale == "ar":
                        assert read_money(number(amount).translate(eastern), currency) == amount


def test_a_phone_number_is_grouped_and_anything_else_left_as_written() -> None:
    assert phone("+224620112233") == "+224 620 11 22 33"
    assert phone("voisin, le soir") == "voisin, le soir"
    assert national("+212612345678").replace(" ", "").replace("-", "") == "0612345678"
    assert national("voisin") == ""


def test_a_list_reads_in_the_direction_of_its_reader(app: Flask) -> None:
    with app.test_request_context():
        with force_locale("fr"):
            assert listed(["Pular", "Soussou"]) == "Pular, Soussou"
        with force_locale("ar"):
            assert listed(["Pular", "الفرنسية"]) == "\u200f\u2068Pular\u2069، \u2068الفرنسية\u2069"


def test_money_and_moments_in_arabic_keep_the_digits_of_documents(app: Flask) -> None:
    with app.test_request_context(), force_locale("ar"):
        assert money(Money(150_050, "EUR")) == "1,500.50 EUR"
        assert moment(datetime(2026, 11, 2, 14, 2, tzinfo=UTC)) == "2 نوفمبر 2026، 14:02"
