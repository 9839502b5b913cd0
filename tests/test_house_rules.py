"""Rules of the house that no other tool holds, read from the files themselves.

Each rule is a function from a text to what is wrong in it. One test applies it to the whole project, another
gives it a planted fault, so that a rule that went blind is noticed.
"""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
Rule = Callable[[str], list[str]]

NAME_OF_THE_APPLICATION = "Suivi"
READ_OUT_ATTRIBUTES = {
    "alt", "aria-description", "aria-label", "aria-placeholder", "aria-roledescription", "aria-valuetext",
    "label", "placeholder", "title",
}  # fmt: skip
MAY_COMMIT = {"web.py", "worker.py", "cli.py", "serve.py"}


# Templates


def text_outside_translation(template: str) -> list[str]:
    return _TemplateReader.read(template).untranslated


def code_in_markup(template: str) -> list[str]:
    found = _TemplateReader.read(template).code
    found += re.findall(r"\{[{%][^{}]*\|\s*safe\b[^{}]*[%}]\}", template)
    found += re.findall(r"\{%-?\s*autoescape\s+false.*?%\}", template)
    return found


class _TemplateReader(HTMLParser):
    """Reads a template's HTML as a browser would, with everything that Jinja computes left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.untranslated: list[str] = []
        self.code: list[str] = []

    @classmethod
    def read(cls, template: str) -> "_TemplateReader":
        reader = cls()
        reader.feed(_without_jinja(template))
        reader.close()
        return reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "style" or (tag == "script" and "src" not in values):
            self.code.append(self._here(f"<{tag}>"))
        for name, value in values.items():
            self._read_attribute(tag, values, name, value)

    def _read_attribute(self, tag: str, values: dict[str, str], name: str, value: str) -> None:
        is_button = tag == "input" and values.get("type") in {"submit", "button", "reset"}
        is_described = tag == "meta" and values.get("name") == "description"
        is_read_out = name in READ_OUT_ATTRIBUTES or name.endswith("-word")
        read_out = is_read_out or (name == "value" and is_button) or (name == "content" and is_described)
        if read_out and _has_words(value):
            self.untranslated.append(self._here(f'{name}="{value}"'))
        runs = name == "style" or re.match(r"on[a-z]+$", name) or name.startswith("hx-on")
        runs = runs or value.strip().lower().startswith(("javascript:", "js:"))
        runs = runs or (name.startswith("hx-") and "js:" in value) or (name == "hx-trigger" and "[" in value)
        if runs:
            self.code.append(self._here(f'{name}="{value}"'))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None and _has_words(data):
            self.untranslated.append(self._here(data.strip()))

    def _here(self, what: str) -> str:
        return f"line {self.getpos()[0]}: {what}"


def _without_jinja(template: str) -> str:
    """Take out comments, translated blocks, statements and expressions, and the slots a phone fills."""
    for left_out in (
        r"\{#.*?#\}",
        r"\{%-?\s*trans\b.*?endtrans\s*-?%\}",
        r"\{%.*?%\}",
        r"\{\{.*?\}\}",
        r"%%\w+%%",
    ):
        template = re.sub(left_out, lambda match: "\n" * match[0].count("\n"), template, flags=re.DOTALL)
    return template


def _has_words(text: str) -> bool:
    return any(letter.isalpha() for letter in text.replace(NAME_OF_THE_APPLICATION, ""))


# Style sheets


def physical_directions(css: str) -> list[str]:
    """Return what would stay on the wrong side when the page runs from right to left."""
    return re.findall(
        r"(?<![\w-])(?:"
        r"(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)(?:-\w+)?\s*:"
        r"|border-(?:top|bottom)-(?:left|right)-radius\s*:"
        r"|(?:left|right)\s*:"
        r"|(?:text-align|float|clear|caption-side)\s*:\s*(?:left|right)"
        r")[^;}]*",
        _without_comments(css),
    )


def foreign_pictures(css: str) -> list[str]:
    """Return what the content security policy would keep from loading."""
    return re.findall(r"""url\(\s*["']?(?:data:|https?:|//)[^)]{0,40}""", _without_comments(css))


# Python


def commits(python: str) -> list[str]:
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]


def missing_docstring(python: str) -> list[str]:
    tree = ast.parse(python)
    return ["no docstring"] if tree.body and not ast.get_docstring(tree) else []


def machine_paths(text: str) -> list[str]:
    return re.findall(r"(?<![\w.~}>/])/(?:root|home|work)/\S*", text)


