"""Granting under a rule, releasing an instalment and adjusting by two people, as the pages do it."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from tests.allocations.test_rules import RULE
from tests.browser_client import Page, Person
from tests.cast import Cast, a_case
from webapp import clock
from webapp.allocations.actions import load_rule
from webapp.allocations.check import faults
from webapp.allocations.ledger import available
from webapp.allocations.models import Adjustment, Allocation, Donor, Instalment, LedgerEntry
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db
from webapp.formats import day
from webapp.people.models import Office, Staff

FAMILY = {
    "return_type": "voluntary", "adult": "1", "child": "2", "unaccompanied": "0", "donor": "Espagne", "amount": "",
}  # fmt: skip
ALLOWED = "3 600,00 EUR"
"""100 for the case, 1,500 and two times 750, and 500 for a family of three."""


class Grants:
    """Conakry's manager, a rule of the office, and Mory's case without an allocation."""

    def __init__(self, app: Flask, cast: Cast, people: Any) -> None:
        self.app, self.cast, self.people, self.kadiatou = app, cast, people, people("kadiatou")
        with app.app_context():
            office = db.session.get_one(Office, cast.conakry)
            officer = db.session.get_one(Staff, cast.ibrahima)
            arrived = clock.now().date() - timedelta(days=20)
            case = a_case(
                "Condé", "Mory", office=office, officer=officer, arrived_on=arrived, household_size=3
            )
            self.rule = str(load_rule(RULE, by=cast.root, now=clock.now()).id)
            self.case = case.id
            self.url = f"/cases/{case.id}/allocation"
            db.session.commit()

    def fields(self, **changed: str) -> dict[str, str]:
        return {"id": str(uuid4()), "rule": self.rule, **FAMILY, **changed}

    def shown(self, fields: dict[str, str]) -> tuple[Page, dict[str, str]]:
        """The preview, and what its form would send."""
        page = self.kadiatou.posts(f"{self.url}/preview", fields, 200)
        form = page.soup.select_one(f'form[action="{self.url}"]')
        assert form is not None
        return page, {field["name"]: field["value"] for field in form.select("input")}  # type: ignore[misc]

    def granted(self) -> None:
        self.kadiatou.posts(self.url, self.shown(self.fields())[1])

    def allocation(self) -> Allocation:
        found = db.session.scalars(select(Allocation).where(Allocation.case_id == self.case)).all()
        assert len(found) <= 1
        return found[0]

    def told(self, kind: str) -> list[dict[str, Any]]:
        return list(
            db.session.scalars(
                select(TimelineEntry.facts).where(
                    TimelineEntry.case_id == self.case, TimelineEntry.kind == kind
                )
            )
        )


@pytest.fixture
def grants(app: Flask, cast: Cast, people: Any) -> Grants:
    return Grants(app, cast, people)


def plainly(text: str) -> str:
    return text.translate(str.maketrans({"\xa0": " ", "\u202f": " "}))


# Granting


def test_a_manager_sees_what_the_rule_gives_and_grants_it_once(grants: Grants, ibrahima: Person) -> None:
    way_in = f'a[href="{grants.url}/new"]'
    assert grants.kadiatou.opens(f"/cases/{grants.case}").soup.select_one(way_in)
    assert not ibrahima.opens(f"/cases/{grants.case}").soup.select_one(way_in)
    form = grants.kadiatou.opens(f"{grants.url}/new")
    assert form.soup.select_one("[name=adult]")["value"] == ""
    assert "Ménage : 3." in form.text("#adult-field")
    assert form.soup.select_one("[name=donor]")["value"] == "Espagne"
    page, sent = grants.shown(grants.fields())
    said = plainly(page.text())
    for words in (
        "Guinée · version 1", ALLOWED, "Volontaire", "1 adulte, 2 enfants", "Remis en argent", "1 188,00 EUR",
        "Soins et médicaments", "900,00 EUR", "Visite faite", "1 800,00 EUR", "Tout de suite",
    ):  # fmt: skip
        assert words in said
    with grants.app.app_context():
        assert db.session.scalar(select(Allocation.id).where(Allocation.case_id == grants.case)) is None
    for _ in range(2):
        assert grants.kadiatou.posts(grants.url, sent).response.location == grants.url
    with grants.app.app_context():
        allocation = grants.allocation()
        assert (allocation.granted_minor, allocation.held_back_minor) == (360_000, 180_000)
        assert str(allocation.rule_id) == grants.rule
        assert (
            len(db.session.scalars(select(LedgerEntry.id).filter_by(allocation_id=allocation.id)).all()) == 1
        )
        [facts] = grants.told("allocation.granted")
        assert (facts["minor"], facts["version"], facts["child"]) == (360_000, 1, 2)
    for reader in (grants.kadiatou, ibrahima):
        assert "Allocation accordée" in reader.opens(f"/cases/{grants.case}").text(".timeline")
    # Another form for the same case grants nothing beside it, and the page leads to what is there.
    again = grants.kadiatou.posts(grants.url, {**sent, "id": str(uuid4())}, 422)
    assert "a déjà son allocation" in again.text()
    assert grants.kadiatou.opens(f"{grants.url}/new", 303).response.location == grants.url


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": "3600,01"}, "Le plafond est de 3 600,00 EUR."),
        ({"amount": "-5"}, "Écrivez un montant"),
        ({"amount": "1e9"}, "Écrivez un montant"),
        ({"adult": "0", "child": "0"}, "1 à 50 personnes"),
        ({"adult": "x"}, "Ce n’est pas un nombre"),
        ({"adult": "-1"}, "trop petit ou trop grand"),
        ({"adult": "9" * 400}, "trop petit ou trop grand"),
        ({"adult": "9" * 5000}, "Ce n’est pas un nombre"),
        ({"return_type": "forced?"}, "Choisissez une des réponses"),
        ({"return_type": ""}, "Choisissez"),
        ({"donor": ""}, "Dites qui donne"),
        ({"donor": "Fonds en francs"}, "taux de change"),
        ({"return_type": "other", "adult": "0", "child": "1"}, "ne donnent rien"),
    ],
)
def test_what_cannot_be_granted_is_said_beside_it_and_stays_typed(
    grants: Grants, changed: dict[str, str], said: str
) -> None:
    with grants.app.app_context():
        db.session.add(Donor(name="Fonds en francs", currency="XOF"))
        db.session.commit()
    fields = grants.fields(**changed)
    for path in (f"{grants.url}/preview", grants.url):
        page = grants.kadiatou.posts(path, {**fields, "shown": "3600.00 EUR"}, 422)
        assert said in plainly(page.text())
        for name in ("adult", "child", "donor", "amount"):
            assert page.soup.select_one(f"[name={name}]").get("value", "") == fields[name]
    with grants.app.app_context():
        assert db.session.scalar(select(Allocation.id).where(Allocation.case_id == grants.case)) is None


def test_what_the_mission_promised_is_shown_beside_another_amount(grants: Grants) -> None:
    with grants.app.app_context():
        case = db.session.get_one(Case, grants.case)
        case.ceiling_minor, case.ceiling_currency = 77_700, "EUR"
        db.session.commit()
    page, _confirm = grants.shown(grants.fields())
    assert "La liste de la mission annonçait au plus 777,00 EUR" in plainly(page.text())


def test_changing_what_was_shown_brings_back_everything_typed(grants: Grants) -> None:
    fields = grants.fields(return_type="other", adult="2", amount="1 000", donor="Royaume du Maroc")
    page, sent = grants.shown(fields)
    change = page.soup.select_one("button[name=change]")
    assert change.get_text(strip=True) == "Changer"
    back = grants.kadiatou.posts(str(change["formaction"]), {**sent, "change": str(change["value"])}, 200)
    for name in ("id", "rule", "adult", "child", "unaccompanied", "amount", "donor"):
        assert back.soup.select_one(f"[name={name}]")["value"] == fields[name], name
    assert back.soup.select_one("[name=return_type][checked]")["value"] == fields["return_type"]
    assert not back.soup.select(".error")


def test_less_than_the_ceiling_by_a_donor_that_was_not_known(grants: Grants) -> None:
    page, sent = grants.shown(grants.fields(amount="1000", donor="Royaume du Maroc"))
    assert "sera ajouté" in page.text()
    grants.kadiatou.posts(grants.url, sent)
    with grants.app.app_context():
        allocation = grants.allocation()
        assert (allocation.granted_minor, allocation.held_back_minor) == (100_000, 50_000)
        assert db.session.get_one(Donor, allocation.donor_id).name == "Royaume du Maroc"


def test_what_changed_since_it_was_shown_is_shown_again(grants: Grants) -> None:
    _page, sent = grants.shown(grants.fields())
    back = grants.kadiatou.posts(grants.url, {**sent, "child": "1"}, 422)
    assert "a changé depuis" in back.text()
    with grants.app.app_context():
        load_rule(RULE.replace("version = 1", "version = 2"), by=grants.cast.root, now=clock.now())
        db.session.commit()
    assert "version plus récente" in grants.kadiatou.posts(grants.url, sent, 422).text()


# Instalments


def release(grants: Grants, status: int = 303, number: int = 2, **fields: str) -> Page:
    sent = {"checked": "y", "reason": "Vu lundi à l’atelier", "proof": "", **fields}
    return grants.kadiatou.posts(f"{grants.url}/instalments/{number}/release", sent, status)


def day_of(grants: Grants, due_on: date | None) -> None:
    with grants.app.app_context():
        part = db.session.get_one(Instalment, (grants.allocation().id, 2))
        part.due_on = due_on
        db.session.commit()


def left(grants: Grants) -> int:
    with grants.app.app_context():
        return available(grants.allocation()).minor


def test_an_instalment_waits_for_its_day_its_condition_and_a_reason_and_is_released_once(
    grants: Grants,
) -> None:
    grants.granted()
    due_on = clock.now().date() + timedelta(days=1)
    day_of(grants, due_on)
    with grants.app.test_request_context(), force_locale("fr"):
        waits = f"À libérer à partir du {day(due_on)}"
    for path in (grants.url, f"{grants.url}/instalments/2"):
        early = grants.kadiatou.opens(path)
        assert waits in early.text(".notice")
        assert "Libérer la tranche 2" not in early.text()
        assert not early.soup.select('form[action$="/release"]')
    assert "ne permet pas plus tôt" in release(grants, 422).text()
    day_of(grants, clock.now().date())
    assert "Libérer la tranche 2" in grants.kadiatou.opens(grants.url).text()
    assert grants.kadiatou.opens(f"{grants.url}/instalments/2").soup.select('form[action$="/release"]')
    assert "remplie" in release(grants, 422, checked="").text("#checked-field .error")
    back = release(grants, 422, reason=" ")
    assert "Dites comment" in back.text("#reason-field .error")
    assert back.soup.select_one("[name=checked]").has_attr("checked")
    assert left(grants) == 180_000
    with grants.app.app_context():
        case = db.session.get_one(Case, grants.case)
        visit = TimelineEntry(
            case_id=case.id, office_id=case.office_id, kind="visit.recorded", subject_id=uuid4(), by_id=grants.cast.ibrahima,
            happened_at=clock.now(), recorded_at=clock.now(), facts={"channel": "home_visit", "reached": True},
        )  # fmt: skip
        db.session.add(visit)
        db.session.commit()
        number = visit.number
    for _ in range(2):
        release(grants, proof=str(number))
    assert left(grants) == 360_000
    with grants.app.app_context():
        [facts] = grants.told("instalment.released")
        assert (facts["proof"], facts["reason"]) == (number, "Vu lundi à l’atelier")
    assert "Vu lundi à l’atelier" in grants.kadiatou.opens(f"/cases/{grants.case}").text(".timeline")
    assert "est libérée" in grants.kadiatou.opens(f"{grants.url}/instalments/2").text()
    for number in ("7", "9" * 9, "9" * 10, "9" * 30, "9" * 5000):
        grants.kadiatou.opens(f"{grants.url}/instalments/{number}", 404)
        grants.kadiatou.posts(f"{grants.url}/instalments/{number}/release", {}, 404)


def test_an_instalment_may_come_early_where_the_rule_says_so(grants: Grants) -> None:
    with grants.app.app_context():
        early = RULE.replace('event = "arrival"', 'event = "arrival"\nearly = true').replace(
            "version = 1", "version = 2"
        )
        grants.rule = str(load_rule(early, by=grants.cast.root, now=clock.now()).id)
        db.session.commit()
    grants.granted()
    assert "Libérer la tranche 2" in grants.kadiatou.opens(grants.url).text()
    release(grants)
    assert left(grants) == 360_000


@pytest.mark.parametrize("first", ["100", "0"])
def test_an_instalment_keeps_its_own_day_beside_another_with_the_same_words(
    grants: Grants, first: str
) -> None:
    """Also where a part before it came to nothing."""
    before, _, after = RULE.partition("[[instalments]]")
    later = 'condition = "Visite faite"\nmonths_after = 6\nevent = "arrival"\n'
    parts = [f'amount = "{first}"\nat_once = true\n', f'amount = "800"\nearly = true\n{later}', later]
    text = before.replace("version = 1", "version = 2") + "".join(
        f"[[instalments]]\n{part}" for part in parts
    )
    with grants.app.app_context():
        rule = load_rule(text + after[after.index("[[approvals]]") :], by=grants.cast.root, now=clock.now())
        grants.rule = str(rule.id)
        db.session.commit()
    grants.granted()
    assert "ne permet pas plus tôt" in release(grants, 422, number=3).text()
    release(grants, number=2)
    assert left(grants) == 80_000 + int(first) * 100


def test_an_instalment_without_a_known_day_waits_for_the_arrival(grants: Grants) -> None:
    with grants.app.app_context():
        db.session.get_one(Case, grants.case).arrived_on = None
        db.session.commit()
    grants.granted()
    assert "notez d’abord l’arrivée" in grants.kadiatou.opens(grants.url).text(".notice")
    assert "notez d’abord l’arrivée" in release(grants, 422).text()
    with grants.app.app_context():
        db.session.get_one(Case, grants.case).arrived_on = clock.now().date() - timedelta(days=200)
        db.session.commit()
    release(grants)


# Adjustments


def propose(grants: Grants, status: int = 303, **fields: str) -> Page:
    sent = {"id": str(uuid4()), "direction": "down", "amount": "100", "reason": "Erreur de saisie", **fields}
    return grants.kadiatou.posts(f"{grants.url}/adjustments", sent, status)


def deciding(page: Page, outcome: str) -> list[str]:
    return [str(form["action"]) for form in page.soup.select(f'form[action$="/{outcome}"]')]


def test_one_person_proposes_and_another_confirms(grants: Grants, people: Any) -> None:
    grants.granted()
    farah, id = people("farah"), str(uuid4())
    for _ in range(2):
        propose(grants, id=id)
    assert left(grants) == 180_000
    mine = grants.kadiatou.opens(f"{grants.url}/adjustments")
    assert deciding(mine, "confirmed") == []
    theirs = farah.opens(f"{grants.url}/adjustments")
    assert "Condé" not in theirs.html
    assert "Proposer une correction" not in theirs.text()
    [confirm] = deciding(theirs, "confirmed")
    assert "Erreur de saisie" in farah.opens("/payment-requests").text()
    refused = grants.kadiatou.posts(confirm, {}, 422)
    assert "Une autre personne" in refused.text()
    for _ in range(2):
        farah.posts(confirm)
    assert left(grants) == 170_000
    farah.posts(confirm.replace("confirmed", "refused"), {}, 422)
    assert "Erreur de saisie" not in farah.opens("/payment-requests").text()
    with grants.app.app_context():
        [entry] = db.session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "adjusted"))
        assert (str(entry.id), entry.by_id, entry.confirmed_by_id) == (
            id,
            grants.cast.kadiatou,
            grants.cast.farah,
        )
        assert len(grants.told("adjustment.confirmed")) == 1
    for name in ("ibrahima", "awa", "salma"):
        status = people(name).client.post(confirm).status_code
        assert status in (403, 404)


def test_no_more_is_taken_than_what_is_neither_set_aside_nor_paid(grants: Grants, people: Any) -> None:
    grants.granted()
    back = propose(grants, 422, amount="1800,01", reason="Trop accordé")
    assert "disponible 1 800,00 EUR" in plainly(back.text("#amount-field .error"))
    assert back.soup.select_one("[name=reason]")["value"] == "Trop accordé"
    assert propose(grants, 422, reason=" ").soup.select_one("#reason-error")
    assert propose(grants, 422, direction="").soup.select_one("#direction-error")
    for amount in ("0", "-1", "1e9", "NaN", "９", "9223372036854775808"):
        propose(grants, 422, amount=amount)
    propose(grants, amount="1800", reason="La première")
    propose(grants, amount="1", reason="La seconde")
    farah = people("farah")
    first, second = sorted(
        deciding(farah.opens(f"{grants.url}/adjustments"), "confirmed"),
        key=lambda action: "1 800" not in plainly(row_of(farah, grants, action)),
    )
    farah.posts(first)
    assert "disponible 0,00 EUR" in plainly(farah.posts(second, {}, 422).text())
    assert left(grants) == 0
    propose(grants, direction="up", amount="20")
    [up] = [
        each for each in deciding(farah.opens(f"{grants.url}/adjustments"), "confirmed") if each != second
    ]
    farah.posts(up)
    assert left(grants) == 2_000
    grants.kadiatou.posts(second.replace("confirmed", "refused"))
    assert "Reprise par qui l’a proposée" in farah.opens(f"{grants.url}/adjustments").text()


def test_a_correction_is_refused_with_a_reason_and_taken_back_without(grants: Grants, people: Any) -> None:
    grants.granted()
    propose(grants, reason="À refuser")
    propose(grants, reason="À reprendre")
    farah, url = people("farah"), f"{grants.url}/adjustments"
    for path in (url, "/payment-requests"):
        assert any("Attendent une deuxième" in title for title in grants.kadiatou.opens(path).texts("h2"))
        assert "Corrections à confirmer" not in grants.kadiatou.opens(path).text()
        assert "Corrections à confirmer" in farah.opens(path).text()
    mine = grants.kadiatou.opens(url)
    assert deciding(mine, "confirmed") == []
    assert not mine.soup.select_one("[name=refusal]")
    [taken_back] = [
        a for a in deciding(mine, "refused") if "À reprendre" in row_of(grants.kadiatou, grants, a)
    ]
    assert "Reprendre ma proposition" in row_of(grants.kadiatou, grants, taken_back)
    [refused] = [a for a in deciding(mine, "refused") if a != taken_back]
    for typed, said in ((" ", "Dites pourquoi."), ("x" * 201, "Au plus 200 caractères.")):
        back = farah.posts(refused, {"refusal": typed}, 422)
        field = back.soup.select_one(f'form[action="{refused}"] [name=refusal]')
        assert back.text(f"#{field['aria-describedby']}") == said
        assert field["value"] == typed.strip()
        assert len(back.soup.select("[name=refusal][aria-invalid]")) == 1
    for _ in range(2):
        farah.posts(refused, {"refusal": "Déjà corrigé en mars"})
        grants.kadiatou.posts(taken_back)
    for reader in (farah, grants.kadiatou):
        said = reader.opens(url).text()
        assert "Déjà corrigé en mars" in said
        assert "Reprise par qui l’a proposée" in said
        assert "Attendent une deuxième personne" not in said
    timeline = grants.kadiatou.opens(f"/cases/{grants.case}").text(".timeline")
    for words in ("Correction refusée", "Déjà corrigé en mars", "Correction reprise"):
        assert words in timeline
    assert left(grants) == 180_000


def row_of(person: Person, grants: Grants, action: str) -> str:
    form = person.opens(f"{grants.url}/adjustments").soup.select_one(f'form[action="{action}"]')
    assert form is not None
    return str(form.find_parent("li").get_text(" "))


PLANTED = [
    "UPDATE adjustments SET outcome = 'confirmed', decided_by_id = proposed_by_id, decided_at = proposed_at",
    "UPDATE adjustments SET outcome = 'confirmed'",
    "UPDATE adjustments SET minor = minor * 2",
    "UPDATE adjustments SET reason = 'Autre'",
    "UPDATE adjustments SET reason = ''",
    "DELETE FROM adjustments",
]


def test_the_database_itself_refuses_one_person_and_keeps_what_was_proposed(
    grants: Grants, people: Any
) -> None:
    grants.granted()
    propose(grants)
    with grants.app.app_context():
        for statement in PLANTED:
            with pytest.raises(DatabaseError):
                db.session.execute(text(statement))
            db.session.rollback()
    farah = people("farah")
    farah.posts(deciding(farah.opens(f"{grants.url}/adjustments"), "refused")[0], {"refusal": "Erreur"})
    with grants.app.app_context():
        with pytest.raises(DatabaseError):
            db.session.execute(
                text("UPDATE adjustments SET outcome = NULL, decided_by_id = NULL, decided_at = NULL")
            )
        db.session.rollback()
        # A confirmation that moved no money is found, too.
        grants.app.money_broken_on_purpose = True  # type: ignore[attr-defined]
        allocation = grants.allocation()
        db.session.add(
            Adjustment(
                id=uuid4(), allocation_id=allocation.id, minor=1, reason="x", proposed_by_id=grants.cast.kadiatou,
                proposed_at=clock.now(), outcome="confirmed", decided_by_id=grants.cast.farah, decided_at=clock.now(),
            )
        )  # fmt: skip
        db.session.flush()
        assert [fault for fault in faults() if re.match("adjustments .* ledger says otherwise", fault)]
        db.session.rollback()
