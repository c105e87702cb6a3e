"""A first reading of many windows: told how far it is, stopped in between, gone on with, and begun again."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from connectors.http import HttpSource
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.pull import Reached
from forewarn.settings_file import parse
from simulator.open311 import serve
from store.engine import snapshot
from store.schema import daily_count, service_request
from tests.servers.socrata import SmallSocrata

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
FIRST = date(2026, 1, 1)
ROWS = 900


class Stopped(BaseException):
    """As Ctrl-C, at an instant that the test chooses."""


def portal() -> SmallSocrata:
    found = SmallSocrata(["key", "made", "topic"], updated_at=int(NOW.timestamp()))
    for number in range(ROWS):
        at = datetime(2026, 1, 1) + number * timedelta(hours=4, minutes=47)  # noqa: DTZ001 - as the portal has it
        found.put(f"row-{number:04d}", "2026-06-30T06:00:00.000Z", key=str(number), made=at.isoformat(), topic="Rats")
    return found


def installation(engine: Engine, folder: Path, url: str) -> Installation:
    source = {
        "kind": "socrata",
        "url": url,
        "dataset": "abcd-1234",
        "zone": "UTC",
        "first_day": FIRST,
        "page_size": 40,
        "allow_http": True,
        "allow_private_hosts": True,
        "fields": {"source_record_id": "key", "requested_at": "made", "category": "topic"},
    }
    return Installation(parse({"sources": {"city": source}}, folder=folder), engine)


def stored(engine: Engine) -> tuple[int, int]:
    with snapshot(engine) as conn:
        rows = conn.execute(select(func.count()).select_from(service_request)).scalar_one()
        counted = conn.execute(select(func.sum(daily_count.c.opened))).scalar_one()
    return rows, counted


def test_it_goes_on_where_it_was_stopped_and_can_begin_again(
    store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    monkeypatch.setattr("flows.pull.BATCH_ROWS", 100)
    with serve(portal()) as url:
        city = installation(store_engine, tmp_path, url)
        told: list[Reached] = []

        def stop(reached: Reached) -> None:
            told.append(reached)
            if reached.share > 0.4:
                raise Stopped

        with pytest.raises(Stopped):
            ingest_source(city, "city", NOW, stop)
        kept, _ = stored(store_engine)
        assert ROWS * 0.3 < kept < ROWS * 0.7

        rest = ingest_source(city, "city", NOW, told.append)
        assert stored(store_engine) == (ROWS, ROWS)
        assert rest.new == ROWS - kept

        shares: list[float] = []
        again = ingest_source(city, "city", NOW, lambda reached: shares.append(reached.share), again=True)
        assert (again.new, again.changed) == (0, 0)
        assert stored(store_engine) == (ROWS, ROWS)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert len(shares) > 5
