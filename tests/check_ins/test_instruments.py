"""The shipped instruments: hand-computed tables, exact thresholds, and questions that depend on others, twice over."""

import copy
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.check_ins.on_the_phone import answers_of
from webapp.check_ins.instruments import FOLDER, Action, FaultyInstrument, Kind, instrument, instruments, read
from webapp.check_ins.scoring import (
    Score,
    change,
    kept_answers,
    measure,
    next_steps,
    read_answers,
    rounded,
    score,
    shown,
    without_hidden,
)
from webapp.permissions import Role

ROOT = Path(__file__).parent.parent.parent
SURVEY_FILE = FOLDER / "reintegration-survey.json"

ECONOMIC = dict(zip("E1 E2 E3 E4 E5 E6 E7 E8".split(), (2, 3, 1, 4, 1, 2, 1, 1), strict=True))
SOCIAL = dict(zip((f"S{n}" for n in range(1, 12)), (3, 3, 4, 1, 2, 1, 3, 4, 2, 2, 3), strict=True))
PSYCHOSOCIAL = dict(zip("P1 P2 P3 P4 P5 P6 P7 P9".split(), (4, 3, 4, 5, 3, 4, 2, 0), strict=True))
GOLDEN = {**ECONOMIC, **SOCIAL, **PSYCHOSOCIAL}


def survey(**changed: Any) -> Score:
    made = score(instrument("reintegration-survey"), {**GOLDEN, **changed})
    assert made
    return made


def summed(name: str, *values: int | None) -> Score | None:
    one = instrument(name)
    return score(one, {item.id: value for item, value in zip(one.items, values, strict=True)})


def asked_for(name: str, *values: int | None) -> list[tuple[str, int | None]]:
    one = instrument(name)
    answers = {item.id: value for item, value in zip(one.items, values, strict=True) if value is not None}
    return [(str(step.action), step.within_days) for step in next_steps(one, answers, score(one, answers))]


# Hand-computed tables


def test_the_survey_scores_what_was_computed_by_hand() -> None:
    made = survey()
    assert dict(made.dimensions) == {
        "economic": Fraction(21, 32), "social": Fraction(23, 44), "psychosocial": Fraction(9, 16),
    }  # fmt: skip
    assert (made.raw, made.band) == (Fraction(613, 1056), "medium_support")
    assert isinstance(made.raw, Fraction)
    assert str(rounded(made.raw)) == "0.58"
    # No child of school age: the question leaves the sum and its divisor.
    assert dict(survey(S4="no_children").dimensions)["social"] == Fraction(21, 40)
    assert Score.from_stored(json.loads(json.dumps(made.stored()))) == made


def test_a_dimension_needs_seven_of_ten_answers_and_the_whole_needs_every_dimension() -> None:
    six_of_eight = survey(E1="dont_know", E2=None)
    assert dict(six_of_eight.dimensions)["economic"] == Fraction(19, 4) / 6 - Fraction(1, 4) / 6
    five_of_eight = survey(E1="dont_know", E2=None, E3="declined")
    assert dict(five_of_eight.dimensions)["economic"] is None
    assert (five_of_eight.raw, five_of_eight.band) == (None, None)
    # "Does not apply" is no missing answer: seven of ten that apply are 70 %, and one less is not.
    left_out = {"S4": "no_children", "S1": None, "S2": None, "S3": None}
    assert dict(survey(**left_out).dimensions)["social"] is not None
    assert dict(survey(**left_out, S5=None).dimensions)["social"] is None


def test_thresholds_are_compared_with_the_exact_value() -> None:
    bands = instrument("reintegration-survey").scoring.bands
    band = lambda value: next(each.id for each in bands if each.takes(value))  # noqa: E731
    third = Fraction(1, 3)
    tiny = Fraction(1, 10**9)
    assert [band(each) for each in (third - tiny, third, 2 * third, 2 * third + tiny)] == [
        "high_support", "medium_support", "medium_support", "low_support",
    ]  # fmt: skip
    # Rounded to two decimals all four would have fallen into the wrong or the same band.
    assert str(rounded(third)) == str(rounded(third - tiny)) == "0.33"
    assert [str(rounded(Fraction(each))) for each in ("0.125", "-0.125", "0.124999")] == [
        "0.13",
        "-0.13",
        "0.12",
    ]


