"""A person is sent to a service, with consent, and every step of what came of it is noted once, by somebody."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from tests.browser_client import Person
from tests.cast import Cast
from tests.referrals.conftest import Hands
from tests.world import referral_fields
from webapp import clock
from webapp.cases.open_matters import matters_told, open_matters
from webapp.database import db
from webapp.people.models import Staff
from webapp.providers.actions import add_provider
from webapp.referrals.models import Referral
from webapp.referrals.states import DEEDS, STATES, WITHIN


def test_a_referral_goes_from_the_consent_to_what_came_of_it(hands: Hands, people: Any) -> None:
    id = hands.refers("ibrahima", consent="later", sent_how="")
    assert hands.state(id) == "written"
    assert "À faire : demander l’accord" in people("ibrahima").opens(hands.url).text(".rows")
    way = ("consent", "sending", "acceptance", "absence", "contact", "outcome", "closure")
    for deed in way:
        hands.does("salma" if deed in ("acceptance", "outcome") else "ibrahima", id, deed)
    assert hands.state(id) == "closed"
    assert hands.steps(id) == sorted(["written", *(DEEDS[deed].to for deed in way)])
    row = hands.row(id)
    assert (row.consent, row.sent_how, row.outcome) == ("spoken", "letter", "partly")
    assert row.due_at - row.written_at == WITHIN["soon"]
    page = people("ibrahima").opens(f"/referrals/{id}")
    for word in (
        "Clinique du carrefour",
        "Une consultation",
        "Aidée en partie",
        "Reçue deux fois",
        "Salma Touré",
    ):
        assert word in page.text(), word
    assert not page.soup.select("form.deed"), "nothing is left to do"
    told = people("kadiatou").opens(f"/cases/{hands.case}").texts(".timeline h3")
    assert "Référencement (Santé) : Accepté par le service" in told
    assert len([title for title in told if "Référencement" in title]) == 7, "the consent alone is not told"
    assert {facts["service"] for _kind, facts in hands.entries()} == {"health"}


@pytest.mark.parametrize(
    ("consent", "sent_how", "state", "told"),
    [
        ("later", "", "written", "referral.written"),
        ("written", "", "agreed", "referral.written"),
        ("spoken", "person", "sent", "referral.sent"),
        ("declined", "", "declined", "referral.declined"),
    ],
)
def test_what_is_written_at_once_stands_where_it_has_come(
    hands: Hands, consent: str, sent_how: str, state: str, told: str
) -> None:
    id = hands.refers("salma", consent=consent, sent_how=sent_how)
    assert hands.state(id) == state
    assert [kind for kind, _facts in hands.entries()] == [told]
    assert hands.row(id).consent_on == (clock.today("UTC") if consent != "later" else None)


def test_a_refused_one_says_why_and_is_closed(hands: Hands, people: Any) -> None:
    id = hands.refers("ibrahima")
    assert "Dites pourquoi" in hands.does("ibrahima", id, "refusal", 422, reason=" ").text()
    hands.does("ibrahima", id, "refusal")
    assert "Plus de place ce mois-ci" in people("salma").opens(f"/referrals/{id}").text()
    hands.does("ibrahima", id, "closure")
    assert hands.state(id) == "closed"


@pytest.mark.parametrize(
    ("changed", "name", "sentence"),
    [
        ({"service": ""}, "service", "Choisissez le service"),
        ({"service": "magic"}, "service", "une des réponses proposées"),
        ({"provider_name": " "}, "provider_name", "Nommez celui"),
        ({"provider": str(uuid4())}, "provider", "une des réponses proposées"),
        ({"provider_name": "x" * 121}, "provider_name", "120"),
        ({"provider_phone": "1" * 41}, "provider_phone", "40"),
        ({"asked": ""}, "asked", "Dites ce qui est demandé"),
        ({"asked": "x" * 301}, "asked", "300"),
        ({"urgency": ""}, "urgency", "pour quand"),
        ({"urgency": "never"}, "urgency", "une des réponses proposées"),
        ({"consent": ""}, "consent", "Dites si la personne"),
        ({"consent": "declined"}, "sent_how", "Sans l’accord"),
        ({"consent": "later"}, "sent_how", "Sans l’accord"),
        ({"consent_on": "2999-01-01"}, "consent_on", "futur"),
        ({"consent_on": "hier"}, "consent_on", "valable"),
        ({"sent_how": "pigeon"}, "sent_how", "une des réponses proposées"),
        ({"appointment_on": "0202-01-01"}, "appointment_on", "année"),
        ({"id": "x"}, "id", "perdu son numéro"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_beside_the_field_and_nothing_is_lost(
    hands: Hands, ibrahima: Person, changed: dict[str, str], name: str, sentence: str
) -> None:
    typed = referral_fields(
        **{"asked": "Une consultation, avec un interprète", "consent_on": "2026-02-03", **changed}
    )
    page = ibrahima.posts(hands.url, typed, 422)
    said = page.soup.select_one(f"#{name}-error") or page.soup.select_one(f"#{name}-field .error")
    assert said is not None, page.text()
    assert sentence in said.get_text()
    for kept in ("asked", "provider_name", "provider_phone"):
        shown = page.soup.select_one(f"[name={kept}]")
        assert (shown.get("value") or shown.get_text().strip()) == typed[kept].strip()  # type: ignore[union-attr]
    assert open_matters_of(hands) == {}


def open_matters_of(hands: Hands) -> dict[str, int]:
    with hands.app.test_request_context():
        return {name: count for name, count in open_matters(hands.case).items() if name == "referrals"}


def test_open_ones_count_among_the_matters_of_a_case(app: Flask, hands: Hands) -> None:
    first = hands.refers("ibrahima")
    hands.refers("ibrahima", consent="declined", sent_how="")
    hands.refers("salma", service="protection")
    assert open_matters_of(hands) == {"referrals": 2}
    with app.test_request_context():
        assert matters_told({"referrals": 2}) == ["2 référencements en cours"]
    hands.does("ibrahima", first, "withdrawal")
    assert open_matters_of(hands) == {"referrals": 1}


def test_a_listed_provider_is_taken_with_its_number(
    app: Flask, cast: Cast, hands: Hands, ibrahima: Person
) -> None:
    with app.app_context():
        by = db.session.get_one(Staff, cast.kadiatou)
        clinic = add_provider(
            name="Clinique Ambroise", kind="clinic", country="GN", town="Kaloum", contact="", phone="+224620000077",
            account="", holder="", by=by, now=clock.now(), keyring=app.extensions["keyring"],
        ).id  # fmt: skip
        db.session.commit()
    assert "Clinique Ambroise" in ibrahima.opens(f"{hands.url}/new").text("#provider")
    id = hands.refers("ibrahima", provider=str(clinic), provider_name="", provider_phone="")
    page = ibrahima.opens(f"/referrals/{id}")
    assert "Clinique Ambroise" in page.text()
    assert "+224620000077" in page.text()


# Consent


def test_nothing_is_sent_without_consent(hands: Hands, ibrahima: Person) -> None:
    id = hands.refers("ibrahima", consent="later", sent_how="")
    assert "a changé entre-temps" in hands.does("ibrahima", id, "sending", 422).text()
    assert "il n’y a pas de lettre" in ibrahima.opens(f"/referrals/{id}/letter", 422).text()
    hands.does("ibrahima", id, "consent", consent="declined")
    for deed in DEEDS:
        hands.does("ibrahima", id, deed, 422, consent="spoken")
    assert (hands.state(id), hands.row(id).consent) == ("declined", "declined")
    assert not ibrahima.opens(f"/referrals/{id}").soup.select("form.deed")


def test_the_database_itself_refuses_to_send_without_consent(app: Flask, hands: Hands) -> None:
    id = hands.refers("ibrahima", consent="declined", sent_how="")
    for values in (
        {"state": "sent"},
        {"state": "sent", "consent": None, "consent_on": None},
        {"consent": None},
    ):
        with app.app_context(), pytest.raises(IntegrityError):
            db.session.execute(update(Referral).where(Referral.id == id).values(**values))


@pytest.mark.parametrize("before", ["written", "agreed", "sent", "accepted", "did_not_come", "seen"])
def test_a_person_withdraws_at_any_step_without_saying_why(hands: Hands, people: Any, before: str) -> None:
    id = hands.refers("ibrahima", consent="later", sent_how="")
    for deed in ("consent", "sending", "acceptance", "absence", "contact"):
        if hands.state(id) == before:
            break
        if deed != "absence" or before == "did_not_come":
            hands.does("ibrahima", id, deed)
    assert hands.state(id) == before
    hands.does("ibrahima", id, "withdrawal")
    assert hands.state(id) == "withdrawn"
    people("ibrahima").opens(f"/referrals/{id}/letter", 422)
    assert "Accord retiré" in people("ibrahima").opens(f"/cases/{hands.case}").text(".timeline")


# Each step once, and from the page as it stands


@pytest.mark.parametrize("state", STATES)
def test_only_what_leads_on_from_a_state_is_possible(app: Flask, hands: Hands, state: str) -> None:
    id = hands.refers("ibrahima")
    with app.app_context():
        db.session.execute(update(Referral).where(Referral.id == id).values(state=state))
        db.session.commit()
    offered = {
        form["action"].rsplit("/", 1)[1]  # type: ignore[union-attr]
        for form in hands.people("ibrahima").opens(f"/referrals/{id}").soup.select("form.deed")
    }
    assert offered == {deed.name for deed in DEEDS.values() if state in deed.from_}
    for deed in DEEDS.keys() - offered:
        hands.does("ibrahima", id, deed, 422)
    assert hands.state(id) == state


def test_the_same_step_sent_twice_is_noted_once(hands: Hands, ibrahima: Person) -> None:
    id = hands.refers("ibrahima")
    step = hands.step(id, "acceptance")
    for _time in range(2):
        ibrahima.posts(f"/referrals/{id}/acceptance", step)
    assert hands.steps(id) == ["accepted", "agreed", "sent", "written"]
    assert [kind for kind, _facts in hands.entries()] == ["referral.sent", "referral.accepted"]
    ibrahima.posts(f"/referrals/{id}/contact", {**step, "state": "accepted"}, 422)
    hands.people("salma").posts(f"/referrals/{id}/acceptance", step, 422)


def test_a_stale_page_is_told_so_and_keeps_what_was_typed(hands: Hands, people: Any) -> None:
    id = hands.refers("ibrahima")
    stale = hands.step(id, "refusal", reason="Le médecin est en congé")
    hands.does("salma", id, "acceptance")
    page = people("ibrahima").posts(f"/referrals/{id}/refusal", stale, 422)
    assert "a changé entre-temps" in page.text("[role=alert]")
    assert "Le médecin est en congé" in page.text()
    assert "Accepté par le service" in page.text(".chips")
    # From "did not come" one may be seen after all; but not by a page that had not heard of it.
    seen = hands.step(id, "contact")
    hands.does("salma", id, "absence")
    people("ibrahima").posts(f"/referrals/{id}/contact", seen, 422)
    assert hands.state(id) == "did_not_come"


def test_of_two_at_the_same_moment_one_is_noted(app: Flask, cast: Cast, hands: Hands) -> None:
    id = hands.refers("ibrahima")
    steps = [(deed, hands.step(id, deed)) for deed in ("acceptance", "refusal") for _n in range(3)]
    browsers = [Person(app, cast.ibrahima) for _step in steps]

    def post(browser: Person, deed: str, fields: dict[str, str]) -> int:
        return int(browser.client.post(f"/referrals/{id}/{deed}", data=fields).status_code)

    with ThreadPoolExecutor(len(steps)) as crowd:
        jobs = [crowd.submit(post, browser, *step) for browser, step in zip(browsers, steps, strict=True)]
    assert sorted(job.result() for job in jobs) == [303] + [422] * 5
    assert len(hands.steps(id)) == 4


JUNK: list[dict[str, Any]] = [
    {}, {"id": "x"}, {"id": "\x00", "state": "\x00"}, {"id": str(uuid4()), "state": "sent' OR 1=1"},
    {"id": str(uuid4()), "state": "sent", "reason": "\x00\ud800", "told": "x" * 9_999, "outcome": "great"},
    {"id": str(uuid4()), "state": "sent", "appointment_on": "99999-99-99", "sent_how": "\x00", "consent_on": "0001-01-01"},
    {"id": [str(uuid4())] * 3, "state": ["sent", "seen"], "consent": ["spoken", "declined"]},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(JUNK)))
def test_junk_is_refused_and_breaks_nothing(hands: Hands, ibrahima: Person, number: int) -> None:
    id = hands.refers("ibrahima", consent="later", sent_how="")
    junk = {
        name: value.encode("utf-8", "replace") if isinstance(value, str) else value
        for name, value in JUNK[number].items()
    }
    for path in (hands.url, *(f"/referrals/{id}/{deed}" for deed in DEEDS)):
        assert ibrahima.client.post(path, data=junk).status_code in (400, 422), path
    assert hands.state(id) == "written"
    ibrahima.opens(f"/referrals/{uuid4()}", 404)
    ibrahima.posts(f"/referrals/{id}/dance", {}, 404)


def test_an_id_of_another_referral_is_refused_and_the_form_is_given_a_new_one(
    hands: Hands, ibrahima: Person, people: Any
) -> None:
    fields = referral_fields()
    ibrahima.posts(hands.url, fields)
    ibrahima.posts(hands.url, fields)
    page = ibrahima.posts(hands.url, {**fields, "asked": "Autre chose"}, 422)
    fresh = page.soup.select_one("[name=id]")["value"]  # type: ignore[index]
    assert fresh != fields["id"]
    people("salma").posts(hands.url, fields, 422)
    ibrahima.posts(hands.url, {**fields, "asked": "Autre chose", "id": fresh})
    assert open_matters_of(hands) == {"referrals": 2}


# The letter


def test_the_letter_says_who_what_and_whom_to_answer(hands: Hands, ibrahima: Person, people: Any) -> None:
    id = hands.refers("ibrahima", appointment_on="2026-12-02")
    letter = ibrahima.opens(f"/referrals/{id}/letter")
    text = letter.text("article.letter").replace("\xa0", " ")
    code = ibrahima.opens(f"/cases/{hands.case}").text("h1 ~ p, .kicker")
    for word in (
        "Aminata Bah", "Santé", "Une consultation", "Clinique du carrefour", "Ibrahima Diallo", "Conakry",
        "+224 620 00 00 02", "2 déc. 2026",
    ):  # fmt: skip
        assert word in text, word
    assert code.split()[0] in text
    for word in ("Ratoma", "Pular", "+224620112233", "Salma"):
        assert word not in text, word
    assert letter.soup.select_one("link[href*='/letter-']")
    people("kadiatou").opens(f"/referrals/{id}/letter", 403)
    hands.does("ibrahima", id, "withdrawal")
    ibrahima.opens(f"/referrals/{id}/letter", 422)


def test_the_office_sees_where_it_stands_and_does_nothing(hands: Hands, kadiatou: Person) -> None:
    id = hands.refers("ibrahima")
    page = kadiatou.opens(f"/referrals/{id}")
    assert "Envoyé, réponse attendue" in page.text(".chips")
    assert not page.soup.select("main form")
    hands.does("kadiatou", id, "acceptance", 403)
    assert "Clinique du carrefour" in kadiatou.opens(hands.url).text(".rows")
    assert f"/cases/{hands.case}/referrals" in {
        link.get("href") for link in kadiatou.opens(f"/cases/{hands.case}").soup.select(".tiles a")
    }
    assert hands.row(id).due_at - clock.now() <= timedelta(days=7)
