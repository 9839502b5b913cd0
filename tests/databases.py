"""Fresh databases for tests: each engine is migrated once, then copied for every test."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import flask_migrate
import psycopg
from sqlalchemy.engine import make_url

from webapp import create_app
from webapp.config import Settings

MIGRATIONS = Path(__file__).parent.parent / "migrations"
POSTGRES = os.environ.get("SUIVI_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/postgres")


@cache
def postgres_answers() -> bool:
    """Whether a PostgreSQL server can be used by tests here."""
    try:
        _admin().close()
        return True
    except psycopg.OperationalError:
        return False


def engines() -> list[str]:
    """The engines that tests run on."""
    return ["sqlite", "postgresql"] if postgres_answers() else ["sqlite"]


class Templates:
    """One migrated database for each engine, made when first needed, copied for every test.

    ``fill`` puts rows into it once, so that no test waits for them; what it returned is ``filling``.
    """

    def __init__(self, folder: Path, fill: Callable[[], Any] | None = None) -> None:
        self.folder = folder
        self.name = f"suivi_template_{uuid.uuid4().hex[:10]}"
        self.filling: dict[str, Any] = {}
        self._fill = fill
        self._made: set[str] = set()
        self._shelf: PostgresStage | None = None

    def close(self) -> None:
        if self._shelf:
            self._shelf.close()
        if "postgresql" in self._made:
            _drop(self.name)

    def stage(self, engine: str, folder: Path) -> "Stage":
        """A database for one test after the other."""
        if engine == "sqlite":
            return SqliteStage(self._sqlite(), folder / "suivi.sqlite")
        self._postgres()
        self._shelf = self._shelf or PostgresStage(self.name)
        return self._shelf

    @contextmanager
    def fresh(self, engine: str, folder: Path) -> Iterator[str]:
        """The address of a new database like the template, that no test has used."""
        if engine == "sqlite":
            path = folder / "suivi.sqlite"
            shutil.copy(self._sqlite(), path)
            yield f"sqlite:///{path}"
        else:
            self._postgres()
            name = f"suivi_test_{uuid.uuid4().hex[:10]}"
            with _admin() as connection:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"')
            try:
                yield _address(name)
            finally:
                _drop(name)

    def _sqlite(self) -> Path:
        path = self.folder / "template.sqlite"
        if "sqlite" not in self._made:
            self._migrate(f"sqlite:///{path}")
            self._made.add("sqlite")
        return path

    def _postgres(self) -> None:
        if "postgresql" not in self._made:
            with _admin() as connection:
                connection.execute(f'CREATE DATABASE "{self.name}"')
            self._made.add("postgresql")
            self._migrate(_address(self.name))

    def _migrate(self, url: str) -> None:
        from webapp.database import db

        app = create_app(settings(self.folder, url))
        with app.app_context():
            flask_migrate.upgrade(directory=str(MIGRATIONS))
            if self._fill:
                self.filling["sqlite" if url.startswith("sqlite") else "postgresql"] = self._fill()
                db.session.commit()
                db.session.remove()
            if url.startswith("sqlite"):
                with db.engine.connect() as connection:
                    connection.exec_driver_sql("COMMIT")
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                    connection.exec_driver_sql("BEGIN")
            db.engine.dispose()


class Stage(Protocol):
    """A database that one test after the other plays on: the address stays, the rows are the template's again."""

    url: str

    def reset(self) -> None: ...


class SqliteStage:
    def __init__(self, template: Path, path: Path) -> None:
        self._template, self._path = template, path
        self.url = f"sqlite:///{path}"

    def reset(self) -> None:
        for left in self._path.parent.glob(self._path.name + "*"):
            left.unlink()
        shutil.copy(self._template, self._path)


class PostgresStage:
    """Making and dropping a database takes longer than most tests: its rows are taken out and the template's put
    in. Only where a test changed tables, constraints or triggers it is made anew."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._name = f"suivi_test_{uuid.uuid4().hex[:10]}"
        self._is_there = False
        self.url = _address(self._name)
        with _admin(template) as connection:
            self._shape = _shape(connection)
            self._rows = _rows(connection)
            self._guards = connection.execute(
                "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger WHERE tgenabled = 'A'"
            ).fetchall()
            self._counters = connection.execute(
                "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value FROM pg_sequences"
            ).fetchall()

    def close(self) -> None:
        _drop(self._name)

    def reset(self) -> None:
        if self._is_there and self._cleaned(self._name):
            return
        _drop(self._name)
        with _admin() as connection:
            connection.execute(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._template}"')
        self._is_there = True

    def _cleaned(self, name: str) -> bool:
        with _admin(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if _shape(connection) != self._shape:
                return False
            try:
                # Without triggers and references, rows go in any order, also those that may never be deleted.
                connection.execute("SET session_replication_role = replica")
            except psycopg.errors.InsufficientPrivilege:
                return False
            connection.execute("SET synchronous_commit = off")
            with connection.transaction():
                for table, guard in self._guards:
                    connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
                for table in _tables_with_rows(connection, list(self._rows)):
                    connection.execute(f"DELETE FROM {table}")
                for table, (columns, rows) in self._rows.items():
                    if rows:
                        with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                            copy.write(rows)
                for counter, last in self._counters:
                    connection.execute("SELECT setval(%s, %s, %s)", (counter, last or 1, last is not None))
                for table, guard in self._guards:
                    connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}")
        return True


_SHAPE = """
SELECT md5(string_agg(part, E'\n' ORDER BY part)) FROM (
  SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, convalidated, conbin) AS part
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled)
    FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'references', tgrelid::regclass, tgenabled, count(*))
    FROM pg_trigger WHERE tgisinternal GROUP BY tgrelid, tgenabled
  UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attname, atttypid::regtype, attnotnull, attisdropped)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'function', proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS parts
"""
"""One word for all that a test could change of a database besides its rows."""


def _shape(connection: psycopg.Connection) -> str:
    (shape,) = connection.execute(_SHAPE).fetchone()  # type: ignore[misc]
    return str(shape)


def _rows(connection: psycopg.Connection) -> dict[str, tuple[str, bytes]]:
    """Every table with its columns and rows, as COPY writes them."""
    tables = connection.execute(
        "SELECT quote_ident(relname), string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
        " JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = '' GROUP BY relname"
    ).fetchall()
    found = {}
    for table, columns in tables:
        with connection.cursor().copy(f"COPY {table} ({columns}) TO STDOUT") as copy:
            found[table] = (columns, b"".join(bytes(part) for part in copy))
    return found


def _tables_with_rows(connection: psycopg.Connection, tables: list[str]) -> list[str]:
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in tables)
    return [table for (table,) in connection.execute(asked).fetchall()]


def settings(folder: Path, url: str, **options: object) -> Settings:
    """Settings of an installation for tests: http on loopback, files beside the database."""
    chosen: dict[str, object] = {
        "folder": folder,
        "database_url": url,
        "storage": f"file:{folder}/files",
        "keys": folder / "keys",
        "secure_cookies": False,
        **options,
    }
    return Settings(**chosen)  # type: ignore[arg-type]


def _admin(database: str | None = None) -> psycopg.Connection:
    url = make_url(POSTGRES).set(drivername="postgresql")
    address = (url.set(database=database) if database else url).render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True, connect_timeout=3)


def _address(name: str) -> str:
    return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)


def _drop(name: str) -> None:
    with _admin() as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
