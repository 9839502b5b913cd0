"""The plan of a case: written, sent back, changed, approved by somebody else, and done step by step."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.browser_client import Page, Person
from tests.cast import Cast, a_case
from webapp import clock, worker
from webapp.alerts.models import Alert
from webapp.allocations.models import Allocation, AllocationLimit
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.people.models import Staff
from webapp.plans.models import Plan, PlanStepOutcome
from webapp.providers.models import ServiceProvider


def in_days(days: int) -> str:
    return (clock.today("Africa/Conakry") + timedelta(days=days)).isoformat()


STEPS = [
    {"what": "Apporter trois devis", "due_on": in_days(7), "who": "returnee"},
    {"what": "Visiter le local", "due_on": in_days(14), "who": "both"},
]
LINES = [
    {
        "category": "micro_project",
        "what": "Machine à coudre",
        "amount": "1 200,50",
        "provider": "Bamba & fils",
    },
    {"category": "training", "what": "Six semaines de couture", "amount": "100", "provider": ""},
]


def rows(name: str, said: list[dict[str, str]]) -> dict[str, str]:
    return {f"{name}_{n}_{key}": value for n, row in enumerate(said) for key, value in row.items()}


def plan_fields(
    steps: list[dict[str, str]] = STEPS, lines: list[dict[str, str]] = LINES, **changed: str
) -> dict[str, str]:
    """A plan as the form posts it."""
    return {
        "id": str(uuid4()), "currency": "EUR", "objectives": "Je veux coudre <chez moi> & vivre de mon travail.",
        "activity": "Atelier de couture", "sector": "tailoring", "place": "Ratoma", "partners": "Mission locale",
        "training": "Couture", "risks": "La pluie", **rows("step", steps), **rows("line", lines), **changed,
    }  # fmt: skip


class Plans:
    """The plan of Aminata's case, through the pages."""

    def __init__(self, app: Flask, people: Any, cast: Cast) -> None:
        self.app, self.people, self.id, self.cast = app, people, cast.aminata, cast

    @property
    def url(self) -> str:
        return f"/cases/{self.id}"

    def submits(self, who: str = "ibrahima", status: int = 303, **changed: Any) -> Page:
        person: Person = self.people(who)
        return person.posts(f"{self.url}/plans", plan_fields(**changed), status)

    def decides(
        self, deed: str, plan_id: UUID | None = None, who: str = "kadiatou", status: int = 303, **fields: str
    ) -> Page:
        person: Person = self.people(who)
        plan_id = plan_id or self.newest().id
        return person.posts(f"{self.url}/plans/{plan_id}/{deed}", fields, status)

    def settles(self, n: int, outcome: str, who: str = "ibrahima", status: int = 303, **fields: str) -> Page:
        person: Person = self.people(who)
        key = self.newest().steps[n]["key"]
        return person.posts(f"{self.url}/plan/steps/{key}/outcome", {"outcome": outcome, **fields}, status)

    def shown(self, who: str = "ibrahima", path: str = "plan", status: int = 200) -> Page:
        person: Person = self.people(who)
        return person.opens(f"{self.url}/{path}", status)

    def form(self) -> dict[str, str]:
        """What the empty form holds, as a browser would send it."""
        found = {}
        for control in self.shown(path="plan/new").soup.select("main form [name]"):
            if control.name == "select":
                chosen = control.select_one("option[selected]") or control.select_one("option")
                found[str(control["name"])] = str(chosen["value"]) if chosen else ""
            else:
                found[str(control["name"])] = (
                    control.get_text().removeprefix("\r\n").removeprefix("\n")
                    if control.name == "textarea"
                    else str(control.get("value", ""))
                )
        return found

    # What there is

    def all(self) -> list[Plan]:
        with self.app.app_context():
            found = list(
                db.session.scalars(select(Plan).where(Plan.case_id == self.id).order_by(Plan.number))
            )
            db.session.expunge_all()
            return found

    def newest(self) -> Plan:
        return self.all()[-1]

    def states(self) -> list[str]:
        return [plan.state for plan in self.all()]

    def stage(self) -> str:
        with self.app.app_context():
            return str(db.session.get_one(Case, self.id).stage)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        with self.app.app_context():
            query = select(TimelineEntry.facts).where(
                TimelineEntry.case_id == self.id, TimelineEntry.kind == kind
            )
            return list(db.session.scalars(query.order_by(TimelineEntry.number)))

    def alerted(self, rule: str) -> set[UUID]:
        with self.app.app_context():
            worker.drain(self.app)
            return set(db.session.scalars(select(Alert.for_id).where(Alert.rule == rule)))

    def at_stage(self, stage: str) -> None:
        with self.app.app_context():
            db.session.get_one(Case, self.id).stage = stage
            db.session.commit()


