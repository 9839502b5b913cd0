"""Name this history, so that phones notice when a backup is restored"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settings = sa.table("settings", sa.column("name", sa.String), sa.column("value", sa.String))
    op.bulk_insert(settings, [{"name": "lineage", "value": secrets.token_hex(8)}])


def downgrade() -> None:
    op.execute("DELETE FROM settings WHERE name = 'lineage'")
