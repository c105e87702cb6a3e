"""A data set that is built anew, with other ids or times of update: said, and nothing is counted twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from connectors.http import HttpSource
from flows.ingest import IngestReport, ingest_source
from forewarn.contracts import SourceHealth
from simulator.open311 import serve
from store.engine import snapshot
from store.schema import daily_count, service_request
from store.sources import read_runs
from tests.flows.towns import installed, settings_of
from tests.servers.faults import Faulty
from tests.servers.population import Population
from tests.servers.served import SERVED, ZONE

FIRST_DAY, BEGIN = date(2026, 9, 20), datetime(2026, 10, 13, 10, tzinfo=UTC)
A_DAY = timedelta(days=1)


class Town:
    """One source, read day by day."""

    def __init__(self, engine: Engine, folder: Path, kind: str) -> None:
        self.served, self.now, self.engine, self.folder = SERVED[kind](), BEGIN, engine, folder
        self.people = Population.drawn(5, FIRST_DAY, 60, per_day=20, zone=ZONE)
        self.server = Faulty(self.served.app)

    def open(self, address: str) -> None:
        own = {"url": address, "first_day": str(FIRST_DAY), "zone": ZONE.key, "pause_seconds": 0}
        web = {"allow_http": True, "allow_private_hosts": True}
        sources = {"town": {**self.served.settings, **own, **web}}
        self.installation = installed(self.engine, settings_of(self.folder, sources))

    def read(self) -> IngestReport:
        self.now += A_DAY
        self.served.show(self.people.at(self.now), self.now)
        return ingest_source(self.installation, "town", self.now)

    def counters(self) -> dict[str, int]:
        with snapshot(self.engine) as conn:
            return dict(read_runs(conn, "town", 1)[0].counters)

    def counted(self) -> tuple[int, set[str]]:
        """Requests in the counts, and their ids."""
        with snapshot(self.engine) as conn:
            there = select(service_request.c.source_record_id).where(service_request.c.deleted_at.is_(None))
            total = conn.execute(select(func.sum(daily_count.c.opened))).scalar_one()
            return int(total), set(conn.execute(there).scalars())


@pytest.fixture
def town(engine: Engine, tmp_path: Path, request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    found = Town(engine, tmp_path, request.param)
    with serve(found.server) as address:
        found.open(address)
        for _ in range(3):
            found.read()
        yield found


@pytest.mark.parametrize("town", ["socrata", "open311", "arcgis with edits", "seeclickfix", "cfpb"], indirect=True)
def test_requests_that_come_under_other_ids_are_counted_once(town: Town) -> None:
    town.people.move_to_new_ids(town.now)
    report = town.read()
    ids = {row.record_id for row in town.people.at(town.now)}
    total, stored = town.counted()
    gone = len(stored - ids)
    assert town.counters()["renumbered"] > 150
    assert "requests have come under other ids than before; they are counted once" in report.remarks
    assert total == len(stored) <= len(ids) + gone, "none is there twice"
    for _ in range(8):
        report = town.read()
    assert report.health in (SourceHealth.OK, SourceHealth.QUIET)
    assert {row.record_id for row in town.people.at(town.now)} <= town.counted()[1]
    assert town.counted()[0] == len(town.counted()[1])
