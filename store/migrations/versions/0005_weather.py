"""Weather, as it was known on each day, and when it was asked for."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "weather",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("known_on", types.Day(), nullable=False),
        sa.Column("retrieved_at", types.UtcTime(), nullable=False),
        sa.Column("forecast", sa.Boolean(), nullable=False),
        sa.Column("high", types.Number(), nullable=True),
        sa.Column("low", types.Number(), nullable=True),
        sa.Column("precipitation", types.Number(), nullable=True),
        sa.Column("snow", types.Number(), nullable=True),
        sa.PrimaryKeyConstraint("place", "day", "known_on", name=op.f("pk_weather")),
    )
    op.create_table(
        "weather_reading",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("asked_at", types.UtcTime(), nullable=False),
        sa.Column("first_day", types.Day(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_weather_reading")),
    )


def downgrade() -> None:
    op.drop_table("weather_reading")
    op.drop_table("weather")
