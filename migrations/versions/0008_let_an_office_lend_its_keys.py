"""Let an office say for how many hours its phones keep what a PIN opens; 0 keeps keys in memory only"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "offices", sa.Column("key_lease_hours", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    op.drop_column("offices", "key_lease_hours")
