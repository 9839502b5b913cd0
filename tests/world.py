"""The cast at work: three cases with everything a case can hold, for tests of who may see what."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from PIL import Image
from werkzeug.datastructures import MultiDict

from tests.allocations.builders import a_request, euros, pay
from tests.browser_client import Person
from tests.cast import LONG_AGO, Cast, _staff, a_case, money_for
from webapp import clock
from webapp.alerts.models import Alert
from webapp.allocations import ledger, rules
from webapp.allocations.actions import load_rule
from webapp.allocations.grants.actions import propose
from webapp.allocations.models import Allocation, Instalment, RequestStep
from webapp.allocations.requests.deeds import add_document_from, ask_from
from webapp.allocations.requests.papers import look_at
from webapp.cases.actions import assign_counsellor
from webapp.cases.models import Case, ReferralList, TimelineEntry
from webapp.cases.transfers.models import Transfer
from webapp.check_ins.deeds import raise_red_flag_from, record_check_in_from
from webapp.check_ins.models import NextStep
from webapp.database import db
from webapp.offline.models import Submission
from webapp.people import sessions
from webapp.people.models import Office, Phone, PhonePerson, Staff
from webapp.permissions import Role
from webapp.plans.deeds import submit_from
from webapp.providers.actions import add_provider
from webapp.referrals.deeds import write_referral_from
from webapp.returnee_pages.actions import make_access
from webapp.returnee_pages.actions import say as say_word
from webapp.visits.actions import keep_photo
from webapp.visits.deeds import record_visit_from
from webapp.visits.forms import PhotoDraft

OWN, OTHER, FOREIGN = "own", "other", "foreign"
"""Ibrahima's case; Mariama's, in the same office; Awa's, in the other office."""
STAFF = (
    "ibrahima", "mariama", "awa", "salma", "oumar", "kadiatou", "moussa", "farah", "ada", "root", "karim", "nadia",
)  # fmt: skip

A_RULE = Path(rules.__file__).parent / "schemes" / "gn-office-example.toml"

Say = Callable[[str], str]


@dataclass
class World:
    """Ids of what there is, by case."""

    cast: Cast
    staff: dict[str, UUID] = field(default_factory=dict)
    cases: dict[str, UUID] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    visits: dict[str, UUID] = field(default_factory=dict)
    photos: dict[str, UUID] = field(default_factory=dict)
    check_ins: dict[str, UUID] = field(default_factory=dict)
    next_steps: dict[str, UUID] = field(default_factory=dict)
    red_flags: dict[str, UUID] = field(default_factory=dict)
    words: dict[str, UUID] = field(default_factory=dict)
    alerts: dict[str, UUID] = field(default_factory=dict)
    submissions: dict[str, UUID] = field(default_factory=dict)
    lists: dict[str, UUID] = field(default_factory=dict)
    phones: dict[str, UUID] = field(default_factory=dict)
    quarantined: dict[str, UUID] = field(default_factory=dict)
    requests: dict[str, UUID] = field(default_factory=dict)
    documents: dict[str, UUID] = field(default_factory=dict)
    payments: dict[str, UUID] = field(default_factory=dict)
    providers: dict[str, UUID] = field(default_factory=dict)
    referrals: dict[str, UUID] = field(default_factory=dict)
    adjustments: dict[str, UUID] = field(default_factory=dict)
    plans: dict[str, UUID] = field(default_factory=dict)
    plan_steps: dict[str, UUID] = field(default_factory=dict)
    transfers: dict[str, UUID] = field(default_factory=dict)
    rule: UUID = field(default_factory=uuid4)
    dismissed: UUID = field(default_factory=uuid4)
    code: str = ""
    pin: str = ""


def plainly(name: str) -> str:
    return {"number": "+224621998877", "local_number": "621 99 88 77"}.get(
        name, name.replace("_", " ").title()
    )


