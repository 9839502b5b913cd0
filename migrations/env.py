"""How migrations run: one transaction, one at a time, and on SQLite without cascades while tables are rebuilt.

Changing a parent table with foreign keys on can delete every child row (batch mode drops and recreates it),
so the keys are off outside the transaction and checked before it ends.
"""

from alembic import context

from webapp.database import Utc, db

config = context.config


def include_object(thing, name, kind, reflected, compare_to):
    # The full-text tables of SQLite are made by hand; their shadow tables are not ours to compare.
    return not (kind == "table" and name and name.startswith("case_search"))


def render_item(kind, thing, autogen_context):
    # A migration must not depend on classes that may change after it.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, Utc) else False


def run_online() -> None:
    engine = db.engine
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            connection.rollback()
            raw = connection.connection.dbapi_connection
            raw.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            include_object=include_object,
            compare_type=True,
            render_item=render_item,
            transaction_per_migration=False,
        )
        with context.begin_transaction():
            if not sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8273645)")
            context.run_migrations()
            if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
                raise RuntimeError(f"the migration would leave rows without their parents: {broken[:3]}")
        if sqlite:
            raw.execute("PRAGMA foreign_keys=ON")


run_online()
