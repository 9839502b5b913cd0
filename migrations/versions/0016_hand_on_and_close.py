"""Hand cases on, and close them: what was asked, who answered, what was said at the end"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# What was asked stays as it was, and what was answered stays answered; what the person says may still be added.
_ASKED = "id case_id reason words money_left asked_by_id asked_at recorded_at".split()
_DECIDED = "outcome decided_by_id decided_at answer stage_before".split()
_CHANGES = " OR ".join(
    [
        *(f"NEW.{column} <> OLD.{column}" for column in _ASKED),
        "(OLD.outcome IS NOT NULL AND ("
        + " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _DECIDED)
        + "))",
        "(OLD.reopened_at IS NOT NULL AND NEW.reopened_at IS DISTINCT FROM OLD.reopened_at)",
    ]
)


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("from_office_id", sa.Uuid(), nullable=False),
        sa.Column("from_officer_id", sa.Uuid(), nullable=True),
        sa.Column("to_office_id", sa.Uuid(), nullable=False),
        sa.Column("to_officer_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.CheckConstraint(
            "reason IN ('person_moved', 'workload', 'officer_leaves', 'language', 'safety', 'other')",
            name=op.f("ck_transfers_known_reason"),
        ),
        sa.CheckConstraint(
            "outcome IN ('done', 'sent_back', 'withdrawn')", name=op.f("ck_transfers_known_outcome")
        ),
        sa.CheckConstraint("reason <> 'other' OR note <> ''", name=op.f("ck_transfers_other_says_what")),
        sa.CheckConstraint(
            "outcome <> 'sent_back' OR answer <> ''", name=op.f("ck_transfers_sent_back_says_why")
        ),
        sa.CheckConstraint(
            "outcome <> 'done' OR to_officer_id IS NOT NULL", name=op.f("ck_transfers_done_names_an_officer")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_transfers_decided_by_someone"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_transfers_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["from_office_id"], ["offices.id"], name=op.f("fk_transfers_from_office_id_offices")
        ),
        sa.ForeignKeyConstraint(
            ["from_officer_id"], ["staff.id"], name=op.f("fk_transfers_from_officer_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["to_office_id"], ["offices.id"], name=op.f("fk_transfers_to_office_id_offices")
        ),
        sa.ForeignKeyConstraint(
            ["to_officer_id"], ["staff.id"], name=op.f("fk_transfers_to_officer_id_staff")
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_transfers_asked_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_transfers_decided_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index("ix_transfers_case", "transfers", ["case_id", "asked_at"])
    op.create_index("ix_transfers_to", "transfers", ["to_office_id", "asked_at"])
    op.create_index("ix_transfers_from", "transfers", ["from_office_id", "asked_at"])
    waits = sa.text("outcome IS NULL")
    op.create_index(
        "uq_transfers_waiting", "transfers", ["case_id"], unique=True, sqlite_where=waits, postgresql_where=waits
    )  # fmt: skip
    op.create_table(
        "closures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("money_left", sa.String(length=300), nullable=False),
        sa.Column("stage_before", sa.String(length=20), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by_id", sa.Uuid(), nullable=True),
        sa.Column("reopened_because", sa.String(length=300), nullable=False),
        sa.CheckConstraint(
            "reason IN ('completed', 'dropped_out', 'unreachable', 'moved_away', 'migrated_again', 'died', "
            "'interrupted', 'other')",
            name=op.f("ck_closures_known_reason"),
        ),
        sa.CheckConstraint(
            "outcome IN ('signed_off', 'sent_back', 'withdrawn')", name=op.f("ck_closures_known_outcome")
        ),
        sa.CheckConstraint("reason <> 'other' OR words <> ''", name=op.f("ck_closures_other_says_what")),
        sa.CheckConstraint(
            "outcome <> 'sent_back' OR answer <> ''", name=op.f("ck_closures_sent_back_says_why")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by_id IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_closures_decided_by_someone"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome <> 'signed_off' OR decided_by_id <> asked_by_id",
            name=op.f("ck_closures_signed_off_by_another"),
        ),
        sa.CheckConstraint(
            "(reopened_at IS NULL) = (reopened_by_id IS NULL) AND (reopened_at IS NULL OR "
            "(outcome IS NOT NULL AND outcome = 'signed_off' AND reopened_because <> ''))",
            name=op.f("ck_closures_reopened_by_someone"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_closures_case_id_cases")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_closures_asked_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_closures_decided_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["reopened_by_id"], ["staff.id"], name=op.f("fk_closures_reopened_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    op.create_index("ix_closures_case", "closures", ["case_id", "recorded_at"])
    stands = sa.text("outcome IS NULL OR outcome = 'signed_off' AND reopened_at IS NULL")
    op.create_index(
        "uq_closures_standing", "closures", ["case_id"], unique=True, sqlite_where=stands, postgresql_where=stands
    )  # fmt: skip
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER closures_are_kept BEFORE DELETE ON closures "
            "BEGIN SELECT RAISE(ABORT, 'closures are never deleted'); END"
        )
        op.execute(
            f"CREATE TRIGGER closures_stay BEFORE UPDATE ON closures WHEN {_CHANGES} "
            "BEGIN SELECT RAISE(ABORT, 'closures are decided once and never changed'); END"
        )
        return
    op.execute(
        "CREATE TRIGGER closures_are_kept BEFORE DELETE OR TRUNCATE ON closures "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER closures_stay BEFORE UPDATE ON closures FOR EACH ROW WHEN ({_CHANGES}) "
        "EXECUTE FUNCTION refuse_change()"
    )
    for trigger in ("closures_are_kept", "closures_stay"):
        op.execute(f"ALTER TABLE closures ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    op.drop_table("closures")
    op.drop_table("transfers")
