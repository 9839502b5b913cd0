"""The one door of a payment request: a posted form and a submission from a phone both pass here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from ... import clock
from ...cases.models import Case
from ...fields import sentences
from ...providers.queries import choices_of
from ...storage import Storage, StorageUnavailable
from ...web import NeedsAttention, TryLater
from ..models import DOCUMENT_KINDS, PaymentRequest, RequestDocument
from . import papers, queries
from .actions import add_document, ask, hand_over_papers
from .forms import PaymentRequestForm


def form_for(case: Any, fields: Any = None) -> PaymentRequestForm:
    """The form of a case: its allocation's currency and the local one, and the office's providers."""
    allocation = queries.allocation_of(case.id) if case.id else None
    if allocation:
        currencies = [allocation.local_currency, allocation.currency]
    else:
        # The form on the phone fits every case of the office: any donor's currency may be meant.
        currencies = [getattr(case, "currency", "EUR"), *queries.donor_currencies()]
    return PaymentRequestForm(
        fields, currencies=list(dict.fromkeys(currencies)), providers=choices_of(case.office_id)
    )


def ask_from(
    fields: MultiDict[str, str],
    *,
    case: Case,
    by: Any,
    now: datetime,
    corrects: list[UUID] | None = None,
) -> PaymentRequest:
    """Check what was written and ask; raises NeedsAttention with the sentences for each field.

    ``corrects`` names refused requests that this one replaces: their papers become its own.
    """
    form = form_for(case, fields)
    if not form.validate():
        raise NeedsAttention(sentences(form))
    draft = form.draft()
    if corrects:
        hand_over_papers(corrects, draft.id, case, by=by, now=now)
    return ask(case, draft, by=by, now=now, today=clock.local(now, by.timezone).date())


def add_document_from(
    kind: str,
    paper: papers.Paper,
    *,
    id: UUID,
    request_id: UUID,
    case: Case,
    by: Any,
    now: datetime,
    storage: Storage,
    minor: int | None = None,
) -> RequestDocument:
    """Keep a paper that was looked at; raises NeedsAttention for one that cannot be kept."""
    if kind not in DOCUMENT_KINDS:
        raise NeedsAttention({"kind": [_("Dites quel document c’est.")]})
    if paper.refusal:
        raise NeedsAttention({"document": [paper.refusal]})
    try:
        file = storage.put(paper.content, "paper")
        thumb = storage.put(paper.thumb, "thumb") if paper.thumb else None
    except StorageUnavailable as trouble:
        raise TryLater(str(trouble)) from trouble
    return add_document(
        case, id=id, request_id=request_id, kind=kind, media=paper.media, file=file, thumb=thumb, minor=minor, by=by,
        now=now,
    )  # fmt: skip
