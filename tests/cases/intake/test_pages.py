"""The pages on which a referral list is sent, looked at and confirmed."""

from collections.abc import Callable
from io import BytesIO
from itertools import islice, product
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.browser_client import Page, Person
from webapp.cases.intake import workbook as reading
from webapp.cases.models import Case, ReferralList, ReferralRow
from webapp.database import db
from webapp.people.models import Staff

HEADINGS = [
    "N° dossier",
    "Nom",
    "Prénom(s)",
    "Sexe",
    "Date de naiss.",
    "Nationalité",
    "Situation",
    "Plafond (EUR)",
]
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def someone(app: Flask, cast: Any) -> Callable[[str], Person]:
    return lambda name: Person(app, getattr(cast, name))


@pytest.fixture
def karim(someone: Callable[[str], Person]) -> Person:
    return someone("karim")


def send(person: Person, file: bytes, name: str = "liste.xlsx", status: int = 303) -> Page:
    page = Page(person.client.post("/cases/intake", data={"file": (BytesIO(file), name)}))
    assert page.status == status, page.text()
    return page


def path_of(page: Page) -> str:
    return str(page.response.headers["Location"])


def figures(page: Page) -> list[str]:
    return page.texts(".figure")


def row_at(page: Page, line: int) -> Any:
    wanted = f"Ligne {line} "
    return next(
        row for row in page.soup.select(".intake-row") if row.get_text(" ").strip().startswith(wanted)
    )


def words_of(row: Any) -> str:
    return " ".join(row.get_text(" ").split())


