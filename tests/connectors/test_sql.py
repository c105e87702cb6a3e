"""Real databases: everything here holds on SQLite and on PostgreSQL."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from connectors import checking, connector_for
from connectors.sql import Sql
from connectors.updates import BACKFILL
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.settings import SourceSettings
from tests.databases import postgres_server, store_url

__all__ = ["postgres_server", "store_url"]

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
BEGIN = datetime(2026, 6, 1, 6, tzinfo=UTC)
FIELDS = {"source_record_id": "id", "requested_at": "created", "updated_at": "updated", "category": "kind"}
AFTER = "(updated > :since OR (updated = :since AND id > :after_id)) AND updated < :until"
QUERY = f"SELECT id, created, updated, kind FROM call WHERE {AFTER} ORDER BY updated, id LIMIT :limit"
CREATED = QUERY.replace("WHERE (updated", "WHERE updated IS NULL AND (created").replace("updated = ", "created = ")
CREATED = CREATED.replace("updated <", "created <").replace("BY updated", "BY created")
COUNTS = """SELECT day, kind, n FROM volume WHERE day >= :since AND day < :until"""


class Desk:
    """A table of calls in a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url)
        self.lite = self.engine.dialect.name == "sqlite"
        kind = "TEXT" if self.lite else "TIMESTAMPTZ"
        with self.engine.begin() as conn:
            conn.execute(text(f"CREATE TABLE call (id INTEGER PRIMARY KEY, created {kind}, updated {kind}, kind TEXT)"))
            conn.execute(text(f"CREATE TABLE volume (day {'TEXT' if self.lite else 'DATE'}, kind TEXT, n INTEGER)"))

    def written(self, at: datetime | None) -> Any:
        return at.strftime("%Y-%m-%d %H:%M:%S") if self.lite and at else at

    def put(self, number: int, created: datetime, updated: datetime | None, kind: str = "Noise") -> None:
        with self.engine.begin() as conn:
            self.put_by(conn, number, created, updated, kind)

    def put_by(
        self, conn: Connection, number: int, created: datetime, updated: datetime | None, kind: str = "Noise"
    ) -> None:
        conn.execute(
            text(
                "INSERT INTO call VALUES (:id, :created, :updated, :kind)"
                " ON CONFLICT (id) DO UPDATE SET updated = :updated, kind = :kind"
            ),
            {"id": number, "created": self.written(created), "updated": self.written(updated), "kind": kind},
        )

    def connector(self, **options: Any) -> Sql:
        usual = {"database_url": self.url, "query": QUERY, "fields": FIELDS, "page_size": 40, "first_day": "2026-06-01"}
        clock = {"clock": "UTC"} if self.lite else {}
        settings = SourceSettings(kind="sql", zone="Europe/Berlin", **{**usual, **clock, **options})
        found = connector_for("desk", settings)
        assert isinstance(found, Sql)
        return found


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    found = Desk(store_url)
    with found.engine.begin() as conn:
        for number in range(250):
            at = BEGIN + number * timedelta(hours=2, minutes=47)
            found.put_by(conn, number, at, at, "Noise" if number % 3 else "Rats")
    yield found
    found.engine.dispose()


def read(source: Sql, windows: Sequence[Window]) -> list[Page]:
    return [page for window in windows for page in source.fetch(window)]


def ids(pages: Sequence[Page]) -> list[int]:
    return [int(request.source_record_id) for page in pages for request in page.requests]


def end_of(pages: Sequence[Page]) -> WindowEnd:
    end = pages[-1].end
    assert end is not None
    return end


def test_the_first_reading_drains_everything(desk: Desk) -> None:
    source = desk.connector()
    windows = source.plan({}, NOW)
    assert [window.name for window in windows] == [BACKFILL, ""]
    pages = read(source, windows)
    assert sorted(set(ids(pages))) == list(range(250))
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 29))
    assert end_of(pages).open_day == date(2026, 6, 30)
    first = next(iter(pages[0].requests))
    assert (first.requested_at, first.updated_at, first.category) == (BEGIN, BEGIN, "Rats")


