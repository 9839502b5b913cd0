"""Reintegration over time: exact numbers of groups, and nothing from which one person could be read."""

import random
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.cast import Cast, a_case
from webapp import clock
from webapp.cases.closures.models import Closure
from webapp.cases.models import Returnee
from webapp.check_ins import scoring
from webapp.check_ins.instruments import instrument
from webapp.check_ins.models import CheckIn
from webapp.database import db
from webapp.people.models import Office, Staff
from webapp.reports import reintegration, statistics

TODAY = clock.now().date()
AGO = clock.now() - timedelta(days=300)


@pytest.mark.parametrize(("freedom", "known"), [(9, 2.2622), (19, 2.0930), (29, 2.0452), (99, 1.9842)])
def test_students_distribution_as_the_tables_print_it(freedom: int, known: float) -> None:
    assert abs(statistics.student(freedom) - known) < 0.001


def test_mean_median_and_interval_are_those_computed_by_hand() -> None:
    values = [Fraction(n, 10) for n in range(10)]
    made = statistics.summary(values)
    assert made == statistics.Summary(10, Fraction(9, 20), Fraction(9, 20))
    assert statistics.summary(values[:9]) is None
    interval = statistics.paired_change(values)
    assert interval
    # s² = 11/120, so the half width is 2.2622 · √(11/1200).
    assert interval.mean == Fraction(9, 20)
    assert abs(interval.high - interval.low - 2 * 2.2622 * (11 / 1200) ** 0.5) < 0.001
    assert statistics.paired_change(values[:9]) is None


def test_a_small_cell_is_hidden_and_never_alone() -> None:
    assert statistics.tellable({"a": 20, "b": 12, "c": 0}) == {"a": 20, "b": 12, "c": 0}
    assert statistics.tellable({"a": 20, "b": 12, "c": 3}) == {"a": 20, "b": None, "c": None}
    assert statistics.tellable({"a": 20, "b": 4, "c": 4}) == {"a": None, "b": None, "c": None}
    assert statistics.groups_to_tell({"F": 40, "M": 35}) == {"F", "M"}
    assert statistics.groups_to_tell({"F": 40, "M": 35, "unknown": 3}) == set()
    assert statistics.groups_to_tell({"a": 50, "b": 40, "c": 31, "d": 4}) == {"a", "b"}
    dice = random.Random(3)
    for _ in range(3_000):
        cells = {str(n): dice.choice([0, 1, 3, 4, 5, 6, 12, 40]) for n in range(dice.randint(1, 5))}
        told = statistics.tellable(cells)
        hidden = [cells[name] for name, number in told.items() if number is None]
        # Whoever knows the whole knows the sum of what is hidden: it must not be one small cell.
        assert not hidden or len(hidden) > 1 or sum(number > 0 for number in cells.values()) == 1
        assert not any(0 < number < statistics.FEWEST_IN_A_CELL for number in told.values() if number)


BEST = {
    item.id: max(item.options, key=lambda option: option.score or 0).value
    for item in instrument("reintegration-survey").scored
}
WORST = {
    item.id: min((option for option in item.options if option.applies), key=lambda option: option.score or 0).value
    for item in instrument("reintegration-survey").scored
}  # fmt: skip


def a_round(app: Flask, case: Any, by: Any, answers: dict[str, Any], at: datetime) -> None:
    one, keyring, id = instrument("reintegration-survey"), app.extensions["keyring"], uuid4()
    score = scoring.score(one, answers)
    assert score
    place: dict[str, Any] = {"table": "check_ins", "row": id}
    db.session.add(
        CheckIn(
            id=id, case_id=case.id, by_id=by.id, asked_at=at, received_at=at, instrument=one.id, instrument_version="1",
            scoring_version="1", locale="fr", outcome="answered",
            answers_sealed=keyring.seal_field(answers, column="answers", **place),
            result_sealed=keyring.seal_field({**score.stored(), "drop": False}, column="result", **place),
        )
    )  # fmt: skip


def some_people(app: Flask, cast: Cast, number: int, *, sex: str = "F", first: int = 0) -> None:
    """So many cases that went from the worst to the best answers in half a year."""
    office, officer = db.session.get_one(Office, cast.conakry), db.session.get_one(Staff, cast.ibrahima)
    for n in range(first, first + number):
        case = a_case(f"Nom{n}", "Prénom", office=office, officer=officer, number=f"+22462{n:07}")
        db.session.get_one(Returnee, case.returnee_id).sex = sex
        a_round(app, case, officer, WORST, AGO)
        a_round(app, case, officer, BEST, AGO + timedelta(days=180))


