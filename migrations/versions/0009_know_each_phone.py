"""Know of each phone how it is and what was opened on it, and who decided about what a lost one delivered"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("phones") as phones:
        phones.add_column(sa.Column("storage_used", sa.BigInteger(), nullable=True))
        phones.add_column(sa.Column("storage_quota", sa.BigInteger(), nullable=True))
        phones.add_column(sa.Column("clock_error_ms", sa.BigInteger(), nullable=True))
        phones.add_column(sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True))
        phones.add_column(sa.Column("revoked_by_id", sa.Uuid(), nullable=True))
    op.add_column("sessions", sa.Column("phone_id", sa.Uuid(), nullable=True))
    op.create_index("ix_sessions_phone_id", "sessions", ["phone_id"])
    op.create_table(
        "quarantine_decisions",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_quarantine_decisions_reason_given")),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'discarded')", name=op.f("ck_quarantine_decisions_known_outcome")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_quarantine_decisions_decided_by_someone"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome <> 'discarded' OR decided_by_id <> proposed_by_id",
            name=op.f("ck_quarantine_decisions_discarded_by_two"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_quarantine_decisions_submission_id_submissions"),
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["staff.id"], name=op.f("fk_quarantine_decisions_proposed_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_quarantine_decisions_decided_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_quarantine_decisions")),
    )


def downgrade() -> None:
    op.drop_table("quarantine_decisions")
    op.drop_index("ix_sessions_phone_id", "sessions")
    op.drop_column("sessions", "phone_id")
    with op.batch_alter_table("phones") as phones:
        for column in ("storage_used", "storage_quota", "clock_error_ms", "reported_at", "revoked_by_id"):
            phones.drop_column(column)
