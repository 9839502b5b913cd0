"""What was approved and what was paid is never changed or deleted, and a third person pays"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ALWAYS = {
    "payment_requests": "id reference case_id allocation_id requester_id three_people",
    "payments": "id request_id office_id entry_id method reference minor currency fee_minor paid_on by_id posted_at",
}
# From the approval on, what was approved, by whom and for whom.
_APPROVED = (
    "approver_id category what minor currency donor_minor rate_id payee_kind provider_id payee_name operator"
)
_CHANGES = {
    "payment_requests": "OLD.approver_id IS NOT NULL AND ({}) OR OLD.payer_id IS NOT NULL AND NEW.payer_id IS NULL",
    "payments": "OLD.confirmed_at IS NOT NULL AND NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at"
    " OR OLD.failed_at IS NOT NULL AND NEW.failed_at IS DISTINCT FROM OLD.failed_at",
}
_SAME = {
    "payment_requests": "reference = NEW.reference",
    "payments": "entry_id = NEW.entry_id OR (office_id = NEW.office_id AND method = NEW.method"
    " AND upper(reference) = upper(NEW.reference))",
}
_ONE_PERSON = (
    "EXISTS (SELECT 1 FROM payment_requests WHERE id = NEW.request_id AND three_people"
    " AND NEW.by_id IN (requester_id, approver_id))"
)


def _differ(columns: str) -> str:
    return " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns.split())


def _changed(table: str) -> str:
    return f"{_differ(_ALWAYS[table])} OR {_CHANGES[table].format(_differ(_APPROVED))}"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # It had another name than its like.
        op.execute("DROP TRIGGER exchange_rates_kept")
        op.execute(
            "CREATE TRIGGER exchange_rates_are_kept BEFORE DELETE ON exchange_rates "
            "BEGIN SELECT RAISE(ABORT, 'exchange_rates are never deleted'); END"
        )
        for table, same in _SAME.items():
            there = f"SELECT 1 FROM {table} WHERE id = NEW.id OR rowid = NEW.rowid OR {same}"  # noqa: S608
            for trigger, when, why in (
                ("are_kept", "DELETE", "deleted"),
                ("stay", f"UPDATE ON {table} WHEN {_changed(table)}", "changed"),
                ("are_not_replaced", f"INSERT ON {table} WHEN EXISTS ({there})", "replaced"),
            ):
                on = when if " ON " in when else f"{when} ON {table}"
                op.execute(
                    f"CREATE TRIGGER {table}_{trigger} BEFORE {on} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} are never {why}'); END"
                )
        op.execute(
            f"CREATE TRIGGER payments_by_a_third BEFORE INSERT ON payments WHEN {_ONE_PERSON} "
            "BEGIN SELECT RAISE(ABORT, 'who asked or approved never pays'); END"
        )
        return
    for table in _ALWAYS:
        op.execute(
            f"CREATE TRIGGER {table}_are_kept BEFORE DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({_changed(table)}) "
            "EXECUTE FUNCTION refuse_change()"
        )
        for trigger in ("are_kept", "stay"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{trigger}")
    op.execute(
        "CREATE FUNCTION refuse_one_person() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {_ONE_PERSON} THEN RAISE EXCEPTION 'who asked or approved never pays'; END IF; "
        "RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER payments_by_a_third BEFORE INSERT ON payments "
        "FOR EACH ROW EXECUTE FUNCTION refuse_one_person()"
    )
    op.execute("ALTER TABLE payments ENABLE ALWAYS TRIGGER payments_by_a_third")


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in _ALWAYS:
        for trigger in ("are_kept", "stay", *(["are_not_replaced"] if sqlite else [])):
            op.execute(f"DROP TRIGGER {table}_{trigger}" + ("" if sqlite else f" ON {table}"))
    op.execute("DROP TRIGGER payments_by_a_third" + ("" if sqlite else " ON payments"))
    if not sqlite:
        op.execute("DROP FUNCTION refuse_one_person()")
        return
    op.execute("DROP TRIGGER exchange_rates_are_kept")
    op.execute(
        "CREATE TRIGGER exchange_rates_kept BEFORE DELETE ON exchange_rates "
        "BEGIN SELECT RAISE(ABORT, 'exchange_rates are never changed or deleted'); END"
    )
