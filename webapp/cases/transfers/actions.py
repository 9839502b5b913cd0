"""What is done when cases are handed on. Every deed holds its cases first, always in the same order."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext as _
from sqlalchemy import select

from ...database import db
from ...formats import listed
from ...people.models import Office, Staff
from ...permissions import may
from ...web import NeedsAttention
from ..actions import assign_officer, move_to_office
from ..models import Case
from ..queries import hold_cases
from ..timeline import add_entry
from .forms import TransferDraft
from .models import Transfer


def hand_on(draft: TransferDraft, *, by: Any, now: datetime) -> list[Transfer]:
    """Give all these cases to an officer of the office, or ask another office to take them; none of them if one cannot
    go. Sending the same form again changes nothing."""
    cases = hold_cases(list(draft.shown))
    ids = {case_id: uuid5(draft.id, case_id.hex) for case_id in draft.shown}
    done = {
        transfer.case_id: transfer
        for transfer in db.session.scalars(select(Transfer).where(Transfer.id.in_(list(ids.values()))))
    }
    if any(not _is_same(transfer, draft, by) for transfer in done.values()):
        raise NeedsAttention({"id": [_("Ce numéro est déjà pris. Ouvrez le formulaire de nouveau.")]})
    waiting = set(
        db.session.scalars(
            select(Transfer.case_id).where(
                Transfer.case_id.in_(list(draft.shown)), Transfer.outcome.is_(None)
            )
        )
    )
    officer = _officer(draft.officer_id, by.office_id) if draft.officer_id else None
    refused: dict[str, list[str]] = {}
    for case_id, officer_id in draft.shown.items():
        if case_id in done:
            continue
        said = _why_not(cases.get(case_id), officer_id, draft, waiting=case_id in waiting, by=by)
        if said:
            refused.setdefault(said, []).append(cases[case_id].code if case_id in cases else "?")
    if refused:
        raise NeedsAttention(
            {"case": [f"{listed(sorted(codes))} : {said}" for said, codes in refused.items()]}
        )
    return [
        done.get(case_id) or _hand_on(cases[case_id], draft, officer, id=ids[case_id], by=by, now=now)
        for case_id in draft.shown
    ]


def _is_same(transfer: Transfer, draft: TransferDraft, by: Any) -> bool:
    end = (
        transfer.to_office_id == draft.office_id
        if draft.office_id
        else transfer.to_officer_id == draft.officer_id
    )
    asked = (transfer.asked_by_id, transfer.reason, transfer.note)
    return end and asked == (by.id, draft.reason, draft.note)


def _why_not(
    case: Case | None, shown: UUID | None, draft: TransferDraft, *, waiting: bool, by: Any
) -> str | None:
    if case is None or not may(by, "case.assign", case):
        return _("ce cas n’est plus à votre bureau.")
    if case.closed_at is not None:
        return _("ce cas est clos.")
    if waiting:
        return _("un autre bureau doit encore répondre.")
    if case.officer_id == draft.officer_id and draft.officer_id is not None:
        return _("cet agent le suit déjà.")
    if case.officer_id != shown:
        return _("quelqu’un d’autre vient de le confier. Regardez de nouveau.")
    return None


def _officer(officer_id: UUID, office_id: UUID) -> Staff:
    officer: Staff | None = db.session.get(Staff, officer_id)
    if officer is None or officer.office_id != office_id or officer.disabled_at is not None:
        raise NeedsAttention({"to": [_("Cet agent ne travaille plus dans ce bureau.")]})
    return officer


def _hand_on(
    case: Case, draft: TransferDraft, officer: Staff | None, *, id: UUID, by: Any, now: datetime
) -> Transfer:
    transfer = Transfer(
        id=id, case_id=case.id, from_office_id=case.office_id, from_officer_id=case.officer_id,
        to_office_id=draft.office_id or case.office_id, to_officer_id=draft.officer_id, reason=draft.reason,
        note=draft.note, asked_by_id=by.id, asked_at=now,
    )  # fmt: skip
    db.session.add(transfer)
    if officer is not None:
        _give(case, transfer, officer, by=by, now=now)
        return transfer
    db.session.flush()
    # Told to the managers of the office that must answer.
    add_entry(
        "transfer.asked", case=case, office_id=transfer.to_office_id, subject=None, by=by.id, happened_at=now, now=now,
        office=db.session.get_one(Office, transfer.to_office_id).name, transfer=str(transfer.id),
    )  # fmt: skip
    return transfer


def _give(case: Case, transfer: Transfer, officer: Staff, *, by: Any, now: datetime) -> None:
    transfer.to_officer_id, transfer.outcome = officer.id, "done"
    transfer.decided_by_id, transfer.decided_at = by.id, now
    assign_officer(case, officer.id, officer_name=officer.name, by=by.id, now=now)
    if transfer.note:
        add_entry(
            "case.handed_over", case=case, office_id=case.office_id, subject=None, by=transfer.asked_by_id,
            happened_at=now, now=now, words=transfer.note,
        )  # fmt: skip
    db.session.flush()


def accept(case: Case, transfer: Transfer, officer_id: UUID, *, by: Any, now: datetime) -> Transfer:
    """The office takes a held case over and says who follows it. Accepting again changes nothing."""
    if transfer.outcome == "done" and transfer.decided_by_id == by.id:
        return transfer
    _check_waits(transfer, transfer.to_office_id, by)
    if case.office_id != transfer.from_office_id or case.closed_at is not None:
        raise NeedsAttention({"": [_("Ce cas n’est plus au bureau qui le transfère, ou il est clos.")]})
    officer = _officer(officer_id, by.office_id)
    move_to_office(case, transfer.to_office_id)
    add_entry(
        "case.moved", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
        office=by.office_name, author=str(transfer.asked_by_id), transfer=str(transfer.id),
    )  # fmt: skip
    _give(case, transfer, officer, by=by, now=now)
    return transfer


def end_unmoved(
    case: Case, transfer: Transfer, outcome: str, *, answer: str, by: Any, now: datetime
) -> Transfer:
    """The held case stays where it is: sent back with a reason, or taken back by the office that asked."""
    if (transfer.outcome, transfer.decided_by_id) == (outcome, by.id):
        return transfer
    _check_waits(transfer, transfer.to_office_id if outcome == "sent_back" else transfer.from_office_id, by)
    if outcome == "sent_back" and not answer:
        raise NeedsAttention({"answer": [_("Dites pourquoi.")]})
    transfer.outcome, transfer.answer = outcome, answer
    transfer.decided_by_id, transfer.decided_at = by.id, now
    facts = {"words": answer, "author": str(transfer.asked_by_id)} if outcome == "sent_back" else {}
    add_entry(
        f"transfer.{outcome}", case=case, office_id=case.office_id, subject=None, by=by.id, happened_at=now, now=now,
        transfer=str(transfer.id), **facts,
    )  # fmt: skip
    db.session.flush()
    return transfer


def _check_waits(transfer: Transfer, office_id: UUID, by: Any) -> None:
    if by.office_id != office_id:
        raise NeedsAttention({"": [_("Votre rôle ne permet pas cette action.")]})
    if transfer.outcome is not None:
        raise NeedsAttention({"": [_("Quelqu’un a déjà répondu. Regardez de nouveau.")]})
