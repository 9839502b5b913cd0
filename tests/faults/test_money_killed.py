"""A process that pays is killed again and again; every key is sent again afterwards: nothing is paid twice."""

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from tests.allocations.builders import NOW, a_rate, a_request, an_allocation, euros, pay
from tests.cast import Cast
from tests.databases import settings
from webapp.allocations import ledger
from webapp.allocations.check import faults
from webapp.allocations.models import Allocation, LedgerEntry, PaymentRequest
from webapp.allocations.rates import rate_on
from webapp.database import db
from webapp.money import Money
from webapp.people.models import Staff
from webapp.permissions import Role

pytestmark = pytest.mark.faults
PAYMENTS, KILLS = 1_000, 8
ROOT = Path(__file__).resolve().parents[2]


def request_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"request {number}")


def payment_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"payment {number}")


def pay_all(app: Flask, first: int, payments: int = PAYMENTS) -> None:
    """What the killed process does: one payment after another, each with its exchange difference, each committed."""
    with app.app_context():
        rate = rate_on("EUR", "GNF", NOW.date())
        farah = db.session.scalars(select(Staff.id).where(Staff.role == str(Role.FINANCE_OFFICER))).first()
        assert farah is not None
        for number in range(first, payments):
            request = db.session.get_one(PaymentRequest, request_id(number))
            pay(request, Money(9_000, "GNF"), id=payment_id(number), by=farah, rate=rate)
            db.session.commit()


def kill_oneself_after(app: Flask, deeds: int) -> None:
    """Die by kill -9 just before one of the next statements or commits, so that no machine is too quick for it."""
    if not deeds:
        return
    left = itertools.count(deeds, -1)

    def one_more(*_said: Any) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", one_more)
        event.listen(db.engine, "commit", one_more)


def paid_so_far(app: Flask, allocation: UUID) -> int:
    with app.app_context():
        return int(
            db.session.scalar(
                select(func.count())
                .select_from(LedgerEntry)
                .where(LedgerEntry.allocation_id == allocation, LedgerEntry.kind == "disbursed")
            )
            or 0
        )


def pay_in_a_process(
    app: Flask, allocation: UUID, folder: Path, payments: int, fault: str, *, dies_after: int = 0
) -> int:
    """How a process ended that went on with the payments; it is killed at so many statements or commits."""
    # Who sends again does not know which of the last ones arrived.
    first = max(0, paid_so_far(app, allocation) - 20)
    said = [app.extensions["settings"].database_url, first, payments, dies_after, fault]
    child = subprocess.run(
        [sys.executable, "-m", "tests.faults.test_money_killed", str(folder), *map(str, said)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, capture_output=bool(fault),
    )  # fmt: skip
    return child.returncode


def wrong_after_kills(
    app: Flask,
    cast: Cast,
    folder: Path,
    payments: int,
    dies_within: range,
    kills: int = KILLS,
    fault: str = "",
) -> list[str]:
    """What is not as it must be after so many payments, by processes killed at some statement of each range, and a
    replay of every key."""
    with app.app_context():
        allocation = an_allocation(cast, euros(payments * 200))
        a_rate("EUR", "GNF", "8000")
        for number in range(payments):
            request = a_request(
                allocation,
                cast,
                Money(9_000, "GNF"),
                donor_minor=100,
                id=request_id(number),
                reference=f"PR-{number}",
            )
            ledger.set_aside(request, by=None, now=NOW)
        db.session.commit()
        id = allocation.id
    chance, wrong = random.Random(9), []
    for _kill in range(kills):
        how = pay_in_a_process(
            app, id, folder, payments, fault, dies_after=chance.randint(dies_within.start, dies_within.stop)
        )
        if how != -signal.SIGKILL:
            wrong.append(f"a process that should be killed ended with {how}")
    if how := pay_in_a_process(app, id, folder, payments, fault):
        wrong.append(f"the last process ended with {how}")
    if (paid := paid_so_far(app, id)) != payments:
        wrong.append(f"{paid} payments")
    with app.app_context():
        wrong += faults()
    if not wrong:
        pay_all(app, 0, payments)
    with app.app_context():
        kinds = dict(
            db.session.execute(
                select(LedgerEntry.kind, func.count())
                .where(LedgerEntry.allocation_id == id)
                .group_by(LedgerEntry.kind)
            ).all()
        )
        if kinds != {
            "granted": 1, "set_aside": payments, "disbursed": payments, "exchange_difference": payments,
        }:  # fmt: skip
            wrong.append(f"entries: {kinds}")
        kept = db.session.get_one(Allocation, id)
        # EUR 1 was held for each, 9,000 GNF are worth 1.125, posted as 1.13.
        sums = (kept.set_aside_minor, kept.disbursed_minor, kept.exchange_minor)
        if sums != (0, payments * 100, payments * 13):
            wrong.append(f"sums: {sums}")
    return wrong


def test_a_thousand_payments_survive_kill_9_and_a_replay_of_every_key(
    app: Flask, cast: Cast, tmp_path: Path
) -> None:
    assert wrong_after_kills(app, cast, tmp_path, PAYMENTS, range(50, 600)) == []


def test_sums_that_are_safe_before_their_entry_are_noticed_by_the_same_kills(
    app: Flask, cast: Cast, tmp_path: Path
) -> None:
    app.money_broken_on_purpose = True  # type: ignore[attr-defined]
    wrong = wrong_after_kills(app, cast, tmp_path, 40, range(10, 60), 3, "two_commits")
    assert any("its entries make" in sentence for sentence in wrong), wrong


if __name__ == "__main__":
    from tests.faults import planted_money
    from webapp import create_app

    folder, url, first, payments, dies_after, fault = sys.argv[1:]
    paying = create_app(settings(Path(folder), url))
    if fault:
        getattr(planted_money, fault)(paying)
    kill_oneself_after(paying, int(dies_after))
    pay_all(paying, int(first), int(payments))
