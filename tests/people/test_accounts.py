"""Accounts: made and dismissed by the administrator, and what the phone of a dismissed person may still do."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser_client import Person
from tests.cast import PASSWORD, Cast
from webapp.database import db
from webapp.people import passwords, words
from webapp.people.models import Phone, PhonePerson, Staff
from webapp.people.phones import find_author

GOOD = "un long mot de passe"


def fields(cast: Cast, **changed: str) -> dict[str, str]:
    return {
        "name": "Aïssatou Sylla", "email": "Aissatou@Demo", "role": "field_officer", "office": str(cast.conakry),
        "locale": "fr", "password": GOOD, **changed,
    }  # fmt: skip


@pytest.fixture
def root(people: Any) -> Person:
    return people("root")  # type: ignore[no-any-return]


def test_a_new_account_can_sign_in_at_once(app: Flask, root: Person, cast: Cast) -> None:
    root.posts("/staff", fields(cast))
    assert "Aïssatou Sylla" in root.opens("/staff").text()
    answer = Person(app).client.post("/sign-in", data={"email": "aissatou@demo", "password": GOOD})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"email": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a@b c"}, "email"),
        ({"email": "\x00@\x00"}, "email"),
        ({"email": "IBRAHIMA@demo"}, "email"),
        ({"email": "a@" + "b" * 200}, "email"),
        ({"role": "boss"}, "role"),
        ({"role": ""}, "role"),
        ({"office": "elsewhere"}, "office"),
        ({"office": "00000000-0000-0000-0000-000000000000"}, "office"),
        ({"locale": "xx"}, "locale"),
        ({"password": "short"}, "password"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "password"),
        ({"password": "MotDePasse12"}, "password"),
        ({"password": ""}, "password"),
    ],
)
def test_what_is_wrong_with_an_account_is_said_beside_it_and_nothing_is_lost(
    app: Flask, root: Person, cast: Cast, changed: dict[str, str], wrong: str
) -> None:
    page = root.posts("/staff", fields(cast, **changed), 422)
    control = page.soup.select_one(f"#{wrong}")
    assert control
    assert control.get("aria-invalid") == "true"
    assert page.text(f"#{wrong}-error")
    assert f"{wrong}-error" in str(control["aria-describedby"])
    if wrong != "name":
        assert page.soup.select_one("#name")["value"] == "Aïssatou Sylla"  # type: ignore[index]
    with app.app_context():
        assert db.session.query(Staff).filter(Staff.email == "aissatou@demo").count() == 0


def test_an_administrator_cannot_shut_the_own_door(root: Person, cast: Cast) -> None:
    root.posts(f"/staff/{cast.root}/dismissal", {}, 403)


def test_a_dismissal_cuts_off_browser_and_phone_and_can_be_taken_back(
    app: Flask, root: Person, ibrahima: Person, cast: Cast
) -> None:
    phone = uuid4()
    passes = ibrahima.client.post("/phones", json={"phone": str(phone), "label": "Tecno"}).json
    assert passes is not None
    with app.app_context():
        author = find_author(app.extensions["passes"], passes["author_pass"])
        assert author is not None
        assert author.trusted
        assert author.person.id == cast.ibrahima
    root.posts(f"/staff/{cast.ibrahima}/dismissal")
    ibrahima.opens("/today", 303)
    with app.app_context():
        author = find_author(app.extensions["passes"], passes["author_pass"])
        assert author is not None, "the work is still known to be theirs"
        assert not author.trusted
    root.posts(f"/staff/{cast.ibrahima}/dismissal/end")
    again = Person(app, cast.ibrahima)
    again.opens("/today")
    assert again.client.post("/phones", json={"phone": str(phone)}).status_code == 200
    with app.app_context():
        author = find_author(app.extensions["passes"], passes["author_pass"])
        assert author is not None
        assert author.trusted, "whoever signs in again after a dismissal was taken back works on"
    assert again.client.post("/phones", json={"phone": str(uuid4())}).status_code == 200


def test_two_people_share_a_phone_and_one_is_cut_off_alone(app: Flask, people: Any, cast: Cast) -> None:
    phone = str(uuid4())
    first = people("ibrahima").client.post("/phones", json={"phone": phone, "label": "Partagé"}).json
    second = people("mariama").client.post("/phones", json={"phone": phone, "label": "Partagé"}).json
    assert first["phone_pass"] == second["phone_pass"]
    assert first["author_pass"] != second["author_pass"]
    assert first["person"] != second["person"]
    people("root").posts(f"/staff/{cast.ibrahima}/dismissal")
    with app.app_context():
        passes = app.extensions["passes"]
        assert [find_author(passes, p["author_pass"]).trusted for p in (first, second)] == [False, True]  # type: ignore[union-attr]


def test_an_office_decides_whether_its_phones_keep_what_a_pin_opens(app: Flask, ibrahima: Person) -> None:
    def lease() -> int:
        enrolled = ibrahima.client.post("/phones", json={"phone": str(uuid4())}).get_json()
        return int(enrolled["key_lease_hours"])

    assert lease() == 0
    run = app.test_cli_runner().invoke
    assert run(args=["key-lease", "Conakry", "13"]).exit_code == 2
    assert run(args=["key-lease", "Nowhere", "8"]).exit_code == 1
    assert run(args=["key-lease", "Conakry", "8"]).exit_code == 0
    assert lease() == 8


def test_enrolling_again_makes_no_second_phone(app: Flask, ibrahima: Person) -> None:
    phone = str(uuid4())
    answers = [
        ibrahima.client.post("/phones", json={"phone": phone, "label": "Tecno"}).json for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    with app.app_context():
        assert (db.session.query(Phone).count(), db.session.query(PhonePerson).count()) == (1, 1)


@pytest.mark.parametrize(
    "said",
    [
        None, [], "x", 5, {}, {"phone": None}, {"phone": "x"}, {"phone": []}, {"phone": {"a": 1}}, {"label": "x"},
        {"phone": "0" * 5000},
    ],
)  # fmt: skip
def test_an_enrolment_that_makes_no_sense_is_refused(ibrahima: Person, said: Any) -> None:
    assert ibrahima.client.post("/phones", json=said).status_code == 400


def test_any_label_of_a_phone_is_taken(ibrahima: Person) -> None:
    for label in ("\x00", "\ud800", "x" * 500, 5, None, ["a"], "تلفون", "🙂"):
        answer = ibrahima.client.post("/phones", json={"phone": str(uuid4()), "label": label})
        assert answer.status_code == 200, repr(label)


@pytest.mark.parametrize("text", ["", "x", "a.b", "\x00", "é" * 100, "eyJhIjoxfQ.AAAA"])
def test_a_pass_that_we_did_not_sign_names_nobody(app: Flask, text: str) -> None:
    passes = app.extensions["passes"]
    assert passes.read_phone_pass(text) is None
    assert passes.read_author_pass(text) is None


def test_neither_pass_stands_for_the_other(app: Flask, cast: Cast) -> None:
    passes = app.extensions["passes"]
    phone = uuid4()
    assert passes.read_phone_pass(passes.phone_pass(phone)) == phone
    assert passes.read_author_pass(passes.phone_pass(phone)) is None
    assert passes.read_phone_pass(passes.author_pass(phone, cast.awa)) is None
    changed = passes.author_pass(phone, cast.awa)[:-1] + "A"
    assert passes.read_author_pass(changed) in (None, (phone, cast.awa))


def test_the_phone_learns_no_name_from_the_name_of_its_stores(app: Flask, cast: Cast) -> None:
    passes = app.extensions["passes"]
    names = {passes.opaque(id) for id in (cast.ibrahima, cast.mariama)}
    assert len(names) == 2
    assert all(cast.ibrahima.hex[:8] not in name for name in names)


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_proposed_passphrases_are_long_enough_and_never_the_same(locale: str) -> None:
    listed = words.word_list(locale)
    proposed = {tuple(words.propose(locale)) for _ in range(200)}
    assert len(proposed) == 200
    count = len(next(iter(proposed)))
    assert len(set(listed)) ** count > 2**54
    assert count >= 5


def test_a_password_is_kept_as_argon2id_only(app: Flask, cast: Cast) -> None:
    with app.app_context():
        kept = db.session.get_one(Staff, cast.root).password_hash
    assert kept.startswith("$argon2id$")
    assert not passwords.matches("", None)
    assert not passwords.matches("x", "no hash")


def passwords_typed(present: str, new: str, again: str | None = None) -> dict[str, str]:
    return {"present": present, "new": new, "again": new if again is None else again}


def signs_in(app: Flask, password: str) -> int:
    answer = Person(app).client.post("/sign-in", data={"email": "ibrahima@demo", "password": password})
    return answer.status_code


def test_a_new_password_replaces_the_old_one_and_signs_out_everywhere_else(
    app: Flask, ibrahima: Person, cast: Cast
) -> None:
    elsewhere = Person(app, cast.ibrahima)
    ibrahima.posts("/password", passwords_typed(PASSWORD, GOOD))
    ibrahima.opens("/today")
    elsewhere.opens("/today", 303)
    assert (signs_in(app, PASSWORD), signs_in(app, GOOD)) == (422, 303)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        (("not mine at all", GOOD, GOOD), "present"),
        (("", GOOD, GOOD), "present"),
        (("right", "short", "short"), "new"),
        (("right", GOOD, "another long one"), "again"),
    ],
)
def test_a_password_is_changed_only_by_who_knows_it_and_types_the_new_one_twice(
    app: Flask, ibrahima: Person, cast: Cast, typed: tuple[str, str, str], wrong: str
) -> None:
    present, new, again = typed
    present = PASSWORD if present == "right" else present
    page = ibrahima.posts("/password", passwords_typed(present, new, again), 422)
    assert page.text(f"#{wrong}-error")
    assert signs_in(app, PASSWORD) == 303


def test_whoever_finds_a_phone_open_cannot_guess_the_password(ibrahima: Person, cast: Cast) -> None:
    for _try in range(5):
        ibrahima.client.post("/password", data=passwords_typed("a guess of mine", GOOD))
    assert ibrahima.client.post("/password", data=passwords_typed(PASSWORD, GOOD)).status_code == 429


def test_the_administrator_gives_a_new_password_to_who_forgot_theirs(
    app: Flask, root: Person, ibrahima: Person, cast: Cast
) -> None:
    address = f"/staff/{cast.ibrahima}/password"
    assert root.posts(address, {"password": "short"}, 422).text("#password-error")
    root.posts(address, {"password": GOOD})
    ibrahima.opens("/today", 303)
    assert signs_in(app, GOOD) == 303
    root.posts(f"/staff/{cast.root}/password", {"password": GOOD}, 403)
