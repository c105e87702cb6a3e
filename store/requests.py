"""Writes single requests, and in the same transaction the counts that follow from them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import IntEnum
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union,
    update,
)

from forewarn.panel import LABELS
from forewarn.request import ServiceRequest
from store.dialect import empty_staging, insert, load
from store.recount import apply_counted, recount, touched
from store.schema import service_request as stored
from store.series import series_ids
from store.sources import advance_source
from store.text import storable
from store.types import UtcTime


class WriteCounts(NamedTuple):
    """What became of the rows of one batch."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0  # an older copy than the one that is stored, and refused
    duplicates: int = 0  # another row of the batch had the same key, and was at least as new


class Outcome(IntEnum):
    """What becomes of one row."""

    NEW = 0
    CHANGED = 1
    UNCHANGED = 2
    STALE = 3


_CONTENT = (
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
"""Columns that make a row another one. A new `updated_at` alone does not: some sources touch every row daily."""

_incoming = Table(
    "incoming_request",
    MetaData(),
    *(Column(name, stored.c[name].type) for name in ("source_record_id", "updated_at", *_CONTENT)),
    Column("outcome", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
_KEPT = [column.name for column in _incoming.columns if column.name != "outcome"]
_written = _incoming.c.outcome.in_([Outcome.NEW, Outcome.CHANGED])


def write_requests(
    conn: Connection,
    source: str,
    requests: Sequence[ServiceRequest],
    *,
    seen_at: datetime,
    seen_day: date,
    backfill: bool,
) -> WriteCounts:
    """Stores a batch; the same batch again changes nothing but `last_seen_at`.

    Args:
        seen_at: When the batch was read, by our clock.
        seen_day: The civil day of that, in the source's zone.
        backfill: The rows were published at unknown times before now, as when a source is read for the first time.
    Returns:
        What became of the rows; the numbers add up to `len(requests)`.
    """
    if not requests:
        return WriteCounts()
    seen_day = advance_source(conn, source, seen_day)
    rows = _newest_of_each(source, requests)
    _stage(conn, source, rows)
    found = _classify(conn, source)
    if found.new or found.changed:
        _collect_touched(conn, source, some_changed=found.changed > 0)
        _upsert(conn, source, seen_at)
        recount(conn)
        apply_counted(conn, seen_day=seen_day, backfill=backfill)
    if found.unchanged or found.stale:
        _note_seen(conn, source, seen_at)
    return found._replace(duplicates=len(requests) - len(rows))


def _newest_of_each(source: str, requests: Sequence[ServiceRequest]) -> dict[str, ServiceRequest]:
    """One row for each record id: the last of those that are not older than another."""
    if strangers := {request.source for request in requests} - {source}:
        raise ValueError(f"requests of {sorted(strangers)} cannot be written as those of {source!r}")
    ids = storable([request.source_record_id for request in requests])
    rows = dict(zip(ids, requests, strict=True))
    if len(rows) == len(requests):
        return rows
    rows.clear()
    for record_id, request in zip(ids, requests, strict=True):
        held = rows.get(record_id)
        if held is None or not _older(request.updated_at, held.updated_at):
            rows[record_id] = request
    return rows


def _older(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


def _stage(conn: Connection, source: str, rows: Mapping[str, ServiceRequest]) -> None:
    labels = [storable([getattr(row, label) for row in rows.values()]) for label in LABELS]
    keys = list(zip(*labels, strict=True))
    ids = series_ids(conn, source, set(keys))
    columns: dict[str, Iterable[Any]] = {
        "source_record_id": rows,
        "series_id": map(ids.__getitem__, keys),
        "description": storable([row.description for row in rows.values()]),
        "status": [str(row.status) for row in rows.values()],  # drivers are slow with subclasses of str
        "precision": [str(row.precision) for row in rows.values()],
        "outcome": repeat(Outcome.NEW.value, len(rows)),
    }
    for name in set(_KEPT) - set(columns):
        columns[name] = map(attrgetter(name), rows.values())
    empty_staging(conn, _incoming)
    load(conn, _incoming, [columns[column.name] for column in _incoming.columns])


def _same_key(source: str) -> Any:
    return and_(stored.c.source_record_id == _incoming.c.source_record_id, stored.c.source == source)


def _classify(conn: Connection, source: str) -> WriteCounts:
    differs = or_(*(stored.c[name].is_distinct_from(_incoming.c[name]) for name in _CONTENT))
    outcome = case(
        (_incoming.c.updated_at < stored.c.updated_at, Outcome.STALE.value),
        (differs, Outcome.CHANGED.value),
        else_=Outcome.UNCHANGED.value,
    )
    conn.execute(update(_incoming).values(outcome=outcome).where(_same_key(source)))
    numbers = conn.execute(select(_incoming.c.outcome, func.count()).group_by(_incoming.c.outcome))
    return WriteCounts(**{Outcome(code).name.lower(): number for code, number in numbers})


def _collect_touched(conn: Connection, source: str, *, some_changed: bool) -> None:
    """The days on which new and changed rows were opened and closed, as they are now and as they were stored."""
    now = select(_incoming.c.series_id, _incoming.c.day).where(_written)
    now_closed = select(_incoming.c.series_id, _incoming.c.closed_day).where(
        _written, _incoming.c.closed_day.is_not(None)
    )
    changed = and_(_incoming.c.outcome == Outcome.CHANGED.value, _same_key(source))
    before = select(stored.c.series_id, stored.c.day).where(changed)
    before_closed = select(stored.c.series_id, stored.c.closed_day).where(changed, stored.c.closed_day.is_not(None))
    empty_staging(conn, touched)
    pairs = union(now, now_closed, before, before_closed) if some_changed else union(now, now_closed)
    conn.execute(touched.insert().from_select(list(touched.c), pairs))


def _upsert(conn: Connection, source: str, seen_at: datetime) -> None:
    at = literal(seen_at, UtcTime)
    columns = [*_KEPT, "source", "first_seen_at", "last_seen_at", "last_changed_at"]
    rows = select(*(_incoming.c[name] for name in _KEPT), literal(source), at, at, at).where(_written)
    statement = insert(conn, stored).from_select(columns, rows)
    new = statement.excluded
    changes: dict[str, Any] = {name: new[name] for name in (*_CONTENT, "last_seen_at", "last_changed_at")}
    changes["updated_at"] = func.coalesce(new.updated_at, stored.c.updated_at)
    conn.execute(statement.on_conflict_do_update(index_elements=["source_record_id", "source"], set_=changes))


def _note_seen(conn: Connection, source: str, seen_at: datetime) -> None:
    newer = case(
        (stored.c.updated_at >= _incoming.c.updated_at, stored.c.updated_at),
        else_=func.coalesce(_incoming.c.updated_at, stored.c.updated_at),
    )
    statement = update(stored).values(last_seen_at=seen_at, updated_at=newer)
    conn.execute(statement.where(_same_key(source), ~_written))
