"""Every word of the interface is said in English and in Arabic, correctly written, and on every page."""

import json
import re
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from bs4 import BeautifulSoup, Comment, Doctype
from flask import Flask
from flask_babel import force_locale, ngettext

from tests.test_rights import DOORS, SIGNS_OUT, path_of
from tests.world import OWN, World, make_world, plainly, principals
from tools.compile_translations import compile_translations
from tools.translations import (
    PLURAL_FORMS,
    ROOT,
    TRANSLATED,
    NotWords,
    read,
    state_of,
    updated,
    words_of,
    words_of_python,
    written,
)
from tools.translations import (
    path_of as file_of,
)
from webapp.database import db
from webapp.offline.models import Submission
from webapp.people.models import Staff

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
NAME = "Suivi"


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    compile_translations()


@pytest.fixture(scope="module")
def said() -> dict[Any, list[str]]:
    return words_of(ROOT)


def messages(language: str) -> Iterator[Message]:
    return (message for message in read(language) if message.id)


def sentences(language: str) -> Iterator[tuple[str, str]]:
    """(French, translation) of each form of each message."""
    for message in messages(language):
        if isinstance(message.id, str):
            yield message.id, str(message.string)
        else:
            for form in message.string:
                yield message.id[1], form


# The catalogues


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_left_over(
    language: str, said: dict[Any, list[str]]
) -> None:
    state = state_of(updated(language, said, read(language)))
    assert not state.untranslated + state.fuzzy + state.obsolete, state.sentence(language)


@pytest.mark.parametrize("language", PLURAL_FORMS)
def test_the_files_are_as_the_command_writes_them(language: str, said: dict[Any, list[str]]) -> None:
    again = written(updated(language, said, read(language)), language)
    assert again == file_of(language).read_bytes(), "run python tools/translations.py"


