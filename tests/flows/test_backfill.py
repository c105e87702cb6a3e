"""A first reading of many windows: told how far it is, stopped in between, gone on with, and begun again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Timer
from typing import cast

import pytest
from sqlalchemy import Engine, func, select

from connectors.http import HttpSource
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.pull import Reached, batches
from forewarn.contracts import Connector, Page, Window
from forewarn.request import DailyCount
from forewarn.settings_file import parse
from simulator.open311 import serve
from store.engine import snapshot
from store.schema import daily_count, service_request
from tests.servers.faults import Faulty, status
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


def test_of_a_slow_source_little_is_lost_when_it_fails(
    store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    monkeypatch.setattr("flows.pull.SLOW_ROWS", 100)
    monkeypatch.setattr("flows.pull.SLOW_SECONDS", 0.0)
    faulty = Faulty(portal())
    with serve(faulty) as url:
        city = installation(store_engine, tmp_path, url)
        faulty.queue.extend([None] * 16 + [status("500 Internal Server Error")] * 40)
        told: list[Reached] = []
        failed = ingest_source(city, "city", NOW, told.append)
        assert failed.failure
        kept, counted = stored(store_engine)
        assert len(told) > 1, "the progress is told meanwhile"
        assert ROWS * 0.2 < kept == counted < ROWS
        faulty.queue.clear()
        ingest_source(city, "city", NOW)
        assert stored(store_engine) == (ROWS, ROWS)


def test_who_stops_a_slow_reading_waits_for_one_page_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.pull.BATCH_ROWS", 3)
    asked: list[int] = []
    stored_first, go_on = Event(), Event()

    class Slow:
        def plan(self, _state: object, _now: object) -> list[Window]:
            return [Window(name="all")]

        def fetch(self, _window: Window) -> Iterator[Page]:
            for number in range(1000):
                if number == 5:
                    assert stored_first.wait(60)
                    go_on.wait(60)
                asked.append(number)
                yield Page(counts=[DailyCount(FIRST, "Rats", "", "", "", "", 1, 0)])

    reading = batches(cast(Connector, Slow()), {}, NOW)
    next(reading)
    stored_first.set()
    Timer(0.2, go_on.set).start()
    reading.close()  # as an exception in who stores them does
    assert len(asked) <= 7
