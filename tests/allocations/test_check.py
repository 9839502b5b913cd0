"""The proof that money adds up finds each kind of wrong row, and names it."""

from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from tests.allocations.builders import NOW, a_request, an_allocation, euros
from tests.cast import Cast
from webapp.allocations import check, ledger
from webapp.allocations.check import faults
from webapp.allocations.models import Instalment, RequestDocument, RequestStep
from webapp.database import db


def test_what_is_right_has_no_fault(app: Flask, cast: Cast) -> None:
    with app.app_context():
        assert list(faults(app.extensions["storage"])) == []
    assert app.test_cli_runner().invoke(args=["check"]).exit_code == 0


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE allocations SET set_aside_minor = set_aside_minor + 1", "allocations {allocation}: set_aside is"),
        ("UPDATE allocations SET granted_minor = granted_minor + 1", "allocations {allocation}: granted is"),
        ("UPDATE allocations SET exchange_minor = 1", "allocations {allocation}: exchange is"),
        ("UPDATE allocations SET held_back_minor = 1", "allocations {allocation}: held back is"),
        ("UPDATE instalments SET minor = minor + 1", "allocations {allocation}: held back is"),
        ("UPDATE allocation_limits SET used_minor = 1", "allocation_limits {allocation} medicine: used is"),
        ("UPDATE payment_requests SET held_minor = 0", "payment_requests {request}: held is"),
        ("UPDATE payment_requests SET state = 'requested'", "payment_requests {request}: it holds money and is"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named(app: Flask, cast: Cast, statement: str, says: str) -> None:
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    with app.app_context():
        allocation = an_allocation(cast, medicine=50_000)
        request = a_request(allocation, cast, euros(30_000), category="medicine")
        ledger.set_aside(request, by=cast.kadiatou, now=NOW)
        db.session.add(Instalment(allocation_id=allocation.id, number=1, minor=10, condition="Visite"))
        db.session.flush()
        ledger.hold_back(allocation, 10)
        ids = {"allocation": allocation.id, "request": request.id}
        db.session.commit()
        assert list(faults()) == []
        db.session.execute(text(statement))
        db.session.commit()
        assert any(fault.startswith(says.format(**ids)) for fault in faults()), list(faults())
    failed = app.test_cli_runner().invoke(args=["check"])
    assert failed.exit_code == 1
    assert "money" in failed.output


def test_a_document_without_its_file_is_named(app: Flask, cast: Cast) -> None:
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    with app.app_context():
        request = a_request(an_allocation(cast), cast, euros(1))
        document = RequestDocument(
            id=uuid4(), request_id=request.id, case_id=request.case_id, kind="quote", media="jpeg",
            file="documents/gone.jpg", by_id=cast.ibrahima, added_at=NOW,
        )  # fmt: skip
        db.session.add(document)
        db.session.commit()
        assert list(faults(app.extensions["storage"])) == [
            f"request_documents {document.id}: documents/gone.jpg is not in the storage"
        ]


def test_a_state_that_no_step_led_to_is_named(app: Flask, cast: Cast) -> None:
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    with app.app_context():
        request = a_request(an_allocation(cast), cast, euros(1))
        db.session.add(RequestStep(request_id=request.id, state="approved", at=NOW))
        db.session.flush()
        assert list(faults()) == []
        db.session.execute(text("UPDATE payment_requests SET state = 'paid'"))
        assert list(faults()) == [
            f"payment_requests {request.id}: it is paid, and none of its steps led there"
        ]
        db.session.rollback()


def test_a_guard_that_was_taken_away_is_missed(app: Flask, engine: str) -> None:
    with app.app_context():
        on = "" if engine == "sqlite" else " ON ledger_entries"
        db.session.execute(text(f"DROP TRIGGER ledger_entries_stay{on}"))
        assert list(faults()) == [
            "the trigger ledger_entries_stay is gone: what is only added could be changed"
        ]
        # With it gone, an entry can be changed; the sums then tell.
        db.session.execute(text("UPDATE ledger_entries SET minor = minor + 1 WHERE kind = 'granted'"))
        assert "granted is" in next(faults())
        db.session.rollback()


def test_every_guard_there_is_would_be_missed(app: Flask, engine: str) -> None:
    with app.app_context():
        assert sorted(db.session.scalars(check._TRIGGERS[engine])) == sorted(check._GUARDS[engine])


def test_a_constraint_is_asked_even_where_the_engine_was_told_to_ignore_it(
    app: Flask, cast: Cast, engine: str
) -> None:
    if engine != "sqlite":
        pytest.skip("PostgreSQL cannot be told so")
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    with app.app_context():
        db.session.execute(text("PRAGMA ignore_check_constraints = ON"))
        db.session.execute(text("UPDATE allocations SET set_aside_minor = 999999999"))
        assert any("ck_allocations_never_overspent does not hold" in fault for fault in faults())
        db.session.rollback()
