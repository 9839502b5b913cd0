"""Agree on plans: versions that never change once submitted, decided by somebody else; steps done or dropped"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A version stays as it was submitted, and what was decided of it stays decided.
_SUBMITTED = (
    "id case_id number objectives activity sector place partners training risks steps lines currency total_minor author_id"
    " submitted_at"
).split()
_KEPT = ("plans", "plan_step_outcomes")


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("objectives", sa.String(length=2000), nullable=False),
        sa.Column("activity", sa.String(length=200), nullable=False),
        sa.Column("sector", sa.String(length=20), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("partners", sa.String(length=300), nullable=False),
        sa.Column("training", sa.String(length=500), nullable=False),
        sa.Column("risks", sa.String(length=1000), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'sent_back', 'replaced')", name=op.f("ck_plans_known_state")
        ),
        sa.CheckConstraint("objectives <> ''", name=op.f("ck_plans_says_objectives")),
        sa.CheckConstraint(
            "total_minor >= 0 AND total_minor <= 1000000000000000", name=op.f("ck_plans_total_in_range")
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> author_id", name=op.f("ck_plans_decided_by_another")
        ),
        sa.CheckConstraint(
            "(state IN ('approved', 'sent_back')) = (decided_by_id IS NOT NULL) "
            "AND (decided_by_id IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_plans_decided_by_someone"),
        ),
        sa.CheckConstraint("state <> 'sent_back' OR reason <> ''", name=op.f("ck_plans_sent_back_says_why")),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_plans_author_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_plans_case_id_cases")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_plans_decided_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_plans_case_id")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "uq_plans_waiting", "plans", ["case_id"], unique=True, sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_table(
        "plan_step_outcomes",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('done', 'dropped')", name=op.f("ck_plan_step_outcomes_known_outcome")
        ),
        sa.CheckConstraint(
            "outcome <> 'dropped' OR reason <> ''", name=op.f("ck_plan_step_outcomes_dropped_says_why")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_plan_step_outcomes_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_plan_step_outcomes_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "step", name=op.f("pk_plan_step_outcomes")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _keep_on_sqlite()
    else:
        _keep_on_postgresql()


def _keep_on_sqlite() -> None:
    changes = " OR ".join(["OLD.state <> 'waiting'", *(f"NEW.{name} <> OLD.{name}" for name in _SUBMITTED)])
    op.execute(
        f"CREATE TRIGGER plans_stay BEFORE UPDATE ON plans WHEN {changes} "
        "BEGIN SELECT RAISE(ABORT, 'plans are decided once and never changed'); END"
    )
    op.execute(
        "CREATE TRIGGER plan_step_outcomes_stay BEFORE UPDATE ON plan_step_outcomes "
        "BEGIN SELECT RAISE(ABORT, 'plan_step_outcomes are never changed'); END"
    )
    same = {
        "plans": "id = NEW.id OR (case_id = NEW.case_id AND (number = NEW.number"
        " OR (state = 'waiting' AND NEW.state = 'waiting')))",
        "plan_step_outcomes": "case_id = NEW.case_id AND step = NEW.step",
    }
    for table in _KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END"
        )
        there = f"SELECT 1 FROM {table} WHERE {same[table]} OR rowid = NEW.rowid"  # noqa: S608
        op.execute(
            f"CREATE TRIGGER {table}_are_not_replaced BEFORE INSERT ON {table} WHEN EXISTS ({there}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} are never replaced'); END"
        )


def _keep_on_postgresql() -> None:
    changes = " OR ".join(
        ["OLD.state <> 'waiting'", *(f"NEW.{name}::text <> OLD.{name}::text" for name in _SUBMITTED)]
    )
    for table in _KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_are_kept BEFORE DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"CREATE TRIGGER plans_stay BEFORE UPDATE ON plans FOR EACH ROW WHEN ({changes}) "
        "EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER plan_step_outcomes_stay BEFORE UPDATE ON plan_step_outcomes "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    for table in _KEPT:
        for trigger in ("are_kept", "stay"):
            # Also in sessions that call themselves a replica, which switch ordinary triggers off.
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{trigger}")


def downgrade() -> None:
    op.drop_table("plan_step_outcomes")
    op.drop_table("plans")
