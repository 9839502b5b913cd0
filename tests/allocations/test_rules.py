"""Rules as data: what they allow, what is wrong in a file, and that a new version changes nothing that was granted."""

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

import webapp.allocations
from tests.allocations.builders import NOW, a_rate, a_request, euros
from tests.cast import Cast, a_case
from webapp.allocations import ledger
from webapp.allocations.actions import (
    AlreadyGranted,
    ExceedsCeiling,
    approval_of,
    available,
    grant_under,
    load_rule,
    rule_of,
    terms_of,
)
from webapp.allocations.grants.queries import rules_for
from webapp.allocations.models import Allocation, AllocationLimit, AllocationRule, Donor, Instalment
from webapp.allocations.rates import NoRate
from webapp.allocations.rules import FaultyRule, NoCeiling, Persons, months_later, read_rule
from webapp.database import db
from webapp.money import Money
from webapp.people.models import Office, Staff

SCHEMES = Path(webapp.allocations.__file__).parent / "schemes"
RULE = """
name = "guinea"
title = "Guinée"
version = 1
currency = "EUR"
source = "test"
valid_months = 6

[[ceilings]]
return_type = "voluntary"
case = "100"
adult = "1500"
child = "750"

[[ceilings]]
adult = "1000"

[[supplements]]
persons_from = 3
amount = "500"

[limits.medicine]
amount = "300"
per_person = true

[limits.cash]
share = 33

[[instalments]]
share = 50
at_once = true

[[instalments]]
condition = "Visite faite"
months_after = 6
event = "arrival"

[[approvals]]
up_to = "150"
quotes = 1
approver = "programme_manager"

[[approvals]]
quotes = 3
approver = "finance_officer"
"""


