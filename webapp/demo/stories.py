"""Which history each case of the demo world has: how long ago the person arrived, how it goes, what is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ..money import Money
from . import words
from .histories import Contact, History, Person, Purchase, World

SOON_BACK = {"overdue": (-12, -5), "today": (0, 0), "week": (1, 6)}
"""On which day, counted from today, somebody asked to be called or seen again."""
GRANTED_FROM = 8
"""Who came back fewer days ago still waits for the manager to grant an allocation."""
STEPS = ((7, "call"), (28, "home_visit"), (62, "business_visit"), (92, "business_visit"), (130, "call"),
         (181, "business_visit"), (228, "call"), (280, "call"), (362, "home_visit"), (430, "call"))  # fmt: skip
DAYS_SINCE_ARRIVAL = [
    (3, 14),
    (15, 40),
    (41, 95),
    (60, 140),
    (96, 180),
    (120, 240),
    (181, 330),
    (240, 400),
    (380, 520),
]


@dataclass(frozen=True)
class Story:
    """The turns of one history."""

    days: int
    going: str
    """``well``, ``hard``, ``heavy`` or ``stopped``."""
    due: str
    """``overdue``, ``today``, ``week``, ``missed`` (a step was left out) or nothing special."""
    worry: bool = False
    """Whether the officer came back seriously worried this week."""


def story_of(number: int, rng: Random) -> Story:
    """The story of an officer's nth case: all turns appear in every caseload."""
    days = rng.randint(*DAYS_SINCE_ARRIVAL[number % len(DAYS_SINCE_ARRIVAL)])
    going = rng.choices(["well", "hard", "heavy", "stopped"], [60, 24, 9, 7])[0]
    worry = number == 3
    due = {2: "overdue", 5: "today", 7: "week", 10: "week", 13: "missed"}.get(number % 15, "")
    return Story(days, "heavy" if worry else going, due if days > 20 else "", worry)


def tell_story(
    world: World, person: Person, officer: object, story: Story, *, today: date, rng: Random
) -> None:
    """Let the story happen to this person."""
    history = History(world, person, officer, arrived_on=today - timedelta(days=story.days), rng=rng)
    history.departs_and_arrives()
    if story.days >= GRANTED_FROM:
        history.is_granted(1)
    for stage, day in (("plan", 28), ("in_progress", 46), ("follow_up", 200)):
        if story.days > day + 3:
            history.stage(stage, day + rng.randint(0, 9) - 4)
    if 12 < story.days < 28 and not person.case.closed_at:
        # Home for a few weeks: the plan waits for the manager.
        history.plans(story.days - 1)
    if story.days > 40:
        for purchase in _purchases(person, story, rng):
            history.buys(purchase)
    for contact in _contacts(history, story, today):
        history.meets(contact)
    at_conakry = person.case.office_id == world.cast.offices["conakry"].id  # Dakar has no manager to sign
    if story.days > 400 and story.going == "well" and not story.due and at_conakry:
        history.closes(story.days - rng.randint(5, 25))
    history.tell()


def _purchases(person: Person, story: Story, rng: Random) -> Iterator[Purchase]:
    for number, (what, category, percent) in enumerate(words.PURCHASES[person.sector]):
        day = 42 + number * 48 + rng.randint(0, 8)
        # Whole fives of a euro, as suppliers are paid in notes at home.
        minor = person.ceiling.minor * percent // 100 // 500 * 500
        if story.going == "stopped" and number == 2:
            return
        yield Purchase(what, category, Money(minor, person.ceiling.currency), day, day + rng.randint(9, 26))


