"""Whatever a cell holds, reading it raises nothing and says only what can be stored and shown."""

# ruff: noqa: DTZ001  (the dates of a workbook have no zone)

import json
from datetime import date, datetime, time, timedelta
from io import BytesIO

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webapp.cases.intake import (
    Field,
    Outcome,
    ReadRow,
    differences,
    fingerprint,
    mark_repeats,
    read_referral_list,
    read_row,
)
from webapp.cases.intake.words import Broken, Formula

LISTED = date(2026, 10, 31)
ODD_TEXTS = [
    "", " ", "-", "\u202e\u2066", "👩🏽‍🌾", "𝟙𝟚/𝟘𝟛/𝟙𝟡𝟡𝟠", "١٢/٠٣/١٩٩٨", "²/³/¹⁹⁹⁸", "𐩀/𐩀/𐩀𐩀𐩀𐩀",
    "x" * 32_767, "1 " * 16_000, "(" * 32_000, "<" * 9_000,
    "+" * 500, "0" * 5_000, "9" * 5_000, "\x00\x01\x1f", "\ud800", "=cmd|' /C calc'!A0", "@SUM(1)", "1/1/1", "00/00/0000", "29/02/1900",
    "31/12/9999", "1e308", "NaN", "-0", "1,5,2", "null", "%(cell)s %s {0}", "نعم", "٫٬", "vers", "et/et,et", " / ", "€", "$", "1 + 1 + 1",
]  # fmt: skip

numbers = st.one_of(
    st.integers(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.sampled_from([10**400, -(10**5000), 0, -1, 60, 61, 2_958_465, 2_958_466, 19_000_101, 99_999_999]),
    st.floats(),
    st.sampled_from([1e-300, 1e300, -0.0, 37736.99999]),
)
dates = st.one_of(
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.sampled_from([datetime(1900, 1, 1), datetime(9999, 12, 31), time(0), timedelta(0)]),
)
texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(ODD_TEXTS),
    st.text(alphabet="0123456789/.- +,eEvrs€'", max_size=20),
    st.text(alphabet="\u202a\u202b\u200f\u0640\u064bابةىءأ\u0300", max_size=12),
)
values = st.one_of(st.none(), st.booleans(), numbers, dates, texts, texts.map(Formula), texts.map(Broken))
rows = st.dictionaries(st.sampled_from(Field), st.lists(values, max_size=2), max_size=len(Field))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows)
def test_no_cell_raises_anything(cells):
    row = read_row(7, cells, as_of=LISTED)
    _holds(row)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_the_same_value_in_every_column_raises_nothing(value):
    _holds(read_row(7, {field: [value] for field in Field}, as_of=LISTED, heading_currency="EUR"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows, max_size=5))
def test_any_rows_can_be_compared(several):
    read = [read_row(number, cells, as_of=LISTED) for number, cells in enumerate(several, start=5)]
    marked = mark_repeats(read)
    assert [row.line for row in marked] == [row.line for row in read]
    for row in marked:
        _holds(row)
        if row.outcome == Outcome.SAME:
            original = next(other for other in read if other.line == row.repeats.line)
            assert fingerprint(original) == fingerprint(row)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(texts, st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=22,
        max_size=22,
    )
)
def test_any_cells_in_a_real_workbook_are_read(cells):
    book = openpyxl.Workbook()
    book.active.append(
        [
            "Nom",
            "Prénom",
            "Sexe",
            "Né(e) le",
            "Pays",
            "Tél.",
            "Langue",
            "Statut",
            "Date départ",
            "Plafond",
            "Famille",
            "Besoins",
        ]
    )
    for value in cells:
        storable = (
            openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", value.replace("\ud800", ""))
            if isinstance(value, str)
            else value
        )
        book.active.append(["Ba", "Awa", *[storable] * 10])
    file = BytesIO()
    book.save(file)
    for row in read_referral_list(file.getvalue(), "x.xlsx", today=LISTED).rows:
        _holds(row)


def _holds(row: ReadRow) -> None:
    """A row can be stored as JSON in UTF-8, read back, shown, and compared with itself."""
    kept = json.dumps(row.kept(), ensure_ascii=False)
    kept.encode()
    assert "\\u0000" not in kept
    assert ReadRow.from_kept(json.loads(kept)) == row
    assert differences(row, row) == ()
    assert len(fingerprint(row)) == 64
    for doubt in row.doubts:
        assert doubt.sentence
        assert len(doubt.cell) <= 80
    assert row.outcome in Outcome
    assert len(row.family_name) <= 120
    assert len(row.given_names) <= 160
    assert all(len(text or "") <= 80 for text in (row.region, row.place, row.activity, row.donor))
    assert all(len(phone.raw) <= 80 for phone in row.phones)
    assert len(row.contact_person or "") <= 120
    if row.birth_date:
        assert date(1916, 1, 1) <= row.birth_date <= LISTED
    for day in (row.interviewed_on, row.departure_on):
        assert day is None or 2000 <= day.year <= 2029
