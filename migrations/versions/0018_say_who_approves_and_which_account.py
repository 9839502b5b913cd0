"""A request keeps whose approval its rule asks for and how soon, and the account that mobile money goes to"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Whom to ask is said when the request is made; where the money goes is part of what is approved.
_CHANGED = (
    "NEW.approver_role IS DISTINCT FROM OLD.approver_role OR"
    " (OLD.approver_id IS NOT NULL AND NEW.payee_account IS DISTINCT FROM OLD.payee_account)"
)


def upgrade() -> None:
    op.add_column(
        "payment_requests",
        sa.Column("approver_role", sa.String(20), nullable=False, server_default="programme_manager"),
    )
    op.add_column(
        "payment_requests", sa.Column("payee_account", sa.String(40), nullable=False, server_default="")
    )
    op.add_column(
        "payment_requests", sa.Column("decide_within_days", sa.Integer, nullable=False, server_default="5")
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER payment_requests_keep_their_account BEFORE UPDATE ON payment_requests WHEN {_CHANGED} "
            "BEGIN SELECT RAISE(ABORT, 'payment_requests are never changed'); END"
        )
        return
    op.execute(
        "CREATE TRIGGER payment_requests_keep_their_account BEFORE UPDATE ON payment_requests "
        f"FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION refuse_change()"
    )
    op.execute("ALTER TABLE payment_requests ENABLE ALWAYS TRIGGER payment_requests_keep_their_account")


def downgrade() -> None:
    on = "" if op.get_bind().dialect.name == "sqlite" else " ON payment_requests"
    op.execute(f"DROP TRIGGER payment_requests_keep_their_account{on}")
    op.drop_column("payment_requests", "decide_within_days")
    op.drop_column("payment_requests", "payee_account")
    op.drop_column("payment_requests", "approver_role")