def make_world(app: Flask, say: Say = plainly) -> World:
    """Let everybody have worked; ``say`` gives the words of each column of Ibrahima's case."""
    cast: Cast = app.cast  # type: ignore[attr-defined]
    world = World(cast)
    with app.test_request_context():
        conakry, rabat = db.session.get_one(Office, cast.conakry), db.session.get_one(Office, cast.rabat)
        for name in STAFF:
            if hasattr(cast, name):
                world.staff[name] = getattr(cast, name)
        world.staff["oumar"] = _staff("Oumar Keita", "oumar", Role.COUNSELLOR, conakry).id
        world.staff["nadia"] = _staff("Nadia Idrissi", "nadia", Role.CASEWORKER, rabat).id
        world.dismissed = _staff("Sorry Condé", "sory", Role.FIELD_OFFICER, conakry).id
        for which, officer, manager in (
            (OWN, "ibrahima", "kadiatou"),
            (OTHER, "mariama", "kadiatou"),
            (FOREIGN, "awa", "moussa"),
        ):
            _fill(app, world, which, officer, manager, say if which == OWN else plainly)
        world.rule = load_rule(A_RULE.read_text(), by=world.staff["root"], now=clock.now()).id
        own = db.session.get_one(Case, world.cases[OWN])
        world.code, world.pin = make_access(own, clock.now())
        db.session.commit()
    return world


def _fill(app: Flask, world: World, which: str, officer_name: str, manager: str, say: Say) -> None:
    officer = db.session.get_one(Staff, world.staff[officer_name])
    case = a_case(
        say("family_name"), say("given_names"), office=officer.office, officer=officer, number=say("number"),
        caseworker=db.session.get_one(Staff, world.staff["karim"]) if which == OWN else None,
        place=say("place"), region=say("region"), contact_person=say("contact_person"), remarks=say("remarks"),
        activity=say("activity"), donor_name=say("donor_name"), restricted_needs=[say("restricted_needs")],
        needs=["medication"], household_size=4, external_ref=say("external_ref") if which == OWN else None,
    )  # fmt: skip
    world.cases[which], world.codes[which] = case.id, case.code
    if which == OWN:
        assign_counsellor(case, world.staff["salma"])
    money_for(case, by=world.staff[manager], what=say("ledger_what"))
    person = sessions.start_session(officer, now=clock.now(), settings=app.extensions["settings"])
    _visit(app, world, which, case, person, say)
    _wellbeing(app, world, which, case, person, say)
    _payment(app, world, which, case, person, db.session.get_one(Staff, world.staff[manager]), say)
    _plan(world, which, case, person, say)
    world.transfers[which] = _to_the_other_office(world, which, case, world.staff[manager], say)
    entry = db.session.query(TimelineEntry).filter_by(case_id=case.id, kind="visit.recorded").one()
    alert = Alert(
        rule="serious_concern", entry_number=entry.number, case_id=case.id, subject_id=entry.subject_id,
        for_id=world.staff[manager], urgent=True, raised_at=clock.now(),
    )  # fmt: skip
    submission = Submission(
        id=uuid4(), number=len(world.submissions) + 1, kind="visit", digest="0" * 64, sealing_key="k",
        author_id=officer.id, case_id=case.id, received_at=clock.now(), outcome="needs attention",
        errors={"concern": ["Choisissez."]},
    )  # fmt: skip
    read = ReferralList(
        id=uuid4(), file_name="liste.xlsx", file_digest="0" * 64, title="Liste", read_at=clock.now(),
        read_by_id=world.staff[manager if which != OTHER else "nadia"],
    )  # fmt: skip
    phone = Phone(id=uuid4(), label=f"Tecno {which}", enrolled_at=clock.now(), seen_at=clock.now(), unsent=2)
    quarantined = Submission(
        id=uuid4(), number=100 + len(world.submissions), kind="visit", digest="1" * 64, sealing_key="k",
        author_id=officer.id, received_at=clock.now(), outcome="quarantined", sealed=b"not to be opened",
        errors={"": ["phone cut off"]}, phone_id=phone.id,
    )  # fmt: skip
    db.session.add_all([alert, submission, read, phone, quarantined])
    db.session.flush()
    db.session.add(PhonePerson(phone_id=phone.id, staff_id=officer.id, enrolled_at=clock.now()))
    world.phones[which], world.quarantined[which] = phone.id, quarantined.id
    world.alerts[which], world.submissions[which], world.lists[which] = alert.id, submission.id, read.id


