"""The check-in and the red flag: asked with privacy and consent, read by few, sealed in the database."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from tests.browser_client import Person
from tests.cast import Cast
from tests.world import ITEMS, check_in_fields
from webapp import clock
from webapp.cases.models import Returnee, TimelineEntry
from webapp.check_ins.models import CheckIn, RedFlag
from webapp.database import db
from webapp.keys import CannotOpen


@pytest.fixture
def url(cast: Cast) -> str:
    return f"/cases/{cast.aminata}/check-ins"


@pytest.fixture
def flags(cast: Cast) -> str:
    return f"/cases/{cast.aminata}/red-flags"


def flag_fields(**changed: str) -> dict[str, str]:
    return {"id": str(uuid4()), "category": "no_shelter", "help_needed": "Un abri pour trois", **changed}


def only(app: Flask) -> Any:
    with app.app_context():
        found = db.session.query(CheckIn).one()
        keyring, place = app.extensions["keyring"], {"table": "check_ins", "row": found.id}
        answers = found.answers_sealed and keyring.open_field(found.answers_sealed, column="answers", **place)
        result = found.result_sealed and keyring.open_field(found.result_sealed, column="result", **place)
        return found.outcome, answers, result


def facts(app: Flask, kind: str) -> dict[str, Any]:
    with app.app_context():
        return dict(db.session.query(TimelineEntry).filter_by(kind=kind).one().facts)


def test_five_answers_make_a_score(app: Flask, ibrahima: Person, url: str) -> None:
    ibrahima.posts(url, check_in_fields("54321"))
    outcome, answers, result = only(app)
    assert (outcome, answers) == ("answered", dict(zip(ITEMS, (5, 4, 3, 2, 1), strict=True)))
    assert (result["raw"], result["percent"], result["band"]) == (15, 60, "steady")


@pytest.mark.parametrize("answers", ["5432-", "5----", "-----5"[:5]])
def test_a_missing_answer_makes_no_score_and_is_kept_as_it_is(
    app: Flask, ibrahima: Person, url: str, answers: str
) -> None:
    if set(answers) == {"-"}:
        ibrahima.posts(url, check_in_fields(answers), 422)
        return
    ibrahima.posts(url, check_in_fields(answers))
    outcome, given_answers, result = only(app)
    assert (outcome, result) == ("answered", None)
    assert len(given_answers) == 5 - answers.count("-")
    assert "next_step" not in facts(app, "check_in.recorded")


def test_declining_today_is_an_answer(app: Flask, ibrahima: Person, url: str, cast: Cast) -> None:
    ibrahima.posts(url, {"id": str(uuid4()), "locale": "fr", "declined": "yes"})
    assert only(app) == ("declined", None, None)
    assert "ne souhaite pas" in ibrahima.opens(f"/cases/{cast.aminata}").text("#timeline")


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [({"consent": "no"}, "declined"), ({"private": "no"}, "not_alone"), ({"declined": "yes"}, "declined")],
)
def test_without_privacy_or_consent_no_answer_is_kept(
    app: Flask, ibrahima: Person, url: str, changed: dict[str, str], outcome: str
) -> None:
    ibrahima.posts(url, check_in_fields("55555", **changed))
    assert only(app) == (outcome, None, None)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"private": ""}, "private"),
    ({"consent": ""}, "consent"),
    ({"private": "maybe"}, "private"),
    ({"calm": "6"}, "calm"),
    ({"calm": "-1"}, "calm"),
    ({"calm": "٣"}, "calm"),
    ({"calm": "x"}, "calm"),
    ({"id": "x"}, "id"),
    (dict.fromkeys(ITEMS, ""), "cheerful"),
]


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_what_is_wrong_is_said_beside_it_and_the_answers_stay_chosen(
    app: Flask, ibrahima: Person, url: str, locale: str
) -> None:
    ibrahima.posts("/language", {"language": locale})
    for changed, wrong in WRONG:
        page = ibrahima.posts(url, {**check_in_fields("12345"), **changed}, 422)
        assert page.text(f"#{wrong}-error"), wrong
        assert "Not a valid" not in page.html
        if wrong not in ITEMS:
            chosen = [
                control["value"] for item in ITEMS for control in page.soup.select(f"[name={item}][checked]")
            ]
            assert chosen == ["1", "2", "3", "4", "5"]
    with app.app_context():
        assert db.session.query(CheckIn).count() == 0


def test_nobody_under_age_is_asked(app: Flask, ibrahima: Person, url: str, cast: Cast) -> None:
    today = clock.today("Africa/Conakry")
    for born, status in (
        (date(today.year - 17, 12, 31), 422),
        (today.replace(year=today.year - 18), 303),
        (None, 303),
    ):
        with app.app_context():
            db.session.execute(update(Returnee).values(birth_date=born))
            db.session.commit()
        page = ibrahima.posts(url, check_in_fields(), status)
        if status == 422:
            assert "moins de 18 ans" in page.text("#private-error")
            ibrahima.posts(url, {"id": str(uuid4()), "declined": "yes"})


def test_a_check_in_sent_twice_is_recorded_once(app: Flask, ibrahima: Person, url: str) -> None:
    fields = check_in_fields("11111")
    for _ in range(2):
        ibrahima.posts(url, fields)
    page = ibrahima.posts(url, {**fields, "calm": "5"}, 422)
    assert page.text("#id-error")
    with app.app_context():
        assert db.session.query(CheckIn).count() == 1
        assert db.session.query(TimelineEntry).filter_by(kind="check_in.recorded").count() == 1


def test_the_id_of_a_colleagues_check_in_is_not_taken_over(people: Any, cast: Cast, url: str) -> None:
    fields = check_in_fields("00000")
    people("ibrahima").posts(url, fields)
    for name, case in (("salma", cast.aminata), ("awa", cast.fatou)):
        page = people(name).posts(f"/cases/{case}/check-ins", fields, 422)
        assert page.text("#id-error")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["id", "locale", "declined", "private", "consent", "x", *ITEMS]),
        st.text(max_size=12) | st.sampled_from(["yes", "no", "0", "5", "\x00", "²", "fr"]),
    ),
    st.booleans(),
)
def test_no_check_in_breaks_the_server(ibrahima: Person, url: str, said: dict[str, str], whole: bool) -> None:
    said = {name: value.encode("utf-8", "ignore").decode() for name, value in said.items()}
    answer = ibrahima.client.post(url, data={**(check_in_fields() if whole else {}), **said})
    assert answer.status_code in (303, 422)


# Who reads it


def test_answers_are_read_by_their_author_and_the_counsellor_only(people: Any, url: str, cast: Cast) -> None:
    fields = check_in_fields("01201")
    people("ibrahima").posts(url, fields)
    path = f"/check-ins/{fields['id']}"
    for name in ("ibrahima", "salma"):
        page = people(name).opens(path)
        assert len(page.soup.select(".answers dd")) == 5
        assert "16" in page.text(".figures")
    for name, status in {
        "kadiatou": 404,
        "karim": 404,
        "awa": 404,
        "mariama": 404,
        "farah": 403,
        "ada": 404,
        "root": 404,
    }.items():
        people(name).opens(path, status)
    for name in ("kadiatou", "karim"):
        page = people(name).opens(f"/cases/{cast.aminata}")
        assert "Questionnaire" not in page.text()
        assert fields["id"] not in page.html


def test_the_officer_reads_what_to_do_but_not_the_counsellors_answers(people: Any, url: str) -> None:
    fields = check_in_fields("01201")
    people("salma").posts(url, fields)
    page = people("ibrahima").opens(f"/check-ins/{fields['id']}")
    assert "dans les 3 jours" in page.text()
    assert not page.soup.select(".answers, .figures")


def test_what_the_officer_wrote_goes_with_the_case(app: Flask, people: Any, url: str, cast: Cast) -> None:
    from webapp.cases.actions import assign_officer
    from webapp.cases.models import Case

    fields = check_in_fields("01201")
    people("ibrahima").posts(url, fields)
    with app.app_context():
        case = db.session.get_one(Case, cast.aminata)
        assign_officer(case, cast.mariama, officer_name="M", by=None, now=clock.now())
        db.session.commit()
    people("ibrahima").opens(f"/check-ins/{fields['id']}", 404)
    assert not people("mariama").opens(f"/check-ins/{fields['id']}").soup.select(".answers")


def test_the_timeline_the_pack_and_the_alerts_hold_no_answer_and_no_score(
    app: Flask, people: Any, url: str, flags: str
) -> None:
    people("ibrahima").posts(url, check_in_fields("01201"))
    people("ibrahima").posts(flags, flag_fields())
    assert facts(app, "check_in.recorded") == {
        "instrument": "who-5", "outcome": "answered", "next_step": "counsellor_contact",
    }  # fmt: skip
    assert facts(app, "red_flag.raised") == {}
    pack = people("ibrahima").opens("/pack").html
    for kept in ("Un abri pour trois", "16 %", "16\\u00a0%", '"percent"', '"raw"'):
        assert kept not in pack


def test_the_database_shows_neither_answers_nor_results_nor_what_help_is_needed(
    app: Flask, ibrahima: Person, url: str, flags: str
) -> None:
    ibrahima.posts(url, check_in_fields("01201"))
    ibrahima.posts(flags, flag_fields())
    with app.app_context(), db.engine.connect() as connection:
        raw = b"".join(
            bytes(value)
            for table, columns in (
                ("check_ins", "answers_sealed, result_sealed"),
                ("red_flags", "content_sealed"),
            )
            for row in connection.execute(text(f"SELECT {columns} FROM {table}"))
            for value in row
        )
        everything = b"".join(
            str(row).encode() for table in ("check_ins", "red_flags", "timeline_entries")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        )  # fmt: skip
    for word in (b"cheerful", b"band", b"raw", b"low", b"shelter", b"abri", b"category"):
        assert word not in raw
        assert word not in everything.replace(b"follow", b"")
    with app.app_context():
        address = app.config["SQLALCHEMY_DATABASE_URI"]
        db.engine.dispose()
    if address.startswith("sqlite"):
        folder = app.extensions["settings"].folder
        files = b"".join(path.read_bytes() for path in folder.glob("suivi.sqlite*"))
        assert b"Un abri pour trois" not in files


def test_what_is_moved_to_another_row_or_column_is_not_believed(
    app: Flask, people: Any, url: str, flags: str
) -> None:
    first, second = check_in_fields("01201"), check_in_fields("55555")
    for fields in (first, second):
        people("ibrahima").posts(url, fields)
    people("ibrahima").posts(flags, flag_fields())
    with app.app_context():
        keyring = app.extensions["keyring"]
        sealed = {row.id: row for row in db.session.query(CheckIn)}
        flag = db.session.query(RedFlag).one()
        bad, good = sealed[UUID(first["id"])], sealed[UUID(second["id"])]
        for value, place in (
            (bad.answers_sealed, {"table": "check_ins", "row": good.id, "column": "answers"}),
            (bad.answers_sealed, {"table": "check_ins", "row": bad.id, "column": "result"}),
            (bad.result_sealed, {"table": "check_ins", "row": bad.id, "column": "answers"}),
            (flag.content_sealed, {"table": "check_ins", "row": flag.id, "column": "content"}),
        ):
            with pytest.raises(CannotOpen):
                keyring.open_field(value, **place)
        bad.answers_sealed, bad.result_sealed = good.answers_sealed, good.result_sealed
        db.session.commit()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for name in ("ibrahima", "salma"):
        assert "Toujours" not in people(name).client.get(f"/check-ins/{first['id']}").text


# Red flag


def test_a_red_flag_shows_whom_to_call_first(ibrahima: Person, flags: str) -> None:
    page = ibrahima.opens(f"{flags}/new")
    assert [link["href"] for link in page.soup.select(".safety a")] == ["tel:117", "tel:+224622000000"]
    assert page.html.index("tel:117") < page.html.index('name="category"')


def test_a_red_flag_is_raised_once_and_says_no_detail_anywhere(
    app: Flask, people: Any, flags: str, cast: Cast
) -> None:
    fields = flag_fields()
    for _ in range(2):
        people("ibrahima").posts(flags, fields)
    people("ibrahima").posts(flags, {**fields, "help_needed": "Autre chose"}, 422)
    with app.app_context():
        assert db.session.query(RedFlag).count() == 1
    for name in ("ibrahima", "salma", "kadiatou", "karim"):
        page = people(name).opens(f"/cases/{cast.aminata}")
        assert "Un abri" not in page.html
        assert ("Signal de danger" in page.text()) == (name in ("ibrahima", "salma"))


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"category": ""}, "category"),
        ({"category": "x"}, "category"),
        ({"help_needed": "x" * 201}, "help_needed"),
        ({"id": "x"}, "id"),
    ],
)
def test_a_red_flag_that_cannot_be_taken_says_why(
    app: Flask, ibrahima: Person, flags: str, changed: dict[str, str], wrong: str
) -> None:
    page = ibrahima.posts(flags, flag_fields(**changed), 422)
    assert page.text(f"#{wrong}-error")
    kept = page.soup.select_one("[name=help_needed]")
    assert kept is not None
    assert kept.get_text().strip() == {**flag_fields(), **changed}["help_needed"]
    assert page.soup.select(".safety a"), "the numbers stay in sight"
    with app.app_context():
        assert db.session.query(RedFlag).count() == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["id", "category", "help_needed"]), st.text(max_size=20)))
def test_no_red_flag_breaks_the_server(ibrahima: Person, flags: str, said: dict[str, str]) -> None:
    said = {name: value.encode("utf-8", "ignore").decode() for name, value in said.items()}
    assert ibrahima.client.post(flags, data={**flag_fields(), **said}).status_code in (303, 422)
