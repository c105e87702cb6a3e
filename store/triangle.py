"""Reporting triangles: what was known of each day on each day after, read from the history of counts.

A row of `count_history` tells that a count was news on its `seen_day`. Between two pulls nothing is known, so a day on
which the source was not read has no numbers, and what the next pull brings is not taken for a long delay.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, and_, not_, select

from forewarn.panel import Level
from forewarn.triangle import Known, Triangle
from store.counts import labels_of
from store.dialect import fetch_integers
from store.panels import rows_of
from store.schema import count_history, coverage, series, sync_run
from store.series import Integers
from store.types import DAY_ZERO

Mask = npt.NDArray[np.bool_]

MAX_DELAY_DAYS = 28
"""A day is taken as complete after so many days."""

HISTORY_DAYS = 84 + MAX_DELAY_DAYS
"""Twelve weeks of complete days: what came in earlier tells little of how reports come in now."""


def read_triangles(
    conn: Connection,
    source: str,
    levels: Sequence[Level],
    *,
    as_of: date,
    zone: ZoneInfo,
) -> list[Triangle]:
    """The triangle at each level, as it was known at the end of `as_of`; [] if no day was watched live by then.

    It takes 13 kB a series: ask for a coarse level, since areas of one category hardly differ in delay.

    Args:
        levels: As in `read_panels`.
        zone: The source's, in which the civil day of a pull is taken.
    """
    pulls = _pulls(conn, source, as_of, zone)
    if pulls is None:
        return []
    newest = np.datetime64(pulls.days[-1], "D")
    dates = np.arange(newest - (HISTORY_DAYS - 1), newest + 1)
    known = _known_cells(dates, pulls, _backfilled(conn, source, dates[0].item(), as_of))
    if not known.any():
        return []
    cells = _increments(conn, source, dates, as_of)
    numbers, series_of = np.unique(cells.series_id, return_inverse=True)
    all_labels = labels_of(conn, source).loc[numbers]
    triangles = []
    for level in levels:
        row_of, labels = rows_of(all_labels, level)
        rows = row_of[series_of]
        counts = np.zeros((len(labels), *known.shape), dtype=np.float32)
        inside = cells.delay < known.shape[1]
        np.add.at(counts, (rows[inside], cells.day[inside], cells.delay[inside]), cells.increment[inside])
        np.cumsum(counts, axis=2, out=counts)
        counts[:, ~known] = np.nan
        triangles.append(Triangle(counts, dates, labels, pulls.day_share))
    return triangles


def days_read(conn: Connection, source: str, first: date, last: date, zone: ZoneInfo) -> list[date]:
    """Civil days from `first` to `last` on which the source was read completely."""
    return sorted(_last_pulls(conn, source, first, last, zone))


class _Pulls(NamedTuple):
    """Days on which the source was read after the day of the first complete reading, and `Triangle.day_share`."""

    days: list[date]
    live_from: date
    day_share: float


class _Increments(NamedTuple):
    """What each pull added (or took away); (n_news,) each. `day` is the position among the triangle's."""

    series_id: Integers
    day: Integers
    delay: Integers
    increment: Known


def _pulls(conn: Connection, source: str, as_of: date, zone: ZoneInfo) -> _Pulls | None:
    """None: the source was not read again after its first complete reading."""
    last_of = _last_pulls(conn, source, as_of - timedelta(days=HISTORY_DAYS + 1), as_of, zone)
    started = select(sync_run.c.started_at).where(_completed(source)).order_by(sync_run.c.started_at)
    first = conn.execute(started.limit(1)).scalar()
    if first is None or not last_of:
        return None
    live_from = first.astimezone(zone).date() + timedelta(days=1)
    days = sorted(last_of)
    if days[-1] < live_from:
        return None
    elapsed = (last_of[days[-1]] - last_of[days[-2]]) / timedelta(days=1) if len(days) > 1 else 1.0
    return _Pulls(days, live_from, min(max(elapsed, 0.0), 1.0))


def _last_pulls(conn: Connection, source: str, first: date, last: date, zone: ZoneInfo) -> dict[date, datetime]:
    """The last complete reading of each civil day on which there was one."""
    since = datetime.combine(first, time(), zone).astimezone(UTC)
    until = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
    started_at = sync_run.c.started_at
    found = select(started_at).where(_completed(source), started_at >= since, started_at < until).order_by(started_at)
    return {at.astimezone(zone).date(): at for at in conn.execute(found).scalars()}


def _completed(source: str) -> ColumnElement[bool]:
    table = sync_run.c
    return and_(table.source == source, table.outcome.is_not(None), table.outcome != "failed")


def _backfilled(conn: Connection, source: str, first: date, last: date) -> list[date]:
    table = coverage.c
    found = select(table.day).distinct().where(table.source == source, table.day.between(first, last), table.backfill)
    return list(conn.execute(found).scalars())


def _known_cells(dates: npt.NDArray[np.datetime64], pulls: _Pulls, backfilled: Sequence[date]) -> Mask:
    """(n_days, n_delays) whether the source was read so many days after the day, and the day was watched live."""
    n_days = len(dates)
    pulled = np.zeros(n_days + MAX_DELAY_DAYS + 1, dtype=bool)  # days after the last date were not pulled
    pulled[:n_days] = np.isin(dates, np.array(pulls.days, dtype="datetime64[D]"))
    live = (dates >= np.datetime64(pulls.live_from, "D")) & ~np.isin(dates, np.array(backfilled, dtype="datetime64[D]"))
    known: Mask = pulled[np.arange(n_days)[:, None] + np.arange(MAX_DELAY_DAYS + 1)] & live[:, None]
    return known


def _increments(conn: Connection, source: str, dates: npt.NDArray[np.datetime64], as_of: date) -> _Increments:
    table = count_history.c
    first = dates[0].item()
    mine = select(series.c.id).where(series.c.source == source)
    statement = select(table.series_id, table.day, table.seen_day, table.opened).where(
        not_(table.backfill),
        table.seen_day.between(first, as_of),
        table.day.between(first, dates[-1].item()),
        table.series_id.in_(mine),
    )
    news = fetch_integers(conn, statement)
    news = news[np.lexsort((news[:, 2], news[:, 1], news[:, 0]))]
    series_id, day, seen_day, opened = news.T
    before = np.zeros_like(opened)
    same = (series_id[1:] == series_id[:-1]) & (day[1:] == day[:-1])
    before[1:] = np.where(same, opened[:-1], 0)
    changed = opened != before  # a row may tell only that a request was closed
    return _Increments(
        series_id[changed],
        day[changed] - (first.toordinal() - DAY_ZERO),
        np.maximum(seen_day - day, 0)[changed],
        (opened - before)[changed].astype(np.float32),
    )
