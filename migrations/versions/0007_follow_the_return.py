"""Follow the return: where it stands, the steps that were done, its interruptions, and who goes along"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added in place: rebuilding the table that everything points to would be the greater risk.
    uuid = "UUID" if op.get_bind().dialect.name == "postgresql" else "CHAR(32)"
    op.execute(
        f"ALTER TABLE cases ADD COLUMN escort_id {uuid} CONSTRAINT fk_cases_escort_id_staff REFERENCES staff (id)"
    )
    op.execute("ALTER TABLE cases ADD COLUMN project VARCHAR(40) DEFAULT 'default' NOT NULL")
    op.create_index("ix_cases_caseworker_stage", "cases", ["caseworker_id", "stage"])
    op.create_index("ix_cases_escort", "cases", ["escort_id"])
    op.create_index("ix_cases_office_stage", "cases", ["office_id", "stage"])
    op.create_table(
        "procedures",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("began_with", sa.String(length=30), nullable=False),
        sa.Column("next_step", sa.String(length=30), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("departs_on", sa.Date(), nullable=True),
        sa.Column("arrives_on", sa.Date(), nullable=True),
        sa.Column("flight", sa.String(length=40), nullable=False),
        sa.Column("transit", sa.String(length=80), nullable=False),
        sa.Column("assistance", sa.JSON(), nullable=False),
        sa.Column("informed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "arrives_on IS NULL OR departs_on IS NOT NULL", name=op.f("ck_procedures_arrives_after_leaving")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_procedures_case_id_cases")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_procedures_office_id_offices")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_procedures")),
    )
    op.create_table(
        "procedure_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("file", sa.String(length=100), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('done', 'open', 'skipped')", name=op.f("ck_procedure_steps_known_outcome")
        ),
        sa.CheckConstraint(
            "outcome <> 'skipped' OR reason <> ''", name=op.f("ck_procedure_steps_skipped_says_why")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_procedure_steps_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_procedure_steps_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedure_steps")),
    )
    op.create_index("ix_procedure_steps_case", "procedure_steps", ["case_id", "recorded_at"])
    op.create_table(
        "interruptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=True),
        sa.Column("stage_before", sa.String(length=20), nullable=False),
        sa.Column("interrupted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("open_matters", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "asked_by IN ('person', 'programme')", name=op.f("ck_interruptions_known_asked_by")
        ),
        sa.CheckConstraint(
            "decision IS NULL OR decision IN ('go_on', 'cancel', 'mixed')",
            name=op.f("ck_interruptions_known_decision"),
        ),
        sa.CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by_id IS NULL)",
            name=op.f("ck_interruptions_decided_by_someone"),
        ),
        sa.CheckConstraint(
            "(resumed_at IS NULL) = (resumed_by_id IS NULL)", name=op.f("ck_interruptions_resumed_by_someone")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_interruptions_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_interruptions_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_interruptions_decided_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["resumed_by_id"], ["staff.id"], name=op.f("fk_interruptions_resumed_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interruptions")),
    )
    op.create_index("ix_interruptions_case", "interruptions", ["case_id", "interrupted_at"])
    op.create_index(
        "uq_interruptions_standing",
        "interruptions",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("resumed_at IS NULL"),
        postgresql_where=sa.text("resumed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("interruptions")
    op.drop_table("procedure_steps")
    op.drop_table("procedures")
    op.drop_index("ix_cases_office_stage", "cases")
    op.drop_index("ix_cases_escort", "cases")
    op.drop_index("ix_cases_caseworker_stage", "cases")
    with op.batch_alter_table("cases") as batch_op:
        batch_op.drop_column("project")
        batch_op.drop_column("escort_id")
