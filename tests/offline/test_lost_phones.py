"""Phones as their people and managers see them; a lost one is cut off, and what it still brings is decided by hand."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.browser_client import Person
from tests.phone import a_picture
from tests.world import request_fields, visit_fields
from webapp.database import db
from webapp.offline.receiving import KINDS
from webapp.people.actions import add_staff
from webapp.people.models import Office, Phone
from webapp.permissions import Role

STATE = {
    "unsent": 3, "oldest_unsent_at": "2026-10-01T08:00:00Z", "persistent": True, "used": 12_400_000,
    "quota": 900_000_000, "build": "abc123", "clock_error_ms": -7_200_000,
}  # fmt: skip


@pytest.fixture
def revoked(phone, kadiatou):
    """Ibrahima's phone, which the manager cut off."""
    kadiatou.posts(f"/phones/{phone.id}/revocation")
    return phone


def another_manager(app, cast):
    with app.app_context():
        bintou = add_staff(
            name="Bintou Keita", email="bintou@demo", role=Role.PROGRAMME_MANAGER, password="a long password it is",
            office=db.session.get_one(Office, cast.conakry), locale="fr", now=datetime.now(UTC),
        )  # fmt: skip
        db.session.commit()
        return bintou.id


def quarantined(kadiatou):
    return [link["href"] for link in kadiatou.opens("/quarantine").soup.select(".rows a.row")]


def test_a_phone_says_how_it_is_and_its_people_and_their_manager_read_it(phone, ibrahima, kadiatou, people):
    answer = phone.say_state(STATE)
    assert (answer.status, answer.json["forget"]) == (200, [])
    for reader in (ibrahima, kadiatou, people("root")):
        text = reader.opens("/phones").text(".phone").replace("\xa0", " ").replace("\u202f", " ")
        for fact in (
            "Ibrahima",
            "3 non envoyés",
            "12,4 Mo / 900 Mo",
            "en retard de 2 heures",
            "assurée",
            "abc123",
        ):
            assert fact in text, fact
    assert "Ibrahima" not in people("mariama").opens("/phones").text("main")
    assert "Ibrahima" not in people("moussa").opens("/phones").text("main")


@pytest.mark.parametrize(
    "said",
    [
        None, [], "x", {"unsent": -1}, {"unsent": "many"}, {"unsent": 1e300, "clock_error_ms": 1e300},
        {"oldest_unsent_at": "yesterday"}, {"oldest_unsent_at": 5}, {"oldest_unsent_at": "0001-01-01T00:00:00+14:00"},
        {"build": "x" * 5000}, {"build": "\x00"}, {"persistent": "yes"}, {"used": True},
        {"quota": float("nan")},
    ],
)  # fmt: skip
def test_what_a_phone_says_of_itself_may_make_no_sense(phone, ibrahima, said):
    assert phone.say_state(said).status == 200
    ibrahima.opens("/phones")


def test_whoever_looks_at_the_list_sees_which_phone_they_hold(app, cast, phones, ibrahima):
    phones("ibrahima"), phones("ibrahima")
    held = [row for row in ibrahima.opens("/phones").texts(".phone") if "Celui que vous tenez" in row]
    assert len(held) == 1
    answer = Person(app, None).client.get("/phones")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/phones")


def test_a_lost_phone_is_cut_off_with_one_tap_signed_out_and_told_to_forget_everybody(
    app, phone, cast, ibrahima, kadiatou
):
    elsewhere = Person(app, cast.ibrahima)
    kadiatou.posts(f"/phones/{phone.id}/revocation")
    kadiatou.posts(f"/phones/{phone.id}/revocation")
    assert phone.say_state(STATE).json["forget"] == "*"
    ibrahima.opens("/today", 303)
    elsewhere.opens("/today")
    assert "Coupé" in kadiatou.opens("/phones").text(".phone")
    answer = elsewhere.client.post("/phones", json={"phone": str(phone.id), "label": "the finder"})
    assert answer.status_code == 403


def test_on_a_shared_phone_only_the_pages_of_who_was_dismissed_are_forgotten(app, phones, cast, people):
    shared = phones("ibrahima", "mariama")
    people("root").posts(f"/staff/{cast.ibrahima}/dismissal")
    passes = app.extensions["passes"]
    assert shared.say_state(STATE).json["forget"] == [passes.opaque(cast.ibrahima)]


def test_without_a_pass_of_ours_nothing_is_said(phone):
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
        assert phone.line("POST", "/phones/state", b"{}", header).status == 401


