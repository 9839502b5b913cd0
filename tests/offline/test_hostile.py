"""Whatever a phone, or somebody with a phone's pass, may send: an answer of the agreed form, never a fault of ours."""

import json
import secrets
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.phone import Piece, a_picture, deflated, digest_of, freeze, visit_fields
from webapp.offline import receiving

FINAL = {"accepted", "needs attention", "quarantined"}
quick = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

ODD_TEXT = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "a\udfffb",
        "'; DROP TABLE submissions; --",
        "<script>",
        "٤",
        "²",
        "\u202e",
        "x" * 5000,
    ]
)
NUMBERS = st.one_of(st.integers(), st.sampled_from([2**31, 2**53, 2**63, -(2**63), 10**400, -1]), st.floats())
MOMENTS = st.sampled_from(
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1969-12-31",
        "2026-02-30T00:00",
        "now",
        "2200-01-01T00:00Z",
    ]
)
ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), NUMBERS, st.text(max_size=20), ODD_TEXT, MOMENTS, st.uuids().map(str)
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def outcome(phone: Any, piece: Piece) -> str:
    answer = phone.post(piece)
    assert answer.status == 200, answer.body
    return str(answer.receipts[0]["outcome"])


@pytest.mark.parametrize(
    "broken",
    ["unknown key", "garbage", "empty", "truncated", "other kind", "other id", "header of another id", "no header",
     "length beyond the end", "header no object", "deep header", "bomb", "cut zip", "no zip", "future version"],
)  # fmt: skip
def test_what_cannot_be_opened_is_kept_sealed_for_the_manager(phone, shelf, aminata, broken):
    visit = phone.save_visit(aminata)
    enrolment = phone.enrolments[visit.author]
    id = uuid4()
    said = {"v": 1, "id": str(id), "kind": "visit", "case": str(aminata), "by": enrolment.author_pass}
    body = urlencode(visit_fields()).encode()

    def sealed(frozen: bytes, kind: str = "visit", for_id: UUID = id) -> bytes:
        return phone.seal(kind, for_id, frozen).sealed

    bytes_of: dict[str, Any] = {
        "unknown key": lambda: visit.sealed,
        "garbage": lambda: b"garbage" * 50,
        "empty": lambda: b"",
        "truncated": lambda: sealed(freeze(said, body))[:100],
        "other kind": lambda: sealed(freeze(said, body), kind="check-in"),
        "other id": lambda: sealed(freeze(said, body), for_id=uuid4()),
        "header of another id": lambda: sealed(freeze({**said, "id": str(uuid4())}, body)),
        "no header": lambda: sealed(b"\x00"),
        "length beyond the end": lambda: sealed(b"\xff\xff\xff\xff{}"),
        "header no object": lambda: sealed(freeze([1, 2], body)),
        "deep header": lambda: sealed(freeze(b"[" * 100_000, body)),
        "bomb": lambda: sealed(freeze({**said, "zip": True}, deflated(b"a" * 200_000_000)[:190_000])),
        "cut zip": lambda: sealed(freeze({**said, "zip": True}, deflated(body)[:-5])),
        "no zip": lambda: sealed(freeze({**said, "zip": True}, body)),
        "future version": lambda: sealed(freeze({**said, "v": 2}, body)),
    }
    content = bytes_of[broken]()
    key = "20300101abcdef" if broken == "unknown key" else visit.key
    piece = Piece(id, "visit", key, digest_of(content), content, visit.author)
    assert outcome(phone, piece) == "quarantined"
    assert shelf.submission(id).sealed == content
    assert len(shelf.entries("submission.quarantined")) == 1
    assert outcome(phone, piece) == "quarantined"
    assert shelf.visits() == []


def test_a_body_that_swells_is_not_unpacked(phone, aminata):
    header = {"zip": True}
    piece = phone.save("visit", aminata, deflated(b"notes=" + b"a" * 50_000_000), header=header, zipped=False)
    assert outcome(phone, piece) == "quarantined"
    assert zlib.decompress(deflated(b"x"), -15) == b"x"


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\x00",
        "&".join(f"f{n}=x" for n in range(10_000)).encode(),
        b"&".join([b"notes=a"] * 399),
        b"notes=%00%00&channel=%00&visited_at=%00",
        b"notes=" + b"%ED%A0%80" * 10,
        b"photos_announced=" + b"9" * 5000,
        b"visited_at=9999-12-31T23:59&agreed_due_on=9999-12-31",
        b"visited_at=0001-01-01T00:00&agreed_due_on=0001-01-01",
        b"",
        b"&&&===;;;",
    ],
)
def test_a_body_that_no_form_makes_needs_attention(phone, shelf, aminata, body):
    piece = phone.save("visit", aminata, body, zipped=False)
    assert outcome(phone, piece) == "needs attention"
    assert shelf.submission(piece.id).sealed == piece.sealed


