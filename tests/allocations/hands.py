"""The people through whose hands a payment request goes: each deed in a transaction of its own, as over HTTP."""

from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from tests.cast import Cast
from tests.world import a_picture, request_fields
from webapp import clock
from webapp.allocations.actions import grant_under, load_rule
from webapp.allocations.ledger import available
from webapp.allocations.models import (
    Allocation,
    AllocationLimit,
    Donor,
    LedgerEntry,
    PaymentRequest,
    RequestStep,
)
from webapp.allocations.requests import queries
from webapp.allocations.requests.actions import record_payment, take_step
from webapp.allocations.requests.deeds import add_document_from, ask_from
from webapp.allocations.requests.papers import look_at
from webapp.allocations.requests.states import DEEDS, paper_for
from webapp.allocations.rules import Persons
from webapp.cases.queries import case_for_deed
from webapp.database import db
from webapp.money import Money
from webapp.people import sessions
from webapp.people.models import Staff
from webapp.permissions import Role

PAYEES = {
    "provider": {"payee_kind": "provider"},
    "institution": {"payee_kind": "institution", "payee_name": "École de Ratoma"},
    "reimbursement": {"payee_kind": "reimbursement", "payee_name": ""},
    "cash": {"payee_kind": "cash", "payee_name": ""},
    "mobile_money": {
        "payee_kind": "mobile_money",
        "operator": "Orange",
        "payee_account": "+224 629 90 07 71",
        "holder": "Sayon Canarite",
        "holder_checked": "y",
    },
}
RULE = """name = "hands"
title = "Essai"
version = 1
currency = "EUR"
source = "test"
three_people = {three_people}

[[ceilings]]
adult = "1000"

[[approvals]]
up_to = "100"
quotes = 0
approver = "{approver}"

[[approvals]]
quotes = 2
approver = "programme_manager"
"""


