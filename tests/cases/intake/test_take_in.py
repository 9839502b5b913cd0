"""A list that was read becomes cases once, whoever confirms it, however often, in whatever order."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from io import BytesIO
from threading import Barrier
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import func, select

from webapp.cases.intake.actions import Counts, preview_list, take_in
from webapp.cases.models import Case, PhoneNumber, ReferralList, ReferralRow, Returnee, TimelineEntry
from webapp.database import db
from webapp.people.models import Staff

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SAMPLE_COUNTS = Counts(created=209, same=2, look=38, refused=0)


def staff(staff_id: Any) -> Staff:
    return db.session.get_one(Staff, staff_id)


def number_of(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def rows_of(listed: ReferralList) -> dict[int, ReferralRow]:
    rows = db.session.scalars(select(ReferralRow).where(ReferralRow.list_id == listed.id))
    return {row.line: row for row in rows}


def case_numbered(number: str) -> Case:
    return db.session.scalars(select(Case).where(Case.external_ref == number)).one()


def shuffled(file: bytes) -> bytes:
    """The same list with rows and columns in another order."""
    book = openpyxl.load_workbook(BytesIO(file))
    sheet = book.worksheets[0]
    lines = [list(line) for line in sheet.iter_rows(values_only=True)]
    columns = list(range(len(lines[3])))
    chance = random.Random(7)
    chance.shuffle(columns)
    people = [line for line in lines[4:] if any(cell is not None for cell in line) and "TOTAL" not in line]
    chance.shuffle(people)
    copy = openpyxl.Workbook()
    for line in lines[:3]:
        copy.active.append(line)
    for line in [lines[3], *people]:
        copy.active.append([line[column] for column in columns])
    out = BytesIO()
    copy.save(out)
    return out.getvalue()


def with_cell(file: bytes, line: int, heading: str, value: Any) -> bytes:
    book = openpyxl.load_workbook(BytesIO(file))
    sheet = book.worksheets[0]
    column = [cell.value for cell in sheet[4]].index(heading) + 1
    sheet.cell(line, column, value)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
def karim(app: Flask, cast: Any) -> Any:
    with app.app_context():
        yield staff(cast.karim)


@pytest.fixture
def take(karim: Staff) -> Callable[..., ReferralList]:
    """``take(file)``: read by Karim and confirmed; ``choose(rows)`` says which of the rows in doubt to take."""

    def read_and_confirm(
        file: bytes, choose: Callable[[ReferralRow], bool] = lambda row: False
    ) -> ReferralList:
        listed = preview_list(file, "liste.xlsx", by=karim, now=NOW)
        chosen = {row.id for row in rows_of(listed).values() if choose(row)}
        take_in(listed, by=karim, now=NOW, chosen=chosen)
        db.session.commit()
        return listed

    return read_and_confirm


def test_reading_a_list_touches_no_case(karim, sample_file):
    before = [number_of(model) for model in (Case, Returnee, PhoneNumber, TimelineEntry)]
    listed = preview_list(sample_file, "liste.xlsx", by=karim, now=NOW)
    assert Counts.of(listed.id) == SAMPLE_COUNTS
    assert [number_of(model) for model in (Case, Returnee, PhoneNumber, TimelineEntry)] == before
    assert listed.taken_in_at is None


def test_a_confirmed_list_opens_a_case_for_every_clear_row(take, sample_file):
    before = number_of(Case)
    listed = take(sample_file)
    assert Counts.of(listed.id) == SAMPLE_COUNTS
    assert number_of(Case) == before + 209
    assert listed.taken_in_at == NOW


def test_a_row_becomes_a_case_with_everything_that_was_understood(take, sample_file, cast):
    take(sample_file)
    case = case_numbered("MA-AVRR-2025-0001")
    returnee = db.session.get_one(Returnee, case.returnee_id)
    assert (returnee.family_name, returnee.given_names, returnee.sex) == ("Bah", "Mamadou", "M")
    assert (returnee.birth_date, returnee.nationality, returnee.languages) == (
        date(2003, 2, 10),
        "GN",
        ["Pular"],
    )
    assert (case.office_id, case.caseworker_id, case.stage) == (cast.conakry, cast.karim, "departed")
    assert (case.departed_on, case.arrived_on) == (date(2026, 9, 22), None)
    assert (case.region, case.place, case.contact_person) == ("N'Zérékoré", "N'Zérékoré", "frère")
    assert (case.activity, case.donor_name, case.household_size) == ("coiffure", "Espagne", 1)
    assert (case.ceiling_minor, case.ceiling_currency) == (150_000, "EUR")
    assert case.needs == ["medication"]
    numbers = db.session.scalars(select(PhoneNumber).where(PhoneNumber.returnee_id == returnee.id)).all()
    assert [(number.written, number.whose) for number in numbers] == [("6131860", "frère")]
    entries = db.session.scalars(
        select(TimelineEntry).where(TimelineEntry.case_id == case.id).order_by(TimelineEntry.happened_at)
    ).all()
    assert [(entry.kind, entry.facts.get("stage"), entry.happened_at.date()) for entry in entries] == [
        ("case.stage", "interview", date(2026, 8, 26)),
        ("case.stage", "departed", date(2026, 9, 22)),
        ("case.opened", None, NOW.date()),
    ]


def test_who_has_no_office_in_their_country_stays_with_the_office_that_sends(take, sample_file, cast):
    take(sample_file)
    rows = db.session.execute(
        select(Returnee.nationality, Case.office_id)
        .join(Case, Case.returnee_id == Returnee.id)
        .where(Case.external_ref.is_not(None))
    )
    offices = {row.nationality: row.office_id for row in rows}
    assert (offices["GN"], offices["SN"], offices["MA"]) == (cast.conakry, cast.dakar, cast.rabat)
    assert offices["CI"] == offices["NG"] == cast.rabat


@pytest.mark.parametrize("change", [lambda file: file, shuffled], ids=["the same file", "a shuffled copy"])
def test_reading_a_list_again_opens_no_case(take, sample_file, change):
    take(sample_file)
    before = [number_of(model) for model in (Case, Returnee, PhoneNumber, TimelineEntry)]
    again = take(change(sample_file))
    assert [number_of(model) for model in (Case, Returnee, PhoneNumber, TimelineEntry)] == before
    assert Counts.of(again.id) == Counts(created=0, same=211, look=38, refused=0)


def test_confirming_a_list_twice_changes_nothing_more(take, karim, sample_file):
    listed = take(sample_file)
    cases = number_of(Case)
    looks = {row.id for row in rows_of(listed).values() if row.outcome == "look"}
    assert take_in(listed, by=karim, now=NOW, chosen=looks) == SAMPLE_COUNTS
    assert number_of(Case) == cases


def test_a_row_in_doubt_is_taken_in_when_somebody_chose_it(take, sample_file):
    listed = take(sample_file, lambda row: row.line == 54)
    row = rows_of(listed)[54]
    assert row.outcome == "created"
    case = db.session.get_one(Case, row.case_id)
    assert case.external_ref is None
    again = rows_of(take(sample_file))[54]
    assert (again.outcome, again.case_id) == ("same", case.id)


def test_a_second_row_with_a_number_is_not_taken_in_even_if_chosen(take, sample_file):
    listed = take(sample_file, lambda row: row.outcome == "look")
    rows = rows_of(listed)
    assert [rows[line].outcome for line in (68, 148, 190)] == ["look"] * 3
    assert rows[68].reasons == [{"code": "number_used_above", "line": 53}]
    assert Counts.of(listed.id).created == 209 + 35
    assert db.session.scalar(select(func.count()).where(Case.external_ref == "MA-AVRR-2025-0048")) == 1


def test_a_changed_cell_shows_as_a_look_with_its_difference(take, sample_file):
    take(sample_file)
    listed = take(with_cell(sample_file, 5, "Préfecture / ville", "Kindia"), lambda row: row.line == 5)
    row = rows_of(listed)[5]
    case = case_numbered("MA-AVRR-2025-0001")
    assert row.outcome == "look"
    assert row.reasons == [
        {"code": "differs", "case": str(case.id), "differences": [["place", "N'Zérékoré", "Kindia"]]}
    ]
    assert case.place == "N'Zérékoré"
    assert Counts.of(listed.id).created == 0


def test_a_number_given_to_somebody_else_is_not_taken_for_the_same_person(take, sample_file):
    take(sample_file)
    changed = with_cell(with_cell(sample_file, 5, "Nom", "Sylla"), 5, "Date de naiss.", "01/02/1990")
    reasons = rows_of(take(changed))[5].reasons
    assert [reason["code"] for reason in reasons] == ["number_of_someone_else"]


def test_the_same_person_under_another_number_needs_a_look(take, sample_file):
    take(sample_file)
    changed = with_cell(sample_file, 5, "N° dossier", "MA-AVRR-2026-9999")
    row = rows_of(take(changed))[5]
    assert row.outcome == "look"
    assert [reason["code"] for reason in row.reasons] == ["perhaps_same_person"]


def test_the_same_person_without_a_number_is_the_same(take, sample_file):
    take(sample_file)
    row = rows_of(take(with_cell(sample_file, 5, "N° dossier", None)))[5]
    assert (row.outcome, row.case_id) == ("same", case_numbered("MA-AVRR-2025-0001").id)


def test_a_case_that_no_list_made_is_found_by_its_number(take, sample_file, cast):
    aminata = db.session.get_one(Case, cast.aminata)
    aminata.external_ref = "MA-AVRR-2025-0001"
    db.session.commit()
    row = rows_of(take(sample_file))[5]
    assert row.outcome == "look"
    assert [reason["code"] for reason in row.reasons] == ["number_of_someone_else"]


def test_restricted_needs_reach_the_case_and_nothing_that_is_shown(take, sample_file):
    take(sample_file)
    kept = db.session.scalars(select(Case.restricted_needs)).all()
    assert sum("protection" in needs for needs in kept) >= 12
    for needs in db.session.scalars(select(Case.needs)):
        assert not {"protection", "psychosocial_support"} & set(needs)
    for row in db.session.scalars(select(ReferralRow)):
        assert not {"protection", "psychosocial_support"} & {need["code"] for need in row.row["needs"]}
        assert "protection" not in str(row.row)
        assert "protection" not in str(row.reasons)


def test_a_restricted_need_that_changed_is_seen_but_not_said(take, sample_file):
    take(sample_file)
    row = rows_of(
        take(with_cell(sample_file, 5, "Besoins signalés", "diabète – médicaments, victime de traite"))
    )[5]
    assert row.outcome == "look"
    assert row.reasons[0]["differences"] == []


def test_two_lists_confirmed_at_once_open_each_case_once(app, cast, engine, sample_file):
    with app.app_context():
        before = number_of(Case)
        lists = [
            preview_list(sample_file, "liste.xlsx", by=staff(name), now=NOW).id
            for name in (cast.karim, cast.kadiatou)
        ]
        db.session.commit()
    start = Barrier(3)

    def confirm(list_id: Any, name: Any) -> Counts:
        with app.app_context():
            by = staff(name)
            listed = db.session.get_one(ReferralList, list_id)
            db.session.commit()
            start.wait()
            looks = {row.id for row in rows_of(listed).values() if row.outcome == "look"}
            counts = take_in(listed, by=by, now=NOW, chosen=looks)
            db.session.commit()
            return counts

    jobs = [(lists[0], cast.karim), (lists[1], cast.kadiatou), (lists[0], cast.karim)]
    with ThreadPoolExecutor(3) as threads:
        done = [task.result() for task in [threads.submit(confirm, *job) for job in jobs]]
    assert sorted(counts.created for counts in (done[0], done[1])) == [0, 244]
    assert done[2] == done[0]
    with app.app_context():
        assert number_of(Case) == before + 244
