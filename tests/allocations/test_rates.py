"""Exchange rates: exact arithmetic, the rate in force, and monthly tables that are looked at before they are loaded."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.allocations.builders import NOW, a_rate
from webapp.allocations.models import ExchangeRate
from webapp.allocations.rate_tables import load_rates, read_rates
from webapp.allocations.rates import NoRate, Rate, convert, equivalent, in_currency, rate_on
from webapp.allocations.sheets import UnreadableTable
from webapp.database import db
from webapp.money import LARGEST, MixedCurrencies, Money
from webapp.people.models import Staff


def rate(base: str, quote: str, value: str) -> Rate:
    return Rate(uuid4(), base, quote, Decimal(value), date(2026, 11, 1), "test")


XOF = rate("EUR", "XOF", "655.957")


@pytest.mark.parametrize(
    ("amount", "by", "down", "half_up"),
    [
        (Money(150_000, "EUR"), XOF, Money(983_935, "XOF"), Money(983_936, "XOF")),
        (Money(200_000, "EUR"), XOF, Money(1_311_914, "XOF"), Money(1_311_914, "XOF")),
        (Money(61_500, "EUR"), XOF, Money(403_413, "XOF"), Money(403_414, "XOF")),
        (Money(1_311_914, "XOF"), XOF, Money(200_000, "EUR"), Money(200_000, "EUR")),
        (Money(1, "XOF"), XOF, Money(0, "EUR"), Money(0, "EUR")),
        (Money(-150_000, "EUR"), XOF, Money(-983_935, "XOF"), Money(-983_936, "XOF")),
        (
            Money(100, "EUR"),
            rate("EUR", "TND", "3.3955"),
            Money(3_395, "TND"),
            Money(3_396, "TND"),
        ),
        (Money(1_000, "TND"), rate("TND", "GNF", "2750.5"), Money(2_750, "GNF"), Money(2_751, "GNF")),
        (
            Money(LARGEST, "GNF"),
            rate("EUR", "GNF", "9412.35"),
            Money(10_624_339_298_899, "EUR"),
            Money(10_624_339_298_900, "EUR"),
        ),
    ],
)
def test_amounts_are_turned_exactly_and_rounded_once(
    amount: Money, by: Rate, down: Money, half_up: Money
) -> None:
    assert convert(amount, by, "down") == down
    assert convert(amount, by) == half_up


def test_a_rate_turns_only_its_own_currencies() -> None:
    with pytest.raises(MixedCurrencies):
        convert(Money(1, "USD"), XOF)


@given(
    st.integers(0, LARGEST),
    st.decimals("0.000001", "99999", places=6),
    st.sampled_from(["XOF", "USD", "TND", "GNF"]),
)
def test_down_and_back_never_gives_more(minor: int, value: Decimal, quote: str) -> None:
    by = rate("EUR", quote, str(value))
    there = convert(Money(minor, "EUR"), by, "down")
    assert convert(there, by, "down").minor <= minor
    assert 0 <= convert(Money(minor, "EUR"), by).minor - there.minor <= 1


@pytest.fixture
def inside(app: Flask):
    with app.test_request_context():
        yield


def test_the_rate_in_force_is_the_last_one_that_began(inside: None) -> None:
    for value, day in (("9000", 1), ("9100", 15)):
        a_rate("EUR", "GNF", value, datetime(2026, 11, day, tzinfo=UTC))
    assert rate_on("EUR", "GNF", date(2026, 10, 31)) is None
    assert [str(rate_on("EUR", "GNF", date(2026, 11, day)).rate) for day in (1, 14, 15, 30)] == [
        "9000",
        "9000",
        "9100",
        "9100",
    ]
    # The other direction is the same rate.
    assert rate_on("GNF", "EUR", date(2026, 11, 15)).base == "EUR"
    assert in_currency(Money(910_000, "GNF"), "EUR", date(2026, 11, 15))[0] == Money(10_000, "EUR")
    assert in_currency(Money(1, "GNF"), "EUR", date(2026, 11, 15))[0] == Money(1, "EUR")
    assert in_currency(Money(5, "EUR"), "EUR", date(2026, 11, 15)) == (Money(5, "EUR"), None)
    with pytest.raises(NoRate):
        in_currency(Money(5, "USD"), "EUR", date(2026, 11, 15))
    assert equivalent(Money(5, "USD"), "EUR", date(2026, 11, 15)) is None
    assert equivalent(Money(100, "EUR"), "GNF", date(2026, 11, 2), "down") == Money(9_000, "GNF")


TABLE = """Devise;Taux;À partir du;Source
GNF;9 412,35;01/11/2026;InforEuro
XOF;655,957;2026-11-01;InforEuro
MAD;10.7012;1.11.2026;InforEuro
JPY;0;2026-11-01;InforEuro
USD;NaN;2026-11-01;InforEuro
CHF;1e2;2026-11-01;InforEuro
GBP;０.８７;2026-11-01;InforEuro
SEK;-11,2;2026-11-01;InforEuro
NOK;11,7;31/02/2026;InforEuro
XXX;5;2026-11-01;InforEuro
EUR;1;2026-11-01;InforEuro
XOF;655,958;2026-11-01;InforEuro
"""


def read(text: str | bytes, **said: Any) -> list[Any]:
    file = text.encode() if isinstance(text, str) else text
    return read_rates(file, "t.csv", **{"base": "EUR", "effective_on": None, "source": "", **said})


def test_each_line_of_a_table_is_understood_or_says_why_not(inside: None) -> None:
    lines = read(TABLE)
    assert [(line.quote, line.outcome, line.doubt or line.rate) for line in lines] == [
        ("GNF", "new", "9412.35"),
        ("XOF", "new", "655.957"),
        ("MAD", "new", "10.7012"),
        ("JPY", "refused", "not_a_rate"),
        ("USD", "refused", "not_a_rate"),
        ("CHF", "refused", "not_a_rate"),
        ("GBP", "refused", "not_a_rate"),
        ("SEK", "refused", "not_a_rate"),
        ("NOK", "refused", "not_a_day"),
        ("XXX", "left_out", "not_used"),
        ("EUR", "left_out", "itself"),
        ("XOF", "refused", "twice"),
    ]
    assert {line.effective_on for line in lines[:3]} == {date(2026, 11, 1)}
    assert all(line.sentence for line in lines[3:])


def test_a_table_that_is_loaded_again_changes_nothing(inside: None) -> None:
    assert load_rates(read(TABLE), by=None, now=NOW) == 3
    assert load_rates(read(TABLE), by=None, now=NOW) == 0
    again = read(TABLE.replace("655,957", "656"))
    assert (again[0].outcome, again[1].outcome, again[1].doubt) == ("same", "refused", "other_value")
    later = read(TABLE.replace("9 412,35;01/11/2026", "94 123,5;01/12/2026"))
    assert (later[0].outcome, later[0].doubt, later[0].last) == ("new", "much", "9412.35")


def test_a_comma_between_cells_is_not_read_as_a_decimal(inside: None) -> None:
    lines = read('currency,rate\nXOF,"655,957"\nGNF,9412.35\n', effective_on=date(2026, 11, 1), source="UN")
    assert [(line.outcome, line.doubt) for line in lines] == [("refused", "comma"), ("new", "")]


def test_what_a_table_does_not_say_is_asked(inside: None) -> None:
    text = "Currency code,Rate\nGNF,8623.5\n"
    assert read(text)[0].doubt == "not_a_day"
    assert read(text, effective_on=date(2026, 11, 1))[0].doubt == "no_source"
    line = read(text, effective_on=date(2026, 11, 1), source="UNORE", base="USD")[0]
    assert (line.outcome, line.base, line.source) == ("new", "USD", "UNORE")


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_workbook_is_read_below_its_title(inside: None) -> None:
    file = workbook(
        [
            ["Taux mensuels", None],
            [],
            ["Pays", "Code", "Valeur", "Date", "Source"],
            ["Guinée", "GNF", 9412.35, datetime(2026, 11, 1), "InforEuro"],  # noqa: DTZ001
            ["Sénégal", "XOF", "=655.9+0.057", datetime(2026, 11, 1), "InforEuro"],  # noqa: DTZ001
            ["Tunisie", "TND", 3, date(2026, 11, 1), "InforEuro"],
        ]
    )
    lines = read(file)
    assert [(line.line, line.rate, line.doubt) for line in lines] == [
        (4, "9412.35", ""),
        (5, "=655.9+0.057", "not_a_rate"),
        (6, "3", ""),
    ]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "empty"),
        (b"\x00\x00", "empty"),
        (b"a;b\n1;2\n", "no_headings"),
        (b"devise;taux\n" + b'GNF;"9' * 10, "not_text"),
        (b"devise;taux\n" + b"GNF;9\n" * 5_001, "too_many"),
        (b"PK\x03\x04nothing", "damaged"),
        (b"x" * (1024 * 1024 + 1), "too_large"),
        (bytes(range(128, 256)) * 3, "not_text"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_sentence(inside: None, file: bytes, code: str) -> None:
    with pytest.raises(UnreadableTable) as refused:
        read(file)
    assert refused.value.sentence
    assert refused.value.code == code


def test_finance_looks_before_loading(people: Any, app: Flask) -> None:
    farah = people("farah")
    farah.opens("/exchange-rates/new")
    shown = farah.posts(
        "/exchange-rates/preview",
        {"file": (BytesIO(TABLE.encode("cp1252", "replace")), "nov.csv")},
        status=200,
    )
    assert "3 nouveaux taux" in shown.text()
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ExchangeRate)) == 0
    table = shown.soup.select_one("input[name=table]")["value"]
    farah.posts("/exchange-rates", {"table": table.replace("\n", "\r\n")})
    farah.posts("/exchange-rates", {"table": table})
    for name in ("farah", "kadiatou", "ibrahima"):
        assert "9 412,35 GNF" in people(name).opens("/exchange-rates").text()
    with app.app_context():
        kept = db.session.scalars(select(ExchangeRate)).all()
        assert len(kept) == 3
        farah_id = db.session.scalar(select(Staff.id).where(Staff.email == "farah@demo"))
        assert {rate.loaded_by_id for rate in kept} == {farah_id}
        assert all(rate.source and rate.effective_on and rate.loaded_at for rate in kept)


def test_only_finance_loads_rates(people: Any) -> None:
    for name in ("kadiatou", "ibrahima", "root"):
        people(name).posts("/exchange-rates", {"table": "x"}, status=403)
    for name in ("salma", "ada", "karim", "root"):
        people(name).opens("/exchange-rates", 403)
    people("farah").posts("/exchange-rates", {"table": "x"}, status=400)
    people("farah").posts("/exchange-rates/preview", {"effective_on": "x"}, status=422)
    people("farah").posts("/exchange-rates/preview", {}, status=422)
    people("farah").opens("/exchange-rates?before=x", 404)
