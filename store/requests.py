"""Writes single requests, and in the same transaction the counts that follow from them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from forewarn.panel import LABELS
from forewarn.request import Requests, Texts
from store.dialect import fetch_integers, load, rows_looked_up, stage
from store.recount import apply_counted, recount
from store.renumbering import renumber
from store.revisions import CONTENT, log_changes
from store.schema import service_request as stored
from store.series import Integers, series_ids
from store.sources import advance_source
from store.text import storable
from store.types import UtcTime


class WriteCounts(NamedTuple):
    """What became of the rows of one batch."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0  # an older copy than the one that is stored, and refused
    restored: int = 0  # an older copy that was read twice, a while apart: the source has gone back to it
    revived: int = 0  # had been deleted, and is there again
    duplicates: int = 0  # another row of the batch had the same key, and was at least as new
    renumbered: int = 0  # of these rows: came under another id than before, and were given it first


class Outcome(IntEnum):
    """What becomes of a row whose id is stored already."""

    CHANGED = 1
    UNCHANGED = 2
    STALE = 3
    RESTORED = 4
    REVIVED = 5


TAKEN_OVER = (Outcome.CHANGED, Outcome.RESTORED, Outcome.REVIVED)
REVISIT = timedelta(hours=20)
"""Reads of an older copy that are so far apart are two: the second is no overlap of the first."""


_KEPT = ("source_record_id", "updated_at", *CONTENT)

_staging = MetaData()
_incoming = Table(
    "incoming_request",
    _staging,
    *(Column(name, stored.c[name].type) for name in _KEPT),
    Column("outcome", Integer),
    prefixes=["TEMPORARY"],
)
"""Rows whose id is stored already."""
_asked = Table(
    "asked_id",
    _staging,
    Column("position", Integer, nullable=False),
    Column("source_record_id", Text, nullable=False),
    prefixes=["TEMPORARY"],
)

_is_changed = _incoming.c.outcome.in_([outcome.value for outcome in TAKEN_OVER])
_OUR_TIMES = ("first_seen_at", "last_seen_at", "last_changed_at")

Columns = Mapping[str, npt.NDArray[Any]]


def write_requests(
    conn: Connection,
    requests: Requests,
    *,
    seen_at: datetime,
    seen_day: date,
    backfill: bool,
    new_days: Counter[date] | None = None,
    known_until: date | None = None,
) -> WriteCounts:
    """Stores a batch; the same batch again changes nothing but `last_seen_at`.

    Args:
        seen_at: When the batch was read, by our clock.
        seen_day: The civil day of that, in the source's zone.
        backfill: The rows were published at unknown times before now, as when a source is read for the first time.
        new_days: Is told of which days the new requests are.
        known_until: Last day that was known before; None: none was, and the source cannot have given new ids.
    Returns:
        What became of the rows; but for `renumbered` the numbers add up to `len(requests)`.
    """
    if not len(requests):
        return WriteCounts()
    source = requests.source
    seen_day = advance_source(conn, source, seen_day)
    rows = _newest_of_each(_storable(requests))
    columns: Columns = {
        "series_id": series_ids(conn, source, {label: getattr(rows, label) for label in LABELS}),
        **{name: getattr(rows, name) for name in _KEPT if name != "series_id"},
    }
    is_stored = _is_stored(conn, source, rows.source_record_id)
    renumbered = 0 if known_until is None else renumber(conn, source, columns, is_stored, known_until)
    if renumbered:
        is_stored = _is_stored(conn, source, rows.source_record_id)
    new = {name: column[~is_stored] for name, column in columns.items()}
    _append(conn, source, new, seen_at)
    if new_days is not None:
        days, numbers = np.unique(new["day"], return_counts=True)
        new_days.update(dict(zip(days.tolist(), numbers.tolist(), strict=True)))
    touched = _cells_of(new)
    outcomes: Counter[str] = Counter(new=int((~is_stored).sum()))
    if is_stored.any():
        stage(conn, _incoming, {name: column[is_stored] for name, column in columns.items()})
        with rows_looked_up(conn):
            outcomes.update(_classify(conn, source, seen_at))
            log_changes(conn, source, select(*_before_and_after()).where(_same_key(source), _is_changed), seen_at)
            touched = np.concatenate([touched, _changed_cells(conn, source)])
            _update(conn, source, seen_at)
    if len(touched):
        recount(conn, *touched.T)
        apply_counted(conn, seen_day=seen_day, backfill=backfill)
    return WriteCounts(**outcomes, duplicates=len(requests) - len(rows), renumbered=renumbered)


def _storable(requests: Requests) -> Requests:
    texts: dict[str, Any] = {
        name: storable(getattr(requests, name)) for name in ("source_record_id", *LABELS, "description")
    }
    return replace(requests, **texts)


def _newest_of_each(requests: Requests) -> Requests:
    """One row for each record id, as if they had come one after the other."""
    ids, stamps = requests.source_record_id, requests.updated_at.copy()
    comes_twice = pd.Series(ids, dtype=object).duplicated(keep=False).to_numpy()
    row_of: dict[str, int] = {}
    for row in np.flatnonzero(comes_twice).tolist():
        held = row_of.get(ids[row])
        if held is not None and stamps[row] < stamps[held]:
            continue  # an older copy
        if held is not None and np.isnat(stamps[row]):
            stamps[row] = stamps[held]
        row_of[ids[row]] = row
    if not row_of:
        return requests
    rows = np.sort(np.append(np.flatnonzero(~comes_twice), list(row_of.values())))
    return replace(requests, updated_at=stamps).where(rows)


