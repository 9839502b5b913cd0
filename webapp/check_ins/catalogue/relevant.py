"""The column ``relevant`` of an XLSForm: a small part of XPath, read into a condition.

Understood: ``${name}`` compared with a number or a quoted word, ``selected(${name}, 'word')``, ``and``, ``or``,
``not(…)`` and parentheses. Anything else is refused: a condition is never half understood.
"""

import re
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<name>\$\{\s*[A-Za-z_][\w.-]{0,63}\s*\})|(?P<word>'[^']*'|\"[^\"]*\")|(?P<number>-?\d{1,12}(?!\.|\d))"
    r"|(?P<sign><=|>=|!=|=|<|>|\(|\)|,)|(?P<bare>and|or|not|selected)\b)"
)
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
LONGEST = 500


class NotUnderstood(ValueError):
    """The words of the column are no condition that this software knows."""


def read_relevant(words: str, several: set[str]) -> list[Any]:
    """The condition; ``several`` names the questions with several choices."""
    if len(words) > LONGEST:
        raise NotUnderstood("too long")
    reader = _Reader(_tokens(words), several)
    found = reader.either()
    if reader.left():
        raise NotUnderstood(reader.left()[0][1])
    return found


def code(word: str) -> int | str:
    """A code as it is kept: what looks like a number is one."""
    return int(word) if re.fullmatch(r"-?\d{1,12}", word) else word


def named(condition: list[Any]) -> set[str]:
    """The questions a condition looks at."""
    word, *rest = condition
    if word in ("and", "or", "not"):
        return set().union(*(named(each) for each in rest))
    return {rest[0]}


def _tokens(words: str) -> list[tuple[str, str]]:
    found, place, text = [], 0, words.rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise NotUnderstood(text[place : place + 20])
        kind = str(token.lastgroup)
        found.append((kind, token[kind]))
        place = token.end()
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], several: set[str]) -> None:
        self.tokens, self.place, self.several, self.depth = tokens, 0, several, 0

    def left(self) -> list[tuple[str, str]]:
        return self.tokens[self.place :]

    def either(self) -> list[Any]:
        return self._joined("or", self._both)

    def _both(self) -> list[Any]:
        return self._joined("and", self._one)

    def _joined(self, joint: str, part: Any) -> list[Any]:
        parts = [part()]
        while self._peek() == ("bare", joint):
            self.place += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else [joint, *parts]

    def _one(self) -> list[Any]:
        self.depth += 1
        if self.depth > 40:
            raise NotUnderstood("too deep")
        kind, said = self._take()
        if (kind, said) == ("sign", "("):
            found = self.either()
            self._expect(")")
        elif (kind, said) == ("bare", "not"):
            self._expect("(")
            found = ["not", self.either()]
            self._expect(")")
        elif (kind, said) == ("bare", "selected"):
            found = self._selected()
        else:
            found = self._comparison(kind, said)
        self.depth -= 1
        return found

    def _selected(self) -> list[Any]:
        self._expect("(")
        name = self._name(*self._take())
        self._expect(",")
        value = self._value(*self._take())
        self._expect(")")
        return ["selected" if name in self.several else "=", name, value]

    def _comparison(self, kind: str, said: str) -> list[Any]:
        sign_kind, sign = self._take()
        if sign_kind != "sign" or sign not in _FLIPPED:
            raise NotUnderstood(sign)
        other = self._take()
        if kind == "name":
            return [sign, self._name(kind, said), self._value(*other)]
        return [_FLIPPED[sign], self._name(*other), self._value(kind, said)]

    def _name(self, kind: str, said: str) -> str:
        if kind != "name":
            raise NotUnderstood(said)
        return said[2:-1].strip()

    def _value(self, kind: str, said: str) -> int | str:
        if kind == "number":
            return int(said)
        if kind != "word" or not said[1:-1].strip():
            raise NotUnderstood(said)
        return code(said[1:-1].strip())

    def _peek(self) -> tuple[str, str] | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        if token is None:
            raise NotUnderstood("…")
        self.place += 1
        return token

    def _expect(self, sign: str) -> None:
        if self._take() != ("sign", sign):
            raise NotUnderstood(sign)
