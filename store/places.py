"""Where and when single requests were made, for the few days on which that matters."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from forewarn.panel import Floats
from store.schema import service_request
from store.series import Integers
from store.types import DAY_ZERO

DAYS_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Placed(NamedTuple):
    """Requests that have a place; (n,) each."""

    series_id: Integers
    day: Integers  # since 1970-01-01
    hour: Floats  # since 1970-01-01
    lat: Floats
    lon: Floats


def last_places(conn: Connection, source: str, limit: int) -> tuple[Floats, Floats]:
    """Latitudes and longitudes of the source's newest requests that have a place."""
    table = service_request.c
    placed = (table.source == source) & table.lat.is_not(None) & table.deleted_at.is_(None)
    newest_first = select(table.lat, table.lon).where(placed).order_by(table.day.desc()).limit(limit)
    places = np.array([tuple(row) for row in conn.execute(newest_first)], dtype=np.float64).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def read_places(conn: Connection, source: str, days: Sequence[date]) -> Placed:
    """The source's requests of these days that have a place, as they are stored now."""
    table = service_request.c
    columns = select(table.series_id, table.day, table.requested_at, table.lat, table.lon)
    with_place = columns.where(table.source == source, table.lat.is_not(None), table.lon.is_not(None))
    with_place = with_place.where(table.deleted_at.is_(None))
    rows = [
        (series_id, day.toordinal() - DAY_ZERO, (at - _EPOCH).total_seconds() / 3600, lat, lon)
        for first in range(0, len(days), DAYS_AT_ONCE)
        for series_id, day, at, lat, lon in conn.execute(
            with_place.where(table.day.in_(days[first : first + DAYS_AT_ONCE]))
        )
    ]
    number = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
    place = np.array([row[2:] for row in rows], dtype=np.float64).reshape(-1, 3)
    order = np.lexsort((*place.T, *number.T))  # the order in which a database gives rows is no one's
    return Placed(*number[order].T, *place[order].T)