def test_what_a_cut_off_phone_brings_is_looked_at_and_taken_in_under_its_author_once(
    app, revoked, aminata, kadiatou, shelf, cast
):
    visit = revoked.save_visit(aminata, notes="Vu au marché")
    assert revoked.post(visit).receipts[0]["outcome"] == "quarantined"
    (address,) = quarantined(kadiatou)
    page = kadiatou.opens(address)
    assert "Vu au marché" in page.text()
    assert "Ibrahima" in page.text()
    assert kadiatou.posts(f"{address}/acceptance", {"reason": ""}, 422).text("#reason-error")
    kadiatou.posts(f"{address}/acceptance", {"reason": "Il me l’a confirmé au téléphone"})
    kadiatou.posts(f"{address}/acceptance", {"reason": "encore"}, 404)
    (kept,) = shelf.visits()
    assert (kept.id, kept.by_id) == (visit.id, cast.ibrahima)
    assert shelf.submission(visit.id).sealed is None
    assert revoked.post(visit).receipts[0]["outcome"] == "accepted"
    assert quarantined(kadiatou) == []


def test_every_kind_of_work_that_waits_is_shown_in_words(revoked, aminata, kadiatou):
    said = {
        "visit": (visit_fields(), "Visite à domicile"),
        "check-in": ({}, ""),
        "red-flag": ({}, ""),
        "referral": ({}, ""),
        "payment-request": (request_fields("150"), "Petit projet"),
        "plan": ({"objectives": "Je veux un moulin", "line_0_category": "housing"}, "Logement"),
        "arrival": ({"met": "yes"}, "Oui"),
        "interruption": ({"asked_by": "person"}, "La personne"),
        "closure-request": ({"reason": "moved_away"}, "La personne habite ailleurs"),
    }
    assert set(said) == set(KINDS) - {"photo"}
    for kind, (fields, _word) in said.items():
        piece = revoked.save(kind, aminata, fields)
        assert revoked.post(piece).receipts[0]["outcome"] == "quarantined"
        kadiatou.opens(f"/submissions/{piece.id}")
    shown = [kadiatou.opens(address).text("main") for address in quarantined(kadiatou)]
    assert len(shown) == len(said)
    for _fields, word in said.values():
        assert any(word in page for page in shown), word
    for name in ("payee_kind", "asked_by", "micro_project"):
        assert not any(name in page for page in shown), name


def test_a_request_for_money_from_a_phone_that_was_cut_off_is_not_taken_in(revoked, aminata, kadiatou):
    asked = revoked.save("payment-request", aminata, request_fields("500"))
    assert revoked.post(asked).receipts[0]["outcome"] == "quarantined"
    said = kadiatou.posts(f"/quarantine/{asked.id}/acceptance", {"reason": "Vu avec lui"}, 422).text()
    assert "ne se reprend pas" in said


def test_a_photo_is_taken_in_with_its_visit(revoked, aminata, kadiatou, shelf):
    visit = revoked.save_visit(aminata, photos_announced=1)
    photo = revoked.save_photo(visit, aminata, a_picture(200), caption="L’étal")
    revoked.post(visit)
    for n in range(len(photo.parts)):
        revoked.put_part(photo, n)
    for address in quarantined(kadiatou):
        kadiatou.posts(f"{address}/acceptance", {"reason": "vérifié"})
    assert [(kept.id, kept.for_visit) for kept in shelf.photos()] == [(photo.id, visit.id)]


def test_nothing_is_thrown_away_by_one_person_alone(app, revoked, aminata, kadiatou, shelf, cast):
    visit = revoked.save_visit(aminata)
    revoked.post(visit)
    (address,) = quarantined(kadiatou)
    kadiatou.posts(f"{address}/discard", {"reason": "Le voleur l’a écrit"})
    assert shelf.submission(visit.id).sealed
    assert "vous l’avez déjà demandé" in kadiatou.posts(f"{address}/discard", {"reason": "vite"}, 422).text()
    second = Person(app, another_manager(app, cast))
    assert "Le voleur l’a écrit" in second.opens(address).text()
    second.posts(f"{address}/discard", {"reason": "d’accord"})
    assert shelf.submission(visit.id).sealed is None
    assert shelf.visits() == []
    assert revoked.post(visit).receipts[0]["outcome"] == "quarantined"


def test_of_danger_and_feelings_the_manager_reads_nothing_in_quarantine(revoked, aminata, kadiatou):
    flag = revoked.save_red_flag(aminata, help_needed="Il la bat")
    assert revoked.post(flag).receipts[0]["outcome"] == "quarantined"
    (address,) = quarantined(kadiatou)
    said = kadiatou.opens(address).text("main")
    assert "Il la bat" not in said
    assert "Aminata" not in said
    assert "GN-" not in said


def test_work_nobody_can_be_said_to_have_written_cannot_be_taken_in(phone, aminata, kadiatou):
    stranger = phone.seal("visit", uuid4(), b"not a frozen submission")
    assert phone.post(stranger).receipts[0]["outcome"] == "quarantined"
    (address,) = quarantined(kadiatou)
    page = kadiatou.posts(f"{address}/acceptance", {"reason": "je crois"}, 422)
    assert "Personne ne peut être dit l’auteur" in page.text("#reason-error")


def test_a_clock_that_shows_tomorrow_makes_no_unsent_work_of_tomorrow(phone, shelf):
    phone.say_state({**STATE, "oldest_unsent_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()})
    (kept,) = shelf.all(select(Phone))
    assert kept.oldest_unsent_at <= datetime.now(UTC)
