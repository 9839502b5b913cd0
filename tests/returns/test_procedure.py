"""From the first contact to the arrival, step by step, as the people who do it see it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser_client import Person
from tests.cast import Cast, money_for
from tests.returns.conftest import TODAY, Return, ago, ahead, step_fields
from webapp.allocations.models import Allocation
from webapp.cases.actions import move_to_office
from webapp.cases.models import Case
from webapp.database import db
from webapp.returns.models import Procedure, ProcedureStep

AReturn = Callable[..., Return]


def test_a_return_goes_from_the_first_contact_to_the_arrival(
    app: Flask, cast: Cast, people: Any, a_return: AReturn
) -> None:
    karim, kadiatou = people("karim"), people("kadiatou")
    journey = a_return()
    board = karim.opens("/procedure")
    assert "Entretien" in board.text()
    assert "Mamadou Sylla" in board.text()
    assert "0 jour" in board.text()
    # The office of origin does not know of somebody who may never leave.
    kadiatou.opens(journey.url, 404)
    assert journey.case().office_id == cast.rabat
    journey.does("karim", "interview")
    assert (journey.case().needs, journey.case().household_size) == (["medication", "schooling"], 3)
    journey.does("karim", "medical_check")
    asked = {"received_on": "", "expires_on": ""}
    journey.does("karim", "travel_document", **asked)
    assert "Document de voyage" in karim.opens("/procedure").text(".group h2"), (
        "asked for is not yet received"
    )
    journey.does("karim", "travel_document")
    journey.does("karim", "training")
    journey.does("karim", "training", topic="self_esteem")
    journey.does("karim", "departure")
    assert journey.case().office_id == cast.conakry
    assert [entry.office_id for entry in journey.entries("return.informed")] == [cast.conakry]
    row = kadiatou.opens("/arrivals").text(".rows li")
    for told in ("Mamadou Sylla", "AT 525", "Dakar", "Fauteuil roulant", "3 personnes", "Kindia"):
        assert told in row
    journey.given_to(cast.ibrahima)
    assert "Mamadou Sylla" in people("ibrahima").opens("/arrivals").text()
    journey.does("karim", "boarding")
    journey.does("ibrahima", "arrival")
    case = journey.case()
    assert (case.stage, case.arrived_on, case.departed_on) == ("arrived", TODAY, TODAY)
    journey.does("ibrahima", "contact_there")
    journey.does("ibrahima", "orientation")
    journey.does("ibrahima", "orientation")
    with app.app_context():
        assert db.session.get_one(Procedure, journey.id).next_step is None
        assert db.session.query(ProcedureStep).filter_by(case_id=journey.id).count() == 13
    shown = people("ibrahima").opens(f"{journey.url}/procedure").text()
    assert "Revient avec un devis" in shown
    assert "Ambassade de Guinée" not in shown, "what the embassy said is not the office of origin's to read"
    shown = karim.opens(f"{journey.url}/procedure").text()
    assert "Ambassade de Guinée" in shown
    assert "Revient avec un devis" not in shown, (
        "how the person lives there is not the sending mission's to read"
    )
    assert "Mamadou Sylla" not in karim.opens("/procedure").text()


def test_a_first_contact_sent_twice_opens_one_case(people: Any, a_return: AReturn) -> None:
    id = str(uuid4())
    assert a_return(id=id).id != id
    a_return(id=id)
    assert len(people("karim").opens("/cases").soup.select("#case-rows li")) == 2, "Aminata and Mamadou"


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("interview", {"consent": ""}, "Sans son accord"),
    ("interview", {"needs": ["diagnosis"]}, "Choisissez une des réponses"),
    ("medical_check", {"fit": ""}, "Dites si la personne peut voyager"),
    ("medical_check", {"fit": "conditions", "conditions": []}, "au moins une condition"),
    ("medical_check", {"fit": "conditions", "conditions": ["tuberculosis"]}, "Choisissez une des réponses"),
    ("travel_document", {"expires_on": ""}, "Jusqu’à quand"),
    ("travel_document", {"received_on": ago(20)}, "avant d’être demandé"),
    ("travel_document", {"received_on": "", "expires_on": "", "asked_on": ""}, "Quand le laissez-passer"),
    ("training", {"attended": "5"}, "Plus de séances suivies"),
    ("departure", {}, "Avant le départ il reste : Entretien, Visite médicale, Document de voyage"),
    ("boarding", {}, "Le départ n’est pas encore fixé"),
    ("interview", {"happened_on": ahead(3)}, "dans le futur"),
    ("interview", {"happened_on": "0001-01-01"}, "trop ancien"),
    ("departure", {"departs_on": "9999-12-31"}, "Vérifiez l’année"),
    ("interview", {"id": "nothing"}, "a perdu son numéro"),
    ("interview", {"skipped": "y", "reason": ""}, "pourquoi cette étape est passée"),
]  # fmt: skip


def test_what_cannot_be_is_said_beside_the_field_and_nothing_is_lost(app: Flask, a_return: AReturn) -> None:
    journey = a_return()
    for step, changed, said in WRONG:
        page = journey.does("karim", step, 422, **changed)
        assert said in page.text(), (step, changed)
        assert step != "travel_document" or "Ambassade de Guinée" in page.html
    with app.app_context():
        assert db.session.query(ProcedureStep).filter_by(case_id=journey.id).count() == 1


def test_papers_and_the_doctors_day_are_held_against_the_departure(a_return: AReturn) -> None:
    journey = a_return()
    journey.does("karim", "interview")
    journey.does("karim", "medical_check", not_before=ahead(4))
    journey.does("karim", "travel_document", expires_on=ahead(6))
    late = {"departs_on": ahead(6), "arrives_on": ahead(7)}
    assert "ne sera plus valable" in journey.does("karim", "departure", 422, **late).text("#arrives_on-field")
    early = {"departs_on": ahead(3), "arrives_on": ahead(4)}
    assert "attendre plus longtemps" in journey.does("karim", "departure", 422, **early).text(
        "#departs_on-field"
    )
    journey.does("karim", "departure", departs_on=ahead(4), arrives_on=ahead(6))


def test_a_step_is_skipped_or_done_again_with_a_reason_and_sent_twice_is_one(
    app: Flask, a_return: AReturn, people: Any
) -> None:
    journey = a_return()
    journey.does("karim", "interview")
    assert "déjà faite" in journey.does("karim", "interview", 422).text("#reason-field")
    again = step_fields("interview", reason="A changé de ville", place="Mamou")
    for _time in range(2):
        people("karim").posts(f"{journey.url}/procedure/interview", again)
    assert journey.case().place == "Mamou"
    people("karim").posts(
        f"{journey.url}/procedure/medical_check",
        {
            "id": str(uuid4()),
            "happened_on": TODAY.isoformat(),
            "skipped": "y",
            "reason": "Vu par le médecin hier",
        },
    )
    journey.does("karim", "medical_check", fit="no", reason="Malade depuis")
    with app.app_context():
        kept = (
            db.session.query(ProcedureStep).filter_by(case_id=journey.id).order_by(ProcedureStep.recorded_at)
        )
        assert [(row.step, row.outcome) for row in kept] == [
            ("first_contact", "done"), ("interview", "done"), ("interview", "done"), ("medical_check", "skipped"),
            ("medical_check", "open"),
        ]  # fmt: skip
        assert db.session.get_one(Procedure, journey.id).next_step == "medical_check"
    assert "Vu par le médecin hier" in people("karim").opens(f"{journey.url}/procedure").text()


def test_a_return_that_came_with_a_list_goes_on_where_the_list_left_it(
    app: Flask, cast: Cast, people: Any
) -> None:
    from tests.cast import a_case
    from webapp.people.models import Office, Staff

    with app.app_context():
        case = a_case(
            "Keïta", "Sira", office=db.session.get_one(Office, cast.conakry), stage="medical_check",
            caseworker=db.session.get_one(Staff, cast.karim),
        )  # fmt: skip
        case.arrived_on = None
        db.session.commit()
        journey = Return(app, people, case.id)
    assert "Document de voyage" in people("karim").opens("/procedure").text(".group h2")
    assert "Fait avant que" in people("karim").opens(f"{journey.url}/procedure").text()
    journey.does("karim", "travel_document")
    journey.does("karim", "departure")
    assert journey.case().stage == "departure_set"


def test_a_new_day_of_departure_informs_the_origin_again(a_return: AReturn) -> None:
    journey = a_return().departing()
    journey.does("karim", "departure", departs_on=ahead(8), arrives_on=ahead(9), reason="Vol annulé")
    assert [entry.facts["arrives_on"] for entry in journey.entries("return.informed")] == [ahead(6), ahead(9)]


# Who may do which step

DOES = {
    "karim": {
        "first_contact",
        "interview",
        "medical_check",
        "travel_document",
        "training",
        "departure",
        "boarding",
    },
    "ibrahima": {"arrival", "contact_there", "orientation"},
    "kadiatou": {"arrival", "contact_there", "orientation"},
}
"""The steps of the leaflet by who does them; everybody else does none."""
STEPS = DOES["karim"] | DOES["ibrahima"]


def test_every_step_is_refused_to_every_role_that_must_not_do_it(
    app: Flask, cast: Cast, people: Any, a_return: AReturn
) -> None:
    journey = a_return().departing().given_to(cast.ibrahima)
    knowing, refused = {"karim", "ibrahima", "kadiatou"}, 0
    everybody = "ibrahima mariama awa salma kadiatou moussa farah ada root karim".split()
    for name in [*everybody, None]:
        person: Person = people(name)
        for step in sorted(STEPS - DOES.get(name or "", set())):
            path = f"{journey.url}/procedure/{step}"
            answers = [
                person.client.get(f"{path}/new").status_code,
                person.client.post(path, data=step_fields(step)).status_code,
                person.client.post(path, data=step_fields(step, skipped="y", reason="x")).status_code,
            ]
            # Finance knows the cases of its office by their code.
            known = 403 if name in knowing | {"farah"} else 404
            assert answers == ([303, 401, 401] if name is None else [known] * 3), (name, step)
            refused += len(answers)
    assert refused > 250
    with app.app_context():
        assert db.session.query(ProcedureStep).filter_by(case_id=journey.id).count() == 5


def test_a_right_given_to_the_wrong_role_is_noticed(
    cast: Cast, people: Any, a_return: AReturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.permissions import MAY, is_case_officer

    journey = a_return().departing().given_to(cast.ibrahima)
    monkeypatch.setitem(MAY, "procedure.record", [is_case_officer])
    path = f"{journey.url}/procedure/interview/new"
    assert people("ibrahima").client.get(path).status_code == 200
    assert people("karim").client.get(path).status_code == 403


def test_the_money_of_a_return_goes_with_it_and_a_new_day_does_not_take_a_case_back_that_was_handed_on(
    app: Flask, cast: Cast, people: Any, a_return: AReturn
) -> None:
    journey = a_return().prepared()
    with app.app_context():
        money_for(db.session.get_one(Case, journey.id), by=cast.kadiatou)
        db.session.commit()

    def money_is_of() -> Any:
        with app.app_context():
            return db.session.query(Allocation).filter_by(case_id=journey.id).one().office_id

    assert money_is_of() == cast.rabat
    journey.does("karim", "departure")
    assert money_is_of() == cast.conakry
    with app.app_context():
        move_to_office(db.session.get_one(Case, journey.id), cast.dakar)
        db.session.commit()
    journey.does("karim", "departure", reason="Le vol est retardé")
    assert journey.case().office_id == cast.dakar == money_is_of()