def test_nul_characters_in_text_are_left_out(phone, shelf, aminata):
    fields = ("notes", "words", "present", "agreed")
    assert outcome(phone, phone.save_visit(aminata, **dict.fromkeys(fields, "a\x00b"))) == "accepted"
    assert [getattr(shelf.visits()[0], field) for field in fields] == ["ab"] * 4


ODD_HEADERS: list[dict[str, Any]] = [
    {"build": "\ud800"},
    {"build": "a\x00b" * 100},
    {"build": 10**400},
    {"claimed_at": "0001-01-01T00:00:00+23:59", "clock_error_ms": 2**53 - 1},
    {"claimed_at": "9999-12-31T23:59:59-23:59", "clock_error_ms": -(2**53)},
    {"claimed_at": [1], "clock_error_ms": {}},
    {"clock_error_ms": float("nan")},
    {"clock_error_ms": 10**400},
    {"supersedes": "\ud800"},
    {"supersedes": 5},
]


@pytest.mark.parametrize(
    ("kind", "body"),
    [("visit", visit_fields()), ("check-in", {"declined": "1"}), ("red-flag", {"category": "violence"})],
)
def test_an_odd_header_never_holds_back_good_work(phone, shelf, aminata, kind, body):
    for header in ODD_HEADERS:
        assert outcome(phone, phone.save(kind, aminata, body, header=header)) == "accepted", header


def test_a_submission_that_corrects_itself_or_a_circle_is_taken(phone, aminata):
    mine = uuid4()
    assert (
        outcome(phone, phone.save("visit", aminata, visit_fields(), id=mine, supersedes=mine)) == "accepted"
    )
    first, second = uuid4(), uuid4()
    wrong = {"notes": "no channel"}
    assert (
        outcome(phone, phone.save("visit", aminata, wrong, id=first, supersedes=second)) == "needs attention"
    )
    assert (
        outcome(phone, phone.save("visit", aminata, wrong, id=second, supersedes=first)) == "needs attention"
    )
    photo = phone.save_photo(first, aminata, a_picture(40))
    assert phone.send_photo(photo).receipts[0]["outcome"] == "accepted"


ODD_PHOTOS: list[Any] = [
    None,
    [],
    "x",
    {},
    {"visit": "x"},
    {"visit": 7, "slot": "x", "caption": {}},
    {"slot": 10**400},
    {"slot": float("inf")},
    {"slot": -1},
    {"caption": "\ud800\x00"},
    {"caption": "x" * 201},
    {"subject": "\udfff"},
    {"subject": "person", "consent": "false"},
    {"subject": "person", "consent": 1},
]


@pytest.mark.parametrize("is_picture", [True, False])
def test_a_photo_of_which_odd_things_are_said_is_settled_at_once(phone, shelf, aminata, is_picture):
    body = a_picture(40) if is_picture else b"no picture"
    for photo in ODD_PHOTOS:
        good = {"visit": str(uuid4()), "slot": 1, "subject": "goods"}
        said = {**good, **photo} if isinstance(photo, dict) and photo else photo
        answer = phone.send_photo(phone.save("photo", aminata, body, header={"photo": said}))
        assert answer.status == 200
        assert answer.receipts[0]["outcome"] in FINAL, photo
    assert not [kept for kept in shelf.photos() if kept.subject == "person"]
    assert shelf.parts() == []


NO_BATCHES: list[Any] = [
    None,
    [],
    {},
    "x",
    5,
    {"submissions": None},
    {"submissions": {}},
    {"submissions": "abc"},
    {"submissions": [None]},
    {"submissions": [[]]},
    {"submissions": [{}]},
]


def test_a_request_that_is_no_batch_is_refused(phone):
    for said in NO_BATCHES:
        answer = phone.post_json(said)
        assert answer.status == 400, said
        assert answer.json["error"] == 400


NO_ITEMS: list[dict[str, Any]] = [
    {"id": "x"},
    {"id": 5},
    {"id": None},
    {"kind": "photo"},
    {"kind": "parcel"},
    {"kind": None},
    {"sealed": "\u00e9"},
    {"sealed": 5},
    {"sealed": None},
    {"sealed": "a"},
    {"key": "\x00"},
    {"key": "\ud800"},
    {"key": ""},
    {"key": "k" * 41},
]


def test_one_item_that_is_no_submission_has_its_batch_refused_and_nothing_is_kept(phone, shelf, aminata):
    for change in NO_ITEMS:
        good, bad = phone.save_visit(aminata), phone.save_visit(aminata)
        answer = phone.post_json({"submissions": [good.envelope, {**bad.envelope, **change}]})
        assert answer.status == 400, change
    assert shelf.submissions() == []


