"""Signing in and out: who gets in, what a guesser learns, and what a copied cookie is worth."""

import runpy
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.browser_client import Person
from tests.cast import PASSWORD, Cast
from tests.databases import settings
from webapp import clock, create_app
from webapp.database import db, prove_writable
from webapp.people import locks, passwords
from webapp.people.models import Session, Staff

WRONG = "not the password at all"


def nobody(app: Flask) -> Person:
    return Person(app)


def signs_in(person: Person, email: str = "ibrahima@demo", password: str = PASSWORD, **fields: str) -> Any:
    return person.client.post("/sign-in", data={"email": email, "password": password, **fields})


def test_a_field_officer_lands_on_the_day(app: Flask) -> None:
    person = nobody(app)
    answer = signs_in(person)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/today")
    assert person.opens("/", 303).response.headers["Location"] == "/today"
    assert person.opens("/today").status == 200


def test_the_address_may_be_written_in_capitals_and_with_spaces(app: Flask) -> None:
    assert signs_in(nobody(app), "  Ibrahima@DEMO ").status_code == 303


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(app: Flask) -> None:
    known = signs_in(nobody(app), "ibrahima@demo", WRONG)
    unknown = signs_in(nobody(app), "xbrahima@demo", WRONG)
    assert known.status_code == unknown.status_code == 422
    assert known.text.replace("ibrahima@", "xbrahima@") == unknown.text
    assert "n’est pas juste" in known.text
    assert WRONG not in known.text


