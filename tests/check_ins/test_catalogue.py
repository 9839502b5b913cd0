"""Instruments come in as workbooks, are looked at in all languages, published once, and switched off where nobody helps."""

import io
import json
import zipfile
from typing import Any

import openpyxl
import pytest
from flask import Flask

from tests.browser_client import Person
from tests.cast import Cast
from tests.world import check_in_fields
from webapp.check_ins import queries
from webapp.check_ins.catalogue import xlsform
from webapp.check_ins.catalogue.relevant import NotUnderstood, read_relevant
from webapp.check_ins.instruments import FOLDER
from webapp.check_ins.models import CheckIn, PublishedInstrument
from webapp.check_ins.scoring import shown
from webapp.database import db

LABELS = ["label::Français (fr)", "label::English (en)", "label::العربية (ar)"]
SURVEY: list[list[Any]] = [
    ["type", "name", *LABELS, "relevant", "constraint", "hint", "weight"],
    ["start", "start", None, None, None, None, None, None, None],
    ["note", "hello", "Bonjour", "Hello", "مرحبًا", None, None, None, None],
    ["select_one yn", "working", "Travaillez-vous ?", "Are you working?", "هل تعمل؟", None, None, "Tout compte", "1"],
    ["select_multiple why", "why", "Pourquoi ?", "Why?", "لماذا؟", "${working} = '0'", None, None, None],
    ["integer", "days", "Combien de jours ?", "How many days?", "كم يومًا؟",
     "${working} = 1 and not(selected(${why}, 'pay'))", ". >= 0 and . <= 7", None, None],
]  # fmt: skip
CHOICES: list[list[Any]] = [
    ["list_name", "name", *LABELS, "score"],
    ["yn", 1, "Oui", "Yes", "نعم", 1],
    ["yn", 0, "Non", "No", "لا", "0"],
    ["why", "pay", "Le salaire", "The pay", "الأجر", None],
    ["why", "other", "Autre", "Other", "أخرى", None],
]
SETTINGS: list[list[Any]] = [["form_id", "version", "form_title"], ["work_now", 1, "Le travail"]]


def workbook(survey: Any = SURVEY, choices: Any = CHOICES, settings: Any = SETTINGS) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, rows in (("survey", survey), ("choices", choices), ("settings", settings)):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def changed(rows: list[list[Any]], row: int, column: int, value: Any) -> list[list[Any]]:
    copied = [list(each) for each in rows]
    copied[row][column] = value
    return copied


def upload(root: Person, content: bytes, name: str = "travail.xlsx", status: int = 200, **fields: Any) -> Any:
    return root.posts("/instruments/preview", {"file": (io.BytesIO(content), name), **fields}, status)


def whole_pack(officer: Person) -> str:
    """What a phone is given at first, and what it asks for when the line is quiet again."""
    first = officer.opens("/pack").html
    end = json.loads(first.splitlines()[-1])
    return first + officer.opens(f"/pack?cursor={end['cursor']}&build={end['build']}&later").html


def test_a_workbook_in_three_languages_becomes_an_instrument_that_is_given_and_scored(
    app: Flask, people: Any, cast: Cast
) -> None:
    root, url = people("root"), f"/cases/{cast.aminata}/check-ins"
    page = upload(
        root, workbook(), given_by=["field_officer", "counsellor"], least_age="16", licence="Domaine public",
        official=["fr"], recall_days="30",
    )  # fmt: skip
    for words in (
        "Travaillez-vous ?",
        "Are you working?",
        "هل تعمل؟",
        "working = 0",
        "not(selected(why, pay))",
        "Domaine public",
    ):
        assert words in page.text()
    assert "« start » n’est pas gardé" in page.text(".notice")
    people("ibrahima").opens(f"{url}/new/work-now", 404)
    root.posts("/instruments", {"text": page.soup.select_one("textarea").get_text().lstrip("\n")})
    with app.app_context():
        one = queries.instrument("work-now")
        assert one is not None
        assert (one.version, one.recall_days, set(one.given_by.values())) == (1, 30, {16})
        assert list(shown(one, {"working": 0})) == ["hello", "working", "why"]
        assert list(shown(one, {"working": 1})) == ["hello", "working", "days"]
    form = people("ibrahima").opens(f"{url}/new/work-now")
    assert [field["data-item"] for field in form.soup.select("[data-item]")] == [
        "hello",
        "working",
        "why",
        "days",
    ]
    fields = check_in_fields("-----", instrument="work-now", version="1", working="1", days="9")
    wrong = people("ibrahima").posts(url, fields, 422)
    assert "de 0 à 7" in wrong.text("#days-error")
    people("ibrahima").posts(url, {**fields, "days": "5", "why": "pay"})
    with app.app_context():
        kept = db.session.query(CheckIn).one()
        # Why somebody does not work was not asked of somebody who does.
        assert queries.answers_of(kept, app.extensions["keyring"]) == {"working": 1, "days": 5}
        assert queries.score_of(kept, app.extensions["keyring"]).raw == 1  # type: ignore[union-attr]
    shown_page = people("ibrahima").opens(f"/check-ins/{fields['id']}")
    assert "Combien de jours ?" in shown_page.text(".answers")


