"""Papers of a request: photos are drawn anew, a PDF is checked and only ever downloaded, and nobody else's office sees one."""

import io
import zlib
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from tests.allocations.hands import Hands
from tests.browser_client import Page, Person
from tests.cast import Cast, a_case
from tests.world import a_picture, request_fields
from webapp.allocations.models import PaymentRequest, RequestDocument
from webapp.database import db
from webapp.people.models import Staff

PROGRAMS = "programmes ou des fichiers cachés"


@pytest.fixture
def hands(app: Flask, cast: Cast) -> Hands:
    return Hands(app, cast)


@pytest.fixture
def request_id(hands: Hands) -> UUID:
    return hands.asks("100")


def a_pdf(catalog: bytes = b"", *more: bytes, tail: bytes = b"%%EOF\n") -> bytes:
    """A one-page PDF as simple as they come, with what a test writes into its catalog and after it."""
    return b"\n".join(
        [
            b"%PDF-1.7",
            b"1 0 obj << /Type /Catalog /Pages 2 0 R " + catalog + b" >> endobj",
            b"2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj",
            b"3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >> endobj",
            *more,
            b"trailer << /Root 1 0 R >>",
            b"startxref",
            b"9",
            tail,
        ]
    )


def stream(about: bytes, content: bytes) -> bytes:
    return b"9 0 obj << " + about + b" >> stream\n" + content + b"\nendstream endobj"


def packed(content: bytes) -> bytes:
    return stream(b"/Type /ObjStm /Filter /FlateDecode", zlib.compress(content))


def gives(
    person: Person, request_id: UUID, content: bytes, *, name: str = "devis.pdf", **fields: str
) -> Page:
    """Post a paper from the page of its request."""
    said = {"id": str(uuid4()), "kind": "quote", "document": (io.BytesIO(content), name), **fields}
    return Page(person.client.post(f"/payment-requests/{request_id}/documents", data=said))


def kept(app: Flask) -> list[Any]:
    with app.app_context():
        found = list(db.session.scalars(select(RequestDocument).order_by(RequestDocument.added_at)))
        db.session.expunge_all()
        return found


# What is taken


def test_a_photo_is_drawn_anew_and_shown(app: Flask, ibrahima: Person, request_id: UUID) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Fatou"
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(drawn, "JPEG", exif=exif, comment=b"GPS 9.5")
    assert gives(ibrahima, request_id, drawn.getvalue(), name="../../x.html").status == 303
    [paper] = kept(app)
    shown = ibrahima.client.get(f"/documents/{paper.id}")
    assert shown.mimetype == "image/jpeg"
    assert b"Camera of Fatou" not in shown.data
    assert b"GPS" not in shown.data
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "no-store"