@pytest.fixture
def plans(app: Flask, people: Any, cast: Cast) -> Plans:
    return Plans(app, people, cast)


# The whole way


def test_a_plan_is_written_sent_back_changed_approved_and_done(plans: Plans) -> None:
    assert "Pas encore de plan." in plans.shown().text()
    plans.submits()
    assert (plans.states(), plans.stage()) == (["waiting"], "plan")
    assert plans.alerted("plan_to_approve") == {plans.cast.kadiatou}
    for said in (
        "Je veux coudre <chez moi>",
        "Apporter trois devis",
        "1 200,50 EUR",
        "1 300,50 EUR",
        "couture",
    ):
        assert said in plain(plans.shown("kadiatou").text()), said

    plans.decides("return", reason="Le loyer manque.")
    assert (plans.states(), plans.stage()) == (["sent_back"], "plan")
    assert plans.alerted("plan_sent_back") == {plans.cast.ibrahima}
    assert "Le loyer manque." in plans.shown().text()

    again = plans.form() | {"line_2_category": "housing", "line_2_what": "Loyer", "line_2_amount": "150"}
    plans.people("ibrahima").posts(f"{plans.url}/plans", again)
    plans.decides("approval")
    assert (plans.states(), plans.stage()) == (["sent_back", "approved"], "in_progress")
    [first, second] = plans.all()
    assert [line["key"] for line in second.lines[:2]] == [line["key"] for line in first.lines]
    assert (second.total_minor, second.currency) == (145_050, "EUR")

    plans.settles(0, "done")
    plans.settles(1, "dropped", reason="Elle travaille chez elle.")
    assert [fact["outcome"] for fact in plans.entries("plan.step_done")] == ["done", "dropped"]
    told = plans.people("ibrahima").opens(plans.url).text("#timeline")
    for said in (
        "proposé",
        "renvoyé",
        "approuvé",
        "Étape du plan faite",
        "Étape du plan abandonnée",
        "Version 2",
    ):
        assert said in told, said
    shown = plans.shown()
    assert "Elle travaille chez elle." in shown.text()
    assert not shown.soup.select("form[action$='/outcome']"), "nothing is left to note"


def plain(said: str) -> str:
    return said.replace("\xa0", " ").replace("\u202f", " ")


def test_a_plan_of_a_case_that_is_further_on_does_not_put_it_back(plans: Plans) -> None:
    plans.at_stage("follow_up")
    plans.submits()
    plans.decides("approval")
    assert (plans.stage(), plans.states()) == ("follow_up", ["approved"])
    assert plans.entries("case.stage")[-1:] == []


@pytest.mark.parametrize("stage", ["interview", "departed", "interrupted", "closed"])
def test_a_plan_is_written_after_the_arrival_only(plans: Plans, stage: str) -> None:
    plans.at_stage(stage)
    page = plans.submits(status=422)
    assert page.texts(".notice.bad")
    assert page.soup.select_one("[name=line_0_what]")["value"] == "Machine à coudre"  # type: ignore[index]
    assert plans.all() == []


def test_the_case_leads_to_its_plan_once_the_person_is_there(plans: Plans) -> None:
    link = f"a[href='{plans.url}/plan']"
    assert plans.people("ibrahima").opens(plans.url).soup.select(link)
    assert plans.people("kadiatou").opens(plans.url).soup.select(link)
    assert not plans.people("salma").opens(plans.url).soup.select(link)
    assert not plans.people("karim").opens(plans.url).soup.select(link)
    plans.at_stage("departed")
    assert not plans.people("ibrahima").opens(plans.url).soup.select(link)


