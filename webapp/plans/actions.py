"""What is done with plans: submitted in versions, approved or sent back by somebody else, their steps done or dropped."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import update

from ..cases.actions import reach_stage, touch
from ..cases.models import RETURNING, Case
from ..cases.timeline import add_entry
from ..database import db
from ..web import NeedsAttention
from . import queries
from .forms import PlanDraft
from .models import TEXTS, Plan, PlanStepOutcome

DECISIONS = {"approval": "approved", "return": "sent_back"}


def submit(
    case: Case, draft: PlanDraft, *, by: Any, now: datetime, claimed_at: datetime | None = None
) -> Plan:
    """Submit a version for approval, in place of one that still waits. Submitting it again changes nothing."""
    if already := db.session.get(Plan, draft.id):
        if already.case_id != case.id or already.author_id != by.id:
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        if not _says(already, draft):
            said = _("Un plan est déjà parti de cette page. Envoyez encore pour en faire une autre version.")
            raise NeedsAttention({"id": [said]})
        return already
    _refuse_stage(case)
    before = queries.versions(case.id)
    if before and _says(before[0].Plan, draft):
        raise NeedsAttention({"": [_("Rien n’a changé depuis la dernière version.")]})
    db.session.execute(
        update(Plan).where(Plan.case_id == case.id, Plan.state == "waiting").values(state="replaced")
    )
    plan = Plan(
        id=draft.id, case_id=case.id, number=before[0].Plan.number + 1 if before else 1, state="waiting",
        **draft.texts, steps=draft.steps, lines=draft.lines, currency=draft.currency, total_minor=draft.total_minor,
        author_id=by.id, submitted_at=now, claimed_at=claimed_at, reason="",
    )  # fmt: skip
    db.session.add(plan)
    db.session.flush()
    add_entry(
        "plan.submitted", case=case, office_id=case.office_id, subject=plan.id, by=by.id, happened_at=now, now=now,
        number=plan.number,
    )  # fmt: skip
    if case.stage == "arrived":
        reach_stage(case, "plan", by=by.id, happened_at=now, now=now)
    touch(case)
    return plan


def _says(plan: Plan, draft: PlanDraft) -> bool:
    """Whether the version says what the draft says."""
    said = {name: getattr(plan, name) for name in TEXTS}
    return (said, plan.currency, plan.steps, plan.lines) == (
        draft.texts, draft.currency, draft.steps, draft.lines,
    )  # fmt: skip


def _refuse_stage(case: Case) -> None:
    if case.closed_at is not None or case.stage == "closed":
        raise NeedsAttention({"": [_("Ce cas est clos.")]})
    if case.stage in RETURNING:
        raise NeedsAttention({"": [_("Un plan s’écrit après l’arrivée. Notez d’abord l’arrivée.")]})
    if case.stage == "interrupted":
        raise NeedsAttention({"": [_("Ce retour est interrompu. Reprenez-le d’abord.")]})


def decide(case: Case, plan_id: UUID, deed: str, *, by: Any, now: datetime, reason: str = "") -> None:
    """Approve the version that was on the screen, or send it back. Decided so already by the same person, it
    changes nothing; of two decisions at once one counts."""
    state = DECISIONS[deed]
    plan = queries.find_plan(case.id, plan_id)
    if plan is None:
        raise NeedsAttention({"": [_changed()]})
    if (plan.state, plan.decided_by_id) == (state, by.id):
        return
    if plan.author_id == by.id:
        raise NeedsAttention({"": [_("Une autre personne que celle qui l’a écrit doit décider.")]})
    if state == "sent_back" and not reason:
        raise NeedsAttention({"reason": [_("Dites pourquoi.")]})
    decided = db.session.scalar(
        update(Plan)
        .where(Plan.id == plan.id, Plan.state == "waiting")
        .values(
            state=state, decided_by_id=by.id, decided_at=now, reason=reason if state == "sent_back" else ""
        )
        .returning(Plan.id)
    )
    if decided is None:
        raise NeedsAttention({"": [_changed()]})
    add_entry(
        f"plan.{state}", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
        number=plan.number,
    )  # fmt: skip
    if state == "approved" and case.stage in ("arrived", "plan"):
        reach_stage(case, "in_progress", by=by.id, happened_at=now, now=now)
    touch(case)


def _changed() -> str:
    return _("Ce plan a changé entre-temps. Regardez-le de nouveau.")


def settle_step(
    case: Case, step: UUID, outcome: str, *, by: Any, now: datetime, reason: str = ""
) -> PlanStepOutcome:
    """Note that a step of the approved plan is done or dropped, once; noting the same again changes nothing."""
    if already := db.session.get(PlanStepOutcome, (case.id, step)):
        if already.outcome != outcome:
            raise NeedsAttention({"": [_("Cette étape est déjà notée. Regardez le plan de nouveau.")]})
        return already
    approved = queries.approved_plan(case.id)
    known = next((each for each in approved.steps if each["key"] == str(step)), None) if approved else None
    if known is None:
        raise NeedsAttention({"": [_changed()]})
    settled = PlanStepOutcome(case_id=case.id, step=step, outcome=outcome, reason=reason, by_id=by.id, at=now)
    db.session.add(settled)
    db.session.flush()
    add_entry(
        "plan.step_done", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
        what=known["what"], outcome=outcome, reason=reason,
    )  # fmt: skip
    touch(case)
    return settled
