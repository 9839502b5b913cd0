"""Worlds to measure in: the cast of the tests, and around it as many cases as asked for, written by SQLite itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from tests.browser.world import World
from tests.browser.world import world as running_world
from tests.cast import Cast, make_cast
from tests.databases import Templates, settings
from webapp import create_app
from webapp.database import db

CASELOAD = 200
"""Cases of one officer."""
FAMILIES = ("Bah", "Barry", "Camara", "Diallo", "Sow", "Toure", "Keita", "Conde")


@contextmanager
def app_with(cases: int, folder: Path) -> Iterator[tuple[Flask, Cast]]:
    """The application on a new database with so many cases, all of one office."""
    home = _new(folder, f"world-{cases}")
    with Templates(folder).fresh("sqlite", home) as url:
        app = create_app(settings(home, url))
        with app.app_context():
            cast = make_cast()
            db.session.commit()
            add_cases(cast, cases)
        try:
            yield app, cast
        finally:
            with app.app_context():
                db.engine.dispose()


@contextmanager
def served(folder: Path, cases: int = 0) -> Iterator[World]:
    """A running server with its worker; with ``cases`` that many more of Ibrahima's."""
    with running_world(Templates(folder), _new(folder, "served")) as world:
        if cases:
            with world.app.app_context():
                add_cases(world.cast, cases)
        yield world


def _new(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def add_cases(cast: Cast, count: int) -> None:
    """Cases of Conakry, each officer with 200 of them: Ibrahima the first, then officers made for it."""
    known: dict[str, Any] = {
        "last": count - 1, "caseload": CASELOAD, "ibrahima": cast.ibrahima.hex, "office": cast.conakry.hex,
        "salma": cast.salma.hex, "karim": cast.karim.hex,
    }  # fmt: skip
    for statement in _STATEMENTS:
        db.session.execute(text(statement), known)
    db.session.execute(text("ANALYZE"))
    db.session.commit()


def _uuid(kind: int, number: str) -> str:
    return f"printf('%08x00004000800000%010x', {kind}, {number})"


_OFFICER = f"CASE WHEN n < :caseload THEN :ibrahima ELSE {_uuid(9, 'n / :caseload')} END"
_FAMILY = (
    "CASE n % 8 " + " ".join(f"WHEN {place} THEN '{name}'" for place, name in enumerate(FAMILIES)) + " END"
)
_GIVEN = "'Personne ' || printf('%07d', n / 8)"
_CODE = "'GN-' || printf('%07d', n)"
_NUMBER = "'2246' || printf('%08d', 20000000 + n)"
_DUE = "date('2026-11-01', '+' || (n * 7 % 240) || ' days')"
_WHEN = "'2026-01-05 08:00:00.000000'"
_WORDS = (
    f"' ' || lower({_FAMILY}) || ' ' || lower({_GIVEN}) || ' ' || lower(replace({_CODE}, '-', ' ')) || ' ratoma ' || "
    f"{_NUMBER} || ' ' || substr({_NUMBER}, -9) || ' ' || substr({_NUMBER}, -4)"
)
_NUMBERS = "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :last) "
_STATEMENTS = (
    f"""{_NUMBERS}INSERT INTO staff (id, office_id, name, email, role, password_hash, locale, created_at)
    SELECT {_uuid(9, "n / :caseload")}, :office, 'Officer ' || (n / :caseload), 'officer' || (n / :caseload) || '@demo',
    'field_officer', 'x', 'fr', {_WHEN} FROM n WHERE n >= :caseload AND n % :caseload = 0""",
    f"""{_NUMBERS}INSERT INTO returnees (id, family_name, given_names, name_folded, birth_approximate, languages)
    SELECT {_uuid(1, "n")}, {_FAMILY}, {_GIVEN}, lower({_GIVEN}), 0, '[]' FROM n""",
    f"""{_NUMBERS}INSERT INTO phone_numbers (id, returnee_id, position, written, e164, whose)
    SELECT {_uuid(2, "n")}, {_uuid(1, "n")}, 0, '+' || {_NUMBER}, '+' || {_NUMBER}, 'own' FROM n""",
    f"""{_NUMBERS}INSERT INTO cases (id, code, returnee_id, office_id, officer_id, counsellor_id, caseworker_id, stage, list_name,
    opened_at, place, next_follow_up_on, needs, restricted_needs, version)
    SELECT {_uuid(3, "n")}, {_CODE}, {_uuid(1, "n")}, :office, {_OFFICER}, :salma, :karim, 'arrived',
    lower({_FAMILY}) || ' ' || lower({_GIVEN}), {_WHEN}, 'Ratoma', {_DUE}, '[]', '[]', 1 FROM n""",
    f"""{_NUMBERS}INSERT INTO search_rows (case_id, officer_id, office_id, counsellor_id, caseworker_id, words)
    SELECT {_uuid(3, "n")}, {_OFFICER}, :office, :salma, :karim, {_WORDS} FROM n""",
    """INSERT INTO case_search (rowid, words, scope)
    SELECT number, words, 'officer' || officer_id || ' office' || office_id || ' counsellor' || counsellor_id
    || ' caseworker' || caseworker_id FROM search_rows WHERE number NOT IN (SELECT rowid FROM case_search)""",
    f"""{_NUMBERS}INSERT INTO timeline_entries (case_id, office_id, kind, happened_at, recorded_at, considered_at, facts)
    SELECT {_uuid(3, "n")}, :office, 'case.opened', {_WHEN}, {_WHEN}, {_WHEN}, '{{}}' FROM n""",
)
