"""What a psychosocial or protection referral says is its author's and the counsellor's; others learn how many wait."""

import json
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import inspect, text

from tests.browser_client import Person
from tests.cast import Cast
from tests.referrals.conftest import Hands
from tests.test_rights import DOORS, path_of
from tests.world import OWN, make_world, principals, referral_fields
from webapp import clock, worker
from webapp.cases.actions import assign_officer
from webapp.cases.models import Case, TimelineEntry
from webapp.database import db

SECRETS = {
    "asked": "Un accompagnement qu’on ne dit pas", "provider_name": "Maison des Lilas", "provider_phone": "+224629998877",
}  # fmt: skip
REASON = "Pas de place avant la saison"


@pytest.fixture
def restricted(hands: Hands) -> UUID:
    return hands.refers("ibrahima", service="psychosocial", **SECRETS)


def leaks(said: str) -> list[str]:
    words = (*SECRETS.values(), REASON, "psychosocial", "Psychosocial")
    return [word for word in words if word in said]


def test_author_and_counsellor_read_it_and_nobody_else(hands: Hands, people: Any, restricted: UUID) -> None:
    hands.does("salma", restricted, "refusal", reason=REASON)
    for name in ("ibrahima", "salma"):
        assert SECRETS["asked"] in people(name).opens(f"/referrals/{restricted}").text()
        assert SECRETS["provider_name"] in people(name).opens(hands.url).text()
        people(name).opens(f"/referrals/{restricted}/letter")
    for name, status in (
        ("kadiatou", 404), ("mariama", 404), ("awa", 404), ("moussa", 404), ("farah", 403), ("karim", 403), ("ada", 404),
        ("root", 404),
    ):  # fmt: skip
        people(name).opens(f"/referrals/{restricted}", status)
        people(name).opens(f"/referrals/{restricted}/letter", 403 if name == "kadiatou" else status)
        hands.does(name, restricted, "closure", 403 if name == "kadiatou" else status)
    assert hands.state(restricted) == "refused"


def test_a_manager_learns_that_one_waits_and_since_when(hands: Hands, people: Any, restricted: UUID) -> None:
    page = people("kadiatou").opens(hands.url)
    assert "Un référencement à accès restreint est en cours, depuis le" in page.text()
    assert leaks(page.html) == []
    hands.does("ibrahima", restricted, "withdrawal")
    assert "Aucun référencement" in people("kadiatou").opens(hands.url).text()


