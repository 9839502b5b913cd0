"""Files as they come: other layouts, other languages, damaged, hostile."""

# ruff: noqa: DTZ001  (the dates of a workbook have no zone)

import random
import time
import zipfile
from datetime import date, datetime
from io import BytesIO

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from webapp.cases.intake import Outcome, ReferralList, UnreadableList, fingerprint, read_referral_list
from webapp.cases.intake.doubts import UNREADABLE


def refused(file: bytes, filename: str = "liste.xlsx") -> str:
    with pytest.raises(UnreadableList) as refusal:
        read_referral_list(file, filename)
    assert refusal.value.sentence == str(UNREADABLE[refusal.value.code])
    return refusal.value.code


def read_or_why(file: bytes) -> ReferralList | str:
    try:
        return read_referral_list(file, "x.xlsx")
    except UnreadableList as refusal:
        return refusal.code


def with_part(file: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(file)) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        for part in parts.namelist():
            if part != name:
                changed.writestr(part, parts.read(part))
        changed.writestr(name, content)
    return out.getvalue()


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>Nom</t></is></c><c r="B1" t="inlineStr"><is><t>Prénom</t></is></c>'
    '<c r="C1" t="inlineStr"><is><t>Nationalité</t></is></c></row>'
    '<row r="2"><c r="A2" t="inlineStr"><is><t>Diallo</t></is></c><c r="B2" t="inlineStr"><is><t>Awa</t></is></c></row>'
    "%s</sheetData></worksheet>"
)
FIRST_SHEET = "xl/worksheets/sheet1.xml"


# --- layouts


def test_an_english_list_without_a_title_is_read_as_of_today(make_workbook):
    file = make_workbook(
        [
            [
                "X-1",
                "DIALLO Aminata",
                "Female",
                datetime(1996, 5, 12),
                "Guinea",
                "+224622112233",
                "Departed",
                "14/06/2026",
                "EUR 1,700.50",
            ]
        ],
        headings=[
            "Case number",
            "Full name",
            "Gender",
            "DOB",
            "Nationality",
            "Phone",
            "Status",
            "Departure date",
            "Amount",
        ],
        title=(),
    )
    read = read_referral_list(file, "list.xlsx", today=date(2026, 11, 2))
    row = read.rows[0]
    assert (read.as_of, read.as_of_known, read.title) == (date(2026, 11, 2), False, "Sheet")
    assert (row.family_name, row.given_names, row.sex, row.situation, row.ceiling.minor) == (
        "DIALLO",
        "Aminata",
        "f",
        "departed",
        170050,
    )
    assert row.outcome == Outcome.OK


def test_unknown_and_repeated_columns_are_listed(make_workbook):
    file = make_workbook(
        [["1", "Diallo", "Awa", "GN", "Ba", "vert", "sans titre"]],
        headings=["N°", "Nom", "Prénom", "Nationalité", "Nom de famille", "Couleur", None],
    )
    read = read_referral_list(file, "x.xlsx")
    assert [(column.letter, column.heading) for column in read.unknown_columns] == [
        ("E", "Nom de famille"),
        ("F", "Couleur"),
        ("G", ""),
    ]
    assert read.rows[0].family_name == "Diallo"


def test_two_phone_columns_are_both_read(make_workbook):
    file = make_workbook(
        [["1", "Diallo", "Awa", "GN", "+224622112233", "+224628445566"]],
        headings=["N°", "Nom", "Prénom", "Nationalité", "Téléphone", "Mobile"],
    )
    assert [phone.e164 for phone in read_referral_list(file, "x.xlsx").rows[0].phones] == [
        "+224622112233",
        "+224628445566",
    ]


def test_the_list_is_found_on_any_sheet_and_other_lists_are_named(make_workbook):
    book = openpyxl.load_workbook(
        BytesIO(make_workbook([["Diallo", "Awa", "GN", "F"]], headings=["Nom", "Prénom", "Pays", "Sexe"]))
    )
    book.create_sheet("Notice", 0).append(["Lisez-moi"])
    book.create_sheet("Août").append(["Nom", "Prénom", "Pays"])
    file = BytesIO()
    book.save(file)
    read = read_referral_list(file.getvalue(), "x.xlsx")
    assert (read.sheet, read.other_sheets, read.other_lists) == ("Sheet", ("Notice", "Août"), ("Août",))


def test_lines_that_are_no_rows_have_their_reason(make_workbook):
    headings = ["N°", "Nom", "Prénom", "Nationalité"]
    file = make_workbook(
        [
            ["1", "Diallo", "Awa", "GN"],
            headings,
            ["Vu et transmis"],
            ["Total général", 1],
            ["2", None, None, "GN"],
            ["VoT : ne pas diffuser"],
        ],
        headings=headings,
    )
    read = read_referral_list(file, "x.xlsx")
    assert [(line.code, line.text) for line in read.unread] == [
        ("headings_again", "N° | Nom | Prénom | Nationalité"),
        ("remark_line", "Vu et transmis"),
        ("total", "Total général | 1"),
        ("remark_line", "…"),
    ]
    assert [row.outcome for row in read.rows] == [Outcome.LOOK, Outcome.REFUSED]


