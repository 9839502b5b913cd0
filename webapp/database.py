"""The one database: its base class, its column types, and how each engine is told to be safe."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, MetaData, String, event, text
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

SAFE_SQLITE = (3, 51, 3)
"""Older SQLite may lose committed writes when two connections meet a checkpoint (WAL reset)."""

_reading: ContextVar[bool] = ContextVar("reading", default=False)


class Record(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Record)
migrate = Migrate()


class Utc(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database. A naive datetime is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value if dialect.name == "postgresql" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Counter(db.Model):  # type: ignore[name-defined]
    """A number that only goes up. Its row stays locked until commit, so numbers appear in order."""

    __tablename__ = "counters"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Setting(db.Model):  # type: ignore[name-defined]
    """A fact about this installation that must live and be restored with its data, such as its lineage."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str]


def one_of(column: str, words: tuple[str, ...]) -> str:
    """A CHECK that the column holds one of the words."""
    return f"{column} IN (" + ", ".join(f"'{word}'" for word in words) + ")"


def next_number(name: str, by: int = 1) -> int:
    """The next number of a counter, inside the present transaction; with ``by`` the last of that many."""
    return db.session.execute(
        text(
            "INSERT INTO counters (name, number) VALUES (:name, :by) "
            "ON CONFLICT (name) DO UPDATE SET number = counters.number + :by RETURNING number"
        ),
        {"name": name, "by": by},
    ).scalar_one()


@contextmanager
def reading() -> Iterator[None]:
    """Transactions begun inside only read: on SQLite they do not wait for the writer."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def only_reads(flag: bool) -> None:
    """Say whether the present thread's next transactions only read (set at the start of a request)."""
    _reading.set(flag)


def is_reading() -> bool:
    """Whether the present transactions only read."""
    return _reading.get()


def prove_writable() -> None:
    """Write one row; raises what the database raises when it cannot."""
    with own_transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO counters (name, number) VALUES ('health', 1) "
                "ON CONFLICT (name) DO UPDATE SET number = counters.number + 1"
            )
        )


@contextmanager
def own_transaction() -> Iterator[Connection]:
    """A short write of its own, committed whatever becomes of the request: attempts, last contact."""
    token = _reading.set(False)
    try:
        with db.engine.begin() as connection:
            yield connection
    finally:
        _reading.reset(token)


def engine_options(url: str) -> dict[str, Any]:
    """How SQLAlchemy opens this database."""
    if url.startswith("sqlite"):
        import pysqlite3.dbapi2 as sqlite

        if sqlite.sqlite_version_info < SAFE_SQLITE:
            raise RuntimeError(
                f"SQLite {sqlite.sqlite_version} may lose writes; pysqlite3 must bring 3.51.3 or later"
            )
        return {
            "module": sqlite,
            "connect_args": {"timeout": 30, "check_same_thread": False},
            "pool_size": 16,
            "hide_parameters": True,
        }
    # Values never stand in the text of an error: errors are logged.
    return {"pool_size": 16, "pool_pre_ping": True, "hide_parameters": True}


@event.listens_for(Engine, "connect")
def _make_safe(connection: Any, record: Any) -> None:
    if "sqlite" not in type(connection).__module__:
        return
    # The driver's own transaction mode begins too late and loses updates; we say BEGIN ourselves.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "secure_delete=ON",
        "journal_size_limit=67108864",
    ):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")
