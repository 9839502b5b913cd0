"""What is done with a return: steps recorded, skipped or done again; interrupted and resumed; handed to the origin."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext as _
from sqlalchemy import update

from .. import clock
from ..cases.actions import (
    assign_officer,
    move_to_office,
    open_case,
    plan_follow_up,
    reach_stage,
    reindex,
    touch,
)
from ..cases.models import STAGES, Case, PhoneNumber, Returnee
from ..cases.open_matters import matters_to_decide
from ..cases.timeline import add_entry
from ..database import db
from ..people.models import Office
from ..web import NeedsAttention
from . import procedures, queries
from .forms import FirstContactDraft, InterruptionDraft, StepDraft
from .models import Interruption, Procedure, ProcedureStep
from .procedures import Step, Steps

TRAVELLING = ("departure_set", "departed")
ENDED = ("closed",)


def open_first_contact(draft: FirstContactDraft, *, by: Any, now: datetime) -> Case:
    """A person asks to return: a case of the sending mission. Sending the same form again opens no second one."""
    if already := db.session.get(Case, draft.id):
        if already.caseworker_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        return already
    origin = db.session.get(Office, draft.office_id)
    if origin is None:
        raise NeedsAttention({"office": [_("Choisissez le pays de retour.")]})
    numbers = [PhoneNumber(written=draft.number, e164=draft.e164)] if draft.number else []
    returnee = Returnee(
        family_name=draft.family_name, given_names=draft.given_names, sex=draft.sex, nationality=origin.country,
    )  # fmt: skip
    # The office of origin learns of the person when a departure is set, not before.
    case = open_case(
        returnee, numbers=numbers, office_id=by.office_id, country=origin.country, stage="first_contact", by=by.id,
        now=now, id=draft.id, caseworker_id=by.id, project=draft.project,
    )  # fmt: skip
    reindex(case)
    steps = procedures.steps_of(case.project)
    contact = steps.of_kind("contact")
    db.session.add(
        Procedure(
            case_id=case.id,
            office_id=origin.id,
            began_with=contact.name,
            next_step=contact.name,
            waiting_since=now,
        )
    )
    db.session.flush()
    first = StepDraft(
        uuid5(draft.id, contact.name), "done", draft.happened_on, "", {"channel": draft.channel}
    )
    record_step(case, contact, first, by=by, now=now)
    return case


def record_step(
    case: Case,
    step: Step,
    draft: StepDraft,
    *,
    by: Any,
    now: datetime,
    claimed_at: datetime | None = None,
) -> ProcedureStep:
    """Write down a step that was done, begun, skipped or done again. Sending the same one again changes nothing."""
    if already := db.session.get(ProcedureStep, draft.id):
        if (already.case_id, already.by_id, already.step) != (case.id, by.id, step.name):
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        return already
    steps = procedures.steps_of(case.project)
    procedure = procedure_of(case, steps, now=now)
    _refuse_if_ended(case)
    if draft.outcome != "skipped":
        _refuse_out_of_order(case, procedure, steps, step)
    if step.kind == "departure" and draft.outcome == "done":
        _refuse_departure(case, draft)
    recorded = ProcedureStep(
        id=draft.id, case_id=case.id, step=step.name, outcome=draft.outcome, happened_on=draft.happened_on,
        by_id=by.id, recorded_at=now, claimed_at=claimed_at, reason=draft.reason, facts=draft.facts,
    )  # fmt: skip
    db.session.add(recorded)
    db.session.flush()
    if draft.outcome != "skipped":
        _take_over(case, procedure, step, draft, by=by, now=now)
    happened_at = min(clock.from_local(queries.midday(draft.happened_on), by.timezone), now)
    reached = draft.outcome == "done" and _reach(case, step, by=by, happened_at=happened_at, now=now)
    if not reached:
        add_entry(
            "return.step", case=case, office_id=case.office_id, subject=recorded.id, by=by.id,
            happened_at=happened_at, now=now, about=step.kind, title=dict(step.title) if step.title else None,
            outcome=draft.outcome,
        )  # fmt: skip
    _move_on(case, procedure, steps, now=now)
    if step.kind == "departure" and draft.outcome == "done":
        inform_origin(case, procedure, by=by, now=now)
    touch(case)
    return recorded


def procedure_of(case: Case, steps: Steps, *, now: datetime) -> Procedure:
    """The procedure of a case; one that came with a referral list begins where the list said it stands."""
    if found := db.session.get(Procedure, case.id):
        return found
    first = steps.after_stage(case.stage)
    made = Procedure(
        case_id=case.id, office_id=case.office_id, began_with=first.name, next_step=first.name,
        waiting_since=case.opened_at, departs_on=case.departed_on, flight="", transit="", assistance=[],
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()
    return made


def _refuse_if_ended(case: Case) -> None:
    if case.closed_at is not None or case.stage in ENDED:
        raise NeedsAttention({"": [_("Ce cas est clos.")]})
    if case.stage == "interrupted":
        raise NeedsAttention({"": [_("Ce retour est interrompu. Reprenez-le d’abord.")]})


def _refuse_out_of_order(case: Case, procedure: Procedure, steps: Steps, step: Step) -> None:
    settled = queries.settled(case.id)
    if step.kind == "departure":
        before = steps.before_departure(settled, began_with=procedure.began_with)
        if before:
            raise NeedsAttention(
                {"": [_("Avant le départ il reste : %(steps)s.", steps=queries.titles(before))]}
            )
    departed = steps.of_kind("departure").name in settled or case.stage in TRAVELLING
    if step.kind in procedures.AFTER_DEPARTURE and not departed and case.arrived_on is None:
        raise NeedsAttention({"": [_("Le départ n’est pas encore fixé.")]})


def _refuse_departure(case: Case, draft: StepDraft) -> None:
    """Nobody is sent to the airport with papers that will have ended, or before the doctor's day."""
    known = queries.latest_facts(case.id)
    departs_on, arrives_on = draft.facts["departs_on"], draft.facts["arrives_on"]
    if (expires_on := known.get("document", {}).get("expires_on")) and expires_on < arrives_on:
        raise NeedsAttention({"arrives_on": [_("Le document de voyage ne sera plus valable ce jour-là.")]})
    if (not_before := known.get("medical", {}).get("not_before")) and departs_on < not_before:
        raise NeedsAttention({"departs_on": [_("Le médecin a demandé d’attendre plus longtemps.")]})