def test_many_rows_of_one_instant(desk: Desk) -> None:
    with desk.engine.begin() as conn:
        for number in range(250):
            desk.put_by(conn, number, BEGIN, NOW - timedelta(hours=1))
    source = desk.connector(page_size=7)
    assert sorted(ids(read(source, source.plan({}, NOW)))) == list(range(250))


def test_a_page_that_is_short_is_not_the_last(desk: Desk) -> None:
    """Rows are left out after the limit, as by a join around the limited part."""
    query = f"SELECT * FROM ({QUERY}) AS limited WHERE kind = 'Rats' ORDER BY updated, id"
    source = desk.connector(query=query)
    pages = read(source, source.plan({}, NOW))
    assert sorted(ids(pages)) == list(range(0, 250, 3))
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 29))


def test_what_is_committed_late_is_read_within_the_overlap(desk: Desk) -> None:
    source = desk.connector(overlap_minutes=30)
    state = end_of(read(source, source.plan({}, NOW))).state
    desk.put(900, NOW - timedelta(minutes=29), NOW - timedelta(minutes=29))
    pages = read(source, source.plan(state, NOW + timedelta(minutes=15)))
    assert ids(pages) == [900]


def test_a_transaction_that_is_open_while_it_is_read(desk: Desk) -> None:
    if desk.lite:
        pytest.skip("SQLite has one writer, whose transaction nobody overtakes")
    source = desk.connector()
    with desk.engine.connect() as slow, slow.begin():
        desk.put_by(slow, 900, NOW - timedelta(minutes=10), NOW - timedelta(minutes=10))
        desk.put(901, NOW - timedelta(minutes=5), NOW - timedelta(minutes=5))
        pages = read(source, source.plan({}, NOW))
        assert 901 in ids(pages)
        assert 900 not in ids(pages)
        slow.commit()
    assert set(ids(read(source, source.plan(end_of(pages).state, NOW + timedelta(minutes=5))))) == {900, 901}


def test_the_databases_clock_decides_until_when_is_read(desk: Desk) -> None:
    source = desk.connector()
    ahead = datetime.now(UTC) + timedelta(days=2)
    assert source.plan({}, ahead)[-1].until < ahead - timedelta(days=1, hours=23)  # type: ignore[operator]
    assert source.plan({}, NOW)[-1].until == NOW


