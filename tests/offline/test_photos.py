"""Photos come in parts, in any order, as often as they like: each is kept once and whole, or refused with a sentence."""

import random
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from tests.offline.languages import speak, spoken
from tests.phone import PART, Piece, a_picture
from webapp import clock, press
from webapp.offline.parts import parts_here
from webapp.storage import StorageUnavailable
from webapp.worker import tidy

SAMPLES = Path(__file__).parent.parent / "samples/photos"


@pytest.fixture
def visit(phone, aminata):
    visit = phone.save_visit(aminata, photos_announced=2)
    phone.post(visit)
    return visit


@pytest.fixture
def photo(phone, visit, aminata):
    """A photo in four parts."""
    photo = phone.save_photo(visit, aminata, a_picture(330), caption="L’étal", slot=3)
    assert len(photo.parts) == 4
    return photo


def test_a_photo_in_parts_is_kept_once_and_whole(phone, app, shelf, photo, visit, cast):
    answers = [phone.put_part(photo, n) for n in range(4)]
    assert [answer.json.get("have") for answer in answers] == [[0], [0, 1], [0, 1, 2], None]
    assert answers[-1].receipts[0]["outcome"] == "accepted"
    (kept,) = shelf.photos()
    assert (kept.id, kept.for_visit, kept.slot, kept.caption) == (photo.id, visit.id, 3, "L’étal")
    assert kept.by_id == cast.ibrahima
    content = app.extensions["storage"].get(kept.file)
    assert kept.file.endswith(sha256(content).hexdigest())
    assert Image.open(BytesIO(content)).size == (kept.width, kept.height) == (330, 330)
    assert shelf.files() == sorted([kept.file, kept.thumb])
    assert shelf.parts() == []
    assert len(shelf.entries("photo.added")) == 1


def test_parts_come_in_any_order_and_more_than_once(phone, shelf, photo):
    order = [2, 0, 2, 0, 3, 3, 2, 1, 1, 0]
    answers = [phone.put_part(photo, n) for n in order]
    receipts = [answer.receipts[0] for answer in answers if answer.receipts]
    assert len(receipts) == 3, "the last missing part, and each part after it"
    assert all(receipt == receipts[0] for receipt in receipts)
    assert len(shelf.photos()) == 1
    assert shelf.parts() == []


def test_two_phones_bring_the_same_photo_between_one_another(phone, phones, shelf, photo):
    other = phones("mariama")
    other.outbox[photo.id] = photo
    for n, carrier in enumerate((phone, other, phone, other)):
        answer = carrier.put_part(photo, n)
    assert answer.receipts[0]["outcome"] == "accepted"
    assert phone.photo_state(photo).receipts == answer.receipts
    assert len(shelf.photos()) == 1


def test_a_phone_that_lost_the_last_answer_asks_and_gets_its_receipt(phone, shelf, photo):
    lost = phone.send_photo(photo)
    assert phone.photo_state(photo).receipts == lost.receipts
    assert phone.put_part(photo, 1).receipts == lost.receipts


def test_a_phone_asks_what_is_there_and_sends_only_what_is_missing(phone, shelf, photo):
    phone.send_photo(photo, [3, 1])
    assert phone.photo_state(photo).json == {"id": str(photo.id), "digest": photo.digest, "have": [1, 3]}
    phone.resume_photo(photo)
    assert photo.id in phone.receipts
    assert phone.photo_state(phone.save_photo(uuid4(), uuid4(), b"never sent")).json["have"] == []


def test_a_photo_whose_parts_were_all_kept_but_not_looked_at_still_gets_its_receipt(
    phone, shelf, photo, monkeypatch
):
    """The server fell between the last part and looking at the whole: the phone must have something to send."""
    from webapp.offline import views

    def falls(*_parts):
        raise RuntimeError("the server fell")

    with monkeypatch.context() as patched:
        patched.setattr(views, "_finish_photo", falls)
        assert _last_answer_of_a_falling_server(phone, photo) >= 500
    assert len(shelf.parts()) == 4
    have = phone.photo_state(photo).json["have"]
    assert have != [0, 1, 2, 3], "a phone that is told all are there would never send again"
    phone.resume_photo(photo)
    assert phone.receipts[photo.id]["outcome"] == "accepted"


def _last_answer_of_a_falling_server(phone, photo):
    try:
        return phone.send_photo(photo).status
    except RuntimeError:
        return 500


def test_a_photo_changed_on_the_way_is_forgotten_and_comes_again(phone, shelf, photo):
    changed = Piece(photo.id, "photo", photo.key, photo.digest, photo.sealed[:-1] + b"?", photo.author)
    assert phone.send_photo(changed).receipts[0]["outcome"] == "later"
    assert shelf.parts() == shelf.photos() == []
    phone.resume_photo(photo)
    assert phone.receipts[photo.id]["outcome"] == "accepted"


