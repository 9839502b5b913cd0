"""Service providers: their account numbers are sealed and seen by who pays; each office has its own."""

import logging
import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import inspect, select, text

from tests.browser_client import Person
from tests.cast import Cast
from tests.world import request_fields
from webapp.allocations.models import PaymentRequest
from webapp.database import db
from webapp.providers.models import ServiceProvider

ACCOUNT, HOLDER = "GN94 0010 0022 7788 9911", "Mamadou Bamba Sangaré"


def fields(**changed: str) -> dict[str, str]:
    return {
        "name": "Bamba & fils", "kind": "shop", "country": "GN", "town": "Madina", "contact": "M. Bamba",
        "phone": "+224 620 11 22 33", "account": ACCOUNT, "holder": HOLDER, **changed,
    }  # fmt: skip


def adds(person: Person, **changed: str) -> str:
    """Its page."""
    return str(person.posts("/providers", fields(**changed)).response.headers["Location"])


def test_the_account_is_sealed_and_shown_to_finance_on_the_providers_own_page_only(
    app: Flask, cast: Cast, people: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = adds(people("kadiatou"))
    provider_id = path.rsplit("/", 1)[1]
    asked = people("ibrahima").posts(
        f"/cases/{cast.aminata}/payment-requests", request_fields(provider=provider_id)
    )
    request_page = asked.response.headers["Location"]
    assert ACCOUNT in people("farah").opens(path).text()
    assert HOLDER in people("farah").opens(path).text()
    for name, pages in {
        "farah": [
            "/providers", "/providers/new", "/allocations", "/payment-requests", request_page, "/more", "/alerts",
            f"/cases/{cast.aminata}/allocation",
        ],
        "kadiatou": [path, "/providers", "/payment-requests", request_page, "/cases?q=0010", f"/cases/{cast.aminata}"],
        "ibrahima": [
            path, "/providers", request_page, "/today", "/cases?q=Sangar%C3%A9", f"/cases/{cast.aminata}/payment-requests/new",
        ],
    }.items():  # fmt: skip
        for page in pages:
            html = people(name).opens(page).html
            assert not any(secret in html for secret in (ACCOUNT, HOLDER, "7788 9911", "Sangaré</")), (
                name,
                page,
            )
    pack = people("ibrahima").client.get("/pack?cursor=0&build=x").get_data(as_text=True)
    assert "Bamba &amp; fils" in pack, "the form on the phone offers it"
    assert ACCOUNT not in pack
    assert HOLDER not in pack
    assert ACCOUNT not in caplog.text
    assert ACCOUNT not in everything_stored(app)
    assert HOLDER not in everything_stored(app)


def everything_stored(app: Flask) -> str:
    with app.app_context(), db.engine.connect() as connection:
        rows = [
            str(tuple(row))
            for table in inspect(connection).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        ]
    return "\n".join(rows)


def test_an_account_copied_to_another_provider_does_not_open_there(app: Flask, people: Any) -> None:
    first = adds(people("farah"))
    second = adds(people("farah"), name="Autre", account="1", holder="x")
    with app.app_context():
        rows = {str(row.id): row for row in db.session.scalars(select(ServiceProvider))}
        rows[second.rsplit("/", 1)[1]].account_sealed = rows[first.rsplit("/", 1)[1]].account_sealed
        db.session.commit()
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = people("farah").client.get(second)
    assert ACCOUNT not in answer.get_data(as_text=True)


def test_a_provider_of_another_office_does_not_exist(app: Flask, people: Any) -> None:
    path = adds(people("kadiatou"))
    for name in ("awa", "moussa"):
        people(name).opens(path, 404)
        assert "Bamba" not in people(name).opens("/providers").text()
    people("moussa").posts(f"{path}/retirement", status=404)
    assert "Bamba" in people("ibrahima").opens("/providers").text()


def test_a_request_cannot_name_a_provider_of_another_office(app: Flask, cast: Cast, people: Any) -> None:
    foreign = adds(people("moussa")).rsplit("/", 1)[1]
    for provider in (foreign, str(uuid4()), "x", "' OR 1=1"):
        page = people("ibrahima").posts(
            f"/cases/{cast.aminata}/payment-requests", request_fields(provider=provider), 422
        )
        assert page.text("#provider-field .error"), provider
    with app.app_context():
        assert db.session.scalars(select(PaymentRequest)).all() == []


@pytest.mark.parametrize("again", ["Bamba & fils", " bamba & FILS ", "BÂMBÀ & fils"])
def test_the_same_name_is_not_added_twice_in_an_office(app: Flask, people: Any, again: str) -> None:
    path = adds(people("kadiatou"))
    page = people("farah").posts("/providers", fields(name=again), 422)
    assert page.text("#name-field .error")
    assert page.soup.select_one("[name=town]")["value"] == "Madina"
    adds(people("moussa"), name=again)
    people("kadiatou").posts(f"{path}/retirement")
    adds(people("kadiatou"), name=again)


def test_two_people_do_not_add_the_same_provider_at_the_same_moment(app: Flask, people: Any) -> None:
    pair, answers = [people("kadiatou"), people("farah")], []
    start = threading.Barrier(2)

    def add(person: Person) -> None:
        start.wait()
        answers.append(person.client.post("/providers", data=fields()).status_code)

    threads = [threading.Thread(target=add, args=(person,)) for person in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [303, 422]


def test_a_retired_provider_is_offered_no_more_and_keeps_its_old_requests(
    app: Flask, cast: Cast, people: Any
) -> None:
    path = adds(people("kadiatou"))
    provider_id = path.rsplit("/", 1)[1]
    form = f"/cases/{cast.aminata}/payment-requests"
    old = people("ibrahima").posts(form, request_fields(provider=provider_id)).response.headers["Location"]
    assert people("ibrahima").opens(f"{form}/new").soup.select(f"option[value='{provider_id}']")
    for _again in range(2):
        people("farah").posts(f"{path}/retirement")
    assert not people("ibrahima").opens(f"{form}/new").soup.select(f"option[value='{provider_id}']")
    page = people("ibrahima").posts(form, request_fields(provider=provider_id), 422)
    assert page.text("#provider-field .error"), "said beside the field, also when nobody else is offered"
    assert "Bamba & fils" in people("ibrahima").opens(old).text()
    assert "Retiré" in people("kadiatou").opens(path).text()


def test_a_key_that_is_none_begins_at_the_first_page(people: Any) -> None:
    farah = people("farah")
    adds(farah)
    for after in ("%00", "zzz%00", f"zzz%00~{uuid4()}", f"%00zzz~{uuid4()}", "zzz", "zzz~9"):
        assert "Bamba" in farah.opens(f"/providers?after={after}").text()


def test_whatever_is_written_is_refused_in_our_words_or_kept(app: Flask, people: Any) -> None:
    long = "é" * 500
    page = people("kadiatou").posts(
        "/providers", fields(name="", kind="bank", country="ZZ", town=long, contact=long, phone=long, account=long, holder=long),
        422,
    )  # fmt: skip
    said = page.texts("form .error")
    assert len(said) == 8
    assert not any("Not a valid" in each or "required" in each or "longer" in each for each in said)
    path = adds(people("kadiatou"), name="<script>alert(1)</script> \x00 عمر", phone="javascript:alert(1)")
    page = people("kadiatou").opens(path)
    assert "<script>alert(1)" not in page.html
    assert page.soup.select_one("a.call")["href"].startswith("tel:")


def test_many_providers_are_shown_page_by_page(app: Flask, cast: Cast, people: Any) -> None:
    from webapp import clock
    from webapp.formats import plain

    with app.app_context():
        for number in range(120):
            name = f"Fournisseur {number:03}"
            db.session.add(
                ServiceProvider(
                    office_id=cast.conakry, name=name, name_folded=plain(name), kind="shop", country="GN",
                    added_at=clock.now(),
                )
            )  # fmt: skip
        db.session.commit()
    seen, path = [], "/providers"
    while path:
        page = people("ibrahima").opens(path)
        seen += page.texts(".rows strong")
        more = page.soup.select_one("a.more")
        path = more["href"] if more else ""
    assert seen == [f"Fournisseur {number:03}" for number in range(120)]
    for odd in ("~", "x~y", "~" + str(UUID(int=0)), "%00", "é" * 400):
        people("ibrahima").opens(f"/providers?after={odd}")


def test_countries_are_named_in_the_readers_language_the_own_one_first(people: Any) -> None:
    page = people("kadiatou").opens("/providers/new")
    names = page.texts("#country option")
    assert names[0] == "Guinée"
    assert "Sénégal" in names
    assert not [name for name in names if len(name) < 3]
    shown = people("kadiatou").opens(adds(people("kadiatou"), country="SN"))
    assert "Sénégal" in shown.text()
