"""Requests that are gone, what they were before they changed, and comparisons with the source."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPENED, _CLOSED = "ix_service_request_day_series_id", "ix_service_request_closed_day_series_id"
_OF_REQUEST = {
    "missed_at": types.UtcTime,
    "deleted_at": types.UtcTime,
    "deletion_reason": sa.Text,
    "refused_stamp": types.UtcTime,
    "refused_at": types.UtcTime,
}
_OF_SOURCE = {"reconciled_at": types.UtcTime, "control": sa.JSON, "shape": sa.JSON}


def upgrade() -> None:
    for name, kind in _OF_REQUEST.items():
        op.add_column("service_request", sa.Column(name, kind(), nullable=True))
    for name, kind in _OF_SOURCE.items():
        op.add_column("source_state", sa.Column(name, kind(), nullable=True))
    _index(_OPENED, "day", "deleted_at IS NULL")
    _index(_CLOSED, "closed_day", "closed_day IS NOT NULL AND deleted_at IS NULL")
    op.create_table(
        "request_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_record_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("seen_at", types.UtcTime(), nullable=False),
        sa.Column("earlier", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_revision")),
    )
    op.create_index(op.f("ix_request_revision_source_seen_at"), "request_revision", ["source", "seen_at"])


def downgrade() -> None:
    op.drop_table("request_revision")
    _index(_CLOSED, "closed_day", "closed_day IS NOT NULL")
    _index(_OPENED, "day", None)
    for name in _OF_SOURCE:
        op.drop_column("source_state", name)
    for name in _OF_REQUEST:
        op.drop_column("service_request", name)


def _index(name: str, day: str, condition: str | None) -> None:
    """The index anew, over the rows of which `condition` holds."""
    where = condition and sa.text(condition)
    op.drop_index(op.f(name), "service_request")
    op.create_index(
        op.f(name), "service_request", [day, "series_id"], unique=False, sqlite_where=where, postgresql_where=where
    )