def test_a_counsellor_and_the_mission_that_sent_hear_nothing_of_a_plan(plans: Plans) -> None:
    plans.submits()
    plans.decides("approval")
    plans.settles(0, "done")
    for name in ("salma", "karim"):
        timeline = plans.people(name).opens(plans.url).text("#timeline")
        assert "réintégration proposé" not in timeline
        assert "devis" not in timeline
        plans.shown(name, status=403)
    plans.shown("farah", status=403)
    plans.shown("moussa", status=404)


# Versions


def test_only_the_newest_version_waits_and_the_one_before_can_not_be_approved_any_more(plans: Plans) -> None:
    plans.submits()
    first = plans.newest()
    plans.submits(objectives="Je veux un moulin.")
    assert plans.states() == ["replaced", "waiting"]
    refused = plans.decides("approval", first.id, status=422)
    assert "a changé entre-temps" in refused.text()
    refused = plans.decides("return", first.id, status=422, reason="Trop cher, <vraiment>.")
    assert "a changé entre-temps" in refused.text()
    assert plans.states() == ["replaced", "waiting"]
    plans.decides("approval")
    assert plans.states() == ["replaced", "approved"]
    plans.submits(objectives="Je veux deux moulins.")
    assert plans.states() == ["replaced", "approved", "waiting"]
    shown = plans.shown("kadiatou").text()
    assert "Je veux un moulin." in shown
    assert "Je veux deux moulins." in shown


def test_what_is_decided_stays_decided(plans: Plans) -> None:
    plans.submits()
    plans.decides("approval")
    plans.decides("approval")  # a second tap
    plans.decides("return", status=422, reason="Finalement non")
    assert plans.states() == ["approved"]
    assert len(plans.entries("plan.approved")) == 1


def test_two_approvals_at_once_make_one(app: Flask, plans: Plans) -> None:
    plans.submits()
    with app.app_context():
        second = Staff(
            id=uuid4(), name="Second", email="second@demo", role="programme_manager", office_id=plans.cast.conakry,
            password_hash="x", locale="fr", created_at=clock.now(), phone="",
        )  # fmt: skip
        db.session.add(second)
        db.session.commit()
        second_id = second.id
    managers = [Person(app, plans.cast.kadiatou), Person(app, second_id)]
    path = f"{plans.url}/plans/{plans.newest().id}/approval"
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(lambda person: person.client.post(path).status_code, managers))
    assert answers == [303, 422]
    assert plans.states() == ["approved"]
    assert len(plans.entries("plan.approved")) == 1


def test_the_same_form_sent_twice_is_one_version_and_another_text_under_its_id_is_told(plans: Plans) -> None:
    id = str(uuid4())
    plans.submits(id=id)
    plans.submits(id=id)
    assert plans.states() == ["waiting"]
    page = plans.submits(id=id, objectives="Autre chose", status=422)
    assert "déjà parti de cette page" in page.text()
    assert page.soup.select_one("[name=id]")["value"] != id  # type: ignore[index]
    assert "Autre chose" in str(page.soup.select_one("[name=objectives]"))


def test_a_version_that_changes_nothing_is_none(plans: Plans) -> None:
    plans.submits()
    again = plans.form()
    page = plans.people("ibrahima").posts(f"{plans.url}/plans", again, 422)
    assert "Rien n’a changé" in page.text()
    assert plans.states() == ["waiting"]


def test_the_form_is_filled_with_the_last_version_and_the_rest_stays_folded(plans: Plans, cast: Cast) -> None:
    assert plans.form()["place"] == "Ratoma", "what the case knows already"
    steps = [{"what": f"Pas {n}", "due_on": in_days(n), "who": "partner"} for n in range(5)]
    plans.submits(steps=steps)
    held = plans.form()
    assert [held[f"step_{n}_what"] for n in range(6)] == [*(step["what"] for step in steps), ""]
    assert (held["line_0_amount"], held["sector"]) == ("1200.50", "tailoring")
    folded = plans.shown(path="plan/new").soup.select("main details [name^=step_][name$=_what]")
    assert [row["name"] for row in folded] == ["step_5_what", "step_6_what", "step_7_what"]


# What changed