# Scripts


def names_the_phones_database(script: str) -> list[str]:
    return re.findall(r"\bindexedDB\b", _without_comments(script))


def encrypts(script: str) -> list[str]:
    return re.findall(r"\bsubtle\s*\.\s*(?!digest\b)\w+|\bfrom\s*\"@hpke/[^\"]+\"", _without_comments(script))


def delivers(script: str) -> list[str]:
    return re.findall(r"[\"'`]/outbox/(?:submissions|photos)\b", _without_comments(script))


def words_in_a_script(script: str) -> list[str]:
    """Return string literals that only a person would read: words come from the page, in its language."""
    literals = re.findall(r'"[^"\n]*"|\'[^\'\n]*\'|`[^`]*`', _without_comments(script))
    # A single letter is no word: folding text for search names letters one by one.
    return [literal for literal in literals if len(literal) > 3 and re.search(r"[^\W\d_a-zA-Z]", literal)]


def makes_markup_from_strings(script: str) -> list[str]:
    return re.findall(r"\binsertAdjacentHTML\b|\bouterHTML\s*=|\beval\s*\(|\bnew Function\b", script)


def _without_comments(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    return re.sub(r"(?m)(^|[\s;{}])//.*$", r"\1", text)


# Locks


def addresses_in_a_python_lock(lock: str) -> list[str]:
    return [
        line
        for line in lock.splitlines()
        if re.search(r"://|file:|@ |^\s*(?:-i|-f|-e|--index|--extra|--find)", line)
    ]


def packages_without_hash(lock: str) -> list[str]:
    entries = re.sub(r"\\\n\s*", " ", lock).splitlines()
    return [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry]


def addresses_in_a_script_lock(lock: str) -> list[str]:
    packages = json.loads(lock)["packages"]
    found = [
        f"{name} names where it was found" for name, package in packages.items() if "resolved" in package
    ]
    return found + [
        f"{name} has no hash" for name, package in packages.items() if name and "integrity" not in package
    ]


# What each rule is applied to


def _files(*patterns: str) -> Iterator[Path]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and "dist" not in path.relative_to(ROOT).parts:
                yield path


SCRIPTS = ("service_worker/**/*.js", "webapp/static/js/**/*.js")
TEMPLATES = ("webapp/**/*.html",)
STYLES = ("webapp/static/css/**/*.css",)

APPLIED: list[tuple[Rule, tuple[str, ...], set[str]]] = [
    (text_outside_translation, TEMPLATES, set()),
    (code_in_markup, TEMPLATES, set()),
    (physical_directions, STYLES, set()),
    (foreign_pictures, STYLES, set()),
    (commits, ("webapp/**/*.py",), MAY_COMMIT),
    (missing_docstring, ("webapp/**/*.py", "tools/**/*.py"), set()),
    (
        machine_paths,
        (
            "webapp/**/*.py",
            "webapp/**/*.html",
            *SCRIPTS,
            "tools/*.py",
            "bin/*",
            "docs/*.md",
            "README.md",
            "*.toml",
        ),
        set(),
    ),
    (names_the_phones_database, SCRIPTS, {"store.js"}),
    (encrypts, SCRIPTS, {"vault.js", "seal.js"}),
    (delivers, SCRIPTS, {"sender.js"}),
    (words_in_a_script, SCRIPTS, set()),
    (makes_markup_from_strings, SCRIPTS, set()),
    (addresses_in_a_python_lock, ("requirements*.txt", "requirements*.in"), set()),
    (packages_without_hash, ("requirements*.txt",), set()),
    (addresses_in_a_script_lock, ("package-lock.json",), set()),
]

PLANTED: list[tuple[Rule, str]] = [
    (text_outside_translation, "<p>{{ name }} est absente</p>"),
    (text_outside_translation, "<p>\n{% if x %}Oui{% endif %}</p>"),
    (text_outside_translation, '<img src="{{ url }}" alt="Photo de la boutique">'),
    (text_outside_translation, '<input type="submit" value="Envoyer">'),
    (text_outside_translation, '<input data-required-word="Obligatoire">'),
    (code_in_markup, "<script>start()</script>"),
    (code_in_markup, "<style>p { color: red }</style>"),
    (code_in_markup, '<p style="color: red">{{ name }}</p>'),
    (code_in_markup, '<button onclick="go()"></button>'),
    (code_in_markup, '<a href="javascript:go()">{{ name }}</a>'),
    (code_in_markup, '<p hx-on:click="go()"></p>'),
    (code_in_markup, '<p hx-vals="js:{a: 1}"></p>'),
    (code_in_markup, '<p hx-trigger="click[ctrlKey]"></p>'),
    (code_in_markup, "<p>{{ note | safe }}</p>"),
    (code_in_markup, "{% set note = note|safe %}"),
    (code_in_markup, "{% autoescape false %}{{ note }}{% endautoescape %}"),
    (physical_directions, ".a { margin-left: 1rem }"),
    (physical_directions, ".a{padding-right:1rem}"),
    (physical_directions, ".a { position: absolute; left: 0 }"),
    (physical_directions, ".a { text-align: right }"),
    (physical_directions, ".a { border-top-left-radius: 2px }"),
    (foreign_pictures, ".a { background: url(data:image/svg+xml,x) }"),
    (commits, "db.session.commit()"),
    (missing_docstring, "import os"),
    (machine_paths, 'open("/home/someone/list.xlsx")'),
    (names_the_phones_database, 'const open = indexedDB.open("suivi");'),
    (encrypts, "await crypto.subtle.encrypt(how, key, bytes);"),
    (encrypts, 'import { CipherSuite } from "@hpke/core";'),
    (delivers, 'await fetch("/outbox/submissions", { method: "POST" });'),
    (words_in_a_script, 'title.textContent = "Enregistré";'),
    (makes_markup_from_strings, "list.insertAdjacentHTML('beforeend', row);"),
    (addresses_in_a_python_lock, "--index-url https://packages.example/simple\nflask==3.1.3"),
    (packages_without_hash, "flask==3.1.3\n"),
    (
        addresses_in_a_script_lock,
        '{"packages": {"node_modules/a": {"resolved": "a.tgz", "integrity": "sha512-x"}}}',
    ),
    (addresses_in_a_script_lock, '{"packages": {"node_modules/a": {"version": "1.0.0"}}}'),
]

ALLOWED: list[tuple[Rule, str]] = [
    (
        text_outside_translation,
        "<title>{% block title %}{% endblock %} · Suivi</title><!-- said to readers -->",
    ),
    (
        text_outside_translation,
        '<p title="{{ _("Nom") }}">{% trans %}Bonjour {{ name }}{% endtrans %} %%code%% ×</p>',
    ),
    (code_in_markup, '<script type="module" src="{{ asset("app.js") }}"></script><p class="{{ tone }}"></p>'),
    (
        physical_directions,
        ".a { margin-inline-start: 1rem; inset-inline: 0; text-align: start } /* left: 0 */",
    ),
    (encrypts, 'await crypto.subtle.digest("SHA-256", bytes);'),
    (words_in_a_script, 'say("saved-on-this-phone"); // « Enregistré »'),
]


def _named(case: tuple[Rule, str]) -> str:
    return f"{case[0].__name__}: {case[1][:40]}"


@pytest.mark.parametrize(("rule", "patterns", "exempt"), APPLIED, ids=[case[0].__name__ for case in APPLIED])
def test_the_project_keeps_the_rule(rule: Rule, patterns: tuple[str, ...], exempt: set[str]) -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in _files(*patterns)
        if path.name not in exempt
        for what in rule(path.read_text(encoding="utf-8"))
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(("rule", "fault"), PLANTED, ids=map(_named, PLANTED))
def test_a_planted_fault_is_found(rule: Rule, fault: str) -> None:
    assert rule(fault)


@pytest.mark.parametrize(("rule", "text"), ALLOWED, ids=map(_named, ALLOWED))
def test_what_is_right_is_left_alone(rule: Rule, text: str) -> None:
    assert rule(text) == []


def test_every_rule_has_caught_a_planted_fault() -> None:
    assert {rule for rule, _, _ in APPLIED} == {rule for rule, _ in PLANTED}


def test_every_feature_stands_in_the_import_contracts() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    levels, inside, *_ = settings["tool"]["importlinter"]["contracts"]
    features = {path.parent.name for path in ROOT.glob("webapp/*/__init__.py")}
    on_a_level = set(re.findall(r"\w+", " ".join(levels["layers"])))
    # Parts of a feature that have layers of their own may stand there too.
    named = {name.removeprefix("webapp.") for name in inside["containers"]}
    with_layers = {name for name in named if "." not in name}
    assert features <= on_a_level, "add the feature to its level in pyproject.toml"
    assert features == with_layers, "add the feature to the containers in pyproject.toml"
