"""Nobody without the right meets an amount: in no page, file, count, search, alert, pack or push."""

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.allocations.builders import a_rate, a_request, euros, pay
from tests.browser_client import Person
from tests.cast import LONG_AGO
from tests.test_rights import DOORS, SIGNS_OUT, path_of
from tests.world import OWN, World, make_world, principals
from webapp import clock, worker
from webapp.alerts.models import Alert, Job
from webapp.allocations import ledger
from webapp.allocations.models import Allocation, AllocationLimit, Instalment, RequestStep
from webapp.allocations.rates import equivalent
from webapp.allocations.requests.actions import OverCeiling, add_over_ceiling
from webapp.cases.models import Case
from webapp.database import db
from webapp.permissions import may

CANARIES = {
    "granted": 7_654_321, "asked": 2_468_135, "paid": 1_357_924, "over": 9_182_736, "held": 1_618_033,
    "limit": 3_141_592, "instalment": 1_122_334,
}  # fmt: skip
"""Cents that stand nowhere else; each is looked for without its separators."""
MAY_SEE = {"ibrahima", "kadiatou", "farah"}
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s\u00a0\u202f,.'’](?=\d)")


@pytest.fixture
def world(app: Flask) -> World:
    world = make_world(app)
    with app.app_context():
        now = clock.now()
        case = db.session.get_one(Case, world.cases[OWN])
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == case.id)).one()
        kadiatou, farah, ibrahima = (world.staff[name] for name in ("kadiatou", "farah", "ibrahima"))
        ledger.adjust(
            allocation,
            euros(CANARIES["granted"]),
            reason="Complément",
            by=kadiatou,
            confirmed_by=farah,
            now=now,
        )
        asked = a_request(
            allocation, world.cast, euros(CANARIES["asked"]), state="requested", approver_id=None,
            changed_at=now - timedelta(days=5),
        )  # fmt: skip
        db.session.add(
            RequestStep(request_id=asked.id, state="requested", by_id=ibrahima, at=now - timedelta(days=5))
        )
        paid = a_request(allocation, world.cast, euros(CANARIES["paid"]), state="paid", approved_at=now)
        ledger.set_aside(paid, by=kadiatou, now=now)
        pay(paid, euros(CANARIES["paid"]), by=farah, now=now, reference="BANK-CANARY")
        held = a_request(
            allocation,
            world.cast,
            euros(CANARIES["held"]),
            state="approved",
            approved_at=now,
            category="training",
        )
        db.session.add_all(
            [
                AllocationLimit(
                    allocation_id=allocation.id, name="training", ceiling_minor=CANARIES["limit"]
                ),
                Instalment(
                    allocation_id=allocation.id, number=2, minor=CANARIES["instalment"], condition="Visite"
                ),
            ]
        )
        db.session.flush()
        ledger.hold_back(allocation, CANARIES["instalment"])
        ledger.set_aside(held, by=kadiatou, now=now)
        a_rate("EUR", "GNF", "9513.08", LONG_AGO)
        refused = OverCeiling(euros(CANARIES["over"]), euros(CANARIES["granted"]), "")
        add_over_ceiling(case, refused, by=type("Person", (), {"id": ibrahima})(), now=now)
        db.session.commit()
    worker.tidy(app)
    worker.drain(app)
    return world


def looked_for(app: Flask, world: World) -> dict[str, str]:
    """The digits of every canary, of what is computed of them, and of both in francs."""
    with app.app_context():
        allocation = db.session.scalars(
            select(Allocation).where(Allocation.case_id == world.cases[OWN])
        ).one()
        sums = {
            **CANARIES,
            "available": ledger.available(allocation).minor,
            "granted in all": allocation.granted_minor + allocation.adjusted_minor,
            "paid in all": allocation.disbursed_minor - allocation.refunded_minor,
            "left of the limit": CANARIES["limit"] - CANARIES["held"],
        }
        local = {
            f"{name} in francs": worth.minor
            for name, minor in sums.items()
            if (worth := equivalent(euros(minor), "GNF", clock.now().date(), "down"))
        }
    return {name: str(minor) for name, minor in {**sums, **local}.items()}


def met_in(body: bytes, digits: dict[str, str]) -> set[str]:
    """The canaries in an answer, whatever marks stand between their digits; a workbook is opened first."""
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as opened:
            body = b" ".join(opened.read(name) for name in opened.namelist())
    said = _BETWEEN_DIGITS.sub("", body.decode("utf-8", "replace"))
    return {name for name, number in digits.items() if number in said}


