"""What becomes of a batch of requests."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from connectors.scrub import MAX_LABEL, label
from forewarn.panel import LABELS
from forewarn.request import LONGEST_ID, Requests, ServiceRequest, Status
from forewarn.settings_file import LONGEST_NAME
from store.engine import snapshot, transaction
from store.requests import WriteCounts, write_requests
from store.schema import count_history, daily_count, series, service_request

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)
RATS = ServiceRequest("bonn", "007", AT, DAY, "Rats", area="Ward 7", status=Status.OPEN, updated_at=AT)


def write(engine: Engine, *requests: ServiceRequest, seen_day: date = DAY, backfill: bool = False) -> WriteCounts:
    seen_at = datetime.combine(seen_day, datetime.min.time(), UTC)
    with transaction(engine) as conn:
        return write_requests(
            conn, Requests.of("bonn", requests), seen_at=seen_at, seen_day=seen_day, backfill=backfill
        )


def counts(conn: Connection) -> dict[tuple[str, date], tuple[int, int]]:
    table = daily_count.c
    rows = conn.execute(
        select(series.c.category, table.day, table.opened, table.closed).join(series, series.c.id == table.series_id)
    )
    return {(category, day): (opened, closed) for category, day, opened, closed in rows}


def test_a_batch_written_again_changes_nothing(store_engine: Engine) -> None:
    assert write(store_engine, RATS) == WriteCounts(new=1)
    assert write(store_engine, RATS, seen_day=DAY + ONE_DAY) == WriteCounts(unchanged=1)
    with snapshot(store_engine) as conn:
        row = conn.execute(select(service_request)).one()
        assert (row.requested_at, row.day, row.closed_at, row.status) == (AT, DAY, None, "open")
        assert row.first_seen_at == row.last_changed_at == datetime(2026, 3, 2, tzinfo=UTC)
        assert row.last_seen_at == datetime(2026, 3, 3, tzinfo=UTC)
        assert counts(conn) == {("Rats", DAY): (1, 0)}


def test_the_longest_names_of_the_widest_characters(store_engine: Engine) -> None:
    """A key of PostgreSQL has its limit: one row must not stop a source."""
    drawn = random.Random(1)  # what repeats would be packed

    def wide(length: int) -> str:
        return "".join(chr(drawn.randrange(0x10000, 0x2FA1F)) for _ in range(length))

    source, labels = wide(LONGEST_NAME), {name: label(wide(MAX_LABEL)) for name in LABELS}
    longest = replace(RATS, source=source, source_record_id=wide(LONGEST_ID), **labels)
    with transaction(store_engine) as conn:
        written = write_requests(conn, Requests.of(source, [longest]), seen_at=AT, seen_day=DAY, backfill=False)
        assert written == WriteCounts(new=1)


def test_a_request_that_moves_leaves_no_count_behind(store_engine: Engine) -> None:
    write(store_engine, RATS)
    noise = replace(RATS, category="Noise", day=DAY - ONE_DAY, closed_at=AT, closed_day=DAY, updated_at=AT + HOUR)
    assert write(store_engine, noise, seen_day=DAY + ONE_DAY) == WriteCounts(changed=1)
    with snapshot(store_engine) as conn:
        assert counts(conn) == {("Noise", DAY - ONE_DAY): (1, 0), ("Noise", DAY): (0, 1)}
        history = conn.execute(
            select(count_history.c.opened)
            .join(series, series.c.id == count_history.c.series_id)
            .where(series.c.category == "Rats")
            .order_by(count_history.c.seen_day)
        )
        assert list(history.scalars()) == [1, 0]


def test_an_older_copy_is_refused(store_engine: Engine) -> None:
    closed = replace(RATS, status=Status.CLOSED, closed_at=AT, closed_day=DAY, updated_at=AT + HOUR)
    write(store_engine, closed)
    assert write(store_engine, RATS) == WriteCounts(stale=1)
    reopened = replace(RATS, updated_at=AT + 2 * HOUR)
    assert write(store_engine, reopened) == WriteCounts(changed=1)
    with snapshot(store_engine) as conn:
        assert counts(conn) == {("Rats", DAY): (1, 0)}


def test_a_row_that_was_only_touched_is_not_changed_but_its_stamp_is_kept(store_engine: Engine) -> None:
    write(store_engine, RATS)
    assert write(store_engine, replace(RATS, updated_at=AT + 2 * HOUR)) == WriteCounts(unchanged=1)
    assert write(store_engine, replace(RATS, category="Noise", updated_at=AT + HOUR)) == WriteCounts(stale=1)


def test_of_two_rows_with_one_id_the_later_wins_unless_it_is_older(store_engine: Engine) -> None:
    newer, older = replace(RATS, category="Noise", updated_at=AT + HOUR), replace(RATS, updated_at=AT)
    assert write(store_engine, older, newer) == WriteCounts(new=1, duplicates=1)
    assert write(store_engine, newer, older) == WriteCounts(unchanged=1, duplicates=1)
    undated = replace(RATS, category="Graffiti", updated_at=None)
    assert write(store_engine, newer, undated) == WriteCounts(changed=1, duplicates=1)
    with snapshot(store_engine) as conn:
        assert counts(conn) == {("Graffiti", DAY): (1, 0)}


def test_an_id_is_a_sources_own(store_engine: Engine) -> None:
    write(store_engine, RATS)
    with transaction(store_engine) as conn:
        elsewhere = Requests.of("köln", [replace(RATS, source="köln")])
        assert write_requests(conn, elsewhere, seen_at=AT, seen_day=DAY, backfill=False).new == 1
        assert sum(opened for opened in conn.execute(select(daily_count.c.opened)).scalars()) == 2
    with pytest.raises(ValueError, match="köln"):
        write(store_engine, replace(RATS, source="köln"))


def test_what_a_database_cannot_hold_is_left_out_of_texts(store_engine: Engine) -> None:
    nasty = replace(RATS, source_record_id="0\x0007", category="Ra\0ts", description="half \ud83d, \0, '; DROP\t\\N\n")
    assert write(store_engine, RATS, nasty) == WriteCounts(new=1, duplicates=1)
    with snapshot(store_engine) as conn:
        assert conn.execute(select(service_request.c.description)).scalar_one() == "half ?, , '; DROP\t\\N\n"
        assert counts(conn) == {("Rats", DAY): (1, 0)}


def test_nothing_is_an_empty_batch(store_engine: Engine) -> None:
    assert write(store_engine) == WriteCounts()


def test_half_a_transaction_leaves_nothing(store_engine: Engine) -> None:
    with store_engine.connect() as conn:
        conn.begin()
        write_requests(conn, Requests.of("bonn", [RATS]), seen_at=AT, seen_day=DAY, backfill=False)
    with snapshot(store_engine) as conn:
        assert counts(conn) == {}
    assert write(store_engine, RATS) == WriteCounts(new=1)
