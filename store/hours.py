"""Requests counted by the hour of the civil clock, as panels; for sources of which single requests are stored."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from forewarn.calendar import Calendar, Dates
from forewarn.panel import DAY, HOUR, Floats, Level, Panel
from forewarn.request import Precision
from store.counts import COVERED, labels_of, read_coverage
from store.dialect import fetch_integers, quarter_hour_of
from store.panels import rows_of
from store.schema import service_request, sync_run
from store.series import Integers
from store.types import DAY_ZERO

QUARTERS = 4
"""Of an hour: where clocks differ from UTC by a part of one, it is by whole quarters."""
COMPLETED = ("ok", "no data")
"""Outcomes of pulls that read all there was."""


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
    until: datetime | None = None,
    as_of: date | None = None,
    public_delay_days: int = 0,
) -> list[Panel]:
    """Counts of the days from `first` to `last`, one panel a level, without requests that were removed.

    NaN where a day was not covered, where a request of the series tells its day but no hour, and where the clock is put
    on or back: an hour that there is not, or that lasts two.

    Args:
        levels: Labels that tell the series apart; () is the whole source, always one row.
        zone: The source's.
        hours: Hours that a step has; a whole number of steps makes a day.
        until: Of the day that it lies in the hours before it are known, though the day is not; see `known_until`.
        as_of: As the counts were known at the end of that day; None: as they are known now. What a request is about is
            as it is known now.
        public_delay_days: Days after which the source has published a day; for requests of a back-fill.
    """
    stored = service_request.c
    mine = and_(
        stored.source == source, stored.day.between(first, last), _known(conn, source, zone, as_of, public_delay_days)
    )
    quarter = quarter_hour_of(conn, stored.requested_at)
    timed = select(stored.series_id, quarter, func.count()).where(mine, stored.precision != Precision.DAY.value)
    series_id, quarters, number = fetch_integers(conn, timed.group_by(stored.series_id, quarter)).T
    dated = select(stored.series_id, stored.day).where(mine, stored.precision == Precision.DAY.value).distinct()
    dated_id, dated_day = fetch_integers(conn, dated).T
    numbers, series = np.unique(np.concatenate([series_id, dated_id]), return_inverse=True)
    series, dated_series = np.split(series, [len(series_id)])
    labels = labels_of(conn, source).loc[numbers]
    dates = np.arange(np.datetime64(first, "h"), np.datetime64(last, "h") + DAY)
    hour = (_civil_hours(quarters, zone) - dates[0]) // HOUR
    begin = (dated_day - (first.toordinal() - DAY_ZERO)) * 24
    known = np.repeat(_covered(conn, source, first, last, as_of, public_delay_days), 24)
    if until is not None:
        now = until.astimezone(zone).replace(tzinfo=None)
        known |= (dates >= np.datetime64(now.date(), "h")) & (dates + HOUR <= np.datetime64(now, "s"))
    unknown = ~known | _irregular(dates, zone)
    panels = []
    for level in levels:
        row_of, names = rows_of(labels, level)
        counts = _counted(row_of[series], hour.astype(np.int64), number, (len(names), len(dates)))
        for row, start in {*zip(row_of[dated_series].tolist(), begin.tolist(), strict=True)}:
            counts[row, start : start + 24] = np.nan
        counts[:, unknown] = np.nan
        counts = counts.reshape(len(names), len(dates) // hours, hours).sum(axis=2)
        names.index.name = "series_id"
        known_at = datetime.combine(as_of or last, time.max, UTC)
        panels.append(Panel(counts, dates[::hours], names, known_at, source, calendar, step=hours * HOUR))
    return panels


def known_until(conn: Connection, source: str) -> datetime | None:
    """Instant up to which all hours are known, as far as the source has published them; None: it was never read.

    That is the last pull that read all there was, or the end of the hour of the newest request: a source that
    publishes now and then says nothing of the hours since.
    """
    run = sync_run.c
    pulled = select(func.max(run.started_at)).where(run.source == source, run.outcome.in_(COMPLETED))
    drained: datetime | None = conn.execute(pulled).scalar()
    if drained is None:
        return None
    stored, since = service_request.c, drained.date() - timedelta(days=2)
    newest = select(func.max(stored.requested_at)).where(
        stored.source == source, stored.day >= since, stored.requested_at <= drained, stored.deleted_at.is_(None)
    )
    last: datetime | None = conn.execute(newest).scalar()
    if last is None:
        return None
    return min(drained, last.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))


def _known(
    conn: Connection, source: str, zone: ZoneInfo, as_of: date | None, public_delay_days: int
) -> ColumnElement[bool]:
    """Which requests were known at the end of `as_of`; those of the first pull as if published in time."""
    stored, run = service_request.c, sync_run.c
    if as_of is None:
        return stored.deleted_at.is_(None)
    at = datetime.combine(as_of + timedelta(days=1), time(), zone).astimezone(UTC)
    completed = select(func.min(run.started_at)).where(
        run.source == source, run.outcome.is_not(None), run.outcome != "failed"
    )
    backfilled: datetime | None = conn.execute(completed).scalar()
    seen = stored.first_seen_at < at
    if backfilled is not None:
        public = stored.requested_at < at - timedelta(days=public_delay_days)
        seen = or_(seen, and_(stored.first_seen_at <= backfilled, public))
    return and_(seen, or_(stored.deleted_at.is_(None), stored.deleted_at >= at))


def hour_totals(conn: Connection, source: str, first: date, last: date) -> dict[int, int]:
    """Hour since 1970-01-01 in UTC → requests of these days; {} where one of them tells its day but no hour."""
    stored = service_request.c
    mine = (stored.source == source) & stored.day.between(first, last) & stored.deleted_at.is_(None)
    quarter = quarter_hour_of(conn, stored.requested_at)
    dated = func.sum(case((stored.precision == Precision.DAY.value, 1), else_=0))
    totals: Counter[int] = Counter()
    for number, count, of_days in conn.execute(select(quarter, func.count(), dated).where(mine).group_by(quarter)):
        if of_days:
            return {}
        totals[int(number) // QUARTERS] += count
    return dict(totals)


def _counted(row: Integers, hour: Integers, number: Integers, shape: tuple[int, int]) -> Floats:
    inside = (hour >= 0) & (hour < shape[1])  # a time that lies outside of the day that it is counted on
    cell = row[inside] * shape[1] + hour[inside]
    return np.bincount(cell, number[inside], shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _civil_hours(quarters: Integers, zone: ZoneInfo) -> Dates:
    """Hour on the clock of `zone` of quarters of an hour since 1970 in UTC."""
    instants = pd.DatetimeIndex((quarters * (3600 // QUARTERS)).astype("datetime64[s]"), tz=UTC)
    return instants.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[h]")


def _irregular(dates: Dates, zone: ZoneInfo) -> npt.NDArray[np.bool_]:
    """(n_hours,) hours of the civil clock that there were not once."""
    around = np.arange((dates[0] - DAY).astype(np.int64), (dates[-1] + 2 * DAY).astype(np.int64)) * QUARTERS
    at = (_civil_hours(around, zone) - dates[0]) // HOUR
    inside = (at >= 0) & (at < len(dates))
    return np.asarray(np.bincount(at[inside].astype(np.int64), minlength=len(dates)) != 1)


def _covered(
    conn: Connection, source: str, first: date, last: date, as_of: date | None, public_delay_days: int
) -> npt.NDArray[np.bool_]:
    known = read_coverage(conn, source, first, last, as_of=as_of, public_delay_days=public_delay_days)
    n_days = (last - first).days + 1
    return np.array([known.get(first + timedelta(days=number)) in COVERED for number in range(n_days)])
