"""What cannot be taken as it is: kept, told to the right person in their language, and replaced by its correction."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from tests.cast import a_case
from tests.offline.languages import speak, spoken
from tests.phone import a_picture, visit_fields
from webapp import worker
from webapp.alerts.models import Alert
from webapp.cases.actions import assign_officer
from webapp.cases.models import Case
from webapp.database import db
from webapp.people.models import Phone as PhoneRow
from webapp.people.models import Staff
from webapp.people.phones import revoke_phones

WRONG = {"channel": None, "concern": "very"}
"""Fields that a visit cannot be taken with."""


KNOWN_WORDS = {"fr": ["Choisissez", "valable"], "en": ["Choose", "valid "], "ar": ["اختر", "صالح"]}


def alerts_of(app: Any, shelf: Any, rule: str) -> list[Any]:
    with app.app_context():
        worker.drain(app)
    return [alert.for_id for alert in shelf.all(select(Alert).where(Alert.rule == rule))]


def test_what_needs_attention_says_why_and_stays_sealed(phone, app, shelf, aminata, cast):
    visit = phone.save_visit(aminata, **WRONG)
    receipts = [phone.post(visit).receipts[0] for _copy in range(2)]
    assert receipts[0] == receipts[1]
    assert receipts[0]["outcome"] == "needs attention"
    assert receipts[0]["errors"]["channel"] == ["Indiquez comment le contact a eu lieu."]
    assert receipts[0]["errors"]["concern"]
    assert shelf.submission(visit.id).sealed == visit.sealed
    assert shelf.visits() == []
    assert alerts_of(app, shelf, "submission_needs_attention") == [cast.ibrahima]


@pytest.mark.parametrize("locale", spoken(["fr", "en", "ar"]))
def test_every_sentence_is_in_the_authors_language_whoever_carries_it(
    phone, app, shelf, aminata, cast, locale
):
    """No sentence of the form library slips through in another language."""
    speak(app, cast.ibrahima, locale)
    wrong = {
        "channel": "x",
        "visited_at": "yesterday",
        "photos_announced": "900",
        "reached": "perhaps",
        "agreed_due_on": "x",
    }
    said = phone.post(phone.save_visit(aminata, **wrong)).receipts[0]["errors"]
    assert set(said) >= {"channel", "visited_at", "reached", "agreed_due_on", "photos_announced"}
    sentences = " ".join(sentence for sentences in said.values() for sentence in sentences)
    assert any(word in sentences for word in KNOWN_WORDS[locale]), sentences
    others = [word for other, words in KNOWN_WORDS.items() if other != locale for word in words]
    assert not any(word in sentences for word in others), sentences


def test_a_correction_replaces_what_it_corrects(phone, shelf, aminata):
    wrong = phone.save_visit(aminata, **WRONG)
    phone.post(wrong)
    right = phone.save_visit(aminata, supersedes=wrong.id)
    assert phone.post(right).receipts[0]["outcome"] == "accepted"
    assert [visit.id for visit in shelf.visits()] == [right.id]
    old = shelf.submission(wrong.id)
    assert old.superseded_at
    assert old.sealed is None
    # Its receipt stays the one that was given.
    assert phone.post(wrong).receipts[0]["outcome"] == "needs attention"


@pytest.mark.parametrize("when", ["before", "between", "after", "mixed"])
@pytest.mark.parametrize("corrections", [1, 3])
def test_a_correction_inherits_the_photos_whenever_they_come(
    phone, people, shelf, aminata, when, corrections
):
    wrong = phone.save_visit(aminata, **WRONG)
    photos = [phone.save_photo(wrong, aminata, a_picture(40), slot=slot) for slot in (1, 2, 3)]
    if when == "before":
        for photo in photos:
            phone.send_photo(photo)
    phone.post(wrong)
    chain = [wrong]
    for _n in range(corrections - 1):
        chain.append(phone.save_visit(aminata, supersedes=chain[-1].id, **WRONG))
        phone.post(chain[-1])
    if when in ("between", "mixed"):
        for photo in photos[: 3 if when == "between" else 1]:
            phone.send_photo(photo)
    right = phone.save_visit(aminata, supersedes=chain[-1].id)
    phone.post(right)
    phone.deliver(tries=2)
    assert [photo.for_visit for photo in shelf.photos()] == [right.id] * 3
    assert [visit.id for visit in shelf.visits()] == [right.id]
    thumbs = people("ibrahima").opens(f"/cases/{aminata}").soup.select("img[src^='/photos/']")
    assert {thumb["src"].split("/")[2] for thumb in thumbs} == {str(photo.id) for photo in photos}
    assert all(shelf.submission(piece.id).superseded_at for piece in chain)


def test_a_refused_photo_of_a_corrected_visit_is_shown_at_the_correction(phone, people, shelf, aminata):
    wrong = phone.save_visit(aminata, **WRONG)
    phone.post(wrong)
    phone.send_photo(phone.save_photo(wrong, aminata, b"no picture"))
    phone.post(phone.save_visit(aminata, supersedes=wrong.id))
    assert "Photo refusée" in people("ibrahima").opens(f"/cases/{aminata}").text()


def test_nobody_takes_over_photos_or_visits_by_naming_anothers_visit_as_the_corrected_one(
    phones, app, shelf, cast
):
    phone, stranger = phones("ibrahima"), phones("mariama")
    visit = phone.save_visit(cast.aminata)
    before = phone.save_photo(visit, cast.aminata, a_picture(40), slot=1)
    after = phone.save_photo(visit, cast.aminata, a_picture(40), slot=2)
    phone.post(visit)
    phone.send_photo(before)
    with app.app_context():
        case = db.session.get_one(Case, cast.aminata)
        assign_officer(case, cast.mariama, officer_name="Mariama", by=None, now=datetime.now(UTC))
        db.session.commit()
    theirs = stranger.save_visit(cast.aminata, supersedes=visit.id)
    assert stranger.post(theirs).receipts[0]["outcome"] == "accepted"
    phone.send_photo(after)
    assert [photo.for_visit for photo in shelf.photos()] == [visit.id, visit.id]
    assert shelf.submission(visit.id).superseded_at is None


def test_an_accepted_visit_keeps_its_photos_when_a_later_one_claims_to_correct_it(phone, shelf, aminata):
    visit = phone.save_visit(aminata)
    phone.post(visit)
    phone.send_photo(phone.save_photo(visit, aminata, a_picture(40)))
    phone.post(phone.save_visit(aminata, supersedes=visit.id))
    assert [photo.for_visit for photo in shelf.photos()] == [visit.id]


def test_a_visit_written_in_the_page_keeps_its_photos_too(phone, people, app, shelf, aminata):
    visit = phone.save_visit(aminata)
    people("ibrahima").posts(f"/cases/{aminata}/visits", {**visit_fields(), "id": str(visit.id)})
    phone.send_photo(phone.save_photo(visit, aminata, a_picture(40)))
    later = phone.save_visit(aminata, supersedes=visit.id)
    assert phone.post(later).receipts[0]["outcome"] == "accepted"
    assert [photo.for_visit for photo in shelf.photos()] == [visit.id]
    [told] = [entry for entry in shelf.entries("visit.recorded") if entry.subject_id == later.id]
    assert "corrects" not in told.facts


def test_what_was_corrected_before_it_came_back_needs_nobodys_attention(phone, app, shelf, aminata):
    """A server set back to a backup is given the old one again, after its correction."""
    wrong = phone.save_visit(aminata, **WRONG)
    phone.post(phone.save_visit(aminata, supersedes=wrong.id))
    assert phone.post(wrong).receipts[0]["outcome"] == "needs attention"
    assert shelf.submission(wrong.id).superseded_at
    assert alerts_of(app, shelf, "submission_needs_attention") == []


def test_the_former_officer_still_delivers_and_a_stranger_does_not(phones, app, shelf, cast):
    phone, stranger = phones("ibrahima"), phones("mariama")
    visit = phone.save_visit(cast.aminata)
    with app.app_context():
        case = db.session.get_one(Case, cast.fatou)
        assign_officer(
            db.session.get_one(Case, cast.aminata),
            cast.awa,
            officer_name="Awa",
            by=None,
            now=datetime.now(UTC),
        )
        assert case.officer_id == cast.awa
        db.session.commit()
    strange = stranger.save_visit(cast.aminata)
    assert phone.post(visit).receipts[0]["outcome"] == "accepted"
    receipt = stranger.post(strange).receipts[0]
    assert receipt["outcome"] == "needs attention"
    assert receipt["errors"] == {"": ["Ce cas n’est plus dans votre liste. Le bureau décide de ce qui suit."]}
    assert shelf.submission(strange.id).sealed == strange.sealed
    assert [recorded.by_id for recorded in shelf.visits()] == [cast.ibrahima]


@pytest.mark.parametrize("case", [None, uuid4()])
def test_work_on_no_case_we_know_needs_attention(phone, shelf, case):
    visit = phone.save("visit", case, visit_fields())
    assert phone.post(visit).receipts[0]["outcome"] == "needs attention"
    assert shelf.submission(visit.id).sealed == visit.sealed


def test_a_stranger_writes_nothing_on_a_case_by_sending_a_broken_photo(phones, shelf, cast):
    stranger = phones("mariama")
    photo = stranger.save_photo(uuid4(), cast.aminata, b"no picture")
    assert stranger.send_photo(photo).receipts[0]["outcome"] == "needs attention"
    assert shelf.entries("photo.refused") == []


def test_an_id_taken_by_somebody_else_needs_attention(phones, people, app, shelf, cast):
    """The id of a visit that another officer posted on the web page."""
    phone, other = phones("ibrahima"), phones("awa")
    theirs = other.save("visit", cast.fatou, visit_fields())
    form = {**visit_fields(), "id": str(theirs.id)}
    people("awa").posts(f"/cases/{cast.fatou}/visits", form)
    mine = phone.save("visit", cast.aminata, visit_fields(), id=theirs.id)
    assert phone.post(mine).receipts[0]["outcome"] == "needs attention"
    assert [visit.by_id for visit in shelf.visits()] == [cast.awa]


@pytest.mark.parametrize("cut_off", ["phone", "person on phone", "person"])
def test_work_of_who_was_cut_off_is_kept_sealed_for_the_manager(phone, phones, app, shelf, cast, cut_off):
    visit = phone.save_visit(cast.aminata)
    photo = phone.save_photo(visit, cast.aminata, a_picture(40))
    now = datetime.now(UTC)
    with app.app_context():
        if cut_off == "phone":
            db.session.execute(update(PhoneRow).where(PhoneRow.id == phone.id).values(revoked_at=now))
        elif cut_off == "person on phone":
            revoke_phones(cast.ibrahima, now=now)
        else:
            db.session.execute(update(Staff).where(Staff.id == cast.ibrahima).values(disabled_at=now))
        db.session.commit()
    carrier = phone if cut_off == "phone" else phones("mariama")
    for answer in (carrier.post(visit), carrier.send_photo(photo)):
        assert answer.receipts[0]["outcome"] == "quarantined"
    assert [submission.sealed for submission in shelf.submissions()] == [visit.sealed, photo.sealed]
    assert shelf.visits() == shelf.photos() == shelf.files() == shelf.parts() == []
    assert set(alerts_of(app, shelf, "submission_quarantined")) == {cast.kadiatou}


def test_the_others_on_a_phone_go_on_when_one_person_is_cut_off_there(phones, app, shelf, cast):
    phone = phones("mariama", "ibrahima")
    with app.app_context():
        revoke_phones(cast.mariama, now=datetime.now(UTC))
        a_case("Keita", "Fanta", officer=db.session.get_one(Staff, cast.mariama))
        db.session.commit()
    phone.save_visit(cast.aminata, by=cast.ibrahima)
    phone.deliver(tries=1)
    assert [visit.by_id for visit in shelf.visits()] == [cast.ibrahima]


def test_a_manager_learns_of_a_red_flag_set_aside_but_not_whose_it_is(phone, app, people, cast):
    flag, visit = phone.save_red_flag(cast.aminata), phone.save_visit(cast.aminata)
    with app.app_context():
        revoke_phones(cast.ibrahima, now=datetime.now(UTC))
        code = db.session.get_one(Case, cast.aminata).code
        db.session.commit()
    assert {receipt["outcome"] for receipt in phone.post(flag, visit).receipts} == {"quarantined"}
    seen = people("kadiatou").opens(f"/submissions/{flag.id}")
    assert "Signal de danger" in seen.text("body")
    assert code not in seen.html
    assert str(cast.aminata) not in seen.html
    assert code in people("kadiatou").opens(f"/submissions/{visit.id}").html