def test_a_second_run_writes_the_same_bytes(said: dict[Any, list[str]], tmp_path: Path) -> None:
    path = file_of("ar", tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(written(updated("ar", said, read("ar")), "ar"))
    assert written(updated("ar", said, read("ar", tmp_path)), "ar") == path.read_bytes()


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_are_those_of_the_source(language: str) -> None:
    for message in messages(language):
        if isinstance(message.id, str):
            assert placeholders(message.string) == placeholders(message.id), message.id
            continue
        wanted = set(placeholders(message.id[1]))
        categories = categories_of(language)
        for category, form in zip(categories, message.string, strict=True):
            # "one", "two" and "none" may say the number in a word.
            found = set(placeholders(form))
            assert found == wanted or (category in {"zero", "one", "two"} and found < wanted), form


def placeholders(text: Any) -> list[str]:
    return sorted(PLACEHOLDER.findall(str(text)))


def test_what_is_put_into_arabic_keeps_its_own_direction() -> None:
    # Without isolation a phone number or a Latin name turns the words around it upside down.
    for french, arabic in sentences("ar"):
        for found in re.finditer(r"%\((?!num\))\w+\)s", arabic):
            before, after = arabic[: found.start()], arabic[found.end() :].removeprefix("%%")
            assert before.endswith(FIRST_STRONG_ISOLATE), french
            assert after.startswith(POP_ISOLATE), french


def test_arabic_is_punctuated_as_arabic() -> None:
    for french, arabic in sentences("ar"):
        bare = PLACEHOLDER.sub("", arabic)
        assert not re.search(r"[?;“”]|,(?!\d)", bare) or french == "d MMM y, HH:mm", arabic
        if french not in {"Mo"} and not french.startswith("d MMM") and french.strip(", "):
            assert re.search(r"[\u0621-\u064a]", arabic) or not re.search(r"[^\W\d_]", bare), arabic


def test_english_is_punctuated_as_english() -> None:
    for _french, english in sentences("en"):
        assert not re.search(r" [:;?!]|[«»]", english), english


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentences_end_as_the_source_does(language: str) -> None:
    endings = {".": ".", "…": "…", ":": ":", "?": "؟" if language == "ar" else "?"}
    for french, translation in sentences(language):
        for mark, its in endings.items():
            assert french.strip().endswith(mark) == translation.strip().endswith(its), translation


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_name_of_the_application_is_not_translated(language: str) -> None:
    for french, translation in sentences(language):
        if NAME in re.findall(r"\w+", french) and not french.startswith(NAME):
            assert NAME in translation, translation


GLOSSARY = [
    (r"signa(l|ux) de danger", "red flag", "إشار(ة|ات) خطر"),
    (r"conseiller", "counsellor", "مرشد"),
    (r"administrateur", "administrator", "مدير النظام"),
    (r"allocations?\b", "allocation", "مخصص"),
    (r"alertes?\b", "alert", "تنبيه"),
    (r"retourné", "returnee", "العائد"),
    (r"fournisseur", "service provider", "مقدم(ي|و)? (ال)?خدم"),
    (r"téléphones?\b", "phone", "هاتف|هواتف"),
    (r"questionnaire", "check-in", "استبيان"),
    (r"mots de passage", "passphrase", "عبارة المرور"),
    (r"numéro secret", "pin", "الرقم السري"),
    (r"disponible", "available", "متاح"),
    (r"photos?\b", "photo", "صور|تصوير|مصور"),
]


@pytest.mark.parametrize(("french", "english", "arabic"), GLOSSARY, ids=[line[1] for line in GLOSSARY])
def test_one_thing_has_one_word_everywhere(french: str, english: str, arabic: str) -> None:
    found = 0
    for language, word in (("en", english), ("ar", arabic)):
        for source, translation in sentences(language):
            if re.search(french, source, re.IGNORECASE):
                found += 1
                assert re.search(word, translation, re.IGNORECASE), f"{source} → {translation}"
    assert found


def test_words_that_are_not_ours_are_not_said() -> None:
    for _french, english in sentences("en"):
        assert not re.search(r"\b(beneficiar|migrant|client|vendor|sponsor|sync)", english, re.IGNORECASE), (
            english
        )


# Counting


def categories_of(language: str) -> list[str]:
    found: dict[int, str] = {}
    gnu = compiled(language)
    for number in range(1000):
        found.setdefault(gnu.plural(number), Locale(language).plural_form(number))  # type: ignore[attr-defined]
    return [found[form] for form in sorted(found)]


def compiled(language: str) -> GNUTranslations:
    lines = BytesIO()
    write_mo(lines, read(language))
    lines.seek(0)
    return GNUTranslations(lines)


@pytest.mark.parametrize("language", PLURAL_FORMS)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    gnu, locale = compiled(language), Locale(language)
    forms = {locale.plural_form(number): gnu.plural(number) for number in range(1000)}  # type: ignore[attr-defined]
    assert len(set(forms.values())) == int(PLURAL_FORMS[language][9])
    for number in range(1000):
        # French also has a form for millions, which gettext cannot tell and no page counts to.
        assert gnu.plural(number) == forms[locale.plural_form(number)], number  # type: ignore[attr-defined]


def test_arabic_counts_in_six_ways() -> None:
    assert categories_of("ar") == ["zero", "one", "two", "few", "many", "other"]


def test_the_application_counts_as_its_readers_do(app: Flask) -> None:
    counted = {
        "fr": ["0 téléphone", "1 téléphone", "2 téléphones"],
        "en": ["0 phones", "1 phone", "2 phones"],
        "ar": ["لا هواتف", "هاتف واحد", "هاتفان"],
    }
    with app.test_request_context():
        for language, expected in counted.items():
            with force_locale(language):
                assert [ngettext("%(num)s téléphone", "%(num)s téléphones", n) for n in range(3)] == expected


# The command


def test_what_is_no_longer_said_is_kept_until_it_is_dropped() -> None:
    known = Catalog(locale="en")
    known.add("Ancien", "Old")
    known.add("Gardé", "Kept")
    now = updated("en", {"Gardé": ["a.py"], "Nouveau": ["a.py"]}, known)
    assert state_of(now).sentence("en").splitlines() == [
        "en: 1 translated, 1 untranslated, 0 fuzzy, 1 obsolete",
        "  untranslated: Nouveau",
        "  obsolete: Ancien",
    ]
    back = updated("en", {"Ancien": ["b.py"]}, now)
    assert back["Ancien"].string == "Old"
    assert not updated("en", {"Gardé": ["a.py"]}, known, drop_obsolete=True).obsolete


def test_words_are_found_wherever_they_stand_in_python() -> None:
    python = 'x = f"{a or _("dedans")} {b}"\ny = _l(\n    "en deux "\n    "lignes"\n)\nz = ngettext("un", "plusieurs", n)'
    python = python.replace('_("dedans")', "_('dedans')")
    assert list(words_of_python(python, "a.py")) == ["dedans", "en deux lignes", ("un", "plusieurs")]


def test_words_that_no_catalogue_can_hold_are_refused() -> None:
    with pytest.raises(NotWords, match=r"a\.py, line 1: _\(word\)"):
        list(words_of_python("_(word)", "a.py"))


# The pages

ONE_OF_EACH = {
    "ibrahima", "salma", "kadiatou", "farah", "ada", "root", "karim", "returnee", "nobody",
}  # fmt: skip
PHQ = "Patient Health Questionnaire"
"""A name, and English: the French word in it is the same."""
SHORTEST_WITHIN = 10
"""Shorter French words are looked for only as the whole of a text: within others they may be somebody's name."""


def french_left(html: str, language: str) -> list[str]:
    """Texts of a page that are still French, also those that are only read out or used by scripts."""
    whole, within = french_words(language)
    return [text for text in texts_of(html) if text in whole or within.search(text.replace(PHQ, ""))]


@cache
def french_words(language: str) -> tuple[set[str], re.Pattern[str]]:
    """What this language says otherwise: as whole texts, and as part of longer ones."""
    pairs = [pair for pair in sentences(language) if PLACEHOLDER.sub("", pair[0])]
    same_in_both = {translation.casefold() for _french, translation in pairs}
    whole = {
        french
        for french, _translation in pairs
        if french.casefold() not in same_in_both and not french.startswith(NAME)
    }
    long = sorted(
        (french for french in whole if len(PLACEHOLDER.sub("", french)) >= SHORTEST_WITHIN),
        key=len,
        reverse=True,
    )
    return whole, re.compile("|".join(rf"\b{as_pattern(french)}" for french in long))


def as_pattern(french: str) -> str:
    return ".{1,80}?".join(re.escape(part) for part in PLACEHOLDER.split(french)).removesuffix(r"\.")


def texts_of(html: str) -> Iterator[str]:
    soup = BeautifulSoup(html, "html.parser")
    for text in soup.find_all(string=True):
        if not isinstance(text, Comment | Doctype) and (words := " ".join(text.split())):
            yield words
    for element in soup.find_all(True):
        for name in ("alt", "aria-label", "title", "placeholder", "label"):
            if words := element.get(name):
                yield " ".join(str(words).split())


def test_a_french_word_left_on_a_page_is_noticed() -> None:
    assert french_left("<p>Enregistrer la visite</p>", "ar") == ["Enregistrer la visite"]
    assert french_left('<template><span data-word="x">Reçu</span></template>', "en") == ["Reçu"]
    assert french_left('<nav aria-label="Pages principales"></nav>', "en") == ["Pages principales"]
    assert french_left("<p>La ligne 7 porte le même numéro : un seul dossier peut l’avoir.</p>", "ar")
    assert french_left("<p>Suivi · Save the visit · Aminata Bah</p>", "en") == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("language", TRANSLATED)
def test_no_page_shows_french_to_readers_of_another_language(app: Flask, language: str) -> None:
    world = world_for(app, language)
    french, read = [], set()
    for name, person in principals(app, world).items():
        if name not in ONE_OF_EACH:
            continue
        person.client.set_cookie("language", language)
        for (method, rule), door in DOORS.items():
            if rule in SIGNS_OUT or rule in {"/language", "/push/test"} or door.phone:
                continue
            answer = person.client.open(path_of(rule, world, OWN, app), method=method)
            if answer.mimetype == "text/html" and answer.text not in read:
                read.add(answer.text)
                left = french_left(answer.text, language)
                french += [f"{name}: {method} {rule} ({answer.status_code}): {text}" for text in left]
    assert not french, "\n".join(french)
    assert len(read) > 60


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("language", TRANSLATED)
def test_the_pages_a_phone_keeps_are_in_its_readers_language(app: Flask, language: str) -> None:
    world = world_for(app, language)
    officer = principals(app, world)["ibrahima"]
    lines = [json.loads(line) for line in officer.client.get("/pack?cursor=0&build=").text.splitlines()]
    pieces = [piece for line in lines for piece in (*line.values(), *line.get("slots", {}).values())]
    read_by_people = [piece for piece in pieces if isinstance(piece, str) and "<" in piece]
    assert len(read_by_people) > 10
    assert [text for piece in read_by_people for text in french_left(piece, language)] == []


def world_for(app: Flask, language: str) -> World:
    """Everybody reads this language, and nothing that people wrote looks like a word of the interface."""
    world = make_world(app, lambda name: plainly(name) if "number" in name else name[::-1])
    with app.app_context():
        for staff in db.session.query(Staff):
            staff.locale = language
        for submission in db.session.query(Submission):
            submission.errors = {}
        db.session.commit()
    return world
