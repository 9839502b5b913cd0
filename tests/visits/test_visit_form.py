"""The visit form in a browser without scripts: recorded once, refused with a sentence, never a loss, never a 500."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.browser_client import Page, Person
from tests.cast import Cast, a_case
from tests.world import a_picture, visit_fields
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.people.models import Staff
from webapp.visits.models import FollowUp, Photo

NOW = datetime.fromisoformat("2026-11-20T14:02:00+00:00")
SAMPLES = sorted((Path(__file__).parent.parent / "samples" / "photos").iterdir())


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def url(cast: Cast) -> str:
    return f"/cases/{cast.aminata}/visits"


def kept(app: Flask) -> tuple[int, int]:
    with app.app_context():
        return db.session.query(FollowUp).count(), db.session.query(Photo).count()


def test_a_visit_is_recorded_and_told_on_the_timeline(
    app: Flask, ibrahima: Person, kadiatou: Person, cast: Cast, url: str
) -> None:
    form = ibrahima.opens(f"{url}/new").soup.select_one("form[data-outbox=visit]")
    assert form is not None
    assert form["action"] == url
    id = form.select_one("[name=id]")["value"]  # type: ignore[index]
    assert form.select_one("[name=visited_at]")["value"].startswith("2026-11-20T14:02")  # type: ignore[index,union-attr]
    fields = visit_fields(
        id=str(id), present="Sa mère", activity_status="running", agreed="Acheter du tissu", agreed_due_on="2026-12-01",
        concern="some", words="Ça va <b>mieux</b>", notes="Boutique ouverte\nle matin",
    )  # fmt: skip
    ibrahima.posts(url, fields)
    for person in (ibrahima, kadiatou):
        told = person.opens(f"/cases/{cast.aminata}").text("#timeline")
        for said in (
            "Visite à domicile",
            "Sa mère",
            "Marche bien",
            "Acheter du tissu",
            "<b>mieux</b>",
            "Boutique ouverte",
        ):
            assert said in told
    with app.app_context():
        visit = db.session.get_one(FollowUp, UUID(str(id)))
        assert (visit.by_id, visit.received_at.replace(microsecond=0) >= NOW) == (cast.ibrahima, True)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"visited_at": ""}, "visited_at"),
    ({"visited_at": "hier"}, "visited_at"),
    ({"visited_at": "2026-02-30T10:00"}, "visited_at"),
    ({"visited_at": "1970-01-01T00:00"}, "visited_at"),
    ({"visited_at": "0001-01-01T00:00"}, "visited_at"),
    ({"visited_at": "2014-12-31T23:59"}, "visited_at"),
    ({"visited_at": "2026-11-22T10:00"}, "visited_at"),
    ({"visited_at": "9999-12-31T23:59"}, "visited_at"),
    ({"channel": ""}, "channel"),
    ({"channel": "pigeon"}, "channel"),
    ({"reached": ""}, "reached"),
    ({"reached": "peut-être"}, "reached"),
    ({"reached": "no"}, "why_not"),
    ({"reached": "no", "why_not": "because"}, "why_not"),
    ({"concern": ""}, "concern"),
    ({"concern": "huge"}, "concern"),
    ({"activity_status": "x"}, "activity_status"),
    ({"present": "x" * 201}, "present"),
    ({"agreed": "x" * 501}, "agreed"),
    ({"words": "é" * 2001}, "words"),
    ({"notes": "م" * 5001}, "notes"),
    ({"agreed_due_on": "bientôt"}, "agreed_due_on"),
    ({"agreed_due_on": "2014-01-01"}, "agreed_due_on"),
    ({"agreed_due_on": "2226-01-01"}, "agreed_due_on"),
    ({"agreed_due_on": "2026-02-29"}, "agreed_due_on"),
    ({"id": ""}, "id"),
    ({"id": "1"}, "id"),
    ({"id": "x" * 500}, "id"),
]
TYPED = {"present": "Sa sœur", "agreed": "Rappeler", "words": "Alhamdoulillah", "notes": "Atelier « fermé »"}


@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_what_is_wrong_is_said_beside_it_and_nothing_typed_is_lost(
    app: Flask, ibrahima: Person, url: str, locale: str
) -> None:
    ibrahima.posts("/language", {"language": locale})
    for changed, wrong in WRONG:
        page = ibrahima.posts(url, visit_fields(**{**TYPED, **changed}), 422)
        check_sentence(page, wrong)
        for name, value in {**TYPED, **changed}.items():
            if name in TYPED:
                assert value_of(page, name) == value, (wrong, name)
        if wrong in ("visited_at", "agreed_due_on"):
            assert value_of(page, wrong) == changed[wrong]
        if wrong == "id":
            UUID(value_of(page, "id"))
        english = ("Not a valid", "Field", "required", "must be", "Invalid")
        if locale != "en":
            assert not [word for word in english if word in page.text(f"#{wrong}-error")], wrong
    assert kept(app) == (0, 0)


def check_sentence(page: Page, name: str) -> None:
    assert page.text(f"#{name}-error"), f"no sentence beside {name}"
    if name != "id":
        at = f"#{name}-field[aria-describedby], #{name}-field [aria-describedby]"
        described = [str(element["aria-describedby"]) for element in page.soup.select(at)]
        assert any(f"{name}-error" in ids.split() for ids in described), (
            f"{name} is not described by its sentence"
        )
    assert page.soup.select("[role=alert]")


def value_of(page: Page, name: str) -> str:
    control = page.soup.select_one(f"[name={name}]")
    assert control is not None
    return str(control.get("value", "")) if control.name == "input" else control.get_text().removeprefix("\n")


def test_several_things_wrong_are_all_said(app: Flask, ibrahima: Person, url: str) -> None:
    page = ibrahima.posts(url, {"id": str(uuid4()), "notes": "gardé"}, 422)
    for name in ("visited_at", "channel", "reached", "concern"):
        check_sentence(page, name)
    assert value_of(page, "notes") == "gardé"


def test_the_corrected_form_is_taken(app: Flask, ibrahima: Person, url: str) -> None:
    for changed in ({"concern": ""}, {"id": "lost"}):
        page = ibrahima.posts(url, visit_fields(**changed), 422)
        again = visit_fields(id=value_of(page, "id"))
        ibrahima.posts(url, again)
    assert kept(app)[0] == 2


def test_the_limits_themselves_are_taken(app: Flask, ibrahima: Person, url: str) -> None:
    ibrahima.posts(
        url,
        visit_fields(
            visited_at="2026-11-21T16:00",
            present="é" * 200,
            agreed="x" * 500,
            words="م" * 2000,
            notes="🙂" * 5000,
        ),
    )
    ibrahima.posts(url, visit_fields(visited_at="2015-01-01T00:00"))
    ibrahima.posts(url, visit_fields(visited_at="2026-11-20T10:00:30"))
    assert kept(app)[0] == 3


def test_a_visit_sent_twice_is_recorded_once(app: Flask, ibrahima: Person, url: str) -> None:
    fields = visit_fields(notes="Une fois")
    for _ in range(3):
        ibrahima.posts(url, fields)
    with app.app_context():
        assert kept(app)[0] == 1
        assert db.session.query(TimelineEntry).filter_by(kind="visit.recorded").count() == 1


def test_a_form_changed_after_it_was_sent_is_not_dropped_unseen(
    app: Flask, ibrahima: Person, url: str
) -> None:
    fields = visit_fields(notes="Première version")
    ibrahima.posts(url, fields)
    page = ibrahima.posts(url, {**fields, "notes": "Ce que j’avais oublié"}, 422)
    assert page.text("#id-error")
    assert value_of(page, "notes") == "Ce que j’avais oublié"
    ibrahima.posts(url, {**fields, "notes": "Ce que j’avais oublié", "id": value_of(page, "id")})
    assert kept(app)[0] == 2


def test_the_id_of_another_case_or_another_officer_is_not_taken_over(
    app: Flask, people: Any, cast: Cast, url: str
) -> None:
    with app.app_context():
        second = a_case("Sow", "Alpha", officer=db.session.get_one(Staff, cast.ibrahima)).id
        other = a_case("Sow", "Ibra", officer=db.session.get_one(Staff, cast.mariama)).id
        db.session.commit()
    fields = visit_fields(notes="Le mien")
    people("ibrahima").posts(url, fields)
    for name, case in (("ibrahima", second), ("mariama", other), ("awa", cast.fatou)):
        page = people(name).posts(f"/cases/{case}/visits", {**fields, "notes": "Un autre"}, 422)
        assert page.text("#id-error")
        assert "Le mien" not in page.html
        assert value_of(page, "notes") == "Un autre"
    with app.app_context():
        (visit,) = db.session.query(FollowUp)
        assert (visit.case_id, visit.by_id, visit.notes) == (cast.aminata, cast.ibrahima, "Le mien")


def test_characters_that_databases_refuse_are_left_out(app: Flask, ibrahima: Person, url: str) -> None:
    ibrahima.posts(url, visit_fields(notes="a\x00b", present="\x00", words="\u202etxt", agreed="\ufeff🙂"))
    with app.app_context():
        visit = db.session.query(FollowUp).one()
        assert (visit.notes, visit.present) == ("ab", "")


NAMES = [
    "id", "visited_at", "channel", "reached", "why_not", "present", "activity_status", "agreed", "agreed_due_on",
    "concern", "words", "notes", "photos_announced", "photo_subject", "unknown",
]  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["yes", "no", "none", "serious", "call", "2026-11-20T10:00", "9999-12-31T23:59", "99999999999999999999", "-1", "\x00", "²"]
    ),
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
def test_no_form_breaks_the_server(ibrahima: Person, url: str, said: dict[str, str], whole: bool) -> None:
    said = {name: value.encode("utf-8", "ignore").decode() for name, value in said.items()}
    answer = ibrahima.client.post(url, data={**(visit_fields() if whole else {}), **said})
    assert answer.status_code in (303, 422)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=\xff", "application/x-www-form-urlencoded"),
        (b"%zz=%zz&&&=", "application/x-www-form-urlencoded"),
        (b"a=1&" * 2_000, "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x\r\nnot a part", "multipart/form-data; boundary=x"),
        (b"x", "multipart/form-data"),
        (b"x" * 700_000, "application/x-www-form-urlencoded"),
    ],
    ids=range(8),
)
def test_no_body_breaks_the_server(app: Flask, ibrahima: Person, url: str, body: bytes, kind: str) -> None:
    answer = ibrahima.client.post(url, data=body, content_type=kind)
    assert 400 <= answer.status_code < 500
    assert kept(app) == (0, 0)


# Photos on the same form


def with_photos(*files: tuple[str, bytes], **changed: str) -> dict[str, Any]:
    return {**visit_fields(**changed), "photos": [(BytesIO(content), name) for name, content in files]}


def test_photos_come_with_the_form_and_lie_under_their_visit(
    app: Flask, ibrahima: Person, kadiatou: Person, cast: Cast, url: str
) -> None:
    ibrahima.posts(url, with_photos(("a.jpg", a_picture(400)), ("b.jpg", a_picture(300))))
    page = kadiatou.opens(f"/cases/{cast.aminata}")
    thumbs = page.soup.select(".entry.visit img")
    assert len(thumbs) == 2
    for thumb in thumbs:
        for address in (str(thumb["src"]), str(thumb["src"]).removesuffix("/thumb")):
            answer = kadiatou.client.get(address)
            assert Image.open(BytesIO(answer.data)).format == "JPEG"
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_sample_is_taken_or_refused_with_a_sentence_and_holds_no_text_back(
    app: Flask, ibrahima: Person, cast: Cast, url: str, engine: str
) -> None:
    if engine != "sqlite":
        pytest.skip("pictures are the same on every engine")
    for sample in SAMPLES:
        visits, photos = kept(app)
        notes = f"Texte de {sample.name}"
        ibrahima.posts(url, with_photos((sample.name, sample.read_bytes()), notes=notes))
        page = ibrahima.opens(f"/cases/{cast.aminata}")
        assert notes in page.text("#timeline")
        assert kept(app)[0] == visits + 1
        if kept(app)[1] == photos:
            assert "La visite est enregistrée. Photo 1" in page.text("body"), sample.name
    assert kept(app)[1] >= 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b"\xff\xd8\xff\xe0broken",
        b"GIF89a",
        b"<svg onload=alert(1)>",
        b"\x00" * 100_000,
    ],
    ids=["empty", "text", "broken", "gif", "svg", "zeros"],
)
def test_a_broken_photo_says_so_and_keeps_the_visit_and_the_good_ones(
    app: Flask, ibrahima: Person, cast: Cast, url: str, content: bytes
) -> None:
    ibrahima.posts(
        url, with_photos(("bad.jpg", content), ("good.jpg", a_picture(200)), notes="Le texte est sauf")
    )
    page = ibrahima.opens(f"/cases/{cast.aminata}")
    assert "Le texte est sauf" in page.text("#timeline")
    assert "Photo 1" in page.text("body")
    assert kept(app) == (1, 1)
    assert page.texts(".entry.visit figcaption small") == ["Photo refusée"]


def test_a_form_with_photos_sent_twice_keeps_each_photo_once(app: Flask, ibrahima: Person, url: str) -> None:
    fields = visit_fields()
    for _ in range(2):
        files = [
            (BytesIO(a_picture(200)), "a.jpg"),
            (BytesIO(b"broken"), "b.jpg"),
            (BytesIO(a_picture(201)), "c.jpg"),
        ]
        ibrahima.posts(url, {**fields, "photos": files})
    assert kept(app) == (1, 2)
    with app.app_context():
        assert db.session.query(TimelineEntry).filter_by(kind="photo.refused").count() == 1


def test_a_person_is_shown_with_consent_only(app: Flask, ibrahima: Person, cast: Cast, url: str) -> None:
    ibrahima.posts(url, with_photos(("a.jpg", a_picture(200)), photo_subject="person"))
    assert kept(app) == (1, 0)
    assert "Sans l’accord" in ibrahima.opens(f"/cases/{cast.aminata}").text("body")
    ibrahima.posts(url, with_photos(("a.jpg", a_picture(200)), photo_subject="person", photo_consent="y"))
    assert kept(app) == (2, 1)


def test_a_photo_is_added_to_a_visit_later(app: Flask, ibrahima: Person, cast: Cast, url: str) -> None:
    fields = visit_fields()
    ibrahima.posts(url, fields)
    photos = f"/visits/{fields['id']}/photos"
    form = ibrahima.opens(f"{photos}/new").soup.select_one("form[enctype]")
    assert form is not None
    id = str(form.select_one("[name=id]")["value"])  # type: ignore[index]
    said = {"id": id, "caption": "L’étal", "subject": "goods"}
    for wrong in (
        {},
        {"photo": (BytesIO(b"x"), "x.jpg")},
        {"photo": (BytesIO(a_picture(200)), "x.jpg"), "subject": "x"},
        {"photo": (BytesIO(a_picture(200)), "x.jpg"), "caption": "x" * 201},
        {"photo": (BytesIO(a_picture(200)), "x.jpg"), "subject": "person"},
        {"photo": (BytesIO(a_picture(200)), "x.jpg"), "slot": "x"},
    ):
        page = ibrahima.posts(photos, {**said, **wrong}, 422)
        assert page.text(".error")
        if "caption" not in wrong:
            assert value_of(page, "caption") == "L’étal"
    ibrahima.posts(photos, {**said, "photo": (BytesIO(b"x"), "x.jpg")}, 422)
    assert kept(app)[1] == 0
    for _ in range(2):
        ibrahima.posts(photos, {**said, "photo": (BytesIO(a_picture(200)), "x.jpg")})
    assert kept(app)[1] == 1
    assert "L’étal" in ibrahima.opens(f"/cases/{cast.aminata}").text("#timeline")


def test_a_photo_for_a_visit_that_is_not_there_is_not_found(
    ibrahima: Person, people: Any, cast: Cast
) -> None:
    ibrahima.posts(f"/visits/{uuid4()}/photos", {}, 404)
    fields = visit_fields()
    people("awa").posts(f"/cases/{cast.fatou}/visits", fields)
    ibrahima.posts(f"/visits/{fields['id']}/photos", {}, 404)


def test_the_clock_may_be_a_day_fast_but_not_two(app: Flask, ibrahima: Person, url: str) -> None:
    ahead = NOW + timedelta(hours=25)
    ibrahima.posts(url, visit_fields(visited_at=ahead.strftime("%Y-%m-%dT%H:%M")))
    ahead = NOW + timedelta(hours=27)
    ibrahima.posts(url, visit_fields(visited_at=ahead.strftime("%Y-%m-%dT%H:%M")), 422)
    with app.app_context():
        assert db.session.query(Case).count() == 2
