"""Old texts are emptied and nothing else is, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from forewarn.request import DeletionReason, Reject, Requests, ServiceRequest
from store.engine import open_store, snapshot, transaction
from store.removals import remove
from store.requests import write_requests
from store.retention import (
    days_with_texts,
    drop_rejects,
    empty_texts,
    empty_texts_of_removed,
    keep_texts_from,
    texts_from,
)
from store.revisions import requests_known_at
from store.schema import daily_count, request_revision, service_request
from store.sources import read_rejects, start_run, write_rejects

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
SECRET = "rats behind the bakery of the Zaunkoenig family"


def request(number: int, *, source: str = "bonn", text: str = SECRET) -> ServiceRequest:
    """The request of the day with that number."""
    at, day = AT + number * ONE_DAY, DAY + number * ONE_DAY
    return ServiceRequest(source, f"{number:03d}", at, day, "Rats", description=text)


@pytest.fixture
def filled(store_engine: Engine) -> Engine:
    with transaction(store_engine) as conn:
        for source in ("bonn", "koeln"):
            rows = Requests.of(source, [request(number, source=source) for number in range(10)])
            write_requests(conn, rows, seen_at=AT, seen_day=DAY, backfill=True)
    return store_engine


def texts(engine: Engine, source: str = "bonn") -> list[str]:
    mine = select(service_request.c.description).where(service_request.c.source == source)
    with snapshot(engine) as conn:
        return list(conn.execute(mine.order_by(service_request.c.source_record_id)).scalars())


def everything_else(engine: Engine) -> list[tuple[object, ...]]:
    columns = [column for column in service_request.c if column.name != "description"]
    with snapshot(engine) as conn:
        kept = conn.execute(select(*columns).order_by(service_request.c.source, service_request.c.source_record_id))
        return [*map(tuple, kept), *map(tuple, conn.execute(select(daily_count).order_by(*daily_count.c)))]


def test_texts_of_these_days_and_of_this_source_are_emptied(filled: Engine) -> None:
    before = everything_else(filled)
    with transaction(filled) as conn:
        assert days_with_texts(conn, "bonn", DAY + 3 * ONE_DAY, None) == [(DAY + n * ONE_DAY, 1) for n in range(3)]
        assert empty_texts(conn, "bonn", DAY, DAY + 2 * ONE_DAY) == 3
        assert empty_texts(conn, "bonn", DAY, DAY + 2 * ONE_DAY) == 0
        assert days_with_texts(conn, "bonn", DAY + 4 * ONE_DAY, DAY + ONE_DAY) == [(DAY + 3 * ONE_DAY, 1)]
    assert texts(filled) == [""] * 3 + [SECRET] * 7
    assert texts(filled, "koeln") == [SECRET] * 10
    assert everything_else(filled) == before


def test_an_old_request_that_is_read_again_is_as_it_was(filled: Engine) -> None:
    with transaction(filled) as conn:
        empty_texts(conn, "bonn", DAY, DAY + 2 * ONE_DAY)
        again = Requests.of("bonn", [request(number) for number in range(10)]).with_texts_from(DAY + 3 * ONE_DAY)
        written = write_requests(conn, again, seen_at=AT + ONE_DAY, seen_day=DAY + ONE_DAY, backfill=False)
    assert (written.unchanged, written.changed) == (10, 0)
    assert texts(filled) == [""] * 3 + [SECRET] * 7


def test_the_day_from_which_texts_are_kept(filled: Engine) -> None:
    with transaction(filled) as conn:
        assert texts_from(conn, "bonn") is None
        keep_texts_from(conn, "bonn", DAY)
        keep_texts_from(conn, "bonn", DAY + ONE_DAY)
        assert (texts_from(conn, "bonn"), texts_from(conn, "koeln")) == (DAY + ONE_DAY, None)


def test_the_text_of_a_removed_request_goes_with_it_and_comes_back_with_it(filled: Engine) -> None:
    reason = DeletionReason.SOURCE_DELETED
    with transaction(filled) as conn:
        remove(conn, "bonn", ["000"], reason, at=AT + ONE_DAY, seen_day=DAY + ONE_DAY)
    assert texts(filled)[0] == ""
    with snapshot(filled) as conn:
        (earlier,) = conn.execute(select(request_revision.c.earlier)).scalars()
        assert earlier == {"description": None, "deleted_at": None, "deletion_reason": None}
        assert requests_known_at(conn, "bonn", AT)["000"]["description"] == "", "no log brings it back"
    with transaction(filled) as conn:
        rows = Requests.of("bonn", [request(0)])
        write_requests(conn, rows, seen_at=AT + 2 * ONE_DAY, seen_day=DAY + 2 * ONE_DAY, backfill=False)
    assert texts(filled)[0] == SECRET


def test_texts_of_requests_that_were_removed_long_ago(filled: Engine) -> None:
    gone = service_request.update().values(deleted_at=AT).where(service_request.c.source_record_id.in_(["001", "004"]))
    with transaction(filled) as conn:
        conn.execute(gone)
        assert empty_texts_of_removed(conn, "bonn") == 2
    assert [number for number, text in enumerate(texts(filled)) if not text] == [1, 4]
    assert texts(filled, "koeln") == [SECRET] * 10


def test_a_changed_text_is_in_no_log(filled: Engine) -> None:
    with transaction(filled) as conn:
        rows = Requests.of("bonn", [replace(request(0), description="taken back")])
        write_requests(conn, rows, seen_at=AT + ONE_DAY, seen_day=DAY + ONE_DAY, backfill=False)
        (earlier,) = conn.execute(select(request_revision.c.earlier)).scalars()
    assert earlier == {"description": None}


def test_rejected_rows_are_dropped_when_no_run_has_met_them_for_long(filled: Engine) -> None:
    with transaction(filled) as conn:
        for days, detail in ((0, "met once"), (5, "met again"), (9, "new")):
            run = start_run(conn, "bonn", AT + days * ONE_DAY)
            write_rejects(conn, "bonn", run, [Reject("bad_date", detail, "row 1")])
        write_rejects(conn, "bonn", run, [Reject("bad_date", "met once", "row 1")])
        assert drop_rejects(conn, "bonn", AT + 6 * ONE_DAY) == 1
        assert {row.detail for row in read_rejects(conn, "bonn", 9)} == {"met once", "new"}


def test_nothing_is_left_of_a_text_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "forewarn.db"
    engine = open_store(f"sqlite:///{file}")
    with transaction(engine) as conn:
        rows = Requests.of("bonn", [request(number, text=f"{SECRET}, number {number}") for number in range(500)])
        write_requests(conn, rows, seen_at=AT, seen_day=DAY, backfill=True)
    with transaction(engine) as conn:
        assert empty_texts(conn, "bonn", DAY, DAY + 399 * ONE_DAY) == 400
    engine.dispose()  # the last connection writes the log back into the file
    assert file.read_bytes().count(SECRET.encode()) == 100
