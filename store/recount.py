"""Keeps `daily_count` and `count_history` true for exactly the series and days that were touched.

Counts are counted anew, never incremented: that is right for rows that come late, twice, edited, moved to another
category, closed, reopened, and it may be done again at any time.
"""

from datetime import date

import numpy as np
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    and_,
    delete,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)

from store.dialect import analyze, empty_staging, insert, rows_looked_up, stage
from store.schema import count_history, daily_count, service_request
from store.series import Integers
from store.types import Day

_staging = MetaData()

touched = Table(
    "touched_count",
    _staging,
    Column("series_id", Integer, nullable=False),
    Column("day", Day, nullable=False),
    prefixes=["TEMPORARY"],
)
"""(series, day) pairs, each once, whose requests changed."""

counted = Table(
    "counted",
    _staging,
    Column("series_id", Integer, nullable=False),
    Column("day", Day, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
"""What (series, day) pairs, each once, now come to."""

_request = service_request.c
_opened = (
    select(func.count())
    .where(
        _request.series_id == touched.c.series_id,
        _request.day == touched.c.day,
        _request.deleted_at.is_(None),  # says that the partial index will do, as below
    )
    .scalar_subquery()
)
_closed = (
    select(func.count())
    .where(
        _request.series_id == touched.c.series_id,
        _request.closed_day == touched.c.day,
        _request.closed_day.is_not(None),
        _request.deleted_at.is_(None),
    )
    .scalar_subquery()
)


def recount(conn: Connection, series_id: Integers, day: Integers) -> None:
    """Fills `counted` with what these series and days come to; pairs may come more than once."""
    order = np.lexsort((day, series_id))  # that of the tables of counts
    series_id, day = series_id[order], day[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (series_id[1:] != series_id[:-1]) | (day[1:] != day[:-1])
    stage(conn, touched, {"series_id": series_id[is_first], "day": day[is_first].astype("datetime64[D]")})
    empty_staging(conn, counted)
    pairs = select(touched.c.series_id, touched.c.day, _opened, _closed)
    conn.execute(counted.insert().from_select(list(counted.c), pairs))
    analyze(conn, counted)


_same_pair = and_(daily_count.c.series_id == counted.c.series_id, daily_count.c.day == counted.c.day)
_is_news = or_(
    counted.c.opened != func.coalesce(daily_count.c.opened, 0),
    counted.c.closed != func.coalesce(daily_count.c.closed, 0),
)
_seen_live = (
    select(count_history.c.day)
    .where(
        count_history.c.series_id == counted.c.series_id,
        count_history.c.day == counted.c.day,
        not_(count_history.c.backfill),
    )
    .exists()
)


def count_news(conn: Connection) -> tuple[int, int]:
    """How many of the `counted` pairs had no count so far, and how many had another one."""
    is_new = daily_count.c.day.is_(None)
    statement = (
        select(is_new, func.count())
        .join_from(counted, daily_count, _same_pair, isouter=True)
        .where(_is_news)
        .group_by(is_new)
    )
    numbers = {bool(new): number for new, number in conn.execute(statement)}
    return numbers.get(True, 0), numbers.get(False, 0)


def apply_counted(conn: Connection, *, seen_day: date, backfill: bool) -> None:
    """Makes `counted` the counts that are known, and appends to the history what is new."""
    # A pair that has been watched live is known from `seen_day` on, also if a back-fill brought the news.
    as_backfill = not_(_seen_live) if backfill else false()
    news = (
        select(*counted.c, literal(seen_day, Day), as_backfill)
        .join_from(counted, daily_count, _same_pair, isouter=True)
        .where(_is_news)
    )
    columns = ["series_id", "day", "opened", "closed", "seen_day", "backfill"]
    history = insert(conn, count_history).from_select(columns, news)
    history = history.on_conflict_do_update(
        index_elements=["series_id", "day", "seen_day", "backfill"],
        set_={"opened": history.excluded.opened, "closed": history.excluded.closed},
    )
    with rows_looked_up(conn):
        conn.execute(history)
    some = select(*counted.c).where(counted.c.opened + counted.c.closed > 0)
    counts = insert(conn, daily_count).from_select(list(counted.c), some)
    conn.execute(
        counts.on_conflict_do_update(
            index_elements=["series_id", "day"],
            set_={"opened": counts.excluded.opened, "closed": counts.excluded.closed},
        )
    )
    none = select(counted.c.series_id, counted.c.day).where(counted.c.opened + counted.c.closed == 0)
    conn.execute(delete(daily_count).where(tuple_(daily_count.c.series_id, daily_count.c.day).in_(none)))
