"""A payment request: every deed, in every state, by everybody, for every kind of payee; and what it does to the money."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask_babel import force_locale
from openpyxl import load_workbook
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from tests.allocations.builders import a_rate
from tests.allocations.hands import DOES, PAYEES, Hands
from tests.cast import Cast
from tests.world import request_fields
from webapp import clock
from webapp.allocations import ledger
from webapp.allocations.models import Allocation, ExchangeRate, Payment, PaymentRequest, RequestStep
from webapp.allocations.requests.actions import OverCeiling, take_step
from webapp.allocations.requests.states import DEEDS
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.money import Money
from webapp.permissions import Role
from webapp.web import NeedsAttention

GOODS, DIRECT = ("provider", "institution"), ("reimbursement", "cash", "mobile_money")
STATES = (
    "draft quoted requested approved ordered delivered invoiced paid verified closed rejected cancelled disputed returned"
).split()
LEADS = """
submission    draft quoted                                  requested  officer
approval      requested                                     approved   manager
rejection     requested                                     rejected   manager
cancellation  draft quoted requested approved ordered       cancelled  officer manager
order         approved                                      ordered    officer finance
delivery      ordered                                       delivered  officer
invoice       delivered                                     invoiced   officer finance
verification  paid                                          verified   manager
closure       verified returned                             closed     manager
dispute       delivered invoiced paid verified              disputed   officer manager
return        delivered disputed                            returned   manager
settlement    disputed                                      *          manager
"""
"""Said a second time, from the papers a purchase goes through: deed, from, to, who."""
TABLE = {
    words[0]: (
        [word for word in words[1:] if word in STATES][:-1] if words[0] != "settlement" else ["disputed"],
        "*" if "*" in words else [word for word in words if word in STATES][-1],
        [word for word in words if word in ("officer", "manager", "finance")],
    )
    for words in map(str.split, LEADS.strip().splitlines())
}
WHO = {
    "ibrahima": "officer", "kadiatou": "manager", "farah": "finance", "mariama": "", "awa": "", "moussa": "",
    "salma": "", "ada": "", "root": "", "karim": "",
}  # fmt: skip
WAY = ["approval", "order", "delivery", "invoice", "payment", "verification", "closure"]
REACHED = ["approved", "ordered", "delivered", "invoiced", "paid", "verified", "closed"]


@pytest.fixture
def hands(app: Flask, cast: Cast) -> Hands:
    return Hands(app, cast)


def way_to(state: str, kind: str) -> list[str] | None:
    """The deeds that bring a request of this kind to a state; None where it never comes."""
    goods = kind in GOODS
    if state in REACHED:
        if not goods and state in ("ordered", "delivered", "invoiced"):
            return None
        deeds = WAY[: REACHED.index(state) + 1]
        return deeds if goods else [deed for deed in deeds if deed not in ("order", "delivery", "invoice")]
    if state == "disputed":
        return [*(way_to("delivered" if goods else "paid", kind) or []), "dispute"]
    if state == "returned":
        return [*(way_to("disputed", kind) or []), "return"]
    return {"requested": [], "rejected": ["rejection"], "cancelled": ["cancellation"]}.get(state)


def test_the_table_names_every_deed_and_every_state() -> None:
    assert set(TABLE) | {"payment"} == set(DEEDS)
    assert set(TABLE) == set(DOES)
    assert {state for kind in PAYEES for state in STATES if way_to(state, kind) is not None} == set(
        STATES
    ) - {"draft", "quoted"}


@pytest.mark.parametrize("kind", PAYEES)
def test_every_deed_leads_where_the_table_says_and_nowhere_else(hands: Hands, kind: str) -> None:
    wrong = []
    for state in STATES:
        way = way_to(state, kind)
        if way is None and state not in ("draft", "quoted"):
            continue
        request_id = hands.walks(hands.asks("10", kind), *(way or []))
        if way is None:
            hands.puts(request_id, state)
        assert hands.state(request_id) == state
        for paper in ("handover", "invoice", "quote", "receipt"):
            hands.adds(paper, request_id)
        state = hands.state(request_id)  # noqa: PLW2901 - a draft goes on by itself when its quotes are here
        for deed, (starts, to, roles) in TABLE.items():
            for name, role in WHO.items():
                led = outcome_of(hands, deed, request_id, name)
                possible = state in starts and role in roles and not (deed == "order" and kind in DIRECT)
                again = state == ("verified" if to == "*" else to) and did_last(hands, request_id, name)
                expected = {to} if possible else {state} if again else {"refused"}
                if led not in expected and not (possible and to == "*" and led in STATES):
                    wrong.append(f"{kind}: {deed} of {state} by {name}: {led}, not {expected}")
    assert not wrong, "\n".join(wrong)


def outcome_of(hands: Hands, deed: str, request_id: Any, name: str) -> str:
    """What would come of it; nothing is kept."""
    person = hands.known(name)
    with hands.app.test_request_context():
        asked = db.session.get_one(PaymentRequest, request_id)
        case = db.session.get_one(Case, asked.case_id)
        before = (asked.state, asked.held_minor, asked.version)
        try:
            return str(
                take_step(asked, case, DEEDS[deed], by=person, now=clock.now(), reason="Parce que").state
            )
        except NeedsAttention:
            db.session.expire_all()
            assert (asked.state, asked.held_minor, asked.version) == before, "refused, it changes nothing"
            return "refused"
        finally:
            db.session.rollback()


def did_last(hands: Hands, request_id: Any, name: str) -> bool:
    with hands.app.app_context():
        steps = db.session.scalars(
            select(RequestStep).where(RequestStep.request_id == request_id).order_by(RequestStep.at)
        ).all()
        return steps[-1].by_id == getattr(hands.cast, name)


@pytest.mark.parametrize("kind", PAYEES)
def test_only_finance_pays_and_only_what_is_to_be_paid(hands: Hands, kind: str) -> None:
    payable = {"invoiced"} if kind in GOODS else {"approved"}
    for state in STATES:
        way = way_to(state, kind)
        if way is None:
            continue
        request_id = hands.walks(hands.asks("10", kind), *way)
        hands.adds("receipt", request_id)
        before = hands.entries(request_id)
        for name in WHO:
            if name != "farah" or state not in payable:
                with pytest.raises(NeedsAttention):
                    hands.pays(request_id, by=name)
        assert hands.state(request_id) == state
        assert hands.entries(request_id) == before
        if state in payable:
            assert hands.pays(request_id) == "paid"


# Money that is held


@pytest.mark.parametrize("kind", ["provider", "cash"])
def test_what_is_approved_is_held_and_what_is_paid_is_spent(hands: Hands, kind: str) -> None:
    there = hands.left()
    request_id = hands.asks("100", kind)
    assert hands.left() == there, "a request is not a promise"
    hands.does("approval", request_id)
    assert hands.left() == there - 10_000
    hands.walks(request_id, *(way_to("closed", kind) or [])[1:])
    assert hands.left() == there - 10_000
    assert hands.entries(request_id) == [("disbursed", 10_000), ("set_aside", 10_000)]
    assert hands.request(request_id).held_minor == 0


@pytest.mark.parametrize(
    "ends",
    [
        ["approval", "cancellation"],
        ["approval", "order", "cancellation"],
        ["approval", "order", "delivery", "return"],
        ["approval", "order", "delivery", "dispute", "return"],
        ["approval", "order", "delivery", "invoice", "dispute", "return"],
    ],
)
def test_what_ends_unpaid_gives_its_money_back_once(hands: Hands, ends: list[str]) -> None:
    there = hands.left()
    request_id = hands.walks(hands.asks("100"), *ends)
    for _again in range(2):
        assert hands.does(ends[-1], request_id) in ("cancelled", "returned")
    assert hands.left() == there
    assert hands.entries(request_id) == [("released", 10_000), ("set_aside", 10_000)]


def test_what_was_refused_never_held_anything(hands: Hands) -> None:
    there = hands.left()
    for ends in (["rejection"], ["cancellation"]):
        assert hands.entries(hands.walks(hands.asks("100"), *ends)) == []
    assert hands.left() == there


@pytest.mark.parametrize("before", ["delivered", "invoiced"])
def test_a_settled_dispute_goes_on_to_be_paid_with_the_money_that_was_held_for_it(
    hands: Hands, before: str
) -> None:
    there = hands.left()
    request_id = hands.walks(hands.asks("100"), *(way_to(before, "provider") or []), "dispute")
    assert hands.request(request_id).held_minor == 10_000
    for _again in range(2):
        assert hands.does("settlement", request_id) == before
    assert hands.request(request_id).held_minor == 10_000
    hands.walks(
        request_id, *(["invoice"] if before == "delivered" else []), "payment", "verification", "closure"
    )
    assert hands.left() == there - 10_000
    assert hands.entries(request_id) == [("disbursed", 10_000), ("set_aside", 10_000)]


@pytest.mark.parametrize("before", ["paid", "verified"])
def test_a_settled_dispute_over_what_is_paid_is_verified(hands: Hands, before: str) -> None:
    request_id = hands.walks(hands.asks("100"), *(way_to(before, "provider") or []), "dispute")
    for _again in range(2):
        assert hands.does("settlement", request_id) == "verified"
    assert hands.does("closure", request_id) == "closed"


def test_a_request_paid_in_part_stays_open_and_cannot_be_cancelled_away(hands: Hands) -> None:
    there = hands.left()
    request_id = hands.walks(hands.asks("100", "cash"), "approval")
    assert hands.pays(request_id, amount=Money(3_000, "EUR")) == "approved"
    with pytest.raises(NeedsAttention, match=""):
        hands.does("cancellation", request_id)
    assert hands.request(request_id).state == "approved"
    assert hands.left() == there - 10_000
    assert hands.entries(request_id) == [("disbursed", 3_000), ("set_aside", 10_000)]


def test_nothing_is_closed_while_money_is_held_for_it(hands: Hands) -> None:
    request_id = hands.walks(hands.asks("100", "cash"), "approval")
    hands.puts(request_id, "paid")
    with pytest.raises(NeedsAttention):
        hands.does("verification", request_id)
    assert hands.request(request_id).held_minor == 10_000


# More than is there


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("fr", "Demandé 900,01 EUR, disponible 900,00 EUR."),
        ("en", "900.01"),
        ("ar", "900"),
    ],
)
def test_more_than_is_there_is_refused_beside_the_amount_and_everything_stays(
    app: Flask, people: Any, cast: Cast, locale: str, said: str
) -> None:
    from webapp.people.models import Staff

    with app.app_context():
        db.session.get_one(Staff, cast.ibrahima).locale = locale
        db.session.commit()
    fields = request_fields(
        "900,01", what="Tôle ondulée <b>", category="housing", payee_kind="mobile_money", operator="Orange",
        holder_checked="y", payee_account="622 00 03 17", holder="Fanta Bah", payee_name="Fanta", chosen_by="framework",
    )  # fmt: skip
    page = people("ibrahima").posts(f"/cases/{cast.aminata}/payment-requests", fields, 422)
    spaces = str.maketrans({"\xa0": " ", "\u202f": " "})
    assert said in page.text("#amount-field .error").translate(spaces)
    for name in ("what", "amount", "payee_name", "operator", "payee_account", "holder"):
        assert page.soup.select_one(f"[name={name}]")["value"] == fields[name]
    for name in ("category", "currency", "chosen_by"):
        assert page.soup.select_one(f"[name={name}] [selected]")["value"] == fields[name]
    assert page.soup.select_one("[name=payee_kind][checked]")["value"] == "mobile_money"
    assert page.soup.select_one("[name=holder_checked]").has_attr("checked")
    assert page.soup.select_one("[name=id]")["value"] == fields["id"]
    with app.app_context():
        assert db.session.scalars(select(PaymentRequest)).all() == []
        [noted] = db.session.scalars(
            select(TimelineEntry).where(TimelineEntry.kind == "payment.over_ceiling")
        )
        assert noted.facts == {"asked": 90_001, "available": 90_000, "currency": "EUR"}
        assert (noted.case_id, noted.by_id) == (cast.aminata, cast.ibrahima)
    fields["amount"] = "900"
    people("ibrahima").posts(f"/cases/{cast.aminata}/payment-requests", fields)
    assert "plus grande que ce qui reste" in people("kadiatou").opens(f"/cases/{cast.aminata}").text()


def test_two_requests_that_fit_alone_do_not_fit_together(hands: Hands) -> None:
    first, second = hands.asks("500"), hands.asks("500")
    assert hands.does("approval", first) == "approved"
    with pytest.raises(OverCeiling) as refused:
        hands.does("approval", second)
    assert (refused.value.asked.minor, refused.value.available.minor) == (50_000, 40_000)
    assert hands.state(second) == "requested"
    hands.does("cancellation", first)
    assert hands.does("approval", second) == "approved"


@pytest.mark.parametrize(("limit", "kind"), [("micro_project", "provider"), ("cash", "mobile_money")])
@pytest.mark.parametrize("locale", ["fr", "en", "ar"])
def test_a_sub_ceiling_is_named_when_it_refuses(hands: Hands, limit: str, kind: str, locale: str) -> None:
    from webapp.allocations.words import LIMIT_NAMES

    hands.under_a_rule(**{limit: 5_000})
    with pytest.raises(OverCeiling) as too_much:
        hands.asks("50.01", kind)
    assert (too_much.value.asked.minor, too_much.value.available.minor) == (5_001, 5_000)
    # Two that fit each by itself: the second is more than the first leaves.
    first, request_id = hands.asks("0.01", kind), hands.asks("50", kind)
    hands.does("approval", first)
    person = hands.known("kadiatou")
    with hands.held(request_id) as (asked, case), force_locale(locale):
        with pytest.raises(OverCeiling) as refused:
            take_step(asked, case, DEEDS["approval"], by=person, now=clock.now())
        [sentence] = refused.value.errors["amount"]
        assert LIMIT_NAMES[limit]() in sentence
        assert "50" in sentence
    assert hands.request(request_id).held_minor == 0
    assert hands.does("approval", hands.asks("49.99", kind)) == "approved"


def test_an_allocation_that_expired_pays_for_nothing_new(hands: Hands) -> None:
    request_id = hands.asks("50")
    with hands.app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == hands.case)).one()
        allocation.valid_until = clock.now().date() - timedelta(days=1)
        db.session.commit()
    with pytest.raises(NeedsAttention) as refused:
        hands.asks("50")
    assert list(refused.value.errors) == ["amount"]
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id)
    assert hands.state(request_id) == "requested"


def left_said(page: Any) -> str:
    return " ".join(page.text(".allocation-bar .left").split())


def test_no_currency_is_meant_until_one_is_chosen_and_both_say_what_is_left(
    hands: Hands, people: Any, cast: Cast
) -> None:
    path = f"/cases/{cast.aminata}/payment-requests"
    rate(hands)
    form = people("ibrahima").opens(f"{path}/new")
    assert [option["value"] for option in form.soup.select("[name=currency] option")] == ["", "GNF", "EUR"]
    assert not form.soup.select("[name=currency] [selected]:not([value=''])")
    assert left_said(form) == "Disponible 900,00 EUR environ 8 550 000 GNF"
    asked = hands.asks("100")
    assert left_said(people("kadiatou").opens(f"/payment-requests/{asked}")) == left_said(form)
    back = people("ibrahima").posts(path, request_fields("100", currency=""), 422)
    assert back.text("#currency-field .error")
    assert back.soup.select_one("[name=amount]")["value"] == "100"
    with hands.app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        allocation.local_currency = "EUR"
        db.session.commit()
    only = people("ibrahima").opens(f"{path}/new")
    assert [option["value"] for option in only.soup.select("[name=currency] option")] == ["EUR"]


@pytest.mark.parametrize("kind", PAYEES)
def test_a_payee_outside_the_list_is_named_where_goods_are_bought_and_nothing_typed_is_lost(
    hands: Hands, people: Any, cast: Cast, kind: str
) -> None:
    path = f"/cases/{cast.aminata}/payment-requests"
    fields = {**request_fields("100"), **PAYEES[kind], "payee_name": " "}
    if kind in DIRECT:
        people("ibrahima").posts(path, fields)
        return
    back = people("ibrahima").posts(path, fields, 422)
    assert back.text("#payee_name-field .error") == "Nommez celui qui est payé."
    for name in ("id", "what", "amount"):
        assert back.soup.select_one(f"[name={name}]")["value"] == fields[name]
    for name in ("category", "currency", "chosen_by"):
        assert back.soup.select_one(f"[name={name}] [selected]")["value"] == fields[name]
    assert back.soup.select_one("[name=payee_kind][checked]")["value"] == kind
    # The phone asks for it before it saves, unless somebody known is chosen.
    needed = str(back.soup.select_one("[name=payee_name]")["data-needed-if"])
    assert back.soup.select(needed.split("&", maxsplit=1)[0].replace(":checked", "[checked]"))


# Quotes


def preset(people: Any, request_id: UUID) -> str:
    page = people("ibrahima").opens(f"/payment-requests/{request_id}")
    chosen = page.soup.select_one("[name=kind] [selected]") or page.soup.select_one("[name=kind] option")
    return str(chosen["value"])


def test_the_paper_that_is_missing_is_chosen_already(hands: Hands, people: Any) -> None:
    hands.under_a_rule()
    request_id = hands.asks("500")
    assert preset(people, request_id) == "quote"
    for _ in range(2):
        hands.adds("quote", request_id)
    hands.walks(request_id, "approval", "order")
    for paper in ("handover", "invoice", "receipt"):
        assert preset(people, request_id) == paper
        back = people("ibrahima").posts(f"/payment-requests/{request_id}/documents", {"kind": "quote"}, 422)
        assert back.soup.select_one("[name=kind] [selected]")["value"] == "quote", "what was chosen stays"
        hands.adds(paper, request_id)
    assert preset(people, hands.asks("50", "cash")) == "receipt"


@pytest.mark.parametrize("kind", PAYEES)
def test_quotes_are_asked_for_what_is_bought_and_not_for_money_that_goes_to_the_person(
    hands: Hands, kind: str
) -> None:
    hands.under_a_rule()
    request_id = hands.asks("500", kind)
    assert hands.request(request_id).quotes_required == (2 if kind in GOODS else 0)
    assert hands.state(request_id) == ("draft" if kind in GOODS else "requested")


def test_the_form_says_what_already_waits_for_quotes(hands: Hands, people: Any) -> None:
    hands.under_a_rule()
    request_id = hands.asks("500", what="Moulin à maïs")
    form = people("ibrahima").opens(f"/cases/{hands.case}/payment-requests/new")
    assert "attend ses devis : Moulin à maïs" in form.text(".notice")
    assert form.soup.select_one(f'.notice a[href="/payment-requests/{request_id}"]')
    # What is still on the phone is drawn here by the phone.
    assert form.soup.select_one(f'[data-timeline][data-case="{hands.case}"]')
    assert form.soup.select_one("template#unsent-item")
    for _ in range(2):
        hands.adds("quote", request_id)
    assert not people("ibrahima").opens(f"/cases/{hands.case}/payment-requests/new").soup.select(".notice a")


def test_a_request_waits_for_the_quotes_of_its_rule_and_then_goes_on_by_itself(hands: Hands) -> None:
    hands.under_a_rule()
    assert hands.state(hands.asks("100")) == "requested"
    request_id = hands.asks("100.01")
    assert hands.state(request_id) == "draft"
    with pytest.raises(NeedsAttention) as refused:
        hands.does("submission", request_id)
    assert list(refused.value.errors) == ["document"]
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id)
    hands.adds("quote", request_id)
    hands.adds("invoice", request_id)
    assert hands.state(request_id) == "draft"
    hands.adds("quote", request_id)
    assert hands.state(request_id) == "requested"
    assert hands.request(request_id).requested_at is not None
    assert hands.does("approval", request_id) == "approved"


def test_quotes_may_arrive_before_their_request(hands: Hands) -> None:
    hands.under_a_rule()
    id = uuid4()
    hands.adds("quote", id)
    hands.adds("quote", id)
    assert hands.state(hands.asks("500", id=str(id))) == "requested"


def test_the_same_quote_twice_is_one_quote(hands: Hands) -> None:
    from tests.world import a_picture
    from webapp.allocations.requests.papers import look_at

    hands.under_a_rule()
    request_id, paper = hands.asks("500"), look_at(a_picture(77))
    for _copy in range(3):
        hands.adds("quote", request_id, paper=paper)
    assert hands.state(request_id) == "draft"
    hands.adds("quote", request_id)
    assert hands.state(request_id) == "requested"


def test_a_paper_of_another_case_is_none_of_this_request(hands: Hands, cast: Cast) -> None:
    hands.under_a_rule()
    request_id = hands.asks("500")
    for _quote in range(3):
        hands.adds("quote", request_id, case=cast.aminata)
    assert hands.state(request_id) == "draft"
    hands.adds("quote", request_id)
    hands.adds("quote", request_id)
    hands.walks(request_id, "approval", "order")
    hands.adds("handover", request_id, case=cast.aminata)
    with pytest.raises(NeedsAttention):
        hands.does("delivery", request_id)


@pytest.mark.parametrize(("deed", "way"), [("delivery", ["approval", "order"]), ("invoice", WAY[:3])])
def test_a_deed_that_needs_a_paper_waits_for_it(hands: Hands, deed: str, way: list[str]) -> None:
    request_id = hands.walks(hands.asks("100"), *way)
    with pytest.raises(NeedsAttention) as refused:
        hands.does(deed, request_id)
    assert list(refused.value.errors) == ["document"]
    hands.walks(request_id, deed)


@pytest.mark.parametrize("deed", ["rejection", "cancellation"])
def test_saying_no_needs_a_reason(hands: Hands, deed: str) -> None:
    request_id = hands.asks("100")
    with pytest.raises(NeedsAttention) as refused:
        hands.does(deed, request_id, reason="")
    assert list(refused.value.errors) == ["reason"]


# Three people


def test_nobody_approves_what_they_asked_in_whatever_role(hands: Hands) -> None:
    request_id = hands.asks("100")
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id, by="ibrahima")
    hands.becomes("ibrahima", str(Role.PROGRAMME_MANAGER))
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id, by="ibrahima")
    assert hands.does("approval", request_id, by="kadiatou") == "approved"


def test_nobody_pays_what_they_asked_or_approved_in_whatever_role(hands: Hands) -> None:
    request_id = hands.walks(hands.asks("100", "cash"), "approval")
    for name in ("kadiatou", "ibrahima"):
        hands.becomes(name, str(Role.FINANCE_OFFICER))
        with pytest.raises(NeedsAttention):
            hands.pays(request_id, by=name)
    assert hands.pays(request_id) == "paid"


def test_a_payer_who_becomes_the_manager_approves_what_others_asked_and_pays_it_no_more(hands: Hands) -> None:
    request_id = hands.asks("100", "cash")
    hands.becomes("farah", str(Role.PROGRAMME_MANAGER))
    assert hands.does("approval", request_id, by="farah") == "approved"
    hands.becomes("farah", str(Role.FINANCE_OFFICER))
    with pytest.raises(NeedsAttention):
        hands.pays(request_id, by="farah")


def test_finance_decides_only_on_what_the_rule_leaves_to_it_and_pays_none_of_that(
    hands: Hands, people: Any
) -> None:
    hands.under_a_rule(approver=Role.FINANCE_OFFICER)
    left_to_finance = hands.asks("60", "cash")
    for_the_manager = hands.asks("500", "cash")
    farah = people("farah")
    assert [
        row.get("href") for row in farah.opens("/payment-requests").soup.select("section:first-of-type .row")
    ] == [f"/payment-requests/{left_to_finance}"]
    for deed in ("approval", "rejection"):
        with pytest.raises(NeedsAttention) as refused:
            hands.does(deed, for_the_manager, by="farah")
        assert "une autre personne" in str(refused.value.errors)
    assert "approval" not in str(farah.opens(f"/payment-requests/{for_the_manager}").soup)
    presses(farah, f"/payment-requests/{left_to_finance}", "approval")
    assert hands.state(left_to_finance) == "approved"
    with pytest.raises(NeedsAttention):
        hands.pays(left_to_finance, by="farah")
    hands.becomes("ibrahima", str(Role.FINANCE_OFFICER))
    with pytest.raises(NeedsAttention):
        hands.pays(left_to_finance, by="ibrahima")
    assert hands.does("approval", for_the_manager, by="kadiatou") == "approved"
    assert hands.pays(for_the_manager) == "paid"


def test_without_a_rule_finance_approves_nothing(hands: Hands) -> None:
    request_id = hands.asks("10", "cash")
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id, by="farah")
    assert hands.state(request_id) == "requested"


def test_nobody_is_paid_back_without_a_receipt_and_cash_is_not_right_before_it_is_signed_for(
    hands: Hands, people: Any
) -> None:
    paid_back = hands.walks(hands.asks("100", "reimbursement"), "approval")
    with pytest.raises(NeedsAttention) as refused:
        hands.pays(paid_back)
    assert refused.value.errors == {"document": ["Ajoutez d’abord le reçu."]}
    page = people("farah").opens(f"/payment-requests/{paid_back}")
    assert "Ajoutez d’abord le reçu." in page.text()
    assert not page.soup.select("form[action$='/payments']")
    hands.adds("receipt", paid_back)
    assert hands.pays(paid_back) == "paid"
    in_cash = hands.walks(hands.asks("100", "cash"), "approval", "payment")
    with pytest.raises(NeedsAttention) as refused:
        hands.does("verification", in_cash)
    assert refused.value.errors == {"document": ["Ajoutez d’abord le reçu."]}
    hands.adds("receipt", in_cash)
    assert hands.does("verification", in_cash) == "verified"
    quarrelled = hands.walks(hands.asks("100", "cash"), "approval", "payment", "dispute")
    with pytest.raises(NeedsAttention) as refused:
        hands.does("settlement", quarrelled)
    assert refused.value.errors == {"document": ["Ajoutez d’abord le reçu."]}
    hands.adds("receipt", quarrelled)
    assert hands.does("settlement", quarrelled) == "verified"


def test_mobile_money_says_where_it_goes_to_whom_it_concerns_and_in_no_list(
    hands: Hands, people: Any
) -> None:
    told = (PAYEES["mobile_money"]["payee_account"], PAYEES["mobile_money"]["holder"])
    waiting = hands.asks("10", "mobile_money")
    id = hands.walks(hands.asks("10", "mobile_money"), "approval")
    paid = hands.walks(hands.asks("10", "mobile_money"), "approval", "payment")
    for name in ("farah", "kadiatou", "ibrahima"):
        for request_id in (waiting, id, paid):
            shown = people(name).opens(f"/payment-requests/{request_id}").text()
            assert all(words in shown for words in told)
    for name, path in (
        ("farah", "/payment-requests"),
        ("farah", "/payments"),
        ("kadiatou", "/payment-requests"),
        ("kadiatou", f"/cases/{hands.case}/allocation"),
        ("ibrahima", f"/cases/{hands.case}/allocation"),
        ("ibrahima", f"/cases/{hands.case}"),
    ):
        listed = people(name).opens(path).html
        assert not [words for words in told if words in listed], path
    file = people("farah").client.get("/payments/export.xlsx").data
    cells = [
        str(cell) for sheet in load_workbook(BytesIO(file)) for row in sheet.values for cell in row if cell
    ]
    assert cells
    assert not [cell for cell in cells if any(words in cell for words in told)]
    fields = request_fields("10", payee_kind="mobile_money", operator="Orange", holder_checked="y")
    page = people("ibrahima").posts(f"/cases/{hands.case}/payment-requests", fields, 422)
    assert page.text("#payee_account-field .error") == "Indiquez le numéro."
    assert page.text("#holder-field .error") == "Indiquez à quel nom est le numéro."


@pytest.mark.parametrize(
    "number", ["Orange", "12345", "+224 622 00 03 17 ou 18", "--------", "0" * 21, "= 1+1 12345"]
)
def test_a_mobile_account_is_a_number_that_money_can_be_sent_to(
    hands: Hands, people: Any, number: str
) -> None:
    fields = request_fields("10", **{**PAYEES["mobile_money"], "payee_account": number})
    page = people("ibrahima").posts(f"/cases/{hands.case}/payment-requests", fields, 422)
    assert page.text("#payee_account-field .error").startswith("Écrivez un numéro de téléphone")
    assert page.soup.select_one("[name=payee_account]")["value"] == number


@pytest.mark.parametrize(
    "number", ["622000317", "+224 622 00 03 17", "(+224) 622-00-03-17", "00224.622.00.03.17"]
)
def test_a_mobile_account_is_written_as_people_write_it(hands: Hands, number: str) -> None:
    hidden = "\u200e" + number + "\u2069"
    request_id = hands.asks("10", "mobile_money", payee_account=hidden)
    assert hands.request(request_id).payee_account == number, "and what nobody sees is left out"


def test_where_the_rule_asks_for_two_people_the_approver_may_pay(hands: Hands) -> None:
    hands.under_a_rule(three_people=False)
    request_id = hands.walks(hands.asks("100", "cash"), "approval")
    hands.becomes("kadiatou", str(Role.FINANCE_OFFICER))
    assert hands.pays(request_id, by="kadiatou") == "paid"


ENDS = {
    "verification": ["approval", "payment"],
    "settlement": ["approval", "payment", "dispute"],
    "closure": ["approval", "payment", "verification"],
}
"""Each deed of the end, and the way there."""


@pytest.mark.parametrize("three_people", [True, False])
@pytest.mark.parametrize("deed", ENDS)
def test_whoever_asked_or_paid_does_not_say_at_the_end_that_all_is_well(
    hands: Hands, deed: str, three_people: bool
) -> None:
    hands.under_a_rule(three_people=three_people)
    request_id = hands.walks(hands.asks("100", "cash"), *ENDS[deed])
    hands.adds("receipt", request_id)
    hands.becomes("ibrahima", str(Role.PROGRAMME_MANAGER))
    hands.becomes("farah", str(Role.PROGRAMME_MANAGER))
    for who in ("ibrahima", "farah") if three_people else ("ibrahima",):
        with pytest.raises(NeedsAttention) as refused:
            hands.does(deed, request_id, by=who)
        assert "ni demandé ni payé" in str(refused.value.errors)
    by = "kadiatou" if three_people else "farah"
    assert hands.does(deed, request_id, by=by) == ("closed" if deed == "closure" else "verified")


STATEMENTS = [
    "UPDATE payment_requests SET approver_id = requester_id",
    "UPDATE payment_requests SET requester_id = approver_id",
    "UPDATE payment_requests SET payer_id = requester_id",
    "UPDATE payment_requests SET payer_id = approver_id",
    "UPDATE payment_requests SET approver_id = NULL",
    "UPDATE payment_requests SET approver_id = (SELECT id FROM staff WHERE email LIKE 'moussa%')",
    "UPDATE payment_requests SET three_people = false",
    "UPDATE payment_requests SET three_people = false, payer_id = approver_id",
    "UPDATE payment_requests SET payer_id = NULL",
    "UPDATE payment_requests SET held_minor = donor_minor + 1",
    "UPDATE payment_requests SET held_minor = -1",
    "UPDATE payment_requests SET minor = 0",
    "UPDATE payment_requests SET minor = minor * 2",
    "UPDATE payment_requests SET donor_minor = donor_minor * 2",
    "UPDATE payment_requests SET currency = 'GNF'",
    "UPDATE payment_requests SET payee_name = 'Moi'",
    "UPDATE payment_requests SET payee_account = '+224600000000'",
    "UPDATE payment_requests SET approver_role = 'finance_officer'",
    "UPDATE payment_requests SET state = 'free'",
    "DELETE FROM payment_requests",
    "UPDATE request_steps SET by_id = NULL",
    "DELETE FROM request_steps",
    "INSERT INTO payments SELECT * FROM payments",
    "UPDATE payments SET minor = -1",
    "UPDATE payments SET minor = minor * 2",
    "UPDATE payments SET by_id = (SELECT approver_id FROM payment_requests)",
    "UPDATE payments SET reference = 'VIR-0'",
    "DELETE FROM payments",
]
REPLACING = [
    "REPLACE INTO payments SELECT * FROM payments",
    "REPLACE INTO payment_requests SELECT * FROM payment_requests",
]
TRUNCATING = ["TRUNCATE payments", "TRUNCATE payment_requests CASCADE"]


def test_the_database_by_itself_refuses_one_person_in_two_parts_and_keeps_what_was_approved_and_paid(
    hands: Hands, engine: str
) -> None:
    hands.walks(hands.asks("100", "cash"), "approval", "payment")
    with hands.app.app_context():
        for statement in STATEMENTS + (REPLACING if engine == "sqlite" else TRUNCATING):
            try:
                with pytest.raises(DatabaseError):
                    db.session.execute(text(statement))
            except pytest.fail.Exception:
                pytest.fail(f"accepted: {statement}")
            db.session.rollback()


@pytest.mark.parametrize("who", ["requester_id", "approver_id"])
def test_the_database_by_itself_refuses_a_payment_by_who_asked_or_approved(hands: Hands, who: str) -> None:
    request_id = hands.walks(hands.asks("100", "cash"), "approval")
    with hands.app.app_context():
        asked = db.session.get_one(PaymentRequest, request_id)
        entry = ledger.pay(asked, Money(10_000, "EUR"), id=uuid4(), by=None, now=clock.now())
        db.session.add(
            Payment(
                id=entry.id, request_id=request_id, office_id=asked.office_id, entry_id=entry.id, method="cash",
                reference="A", minor=10_000, currency="EUR", paid_on=clock.now().date(), by_id=getattr(asked, who),
                posted_at=clock.now(),
            )
        )  # fmt: skip
        with pytest.raises(DatabaseError, match="never pays"):
            db.session.flush()
        db.session.rollback()


def test_what_became_of_a_payment_is_said_once(hands: Hands) -> None:
    hands.walks(hands.asks("100", "cash"), "approval", "payment")
    with hands.app.app_context():
        db.session.execute(text("UPDATE payments SET confirmed_at = posted_at"))
        for statement in ("confirmed_at = NULL", "confirmed_at = NULL, failed_at = posted_at"):
            with pytest.raises(DatabaseError, match="never"), db.session.begin_nested():
                db.session.execute(text(f"UPDATE payments SET {statement}"))
        db.session.rollback()


@pytest.mark.parametrize("role", ["ibrahima", "kadiatou"])
def test_nobody_approves_or_pays_their_own_over_the_pages(hands: Hands, people: Any, role: str) -> None:
    """Who asked becomes the manager, then who asked or approved becomes finance: no button, and no way round it."""
    request_id = hands.asks("100", "cash")
    path = f"/payment-requests/{request_id}"
    if role == "ibrahima":
        hands.becomes("ibrahima", str(Role.PROGRAMME_MANAGER))
        said = {"version": str(hands.request(request_id).version), "shown": "10000"}
        assert not people("ibrahima").opens(path).soup.select("form[action$=approval]")
        page = people("ibrahima").posts(f"{path}/approval", said, 422)
        assert "Une autre personne que celle qui a demandé doit approuver." in page.text()
        assert hands.state(request_id) == "requested"
    hands.does("approval", request_id)
    hands.becomes(role, str(Role.FINANCE_OFFICER))
    assert not people(role).opens(path).soup.select("form[action$=payments]")
    said = {
        "id": str(uuid4()),
        "version": str(hands.request(request_id).version),
        "reference": "A",
        "amount": "100",
    }
    page = people(role).posts(f"{path}/payments", said, 422)
    assert "Une troisième personne doit payer." in page.text()
    assert (hands.state(request_id), hands.entries(request_id)) == ("approved", [("set_aside", 10_000)])


def test_a_request_is_declined_with_a_reason_and_not_without(hands: Hands, people: Any) -> None:
    request_id = hands.asks("100")
    path = f"/payment-requests/{request_id}"
    form = people("kadiatou").opens(path).soup.select_one(f"form[action='{path}/rejection']")
    said = {control["name"]: control.get("value", "") for control in form.select("input[type=hidden]")}
    page = people("kadiatou").posts(f"{path}/rejection", {**said, "reason": "  "}, 422)
    assert page.text("#errors") == "Dites pourquoi."
    assert hands.state(request_id) == "requested"
    people("kadiatou").posts(f"{path}/rejection", {**said, "reason": "Trop cher pour Matoto"})
    assert hands.state(request_id) == "rejected"
    assert "Trop cher pour Matoto" in people("ibrahima").opens(path).text()


def test_the_page_says_why_approving_and_paying_need_the_network(hands: Hands, people: Any) -> None:
    request_id = hands.asks("100", "cash")
    said = "Approuver et payer demandent le réseau : la somme peut avoir changé depuis."
    assert said in people("kadiatou").opens(f"/payment-requests/{request_id}").text()
    hands.does("approval", request_id)
    assert said in people("farah").opens(f"/payment-requests/{request_id}").text()


@pytest.mark.parametrize("state", ["verified", "closed"])
def test_the_database_by_itself_refuses_an_end_by_whoever_asked_or_paid(hands: Hands, state: str) -> None:
    request_id = hands.walks(hands.asks("100", "cash"), "approval", "payment")
    with hands.app.app_context():
        for by, refused in (
            (hands.cast.ibrahima, True),
            (hands.cast.farah, True),
            (hands.cast.kadiatou, False),
        ):
            db.session.add(RequestStep(request_id=request_id, state=state, by_id=by, at=clock.now()))
            if refused:
                with pytest.raises(DatabaseError, match="neither asked nor paid"):
                    db.session.flush()
            else:
                db.session.flush()
            db.session.rollback()


# What was on the screen


def test_what_changed_since_it_was_shown_is_neither_approved_nor_paid(hands: Hands) -> None:
    request_id = hands.asks("100", "cash")
    shown = hands.request(request_id)
    with hands.held(request_id) as (asked, _case):
        asked.minor = asked.donor_minor = 20_000
        asked.version += 1
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id, version=shown.version, shown_minor=shown.minor)
    now = hands.request(request_id)
    with pytest.raises(NeedsAttention):
        hands.does("approval", request_id, version=now.version, shown_minor=shown.minor)
    assert hands.does("approval", request_id, version=now.version, shown_minor=now.minor) == "approved"
    with pytest.raises(NeedsAttention):
        hands.pays(request_id, version=now.version)
    assert hands.pays(request_id, version=hands.request(request_id).version) == "paid"


def test_a_form_that_does_not_say_what_it_showed_approves_and_pays_nothing(hands: Hands, people: Any) -> None:
    request_id = hands.asks("100", "cash")
    path = f"/payment-requests/{request_id}"
    for fields in ({}, {"version": ""}, {"version": "0"}, {"version": "99999999999999999999"}):
        people("kadiatou").posts(f"{path}/approval", fields, 422)
    assert hands.state(request_id) == "requested"
    hands.does("approval", request_id)
    people("farah").posts(f"{path}/payments", {"id": str(uuid4()), "reference": "A", "amount": "100"}, 422)
    assert hands.state(request_id) == "approved"


def test_the_whole_way_over_the_pages(hands: Hands, people: Any, cast: Cast) -> None:
    """Officer, manager and finance, each with the buttons that their page offers and nothing else."""
    answer = people("ibrahima").posts(f"/cases/{cast.aminata}/payment-requests", request_fields("100"))
    path = answer.response.headers["Location"]
    presses(people("kadiatou"), path, "approval")
    presses(people("ibrahima"), path, "order")
    request_id = UUID(path.rsplit("/", 1)[1])
    hands.adds("handover", request_id)
    presses(people("ibrahima"), path, "delivery")
    hands.adds("invoice", request_id)
    presses(people("farah"), path, "invoice")
    presses(people("farah"), path, "payments", reference="VIR-1")
    presses(people("kadiatou"), path, "verification")
    presses(people("kadiatou"), path, "closure")
    told = people("ibrahima").opens(path).texts("#steps-title + ol strong")
    assert told == [
        "Demande écrite", "Demandé", "Approuvé", "Commandé", "Livré", "Facturé", "Payé", "Vérifié", "Terminé",
    ]  # fmt: skip


def presses(person: Any, path: str, deed: str, **fields: str) -> None:
    """Press a button that is on the page, with the fields of its form."""
    form = person.opens(path).soup.select_one(f"form[action='{path}/{deed}']")
    assert form is not None, f"no button for {deed}"
    said = {control["name"]: control.get("value", "") for control in form.select("input[name]")}
    person.posts(f"{path}/{deed}", {**said, **fields})


def test_a_closed_case_takes_no_new_request_and_gives_back_what_was_typed(hands: Hands, people: Any) -> None:
    before, ibrahima = request_fields("100"), people("ibrahima")
    path = f"/cases/{hands.case}/payment-requests"
    ibrahima.posts(path, before)
    with hands.app.app_context():
        db.session.get_one(Case, hands.case).closed_at = clock.now()
        db.session.commit()
    back = ibrahima.posts(path, request_fields("150"), 422)
    assert "Ce cas est clos." in back.text("#amount-field .error")
    for name, typed in (("amount", "150"), ("what", "Machine à coudre"), ("payee_name", "Bamba & fils")):
        assert back.soup.select_one(f"[name={name}]")["value"] == typed
    assert f"{path}/new" not in ibrahima.opens(f"/cases/{hands.case}/allocation").html
    ibrahima.posts(path, before)
    with hands.app.app_context():
        assert len(db.session.scalars(select(PaymentRequest)).all()) == 1


# The same again


def test_asking_again_under_the_same_number_changes_nothing(hands: Hands) -> None:
    id = str(uuid4())
    assert hands.asks("100", id=id) == hands.asks("100", id=id)
    with pytest.raises(NeedsAttention) as refused:
        hands.asks("200", id=id)
    assert list(refused.value.errors) == ["id"]
    hands.becomes("mariama", str(Role.FIELD_OFFICER))
    with pytest.raises(NeedsAttention):
        hands.asks("100", id=id, by="mariama")
    with hands.app.app_context():
        assert len(db.session.scalars(select(PaymentRequest)).all()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "200"}, {"currency": "USD"}, {"what": "Moulin"}, {"category": "housing"}, {"payee_name": "Bah"},
        {"chosen_by": "officer"}, {"kind": "institution"}, {"kind": "cash"},
    ],
)  # fmt: skip
def test_something_else_under_the_number_of_a_request_is_refused(hands: Hands, other: dict[str, str]) -> None:
    asked: dict[str, str] = {"amount": "100", "id": str(uuid4())}
    first = hands.asks(**asked)
    with pytest.raises(NeedsAttention):
        hands.asks(**{**asked, **other})
    assert hands.asks(**asked) == first
    assert hands.request(first).payee_kind == "provider"


def test_a_payment_is_noted_once_and_its_number_and_reference_stand_for_no_other(hands: Hands) -> None:
    first = hands.walks(hands.asks("100", "cash"), "approval")
    second = hands.walks(hands.asks("100", "cash"), "approval")
    id = uuid4()
    for _again in range(2):
        hands.pays(first, id=id, reference="OM-1")
    for how in ({"id": id, "reference": "OM-1"}, {"id": id, "reference": "OM-2"}):
        with pytest.raises(NeedsAttention) as refused:
            hands.pays(second, **how)
        assert list(refused.value.errors) == ["id"]
    with pytest.raises(NeedsAttention) as refused:
        hands.pays(second, reference="OM-1")
    assert list(refused.value.errors) == ["reference"]
    assert hands.state(second) == "approved"
    assert hands.pays(second, reference="OM-2") == "paid"
    with hands.app.app_context():
        assert len(db.session.scalars(select(Payment)).all()) == 2


def test_a_fee_that_is_not_there_is_refused_beside_the_fee_and_nothing_is_paid(hands: Hands) -> None:
    request_id = hands.walks(hands.asks("900", "mobile_money"), "approval")
    with pytest.raises(NeedsAttention) as refused:
        hands.pays(request_id, fee=Money(1, "EUR"))
    assert list(refused.value.errors) == ["fee"]
    assert hands.entries(request_id) == [("set_aside", 90_000)]


# The reason of a deed


@pytest.mark.parametrize(("deed", "who"), [("rejection", "kadiatou"), ("cancellation", "ibrahima")])
def test_a_reason_that_is_too_long_is_said_and_stays_typed(
    hands: Hands, people: Any, deed: str, who: str
) -> None:
    request_id, person = hands.asks("100"), people(who)
    path = f"/payment-requests/{request_id}"
    version = {"version": str(hands.request(request_id).version), "shown": "10000"}
    for sent, said in (
        ({**version, "reason": "é" * 301}, "Au plus 300 caractères."),
        ({**version, "version": "99", "reason": "Trop cher"}, "a changé depuis"),
    ):
        back = person.posts(f"{path}/{deed}", sent, 422)
        assert said in back.text("#errors")
        assert back.soup.select_one(f"#reason-{deed}")["value"] == sent["reason"]
    assert hands.state(request_id) == "requested"
    person.posts(f"{path}/{deed}", {**version, "reason": "é" * 300})
    assert hands.state(request_id) != "requested"


# Amounts as people type them


AMOUNTS = [
    ("150", "EUR", 15_000), ("1 50,50", "EUR", 15_050), ("150.5", "EUR", 15_050), ("0,01", "EUR", 1),
    ("1\u202f00", "EUR", 10_000), ("1\xa000", "EUR", 10_000), ("  90 ", "EUR", 9_000),
    ("1\u202f000\u202f000", "GNF", 1_000_000), ("1 000 000", "GNF", 1_000_000), ("1", "GNF", 1),
    ("500000,00", "GNF", 500_000), ("٣٠", "EUR", 3_000), ("١٬٠٠٠٬٠٠٠", "GNF", 1_000_000), ("٢٫٥٠", "EUR", 250),
]  # fmt: skip
NO_AMOUNTS = [
    "", " ", "0", "0,00", "-5", "- 5", "+5", "1e9", "1E3", "NaN", "nan", "inf", "Infinity", "１００", "5€", "5 EUR",
    "9223372036854775808", "9223372036854775807", "1,5,0", "1.500,00", "1,2345", "0x10", "1_000", "½", "5;DROP", "\x00",
    "50.000",
]  # fmt: skip


def test_amounts_are_read_as_people_type_them(hands: Hands, people: Any, cast: Cast) -> None:
    rate(hands)
    for typed, currency, minor in AMOUNTS:
        fields = request_fields(typed, currency=currency)
        people("ibrahima").posts(f"/cases/{cast.aminata}/payment-requests", fields)
        asked = hands.request(UUID(fields["id"]))
        assert (asked.minor, asked.currency) == (minor, currency), typed
        assert asked.donor_minor >= 1


def test_what_is_no_amount_is_refused_beside_it_with_a_sentence(
    hands: Hands, people: Any, cast: Cast
) -> None:
    rate(hands)
    for currency in ("EUR", "GNF"):
        for typed in NO_AMOUNTS:
            fields = request_fields(typed, currency=currency)
            page = people("ibrahima").posts(f"/cases/{cast.aminata}/payment-requests", fields, 422)
            assert page.text("#amount-field .error"), (typed, currency)
    with hands.app.app_context():
        assert db.session.scalars(select(PaymentRequest)).all() == []


def test_a_currency_that_is_not_offered_is_refused_in_our_words(people: Any, cast: Cast) -> None:
    for currency in ("XOF", "TND", "eur", "", "EURO", "XXX"):
        page = people("ibrahima").posts(
            f"/cases/{cast.aminata}/payment-requests", request_fields("100", currency=currency), 422
        )
        assert page.text("#currency-field .error") == "Choisissez une des réponses proposées.", currency


def test_without_a_rate_for_the_day_it_says_so_beside_the_currency(people: Any, cast: Cast) -> None:
    page = people("ibrahima").posts(
        f"/cases/{cast.aminata}/payment-requests", request_fields("100000", currency="GNF"), 422
    )
    assert "taux de change" in page.text("#currency-field .error")


@pytest.mark.parametrize(("local", "typed", "minor"), [("TND", "1,234", 1_234), ("XOF", "1 000", 1_000)])
def test_currencies_with_three_and_with_no_decimals(
    hands: Hands, people: Any, cast: Cast, local: str, typed: str, minor: int
) -> None:
    rate(hands, local, "3.3" if local == "TND" else "655.957")
    with hands.app.app_context():
        allocation = db.session.scalars(select(Allocation).where(Allocation.case_id == cast.aminata)).one()
        allocation.local_currency = local
        db.session.commit()
    fields = request_fields(typed, currency=local)
    people("ibrahima").posts(f"/cases/{cast.aminata}/payment-requests", fields)
    assert hands.request(UUID(fields["id"])).minor == minor
    hands.does("approval", UUID(fields["id"]))
    hands.walks(UUID(fields["id"]), "order", "delivery", "invoice")
    page = people("farah").opens(f"/payment-requests/{fields['id']}")
    assert page.soup.select_one("[name=amount]")["value"] == typed.replace(" ", "\u202f")
    presses(people("farah"), f"/payment-requests/{fields['id']}", "payments", reference="V1")
    assert hands.state(UUID(fields["id"])) == "paid"


def test_a_payment_is_of_a_day_between_its_approval_and_today(hands: Hands, people: Any) -> None:
    rate(hands)
    request_id = hands.walks(hands.asks("100000", "cash", currency="GNF"), "approval")
    path = f"/payment-requests/{request_id}"
    version = str(hands.request(request_id).version)
    said = {"id": str(uuid4()), "version": version, "reference": "A1", "amount": "100 000"}
    for day, about in (("2020-01-01", "approuvée"), ("2999-01-01", "futur"), ("hier", "jour comme")):
        page = people("farah").posts(f"{path}/payments", {**said, "paid_on": day}, 422)
        assert about in page.text("#paid_on-field .error"), day
        assert page.soup.select_one("[name=reference]")["value"] == "A1"
    for amount in ("-1", "0", "NaN", "1e9", "100 001", "9223372036854775808"):
        page = people("farah").posts(f"{path}/payments", {**said, "amount": amount}, 422)
        assert page.text("#amount-field .error"), amount
    people("farah").posts(f"{path}/payments", said)
    assert hands.state(request_id) == "paid"


def rate(hands: Hands, currency: str = "GNF", worth: str = "9500") -> None:
    with hands.app.app_context():
        a_rate("EUR", currency, worth, clock.now() - timedelta(days=3))
        assert db.session.scalars(select(ExchangeRate)).all()
        db.session.commit()