def test_an_unknown_address_costs_the_same_work_as_a_wrong_password(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs_in(nobody(app), "warm@up", WRONG)
    real, done = passwords._HASHER, []

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            done.append(parameters_of(kept))
            return real.verify(kept, password)

        def hash(self, password: str) -> str:
            done.append("hash")
            return real.hash(password)

    def work(email: str) -> list[str]:
        done.clear()
        signs_in(nobody(app), email, WRONG)
        return list(done)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    assert work("ibrahima@demo") == work("xbrahima@demo")
    assert len(done) == 1


def parameters_of(kept: str) -> str:
    return kept.rsplit("$", 2)[0]


def test_passwords_cost_whoever_guesses_64_megabytes_and_three_rounds_each() -> None:
    # Read anew from the file: the tests themselves use a quicker one.
    hasher = runpy.run_path(passwords.__file__)["_HASHER"]
    assert hasher.memory_cost >= 65_536
    assert hasher.time_cost >= 3


def test_a_dismissed_member_of_staff_is_told_nothing_more(app: Flask, cast: Cast) -> None:
    with app.app_context():
        db.session.get_one(Staff, cast.ibrahima).disabled_at = clock.now()
        db.session.commit()
    right = signs_in(nobody(app))
    wrong = signs_in(nobody(app), password=WRONG)
    assert (right.status_code, right.text) == (wrong.status_code, wrong.text)


def test_the_sixth_try_is_refused_whatever_the_password(app: Flask, cast: Cast) -> None:
    for _ in range(5):
        assert signs_in(nobody(app), password=WRONG).status_code == 422
    refused = signs_in(nobody(app))
    assert refused.status_code == 429
    assert "15 minutes" in refused.text
    assert signs_in(nobody(app), "awa@demo").status_code == 303, "one locked account locks no other"
    for _ in range(5):
        signs_in(nobody(app), "nobody@demo", WRONG)
    assert signs_in(nobody(app), "nobody@demo").status_code == 429, (
        "an unknown address is locked just the same"
    )


def test_each_lock_lasts_twice_as_long_up_to_a_day(app: Flask) -> None:
    now, key, lasted = clock.now(), locks.lock_key("staff", "a@b"), []
    with app.app_context():
        for _ in range(10):
            for _ in range(5):
                assert locks.count_try(key, now=now) is None
            until = locks.count_try(key, now=now)
            assert until is not None
            lasted.append((until - now) / timedelta(minutes=15))
            assert locks.count_try(key, now=until - timedelta(seconds=1)) == until
            now = until
    assert lasted == [1, 2, 4, 8, 16, 32, 64, 96, 96, 96]


def test_the_right_password_after_the_lock_makes_all_forgotten(app: Flask) -> None:
    with time_machine.travel(datetime.fromisoformat("2026-11-20T10:00:00+00:00")) as travel:
        for _ in range(5):
            signs_in(nobody(app), password=WRONG)
        assert signs_in(nobody(app)).status_code == 429
        travel.shift(timedelta(minutes=15, seconds=1))
        assert signs_in(nobody(app)).status_code == 303
        for _ in range(4):
            assert signs_in(nobody(app), password=WRONG).status_code == 422
        assert signs_in(nobody(app)).status_code == 303


def test_a_lock_survives_a_restart(app: Flask, tmp_path: Any) -> None:
    for _ in range(5):
        signs_in(nobody(app), password=WRONG)
    again = create_app(settings(tmp_path, app.config["SQLALCHEMY_DATABASE_URI"]))
    assert signs_in(nobody(again)).status_code == 429
    with again.app_context():
        db.engine.dispose()


def test_tries_at_the_same_instant_do_not_slip_past_one_another(app: Flask) -> None:
    key, now = locks.lock_key("staff", "crowd@demo"), clock.now()

    def tries(_: int) -> bool:
        with app.app_context():
            return locks.count_try(key, now=now) is None

    with ThreadPoolExecutor(12) as crowd:
        assert sum(crowd.map(tries, range(40))) == 5


def test_a_look_up_with_a_most_stays_locked(app: Flask) -> None:
    key, now, checked = locks.lock_key("returnee", "code"), clock.now(), 0
    with app.app_context():
        for _ in range(200):
            checked += locks.count_try(key, now=now, most=15) is None
            now += timedelta(hours=25)
    assert checked == 15


def test_signing_out_ends_the_session_also_for_a_copied_cookie(app: Flask) -> None:
    person, thief = nobody(app), nobody(app)
    signs_in(person)
    cookie = person.client.get_cookie("suivi")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    thief.client.set_cookie("suivi", cookie.value)
    thief.opens("/today")
    answer = person.posts("/sign-out").response
    assert "storage" not in answer.headers["Clear-Site-Data"], "work not yet delivered lies in the storage"
    assert '"cache"' in answer.headers["Clear-Site-Data"]
    assert thief.opens("/today", 303).response.headers["Location"].startswith("/sign-in")
    assert thief.client.post(f"/cases/{'0' * 32}/visits").status_code in (401, 404)


def test_a_cookie_with_another_persons_id_in_it_opens_nothing(app: Flask, cast: Cast) -> None:
    person = nobody(app)
    for forged in (str(cast.ibrahima), cast.ibrahima.hex, "", "1", "x" * 5000):
        with person.client.session_transaction() as cookie:
            cookie["_user_id"] = forged
        assert person.opens("/today", 303).status == 303


def test_a_cookie_that_was_not_signed_by_us_opens_nothing(app: Flask) -> None:
    person = nobody(app)
    person.client.set_cookie("suivi", "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    person.opens("/today", 303)


def test_only_a_hash_of_the_session_is_kept(app: Flask) -> None:
    person = nobody(app)
    signs_in(person)
    with person.client.session_transaction() as cookie:
        secret = cookie["_user_id"]
    with app.app_context():
        kept = [session.secret_hash for session in db.session.query(Session)]
    assert secret not in kept
    assert len(secret) >= 43


def test_whoever_signs_in_next_on_the_same_browser_leaves_nobody_signed_in_behind(app: Flask) -> None:
    person, thief = nobody(app), nobody(app)
    signs_in(person)
    cookie = person.client.get_cookie("suivi")
    assert cookie is not None
    thief.client.set_cookie("suivi", cookie.value)
    signs_in(person, "mariama@demo")
    assert "Mariama" in person.opens("/more").text("body")
    thief.opens("/today", 303)


def test_a_session_ends_after_its_hours_and_rests_only_where_the_phone_has_a_lock(app: Flask) -> None:
    with time_machine.travel(datetime.fromisoformat("2026-11-20T07:00:00+00:00")) as travel:
        officer, manager = nobody(app), nobody(app)
        signs_in(officer)
        signs_in(manager, "kadiatou@demo")
        for _ in range(4):
            travel.shift(timedelta(minutes=29))
            manager.opens("/dashboard")
        travel.shift(timedelta(minutes=31))
        manager.opens("/dashboard", 303)
        travel.shift(timedelta(hours=8))
        officer.opens("/today")
        travel.shift(timedelta(hours=2))
        officer.opens("/today", 303)


ELSEWHERE = [
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "/\\/evil.example", "\\\\evil.example",
    "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/\r\n/evil.example",
    "http://evil.example", "https://evil.example", "HTTPS://EVIL.EXAMPLE", "http:/evil.example", "http:evil.example",
    "https:evil.example", "https:///evil.example", "ftp://evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
    "javascript://%0aalert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "evil.example", "evil.example/",
    "www.evil.example", "@evil.example", "://evil.example", ":evil", "?next=//evil", "#//evil", "", " ", ".", "..",
    "../x", "./x", "%2f%2fevil.example", "%2Fevil", "%5cevil", "http://localhost@evil.example", "http://localhost.evil.example",
    "//localhost@evil.example", "/\x00/evil.example", "\x00//evil", "/\x0b/evil.example", "/\x0c/evil.example",
    "/today\r\nSet-Cookie: a=b", "/today\nLocation: http://evil", "//[::1]/", "//evil.example:80", "//evil%00.example",
    "http://", "//", "/\\", "\\", "//\\evil.example", "/\\\\evil.example", "/" + "a" * 600, "ⅱevil", "／／evil.example",
]  # fmt: skip


def test_signing_in_leads_to_our_own_pages_only(app: Flask) -> None:
    person = nobody(app)
    assert len(ELSEWHERE) >= 60
    for place in ELSEWHERE:
        shown = person.client.get("/sign-in", query_string={"next": place})
        assert shown.status_code == 200, repr(place)
        assert 'name="next" value="/"' in shown.text, repr(place)
        answer = person.client.post("/language", data={"language": "en", "next": place})
        assert _leads_home(answer), repr(place)


def test_signing_in_leads_back_to_the_page_that_was_asked_for(app: Flask) -> None:
    person = nobody(app)
    asked = person.opens("/cases?q=Bah", 303).response.headers["Location"]
    assert asked == "/sign-in?next=/cases?q%3DBah" or "next=%2Fcases%3Fq%3DBah" in asked
    page = person.opens(asked)
    answer = signs_in(person, next=page.soup.select_one("input[name=next]")["value"])  # type: ignore[index,arg-type]
    assert answer.headers["Location"] == "/cases?q=Bah"
    assert signs_in(nobody(app), next="//evil.example").headers["Location"] == "/today"


def _leads_home(answer: Any) -> bool:
    return answer.status_code == 303 and answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"email": ""},
        {"email": "ibrahima@demo"},
        {"password": PASSWORD},
        {"email": "\x00", "password": "\x00"},
        {"email": "ibrahima@demo\x00", "password": WRONG},
        {"email": "é" * 201, "password": "x"},
        {"email": "a@b", "password": "x" * 201},
        {"email": "' OR 1=1 --", "password": "x"},
        {"email": "😀", "password": "\u202e"},
    ],
)
def test_whatever_is_typed_at_the_door_gets_a_sentence(app: Flask, fields: dict[str, str]) -> None:
    page = nobody(app).posts("/sign-in", fields, 422)
    errors = page.texts(".error")
    assert errors
    assert all("Field" not in sentence for sentence in errors)
    for control in page.soup.select("[aria-invalid]"):
        assert page.soup.select(f"#{control['aria-describedby']}")


