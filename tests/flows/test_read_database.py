"""A town's requests in a database, on SQLite and PostgreSQL: after each run the store has what the database has."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, create_engine, select, text

from connectors.database import Database
from flows.ingest import ingest_source
from store.counts import COVERED, daily_totals, read_coverage
from store.engine import open_store, snapshot
from store.schema import series, service_request
from tests.flows.towns import installed, settings_of
from tests.servers.population import Population, Shown
from tests.servers.served import ZONE

FIRST_DAY = date(2026, 9, 20)
BEGIN = datetime(2026, 10, 26, 10, tzinfo=UTC)  # the clocks go back on 1 November
SLOWEST = timedelta(minutes=40)  # transaction
AFTER = "({0} > :since OR ({0} = :since AND id > :after_id)) AND {0} < :until ORDER BY {0}, id LIMIT :limit"
COLUMNS = "SELECT id, created, updated, closed, kind, district FROM call WHERE "
FIELDS = {
    "source_record_id": "id",
    "requested_at": "created",
    "updated_at": "updated",
    "closed_at": "closed",
    "category": "kind",
    "area": "district",
}


class Table:
    """The town's table. A third of the rows have no time of update until they change; times are on the town's clock."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.shown: dict[str, Shown] = {}
        times = "TEXT" if self.engine.dialect.name == "sqlite" else "TIMESTAMP"
        columns = f"id TEXT PRIMARY KEY, created {times}, updated {times}, closed {times}, kind TEXT, district TEXT"
        with self.engine.begin() as conn:
            conn.execute(text(f"CREATE TABLE call ({columns})"))

    def show(self, rows: list[Shown], now: datetime, rng: Random) -> None:
        """Makes these the rows; each is stamped some time before it can be seen, as its transaction takes a while."""
        before, self.shown = self.shown, {row.record_id: row for row in rows}
        news = [row for row in rows if before.get(row.record_id) != row]
        statement = text(
            "INSERT INTO call VALUES (:id, :created, :updated, :closed, :kind, :district) ON CONFLICT (id) DO UPDATE"
            " SET created = excluded.created, updated = excluded.updated, closed = excluded.closed,"
            " kind = excluded.kind, district = excluded.district"
        )
        with self.engine.begin() as conn:
            for row in news:
                is_plain = (
                    row.record_id not in before and row.loaded_at == row.requested_at and int(row.record_id) % 3 == 0
                )
                stamp = now - timedelta(minutes=1) - rng.random() * SLOWEST
                conn.execute(
                    statement,
                    {
                        "id": row.record_id,
                        "created": self.written(row.requested_at),
                        "updated": None if is_plain else self.written(stamp),
                        "closed": row.closed_at and self.written(row.closed_at),
                        "kind": row.category,
                        "district": row.area,
                    },
                )

    def written(self, moment: datetime) -> datetime | str:
        local = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        return str(local) if self.engine.dialect.name == "sqlite" else local


def held(engine: Engine) -> dict[str, tuple[object, ...]]:
    columns = (service_request.c.requested_at, series.c.category, series.c.area, service_request.c.closed_at)
    with snapshot(engine) as conn:
        rows = conn.execute(
            select(service_request.c.source_record_id, *columns).join(
                series, series.c.id == service_request.c.series_id
            )
        )
        return {record_id: tuple(rest) for record_id, *rest in rows}


@pytest.mark.parametrize("seed", range(2))
def test_the_store_has_what_the_database_has(
    store_url: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, now = Random(seed), BEGIN
    monkeypatch.setattr(Database, "now", lambda *_: now)
    town = Population.drawn(seed, FIRST_DAY, 80, per_day=12, zone=ZONE)
    town.events = [event for event in town.events if event.shown is not None]  # nothing says what is deleted
    table = Table(store_url)
    engine = open_store(f"sqlite:///{tmp_path / 'forewarn.db'}")
    source = {
        "kind": "sql",
        "database_url": store_url,
        "query": COLUMNS + "updated IS NOT NULL AND " + AFTER.format("updated"),
        "created_query": COLUMNS + "updated IS NULL AND " + AFTER.format("created"),
        "fields": FIELDS,
        "zone": ZONE.key,
        "clock": "UTC",
        "first_day": str(FIRST_DAY),
        "page_size": 37,
        "overlap_minutes": 60,
    }
    installation = installed(engine, settings_of(tmp_path, {"town": source}))
    for _ in range(12):
        rows = town.at(now)
        table.show(rows, now, rng)
        report = ingest_source(installation, "town", now)
        assert held(engine) == {
            row.record_id: (row.requested_at, row.category, row.area, row.closed_at) for row in rows
        }
        assert report.rejected == 0
        now += timedelta(hours=rng.choice([1, 2, 7, 24, 49]))
        for change in rng.sample([town.close, town.reopen, town.recategorise], 2):
            change(now - timedelta(hours=1), rng.randrange(10**6))
    with snapshot(engine) as conn:
        coverage = read_coverage(conn, "town", FIRST_DAY, now.date())
        dates, totals = daily_totals(conn, "town", FIRST_DAY, now.date())
    asked_on = {row.requested_at.astimezone(ZONE).date() for row in table.shown.values()}
    shows_zero = {day for day, total in zip(dates.astype(object).tolist(), totals, strict=True) if total == 0}
    assert not asked_on & shows_zero & {day for day, what in coverage.items() if what in COVERED}
    assert len([day for day, what in coverage.items() if what in COVERED]) > 36
    table.engine.dispose()
    engine.dispose()
