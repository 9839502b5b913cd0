"""Faults that let money be overspent or lost, for a server or process of its own to be started with."""

import time
from contextlib import nullcontext
from typing import Any

from flask import Flask

from webapp import web
from webapp.allocations import ledger
from webapp.allocations.models import Allocation, LedgerEntry, PaymentRequest
from webapp.allocations.requests import queries
from webapp.allocations.requests import views as request_views
from webapp.cases.models import Case
from webapp.database import db, only_reads
from webapp.money import Money


def check_then_insert(app: Flask) -> None:
    """Look what is left, then write what is held: nobody waits for anybody, and the database is not asked."""

    def looks_then_writes(request: PaymentRequest, *, by: Any, now: Any) -> Any:
        allocation = db.session.get_one(Allocation, request.allocation_id)
        if ledger.available(allocation).minor < request.donor_minor:
            raise ledger.ExceedsAllocation(
                Money(request.donor_minor, allocation.currency), ledger.available(allocation)
            )
        allocation.set_aside_minor += request.donor_minor
        request.held_minor = request.donor_minor
        db.session.add(
            LedgerEntry(
                id=ledger.deed_id(request.id, "set_aside"), allocation_id=allocation.id, kind="set_aside",
                minor=request.donor_minor, what=request.what, category=request.category, request_id=request.id, by_id=by,
                posted_at=now,
            )
        )  # fmt: skip

    ledger.set_aside = looks_then_writes  # type: ignore[assignment]
    request_views.case_for_deed = lambda id: db.session.get(Case, id)  # type: ignore[assignment]
    queries.request_for_deed = lambda id: db.session.get(PaymentRequest, id)  # type: ignore[assignment]
    if app.extensions["settings"].database_url.startswith("sqlite"):
        # Its writers stand in line from their first word on; the fault begins as a reader, as its driver does.
        web.only_reads = lambda _flag: only_reads(True)


def two_commits(app: Flask) -> None:
    """The sums are safe a moment before the entry that explains them."""
    move = ledger._move_hold

    def moves_and_commits(*said: Any) -> None:
        move(*said)
        db.session.commit()
        time.sleep(0.005)

    ledger._move_hold = moves_and_commits
    db.session.begin_nested = nullcontext  # type: ignore[method-assign,assignment]
