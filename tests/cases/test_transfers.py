"""Cases are handed on: at once within the office, to another office when it accepts; nothing and nobody is lost."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from tests.browser_client import Person
from tests.cases.conftest import Desk, url
from tests.cases.test_pack import gone, kept, pack, since
from tests.cast import Cast
from tests.phone import Phone, line_to_app
from tests.world import OWN, make_world, request_fields
from webapp.allocations.models import PaymentRequest
from webapp.cases.models import CaseOfficer, TimelineEntry
from webapp.cases.transfers.models import Transfer
from webapp.database import db
from webapp.permissions import Role
from webapp.visits.models import FollowUp


def fields(to: str, *cases: str, **changed: Any) -> dict[str, Any]:
    """The form as it is posted; each case with the officer it stood under."""
    return {
        "id": str(uuid4()), "case": list(cases), "to": to, "reason": "workload", "note": "Aime être appelée le matin.",
        **changed,
    }  # fmt: skip


def shown(case_id: UUID, officer: UUID | None) -> str:
    return f"{case_id} {officer or ''}".strip()


def to_dakar(desk: Desk, kadiatou: Person, **changed: Any) -> UUID:
    """Aminata's case is offered to Dakar; the transfer's id."""
    cast = desk.cast
    form = fields(f"office {cast.dakar}", shown(cast.aminata, cast.ibrahima), **changed)
    kadiatou.posts("/transfers", form)
    with desk.app.app_context():
        return db.session.query(Transfer).filter_by(case_id=cast.aminata).one().id


def test_a_case_goes_to_another_officer_with_a_note_and_the_phones_follow(
    desk: Desk, cast: Cast, people: Any, kadiatou: Person
) -> None:
    ibrahima, mariama = people("ibrahima"), people("mariama")
    old, new = pack(ibrahima), pack(mariama)
    page = kadiatou.opens(f"/transfers?case={cast.aminata}")
    assert "Aminata" in page.text()
    assert "contact" in page.text(), "what is due next is shown"
    form = fields(f"officer {cast.mariama}", shown(cast.aminata, cast.ibrahima))
    for _time in range(2):
        kadiatou.posts("/transfers", form)
    assert desk.case(cast.aminata).officer_id == cast.mariama
    assert url(cast.aminata) in gone(since(ibrahima, old))
    assert url(cast.aminata) in kept(since(mariama, new))
    assert len(desk.entries(cast.aminata, "case.assigned")) == 2, "once at the start, once now"
    assert "Aime être appelée le matin." in mariama.opens(url(cast.aminata)).text(".timeline")
    ibrahima.opens(url(cast.aminata), 404)
    assert desk.told("case_assigned") >= {"mariama"}
    with desk.app.app_context():
        followed = db.session.query(CaseOfficer).filter_by(case_id=cast.aminata).all()
        assert {(one.staff_id, one.until is None) for one in followed} == {
            (cast.ibrahima, False),
            (cast.mariama, True),
        }
        assert db.session.query(Transfer).one().outcome == "done"


def test_all_cases_of_an_officer_who_leaves_go_in_one_step(
    desk: Desk, cast: Cast, kadiatou: Person, people: Any
) -> None:
    mine = [cast.aminata, *(desk.also(cast.ibrahima, f"Personne {n}") for n in range(4))]
    assert len(kadiatou.opens(f"/transfers?officer={cast.ibrahima}").soup.select("[name=case]")) == 5
    form = fields(f"officer {cast.mariama}", all=str(cast.ibrahima), officer=str(cast.ibrahima))
    for _time in range(2):
        kadiatou.posts("/transfers", form)
    assert {desk.case(case_id).officer_id for case_id in mine} == {cast.mariama}
    assert desk.count(Transfer) == 5
    assert desk.case(cast.fatou).officer_id == cast.awa
    assert len(kept(pack(people("mariama")))) >= 5


def test_an_office_that_accepts_has_the_case_and_its_money_and_the_old_one_no_longer(
    app: Flask, desk: Desk, cast: Cast, people: Any, kadiatou: Person, sheikh: UUID
) -> None:
    ibrahima, moussa, farah, cheikh = (
        people("ibrahima"),
        people("moussa"),
        people("farah"),
        Person(app, sheikh),
    )
    ibrahima.posts(
        f"{url(cast.aminata)}/payment-requests", request_fields("50", payee_kind="cash", payee_name="")
    )
    code = desk.case(cast.aminata).code
    transfer = to_dakar(desk, kadiatou)
    at = f"/transfers/{transfer}"
    assert desk.told("transfer_to_decide") == {"moussa"}
    moussa.opens(url(cast.aminata), 404)
    assert desk.case(cast.aminata).office_id == cast.conakry, "until it is accepted the old office keeps it"
    assert "Aime être appelée" in moussa.opens(at).text()
    assert code in farah.opens("/allocations").text()
    assert code not in cheikh.opens("/allocations").text()
    assert "Choisissez un agent" in moussa.posts(f"{at}/acceptance", {}, 422).text()
    for _time in range(2):
        moussa.posts(f"{at}/acceptance", {"officer": str(cast.awa)})
    case = desk.case(cast.aminata)
    assert (case.office_id, case.officer_id, case.counsellor_id) == (cast.dakar, cast.awa, None)
    assert code in cheikh.opens("/allocations").text()
    assert code not in farah.opens("/allocations").text()
    cheikh.opens(f"{url(cast.aminata)}/allocation")
    farah.opens(f"{url(cast.aminata)}/allocation", 404)
    kadiatou.opens(url(cast.aminata), 404)
    assert "Machine à coudre" in moussa.opens("/payment-requests").text()
    assert "Machine à coudre" not in kadiatou.opens("/payment-requests").text()
    assert code in moussa.opens(f"/cases?q={code}").text()
    assert code not in kadiatou.opens(f"/cases?q={code}").text()
    assert url(cast.aminata) in kept(pack(people("awa")))
    assert desk.told("transfer_accepted") == {"kadiatou"}
    assert desk.told("case_assigned") >= {"awa"}
    moved = people("karim").opens(url(cast.aminata)).text(".timeline")
    assert "Dakar" in moved, "the mission that sent reads who follows now"
    assert "Aime être appelée" not in moved, "but not what officers tell each other"


def test_requests_that_are_over_stay_in_the_books_of_the_office_that_paid(
    app: Flask, desk: Desk, cast: Cast, people: Any, kadiatou: Person
) -> None:
    for amount in ("20", "30"):
        people("ibrahima").posts(
            f"{url(cast.aminata)}/payment-requests",
            request_fields(amount, payee_kind="cash", payee_name=""),
        )
    with app.app_context():
        refused = db.session.query(PaymentRequest).filter_by(minor=2_000).one()
        said = {"version": str(refused.version), "shown": "2000", "reason": "Trop tôt"}
        path = f"/payment-requests/{refused.id}/rejection"
    kadiatou.posts(path, said)
    with app.app_context():
        assert db.session.query(PaymentRequest).filter_by(minor=2_000).one().state == "rejected"
    people("moussa").posts(f"/transfers/{to_dakar(desk, kadiatou)}/acceptance", {"officer": str(cast.awa)})
    with app.app_context():
        offices = {one.minor: one.office_id for one in db.session.query(PaymentRequest)}
    assert offices == {2_000: cast.conakry, 3_000: cast.dakar}
    assert desk.allocation_office(cast.aminata) == cast.dakar


def test_what_the_old_officer_wrote_and_sends_later_still_lands(
    app: Flask, desk: Desk, cast: Cast, people: Any, kadiatou: Person
) -> None:
    phone = Phone(line_to_app(app)).enrol(people("ibrahima"))
    visit, money = (
        phone.save_visit(cast.aminata),
        phone.save("payment-request", cast.aminata, request_fields("10")),
    )
    people("moussa").posts(f"/transfers/{to_dakar(desk, kadiatou)}/acceptance", {"officer": str(cast.awa)})
    assert [one["outcome"] for one in phone.post(visit).receipts] == ["accepted"]
    assert [one["outcome"] for one in phone.post(money).receipts] == ["needs attention"], "kept, not dropped"
    with app.app_context():
        kept_visit = db.session.query(FollowUp).filter_by(id=visit.id).one()
        assert (kept_visit.case_id, kept_visit.by_id) == (cast.aminata, cast.ibrahima)
        told = db.session.query(TimelineEntry).filter_by(subject_id=visit.id).one()
        assert told.office_id == cast.dakar
    assert "Tout va bien." in people("awa").opens(url(cast.aminata)).text(".timeline")


def test_a_case_that_is_sent_back_stays_and_the_reason_is_told(
    desk: Desk, cast: Cast, people: Any, kadiatou: Person
) -> None:
    at = f"/transfers/{to_dakar(desk, kadiatou)}"
    moussa = people("moussa")
    refused = moussa.posts(f"{at}/refusal", {"answer": "  "}, 422)
    assert "Dites pourquoi" in refused.text()
    typed = moussa.posts(f"{at}/refusal", {"answer": "x" * 400}, 422)
    assert "x" * 400 in typed.html, "nothing typed is lost"
    moussa.posts(f"{at}/refusal", {"answer": "Elle habite toujours Ratoma."})
    assert desk.case(cast.aminata).office_id == cast.conakry
    assert "habite toujours Ratoma" in kadiatou.opens(at).text()
    assert desk.told("transfer_sent_back") == {"kadiatou"}
    assert (
        "Quelqu’un a déjà répondu" in moussa.posts(f"{at}/acceptance", {"officer": str(cast.awa)}, 422).text()
    )
    second = fields(f"office {cast.dakar}", shown(cast.aminata, cast.ibrahima))
    kadiatou.posts("/transfers", second)
    assert desk.count(Transfer, case_id=cast.aminata) == 2


def test_who_asked_may_take_it_back_and_nobody_else_answers(
    desk: Desk, cast: Cast, people: Any, kadiatou: Person
) -> None:
    at = f"/transfers/{to_dakar(desk, kadiatou)}"
    assert "Votre rôle" in kadiatou.posts(f"{at}/acceptance", {"officer": str(cast.mariama)}, 422).text()
    assert "Votre rôle" in people("moussa").posts(f"{at}/withdrawal", {}, 422).text()
    other = Person(desk.app, desk.new("Zoé Kaba", Role.PROGRAMME_MANAGER, cast.rabat))
    other.opens(at, 404)
    other.posts(f"{at}/acceptance", {}, 404)
    waits = fields(f"officer {cast.mariama}", shown(cast.aminata, cast.ibrahima))
    assert "doit encore répondre" in kadiatou.posts("/transfers", waits, 422).text()
    kadiatou.posts(f"{at}/withdrawal")
    kadiatou.posts("/transfers", waits)
    assert desk.case(cast.aminata).officer_id == cast.mariama


def test_if_one_case_cannot_go_none_goes_and_everything_typed_stays(
    desk: Desk, cast: Cast, kadiatou: Person
) -> None:
    other = desk.also(cast.ibrahima, "Sira")
    desk.moves(other, cast.mariama)
    form = fields(
        f"officer {cast.mariama}", shown(cast.aminata, cast.ibrahima), shown(other, None),
        reason="other", note="Parle soussou.",
    )  # fmt: skip
    page = kadiatou.posts("/transfers", form, 422)
    assert desk.case(other).code in page.text()
    assert "Parle soussou." in page.html
    assert len(page.soup.select("[name=case][checked]")) == 2
    assert desk.case(cast.aminata).officer_id == cast.ibrahima
    assert desk.count(Transfer) == 0
    foreign = fields(f"officer {cast.mariama}", shown(cast.fatou, cast.awa))
    assert "n’est plus à votre bureau" in kadiatou.posts("/transfers", foreign, 422).text()


@pytest.mark.parametrize(
    "changed",
    [
        {"case": []}, {"case": ["x", "\x00", f"{uuid4()}"]}, {"to": ""}, {"to": "officer x"}, {"to": f"office {uuid4()}"},
        {"reason": ""}, {"reason": "x"}, {"reason": "other", "note": ""}, {"note": "x" * 2001}, {"id": "x"}, {"all": "x"},
        {"case": [str(uuid4()) for _n in range(201)]}, {"officer": "\x00"},
    ],
)  # fmt: skip
def test_junk_is_refused_and_moves_nothing(
    desk: Desk, cast: Cast, kadiatou: Person, changed: dict[str, Any]
) -> None:
    form = {**fields(f"officer {cast.mariama}", str(uuid4())), **changed}
    page = kadiatou.posts("/transfers", form, 422)
    assert page.text()
    assert desk.count(Transfer) == 0
    for path in ("/transfers?officer=%00", "/transfers?officer=x&case=x", f"/transfers?case={uuid4()}"):
        kadiatou.opens(path)
    kadiatou.opens(f"/transfers/{uuid4()}", 404)


def test_two_transfers_at_once_make_one(desk: Desk, cast: Cast, people: Any) -> None:
    second = desk.new("Yaya Sylla", Role.PROGRAMME_MANAGER, cast.conakry)
    third = desk.new("Mory Kanté", Role.FIELD_OFFICER, cast.conakry)
    managers = [Person(desk.app, cast.kadiatou), Person(desk.app, second)]
    for _round in range(4):
        case_id = desk.also(cast.ibrahima, f"Ronde {_round}")
        forms = [fields(f"officer {to}", shown(case_id, cast.ibrahima)) for to in (cast.mariama, third)]
        came = at_once(
            *(
                lambda who=who, form=form: who.client.post("/transfers", data=form).status_code
                for who, form in zip(managers, forms, strict=True)
            )
        )
        assert sorted(came) == [303, 422]
        assert desk.count(Transfer, case_id=case_id, outcome="done") == 1
        assert desk.count(CaseOfficer, case_id=case_id, until=None) == 1


def test_two_answers_at_once_are_one(desk: Desk, cast: Cast, kadiatou: Person, people: Any) -> None:
    at = f"/transfers/{to_dakar(desk, kadiatou)}"
    second = Person(desk.app, desk.new("Ousmane Ba", Role.PROGRAMME_MANAGER, cast.dakar))
    came = at_once(
        lambda: people("moussa").client.post(f"{at}/acceptance", data={"officer": str(cast.awa)}).status_code,
        lambda: second.client.post(f"{at}/refusal", data={"answer": "Non"}).status_code,
        lambda: kadiatou.client.post(f"{at}/withdrawal").status_code,
    )
    assert sorted(came) == [303, 422, 422]
    assert (desk.case(cast.aminata).office_id == cast.dakar) == (desk.count(Transfer, outcome="done") == 1)


def at_once(*deeds: Any) -> list[Any]:
    start, came = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(place: int) -> None:
        start.wait()
        came[place] = deeds[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return came


def test_what_was_paid_stays_in_the_books_of_who_paid_and_its_finance_hears_of_it(
    app: Flask, desk: Desk, cast: Cast, people: Any, kadiatou: Person, sheikh: UUID
) -> None:
    world = make_world(app)
    payment, case_id = world.payments[OWN], world.cases[OWN]
    kadiatou.posts("/transfers", fields(f"office {cast.dakar}", shown(case_id, cast.ibrahima)))
    with app.app_context():
        transfer = db.session.query(Transfer).filter_by(case_id=case_id, outcome=None).one().id
    people("moussa").posts(f"/transfers/{transfer}/acceptance", {"officer": str(cast.awa)})
    Person(app, sheikh).opens(f"/payments/{payment}", 404)
    farah = people("farah")
    assert f"/payments/{payment}" in farah.opens("/payments").html
    farah.opens(f"/payments/{payment}")
    farah.posts(f"/payments/{payment}/confirmation")
