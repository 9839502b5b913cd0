"""When the next follow-up is due, by examples that a field officer can check with a calendar."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from tests.cast import Cast, a_case
from tests.world import visit_fields
from webapp import clock
from webapp.cases.models import Case
from webapp.database import db
from webapp.people.models import Office, Staff
from webapp.projects import FaultyProject
from webapp.visits.deeds import record_visit_from
from webapp.visits.models import FollowUp
from webapp.visits.schedule import Rule, Step, Try, calendar, is_lost, months_later, next_due, parse, rule_of

DEFAULT = rule_of("default")


def on(text: str) -> date:
    return date.fromisoformat(text)


ARRIVED = on("2026-01-10")
EXAMPLES: list[tuple[str, dict[str, Any], tuple[str, str, str] | None]] = [
    ("not arrived", {}, None),
    ("arrived, never met", {}, ("2026-01-17", "call", "2026-01-20")),
    ("met on the day of arrival", {"reached": "2026-01-10"}, ("2026-01-17", "call", "2026-01-20")),
    ("met just before the first window", {"reached": "2026-01-13"}, ("2026-01-17", "call", "2026-01-20")),
    ("met in the first window", {"reached": "2026-01-14"}, ("2026-02-09", "home_visit", "2026-02-24")),
    ("met in the second window", {"reached": "2026-01-25"}, ("2026-04-10", "business_visit", "2026-04-25")),
    ("met after ninety days", {"reached": "2026-04-10"}, ("2026-07-09", "business_visit", "2026-07-24")),
    ("met after half a year", {"reached": "2026-07-09"}, ("2027-01-10", "home_visit", "2027-01-25")),
    ("met after a year", {"reached": "2027-01-10"}, ("2027-07-04", "call", "2027-07-19")),
    ("met after the last step", {"reached": "2027-07-04"}, None),
    ("a serious concern", {"reached": "2026-01-25", "concern": "serious"}, ("2026-02-01", "home_visit", "2026-02-04")),
    ("some concern", {"reached": "2026-01-25", "concern": "some"}, ("2026-02-24", "home_visit", "2026-02-27")),
    ("a concern never brings it later", {"reached": "2026-01-10", "concern": "some"}, ("2026-01-17", "call", "2026-01-20")),
    ("a day agreed", {"reached": "2026-01-25", "agreed": "2026-01-28"}, ("2026-01-28", "call", "2026-01-31")),
    ("a day agreed far away", {"reached": "2026-01-25", "agreed": "2026-09-01"}, ("2026-04-10", "business_visit", "2026-04-25")),
    ("a day agreed and kept", {"reached": "2026-01-28", "agreed": "2026-01-28"}, ("2026-04-10", "business_visit", "2026-04-25")),
    ("not reached", {"tried": "2026-02-10", "reached": "2026-01-25"}, ("2026-02-13", "call", "2026-02-16")),
    ("never reached", {"tried": "2026-01-12"}, ("2026-01-15", "call", "2026-01-18")),
    ("reached after trying", {"tried": "2026-01-24", "reached": "2026-01-25"}, ("2026-04-10", "business_visit", "2026-04-25")),
    ("the first call is missed once the plan's window opens", {"today": "2026-01-25"}, ("2026-02-09", "home_visit", "2026-02-24")),
    ("the first call is only late the day before", {"today": "2026-01-24"}, ("2026-01-17", "call", "2026-01-20")),
    ("the last of all is never missed", {"today": "2029-01-01"}, ("2027-07-04", "call", "2027-07-19")),
    ("a delivery is looked at", {"reached": "2026-02-09", "delivered": "2026-02-20"}, ("2026-03-06", "business_visit", "2026-03-13")),
    ("and then the rule goes on", {"reached": "2026-03-06", "delivered": "2026-02-20"}, ("2026-04-10", "business_visit", "2026-04-25")),
    ("concern after the last step", {"reached": "2028-01-01", "concern": "serious"}, ("2028-01-08", "home_visit", "2028-01-11")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "known", "due"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_the_next_follow_up(what: str, known: dict[str, Any], due: tuple[str, str, str] | None) -> None:
    reached = on(known["reached"]) if "reached" in known else None
    tried = on(known["tried"]) if "tried" in known else None
    found = next_due(
        arrived_on=None if what == "not arrived" else ARRIVED,
        delivered_on=on(known["delivered"]) if "delivered" in known else None,
        last_reached_on=reached,
        tries=[Try(tried, "call")] if tried and (reached is None or tried > reached) else [],
        agreed_on=on(known["agreed"]) if "agreed" in known else None,
        concern=known.get("concern", "none"),
        rule=DEFAULT,
        today=on(known["today"]) if "today" in known else tried or reached or ARRIVED,
    )
    assert (found and (found.on.isoformat(), found.channel, found.ends_on.isoformat())) == due


@pytest.mark.parametrize(
    ("arrived", "first", "month"),
    [
        ("2028-02-29", "2028-03-07", "2028-03-30"),
        ("2028-01-30", "2028-02-06", "2028-02-29"),
        ("2027-01-30", "2027-02-06", "2027-03-01"),
        ("2026-12-31", "2027-01-07", "2027-01-30"),
        ("2027-02-28", "2027-03-07", "2027-03-30"),
    ],
)
def test_ends_of_months_and_leap_days(arrived: str, first: str, month: str) -> None:
    due = next_due(arrived_on=on(arrived), last_reached_on=None, rule=DEFAULT, today=on(arrived))
    assert due is not None
    assert due.on == on(first)
    later = next_due(arrived_on=on(arrived), last_reached_on=due.on, rule=DEFAULT, today=due.on)
    assert later is not None
    assert later.on == on(month)


@given(st.dates(date(2015, 1, 1), date(2040, 1, 1)), st.lists(st.integers(0, 700), max_size=8))
def test_every_step_comes_in_order_and_the_rule_comes_to_an_end(arrived: date, met: list[int]) -> None:
    before = arrived
    for days in sorted(met):
        reached = arrived + timedelta(days=days)
        due = next_due(arrived_on=arrived, last_reached_on=reached, rule=DEFAULT, today=reached)
        if due is None:
            assert days >= DEFAULT.steps[-1].days - 15
        else:
            assert due.on >= before
            assert due.ends_on >= due.on
            assert due.on > reached - timedelta(days=15)
            before = due.on


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-10-15", 3, "2027-01-15"),
    ],
)
def test_a_month_later_is_never_in_the_month_after(day: str, months: int, later: str) -> None:
    assert months_later(on(day), months) == on(later)
    rule = Rule((Step(0, "home_visit", months=months, name="x"),))
    due = next_due(arrived_on=on(day), last_reached_on=None, rule=rule, today=on(day))
    assert due is not None
    assert due.on == on(later)


def test_a_calendar_says_what_was_done_missed_late_due_and_to_come() -> None:
    shown = calendar(DEFAULT, arrived_on=ARRIVED, last_reached_on=on("2026-01-17"), today=on("2026-07-01"))
    assert [(one.step.name, one.state) for one in shown] == [
        ("first_call", "done"), ("plan", "missed"), ("three_months", "missed"), ("six_months", "due"),
        ("one_year", "coming"), ("last_call", "coming"),
    ]  # fmt: skip
    later = calendar(DEFAULT, arrived_on=ARRIVED, last_reached_on=on("2026-01-17"), today=on("2026-08-01"))
    assert later[3].state == "overdue"


@pytest.mark.parametrize(
    ("tried", "lost"),
    [
        ([], False),
        (["01-01 call", "01-20 call", "03-20 call"], False),
        (["01-01 call", "01-20 home_visit"], False),
        (["01-01 call", "01-20 home_visit", "02-20 call"], False),
        (["01-01 call", "01-20 home_visit", "03-01 call"], False),
        (["01-01 call", "01-20 home_visit", "03-02 call"], True),
        (["01-01 home_visit", "01-20 office", "03-20 business_visit"], False),
    ],
)
def test_contact_is_lost_after_the_attempts_the_ways_and_the_days_of_the_rule(
    tried: list[str], lost: bool
) -> None:
    tries = [Try(on(f"2026-{day}"), channel) for day, _, channel in (one.partition(" ") for one in tried)]
    assert is_lost(DEFAULT, tries) == lost


def test_after_two_calls_that_nobody_answered_somebody_goes_there() -> None:
    said = {"arrived_on": ARRIVED, "last_reached_on": None, "rule": DEFAULT, "today": on("2026-01-13")}
    calls = [Try(on("2026-01-11"), "call"), Try(on("2026-01-12"), "call")]
    assert [next_due(tries=calls[:some], **said).channel for some in (1, 2)] == ["call", "home_visit"]  # type: ignore[arg-type, union-attr]


GOOD: dict[str, Any] = {
    "version": 2, "window_days": 10, "try_again_days": 5, "soon": {"serious_days": 3, "some_days": 20},
    "lost": {"attempts": 2, "ways": 1, "days": 10},
    "follow_ups": [{"name": "half_year", "after": "arrival", "months": 6, "channel": "call", "window_days": 5}],
}  # fmt: skip


def test_another_rule_gives_other_days() -> None:
    due = next_due(
        arrived_on=on("2026-08-31"), last_reached_on=None, rule=parse(GOOD), today=on("2026-09-01")
    )
    assert due is not None
    assert (due.on, due.channel, due.ends_on) == (on("2027-02-28"), "call", on("2027-03-05"))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"version": 0}, "version"),
        ({"windows": 3}, "windows: unknown key"),
        ({"lost": {"attempts": 2, "ways": 3, "days": 1}}, "lost.ways"),
        ({"soon": {}}, "soon.serious_days"),
        ({"follow_ups": []}, "follow_ups"),
        (
            {"follow_ups": [{"name": "x", "after": "return", "days": 1, "channel": "call"}]},
            "follow_ups[1].after",
        ),
        (
            {"follow_ups": [{"name": "x", "after": "arrival", "days": 1, "months": 1, "channel": "call"}]},
            "either days",
        ),
        (
            {"follow_ups": [{"name": "x", "after": "arrival", "days": True, "channel": "call"}]},
            "follow_ups[1].days",
        ),
        (
            {"follow_ups": [{"name": "x", "after": "arrival", "days": 1, "channel": "fax"}]},
            "follow_ups[1].channel",
        ),
        ({"follow_ups": ["x"]}, "a table is needed"),
    ],
)
def test_a_file_with_a_fault_is_no_rule(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(FaultyProject, match=fault.replace("[", r"\[")):
        parse({**GOOD, **changed})


# The same through the door: what is kept with the case


@pytest.fixture
def case_id(app: Flask, cast: Cast) -> Any:
    with app.app_context():
        case = a_case(
            "Barry", "Lamine", officer=db.session.get_one(Staff, cast.ibrahima), arrived_on=on("2026-01-10")
        )
        db.session.commit()
        return case.id


NOW = datetime(2026, 2, 3, tzinfo=UTC)


def visits(app: Flask, case_id: Any, timezone: str, *told: dict[str, str]) -> Case:
    with app.test_request_context():
        cast = app.cast  # type: ignore[attr-defined]
        by = SimpleNamespace(id=cast.ibrahima, timezone=timezone)
        case = db.session.get_one(Case, case_id)
        db.session.get_one(Office, case.office_id).timezone = timezone
        for fields in told:
            record_visit_from(MultiDict(visit_fields(**fields)), case=case, by=by, now=NOW)
        db.session.commit()
        db.session.refresh(case)
        db.session.expunge(case)
        return case


def test_a_call_that_nobody_answers_forgets_neither_concern_nor_agreement(app: Flask, case_id: Any) -> None:
    met = {
        "visited_at": "2026-01-25T10:00",
        "concern": "serious",
        "agreed": "Papiers",
        "agreed_due_on": "2026-02-04",
    }
    called = {"visited_at": "2026-02-02T10:00", "channel": "call", "reached": "no", "why_not": "no_answer"}
    case = visits(app, case_id, "Africa/Conakry", met)
    assert (case.next_follow_up_on, case.next_follow_up_channel) == (on("2026-02-01"), "home_visit")
    case = visits(app, case_id, "Africa/Conakry", called)
    assert (case.next_follow_up_on, case.next_follow_up_channel) == (on("2026-02-01"), "home_visit")


def test_an_older_visit_that_arrives_later_does_not_turn_back_the_clock(app: Flask, case_id: Any) -> None:
    case = visits(app, case_id, "Africa/Conakry", {"visited_at": "2026-01-25T10:00"})
    due = case.next_follow_up_on
    case = visits(app, case_id, "Africa/Conakry", {"visited_at": "2026-01-12T10:00", "concern": "serious"})
    assert case.next_follow_up_on == due == on("2026-04-10")


@pytest.mark.parametrize(
    ("timezone", "written", "kept", "due"),
    [
        ("Africa/Conakry", "2026-01-25T00:30", "2026-01-25T00:30+00:00", "2026-02-01"),
        ("Africa/Casablanca", "2026-01-25T00:30", "2026-01-24T23:30+00:00", "2026-02-01"),
        ("Africa/Cairo", "2026-01-25T01:30", "2026-01-24T23:30+00:00", "2026-02-01"),
        ("Atlantic/Cape_Verde", "2026-01-25T23:30", "2026-01-26T00:30+00:00", "2026-02-01"),
        ("Asia/Kabul", "2026-01-25T02:00", "2026-01-24T21:30+00:00", "2026-02-01"),
    ],
)
def test_the_day_is_the_day_of_the_office_around_midnight(
    app: Flask, case_id: Any, timezone: str, written: str, kept: str, due: str
) -> None:
    case = visits(app, case_id, timezone, {"visited_at": written, "concern": "serious"})
    assert case.next_follow_up_on == on(due)
    with app.app_context():
        assert db.session.query(FollowUp).one().visited_at == datetime.fromisoformat(kept)


def test_whoever_is_met_after_the_flight_has_arrived(app: Flask, cast: Cast) -> None:
    with app.app_context():
        case = a_case("Sylla", "Oury", officer=db.session.get_one(Staff, cast.ibrahima), stage="departed")
        case.arrived_on = None
        db.session.commit()
        case_id = case.id
    met = visits(app, case_id, "Africa/Conakry", {"visited_at": "2026-01-25T10:00"})
    assert (met.stage, met.arrived_on, met.next_follow_up_on) == (
        "arrived",
        on("2026-01-25"),
        on("2026-02-01"),
    )


@pytest.mark.parametrize("ended", ["closed", "interrupted"])
def test_an_ended_accompaniment_asks_for_no_follow_up(app: Flask, case_id: Any, ended: str) -> None:
    with app.app_context():
        case = db.session.get_one(Case, case_id)
        if ended == "closed":
            case.closed_at = datetime(2026, 3, 1, tzinfo=UTC)
        case.stage = ended
        db.session.commit()
    assert (
        visits(app, case_id, "Africa/Conakry", {"visited_at": "2026-01-25T10:00"}).next_follow_up_on is None
    )


def test_a_delivery_and_an_arrival_written_elsewhere_move_the_next_follow_up(
    app: Flask, cast: Cast, case_id: Any
) -> None:
    from webapp.cases.actions import reach_stage
    from webapp.cases.timeline import add_entry
    from webapp.worker import drain

    today = clock.today("Africa/Conakry")

    def happens(kind: str, **facts: Any) -> Any:
        with app.app_context():
            case, now = db.session.get_one(Case, case_id), clock.now()
            if kind == "arrived":
                case.stage, case.arrived_on = "departed", today
                reach_stage(case, "arrived", by=None, happened_at=now, now=now)
            else:
                add_entry(
                    kind,
                    case=case,
                    office_id=case.office_id,
                    subject=uuid4(),
                    by=None,
                    happened_at=now,
                    now=now,
                    **facts,
                )
            db.session.commit()
        drain(app)
        with app.app_context():
            case = db.session.get_one(Case, case_id)
            return case.next_follow_up_on, case.next_follow_up_channel

    assert happens("arrived") == (today + timedelta(days=7), "call")
    with app.test_request_context():
        case = db.session.get_one(Case, case_id)
        by = SimpleNamespace(id=cast.ibrahima, timezone="Africa/Conakry")
        fields = visit_fields(visited_at=f"{today}T00:00", concern="none")
        case.arrived_on = today - timedelta(days=40)
        record_visit_from(MultiDict(fields), case=case, by=by, now=clock.now())
        db.session.commit()
    assert happens("payment.delivered", minor=1, currency="EUR", what="Riz") == (
        today + timedelta(days=14),
        "business_visit",
    )


def test_nobody_reached_for_two_months_is_told_once_to_officer_and_manager(app: Flask, case_id: Any) -> None:
    from webapp.cases.models import TimelineEntry

    failed = {"reached": "no", "why_not": "no_answer"}
    told = [
        {"visited_at": "2026-01-12T10:00", "channel": "call", **failed},
        {"visited_at": "2026-01-20T10:00", "channel": "home_visit", **failed},
    ]
    visits(app, case_id, "Africa/Conakry", *told)

    def lost() -> int:
        with app.app_context():
            return db.session.query(TimelineEntry).filter_by(case_id=case_id, kind="contact.lost").count()

    assert lost() == 0
    visits(app, case_id, "Africa/Conakry", {"visited_at": "2025-11-20T10:00", "channel": "call", **failed})
    assert lost() == 1
    visits(app, case_id, "Africa/Conakry", {"visited_at": "2026-01-30T10:00", "channel": "call", **failed})
    assert lost() == 1
