"""Keep ledger, rules, steps of requests and the timeline: added, never changed, never deleted"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ADDED_ONLY = ("ledger_entries", "allocation_rules", "request_steps")
# The worker notes on a timeline entry that it has looked at it; nothing else of it may change.
_TIMELINE = "number case_id office_id kind subject_id by_id happened_at recorded_at facts".split()
# REPLACE takes rows away without firing a trigger on DELETE: a row that is there is not inserted again.
_SAME = {
    "ledger_entries": "id = NEW.id OR reverses_id = NEW.reverses_id",
    "allocation_rules": "id = NEW.id OR (name = NEW.name AND version = NEW.version)",
    "request_steps": "id = NEW.id",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in (*ADDED_ONLY, "timeline_entries"):
            columns = f"OF {', '.join(_TIMELINE)} " if table == "timeline_entries" else ""
            op.execute(
                f"CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END"
            )
            op.execute(
                f"CREATE TRIGGER {table}_stay BEFORE UPDATE {columns}ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are never changed'); END"
            )
        for table, same in _SAME.items():
            taken = f"SELECT 1 FROM {table} WHERE {same} OR rowid = NEW.rowid"  # noqa: S608
            op.execute(
                f"CREATE TRIGGER {table}_are_not_replaced BEFORE INSERT ON {table} WHEN EXISTS ({taken}) "
                f"BEGIN SELECT RAISE(ABORT, '{table} are never replaced'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% are never changed or deleted', TG_TABLE_NAME; END $$"
    )
    for table in ADDED_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"CREATE TRIGGER timeline_entries_stay BEFORE UPDATE OF {', '.join(_TIMELINE)} ON timeline_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER timeline_entries_are_kept BEFORE DELETE OR TRUNCATE ON timeline_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    for table in (*ADDED_ONLY, "timeline_entries"):
        # Also in sessions that call themselves a replica, which switch ordinary triggers off.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_stay")
    op.execute("ALTER TABLE timeline_entries ENABLE ALWAYS TRIGGER timeline_entries_are_kept")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in (*ADDED_ONLY, "timeline_entries"):
            op.execute(f"DROP TRIGGER {table}_are_kept")
            op.execute(f"DROP TRIGGER {table}_stay")
        for table in _SAME:
            op.execute(f"DROP TRIGGER {table}_are_not_replaced")
        return
    for table in ADDED_ONLY:
        op.execute(f"DROP TRIGGER {table}_stay ON {table}")
    op.execute("DROP TRIGGER timeline_entries_stay ON timeline_entries")
    op.execute("DROP TRIGGER timeline_entries_are_kept ON timeline_entries")
    op.execute("DROP FUNCTION refuse_change()")