HARMLESS = {
    "plain": a_pdf(),
    "as an office suite writes it": a_pdf(b"/OpenAction [3 0 R /XYZ null null 0] /Lang (fr-FR)"),
    "fonts whose names begin alike": a_pdf(
        b"", b"8 0 obj << /BaseFont /AAAAAA+Arial /FontName /JSXFAB+Arial >> endobj"
    ),
    "packed objects": a_pdf(b"", packed(b"7 0 << /Type /Font /BaseFont /Arial >>")),
    "a photo inside": a_pdf(b"", stream(b"/Subtype /Image /Filter /DCTDecode", a_picture(60))),
    "a link": a_pdf(b"", b"8 0 obj << /S /URI /URI (https://example.org/) >> endobj"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_ordinary_pdf_is_kept_as_it_is_and_only_downloaded(
    app: Flask, ibrahima: Person, request_id: UUID, name: str
) -> None:
    assert gives(ibrahima, request_id, HARMLESS[name]).status == 303
    [paper] = kept(app)
    assert paper.media == "pdf"
    answer = ibrahima.client.get(f"/documents/{paper.id}")
    assert answer.data == HARMLESS[name]
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    page = ibrahima.opens(f"/payment-requests/{request_id}")
    assert not page.soup.select("iframe, embed, object")


def test_the_same_paper_again_is_one_and_another_under_its_number_is_refused(
    app: Flask, ibrahima: Person, request_id: UUID, hands: Hands
) -> None:
    id = str(uuid4())
    for _again in range(2):
        assert gives(ibrahima, request_id, a_pdf(), id=id).status == 303
    for said in ({"content": a_pdf(b"/Lang (fr)")}, {"kind": "invoice"}, {"request_id": hands.asks("10")}):
        other: Any = {"request_id": request_id, "content": a_pdf(), **said}
        back = gives(ibrahima, id=id, **other)
        assert back.status == 422
        assert "déjà pris" in back.text("#errors")
        assert back.soup.select_one("#document-id")["value"] != id, "sent again, it is another paper"
    assert [paper.kind for paper in kept(app)] == ["quote"]


# What is not


REFUSED = {
    "cut": (a_pdf()[:-20], "incomplet"),
    "cut before its table": (b"%PDF-1.7\n%%EOF", "incomplet"),
    "another file glued on": (a_pdf() + b"PK\x03\x04 a jar" + b"x" * 30, "incomplet"),
    "a page glued on": (a_pdf() + b"<script>alert(1)</script>", "incomplet"),
    "a password": (a_pdf(b"/Encrypt 5 0 R"), "mot de passe"),
    "a password, spelled": (a_pdf(b"/#45ncr#79pt 5 0 R"), "mot de passe"),
    "a script": (a_pdf(b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"), PROGRAMS),
    "a script, spelled": (a_pdf(b"/OpenAction << /S /#4aavaScri#70t /J#53 (x) >>"), PROGRAMS),
    "a script, packed": (a_pdf(b"", packed(b"7 0 << /S /JavaScript /JS (x) >>")), PROGRAMS),
    "a script, packed and spelled": (a_pdf(b"", packed(b" " * 70_000 + b"<< /S /Java#53cript >>")), PROGRAMS),
    "a script, packed another way": (
        a_pdf(b"", stream(b"/Type /ObjStm /Filter /LZWDecode", b"\x80\x0b\x60")), PROGRAMS,
    ),
    "a program": (a_pdf(b"/AA << /O << /S /Launch /F (cmd.exe) >> >>"), PROGRAMS),
    "a file inside": (a_pdf(b"/Names << /EmbeddedFiles 5 0 R >>"), PROGRAMS),
    "a form that sends itself": (a_pdf(b"", b"5 0 obj << /S /SubmitForm /F (http://x) >> endobj"), PROGRAMS),
    "an old form": (a_pdf(b"/AcroForm << /XFA 5 0 R >>"), PROGRAMS),
    "a bomb": (a_pdf(b"", stream(b"/Filter /FlateDecode", zlib.compress(bytes(70 * 1024 * 1024), 9))), PROGRAMS),
    "too many parts": (a_pdf(b"", b"stream\nx\n" * 12_000), PROGRAMS),
    "too heavy": (a_pdf(b"", b"%" + b"x" * (5 * 1024 * 1024)), "5 Mo"),
    "a page that says it is a PDF": (b"<html>%PDF-1.7 %%EOF", ""),
    "nothing": (b"", "Choisissez"),
    "words": (b"Devis : 100 euros", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_quote_is_refused_with_a_sentence_and_kept_nowhere(
    app: Flask, ibrahima: Person, request_id: UUID, name: str
) -> None:
    content, said = REFUSED[name]
    before = set(app.extensions["storage"].keys())
    page = gives(ibrahima, request_id, content)
    assert page.status == 422
    sentence = page.text("#document-error")
    assert sentence
    assert said in sentence
    assert kept(app) == []
    assert set(app.extensions["storage"].keys()) == before


def test_exactly_five_megabytes_are_taken_and_a_byte_more_is_not(
    app: Flask, ibrahima: Person, request_id: UUID
) -> None:
    small = a_pdf(b"", b"%")
    full = a_pdf(b"", b"%" + b"x" * (5 * 1024 * 1024 - len(small)))
    assert len(full) == 5 * 1024 * 1024
    assert gives(ibrahima, request_id, full + b"\n").status == 422
    assert gives(ibrahima, request_id, full).status == 303


def test_a_jpeg_that_is_also_a_pdf_is_a_photo_and_nothing_else(
    app: Flask, ibrahima: Person, request_id: UUID
) -> None:
    both = a_picture(90) + a_pdf(b"/OpenAction << /S /JavaScript /JS (x) >>")
    assert gives(ibrahima, request_id, both, name="devis.pdf").status == 303
    [paper] = kept(app)
    answer = ibrahima.client.get(f"/documents/{paper.id}")
    assert answer.mimetype == "image/jpeg"
    assert b"%PDF" not in answer.data


def test_a_paper_that_is_no_known_kind_is_refused(app: Flask, ibrahima: Person, request_id: UUID) -> None:
    for kind in ("", "free", "Quote"):
        assert gives(ibrahima, request_id, a_picture(50), kind=kind).status == 422
    assert kept(app) == []


# Whose it is


def test_a_paper_belongs_to_those_who_see_the_money_of_its_case(
    app: Flask, hands: Hands, people: Any, request_id: UUID
) -> None:
    for content in (a_picture(50), a_pdf()):
        gives(people("ibrahima"), request_id, content)
    for paper in kept(app):
        answers = {
            name: people(name).client.get(f"/documents/{paper.id}").status_code
            for name in (
                "ibrahima",
                "kadiatou",
                "farah",
                "mariama",
                "awa",
                "moussa",
                "salma",
                "ada",
                "root",
                "karim",
            )
        }
        assert answers == {
            "ibrahima": 200, "kadiatou": 200, "farah": 200, "mariama": 404, "awa": 404, "moussa": 404,
            "salma": 403, "ada": 403, "root": 403, "karim": 403,
        }  # fmt: skip
        assert people(None).client.get(f"/documents/{paper.id}").status_code == 303


def test_the_number_of_a_paper_stands_for_one_paper(
    app: Flask, cast: Cast, hands: Hands, people: Any, request_id: UUID
) -> None:
    id = str(uuid4())
    assert gives(people("ibrahima"), request_id, a_picture(50), id=id).status == 303
    assert gives(people("ibrahima"), request_id, a_picture(50), id=id).status == 303
    page = gives(people("farah"), request_id, a_picture(60), id=id)
    assert page.status == 422
    assert "déjà pris" in page.text("#errors")
    with app.app_context():
        case = a_case("Sylla", "Aïcha", officer=db.session.get_one(Staff, cast.ibrahima))
        db.session.commit()
        other = case.id
    with pytest.raises(Exception, match="id"):
        hands.adds("quote", uuid4(), case=other, id=UUID(id))
    assert len(kept(app)) == 1


def test_quotes_posted_with_the_form_by_a_browser_without_scripts_are_kept(
    app: Flask, hands: Hands, ibrahima: Person
) -> None:
    hands.under_a_rule()
    fields = request_fields("500")
    files = [(io.BytesIO(content), "q") for content in (a_picture(50), a_pdf(), b"nothing of the kind")]
    answer = ibrahima.client.post(f"/cases/{hands.case}/payment-requests", data={**fields, "photos": files})
    assert answer.status_code == 303
    page = ibrahima.opens(answer.headers["Location"])
    assert "Photo 3" in page.html
    assert [paper.media for paper in kept(app)] == ["jpeg", "pdf"]
    assert hands.state(UUID(fields["id"])) == "requested"
    with app.app_context():
        assert len(db.session.scalars(select(PaymentRequest)).all()) == 1
