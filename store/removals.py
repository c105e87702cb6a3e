"""Requests that are gone from their source: marked, never erased, and no longer counted.

A request is taken for gone when it was missing from two complete comparisons, or when its source says so. One that is
older than what the source keeps is only marked as aged out: it is no less a request, and stays counted.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)

from forewarn.request import LONGEST_ID, DeletionReason, Status
from store.dialect import fetch_integers, overwrites_freed, stage
from store.recount import apply_counted, recount
from store.revisions import LOGGED, log_changes
from store.schema import service_request as stored
from store.sources import advance_source
from store.text import storable

_listed = Table("listed_id", MetaData(), Column("source_record_id", Text, primary_key=True), prefixes=["TEMPORARY"])
"""Ids that a source has, or that it says are gone."""
_is_listed = select(_listed.c.source_record_id).where(_listed.c.source_record_id == stored.c.source_record_id).exists()


class Comparison(NamedTuple):
    """What the store and its source have of some days."""

    stored: int
    listed: int
    missing: list[str]  # ids that only the store has
    unknown: list[str]  # ids that only the source has


def count_stored(conn: Connection, source: str, first: date, last: date) -> int:
    """How many requests of these days the store has."""
    number: int = conn.execute(select(func.count()).where(_of_days(source, first, last))).scalar_one()
    return number


def compare(conn: Connection, source: str, first: date, last: date, listed: Collection[str]) -> Comparison:
    """The store's requests of these days beside the ids that the source has of them."""
    _list(conn, listed)
    days = _of_days(source, first, last)
    missing = conn.execute(select(stored.c.source_record_id).where(days, not_(_is_listed))).scalars()
    there = and_(stored.c.source_record_id == _listed.c.source_record_id, *_there(source))
    unknown = conn.execute(
        select(_listed.c.source_record_id).where(not_(select(stored.c.source).where(there).exists()))
    )
    return Comparison(count_stored(conn, source, first, last), len(listed), sorted(missing), sorted(unknown.scalars()))


def note_missing(
    conn: Connection, source: str, first: date, last: date, missing: Collection[str], at: datetime
) -> None:
    """Marks what was missing from a comparison of these days; what had been missing and is there again is forgiven."""
    _list(conn, missing)
    mine = _of_days(source, first, last)
    conn.execute(update(stored).values(missed_at=None).where(mine, stored.c.missed_at.is_not(None), not_(_is_listed)))
    conn.execute(update(stored).values(missed_at=at).where(mine, stored.c.missed_at.is_(None), _is_listed))


def missing_since(conn: Connection, source: str, first: date, last: date, before: datetime) -> list[str]:
    """Ids of these days that were missing from every comparison since one at `before` or earlier."""
    statement = select(stored.c.source_record_id).where(_of_days(source, first, last), stored.c.missed_at <= before)
    return sorted(conn.execute(statement).scalars())


def count_missing(conn: Connection, source: str, first: date, last: date) -> tuple[int, int]:
    """How many requests of these days the store has, and how many of them were missing from the last comparison."""
    statement = select(func.count(), func.count(stored.c.missed_at)).where(_of_days(source, first, last))
    number, missing = conn.execute(statement).one()
    return number, missing


def first_missed(conn: Connection, source: str, first: date, last: date) -> datetime | None:
    """Since when the first of these days' requests that are missing has been; None: none is."""
    found: datetime | None = conn.execute(
        select(func.min(stored.c.missed_at)).where(_of_days(source, first, last))
    ).scalar()
    return found


def oldest_open(conn: Connection, source: str, first: date, last: date, seen_before: datetime, limit: int) -> list[str]:
    """Ids of these days' requests that are open, as far as is known, and were not seen since, longest ago first."""
    is_open = and_(stored.c.closed_at.is_(None), stored.c.status.in_([Status.OPEN, Status.IN_PROGRESS]))
    was_missed = or_(stored.c.missed_at.is_(None), stored.c.missed_at <= seen_before)
    is_due = and_(stored.c.last_seen_at <= seen_before, was_missed)
    ids = select(stored.c.source_record_id).where(_of_days(source, first, last), is_open, is_due)
    longest_ago = ids.order_by(stored.c.last_seen_at, stored.c.source_record_id)
    return list(conn.execute(longest_ago.limit(limit)).scalars())


def note_missing_singly(
    conn: Connection, source: str, missing: Collection[str], at: datetime, before: datetime
) -> list[str]:
    """Marks requests that were asked for by themselves and are not there; ids of those that were missing before."""
    _list(conn, missing)
    mine = and_(*_there(source), _is_listed)
    conn.execute(update(stored).values(missed_at=at).where(mine, stored.c.missed_at.is_(None)))
    return sorted(conn.execute(select(stored.c.source_record_id).where(mine, stored.c.missed_at <= before)).scalars())


def remove(
    conn: Connection, source: str, gone: Collection[str], reason: DeletionReason, *, at: datetime, seen_day: date
) -> int:
    """Takes requests out of the counts, which are counted anew, and empties their texts.

    Ids that are unknown or gone already change nothing.
    """
    if not gone:
        return 0
    seen_day = advance_source(conn, source, seen_day)
    _list(conn, gone)
    mine = and_(*_there(source), _is_listed)
    news = {"description": "", "deleted_at": at, "deletion_reason": reason.value}
    before = [stored.c[name] for name in LOGGED]
    after = [literal(news[name], stored.c[name].type) if name in news else stored.c[name] for name in LOGGED]
    log_changes(conn, source, select(stored.c.source_record_id, *before, *after).where(mine), at)
    days = (stored.c.day, func.coalesce(stored.c.closed_day, stored.c.day))
    cells = fetch_integers(conn, select(*(column for day in days for column in (stored.c.series_id, day))).where(mine))
    with overwrites_freed(conn):
        removed = conn.execute(update(stored).values(news).where(mine)).rowcount
    if len(cells):
        recount(conn, *cells.reshape(-1, 2).T)
        apply_counted(conn, seen_day=seen_day, backfill=False)
    return removed


def age_out(conn: Connection, source: str, before: date, seen_before: datetime) -> int:
    """Marks requests of days before `before`, which the source no longer keeps, unless they were seen lately."""
    is_aged = and_(*_there(source), stored.c.day < before, stored.c.last_seen_at < seen_before)
    news = or_(stored.c.deletion_reason.is_(None), stored.c.missed_at.is_not(None))
    aged = {"deletion_reason": DeletionReason.AGED_OUT.value, "missed_at": None}
    return conn.execute(update(stored).values(aged).where(is_aged, news)).rowcount


def _there(source: str) -> tuple[ColumnElement[bool], ...]:
    return stored.c.source == source, stored.c.deleted_at.is_(None)


def _of_days(source: str, first: date, last: date) -> ColumnElement[bool]:
    return and_(*_there(source), stored.c.day.between(first, last))


def _list(conn: Connection, ids: Collection[str]) -> None:
    known = [one for one in ids if len(one) <= LONGEST_ID]  # a longer one was never taken
    texts = np.empty(len(known), dtype=object)
    texts[:] = known
    stage(conn, _listed, {"source_record_id": np.unique(storable(texts))})
