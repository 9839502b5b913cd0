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


def pay_in_a_process(app: Flask, allocation: UUID, folder: Path, url: str, *, dies_after: int = 0) -> int:
    """How a process ended that went on with the payments; it is killed at so many statements or commits."""
    # Who sends again does not know which of the last ones arrived.
    first = max(0, paid_so_far(app, allocation) - 20)
    child = subprocess.run(
        [sys.executable, "-m", "tests.faults.test_money_killed", str(folder), url, str(first), str(dies_after)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    return child.returncode


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
    chance = random.Random(9)
    for _kill in range(KILLS):
        assert pay_in_a_process(app, id, tmp_path, url, dies_after=chance.randint(50, 600)) == -signal.SIGKILL
    assert pay_in_a_process(app, id, tmp_path, url) == 0
    assert paid_so_far(app, id) == PAYMENTS
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

    paying = create_app(settings(Path(sys.argv[1]), sys.argv[2]))
    kill_oneself_after(paying, int(sys.argv[4]))
    pay_all(paying, int(sys.argv[3]))
