"""Where requests came from: their places, as known on any day."""

from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from forewarn.panel import Floats
from forewarn.request import Texts
from store.schema import count_history, series, service_request
from store.schema import source as sources
from store.series import Integers
from store.types import DAY_ZERO


class Points(NamedTuple):
    """Requests whose place is known; (n_requests,) each, in the order of days and places."""

    day: Integers  # since 1970-01-01
    topic: Texts
    area: Texts  # '' where unknown
    latitude: Floats
    longitude: Floats


def read_points(
    conn: Connection,
    source: str,
    topic: str,
    first: date,
    last: date,
    *,
    as_of: date,
    zone: ZoneInfo,
    public_delay_days: int = 0,
) -> Points:
    """The requests of these days that have a place, as known at the end of `as_of`.

    A request that was changed later is read as it is now: only counts keep their history.

    Args:
        topic: The label that tells what a request is about, such as `category`.
        zone: The source's, in which days are counted.
        public_delay_days: Days after which the source has published a day; for rows of a back-fill.
    """
    stored = service_request.c
    statement = (
        select(stored.day, series.c[topic], series.c.area, stored.lat, stored.lon, stored.first_seen_at)
        .join_from(service_request, series, series.c.id == stored.series_id)
        .where(series.c.source == source, stored.day.between(first, last), stored.lat.is_not(None))
        .where(stored.deleted_at.is_(None))
        .order_by(stored.day, stored.lat, stored.lon, series.c.id)
    )
    rows = [row for row in conn.execute(statement) if row.lon is not None]
    day, topics, area, latitude, longitude, seen_at = zip(*rows, strict=True) if rows else [()] * 6
    points = Points(
        np.array([one.toordinal() - DAY_ZERO for one in day], dtype=np.int64),
        np.array(topics, dtype=object),
        np.array(area, dtype=object),
        np.array(latitude, dtype=np.float64),
        np.array(longitude, dtype=np.float64),
    )
    seen_day = conn.execute(select(sources.c.seen_day).where(sources.c.name == source)).scalar()
    if not rows or seen_day is None or as_of >= seen_day:
        return points
    seen = pd.DatetimeIndex(seen_at).tz_convert(zone).tz_localize(None).to_numpy(dtype="datetime64[D]").astype(np.int64)
    filled = [one.toordinal() - DAY_ZERO for one in _backfilled(conn, source)]
    today = as_of.toordinal() - DAY_ZERO
    known = (seen <= today) | (np.isin(seen, filled) & (points.day + public_delay_days <= today))
    return Points(
        points.day[known], points.topic[known], points.area[known], points.latitude[known], points.longitude[known]
    )


def _backfilled(conn: Connection, source: str) -> list[date]:
    """Days on which a pull filled the past."""
    statement = (
        select(count_history.c.seen_day)
        .distinct()
        .join_from(count_history, series, series.c.id == count_history.c.series_id)
        .where(series.c.source == source, count_history.c.backfill)
    )
    return list(conn.execute(statement).scalars())
