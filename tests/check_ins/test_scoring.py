"""WHO-5: every answer sheet, in Python and in JavaScript, and every file that must be refused."""

import copy
import itertools
import json
from pathlib import Path

import pytest

from tests.check_ins.on_the_phone import answers_of
from webapp.check_ins.instruments import (
    FOLDER,
    Action,
    FaultyInstrument,
    Provenance,
    instrument,
    instruments,
    read,
)
from webapp.check_ins.scoring import Score, WrongAnswer, change, next_step, read_answers, score
from webapp.permissions import Role

ROOT = Path(__file__).parent.parent.parent
WHO5_FILE = FOLDER / "who-5.json"
SHEETS = list(itertools.product(range(6), repeat=5))


@pytest.fixture(scope="module")
def who5():
    return instrument("who-5")


def sheet(who5, *values):
    return {item.id: value for item, value in zip(who5.items, values, strict=True)}


def scored(who5, raw):
    """A score with this sum."""
    values = [min(5, max(0, raw - 5 * place)) for place in range(5)]
    made = score(who5, sheet(who5, *values))
    assert made
    assert made.raw == raw
    return made


# --- scores ---


@pytest.mark.parametrize(
    ("values", "raw", "percent", "band"),
    [
        ((0, 0, 0, 0, 0), 0, 0, "low"),
        ((1, 2, 1, 2, 1), 7, 28, "low"),
        ((1, 2, 1, 2, 2), 8, 32, "reduced"),
        ((3, 2, 3, 2, 2), 12, 48, "reduced"),
        ((3, 2, 3, 2, 3), 13, 52, "steady"),
        ((5, 5, 5, 5, 5), 25, 100, "steady"),
    ],
)
def test_golden_answer_sheets_have_their_golden_scores(who5, values, raw, percent, band):
    expected = Score("who-5", version=1, scoring_version=1, raw=raw, percent=percent, band=band)
    assert score(who5, sheet(who5, *values)) == expected


def test_the_ways_people_write_the_threshold_name_the_same_people(who5):
    for values in SHEETS:
        made = score(who5, sheet(who5, *values))
        assert (made.percent <= 50) == (made.percent < 50) == (made.raw < 13) == (made.band != "steady")
        assert (made.percent <= 28) == (made.raw <= 7) == (made.band == "low")


def in_javascript(lines):
    """What the JavaScript scoring makes of answer sheets, asked once for all of them."""
    program = """
      import { readFileSync } from "node:fs";
      const [module, file] = process.argv.slice(1);
      const { score, change, WrongAnswer } = await import(module);
      const who5 = JSON.parse(readFileSync(file, "utf8"));
      const before = { instrument: "who-5", version: 1, scoringVersion: 1, raw: 15, percent: 60 };
      const results = JSON.parse(readFileSync(0, "utf8")).map((answers) => {
        try {
          const made = score(who5, answers);
          const changed = change(who5, before, made);
          return made && [made.instrument, made.version, made.scoringVersion, made.raw, made.percent, made.band,
            changed.by, changed.isMeaningfulDrop];
        } catch (fault) {
          if (fault instanceof WrongAnswer) return "refused";
          throw fault;
        }
      });
      console.log(JSON.stringify(results));
    """
    return answers_of(program, WHO5_FILE, lines)


def in_python(who5, lines):
    before = Score("who-5", version=1, scoring_version=1, raw=15, percent=60, band="steady")
    results = []
    for answers in lines:
        try:
            made = score(who5, answers)
        except WrongAnswer:
            results.append("refused")
            continue
        changed = change(who5, before, made)
        versions = made and [made.instrument, made.version, made.scoring_version]
        results.append(
            made and [*versions, made.raw, made.percent, made.band, changed.by, changed.is_meaningful_drop]
        )
    return results


def test_all_7776_answer_sheets_score_the_same_in_python_and_in_javascript(who5):
    lines = [sheet(who5, *values) for values in SHEETS]
    assert len(lines) == 7776
    assert in_python(who5, lines) == in_javascript(lines)