class Hands:
    """Deeds of the cast. Without ``by`` each is done by whose work it is."""

    def __init__(self, app: Flask, cast: Cast) -> None:
        self.app, self.cast, self.case = app, cast, cast.aminata
        self._known: dict[str, Any] = {}

    def person(self, name: str) -> Any:
        """The person as a signed-in one, with the role they have now."""
        with self.app.app_context():
            staff = db.session.get_one(Staff, getattr(self.cast, name))
            found = sessions.start_session(staff, now=clock.now(), settings=self.app.extensions["settings"])
            db.session.commit()
            return found

    def known(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self.person(name)
        return self._known[name]

    def becomes(self, name: str, role: str) -> Any:
        with self.app.app_context():
            db.session.get_one(Staff, getattr(self.cast, name)).role = role
            db.session.commit()
        self._known.pop(name, None)
        return self.known(name)

    @contextmanager
    def held(self, request_id: UUID) -> Any:
        """The request and its case, locked as the pages lock them; committed when nothing was refused."""
        with self.app.test_request_context():
            try:
                case_id = db.session.scalar(
                    select(PaymentRequest.case_id).where(PaymentRequest.id == request_id)
                )
                assert case_id is not None
                locked = case_for_deed(case_id)
                assert locked is not None
                asked = queries.request_for_deed(request_id)
                assert asked is not None
                yield asked, locked
                db.session.commit()
            finally:
                db.session.rollback()

    def puts(self, request_id: UUID, state: str) -> None:
        """A request that stands in a state by nobody's deed."""
        with self.held(request_id) as (asked, _case):
            asked.state = state
            db.session.add(RequestStep(request_id=request_id, state=state, at=clock.now()))

    def under_a_rule(
        self, *, three_people: bool = True, approver: Role = Role.PROGRAMME_MANAGER, **limits: int
    ) -> Allocation:
        """Aminata's neighbour: a new case whose EUR 1,000 were granted under a rule; ``approver`` decides up to 100."""
        from tests.cast import a_case

        with self.app.app_context():
            officer = db.session.get_one(Staff, self.cast.ibrahima)
            case = a_case("Condé", "Mory", officer=officer)
            text = RULE.format(three_people=str(three_people).lower(), approver=approver)
            rule = load_rule(text, by=self.cast.root, now=clock.now())
            donor = db.session.scalars(select(Donor)).first()
            assert donor is not None
            allocation = grant_under(
                case, rule, return_type="voluntary", persons=Persons(adult=1), donor=donor, by=self.cast.kadiatou,
                now=clock.now(),
            )  # fmt: skip
            for name, ceiling in limits.items():
                db.session.add(AllocationLimit(allocation_id=allocation.id, name=name, ceiling_minor=ceiling))
            db.session.commit()
            self.case = case.id
            return allocation

    def asks(
        self, amount: str = "100", kind: str = "provider", *, by: str = "ibrahima", **fields: Any
    ) -> UUID:
        person = self.known(by)
        with self.app.test_request_context():
            case = case_for_deed(self.case)
            assert case is not None
            said = MultiDict({**request_fields(amount), **PAYEES[kind], **fields})
            asked = ask_from(said, case=case, by=person, now=clock.now())
            found: UUID = asked.id
            db.session.commit()
            return found

    def adds(self, kind: str, request_id: UUID, *, by: str = "ibrahima", **how: Any) -> UUID:
        person = self.known(by)
        with self.app.test_request_context():
            case = case_for_deed(how.pop("case", self.case))
            assert case is not None
            paper = how.pop("paper", None) or look_at(a_picture(40 + next(_sizes)))
            kept = add_document_from(
                kind, paper, id=how.pop("id", None) or uuid4(), request_id=request_id, case=case, by=person,
                now=clock.now(), storage=self.app.extensions["storage"],
            )  # fmt: skip
            found: UUID = kept.id
            db.session.commit()
            return found

    def does(
        self, deed: str, request_id: UUID, *, by: str | None = None, reason: str = "Parce que", **how: Any
    ) -> str:
        """The state after it."""
        who = how.pop("person", None) or self.known(by or DOES[deed])
        with self.held(request_id) as (asked, case):
            return str(
                take_step(asked, case, DEEDS[deed], by=who, now=clock.now(), reason=reason, **how).state
            )

    def pays(
        self,
        request_id: UUID,
        *,
        by: str = "farah",
        reference: str = "",
        amount: Money | None = None,
        **how: Any,
    ) -> str:
        who = how.pop("person", None) or self.known(by)
        with self.held(request_id) as (asked, case):
            record_payment(
                asked, case, id=how.pop("id", None) or uuid4(), paid=amount or Money(asked.minor, asked.currency),
                fee=how.pop("fee", None), reference=reference or f"VIR-{uuid4()}",
                paid_on=how.pop("paid_on", clock.now().date()), by=who, now=clock.now(), **how,
            )  # fmt: skip
            return str(asked.state)

    def walks(self, request_id: UUID, *deeds: str) -> UUID:
        """One deed after another, with the papers they need."""
        for deed in deeds:
            kind = self.request(request_id).payee_kind
            if paper := paper_for(DEEDS[deed], kind):
                self.adds(paper, request_id)
            if deed == "payment":
                self.pays(request_id)
            else:
                self.does(deed, request_id)
        return request_id

    # What there is

    def request(self, request_id: UUID) -> PaymentRequest:
        with self.app.app_context():
            found = db.session.get_one(PaymentRequest, request_id)
            db.session.expunge(found)
            return found

    def state(self, request_id: UUID) -> str:
        return str(self.request(request_id).state)

    def left(self) -> int:
        with self.app.app_context():
            allocation = db.session.scalar(select(Allocation).where(Allocation.case_id == self.case))
            assert allocation is not None
            return available(allocation).minor

    def entries(self, request_id: UUID) -> list[tuple[str, int]]:
        with self.app.app_context():
            rows = db.session.execute(
                select(LedgerEntry.kind, LedgerEntry.minor).where(LedgerEntry.request_id == request_id)
            )
            return sorted((kind, minor) for kind, minor in rows)


def _counting() -> Any:
    number = 0
    while True:
        yield number
        number += 1


_sizes = _counting()
DOES = {
    "submission": "ibrahima",
    "approval": "kadiatou",
    "rejection": "kadiatou",
    "cancellation": "ibrahima",
    "order": "ibrahima",
    "delivery": "ibrahima",
    "invoice": "farah",
    "verification": "kadiatou",
    "closure": "kadiatou",
    "dispute": "ibrahima",
    "return": "kadiatou",
    "settlement": "kadiatou",
}
"""Whose work each deed is."""
