"""What to make of a row, seen beside the cases that are here already and the rows above it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol
from uuid import UUID

from .rows import Difference, Outcome, ReadRow, differences, name_key, perhaps_same_person
from .vocabulary import Field

BLOCKING = frozenset({"differs", "number_of_someone_else", "number_used_above"})
"""Reasons that nobody can tick away: two cases cannot have one number."""
# A list can be written to be slow: no more cases of one name, and no more of them alike, are compared.
_MOST_NAMESAKES = 50
_MOST_CANDIDATES = 8
_HIDDEN = "…"


@dataclass(frozen=True)
class Verdict:
    """``created``, ``same``, ``look`` or ``refused``; the case it is the same as; what the comparison found, as JSON."""

    outcome: str
    case_id: UUID | None = None
    reasons: tuple[dict[str, Any], ...] = ()

    @property
    def blocked(self) -> bool:
        return any(reason["code"] in BLOCKING for reason in self.reasons)


class Known(Protocol):
    """A case as a row would tell it; without ``fingerprint`` the row holds only part of what a list says."""

    @property
    def id(self) -> UUID: ...
    @property
    def row(self) -> ReadRow: ...
    @property
    def fingerprint(self) -> str | None: ...


class KnownHere(Protocol):
    """Where to look for cases (``queries.KnownCases``)."""

    def with_number(self, number: str | None) -> Any: ...
    def made_of(self, fingerprint: str) -> UUID | None: ...
    def of_name(self, row: ReadRow) -> Any: ...


def judge(row: ReadRow, fingerprint: str, known: KnownHere, numbers_above: Mapping[str, int]) -> Verdict:
    """Decide about one row. ``numbers_above`` gives the line of each number that rows above bring new."""
    if row.refusals:
        return Verdict("refused")
    if numbered := known.with_number(row.external_ref):
        return _beside_same_number(row, fingerprint, numbered)
    if case_id := known.made_of(fingerprint):
        return Verdict("same", case_id)
    if row.repeats and row.repeats.same:
        return Verdict("same")
    reasons: list[dict[str, Any]] = []
    if row.external_ref and row.external_ref in numbers_above:
        reasons.append({"code": "number_used_above", "line": numbers_above[row.external_ref]})
    if alike := _closest(row, known):
        namesake, found = alike
        if row.external_ref is None and _surely_same(row, namesake.row, found):
            return Verdict("same", namesake.id)
        reasons.append(_reason("perhaps_same_person", namesake, found))
    return Verdict("look" if reasons or row.outcome == Outcome.LOOK else "created", None, tuple(reasons))


def without_restricted_needs(row: ReadRow) -> tuple[ReadRow, list[str]]:
    """The row as it may be shown and kept, and the codes of the needs that may not."""
    repeats = row.repeats and replace(
        row.repeats, differences=tuple(shown for d in row.repeats.differences if (shown := _shown(d)))
    )
    needs = tuple(need for need in row.needs if not need.restricted)
    hidden = [need.code.value for need in row.needs if need.restricted]
    return replace(row, needs=needs, repeats=repeats), hidden


def _shown(difference: Difference) -> Difference | None:
    """A difference in needs without the mark that stands for a restricted one; None if nothing is left of it."""
    if difference.field != Field.NEEDS:
        return difference
    before, after = (
        ", ".join(word for word in text.split(", ") if word != _HIDDEN)
        for text in (difference.before, difference.after)
    )
    return Difference(difference.field, before, after) if before != after else None


def _beside_same_number(row: ReadRow, fingerprint: str, known: Known) -> Verdict:
    if known.fingerprint == fingerprint:
        return Verdict("same", known.id)
    found = _differences(known, row)
    if known.fingerprint is None and not found:
        return Verdict("same", known.id)
    someone_else = name_key(row) != name_key(known.row) and row.birth_date != known.row.birth_date
    code = "number_of_someone_else" if someone_else else "differs"
    return Verdict("look", None, (_reason(code, known, found),))


def _closest(row: ReadRow, known: KnownHere) -> tuple[Known, tuple[Difference, ...]] | None:
    """Of the cases that may be this person's, the one with the fewest differences."""
    alike = (
        other for other in islice(known.of_name(row), _MOST_NAMESAKES) if perhaps_same_person(row, other.row)
    )
    candidates = [(other, _differences(other, row)) for other in islice(alike, _MOST_CANDIDATES)]
    return min(candidates, key=lambda candidate: (len(candidate[1]), str(candidate[0].id)), default=None)


def _surely_same(row: ReadRow, known: ReadRow, found: tuple[Difference, ...]) -> bool:
    """Without a number: same name, exact birth date and country, and nothing else that differs."""
    exact = row.birth_date and not row.birth_approximate and row.birth_date == known.birth_date
    same_country = row.nationality and row.nationality == known.nationality
    return bool(exact and same_country and all(d.field == Field.EXTERNAL_REF for d in found))


def _differences(known: Known, row: ReadRow) -> tuple[Difference, ...]:
    shown, _hidden = without_restricted_needs(row)
    found = differences(known.row, shown)
    # What a case opened otherwise does not say, the list may say without contradicting it.
    return found if known.fingerprint else tuple(d for d in found if d.before)


def _reason(code: str, known: Known, found: tuple[Difference, ...]) -> dict[str, Any]:
    return {
        "code": code,
        "case": str(known.id),
        "differences": [[str(d.field), d.before[:200], d.after[:200]] for d in found],
    }
