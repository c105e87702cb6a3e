"""Batches that were pushed to us, until they are read and for some time after."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "received_batch",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", types.UtcTime(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_received_batch_source")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_received_batch")),
        sa.UniqueConstraint("source", "idempotency_key", name=op.f("uq_received_batch_source_idempotency_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_received_batch_source_received_at"), "received_batch", ["source", "received_at"], unique=False
    )


def downgrade() -> None:
    op.drop_table("received_batch")
