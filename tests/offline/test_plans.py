"""A plan written on a phone: taken once, kept with the reason when it can not be, and never by who follows no more."""

from typing import Any

from sqlalchemy import select

from tests.plans.test_plans import plan_fields
from webapp import clock
from webapp.cases.actions import assign_officer
from webapp.cases.models import Case
from webapp.database import db
from webapp.plans.models import Plan


def plans(shelf: Any) -> list[Any]:
    return shelf.all(select(Plan).order_by(Plan.number))


def test_a_plan_sent_twice_is_one_version(phone, shelf, aminata, cast):
    piece = phone.save("plan", aminata, plan_fields())
    receipts = [phone.post(piece).receipts[0] for _copy in range(3)]
    assert receipts[0] == receipts[1] == receipts[2]
    assert receipts[0]["outcome"] == "accepted"
    [plan] = plans(shelf)
    assert (plan.id, plan.state, plan.author_id) == (piece.id, "waiting", cast.ibrahima)
    assert plan.claimed_at is not None
    assert len(shelf.entries("plan.submitted")) == 1


def test_a_plan_that_can_not_be_comes_back_with_the_sentence_beside_its_field_and_is_corrected(
    phone, shelf, aminata
):
    refused = phone.save("plan", aminata, plan_fields(line_1_amount="douze"))
    receipt = phone.post(refused).receipts[0]
    assert (receipt["outcome"], list(receipt["errors"])) == ("needs attention", ["line_1_amount"])
    right = phone.save("plan", aminata, plan_fields(), supersedes=refused.id)
    assert phone.post(right).receipts[0]["outcome"] == "accepted"
    assert [plan.id for plan in plans(shelf)] == [right.id]
    assert shelf.submission(refused.id).superseded_at


def test_two_plans_written_one_after_the_other_without_network_leave_one_that_waits(phone, shelf, aminata):
    first = phone.save("plan", aminata, plan_fields())
    second = phone.save("plan", aminata, plan_fields(risks="Le loyer"))
    phone.post(first, second)
    assert [(plan.id, plan.state) for plan in plans(shelf)] == [
        (first.id, "replaced"),
        (second.id, "waiting"),
    ]


def test_who_follows_the_case_no_more_changes_no_plan(app, phone, shelf, aminata, cast):
    piece = phone.save("plan", aminata, plan_fields())
    with app.app_context():
        case = db.session.get_one(Case, aminata)
        assign_officer(case, cast.mariama, officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    assert phone.post(piece).receipts[0]["outcome"] != "accepted"
    assert plans(shelf) == []


def test_junk_is_kept_and_told_never_taken(phone, shelf, aminata):
    for body in (b"", b"\xff\xfe", b"objectives=%00", b"step_0_what=x&line_0_amount=1" * 300):
        piece = phone.save("plan", aminata, body)
        assert phone.post(piece).receipts[0]["outcome"] == "needs attention"
    assert plans(shelf) == []