def test_incomplete_and_wrong_sheets_end_the_same_in_python_and_in_javascript(who5):
    ids = [item.id for item in who5.items]
    whole = dict.fromkeys(ids, 3)
    lines = [None, {}, {**whole, "mood": 1}, {"__proto__": 3}, {"constructor": 3}]
    lines += [{**whole, item: wrong} for item in ids for wrong in (None, 6, -1, 2.5, "3", True, [3], {})]
    lines += [{item: 3 for item in ids if item != left_out} for left_out in ids]
    results = in_python(who5, lines)
    assert results == in_javascript(lines)
    assert results.count("refused") == 3 + 5 * 7
    assert results.count(None) == 2 + 5 + 5


def test_a_comparison_with_a_wrong_sum_would_be_noticed(who5):
    lines = [sheet(who5, *values) for values in SHEETS[:100]]
    planted = copy.deepcopy(in_python(who5, lines))
    planted[57][4] += 1
    assert planted != in_javascript(lines)


@pytest.mark.parametrize("missing", range(5))
def test_a_check_in_with_a_missing_answer_has_no_score(who5, missing):
    values = [5, 5, 5, 5, 5]
    values[missing] = None
    assert score(who5, sheet(who5, *values)) is None
    without = {item: 5 for n, item in enumerate(sheet(who5, *values)) if n != missing}
    assert score(who5, without) is None


def test_a_declined_check_in_has_no_score(who5):
    assert score(who5, None) is None
    assert score(who5, {}) is None


@pytest.mark.parametrize("wrong", [6, -1, 2.5, 3.0, "3", True, [3], float("nan")])
def test_a_wrong_code_is_refused_also_beside_missing_answers(who5, wrong):
    with pytest.raises(WrongAnswer) as refused:
        score(who5, {"calm": wrong})
    assert refused.value.item == "calm"


def test_an_answer_to_no_item_is_refused(who5):
    with pytest.raises(WrongAnswer):
        score(who5, {**sheet(who5, 1, 1, 1, 1, 1), "mood": 3})


def test_the_words_of_a_form_become_answers(who5):
    fields = {"cheerful": "5", "calm": " 0 ", "active": "", "rested": None, "case": "7"}
    assert read_answers(who5, fields) == {"cheerful": 5, "calm": 0}
    for wrong in ("6", "-1", "2.0", "05", "five", "٣", "1\n2"):
        with pytest.raises(WrongAnswer):
            read_answers(who5, {"calm": wrong})


# --- what follows ---


@pytest.mark.parametrize(
    ("before", "after", "percent", "meaningful"),
    [(20, 17, -12, True), (20, 18, -8, False), (10, 20, 40, False), (9, 9, 0, False), (25, 0, -100, True)],
)
def test_a_fall_of_ten_percentage_points_is_meaningful(who5, before, after, percent, meaningful):
    changed = change(who5, scored(who5, before), scored(who5, after))
    assert (changed.by, changed.is_meaningful_drop) == (percent, meaningful)


def test_scores_made_in_different_ways_are_not_compared(who5):
    latest = scored(who5, 5)
    older = Score("who-5", version=1, scoring_version=0, raw=25, percent=100, band="steady")
    other = Score("k6", version=1, scoring_version=1, raw=24, percent=100, band="high")
    assert change(who5, older, latest) is None
    assert change(who5, other, latest) is None
    assert change(who5, None, latest) is None
    assert change(who5, latest, None) is None


@pytest.mark.parametrize(
    ("before", "after", "action", "days"),
    [
        (None, 0, Action.COUNSELLOR_CONTACT, 3),
        (None, 7, Action.COUNSELLOR_CONTACT, 3),
        (None, 8, Action.OFFER_COUNSELLOR, 14),
        (None, 12, Action.OFFER_COUNSELLOR, 14),
        (None, 13, Action.ROUTINE, None),
        (25, 22, Action.OFFER_COUNSELLOR, 14),
        (25, 23, Action.ROUTINE, None),
        (25, 7, Action.COUNSELLOR_CONTACT, 3),
        (25, 12, Action.OFFER_COUNSELLOR, 14),
    ],
)
def test_a_score_asks_for_its_next_step(who5, before, after, action, days):
    previous = None if before is None else scored(who5, before)
    step = next_step(who5, scored(who5, after), previous)
    assert (step.action, step.within_days) == (action, days)


