"""The rules of a scheme: read from TOML, checked to the last key, and asked what they allow. Nothing here is stored."""

import re
import tomllib
from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from dataclasses import field as made
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l

from ..money import CATEGORIES, EXPONENT, Money
from ..permissions import Role
from .models import CASH

LONGEST = 64_000
"""Characters of a rule file; a scheme's rules fill one or two pages."""
EVENTS = ("grant", "arrival", "departure")
APPROVERS = (Role.PROGRAMME_MANAGER, Role.FINANCE_OFFICER)
PERSONS = ("adult", "child", "unaccompanied")

SENTENCES = {
    "too_long": _l("Le fichier est trop long pour des règles."),
    "not_toml": _l("Ce n’est pas du TOML lisible : %(why)s."),
    "unknown": _l("Clé inconnue."),
    "missing": _l("Cette clé manque."),
    "not_text": _l("Il faut un texte entre guillemets."),
    "too_long_text": _l("Ce texte est trop long (%(most)s caractères au plus)."),
    "not_name": _l("Un nom s’écrit en minuscules sans accent, avec des chiffres et des tirets."),
    "not_number": _l("Il faut un nombre entier de %(least)s à %(most)s."),
    "not_yes_or_no": _l("Il faut true ou false."),
    "not_currency": _l("Cette devise n’est pas connue ici."),
    "not_amount": _l("Il faut un montant entre guillemets, par exemple \"1500.50\", sans signe."),
    "not_list": _l("Il faut une liste [[…]] avec au moins un élément."),
    "not_table": _l("Il faut une table."),
    "not_one_of": _l("Il faut l’un de : %(words)s."),
    "no_amount": _l("Il manque un montant : %(words)s."),
    "one_of_two": _l("Il faut soit « %(one)s », soit « %(other)s »."),
    "twice": _l("Ce type de retour a déjà un plafond plus haut."),
    "never_reached": _l("Aucun cas n’arrive jusqu’ici : un plafond pour tous les retours précède."),
    "shares": _l("Les parts font %(sum)s %%, il faut 100 %%."),
    "last_takes_rest": _l("La dernière tranche reçoit le reste : elle n’a ni part ni montant quand une autre a un montant."),
    "needs_condition": _l("Une tranche retenue dit sa condition."),
    "not_rising": _l("Les montants des approbations vont du plus petit au plus grand."),
    "last_is_open": _l("La dernière approbation vaut sans limite : elle n’a pas de « up_to », les autres en ont un."),
    "alone": _l("Ce que la finance approuve, une autre personne le paie : « three_people » doit être true."),
    "version_taken": _l("La version %(version)s est déjà chargée avec un autre texte ; une version ne change jamais, augmentez le numéro."),
    "version_old": _l("La version %(latest)s est déjà chargée ; une nouvelle version porte un numéro plus grand."),
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a rule file: where (``field``, and ``line`` when it is found) and which."""

    code: str
    field: str = ""
    line: int | None = None
    facts: Mapping[str, str] = made(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The fault in the reader's language."""
        return str(SENTENCES[self.code]) % dict(self.facts)

    def on(self, text: str) -> "Fault":
        """The same, with the line of the text where its field stands."""
        return self if self.line else replace(self, line=_line_of(self.field, text))


class FaultyRule(ValueError):
    """The text is not a rule that can be loaded: ``faults``, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line or 0)
        super().__init__("; ".join(f"{fault.line}: {fault.field} {fault.code}" for fault in self.faults))


class NoCeiling(LookupError):
    """The rule says nothing for this return type and these persons."""


@dataclass(frozen=True)
class Persons:
    """Who returned in one case. Who is a child is the rule's to say: younger than ``child_below``."""

    adult: int = 0
    child: int = 0
    unaccompanied: int = 0

    def __post_init__(self) -> None:
        if min(self.adult, self.child, self.unaccompanied) < 0 or not 1 <= self.size <= 50:
            raise ValueError("a case is about 1 to 50 persons")

    @property
    def size(self) -> int:
        return self.adult + self.child + self.unaccompanied


@dataclass(frozen=True)
class Ceiling:
    """The most that may be granted for one return type (None: for all others)."""

    return_type: str | None
    case: Money
    adult: Money
    child: Money
    unaccompanied: Money


@dataclass(frozen=True)
class Supplement:
    """What is added once when the family has so many persons."""

    persons_from: int
    amount: Money


@dataclass(frozen=True)
class Limit:
    """A sub-ceiling: an amount (another for families, or for each person), or a share of what is granted."""

    amount: Money | None
    family: Money | None
    per_person: bool
    share: int | None


@dataclass(frozen=True)
class Part:
    """A part of the money as the rule says it. The last one takes what is left."""

    share: int | None
    amount: Money | None
    condition: str
    at_once: bool
    months_after: int | None
    event: str | None
    early: bool = False
    """May be released before its day, once its condition is met."""


@dataclass(frozen=True)
class DuePart:
    """An instalment of one allocation; its number is that of the part in the rule."""

    number: int
    amount: Money
    condition: str
    at_once: bool
    due_on: date | None


@dataclass(frozen=True)
class Approval:
    """What a purchase up to an amount (None: any) needs: quotes, and whose approval."""

    up_to: Money | None
    quotes: int
    approver: Role


@dataclass(frozen=True)
class Rule:
    """One version of a scheme's rules."""

    name: str
    title: str
    version: int
    currency: str
    source: str
    example: bool
    project: str
    valid_months: int | None
    child_below: int
    three_people: bool
    decide_within_days: int
    ceilings: tuple[Ceiling, ...]
    supplements: tuple[Supplement, ...]
    sub_ceilings: Mapping[str, Limit]
    parts: tuple[Part, ...]
    approvals: tuple[Approval, ...]

    def is_for(self, project: str, known: Collection[str]) -> bool:
        """Whether cases of this project may be granted money under the rule.

        A project that is none of the ``known`` binds nothing: rules were loaded when any words could stand there.
        """
        return self.project in ("", project) or self.project not in known

    @property
    def return_types(self) -> list[str | None]:
        """The return types that have a ceiling, in the order of the file; None stands for all others."""
        return [ceiling.return_type for ceiling in self.ceilings]

    def ceiling(self, return_type: str, persons: Persons) -> Money:
        """The most that may be granted to this case; raises NoCeiling."""
        for ceiling in self.ceilings:
            if ceiling.return_type in (return_type, None):
                break
        else:
            raise NoCeiling(return_type)
        minor = ceiling.case.minor + sum(
            getattr(persons, who) * getattr(ceiling, who).minor for who in PERSONS
        )
        steps = [step for step in self.supplements if persons.size >= step.persons_from]
        minor += max((step.amount.minor for step in steps), default=0)
        if not minor:
            raise NoCeiling(return_type)
        return Money(minor, self.currency)

    def limits(self, granted: Money, persons: Persons) -> dict[str, Money]:
        """The sub-ceilings of an allocation, by category or ``cash``; shares of it are rounded down."""
        granted.in_(self.currency)
        return {name: self._limit(limit, granted, persons) for name, limit in self.sub_ceilings.items()}

    def _limit(self, limit: Limit, granted: Money, persons: Persons) -> Money:
        if limit.amount is None:
            return Money(granted.minor * (limit.share or 0) // 100, self.currency)
        if limit.family is not None and persons.size > 1:
            return limit.family
        return Money(limit.amount.minor * (persons.size if limit.per_person else 1), self.currency)

    def instalments(self, granted: Money, events: Mapping[str, date | None]) -> list[DuePart]:
        """How an allocation is given free, adding up to it exactly; days of ``events`` that are not known give no due day."""
        left, parts = granted.in_(self.currency), []
        for position, part in enumerate(self.parts, start=1):
            minor = part.amount.minor if part.amount else granted.minor * (part.share or 0) // 100
            minor = left if position == len(self.parts) else min(left, minor)
            left -= minor
            since = events.get(part.event) if part.event else None
            due_on = (
                months_later(since, part.months_after) if since and part.months_after is not None else None
            )
            if minor:
                parts.append(
                    DuePart(position, Money(minor, self.currency), part.condition, part.at_once, due_on)
                )
        return parts

    def part(self, number: int) -> Part | None:
        """What the rule says of the instalment of this number."""
        return self.parts[number - 1] if 1 <= number <= len(self.parts) else None

    def approval_for(self, amount: Money) -> Approval:
        """What a purchase of this amount, in the rule's currency, needs."""
        return next(step for step in self.approvals if step.up_to is None or amount <= step.up_to)

    def valid_until(self, granted_on: date) -> date | None:
        """The last day of an allocation granted on a day."""
        return months_later(granted_on, self.valid_months) if self.valid_months else None

    def told_in(self, currency: str, turned: Callable[[Money], Money]) -> "Rule":
        """The same rule with every amount turned into another currency."""
        return replace(
            self,
            currency=currency,
            ceilings=tuple(
                Ceiling(
                    step.return_type,
                    turned(step.case),
                    turned(step.adult),
                    turned(step.child),
                    turned(step.unaccompanied),
                )
                for step in self.ceilings
            ),
            supplements=tuple(replace(step, amount=turned(step.amount)) for step in self.supplements),
            sub_ceilings={
                name: replace(
                    limit,
                    amount=turned(limit.amount) if limit.amount else None,
                    family=turned(limit.family) if limit.family else None,
                )
                for name, limit in self.sub_ceilings.items()
            },
            parts=tuple(
                replace(part, amount=turned(part.amount) if part.amount else None) for part in self.parts
            ),
            approvals=tuple(
                replace(step, up_to=turned(step.up_to) if step.up_to else None) for step in self.approvals
            ),
        )


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day: 31 August and six months is 28 February."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# Reading


def read_rule(text: str) -> Rule:
    """Read and check a rule; raises FaultyRule with every fault that is found."""
    if len(text) > LONGEST:
        raise FaultyRule([Fault("too_long", line=1)])
    try:
        read = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also of a number with thousands of digits
        raise FaultyRule([_unreadable(error)]) from error
    reader = _Reader()
    rule = reader.rule(read)
    if reader.faults or rule is None:
        raise FaultyRule(fault.on(text) for fault in reader.faults)
    return rule


def _unreadable(error: Exception) -> Fault:
    said = str(error)
    line = re.search(r"at line (\d+)", said)
    why = re.sub(r"\s*\(at .*\)$", "", said)[:120]
    return Fault("not_toml", line=int(line[1]) if line else 1, facts={"why": why})


class _Reader:
    """Goes through what TOML gave; faults are gathered, so that one upload shows them all."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.currency = "EUR"

    def rule(self, read: dict[str, Any]) -> Rule | None:
        self.known(
            read,
            "",
            "name title version currency source example project valid_months child_below three_people decide_within_days "
            "ceilings supplements limits instalments approvals",
        )
        self.currency = self.one_of(read, "", "currency", tuple(EXPONENT), "not_currency") or "EUR"
        name = self.text(read, "", "name", 60) or ""
        if name and not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            self.fault("not_name", "name")
        rule = Rule(
            name=name,
            title=self.text(read, "", "title", 120) or "",
            version=self.number(read, "", "version", 1, 1_000_000) or 0,
            currency=self.currency,
            source=self.text(read, "", "source", 300) or "",
            example=self.yes_or_no(read, "", "example", otherwise=False),
            project=self.text(read, "", "project", 120, needed=False) or "",
            valid_months=self.number(read, "", "valid_months", 1, 120, needed=False),
            child_below=self.number(read, "", "child_below", 1, 25, needed=False) or 18,
            three_people=self.yes_or_no(read, "", "three_people", otherwise=True),
            decide_within_days=self.number(read, "", "decide_within_days", 1, 90, needed=False) or 5,
            ceilings=tuple(self.ceilings(read)),
            supplements=tuple(
                self.supplement(*step) for step in self.tables(read, "supplements", needed=False)
            ),
            sub_ceilings=self.limits(read),
            parts=tuple(self.parts(read)),
            approvals=tuple(self.approvals(read)),
        )
        if not rule.three_people and any(step.approver is Role.FINANCE_OFFICER for step in rule.approvals):
            self.fault("alone", "three_people")
        return None if self.faults else rule

    def ceilings(self, read: dict[str, Any]) -> list[Ceiling]:
        found: list[Ceiling] = []
        for step, at in self.tables(read, "ceilings"):
            self.known(step, at, "return_type case adult child unaccompanied")
            return_type = self.text(step, at, "return_type", 20, needed=False)
            before = [ceiling.return_type for ceiling in found]
            if return_type in before:
                self.fault("twice", f"{at}.return_type" if return_type else at)
            elif None in before:
                self.fault("never_reached", at)
            amounts = {
                who: self.amount(step, at, who, needed=False) or Money(0, self.currency)
                for who in ("case", *PERSONS)
            }
            if not any(amount.minor for amount in amounts.values()):
                self.fault("no_amount", at, words="case, adult, child, unaccompanied")
            found.append(Ceiling(return_type, **amounts))
        return found

    def supplement(self, step: dict[str, Any], at: str) -> Supplement:
        self.known(step, at, "persons_from amount")
        return Supplement(
            self.number(step, at, "persons_from", 2, 50) or 0,
            self.amount(step, at, "amount") or Money(0, self.currency),
        )

    def limits(self, read: dict[str, Any]) -> dict[str, Limit]:
        named = read.get("limits", {})
        if not isinstance(named, dict):
            self.fault("not_table", "limits")
            return {}
        self.known(named, "limits", " ".join((*CATEGORIES, CASH)))
        found = {}
        for name, limit in named.items():
            at = f"limits.{name}"
            if not isinstance(limit, dict):
                self.fault("not_table", at)
                continue
            self.known(limit, at, "amount family per_person share")
            if ("amount" in limit) == ("share" in limit):
                self.fault("one_of_two", at, one="amount", other="share")
            found[name] = Limit(
                amount=self.amount(limit, at, "amount", needed=False),
                family=self.amount(limit, at, "family", needed=False),
                per_person=self.yes_or_no(limit, at, "per_person", otherwise=False),
                share=self.number(limit, at, "share", 0, 100, needed=False),
            )
        return found

    def parts(self, read: dict[str, Any]) -> list[Part]:
        found: list[Part] = []
        for step, at in self.tables(read, "instalments", needed=False):
            self.known(step, at, "share amount condition at_once months_after event early")
            at_once = self.yes_or_no(step, at, "at_once", otherwise=False)
            condition = self.text(step, at, "condition", 200, needed=False) or ""
            if not at_once and not condition and "condition" not in step:
                self.fault("needs_condition", at)
            if ("months_after" in step) != ("event" in step):
                self.fault("missing", f"{at}.{'event' if 'months_after' in step else 'months_after'}")
            found.append(
                Part(
                    share=self.number(step, at, "share", 1, 100, needed=False),
                    amount=self.amount(step, at, "amount", needed=False),
                    condition=condition,
                    at_once=at_once,
                    months_after=self.number(step, at, "months_after", 0, 120, needed=False),
                    event=self.one_of(step, at, "event", EVENTS, needed=False),
                    early=self.yes_or_no(step, at, "early", otherwise=False),
                )
            )
        self.check_parts(found)
        return found

    def check_parts(self, parts: list[Part]) -> None:
        """Either shares that make 100, or amounts (and shares) and a last part that takes the rest."""
        if not parts:
            return
        *before, last = parts
        for position, part in enumerate(before, start=1):
            if (part.share is None) == (part.amount is None):
                self.fault("one_of_two", f"instalments[{position}]", one="share", other="amount")
        whole = sum(part.share or 0 for part in parts)
        at = f"instalments[{len(parts)}]"
        if last.amount is not None or (last.share is not None and any(part.amount for part in before)):
            self.fault("last_takes_rest", at)
        elif (last.share is not None and whole != 100) or (last.share is None and whole >= 100):
            self.fault("shares", f"{at}.share" if last.share else at, sum=str(whole))

    def approvals(self, read: dict[str, Any]) -> list[Approval]:
        found: list[Approval] = []
        steps = self.tables(read, "approvals")
        for step, at in steps:
            self.known(step, at, "up_to quotes approver")
            up_to = self.amount(step, at, "up_to", needed=False)
            is_last = step is steps[-1][0]
            if ("up_to" in step) == is_last:
                self.fault("last_is_open", at)
            if up_to and any(before.up_to and up_to <= before.up_to for before in found):
                self.fault("not_rising", f"{at}.up_to")
            approver = self.one_of(step, at, "approver", tuple(str(role) for role in APPROVERS))
            found.append(
                Approval(
                    up_to,
                    self.number(step, at, "quotes", 0, 9) or 0,
                    Role(approver) if approver else APPROVERS[0],
                )
            )
        return found

    # Values

    def fault(self, code: str, at: str, **facts: str) -> None:
        self.faults.append(Fault(code, at, facts=facts))

    def known(self, table: dict[str, Any], at: str, keys: str) -> None:
        for key in table:
            if key not in keys.split():
                self.fault("unknown", f"{at}.{key}" if at else key)

    def tables(
        self, read: dict[str, Any], key: str, *, needed: bool = True
    ) -> list[tuple[dict[str, Any], str]]:
        """The tables of a list, each with the name of its place."""
        if key not in read:
            if needed:
                self.fault("missing", key)
            return []
        steps = read[key]
        if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
            self.fault("not_list", key)
            return []
        return [(step, f"{key}[{number}]") for number, step in enumerate(steps, start=1)]

    def value(self, table: dict[str, Any], at: str, key: str, *, needed: bool) -> Any:
        if key not in table and needed:
            self.fault("missing", f"{at}.{key}" if at else key)
        return table.get(key)

    def text(self, table: dict[str, Any], at: str, key: str, most: int, *, needed: bool = True) -> str | None:
        value = self.value(table, at, key, needed=needed)
        place = f"{at}.{key}" if at else key
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            self.fault("not_text", place)
            return None
        if len(value) > most:
            self.fault("too_long_text", place, most=str(most))
            return None
        return value.strip()

    def number(
        self, table: dict[str, Any], at: str, key: str, least: int, most: int, *, needed: bool = True
    ) -> int | None:
        value = self.value(table, at, key, needed=needed)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault("not_number", f"{at}.{key}" if at else key, least=str(least), most=str(most))
            return None
        return value

    def yes_or_no(self, table: dict[str, Any], at: str, key: str, *, otherwise: bool) -> bool:
        value = table.get(key, otherwise)
        if not isinstance(value, bool):
            self.fault("not_yes_or_no", f"{at}.{key}" if at else key)
            return otherwise
        return value

    def one_of(
        self,
        table: dict[str, Any],
        at: str,
        key: str,
        words: tuple[str, ...],
        code: str = "not_one_of",
        *,
        needed: bool = True,
    ) -> str | None:
        value = self.value(table, at, key, needed=needed)
        if value is None:
            return None
        if value not in words:
            self.fault(code, f"{at}.{key}" if at else key, words=", ".join(words))
            return None
        return str(value)

    def amount(self, table: dict[str, Any], at: str, key: str, *, needed: bool = True) -> Money | None:
        """Text in quotes, or a whole number; never a float, which would not say what was written."""
        value = self.value(table, at, key, needed=needed)
        if value is None:
            return None
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            # Not only NotAnAmount: Python writes no number with thousands of digits.
            with suppress(ValueError):
                return Money.parse(str(value), self.currency)
        self.fault("not_amount", f"{at}.{key}")
        return None


def _line_of(place: str, text: str) -> int:
    """The line where a field such as ``ceilings[2].adult`` stands, or the table around it, or the first."""
    table, counts, nearest, best = "", dict[str, int](), "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[\s*([\w.-]+)\s*\]\]", line):
            counts[header[1]] = counts.get(header[1], 0) + 1
            here = table = f"{header[1]}[{counts[header[1]]}]"
        elif header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            here = table = header[1]
        elif key := re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line):
            here = f"{table}.{key[1]}" if table else key[1]
        else:
            continue
        if here == place:
            return number
        if place.startswith(f"{here}.") and len(here) > len(nearest):
            nearest, best = here, number
    return best
