"""Which questions follow from which answers: conditions as data, the same here and in ``static/js/scoring.js``.

A condition is a list: ``["=", item, code]``, also with ``!= < <= > >=``; ``["selected", item, code]``;
``["and", …]``, ``["or", …]``, ``["not", condition]``. It may only look back, at questions asked before.
"""

from collections.abc import Mapping
from typing import Any

Code = int | str
Given = int | str | tuple[Code, ...]
"""One answer: a code or a number; the chosen codes, where several may be chosen."""
Condition = tuple[Any, ...]

DONT_KNOW, DECLINED = "dont_know", "declined"
NO_ANSWER = (DONT_KNOW, DECLINED)
"""Answers that are none: kept as they were said, and never scored."""
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "selected")
JOINTS = ("and", "or")
DEEPEST = 6


class FaultyCondition(ValueError):
    """A list that is no condition, or one that looks where it must not."""


def read_condition(said: Any, before: Mapping[str, Any], depth: int = 1) -> Condition:
    """The condition a file describes; ``before`` are the items it may look at, by id."""
    if not isinstance(said, list) or len(said) < 2 or depth > DEEPEST:
        raise FaultyCondition(f"no condition: {said!r}")
    word, *rest = said
    if word in JOINTS:
        return (word, *(read_condition(each, before, depth + 1) for each in rest))
    if word == "not" and len(rest) == 1:
        return ("not", read_condition(rest[0], before, depth + 1))
    if word not in COMPARISONS or len(rest) != 2 or not isinstance(rest[0], str):
        raise FaultyCondition(f"no condition: {said!r}")
    item, code = rest
    if item not in before:
        raise FaultyCondition(f"{item!r} is not asked before")
    if not before[item].accepts_in_condition(word, code):
        raise FaultyCondition(f"{item!r} never gives {code!r}")
    return (word, item, code)


def holds(condition: Condition, answers: Mapping[str, Any]) -> bool:
    """Whether the condition is true of these answers. What was not answered equals nothing and is never chosen."""
    word, *rest = condition
    if word == "and":
        return all(holds(each, answers) for each in rest)
    if word == "or":
        return any(holds(each, answers) for each in rest)
    if word == "not":
        return not holds(rest[0], answers)
    item, code = rest
    given = answers.get(item)
    if word == "selected":
        return code in given if isinstance(given, tuple) else given == code
    if word in ("=", "!="):
        return (given == code) is (word == "=")
    if not isinstance(given, int):
        return False
    return bool({"<": given < code, "<=": given <= code, ">": given > code, ">=": given >= code}[word])