def test_a_body_that_is_no_json_is_refused(phone):
    headers = {"Authorization": f"Bearer {phone._any().phone_pass}", "Content-Type": "application/json"}
    deep = b"[" * 200_000
    for body in (b"", b"{", deep, b'{"submissions":' + deep, b"\xff", b"9" * 6000):
        answer = phone.line("POST", "/outbox/submissions", body, headers)
        assert answer.status == 400, body[:20]
        assert answer.json["error"] == 400


@quick
@given(said=ANYTHING)
def test_any_json_gets_an_answer_of_the_agreed_form(phone, said):
    assert phone.post_json(said).status in (200, 400, 413)


@quick
@given(
    change=st.dictionaries(st.sampled_from(["id", "kind", "key", "digest", "sealed"]), ANYTHING, min_size=1)
)
def test_any_item_gets_an_answer_of_the_agreed_form(phone, aminata, change):
    visit = phone.save_visit(aminata)
    answer = phone.post_json({"submissions": [{**visit.envelope, **change}]})
    assert answer.status in (200, 400, 413)


HEADER_FIELDS = [
    "v",
    "id",
    "kind",
    "case",
    "by",
    "claimed_at",
    "clock_error_ms",
    "build",
    "salt",
    "supersedes",
    "zip",
    "photo",
]


@quick
@given(
    kind=st.sampled_from(["visit", "check-in", "red-flag"]),
    header=st.dictionaries(st.sampled_from(HEADER_FIELDS), ANYTHING, min_size=1, max_size=3),
    fields=st.dictionaries(
        st.sampled_from([*visit_fields(), "calm", "private", "consent", "category", "declined", "locale"]),
        st.text(max_size=30) | st.sampled_from(["yes", "no", "3", "violence", "self_harm", "9" * 400]),
    ),
)
def test_anything_under_a_valid_seal_is_settled_at_once(phone, aminata, kind, header, fields):
    body = urlencode({**visit_fields(), **fields}, errors="replace").encode()
    piece = phone.save(kind, aminata, body, header={"zip": False, **header}, zipped=False)
    assert outcome(phone, piece) in FINAL


@quick
@given(frozen=st.binary(max_size=200) | st.binary(max_size=100).map(lambda head: freeze(head, b"")))
def test_any_bytes_under_a_valid_seal_are_settled_at_once(phone, frozen):
    assert outcome(phone, phone.seal("visit", uuid4(), frozen)) == "quarantined"


@quick
@given(said=ANYTHING)
def test_any_photo_header_is_settled_at_once(phone, aminata, said):
    piece = phone.save("photo", aminata, b"no picture", header={"photo": said})
    answer = phone.send_photo(piece)
    assert answer.status == 200
    assert answer.receipts[0]["outcome"] in FINAL


@quick
@given(
    change=st.dictionaries(
        st.sampled_from(["of", "digest", "key"]),
        st.text(max_size=70) | st.integers().map(str) | ODD_TEXT.filter(str.isascii),
    )
)
def test_any_part_gets_an_answer_of_the_agreed_form(phone, aminata, change):
    photo = phone.save_photo(uuid4(), aminata, b"no picture")
    printable = {name: value.encode("utf-8", "replace").decode() for name, value in change.items()}
    assert phone.put_part(photo, 0, **printable).status in (200, 400, 413, 429)


def test_json_with_halves_of_letters_is_written_back_as_json(phone):
    said = {"id": str(uuid4()), "kind": "visit", "key": "k", "digest": "\ud800", "sealed": "aaaa"}
    answer = phone.post_json({"submissions": [said]})
    assert answer.status in (200, 400)
    json.loads(answer.body)


def test_a_copied_pass_cannot_fill_the_disk(phone, shelf, aminata, monkeypatch):
    monkeypatch.setattr(receiving, "MOST_SET_ASIDE", 3)

    def garbage() -> Piece:
        content, id = secrets.token_bytes(200), uuid4()
        return Piece(id, "visit", "nobody's key", digest_of(content), content, uuid4())

    told = [outcome(phone, garbage()) for _ in range(5)]
    assert told == ["quarantined"] * 3 + ["later"] * 2
    visit = phone.save_visit(aminata)
    assert outcome(phone, visit) == "accepted"
    others = [replace(garbage(), id=visit.id) for _ in range(5)]
    assert [outcome(phone, other) for other in others] == ["contested"] * 3 + ["later"] * 2
    assert (len(shelf.submissions()), len(shelf.contested())) == (4, 3)
