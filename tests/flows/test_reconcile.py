"""What a comparison with the source leads to, and what it is not believed about."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from connectors.socrata import Socrata
from flows.gone import accept
from flows.ingest import IngestReport, ingest_source
from flows.installation import Installation
from forewarn.alert import State
from forewarn.contracts import Reconciliation, SourceHealth, Window
from forewarn.errors import SourceUnavailable
from simulator.open311 import serve
from store.engine import snapshot
from store.schema import daily_count, service_request
from store.sources import read_control, read_runs
from tests.flows.towns import installed, settings_of
from tests.servers.population import Population
from tests.servers.served import ZONE, ServedSocrata

FIRST_DAY, NOW = date(2026, 9, 20), datetime(2026, 10, 26, 10, tzinfo=UTC)
WEEK = timedelta(days=7)


class Town:
    """A data set, and the installation that reads it."""

    def __init__(self, engine: Engine, folder: Path, address: str, server: ServedSocrata, **more: Any) -> None:
        self.served, self.rows = server, Population.drawn(5, FIRST_DAY, 36, per_day=20, zone=ZONE).at(NOW)
        own = {"url": address, "first_day": str(FIRST_DAY), "zone": ZONE.key, "pause_seconds": 0}
        web = {"allow_http": True, "allow_private_hosts": True}
        settings = settings_of(folder, {"town": {**ServedSocrata.settings, **own, **web, **more}})
        self.installation: Installation = installed(engine, settings)

    def read(self, now: datetime, without: int = 0) -> IngestReport:
        """A pull when the first `without` requests are not there."""
        self.served.show(self.rows[without:], now)
        return ingest_source(self.installation, "town", now)

    def counted(self) -> int:
        with snapshot(self.installation.engine) as conn:
            return int(conn.execute(select(func.sum(daily_count.c.opened))).scalar_one())

    def counters(self) -> dict[str, int]:
        with snapshot(self.installation.engine) as conn:
            return dict(read_runs(conn, "town", 1)[0].counters)


@pytest.fixture
def served() -> Any:
    server = ServedSocrata()
    with serve(server.app) as address:
        yield server, address


def test_what_is_missing_twice_is_gone(engine: Engine, tmp_path: Path, served: Any) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    town.read(NOW + WEEK, without=5)
    assert town.counted() == everything
    town.read(NOW + WEEK + timedelta(days=6), without=5)
    assert town.counted() == everything, "no comparison was due"
    town.read(NOW + 2 * WEEK, without=5)
    assert town.counted() == everything - 5
    assert town.counters()["removed"] == 5
    town.read(NOW + 3 * WEEK)
    assert town.counted() == everything, "seen again, they count again"


def test_very_many_that_are_missing_are_believed_after_weeks(engine: Engine, tmp_path: Path, served: Any) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    report = town.read(NOW + WEEK, without=200)
    assert report.health is SourceHealth.BROKEN
    assert f"it has {len(town.rows) - 200} requests, and {everything} are stored" in report.message
    for days in range(1, 21):
        town.read(NOW + WEEK + timedelta(days=days), without=200)
        assert town.counted() == everything
    report = town.read(NOW + WEEK + timedelta(days=21), without=200)
    assert town.counted() == everything - 200
    assert report.health is not SourceHealth.BROKEN


def test_many_that_stay_missing_for_a_week_are_believed(engine: Engine, tmp_path: Path, served: Any) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    for days in range(7):
        report = town.read(NOW + WEEK + timedelta(days=days), without=60)
        assert report.health is SourceHealth.BROKEN
        assert "`forewarn sources accept town`" in report.message
        assert "else that is done on 2026-11-09, if it stays so" in report.message
        assert town.counted() == everything
    report = town.read(NOW + 2 * WEEK, without=60)
    assert report.health is not SourceHealth.BROKEN
    assert town.counted() == everything - 60


def test_those_that_come_back_within_the_week_are_not_gone(engine: Engine, tmp_path: Path, served: Any) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    for days in range(20):
        town.read(NOW + WEEK + timedelta(days=days), without=60 if days % 6 else 0)
    assert town.counted() == everything


def test_a_person_may_believe_it_at_once(engine: Engine, tmp_path: Path, served: Any) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    report = town.read(NOW + WEEK, without=300)
    assert (report.health, [change.alert.state for change in report.changes]) == (SourceHealth.BROKEN, [State.OPEN])
    later = NOW + WEEK + timedelta(hours=2)
    assert accept(engine, "town", later, later.date()) == 300
    assert town.counted() == everything - 300
    report = town.read(later, without=300)
    assert report.health is SourceHealth.SILENT, "nothing new came since the first reading, which is another trouble"
    assert accept(engine, "town", later, later.date()) == 0
    for weeks in (2, 3):
        assert town.read(NOW + weeks * WEEK, without=300).health is not SourceHealth.BROKEN


def test_what_was_never_read_is_no_deletion(
    engine: Engine, tmp_path: Path, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    more = {f"never-read-{n}" for n in range(60)}
    there = Reconciliation(record_ids=frozenset({row.record_id for row in town.rows} | more))
    monkeypatch.setattr(Socrata, "reconcile", lambda *_: there)
    report = town.read(NOW + WEEK)
    assert "60 were never read" in report.message
    assert "`forewarn sources backfill town --again`" in report.message
    assert "accept" not in report.message


def test_a_table_that_was_away_for_a_week_is_well_again_the_next_day(
    engine: Engine, tmp_path: Path, served: Any
) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    assert town.read(NOW + WEEK, without=600).health is SourceHealth.BROKEN
    assert town.read(NOW + WEEK + timedelta(days=1)).health is not SourceHealth.BROKEN
    assert town.counted() == everything


@pytest.mark.parametrize(("off", "is_broken"), [(3, False), (60, True)])
def test_a_number_alone_tells_a_difference(
    engine: Engine, tmp_path: Path, served: Any, monkeypatch: pytest.MonkeyPatch, *, off: int, is_broken: bool
) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)
    everything = town.counted()
    monkeypatch.setattr(Socrata, "reconcile", lambda *_: Reconciliation(total=everything + off))
    report = town.read(NOW + WEEK)
    assert (report.health is SourceHealth.BROKEN) == is_broken
    assert town.counters()["control_actual"] - town.counters()["control_expected"] == off


def test_a_source_that_fails_is_asked_again_by_the_next_run(
    engine: Engine, tmp_path: Path, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(engine, tmp_path, served[1], served[0])
    town.read(NOW)

    def fails(*_: object) -> Reconciliation:
        raise SourceUnavailable("town", "status 503")

    with monkeypatch.context() as patched:
        patched.setattr(Socrata, "reconcile", fails)
        assert town.read(NOW + WEEK).health is not SourceHealth.UNDETERMINED
        assert town.counters()["not_reconciled"] == 1
    town.read(NOW + WEEK + timedelta(minutes=15))
    with snapshot(engine) as conn:
        assert read_control(conn, "town")[0] == NOW + WEEK + timedelta(minutes=15)


def test_what_the_source_does_not_keep_has_aged_out(engine: Engine, tmp_path: Path, served: Any) -> None:
    town = Town(engine, tmp_path, served[1], served[0], retention_days=30)
    town.read(NOW)
    everything = town.counted()
    kept_from = (NOW + 2 * WEEK).astimezone(ZONE).date() - timedelta(days=29)
    older = sum(row.requested_at.astimezone(ZONE).date() < kept_from for row in town.rows)
    for weeks in (1, 2):
        town.read(NOW + weeks * WEEK, without=older)
    assert town.counted() == everything
    with snapshot(engine) as conn:
        aged = select(func.count()).where(service_request.c.deletion_reason == "aged_out")
        assert conn.execute(aged).scalar_one() == older


def test_no_comparison_where_none_is_wanted(
    engine: Engine, tmp_path: Path, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[Window] = []
    monkeypatch.setattr(Socrata, "reconcile", lambda _, span: spans.append(span) or Reconciliation())
    for every, expected in ((0, set()), (3, {10})):
        town = Town(engine, tmp_path, served[1], served[0], reconcile_every_days=every, reconcile_days=10)
        for day in range(8):
            town.read(NOW + timedelta(days=day + every * 10))
        assert {(span.until - span.since).days for span in spans if span.until and span.since} == expected
