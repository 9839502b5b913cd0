"""Who is told of what, by example."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from tests.alerts.conftest import alerts_by_person
from tests.cast import Cast
from webapp import clock, worker
from webapp.alerts import words
from webapp.alerts.models import Alert, Job
from webapp.alerts.rules import RULES, name_of
from webapp.cases.models import Case
from webapp.database import db
from webapp.people.models import Staff
from webapp.permissions import Role

Happens = Callable[..., int]

EXAMPLES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("visit.recorded", {"by": "ibrahima", "concern": "serious"}, "serious_concern", ["kadiatou"]),
    (
        "check_in.recorded",
        {"by": "ibrahima", "next_step": "counsellor_contact"},
        "counsellor_needed",
        ["salma"],
    ),
    ("red_flag.raised", {"by": "ibrahima"}, "red_flag", ["kadiatou", "salma"]),
    ("red_flag.raised", {"by": "salma"}, "red_flag", ["kadiatou"]),
    ("photo.refused", {"by": "ibrahima", "reason": "broken"}, "photo_refused", ["ibrahima"]),
    ("returnee.not_received", {}, "returnee_not_received", ["ibrahima", "kadiatou"]),
    ("returnee.call_me_back", {}, "returnee_call_me_back", ["ibrahima", "kadiatou"]),
    (
        "return.informed",
        {"by": "karim", "arrives_on": "2026-12-01"},
        "return_informed",
        ["ibrahima", "kadiatou"],
    ),
    ("return.interrupted", {"by": "ibrahima"}, "return_interrupted", ["kadiatou", "karim"]),
    ("return.resumed", {"by": "karim"}, "return_resumed", ["ibrahima", "kadiatou"]),
    ("contact.lost", {"attempts": 3}, "contact_lost", ["ibrahima", "kadiatou"]),
    ("submission.contested", {"by": "ibrahima"}, "submission_contested", ["kadiatou"]),
    ("submission.quarantined", {}, "submission_quarantined", ["kadiatou"]),
]


@pytest.mark.parametrize(
    ("kind", "facts", "rule", "told"), EXAMPLES, ids=[f"{e[0]} {e[1].get('by', '')}" for e in EXAMPLES]
)
def test_who_is_told(
    kind: str, facts: dict[str, Any], rule: str, told: list[str], app: Flask, cast: Cast, happens: Happens
) -> None:
    facts = {**facts, "by": getattr(cast, facts["by"]) if "by" in facts else None}
    happens(kind, case=cast.aminata, **facts)
    worker.drain(app)
    assert alerts_by_person(app) == sorted(((rule, getattr(cast, name)) for name in told), key=str)


QUIET: list[tuple[str, dict[str, Any]]] = [
    ("visit.recorded", {"concern": "some"}),
    ("visit.recorded", {}),
    ("check_in.recorded", {"next_step": "offer_counsellor"}),
    ("check_in.recorded", {"next_step": "routine"}),
    ("check_in.recorded", {}),
    ("check_in.declined", {"outcome": "declined"}),
    ("photo.added", {}),
    ("something.new", {"concern": "serious"}),
]


def test_what_needs_nobody_tells_nobody(app: Flask, cast: Cast, happens: Happens) -> None:
    for kind, facts in QUIET:
        happens(kind, case=cast.aminata, by=cast.ibrahima, **facts)
    worker.drain(app)
    assert alerts_by_person(app) == []


def test_a_submission_that_needs_attention_is_for_its_author_even_without_a_case(
    app: Flask, cast: Cast, happens: Happens
) -> None:
    submission = uuid4()
    happens(
        "submission.needs_attention",
        office=cast.conakry,
        author=str(cast.ibrahima),
        submission=str(submission),
    )
    worker.drain(app)
    assert alerts_by_person(app) == [("submission_needs_attention", cast.ibrahima)]
    with app.app_context():
        alert = db.session.scalars(select(Alert).where(Alert.rule == "submission_needs_attention")).one()
        assert alert.subject_id == submission


def test_an_officer_is_told_of_a_case_given_and_of_an_arrival_noted_by_somebody_else(
    app: Flask, cast: Cast, happens: Happens
) -> None:
    worker.drain(app)
    with app.app_context():
        before = set(db.session.scalars(select(Alert.id)))
    happens("case.assigned", case=cast.aminata, by=cast.kadiatou, officer="Ibrahima Diallo")
    happens("case.stage", case=cast.aminata, by=cast.kadiatou, stage="arrived")
    happens("case.stage", case=cast.aminata, by=cast.ibrahima, stage="arrived")
    worker.drain(app)
    with app.app_context():
        new = db.session.scalars(
            select(Alert).where(Alert.id.not_in(before)).order_by(Alert.entry_number)
        ).all()
        assert [(a.rule, a.for_id, a.urgent) for a in new] == [
            ("case_assigned", cast.ibrahima, False), ("case_arrived", cast.ibrahima, False),
        ]  # fmt: skip


def test_a_manager_of_another_office_is_told_nothing(app: Flask, cast: Cast, happens: Happens) -> None:
    happens("red_flag.raised", case=cast.aminata, by=cast.ibrahima)
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    assert cast.moussa not in {person for _, person in alerts_by_person(app)}


def test_an_office_without_a_counsellor_turns_to_another_office_s(
    app: Flask, cast: Cast, happens: Happens
) -> None:
    happens("check_in.recorded", case=cast.fatou, by=cast.awa, next_step="counsellor_contact")
    worker.drain(app)
    assert alerts_by_person(app) == [("counsellor_needed", cast.salma)]


def test_somebody_who_left_is_told_nothing(app: Flask, cast: Cast, happens: Happens) -> None:
    with app.app_context():
        db.session.execute(update(Staff).where(Staff.id == cast.kadiatou).values(disabled_at=clock.now()))
        db.session.commit()
    happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    worker.drain(app)
    assert alerts_by_person(app) == []


def test_a_low_check_in_as_it_is_really_recorded_reaches_the_counsellor_only(app: Flask, cast: Cast) -> None:
    low, better = _check_in(app, cast, 1), _check_in(app, cast, 3)
    assert low != better
    worker.drain(app)
    assert alerts_by_person(app) == [("counsellor_needed", cast.salma)]


def _check_in(app: Flask, cast: Cast, value: int) -> UUID:
    from webapp.check_ins.deeds import record_check_in_from
    from webapp.check_ins.instruments import instrument

    id = uuid4()
    items = [item.id for item in instrument("who-5").items]
    fields = MultiDict(
        {"id": str(id), "private": "yes", "consent": "yes", **dict.fromkeys(items, str(value))}
    )
    with app.test_request_context():
        record_check_in_from(
            fields, case=db.session.get_one(Case, cast.aminata), by=_signed_in(cast.ibrahima), now=clock.now(),
            keyring=app.extensions["keyring"],
        )  # fmt: skip
        db.session.commit()
    return id


def _signed_in(staff_id: UUID) -> Any:
    from webapp.people import sessions

    staff = db.session.get_one(Staff, staff_id)
    office = staff.office
    return sessions.SignedIn(
        staff.id, staff.name, Role(staff.role), staff.locale, office.id, office.name, office.country,
        office.timezone, office.currency, "",
    )  # fmt: skip


def test_urgent_alerts_are_pushed_alone_the_others_together(app: Flask, cast: Cast, happens: Happens) -> None:
    worker.drain(app)
    for _ in range(3):
        happens("photo.refused", case=cast.aminata, by=cast.ibrahima)
        happens("visit.recorded", case=cast.aminata, by=cast.ibrahima, concern="serious")
    while worker.consider_entries(app):
        pass
    with app.app_context():
        jobs = db.session.execute(select(Job.kind, Job.key).order_by(Job.kind)).all()
    assert [job.kind for job in jobs] == ["push.alert"] * 3 + ["push.digest"]
    assert jobs[-1].key == f"digest:{cast.ibrahima}"


def test_every_rule_has_words_for_every_reader(app: Flask) -> None:
    with app.test_request_context():
        for rule in RULES:
            for role in Role:
                assert words.title(name_of(rule), role)
                assert words.sentence(name_of(rule), role)
