"""A payment request made on a phone: taken once, or kept with the reason; its quotes follow it."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import delete, select

from tests.allocations.builders import a_rate
from tests.allocations.hands import Hands
from tests.offline.languages import speak
from tests.phone import a_picture
from tests.world import request_fields
from webapp import clock, worker
from webapp.allocations.models import PaymentRequest, RequestDocument
from webapp.cases.actions import assign_officer
from webapp.cases.models import Case
from webapp.database import db
from webapp.visits.models import Photo


@pytest.fixture
def hands(app: Any, cast: Any) -> Hands:
    return Hands(app, cast)


def saves(phone: Any, case: Any, amount: str = "150", *, supersedes: Any = None, **fields: str) -> Any:
    return phone.save("payment-request", case, request_fields(amount, **fields), supersedes=supersedes)


def quote(phone: Any, request: Any, case: Any, size: int = 40, **said: Any) -> Any:
    return phone.save_photo(request, case, a_picture(size), **{"document": "quote", **said})


def requests(shelf: Any) -> list[Any]:
    return shelf.all(select(PaymentRequest).order_by(PaymentRequest.changed_at))


def papers(shelf: Any) -> list[Any]:
    return shelf.all(select(RequestDocument).order_by(RequestDocument.added_at))


def plain(said: str) -> str:
    return said.replace("\xa0", " ").replace("\u202f", " ")


def test_a_request_sent_twice_is_asked_once(phone, shelf, aminata, cast):
    asked = saves(phone, aminata)
    receipts = [phone.post(asked).receipts[0] for _copy in range(3)]
    assert receipts[0] == receipts[1] == receipts[2]
    assert receipts[0]["outcome"] == "accepted"
    [request] = requests(shelf)
    assert (request.id, request.state, request.minor) == (asked.id, "requested", 15_000)
    assert (request.requester_id, request.case_id) == (cast.ibrahima, aminata)
    assert len(shelf.entries("payment.requested")) == 1


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("fr", "Demandé 1 000,00 EUR, disponible 900,00 EUR."), ("en", "1,000.00"), ("ar", "900")],
)
def test_more_than_is_there_comes_back_with_both_amounts_and_everything_typed(
    app, phone, shelf, aminata, cast, locale, sentence
):
    speak(app, cast.ibrahima, locale)
    asked = saves(phone, aminata, "1 000")
    receipts = [phone.post(asked).receipts[0] for _copy in range(2)]
    assert receipts[0] == receipts[1]
    assert receipts[0]["outcome"] == "needs attention"
    [said] = receipts[0]["errors"]["amount"]
    assert sentence in plain(said)
    assert requests(shelf) == []
    assert shelf.submission(asked.id).sealed == asked.sealed
    [noted] = shelf.entries("payment.over_ceiling")
    assert noted.facts == {"asked": 100_000, "available": 90_000, "currency": "EUR"}
    with app.app_context():
        worker.drain(app)


def test_a_corrected_request_takes_the_place_of_the_refused_one(phone, shelf, aminata):
    refused = saves(phone, aminata, "1000")
    phone.post(refused)
    again = saves(phone, aminata, "900.01", supersedes=refused.id)
    assert phone.post(again).receipts[0]["outcome"] == "needs attention"
    right = saves(phone, aminata, "900", supersedes=again.id)
    assert phone.post(right).receipts[0]["outcome"] == "accepted"
    assert [request.id for request in requests(shelf)] == [right.id]
    for old in (refused, again):
        assert shelf.submission(old.id).superseded_at
        assert shelf.submission(old.id).sealed is None
    assert len(shelf.entries("payment.over_ceiling")) == 2


@pytest.mark.parametrize("when", ["before", "between", "after", "one of each"])
def test_quotes_follow_their_request_to_its_correction_whenever_they_come(hands, phone, people, shelf, when):
    hands.under_a_rule()
    refused = saves(phone, hands.case, "1001")
    first, second = quote(phone, refused, hands.case, 40), quote(phone, refused, hands.case, 41, slot=2)
    if when in ("before", "one of each"):
        phone.send_photo(first)
    if when == "before":
        phone.send_photo(second)
    phone.post(refused)
    if when == "between":
        phone.send_photo(first)
        phone.send_photo(second)
    right = saves(phone, hands.case, "500", supersedes=refused.id)
    assert phone.post(right).receipts[0]["outcome"] == "accepted"
    phone.deliver(tries=2)
    assert {paper.request_id for paper in papers(shelf)} == {right.id}
    assert hands.state(right.id) == "requested", "it has the quotes of its rule"
    shown = people("kadiatou").opens(f"/payment-requests/{right.id}").soup.select("a[href^='/documents/']")
    assert {link["href"].rsplit("/", 1)[1] for link in shown} == {str(first.id), str(second.id)}


def test_a_request_waits_for_quotes_that_are_still_on_the_phone(hands, phone, shelf):
    hands.under_a_rule()
    asked = saves(phone, hands.case, "500")
    quotes = [quote(phone, asked, hands.case, 40 + n, slot=n) for n in range(2)]
    phone.post(asked)
    assert hands.state(asked.id) == "draft"
    for paper in quotes:
        for _copy in range(2):
            phone.send_photo(paper)
    assert hands.state(asked.id) == "requested"
    assert [(paper.kind, paper.media, paper.by_id) for paper in papers(shelf)] == [
        ("quote", "jpeg", hands.cast.ibrahima)
    ] * 2
    assert shelf.all(select(Photo)) == []
    assert not [key for key in shelf.files() if key.startswith("photo/")], "no second copy as a visit's photo"


def test_the_check_finds_the_record_of_each_accepted_request_and_quote(app, hands, phone):
    hands.under_a_rule()
    asked = saves(phone, hands.case, "500")
    paper = quote(phone, asked, hands.case)
    phone.deliver(tries=2)
    check = lambda: app.test_cli_runner().invoke(args=["check"])  # noqa: E731
    assert check().exit_code == 0, check().output
    with app.app_context():
        db.session.execute(delete(RequestDocument).where(RequestDocument.id == paper.id))
        db.session.commit()
    lost = check()
    assert lost.exit_code == 1
    assert f"submissions {paper.id}: accepted, but its photo is not there" in lost.output


def test_a_picture_that_is_none_keeps_the_request_and_says_why(phone, shelf, aminata):
    asked = saves(phone, aminata)
    phone.post(asked)
    broken = phone.save_photo(asked, aminata, b"no picture", document="quote")
    receipt = phone.send_photo(broken).receipts[0]
    assert receipt["outcome"] == "needs attention"
    assert any(receipt["errors"].values())
    assert papers(shelf) == []
    assert len(requests(shelf)) == 1


@pytest.mark.parametrize("document", ["free", "<b>", "x" * 500, 7, ["quote"]])
def test_a_paper_of_no_known_kind_is_not_kept(phone, shelf, aminata, document):
    asked = saves(phone, aminata)
    phone.post(asked)
    answer = phone.send_photo(quote(phone, asked, aminata, document=document))
    assert answer.receipts[0]["outcome"] == "needs attention"
    assert papers(shelf) == []


def test_nobody_takes_over_the_papers_of_another_by_naming_their_request(phones, app, cast, shelf, hands):
    phone, stranger = phones("ibrahima"), phones("mariama")
    refused = saves(phone, cast.aminata, "1000")
    phone.post(refused)
    phone.send_photo(quote(phone, refused, cast.aminata))
    with app.app_context():
        from tests.cast import a_case, money_for
        from webapp.people.models import Staff

        case = a_case("Keita", "Fanta", officer=db.session.get_one(Staff, cast.mariama))
        money_for(case, by=cast.kadiatou)
        db.session.commit()
        theirs = case.id
    right = saves(stranger, theirs, "100", supersedes=refused.id)
    stranger.post(right)
    assert [paper.request_id for paper in papers(shelf)] == [refused.id]
    assert shelf.submission(refused.id).sealed is not None


def test_whoever_followed_the_case_before_brings_its_photos_but_no_papers(app, hands, phone, shelf, cast):
    hands.under_a_rule()
    asked, visit = saves(phone, hands.case, "500"), phone.save_visit(hands.case)
    for piece in (asked, visit):
        phone.post(piece)
    with app.app_context():
        case = db.session.get_one(Case, hands.case)
        assign_officer(case, cast.mariama, officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    refused = [quote(phone, asked, hands.case, 40 + n, slot=n).id for n in range(2)]
    photo = phone.save_photo(visit, hands.case, a_picture(40))
    phone.deliver(tries=2)
    assert papers(shelf) == []
    assert hands.state(asked.id) == "draft"
    assert [shelf.submission(id).outcome for id in refused] == ["needs attention"] * 2
    assert shelf.submission(photo.id).outcome == "accepted"


def test_a_recorded_request_keeps_its_papers_whatever_names_it_as_refused(hands, phone, shelf):
    hands.under_a_rule()
    paid = hands.asks("200")
    papers_of_paid = {hands.adds("quote", paid) for _n in range(2)}
    hands.walks(paid, "approval", "order", "delivery", "invoice", "payment")
    claimed = saves(phone, hands.case, "150", supersedes=paid)
    # And one that is refused under the number of the paid one, then corrected, then given again.
    same = phone.save("payment-request", hands.case, request_fields("150"), id=paid)
    assert phone.post(same).receipts[0]["outcome"] == "needs attention"
    corrected = saves(phone, hands.case, "150", supersedes=paid)
    for piece in (claimed, corrected):
        assert phone.post(piece).receipts[0]["outcome"] == "accepted"
    kept = {paper.id for paper in papers(shelf) if paper.request_id == paid}
    assert len(kept) == 4
    assert kept > papers_of_paid
    assert hands.state(corrected.id) == "draft", "it has no quotes of its own"


@pytest.mark.parametrize("name", ["mariama", "awa"])
def test_a_request_for_a_case_that_is_not_theirs_needs_attention(phones, shelf, aminata, name):
    stranger = phones(name)
    assert stranger.post(saves(stranger, aminata)).receipts[0]["outcome"] == "needs attention"
    assert requests(shelf) == []


def test_the_phone_neither_approves_nor_pays(phone, shelf, aminata):
    asked = saves(phone, aminata, state="approved", approver_id=str(uuid4()), held_minor="1")
    phone.post(asked)
    [request] = requests(shelf)
    assert (request.state, request.approver_id, request.held_minor) == ("requested", None, 0)
    assert phone.post_json({"submissions": [{**asked.envelope, "kind": "payment"}]}).status == 400


def test_what_a_form_may_hold_is_answered_with_a_sentence_and_never_with_a_fault(phone, shelf, aminata):
    for fields in (
        {"amount": "NaN"}, {"amount": "-5"}, {"amount": "9" * 300}, {"amount": "1e9"}, {"amount": "１００"}, {"amount": ""},
        {"currency": "XXX"}, {"currency": "GNF"}, {"category": "x"}, {"category": ""}, {"payee_kind": "x"},
        {"provider": "x"}, {"provider": str(uuid4())}, {"chosen_by": ""}, {"what": ""}, {"what": "x" * 201}, {"chosen_by": "x"},
        {"payee_kind": "mobile_money"}, {"payee_kind": "provider", "payee_name": ""}, {"operator": "x" * 41},
    ):  # fmt: skip
        receipt = phone.post(saves(phone, aminata, **fields)).receipts[0]
        assert receipt["outcome"] == "needs attention", fields
        assert receipt["errors"], fields
        assert all(sentence for said in receipt["errors"].values() for sentence in said), fields
        assert "Not a valid choice." not in str(receipt["errors"])
    assert requests(shelf) == []


# The pack


def lines(people: Any) -> list[Any]:
    return packed_lines(people, "/pack?cursor=0&build=x")


def later(people: Any) -> list[Any]:
    """What comes once the line is quiet again."""
    end = lines(people)[-1]
    return packed_lines(people, f"/pack?cursor={end['cursor']}&build={end['build']}&later")


def packed_lines(people: Any, path: str) -> list[Any]:
    text = people("ibrahima").client.get(path).get_data(as_text=True)
    return [json.loads(line) for line in text.splitlines()]


def test_the_pack_carries_the_form_and_what_each_allocation_has_left_in_both_currencies(
    app, people, aminata, cast
):
    with app.app_context():
        a_rate("EUR", "GNF", "9500", clock.now() - timedelta(days=2))
        db.session.commit()
    packed = lines(people)
    [form] = [line for line in later(people) if line.get("pattern") == "/cases/{case}/payment-requests/new"]
    for slot in (
        "case_id",
        "code",
        "name",
        "allocation",
        "available",
        "currency",
        "available_locally",
        "locally_in",
    ):
        assert f"%%{slot}%%" in form["main"], slot
    assert "data-as-of" in form["main"]
    assert str(aminata) not in form["main"]
    [slots] = [line["slots"] for line in packed if line.get("about") == f"/cases/{aminata}"]
    assert (slots["available"], slots["currency"]) == ("900.00", "EUR")
    assert (slots["available_locally"], slots["locally_in"]) == ("8550000", "GNF")
    assert "900,00" in plain(slots["allocation"])
    said = plain(BeautifulSoup(slots["allocation"], "html5lib").get_text(" "))
    assert "environ 8 550 000 GNF" in " ".join(said.split())


def test_a_case_whose_money_moved_is_brought_again(people, app, hands, aminata):
    first = lines(people)[-1]
    hands.walks(hands.asks("100"), "approval")
    answer = people("ibrahima").client.get(f"/pack?cursor={first['cursor']}&build={first['build']}")
    [slots] = [
        line["slots"]
        for line in map(json.loads, answer.get_data(as_text=True).splitlines())
        if "about" in line
    ]
    assert slots["available"] == "800.00"


def test_a_request_that_waits_for_quotes_is_told_on_the_phones_form(people, app, hands, aminata):
    with app.app_context():
        request = db.session.get_one(PaymentRequest, hands.asks("100", what="Moulin à maïs"))
        request.state = "draft"
        db.session.commit()
    [slots] = [line["slots"] for line in lines(people) if line.get("about") == f"/cases/{aminata}"]
    assert "Moulin à maïs" in slots["allocation"]