def _is_stored(conn: Connection, source: str, ids: Texts) -> npt.NDArray[np.bool_]:
    """Which of these record ids the store has."""
    stage(conn, _asked, {"position": np.arange(len(ids)), "source_record_id": ids})
    same = and_(stored.c.source_record_id == _asked.c.source_record_id, stored.c.source == source)
    found = np.zeros(len(ids), dtype=np.bool_)
    with rows_looked_up(conn):
        found[fetch_integers(conn, select(_asked.c.position).join_from(_asked, stored, same))] = True
    return found


def _append(conn: Connection, source: str, new: Columns, seen_at: datetime) -> None:
    rows = len(new["source_record_id"])
    at = np.full(rows, seen_at.astimezone(UTC).replace(tzinfo=None), dtype="datetime64[us]")
    ours = {"source": np.full(rows, source, dtype=object), **dict.fromkeys(_OUR_TIMES, at)}
    load(conn, stored, {**new, **ours})


def _cells_of(new: Columns) -> Integers:
    """(n, 2) series and days on which these rows were opened and closed."""
    is_closed = ~np.isnat(new["closed_day"])
    opened = np.column_stack([new["series_id"], new["day"].astype(np.int64)])
    closed = np.column_stack([new["series_id"][is_closed], new["closed_day"][is_closed].astype(np.int64)])
    return np.concatenate([opened, closed])


def _same_key(source: str) -> ColumnElement[bool]:
    return and_(stored.c.source_record_id == _incoming.c.source_record_id, stored.c.source == source)


def _before_and_after() -> list[ColumnElement[Any]]:
    """Id, then the columns that a revision may tell of as they are stored, then as they come."""
    gone = [stored.c.deleted_at, stored.c.deletion_reason]
    return [
        stored.c.source_record_id,
        *(stored.c[name] for name in CONTENT),
        stored.c.updated_at,
        *gone,
        *(_incoming.c[name] for name in CONTENT),
        func.coalesce(_incoming.c.updated_at, stored.c.updated_at),
        *(null() for _ in gone),
    ]


def _classify(conn: Connection, source: str, seen_at: datetime) -> dict[str, int]:
    differs = or_(*(stored.c[name].is_distinct_from(_incoming.c[name]) for name in CONTENT))
    is_older = _incoming.c.updated_at < stored.c.updated_at
    was_read_before = and_(stored.c.refused_stamp == _incoming.c.updated_at, stored.c.refused_at <= seen_at - REVISIT)
    outcome = case(
        (stored.c.deleted_at.is_not(None), Outcome.REVIVED.value),
        (and_(is_older, was_read_before), Outcome.RESTORED.value),
        (is_older, Outcome.STALE.value),
        (differs, Outcome.CHANGED.value),
        else_=Outcome.UNCHANGED.value,
    )
    conn.execute(update(_incoming).values(outcome=outcome).where(_same_key(source)))
    numbers = conn.execute(select(_incoming.c.outcome, func.count()).group_by(_incoming.c.outcome))
    return {Outcome(code).name.lower(): number for code, number in numbers}


def _changed_cells(conn: Connection, source: str) -> Integers:
    """(n, 2) series and days on which changed rows were opened and closed, as they are now and as they are stored."""
    pairs = [
        (row.c.series_id, day)
        for row in (_incoming, stored)
        for day in (row.c.day, func.coalesce(row.c.closed_day, row.c.day))
    ]
    changed = select(*chain.from_iterable(pairs)).where(_same_key(source), _is_changed)
    return fetch_integers(conn, changed).reshape(-1, 2)


def _update(conn: Connection, source: str, seen_at: datetime) -> None:
    """Takes over what changed, and notes of all others that they were seen."""
    news: dict[str, Any] = {name: _incoming.c[name] for name in CONTENT}
    news["updated_at"] = func.coalesce(_incoming.c.updated_at, stored.c.updated_at)
    mine = _same_key(source)
    there: dict[str, Any] = {"last_seen_at": seen_at, "missed_at": None, "deletion_reason": None}
    taken = {"deleted_at": None, "refused_stamp": None, "refused_at": None}
    conn.execute(update(stored).values(**news, **there, **taken, last_changed_at=seen_at).where(mine, _is_changed))
    newer = func.coalesce(_incoming.c.updated_at, stored.c.updated_at)
    is_same = _incoming.c.outcome == Outcome.UNCHANGED.value
    same = {**there, "updated_at": newer, "refused_stamp": None, "refused_at": None}
    conn.execute(update(stored).values(same).where(mine, is_same))
    is_known = stored.c.refused_stamp == _incoming.c.updated_at
    refused = {
        "refused_stamp": _incoming.c.updated_at,
        "refused_at": case((is_known, stored.c.refused_at), else_=literal(seen_at, UtcTime)),
    }
    is_stale = _incoming.c.outcome == Outcome.STALE.value
    conn.execute(update(stored).values(**there, **refused).where(mine, is_stale))
