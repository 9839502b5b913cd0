"""Faults in what one request does: each is planted, and the check that guards against it reports it."""

from tests.faults import planted
from tests.faults.conftest import Sent
from tests.phone import Phone, a_picture, line_to_app
from webapp.database import db
from webapp.offline.models import ContestedSubmission
from webapp.visits.models import Photo


def other_bytes_are_kept(app, phone: Phone, case) -> bool:
    """Whether other bytes under a known id are kept, and not acknowledged as recorded."""
    visit = phone.save_visit(case)
    phone.post(visit)
    other = phone.save("visit", case, {"notes": "un autre"}, id=visit.id)
    (receipt,) = phone.post(other).receipts
    with app.app_context():
        kept = db.session.query(ContestedSubmission).filter_by(digest=other.digest).count()
        db.session.rollback()
    return receipt["outcome"] == "contested" and kept == 1


def a_photo_in_any_order_arrives(app, phone: Phone, case) -> bool:
    """Whether a photo whose parts come out of order is there after a few tries."""
    sent = Sent()
    visit = sent.visit(phone, case)
    photo = sent.photo(phone, visit, case, a_picture(330))
    phone.post(visit)
    for _try in range(3):
        phone.send_photo(photo, [2, 0, 3, 1])
    with app.app_context():
        found = db.session.get(Photo, photo.id) is not None
        db.session.rollback()
    return found and photo.id in phone.receipts


def test_other_bytes_under_a_known_id_are_never_waved_through(app, people, cast, monkeypatch):
    phone = Phone(line_to_app(app)).enrol(people("ibrahima"))
    assert other_bytes_are_kept(app, phone, cast.aminata)
    planted.digest_not_compared(app, monkeypatch.setattr)
    assert not other_bytes_are_kept(app, phone, cast.aminata)


def test_parts_are_joined_by_their_number(app, people, cast, monkeypatch):
    phone = Phone(line_to_app(app)).enrol(people("ibrahima"))
    assert a_photo_in_any_order_arrives(app, phone, cast.aminata)
    planted.parts_joined_as_they_came(app, monkeypatch.setattr)
    assert not a_photo_in_any_order_arrives(app, phone, cast.aminata)