def test_what_changed_stands_field_by_field_step_by_step_and_line_by_line(plans: Plans) -> None:
    plans.submits()
    plans.decides("approval")
    again = plans.form() | {
        "risks": "La pluie et le loyer", "step_0_due_on": in_days(21), "line_0_amount": "900", "line_1_what": "",
        "line_1_amount": "", "line_1_category": "", "step_2_what": "Ouvrir", "step_2_due_on": in_days(30),
    }  # fmt: skip
    plans.people("ibrahima").posts(f"{plans.url}/plans", again)
    assert f"{plans.url}/plan/changes?from=1&to=2" in [
        link["href"] for link in plans.shown("kadiatou").soup.select("main a")
    ]
    page = plans.shown("kadiatou", "plan/changes?from=1&to=2")
    assert page.texts("h3") == [
        "Ce qui peut aller de travers",
        "Étape 1",
        "Étape 3 Nouveau",
        "Poste 1",
        "Poste 2 Supprimé",
    ]
    gone, come = [[plain(said) for said in page.texts(tag)] for tag in ("del", "ins")]
    assert gone[0] == "La pluie"
    assert come[0] == "La pluie et le loyer"
    assert "Machine à coudre · Petit projet · 1 200,50 EUR · Bamba & fils" in gone
    assert "Machine à coudre · Petit projet · 900,00 EUR · Bamba & fils" in come
    assert "Atelier de couture" not in page.text(), "what stayed is not said"
    assert plans.shown("kadiatou", "plan/changes").texts("ins") == page.texts("ins")
    assert "Rien n’a changé." in plans.shown("kadiatou", "plan/changes?from=2&to=2").text()


def test_versions_that_there_are_not_are_not_found(plans: Plans) -> None:
    assert "Rien n’a changé." in plans.shown(path="plan/changes").text()
    plans.submits()
    assert "Je veux coudre" in plans.shown(path="plan/changes").text()
    for asked in ("from=7", "to=0", "to=x", "from=1&to=%00", "to=99999999999999999999"):
        plans.shown(path=f"plan/changes?{asked}", status=404)


# Who decides


def becomes(app: Flask, staff_id: UUID, role: str) -> None:
    with app.app_context():
        db.session.get_one(Staff, staff_id).role = role
        db.session.commit()


def test_nobody_approves_their_own_plan(app: Flask, plans: Plans) -> None:
    plans.submits()
    plans.decides("approval", who="ibrahima", status=403)
    plans.decides("approval", who="moussa", status=404)
    becomes(app, plans.cast.ibrahima, "programme_manager")
    ibrahima = Person(app, plans.cast.ibrahima)
    page = ibrahima.opens(f"{plans.url}/plan")
    assert not page.soup.select("form[action$='/approval']")
    for deed in ("approval", "return"):
        page = ibrahima.posts(f"{plans.url}/plans/{plans.newest().id}/{deed}", {"reason": "x"}, 422)
        assert "Une autre personne" in page.text()
    assert plans.states() == ["waiting"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plans SET state = 'approved', decided_by_id = author_id, decided_at = submitted_at",
        "UPDATE plans SET state = 'approved'",
        "UPDATE plans SET objectives = 'Autre chose'",
        "UPDATE plans SET lines = '[]'",
        "UPDATE plans SET author_id = (SELECT id FROM staff WHERE email = 'mariama@demo')",
        "UPDATE plans SET total_minor = 1",
        "DELETE FROM plans",
    ],
)
def test_the_database_refuses_what_nobody_may_do_to_a_plan(app: Flask, plans: Plans, statement: str) -> None:
    plans.submits()
    before = said(plans.newest())
    with app.app_context(), pytest.raises(DBAPIError):
        db.session.execute(text(statement))
    assert said(plans.newest()) == before


@pytest.mark.parametrize("state", ["waiting", "sent_back", "replaced"])
def test_the_database_keeps_what_was_decided(app: Flask, plans: Plans, state: str) -> None:
    plans.submits()
    plans.decides("approval")
    plans.settles(0, "done")
    with app.app_context():
        for statement in (
            f"UPDATE plans SET state = '{state}', decided_by_id = NULL, decided_at = NULL, reason = 'x'",
            "UPDATE plans SET reason = 'x'",
            "UPDATE plan_step_outcomes SET outcome = 'dropped', reason = 'x'",
            "DELETE FROM plan_step_outcomes",
        ):
            with pytest.raises(DBAPIError):
                db.session.execute(text(statement))
            db.session.rollback()