# --- the file ---


def test_the_english_statements_are_the_published_ones(who5):
    assert [str(item.statement.in_("en")) for item in who5.items] == [
        "I have felt cheerful and in good spirits",
        "I have felt calm and relaxed",
        "I have felt active and vigorous",
        "I woke up feeling fresh and rested",
        "My daily life has been filled with things that interest me",
    ]
    assert [(answer.value, str(answer.label.in_("en"))) for answer in who5.items[0].options] == [
        (5, "All of the time"),
        (4, "Most of the time"),
        (3, "More than half of the time"),
        (2, "Less than half of the time"),
        (1, "Some of the time"),
        (0, "At no time"),
    ]


def test_only_wordings_that_are_certain_are_called_official(who5):
    assert who5.is_verified_in("en")
    assert not who5.is_verified_in("fr")
    assert not who5.is_verified_in("ar")
    assert who5.items[0].statement.in_("ar").provenance is Provenance.UNVERIFIED


def test_an_unknown_language_falls_back_to_french(who5):
    assert who5.name.in_("wo") == who5.name.in_("fr") == who5.name.in_("fr_GN")


@pytest.mark.parametrize(
    ("role", "age", "allowed"),
    [
        (Role.FIELD_OFFICER, 18, True),
        (Role.FIELD_OFFICER, 17, False),
        (Role.FIELD_OFFICER, None, True),
        (Role.COUNSELLOR, 40, True),
        (Role.PROGRAMME_MANAGER, 40, False),
        (Role.FINANCE_OFFICER, None, False),
    ],
)
def test_field_officers_and_counsellors_give_it_to_adults(who5, role, age, allowed):
    assert who5.may_be_given(by=role, age=age) is allowed


def test_an_instrument_carries_its_notice_and_its_recall(who5):
    assert "CC BY-NC-SA 3.0 IGO" in who5.licence
    assert who5.recall_days == 14
    assert instrument("who-5", version=1) is who5
    assert who5 in instruments()


def test_an_instrument_that_is_not_there_is_a_key_error():
    for asked in (("ghq-12", None), ("who-5", 99)):
        with pytest.raises(KeyError):
            instrument(*asked)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said.update(format=2),
        lambda said: said.update(colour="blue"),
        lambda said: said.pop("licence"),
        lambda said: said.update(items=[]),
        lambda said: said.update(items=said["items"] + said["items"][:1]),
        lambda said: said["items"][0].update(values=[0, 1, 7]),
        lambda said: said["items"][0].update(values=[3]),
        lambda said: said["items"][0].update(weight=2),
        lambda said: said["items"][0]["statement"].pop("ar"),
        lambda said: said["items"][0]["statement"]["ar"].update(provenance="made up"),
        lambda said: said["items"][0]["statement"]["fr"].update(text=" "),
        lambda said: said["scale"][0].update(value=True),
        lambda said: said["scale"][0].update(value=4),
        lambda said: said["scoring"].update(method="mean"),
        lambda said: said["scoring"].update(required="most"),
        lambda said: said["scoring"].update(percent_per_point=4.0),
        lambda said: said["scoring"]["bands"].pop(0),
        lambda said: said["scoring"]["bands"].pop(),
        lambda said: said["scoring"]["bands"][1].update(lowest=7),
        lambda said: said["scoring"]["bands"][1].update(lowest=9),
        lambda said: said["scoring"]["bands"][2].update(highest=24),
        lambda said: said["scoring"]["bands"][2].update(id="low"),
        lambda said: said["scoring"]["bands"][0].update(action="diagnose"),
        lambda said: said.update(given_by={"passer_by": 18}),
        lambda said: said.update(scoring=None),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(spoil):
    said = json.loads(WHO5_FILE.read_text("utf-8"))
    spoil(said)
    with pytest.raises(FaultyInstrument):
        read(json.dumps(said))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"who-5"'])
def test_a_file_that_is_no_instrument_is_refused(text):
    with pytest.raises(FaultyInstrument):
        read(text)
