"""Anybody may stop at any step, also at the airport and without a network; nobody waits in vain, nothing is held against
them, and they may go on later."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.browser_client import Person
from tests.cast import Cast, _staff, money_for
from tests.phone import Phone, line_to_app
from tests.returns.conftest import TODAY, Return, step_fields
from webapp import clock
from webapp.alerts.models import Alert
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.offline.models import Submission
from webapp.people.models import Office, Staff
from webapp.permissions import Role
from webapp.returns.models import Interruption, ProcedureStep
from webapp.worker import drain

AReturn = Callable[..., Return]


def told(app: Flask, case_id: UUID) -> set[tuple[str, str]]:
    """(rule, first name) of every alert about this case, once the worker has looked."""
    drain(app)
    with app.app_context():
        rows = db.session.execute(
            select(Alert.rule, Staff.name)
            .join(Staff, Staff.id == Alert.for_id)
            .where(Alert.case_id == case_id)
        )
        return {(rule, name.split()[0].lower()) for rule, name in rows}


def one_tap() -> dict[str, str]:
    return {"id": str(uuid4())}


@pytest.fixture
def escort(app: Flask, cast: Cast, people: Any) -> Person:
    """Nadia of Rabat, who goes along to the airport."""
    with app.app_context():
        nadia = _staff("Nadia Idrissi", "nadia", Role.CASEWORKER, db.session.get_one(Office, cast.rabat))
        nadia_id = nadia.id
        db.session.commit()
    return Person(app, nadia_id)


def test_one_tap_stops_a_return_and_another_lets_it_go_on(app: Flask, people: Any, a_return: AReturn) -> None:
    journey, karim = a_return(), people("karim")
    journey.does("karim", "interview")
    tap = one_tap()
    for _time in range(2):
        karim.posts(f"{journey.url}/interruption", tap)
    karim.posts(f"{journey.url}/interruption", one_tap())
    page = karim.opens(f"{journey.url}/procedure")
    assert "C’est le droit de la personne" in page.text()
    assert "Mamadou" not in karim.opens("/procedure").text(), (
        "nobody waits for a step of a return that stopped"
    )
    assert "Retour interrompu" in karim.opens(journey.url).text(".tracker")
    assert "Reprenez-le d’abord" in journey.does("karim", "medical_check", 422).text()
    # Before a departure is set nobody at the origin knows of the person, and so nobody there is told.
    assert told(app, journey.id) == set()
    karim.posts(f"{journey.url}/interruption/end")
    karim.posts(f"{journey.url}/interruption/end")
    assert journey.case().stage == "interview"
    journey.does("karim", "medical_check")
    assert [len(journey.entries(f"return.{kind}")) for kind in ("interrupted", "resumed")] == [1, 1]
    with app.app_context():
        kept = db.session.query(Interruption).one()
        assert (kept.asked_by, kept.reason, kept.stage_before) == ("person", "", "interview")


def test_at_the_airport_without_a_network_the_escort_stops_it_and_all_who_wait_are_told(
    app: Flask, cast: Cast, people: Any, escort: Person, a_return: AReturn
) -> None:
    journey = a_return().departing(escort=str(escort.id)).given_to(cast.ibrahima)
    assert told(app, journey.id) == {
        ("return_informed", "kadiatou"),
        ("return_informed", "ibrahima"),
        ("case_assigned", "ibrahima"),
    }
    carried = {line["keep"] for line in pack(escort) if "keep" in line}
    assert {journey.url, f"{journey.url}/procedure", "/procedure"} <= carried
    assert "/cases/{case}/interruption/new" in {line.get("pattern") for line in pack(escort)}
    phone = Phone(line_to_app(app)).enrol(escort)
    at = clock.now() - timedelta(hours=3)
    tap = phone.save("interruption", journey.id, {}, header={"claimed_at": at.isoformat()})
    for _time in range(2):
        assert [receipt["outcome"] for receipt in phone.post(tap).receipts] == ["accepted"]
    assert journey.case().stage == "interrupted"
    (entry,) = journey.entries("return.interrupted")
    assert entry.happened_at == at, "when it was tapped, not when there was a network"
    stopped = {who for rule, who in told(app, journey.id) if rule == "return_interrupted"}
    assert stopped == {"kadiatou", "ibrahima", "karim"}, "all but who tapped"
    with app.app_context():
        urgent = select(Alert.urgent).where(Alert.rule == "return_interrupted")
        assert all(db.session.scalars(urgent))
        assert db.session.query(Interruption).count() == 1
    # Whoever goes along stops it; to let it go on is for those who prepare it.
    escort.posts(f"{journey.url}/interruption/end", status=403)
    people("ibrahima").posts(f"{journey.url}/interruption/end")
    assert journey.case().stage == "departure_set"
    assert ("return_resumed", "karim") in told(app, journey.id)


def pack(person: Person, cursor: int = 0, build: str = "") -> list[dict[str, Any]]:
    import json

    said = person.opens(f"/pack?cursor={cursor}&build={build}").html
    return [json.loads(line) for line in said.splitlines()]


def test_the_escorts_phone_lets_go_of_the_person_at_the_arrival(
    app: Flask, cast: Cast, people: Any, escort: Person, a_return: AReturn
) -> None:
    journey = a_return().departing(escort=str(escort.id)).given_to(cast.ibrahima)
    a_return()
    lines = pack(escort)
    assert len([line for line in lines if "about" in line]) == 1, "the other return is not hers to carry"
    end = lines[-1]
    phone = Phone(line_to_app(app)).enrol(people("ibrahima"))
    form = {name: value for name, value in step_fields("arrival").items() if name != "id"}
    here = phone.save("arrival", journey.id, {**form, "given": "reception", "lacking": ""})
    for _time in range(2):
        assert [receipt["outcome"] for receipt in phone.post(here).receipts] == ["accepted"]
    assert (journey.case().stage, journey.case().arrived_on) == ("arrived", TODAY)
    later = pack(escort, end["cursor"], end["build"])
    assert {line["gone"] for line in later if "gone" in line} == {journey.url, f"{journey.url}/procedure"}
    escort.opens(journey.url, 404)
    with app.app_context():
        kept = db.session.query(ProcedureStep).filter_by(case_id=journey.id, step="arrival").one()
        assert kept.facts == {"met": "yes", "given": ["reception"]}


def test_a_tap_that_comes_after_the_arrival_is_kept_and_shown_and_changes_nothing(
    app: Flask, cast: Cast, people: Any, escort: Person, a_return: AReturn
) -> None:
    journey = a_return().departing(escort=str(escort.id)).given_to(cast.ibrahima)
    phone = Phone(line_to_app(app)).enrol(people("karim"))
    at = clock.now() - timedelta(hours=3)
    tap = phone.save("interruption", journey.id, {}, header={"claimed_at": at.isoformat()})
    journey.does("karim", "boarding")
    journey.does("ibrahima", "arrival")
    (receipt,) = phone.post(tap).receipts
    assert receipt["outcome"] == "needs attention"
    assert "est arrivée depuis" in str(receipt["errors"])
    assert journey.case().stage == "arrived"
    with app.app_context():
        assert db.session.get_one(Submission, tap.id).sealed is not None


def test_a_stranger_cannot_stop_a_return_with_a_phone(app: Flask, people: Any, a_return: AReturn) -> None:
    journey = a_return().departing()
    for name in ("ibrahima", "mariama", "awa"):
        phone = Phone(line_to_app(app)).enrol(people(name))
        for kind, said in (("interruption", {}), ("arrival", step_fields("arrival"))):
            (receipt,) = phone.post(phone.save(kind, journey.id, said)).receipts
            assert receipt["outcome"] == "needs attention"
    assert journey.case().stage == "departure_set"


def test_what_was_under_way_goes_to_the_manager_who_decides(
    app: Flask, cast: Cast, people: Any, a_return: AReturn
) -> None:
    journey = a_return().departing().given_to(cast.ibrahima)
    with app.app_context():
        money_for(db.session.get_one(Case, journey.id), by=cast.kadiatou)
        db.session.commit()
    people("ibrahima").posts(
        f"{journey.url}/interruption", {**one_tap(), "asked_by": "person", "reason": "family"}
    )
    assert ("interruption_to_decide", "kadiatou") in told(app, journey.id)
    kadiatou, url = people("kadiatou"), f"{journey.url}/interruption/decision"
    assert "une allocation dont il reste quelque chose" in kadiatou.opens(f"{journey.url}/procedure").text()
    assert "Choisissez ce qui est décidé" in kadiatou.posts(url, {}, 422).text()
    kadiatou.posts(url, {"decision": "cancel"})
    assert "Ce qui n’est pas livré est annulé" in kadiatou.opens(f"{journey.url}/procedure").text()
    for name in ("karim", "ibrahima"):
        assert "allocation" not in people(name).opens(f"{journey.url}/procedure").text()
    with app.app_context():
        # The reason stays with the interruption: no timeline, alert or push repeats it.
        assert db.session.query(Interruption).one().reason == "family"
        facts = db.session.scalars(select(TimelineEntry.facts).where(TimelineEntry.case_id == journey.id))
        assert "family" not in str(list(facts))