def _to_the_other_office(world: World, which: str, case: Case, manager: UUID, say: Say) -> UUID:
    """A transfer of long ago that the other office sent back."""
    cast, id = world.cast, uuid4()
    here, there = (cast.dakar, cast.conakry) if which == FOREIGN else (cast.conakry, cast.dakar)
    back = cast.kadiatou if which == FOREIGN else cast.moussa
    db.session.add(
        Transfer(
            id=id, case_id=case.id, from_office_id=here, from_officer_id=case.officer_id, to_office_id=there, reason="workload",
            asked_by_id=manager, asked_at=LONG_AGO, outcome="sent_back", decided_by_id=back, decided_at=LONG_AGO,
            answer=say("transfer_answer"),
        )
    )  # fmt: skip
    return id


def _visit(app: Flask, world: World, which: str, case: Case, person: Any, say: Say) -> None:
    now = clock.now()
    fields = visit_fields(
        concern="serious", **{name: say(name) for name in ("present", "agreed", "words", "notes")}
    )
    visit = record_visit_from(MultiDict(fields), case=case, by=person, now=now)
    storage = app.extensions["storage"]
    file, thumb = storage.put(a_picture(320), "photo"), storage.put(a_picture(32), "thumb")
    draft = PhotoDraft(slot=1, caption=say("caption"), subject="goods", consent=False)
    photo = keep_photo(
        case,
        draft,
        id=uuid4(),
        visit_id=visit.id,
        file=file,
        thumb=thumb,
        size=(320, 320),
        by=person,
        now=now,
    )
    world.visits[which], world.photos[which] = visit.id, photo.id


def _wellbeing(app: Flask, world: World, which: str, case: Case, person: Any, say: Say) -> None:
    now, keyring = clock.now(), app.extensions["keyring"]
    answered = record_check_in_from(
        MultiDict(check_in_fields()), case=case, by=person, now=now, keyring=keyring
    )
    flag = {"id": str(uuid4()), "category": "no_shelter", "help_needed": say("help_needed")}
    world.red_flags[which] = UUID(flag["id"])
    raise_red_flag_from(MultiDict(flag), case=case, by=person, now=now, keyring=keyring)
    world.check_ins[which] = answered.id
    world.words[which] = uuid4()
    say_word(case, "call_me_back", id=world.words[which], now=now)
    world.next_steps[which] = db.session.query(NextStep).filter_by(check_in_id=answered.id).one().id


def _payment(app: Flask, world: World, which: str, case: Case, person: Any, manager: Staff, say: Say) -> None:
    """A provider, a request to pay it, and its quote."""
    now = clock.now()
    provider = add_provider(
        name=f"{say('provider_name')} {which}", kind="shop", country="GN", town="Madina", contact=say("provider_contact"),
        phone="+224620000009", account=say("provider_account"), holder=say("provider_holder"), by=manager, now=now,
        keyring=app.extensions["keyring"],
    )  # fmt: skip
    fields = request_fields(what=say("request_what"), provider=str(provider.id))
    asked = ask_from(MultiDict(fields), case=case, by=person, now=now)
    quote = add_document_from(
        "quote", look_at(a_picture(320)), id=uuid4(), request_id=asked.id, case=case, by=person, now=now,
        storage=app.extensions["storage"],
    )  # fmt: skip
    world.providers[which], world.requests[which] = provider.id, asked.id
    fields = referral_fields(
        asked=say("referral_asked"),
        provider_name=say("referral_provider"),
        provider_phone=say("referral_phone"),
    )
    referral = write_referral_from(
        MultiDict(fields), case=case, by=person, now=now, keyring=app.extensions["keyring"]
    )
    world.referrals[which] = referral.id
    world.documents[which] = quote.id
    world.payments[which] = _paid_in_cash(world, case, officer=person.id, manager=manager.id)
    world.adjustments[which] = _proposed(app, case, manager, say)


def _plan(world: World, which: str, case: Case, person: Any, say: Say) -> None:
    """A plan that waits for approval."""
    fields = {
        "id": str(uuid4()), "currency": "EUR", "objectives": say("plan_objectives"), "risks": say("plan_risks"),
        "step_0_what": say("plan_step"), "step_0_due_on": clock.now().date().isoformat(), "step_0_who": "both",
        "line_0_category": "training", "line_0_what": say("plan_line"), "line_0_amount": "120",
    }  # fmt: skip
    plan = submit_from(MultiDict(fields), case=case, by=person, now=clock.now())
    world.plans[which], world.plan_steps[which] = plan.id, UUID(plan.steps[0]["key"])