def test_another_photo_under_a_known_id_is_kept_beside_it(phone, shelf, photo, visit, aminata):
    phone.send_photo(photo)
    other = phone.save(
        "photo", aminata, a_picture(40), id=photo.id, header={"photo": {"visit": str(visit.id), "slot": 1}}
    )
    assert phone.send_photo(other).receipts[0]["outcome"] == "contested"
    assert phone.photo_state(photo).receipts[0]["outcome"] == "accepted"
    assert [kept.sealed for kept in shelf.contested()] == [other.sealed]
    assert len(shelf.photos()) == 1
    assert shelf.parts() == []


def test_two_equal_pictures_of_one_visit_are_two_photos(phone, shelf, visit, aminata):
    picture = a_picture(40)
    photos = [phone.save_photo(visit, aminata, picture, slot=slot) for slot in (1, 2)]
    phone.deliver(tries=1)
    kept = shelf.photos()
    assert [one.id for one in kept] == [photo.id for photo in photos]
    assert kept[0].file == kept[1].file
    assert len(shelf.files()) == 2


def test_a_photo_waits_for_its_visit(phone, people, shelf, aminata):
    visit = phone.save_visit(aminata)
    photo = phone.save_photo(visit, aminata, a_picture(40))
    assert phone.send_photo(photo).receipts[0]["outcome"] == "accepted"
    assert [kept.for_visit for kept in shelf.photos()] == [visit.id]
    phone.post(visit)
    shown = people("ibrahima").opens(f"/cases/{aminata}").soup.select(f"img[src='/photos/{photo.id}/thumb']")
    assert len(shown) == 1


