"""The first tables."""

import sqlalchemy as sa
from alembic import op

from store import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("labels", types.Labels(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("first_day", types.Day(), nullable=False),
        sa.Column("last_day", types.Day(), nullable=False),
        sa.Column("peak_day", types.Day(), nullable=False),
        sa.Column("opened_at", types.UtcTime(), nullable=False),
        sa.Column("changed_at", types.UtcTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_changed_at"), "alert", ["changed_at"], unique=False)

    op.create_table(
        "notification",
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", types.UtcTime(), nullable=True),
        sa.Column("tried_at", types.UtcTime(), nullable=True),
        sa.Column("delivered_at", types.UtcTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("idempotency_key", name=op.f("pk_notification")),
    )
    op.create_index(op.f("ix_notification_next_try_at"), "notification", ["next_try_at"], unique=False)

    op.create_table(
        "source",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_day", types.Day(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_source")),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("labels", types.Labels(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("observed", types.Number(), nullable=True),
        sa.Column("expected", types.Number(), nullable=True),
        sa.Column("low", types.Number(), nullable=True),
        sa.Column("high", types.Number(), nullable=True),
        sa.Column("limit", types.Number(), nullable=True),
        sa.Column("tail", types.Number(), nullable=True),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_alarm_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index(op.f("ix_alarm_source_day"), "alarm", ["source", "day"], unique=False)

    op.create_table(
        "alert_event",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["fingerprint"], ["alert.fingerprint"], name=op.f("fk_alert_event_fingerprint")),
        sa.PrimaryKeyConstraint("fingerprint", "sequence", name=op.f("pk_alert_event")),
    )
    op.create_table(
        "breach",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("labels", types.Labels(), nullable=False),
        sa.Column("made_on", types.Day(), nullable=False),
        sa.Column("limit", types.Number(), nullable=True),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("probability", types.Number(), nullable=True),
        sa.Column("expected", types.Number(), nullable=True),
        sa.Column("low", types.Number(), nullable=True),
        sa.Column("high", types.Number(), nullable=True),
        sa.Column("forecaster", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_breach_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breach")),
    )
    op.create_index(op.f("ix_breach_source_made_on"), "breach", ["source", "made_on"], unique=False)

    op.create_table(
        "coverage",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("seen_day", types.Day(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("coverage", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_coverage_source")),
        sa.PrimaryKeyConstraint("source", "day", "seen_day", "backfill", name=op.f("pk_coverage")),
    )
    op.create_table(
        "forecast",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("labels", types.Labels(), nullable=False),
        sa.Column("made_on", types.Day(), nullable=False),
        sa.Column("forecaster", sa.Text(), nullable=False),
        sa.Column("first_day", types.Day(), nullable=False),
        sa.Column("mean", sa.JSON(), nullable=False),
        sa.Column("low", sa.JSON(), nullable=False),
        sa.Column("high", sa.JSON(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_forecast_source")),
        sa.PrimaryKeyConstraint("source", "labels", "made_on", name=op.f("pk_forecast")),
    )
    op.create_table(
        "judged",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("until", types.Day(), nullable=True),
        sa.Column("breaches_on", types.Day(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_judged_source")),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_judged")),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("subcategory", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_series_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint(
            "source",
            "agency",
            "category",
            "subcategory",
            "area",
            "channel",
            name=op.f("uq_series_source_agency_category_subcategory_area_channel"),
        ),
    )
    op.create_table(
        "source_state",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("health", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("changed_at", types.UtcTime(), nullable=True),
        sa.Column("checked_at", types.UtcTime(), nullable=True),
        sa.Column("newest_day", types.Day(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_source_state_source")),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_source_state")),
    )
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=False),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("counters", sa.JSON(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_sync_run_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    op.create_index(op.f("ix_sync_run_source_started_at"), "sync_run", ["source", "started_at"], unique=False)

    op.create_table(
        "count_history",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("seen_day", types.Day(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", "seen_day", "backfill", name=op.f("pk_count_history")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_count_history_live",
        "count_history",
        ["seen_day", "series_id"],
        unique=False,
        sqlite_where=sa.text("backfill = 0"),
        postgresql_where=sa.text("NOT backfill"),
    )

    op.create_table(
        "daily_count",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", name=op.f("pk_daily_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rejected_row",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_rejected_row_run_id")),
        sa.ForeignKeyConstraint(["source"], ["source.name"], name=op.f("fk_rejected_row_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_row")),
        sa.UniqueConstraint(
            "source", "position", "reason", "detail", name=op.f("uq_rejected_row_source_position_reason_detail")
        ),
    )
    op.create_table(
        "service_request",
        sa.Column("source_record_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("requested_at", types.UtcTime(), nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("closed_at", types.UtcTime(), nullable=True),
        sa.Column("closed_day", types.Day(), nullable=True),
        sa.Column("updated_at", types.UtcTime(), nullable=True),
        sa.Column("due_at", types.UtcTime(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("precision", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(precision=53), nullable=True),
        sa.Column("lon", sa.Float(precision=53), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("first_seen_at", types.UtcTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcTime(), nullable=False),
        sa.Column("last_changed_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("source_record_id", "source", name=op.f("pk_service_request")),
    )
    op.create_index(
        op.f("ix_service_request_closed_day_series_id"),
        "service_request",
        ["closed_day", "series_id"],
        unique=False,
        sqlite_where=sa.text("closed_day IS NOT NULL"),
        postgresql_where=sa.text("closed_day IS NOT NULL"),
    )
    op.create_index(op.f("ix_service_request_day_series_id"), "service_request", ["day", "series_id"], unique=False)


def downgrade() -> None:
    op.drop_table("service_request")
    op.drop_table("rejected_row")
    op.drop_table("daily_count")
    op.drop_table("count_history")
    op.drop_table("sync_run")
    op.drop_table("source_state")
    op.drop_table("series")
    op.drop_table("judged")
    op.drop_table("forecast")
    op.drop_table("coverage")
    op.drop_table("breach")
    op.drop_table("alert_event")
    op.drop_table("alarm")
    op.drop_table("source")
    op.drop_table("notification")
    op.drop_table("alert")