def test_rows_without_a_time_of_update_need_their_own_query(desk: Desk) -> None:
    for number in range(300, 390):
        desk.put(number, NOW - timedelta(days=1), None)
    source = desk.connector()
    assert len(set(ids(read(source, source.plan({}, NOW))))) == 250
    both = desk.connector(created_query=CREATED)
    pages = read(both, both.plan({}, NOW))
    assert sorted(set(ids(pages))) == [*range(250), *range(300, 390)]
    assert pages[-1].end is not None
    without_filter = QUERY.replace(AFTER, f"({AFTER}) OR updated IS NULL").replace(
        "ORDER BY updated", "ORDER BY created"
    )
    wrong = desk.connector(query=without_filter, page_size=1000)
    with pytest.raises(SourceChanged, match="IS NOT NULL"):
        read(wrong, wrong.plan({}, NOW))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (QUERY.replace("ORDER BY updated, id", "ORDER BY updated DESC, id"), "not ordered by updated"),
        (
            QUERY.replace("updated > :since", "updated > '2020-01-01' OR updated > :since"),
            "does not go on|not from :since",
        ),
        (QUERY.replace("updated < :until", "(updated < :until OR 1 = 1)"), "not from :since"),
        (QUERY.replace("id > :after_id", "(id > :after_id OR 1 = 1)").replace("> :since", ">= :since"), "go on"),
        (QUERY.replace("kind", "kind AS sort"), "'kind'"),
        (QUERY.replace("kind", "kind AS Kind_").replace("Kind_", '"Kind "'), "did you mean 'Kind '"),
        (QUERY.replace("kind", "kind, kind"), "2 columns 'kind'"),
        (QUERY.replace("FROM call", "FROM kall"), "a query fails"),
        (QUERY.replace("SELECT", "SELEKT"), "a query fails"),
        ("DELETE FROM call WHERE " + AFTER + " AND :limit > 0 RETURNING *", "a query fails"),
    ],
)
def test_a_query_that_does_something_else_is_told(desk: Desk, query: str, problem: str) -> None:
    with desk.engine.begin() as conn:
        for number in range(90):
            desk.put_by(conn, number, BEGIN, BEGIN)
    source = desk.connector(query=query)
    with pytest.raises(SourceChanged, match=problem):
        read(source, source.plan({}, NOW))
    with desk.engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM call")).scalar_one() == 250


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"query": QUERY.replace(":after_id", "7")}, "does not use :after_id"),
        ({"query": QUERY.replace(":limit", ":limt")}, "does not use :limit"),
        ({"query": QUERY + " OFFSET :offset"}, "uses :offset"),
        ({"created_query": "SELECT 1"}, "created_query does not use"),
        ({"ids_query": "SELECT id FROM call WHERE created > :since"}, "ids_query does not use :until"),
        ({"fields": {"source_record_id": "id", "requested_at": "created"}}, "fields.updated_at"),
        ({"rows": "counts", "fields": {"date": "day"}}, "fields.opened"),
        ({"clock": "Berlin"}, "clock"),
        ({"database_url": "hunter2"}, "database_url is not an address"),
        ({"database_url": "postgresql://u:hunter2@h:port/d"}, "database_url is not an address"),
        ({"database_url": "nosuch://u:hunter2@h/d"}, "SQLAlchemy does not know"),
        ({"database_url": "mssql+pymssql://u:hunter2@h/d"}, "driver that is not installed: pymssql"),
    ],
)
def test_settings_that_cannot_work_are_told(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    desk = Desk(f"sqlite:///{tmp_path / 'desk.db'}")
    with pytest.raises(ConfigError, match=problem) as caught:
        desk.connector(**options)
    desk.engine.dispose()
    assert "hunter2" not in str(caught.value)


def test_times_without_a_zone_need_a_declared_one(desk: Desk) -> None:
    undeclared = desk.connector(clock="")
    if not desk.lite:
        with desk.engine.begin() as conn:
            conn.execute(
                text("ALTER TABLE call ALTER updated TYPE timestamp USING updated AT TIME ZONE 'America/New_York'")
            )
            conn.execute(
                text("ALTER TABLE call ALTER created TYPE timestamp USING created AT TIME ZONE 'America/New_York'")
            )
    with pytest.raises(SourceChanged, match="set clock"):
        read(undeclared, undeclared.plan({}, NOW))
    declared = desk.connector() if desk.lite else desk.connector(clock="America/New_York")
    pages = read(declared, declared.plan({}, NOW))
    assert sorted(set(ids(pages))) == list(range(250))
    assert next(iter(pages[0].requests)).requested_at == BEGIN


def test_a_declared_zone_where_times_have_one_is_refused(desk: Desk) -> None:
    if desk.lite:
        pytest.skip("its texts have no zone")
    source = desk.connector(clock="Europe/Berlin")
    with pytest.raises(SourceChanged, match="take clock out"):
        read(source, source.plan({}, NOW))


def test_times_that_are_kept_as_text(desk: Desk) -> None:
    layout, sql = "%Y%m%d%H%M%S", "YYYYMMDDHH24MISS"
    made = f"strftime('{layout}', updated)" if desk.lite else f"to_char(updated AT TIME ZONE 'UTC', '{sql}')"
    query = (
        f"SELECT id, created, u AS updated, kind FROM (SELECT *, {made} AS u FROM call) c WHERE {AFTER} ORDER BY u, id"
    )
    query = query.replace("updated >", "u >").replace("updated =", "u =").replace("updated <", "u <") + " LIMIT :limit"
    query = query.replace("created, u", f"{made.replace('updated', 'created')} AS created, u")
    source = desk.connector(query=query, time_format=layout, clock="UTC")
    pages = read(source, source.plan({}, NOW))
    assert sorted(set(ids(pages))) == list(range(250))
    assert next(iter(pages[0].requests)).requested_at == BEGIN


def test_a_query_that_takes_too_long_is_ended(desk: Desk) -> None:
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        if desk.lite
        else "SELECT 1 FROM pg_sleep(60)"
    )
    source = desk.connector(query=QUERY.replace("WHERE", f"WHERE ({slow}) > 0 AND"), timeout_seconds=1)
    with pytest.raises(SourceUnavailable, match="timeout_seconds = 1"):
        read(source, source.plan({}, NOW))