def bomb() -> bytes:
    file = BytesIO()
    Image.new("1", (13_000, 13_000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("picture", ["heic", "bomb", "zero", "text", "cut"])
@pytest.mark.parametrize("locale", spoken(["fr", "ar"]))
def test_a_file_that_is_no_photo_gets_a_sentence_and_is_kept_nowhere(
    phone, people, app, shelf, visit, aminata, cast, picture, locale
):
    speak(app, cast.ibrahima, locale)
    given = {
        "heic": lambda: (SAMPLES / "iphone_13_pro_max.HEIC").read_bytes()[:200_000],
        "bomb": bomb,
        "zero": lambda: b"",
        "text": lambda: b"<svg onload=alert(1)>",
        "cut": lambda: (SAMPLES / "landscape_3.jpg").read_bytes()[:20_000],
    }[picture]()
    photo = phone.save_photo(visit, aminata, given, slot=2)
    receipt = phone.send_photo(photo).receipts[0]
    assert receipt["outcome"] == "needs attention"
    (sentence,) = receipt["errors"]["photo"]
    assert any("\u0600" <= letter <= "\u06ff" for letter in sentence) == (locale == "ar"), sentence
    assert phone.send_photo(photo).receipts == [receipt]
    assert shelf.submission(photo.id).sealed is None
    assert shelf.photos() == shelf.files() == shelf.parts() == []
    (entry,) = shelf.entries("photo.refused")
    assert entry.facts["reason"] == sentence
    speak(app, cast.ibrahima, "fr")
    assert "Photo refusée" in people("ibrahima").opens(f"/cases/{aminata}").text()
    assert len(shelf.visits()) == 1


def test_a_photo_of_a_person_without_consent_needs_attention_and_is_not_stored(phone, shelf, visit, aminata):
    photo = phone.save_photo(visit, aminata, a_picture(40), subject="person", consent=False)
    receipt = phone.send_photo(photo).receipts[0]
    assert receipt["outcome"] == "needs attention"
    assert receipt["errors"] == {
        "consent": ["Sans l’accord de la personne, sa photo ne peut pas être gardée."]
    }
    assert shelf.photos() == shelf.files() == []


def test_a_press_that_cannot_work_now_means_later_and_then_accepted(phone, shelf, photo, monkeypatch):
    def unavailable(given):
        raise press.PressUnavailable("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(press, "press", unavailable)
        answer = phone.send_photo(photo)
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        phone.resume_photo(photo)
        assert photo.id not in phone.receipts
    phone.resume_photo(photo)
    assert phone.receipts[photo.id]["outcome"] == "accepted"
    assert len(shelf.photos()) == 1


def test_a_storage_that_cannot_answer_means_later_and_then_accepted(phone, app, shelf, photo, monkeypatch):
    def unavailable(content, kind):
        raise StorageUnavailable("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(app.extensions["storage"], "put", unavailable)
        answer = phone.send_photo(photo)
        assert answer.status == 503 or answer.receipts[0]["outcome"] == "later"
        assert shelf.photos() == []
        assert [submission.kind for submission in shelf.submissions()] == ["visit"]
    phone.resume_photo(photo)
    assert phone.receipts[photo.id]["outcome"] == "accepted"


def test_no_transaction_waits_while_the_storage_writes(phone, app, shelf, photo, monkeypatch):
    """A slow bucket must not keep every other phone and person from writing."""
    from threading import Thread

    from webapp.database import prove_writable

    storage = app.extensions["storage"]
    put, tried = storage.put, []

    def slow(content, kind):
        def other():
            with app.app_context():
                prove_writable()
                tried.append(kind)

        thread = Thread(target=other, daemon=True)
        thread.start()
        thread.join(5)
        return put(content, kind)

    monkeypatch.setattr(storage, "put", slow)
    assert phone.send_photo(photo).receipts[0]["outcome"] == "accepted"
    assert tried == ["photo", "thumb"]


NO_PARTS: list[tuple[int, dict[str, Any], int]] = [
    (0, {"of": 0}, 400),
    (0, {"of": 65}, 413),
    (0, {"of": "9" * 30}, 400),
    (0, {"of": "-1"}, 400),
    (0, {"key": ""}, 400),
    (0, {"key": "k" * 41}, 400),
    (0, {"key": "\x00"}, 400),
    (0, {"of": "²"}, 400),
    (3, {"of": 3}, 400),
    (3, {"of": 9}, 400),
    (0, {"digest": "x"}, 400),
    (0, {"digest": "A" * 64}, 400),
    (0, {"digest": ""}, 400),
]


def test_a_part_that_cannot_be_is_refused(phone, shelf, photo):
    for n, asked, status in NO_PARTS:
        answer = phone.put_part(photo, n, **asked)
        assert answer.status == status, asked
        assert answer.json["error"] == status
    headers = {"Authorization": f"Bearer {phone._any().phone_pass}"}
    for body in (b"", b"x" * (PART - 1), b"x" * (PART + 1), b"x" * 1_500_000):
        assert phone.line("PUT", photo.part_path(0), body, headers).status in (400, 413), len(body)
    for name in ("-1", "99999999999999999999", "1.5", "x", "%00"):
        path = photo.part_path(0).replace("/parts/0?", f"/parts/{name}?")
        assert 400 <= phone.line("PUT", path, photo.parts[0], headers).status < 500, name
    assert shelf.parts() == []


def test_a_phone_that_never_finishes_its_photos_is_told_to_wait(phone, shelf, photo, aminata, monkeypatch):
    from webapp.offline import parts

    monkeypatch.setattr(parts, "MOST_UNFINISHED", 4 * PART)
    phone.send_photo(photo, [0, 1, 2])
    others = [phone.save_photo(uuid4(), aminata, a_picture(330)) for _n in range(3)]
    statuses = [phone.put_part(other, 0).status for other in others]
    assert 429 in statuses
    # What was begun can still be finished, which makes room again.
    phone.resume_photo(photo)
    assert phone.receipts[photo.id]["outcome"] == "accepted"
    for other in others:
        assert phone.put_part(other, 0).status == 200


def test_photos_of_many_phones_mixed_at_random_are_all_kept(phones, shelf, aminata):
    carriers = [phones("ibrahima") for _n in range(3)]
    visit = carriers[0].save_visit(aminata)
    steps = []
    for n, carrier in enumerate(carriers):
        for slot in range(3):
            photo = carrier.save_photo(visit, aminata, a_picture(200, seed=10 * n + slot), slot=slot)
            steps += [(carrier, photo, part) for part in range(len(photo.parts))] * 2
    random.Random(7).shuffle(steps)
    for carrier, photo, part in steps:
        assert carrier.put_part(photo, part).status == 200
    carriers[0].deliver(tries=1)
    assert [len(carrier.receipts) for carrier in carriers] == [4, 3, 3]
    assert len(shelf.photos()) == 9
    assert shelf.parts() == []


def test_parts_that_nobody_finished_are_let_go_and_may_be_sent_again(phone, app, photo, monkeypatch):
    began = clock.now()
    for n in range(3):
        phone.put_part(photo, n)
    for days, left in ((99, [0, 1, 2]), (101, [])):
        monkeypatch.setenv("SUIVI_TEST_CLOCK", (began + timedelta(days=days)).isoformat())
        tidy(app)
        with app.app_context():
            assert parts_here(photo.id, photo.digest) == left
    monkeypatch.delenv("SUIVI_TEST_CLOCK")
    answers = [phone.put_part(photo, n) for n in range(4)]
    assert answers[-1].receipts[0]["outcome"] == "accepted"
