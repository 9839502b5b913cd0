"""What a phone delivers is recorded once, whatever is repeated, and its receipt tells the truth."""

from typing import Any
from uuid import uuid4

from sqlalchemy import select

from tests.phone import Piece, digest_of
from webapp import create_app, worker
from webapp.alerts.models import Alert
from webapp.check_ins.models import CheckIn, RedFlag


def test_a_visit_is_recorded_under_its_author_with_a_true_receipt(phone, shelf, aminata, cast):
    visit = phone.save_visit(aminata, notes="Stock vendu, tout va bien.", words="Je dors mieux.")
    answer = phone.post(visit)
    assert answer.status == 200
    assert answer.json["lineage"]
    assert answer.json["server_time"]
    (receipt,) = answer.receipts
    assert receipt["id"] == str(visit.id)
    assert receipt["digest"] == digest_of(visit.sealed)
    assert receipt["outcome"] == "accepted"
    assert receipt["errors"] == {}
    (recorded,) = shelf.visits()
    assert recorded.id == visit.id
    assert recorded.by_id == cast.ibrahima
    assert recorded.case_id == aminata
    assert recorded.notes == "Stock vendu, tout va bien."
    assert recorded.words == "Je dors mieux."
    submission = shelf.submission(visit.id)
    assert submission.number == receipt["number"]
    assert submission.author_id == cast.ibrahima
    assert submission.sealed is None
    assert len(shelf.entries("visit.recorded")) == 1


def test_a_visit_sent_twice_is_recorded_once_with_the_same_receipt(phone, shelf, aminata):
    visit = phone.save_visit(aminata)
    first, second = phone.post(visit), phone.post(visit)
    assert first.receipts == second.receipts
    assert len(shelf.visits()) == len(shelf.submissions()) == len(shelf.entries("visit.recorded")) == 1


def test_the_same_visit_twice_in_one_batch_is_recorded_once(phone, shelf, aminata):
    visit = phone.save_visit(aminata)
    first, second = phone.post(visit, visit).receipts
    assert first == second
    assert len(shelf.visits()) == 1


def test_a_receipt_survives_a_restart(phone, phones, app, shelf, aminata):
    visit = phone.save_visit(aminata)
    before = phone.post(visit).receipts
    from tests.phone import line_to_app

    phone.line = line_to_app(create_app(app.extensions["settings"]))
    assert phone.post(visit).receipts == before


def test_every_kind_is_recorded_once(phone, shelf, aminata, cast):
    pieces = [phone.save_visit(aminata), phone.save_check_in(aminata), phone.save_red_flag(aminata)]
    for _copy in range(2):
        assert [receipt["outcome"] for receipt in phone.post(*pieces).receipts] == ["accepted"] * 3
    assert [check_in.by_id for check_in in shelf.all(select(CheckIn))] == [cast.ibrahima]
    assert [red_flag.by_id for red_flag in shelf.all(select(RedFlag))] == [cast.ibrahima]


def test_other_bytes_under_a_known_id_are_kept_beside_it_and_shown(phone, app, shelf, aminata, cast):
    visit = phone.save_visit(aminata, notes="Le premier")
    phone.post(visit)
    other = phone.save("visit", aminata, {"notes": "Un autre"}, id=visit.id)
    receipts = [phone.post(other).receipts[0] for _copy in range(3)]
    assert {receipt["outcome"] for receipt in receipts} == {"contested"}
    assert {receipt["digest"] for receipt in receipts} == {other.digest}
    assert phone.post(visit).receipts[0]["outcome"] == "accepted"
    assert [recorded.notes for recorded in shelf.visits()] == ["Le premier"]
    (kept,) = shelf.contested()
    assert kept.sealed == other.sealed
    with app.app_context():
        worker.drain(app)
    alerts = shelf.all(select(Alert).where(Alert.rule == "submission_contested"))
    assert [alert.for_id for alert in alerts] == [cast.kadiatou]


def test_two_people_on_one_phone_each_have_their_work_under_their_own_name(phones, people, shelf, app, cast):
    from tests.cast import a_case
    from webapp.database import db
    from webapp.people.models import Staff

    with app.app_context():
        theirs = a_case("Keita", "Fanta", officer=db.session.get_one(Staff, cast.mariama)).id
        db.session.commit()
    phone = phones("ibrahima", "mariama")
    mine, hers = phone.save_visit(cast.aminata), phone.save_visit(theirs, by=cast.mariama)
    phone.deliver()
    assert {visit.id: visit.by_id for visit in shelf.visits()} == {
        mine.id: cast.ibrahima,
        hers.id: cast.mariama,
    }


