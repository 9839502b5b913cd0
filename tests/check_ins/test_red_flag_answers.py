"""A danger is read by counsellors, documented the same day, and closed with what was done."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.cast import Cast
from webapp import worker
from webapp.alerts.models import Alert
from webapp.cases.models import TimelineEntry
from webapp.check_ins.models import RedFlag
from webapp.database import db


@pytest.fixture
def flag(people: Any, cast: Cast) -> UUID:
    id = uuid4()
    said = {"id": str(id), "category": "violence", "help_needed": "Un abri ce soir"}
    people("ibrahima").posts(f"/cases/{cast.aminata}/red-flags", said)
    return id


def test_the_counsellor_who_is_woken_reads_which_danger_and_says_what_was_done(
    app: Flask, people: Any, cast: Cast, flag: UUID
) -> None:
    worker.drain(app)
    salma = people("salma")
    alert = salma.opens("/alerts").soup.select_one("main a[href^='/alerts/']")
    link = salma.opens(alert["href"]).soup.select_one(f"a[href='/red-flags/{flag}']")
    page = salma.opens(link["href"])
    assert "Violence sexuelle ou dans le couple" in page.text()
    assert "Un abri ce soir" in page.text()
    empty = salma.posts(f"/red-flags/{flag}/answer", {"answer": "  "}, 422)
    assert "Dites ce qui a été fait." in empty.text()
    long = "x" * 1001
    assert salma.posts(f"/red-flags/{flag}/answer", {"answer": long}, 422).text("#answer") == long
    for _again in range(2):
        salma.posts(f"/red-flags/{flag}/answer", {"answer": "Chez sa tante, avec la police."})
    page = salma.opens(f"/red-flags/{flag}")
    assert "Chez sa tante, avec la police." in page.text()
    assert not page.soup.select("form[action$=answer]")
    other = salma.posts(f"/red-flags/{flag}/answer", {"answer": "Autre chose."}, 422)
    assert "Quelqu’un a déjà clos ce signal. Autre chose." in other.text()
    with app.app_context():
        closed = db.session.get_one(RedFlag, flag)
        assert (closed.closed_by_id, closed.closed_at is not None) == (cast.salma, True)
        assert b"tante" not in (closed.answer_sealed or b"")
        assert (
            len(
                list(
                    db.session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "red_flag.answered"))
                )
            )
            == 1
        )
    worker.drain(app)
    with app.app_context():
        assert all(
            alert.settled_at for alert in db.session.scalars(select(Alert).where(Alert.rule == "red_flag"))
        )


def test_nobody_else_reads_it_or_learns_of_its_end(app: Flask, people: Any, cast: Cast, flag: UUID) -> None:
    for name in ("ibrahima", "kadiatou", "farah"):
        people(name).opens(f"/red-flags/{flag}", 403)
    people("salma").posts(f"/red-flags/{flag}/answer", {"answer": "En sécurité."})
    assert "danger" not in people("kadiatou").opens(f"/cases/{cast.aminata}").text()
    assert "Signal de danger : clos" in people("ibrahima").opens(f"/cases/{cast.aminata}").text()
