"""Keep referrals: a person sent to a service with their consent, and each step of what came of it"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
STATES = (
    "'written', 'agreed', 'declined', 'sent', 'accepted', 'refused', 'did_not_come', 'seen', 'outcome', 'closed',"
    " 'withdrawn'"
)


def upgrade() -> None:
    op.create_table(
        "referrals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("written_at", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("claimed_at", TIME, nullable=True),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("urgency", sa.String(length=10), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("consent", sa.String(length=10), nullable=True),
        sa.Column("consent_on", sa.Date(), nullable=True),
        sa.Column("sent_how", sa.String(length=10), nullable=True),
        sa.Column("appointment_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_referrals_known_state")),
        sa.CheckConstraint(
            "urgency IN ('routine', 'soon', 'urgent')", name=op.f("ck_referrals_known_urgency")
        ),
        sa.CheckConstraint(
            "consent IS NULL OR consent IN ('spoken', 'written', 'declined')",
            name=op.f("ck_referrals_known_consent"),
        ),
        sa.CheckConstraint(
            "(consent IS NULL) = (consent_on IS NULL)", name=op.f("ck_referrals_consent_has_day")
        ),
        sa.CheckConstraint(
            "state IN ('written', 'declined', 'withdrawn') OR COALESCE(consent, 'declined') <> 'declined'",
            name=op.f("ck_referrals_nothing_without_consent"),
        ),
        sa.CheckConstraint(
            "sent_how IS NULL OR sent_how IN ('phone', 'person', 'letter', 'message')",
            name=op.f("ck_referrals_known_way"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('helped', 'partly', 'not_helped')",
            name=op.f("ck_referrals_known_outcome"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referrals_case_id_cases")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_referrals_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
    )
    op.create_index("ix_referrals_case", "referrals", ["case_id", "written_at"])
    op.create_index("ix_referrals_due", "referrals", ["state", "due_at"])
    op.create_table(
        "referral_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_referral_steps_known_state")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_steps_referral_id_referrals")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_referral_steps_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_steps")),
        sa.UniqueConstraint("referral_id", "state", name=op.f("uq_referral_steps_referral_id")),
    )


def downgrade() -> None:
    op.drop_table("referral_steps")
    op.drop_table("referrals")
