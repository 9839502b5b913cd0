"""Phones, cuts, crashes, copies, corrections and revocations in any order, against the real receiving code.

Whatever the order: what a phone was told is true, each piece is there at most once and under its author, and in
the end everything is there. ``--hypothesis-profile=thorough`` tries 10,000 orders.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, select, update

from tests.browser_client import Person
from tests.cast import a_case
from tests.faults import planted
from tests.phone import Answer, Cut, Phone, Piece, a_picture, line_to_app
from webapp.cases.models import TimelineEntry
from webapp.database import db
from webapp.offline.models import ContestedSubmission, Submission
from webapp.people.models import Phone as PhoneRow
from webapp.people.models import Staff
from webapp.visits.models import FollowUp, Photo

ORDERS = max(300, settings().max_examples if settings.get_current_profile_name() == "thorough" else 0)
SMALL, LARGE = a_picture(24, seed=1), a_picture(190, seed=2)
FATES = st.one_of(
    st.just(("ok", 0)), st.just(("ok", 0)), st.just(("request lost", 0)), st.just(("answer lost", 0)),
    st.tuples(st.just("crash"), st.integers(1, 45)),
)  # fmt: skip


class Crash(BaseException):
    """The process ended here. Not an Exception, so that nothing in it can still react."""


class World:
    """The one installation of a run; every order brings its own phones and work."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.cast = app.cast  # type: ignore[attr-defined]
        with app.app_context():
            case = a_case("Keita", "Fanta", officer=db.session.get_one(Staff, self.cast.mariama))
            db.session.commit()
            self.cases = {self.cast.ibrahima: self.cast.aminata, self.cast.mariama: case.id}
            self.engine = db.engine
        first, second = self.cases
        people = {id: Person(app, id) for id in self.cases}
        one, shared = Phone(line_to_app(app)), Phone(line_to_app(app))
        self.phones = [one.enrol(people[first]), shared.enrol(people[first]).enrol(people[second])]

    @contextmanager
    def crash_at(self, step: int) -> Iterator[None]:
        """The n-th statement or commit from now on ends the process, before it is done."""
        left = [step]

        def count(*_event: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash

        event.listen(self.engine, "before_cursor_execute", count)
        event.listen(self.engine, "commit", count)
        try:
            yield
        finally:
            event.remove(self.engine, "before_cursor_execute", count)
            event.remove(self.engine, "commit", count)


class Deliveries(RuleBasedStateMachine):
    """Two phones, one of them shared; the model is what was saved and what was told."""

    world: ClassVar[World]

    @initialize()
    def two_phones(self) -> None:
        world = self.world
        self.fate = ("ok", 0)
        self.changed = False
        self.line = line_to_app(world.app)
        # The same two devices in every order, emptied and let in again.
        self.phones = [Phone(self.ask, id=known.id, enrolments=known.enrolments) for known in world.phones]
        for which in (0, 1):
            self.set_cut_off(which, False)
        self.pieces: dict[UUID, tuple[Phone, Piece]] = {}
        self.told: dict[UUID, dict[str, Any]] = {}
        self.others: dict[UUID, set[str]] = {}
        self.corrected: dict[UUID, UUID] = {}
        self.photo_of: dict[UUID, UUID] = {}

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """One request to the server, with whatever is to become of it."""
        (kind, step), self.fate = self.fate, ("ok", 0)
        self.changed = True
        if kind == "request lost":
            raise Cut
        if kind == "crash":
            try:
                with self.world.crash_at(step):
                    answer = self.line(method, path, body, headers)
            except Crash:
                # With a process all its connections end.
                self.world.engine.dispose()
                raise Cut from None
        else:
            answer = self.line(method, path, body, headers)
        assert answer.status in (200, 503), answer.body
        if kind == "answer lost":
            raise Cut
        return answer

    def note(self, phone: Phone, piece: Piece) -> Piece:
        self.pieces[piece.id] = (phone, piece)
        return piece

    def unsent(self, phone: Phone, *, photos: bool) -> list[Piece]:
        return [piece for piece in phone.outbox.values() if (piece.kind == "photo") == photos]

    def is_anything_unsent(self) -> bool:
        return any(phone.outbox for phone in self.phones)

    def is_a_photo_unsent(self) -> bool:
        return any(self.unsent(phone, photos=True) for phone in self.phones)

    def waiting_for_correction(self) -> list[Piece]:
        return [
            self.pieces[id][1]
            for id, told in self.told.items()
            if told["outcome"] == "needs attention" and id not in self.corrected
        ]

    @rule(which=st.integers(0, 1), who=st.integers(0, 1), lacking=st.booleans(), photos=st.integers(0, 2))
    def save(self, which: int, who: int, lacking: bool, photos: int) -> None:
        """A visit, perhaps one that will need attention, with small and large photos."""
        phone = self.phones[which]
        by = list(phone.enrolments)[who % len(phone.enrolments)]
        fields = {"channel": None} if lacking else {}
        visit = self.note(phone, phone.save_visit(self.world.cases[by], by=by, **fields))
        for picture in (SMALL, LARGE)[:photos]:
            self.add_photo(phone, visit, picture)

    @precondition(lambda self: self.pieces)
    @rule(n=st.integers(0, 30), large=st.booleans())
    def save_a_photo_later(self, n: int, large: bool) -> None:
        texts = [piece for _phone, piece in self.pieces.values() if piece.kind != "photo"]
        visit = texts[n % len(texts)]
        self.add_photo(self.pieces[visit.id][0], visit, LARGE if large else SMALL)

    def add_photo(self, phone: Phone, visit: Piece, picture: bytes) -> None:
        photo = phone.save_photo(visit, self.world.cases[visit.author], picture, by=visit.author)
        self.photo_of[photo.id] = visit.id
        self.note(phone, photo)

    @precondition(lambda self: self.waiting_for_correction())
    @rule(n=st.integers(0, 30), lacking=st.booleans())
    def correct(self, n: int, lacking: bool) -> None:
        waiting = self.waiting_for_correction()
        old = waiting[n % len(waiting)]
        phone = self.pieces[old.id][0]
        fields = {"channel": None} if lacking else {}
        new = phone.save_visit(self.world.cases[old.author], by=old.author, supersedes=old.id, **fields)
        self.corrected[old.id] = new.id
        self.note(phone, new)

    @precondition(is_anything_unsent)
    @rule(most=st.integers(1, 4), fates=st.lists(FATES, min_size=1, max_size=4))
    def send_batches(self, most: int, fates: list[tuple[str, int]]) -> None:
        for n, fate in enumerate(fates):
            phone = self.phones[n % 2] if self.phones[n % 2].outbox else self.phones[(n + 1) % 2]
            if texts := self.unsent(phone, photos=False)[:most]:
                self.send(fate, phone, phone.post, *texts)

    @precondition(is_a_photo_unsent)
    @rule(n=st.integers(0, 30), parts=st.lists(st.tuples(st.integers(0, 1), FATES), min_size=1, max_size=4))
    def send_parts(self, n: int, parts: list[tuple[int, tuple[str, int]]]) -> None:
        """Parts of one photo in any order, perhaps again and again."""
        waiting = [(phone, photo) for phone in self.phones for photo in self.unsent(phone, photos=True)]
        phone, photo = waiting[n % len(waiting)]
        for part, fate in parts:
            self.send(fate, phone, phone.put_part, photo, part % len(photo.parts))

    @precondition(is_a_photo_unsent)
    @rule(fates=st.lists(FATES, min_size=1, max_size=3))
    def resume_photos(self, fates: list[tuple[str, int]]) -> None:
        for fate in fates:
            waiting = [(phone, photo) for phone in self.phones for photo in self.unsent(phone, photos=True)]
            if waiting:
                phone, photo = waiting[0]
                self.send(fate, phone, phone.resume_photo, photo)

    @precondition(lambda self: self.told)
    @rule(n=st.integers(0, 30), which=st.integers(0, 1))
    def send_a_copy(self, n: int, which: int) -> None:
        """By any phone, also by one that was cut off meanwhile."""
        id = list(self.told)[n % len(self.told)]
        piece = self.pieces[id][1]
        how = self.phones[which].put_part if piece.kind == "photo" else self.phones[which].post
        (receipt,) = (how(piece, 0) if piece.kind == "photo" else how(piece)).receipts
        assert receipt == self.told[id]

    @precondition(lambda self: self.told)
    @rule(n=st.integers(0, 30), which=st.integers(0, 1))
    def send_other_bytes_under_a_known_id(self, n: int, which: int) -> None:
        id = list(self.told)[n % len(self.told)]
        phone = self.phones[which]
        other = Phone(self.ask, enrolments=phone.enrolments).save(
            "visit", self.world.cases[self.pieces[id][1].author], {"notes": "autre"}, id=id
        )
        (receipt,) = phone.post(other).receipts
        assert receipt["outcome"] == "contested"
        assert receipt["digest"] == other.digest
        self.others.setdefault(id, set()).add(other.digest)

    @rule(which=st.integers(0, 1), cut_off=st.booleans())
    def cut_off_or_let_in(self, which: int, cut_off: bool) -> None:
        self.set_cut_off(which, cut_off)

    def set_cut_off(self, which: int, cut_off: bool) -> None:
        with self.world.app.app_context():
            db.session.execute(
                update(PhoneRow)
                .where(PhoneRow.id == self.phones[which].id)
                .values(revoked_at=datetime.now(UTC) if cut_off else None)
            )
            db.session.commit()

    @rule()
    def restart(self) -> None:
        self.world.engine.dispose()
        self.line = line_to_app(self.world.app)

    def send(self, fate: tuple[str, int], phone: Phone, how: Any, *what: Any) -> None:
        self.fate = fate
        try:
            how(*what)
        except Cut:
            pass
        finally:
            self.fate = ("ok", 0)
        for id, receipt in phone.receipts.items():
            assert self.told.setdefault(id, receipt) == receipt, "a receipt never changes"

    @invariant()
    def what_was_told_is_true(self) -> None:
        if not self.changed:
            return
        self.changed = False
        told_of_all = {**self.told, **{id: r for phone in self.phones for id, r in phone.receipts.items()}}
        ids = list(self.pieces)
        with self.world.app.app_context():
            submissions = {
                row.id: row for row in db.session.scalars(select(Submission).where(Submission.id.in_(ids)))
            }
            visits = {row.id: row for row in db.session.scalars(select(FollowUp).where(FollowUp.id.in_(ids)))}
            photos = {row.id: row for row in db.session.scalars(select(Photo).where(Photo.id.in_(ids)))}
            entries = db.session.scalars(
                select(TimelineEntry.subject_id).where(
                    TimelineEntry.subject_id.in_(ids),
                    TimelineEntry.kind.in_(["visit.recorded", "photo.added"]),
                )
            ).all()
            kept = db.session.execute(
                select(ContestedSubmission.submission_id, ContestedSubmission.digest).where(
                    ContestedSubmission.submission_id.in_(ids)
                )
            ).all()
            db.session.expunge_all()
            db.session.rollback()
        for id, told in told_of_all.items():
            assert submissions[id].outcome == told["outcome"], "what was told is what is written"
            assert submissions[id].number == told["number"]
        for id, row in submissions.items():
            piece = self.pieces[id][1]
            assert row.digest == piece.digest
            recorded = (photos if piece.kind == "photo" else visits).get(id)
            if row.outcome == "accepted":
                assert recorded is not None, "accepted and not recorded"
                assert recorded.by_id == row.author_id == piece.author
            else:
                assert recorded is None
                assert row.superseded_at is not None or row.sealed == piece.sealed
        assert set(visits) | set(photos) <= set(submissions), "recorded and not received"
        assert sorted(entries) == sorted([*visits, *photos]), "each is on the timeline once"
        assert {(id, digest) for id, digests in self.others.items() for digest in digests} == {
            tuple(row) for row in kept
        }
        self.outcomes = {id: row.outcome for id, row in submissions.items()}
        self.homes = {id: row.for_visit for id, row in photos.items()}

    def teardown(self) -> None:
        if not hasattr(self, "phones"):
            return
        for phone in self.phones:
            phone.deliver(tries=8)
        self.changed = True
        self.what_was_told_is_true()
        assert set(self.outcomes) == set(self.pieces), "in the end everything is there"
        for photo, visit in self.photo_of.items():
            if photo in self.homes:
                assert self.homes[photo] == self.home_of(visit)

    def home_of(self, visit: UUID) -> UUID:
        """The visit that shows a photo: the accepted correction of the one it was taken for, if there is one."""
        step = visit
        while step in self.corrected:
            step = self.corrected[step]
        return step if self.outcomes[step] == "accepted" else visit


@pytest.fixture
def engine() -> str:
    """SQLite only: the orders are what is tried here, the other tests try both engines."""
    return "sqlite"


@pytest.fixture
def machine(app: Flask) -> type[Deliveries]:
    return type("DeliveriesHere", (Deliveries,), {"world": World(app)})


def run(machine: type[Deliveries], orders: int, *, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=orders,
            stateful_step_count=30,
            phases=phases,
            deadline=None,
            database=None,
            print_blob=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_order_of_events_loses_doubles_or_misnames_anything(machine: type[Deliveries]) -> None:
    run(machine, ORDERS)


@pytest.mark.parametrize("fault", ["corrections forgotten", "digest not compared"])
def test_a_planted_fault_is_found_within_few_orders(
    machine: type[Deliveries], app: Flask, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    planted.PLANTS[fault](app, monkeypatch.setattr)
    with pytest.raises(AssertionError):
        # Whether it is found is asked here, not how short an order finds it.
        run(machine, 100, phases=(Phase.generate,))
