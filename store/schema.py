"""All tables. Times are UTC; a civil day is the source's own.

Text that a source sends is stored as it came. A text label is '' where unknown, never NULL, so that it can be
part of a key.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from store.types import Day, Labels, Number, UtcTime, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

source = Table(
    "source",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_day", Day),  # last civil day on which anything was written; never moves back
)

source_state = Table(
    "source_state",
    metadata,
    Column("source", Text, ForeignKey("source.name"), primary_key=True),
    Column("state", JSON, nullable=False),  # the connector's own: watermark, files that were read
    Column("health", Text),  # NULL until a run has ended
    Column("message", Words, nullable=False),
    Column("changed_at", UtcTime),  # since when the health is what it is
    Column("checked_at", UtcTime),
    Column("newest_day", Day),
    Column("reconciled_at", UtcTime),  # when the store was last compared with all that the source has
    Column("control", JSON),  # what that comparison came to
    Column("texts_from", Day),  # of earlier days free texts were emptied; NULL: none were
    Column("shape", JSON),  # names and types of the source's fields, and what of them is news
)

sync_run = Table(
    "sync_run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),  # NULL: still running, or killed
    Column("outcome", Text),
    Column("counters", JSON, nullable=False),
    Column("message", Words, nullable=False),
    Index(None, "source", "started_at"),
)

rejected_row = Table(
    "rejected_row",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("run_id", Integer, ForeignKey("sync_run.id"), nullable=False),  # last run that met it
    Column("reason", Text, nullable=False),
    Column("detail", Words, nullable=False),
    Column("position", Words, nullable=False),
    UniqueConstraint("source", "position", "reason", "detail"),  # met again, it is not kept twice
)

received_batch = Table(
    "received_batch",
    metadata,
    Column("number", Integer, primary_key=True),  # in the order in which batches were committed
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("signature", Text),  # NULL: kept before signatures were
    Column("content", JSON, nullable=False),  # the connector's own
    UniqueConstraint("source", "idempotency_key"),
    Index(None, "source", "signature"),
    Index(None, "source", "received_at"),
    sqlite_autoincrement=True,  # a number that was dropped is not given again
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("agency", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("subcategory", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("channel", Text, nullable=False),
    UniqueConstraint("source", "agency", "category", "subcategory", "area", "channel"),
)

service_request = Table(
    "service_request",
    metadata,
    # The id comes first in the key: SQLite would rather scan a source than look up each of a batch's ids.
    Column("source_record_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("series_id", Integer, nullable=False),  # docs/decisions/0013
    Column("requested_at", UtcTime, nullable=False),
    Column("day", Day, nullable=False),
    Column("closed_at", UtcTime),
    Column("closed_day", Day),
    Column("updated_at", UtcTime),
    Column("due_at", UtcTime),
    Column("status", Text, nullable=False),
    Column("precision", Text, nullable=False),
    Column("lat", Number),
    Column("lon", Number),
    Column("description", Text, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),  # our clock, as are the next two
    Column("last_seen_at", UtcTime, nullable=False),
    Column("last_changed_at", UtcTime, nullable=False),
    Column("missed_at", UtcTime),  # the first complete comparison with the source in which it was missing
    Column("deleted_at", UtcTime),  # by our clock; not NULL: it is no request any more and is not counted
    Column("deletion_reason", Text),  # of an aged one, too, which is still counted
    Column("refused_stamp", UtcTime),  # `updated_at` of an older copy that was not taken over
    Column("refused_at", UtcTime),  # when that copy was first read
    # The day comes first: requests come in the order of their days, so the index grows at its end.
    Index(
        None,
        "day",
        "series_id",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        None,
        "closed_day",
        "series_id",
        sqlite_where=text("closed_day IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=text("closed_day IS NOT NULL AND deleted_at IS NULL"),
    ),
)

request_revision = Table(
    "request_revision",
    metadata,
    Column("id", Integer, primary_key=True),  # in the order in which the changes were noticed
    Column("source_record_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("earlier", JSON, nullable=False),  # column that changed → what it was; of texts only that they changed
    Index(None, "source", "seen_at"),
)

daily_count = Table(
    "daily_count",
    metadata,
    Column("series_id", Integer, primary_key=True),
    Column("day", Day, primary_key=True),
    Column("opened", Integer, nullable=False),  # no row: 0 and 0
    Column("closed", Integer, nullable=False),
    sqlite_with_rowid=False,
)

count_history = Table(
    "count_history",
    metadata,
    Column("series_id", Integer, primary_key=True),
    Column("day", Day, primary_key=True),
    Column("seen_day", Day, primary_key=True),
    Column("backfill", Boolean, primary_key=True),  # true: when the source published it is not known
    Column("opened", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    Index(
        "ix_count_history_live",
        "seen_day",
        "series_id",
        sqlite_where=text("backfill = 0"),
        postgresql_where=text("NOT backfill"),
    ),
    sqlite_with_rowid=False,
)

coverage = Table(
    "coverage",
    metadata,
    Column("source", Text, ForeignKey("source.name"), primary_key=True),
    Column("day", Day, primary_key=True),
    Column("seen_day", Day, primary_key=True),
    Column("backfill", Boolean, primary_key=True),
    Column("coverage", Text, nullable=False),
)

judged = Table(
    "judged",
    metadata,
    Column("source", Text, ForeignKey("source.name"), primary_key=True),
    Column("until", Day),  # last day whose alarms are decided
    Column("breaches_on", Day),  # last day on which breaches were looked for
)

alarm = Table(
    "alarm",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("labels", Labels, nullable=False),
    Column("day", Day, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detector", Text, nullable=False),
    Column("observed", Number),
    Column("expected", Number),
    Column("low", Number),
    Column("high", Number),
    Column("limit", Number),
    Column("tail", Number),
    Column("window_days", Integer, nullable=False),  # that the numbers sum
    Column("version", Text, nullable=False),  # of code and settings
    Index(None, "source", "day"),
)

irregularity = Table(
    "irregularity",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("day", Day, nullable=False),
    Column("cause", Text, nullable=False),
    Column("labels", Labels, nullable=False),  # what was counted
    Column("who", Labels, nullable=False),
    Column("count", Integer, nullable=False),
    Column("usual", Number, nullable=False),
    Column("others", Integer, nullable=False),
    Column("since", Day),
    Index(None, "source", "day"),
)

threshold = Table(
    "threshold",
    metadata,
    Column("version", Text, primary_key=True),  # of code and settings that it holds for
    Column("found_at", UtcTime, nullable=False),
    Column("first_day", Day, nullable=False),  # of the replay, as is the next
    Column("last_day", Day, nullable=False),
    Column("alerts_per_week", Number, nullable=False),  # that the replay came to
    Column("false_alarms_per_week", Number, nullable=False),  # at which it did
)

forecast = Table(
    "forecast",
    metadata,
    Column("source", Text, ForeignKey("source.name"), primary_key=True),
    Column("labels", Labels, primary_key=True),
    Column("made_on", Day, primary_key=True),
    Column("forecaster", Text, nullable=False),
    Column("first_day", Day, nullable=False),
    Column("mean", JSON, nullable=False),  # one number a day from first_day on; null: none
    Column("low", JSON, nullable=False),
    Column("high", JSON, nullable=False),
    Column("version", Text, nullable=False),
)

breach = Table(
    "breach",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, ForeignKey("source.name"), nullable=False),
    Column("labels", Labels, nullable=False),
    Column("made_on", Day, nullable=False),
    Column("limit", Number),
    Column("window_days", Integer, nullable=False),
    Column("day", Day, nullable=False),
    Column("probability", Number),
    Column("expected", Number),
    Column("low", Number),
    Column("high", Number),
    Column("forecaster", Text, nullable=False),
    Index(None, "source", "made_on"),
)

alert = Table(
    "alert",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("labels", Labels, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("first_day", Day, nullable=False),
    Column("last_day", Day, nullable=False),
    Column("peak_day", Day, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("verdict", Text),
    Index(None, "changed_at"),
)

alert_event = Table(
    "alert_event",
    metadata,
    Column("fingerprint", Text, ForeignKey("alert.fingerprint"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("what", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False),
)

notification = Table(
    "notification",
    metadata,
    Column("idempotency_key", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcTime),  # NULL: delivered, or given up
    Column("tried_at", UtcTime),  # when the last attempt ended
    Column("delivered_at", UtcTime),
    Column("error", Text, nullable=False),  # of the last attempt
    Index(None, "next_try_at"),
)

weather = Table(
    "weather",
    metadata,
    Column("place", Text, primary_key=True),  # of the reader: sources of one place share it
    Column("day", Day, primary_key=True),
    Column("known_on", Day, primary_key=True),  # appended only where what is said of the day changed
    Column("retrieved_at", UtcTime, nullable=False),
    Column("forecast", Boolean, nullable=False),  # the day was not over
    Column("high", Number),
    Column("low", Number),
    Column("precipitation", Number),
    Column("snow", Number),
)

weather_reading = Table(
    "weather_reading",
    metadata,
    Column("place", Text, primary_key=True),
    Column("asked_at", UtcTime, nullable=False),
    Column("first_day", Day, nullable=False),  # the earliest that was ever asked for
    Column("problem", Text, nullable=False),  # of the last try, '' if it went well
)
