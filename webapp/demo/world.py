"""The demo world as a whole: a referral list taken in, cases shared out, histories told, and what is left to do."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from .. import clock
from ..alerts.actions import add_job
from ..allocations.models import Donor
from ..cases.actions import assign_counsellor, assign_officer, reindex
from ..cases.closures.actions import ask as ask_to_close
from ..cases.closures.forms import ClosureDraft
from ..cases.closures.queries import unmet
from ..cases.intake import ReadRow, Situation
from ..cases.intake.actions import preview_list, take_in
from ..cases.models import Case, ReferralRow, Returnee, TimelineEntry
from ..cases.transfers.actions import hand_on
from ..cases.transfers.forms import TransferDraft
from ..check_ins.deeds import raise_red_flag_from
from ..check_ins.models import RedFlag
from ..database import db
from ..keys import Keyring
from ..money import Money
from ..reports.tallies import count
from ..returnee_pages.actions import make_access, say
from ..storage import Storage
from .aminata import tell_aminata
from .cast import Cast, engage
from .histories import Person, World
from .money import let_money_flow
from .referrals import send_to_services
from .shelf import PhotoShelf
from .stories import GRANTED_FROM, story_of, tell_story
from .words import FLAG_HELP, PURCHASES

LIST = "referrals-ma-2026-10.xlsx"
LONG_AGO = timedelta(days=620)
"""Before anything else: when the offices opened and the list was read."""
GOES_TO = {"GN": "conakry", "ML": "conakry"}
"""Which office follows people who go home to a country; Dakar follows all others."""
STILL_WAITING = (Situation.INTERVIEWED, Situation.MEDICAL_OK, Situation.LAISSEZ_PASSER_ASKED)
GAVE_UP = (Situation.WITHDRAWN, Situation.WITHDRAWN_AT_AIRPORT)
USUAL = Money(150_000, "EUR")
"""Granted where the list gave no ceiling in euros."""
COUNSELLED = 15
NEWS = 9
"""So many of the latest entries are left for the worker to raise alerts about."""


def make_world(keyring: Keyring, storage: Storage) -> tuple[str, str]:
    """Fill an empty database; the caller commits. The code and PIN of Aminata's card."""
    now = clock.now()
    cast = engage(now - LONG_AGO)
    today = clock.today(cast.offices["conakry"].timezone)
    taken = _take_list_in(cast, now)
    world = World(cast, PhotoShelf(storage), keyring, _donors(taken), now)
    aminata = tell_aminata(world, today=today, rng=_rng("aminata"))
    followed = _tell_everybody(world, taken, today)
    _raise_flags(world, followed)
    _refer_to_counsellor(cast, followed)
    _let_returnees_speak(world, aminata, followed)
    _let_money_flow(world, aminata, followed)
    _send_to_services(world, aminata, followed)
    _hand_on(world, followed)
    db.session.flush()
    _tick_off_what_is_old(now)
    _look_only_ahead(cast, now)
    return make_access(aminata, now)


def _rng(name: object) -> Random:
    return Random(f"suivi demo {name}")  # noqa: S311 - the same invented world each time