def _contacts(history: History, story: Story, today: date) -> Iterator[Contact]:
    rng, arrived_on = history.rng, today - timedelta(days=story.days)
    asked_on = today + timedelta(days=rng.randint(*SOON_BACK[story.due])) if story.due in SOON_BACK else None
    latest = story.days - 1 if asked_on is None else min(story.days - 2, (asked_on - arrived_on).days - 3)
    days = [(day + rng.randint(-2, 4), channel) for day, channel in STEPS]
    past = [(day, channel) for day, channel in days if day <= latest]
    if story.due == "missed" and len(past) > 2:
        past.pop()
    for number, (day, channel) in enumerate(past):
        if day > 10 and rng.random() < 0.12:
            yield Contact(
                day - 2, "call", "missed", reached=False, notes="Pas joint. Nouvel essai dans deux jours."
            )
        contact = _contact(history, day, channel, story)
        is_last = number + 1 == len(past)
        if is_last and asked_on:
            contact.agreed_due_on = asked_on
        elif not is_last and contact.agreed:
            contact.agreed_due_on = arrived_on + timedelta(days=min(day + 14, past[number + 1][0]))
        if is_last and story.going != "heavy":
            contact.concern = "none"
        yield contact
    if story.worry:
        contact = _contact(history, story.days - 2, "home_visit", story)
        contact.concern, contact.wellbeing, contact.agreed = "serious", 5, words.AGREED["heavy"][0]
        contact.words, contact.notes = history.said(words.HEAVY_WORDS), history.said(words.HEAVY_NOTES)
        yield contact


def _contact(history: History, day: int, channel: str, story: Story) -> Contact:
    rng, phase = history.rng, _phase(day, story, history.rng)
    said, noted = {
        "first": (words.FIRST_WORDS, words.FIRST_NOTES),
        "plan": (words.PLAN_WORDS, words.PLAN_NOTES),
        "start": (words.START_WORDS, words.START_NOTES),
        "running": (words.RUNNING_WORDS, words.RUNNING_NOTES),
        "difficult": (words.DIFFICULT_WORDS, words.DIFFICULT_NOTES),
        "heavy": (words.HEAVY_WORDS, words.HEAVY_NOTES),
        "last": (words.LAST_WORDS, words.LAST_NOTES),
    }[phase]
    contact = Contact(
        day,
        channel,
        phase,
        words=history.said(said) if rng.random() < 0.8 else "",
        notes=history.said(noted) if rng.random() < 0.85 else "",
        activity=_activity(phase, story, rng),
        concern={"heavy": rng.choice(["some", "serious"]), "difficult": rng.choice(["none", "some"])}.get(
            phase, "none"
        ),
    )
    if channel != "call":
        contact.present = rng.choice(words.PRESENT)
    if phase in words.AGREED and rng.random() < 0.7:
        contact.agreed = rng.choice(words.AGREED[phase])
    if channel == "business_visit" and phase in ("start", "running", "difficult"):
        choices = words.PHOTOS[history.person.sector]
        contact.photos = rng.sample(choices, min(len(choices), rng.choice([1, 1, 2, 3])))
        if phase == "start":
            contact.photos.append(words.RECEIPT)
    if channel in ("home_visit", "business_visit") and rng.random() < 0.55:
        contact.wellbeing = _wellbeing(phase, rng)
    return contact


def _phase(day: int, story: Story, rng: Random) -> str:
    if day < 15:
        return "first"
    if day < 45:
        return "heavy" if story.going == "heavy" and rng.random() < 0.4 else "plan"
    if story.going == "heavy":
        return rng.choice(["heavy", "difficult", "start"])
    if day < 80:
        return "start"
    if day > 340 and story.going == "well":
        return "last"
    troubled = {"well": 0.12, "hard": 0.65, "stopped": 0.85}[story.going]
    return "difficult" if rng.random() < troubled else "running"


def _activity(phase: str, story: Story, rng: Random) -> str:
    if phase == "difficult" and story.going == "stopped":
        return rng.choice(["stopped", "running_with_difficulty", "changed"])
    return {
        "first": "",
        "plan": "not_started",
        "start": "setting_up",
        "running": "running",
        "difficult": "running_with_difficulty",
        "heavy": rng.choice(["running_with_difficulty", "not_started", ""]),
        "last": "running",
    }[phase]


def _wellbeing(phase: str, rng: Random) -> int:
    if rng.random() < 0.15:
        return -1
    middle = {"heavy": 6, "difficult": 11, "plan": 12, "start": 15}.get(phase, 17)
    return max(1, min(24, round(rng.gauss(middle, 2.8))))