def said(plan: Plan) -> dict[str, Any]:
    return {column.name: getattr(plan, column.name) for column in Plan.__table__.columns}


def test_a_plan_goes_back_with_a_reason_only(plans: Plans) -> None:
    plans.submits()
    page = plans.decides("return", status=422, reason="   ")
    assert "Dites pourquoi." in page.text()
    page = plans.decides("return", status=422, reason="x" * 301)
    assert page.soup.select_one("[name=reason]")["value"] == "x" * 300  # type: ignore[index]
    assert plans.states() == ["waiting"]


# What is written


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"objectives": " "}, "objectives"),
        ({"objectives": "x" * 2001}, "objectives"),
        ({"activity": "x" * 201}, "activity"),
        ({"risks": "x" * 1001}, "risks"),
        ({"sector": "gold"}, "sector"),
        ({"currency": "USD"}, "currency"),
        ({"step_0_what": ""}, "step_0_what"),
        ({"step_1_due_on": ""}, "step_1_due_on"),
        ({"step_1_due_on": "31/12/2026"}, "step_1_due_on"),
        ({"step_1_due_on": "2226-01-01"}, "step_1_due_on"),
        ({"step_1_who": "nobody"}, "step_1_who"),
        ({"step_7_what": "Sans jour"}, "step_7_due_on"),
        ({"line_0_what": ""}, "line_0_what"),
        ({"line_0_category": ""}, "line_0_category"),
        ({"line_0_category": "weapons"}, "line_0_category"),
        ({"line_0_amount": ""}, "line_0_amount"),
        ({"line_0_amount": "0"}, "line_0_amount"),
        ({"line_0_amount": "-5"}, "line_0_amount"),
        ({"line_0_amount": "12,345"}, "line_0_amount"),
        ({"line_0_amount": "1e9"}, "line_0_amount"),
        ({"line_0_amount": "١٢٣٫٤٥٦"}, "line_0_amount"),
        ({"line_0_amount": "NaN"}, "line_0_amount"),
        ({"line_0_amount": "99999999999999999"}, "line_0_amount"),
        ({"line_0_amount": "9999999999999", "line_1_amount": "9999999999999"}, "line_0_amount"),
        ({"line_5_provider": "Bamba"}, "line_5_what"),
    ],
)
def test_what_can_not_be_is_said_beside_the_field_and_nothing_typed_is_lost(
    plans: Plans, changed: dict[str, str], field: str
) -> None:
    page = plans.submits(status=422, **changed)
    assert page.texts(f"#{field}-error"), page.texts(".error")
    assert plans.all() == []
    typed = plan_fields(**changed)
    for name, value in typed.items():
        control = page.soup.select_one(f"[name={name}]")
        assert control is not None, name
        if control.name == "select":
            assert value in ("gold", "USD", "nobody", "weapons", "") or control.select_one(
                f"option[value='{value}'][selected]"
            ), name
        elif name != "id" and control["name"] != "objectives":
            shown = control.get_text().strip() if control.name == "textarea" else control.get("value", "")
            assert shown == value.strip(), name
    assert page.soup.select_one(f"[name={field}]").find_parent("details") is None, "it is not folded away"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("typed", "minor"), [("1 500", 150_000), ("1 500,5", 150_050), ("1500.50", 150_050), ("0,01", 1)]
)
def test_amounts_are_read_as_people_type_them(plans: Plans, typed: str, minor: int) -> None:
    plans.submits(lines=[{"category": "other", "what": "Chèvres", "amount": typed}])
    [line] = plans.newest().lines
    assert (line["minor"], plans.newest().total_minor) == (minor, minor)