def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    gone = Desk(f"sqlite:///{tmp_path / 'desk.db'}")
    source = gone.connector()
    gone.engine.dispose()
    (tmp_path / "desk.db").unlink()
    with pytest.raises(SourceUnavailable, match="not there"):
        source.plan({}, NOW)
    assert not (tmp_path / "desk.db").exists()
    nobody = gone.connector(database_url="postgresql+psycopg://u:hunter2@127.0.0.1:1/d", clock="")
    with pytest.raises(SourceUnavailable, match="cannot be read") as caught:
        nobody.plan({}, NOW)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(nobody)


def test_a_locked_sqlite_passes(tmp_path: Path) -> None:
    desk = Desk(f"sqlite:///{tmp_path / 'desk.db'}")
    source = desk.connector(database_url=f"sqlite:///{tmp_path / 'desk.db'}?timeout=0.1")
    with sqlite3.connect(tmp_path / "desk.db", isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnavailable, match="locked"):
            read(source, source.plan({}, NOW))
    writer.close()
    desk.engine.dispose()


def test_ready_counts(desk: Desk) -> None:
    with desk.engine.begin() as conn:
        for ago in range(60):
            day = date(2026, 6, 30) - timedelta(days=ago)
            row = {"day": day.isoformat() if desk.lite else day, "n": ago}
            conn.execute(
                text("INSERT INTO volume VALUES (:day, 'Noise', :n), (:day, 'Noise', 1), (:day, 'Rats', 2)"), row
            )
    fields = {"date": "day", "category": "kind", "opened": "n"}
    source = desk.connector(rows="counts", query=COUNTS, fields=fields)
    pages = read(source, source.plan({}, NOW))
    found = {(row.day, row.category): row.opened for page in pages for row in page.counts}
    assert len(found) == 60
    assert found[date(2026, 6, 20), "Noise"] == 11
    assert [page.end.covers for page in pages if page.end] == [
        (date(2026, 6, 1), date(2026, 6, 28)),
        (date(2026, 6, 29), date(2026, 6, 29)),
    ]
    assert end_of(pages).open_day == date(2026, 6, 30)
    again = read(source, source.plan(end_of(pages).state, NOW + timedelta(days=1)))
    assert {row.day for page in again for row in page.counts} == {
        date(2026, 6, 16) + timedelta(days=n) for n in range(15)
    }
    assert end_of(again).covers == (date(2026, 6, 16), date(2026, 6, 30))
    wider = desk.connector(rows="counts", query=COUNTS.replace("day < :until", ":until = :until"), fields=fields)
    with pytest.raises(SourceChanged, match="gives days"):
        read(wider, wider.plan({}, NOW))
    weekly = COUNTS + (" AND strftime('%w', day) = '1'" if desk.lite else " AND extract(dow FROM day) = 1")
    weeks = desk.connector(rows="counts", query=weekly, fields=fields)
    with pytest.raises(SourceChanged, match="only daily"):
        read(weeks, weeks.plan({}, NOW))
    weeks = desk.connector(rows="counts", query=weekly, fields=fields, step="week")
    pages = read(weeks, weeks.plan({}, NOW))
    found = {(row.day, row.category): row.opened for page in pages for row in page.counts}
    assert found[date(2026, 6, 21), "Rats"] == 2, "of the Monday before"
    assert {page.end.covers for page in pages if page.end} >= {(date(2026, 6, 1), date(2026, 6, 28))}


def test_reconcile_by_a_query_of_ids(desk: Desk) -> None:
    span = Window(datetime(2026, 5, 31, 22, tzinfo=UTC), datetime(2026, 6, 1, 22, tzinfo=UTC))
    assert desk.connector().reconcile(span).record_ids is None
    ids_query = "SELECT id FROM call WHERE created >= :since AND created < :until"
    assert desk.connector(ids_query=ids_query).reconcile(span).record_ids == {str(number) for number in range(6)}


def test_a_check_says_what_maps_to_what(desk: Desk) -> None:
    found = checking.check(desk.connector(first_day="2026-06-28"), NOW)
    assert found.usable
    assert found.wrong == []
    assert "category ← kind" in found.fields
