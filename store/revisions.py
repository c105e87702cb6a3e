"""What requests were before they changed, so that they can be had as they were known at any instant.

Each change appends the columns that changed with their earlier values. Of a description only that it changed is kept:
what somebody took back must not live on in a log.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from store.schema import request_revision, service_request
from store.types import Day, UtcTime

CONTENT = (
    "series_id",
    "requested_at",
    "day",
    "closed_at",
    "closed_day",
    "due_at",
    "status",
    "precision",
    "lat",
    "lon",
    "description",
)
"""Columns that make a request another one. A new `updated_at` alone does not: some sources touch every row daily."""
LOGGED = (*CONTENT, "updated_at", "deleted_at", "deletion_reason")
"""Columns whose earlier values are kept."""
_TEXTS = {"description"}


def log_changes(conn: Connection, source: str, changes: Select[Any], seen_at: datetime) -> None:
    """Appends what is about to change.

    Args:
        changes: Of each request its id, then the `LOGGED` columns as they are, then as they will be.
    """
    rows = []
    for record_id, *values in conn.execute(changes):
        before, after = values[: len(LOGGED)], values[len(LOGGED) :]
        changed = [name for name, old, new in zip(LOGGED, before, after, strict=True) if not _same(old, new)]
        held = dict(zip(LOGGED, before, strict=True))
        earlier = {name: None if name in _TEXTS else _written(held[name]) for name in changed}
        rows.append({"source": source, "source_record_id": record_id, "seen_at": seen_at, "earlier": earlier})
    if rows:
        conn.execute(insert(request_revision), rows)


def requests_known_at(conn: Connection, source: str, at: datetime) -> dict[str, Mapping[str, Any]]:
    """Record id → the `LOGGED` columns, of all requests that counted at that instant.

    A description is the present one. A request of a first reading is known from then on, though its source had it
    long before.
    """
    table, log = service_request.c, request_revision.c
    columns = [table[name] for name in LOGGED]
    statement = select(table.source_record_id, *columns).where(table.source == source, table.first_seen_at <= at)
    known = {record_id: dict(zip(LOGGED, values, strict=True)) for record_id, *values in conn.execute(statement)}
    later = select(log.source_record_id, log.earlier).where(log.source == source, log.seen_at > at)
    for record_id, earlier in conn.execute(later.order_by(log.id.desc())):
        if record_id in known:
            known[record_id].update({name: _read(name, value) for name, value in earlier.items() if name not in _TEXTS})
    return {record_id: values for record_id, values in known.items() if values["deleted_at"] is None}


def _same(old: Any, new: Any) -> bool:
    return bool(old == new or (old != old and new != new))


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return None if value != value else value


def _read(name: str, value: Any) -> Any:
    kind = service_request.c[name].type
    if isinstance(kind, UtcTime):
        return value and datetime.fromisoformat(value)
    if isinstance(kind, Day):
        return value and date.fromisoformat(value)
    return value
