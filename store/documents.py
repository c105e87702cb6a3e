"""What requests say, for the detection of words."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Integer, or_, select, type_coerce

from forewarn.request import Documents, Texts, Times
from store.schema import coverage, series, service_request


def read_documents(
    conn: Connection, source: str, first: date, last: date, *, zone: ZoneInfo, public_delay_days: int
) -> Documents:
    """Requests of these days that have a description or a sub-category, as they are stored now.

    Of a row that was read in a back-fill nobody knows when it was published; it is taken for known when its source
    usually publishes. A text that was changed later is given as it is now: the former one is not kept.
    """
    row = service_request.c
    statement = (
        select(
            type_coerce(row.day, Integer),
            row.first_seen_at,
            row.lat,
            row.lon,
            series.c.category,
            series.c.area,
            series.c.subcategory,
            row.description,
        )
        .join_from(service_request, series, series.c.id == row.series_id)
        .where(series.c.source == source, row.source == source, row.day.between(first, last))
        .where(or_(row.description != "", series.c.subcategory != ""), row.deleted_at.is_(None))
    )
    found = conn.execute(statement).all()
    columns = list(zip(*found, strict=True)) if found else [()] * len(statement.selected_columns)
    day = np.array(columns[0], dtype=np.int64).astype("datetime64[D]")
    stamps = pd.DatetimeIndex(list(columns[1]), tz="UTC").tz_convert(zone).tz_localize(None)
    seen = stamps.to_numpy().astype("datetime64[D]")
    published = day + np.timedelta64(public_delay_days, "D")
    filled = np.isin(seen, _back_filled_on(conn, source))
    return Documents(
        day=day,
        known_from=np.where(filled, np.minimum(published, seen), seen),
        category=_texts(columns[4]),
        area=_texts(columns[5]),
        label=_texts(columns[6]),
        text=_texts(columns[7]),
        lat=np.array(columns[2], dtype=np.float64),
        lon=np.array(columns[3], dtype=np.float64),
    )


def _back_filled_on(conn: Connection, source: str) -> Times:
    """Days on which the source was read without knowing when its rows had been published."""
    days = select(type_coerce(coverage.c.seen_day, Integer)).distinct()
    rows = conn.execute(days.where(coverage.c.source == source, coverage.c.backfill)).scalars()
    return np.array(list(rows), dtype=np.int64).astype("datetime64[D]")


def _texts(column: tuple[str, ...]) -> Texts:
    texts = np.empty(len(column), dtype=object)
    texts[:] = column
    return texts
