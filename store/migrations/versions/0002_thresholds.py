"""Thresholds that a back-test found for a budget of alerts."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "threshold",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("found_at", types.UtcTime(), nullable=False),
        sa.Column("first_day", types.Day(), nullable=False),
        sa.Column("last_day", types.Day(), nullable=False),
        sa.Column("alerts_per_week", types.Number(), nullable=False),
        sa.Column("false_alarms_per_week", types.Number(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_threshold")),
    )


def downgrade() -> None:
    op.drop_table("threshold")
