"""Publish instruments, switch them off where nobody can help, and note what results ask for"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
OPEN = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "instruments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("published_by_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["published_by_id"], ["staff.id"], name=op.f("fk_instruments_published_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_instruments_name")),
    )
    op.create_table(
        "instrument_switches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("off_at", TIME, nullable=False),
        sa.Column("off_by_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["off_by_id"], ["staff.id"], name=op.f("fk_instrument_switches_off_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["offices.id"], name=op.f("fk_instrument_switches_office_id_offices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_switches")),
        sa.UniqueConstraint(
            "office_id", "instrument", "place", name=op.f("uq_instrument_switches_office_id")
        ),
    )
    op.create_table(
        "next_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("check_in_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.Column("done_by_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.CheckConstraint(
            "(done_at IS NULL) = (outcome IS NULL)", name=op.f("ck_next_steps_done_has_outcome")
        ),
        sa.CheckConstraint(
            "outcome IN ('done', 'accepted', 'declined')", name=op.f("ck_next_steps_known_outcome")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_next_steps_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["check_in_id"], ["check_ins.id"], name=op.f("fk_next_steps_check_in_id_check_ins")
        ),
        sa.ForeignKeyConstraint(["done_by_id"], ["staff.id"], name=op.f("fk_next_steps_done_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_next_steps")),
        sa.UniqueConstraint("check_in_id", "action", name=op.f("uq_next_steps_check_in_id")),
    )
    for name, columns in (("ix_next_steps_open", ["case_id", "due_on"]), ("ix_next_steps_due", ["due_on"])):
        op.create_index(name, "next_steps", columns, sqlite_where=OPEN, postgresql_where=OPEN)
    # For reports about one instrument in all cases.
    op.create_index("ix_check_ins_instrument", "check_ins", ["instrument", "asked_at"])
    _keep_instruments()


def _keep_instruments() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER instruments_are_kept BEFORE DELETE ON instruments "
            "BEGIN SELECT RAISE(ABORT, 'instruments are never deleted'); END"
        )
        op.execute(
            "CREATE TRIGGER instruments_stay BEFORE UPDATE ON instruments "
            "BEGIN SELECT RAISE(ABORT, 'instruments are never changed'); END"
        )
        op.execute(
            "CREATE TRIGGER instruments_are_not_replaced BEFORE INSERT ON instruments WHEN EXISTS (SELECT 1 FROM instruments "
            "WHERE id = NEW.id OR (name = NEW.name AND version = NEW.version) OR rowid = NEW.rowid) "
            "BEGIN SELECT RAISE(ABORT, 'instruments are never replaced'); END"
        )
        return
    op.execute(
        "CREATE TRIGGER instruments_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON instruments "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("ALTER TABLE instruments ENABLE ALWAYS TRIGGER instruments_stay")


def downgrade() -> None:
    op.drop_index("ix_check_ins_instrument", table_name="check_ins")
    for table in ("next_steps", "instrument_switches", "instruments"):
        op.drop_table(table)
