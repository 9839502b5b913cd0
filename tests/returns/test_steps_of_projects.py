"""The steps and their order are a project's data; the tracker says where a case stands at a glance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser_client import Person
from tests.databases import settings
from tests.returns.conftest import ANSWERS, TODAY, Return
from webapp import create_app
from webapp.cases.models import STAGES, Case
from webapp.database import db
from webapp.projects import FaultyProject
from webapp.returns.procedures import KINDS, parse, steps_of
from webapp.returns.words import PHASES, tracker

AReturn = Callable[..., Return]


def said(*steps: str) -> dict[str, Any]:
    """A file as it reads aloud: ``said("contact", "departure", "arrival")``."""
    return {"title": "Essai", "version": 1, "steps": [{"name": one, "kind": one} for one in steps]}


def test_the_default_has_the_steps_of_the_leaflet_in_its_order() -> None:
    steps = steps_of("default")
    assert [step.kind for step in steps.steps] == [
        "contact", "interview", "medical", "document", "training", "departure", "boarding", "arrival", "contact_there",
        "orientation",
    ]  # fmt: skip
    assert [step.name for step in steps.steps if step.optional] == ["training"]
    assert {step.kind for step in steps.steps} | {"note"} == set(KINDS)


def test_what_is_waited_for_follows_from_what_is_settled() -> None:
    steps = parse(said("contact", "medical", "document", "departure", "arrival"))
    names = [step.name for step in steps.waiting({"contact", "document"}, began_with="contact")]
    assert names == ["medical", "departure", "arrival"]
    assert [step.name for step in steps.before_departure({"contact"}, began_with="document")] == ["document"]
    assert steps.after_stage("travel_document").name == "departure"
    assert steps.after_stage("first_contact").name == "medical"
    assert steps.after_stage("closed").name == "contact"


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ({**said("contact", "departure", "arrival"), "colour": 1}, "colour: unknown key"),
        ({**said("contact", "departure", "arrival"), "title": ""}, "title"),
        ({**said("contact", "departure", "arrival"), "version": True}, "version"),
        (said("contact", "departure"), "3 to 40"),
        (said("contact", "medical", "departure"), "exactly one step of the kind arrival"),
        (said("contact", "contact", "departure", "arrival"), "stands twice"),
        (said("medical", "contact", "departure", "arrival"), "first contact comes first"),
        (said("contact", "boarding", "departure", "arrival"), "boarding comes after the departure"),
        (said("contact", "departure", "orientation", "arrival"), "orientation comes after the arrival"),
        (said("contact", "departure", "arrival", "training"), "training comes before the arrival"),
        (said("contact", "visit", "departure", "arrival"), r"steps\[2\].kind"),
        ({**said("contact", "departure", "arrival"), "steps": [1, 2, 3]}, "a table is needed"),
    ],
)
def test_a_file_with_a_fault_is_no_procedure(file: dict[str, Any], fault: str) -> None:
    with pytest.raises(FaultyProject, match=fault):
        parse(file)


def test_another_project_has_another_order_and_its_own_words(
    app: Flask, people: Any, a_return: AReturn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "projects" / "short-way"
    folder.mkdir(parents=True)
    (folder / "procedure.toml").write_text(
        'title = "Voie courte"\nversion = 1\n'
        '[[steps]]\nname = "first_contact"\nkind = "contact"\n'
        '[[steps]]\nname = "paper"\nkind = "note"\n'
        'title = {fr = "Lettre du maire", en = "Letter of the mayor", ar = "رسالة العمدة"}\n'
        '[[steps]]\nname = "departure"\nkind = "departure"\n[[steps]]\nname = "arrival"\nkind = "arrival"\n'
    )
    monkeypatch.setenv("SUIVI_PROJECTS", str(tmp_path / "projects"))
    karim: Person = people("karim")
    assert "Voie courte" in karim.opens("/procedure/new").text("#project-field")
    journey = a_return(project="short-way")
    assert "Lettre du maire" in karim.opens("/procedure").text(".group h2")
    assert "Lettre du maire" in journey.does("karim", "departure", 422).text(".notice.bad")
    journey.does("karim", "interview", 404)
    fields = {"id": str(uuid4()), "happened_on": TODAY.isoformat(), "words": "Reçue"}
    karim.posts(f"{journey.url}/procedure/paper", fields)
    journey.does("karim", "departure")
    assert journey.case().stage == "departure_set"


@pytest.mark.parametrize("file", ["procedure.toml", "follow-ups.toml"])
def test_a_project_with_a_fault_keeps_the_application_from_starting(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "projects" / "broken"
    folder.mkdir(parents=True)
    (folder / file).write_text("version = 0\n")
    monkeypatch.setenv("SUIVI_PROJECTS", str(tmp_path / "projects"))
    with pytest.raises(FaultyProject, match=f"broken/{file}: .*version"):
        create_app(settings(tmp_path, f"sqlite:///{tmp_path}/suivi.sqlite"))


def test_every_stage_has_its_place_on_the_tracker(app: Flask, people: Any, a_return: AReturn) -> None:
    with app.test_request_context():
        found = [(stage, tracker(stage).now) for stage in STAGES if stage != "interrupted"]
    assert [place for _stage, place in found] == sorted(place for _stage, place in found)
    assert found[0] == ("first_contact", 1)
    assert found[-1] == ("closed", len(PHASES))
    journey = a_return()
    page = people("karim").opens(journey.url)
    assert page.text(".tracker p").startswith("Contact Attend : Entretien , depuis le")
    assert len(page.soup.select(".tracker li")) == len(PHASES)
    assert page.text(".tracker [aria-current]") == "Contact"
    assert page.soup.select(f'a[href="{journey.url}/procedure"]')
    with app.app_context():
        db.session.get_one(Case, journey.id).stage = "in_progress"
        db.session.commit()
    page = people("karim").opens(journey.url)
    assert page.texts(".tracker .past") == ["Contact", "Préparation", "Voyage", "Arrivée", "Plan"]


def test_who_may_open_a_page_of_returns_finds_a_link_to_it(people: Any) -> None:
    for name, path in (("karim", "/procedure"), ("kadiatou", "/arrivals"), ("ibrahima", "/arrivals")):
        assert people(name).opens("/more").soup.select(f'main a[href="{path}"]'), name
    assert people("karim").client.get("/").headers["Location"] == "/procedure"
    for name in ("salma", "farah", "ada", "root"):
        assert not people(name).opens("/more").soup.select('a[href="/procedure"], a[href="/arrivals"]')


RUBBISH = (
    "",
    "\x00",
    "x" * 5000,
    "-1",
    "9" * 40,
    "2026-13-45",
    "'; DROP TABLE cases; --",
    "\ud800",
    "١٢٣",
    "<script>",
)


def test_nothing_that_is_sent_breaks_a_page(people: Any, a_return: AReturn) -> None:
    journey = a_return().departing()
    karim = people("karim").client
    for rubbish in RUBBISH:
        sent = rubbish.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        for step, answers in ANSWERS.items():
            for extra in ({}, {"id": str(uuid4()), "happened_on": TODAY.isoformat()}):
                fields = dict.fromkeys((*answers, "id", "happened_on", "reason", "skipped"), sent) | extra
                status = karim.post(f"{journey.url}/procedure/{step}", data=fields).status_code
                assert status in (303, 403, 422), (step, rubbish, status)
        for path in ("/procedure", f"{journey.url}/interruption"):
            fields = dict.fromkeys(
                ("id", "given_names", "family_name", "number", "office", "asked_by", "reason"), sent
            )
            assert karim.post(path, data={**fields, "happened_on": sent}).status_code == 422