def test_a_fall_of_three_twentieths_means_something_and_not_a_hair_less() -> None:
    one, before = instrument("reintegration-survey"), survey()
    exact = copy.copy(before)
    object.__setattr__(exact, "raw", before.raw - Fraction(3, 20))  # type: ignore[operator]
    less = copy.copy(before)
    object.__setattr__(less, "raw", before.raw - Fraction(3, 20) + Fraction(1, 10**9))  # type: ignore[operator]
    assert change(one, before, exact).is_meaningful_drop  # type: ignore[union-attr]
    assert not change(one, before, less).is_meaningful_drop  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "values", "raw", "steps"),
    [
        ("phq-2", (1, 1), 2, []),
        ("phq-2", (2, 1), 3, [("counsellor_contact", 7)]),
        ("phq-9", (1, 1, 1, 1, 0, 0, 0, 0, 0), 4, []),
        ("phq-9", (1, 1, 1, 1, 1, 0, 0, 0, 0), 5, [("offer_counsellor", 14)]),
        ("phq-9", (3, 3, 3, 0, 0, 0, 0, 0, 0), 9, [("offer_counsellor", 14)]),
        ("phq-9", (3, 3, 3, 1, 0, 0, 0, 0, 0), 10, [("counsellor_contact", 7)]),
        ("phq-9", (3, 3, 3, 3, 2, 0, 0, 0, 0), 14, [("counsellor_contact", 7)]),
        ("phq-9", (3, 3, 3, 3, 3, 0, 0, 0, 0), 15, [("counsellor_contact", 3)]),
        ("phq-9", (3, 3, 3, 3, 3, 3, 1, 0, 0), 19, [("counsellor_contact", 3)]),
        ("phq-9", (3, 3, 3, 3, 3, 3, 2, 0, 0), 20, [("counsellor_contact", 1)]),
        # The ninth question asks for a talk the same day, whatever the sum, and also where there is none.
        ("phq-9", (0, 0, 0, 0, 0, 0, 0, 0, 1), 1, [("counsellor_today", 0)]),
        ("phq-9", (3, 3, 3, 3, 3, 3, 3, 3, 3), 27, [("counsellor_today", 0), ("counsellor_contact", 1)]),
        ("phq-9", (None, 0, 0, 0, 0, 0, 0, 0, 2), None, [("counsellor_today", 0)]),
        ("k6", (4, 3, 0, 0, 0, 0), 7, []),
        ("k6", (4, 4, 0, 0, 0, 0), 8, [("offer_counsellor", 14)]),
        ("k6", (4, 4, 4, 0, 0, 0), 12, [("offer_counsellor", 14)]),
        ("k6", (4, 4, 4, 1, 0, 0), 13, [("counsellor_contact", 3)]),
        ("k6", (4, 4, 4, 4, 4, 4), 24, [("counsellor_contact", 3)]),
        ("k6", (4, 4, 4, 4, 4, None), None, []),
    ],
)
def test_sums_and_what_they_ask_for(
    name: str, values: tuple[int | None, ...], raw: int | None, steps: list[tuple[str, int]]
) -> None:
    made = summed(name, *values)
    assert (made.raw if made else None) == raw
    assert asked_for(name, *values) == steps


def test_satisfaction_is_the_mean_of_what_was_answered_and_received() -> None:
    one = instrument("satisfaction")
    answers: dict[str, Any] = {
        "return_help": 5,
        "counselling": 4,
        "overall": 4,
        "economic_help": "not_received",
    }
    made = score(one, answers)
    assert made
    assert made.raw == Fraction(13, 3)
    # Whoever received less is not less satisfied for it: the same with nothing else received.
    assert score(one, {**answers, "social_help": "not_received", "community_help": "dont_know"}) == made
    low = score(one, {"overall": 3, "counselling": 2})
    assert low
    assert (low.raw, low.band) == (Fraction(5, 2), "below_3")