@pytest.mark.parametrize(
    ("title", "as_of"),
    [
        ("Situation au 31/10/2026 – CONFIDENTIEL", date(2026, 10, 31)),
        ("Période du 01/10/2026 au 30/10/2026, imprimé le 02/11/2026 ", date(2026, 11, 2)),
        ("Liste au 31 octobre 2026", date(2026, 10, 31)),
        ("As of 31 October 2026", date(2026, 10, 31)),
        (datetime(2026, 10, 31), date(2026, 10, 31)),
    ],
)
def test_the_date_of_the_list_is_found_in_its_title(make_workbook, title, as_of):
    file = make_workbook([["Diallo", "Awa", "GN"]], headings=["Nom", "Prénom", "Pays"], title=[title])
    assert read_referral_list(file, "x.xlsx").as_of == as_of


def test_dates_counted_from_1904_are_read_right(make_workbook):
    book = openpyxl.load_workbook(
        BytesIO(
            make_workbook([["Diallo", "Awa", "GN", 33000]], headings=["Nom", "Prénom", "Pays", "Né(e) le"])
        )
    )
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    file = BytesIO()
    book.save(file)
    assert read_referral_list(file.getvalue(), "x.xlsx").rows[0].birth_date == date(1994, 5, 8)


def test_formulas_of_every_kind_are_seen_and_not_taken(people, make_workbook):
    row = people(
        {"Nom": "Ba", "Observations": "=1+1", "Plafond (EUR)": "=SUM(A1:A2)", "Date de naiss.": "=TODAY()"}
    ).rows[0]
    assert [doubt.field for doubt in row.doubts if doubt.code == "formula_not_taken"] == [
        "birth_date",
        "remarks",
        "ceiling",
    ]
    file = make_workbook(
        [["Ba", "Awa", "GN", ArrayFormula("D4:D4", "=SUM(1,2)")]],
        headings=["Nom", "Prénom", "Pays", "Observations"],
    )
    assert [
        doubt.code for doubt in read_referral_list(file, "x.xlsx").rows[0].doubts if doubt.field == "remarks"
    ] == ["formula_not_taken"]


# --- repeats


def test_the_same_row_twice_is_the_same_whatever_its_spelling(people):
    first, second = people(
        {}, {"Nom": "DIALLO", "Date de naiss.": "12 mai 1996", "Plafond (EUR)": 2615, "Vol": "AT 531"}
    ).rows
    assert (first.outcome, second.outcome, second.repeats.line) == (Outcome.OK, Outcome.SAME, first.line)
    assert fingerprint(first) == fingerprint(second)


def test_the_same_number_with_differences_says_which(people):
    _first, second = people({}, {"Plafond (EUR)": "1 500"}).rows
    assert second.outcome == Outcome.LOOK
    assert [(change.field, change.before, change.after) for change in second.repeats.differences] == [
        ("ceiling", "2615.00 EUR", "1500.00 EUR")
    ]
    assert [doubt.sentence for doubt in second.reasons] == [
        "Même numéro de dossier que la ligne 4, avec des différences : plafond."
    ]


def test_the_same_number_for_someone_else_needs_a_look(people):
    _first, second = people({}, {"Nom": "Ba", "Prénom(s)": "Moussa", "Date de naiss.": "01/01/1990"}).rows
    assert [doubt.code for doubt in second.reasons] == ["number_of_someone_else"]


def test_the_same_person_under_another_number_needs_a_look(people):
    other = {"N° dossier": "X-2", "Nom": "AMINATA", "Prénom(s)": "Diallo", "Téléphone": None}
    _first, second = people({}, other).rows
    assert [doubt.code for doubt in second.reasons] == ["perhaps_same_person"]


@pytest.mark.parametrize("change", [{"Date de naiss.": "01/01/1990"}, {"Nationalité": "Mali"}, {"Nom": "Ba"}])
def test_namesakes_are_not_the_same_person(people, change):
    other = {"N° dossier": "X-2", "Téléphone": None, **change}
    assert [row.outcome for row in people({}, other).rows] == [Outcome.OK, Outcome.OK]


# --- files that are no lists


def test_what_is_no_workbook_gets_a_sentence():
    assert refused(b"") == "empty"
    assert refused(b"\0" * 50) == "empty"
    assert refused(b"nom;prenom\n", "liste.csv") == "not_a_workbook"
    assert refused(b"%PDF-1.7 ...") == "not_a_workbook"
    assert refused(b"PK\x03\x04 nothing more") == "damaged"
    assert refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600) == "old_workbook"
    assert (
        refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")) == "encrypted"
    )
    assert refused(b"x" * (11 * 1024 * 1024)) == "too_large"


def test_other_archives_get_a_sentence():
    for names, code in ((["mimetype", "content.xml"], "other_workbook"), (["a.txt"], "not_a_workbook")):
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as parts:
            for name in names:
                parts.writestr(name, "x")
        assert refused(file.getvalue()) == code


