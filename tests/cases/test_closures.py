"""An accompaniment ends when nothing is open and a second person says so; it may go on again, and nothing that comes later
is lost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from tests.browser_client import Page, Person
from tests.cases.conftest import Desk, url
from tests.cases.test_pack import gone, kept, pack, since
from tests.cases.test_transfers import at_once, fields, shown
from tests.cast import Cast
from tests.phone import Phone, line_to_app
from tests.world import request_fields
from webapp import clock
from webapp.cases.actions import plan_follow_up, touch
from webapp.cases.closures import satisfaction
from webapp.cases.closures.models import ITEMS, Closure
from webapp.cases.models import Case
from webapp.check_ins.models import RedFlag
from webapp.database import db
from webapp.permissions import Role
from webapp.returnee_pages.actions import make_access
from webapp.visits.models import FollowUp


def asking(**changed: str) -> dict[str, str]:
    return {"id": str(uuid4()), "reason": "completed", "words": "", "money_left": "", **changed}


def asks(person: Person, case_id: UUID, status: int = 303, **changed: str) -> Page:
    return person.posts(f"{url(case_id)}/closure", asking(**changed), status)


def decides(
    person: Person, desk: Desk, case_id: UUID, outcome: str = "signed_off", status: int = 303, **said: str
) -> Page:
    return person.posts(
        f"{url(case_id)}/closure/{outcome}", {"closure": str(closure_of(desk, case_id)), **said}, status
    )


def closure_of(desk: Desk, case_id: UUID) -> UUID:
    with desk.app.app_context():
        found = db.session.query(Closure).filter_by(case_id=case_id).order_by(Closure.recorded_at.desc())
        return UUID(str(found.first().id))


@pytest.fixture
def bare(desk: Desk) -> UUID:
    """A case of Ibrahima without anything open, whose next follow-up is due."""
    case_id = desk.without_money()
    with desk.app.app_context():
        plan_follow_up(
            db.session.get_one(Case, case_id), due_on=clock.now().date(), channel="call", ends_on=None
        )
        db.session.commit()
    return case_id


def test_a_case_is_closed_by_a_second_person_leaves_the_phone_and_may_go_on_again(
    desk: Desk, cast: Cast, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    before = pack(ibrahima)
    form = asking(words="Sa boutique tourne.")
    for _time in range(2):
        ibrahima.posts(f"{url(bare)}/closure", form)
    assert desk.case(bare).stage == "arrived", "asked is not closed"
    assert desk.told("closure_to_sign") == {"kadiatou"}
    assert "Une autre personne" not in kadiatou.opens(f"{url(bare)}/closure").text()
    assert ibrahima.opens(f"{url(bare)}/closure/new", 303).response.location.endswith("/closure")
    for _time in range(2):
        decides(kadiatou, desk, bare)
    case = desk.case(bare)
    assert (case.stage, case.next_follow_up_on) == ("closed", None)
    assert case.closed_at is not None
    assert url(bare) in gone(since(ibrahima, before))
    assert url(bare) not in kept(pack(ibrahima))
    assert desk.told("case_closed") == {"ibrahima"}
    assert "Dossier clos" in ibrahima.opens(url(bare)).text(".timeline")
    again = f"{url(bare)}/reopening"
    assert "Dites pourquoi" in kadiatou.posts(again, {"because": " "}, 422).text()
    ibrahima.posts(again, {"because": "Il revient."}, 403)
    for _time in range(2):
        kadiatou.posts(again, {"because": "Il a perdu sa boutique."})
    case = desk.case(bare)
    assert (case.stage, case.closed_at) == ("arrived", None)
    assert desk.told("case_reopened") == {"ibrahima"}
    assert desk.case(bare).next_follow_up_on is not None, "the worker plans the next contact again"
    assert url(bare) in kept(pack(ibrahima))
    assert len(desk.entries(bare, "case.reopened")) == 1
    asks(ibrahima, bare)
    decides(kadiatou, desk, bare)
    assert desk.count(Closure, case_id=bare, outcome="signed_off") == 2


def test_whoever_asked_never_signs_also_not_behind_the_pages(
    app: Flask, desk: Desk, cast: Cast, people: Any, kadiatou: Person, bare: UUID
) -> None:
    asks(kadiatou, bare)
    assert "Une autre personne" in decides(kadiatou, desk, bare, status=422).text()
    assert desk.told("closure_to_sign") == {"farah"}, (
        "the only manager asked, so finance is the second person"
    )
    page = people("farah").opens(f"{url(bare)}/closure")
    assert "Lansana" not in page.html, "finance signs by code"
    with app.app_context(), pytest.raises(DatabaseError, match="signed_off_by_another"):
        db.session.execute(
            text(
                "UPDATE closures SET outcome = 'signed_off', decided_by_id = asked_by_id, decided_at = asked_at"
            )
        )
    decides(people("farah"), desk, bare)
    assert desk.case(bare).stage == "closed"
    with app.app_context(), pytest.raises(DatabaseError, match="never changed"):
        db.session.execute(text("UPDATE closures SET asked_by_id = decided_by_id"))
    with app.app_context(), pytest.raises(DatabaseError, match="never"):
        db.session.execute(text("DELETE FROM closures"))


def test_finance_does_not_sign_what_an_officer_asked(
    desk: Desk, people: Any, ibrahima: Person, bare: UUID
) -> None:
    asks(ibrahima, bare)
    assert "Votre rôle" in decides(people("farah"), desk, bare, status=422).text()
    assert "Votre rôle" in decides(ibrahima, desk, bare, status=422).text()
    assert desk.case(bare).closed_at is None


def test_what_is_open_is_named_with_where_it_is_seen_to(
    app: Flask, desk: Desk, cast: Cast, ibrahima: Person, kadiatou: Person
) -> None:
    ibrahima.posts(
        f"{url(cast.aminata)}/payment-requests", request_fields("50", payee_kind="cash", payee_name="")
    )
    ibrahima.posts(
        f"{url(cast.aminata)}/red-flags",
        {"id": str(uuid4()), "category": "violence", "help_needed": "Un abri"},
    )
    kadiatou.posts("/transfers", fields(f"office {cast.dakar}", shown(cast.aminata, cast.ibrahima)))
    page = ibrahima.opens(f"{url(cast.aminata)}/closure/new")
    open_now = page.text("main")
    for what in (
        "1 demande de paiement",
        "1 signal de danger",
        "argent mis de côté",
        "1 transfert",
        "allocation",
    ):
        assert what in open_now, what
    assert page.soup.select(f'a[href="{url(cast.aminata)}/allocation"]')
    refused = asks(ibrahima, cast.aminata, 422, reason="other", words="Fini pour elle").text()
    for what in ("1 demande de paiement", "1 signal de danger", "argent mis de côté", "1 transfert"):
        assert f"Il reste ouvert : {what}" in refused or what in refused, what
    assert "Fini pour elle" in refused
    assert desk.count(Closure) == 0


def test_money_that_is_left_is_stated(
    app: Flask, desk: Desk, cast: Cast, ibrahima: Person, kadiatou: Person
) -> None:
    from tests.allocations.builders import euros
    from webapp.allocations.actions import grant
    from webapp.allocations.models import Donor

    case_id = desk.without_money("Kadija")
    with app.app_context():
        donor = db.session.query(Donor).filter_by(name="Espagne").one()
        grant(
            db.session.get_one(Case, case_id), euros(10_000), donor=donor, local_currency="GNF", by=cast.kadiatou,
            now=clock.now(),
        )  # fmt: skip
        db.session.commit()
    assert "Il reste de l’argent" in asks(ibrahima, case_id, 422).text()
    asks(ibrahima, case_id, money_left="Rendu au donateur")
    assert "Rendu au donateur" in kadiatou.opens(f"{url(case_id)}/closure").text()
    decides(kadiatou, desk, case_id)
    assert (
        "Ce cas est clos"
        in ibrahima.posts(
            f"{url(case_id)}/payment-requests", request_fields("5", payee_kind="cash", payee_name=""), 422
        ).text()
    )


def test_what_opens_after_the_request_keeps_it_from_being_signed(
    app: Flask, desk: Desk, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    asks(ibrahima, bare)
    flag = {"id": str(uuid4()), "category": "violence", "help_needed": "Un abri"}
    ibrahima.posts(f"{url(bare)}/red-flags", flag)
    assert "1 signal de danger ouvert" in decides(kadiatou, desk, bare, status=422).text()
    assert desk.case(bare).closed_at is None
    with app.app_context():
        db.session.query(RedFlag).update({"closed_at": clock.now()})
        db.session.commit()
    decides(kadiatou, desk, bare)
    assert desk.case(bare).stage == "closed"


def test_a_request_is_sent_back_with_a_reason_or_taken_back(
    desk: Desk, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    asks(ibrahima, bare)
    assert "Dites pourquoi" in decides(kadiatou, desk, bare, "sent_back", 422, answer="").text()
    typed = decides(kadiatou, desk, bare, "sent_back", 422, answer="x" * 301)
    assert "x" * 301 in typed.html, "nothing typed is lost"
    decides(kadiatou, desk, bare, "sent_back", answer="Appelez-le encore une fois.")
    assert desk.told("closure_sent_back") == {"ibrahima"}
    assert "encore une fois" in ibrahima.opens(f"{url(bare)}/closure").text()
    assert "déjà répondu" in decides(kadiatou, desk, bare, status=422).text()
    asks(ibrahima, bare)
    decides(ibrahima, desk, bare, "sent_back")
    assert desk.count(Closure, outcome="withdrawn") == 1
    assert desk.case(bare).closed_at is None


def test_two_answers_at_once_are_one(desk: Desk, cast: Cast, ibrahima: Person) -> None:
    second = desk.new("Yaya Sylla", Role.PROGRAMME_MANAGER, cast.conakry)
    managers = [Person(desk.app, cast.kadiatou), Person(desk.app, second)]
    for number in range(4):
        case_id = desk.without_money(f"Ronde {number}")
        asks(ibrahima, case_id)
        said = {"closure": str(closure_of(desk, case_id)), "answer": "Non"}
        outcomes = ("signed_off", "sent_back" if number % 2 else "signed_off")
        came = at_once(
            *(
                lambda who=who, outcome=outcome, case_id=case_id, said=said: (
                    who.client.post(
                        f"{url(case_id)}/closure/{outcome}",
                        data=said,
                    ).status_code
                )
                for who, outcome in zip(managers, outcomes, strict=True)
            )
        )
        assert sorted(came) == [303, 422]
        closed = desk.count(Closure, case_id=case_id, outcome="signed_off")
        assert len(desk.entries(case_id, "case.closed")) == closed
        assert (desk.case(case_id).closed_at is not None) == bool(closed)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "x"}, {"reason": ""}, {"reason": "x"}, {"reason": "other", "words": ""}, {"words": "x" * 1001}, {"money_left": "x" * 301},
        {"overall": "6"}, {"overall": "x"}, {"counselling": "0"}, {"words": "\x00", "reason": "other"},
    ],
)  # fmt: skip
def test_junk_is_refused_and_nothing_typed_is_lost(
    desk: Desk, ibrahima: Person, kadiatou: Person, bare: UUID, changed: dict[str, str]
) -> None:
    page = asks(ibrahima, bare, 422, **{"words": "Sa boutique tourne.", **changed})
    assert changed.get("words", "Sa boutique tourne.").replace("\x00", "") in page.html
    assert desk.count(Closure) == 0
    for said in ({}, {"closure": "x"}, {"closure": str(uuid4())}, {"closure": "\x00"}):
        kadiatou.posts(f"{url(bare)}/closure/signed_off", said, 422)
    kadiatou.posts(f"{url(bare)}/closure/answers", {"overall": "5"}, 422)


# What comes later


def test_work_for_a_closed_case_lands_is_told_and_alerts(
    app: Flask, desk: Desk, cast: Cast, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    phone = Phone(line_to_app(app)).enrol(ibrahima)
    visit, flag = phone.save_visit(bare), phone.save_red_flag(bare)
    money = phone.save("payment-request", bare, request_fields("10"))
    asks(ibrahima, bare)
    decides(kadiatou, desk, bare)
    outcomes = [receipt["outcome"] for receipt in phone.post(visit, flag, money).receipts]
    assert outcomes == ["accepted", "accepted", "needs attention"]
    assert desk.count(FollowUp, id=visit.id) == 1
    timeline = kadiatou.opens(url(bare)).text(".timeline")
    assert "Tout va bien." in timeline
    assert "après la clôture" in timeline
    assert desk.told("work_after_closure") == {"kadiatou"}
    assert desk.told("red_flag") >= {"kadiatou", "salma"}
    case = desk.case(bare)
    assert (case.stage, case.next_follow_up_on) == ("closed", None)


def test_an_end_is_asked_for_without_a_network(
    app: Flask, desk: Desk, cast: Cast, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    end = pack(ibrahima)[-1]
    later = ibrahima.opens(f"/pack?cursor={end['cursor']}&build={end['build']}&later=1").html
    assert "/cases/{case}/closure/new" in later
    phone = Phone(line_to_app(app)).enrol(ibrahima)
    at = clock.now() - timedelta(hours=3)
    here = phone.save(
        "closure-request",
        bare,
        {"reason": "moved_away", "overall": "4"},
        header={"claimed_at": at.isoformat()},
    )
    for _time in range(2):
        assert [receipt["outcome"] for receipt in phone.post(here).receipts] == ["accepted"]
    with app.app_context():
        closure = db.session.query(Closure).one()
        assert (closure.id, closure.asked_at, closure.answers) == (here.id, at, {"overall": 4})
    too_early = phone.save("closure-request", cast.aminata, {"reason": "completed"})
    (receipt,) = phone.post(too_early).receipts
    assert receipt["outcome"] == "needs attention"
    assert "Il reste ouvert" in str(receipt["errors"])


def test_the_returnee_reads_that_it_is_over_and_whom_to_call(
    app: Flask, desk: Desk, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    with app.app_context():
        code, pin = make_access(db.session.get_one(Case, bare), clock.now())
        db.session.commit()
    asks(ibrahima, bare, reason="died", words="Ne se lit pas ailleurs")
    decides(kadiatou, desk, bare)
    returnee = Person(app)
    returnee.posts("/my/sign-in", {"code": code, "pin": pin})
    page = returnee.opens("/my")
    assert "L’accompagnement est terminé ; vous pouvez encore appeler le bureau" in page.text()
    assert "Prochain contact" not in page.text()
    assert "Ne se lit" not in page.html
    facts = str([entry.facts for entry in desk.entries(bare, "case.closed")])
    assert "died" not in facts, "the reason stays with the closure"


# What the person says


def test_the_score_is_the_mean_of_what_was_answered_and_silence_is_no_zero(
    desk: Desk, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    asks(ibrahima, bare, overall="5", counselling="4", economic_help="4", social_help="4")
    page = kadiatou.opens(f"{url(bare)}/closure").text()
    assert "Satisfaction : 4,3 sur 5" in page, "17 / 4 = 4.25, half up"
    assert "4 réponses sur 7 questions" in page
    assert satisfaction.score({}) is None
    assert satisfaction.score({"overall": 1, "counselling": 2}) == Decimal("1.5")
    assert satisfaction.shown(Decimal("4.25")) == Decimal("4.3")
    assert len(ITEMS) == 7


def test_what_the_person_says_later_by_phone_is_kept_once(
    desk: Desk, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    asks(ibrahima, bare)
    decides(kadiatou, desk, bare)
    answers = f"{url(bare)}/closure/answers"
    assert "au moins une" in ibrahima.posts(answers, {}, 422).text()
    ibrahima.posts(answers, {"overall": "2"})
    assert "Satisfaction : 2 sur 5" in kadiatou.opens(f"{url(bare)}/closure").text()
    ibrahima.posts(answers, {"overall": "5", "counselling": "4"})
    with desk.app.app_context():
        assert db.session.query(Closure).one().answers == {"overall": 2, "counselling": 4}


def test_an_interrupted_return_ends_and_the_caseworker_reads_only_that(
    app: Flask, desk: Desk, cast: Cast, people: Any, ibrahima: Person, kadiatou: Person, bare: UUID
) -> None:
    with app.app_context():
        case = db.session.get_one(Case, bare)
        case.stage, case.caseworker_id = "interrupted", cast.karim
        touch(case)
        db.session.commit()
    karim = people("karim")
    before = pack(karim)
    asks(ibrahima, bare, reason="interrupted", words="Reste au Maroc")
    decides(kadiatou, desk, bare)
    assert url(bare) in gone(since(karim, before))
    page = karim.opens(url(bare))
    assert "Dossier clos" in page.text()
    assert "Reste au Maroc" not in page.html
    kadiatou.posts(f"{url(bare)}/reopening", {"because": "Il repart."})
    assert desk.case(bare).stage == "interrupted"