def _new_id(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def _take_list_in(cast: Cast, now: datetime) -> list[tuple[Case, ReadRow]]:
    """The sample list of the mission of Rabat, through the real intake; each case with its row."""
    karim = cast.people["karim"]
    content = files(__package__).joinpath(LIST).read_bytes()
    read = preview_list(content, LIST, by=karim, now=now - LONG_AGO)
    doubted = db.session.scalars(
        select(ReferralRow).where(ReferralRow.list_id == read.id, ReferralRow.outcome == "look")
    )
    # Karim knows these people and takes them in; who may be somebody else's double still waits for a look.
    known = {row.id for row in doubted if not ReadRow.from_kept(row.row).repeats}
    take_in(read, by=karim, now=now - LONG_AGO, chosen=known)
    rows = db.session.execute(
        select(Case, ReferralRow.row)
        .join(ReferralRow, ReferralRow.case_id == Case.id)
        .where(ReferralRow.list_id == read.id, ReferralRow.outcome == "created")
        .order_by(ReferralRow.line)
    )
    return [(case, ReadRow.from_kept(row)) for case, row in rows]


def _donors(taken: list[tuple[Case, ReadRow]]) -> dict[str, Donor]:
    names = sorted({row.donor for _, row in taken if row.donor} | {"UE – EURP"})
    donors = {name: Donor(name=name, currency="EUR") for name in names}
    db.session.add_all(donors.values())
    db.session.flush()
    return donors


@dataclass(frozen=True)
class Followed:
    """A case with its officer and how it goes."""

    case: Case
    officer: Any
    going: str
    days: int


def _tell_everybody(world: World, taken: list[tuple[Case, ReadRow]], today: date) -> list[Followed]:
    followed: list[Followed] = []
    told = {"conakry": 0, "dakar": 0}
    for case, row in taken:
        rng = _rng(f"{row.external_ref} {row.line}")
        place = GOES_TO.get(row.nationality or "", "dakar")
        _belongs_to(case, world.cast, place)
        officer = world.cast.people["ibrahima" if place == "conakry" else "awa"]
        waits = row.situation in STILL_WAITING and rng.random() < 0.5
        if row.situation in GAVE_UP or waits:
            if place == "conakry" or rng.random() < 0.4:
                _assign(case, officer, world, days_ago=rng.randint(8, 120))
            continue
        story = story_of(told[place], rng)
        told[place] += 1
        _assign(case, officer, world, days_ago=story.days + rng.randint(15, 60))
        if case.stage in ("departed", "arrived"):
            # The list knew of the journey; here it is told on its day.
            case.stage = "departure_set"
        tell_story(world, _person(case, row, today, rng), officer, story, today=today, rng=rng)
        followed.append(Followed(case, officer, story.going, story.days))
    return followed


def _belongs_to(case: Case, cast: Cast, place: str) -> None:
    case.office_id, case.caseworker_id = cast.offices[place].id, cast.people["karim"].id
    db.session.flush()
    reindex(case)


def _assign(case: Case, officer: Any, world: World, *, days_ago: int) -> None:
    assign_officer(
        case, officer.id, officer_name=officer.name, by=world.cast.people["kadiatou"].id,
        now=world.now - timedelta(days=days_ago),
    )  # fmt: skip


def _person(case: Case, row: ReadRow, today: date, rng: Random) -> Person:
    ceiling = (
        Money(case.ceiling_minor, "EUR") if case.ceiling_minor and case.ceiling_currency == "EUR" else USUAL
    )
    returnee = db.session.get_one(Returnee, case.returnee_id)
    grown_up = returnee.birth_date is not None and today.year - returnee.birth_date.year > 20
    sector = row.sector or rng.choice(list(PURCHASES))
    return Person(case, returnee.sex, str(sector), ceiling, row.donor or "UE – EURP", grown_up)


def _raise_flags(world: World, followed: list[Followed]) -> None:
    """Two dangers long past and looked after, three that are open."""
    grown_up = [each for each in followed if each.days > 120 and each.case.closed_at is None]
    at_conakry = [each for each in grown_up if each.officer.id == world.cast.people["ibrahima"].id]
    at_dakar = [each for each in grown_up if each.officer.id == world.cast.people["awa"].id]
    salma = world.cast.people["salma"]
    rng = _rng("flags")
    for each, category, days_ago, over in (
        (at_conakry[1], "illness", 88, True),
        (at_conakry[4], "trafficking", 41, True),
        (at_conakry[6], "no_shelter", 6, False),
        (at_conakry[9], "self_harm", 1, False),
        (at_dakar[3], "no_shelter", 3, False),
    ):
        raised_at = world.now - timedelta(days=days_ago, hours=rng.randint(1, 5))
        fields = {"id": str(_new_id(rng)), "category": category, "help_needed": FLAG_HELP[category]}
        flag: RedFlag = raise_red_flag_from(
            MultiDict(fields), case=each.case, by=each.officer, now=raised_at + timedelta(minutes=3),
            keyring=world.keyring, raised_at=raised_at,
        )  # fmt: skip
        if over:
            flag.closed_at, flag.closed_by_id = raised_at + timedelta(hours=20), salma.id
        if each.officer.office_id == salma.office_id:
            assign_counsellor(each.case, salma.id)


def _refer_to_counsellor(cast: Cast, followed: list[Followed]) -> None:
    """Those who have it hardest, until the counsellor has her hands full."""
    salma = cast.people["salma"]
    hardest_first = ["heavy", "stopped", "hard", "well"]
    here = [each for each in followed if each.case.office_id == salma.office_id and each.days > 30]
    here.sort(key=lambda each: hardest_first.index(each.going))
    # Aminata is one of them.
    room = COUNSELLED - 1 - sum(each.case.counsellor_id is not None for each in here)
    for each in [each for each in here if each.case.counsellor_id is None][:room]:
        assign_counsellor(each.case, salma.id)


def _let_returnees_speak(world: World, aminata: Case, followed: list[Followed]) -> None:
    rng = _rng("returnees")
    others = [each.case for each in followed if each.days > 150 and each.case.closed_at is None]
    for case, kind, hours_ago in (
        (aminata, "received", 120 * 24 + 3),
        (others[2], "received", 300),
        (others[5], "call_me_back", 76),
        (others[8], "not_received", 97),
        (others[11], "call_me_back", 19),
    ):
        say(case, kind, id=_new_id(rng), now=world.now - timedelta(hours=hours_ago))


def _let_money_flow(world: World, aminata: Case, followed: list[Followed]) -> None:
    """Ibrahima's cases that go on: those in the middle ask for purchases, of the latest one is granted under a rule."""
    mine = [
        each for each in followed if each.case.office_id == aminata.office_id and each.case.closed_at is None
    ]
    # The last purchase of their plan is behind these, and money is left.
    asking = [each.case for each in mine if 190 < each.days < 400]
    let_money_flow(
        world, aminata, asking, [each.case for each in mine if _awaits_money(each)][:1], _rng("money")
    )


def _send_to_services(world: World, aminata: Case, followed: list[Followed]) -> None:
    salma = world.cast.people["salma"]
    open_ = [each.case for each in followed if each.days > 60 and each.case.closed_at is None]
    hers = [case for case in open_ if case.counsellor_id == salma.id]
    others = [case for case in open_ if case.office_id == aminata.office_id and case.counsellor_id is None]
    # The second is written by the counsellor, of somebody who comes to her.
    send_to_services(world, aminata, [*hers[:1], *others], _rng("referrals"))


def _hand_on(world: World, followed: list[Followed]) -> None:
    """One case of Conakry waits for the answer of Dakar, another for a second person to close it."""
    kadiatou, rng = world.cast.people["kadiatou"], _rng("transfers")
    mine = [
        each for each in followed if each.case.office_id == kadiatou.office_id and each.case.closed_at is None
    ]
    moving = next(each for each in mine if 60 < each.days < 190)
    draft = TransferDraft(
        _new_id(rng), {moving.case.id: moving.case.officer_id}, officer_id=None, office_id=world.cast.offices["dakar"].id,
        reason="person_moved", note="A rejoint sa sœur à Pikine. Préfère être appelée le soir.",
    )  # fmt: skip
    hand_on(draft, by=kadiatou, now=world.now - timedelta(hours=22))
    for each in reversed(mine):
        settled = all(matter.may_stay for matter in unmet(each.case.id, by=each.officer, case=each.case))
        if each.days > 300 and each is not moving and settled:
            asked = ClosureDraft(_new_id(rng), "migrated_again", "", "Rendu au donateur.", {"overall": 3})
            ask_to_close(each.case, asked, by=each.officer, now=world.now - timedelta(hours=30))
            return


def _awaits_money(each: Followed) -> bool:
    return each.days < GRANTED_FROM


def _tick_off_what_is_old(now: datetime) -> None:
    """What the worker would have looked at when it happened: counted, and no alert of last year raised today."""
    entries = list(db.session.scalars(select(TimelineEntry).order_by(TimelineEntry.happened_at.desc())))
    news = [entry for entry in entries if _is_news(entry, now)][:NEWS]
    left = {entry.number for entry in news}
    count(entry for entry in entries if entry.number not in left)
    db.session.execute(
        update(TimelineEntry).where(TimelineEntry.number.not_in(left)).values(considered_at=now)
    )


def _look_only_ahead(cast: Cast, now: datetime) -> None:
    """The drawn photos are few and stand in many cases: the daily look takes them for seen, and warns of new ones."""
    for office in cast.offices.values():
        # A second later: photos that came just now are among them.
        facts = {"office": str(office.id), "looked": (now + timedelta(seconds=1)).isoformat()}
        add_job("daily", facts, key=f"daily:{office.id}", due_at=now)


def _is_news(entry: TimelineEntry, now: datetime) -> bool:
    facts = entry.facts or {}
    matters = (
        facts.get("concern") == "serious"
        or facts.get("next_step") == "counsellor_contact"
        or entry.kind in ("red_flag.raised", "returnee.not_received", "returnee.call_me_back")
    )
    return matters and entry.happened_at > now - timedelta(days=14)
