"""An allocation from outside its code: many hands at one instant, plain SQL, and the pages that show it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from tests.browser_client import Person
from tests.cast import Cast
from webapp import clock
from webapp.allocations.actions import ExceedsAllocation, available, post
from webapp.allocations.models import Allocation, LedgerEntry
from webapp.cases.models import Case
from webapp.database import db
from webapp.money import Money


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def posts(kind: str, minor: int, *, case_id: UUID, id: UUID | None = None) -> Any:
    case = db.session.get_one(Case, case_id)
    allocation = db.session.query(Allocation).filter_by(case_id=case_id).one()
    entry = post(allocation, kind, euros(minor), what="Test", by=None, now=clock.now(), case=case, id=id)
    db.session.flush()
    return entry


def left(case_id: UUID) -> int:
    return available(db.session.query(Allocation).filter_by(case_id=case_id).one()).minor


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE allocations SET set_aside_minor = set_aside_minor + 90001",
        "UPDATE allocations SET disbursed_minor = disbursed_minor + 90001",
        "UPDATE allocations SET granted_minor = 1",
        "UPDATE allocations SET adjusted_minor = -150000",
        "UPDATE allocations SET refunded_minor = disbursed_minor + 1",
        "UPDATE allocations SET set_aside_minor = -1",
        "DELETE FROM allocations",
        "UPDATE ledger_entries SET minor = 1",
        "UPDATE ledger_entries SET what = 'x'",
        "DELETE FROM ledger_entries",
        "UPDATE timeline_entries SET facts = '{}'",
        "UPDATE timeline_entries SET by_id = NULL",
        "UPDATE timeline_entries SET happened_at = recorded_at, kind = 'x'",
        "DELETE FROM timeline_entries",
    ],
)
def test_plain_sql_can_neither_overspend_nor_rewrite(app: Flask, cast: Cast, statement: str) -> None:
    with app.app_context():
        with pytest.raises(DatabaseError):
            db.session.execute(text(statement))
        db.session.rollback()
        assert left(cast.aminata) == 90_000


def test_whole_tables_cannot_be_emptied(app: Flask, engine: str) -> None:
    if engine != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with app.app_context():
        for table in ("ledger_entries", "timeline_entries"):
            with pytest.raises(DatabaseError):
                db.session.execute(text(f"TRUNCATE {table} CASCADE"))
            db.session.rollback()


def test_the_worker_may_note_that_it_has_looked(app: Flask) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE timeline_entries SET considered_at = recorded_at"))
        db.session.commit()


def test_sixteen_hands_at_once_set_aside_exactly_what_is_there(app: Flask, cast: Cast) -> None:
    amounts = [7_000] * 32

    def hand(minor: int) -> bool:
        with app.app_context():
            try:
                posts("set_aside", minor, case_id=cast.aminata)
                db.session.commit()
                return True
            except ExceedsAllocation:
                db.session.rollback()
                return False

    with ThreadPoolExecutor(16) as hands:
        done = sum(hands.map(hand, amounts))
    with app.app_context():
        assert done == 90_000 // 7_000
        assert left(cast.aminata) == 90_000 - done * 7_000
        allocation = db.session.query(Allocation).filter_by(case_id=cast.aminata).one()
        entries = db.session.query(LedgerEntry).filter_by(allocation_id=allocation.id, kind="set_aside")
        assert (
            sum(entry.minor for entry in entries) == allocation.set_aside_minor + allocation.disbursed_minor
        )


def test_the_same_entry_from_many_hands_moves_money_once(app: Flask, cast: Cast) -> None:
    id = uuid4()

    def hand(_: int) -> None:
        with app.app_context():
            try:
                posts("set_aside", 10_000, case_id=cast.aminata, id=id)
                db.session.commit()
            except DatabaseError:  # another hand was first, and all of this one was undone
                db.session.rollback()

    with ThreadPoolExecutor(8) as hands:
        list(hands.map(hand, range(8)))
    with app.app_context():
        assert left(cast.aminata) == 80_000


def test_a_planted_check_before_insert_is_caught(app: Flask, cast: Cast, engine: str) -> None:
    """The same hands, with the check made before the statement instead of in it, and no CHECK to save them."""
    if engine != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    with app.app_context():
        for name in ("never_overspent", "sums_positive", "refunds_within_paid"):
            db.session.execute(
                text(f"ALTER TABLE allocations DROP CONSTRAINT IF EXISTS ck_allocations_{name}")
            )
        db.session.commit()

    def hand(_: int) -> None:
        with app.app_context():
            if left(cast.aminata) >= 60_000:
                db.session.execute(text("SELECT pg_sleep(0.05)"))
                db.session.execute(
                    text(
                        "UPDATE allocations SET set_aside_minor = set_aside_minor + 60000 WHERE case_id = :id"
                    ),
                    {"id": cast.aminata},
                )
                db.session.commit()

    with ThreadPoolExecutor(8) as hands:
        list(hands.map(hand, range(8)))
    with app.app_context():
        assert left(cast.aminata) < 0
        # Every test hands back books that add up.
        db.session.execute(
            text("UPDATE allocations SET set_aside_minor = 40000 WHERE case_id = :id"), {"id": cast.aminata}
        )
        db.session.commit()


def test_the_statement_shows_the_sums_and_each_line(ibrahima: Person, people: Any, cast: Cast) -> None:
    path = f"/cases/{cast.aminata}/allocation"
    page = ibrahima.opens(path)
    said = page.text()
    for amount in ("1\u202f500,00 EUR", "400,00 EUR", "200,00 EUR", "900,00 EUR"):
        assert amount.replace("\u202f", " ") in said.replace("\u202f", " ").replace("\xa0", " ")
    assert len(page.soup.select("table.movements tbody tr")) == 3
    assert "Aminata" in said
    by_finance = people("farah").opens(path)
    assert "Aminata" not in by_finance.html
    assert "Bah" not in by_finance.text()


def test_finance_pages_through_all_codes_of_the_own_office(app: Flask, people: Any, cast: Cast) -> None:
    from tests.cast import a_case, money_for
    from webapp.people.models import Staff

    with app.app_context():
        officer = db.session.get_one(Staff, cast.ibrahima)
        for n in range(120):
            money_for(a_case(f"Nom{n}", "X", officer=officer), by=cast.kadiatou)
        db.session.commit()
        mine = sorted(
            code for (code,) in db.session.query(Allocation.case_code).filter_by(office_id=cast.conakry)
        )
    farah, found, after = people("farah"), [], ""
    while True:
        page = farah.opens(f"/allocations?after={after}")
        found += page.texts("main .code")
        if "Nom" in page.text() or not page.soup.select('a[href*="after="]'):
            break
        after = str(page.soup.select_one('a[href*="after="]')["href"]).partition("after=")[2]  # type: ignore[index]
    assert found == mine
    for after in ("zzz", "é", "'"):
        farah.opens(f"/allocations?after={after}")
    for after in ("%00", "%00zzz", "zzz%00"):
        assert farah.opens(f"/allocations?after={after}").texts("main .code")[:1] == mine[:1]
