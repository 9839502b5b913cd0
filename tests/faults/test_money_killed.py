"""A process that pays is killed again and again; every key is sent again afterwards: nothing is paid twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.allocations.builders import NOW, a_rate, a_request, an_allocation, euros
from tests.cast import Cast
from tests.databases import settings
from webapp.allocations import ledger
from webapp.allocations.models import Allocation, LedgerEntry, PaymentRequest
from webapp.allocations.rates import rate_on
from webapp.database import db
from webapp.money import Money

pytestmark = pytest.mark.faults
PAYMENTS, KILLS = 1_000, 8
ROOT = Path(__file__).resolve().parents[2]


def request_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"request {number}")


def payment_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"payment {number}")


def pay_all(app: Flask, first: int) -> None:
    """What the killed process does: one payment after another, each with its exchange difference, each committed."""
    with app.app_context():
        rate = rate_on("EUR", "GNF", NOW.date())
        for number in range(first, PAYMENTS):
            request = db.session.get_one(PaymentRequest, request_id(number))
            ledger.pay(request, Money(9_000, "GNF"), id=payment_id(number), by=None, now=NOW, rate=rate)
            db.session.commit()


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


def test_a_thousand_payments_survive_kill_9_and_a_replay_of_every_key(
    app: Flask, cast: Cast, tmp_path: Path
) -> None:
    with app.app_context():
        allocation = an_allocation(cast, euros(200_000))
        a_rate("EUR", "GNF", "8000")
        for number in range(PAYMENTS):
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
        id, url = allocation.id, app.extensions["settings"].database_url
    chance, killed = random.Random(9), 0
    while (done := paid_so_far(app, id)) < PAYMENTS:
        # Who sends again does not know which of the last ones arrived.
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.test_money_killed", str(tmp_path), url, str(max(0, done - 20))],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        if killed < KILLS:
            # After so many payments, not after so much time: a quick machine would be done before it is killed.
            enough = done + chance.randint(1, PAYMENTS // (KILLS + 2))
            while paid_so_far(app, id) < enough and child.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.02))
            child.send_signal(signal.SIGKILL)
            killed += 1
        child.wait()
        assert child.returncode in (0, -signal.SIGKILL)
    assert killed >= 5, "too quick to be killed"
    pay_all(app, 0)
    with app.app_context():
        kinds = dict(
            db.session.execute(
                select(LedgerEntry.kind, func.count())
                .where(LedgerEntry.allocation_id == id)
                .group_by(LedgerEntry.kind)
            ).all()
        )
        assert kinds == {
            "granted": 1, "set_aside": PAYMENTS, "disbursed": PAYMENTS, "exchange_difference": PAYMENTS,
        }  # fmt: skip
        kept = db.session.get_one(Allocation, id)
        # EUR 1 was held for each, 9,000 GNF are worth 1.125, posted as 1.13.
        assert (kept.set_aside_minor, kept.disbursed_minor, kept.exchange_minor) == (0, 100_000, 13_000)


if __name__ == "__main__":
    from webapp import create_app

    pay_all(create_app(settings(Path(sys.argv[1]), sys.argv[2])), int(sys.argv[3]))
