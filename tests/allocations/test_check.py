"""The proof that money adds up finds each kind of wrong row, and names it."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from tests.allocations.builders import NOW, a_request, an_allocation, euros, pay
from tests.cast import Cast
from webapp.allocations import check, ledger
from webapp.allocations.check import faults
from webapp.allocations.models import Adjustment, Instalment, RequestDocument, RequestStep
from webapp.database import db


def test_what_is_right_has_no_fault(app: Flask, cast: Cast) -> None:
    with app.app_context():
        assert list(faults(app.extensions["storage"])) == []
    assert app.test_cli_runner().invoke(args=["check"]).exit_code == 0


NEW = UUID(int=1)
ENTRY = (
    "INSERT INTO ledger_entries (id, allocation_id, kind, minor, what, cash, request_id, reverses_id, posted_at)"
    f" SELECT '{NEW.hex}', "
)
WRONG: list[tuple[str, str, str]] = [
    ("", "UPDATE allocations SET set_aside_minor = set_aside_minor + 1", "allocations {allocation}: set_aside is"),
    ("", "UPDATE allocations SET granted_minor = granted_minor + 1", "allocations {allocation}: granted is"),
    ("", "UPDATE allocations SET exchange_minor = 1", "allocations {allocation}: exchange is"),
    ("", "UPDATE allocations SET held_back_minor = 1", "allocations {allocation}: held back is"),
    ("", "UPDATE instalments SET minor = minor + 1", "allocations {allocation}: held back is"),
    ("", "UPDATE allocation_limits SET used_minor = 1", "allocation_limits {allocation} medicine: used is"),
    ("", "UPDATE payment_requests SET held_minor = 0", "payment_requests {request}: held is"),
    ("", "UPDATE payment_requests SET state = 'requested'", "payment_requests {request}: it holds money and is"),
    ("", "UPDATE payment_requests SET state = 'draft'", "payment_requests {paid}: it has entries in the ledger and is"),
    ("", ENTRY + "(SELECT id FROM allocations WHERE id <> allocation_id LIMIT 1), 'exchange_difference', 1, 'x', false,"
     " id, NULL, changed_at FROM payment_requests WHERE held_minor > 0",
     "ledger_entries {new}: its request {request} spends another allocation"),
    ("", ENTRY + "allocation_id, 'reversed', 7, 'x', false, NULL, id, posted_at FROM ledger_entries"
     " WHERE kind = 'disbursed' AND request_id IS NOT NULL",
     "ledger_entries {new}: it does not take back {payment}"),
    ("", ENTRY + "allocation_id, 'disbursed', 7, 'x', false, id, NULL, changed_at FROM payment_requests"
     " WHERE held_minor > 0", "ledger_entries {new}: it paid for {request}, and there is no payment of it"),
    ("payments_stay", "UPDATE payments SET minor = minor + 1", "payments {payment}: its ledger entry {payment} says"),
    ("payments_stay", "UPDATE payments SET by_id = (SELECT approver_id FROM payment_requests LIMIT 1)",
     "payments {payment}: who asked for {paid} or approved it also paid it"),
    ("", ("UPDATE adjustments SET outcome = 'confirmed', decided_at = proposed_at,"
     " decided_by_id = (SELECT requester_id FROM payment_requests LIMIT 1)"),
     "adjustments {adjustment}: it is confirmed, and the ledger says otherwise"),
    ("", (f"INSERT INTO request_steps (id, request_id, state, at, reason) SELECT '{NEW.hex}', id, 'free', changed_at, ''"
     " FROM payment_requests LIMIT 1"), "request_steps {new}: no deed leads to free"),
    ("", "UPDATE request_documents SET case_id = '00000000000000000000000000000001'",
     "request_documents {document}: its case_id is not there"),
    ("", "UPDATE request_documents SET file = 'paper/000/gone'", "request_documents {document}: paper/000/gone is not in"),
]  # fmt: skip


@pytest.mark.parametrize(("guard", "statement", "says"), WRONG)
def test_a_wrong_row_is_named_and_the_command_stops_at_it(
    app: Flask, cast: Cast, engine: str, guard: str, statement: str, says: str
) -> None:
    with app.app_context():
        storage = app.extensions["storage"]
        allocation = an_allocation(cast, medicine=50_000)
        request = a_request(allocation, cast, euros(30_000), category="medicine")
        paid = a_request(allocation, cast, euros(10_000))
        for each in (request, paid):
            ledger.set_aside(each, by=cast.kadiatou, now=NOW)
        payment = pay(paid, euros(10_000), by=cast.farah)
        db.session.add(Instalment(allocation_id=allocation.id, number=1, minor=10, condition="Visite"))
        db.session.flush()
        ledger.hold_back(allocation, 10)
        adjustment = Adjustment(
            id=uuid4(), allocation_id=allocation.id, minor=5, reason="x", proposed_by_id=cast.farah, proposed_at=NOW
        )  # fmt: skip
        document = RequestDocument(
            id=uuid4(), request_id=request.id, case_id=request.case_id, kind="quote", media="jpeg",
            file=storage.put(b"devis", "paper"), by_id=cast.ibrahima, added_at=NOW,
        )  # fmt: skip
        db.session.add_all([adjustment, document])
        db.session.commit()
        ids = {
            "allocation": allocation.id, "request": request.id, "paid": paid.id, "payment": payment.id,
            "adjustment": adjustment.id, "document": document.id, "new": NEW,
        }  # fmt: skip
        assert list(faults(storage)) == []
        # What is planted here is never committed; references are not looked at before.
        if engine == "sqlite":
            db.session.execute(text("PRAGMA defer_foreign_keys = ON"))
        else:
            db.session.execute(text("ALTER TABLE request_documents DISABLE TRIGGER ALL"))
        if guard:
            db.session.execute(text(f"DROP TRIGGER {guard}" + (" ON payments" if engine != "sqlite" else "")))
        db.session.execute(text(statement))
        found = list(faults(storage))
        assert any(fault.startswith(says.format(**ids)) for fault in found), found
        told = app.test_cli_runner().invoke(args=["check"])
        assert told.exit_code == 1
        assert told.output.splitlines()[-1].startswith("Error: money")
        assert told.output.splitlines()[-1].endswith(f": {found[0]}")
        db.session.rollback()


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
        assert list(faults()) == ["the trigger ledger_entries_stay is gone: what it forbids could be done"]
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
