"""The dashboard: what waits in an office, and what happened in all of them, without anybody's name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from tests.browser_client import Page, Person
from tests.cast import Cast
from webapp import clock, worker
from webapp.cases.models import Case
from webapp.cases.timeline import add_entry
from webapp.check_ins.models import RedFlag
from webapp.database import db, next_number
from webapp.offline.models import Submission
from webapp.people.models import Phone, PhonePerson
from webapp.reports.models import Tally
from webapp.visits.models import FollowUp


def rows(page: Page, number: int) -> list[list[str]]:
    """The cells of the nth table's body."""
    table = page.soup.select("main table")[number]
    return [
        [" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")]
        for row in table.select("tbody tr")
    ]


def figures(page: Page) -> list[str]:
    return page.texts(".figure b")


@pytest.fixture
def follow_ups(app: Flask) -> Callable[..., None]:
    def follow_ups(by: UUID, case: UUID, *channels: str, days_ago: int = 0) -> None:
        with app.app_context():
            for channel in channels:
                at = clock.now() - timedelta(days=days_ago)
                db.session.add(
                    FollowUp(
                        id=uuid4(), case_id=case, by_id=by, visited_at=at, received_at=at, channel=channel,
                        reached=True, concern="none",
                    )
                )  # fmt: skip
            db.session.commit()

    return follow_ups


def a_red_flag(app: Flask, case: UUID, by: UUID, *, hours: int, closed: bool = False) -> None:
    with app.app_context():
        at = clock.now() - timedelta(hours=hours)
        db.session.add(
            RedFlag(
                id=uuid4(), case_id=case, by_id=by, raised_at=at, received_at=at, content_sealed=b"x",
                closed_at=clock.now() if closed else None,
            )
        )  # fmt: skip
        db.session.commit()


def a_submission(app: Flask, author: UUID | None, outcome: str, *, superseded: bool = False) -> UUID:
    with app.app_context():
        id = uuid4()
        db.session.add(
            Submission(
                id=id, number=next_number("submissions"), kind="check-in", digest="0" * 64, sealing_key="k",
                author_id=author, received_at=clock.now(), outcome=outcome, sealed=b"x",
                superseded_at=clock.now() if superseded else None,
            )
        )  # fmt: skip
        db.session.commit()
        return id


def test_a_manager_sees_each_officer_of_the_office(
    app: Flask, cast: Cast, kadiatou: Person, follow_ups: Callable[..., None]
) -> None:
    follow_ups(cast.ibrahima, cast.aminata, "home_visit", "business_visit", "call")
    follow_ups(cast.ibrahima, cast.aminata, "home_visit", days_ago=40)
    with app.app_context():
        late = clock.today("Africa/Conakry") - timedelta(days=3)
        db.session.execute(update(Case).where(Case.id == cast.aminata).values(next_follow_up_on=late))
        db.session.commit()
    page = kadiatou.opens("/dashboard")
    assert rows(page, 0) == [["Ibrahima Diallo", "1", "2", "1"], ["Mariama Camara", "0", "0", "0"]]
    assert figures(page)[1] == "1"
    assert "Awa" not in page.html
    assert "Aminata" not in page.html


def test_of_red_flags_a_manager_sees_number_and_age(
    app: Flask, cast: Cast, people: Any, kadiatou: Person
) -> None:
    a_red_flag(app, cast.aminata, cast.ibrahima, hours=50)
    a_red_flag(app, cast.aminata, cast.ibrahima, hours=1)
    a_red_flag(app, cast.aminata, cast.ibrahima, hours=90, closed=True)
    a_red_flag(app, cast.fatou, cast.awa, hours=90)
    page = kadiatou.opens("/dashboard")
    assert figures(page)[2] == "2"
    assert "2 jours" in page.text()
    assert str(cast.aminata) not in page.html