def test_a_version_is_superseded_and_never_edited(app: Flask, people: Any, cast: Cast) -> None:
    root, url = people("root"), f"/cases/{cast.aminata}/check-ins"
    said = json.loads((FOLDER / "satisfaction.json").read_text())
    before = check_in_fields("-----", instrument="satisfaction", version="1", overall="5")
    people("ibrahima").posts(url, before)
    root.posts("/instruments", {"text": json.dumps(said)}, 422)
    for item in said["items"]:
        item["statement"]["fr"]["text"] = f"Nouveau : {item['id']}"
    said |= {"version": 2}
    root.posts("/instruments", {"text": json.dumps(said)})
    root.posts("/instruments", {"text": json.dumps(said)}, 422)
    page = people("ibrahima").opens(f"{url}/new/satisfaction")
    assert "Nouveau : overall" in page.text()
    # What was asked in the old words is shown in them; a phone with the old form delivers under its version.
    assert "Nouveau" not in people("ibrahima").opens(f"/check-ins/{before['id']}").text()
    late = check_in_fields("-----", instrument="satisfaction", version="1", overall="4")
    people("ibrahima").posts(url, late)
    with app.app_context():
        assert {row.instrument_version for row in db.session.query(CheckIn)} == {"1"}
        with pytest.raises(Exception, match="never changed"):
            db.session.query(PublishedInstrument).update({"text": "x"})
        db.session.rollback()
        with pytest.raises(Exception, match=r"never (changed|deleted)"):
            db.session.query(PublishedInstrument).delete()
        db.session.rollback()


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"survey": changed(SURVEY, 2, 0, "text")}, "survey 3", "« text » n’est pas pris en charge"),
    ({"survey": changed(SURVEY, 3, 0, "select_one nowhere")}, "survey", "nowhere"),
    ({"survey": changed(SURVEY, 3, 4, None)}, "survey 4", "ar"),
    ({"survey": changed(SURVEY, 4, 5, "${days} = 1")}, "survey 5", "condition"),
    ({"survey": changed(SURVEY, 4, 5, "count(${working}) > 1")}, "survey 5", "condition"),
    ({"survey": changed(SURVEY, 5, 6, "regex(., 'x')")}, "survey 6", "limite"),
    ({"survey": changed(SURVEY, 5, 1, "working")}, "survey 6", "working"),
    ({"survey": changed(SURVEY, 5, 1, "instrument")}, "", "instrument"),
    ({"survey": changed(SURVEY, 0, 7, "calculation")}, "survey 4", "calculation"),
    ({"survey": changed(SURVEY, 2, 2, "=HYPERLINK(1)")}, "survey 3", "formule"),
    ({"survey": changed(SURVEY, 0, 4, "label::Wolof (wo)")}, "survey 1", "Wolof"),
    ({"survey": [SURVEY[0], *[["note", f"n{n}", "x", "x", "x"] for n in range(700)]]}, "survey", "600"),
    ({"survey": changed(SURVEY, 2, 2, "x" * 2_001)}, "survey 3", "2000"),
    ({"choices": changed(CHOICES, 2, 1, "1")}, "choices 3", "1"),
    ({"choices": changed(CHOICES, 1, 5, "viele")}, "choices 2", "viele"),
    ({"settings": [["form_id", "version"], ["x", "un"]]}, "settings", "form_id"),
    ({"survey": [["nothing"], ["x"]]}, "", "Le"),
]


