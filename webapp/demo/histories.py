"""What happened in one case of the demo world: written through the same deeds as real work, only in the past."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from .. import clock
from ..allocations.actions import grant, post
from ..allocations.models import Allocation, Donor
from ..cases.actions import reach_stage
from ..cases.closures.actions import ask, decide
from ..cases.closures.forms import ClosureDraft
from ..cases.closures.models import ITEMS
from ..cases.closures.queries import standing, unmet
from ..cases.models import Case
from ..check_ins import instruments
from ..check_ins.actions import settle_step
from ..check_ins.deeds import record_check_in_from
from ..check_ins.queries import open_steps
from ..formats import plain_amount
from ..keys import Keyring
from ..money import Money
from ..plans.actions import decide as decide_plan
from ..plans.deeds import submit_from
from ..visits.actions import keep_photo, set_next_follow_up
from ..visits.deeds import record_visit_from
from ..visits.forms import PhotoDraft
from . import words
from .cast import Cast
from .shelf import PhotoShelf

LOCAL_FOR_A_CENT = {"GNF": (935, 10), "XOF": (655_957, 100_000)}
"""About what a cent of a euro is in the currency of the office."""


@dataclass(frozen=True)
class World:
    """What every history of the demo world shares."""

    cast: Cast
    shelf: PhotoShelf
    keyring: Keyring
    donors: dict[str, Donor]
    now: datetime


@dataclass(frozen=True)
class Person:
    """Of whom a history is told."""

    case: Case
    sex: str | None
    sector: str
    ceiling: Money
    donor: str
    may_check_in: bool


@dataclass
class Contact:
    """One visit or call to come in a history; ``day`` counts from arrival."""

    day: int
    channel: str
    phase: str
    reached: bool = True
    agreed: str = ""
    agreed_due_on: date | None = None
    concern: str = "none"
    activity: str = ""
    words: str = ""
    notes: str = ""
    present: str = ""
    photos: list[tuple[str, str, str]] = field(default_factory=list)
    wellbeing: int | None = None
    """The raw score of a check-in at this contact; -1 when the person declined."""


@dataclass(frozen=True)
class Purchase:
    """Something bought for the returnee: when it was set aside and, once it was, when it was paid."""

    what: str
    category: str
    amount: Money
    set_aside_on: int
    paid_on: int


class History:
    """The events of one case, gathered in any order and told in the order of time."""

    def __init__(self, world: World, person: Person, officer: Any, *, arrived_on: date, rng: Random) -> None:
        self.world, self.person, self.case = world, person, person.case
        self.officer, self.arrived_on, self.rng = officer, arrived_on, rng
        self._events: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._allocation: Allocation | None = None

    def moment(self, day: int, hour: int | None = None) -> datetime:
        """A moment of that day after arrival, in working hours of the office."""
        hour = self.rng.randint(8, 16) if hour is None else hour
        wall = datetime.combine(
            self.arrived_on + timedelta(days=day), time(hour, 5 * self.rng.randrange(12)), tzinfo=None
        )
        return clock.from_local(wall, self.officer.timezone)

    def tell(self) -> None:
        """Let everything happen."""
        for at, _order, deed in sorted(self._events, key=lambda event: event[:2]):
            deed(at)
        set_next_follow_up(self.case, now=clock.now())

    def _at(self, at: datetime, deed: Callable[[datetime], None]) -> None:
        if at < self.world.now:
            self._events.append((at, len(self._events), deed))

    def departs_and_arrives(self) -> None:
        """The flight home, known to the sending mission, and the welcome at the airport."""
        case, karim = self.case, self.world.cast.people["karim"]
        case.departed_on = self.arrived_on - timedelta(days=self.rng.choice([0, 0, 1]))
        case.arrived_on = None
        self._at(self.moment(-1, 9), self._stage("departed", karim))
        self._at(self.moment(0, 18), self._arrives)

    def _arrives(self, at: datetime) -> None:
        self.case.arrived_on = self.arrived_on
        self._stage("arrived", self.officer)(at)

    def stage(self, stage: str, day: int) -> None:
        """The accompaniment gets to a stage."""
        self._at(self.moment(day, 17), self._stage(stage, self.officer))

    def plans(self, day: int, agreed_on: int | None = None) -> None:
        """A plan is proposed and, on a later day, approved and begun."""
        fields = {
            **words.PLAN, "id": str(self.new_id()), "activity": words.SECTORS[self.person.sector],
            "sector": self.person.sector, "place": self.case.place or "", "currency": self.person.ceiling.currency,
        }  # fmt: skip
        for n, (what, who, after) in enumerate(words.PLAN_STEPS):
            due_on = self.arrived_on + timedelta(days=day + after)
            fields |= {f"step_{n}_what": what, f"step_{n}_who": who, f"step_{n}_due_on": due_on.isoformat()}
        for n, (what, category, share) in enumerate(words.PLAN_LINES):
            amount = plain_amount(
                Money(self.person.ceiling.minor * share // 100, self.person.ceiling.currency)
            )
            fields |= {f"line_{n}_what": what, f"line_{n}_category": category, f"line_{n}_amount": amount}
        plan_id, said = UUID(fields["id"]), MultiDict(fields)
        self._at(self.moment(day, 17), lambda at: self._proposes(said, at))
        if agreed_on is not None:
            manager = self.world.cast.people["kadiatou"]
            self._at(
                self.moment(agreed_on, 17),
                lambda at: decide_plan(self.case, plan_id, "approval", by=manager, now=at),
            )

    def _proposes(self, said: MultiDict[str, str], at: datetime) -> None:
        submit_from(said, case=self.case, by=self.officer, now=at)

    def closes(self, day: int) -> None:
        """The accompaniment ends well: asked by the officer, signed off by the manager the day after."""
        answers = {
            item: self.rng.choice([3, 4, 4, 5]) for item in self.rng.sample(ITEMS, self.rng.choice([0, 3, 7]))
        }
        draft = ClosureDraft(self.new_id(), "completed", "", "Rendu au donateur, avec son accord.", answers)
        kadiatou = self.world.cast.people["kadiatou"]

        def sign(at: datetime) -> None:
            if closure := standing(self.case.id):
                decide(self.case, closure, "signed_off", answer="", by=kadiatou, now=at)

        self._at(self.moment(day, 16), lambda at: self._asks_to_close(draft, at))
        self._at(self.moment(day + 1, 9), sign)

    def _asks_to_close(self, draft: ClosureDraft, at: datetime) -> None:
        if not any(not matter.may_stay for matter in unmet(self.case.id, by=self.officer, case=self.case)):
            ask(self.case, draft, by=self.officer, now=at)

    def _stage(self, stage: str, by: Any) -> Callable[[datetime], None]:
        return lambda at: reach_stage(self.case, stage, by=by.id, happened_at=at, now=at)

    def is_granted(self, day: int) -> None:
        """The donor's promise."""
        people = self.world.cast.people
        office = next(
            office for office in self.world.cast.offices.values() if office.id == self.case.office_id
        )

        def promise(at: datetime) -> None:
            self._allocation = grant(
                self.case,
                self.person.ceiling,
                donor=self.world.donors[self.person.donor],
                local_currency=office.currency,
                by=people["farah"].id,
                now=at,
                valid_until=self.arrived_on + timedelta(days=540),
            )

        self._at(self.moment(day, 10), promise)

    def buys(self, purchase: Purchase) -> None:
        """Money is set aside for a purchase, and paid when the supplier has delivered."""
        people = self.world.cast.people
        for kind, day, by in (
            ("set_aside", purchase.set_aside_on, people["kadiatou"]),
            ("disbursed", purchase.paid_on, people["farah"]),
        ):

            def book(at: datetime, kind: str = kind, by: Any = by) -> None:
                assert self._allocation is not None
                local = local_amount(purchase.amount, self._allocation.local_currency)
                post(
                    self._allocation, kind, purchase.amount, what=purchase.what, category=purchase.category,
                    case=self.case, by=by.id, now=at, local=local,
                )  # fmt: skip

            self._at(self.moment(day, 11), book)

    def meets(self, contact: Contact) -> None:
        """A visit or a call, with its photos and its check-in."""
        moment = self.moment(contact.day)
        # Officers go out on working days.
        moment -= timedelta(days=max(0, moment.weekday() - 4))
        self._at(moment, lambda at: self._record(contact, at))

    def _record(self, contact: Contact, at: datetime) -> None:
        rng, id = self.rng, self.new_id()
        received = min(at + timedelta(minutes=rng.choice([2, 4, 15, 90, 300, 1500])), self.world.now)
        fields = {
            "id": str(id),
            "visited_at": clock.local(at, self.officer.timezone).strftime("%Y-%m-%dT%H:%M"),
            "channel": contact.channel,
            "reached": "yes" if contact.reached else "no",
            "why_not": "" if contact.reached else rng.choice(["no_answer", "phone_off", "relative_answered"]),
            "present": contact.present,
            "activity_status": contact.activity,
            "agreed": contact.agreed,
            "agreed_due_on": contact.agreed_due_on.isoformat() if contact.agreed_due_on else "",
            "concern": contact.concern,
            "words": contact.words,
            "notes": contact.notes,
            "photos_announced": str(len(contact.photos)),
        }
        by, case = self.officer, self.case
        record_visit_from(MultiDict(fields), case=case, by=by, now=received, claimed_at=at)
        for slot, (scene, subject, caption) in enumerate(contact.photos, start=1):
            kept = self.world.shelf.any_of(scene, rng)
            keep_photo(
                case, PhotoDraft(slot, caption, subject, consent=False), id=self.new_id(), visit_id=id,
                file=kept.file, thumb=kept.thumb, size=(kept.width, kept.height), by=by,
                now=min(received + timedelta(minutes=slot), self.world.now),
            )  # fmt: skip
        if contact.wellbeing is not None and self.person.may_check_in:
            self._check_in(contact.wellbeing, at + timedelta(minutes=25), received)

    def _check_in(self, raw: int, at: datetime, received: datetime) -> None:
        fields = {"id": str(self.new_id()), "locale": "fr", "private": "yes", "consent": "yes"}
        if raw < 0:
            fields["consent"] = "no"
        else:
            items = instruments.instrument("who-5").items
            answers = spread(raw, len(items), self.rng)
            fields |= {item.id: str(answer) for item, answer in zip(items, answers, strict=True)}
        self._ask(MultiDict(fields), at, received)

    def _ask(self, said: MultiDict[str, str], at: datetime, received: datetime) -> None:
        """A check-in, and what came of what it asked for, where that is long past."""
        check_in = record_check_in_from(
            said, case=self.case, by=self.officer, now=max(at, received),
            keyring=self.world.keyring, asked_at=at, claimed_at=at,
        )  # fmt: skip
        for step in open_steps(self.case.id):
            if step.check_in_id == check_in.id and step.due_on < self.world.now.date():
                offered = step.action.startswith("offer")
                settle_step(
                    step, "accepted" if offered else "done", case=self.case, by=self.officer,
                    now=min(received + timedelta(days=2), self.world.now),
                )  # fmt: skip

    def is_surveyed(self, day: int, answers: str) -> None:
        """A round of the reintegration survey, at home and alone."""
        fields = {
            "locale": "fr",
            "private": "yes",
            "consent": "yes",
            "instrument": "reintegration-survey",
            "version": "1",
        }
        said = MultiDict({**fields, **dict(answer.split("=") for answer in answers.split())})
        moment = self.moment(day)
        moment -= timedelta(days=max(0, moment.weekday() - 4)) - timedelta(hours=1)
        self._at(moment, lambda at: self._surveyed(said, at))

    def _surveyed(self, said: MultiDict[str, str], at: datetime) -> None:
        said["id"] = str(self.new_id())
        self._ask(said, at, at)

    def new_id(self) -> UUID:
        """An id that is the same each time this world is made."""
        return UUID(int=self.rng.getrandbits(128), version=4)

    def said(self, sentences: list[str]) -> str:
        """One of the sentences, about this person."""
        she = self.person.sex == "F"
        pronoun = "elle" if she else "il"
        return self.rng.choice(sentences).format(
            e="e" if she else "", il=pronoun, Il=pronoun.capitalize(), lui="elle" if she else "lui",
            place=self.case.place or "la ville", sector=words.SECTORS[self.person.sector],
        )  # fmt: skip


def local_amount(amount: Money, currency: str) -> Money | None:
    """About how much that is at home, rounded to thousands."""
    if currency not in LOCAL_FOR_A_CENT:
        return None
    francs, cents = LOCAL_FOR_A_CENT[currency]
    return Money(round(amount.minor * francs / cents / 1000) * 1000, currency)


def spread(raw: int, items: int, rng: Random) -> list[int]:
    """Answers of 0 to 5 that together make the raw score."""
    answers = [raw // items] * items
    for number in range(raw % items):
        answers[number] += 1
    for _ in range(3):
        up, down = rng.sample(range(items), 2)
        if answers[up] < 5 and answers[down] > 0:
            answers[up] += 1
            answers[down] -= 1
    rng.shuffle(answers)
    return answers
