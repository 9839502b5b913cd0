"""Rates are added, never changed; a payment's reference is one of its office, whatever its capitals"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SAME = (
    "id = NEW.id OR rowid = NEW.rowid OR (base = NEW.base AND quote = NEW.quote"
    " AND effective_on = NEW.effective_on AND source = NEW.source)"
)


def upgrade() -> None:
    with op.batch_alter_table("payments") as payments:
        payments.drop_constraint("uq_payments_reference", type_="unique")
    op.create_index(
        "uq_payments_reference", "payments", ["office_id", "method", sa.text("upper(reference)")], unique=True
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, deed in (("kept", "DELETE"), ("stay", "UPDATE")):
            op.execute(
                f"CREATE TRIGGER exchange_rates_{name} BEFORE {deed} ON exchange_rates "
                "BEGIN SELECT RAISE(ABORT, 'exchange_rates are never changed or deleted'); END"
            )
        there = f"SELECT 1 FROM exchange_rates WHERE {_SAME}"  # noqa: S608
        op.execute(
            "CREATE TRIGGER exchange_rates_are_not_replaced BEFORE INSERT ON exchange_rates "
            f"WHEN EXISTS ({there}) BEGIN SELECT RAISE(ABORT, 'exchange_rates are never replaced'); END"
        )
        return
    op.execute(
        "CREATE TRIGGER exchange_rates_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_rates "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("ALTER TABLE exchange_rates ENABLE ALWAYS TRIGGER exchange_rates_stay")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("kept", "stay", "are_not_replaced"):
            op.execute(f"DROP TRIGGER exchange_rates_{name}")
    else:
        op.execute("DROP TRIGGER exchange_rates_stay ON exchange_rates")
    op.drop_index("uq_payments_reference", "payments")
    with op.batch_alter_table("payments") as payments:
        payments.create_unique_constraint("uq_payments_reference", ["method", "reference"])
