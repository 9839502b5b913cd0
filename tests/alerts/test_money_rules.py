"""Alerts about money: who hears of what, once, and never with an amount."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from tests.alerts.conftest import alerts_by_person
from tests.allocations.builders import a_request, an_allocation, euros, pay
from tests.browser_client import Person
from tests.cast import Cast
from tests.phone import a_picture
from tests.world import request_fields, visit_fields
from webapp import clock, worker
from webapp.alerts import daily
from webapp.alerts.models import Alert, Job
from webapp.alerts.rules import RULES, SETTLED_BY, SETTLED_BY_CASE, name_of
from webapp.allocations import ledger
from webapp.allocations.models import Instalment, PaymentRequest, RequestDocument, RequestStep
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.providers.models import ServiceProvider
from webapp.visits.models import Photo

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
Happens = Callable[..., int]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., datetime]:
    """Move the clock to so many days after the 20th of November."""

    def move(days: float = 0, hours: float = 0) -> datetime:
        moment = NOW + timedelta(days=days, hours=hours)
        monkeypatch.setenv("SUIVI_TEST_CLOCK", moment.isoformat())
        return moment

    move()
    return move


def a_day_of_work(app: Flask) -> None:
    worker.tidy(app)
    worker.drain(app)


def money_alerts(app: Flask) -> list[tuple[str, UUID]]:
    return [told for told in alerts_by_person(app) if told[0] != "case_opened"]


def make(app: Flask, cast: Cast, state: str, changed_at: datetime, **facts: Any) -> UUID:
    with app.app_context():
        approver = facts.pop("approver_id", cast.kadiatou if state != "requested" else None)
        asked = a_request(
            an_allocation(cast), cast, euros(15_000), state=state, changed_at=changed_at, approver_id=approver,
            **facts,
        )  # fmt: skip
        if approver:
            ledger.set_aside(asked, by=approver, now=changed_at)
        db.session.add(RequestStep(request_id=asked.id, state=state, by_id=cast.ibrahima, at=changed_at))
        db.session.commit()
        return asked.id


EXAMPLES: list[tuple[str, dict[str, Any], str, list[str], bool]] = [
    ("payment.requested", {"by": "ibrahima"}, "payment_to_approve", ["kadiatou"], False),
    (
        "payment.requested",
        {"by": "ibrahima", "approver": "finance_officer"},
        "payment_to_approve",
        ["farah", "kadiatou"],
        False,
    ),
    ("payment.rejected", {"by": "kadiatou"}, "payment_rejected", ["ibrahima"], False),
    ("adjustment.proposed", {"by": "kadiatou"}, "adjustment_to_decide", ["farah"], False),
    ("rates.loaded", {"by": "farah"}, "rates_loaded", ["kadiatou"], False),
    ("payment.over_ceiling", {"by": "ibrahima"}, "payment_over_ceiling", ["kadiatou"], True),
    ("payment.failed", {"by": "farah"}, "payment_failed", ["ibrahima", "kadiatou"], False),
    ("returnee.partly", {}, "returnee_received_partly", ["ibrahima", "kadiatou"], False),
    ("returnee.not_received", {}, "returnee_not_received", ["ibrahima", "kadiatou"], True),
]


@pytest.mark.parametrize(
    ("kind", "facts", "rule", "told", "urgent"), EXAMPLES, ids=[" ".join((e[0], *e[3])) for e in EXAMPLES]
)
def test_who_is_told_at_once(
    kind: str, facts: dict[str, Any], rule: str, told: list[str], urgent: bool, app: Flask, cast: Cast,
    happens: Happens,
) -> None:  # fmt: skip
    facts = {**facts, "by": getattr(cast, facts["by"]) if "by" in facts else None}
    happens(kind, case=cast.aminata, **facts)
    while worker.consider_entries(app):
        pass
    assert alerts_by_person(app) == sorted(((rule, getattr(cast, name)) for name in told), key=str)
    with app.app_context():
        alert = db.session.scalars(select(Alert).where(Alert.rule == rule)).first()
        assert alert is not None
        assert alert.urgent is urgent


WAITING = [
    ("requested", 5, "payment_waiting", ["kadiatou"]),
    ("ordered", 30, "payment_undelivered", ["ibrahima", "kadiatou"]),
    ("invoiced", 15, "payment_unpaid", ["farah", "kadiatou"]),
]


@pytest.mark.parametrize(("state", "days", "rule", "told"), WAITING, ids=[w[0] for w in WAITING])
def test_what_stands_still_too_long_is_told_once(
    state: str, days: int, rule: str, told: list[str], app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    id = make(app, cast, state, NOW)
    on(days - 1)
    a_day_of_work(app)
    assert money_alerts(app) == []
    for later in (days, days + 1, days + 40):
        on(later, hours=1)
        a_day_of_work(app)
        assert money_alerts(app) == sorted(((rule, getattr(cast, name)) for name in told), key=str)
    with app.app_context():
        assert set(db.session.scalars(select(Alert.subject_id).where(Alert.rule == rule))) == {id}


def test_how_long_a_request_may_wait_is_its_rule_s(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    id = make(app, cast, "requested", NOW)
    with app.app_context():
        db.session.get_one(PaymentRequest, id).decide_within_days = 2
        db.session.commit()
    on(1)
    a_day_of_work(app)
    assert money_alerts(app) == []
    on(2, hours=1)
    a_day_of_work(app)
    assert money_alerts(app) == [("payment_waiting", cast.kadiatou)]


def test_a_request_that_went_on_tells_nobody(app: Flask, cast: Cast, on: Callable[..., datetime]) -> None:
    id = make(app, cast, "ordered", NOW)
    on(20)
    with app.app_context():
        asked = db.session.get_one(PaymentRequest, id)
        asked.state, asked.changed_at = "delivered", clock.now()
        db.session.add(RequestStep(request_id=id, state="delivered", by_id=cast.ibrahima, at=clock.now()))
        db.session.commit()
    on(45)
    a_day_of_work(app)
    assert money_alerts(app) == []


def test_an_invoice_paid_in_part_or_in_vain_waits_since_it_came(
    app: Flask, cast: Cast, people: Any, on: Callable[..., datetime]
) -> None:
    id = make(app, cast, "invoiced", NOW)
    on(10)
    said = {"id": str(uuid4()), "version": "1", "reference": "VIR-1", "amount": "50"}
    people("farah").posts(f"/payment-requests/{id}/payments", said)
    on(14)
    a_day_of_work(app)
    assert money_alerts(app) == []
    on(15, hours=1)
    a_day_of_work(app)
    told = sorted([("payment_unpaid", cast.farah), ("payment_unpaid", cast.kadiatou)], key=str)
    assert money_alerts(app) == told
    Person(app, cast.farah).posts(f"/payments/{said['id']}/failure", {"reason": "Compte fermé"})
    on(40)
    a_day_of_work(app)
    # Of the payment that failed others hear; that it is unpaid nobody hears twice.
    assert [alert for alert in money_alerts(app) if alert[0] == "payment_unpaid"] == told


def test_an_allocation_that_ends_with_money_left_is_told_at_90_30_and_7_days(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    with app.app_context():
        allocation = an_allocation(cast)
        allocation.valid_until = date(2027, 3, 1)
        spent = an_allocation(cast, euros(5_000))
        spent.valid_until = date(2027, 3, 1)
        asked = a_request(spent, cast, euros(5_000))
        ledger.set_aside(asked, by=cast.kadiatou, now=NOW)
        pay(asked, euros(5_000), by=cast.farah)
        db.session.commit()
    told = []
    for days_left in (100, 91, 90, 89, 31, 30, 29, 8, 7, 6, 1, 0, -1):
        on((date(2027, 3, 1) - NOW.date()).days - days_left)
        a_day_of_work(app)
        told.append(len(money_alerts(app)))
    # The officer and the manager, three times; of the one that is spent nobody hears.
    assert told == [0, 0, 2, 2, 2, 4, 4, 4, 6, 6, 6, 6, 6]
    assert {rule for rule, _ in money_alerts(app)} == {"allocation_expiring"}


def test_an_instalment_whose_day_has_come_is_told_until_it_is_released(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    with app.app_context():
        allocation = an_allocation(cast)
        for number, due_on in ((1, date(2026, 12, 1)), (2, date(2026, 12, 2))):
            db.session.add(
                Instalment(
                    allocation_id=allocation.id,
                    number=number,
                    minor=1_000,
                    condition="Visite faite",
                    due_on=due_on,
                )
            )
        db.session.flush()
        ledger.hold_back(allocation, 2_000)
        ledger.release_instalment(allocation, 2, by=cast.kadiatou, now=NOW)
        db.session.commit()
    on(10)
    a_day_of_work(app)
    assert money_alerts(app) == []
    for day in (12, 13):
        on(day)
        a_day_of_work(app)
    assert money_alerts(app) == sorted(
        [("instalment_due", cast.ibrahima), ("instalment_due", cast.kadiatou)], key=str
    )


def a_paper(app: Flask, cast: Cast, case_id: UUID, request_id: UUID, content: bytes) -> RequestDocument:
    return RequestDocument(
        id=uuid4(), request_id=request_id, case_id=case_id, kind="handover", media="jpeg",
        file=app.extensions["storage"].put(content, "paper"), thumb=None, by_id=cast.ibrahima, added_at=clock.now(),
    )  # fmt: skip


def a_photo(app: Flask, cast: Cast, case_id: UUID, content: bytes) -> Photo:
    storage = app.extensions["storage"]
    return Photo(
        id=uuid4(), case_id=case_id, for_visit=uuid4(), slot=1, subject="goods", consent=False, by_id=cast.ibrahima,
        received_at=clock.now(), file=storage.put(content, "photo"), thumb=storage.put(b"small", "thumb"), width=3, height=3,
    )  # fmt: skip


def test_a_photo_that_proves_two_things_is_told_to_the_manager_only(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    one, two = make(app, cast, "approved", NOW), make(app, cast, "approved", NOW)
    with app.app_context():
        cases = {id: db.session.get_one(PaymentRequest, id).case_id for id in (one, two)}
        db.session.add_all(
            [
                a_paper(app, cast, cases[one], one, b"a"), a_paper(app, cast, cases[two], two, b"a"),
                a_paper(app, cast, cases[one], one, b"b"), a_paper(app, cast, cases[one], one, b"b"),
                a_photo(app, cast, cases[one], b"c"), a_paper(app, cast, cases[two], two, b"c"),
                a_photo(app, cast, cases[two], b"d"),
            ]
        )  # fmt: skip
        db.session.commit()
    for hours in (1, 30, 60):
        on(hours=hours)
        a_day_of_work(app)
    # Two papers of "a", the photo and the paper of "c".
    assert money_alerts(app) == [("same_photo", cast.kadiatou)] * 4


def test_one_picture_uploaded_to_a_visit_and_as_a_quote_of_another_case_is_told(
    app: Flask, cast: Cast, people: Any, on: Callable[..., datetime]
) -> None:
    with app.app_context():
        other = an_allocation(cast).case_id
        db.session.commit()
    picture = a_picture(300)
    visit = {**visit_fields(), "photos": [(BytesIO(picture), "moto.jpg")]}
    quote = {**request_fields(), "photos": [(BytesIO(picture), "devis.jpg")]}
    people("ibrahima").posts(f"/cases/{cast.aminata}/visits", visit)
    people("ibrahima").posts(f"/cases/{other}/payment-requests", quote)
    on(hours=1)
    a_day_of_work(app)
    with app.app_context():
        told = db.session.execute(select(Alert.for_id, Alert.case_id).where(Alert.rule == "same_photo")).all()
    assert sorted(told, key=str) == sorted([(cast.kadiatou, cast.aminata), (cast.kadiatou, other)], key=str)


def test_each_office_hears_of_its_own_case_when_a_photo_is_in_two(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    with app.app_context():
        db.session.add_all([a_photo(app, cast, cast.aminata, b"e"), a_photo(app, cast, cast.fatou, b"e")])
        db.session.commit()
    a_day_of_work(app)
    with app.app_context():
        told = set(db.session.execute(select(Alert.for_id, Alert.case_id).where(Alert.rule == "same_photo")))
    assert told == {(cast.kadiatou, cast.aminata), (cast.moussa, cast.fatou)}


def pays_providers(app: Flask, cast: Cast, *amounts: tuple[str, int]) -> dict[str, UUID]:
    with app.app_context():
        ids: dict[str, UUID] = {}
        for name, minor in amounts:
            if name not in ids:
                ids[name] = uuid4()
                db.session.add(
                    ServiceProvider(
                        id=ids[name], office_id=cast.conakry, name=name, name_folded=name, kind="shop", country="GN",
                        added_at=NOW,
                    )
                )  # fmt: skip
                db.session.flush()
            asked = a_request(
                an_allocation(cast, euros(1_000_000)), cast, euros(minor), state="paid", provider_id=ids[name]
            )
            ledger.set_aside(asked, by=cast.kadiatou, now=NOW)
            pay(asked, euros(minor), by=cast.farah)
        db.session.commit()
        return ids


def test_a_provider_with_more_than_two_fifths_of_ten_payments_is_told_once_a_quarter(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    ids = pays_providers(app, cast, ("big", 41_000), *((f"small {n}", 59_000 // 9) for n in range(9)))
    for day in (0.1, 1.1, 2.1):
        on(day)
        a_day_of_work(app)
    assert money_alerts(app) == sorted(
        [("provider_share", cast.farah), ("provider_share", cast.kadiatou)], key=str
    )
    with app.app_context():
        entry = db.session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "provider.share")).one()
        assert entry.subject_id != ids["big"]
        assert entry.case_id is None


@pytest.mark.parametrize(
    "amounts",
    [
        [("big", 40_000), *((f"small {n}", 6_667) for n in range(9))],
        [("big", 90_000), *((f"small {n}", 1_000) for n in range(8))],
    ],
    ids=["two fifths", "nine payments"],
)
def test_a_usual_share_or_too_few_payments_tell_nobody(
    amounts: list[tuple[str, int]], app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    pays_providers(app, cast, *amounts)
    a_day_of_work(app)
    assert money_alerts(app) == []


# The daily job


def test_every_office_is_looked_through_each_morning_by_one_job(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    a_day_of_work(app)
    a_day_of_work(app)
    with app.app_context():
        jobs = db.session.execute(select(Job.key, Job.due_at).where(Job.kind == "daily")).all()
        assert {job.key for job in jobs} == {f"daily:{id}" for id in (cast.conakry, cast.dakar, cast.rabat)}
        conakry = next(job for job in jobs if job.key == f"daily:{cast.conakry}")
        assert conakry.due_at == datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def test_a_look_that_was_lost_is_made_again_and_tells_nothing_twice(
    app: Flask, cast: Cast, on: Callable[..., datetime]
) -> None:
    make(app, cast, "requested", NOW)
    on(6)
    a_day_of_work(app)
    before = money_alerts(app)
    with app.app_context():
        db.session.execute(delete(Job).where(Job.kind == "daily"))
        db.session.commit()
    a_day_of_work(app)
    assert money_alerts(app) == before
    assert len(before) == 1


def test_a_look_that_forgets_what_was_told_is_noticed(
    app: Flask, cast: Cast, on: Callable[..., datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(app, cast, "requested", NOW)
    on(6)
    a_day_of_work(app)
    monkeypatch.setattr(daily, "_is_noted", lambda finding: False)
    monkeypatch.setattr(daily.Finding, "id", property(lambda finding: uuid4()))
    on(7)
    a_day_of_work(app)
    assert len(money_alerts(app)) == 2


# What an alert says and where it leads


def test_an_alert_about_money_leads_who_may_to_its_page_and_says_no_amount(
    app: Flask, cast: Cast, people: Any, on: Callable[..., datetime]
) -> None:
    id = make(app, cast, "invoiced", NOW - timedelta(days=16))
    a_day_of_work(app)
    with app.app_context():
        found = {
            alert.for_id: alert.id
            for alert in db.session.scalars(select(Alert).where(Alert.rule == "payment_unpaid"))
        }
        code = db.session.scalar(select(Case.code).join(PaymentRequest).where(PaymentRequest.id == id))
    for name in ("farah", "kadiatou"):
        page = people(name).opens(f"/alerts/{found[getattr(cast, name)]}")
        assert page.soup.select_one(f'a[href="/payment-requests/{id}"]')
        assert code in page.text()
        assert "150" not in page.text()
        assert "EUR" not in page.text()
    farah = people("farah").opens(f"/alerts/{found[cast.farah]}")
    assert not farah.soup.select('a[href^="/cases/"]'), "finance opens no case"


def test_the_words_of_a_returnee_about_no_purchase_lead_to_the_case(
    app: Flask, cast: Cast, people: Any, happens: Happens
) -> None:
    happens("returnee.not_received", case=cast.aminata)
    worker.drain(app)
    with app.app_context():
        alert = db.session.scalars(select(Alert).where(Alert.for_id == cast.kadiatou)).one()
    page = people("kadiatou").opens(f"/alerts/{alert.id}")
    assert page.soup.select_one(f'a[href="/cases/{cast.aminata}"]')
    assert not page.soup.select('a[href^="/payment-requests/"]')


def test_a_request_over_the_ceiling_wakes_the_manager(app: Flask, cast: Cast, people: Any) -> None:
    form = people("ibrahima").opens(f"/cases/{cast.aminata}/payment-requests/new")
    people("ibrahima").posts(
        f"/cases/{cast.aminata}/payment-requests",
        {
            "id": form.soup.select_one("input[name=id]")["value"], "category": "micro_project", "what": "Camion",
            "amount": "9999", "currency": "EUR", "payee_kind": "provider", "payee_name": "Garage",
            "chosen_by": "returnee",
        },
        status=422,
    )  # fmt: skip
    worker.drain(app)
    assert ("payment_over_ceiling", cast.kadiatou) in alerts_by_person(app)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(PaymentRequest)) == 0


# What ends an alert


def open_alerts(app: Flask, rule: str) -> int:
    worker.drain(app)
    with app.app_context():
        return db.session.scalar(
            select(func.count()).where(Alert.rule == rule, Alert.acknowledged_at.is_(None))
        )  # type: ignore[return-value]


ENDS = [
    ("payment_to_approve", "payment.requested", "request", ["payment.approved", "payment.rejected", "payment.cancelled"]),
    ("payment_waiting", "payment.waiting", "request", ["payment.approved"]),
    ("payment_undelivered", "payment.undelivered", "request", ["payment.delivered"]),
    ("payment_unpaid", "payment.unpaid", "request", ["payment.paid", "payment.disputed"]),
    ("payment_failed", "payment.failed", "request", ["payment.paid", "payment.returned"]),
    ("returnee_not_received", "returnee.not_received", "request", ["returnee.received", "payment.verified"]),
    ("returnee_received_partly", "returnee.partly", "request", ["returnee.received", "payment.closed"]),
    ("adjustment_to_decide", "adjustment.proposed", "subject", ["adjustment.confirmed", "adjustment.refused"]),
    ("instalment_due", "instalment.due", "number", ["instalment.released"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "raises", "about", "ends"), ENDS, ids=[e[0] for e in ENDS])
def test_an_alert_ends_with_what_had_raised_it_and_with_nothing_else(
    rule: str, raises: str, about: str, ends: list[str], app: Flask, cast: Cast, happens: Happens
) -> None:
    for end in ends:
        this, other = ({"subject": uuid4()} if about == "subject" else {about: str(uuid4())} for _ in "12")
        happens(raises, case=cast.aminata, **this)
        waiting = open_alerts(app, rule)
        assert waiting
        happens(end, case=cast.aminata, **other)
        if about != "subject":  # of which there is one
            happens(end, case=cast.fatou, **this)
        assert open_alerts(app, rule) == waiting, end
        happens(end, case=cast.aminata, **this)
        assert open_alerts(app, rule) == 0, end


def test_a_refusal_needs_nobody_once_something_new_is_asked(app: Flask, cast: Cast, happens: Happens) -> None:
    happens("payment.rejected", case=cast.aminata, by=cast.kadiatou, request=str(uuid4()))
    assert open_alerts(app, "payment_rejected") == 1
    happens("payment.requested", case=cast.aminata, by=cast.ibrahima, request=str(uuid4()))
    assert open_alerts(app, "payment_rejected") == 0


def test_what_ended_before_the_worker_looked_is_told_to_nobody(
    app: Flask, cast: Cast, happens: Happens
) -> None:
    request = str(uuid4())
    happens("payment.requested", case=cast.aminata, by=cast.ibrahima, request=request)
    happens("payment.approved", case=cast.aminata, by=cast.kadiatou, request=request)
    worker.drain(app)
    assert money_alerts(app) == []


def test_an_alert_that_ended_by_itself_says_so_and_names_nobody(
    app: Flask, cast: Cast, people: Any, happens: Happens
) -> None:
    request = str(uuid4())
    happens("returnee.not_received", case=cast.aminata, request=request)
    worker.drain(app)
    happens("returnee.received", case=cast.aminata, request=request)
    worker.drain(app)
    with app.app_context():
        id = db.session.scalars(select(Alert.id).where(Alert.for_id == cast.kadiatou)).one()
    page = people("kadiatou").opens(f"/alerts/{id}")
    assert page.text(".chips").startswith("Réglée")
    assert "Prise en charge par" not in page.text()
    assert not page.soup.select("form[action$=acknowledgement]")


def test_every_alert_that_ends_is_one_that_is_raised() -> None:
    assert set(SETTLED_BY) <= {name_of(rule) for rule in RULES}
    assert set(SETTLED_BY_CASE) <= set(SETTLED_BY)
