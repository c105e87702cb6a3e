"""What becomes of old requests that are still open, where a server tells it only when it is asked for them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from connectors import connector_for
from connectors.http import HttpSource
from flows import old_requests
from flows.ingest import ingest_source
from flows.installation import Installation
from forewarn.errors import SourceUnavailable
from simulator.open311 import serve
from store.engine import snapshot
from store.schema import service_request
from store.sources import read_runs
from tests.flows.towns import installed, settings_of
from tests.servers.faults import Faulty
from tests.servers.population import Shown
from tests.servers.served import ZONE, Served, ServedArcGis, ServedFixMyStreet, ServedOpen311

FIRST_DAY, BEGIN = date(2026, 1, 5), datetime(2026, 3, 2, 15, tzinfo=UTC)
LATER = datetime(2026, 7, 1, 15, tzinfo=UTC)
DAY = timedelta(days=1)


class Town:
    """A server with old requests, and the installation that reads it."""

    def __init__(self, served: Served, address: str, asked: list[str], engine: Engine, folder: Path) -> None:
        self.served, self.asked = served, asked
        times = [BEGIN - n * timedelta(hours=6) for n in range(1, 201)]
        self.rows = {
            f"{n:06d}": Shown(f"{n:06d}", at, "Rats", "North", "web", None, at, at) for n, at in enumerate(times)
        }
        own = {"url": address, "first_day": str(FIRST_DAY), "zone": ZONE.key, "pause_seconds": 0}
        web = {"allow_http": True, "allow_private_hosts": True, "reconcile_every_days": 0}
        settings = settings_of(folder, {"town": {**served.settings, **own, **web}})
        self.installation: Installation = installed(engine, settings)
        self.read(BEGIN)

    def close(self, *numbers: int, at: datetime = LATER - 2 * DAY) -> None:
        for number in numbers:
            key = f"{number:06d}"
            self.rows[key] = self.rows[key]._replace(closed_at=at, updated_at=at, loaded_at=at)

    def delete(self, *numbers: int) -> None:
        for number in numbers:
            del self.rows[f"{number:06d}"]

    def read(self, now: datetime) -> dict[str, int]:
        """A pull; gives its counters and the number of questions."""
        self.served.show(sorted(self.rows.values(), key=lambda row: row.requested_at), now)
        before = len(self.asked)
        ingest_source(self.installation, "town", now)
        with snapshot(self.installation.engine) as conn:
            return {**read_runs(conn, "town", 1)[0].counters, "asked": len(self.asked) - before}

    def closed(self) -> set[int]:
        return {int(row) for row in self._ids(service_request.c.status == "closed")}

    def there(self) -> set[int]:
        return {int(row) for row in self._ids(service_request.c.deleted_at.is_(None))}

    def _ids(self, condition: Any) -> list[str]:
        with snapshot(self.installation.engine) as conn:
            return list(conn.execute(select(service_request.c.source_record_id).where(condition)).scalars())


@pytest.fixture(params=[ServedOpen311, ServedArcGis, ServedFixMyStreet])
def town(
    request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Town]:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    monkeypatch.setattr(old_requests, "SHARE", 0.3)  # of so small a town
    served = request.param()
    server = Faulty(served.app)
    with serve(server) as address:
        yield Town(served, address, server.asked, engine, tmp_path)


def test_old_requests_are_looked_up_once_a_week_some_each_day(town: Town) -> None:
    town.close(*range(0, 200, 10))
    looked_up = [town.read(LATER + n * DAY)["looked_up"] for n in range(7)]
    assert looked_up[:3] == [61, 61, 61]
    assert 10 < looked_up[3] <= 17, "some of the newest are read anyway"
    assert looked_up[4:] == [0, 0, 0]
    assert town.closed() == set(range(0, 200, 10))
    assert town.read(LATER + 7 * DAY)["looked_up"] > 0
    assert sum(town.read(LATER + n * DAY)["looked_up"] for n in range(8, 15)) < 2 * 180, "what is closed is left alone"


def test_only_the_first_run_of_a_day_looks_up(town: Town) -> None:
    first = town.read(LATER)
    second = town.read(LATER + timedelta(minutes=15))
    assert first["looked_up"] == 61
    assert "looked_up" not in second
    questions = [asked for asked in town.asked if "service_request_id" in asked or "+IN+" in asked]
    most = 61 if isinstance(town.served, ServedFixMyStreet) else 3 * 2  # fifty in one question, where that can be
    assert 2 <= len(questions) <= most


def test_what_is_not_there_twice_is_gone(town: Town) -> None:
    town.delete(3, 4)
    for n in range(7):
        town.read(LATER + n * DAY)
        assert town.there() == set(range(200))
    for n in range(7, 14):
        town.read(LATER + n * DAY)
    assert town.there() == set(range(200)) - {3, 4}


def test_a_server_without_old_requests_has_not_deleted_them(town: Town) -> None:
    town.delete(*range(200))
    for n in range(20):
        assert town.read(LATER + n * DAY)["asked"] < 150
    assert town.there() == set(range(200))


def test_a_server_that_fails_is_asked_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Any:
        raise SourceUnavailable("town", "status 503")

    kind = type(connector_for("town", town.installation.source("town")))
    with monkeypatch.context() as patched:
        patched.setattr(kind, "read_again", fails)
        assert town.read(LATER)["not_looked_up"] == 1
    assert town.read(LATER + DAY)["looked_up"] == 61


def test_few_are_looked_up_of_many() -> None:
    assert old_requests.how_many(1_000_000) == 500
    assert old_requests.how_many(20_000) == 101
    assert old_requests.how_many(100) == 1