def _take_over(
    case: Case, procedure: Procedure, step: Step, draft: StepDraft, *, by: Any, now: datetime
) -> None:
    """What a step says of the case itself."""
    facts = draft.facts
    touch(case)  # also for the phone of whoever carries it no longer
    if step.kind == "interview":
        case.needs = facts.get("needs", case.needs)
        case.household_size = facts.get("household_size", case.household_size)
        if facts.get("place"):
            case.place = facts["place"]
            reindex(case)
    elif step.kind == "departure":
        procedure.departs_on = queries.day(facts["departs_on"])
        procedure.arrives_on = queries.day(facts["arrives_on"])
        procedure.flight, procedure.transit = facts.get("flight", ""), facts.get("transit", "")
        procedure.assistance = facts.get("assistance", [])
        case.escort_id = UUID(facts["escort"]) if facts.get("escort") else None
    elif step.kind == "boarding":
        case.departed_on = draft.happened_on
    elif step.kind == "arrival":
        case.arrived_on = draft.happened_on
        case.escort_id = None


def _reach(case: Case, step: Step, *, by: Any, happened_at: datetime, now: datetime) -> bool:
    """Let the case reach the step's stage, never back behind one that it has reached; whether that is told."""
    if step.stage is None or STAGES.index(step.stage) <= STAGES.index(case.stage):
        return False
    reach_stage(case, step.stage, by=by.id, happened_at=happened_at, now=now)
    return True