def people_of(number: int) -> list[list[Any]]:
    """So many rows about which there is nothing to doubt."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [
        [f"X-{i}", f"Nom{a}{b}{c}", "Awa", "F", "01/02/1990", "Guinée", "Entretien fait", 1500]
        for i, (a, b, c) in enumerate(islice(product(letters, repeat=3), number))
    ]


def cases_of(app: Flask, *conditions: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Case).where(*conditions)) or 0


def test_the_sample_list_goes_from_file_to_cases(app, cast, karim, sample_file):
    karim.opens("/cases/intake")
    path = path_of(send(karim, sample_file))
    preview = karim.opens(path)
    assert figures(preview) == ["209 cas à créer", "2 déjà ici", "38 à regarder", "0 refusés"]
    assert cases_of(app, Case.external_ref.is_not(None)) == 0
    confirmed = path_of(karim.posts(f"{path}/confirmation", {"page": "1"}))
    assert confirmed == path
    result = karim.opens(path)
    assert figures(result) == ["209 cas créés", "2 déjà ici", "38 non repris", "0 refusés"]
    link = result.soup.select_one(".intake-row a")
    assert link is not None
    karim.opens(str(link["href"]))
    assert cases_of(app, Case.caseworker_id == cast.karim, Case.external_ref.is_not(None)) == 209


def test_reading_the_list_again_finds_everybody_here(app, karim, sample_file):
    first = path_of(send(karim, sample_file))
    karim.posts(f"{first}/confirmation", {"page": "1"})
    cases = cases_of(app)
    again = path_of(send(karim, sample_file))
    assert figures(karim.opens(again)) == ["0 cas à créer", "211 déjà ici", "38 à regarder", "0 refusés"]
    karim.posts(f"{again}/confirmation", {"page": "1"})
    karim.posts(f"{again}/confirmation", {"page": "1"})
    assert cases_of(app) == cases


def test_each_row_says_what_was_understood_and_why_it_needs_a_look(karim, sample_file):
    page = karim.opens(path_of(send(karim, sample_file)))
    first = words_of(page.soup.select(".intake-row")[0])
    assert "à regarder" in first
    mbarga = words_of(row_at(page, 54))
    assert "Emmanuel Mbarga" in mbarga
    assert "Il n’y a pas de numéro de dossier." in mbarga
    assert "Peut-être la même personne qu’à la ligne 53" in mbarga
    assert row_at(page, 54).select_one("input[name=take]")
    assert "La ligne 53 porte le même numéro" in words_of(row_at(page, 68))
    assert row_at(page, 68).select_one("input[name=take]") is None
    outcomes = [words_of(chip) for chip in page.soup.select(".intake-row .chip")]
    assert outcomes == sorted(outcomes, key=["à regarder", "refusé", "sera créé", "déjà ici"].index)


def test_lines_that_are_no_rows_are_listed_as_not_read(karim, sample_file):
    page = karim.opens(path_of(send(karim, sample_file)))
    told = page.text("section")
    assert "Ligne 259 Ligne de total : elle n’est pas lue. TOTAL | 240 | =SUM(S5:S999)" in told
    assert "Autre feuille : elle n’est pas lue. Légende" in told
    assert "Lignes vides. 44, 75, 81, 137, 214" in told


def test_a_ticked_row_is_taken_in_and_an_unticked_one_stays_out(app, karim, sample_file):
    path = path_of(send(karim, sample_file))
    box = row_at(karim.opens(path), 54).select_one("input[name=take]")
    karim.posts(f"{path}/confirmation", {"page": "1", "take": box["value"]})
    result = karim.opens(path)
    assert figures(result) == ["210 cas créés", "2 déjà ici", "37 non repris", "0 refusés"]
    assert "non repris" in words_of(row_at(result, 119))
    with app.app_context():
        row = db.session.scalars(select(ReferralRow).where(ReferralRow.line == 54)).one()
        assert row.case_id is not None


def test_ticks_are_kept_from_page_to_page(app, karim, make_workbook):
    rows = [[*row[:5], None, *row[6:]] for row in people_of(250)]
    path = path_of(send(karim, make_workbook(rows, headings=HEADINGS)))
    first = karim.opens(path)
    assert len(first.soup.select(".intake-row")) <= 200 + 2
    take = [box["value"] for box in first.soup.select("input[name=take]")][:3]
    forward = first.soup.select_one("button[formaction]")
    second = path_of(karim.posts(forward["formaction"], {"page": "1", "take": take}))
    assert second.endswith("?page=2")
    box = karim.opens(second).soup.select_one("input[name=take]")
    karim.posts(f"{path}/choice?to=1", {"page": "2", "take": box["value"]})
    ticked = karim.opens(path).soup.select("input[name=take][checked]")
    assert [box["value"] for box in ticked] == take
    karim.posts(f"{path}/confirmation", {"page": "1", "take": take[:2]})
    assert figures(karim.opens(path))[0] == "3 cas créés"


def test_a_list_of_five_thousand_rows_comes_in_pages_of_two_hundred(karim, make_workbook):
    path = path_of(send(karim, make_workbook(people_of(4990), headings=HEADINGS)))
    page = karim.opens(path)
    assert len(page.soup.select("ol .intake-row")) == 200
    assert "Page 1 sur 25" in page.text()
    assert len(page.html) < 400_000
    assert len(karim.opens(f"{path}?page=25").soup.select("ol .intake-row")) == 190
    for odd in ("0", "-1", "999999", "x", "²", "99"):
        karim.opens(f"{path}?page={odd}")


def test_a_changed_cell_shows_its_difference_to_whoever_may_see_the_case(karim, someone, make_workbook):
    rows = people_of(2)
    path = path_of(send(karim, make_workbook(rows, headings=HEADINGS)))
    karim.posts(f"{path}/confirmation")
    rows[0][3], rows[1][4] = "M", "03/02/1990"
    changed = make_workbook(rows, headings=HEADINGS)
    seen = karim.opens(path_of(send(karim, changed)))
    assert figures(seen) == ["0 cas à créer", "0 déjà ici", "2 à regarder", "0 refusés"]
    assert "date de naissance dans le dossier 1 févr. 1990 · dans cette liste 3 févr. 1990" in seen.text()
    assert "sexe dans le dossier femme · dans cette liste homme" in seen.text()
    unseen = someone("moussa")
    other = unseen.opens(path_of(send(unseen, changed)))
    assert "Un dossier que vous ne voyez pas a déjà ce numéro." in other.text()
    assert "dans le dossier" not in other.text()
    assert "GN-" not in other.text()


def test_only_the_reader_and_managers_of_that_office_see_a_list(app, cast, karim, someone, make_workbook):
    path = path_of(send(karim, make_workbook(people_of(2), headings=HEADINGS)))
    kadiatou = someone("kadiatou")
    for name in ("moussa", "kadiatou"):
        someone(name).opens(path, 404)
        someone(name).posts(f"{path}/confirmation", status=404)
        someone(name).posts(f"{path}/choice", status=404)
    for name in ("ibrahima", "salma", "farah", "ada", "root"):
        someone(name).opens("/cases/intake", 403)
        someone(name).opens(path, 403)
    assert cases_of(app, Case.external_ref.is_not(None)) == 0
    with app.app_context():
        db.session.get_one(Staff, cast.karim).office_id = cast.conakry
        db.session.commit()
    kadiatou.opens(path)
    kadiatou.posts(f"{path}/confirmation")
    assert cases_of(app, Case.external_ref.is_not(None), Case.caseworker_id.is_(None)) == 2


def test_formulas_and_markup_stay_text_everywhere(karim, make_workbook):
    rows = people_of(3)
    rows[0][1] = MARKUP
    rows[1][2] = '=HYPERLINK("http://example.org","x")'
    rows[2][0] = "'\"><script>alert(1)</script>"
    file = make_workbook(
        [*rows, [None, "{{ 7*7 }}"]], headings=[*HEADINGS, MARKUP], title=(f"<script>{MARKUP}",)
    )
    path = path_of(send(karim, file, name=f"{MARKUP}.xlsx"))
    page = karim.opens(path)
    boxes = [box["value"] for box in page.soup.select("input[name=take]")]
    karim.posts(f"{path}/confirmation", {"page": "1", "take": boxes})
    pages = [page, karim.opens(path), karim.opens("/cases")]
    pages += [karim.opens(str(a["href"])) for a in pages[1].soup.select("ol .intake-row a")]
    assert len(pages) == 3 + 4
    for shown in pages:
        assert not shown.soup.select("main img, main script, [onerror]")
        assert not shown.soup.select('a[href^="http"]')
        assert "49" not in shown.text("ol") or "{{ 7*7 }}" in shown.text("ol")
    assert MARKUP in pages[1].text()
    assert "{{ 7*7 }}" in pages[1].text()


def test_restricted_needs_stand_on_no_page_and_in_no_search(app, cast, karim, someone, sample_file):
    path = path_of(send(karim, sample_file))
    preview = [karim.opens(f"{path}?page={number}") for number in (1, 2)]
    karim.posts(f"{path}/confirmation", {"page": "1"})
    with app.app_context():
        restricted = [
            case.id
            for case in db.session.scalars(select(Case))
            if case.restricted_needs and case.office_id == cast.conakry
        ]
        assert restricted
        for case_id in restricted:
            case = db.session.get_one(Case, case_id)
            case.officer_id, case.counsellor_id = cast.ibrahima, cast.salma
        db.session.commit()
    pages = [*preview, karim.opens(path), karim.opens(f"{path}?page=2")]
    for name in ("karim", "kadiatou", "ibrahima", "salma"):
        person = someone(name)
        pages += [person.opens(f"/cases/{case_id}") for case_id in restricted]
        for asked in ("protection", "traite", "psychosocial"):
            found = person.opens(f"/cases?q={asked}")
            assert not found.soup.select("main li a.row, main .rows li")
            assert "protection" not in found.text(".rows").lower()
    pack = someone("ibrahima").client.get("/pack?cursor=0&build=x").get_data(as_text=True)
    assert str(restricted[0]) in pack
    for words in [*(page.text("main").lower() for page in pages), pack.lower()]:
        for word in ("protection", "psychosocial", "traite des", "victime"):
            assert word not in words


def zipped(**parts: bytes) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return out.getvalue()


@pytest.mark.parametrize(
    ("file", "name", "sentence"),
    [
        (b"", "vide.xlsx", "Le fichier est vide."),
        (b"nom;prenom\n", "liste.csv", "n’est pas un classeur Excel"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, "liste.xls", "ancien format Excel"),
        (b"PK\x03\x04" + b"x" * 600, "liste.xlsx", "abîmé"),
        (zipped(mimetype=b"x"), "liste.ods", "n’est pas au format Excel"),
        (b"PK" + b"x" * (reading.MAX_FILE + 100_000), "liste.xlsx", "trop grand"),
    ],
    ids=["empty", "text", "old", "damaged", "other", "huge"],
)
def test_a_wrong_file_comes_back_with_a_sentence_beside_the_field(app, karim, file, name, sentence):
    page = send(karim, file, name, status=422)
    assert sentence in page.text("#file-error")
    assert page.soup.select_one("#file[aria-describedby=file-error]")
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ReferralList)) == 0


def test_a_form_without_a_file_asks_for_one(karim):
    assert "Choisissez un fichier." in karim.posts("/cases/intake", status=422).text("#file-error")


def test_a_list_with_headings_that_nobody_knows_is_sent_back(karim, make_workbook):
    page = send(karim, make_workbook([["1", "2"]], headings=["a", "b"]), status=422)
    assert "Aucune ligne de titres connue" in page.text("#file-error")


def test_the_reader_reads_in_their_own_language(app, cast, karim, sample_file):
    path = path_of(send(karim, sample_file))
    with app.app_context():
        db.session.get_one(Staff, cast.karim).locale = "ar"
        db.session.commit()
    assert karim.opens(path).soup.html["dir"] == "rtl"
