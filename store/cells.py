"""Counts of series and days as known on any day, row by row; panels and totals are made of them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, Integer, Table, and_, case, literal, or_, select, type_coerce

from store.dialect import fetch_integers
from store.schema import count_history, daily_count, series
from store.schema import source as sources
from store.series import Integers
from store.types import Day


class Cells(NamedTuple):
    """Series and days on which something was opened; (n_cells,) each."""

    series_id: Integers
    day: Integers  # since 1970-01-01
    opened: Integers


def read_cells(
    conn: Connection,
    source: str,
    first: date,
    last: date,
    *,
    as_of: date | None,
    public_delay_days: int,
    where: Mapping[str, str],
) -> Cells:
    """Every cell of the source that is not 0, as known at the end of `as_of`; None: as known now."""
    labels = (series.c[label] == value for label, value in where.items())
    mine = select(series.c.id).where(series.c.source == source, *labels)
    seen_day = conn.execute(select(sources.c.seen_day).where(sources.c.name == source)).scalar()
    table: Any
    if as_of is None or seen_day is None or as_of >= seen_day:
        table = daily_count.c
        statement = select(table.series_id, table.day, table.opened).where(table.opened > 0)
        found = fetch_integers(conn, statement.where(table.series_id.in_(mine), table.day.between(first, last)))
        return Cells(*found.T)
    table = count_history.c
    stamp = 2 * type_coerce(table.seen_day, Integer) + case((table.backfill, 0), else_=1)
    statement = select(table.series_id, table.day, table.opened, stamp)
    statement = statement.where(known_on(count_history, as_of, public_delay_days))
    found = fetch_integers(conn, statement.where(table.series_id.in_(mine), table.day.between(first, last)))
    newest = _newest(found)
    return Cells(*newest[newest[:, 2] > 0, :3].T)


def known_on(table: Table, as_of: date, public_delay_days: int) -> ColumnElement[bool]:
    """Which rows of a history were known at the end of `as_of`."""
    published: Column[Any] | ColumnElement[Any] = table.c.day + public_delay_days
    return or_(table.c.seen_day <= as_of, and_(table.c.backfill, published <= literal(as_of, Day)))


def _newest(history: Integers) -> Integers:
    """Of rows (series, day, opened, stamp) the one with the latest stamp of each series and day."""
    series_id, day, _, stamp = history.T
    ordered = history[np.lexsort((stamp, day, series_id))]  # nothing to do where rows come in the order of the key
    series_id, day = ordered[:, 0], ordered[:, 1]
    is_last = np.ones(len(ordered), dtype=bool)
    is_last[:-1] = (series_id[1:] != series_id[:-1]) | (day[1:] != day[:-1])
    return ordered[is_last]
