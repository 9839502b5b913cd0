"""What was done about a red flag is written down, sealed like the flag itself"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("red_flags", sa.Column("answer_sealed", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("red_flags", "answer_sealed")