def test_a_known_provider_is_named_by_its_name_and_another_is_kept_as_written(
    app: Flask, plans: Plans
) -> None:
    with app.app_context():
        provider = ServiceProvider(
            office_id=plans.cast.conakry, name="Centre Kaloum", name_folded="centre kaloum", kind="training",
            country="GN", town="Kaloum", added_at=clock.now(),
        )  # fmt: skip
        db.session.add(provider)
        db.session.commit()
        provider_id = str(provider.id)
    offered = plans.shown(path="plan/new").soup.select("#providers option")
    assert [option["value"] for option in offered] == ["Centre Kaloum, Kaloum"]
    lines = [
        {**line, "provider": name}
        for line, name in zip(LINES, ["Centre Kaloum, Kaloum", "Chez Fanta"], strict=True)
    ]
    plans.submits(lines=lines)
    assert [(line["provider_id"], line["provider"]) for line in plans.newest().lines] == [
        (provider_id, "Centre Kaloum, Kaloum"),
        (None, "Chez Fanta"),
    ]


def test_a_plan_of_nothing_but_what_somebody_wants_is_one(plans: Plans) -> None:
    plans.submits(steps=[], lines=[], activity="", sector="", place="", partners="", training="", risks="")
    plans.decides("approval")
    assert plans.states() == ["approved"]


def test_keys_that_are_nobodys_are_not_taken_over(app: Flask, plans: Plans) -> None:
    plans.submits()
    [known, _other] = [step["key"] for step in plans.newest().steps]
    with app.app_context():
        case = a_case("Condé", "Mory", officer=db.session.get_one(Staff, plans.cast.ibrahima))
        db.session.commit()
        other = case.id
    stolen = plan_fields(step_0_key=known, step_1_key=known, line_0_key="<b>", line_1_key="x" * 5000)
    plans.people("ibrahima").posts(f"/cases/{other}/plans", stolen)
    plans.id = other
    keys = [row["key"] for row in (*plans.newest().steps, *plans.newest().lines)]
    assert known not in keys
    assert len({UUID(key) for key in keys}) == 4


JUNK = ["\x00", "\ud800", "💥" * 3000, "%s%n{}", "' OR 1=1 --", "[]", "x" * 20_000]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_is_answered_and_never_breaks_anything(plans: Plans, junk: str) -> None:
    fields = plan_fields()
    whole = {name: junk.encode("utf-8", "surrogatepass") for name in fields}
    ibrahima, kadiatou = plans.people("ibrahima"), plans.people("kadiatou")
    assert ibrahima.client.post(f"{plans.url}/plans", data=whole).status_code == 422
    for name in fields:
        answer = ibrahima.client.post(f"{plans.url}/plans", data={**plan_fields(), name: whole[name]})
        assert answer.status_code in (303, 422), name
    assert ibrahima.client.post(f"{plans.url}/plans").status_code == 422
    plans.submits()
    assert kadiatou.client.post(
        f"{plans.url}/plans/{plans.newest().id}/return", data={"reason": whole["id"]}
    ).status_code in (303, 422)
    answer = kadiatou.client.post(f"{plans.url}/plans/{uuid4()}/approval", data=whole)
    assert answer.status_code == 422
    answer = ibrahima.client.post(
        f"{plans.url}/plan/steps/{uuid4()}/outcome", data={"outcome": whole["id"], "reason": whole["id"]}
    )
    assert answer.status_code == 422
    plans.shown()


# Steps


def test_a_step_of_the_approved_plan_is_noted_once(plans: Plans) -> None:
    plans.submits()
    plans.settles(0, "done", status=422)  # not agreed to yet
    plans.decides("approval")
    page = plans.settles(0, "dropped", status=422)
    assert "abandonnée" in page.text("#errors")
    plans.settles(0, "done")
    plans.settles(0, "done")
    plans.settles(0, "dropped", status=422, reason="Non")
    plans.settles(1, "done", who="kadiatou", status=403)
    assert len(plans.entries("plan.step_done")) == 1
    with plans.app.app_context():
        [settled] = db.session.scalars(select(PlanStepOutcome))
        assert (settled.outcome, settled.by_id) == ("done", plans.cast.ibrahima)


def test_what_was_done_stays_done_in_the_next_version(plans: Plans) -> None:
    plans.submits()
    plans.decides("approval")
    plans.settles(0, "done")
    plans.people("ibrahima").posts(f"{plans.url}/plans", plans.form() | {"risks": "Le loyer"})
    plans.decides("approval")
    assert "Fait" in plans.shown("kadiatou").text(".rows")