def scheme(name: str) -> Any:
    return read_rule((SCHEMES / f"{name}-example.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "return_type", "persons", "ceiling"),
    [
        ("eurp", "voluntary", Persons(adult=1), 2_615),
        ("eurp", "voluntary", Persons(adult=2, child=3), 7_615),
        ("eurp", "forced", Persons(adult=1), 1_205),
        ("nl-2017", "voluntary", Persons(adult=1), 1_800),
        ("nl-2017", "voluntary", Persons(unaccompanied=1), 2_800),
        ("nl-2017", "forced", Persons(adult=1, child=1), 4_600),
        ("de-starthilfeplus", "voluntary", Persons(adult=2, child=2), 3_600),
        ("de-starthilfeplus", "voluntary", Persons(adult=2, child=3), 4_700),
        ("gn-office", "assisted", Persons(adult=1), 1_000),
    ],
)
def test_the_ceiling_follows_return_and_persons(
    name: str, return_type: str, persons: Persons, ceiling: int
) -> None:
    assert scheme(name).ceiling(return_type, persons) == euros(ceiling * 100)


def test_a_return_without_a_ceiling_is_not_granted() -> None:
    with pytest.raises(NoCeiling):
        scheme("eurp").ceiling("assisted", Persons(adult=1))
    with pytest.raises(ValueError, match="persons"):
        Persons()


def test_every_example_names_its_source_and_is_marked() -> None:
    files = sorted(SCHEMES.glob("*.toml"))
    assert len(files) == 4
    for file in files:
        rule = read_rule(file.read_text(encoding="utf-8"))
        assert rule.example
        assert rule.source
        assert rule.name == file.stem


def test_instalments_make_the_whole_to_the_last_unit() -> None:
    rule = scheme("de-starthilfeplus")
    events = {"arrival": date(2026, 8, 31), "grant": None, "departure": None}
    first, second = rule.instalments(euros(120_001), events)
    assert (first.amount, first.at_once, first.due_on) == (euros(60_000), True, None)
    assert (second.amount, second.at_once, second.due_on) == (euros(60_001), False, date(2027, 2, 28))
    # A fixed first part may be all there is.
    assert [part.amount for part in scheme("gn-office").instalments(euros(40_000), events)] == [euros(40_000)]


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 1, 31), 0, date(2026, 1, 31)),
    ],
)
def test_months_end_with_the_month(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later


@pytest.mark.parametrize(
    ("before", "after", "line", "field", "code"),
    [
        ('title = "Guinée"', 'titel = "Guinée"', 3, "titel", "unknown"),
        ('title = "Guinée"', "", 1, "title", "missing"),
        ("version = 1", "version = true", 4, "version", "not_number"),
        ("version = 1", "version = 0", 4, "version", "not_number"),
        ('name = "guinea"', 'name = "Guinée"', 2, "name", "not_name"),
        ('currency = "EUR"', 'currency = "XXX"', 5, "currency", "not_currency"),
        ('adult = "1000"', "adult = 10.5", 16, "ceilings[2].adult", "not_amount"),
        ('adult = "1000"', 'adult = "-5"', 16, "ceilings[2].adult", "not_amount"),
        ('adult = "1000"', 'adult = "10.005"', 16, "ceilings[2].adult", "not_amount"),
        ('adult = "1000"', 'adult = "1e9"', 16, "ceilings[2].adult", "not_amount"),
        ('adult = "1000"', "", 15, "ceilings[2]", "no_amount"),
        ('return_type = "voluntary"', "", 15, "ceilings[2]", "twice"),
        ("share = 33", "share = 101", 27, "limits.cash.share", "not_number"),
        ("share = 33", 'share = 33\namount = "5"', 26, "limits.cash", "one_of_two"),
        ("[limits.cash]", "[limits.beer]", 26, "limits.beer", "unknown"),
        ("share = 50", "share = 100", 33, "instalments[2]", "shares"),
        ("share = 50", "", 29, "instalments[1]", "one_of_two"),
        ('condition = "Visite faite"', "", 33, "instalments[2]", "needs_condition"),
        ("months_after = 6", "", 33, "instalments[2].months_after", "missing"),
        ('event = "arrival"', 'event = "birth"', 36, "instalments[2].event", "not_one_of"),
        ('up_to = "150"', "", 38, "approvals[1]", "last_is_open"),
        ('"finance_officer"', '"field_officer"', 45, "approvals[2].approver", "not_one_of"),
        ("version = 1", "version = 1\nthree_people = false", 5, "three_people", "alone"),
        ("version = 1", "version = ", 4, "", "not_toml"),
        ("version = 1", f"version = {'9' * 400}", 4, "version", "not_number"),
        ("version = 1", f"version = {'9' * 5000}", 1, "", "not_toml"),
        ("version = 1", f"version = 0x{'f' * 5000}", 4, "version", "not_number"),
        ('adult = "1000"', f"adult = {'9' * 400}", 16, "ceilings[2].adult", "not_amount"),
        ('adult = "1000"', f"adult = 0x{'f' * 5000}", 16, "ceilings[2].adult", "not_amount"),
        ("[[approvals]]", "[approvals]", 43, "", "not_toml"),
    ],
)
def test_each_fault_of_a_file_is_named_with_its_line(
    app: Flask, before: str, after: str, line: int, field: str, code: str
) -> None:
    assert before in RULE
    with app.test_request_context(), pytest.raises(FaultyRule) as refused:
        read_rule(RULE.replace(before, after))
    assert (line, field, code) in [(fault.line, fault.field, fault.code) for fault in refused.value.faults], (
        refused.value
    )
    with app.test_request_context():
        assert all(fault.sentence for fault in refused.value.faults)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(FaultyRule) as refused:
        read_rule(RULE.replace("version = 1", "version = -1").replace("share = 33", "share = 'x'"))
    assert [fault.field for fault in refused.value.faults] == ["version", "limits.cash.share"]


# Granting


@pytest.fixture
def granted(app: Flask, cast: Cast):
    """Aïssatou's family, granted under version 1."""
    with app.app_context():
        rule = load_rule(RULE, by=cast.root, now=NOW)
        case = a_case(
            office=db.session.get_one(Office, cast.conakry),
            officer=db.session.get_one(Staff, cast.ibrahima),
            arrived_on=date(2026, 8, 31),
        )
        donor = db.session.scalar(select(Donor))
        yield grant_under(
            case, rule, return_type="voluntary", persons=Persons(adult=1, child=2), donor=donor,
            by=cast.kadiatou, now=NOW,
        )  # fmt: skip
        db.session.commit()


def test_granting_makes_limits_and_instalments(granted: Allocation, cast: Cast) -> None:
    # 100 + 1,500 + 2 × 750 + 500
    assert granted.granted_minor == 360_000
    assert (granted.held_back_minor, available(granted)) == (180_000, euros(180_000))
    assert granted.valid_until == date(2027, 5, 20)
    limits = db.session.execute(
        select(AllocationLimit.name, AllocationLimit.ceiling_minor)
        .where(AllocationLimit.allocation_id == granted.id)
        .order_by(AllocationLimit.name)
    ).all()
    assert limits == [("cash", 118_800), ("medicine", 90_000)]
    first, second = db.session.scalars(
        select(Instalment).where(Instalment.allocation_id == granted.id).order_by(Instalment.number)
    )
    assert (first.minor, first.released_by_id) == (180_000, cast.kadiatou)
    assert (second.minor, second.released_at, second.due_on) == (180_000, None, date(2027, 2, 28))
    ledger.release_instalment(granted, 2, by=cast.kadiatou, now=NOW)
    assert available(granted) == euros(360_000)


def test_a_new_version_changes_no_old_allocation(granted: Allocation, cast: Cast) -> None:
    load_rule(
        RULE.replace("version = 1", "version = 2").replace("quotes = 3", "quotes = 1"), by=cast.root, now=NOW
    )
    rule, approval = approval_of(granted, euros(15_001), on=NOW.date())
    assert (rule.version, approval.quotes, approval.approver) == (1, 3, "finance_officer")
    assert approval_of(granted, euros(15_000), on=NOW.date())[1].quotes == 1
    assert rule_of(granted).version == 1


def test_no_more_is_granted_than_the_ceiling_and_only_once(granted: Allocation, cast: Cast) -> None:
    rule, donor = db.session.get_one(AllocationRule, granted.rule_id), db.session.scalar(select(Donor))
    office = db.session.get_one(Office, cast.conakry)
    facts: dict[str, Any] = {
        "return_type": "forced", "persons": Persons(adult=1), "donor": donor, "by": cast.kadiatou, "now": NOW,
    }  # fmt: skip
    with pytest.raises(ExceedsCeiling) as refused:
        grant_under(a_case(office=office), rule, amount=euros(100_001), **facts)
    assert refused.value.available == euros(100_000)
    less = grant_under(a_case(office=office), rule, amount=euros(90_001), **facts)
    assert (less.granted_minor, less.held_back_minor) == (90_001, 45_001)
    from webapp.cases.models import Case

    with pytest.raises(AlreadyGranted):
        grant_under(db.session.get_one(Case, less.case_id), rule, **facts)


def test_a_ceiling_in_another_currency_is_rounded_down(granted: Allocation, cast: Cast) -> None:
    rule = db.session.get_one(AllocationRule, granted.rule_id)
    donor = Donor(id=uuid4(), name="Fonds", currency="XOF")
    db.session.add(donor)
    case = a_case(office=db.session.get_one(Office, cast.conakry))
    facts: dict[str, Any] = {
        "return_type": "voluntary", "persons": Persons(adult=1), "donor": donor, "by": cast.kadiatou, "now": NOW,
    }  # fmt: skip
    with pytest.raises(NoRate):
        grant_under(case, rule, **facts)
    a_rate("EUR", "XOF", "655.957", datetime(2026, 11, 1, tzinfo=UTC))
    allocation = grant_under(case, rule, **facts)
    # 1,500 and 100 are turned one by one: 983,935.5 and 65,595.7
    assert (allocation.currency, allocation.granted_minor) == ("XOF", 983_935 + 65_595)
    request = a_request(allocation, cast, Money(100, "XOF"))
    ledger.set_aside(request, by=cast.kadiatou, now=NOW)


def test_a_version_that_is_loaded_never_changes(app: Flask, cast: Cast) -> None:
    with app.app_context():
        second = RULE.replace("version = 1", "version = 2")
        row = load_rule(second, by=cast.root, now=NOW)
        assert load_rule(second, by=cast.root, now=NOW).id == row.id
        for text, code in ((second.replace('"300"', '"301"'), "version_taken"), (RULE, "version_old")):
            with pytest.raises(FaultyRule) as refused:
                load_rule(text, by=cast.root, now=NOW)
            assert [(fault.code, fault.line) for fault in refused.value.faults] == [(code, 4)]


# Pages


def test_the_administrator_sees_what_a_rule_means_before_loading_it(people: Any) -> None:
    root = people("root")
    root.opens("/allocation-rules/new")
    shown = root.posts(
        "/allocation-rules/preview", {"file": (BytesIO(RULE.encode()), "guinea.toml")}, status=200
    )
    assert "300,00 EUR par personne" in shown.text()
    assert "Jusqu’à 150,00 EUR" in shown.text()
    assert "Aucune règle" in root.opens("/allocation-rules").text()
    text = shown.soup.select_one("textarea").get_text()
    # A browser sends its own ends of lines.
    loaded = root.posts("/allocation-rules", {"text": text.replace("\n", "\r\n")})
    assert "Guinée" in root.opens(loaded.response.location).text("h1")
    assert "Guinée" in people("farah").opens("/allocation-rules").text("main ul")
    again = root.posts("/allocation-rules/preview", {"text": text}, status=200)
    assert "déjà chargée" in again.text()


def test_a_faulty_file_comes_back_with_its_lines(people: Any) -> None:
    faulty = RULE.replace('adult = "1000"', "adult = 1.5")
    back = people("root").posts("/allocation-rules/preview", {"text": faulty}, status=422)
    assert "Ligne 1" in back.text(".notice")
    assert "ceilings[2].adult" in back.text(".notice")
    assert "adult = 1.5" in back.text("textarea")
    people("root").posts("/allocation-rules", {"text": faulty}, status=422)
    people("root").posts(
        "/allocation-rules/preview", {"file": (BytesIO(b"\xff\xfe\x00"), "x.toml")}, status=422
    )


def test_only_the_administrator_loads_rules(people: Any) -> None:
    for name in ("kadiatou", "farah"):
        people(name).posts("/allocation-rules", {"text": RULE}, status=403)
        people(name).opens("/allocation-rules/new", 403)
    for name in ("ibrahima", "salma", "ada", "karim"):
        people(name).opens("/allocation-rules", 403)


def test_the_command_loads_a_file_and_names_its_faults(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "rule.toml"
    file.write_text(RULE.replace("version = 1", "version = 'x'"), encoding="utf-8")
    run = app.test_cli_runner()
    faulty = run.invoke(args=["rules", str(file)])
    assert faulty.exit_code == 1
    assert "rule.toml:4: version:" in faulty.output
    file.write_text(RULE, encoding="utf-8")
    assert run.invoke(args=["rules", "--try", str(file)]).exit_code == 0
    with app.app_context():
        assert db.session.scalar(select(AllocationRule)) is None
    assert run.invoke(args=["rules", str(file)]).exit_code == 0
    with app.app_context():
        assert db.session.scalars(select(AllocationRule)).one().name == "guinea"


def test_a_rule_of_one_project_gives_nothing_to_another(app: Flask, cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr("webapp.projects.names", lambda: ["default", "coast"])
    with app.app_context():
        rule = load_rule(
            RULE.replace("version = 1", 'version = 1\nproject = "coast"', 1), by=cast.root, now=NOW
        )
        office = db.session.get_one(Office, cast.conakry)
        case, theirs = a_case(office=office), a_case(office=office)
        theirs.project = "coast"
        asked: dict[str, Any] = {
            "return_type": "forced", "persons": Persons(adult=1), "currency": "EUR", "on": NOW.date(),
        }  # fmt: skip
        with pytest.raises(NoCeiling):
            terms_of(case, rule, **asked)
        assert terms_of(theirs, rule, **asked).ceiling == euros(100_000)
        assert rule not in rules_for(case.project)
        assert rule in rules_for(theirs.project)


def test_a_rule_from_when_its_project_was_free_words_still_holds_for_all(
    app: Flask, cast: Cast, monkeypatch: Any
) -> None:
    with app.app_context():
        monkeypatch.setattr("webapp.projects.names", lambda: ["default", "Starthilfe"])
        rule = load_rule(
            RULE.replace("version = 1", 'version = 1\nproject = "Starthilfe"', 1), by=cast.root, now=NOW
        )
        assert rule not in rules_for("default")
        monkeypatch.setattr("webapp.projects.names", lambda: ["default"])
        assert rule in rules_for("default")


def test_a_rule_names_a_project_that_there_is(app: Flask, cast: Cast) -> None:
    with app.app_context(), pytest.raises(FaultyRule) as refused:
        load_rule(RULE.replace("version = 1", 'version = 1\nproject = "nowhere"', 1), by=cast.root, now=NOW)
    [fault] = refused.value.faults
    assert (fault.field, fault.code) == ("project", "not_one_of")
    assert fault.line is not None
