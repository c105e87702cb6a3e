"""Counts a day: written when a source publishes only volumes, read as panels, as known on any day.

Each source has a *seen day*, the civil day of its last pull. What was known at the end of an earlier day is told
by the histories: for each series and day the newest row with `seen_day` up to then. A row of a back-fill was
published long before we saw it; when, nobody can say, so it counts as known from `public_delay_days` after its
own day.
"""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd
from sqlalchemy import Connection, not_, select

from forewarn.calendar import Calendar, Dates
from forewarn.contracts import Coverage
from forewarn.entries import Entries
from forewarn.panel import LABELS, Floats, Level, Panel
from forewarn.request import DailyCount
from store.cells import History, known_on, read_cells, read_totals
from store.dialect import insert, stage
from store.panels import panels_of
from store.recount import apply_counted, count_news, counted
from store.requests import WriteCounts
from store.schema import count_history, coverage, daily_count, series
from store.series import series_ids
from store.sources import advance_source
from store.text import storable
from store.types import DAY_ZERO

COVERED = (Coverage.OBSERVED, Coverage.QUIET)
"""Days whose zeros are true."""


def write_counts(
    conn: Connection, source: str, counts: Sequence[DailyCount], *, seen_day: date, backfill: bool
) -> WriteCounts:
    """Makes these the counts of their series and days; the last wins where one comes twice."""
    if not counts:
        return WriteCounts()
    seen_day = advance_source(conn, source, seen_day)
    columns = {
        name: np.array(values, dtype=object)
        for name, values in zip(DailyCount._fields, zip(*counts, strict=True), strict=True)
    }
    number = series_ids(conn, source, {label: storable(columns[label]) for label in LABELS})
    day = columns["day"].astype("datetime64[D]")
    cells = pd.DataFrame({"series_id": number, "day": day.astype(np.int64)})
    last = ~cells.duplicated(keep="last").to_numpy()
    stage(
        conn,
        counted,
        {
            "series_id": number[last],
            "day": day[last],
            "opened": columns["opened"][last],
            "closed": columns["closed"][last],
        },
    )
    new, changed = count_news(conn)
    apply_counted(conn, seen_day=seen_day, backfill=backfill)
    return WriteCounts(new, changed, int(last.sum()) - new - changed, duplicates=int((~last).sum()))


def other_counts(
    conn: Connection, source: str, first: date, last: date, told: Sequence[DailyCount]
) -> list[DailyCount]:
    """The counts that are stored of these days, but for those of series and days of which `told` has one."""
    columns = [series.c[name] if name in LABELS else daily_count.c[name] for name in DailyCount._fields]
    mine = (series.c.source == source) & daily_count.c.day.between(first, last)
    joined = select(*columns).join_from(daily_count, series, series.c.id == daily_count.c.series_id)
    held = conn.execute(joined.where(mine))
    known = {(count.day, *_labels(count)) for count in told}
    return [count for count in itertools.starmap(DailyCount, held) if (count.day, *_labels(count)) not in known]


def _labels(count: DailyCount) -> tuple[str, ...]:
    return tuple(getattr(count, name) for name in LABELS)


def write_coverage(
    conn: Connection, source: str, days: Mapping[date, Coverage], *, seen_day: date, backfill: bool
) -> None:
    """Notes what is known of these days; days of which the same was known are left alone."""
    if not days:
        return
    seen_day = advance_source(conn, source, seen_day)
    table = coverage.c
    known: dict[date, tuple[str, bool]] = {}  # newest coverage, and whether it was ever seen live
    history = select(table.day, table.coverage, table.backfill).where(
        table.source == source, table.day.between(min(days), max(days))
    )
    for day, what, was_backfill in conn.execute(history.order_by(table.seen_day, table.backfill.desc())):
        known[day] = what, not was_backfill or (day in known and known[day][1])
    news = [
        {
            "source": source,
            "day": day,
            "seen_day": seen_day,
            "backfill": backfill and not known.get(day, ("", False))[1],
            "coverage": what.value,
        }
        for day, what in days.items()
        if known.get(day, ("", False))[0] != what.value
    ]
    if news:
        statement = insert(conn, coverage)
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["source", "day", "seen_day", "backfill"],
                set_={"coverage": statement.excluded.coverage},
            ),
            news,
        )