def test_the_language_is_kept_with_the_person_or_on_the_phone(app: Flask, cast: Cast) -> None:
    stranger = nobody(app)
    stranger.posts("/language", {"language": "ar"})
    assert stranger.opens("/sign-in").soup.html["dir"] == "rtl"  # type: ignore[index]
    stranger.posts("/language", {"language": "xx"}, 400)
    person = Person(app, cast.ibrahima)
    person.posts("/language", {"language": "en"})
    assert Person(app, cast.ibrahima).opens("/more").soup.html["lang"] == "en"  # type: ignore[index]


def test_the_language_pressed_before_signing_in_is_theirs_and_not_of_who_comes_next(app: Flask) -> None:
    phone = nobody(app)
    phone.posts("/language", {"language": "ar"})
    signs_in(phone)
    assert phone.opens("/more").soup.html["lang"] == "ar"  # type: ignore[index]
    phone.posts("/sign-out", {})
    assert phone.opens("/sign-in").soup.html["lang"] == "fr"  # type: ignore[index]


@pytest.mark.parametrize("fields", [{"password": WRONG}, {"email": ""}])
def test_a_sign_in_that_fails_leaves_nobody_signed_in_behind(app: Flask, fields: dict[str, str]) -> None:
    person, thief = nobody(app), nobody(app)
    signs_in(person)
    cookie = person.client.get_cookie("suivi")
    assert cookie is not None
    thief.client.set_cookie("suivi", cookie.value)
    assert signs_in(person, **fields).status_code == 422
    person.opens("/today", 303)
    thief.opens("/today", 303)


def test_nobody_waits_for_the_database_while_a_password_is_checked(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, seen = passwords.matches, []

    def checks(password: str, kept: str | None) -> bool:
        with app.app_context(), ThreadPoolExecutor(1) as other:
            began = time.perf_counter()
            other.submit(_writes, app).result()
            seen.append(time.perf_counter() - began)
        return check(password, kept)

    monkeypatch.setattr(passwords, "matches", checks)
    assert signs_in(nobody(app)).status_code == 303
    assert signs_in(nobody(app), password=WRONG).status_code == 422
    assert len(seen) == 2
    assert max(seen) < 10


def _writes(app: Flask) -> None:
    with app.app_context():
        prove_writable()
