"""From which day on the free texts of a source are kept."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source_state", sa.Column("texts_from", types.Day(), nullable=True))


def downgrade() -> None:
    op.drop_column("source_state", "texts_from")
