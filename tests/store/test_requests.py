"""Requests in, counts out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, select

from forewarn.request import ServiceRequest, Status
from store.engine import transaction
from store.requests import WriteCounts, write_requests
from store.schema import daily_count, service_request

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
RATS = ServiceRequest("bonn", "007", AT, DAY, "Rats", area="Ward 7", status=Status.OPEN, updated_at=AT)


def write(engine: Engine, *requests: ServiceRequest, seen_day: date = DAY, backfill: bool = False) -> WriteCounts:
    with transaction(engine) as conn:
        return write_requests(
            conn,
            "bonn",
            requests,
            seen_at=datetime.combine(seen_day, datetime.min.time(), UTC),
            seen_day=seen_day,
            backfill=backfill,
        )


def test_first(store_engine: Engine) -> None:
    assert write(store_engine, RATS) == WriteCounts(new=1)
    assert write(store_engine, RATS) == WriteCounts(unchanged=1)
    later = replace(RATS, closed_day=DAY, closed_at=AT, updated_at=AT + timedelta(hours=1))
    assert write(store_engine, later) == WriteCounts(changed=1)
    assert write(store_engine, RATS) == WriteCounts(stale=1)
    with transaction(store_engine) as conn:
        assert list(conn.execute(select(daily_count))) == [(1, DAY, 1, 1)]
        print(conn.execute(select(service_request)).one())
