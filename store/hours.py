"""Requests counted by the hour of the civil clock, as panels; for sources of which single requests are stored."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select

from forewarn.calendar import Calendar, Dates
from forewarn.panel import DAY, HOUR, Floats, Level, Panel
from forewarn.request import Precision
from store.counts import COVERED, labels_of, read_coverage
from store.panels import rows_of
from store.schema import service_request
from store.series import Integers


def read_hours(
    conn: Connection,
    source: str,
    levels: Sequence[Level],
    first: date,
    last: date,
    *,
    zone: ZoneInfo,
    hours: int = 1,
    calendar: Calendar = Calendar(),
) -> list[Panel]:
    """Counts of the days from `first` to `last`, as they are known now, one panel a level.

    NaN where a day was not covered, where a request of the series tells its day but no hour, and where the clock is put
    on or back: an hour that there is not, or that lasts two.

    Args:
        levels: Labels that tell the series apart; () is the whole source, always one row.
        zone: The source's.
        hours: Hours that a step has; a whole number of steps makes a day.
    """
    stored = service_request.c
    statement = select(stored.series_id, stored.day, stored.requested_at, stored.precision)
    found = conn.execute(statement.where(stored.source == source, stored.day.between(first, last))).all()
    series_id, day, at, precision = zip(*found, strict=True) if found else [()] * 4
    numbers, series = np.unique(np.array(series_id, dtype=np.int64), return_inverse=True)
    labels = labels_of(conn, source).loc[numbers]
    dates = np.arange(np.datetime64(first, "h"), np.datetime64(last, "h") + DAY)
    begin = (np.array(day, dtype="datetime64[D]") - dates[0]) // HOUR
    hour = (_civil_hours(pd.DatetimeIndex(at, tz=UTC), zone) - dates[0]) // HOUR
    day_only = np.array(precision, dtype=object) == Precision.DAY.value
    unknown = np.repeat(~_covered(conn, source, first, last), 24) | _irregular(dates, zone)
    panels = []
    for level in levels:
        row_of, names = rows_of(labels, level)
        shape = len(names), len(dates)
        counts = _counted(row_of[series], hour.astype(np.int64), shape)
        for row, start in {*zip(row_of[series][day_only], begin[day_only].astype(np.int64), strict=True)}:
            counts[row, start : start + 24] = np.nan
        counts[:, unknown] = np.nan
        counts = counts.reshape(len(names), len(dates) // hours, hours).sum(axis=2)
        names.index.name = "series_id"
        as_of = datetime.combine(last, time.max, UTC)
        panels.append(Panel(counts, dates[::hours], names, as_of, source, calendar, step=hours * HOUR))
    return panels


def _counted(row: Integers, hour: Integers, shape: tuple[int, int]) -> Floats:
    inside = (hour >= 0) & (hour < shape[1])  # a time that lies outside of the day that it is counted on
    cell = row[inside] * shape[1] + hour[inside]
    return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _civil_hours(instants: pd.DatetimeIndex, zone: ZoneInfo) -> Dates:
    return instants.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[h]")


def _irregular(dates: Dates, zone: ZoneInfo) -> npt.NDArray[np.bool_]:
    """(n_hours,) hours of the civil clock that there were not once."""
    around = np.arange(dates[0] - DAY, dates[-1] + 2 * DAY, HOUR)
    at = (_civil_hours(pd.DatetimeIndex(around, tz=UTC), zone) - dates[0]) // HOUR
    inside = (at >= 0) & (at < len(dates))
    return np.asarray(np.bincount(at[inside].astype(np.int64), minlength=len(dates)) != 1)


def _covered(conn: Connection, source: str, first: date, last: date) -> npt.NDArray[np.bool_]:
    known = read_coverage(conn, source, first, last)
    n_days = (last - first).days + 1
    return np.array([known.get(first + timedelta(days=number)) in COVERED for number in range(n_days)])
