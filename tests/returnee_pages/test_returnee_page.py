"""The returnee's page: what the card opens, what it never says, and what whoever guesses learns: nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import event, func, select

from tests.browser_client import Page, Person
from tests.cast import Cast
from webapp import clock, create_app
from webapp.allocations.actions import post
from webapp.allocations.models import Allocation
from webapp.cases.models import Case, Change, TimelineEntry
from webapp.database import db
from webapp.money import Money
from webapp.people import passwords
from webapp.people.models import Staff
from webapp.people.phones import Author
from webapp.returnee_pages.actions import CODE_LETTERS, MOST_WORDS_A_DAY, make_access
from webapp.returnee_pages.models import ReturneeAccess, ReturneeSession, ReturneeWord
from webapp.visits.actions import record_visit
from webapp.visits.forms import VisitDraft

Card = tuple[str, str]
UNKNOWN = "7K3MX-00QRS"


def make_card(app: Flask, case_id: UUID) -> Card:
    with app.app_context():
        card = make_access(db.session.get_one(Case, case_id), clock.now())
        db.session.commit()
    return card


@pytest.fixture
def card(app: Flask, cast: Cast) -> Card:
    return make_card(app, cast.aminata)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    start = clock.now()

    def move(**by: float) -> None:
        monkeypatch.setenv("SUIVI_TEST_CLOCK", (start + timedelta(**by)).isoformat())

    return move


def tries(visitor: Person, code: str, pin: str, status: int = 422) -> Page:
    return visitor.posts("/my/sign-in", {"code": code, "pin": pin}, status=status)


def wrong(pin: str) -> str:
    return f"{(int(pin) + 1) % 10**6:06}"


def status_page(visitor: Person, card: Card) -> Page:
    tries(visitor, *card, status=303)
    return visitor.opens("/my")


# What the card opens


def test_the_card_opens_amounts_the_present_step_and_the_office(app: Flask, people: Any, card: Card) -> None:
    page = status_page(people(None), card)
    said = page.text()
    for words in ("Promis", "Déjà payé", "Reste", "En ce moment", "Votre bureau", "Conakry", "EUR"):
        assert words in said
    assert page.soup.select_one('a[href^="tel:+224"]')


def test_amounts_are_also_told_in_the_money_of_home(app: Flask, people: Any, cast: Cast, card: Card) -> None:
    with app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        post(
            allocation, "set_aside", Money(10_000, "EUR"), what="Tissus", by=None, now=clock.now(),
            case=db.session.get_one(Case, cast.aminata), local=Money(935_450, "GNF"),
        )  # fmt: skip
        db.session.commit()
    left = "".join(status_page(people(None), card).text(".left").split())
    # Of 1,500 euros 200 are paid and 500 set aside; three figures of the estimate count.
    assert left == "Reste800,00EURenviron7480000GNF"


def test_a_card_may_be_typed_the_way_people_type(people: Any, card: Card) -> None:
    code, pin = card
    typed = f" {code[:5].lower()} {code[5:].lower()} ".replace("0", "o").replace("1", "l")
    tries(people(None), typed, f"{pin[:3]} {pin[3:]}", status=303)


def test_a_pin_in_arabic_digits_opens(people: Any, card: Card) -> None:
    code, pin = card
    tries(people(None), code, pin.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")), status=303)


def test_the_page_names_nobody_and_tells_no_note(app: Flask, people: Any, cast: Cast, card: Card) -> None:
    with app.app_context():
        _record_sad_visit(cast)
    html = status_page(people(None), card).html
    for secret in (
        "Aminata",
        "Bah",
        "Ibrahima",
        "chagrin",
        "dort mal",
        "photo",
        "Ratoma",
        "WHO",
        "questionnaire",
    ):
        assert secret.lower() not in html.lower(), secret


def _record_sad_visit(cast: Cast) -> None:
    by = Author(db.session.get_one(Staff, cast.ibrahima), uuid4(), True).person
    draft = VisitDraft(
        uuid4(), clock.now(), "home_visit", True, None, "seule", "running", "rappeler", None, "serious",
        "un grand chagrin", "dort mal", 0,
    )  # fmt: skip
    record_visit(db.session.get_one(Case, cast.aminata), draft, by=by, now=clock.now())
    db.session.commit()


def test_another_case_is_never_shown(app: Flask, people: Any, cast: Cast, card: Card) -> None:
    other = make_card(app, cast.fatou)
    with app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.fatou)).one()
        fatou = db.session.get_one(Case, cast.fatou)
        post(
            allocation, "set_aside", Money(7_777, "EUR"), what="Tissus", by=None, now=clock.now(), case=fatou
        )
        db.session.commit()
    aminatas, fatous = Person(app), Person(app)
    hers = status_page(aminatas, card).text()
    assert "Dakar" not in hers
    theirs = status_page(fatous, other).text()
    assert "Conakry" not in theirs
    assert hers != theirs
    # Nothing in the address chooses the case.
    assert aminatas.opens(f"/my?case={cast.fatou}&case_id={cast.fatou}").text() == hers


def test_the_page_turns_to_the_door_by_itself(people: Any, card: Card) -> None:
    visitor = people(None)
    page = status_page(visitor, card)
    refresh = page.soup.select_one('meta[http-equiv="refresh"]')
    assert refresh is not None
    assert refresh["content"] == "120;url=/my/closed"
    assert "La page s’est fermée" in visitor.opens("/my/closed").text()
    assert "Promis" not in visitor.opens("/my").text()


def test_a_session_ends_after_a_quarter_of_an_hour(people: Any, card: Card, later: Any) -> None:
    visitor = people(None)
    status_page(visitor, card)
    later(minutes=14)
    assert "Promis" in visitor.opens("/my").text()
    later(minutes=16)
    assert "Promis" not in visitor.opens("/my").text()


def test_a_copied_cookie_dies_at_sign_out(app: Flask, people: Any, card: Card) -> None:
    visitor, thief = people(None), Person(app)
    status_page(visitor, card)
    cookie = visitor.client.get_cookie("suivi-my", path="/my")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    thief.client.set_cookie("suivi-my", cookie.value, path="/my")
    assert "Promis" in thief.opens("/my").text()
    visitor.posts("/my/sign-out")
    assert "Promis" not in thief.opens("/my").text()
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ReturneeSession)) == 0


def test_staff_and_returnees_do_not_open_each_others_pages(people: Any, ibrahima: Person, card: Card) -> None:
    visitor = people(None)
    status_page(visitor, card)
    assert visitor.client.get("/today").status_code == 303
    assert "Promis" not in ibrahima.opens("/my").text()


# What returnees say


def test_what_a_returnee_says_stands_on_the_timeline_once(
    app: Flask, people: Any, cast: Cast, ibrahima: Person, card: Card
) -> None:
    visitor, id = people(None), uuid4()
    status_page(visitor, card)
    with app.app_context():
        before = db.session.scalar(select(func.max(Change.number)).where(Change.staff_id == cast.ibrahima))
    for _ in range(2):
        visitor.posts("/my/words", {"kind": "call_me_back", "id": str(id)})
    assert "le bureau vous rappellera" in visitor.opens("/my?said=call_me_back").text()
    with app.app_context():
        assert [word.id for word in db.session.scalars(select(ReturneeWord))] == [id]
        entry = db.session.scalars(select(TimelineEntry).where(TimelineEntry.subject_id == id)).one()
        assert (entry.kind, entry.case_id, entry.by_id) == ("returnee.call_me_back", cast.aminata, None)
        after = db.session.scalar(select(func.max(Change.number)).where(Change.staff_id == cast.ibrahima))
        assert (after or 0) > (before or 0), "the officer's phone fetches the case again"
    assert "demande qu’on le rappelle" in ibrahima.opens(f"/cases/{cast.aminata}").text()


def test_nobody_speaks_without_the_card(app: Flask, people: Any) -> None:
    people(None).posts("/my/words", {"kind": "received", "id": str(uuid4())}, status=401)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ReturneeWord)) == 0


@pytest.mark.parametrize(
    "fields",
    [{}, {"kind": "received"}, {"kind": "pay me", "id": str(uuid4())}, {"kind": "received", "id": "1"}],
)
def test_words_that_are_no_words_are_refused(people: Any, card: Card, fields: dict[str, str]) -> None:
    visitor = people(None)
    status_page(visitor, card)
    visitor.posts("/my/words", fields, status=400)


def test_one_card_cannot_wake_the_office_without_end(
    app: Flask, people: Any, card: Card, later: Callable[..., None]
) -> None:
    visitor = people(None)
    status_page(visitor, card)
    for status in [303] * MOST_WORDS_A_DAY + [429]:
        visitor.posts("/my/words", {"kind": "not_received", "id": str(uuid4())}, status=status)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ReturneeWord)) == MOST_WORDS_A_DAY
    later(hours=25)
    tries(visitor, *card, status=303)
    visitor.posts("/my/words", {"kind": "not_received", "id": str(uuid4())})


# Who guesses


@pytest.mark.parametrize(
    ("code", "pin"), [("", ""), ("ABC", "12"), ("\x00" * 10, "1234567"), ("é" * 5000, "a" * 5000)]
)
def test_what_cannot_be_a_card_is_said_beside_the_field(people: Any, code: str, pin: str) -> None:
    page = tries(people(None), code, pin)
    assert page.soup.select_one("#code-field .error")


def answer_to(visitor: Person, code: str, pin: str) -> tuple[int, int, str]:
    response = tries(visitor, code, pin).response
    return response.status_code, len(response.data), response.get_data(as_text=True).replace(code, "CODE")


def test_unknown_wrong_and_locked_get_the_same_answer(people: Any, card: Card) -> None:
    visitor, (code, pin) = people(None), card
    shown = f"{code[:5]}-{code[5:]}"
    unknown = answer_to(visitor, UNKNOWN, pin)
    missed = answer_to(visitor, shown, wrong(pin))
    for _ in range(5):
        answer_to(visitor, shown, wrong(pin))
    locked = answer_to(visitor, shown, pin)
    for _ in range(5):
        answer_to(visitor, UNKNOWN, pin)
    locked_unknown = answer_to(visitor, UNKNOWN, pin)
    assert unknown == missed == locked == locked_unknown


@pytest.fixture
def work(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What the server did since it was last asked: hashes computed, statements sent."""
    done: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, *args: Any) -> Any:
        done.append("argon2")
        return verify(self, *args)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    with app.app_context():
        engine = db.engine

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        done.append(statement.split(maxsplit=1)[0])

    event.listen(engine, "before_cursor_execute", note)

    def since() -> list[str]:
        taken = list(done)
        done.clear()
        return taken

    yield since
    event.remove(engine, "before_cursor_execute", note)