def test_the_officer_after_the_author_reads_neutral_words_only(
    app: Flask, cast: Cast, hands: Hands, people: Any, restricted: UUID
) -> None:
    with app.app_context():
        case = db.session.get_one(Case, hands.case)
        assign_officer(case, cast.mariama, officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    people("ibrahima").opens(f"/referrals/{restricted}", 404)
    people("mariama").opens(f"/referrals/{restricted}", 404)
    page = people("mariama").opens(hands.url)
    assert "Un référencement à accès restreint" in page.text()
    told = people("mariama").opens(f"/cases/{hands.case}")
    assert "Référencement : Envoyé au service" in told.texts(".timeline h3")
    assert leaks(page.html + told.html) == []
    hands.does("mariama", restricted, "acceptance", 404)
    hands.does("salma", restricted, "acceptance")


@pytest.mark.parametrize(("locale", "word"), [("fr", "Référencement"), ("en", "Referral"), ("ar", "إحالة")])
def test_the_timeline_tells_it_neutrally_to_officer_and_counsellor_and_to_nobody_else(
    hands: Hands, people: Any, restricted: UUID, locale: str, word: str
) -> None:
    hands.does("ibrahima", restricted, "refusal", reason=REASON)
    for name, sees in (("ibrahima", True), ("salma", True), ("kadiatou", False), ("karim", False)):
        people(name).posts("/language", {"language": locale})
        page = people(name).opens(f"/cases/{hands.case}")
        told = [title for title in page.texts(".timeline h3") if word in title]
        assert len(told) == (2 if sees else 0), name
        assert leaks(page.html) == []
    assert hands.entries() == [("restricted_referral.sent", {}), ("restricted_referral.refused", {})]


def test_no_pack_search_or_export_says_anything_of_it(
    app: Flask, hands: Hands, people: Any, restricted: UUID
) -> None:
    ordinary = hands.refers("ibrahima", asked="Une visite médicale")
    ibrahima = people("ibrahima")
    first = ibrahima.opens("/pack").html
    end = json.loads(first.splitlines()[-1])
    later = ibrahima.opens(f"/pack?cursor={end['cursor']}&build={end['build']}&later").html
    slots = next(line["slots"] for line in map(json.loads, first.splitlines()) if "about" in line)
    assert f"/referrals/{ordinary}" in slots["referrals"]
    assert "Un référencement à accès restreint" in slots["referrals"]
    assert str(restricted) not in slots["referrals"]
    # The form offers the service's name; nothing that was written of anybody is here.
    assert [word for word in leaks(first + later) if word not in ("psychosocial", "Psychosocial")] == []
    assert leaks(first) == []
    for name in ("ibrahima", "salma", "kadiatou"):
        for word in ("Lilas", "psychosocial", "629998877", "saison"):
            assert not people(name).opens(f"/cases?q={word}").soup.select(".rows .row"), (name, word)
    for path in ("/dashboard", "/reports/reintegration", "/alerts"):
        for name in ("kadiatou", "ada"):
            said = people(name).opens(path).html
            assert not [word for word in SECRETS.values() if word in said]
    assert (
        leaks(people("farah").client.get("/payments/export.xlsx").get_data(as_text=False).decode("latin-1"))
        == []
    )


def test_no_other_page_of_anybody_says_anything_of_it(app: Flask) -> None:
    world = make_world(app)
    ways = principals(app, world)
    fields = referral_fields(service="protection", **SECRETS)
    ways["ibrahima"].posts(f"/cases/{world.cases[OWN]}/referrals", fields)
    while worker.consider_entries(app):
        pass
    found = []
    for name, person in ways.items():
        for method, rule in DOORS:
            if method != "GET" or rule == "/my/closed":
                continue
            answer = person.client.get(path_of(rule, world, OWN, app))
            said = answer.get_data().decode("utf-8", "replace")
            if any(word in said for word in SECRETS.values()):
                found.append((name, rule))
    listed = "/cases/<uuid:case_id>/referrals"
    assert sorted(found) == [("ibrahima", listed), ("salma", listed)]


def test_a_copied_database_says_nothing_of_any_referral(app: Flask, hands: Hands, restricted: UUID) -> None:
    hands.refers("ibrahima", service="legal", **SECRETS)
    hands.does("salma", restricted, "refusal", reason=REASON)
    with app.app_context(), db.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = str(list(connection.execute(text(f"SELECT * FROM {table}"))))
            assert [word for word in (*SECRETS.values(), REASON, "psychosocial") if word in rows] == [], table


def test_a_moved_seal_is_found_by_the_check(app: Flask, hands: Hands, restricted: UUID) -> None:
    from webapp.cli import CHECKS
    from webapp.referrals.models import Referral

    other = hands.refers("ibrahima")
    with app.app_context():
        one, two = db.session.get_one(Referral, restricted), db.session.get_one(Referral, other)
        one.content_sealed = two.content_sealed
        db.session.flush()
        found = [fault for faults in CHECKS.values() for fault in faults()]
        assert [fault for fault in found if "content_sealed does not open" in fault]
        db.session.rollback()


def test_all_kinds_of_restricted_entries_are_hidden_where_check_ins_are(app: Flask) -> None:
    from webapp.cases.timeline import COUNSELLING, TELLINGS

    kinds = {kind for kind in TELLINGS if kind.startswith("restricted_referral.")}
    assert kinds - set(COUNSELLING) == {"restricted_referral.agreed"}, "which is never written"
    assert len(kinds) == 13
    assert TimelineEntry.__table__.c.kind.type.length >= max(map(len, kinds))


def test_nobody_signed_in_reads_nothing(people: Any, hands: Hands, restricted: UUID) -> None:
    nobody: Person = people(None)
    nobody.opens(f"/referrals/{restricted}", 303)
    nobody.posts(f"/referrals/{restricted}/acceptance", {}, 401)