def test_what_is_broken_or_not_supported_is_said_for_its_row(people: Any) -> None:
    root = people("root")
    for sheets, place, words in BROKEN:
        page = upload(root, workbook(**sheets), status=422, licence="À moi")
        said = page.texts(".notice li")
        assert any(words in each and each.startswith(place) for each in said), (place, words, said)
        assert "À moi" in page.text("#licence")


def test_a_hostile_file_is_refused_before_it_is_opened(people: Any) -> None:
    root = people("root")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<x/>")
        parts.writestr("xl/worksheets/sheet1.xml", b"<row/>" * 1_200_000)
    entity = io.BytesIO()
    with zipfile.ZipFile(entity, "w") as parts:
        parts.writestr("[Content_Types].xml", '<!DOCTYPE x [<!ENTITY a "b">]><x/>')
        parts.writestr("xl/workbook.xml", "<x/>")
    for content in (b"", b"PK\x03\x04", b"x" * 100, bomb.getvalue(), entity.getvalue()):
        assert upload(root, content, status=422).text("#file-error")
    for content in (b"{}", b"\xff", b"[" * 100_000, b'{"format": 2}'):
        assert upload(root, content, "x.json", 422).text("#file-error")
    root.posts("/instruments/preview", {}, 422)
    root.posts("/instruments", {"text": "x"}, 422)


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("${a} = 1", ["=", "a", 1]),
        (" ${a}='yes' or ${b} != \"no\" ", ["or", ["=", "a", "yes"], ["!=", "b", "no"]]),
        ("3 < ${a} and ${a} <= 7", ["and", [">", "a", 3], ["<=", "a", 7]]),
        ("${a} = 1 or ${b} = 1 and ${c} = 1", ["or", ["=", "a", 1], ["and", ["=", "b", 1], ["=", "c", 1]]]),
        (
            "not(selected(${m}, 'x') or selected(${a}, '2'))",
            ["not", ["or", ["selected", "m", "x"], ["=", "a", 2]]],
        ),
        ("((${a} = -1))", ["=", "a", -1]),
    ],
)
def test_simple_conditions_are_read_with_their_priorities(words: str, condition: list[Any]) -> None:
    assert read_relevant(words, {"m"}) == condition


@pytest.mark.parametrize(
    "words",
    ["", "${a}", "${a} = ''", "${a} = ${b}", "${a} = 1.5", "a = 1", "${a} = 1 and", "(${a} = 1", "${a} = 1 ${b} = 2",
     "string-length(${a}) > 2", "${a} = 1 or today() > 1", "selected(${a})", "not ${a} = 1", "${a} == 1", "(" * 90 + "${a} = 1", "x" * 900],
)  # fmt: skip
def test_other_conditions_are_refused(words: str) -> None:
    with pytest.raises(NotUnderstood):
        read_relevant(words, set())


def test_what_is_switched_off_is_not_offered_and_what_was_asked_is_received(people: Any, cast: Cast) -> None:
    url = f"/cases/{cast.aminata}/check-ins"
    manager, officer = people("kadiatou"), people("ibrahima")
    assert "Indice" in officer.opens(f"{url}/new").text("h2")
    off = {"office": str(cast.conakry), "instrument": "who-5", "place": "RATOMA"}
    manager.posts("/instruments/switches", {**off, "office": str(cast.dakar)}, 404)
    manager.posts("/instruments/switches", {**off, "instrument": "x"}, 404)
    manager.posts("/instruments/switches", {**off, "office": "x"})
    end = json.loads(officer.opens("/pack").html.splitlines()[-1])
    known = f"/pack?cursor={end['cursor']}&build={end['build']}"
    assert len(officer.opens(known).html.splitlines()) == 1
    manager.posts("/instruments/switches", off)
    assert '"reset":true' in officer.opens(known).html, "a phone that was here before hears of it"
    page = officer.opens(f"{url}/new/who-5")
    form, notice = page.soup.select_one("form.check-in"), page.soup.select_one("[data-off]")
    assert form is not None
    assert notice is not None
    assert form.has_attr("hidden")
    assert not notice.has_attr("hidden")
    pack = whole_pack(officer)
    assert '"not_here":"who-5"' in pack
    assert '"pattern":"/cases/{case}/check-ins/new/who-5"' in pack
    officer.posts(url, check_in_fields())
    manager.posts("/instruments/switches", {**off, "place": ""})
    assert "check-ins/new/who-5" not in whole_pack(officer)
    officer.opens(f"{url}/new/who-5", 404)
    assert "trois dimensions" in officer.opens(f"{url}/new").text("h2")
    for name in ("reintegration-survey", "satisfaction"):
        manager.posts("/instruments/switches", {**off, "place": "", "instrument": name})
    assert "Aucun questionnaire" in officer.opens(f"{url}/new").text()
    manager.posts("/instruments/switches", {**off, "place": "", "give": "yes"})
    manager.posts("/instruments/switches", {**off, "give": "yes"})
    assert "Indice" in officer.opens(f"{url}/new").text("h2")


