"""What is done when an accompaniment ends: asked, signed off or sent back by somebody else, reopened. Every deed holds
the case first."""

from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from ...database import db
from ...permissions import Role, may
from ...web import NeedsAttention
from ..actions import plan_follow_up, touch
from ..models import Case
from ..timeline import add_entry
from . import queries
from .forms import ClosureDraft
from .models import Closure


def ask(
    case: Case,
    draft: ClosureDraft,
    *,
    by: Any,
    now: datetime,
    asked_at: datetime | None = None,
    claimed_at: datetime | None = None,
) -> Closure:
    """Ask that a held case be closed; nothing else changes yet. Asking again under the same id changes nothing."""
    if already := db.session.get(Closure, draft.id):
        if (already.case_id, already.asked_by_id, already.reason, already.words) != (
            case.id,
            by.id,
            draft.reason,
            draft.words,
        ):
            raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
        return already
    if case.closed_at is not None:
        raise NeedsAttention({"": [_("Ce cas est clos.")]})
    if queries.standing(case.id) is not None:
        raise NeedsAttention({"": [_("La clôture est déjà demandée ; une deuxième personne doit répondre.")]})
    _check_settled(case, draft.money_left, by=by)
    closure = Closure(
        id=draft.id, case_id=case.id, reason=draft.reason, words=draft.words, money_left=draft.money_left,
        stage_before=case.stage, asked_by_id=by.id, asked_at=asked_at or now, recorded_at=now, claimed_at=claimed_at,
        answers=draft.answers,
    )  # fmt: skip
    db.session.add(closure)
    add_entry(
        "closure.asked", case=case, office_id=case.office_id, subject=closure.id, by=by.id, happened_at=closure.asked_at, now=now,
        by_manager=by.role == Role.PROGRAMME_MANAGER,
    )  # fmt: skip
    db.session.flush()
    touch(case)
    return closure


def _check_settled(case: Case, money_left: str, *, by: Any) -> None:
    """Refuse while something is still open, each thing by its name; of money that is left it is enough to say what
    becomes of it."""
    still_open = queries.unmet(case.id, by=by, case=case)
    said = [
        _("Il reste ouvert : %(what)s.", what=matter.told) if matter.told else _("Un autre point est encore ouvert.")
        for matter in still_open
        if not matter.may_stay
    ]  # fmt: skip
    if said:
        raise NeedsAttention({"": said})
    if any(matter.may_stay for matter in still_open) and not money_left:
        raise NeedsAttention(
            {"money_left": [_("Il reste de l’argent : libérez-le, ou dites ce qu’il devient.")]}
        )


def decide(case: Case, closure: Closure, outcome: str, *, answer: str, by: Any, now: datetime) -> Closure:
    """Sign a held case's closure off, or send it back; whoever asked may only take it back. Again: changes nothing."""
    if outcome == "sent_back" and by.id == closure.asked_by_id:
        outcome = "withdrawn"
    elif not _may_decide(closure, case, by):
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})
    if closure.outcome is not None:
        if (closure.outcome, closure.decided_by_id) == (outcome, by.id):
            return closure
        raise NeedsAttention({"": [_("Quelqu’un a déjà répondu. Regardez de nouveau.")]})
    if outcome == "signed_off" and by.id == closure.asked_by_id:
        raise NeedsAttention({"": [_("Une autre personne que celle qui l’a demandé doit clore.")]})
    if outcome == "sent_back" and not answer:
        raise NeedsAttention({"answer": [_("Dites pourquoi.")]})
    if outcome == "signed_off":
        _check_settled(case, closure.money_left, by=by)
    closure.outcome, closure.decided_by_id, closure.decided_at = outcome, by.id, now
    closure.answer = answer if outcome == "sent_back" else ""
    if outcome == "signed_off":
        _close(case, closure, by=by, now=now)
    else:
        facts = {"words": answer, "author": str(closure.asked_by_id)} if outcome == "sent_back" else {}
        add_entry(
            f"closure.{outcome}", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
            **facts,
        )  # fmt: skip
    db.session.flush()
    touch(case)
    return closure


def _may_decide(closure: Closure, case: Case, by: Any) -> bool:
    """A manager of the office; where a manager asked, who may be the only one, also its finance."""
    if not may(by, "closure.decide", case):
        return False
    return by.role != Role.FINANCE_OFFICER or queries.asked_by_a_manager(closure)


def _close(case: Case, closure: Closure, *, by: Any, now: datetime) -> None:
    add_entry(
        "case.closed", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now
    )  # fmt: skip
    # Whoever carries it now lets go of it: a return under way is carried by more than its officer.
    touch(case)
    closure.stage_before, case.stage, case.closed_at = case.stage, "closed", now
    plan_follow_up(case, due_on=None, channel=None, ends_on=None)


def reopen(case: Case, because: str, *, by: Any, now: datetime) -> None:
    """The accompaniment of a held case goes on where it stood. Asking again changes nothing."""
    if case.closed_at is None:
        return
    closure = queries.standing(case.id)
    case.stage, case.closed_at = closure.stage_before if closure else "follow_up", None
    if closure:
        closure.reopened_at, closure.reopened_by_id, closure.reopened_because = now, by.id, because
    db.session.flush()
    add_entry(
        "case.reopened", case=case, office_id=case.office_id, subject=None, by=by.id,
        happened_at=now, now=now, words=because,
    )  # fmt: skip
    touch(case)


def keep_answers(closure: Closure, answers: dict[str, int]) -> None:
    """What the person said later, by phone; what they had said stays."""
    if not answers:
        raise NeedsAttention({"": [_("Choisissez au moins une réponse.")]})
    closure.answers = {**answers, **closure.answers}
    db.session.flush()