def test_a_step_whose_day_is_past_is_late(plans: Plans) -> None:
    late = [{"what": "Rappeler", "due_on": in_days(-3), "who": "officer"}]
    plans.submits(steps=late)
    assert "En retard" not in plans.shown().text()
    plans.decides("approval")
    assert "En retard" in plans.shown().text()


# The money


def test_the_plan_stands_beside_what_the_allocation_leaves(app: Flask, plans: Plans) -> None:
    with app.app_context():
        allocation = db.session.scalar(select(Allocation).where(Allocation.case_id == plans.id))
        assert allocation is not None
        db.session.add(AllocationLimit(allocation_id=allocation.id, name="training", ceiling_minor=8_000))
        db.session.commit()
    plans.submits()
    told = [plain(row) for row in plans.shown("kadiatou").texts("tbody tr")]
    assert told == [
        "Petit projet 1 200,50 EUR 900,00 EUR",
        "Formation Dépasse 100,00 EUR 80,00 EUR",
        "En tout 1 300,50 EUR 900,00 EUR",
    ]
    assert "dépasse le plafond de sa catégorie" in plans.shown("kadiatou").text()
    assert plans.shown().soup.select("[data-as-of]")
    plans.submits(lines=[{**LINES[0], "amount": "1500,01"}])
    assert "1 500,01 EUR, et 1 500,00 EUR sont accordés" in plain(plans.shown("kadiatou").text())


def test_a_plan_may_be_written_before_anything_is_granted(app: Flask, plans: Plans) -> None:
    with app.app_context():
        case = a_case("Condé", "Mory", officer=db.session.get_one(Staff, plans.cast.ibrahima))
        db.session.commit()
        plans.id = case.id
    plans.submits()
    page = plans.shown()
    assert "Aucune allocation n’est encore accordée." in page.text()
    assert "Disponible" not in page.text()


def test_a_line_leads_to_asking_for_its_payment(plans: Plans) -> None:
    plans.submits()
    plans.decides("approval")
    link = plans.shown().soup.select("a[href*='payment-requests/new']")[1]
    form = plans.people("ibrahima").opens(str(link["href"])).soup
    assert form.select_one("[name=category] option[selected]")["value"] == "training"  # type: ignore[index]
    for junk in ("weapons", "%00", ""):
        plans.people("ibrahima").opens(f"{plans.url}/payment-requests/new?category={junk}")
    assert not plans.shown("kadiatou").soup.select("a[href*='payment-requests/new']")


# On the phone


def pack(person: Person, path: str = "/pack") -> list[dict[str, Any]]:
    return [json.loads(line) for line in person.opens(path).html.splitlines()]


def test_the_phone_carries_an_empty_form_and_a_filled_one_for_who_has_a_plan(plans: Plans) -> None:
    ibrahima = plans.people("ibrahima")
    new = f"{plans.url}/plan/new"
    before = pack(ibrahima)
    assert new not in [line.get("keep") for line in before]
    end = before[-1]
    later = pack(ibrahima, f"/pack?cursor={end['cursor']}&build={end['build']}&later")
    forms = {line["pattern"]: line["main"] for line in later if "pattern" in line}
    assert "%%plan%%" in forms["/cases/{case}/plan"]
    assert "Aminata" not in forms["/cases/{case}/plan/new"]
    assert 'data-outbox="plan"' in forms["/cases/{case}/plan/new"]

    plans.submits()
    changed = pack(ibrahima, f"/pack?cursor={end['cursor']}&build={end['build']}")
    [form] = [line["main"] for line in changed if line.get("keep") == new]
    assert 'value="1200.50"' in form
    [slots] = [line["slots"] for line in changed if "slots" in line]
    assert "Apporter trois devis" in slots["plan"]
    assert "<form" not in slots["plan"], "what needs a network is left out"

    cursor = changed[-1]
    with plans.app.app_context():
        case = db.session.get_one(Case, plans.id)
        from webapp.cases.actions import assign_officer

        assign_officer(case, plans.cast.mariama, officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    gone = pack(ibrahima, f"/pack?cursor={cursor['cursor']}&build={cursor['build']}")
    assert [line["gone"] for line in gone if "gone" in line] == [plans.url, new]
