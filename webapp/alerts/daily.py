"""What only time brings about: once a day each office is looked through, and what is new is written on the timeline.

A request that waits, an order without delivery, an invoice unpaid, an allocation about to end, an instalment that
is due, a photo that proves two things, a provider with an unusual share, a referral that nobody accepted. Each is
noted once for its subject and threshold, whatever day the worker was killed on; the rules then tell people as of
everything else that happens.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import func, select

from .. import clock
from ..allocations.models import (
    Allocation,
    Instalment,
    Payment,
    PaymentRequest,
    RequestDocument,
    RequestStep,
)
from ..cases.models import Case, TimelineEntry
from ..cases.timeline import add_entry
from ..check_ins.models import NextStep
from ..database import db
from ..people.models import Office
from ..referrals.actions import kind_of
from ..referrals.models import Referral
from ..referrals.states import UNANSWERED, WITHIN
from ..visits.models import Photo
from . import actions
from .deliveries import Again

LOOKS_AT = time(6)
UNDELIVERED_TOO_LONG = timedelta(days=30)
UNPAID_TOO_LONG = timedelta(days=15)
ENDS_IN = (7, 30, 90)
"""Days before the end of an allocation at which somebody hears that money is left."""
SHARE_OVER = timedelta(days=90)
UNUSUAL_SHARE = 40
"""Per cent of what the office paid in one currency."""
FEWEST_PAYMENTS = 10
"""Below so many payments a share says nothing."""
FIRST_LOOK_BACK = timedelta(days=90)


@dataclass(frozen=True)
class Finding:
    """Something to write down: ``key`` is the same for the same subject and threshold, so it is written once."""

    kind: str
    subject: UUID
    key: str
    case_id: UUID | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return uuid5(self.subject, self.key)


class Daily:
    """The job of one office: read in the morning, write what is new, come again the next day."""

    def prepare(self, facts: dict[str, Any], *, now: datetime) -> list[Finding]:
        looked = facts.get("looked")
        since = datetime.fromisoformat(looked) if looked else now - FIRST_LOOK_BACK
        return list(findings(UUID(facts["office"]), since=since, now=now))

    def perform(self, prepared: list[Finding]) -> None:
        return None

    def finish(
        self, facts: dict[str, Any], prepared: list[Finding], done: None, *, tries: int, now: datetime
    ) -> Again | None:
        office = db.session.get(Office, UUID(facts["office"]))
        if office is None:
            return None
        note(prepared, office_id=office.id, now=now)
        comes = min([next_look(office.timezone, now), *_urgent_moments(office.id, after=now)])
        return Again(comes, {**facts, "looked": now.isoformat()})


def ask_for_every_office(*, now: datetime) -> None:
    """Each office has its daily job waiting; asking again finds it."""
    for office_id in db.session.scalars(select(Office.id).order_by(Office.id)).all():
        actions.add_job("daily", {"office": str(office_id)}, key=f"daily:{office_id}", due_at=now)


def next_look(timezone: str, now: datetime) -> datetime:
    """The next morning of the office."""
    tomorrow = clock.local(now, timezone).date() + timedelta(days=1)
    return clock.from_local(datetime.combine(tomorrow, LOOKS_AT), timezone)


def note(found: Sequence[Finding], *, office_id: UUID, now: datetime) -> int:
    """Write down what is not written yet; how many that was."""
    new = 0
    for finding in found:
        if _is_noted(finding):
            continue
        case = db.session.get(Case, finding.case_id) if finding.case_id else None
        # A photo may be in two offices: each hears of its own case.
        add_entry(
            finding.kind, case=case, office_id=case.office_id if case else office_id, subject=finding.id, by=None, happened_at=now, now=now,
            **finding.facts,
        )  # fmt: skip
        db.session.flush()
        new += 1
    return new


def _is_noted(finding: Finding) -> bool:
    there = select(TimelineEntry.number).where(
        TimelineEntry.kind == finding.kind, TimelineEntry.subject_id == finding.id
    )
    return db.session.scalar(there.limit(1)) is not None


# What is looked for


def findings(office_id: UUID, *, since: datetime, now: datetime) -> Iterator[Finding]:
    """Everything an office should hear of today, whether it was told before or not."""
    office = db.session.get(Office, office_id)
    if office is None:
        return
    today = clock.local(now, office.timezone).date()
    yield from _stuck(office_id, "requested", "payment.waiting", None, now)
    yield from _stuck(office_id, "ordered", "payment.undelivered", UNDELIVERED_TOO_LONG, now)
    yield from _stuck(office_id, "invoiced", "payment.unpaid", UNPAID_TOO_LONG, now)
    yield from _ending(office_id, today)
    yield from _due(office_id, today)
    yield from _same_photos(office_id, since)
    yield from _shares(office_id, now)
    yield from _late_steps(office_id, today)
    yield from _unanswered(office_id, now)


def _late_steps(office_id: UUID, today: date) -> Iterator[Finding]:
    """What check-ins asked for and nobody has done in time; each is told once."""
    rows = db.session.execute(
        select(NextStep.id, NextStep.case_id, NextStep.action)
        .join(Case, Case.id == NextStep.case_id)
        .where(
            NextStep.done_at.is_(None),
            NextStep.due_on < today,
            Case.office_id == office_id,
            Case.closed_at.is_(None),
        )
        .order_by(NextStep.due_on, NextStep.id)
    )
    for row in rows:
        yield Finding("check_in.step_late", row.id, "late", row.case_id, {"action": row.action})


_UNANSWERED: Any = (
    select(
        Referral.id, Referral.case_id, Referral.by_id, Referral.restricted, Referral.urgency, Referral.due_at
    )
    .join(Case, Case.id == Referral.case_id)
    .where(Referral.state.in_(UNANSWERED), Case.closed_at.is_(None))
    .order_by(Referral.due_at, Referral.id)
)


def _unanswered(office_id: UUID, now: datetime) -> Iterator[Finding]:
    """Referrals that nobody accepted in time, and those that waited twice as long; each is told once."""
    overdue = _UNANSWERED.where(Case.office_id == office_id, Referral.due_at <= now)
    for row in db.session.execute(overdue):
        facts = {"author": str(row.by_id), **({"urgent": True} if row.urgency == "urgent" else {})}
        kinds = ["waiting"] + ["waiting_long"] * (row.due_at + WITHIN[row.urgency] <= now)
        for kind in kinds:
            yield Finding(kind_of(kind, restricted=row.restricted), row.id, kind, row.case_id, facts)


def _urgent_moments(office_id: UUID, *, after: datetime) -> list[datetime]:
    """When an urgent referral will have waited too long: that is looked at then, and not the next morning."""
    longest = WITHIN["urgent"]
    urgent = _UNANSWERED.where(
        Case.office_id == office_id, Referral.urgency == "urgent", Referral.due_at > after - longest
    )
    due = [row.due_at for row in db.session.execute(urgent)]
    return [moment for each in due for moment in (each, each + longest) if moment > after]


def _stuck(
    office_id: UUID, state: str, kind: str, within: timedelta | None, now: datetime
) -> Iterator[Finding]:
    """Requests that have stood in one state for too long; a step there and back begins anew.

    Too long is ``within``, or None for the days in which each request's own rule wants it decided on.
    They stand there since the step that led there: a payment of a part, or one that failed, is none.
    """
    since = func.max(RequestStep.at)
    rows = db.session.execute(
        select(
            PaymentRequest.id,
            PaymentRequest.case_id,
            PaymentRequest.decide_within_days,
            PaymentRequest.approver_role,
            since.label("since"),
        )
        .join(RequestStep, RequestStep.request_id == PaymentRequest.id)
        .where(
            PaymentRequest.office_id == office_id,
            PaymentRequest.state == state,
            RequestStep.state == state,
        )
        .group_by(
            PaymentRequest.id,
            PaymentRequest.case_id,
            PaymentRequest.decide_within_days,
            PaymentRequest.approver_role,
        )
        .having(since <= now - (within or timedelta(days=1)))
        .order_by(since, PaymentRequest.id)
    )
    for row in rows:
        if row.since > now - (within or timedelta(days=row.decide_within_days)):
            continue
        key = f"{kind} {row.since.isoformat()}"
        yield Finding(kind, row.id, key, row.case_id, {"request": str(row.id), "approver": row.approver_role})


def _ending(office_id: UUID, today: date) -> Iterator[Finding]:
    """Allocations that end within 90, 30 or 7 days and are not all spent."""
    unspent = (
        Allocation.granted_minor
        + Allocation.adjusted_minor
        - Allocation.disbursed_minor
        - Allocation.exchange_minor
        + Allocation.refunded_minor
    )
    rows = db.session.execute(
        select(Allocation.id, Allocation.case_id, Allocation.valid_until)
        .where(
            Allocation.office_id == office_id,
            Allocation.valid_until >= today,
            Allocation.valid_until <= today + timedelta(days=max(ENDS_IN)),
            unspent > 0,
        )
        .order_by(Allocation.valid_until, Allocation.id)
    )
    for row in rows:
        days = next(days for days in ENDS_IN if row.valid_until <= today + timedelta(days=days))
        yield Finding(
            "allocation.expiring", row.id, f"ends {row.valid_until} in {days}", row.case_id, {"days": days}
        )


def _due(office_id: UUID, today: date) -> Iterator[Finding]:
    """Instalments whose day has come and that nobody has released."""
    rows = db.session.execute(
        select(Allocation.id, Allocation.case_id, Instalment.number, Instalment.due_on)
        .join(Instalment, Instalment.allocation_id == Allocation.id)
        .where(
            Allocation.office_id == office_id,
            Allocation.held_back_minor > 0,
            Instalment.released_at.is_(None),
            Instalment.due_on <= today,
        )
        .order_by(Allocation.id, Instalment.number)
    )
    for row in rows:
        yield Finding(
            "instalment.due",
            row.id,
            f"instalment {row.number} {row.due_on}",
            row.case_id,
            {"number": row.number},
        )


@dataclass(frozen=True)
class _Picture:
    """A photo of a visit, or a photographed paper of a request."""

    id: UUID
    case_id: UUID
    digest: str
    request_id: UUID | None = None


def _same_photos(office_id: UUID, since: datetime) -> Iterator[Finding]:
    """Pictures that came since the last look and whose bytes are also in another case: each is named with one such
    other. A picture that lies in fifty cases was told of when it came to the second."""
    new = [*_new_pictures(office_id, since)]
    there: dict[str, list[_Picture]] = {}
    for picture in _pictures_like({picture.digest for picture in new}):
        there.setdefault(picture.digest, []).append(picture)
    told: set[UUID] = set()
    for picture in new:
        elsewhere = [other for other in there.get(picture.digest, []) if other.case_id != picture.case_id]
        for other in [picture, *elsewhere[:1]] if elsewhere else []:
            if other.id not in told:
                told.add(other.id)
                facts = {"request": str(other.request_id)} if other.request_id else {}
                yield Finding("proof.same_photo", other.id, "same photo", other.case_id, facts)


def _new_pictures(office_id: UUID, since: datetime) -> Iterator[_Picture]:
    photos = (
        select(Photo.id, Photo.case_id, Photo.file)
        .join(Case, Case.id == Photo.case_id)
        .where(Photo.received_at >= since, Case.office_id == office_id)
    )
    for row in db.session.execute(photos):
        yield _Picture(row.id, row.case_id, _digest(row.file))
    papers = (
        select(RequestDocument.id, RequestDocument.case_id, RequestDocument.file, RequestDocument.request_id)
        .join(Case, Case.id == RequestDocument.case_id)
        .where(RequestDocument.added_at >= since, Case.office_id == office_id)
    )
    for paper in db.session.execute(papers):
        yield _Picture(paper.id, paper.case_id, _digest(paper.file), paper.request_id)


def _pictures_like(digests: Iterable[str]) -> Iterator[_Picture]:
    """Every picture of these bytes, wherever it is kept: the key says the kind, then the digest."""
    wanted = sorted(digests)
    for start in range(0, len(wanted), 400):
        some = wanted[start : start + 400]
        photos = [f"photo/{digest[:3]}/{digest}" for digest in some]
        for row in db.session.execute(
            select(Photo.id, Photo.case_id, Photo.file).where(Photo.file.in_(photos)).order_by(Photo.id)
        ):
            yield _Picture(row.id, row.case_id, _digest(row.file))
        papers = [f"paper/{digest[:3]}/{digest}" for digest in some]
        for paper in db.session.execute(
            select(RequestDocument).where(RequestDocument.file.in_(papers)).order_by(RequestDocument.id)
        ).scalars():
            yield _Picture(paper.id, paper.case_id, _digest(paper.file), paper.request_id)


def _digest(file: str) -> str:
    return file.rpartition("/")[2]


def _shares(office_id: UUID, now: datetime) -> Iterator[Finding]:
    """Providers that get an unusual share of what the office paid, told once a quarter for each currency.

    Currencies are never added up: a share is a share of what was paid in one of them.
    """
    rows = db.session.execute(
        select(
            Payment.currency,
            PaymentRequest.provider_id,
            func.count().label("payments"),
            func.sum(Payment.minor).label("minor"),
        )
        .join(PaymentRequest, PaymentRequest.id == Payment.request_id)
        .where(
            Payment.office_id == office_id, Payment.posted_at >= now - SHARE_OVER, Payment.failed_at.is_(None)
        )
        .group_by(Payment.currency, PaymentRequest.provider_id)
    ).all()
    for currency in sorted({row.currency for row in rows}):
        of_it = [row for row in rows if row.currency == currency]
        whole = sum(int(row.minor) for row in of_it)
        if sum(row.payments for row in of_it) < FEWEST_PAYMENTS:
            continue
        for row in of_it:
            if row.provider_id and int(row.minor) * 100 > whole * UNUSUAL_SHARE:
                quarter = f"{now.year} {(now.month + 2) // 3}"
                yield Finding("provider.share", row.provider_id, f"share {currency} {quarter}")
