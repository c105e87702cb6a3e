"""How a batch was signed, so that one which was overheard is not taken again under another key."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("received_batch", sa.Column("signature", sa.Text(), nullable=True))
    op.create_index(op.f("ix_received_batch_source_signature"), "received_batch", ["source", "signature"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_received_batch_source_signature"), table_name="received_batch")
    op.drop_column("received_batch", "signature")
