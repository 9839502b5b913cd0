"""Names are found however they are written, and money and numbers are shown as their readers write them."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st

from webapp.formats import listed, moment, money, national, phone, plain
from webapp.money import Money

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