def test_any_enrolled_phone_may_carry_anybodys_work(phones, shelf, aminata, cast):
    written_on, carried_by = phones("ibrahima"), phones("mariama")
    visit = written_on.save_visit(aminata)
    assert carried_by.post(visit).receipts[0]["outcome"] == "accepted"
    assert [recorded.by_id for recorded in shelf.visits()] == [cast.ibrahima]
    assert shelf.submission(visit.id).phone_id == carried_by.id


def test_a_session_has_nothing_to_do_with_delivering(phone, people, app, shelf, aminata):
    people("ibrahima").client.post("/sign-out")
    phone.save_visit(aminata)
    phone.deliver(tries=1)
    assert len(shelf.visits()) == 1


def test_without_a_phone_pass_everything_is_refused_in_json_and_never_redirected(phone, app, shelf, aminata):
    visit = phone.save_visit(aminata)
    client = app.test_client()
    body: dict[str, Any] = {"submissions": [visit.envelope]}
    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer x.y"},
        {"Authorization": "Basic eDp5"},
    ):
        for answer in (
            client.post("/outbox/submissions", json=body, headers=headers),
            client.put(visit.part_path(0), data=b"x", headers=headers),
            client.get(visit.state_path, headers=headers),
        ):
            assert answer.status_code == 401
            assert answer.mimetype == "application/json"
    # The author pass lets nobody in: it says whose work it is, never that bytes may come.
    said = phone.enrolments[visit.author]
    answer = client.post(
        "/outbox/submissions", json=body, headers={"Authorization": f"Bearer {said.author_pass}"}
    )
    assert answer.status_code == 401
    assert shelf.submissions() == []


def test_a_batch_of_a_hundred_is_taken_and_one_more_is_refused_whole(phone, shelf, aminata):
    pieces = [phone.save_visit(aminata) for _n in range(101)]
    refused = phone.post(*pieces)
    assert refused.status == 413
    assert refused.json["error"] == 413
    assert shelf.submissions() == []
    answer = phone.post(*pieces[:100])
    assert [receipt["id"] for receipt in answer.receipts] == [str(piece.id) for piece in pieces[:100]]
    assert len(shelf.visits()) == 100


def test_a_text_that_is_too_long_is_refused_as_too_heavy(phone, shelf, aminata):
    long = phone.seal("visit", uuid4(), b"x" * 300_000)
    assert phone.post(long).status == 413


def test_a_red_flag_is_heard_whatever_lies_beside_it(phone, shelf, aminata, app):
    rubbish = phone.seal("visit", uuid4(), b"rubbish")
    flag = phone.save_red_flag(aminata)
    answer = phone.post(flag, rubbish)
    assert [receipt["outcome"] for receipt in answer.receipts] == ["accepted", "quarantined"]
    with app.app_context():
        worker.drain(app)
    assert shelf.all(select(Alert).where(Alert.rule == "red_flag", Alert.urgent))


def test_bytes_changed_on_the_way_are_asked_for_again(phone, shelf, aminata):
    visit = phone.save_visit(aminata)
    changed = Piece(visit.id, visit.kind, visit.key, visit.digest, visit.sealed[:-1] + b"?", visit.author)
    assert phone.post(changed).receipts[0]["outcome"] == "later"
    assert shelf.submissions() == []
    assert phone.post(visit).receipts[0]["outcome"] == "accepted"


def test_one_that_breaks_us_is_asked_for_later_and_the_others_are_taken(
    phone, shelf, aminata, app, monkeypatch
):
    from webapp.offline import receiving

    pieces = [phone.save_visit(aminata, notes=note) for note in ("un", "deux", "trois")]
    record = receiving.record_visit_from

    def breaking(fields, **said):
        recorded = record(fields, **said)
        if fields["notes"] == "deux":
            raise RuntimeError("a fault of ours")
        return recorded

    with monkeypatch.context() as patched:
        patched.setattr(receiving, "record_visit_from", breaking)
        outcomes = [receipt["outcome"] for receipt in phone.post(*pieces).receipts]
    assert outcomes == ["accepted", "later", "accepted"]
    assert sorted(visit.notes for visit in shelf.visits()) == ["trois", "un"]
    assert len(shelf.submissions()) == 2
    assert phone.post(pieces[1]).receipts[0]["outcome"] == "accepted"
    assert len(shelf.visits()) == 3
