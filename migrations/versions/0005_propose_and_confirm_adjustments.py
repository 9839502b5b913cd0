"""Propose and confirm adjustments: one person writes them down, another decides, once"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What was proposed stays as it was, and what was decided stays decided.
_PROPOSED = "id allocation_id minor reason proposed_by_id proposed_at".split()
_CHANGES = " OR ".join(
    ["OLD.decided_at IS NOT NULL", *(f"NEW.{column} <> OLD.{column}" for column in _PROPOSED)]
)


def upgrade() -> None:
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("allocation_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "minor <> 0 AND minor >= -1000000000000000 AND minor <= 1000000000000000",
            name=op.f("ck_adjustments_minor_in_range"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_adjustments_reason_given")),
        sa.CheckConstraint("outcome IN ('confirmed', 'refused')", name=op.f("ck_adjustments_known_outcome")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_adjustments_decided_by_someone"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome <> 'confirmed' OR decided_by_id <> proposed_by_id",
            name=op.f("ck_adjustments_confirmed_by_another"),
        ),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocations.id"], name=op.f("fk_adjustments_allocation_id_allocations")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_adjustments_decided_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["staff.id"], name=op.f("fk_adjustments_proposed_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    with op.batch_alter_table("adjustments", schema=None) as batch_op:
        batch_op.create_index(
            "ix_adjustments_allocation", ["allocation_id", "proposed_at", "id"], unique=False
        )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER adjustments_are_kept BEFORE DELETE ON adjustments "
            "BEGIN SELECT RAISE(ABORT, 'adjustments are never deleted'); END"
        )
        op.execute(
            f"CREATE TRIGGER adjustments_stay BEFORE UPDATE ON adjustments WHEN {_CHANGES} "
            "BEGIN SELECT RAISE(ABORT, 'adjustments are decided once and never changed'); END"
        )
        op.execute(
            "CREATE TRIGGER adjustments_are_not_replaced BEFORE INSERT ON adjustments "
            "WHEN EXISTS (SELECT 1 FROM adjustments WHERE id = NEW.id OR rowid = NEW.rowid) "
            "BEGIN SELECT RAISE(ABORT, 'adjustments are never replaced'); END"
        )
        return
    op.execute(
        "CREATE TRIGGER adjustments_are_kept BEFORE DELETE OR TRUNCATE ON adjustments "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER adjustments_stay BEFORE UPDATE ON adjustments FOR EACH ROW WHEN ({_CHANGES}) "
        "EXECUTE FUNCTION refuse_change()"
    )
    for trigger in ("adjustments_are_kept", "adjustments_stay"):
        op.execute(f"ALTER TABLE adjustments ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    op.drop_table("adjustments")