def test_a_wish_for_support_asks_for_a_referral_whatever_the_score() -> None:
    one = instrument("reintegration-survey")
    for answers in ({**GOLDEN, "P8": 1}, {"P8": 1}):
        steps = next_steps(one, answers, score(one, answers))
        assert [(step.action, step.within_days) for step in steps] == [(Action.OFFER_REFERRAL, 7)]
    assert next_steps(one, GOLDEN, score(one, GOLDEN)) == []


# Who gives what, and with which words


def test_trained_counsellors_alone_give_what_asks_for_training() -> None:
    given = {one.id: set(one.given_by) for one in instruments()}
    assert {name for name, roles in given.items() if Role.FIELD_OFFICER in roles} == {
        "who-5", "reintegration-survey", "satisfaction",
    }  # fmt: skip
    assert all(roles <= {Role.FIELD_OFFICER, Role.COUNSELLOR} for roles in given.values())
    assert all(age >= 18 for one in instruments() for age in one.given_by.values())


def test_every_text_says_where_it_comes_from_and_no_band_names_an_illness() -> None:
    for one in instruments():
        assert one.licence
        assert set(one.languages) == {"fr", "en", "ar"}
        assert not one.is_verified_in("ar")
        assert not {"depress", "anxi", "severe", "ill"} & {band.id for band in one.scoring.bands}
    survey_file = instrument("reintegration-survey")
    assert survey_file.notice
    assert "Paraphrase" in survey_file.notice.in_("fr").text
    assert "not its official wording" in survey_file.licence


# Questions that depend on others, in Python and in JavaScript