def test_phones_show_what_is_unsent_and_when_they_last_came(app: Flask, cast: Cast, kadiatou: Person) -> None:
    with app.app_context():
        for staff, unsent in ((cast.ibrahima, 3), (cast.mariama, None), (cast.awa, 9)):
            phone = Phone(
                id=uuid4(), label="Tecno", enrolled_at=clock.now(), seen_at=clock.now(), unsent=unsent
            )
            db.session.add(phone)
            db.session.flush()
            db.session.add(PhonePerson(phone_id=phone.id, staff_id=staff, enrolled_at=clock.now()))
        db.session.commit()
    found = rows(kadiatou.opens("/dashboard"), 1)
    assert sorted(row[:3] for row in found) == [
        ["Ibrahima Diallo", "Tecno", "3"],
        ["Mariama Camara", "Tecno", "inconnu"],
    ]


def test_submissions_to_look_at_are_those_of_the_office_without_saying_of_what_kind(
    app: Flask, cast: Cast, kadiatou: Person
) -> None:
    attention = a_submission(app, cast.ibrahima, "needs attention")
    unknown = a_submission(app, None, "quarantined")
    for author, outcome, superseded in (
        (cast.ibrahima, "accepted", False), (cast.ibrahima, "needs attention", True), (cast.awa, "needs attention", False),
    ):  # fmt: skip
        a_submission(app, author, outcome, superseded=superseded)
    page = kadiatou.opens("/dashboard")
    assert [row[0] for row in rows(page, 2)] == ["Auteur inconnu", "Ibrahima Diallo"]
    assert page.soup.select(f'a[href="/submissions/{attention}"]')
    assert str(unknown) not in page.html
    assert "check-in" not in page.text()
    assert "Questionnaire" not in page.text()


def test_the_dashboard_costs_the_same_however_many_cases_there_are(
    app: Flask, cast: Cast, engine: str, kadiatou: Person
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    with app.app_context():
        database = db.engine
    event.listen(database, "before_cursor_execute", note)
    kadiatou.opens("/dashboard")
    event.remove(database, "before_cursor_execute", note)
    assert len(asked) <= 6
    if engine == "sqlite":
        growing = ("cases", "follow_ups", "alerts", "timeline_entries", "check_ins")
        with database.connect() as connection:
            for statement, parameters in asked:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
                scans = [step[3] for step in plan if step[3].startswith("SCAN")]
                read_through = [
                    s
                    for s in scans
                    if s.split()[1] in growing
                    or (s.split()[1] in ("submissions", "red_flags") and "INDEX" not in s)
                ]
                assert not read_through, read_through


def happen(app: Flask, office: UUID, kind: str, times: int, **facts: Any) -> None:
    with app.app_context():
        for _ in range(times):
            add_entry(
                kind, case=None, office_id=office, subject=uuid4(), by=None, happened_at=clock.now(), now=clock.now(), **facts
            )  # fmt: skip
        db.session.commit()


def test_an_analyst_sees_months_of_all_offices_and_no_small_number(
    app: Flask, cast: Cast, people: Any
) -> None:
    worker.drain(app)
    for office, times in ((cast.conakry, 4), (cast.dakar, 3)):
        happen(app, office, "visit.recorded", times, reached=True, channel="home_visit")
    happen(app, cast.conakry, "visit.recorded", 4, reached=True, channel="call")
    happen(app, cast.conakry, "visit.recorded", 6, reached=False, channel="call")
    happen(app, cast.conakry, "red_flag.raised", 9)
    worker.drain(app)
    page = people("ada").opens("/dashboard")
    assert figures(page) == []
    headings = page.texts("main thead th")
    this_month = dict(zip(headings, rows(page, 0)[0], strict=True))
    assert this_month["Visites à domicile"] == "7"
    assert this_month["Appels"] == "moins de 5"
    assert this_month["Personne non jointe"] == "6"
    assert "9" not in rows(page, 0)[0]
    for name in ("Ibrahima", "Awa", "Salma", "Dakar", "Aminata"):
        assert name not in page.text("main table")


def test_an_entry_is_counted_once_however_often_it_is_looked_at(app: Flask, cast: Cast) -> None:
    happen(app, cast.conakry, "case.closed", 3)
    for _ in range(3):
        worker.drain(app)
    with app.app_context():
        assert db.session.scalar(select(Tally.number).where(Tally.measure == "closed")) == 3


@pytest.mark.parametrize("name", ["ibrahima", "salma", "farah", "root", "karim"])
def test_nobody_else_has_a_dashboard(name: str, people: Any) -> None:
    people(name).opens("/dashboard", status=403)
