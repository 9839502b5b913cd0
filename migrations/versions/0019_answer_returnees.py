"""What a returnee asked or missed is answered, once, and the answer is theirs to read"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("returnee_words") as words:
        words.add_column(sa.Column("answer", sa.String(300), nullable=False, server_default=""))
        words.add_column(sa.Column("answered_at", sa.DateTime(timezone=True)))
        words.add_column(
            sa.Column(
                "answered_by_id",
                sa.Uuid,
                sa.ForeignKey("staff.id", name="fk_returnee_words_answered_by_id_staff"),
            )
        )
        words.create_check_constraint("answered_by_somebody", "(answered_at IS NULL) = (answer = '')")


def downgrade() -> None:
    with op.batch_alter_table("returnee_words") as words:
        words.drop_constraint("answered_by_somebody", type_="check")
        words.drop_column("answered_by_id")
        words.drop_column("answered_at")
        words.drop_column("answer")