def in_javascript(sheets: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """What the phone makes of answer sheets: the questions it asks, and the score. Asked once for all of them."""
    program = """
      import { readFileSync } from "node:fs";
      const [module, folder] = process.argv.slice(1);
      const { score, shown, WrongAnswer } = await import(module);
      const files = {};
      const results = JSON.parse(readFileSync(0, "utf8")).map(([name, answers]) => {
        const file = (files[name] ??= JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")));
        try {
          const made = score(file, answers);
          const asked = Object.entries(shown(file.items, answers));
          return [asked, made && [made.raw, made.percent, made.band, made.dimensions ?? null]];
        } catch (fault) {
          if (fault instanceof WrongAnswer) return "refused";
          throw fault;
        }
      });
      console.log(JSON.stringify(results));
    """
    return answers_of(program, FOLDER, sheets)


def in_python(sheets: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    results: list[Any] = []
    for name, kept in sheets:
        one = instrument(name)
        answers = {item: tuple(given) if isinstance(given, list) else given for item, given in kept.items()}
        try:
            made = score(one, answers)
        except ValueError:
            results.append("refused")
            continue
        asked = [
            [item, list(given) if isinstance(given, tuple) else given]
            for item, given in shown(one, answers).items()
        ]
        said = made.stored() if made else {}
        results.append([asked, made and [said["raw"], said["percent"], said["band"], said.get("dimensions")]])
    return results


def random_sheet(dice: random.Random, name: str) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for item in instrument(name).items:
        if dice.random() < 0.12:
            continue
        if dice.random() < 0.08:
            answers[item.id] = dice.choice(
                ["dont_know", "declined", "nonsense"] if dice.random() < 0.02 else ["declined"]
            )
        elif item.kind is Kind.MANY:
            answers[item.id] = dice.sample(list(item.values), dice.randint(1, len(item.values)))
        else:
            answers[item.id] = dice.choice(item.values)
    return answers


def test_phone_and_server_ask_the_same_questions_and_make_the_same_scores() -> None:
    dice = random.Random(7)
    names = [one.id for one in instruments() if one.id != "who-5"]
    sheets = [(name, random_sheet(dice, name)) for name in names for _ in range(60)]
    sheets += [("reintegration-survey", random_sheet(dice, "reintegration-survey")) for _ in range(1_200)]
    ours = in_python(sheets)
    assert ours == in_javascript(sheets)
    asked = [
        dict(result[0])
        for (name, _), result in zip(sheets, ours, strict=True)
        if name.startswith("rein") and result != "refused"
    ]
    assert {("E10" in each, "P10" in each) for each in asked} == {
        (a, b) for a in (True, False) for b in (True, False)
    }
    assert "refused" in ours
    assert any(result != "refused" and result[1] and result[1][0] is None for result in ours)
    # A wrong sum would be noticed.
    planted = copy.deepcopy(ours)
    place = next(n for n, result in enumerate(planted) if result != "refused" and result[1])
    planted[place][1][0] = "1/7"
    assert planted != ours


def test_an_answer_to_a_question_that_is_not_asked_any_more_counts_for_nothing() -> None:
    one = instrument("reintegration-survey")
    said = read_answers(
        one, {"E9": "0", "E10": ["pay", "work"], "P9": "0", "P10": ["need_jobs"], "P8": "skip"}
    )
    assert said["E10"] == ("work", "pay")
    assert kept_answers(without_hidden(one, said)) == {"E9": 0, "P9": 0, "P10": ["need_jobs"]}


# Files that must be refused


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said["items"][9].update(when=["=", "P9", 0]),
        lambda said: said["items"][9].update(when=["=", "E10", "pay"]),
        lambda said: said["items"][9].update(when=["=", "E9", 7]),
        lambda said: said["items"][9].update(when=["eval", "E9", 1]),
        lambda said: said["items"][9].update(when=["and"]),
        lambda said: said["items"][9].update(when=["not"] + [["not"]] * 9),
        lambda said: said["items"][0].update(weight=0.5),
        lambda said: said["items"][0].update(weight="0"),
        lambda said: said["items"][0].update(weight="1/0"),
        lambda said: said["items"][0].update(weight="1e9"),
        lambda said: said["items"][0].update(dimension="money"),
        lambda said: said["items"][0].update(scale="nowhere"),
        lambda said: said["items"][0].update(id="instrument"),
        lambda said: said["items"][0].update(id="E-1"),
        lambda said: said["items"][0].update(kind="text"),
        lambda said: said["items"][9].update(weight="1"),
        lambda said: said["scales"]["good"][0].pop("score"),
        lambda said: said["scales"]["good"][0].update(value="5"),
        lambda said: said["scales"]["good"][0].update(value="dont_know"),
        lambda said: said["scales"]["good"][0]["label"].pop("ar"),
        lambda said: said.update(languages=["fr", "wo"]),
        lambda said: said.update(id="../x"),
        lambda said: said.update(version=0),
        lambda said: said["scoring"].update(method="sum"),
        lambda said: said["scoring"].update(least_answered="2"),
        lambda said: said["scoring"]["bands"].pop(),
        lambda said: said["scoring"]["bands"][0].update(below="3/4"),
        lambda said: said["scoring"]["bands"][0].update(action="diagnose"),
        lambda said: said["scoring"]["dimensions"].pop(),
        lambda said: said["scoring"]["triggers"][0].update(when=["=", "P88", 1]),
        lambda said: said["scoring"]["meaningful"].update(by="0"),
        lambda said: said.update(items=said["items"] * 5),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_refused(spoil: Any) -> None:
    said = json.loads(SURVEY_FILE.read_text("utf-8"))
    spoil(said)
    with pytest.raises(FaultyInstrument):
        read(json.dumps(said))


def test_what_a_change_is_measured_in() -> None:
    assert measure(survey()) == Fraction(613, 1056)
    made = summed("phq-9", *[1] * 9)
    assert made
    assert measure(made) == 9
