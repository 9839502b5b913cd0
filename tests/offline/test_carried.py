"""Work carried by hand, as a file: it arrives once, whole, under its author's name, whoever brings it."""

import json
from io import BytesIO
from typing import Any

import pytest

from tests.phone import Phone, Piece, a_picture
from webapp.offline.carried import actions


def file_of(*pieces: Piece, heading: Any = actions.HEADING) -> bytes:
    """As the phone's script makes it."""
    return "\n".join(json.dumps(line) for line in (heading, *(piece.envelope for piece in pieces))).encode()


def brings(person: Any, content: bytes, status: int = 200) -> list[str]:
    """What the person is told after handing in the file."""
    page = person.posts("/outbox/carried", {"file": (BytesIO(content), "suivi.txt")}, status)
    return page.texts("section.sheet li") if status == 200 else page.texts("#file-error")


@pytest.fixture
def awa(people: Any) -> Any:
    return people("awa")


@pytest.fixture
def piece(phone: Phone, aminata: Any) -> Piece:
    return phone.save_visit(aminata, notes="Porté à la main.")


@pytest.mark.parametrize("bearer", ["awa", "kadiatou", "karim", "root", "ada"])
def test_any_colleague_brings_it_under_its_authors_name(phone, shelf, people, cast, aminata, piece, bearer):
    photo = phone.save_photo(piece, aminata, a_picture(330))
    check_in = phone.save_check_in(aminata)
    told = brings(people(bearer), file_of(photo, piece, check_in))
    assert told == ["3 reçus"]
    (visit,) = shelf.visits()
    assert (visit.id, visit.by_id) == (piece.id, cast.ibrahima)
    assert [kept.for_visit for kept in shelf.photos()] == [piece.id]
    assert {row.author_id for row in shelf.submissions()} == {cast.ibrahima}
    (entry,) = shelf.entries("work.carried")
    assert (entry.by_id, entry.facts, entry.case_id) == (getattr(cast, bearer), {"pieces": 3}, None)


def test_the_phone_gets_its_receipts_when_it_next_has_a_network(phone, shelf, kadiatou, aminata, piece):
    photo = phone.save_photo(piece, aminata, a_picture(330))
    brings(kadiatou, file_of(piece, photo))
    phone.deliver(tries=2)
    assert [phone.receipts[sent.id]["outcome"] for sent in (piece, photo)] == ["accepted", "accepted"]
    assert phone.receipts[piece.id]["number"] == shelf.submission(piece.id).number
    assert (len(shelf.visits()), len(shelf.photos()), shelf.parts()) == (1, 1, [])


def test_the_same_file_again_and_after_the_phone_changes_nothing(phone, shelf, kadiatou, awa, aminata, piece):
    photo = phone.save_photo(piece, aminata, a_picture(330))
    phone.post(piece)
    phone.put_part(photo, 0)
    content = file_of(piece, photo)
    assert brings(kadiatou, content) == ["1 reçus", "1 déjà là : rien n’est compté deux fois"]
    assert brings(awa, content) == ["2 déjà là : rien n’est compté deux fois"]
    assert (len(shelf.visits()), len(shelf.photos()), shelf.parts()) == (1, 1, [])


def test_what_must_be_corrected_comes_back_to_its_author_only(phone, shelf, kadiatou, aminata):
    wrong = phone.save_visit(aminata, reached="", notes="Secret de famille")
    page = kadiatou.posts("/outbox/carried", {"file": (BytesIO(file_of(wrong)), "a.txt")}, 200)
    assert page.texts("section.sheet li") == ["1 reçus ; leur auteur doit encore corriger quelque chose"]
    assert "Secret" not in page.html
    assert "Aminata" not in page.html
    phone.deliver(tries=1)
    assert phone.receipts[wrong.id]["outcome"] == "needs attention"


def test_work_of_a_phone_that_was_cut_off_goes_to_quarantine(phone, shelf, kadiatou, awa, piece):
    kadiatou.posts(f"/phones/{phone.id}/revocation")
    assert brings(awa, file_of(piece)) == ["1 mis de côté pour le bureau"]
    assert shelf.visits() == []
    assert shelf.submission(piece.id).outcome == "quarantined"


def test_what_was_damaged_on_the_way_is_told_and_the_rest_is_taken_in(phone, shelf, kadiatou, aminata, piece):
    other = phone.save_visit(aminata)
    lines = file_of(piece, other).split(b"\n")
    assert brings(kadiatou, b"\n".join([*lines[:2], lines[2][:-40]])) == [
        "1 reçus",
        "1 abîmés en chemin : refaites le fichier sur le téléphone",
    ]
    changed = json.loads(lines[2])
    changed["sealed"] = changed["sealed"][:-4] + "AAAA"
    assert brings(kadiatou, lines[0] + b"\n" + json.dumps(changed).encode()) == [
        "1 abîmés en chemin : refaites le fichier sur le téléphone"
    ]
    assert [visit.id for visit in shelf.visits()] == [piece.id]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"<html>",
        b"[" * 5000,
        b'{"suivi": "outbox", "version": 2}',
        b'{"suivi": "outbox", "version": 1}' + b"\n{}" * 2001,
    ],
)
def test_any_other_file_is_refused_with_a_sentence(kadiatou, shelf, content):
    assert brings(kadiatou, content, 422) == ["Ce fichier n’a pas été fait par Suivi."]
    assert shelf.entries("work.carried") == []


@pytest.mark.parametrize(
    "line", [b"null", b"[]", b"7", b'"x"', b'{"id": 1}', b"[" * 90_000, b"\xff\xfe", b""]
)
def test_lines_that_make_no_sense_are_counted_and_harm_nothing(phone, kadiatou, shelf, piece, line):
    told = brings(kadiatou, file_of(piece) + b"\n" + line + b"\n")
    assert told[0] == "1 reçus"
    assert len(shelf.visits()) == 1


def test_no_file_and_one_too_large_get_a_sentence(kadiatou, monkeypatch):
    assert kadiatou.posts("/outbox/carried", {}, 422).texts("#file-error") == ["Choisissez un fichier."]
    monkeypatch.setattr(actions, "LARGEST_FILE", 1000)
    assert brings(kadiatou, b"x" * 40_000, 422) == ["Ce fichier est trop grand."]


def test_nobody_brings_a_file_without_signing_in(people, piece):
    assert (
        people(None)
        .client.post("/outbox/carried", data={"file": (BytesIO(file_of(piece)), "a.txt")})
        .status_code
        == 401
    )