def test_a_workbook_without_a_list_gets_a_sentence(make_workbook):
    empty = BytesIO()
    openpyxl.Workbook().save(empty)
    assert refused(empty.getvalue()) == "empty"
    assert refused(make_workbook([[1, 2, 3]], headings=["a", "b", "c"])) == "no_headings"
    assert (
        refused(make_workbook([["vert", "2", "3"]], headings=["Couleur", "Sexe", "Nationalité"]))
        == "no_headings"
    )
    assert refused(make_workbook([], headings=["Nom", "Prénom", "Pays"])) == "no_rows"


def test_bombs_are_refused_before_they_unpack(make_workbook):
    file = make_workbook([["Ba", "Awa", "GN"]], headings=["Nom", "Prénom", "Pays"])
    assert refused(with_part(file, "xl/media/a.bin", b"\0" * (65 * 1024 * 1024))) == "too_large"
    assert (
        refused(
            with_part(file, FIRST_SHEET, (SHEET % ('<row r="3">' + "<c/>" * 1_100_000 + "</row>")).encode())
        )
        == "too_large"
    )
    entities = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        + (SHEET % "").encode()
    )
    assert refused(with_part(file, FIRST_SHEET, entities)) == "damaged"
    assert refused(with_part(file, FIRST_SHEET, entities.decode().encode("utf-16"))) == "damaged"


def test_too_many_rows_or_columns_are_refused(make_workbook):
    headings = ["Nom", "Prénom", "Pays"]
    assert refused(make_workbook([["Ba", "Awa", "GN"]] * 5_001, headings=headings)) == "too_many_rows"
    assert (
        refused(make_workbook([["Ba", "Awa", "GN", *["x"] * 300]], headings=headings)) == "too_many_columns"
    )


def test_another_long_sheet_does_no_harm(make_workbook):
    book = openpyxl.load_workbook(
        BytesIO(make_workbook([["Ba", "Awa", "GN"]], headings=["Nom", "Prénom", "Pays"]))
    )
    codes = book.create_sheet("Codes", 0)
    for number in range(5_100):
        codes.append([number])
    file = BytesIO()
    book.save(file)
    assert [row.name for row in read_referral_list(file.getvalue(), "x.xlsx").rows] == ["Awa Ba"]


def test_a_stray_cell_at_the_end_of_the_sheet_does_no_harm(make_workbook):
    file = make_workbook([["Ba", "Awa", "GN"]], headings=["Nom", "Prénom", "Pays"])
    stray = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t></t></is></c></row>'
    read = read_referral_list(with_part(file, FIRST_SHEET, (SHEET % stray).encode()), "x.xlsx")
    assert [row.name for row in read.rows] == ["Awa Diallo"]
    assert len(read.blank_lines) < 20_000


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="C2"><v>' + "9" * 5000 + "</v></c>",
        '<c r="C2"><v>NaN</v></c>',
        '<c r="C2"><v>1e999</v></c>',
        '<c r="C2" t="s"><v>77</v></c>',
        '<c r="C2" t="d"><v>pas une date</v></c>',
        '<c r="C2" t="e"><v>#REF!</v></c>',
        '<c r="C2" s="99999"><v>1</v></c>',
        '<c r="??"><v>1</v></c>',
        '<c r="C2" t="b"><v>maybe</v></c>',
        '<c r="C2"><f t="shared" si="0">A1</f></c>',
    ],
)
def test_odd_cells_are_read_or_refused_with_a_sentence(make_workbook, cell):
    file = make_workbook([["Ba", "Awa", "GN"]], headings=["Nom", "Prénom", "Pays"])
    sheet = (SHEET % "").replace("</row></sheetData>", cell + "</row></sheetData>")
    read = read_or_why(with_part(file, FIRST_SHEET, sheet.encode()))
    assert read == "damaged" or read.rows[0].nationality is None


def test_a_damaged_sample_never_raises_anything_else(sample_file):
    chance = random.Random(7)
    for _ in range(40):
        damaged = bytearray(
            sample_file[: chance.choice([len(sample_file), chance.randrange(len(sample_file))])]
        )
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        read = read_or_why(bytes(damaged))
        assert isinstance(read, ReferralList) or read in UNREADABLE


@pytest.mark.parametrize(
    "far",
    [
        '<row r="999999999999"><c r="A1"><v>1</v></c></row>',
        "".join(f'<row r="{number}"><c r="ZZZ1"/></row>' for number in range(3, 10_000)),
    ],
    ids=["a row beyond any sheet", "ten thousand blank rows as wide as can be"],
)
def test_cells_that_say_they_lie_far_away_do_not_keep_the_server_busy(make_workbook, far):
    file = make_workbook([["Ba", "Awa", "GN"]], headings=["Nom", "Prénom", "Pays"])
    began = time.process_time()
    assert refused(with_part(file, FIRST_SHEET, (SHEET % far).encode())) == "too_large"
    assert time.process_time() - began < 20
