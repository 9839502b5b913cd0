"""What the application asks of its database, written down as it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from webapp.database import db

Asked = list[tuple[str, Any]]


@contextmanager
def statements(app: Flask) -> Iterator[Asked]:
    """Every statement executed inside, with its values; BEGIN and the like left out."""
    asked: Asked = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")):
            asked.append((statement, values))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plans(app: Flask, asked: Asked) -> list[str]:
    """How SQLite would answer each of the statements: its query plan, line by line."""
    found = []
    with app.app_context(), db.engine.connect() as connection:
        for statement, values in asked:
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                found += [f"{row[3]}    [{' '.join(statement.split())[:90]}…]" for row in rows]
    return found


def many_cases(app: Flask, count: int, *, first: int = 0) -> None:
    """Cases of Ibrahima (also Salma's and Karim's), quickly: with number, search words and one old entry each."""
    from datetime import date, timedelta
    from uuid import UUID, uuid4

    from tests.cast import LONG_AGO
    from webapp.cases.models import Case, PhoneNumber, Returnee, SearchRow, TimelineEntry
    from webapp.formats import plain

    cast = app.cast  # type: ignore[attr-defined]
    names = ["Bah", "Barry", "Camara", "Diallo", "Sow", "Touré", "Keïta", "Condé"]
    with app.app_context():
        rows: dict[Any, list[dict[str, Any]]] = {
            Returnee: [], Case: [], PhoneNumber: [], SearchRow: [], TimelineEntry: [],
        }  # fmt: skip
        for n in range(first, first + count):
            family, given = names[n % len(names)], f"Personne {n // 8:05d}"
            returnee, case, number = uuid4(), uuid4(), f"+2246{20000000 + n}"
            scope = {
                "officer_id": cast.ibrahima, "office_id": cast.conakry, "counsellor_id": cast.salma,
                "caseworker_id": cast.karim,
            }  # fmt: skip
            code = f"GN-{n:05d}"
            rows[Returnee].append(
                {"id": returnee, "family_name": family, "given_names": given, "name_folded": plain(given)}
            )
            due = date(2026, 11, 1) + timedelta(days=n * 7 % 240)
            rows[Case].append(
                {"id": case, "code": code, "returnee_id": returnee, "stage": "arrived", "opened_at": LONG_AGO,
                 "list_name": plain(f"{family} {given}"), "place": "Ratoma", "next_follow_up_on": due, **scope}
            )  # fmt: skip
            rows[PhoneNumber].append({"returnee_id": returnee, "written": number, "e164": number})
            digits = number[1:]
            words = f" {plain(f'{family} {given} {code} Ratoma')} {digits} {digits[-9:]} {digits[-4:]}"
            rows[SearchRow].append({"case_id": case, "words": words, **scope})
            rows[TimelineEntry].append(
                {"case_id": case, "office_id": cast.conakry, "kind": "case.opened", "happened_at": LONG_AGO,
                 "recorded_at": LONG_AGO, "facts": {}}
            )  # fmt: skip
        for table, values in rows.items():
            db.session.execute(table.__table__.insert(), [_with_defaults(table, value) for value in values])
        if db.engine.dialect.name == "sqlite":
            tags = " ".join(
                f"{name}{UUID(str(id)).hex}"
                for name, id in (
                    ("officer", cast.ibrahima),
                    ("office", cast.conakry),
                    ("counsellor", cast.salma),
                    ("caseworker", cast.karim),
                )
            )
            db.session.execute(
                text(
                    "INSERT INTO case_search (rowid, words, scope) SELECT number, words, :tags FROM search_rows "
                    "WHERE number NOT IN (SELECT rowid FROM case_search)"
                ),
                {"tags": tags},
            )
        db.session.execute(text("ANALYZE"))
        db.session.commit()


def _with_defaults(table: Any, value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "id": value.get("id") or __import__("uuid").uuid4()} if hasattr(table, "id") else value
