"""What of the last days is not the public's doing."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "irregularity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("labels", types.Labels(), nullable=False),
        sa.Column("who", types.Labels(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("usual", types.Number(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        sa.Column("since", types.Day(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_irregularity_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_irregularity")),
    )
    op.create_index(op.f("ix_irregularity_source_day"), "irregularity", ["source", "day"])


def downgrade() -> None:
    op.drop_index(op.f("ix_irregularity_source_day"), table_name="irregularity")
    op.drop_table("irregularity")