def read_coverage(
    conn: Connection,
    source: str,
    first: date,
    last: date,
    *,
    as_of: date | None = None,
    public_delay_days: int = 0,
) -> dict[date, Coverage]:
    """What is, or on `as_of` was, known of each day; days of which nothing was known are not in it."""
    table = coverage.c
    statement = select(table.day, table.coverage).where(table.source == source, table.day.between(first, last))
    if as_of is not None:
        statement = statement.where(known_on(coverage, as_of, public_delay_days))
    rows = conn.execute(statement.order_by(table.day, table.seen_day, table.backfill.desc()))
    return {day: Coverage(what) for day, what in rows}


def covered_span(
    conn: Connection, source: str, *, as_of: date | None = None, public_delay_days: int = 0
) -> tuple[date, date] | None:
    """First and last day with numbers, as is or on `as_of` was known; None: there are none."""
    known = read_coverage(conn, source, date.min, date.max, as_of=as_of, public_delay_days=public_delay_days)
    covered = [day for day, what in known.items() if what in COVERED]
    return (min(covered), max(covered)) if covered else None


def revised_days(conn: Connection, source: str, first: date, last: date) -> list[date]:
    """Days in this span on which a pull brought news, other than by a back-fill."""
    table = count_history.c
    statement = (
        select(table.seen_day)
        .distinct()
        .join_from(count_history, series, series.c.id == table.series_id)
        .where(series.c.source == source, table.seen_day.between(first, last), not_(table.backfill))
    )
    return sorted(conn.execute(statement).scalars())


def daily_totals(conn: Connection, source: str, first: date, last: date) -> tuple[Dates, Floats]:
    """(n_days,) days and the source's requests on each as known now, 0 where there are none, covered or not."""
    dates = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    day, opened = read_totals(conn, source, first, last).T
    return dates, np.bincount(day - _number(first), opened, len(dates)).astype(np.float64)


def read_entries(
    conn: Connection,
    source: str,
    *,
    last_day: date,
    history_days: int,
    as_of: date,
    where: Mapping[str, str] = MappingProxyType({}),
    public_delay_days: int = 0,
    history: History | None = None,
) -> Entries:
    """Counts of the `history_days` days up to `last_day`, cell by cell, as they were known at the end of `as_of`.

    Args:
        where: Only requests with these labels, such as `{"area": "Ward 7"}`.
        public_delay_days: Days after which the source has published a day; for rows of a back-fill.
        history: What was read before, of these days and of series with these labels; None: it is read.
    """
    first = last_day - timedelta(days=history_days - 1)
    if history is None:
        cells = read_cells(conn, source, first, last_day, as_of=as_of, public_delay_days=public_delay_days, where=where)
    else:
        cells = history.on(as_of, first, last_day, public_delay_days=public_delay_days)
    known = read_coverage(conn, source, first, last_day, as_of=as_of, public_delay_days=public_delay_days)
    covered = np.zeros(history_days, dtype=bool)
    covered[[(day - first).days for day, what in known.items() if what in COVERED]] = True
    labels = labels_of(conn, source)
    numbers, row = np.unique(cells.series_id, return_inverse=True)
    return Entries(
        source=source,
        first_day=first,
        covered=covered,
        series=labels.loc[numbers],
        row=row.astype(np.int64),
        day=cells.day - _number(first),
        count=cells.opened,
        as_of=datetime.combine(as_of, time.max, UTC),
    )


def read_panels(
    conn: Connection,
    source: str,
    levels: Sequence[Level],
    *,
    last_day: date,
    history_days: int,
    as_of: date,
    calendar: Calendar = Calendar(),
    where: Mapping[str, str] = MappingProxyType({}),
    public_delay_days: int = 0,
    min_mean: float = 0.0,
) -> list[Panel]:
    """Everything that was entered, as panels; see `read_entries` and `panels_of`."""
    entries = read_entries(
        conn,
        source,
        last_day=last_day,
        history_days=history_days,
        as_of=as_of,
        where=where,
        public_delay_days=public_delay_days,
    )
    return panels_of(entries, levels, calendar=calendar, min_mean=min_mean)


def labels_of(conn: Connection, source: str) -> pd.DataFrame:
    """The labels of each of the source's series."""
    found = conn.execute(select(series.c.id, *(series.c[label] for label in LABELS)).where(series.c.source == source))
    table = pd.DataFrame([tuple(row) for row in found], columns=["series_id", *LABELS], dtype=object)
    return table.set_index("series_id")


def _number(day: date) -> int:
    return day.toordinal() - DAY_ZERO