def walk(
    app: Flask, world: World, people: dict[str, Person], methods: tuple[str, ...] = ("GET",)
) -> dict[str, dict[str, set[str]]]:
    """By person and path: the canaries met behind every door, as a page and as a fragment."""
    digits, doors = looked_for(app, world), set()
    for (method, rule), door in DOORS.items():
        if method in methods and rule not in SIGNS_OUT and not door.phone and "static" not in rule:
            doors.add((method, path_of(rule, world, OWN, app)))
    if "GET" in methods:
        doors |= {
            ("GET", path) for path in ("/pack?cursor=0&build=", "/cases?q=76543", "/cases?q=EUR", "/alerts")
        }
    found: dict[str, dict[str, set[str]]] = {}
    for name, person in people.items():
        alerts = {("GET", f"/alerts/{id}") for id in alerts_of(app, world, name) if "GET" in methods}
        for method, path in sorted(doors | alerts):
            for headers in ({}, {"HX-Request": "true"}):
                answer = person.client.open(path, method=method, headers=headers)
                if met := met_in(answer.data, digits):
                    found.setdefault(name, {}).setdefault(path, set()).update(met)
    return found


def alerts_of(app: Flask, world: World, name: str) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(select(Alert.id).where(Alert.for_id == world.staff.get(name))))


def test_amounts_are_met_by_those_who_handle_them_and_by_nobody_else(app: Flask, world: World) -> None:
    people = principals(app, world)
    found = walk(app, world, people)
    assert set(found) <= MAY_SEE | {"returnee"}, {name: found[name] for name in set(found) - MAY_SEE}
    # The walk looks where the amounts are: each of those who may see them meets each of them.
    for name in MAY_SEE:
        met = set().union(*found[name].values())
        said = {known for known in looked_for(app, world) if not known.endswith("francs")} - {"over"}
        assert met >= said, (name, said - met)
    # Who asks is told what is left in the currency of the country too.
    assert "available in francs" in set().union(*found["ibrahima"].values())
    # What was asked in vain is kept as a note without its figures on every page.
    assert not [path for paths in found.values() for path, met in paths.items() if "over" in met]
    assert not [path for paths in found.values() for path in paths if path.startswith("/alerts")]
    assert set(found.get("returnee", {})) <= {"/my"}


def test_no_answer_to_a_form_says_an_amount_to_who_may_not_see_it(app: Flask, world: World) -> None:
    people = {name: person for name, person in principals(app, world).items() if name not in MAY_SEE}
    found = walk(app, world, people, ("POST", "PUT", "DELETE"))
    assert set(found) <= {"returnee"}, found
    assert all(path.startswith("/my") for path in found.get("returnee", {}))


def test_a_page_that_says_an_amount_to_everybody_would_be_noticed(app: Flask, world: World) -> None:
    view = app.view_functions["alerts.index"]
    leak = f"<p>76{chr(0x202F)}543,21 EUR</p>"
    app.view_functions["alerts.index"] = lambda: leak
    found = walk(app, world, {"salma": Person(app, world.staff["salma"])})
    app.view_functions["alerts.index"] = view
    assert found == {"salma": {"/alerts": {"granted"}}}


def test_a_search_by_an_amount_finds_no_case(app: Flask, world: World) -> None:
    for name in ("kadiatou", "salma", "mariama", "karim"):
        page = Person(app, world.staff[name]).opens("/cases?q=7654321")
        assert not page.soup.select("a.row")


def test_what_waits_to_be_pushed_says_no_amount(app: Flask, world: World) -> None:
    with app.app_context():
        written = " ".join(str(facts) for facts in db.session.scalars(select(Job.facts)))
        raised = db.session.scalars(select(Alert.rule)).all()
    assert "payment_over_ceiling" in raised
    assert "payment_waiting" in raised
    assert met_in(written.encode(), looked_for(app, world)) == set()


def test_a_counsellor_of_the_case_may_see_no_money(app: Flask, world: World) -> None:
    from webapp.cases.queries import find_case

    with app.app_context():
        case = find_case(world.cases[OWN])
        salma = Person(app, world.staff["salma"])
        counsellor = type(
            "P", (), {"id": world.staff["salma"], "role": "counsellor", "office_id": case.office_id}
        )()
        assert not any(
            may(counsellor, action, case) for action in ("allocation.see", "payment.see", "payment.act")
        )
    assert salma.client.get(f"/cases/{world.cases[OWN]}/allocation").status_code == 403
