"""What is gone from its source is no longer counted, and what was known before it went can still be had."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from forewarn.request import DeletionReason, Requests, ServiceRequest, Status
from store.cells import read_cells
from store.engine import snapshot, transaction
from store.removals import (
    age_out,
    compare,
    count_missing,
    first_missed,
    missing_since,
    note_missing,
    note_missing_singly,
    oldest_open,
    remove,
)
from store.requests import WriteCounts, write_requests
from store.revisions import requests_known_at
from store.schema import daily_count, service_request

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
RATS = ServiceRequest("bonn", "007", AT, DAY, "Rats", status=Status.OPEN, updated_at=AT, description="by Mrs Smith")
NOISE = replace(RATS, source_record_id="008", category="Noise", closed_at=AT, closed_day=DAY)


def write(engine: Engine, *requests: ServiceRequest, days: int = 0) -> WriteCounts:
    with transaction(engine) as conn:
        rows = Requests.of("bonn", requests)
        return write_requests(conn, rows, seen_at=AT + days * ONE_DAY, seen_day=DAY + days * ONE_DAY, backfill=False)


def take_away(engine: Engine, *ids: str, days: int) -> int:
    with transaction(engine) as conn:
        at = {"at": AT + days * ONE_DAY, "seen_day": DAY + days * ONE_DAY}
        return remove(conn, "bonn", ids, DeletionReason.SOURCE_DELETED, **at)  # type: ignore[arg-type]


def opened(conn: Connection) -> int:
    return conn.execute(select(func.coalesce(func.sum(daily_count.c.opened), 0))).scalar_one()


def test_a_deleted_request_leaves_the_counts_and_comes_back(store_engine: Engine) -> None:
    write(store_engine, RATS, NOISE)
    assert take_away(store_engine, "008", "never there", days=1) == 1
    assert take_away(store_engine, "008", days=1) == 0
    with snapshot(store_engine) as conn:
        assert opened(conn) == 1
        assert conn.execute(select(func.sum(daily_count.c.closed))).scalar_one() == 0
        row = conn.execute(select(service_request).where(service_request.c.source_record_id == "008")).one()
        assert (row.deleted_at, row.deletion_reason) == (AT + ONE_DAY, "source_deleted")
        known = read_cells(conn, "bonn", DAY, DAY, as_of=DAY, public_delay_days=0, where={})
        assert known.opened.sum() == 2, "it was there on that day"
    assert write(store_engine, NOISE, days=2).revived == 1
    with snapshot(store_engine) as conn:
        assert opened(conn) == 2
        assert set(requests_known_at(conn, "bonn", AT)) == {"007", "008"}
        assert set(requests_known_at(conn, "bonn", AT + ONE_DAY)) == {"007"}
        assert set(requests_known_at(conn, "bonn", AT + 2 * ONE_DAY)) == {"007", "008"}


def test_only_what_stays_missing_is_missing(store_engine: Engine) -> None:
    write(store_engine, RATS, NOISE)
    with transaction(store_engine) as conn:
        found = compare(conn, "bonn", DAY, DAY, {"007", "new"})
        assert found == (2, 2, ["008"], ["new"])
        note_missing(conn, "bonn", DAY, DAY, found.missing, AT)
        note_missing(conn, "bonn", DAY, DAY, found.missing, AT + ONE_DAY)
        assert missing_since(conn, "bonn", DAY, DAY, AT) == ["008"]
        note_missing(conn, "bonn", DAY, DAY, [], AT + 2 * ONE_DAY)
        assert missing_since(conn, "bonn", DAY, DAY, AT + 9 * ONE_DAY) == []
        note_missing(conn, "bonn", DAY, DAY, ["008"], AT)
    assert write(store_engine, NOISE, days=3) == WriteCounts(unchanged=1)
    with snapshot(store_engine) as conn:
        assert missing_since(conn, "bonn", DAY, DAY, AT + 9 * ONE_DAY) == []


def test_what_has_aged_out_stays_counted(store_engine: Engine) -> None:
    write(store_engine, RATS)
    with transaction(store_engine) as conn:
        assert age_out(conn, "bonn", DAY, AT + ONE_DAY) == 0
        assert age_out(conn, "bonn", DAY + ONE_DAY, AT + ONE_DAY) == 1
        assert age_out(conn, "bonn", DAY + ONE_DAY, AT + ONE_DAY) == 0
        assert opened(conn) == 1
        assert conn.execute(select(service_request.c.deletion_reason)).scalar_one() == "aged_out"


def test_earlier_states_are_known_without_personal_texts(store_engine: Engine) -> None:
    write(store_engine, RATS)
    later = replace(RATS, category="Mice", status=Status.CLOSED, closed_at=AT + ONE_DAY, closed_day=DAY + ONE_DAY)
    later = replace(later, description="", updated_at=AT + ONE_DAY, lat=50.7, lon=7.1)
    write(store_engine, later, days=1)
    write(store_engine, replace(later, status=Status.OPEN, updated_at=AT + 2 * ONE_DAY), days=2)
    with snapshot(store_engine) as conn:
        assert "Smith" not in str(conn.exec_driver_sql("SELECT * FROM request_revision").all())
        then, between, now = (requests_known_at(conn, "bonn", AT + n * ONE_DAY)["007"] for n in range(3))
    assert (then["status"], then["closed_at"], then["closed_day"], then["lat"]) == ("open", None, None, None)
    assert (between["status"], between["closed_at"], between["closed_day"]) == ("closed", AT + ONE_DAY, DAY + ONE_DAY)
    assert (now["status"], now["lat"], now["updated_at"]) == ("open", 50.7, AT + 2 * ONE_DAY)
    assert then["series_id"] != between["series_id"] == now["series_id"]


def test_an_older_copy_that_is_read_on_two_days_is_what_the_source_went_back_to(store_engine: Engine) -> None:
    newer = replace(RATS, category="Mice", updated_at=AT + ONE_DAY)
    write(store_engine, newer)
    assert write(store_engine, RATS) == WriteCounts(stale=1)
    assert write(store_engine, RATS) == WriteCounts(stale=1), "an overlap is no second reading"
    assert write(store_engine, newer, days=1) == WriteCounts(unchanged=1), "two servers of which one lags"
    assert write(store_engine, RATS, days=1) == WriteCounts(stale=1)
    assert write(store_engine, RATS, days=2) == WriteCounts(restored=1)
    assert write(store_engine, RATS, days=2) == WriteCounts(unchanged=1)
    assert write(store_engine, newer, days=3) == WriteCounts(changed=1)


def test_open_requests_that_were_seen_longest_ago(store_engine: Engine) -> None:
    late = replace(RATS, source_record_id="009", requested_at=AT + 9 * ONE_DAY, day=DAY + 9 * ONE_DAY)
    write(store_engine, RATS, NOISE, late)
    write(store_engine, replace(RATS, source_record_id="001"), days=1)
    with transaction(store_engine) as conn:
        span = DAY, DAY + 5 * ONE_DAY
        assert oldest_open(conn, "bonn", *span, AT + 8 * ONE_DAY, 9) == ["007", "001"]
        assert oldest_open(conn, "bonn", *span, AT, 9) == ["007"]
        assert oldest_open(conn, "bonn", *span, AT + 8 * ONE_DAY, 1) == ["007"]
        assert note_missing_singly(conn, "bonn", ["007", "008"], AT + 2 * ONE_DAY, AT + ONE_DAY) == []
        assert oldest_open(conn, "bonn", *span, AT + ONE_DAY, 9) == ["001"], "it was looked for lately"
        assert note_missing_singly(conn, "bonn", ["007"], AT + 9 * ONE_DAY, AT + 2 * ONE_DAY) == ["007"]


def test_how_many_are_missing_and_since_when(store_engine: Engine) -> None:
    write(store_engine, RATS, NOISE)
    with transaction(store_engine) as conn:
        assert (count_missing(conn, "bonn", DAY, DAY), first_missed(conn, "bonn", DAY, DAY)) == ((2, 0), None)
        note_missing(conn, "bonn", DAY, DAY, ["007"], AT)
        note_missing(conn, "bonn", DAY, DAY, ["007", "008"], AT + ONE_DAY)
        assert (count_missing(conn, "bonn", DAY, DAY), first_missed(conn, "bonn", DAY, DAY)) == ((2, 2), AT)
        assert count_missing(conn, "bonn", DAY + ONE_DAY, DAY + ONE_DAY) == (0, 0)