def _move_on(case: Case, procedure: Procedure, steps: Steps, *, now: datetime) -> None:
    waiting = steps.waiting(queries.settled(case.id), began_with=procedure.began_with)
    next_step = waiting[0].name if waiting else None
    if next_step != procedure.next_step:
        procedure.next_step, procedure.waiting_since = next_step, now


def inform_origin(case: Case, procedure: Procedure, *, by: Any, now: datetime) -> None:
    """The office of origin has the case from here on, and is told of the arrival, again when the day changes."""
    assert procedure.arrives_on is not None
    procedure.informed_at = now
    move_to_office(case, procedure.office_id)
    add_entry(
        "return.informed", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
        arrives_on=procedure.arrives_on.isoformat(),
    )  # fmt: skip


def give_to_officer(case: Case, officer: Any, *, by: Any, now: datetime) -> None:
    """The office of origin says who meets and follows the person."""
    assign_officer(case, officer.id, officer_name=officer.name, by=by.id, now=now)


# Interruption


def interrupt(
    case: Case,
    draft: InterruptionDraft,
    *,
    by: Any,
    now: datetime,
    interrupted_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> Interruption:
    """Stop the return, wherever it stands. Sending it again, or stopping what is stopped, changes nothing."""
    if already := db.session.get(Interruption, draft.id):
        if already.case_id != case.id or already.by_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        return already
    if standing := queries.standing_interruption(case.id):
        return standing
    if case.closed_at is not None or case.stage in ENDED:
        raise NeedsAttention({"": [_("Ce cas est clos.")]})
    procedure = db.session.get(Procedure, case.id)
    if interrupted_at is not None and queries.arrived_since(case.id, interrupted_at):
        # Written without network before the journey, delivered after it: the person went on after all.
        raise NeedsAttention(
            {"": [_("La personne est arrivée depuis. Voyez avec le bureau qui l’accueille.")]}
        )
    interruption = Interruption(
        id=draft.id, case_id=case.id, step=procedure.next_step if procedure else None,
        # Referral lists bring interrupted returns too: resumed, they begin anew.
        stage_before="first_contact" if case.stage == "interrupted" else case.stage,
        interrupted_at=interrupted_at or now, recorded_at=now, claimed_at=claimed_at, by_id=by.id,
        asked_by=draft.asked_by, reason=draft.reason, open_matters=matters_to_decide(case.id),
    )  # fmt: skip
    db.session.add(interruption)
    case.stage = "interrupted"
    # Nobody is called for a follow-up of a return that stopped.
    plan_follow_up(case, due_on=None, channel=None, ends_on=None)
    db.session.flush()
    add_entry(
        "return.interrupted", case=case, office_id=case.office_id, subject=interruption.id, by=by.id,
        happened_at=interruption.interrupted_at, now=now, open=interruption.open_matters or None,
    )  # fmt: skip
    touch(case)
    return interruption


def resume(case: Case, *, by: Any, now: datetime) -> None:
    """The return goes on from where it stood. Asking again changes nothing."""
    if case.stage != "interrupted" or case.closed_at is not None:
        return
    standing = queries.standing_interruption(case.id)
    case.stage = standing.stage_before if standing else "first_contact"
    if standing:
        standing.resumed_at, standing.resumed_by_id = now, by.id
    db.session.execute(update(Procedure).where(Procedure.case_id == case.id).values(waiting_since=now))
    db.session.flush()
    add_entry(
        "return.resumed", case=case, office_id=case.office_id, subject=None,
        by=by.id, happened_at=now, now=now,
    )  # fmt: skip
    touch(case)


def decide(case: Case, decision: str, *, by: Any, now: datetime) -> None:
    """The manager says what becomes of what was under way; the requests themselves are dealt with on their pages."""
    standing = queries.standing_interruption(case.id)
    if standing is None:
        raise NeedsAttention({"decision": [_("Ce retour n’est pas interrompu.")]})
    standing.decision, standing.decided_at, standing.decided_by_id = decision, now, by.id
    add_entry(
        "return.decided", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
        decision=decision,
    )  # fmt: skip
    touch(case)
