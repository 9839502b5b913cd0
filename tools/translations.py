"""Bring the catalogues of translations up to date with the words in the code, and report what they lack.

``python tools/translations.py`` reads every sentence between ``_(…)`` in the code and the templates and writes
webapp/translations/<language>/LC_MESSAGES/messages.po. No translation is ever lost: what the code no longer says
stays at the end of its file, marked obsolete, until ``--drop-obsolete``. The same words always give the same files:
they carry neither dates nor line numbers, so that a run changes only what changed.
"""

import argparse
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCE_LANGUAGE = "fr"
PLURAL_FORMS = {
    # French counts zero as one; its catalogue holds nothing but the sentences that count.
    "fr": "nplurals=2; plural=(n > 1);",
    "en": "nplurals=2; plural=(n != 1);",
    "ar": (
        "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2"
        " : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5);"
    ),
}
TRANSLATED = [language for language in PLURAL_FORMS if language != SOURCE_LANGUAGE]

ONE_SENTENCE = {"_", "_l", "gettext", "lazy_gettext"}
COUNTED = {"ngettext", "lazy_ngettext"}
TEMPLATE_KEYWORDS = {**dict.fromkeys(ONE_SENTENCE), **dict.fromkeys(COUNTED, (1, 2))}

Words = str | tuple[str, str]
"""What stands in the code: one sentence, or its singular and plural."""


class NotWords(Exception):
    """A call asks for the translation of something that is not written in place, so no catalogue can hold it."""


def main() -> None:
    """Update every catalogue and report; ends with 1 while a sentence has no translation."""
    parser = argparse.ArgumentParser(
        prog="translations.py", description="update the catalogues of translations"
    )
    parser.add_argument(
        "--drop-obsolete", action="store_true", help="forget translations of what is no longer said"
    )
    chosen = parser.parse_args()
    try:
        said = words_of(ROOT)
    except NotWords as refused:
        sys.exit(str(refused))
    complete = True
    for language in PLURAL_FORMS:
        path = path_of(language)
        catalogue = updated(language, said, read(language), drop_obsolete=chosen.drop_obsolete)
        text = written(catalogue, language)
        if not path.exists() or path.read_bytes() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        state = state_of(catalogue)
        complete = complete and not state.untranslated and not state.fuzzy
        print(state.sentence(language))
    sys.exit(0 if complete else 1)


def path_of(language: str, root: Path = ROOT) -> Path:
    return root / "webapp/translations" / language / "LC_MESSAGES/messages.po"


# What the code says


def words_of(root: Path) -> dict[Words, list[str]]:
    """Every sentence of the code and the templates, in their order, with the files that say it."""
    found: dict[Words, list[str]] = {}
    for path in sorted(root.glob("webapp/**/*")):
        if path.suffix == ".py":
            said = words_of_python(path.read_text(encoding="utf-8"), str(path.relative_to(root)))
        elif path.suffix == ".html":
            said = _words_of_template(path)
        else:
            continue
        for words in said:
            files = found.setdefault(words, [])
            if (name := path.relative_to(root).as_posix()) not in files:
                files.append(name)
    return found


def words_of_python(python: str, name: str) -> Iterator[Words]:
    """The sentences of one module, also those inside f-strings, which Babel does not see before Python 3.12."""
    calls = [
        node
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        assert isinstance(call.func, ast.Name)
        if call.func.id in ONE_SENTENCE:
            yield _literals(call, 1, name)[0]
        elif call.func.id in COUNTED:
            one, many = _literals(call, 2, name)
            yield one, many


def _literals(call: ast.Call, number: int, name: str) -> list[str]:
    arguments = [
        argument.value
        for argument in call.args[:number]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    if len(arguments) < number:
        raise NotWords(f"{name}, line {call.lineno}: {ast.unparse(call)} holds no words to translate")
    return arguments


def _words_of_template(path: Path) -> Iterator[Words]:
    for _line, words, _comments, _context in extract_from_file(
        "jinja2", str(path), keywords=TEMPLATE_KEYWORDS, options={"trimmed": "true", "silent": "false"}
    ):
        yield words if isinstance(words, str) else (words[0], words[1])


# Catalogues


def read(language: str, root: Path = ROOT) -> Catalog:
    """The catalogue as it stands; an empty one for a new language."""
    path = path_of(language, root)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as lines:
        return read_po(lines, locale=language)


def updated(
    language: str, said: dict[Words, list[str]], known: Catalog, *, drop_obsolete: bool = False
) -> Catalog:
    """A catalogue of what the code says now, with every translation that is known."""
    catalogue = Catalog(locale=language, charset="utf-8", fuzzy=False)
    catalogue.mime_headers = [("Plural-Forms", PLURAL_FORMS[language])]
    used = set()
    for words, files in said.items():
        if language == SOURCE_LANGUAGE and isinstance(words, str):
            continue
        old = _known_message(known, words)
        if old is not None:
            used.add(_first(old.id))
        catalogue.add(
            words,
            _translation(language, words, old),
            locations=[(name, None) for name in files],  # type: ignore[misc]
            flags=old.flags if old is not None else (),
            user_comments=old.user_comments if old is not None else (),
        )
    if not drop_obsolete and language != SOURCE_LANGUAGE:
        left = [*(message for message in known if message.id), *known.obsolete.values()]
        for message in left:
            if _first(message.id) not in used and any(_forms(message)):
                message.locations = []
                catalogue.obsolete[message.id] = message
    return catalogue


def _known_message(known: Catalog, words: Words) -> Message | None:
    for message in (known.get(_first(words)), known.obsolete.get(_first(words))):
        if message is not None and isinstance(message.id, str) == isinstance(words, str):
            return message
    return None


def _translation(language: str, words: Words, old: Message | None) -> str | tuple[str, ...] | None:
    if language == SOURCE_LANGUAGE:
        return words
    return old.string if old is not None else None


def _first(words: object) -> str:
    return words if isinstance(words, str) else str(words[0])  # type: ignore[index]


def _forms(message: Message) -> list[str]:
    if isinstance(message.string, str | None):
        return [message.string or ""]
    return [form or "" for form in message.string]


def written(catalogue: Catalog, language: str) -> bytes:
    """The catalogue as a file. Its header is written here: Babel's would change at every run."""
    header = (
        'msgid ""\nmsgstr ""\n'
        '"Project-Id-Version: Suivi\\n"\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {PLURAL_FORMS[language]}\\n"\n\n'
    )
    body = BytesIO()
    write_po(body, catalogue, width=0, omit_header=True, include_lineno=False)
    return header.encode() + body.getvalue().strip() + b"\n"


# What is missing


@dataclass
class State:
    """What somebody still has to do in a catalogue."""

    translated: int = 0
    untranslated: list[str] = field(default_factory=list)
    fuzzy: list[str] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)

    def sentence(self, language: str) -> str:
        missing = {"untranslated": self.untranslated, "fuzzy": self.fuzzy, "obsolete": self.obsolete}
        counts = ", ".join(f"{len(found)} {name}" for name, found in missing.items())
        lines = [f"  {name}: {words}" for name, found in missing.items() for words in found]
        return "\n".join([f"{language}: {self.translated} translated, {counts}", *lines])


def state_of(catalogue: Catalog) -> State:
    state = State(obsolete=[_first(message.id) for message in catalogue.obsolete.values()])
    for message in catalogue:
        if not message.id:
            continue
        if not all(_forms(message)):
            state.untranslated.append(_first(message.id))
        elif message.fuzzy:
            state.fuzzy.append(_first(message.id))
        else:
            state.translated += 1
    return state


if __name__ == "__main__":
    main()