def test_officers_carry_the_instruments_they_may_give_and_no_other(people: Any, cast: Cast) -> None:
    pack = whole_pack(people("ibrahima"))
    carried = {
        name
        for name in ("who-5", "reintegration-survey", "satisfaction", "phq-2", "phq-9", "k6")
        if f"/check-ins/new/{name}" in pack
    }
    assert carried == {"who-5", "reintegration-survey", "satisfaction"}
    assert "phq" not in pack
    url = f"/cases/{cast.aminata}/check-ins"
    people("ibrahima").opens(f"{url}/new/phq-9", 404)
    people("salma").opens(f"{url}/new/phq-9")
    sheet = {f"phq{n}": "0" for n in range(1, 10)}
    fields = check_in_fields("-----", instrument="phq-9", version="1", **sheet)
    assert "conseiller formé" in people("ibrahima").posts(url, fields, 422).text()
    people("salma").posts(url, fields)


def test_a_command_reads_a_workbook_and_publishes_it_for_an_administrator(
    app: Flask, cast: Cast, tmp_path: Any
) -> None:
    runner = app.test_cli_runner()
    good, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    good.write_bytes(workbook())
    bad.write_bytes(workbook(survey=changed(SURVEY, 2, 0, "text")))
    broken = runner.invoke(args=["instruments", str(bad)])
    assert broken.exit_code
    assert "survey 3" in broken.output
    read_only = runner.invoke(args=["instruments", str(good)])
    assert "work-now version 1: 4 rows, fr, en, ar" in read_only.output
    assert runner.invoke(args=["instruments", str(good), "--publish", "--by", "ibrahima@demo"]).exit_code
    assert (
        "published" in runner.invoke(args=["instruments", str(good), "--publish", "--by", "root@demo"]).output
    )
    assert runner.invoke(args=["instruments", str(good), "--publish", "--by", "root@demo"]).exit_code
    assert xlsform.Giving().roles == ("counsellor",)


def test_every_score_can_be_computed_again_and_a_changed_one_is_noticed(
    app: Flask, people: Any, cast: Cast
) -> None:
    url = f"/cases/{cast.aminata}/check-ins"
    people("ibrahima").posts(url, check_in_fields("54321"))
    people("ibrahima").posts(url, check_in_fields("5432-"))
    people("ibrahima").posts(
        url, check_in_fields("-----", instrument="satisfaction", version="1", overall="4")
    )
    runner = app.test_cli_runner()
    fine = runner.invoke(args=["recompute-scores"])
    assert fine.exit_code == 0, fine.output
    with app.app_context():
        keyring = app.extensions["keyring"]
        row = next(each for each in db.session.query(CheckIn) if each.instrument == "satisfaction")
        score = queries.score_of(row, keyring)
        assert score is not None
        planted = {**score.stored(), "raw": "9/2", "drop": False}
        row.result_sealed = keyring.seal_field(planted, table="check_ins", row=row.id, column="result")
        db.session.commit()
    caught = runner.invoke(args=["recompute-scores"])
    assert caught.exit_code
    assert "not the computed one" in caught.output
    assert runner.invoke(args=["check"]).exit_code
