"""Counts of series and days as known on any day, row by row; panels and totals are made of them."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from store.dialect import fetch_integers
from store.schema import count_history, daily_count, series
from store.schema import source as sources
from store.series import Integers
from store.types import DAY_ZERO, Day


class Cells(NamedTuple):
    """Series and days on which something was opened; (n_cells,) each."""

    series_id: Integers
    day: Integers  # since 1970-01-01
    opened: Integers


class History(NamedTuple):
    """All that the cells of a source ever were; (n_rows,) each, sorted by series, day and stamp."""

    series_id: Integers
    day: Integers
    opened: Integers
    seen: Integers  # days since 1970-01-01
    backfill: Integers  # 1: when the source published it is not known

    def on(self, as_of: date, first: date, last: date, *, public_delay_days: int) -> Cells:
        """Every cell from `first` to `last` that was not 0, as known at the end of `as_of`."""
        until = _number(as_of)
        known = (self.seen <= until) | ((self.backfill == 1) & (self.day + public_delay_days <= until))
        known &= (self.day >= _number(first)) & (self.day <= _number(last))
        series_id, day, opened = self.series_id[known], self.day[known], self.opened[known]
        newest = np.ones(len(day), dtype=bool)
        newest[:-1] = (series_id[1:] != series_id[:-1]) | (day[1:] != day[:-1])
        newest &= opened > 0
        return Cells(series_id[newest], day[newest], opened[newest])


def read_history(
    conn: Connection, source: str, first: date, last: date, where: Mapping[str, str] = MappingProxyType({})
) -> History:
    """The history of the days from `first` to `last`: for asking what was known on one day after the other."""
    table = count_history.c
    seen = type_coerce(table.seen_day, Integer)
    statement = select(table.series_id, table.day, table.opened, seen, case((table.backfill, 1), else_=0))
    statement = statement.where(table.series_id.in_(_series_of(source, where)), table.day.between(first, last))
    found = fetch_integers(conn, statement)
    series_id, day, _, seen_day, backfill = found.T
    order = np.lexsort((-backfill, seen_day, day, series_id))  # nothing to do where rows come in the order of the key
    return History(*found[order].T)


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
    seen_day = conn.execute(select(sources.c.seen_day).where(sources.c.name == source)).scalar()
    if as_of is not None and seen_day is not None and as_of < seen_day:
        history = read_history(conn, source, first, last, where)
        return history.on(as_of, first, last, public_delay_days=public_delay_days)
    table = daily_count.c
    statement = select(table.series_id, table.day, table.opened).where(table.opened > 0)
    statement = statement.where(table.series_id.in_(_series_of(source, where)), table.day.between(first, last))
    return Cells(*fetch_integers(conn, statement).T)


def read_totals(conn: Connection, source: str, first: date, last: date) -> Integers:
    """(n_days, 2) days on which the source has requests, and how many, as known now."""
    table = daily_count.c
    statement = select(table.day, func.sum(table.opened)).group_by(table.day)
    return fetch_integers(
        conn, statement.where(table.series_id.in_(_series_of(source, {})), table.day.between(first, last))
    )


def _series_of(source: str, where: Mapping[str, str]) -> Select[tuple[int]]:
    """Numbers of the source's series with these labels."""
    return select(series.c.id).where(series.c.source == source, *(series.c[name] == it for name, it in where.items()))


def _number(day: date) -> int:
    return day.toordinal() - DAY_ZERO


def known_on(table: Table, as_of: date, public_delay_days: int) -> ColumnElement[bool]:
    """Which rows of a history were known at the end of `as_of`."""
    published: Column[Any] | ColumnElement[Any] = table.c.day + public_delay_days
    return or_(table.c.seen_day <= as_of, and_(table.c.backfill, published <= literal(as_of, Day)))