def work_for_each(visitor: Person, card: Card, work: Callable[[], list[str]]) -> dict[str, list[str]]:
    code, pin = card
    # The hash that stands in for unknown codes is made once, when first needed.
    tries(visitor, "QQQQQ-QQQQQ", pin)
    found = {}
    for name, tried in (("unknown", UNKNOWN), ("wrong", code)):
        work()
        tries(visitor, tried, wrong(pin))
        found[name] = work()
    return found


def test_an_unknown_code_costs_the_same_work(people: Any, card: Card, work: Callable[[], list[str]]) -> None:
    found = work_for_each(people(None), card, work)
    assert "argon2" in found["wrong"]
    assert found["unknown"] == found["wrong"]


def test_a_shorter_way_for_unknown_codes_is_noticed(
    people: Any, card: Card, work: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda pin, kept: kept is not None and matches(pin, kept))
    found = work_for_each(people(None), card, work)
    assert found["unknown"] != found["wrong"]


def test_fifteen_wrong_pins_lock_for_good(
    app: Flask, people: Any, cast: Cast, card: Card, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, (code, pin) = people(None), card
    kept = kept_hash(app, cast.aminata)
    checked = count_checks_of(kept, monkeypatch)
    for day in range(8):
        later(days=day)
        for _ in range(4):
            tries(visitor, code, wrong(pin))
    later(days=400)
    tries(visitor, code, pin)
    assert len(checked) == 15


def kept_hash(app: Flask, case_id: UUID) -> str:
    with app.app_context():
        return db.session.scalars(
            select(ReturneeAccess.pin_hash).where(ReturneeAccess.case_id == case_id)
        ).one()


def count_checks_of(kept: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    checked: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, against: str, pin: str) -> Any:
        if against == kept:
            checked.append(against)
        return verify(self, against, pin)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    return checked


def test_a_lock_survives_another_server(app: Flask, people: Any, card: Card) -> None:
    visitor, (code, pin) = people(None), card
    for _ in range(6):
        tries(visitor, code, wrong(pin))
    again = create_app(app.extensions["settings"])
    tries(Person(again), code, pin)


def test_a_lock_of_one_code_locks_no_other(app: Flask, people: Any, cast: Cast, card: Card) -> None:
    visitor, other = people(None), make_card(app, cast.fatou)
    for _ in range(6):
        tries(visitor, card[0], wrong(card[1]))
    tries(visitor, *other, status=303)


def test_the_right_pin_before_the_lock_forgets_the_wrong_ones(people: Any, card: Card) -> None:
    visitor, (code, pin) = people(None), card
    for _ in range(3):
        for _ in range(4):
            tries(visitor, code, wrong(pin))
        tries(visitor, code, pin, status=303)


def test_whoever_may_not_come_in_is_told_where_the_number_of_the_office_stands(
    people: Any, card: Card
) -> None:
    for code in (card[0], UNKNOWN):
        page = tries(people(None), code, wrong(card[1]))
        assert "son numéro est sur votre carte" in page.text("#pin-field .error")
        assert not page.soup.select('a[href^="tel:"]')


# The language


def chooses(visitor: Person, page: Page, language: str) -> Page:
    form = page.soup.select_one("form.languages")
    assert form is not None
    there = str(form.select_one("[name=next]")["value"])  # type: ignore[index]
    answer = visitor.posts("/language", {"next": there, "language": language})
    return visitor.opens(answer.response.headers["Location"])


def test_the_language_is_chosen_at_the_door_without_typing_the_code_again(people: Any, card: Card) -> None:
    visitor, shown = people(None), f"{card[0][:5]}-{card[0][5:]}"
    for page in (visitor.opens(f"/my?code={card[0]}"), tries(visitor, card[0], wrong(card[1]))):
        chosen = chooses(visitor, page, "ar")
        assert chosen.soup.html["lang"] == "ar"  # type: ignore[index]
        assert chosen.soup.select_one("#code")["value"] == shown  # type: ignore[index]


def test_the_language_is_chosen_on_the_own_page_too(people: Any, card: Card) -> None:
    visitor = people(None)
    chosen = chooses(visitor, status_page(visitor, card), "en")
    assert "Promised" in chosen.text()


# The card


def test_a_new_card_ends_the_old_one(app: Flask, people: Any, cast: Cast, card: Card) -> None:
    visitor = people(None)
    status_page(visitor, card)
    new = make_card(app, cast.aminata)
    assert "Promis" not in visitor.opens("/my").text()
    tries(visitor, *card)
    tries(visitor, *new, status=303)


def test_codes_and_pins_cannot_be_foreseen(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hashed", lambda pin: "unused")
    cards = [make_card(app, cast.aminata) for _ in range(60)]
    assert len(set(cards)) == 60
    for code, pin in cards:
        assert len(code) == 10
        assert set(code) <= set(CODE_LETTERS)
        assert len(pin) == 6
        assert pin.isdecimal()
        assert len(set(pin)) > 1


def test_neither_code_nor_pin_is_kept_readable(app: Flask, card: Card) -> None:
    with app.app_context():
        access = db.session.scalars(select(ReturneeAccess)).one()
        assert card[1] not in access.pin_hash
        assert access.pin_hash.startswith("$argon2id$")
        assert isinstance(access.made_at, datetime)


def test_the_officer_gives_a_card_that_opens_the_page_and_says_no_name(
    app: Flask, ibrahima: Person, people: Any, cast: Cast
) -> None:
    ibrahima.opens(f"/cases/{cast.aminata}/card")
    answer = ibrahima.client.post(f"/cases/{cast.aminata}/card")
    assert "no-store" in answer.headers["Cache-Control"]
    paper = Page(answer).soup.select_one(".card-paper")
    assert paper is not None
    assert "Aminata" not in paper.text
    assert paper.select_one("svg path")
    # Drawn in the measure of its box, whatever its size: nothing of it is cut.
    square = paper.select_one("svg")
    assert square
    assert square.get("viewbox") or square.get("viewBox")
    assert not square.get("width")
    code, pin = (part.text for part in paper.select(".code"))
    visitor: Person = people(None)
    assert visitor.opens(f"/my?code={code}").soup.select_one("#code")["value"] == code  # type: ignore[index]
    visitor.posts("/my/sign-in", {"code": code, "pin": pin})
    assert "Promis" in visitor.opens("/my").text()
    assert "Carte du retourné remise" in ibrahima.opens(f"/cases/{cast.aminata}").text(".timeline")


def test_a_new_card_puts_the_old_one_out_of_use(
    app: Flask, ibrahima: Person, people: Any, cast: Cast
) -> None:
    code, pin = make_card(app, cast.aminata)
    ibrahima.posts(f"/cases/{cast.aminata}/card", {}, 200)
    assert people(None).client.post("/my/sign-in", data={"code": code, "pin": pin}).status_code == 422
