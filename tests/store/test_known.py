"""Whatever happens to requests, counts equal a plain recount, and the past is known as it was seen."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, select

from forewarn.contracts import Coverage
from forewarn.request import Requests, ServiceRequest
from store.counts import read_panels, write_coverage
from store.engine import transaction
from store.requests import write_requests
from store.schema import count_history, coverage, daily_count, series, service_request

MONDAY = date(2026, 3, 2)
DAYS = [MONDAY + timedelta(days=number) for number in range(6)]
LEVEL = ("category", "area")

rows = st.builds(
    lambda number, day, category, area, closed_after, hour: ServiceRequest(
        "bonn",
        f"{number:03}",
        datetime.combine(DAYS[day], datetime.min.time(), UTC),
        DAYS[day],
        category,
        area=area,
        closed_day=None if closed_after is None else DAYS[day] + timedelta(days=closed_after),
        updated_at=datetime(2026, 3, 2, hour, tzinfo=UTC),
    ),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from(["Rats", "Noise"]),
    st.sampled_from(["", "Ward 7"]),
    st.none() | st.integers(0, 3),
    st.integers(0, 3),
)
pulls = st.lists(st.tuples(st.integers(0, 2), st.lists(rows, max_size=6)), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pulls=pulls, backfilled=st.booleans(), stamped=st.booleans())
def test_counts_and_the_past(
    store_engine: Engine, pulls: list[tuple[int, list[ServiceRequest]]], backfilled: bool, stamped: bool
) -> None:
    with transaction(store_engine) as conn:
        empty(conn)
    model: dict[str, ServiceRequest] = {}
    refused: dict[str, tuple[datetime | None, date]] = {}
    seen_day = DAYS[-1]
    snapshots: dict[date, dict[tuple[str, str], list[float]]] = {}
    for number, (days_later, batch) in enumerate(pulls):
        seen_day += timedelta(days=days_later)
        batch = batch if stamped else [replace(request, updated_at=None) for request in batch]
        newest: dict[str, ServiceRequest] = {}
        for request in batch:
            if not is_older(request, newest.get(request.source_record_id)):
                newest[request.source_record_id] = request
        for key, request in newest.items():
            if is_older(request, model.get(key)):
                stamp, refused_on = refused.get(key, (None, seen_day))
                refused_on = refused_on if stamp == request.updated_at else seen_day
                refused[key] = request.updated_at, refused_on
                if refused_on == seen_day:
                    continue  # an older copy is not believed until it has been read on two days
            model[key] = request
            refused.pop(key, None)
        with transaction(store_engine) as conn:
            backfill = backfilled and number == 0
            write_coverage(conn, "bonn", dict.fromkeys(DAYS, Coverage.OBSERVED), seen_day=seen_day, backfill=backfill)
            for repeat in (False, True):  # delivered twice
                written = write_requests(
                    conn,
                    Requests.of("bonn", batch),
                    seen_at=datetime.combine(seen_day, datetime.min.time(), UTC),
                    seen_day=seen_day,
                    backfill=backfill,
                )
                assert sum(written) == len(batch)
                assert not (repeat and written.new)
            assert stored_counts(conn) == recount(model)
            snapshots[seen_day] = known(conn, seen_day)
    with transaction(store_engine) as conn:
        for day, snapshot in snapshots.items():
            assert known(conn, day) == snapshot


def is_older(request: ServiceRequest, held: ServiceRequest | None) -> bool:
    return bool(held and held.updated_at and request.updated_at and request.updated_at < held.updated_at)


def empty(conn: Connection) -> None:
    for table in (service_request, daily_count, count_history, coverage):
        conn.execute(delete(table))
    conn.exec_driver_sql("UPDATE source SET seen_day = NULL")


def stored_counts(conn: Connection) -> dict[tuple[str, str, date], tuple[int, int]]:
    statement = select(series.c.category, series.c.area, daily_count.c.day, daily_count.c.opened, daily_count.c.closed)
    joined = statement.join_from(daily_count, series, series.c.id == daily_count.c.series_id)
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in conn.execute(joined)}


def recount(model: dict[str, ServiceRequest]) -> dict[tuple[str, str, date], tuple[int, int]]:
    opened = Counter((request.category, request.area, request.day) for request in model.values())
    closed = Counter(
        (request.category, request.area, request.closed_day) for request in model.values() if request.closed_day
    )
    return {key: (opened[key], closed[key]) for key in opened.keys() | closed.keys()}


def known(conn: Connection, as_of: date) -> dict[tuple[str, str], list[float]]:
    (panel,) = read_panels(conn, "bonn", [LEVEL], last_day=DAYS[-1], history_days=len(DAYS), as_of=as_of)
    assert not np.isnan(panel.counts).any()
    return dict(zip(panel.labels.itertuples(index=False, name=None), panel.counts.tolist(), strict=True))