def _proposed(app: Flask, case: Case, manager: Staff, say: Say) -> UUID:
    """An instalment that is held back, and a correction that waits for a second person."""
    now = clock.now()
    allocation = db.session.query(Allocation).filter_by(case_id=case.id).one()
    db.session.add(
        Instalment(allocation_id=allocation.id, number=1, minor=500, condition=say("instalment_condition"))
    )
    db.session.flush()
    ledger.hold_back(allocation, 500)
    person = sessions.start_session(manager, now=now, settings=app.extensions["settings"])
    reason = say("adjustment_reason")
    return propose(case, allocation, euros(300), id=uuid4(), reason=reason, by=person, now=now).id


def _paid_in_cash(world: World, case: Case, *, officer: UUID, manager: UUID) -> UUID:
    """EUR 10 handed over, and not yet known to have arrived."""
    now = clock.now()
    allocation = db.session.query(Allocation).filter_by(case_id=case.id).one()
    asked = a_request(
        allocation, world.cast, euros(1_000), state="paid", payee_kind="cash", requester_id=officer,
        approver_id=manager, approved_at=now, changed_at=now,
    )  # fmt: skip
    ledger.set_aside(asked, by=manager, now=now)
    paid = pay(asked, euros(1_000), by=world.staff["farah"], now=now, reference=f"CASH-{case.code}")
    db.session.add(RequestStep(request_id=asked.id, state="paid", by_id=world.staff["farah"], at=now))
    db.session.flush()
    return paid.id


def request_fields(amount: str = "150", **changed: str) -> dict[str, str]:
    """A payment request as the form posts it: EUR 150 to a provider."""
    return {
        "id": str(uuid4()), "category": "micro_project", "what": "Machine à coudre", "amount": amount,
        "currency": "EUR", "payee_kind": "provider", "provider": "", "payee_name": "Bamba & fils",
        "chosen_by": "returnee", "operator": "", **changed,
    }  # fmt: skip


def referral_fields(**changed: str) -> dict[str, str]:
    """A referral as the form posts it: agreed to and sent today, to a clinic that is not in the list."""
    return {
        "id": str(uuid4()), "service": "health", "provider": "", "provider_name": "Clinique du carrefour",
        "provider_phone": "+224620000055", "asked": "Une consultation", "urgency": "soon", "consent": "spoken",
        "consent_on": "", "sent_how": "phone", "appointment_on": "", **changed,
    }  # fmt: skip


def visit_fields(**changed: str) -> dict[str, str]:
    """A visit as the form posts it, an hour ago by the clock of Conakry."""
    visited_at = (clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    return {
        "id": str(uuid4()), "visited_at": visited_at, "channel": "home_visit", "reached": "yes", "concern": "none",
        **changed,
    }  # fmt: skip


ITEMS = ("cheerful", "calm", "active", "rested", "interested")


def check_in_fields(answers: str = "22222", **changed: str) -> dict[str, str]:
    """A WHO-5 check-in as the form posts it; ``answers`` has one digit for each item, or a dash."""
    given = {item: code for item, code in zip(ITEMS, answers, strict=True) if code != "-"}
    return {"id": str(uuid4()), "locale": "fr", "private": "yes", "consent": "yes", **given, **changed}


def a_picture(size: int) -> bytes:
    """A plain JPEG."""
    drawn = io.BytesIO()
    Image.new("RGB", (size, size), (180, 120, 60)).save(drawn, "JPEG")
    return drawn.getvalue()


def principals(app: Flask, world: World) -> dict[str, Person]:
    """Everybody at a browser of their own: staff by name, ``nobody``, and the returnee signed in by card."""
    found = {name: Person(app, world.staff[name]) for name in STAFF}
    found["nobody"], found["returnee"] = Person(app), Person(app)
    found["returnee"].posts("/my/sign-in", {"code": world.code, "pin": world.pin})
    return found


__all__ = [
    "FOREIGN",
    "LONG_AGO",
    "OTHER",
    "OWN",
    "STAFF",
    "World",
    "make_world",
    "principals",
    "visit_fields",
]