def test_a_report_tells_groups_of_ten_and_compares_groups_of_thirty(
    app: Flask, cast: Cast, people: Any
) -> None:
    keyring = app.extensions["keyring"]

    def report() -> reintegration.Report:
        made = reintegration.report(cast.conakry, today=TODAY, keyring=keyring)
        assert made
        return made

    with app.app_context():
        some_people(app, cast, 9)
        db.session.commit()
        few = report()
        assert (few.people, few.paired) == (9, 9)
        assert not any(few.latest.values())
        assert not any(few.changes.values())
        assert (few.distribution, few.bands, few.meaningful, few.factors, few.adequate) == (
            {},
            {},
            {},
            {},
            None,
        )
    page = people("kadiatou").opens("/reports/reintegration")
    assert "trop peu" in page.text(".figures")
    assert "1,00" not in page.text()
    with app.app_context():
        some_people(app, cast, 1, first=9)
        some_people(app, cast, 30, sex="M", first=100)
        some_people(app, cast, 20, first=200)
        db.session.commit()
        made = report()
        assert (made.people, made.paired) == (60, 60)
        assert made.latest["composite"] == statistics.Summary(60, Fraction(1), Fraction(1))
        assert made.changes["composite"] == statistics.Interval(60, Fraction(1), 1.0, 1.0)
        assert made.bands == {"high_support": 0, "medium_support": 0, "low_support": 60}
        assert made.distribution["social"] == {"0": 0, "1": 0, "2": 0, "3": 0, "4": 60}
        assert made.meaningful == {"up": 60, "same": 0, "down": 0}
        assert made.adequate == (60, 60)
        assert set(made.factors["sex"]) == {"F", "M"}
        assert made.factors["sex"]["M"].n == 30
        # One more person of a third kind would give that person away: the smallest group goes too.
        some_people(app, cast, 1, sex="X", first=300)
        db.session.commit()
        assert "sex" not in report().factors
        # What was asked this quarter is not in it: nobody's score is the difference between two days.
        case = a_case(
            "Neuf", "Tout", officer=db.session.get_one(Staff, cast.ibrahima), number="+224629999999"
        )
        a_round(app, case, db.session.get_one(Staff, cast.ibrahima), WORST, clock.now())
        db.session.commit()
        assert report().people == 61
        elsewhere = reintegration.report(cast.dakar, today=TODAY, keyring=keyring)
        assert elsewhere
        assert elsewhere.people == 0
    page = people("ada").opens("/reports/reintegration")
    assert "Association, pas cause" in page.text()
    assert "Paraphrase" in page.text()
    assert "Nom1" not in page.html
    people("moussa").opens("/reports/reintegration")


def test_what_people_say_at_the_end_counts_and_silence_is_told_apart(app: Flask, cast: Cast) -> None:
    def ends(number: int, answers: dict[str, int]) -> None:
        with app.app_context():
            officer = db.session.get_one(Staff, cast.ibrahima)
            for n in range(number):
                case = a_case("Bah", f"Fin {number} {n}", officer=officer)
                db.session.add(
                    Closure(
                        id=uuid4(), case_id=case.id, reason="completed", stage_before="follow_up", asked_by_id=cast.ibrahima,
                        asked_at=AGO, recorded_at=AGO, outcome="signed_off", decided_by_id=cast.kadiatou, decided_at=AGO,
                        answers=answers,
                    )
                )  # fmt: skip
            db.session.commit()

    def report() -> reintegration.Report:
        with app.app_context():
            found = reintegration.report(cast.conakry, today=TODAY, keyring=app.extensions["keyring"])
            assert found
            return found

    ends(7, {"overall": 4, "counselling": 1})
    assert (report().satisfied, report().silent) == (None, None), "seven are too few"
    ends(5, {"overall": 3})
    assert report().satisfied == (7, 12)
    ends(3, {"counselling": 5})
    assert report().satisfied == (7, 12), "who did not answer this question is not dissatisfied"
    assert report().silent is None, "three would be named"
    ends(4, {})
    assert report().silent == (7, 19)
