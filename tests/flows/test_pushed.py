"""What is pushed reaches the counts, whoever is killed; and heartbeats tell a quiet source from a silent one."""

import multiprocessing
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import requests
from sqlalchemy import Engine, select

from dashboards.app import create_app, serve
from flows.ingest import KEPT_BATCHES, ingest_source
from flows.installation import Installation
from forewarn.contracts import SourceHealth
from forewarn.settings_file import parse
from simulator.open311 import Clock
from store.counts import daily_totals
from store.engine import open_store, snapshot
from store.received import read_batches
from store.schema import service_request
from tests.servers.sender import SECRET, Sender, heartbeat

KILLS = 3
BEGIN = datetime(2026, 4, 1, 6, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "sources": {
        "line": {
            "kind": "webhook",
            "secret": SECRET,
            "first_day": "2026-04-01",
            "batches_a_minute": 100_000,
            "levels": [[]],
        }
    }
}


def call(number: int, at: datetime, **values: str) -> dict[str, str]:
    return {"source_record_id": f"c-{number}", "requested_at": at.isoformat(), "category": "Noise", **values}


def stored(engine: Engine) -> Counter[str]:
    with snapshot(engine) as conn:
        return Counter(conn.execute(select(service_request.c.source_record_id)).scalars())


def server(url: str, told: Connection) -> None:
    """A dashboard of its own process, which takes batches until it is killed."""
    engine = open_store(url)
    with serve(create_app(engine, parse(SETTINGS), now=lambda: datetime.now(UTC)), "127.0.0.1", 0) as address:
        told.send(f"{address}/ingest/line")
        time.sleep(600)


def reader(url: str) -> None:
    """One run of ingest in a process of its own."""
    ingest_source(Installation(parse(SETTINGS), open_store(url)), "line", datetime.now(UTC))


def test_nothing_is_lost_or_doubled_when_either_side_is_killed(store_url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.test_pushed", "connectors.webhook", "dashboards.app"])
    rng = random.Random(3)
    engine = open_store(store_url)
    sent: set[str] = set()
    batches: dict[int, list[dict[str, Any]]] = {}
    for _ in range(KILLS):
        here, there = context.Pipe()
        serving = context.Process(target=server, args=(store_url, there))
        serving.start()
        line = Sender(here.recv())
        reading = context.Process(target=reader, args=(store_url,))
        reading.start()
        killer = threading.Timer(rng.uniform(0, 0.2), lambda: (reading.kill(), serving.kill()))  # noqa: B023
        enough = len(sent) + rng.randint(4, 16)
        with suppress(requests.RequestException):
            while True:
                at, number = datetime.now(UTC), len(sent)
                if number >= enough and killer.ident is None:
                    killer.start()
                calls = batches.setdefault(number, [call(number, at), call(number + 1, at)])
                answer = line.send(calls, at, key=f"k{number}")  # without an answer the same batch is sent again
                assert answer.status_code == 202
                sent |= {f"c-{number}", f"c-{number + 1}"}
        for process in (killer, reading, serving):
            process.join()
    ingest_source(Installation(parse(SETTINGS), engine), "line", datetime.now(UTC))
    found = stored(engine)
    engine.dispose()
    assert len(sent) >= 4 * KILLS
    assert sent <= found.keys()
    assert len(found) <= len(sent) + 2, "one batch may have been kept without its answer"
    assert set(found.values()) == {1}


def test_a_life_of_batches_and_heartbeats(engine: Engine) -> None:
    """Six weeks of four calls a day but none on Sundays; then the sender dies, and later the line."""
    clock = Clock(BEGIN)
    installation = Installation(parse(SETTINGS), engine)
    number = 0
    with serve(create_app(engine, parse(SETTINGS), now=clock), "127.0.0.1", 0) as url:
        line = Sender(f"{url}/ingest/line")

        def day(calls: int, *, alive: bool = True) -> SourceHealth:
            nonlocal number
            items: list[Any] = [call(number + n, clock.now + n * timedelta(minutes=10)) for n in range(calls)]
            number += calls
            clock.now += timedelta(hours=23)
            if alive:
                assert line.send([*items, heartbeat(clock.now)], clock.now).status_code == 202
            health = ingest_source(installation, "line", clock.now).health
            clock.now += timedelta(hours=1)
            return health

        told = [day(0 if (BEGIN + timedelta(days=n)).weekday() == 6 else 4) for n in range(42)]
        assert set(told[20:]) == {SourceHealth.OK, SourceHealth.QUIET}
        assert told.count(SourceHealth.QUIET) >= 3, "Sundays are quiet, as the sender was alive"
        with snapshot(engine) as conn:
            dates, totals = daily_totals(conn, "line", BEGIN.date(), BEGIN.date() + timedelta(days=40))
        assert totals[[d.weekday() != 6 for d in dates.astype(object)]].tolist() == [4.0] * 35
        assert [day(0) for _ in range(4)][-1] is SourceHealth.SILENT, "alive, but no calls come: not plausible"
        assert day(4) is not SourceHealth.SILENT
        assert [day(0, alive=False) for _ in range(4)][-1] in (SourceHealth.STALE, SourceHealth.LATE)
        clock.now += KEPT_BATCHES + timedelta(days=1)
        assert line.send([heartbeat(clock.now)], clock.now).status_code == 202
        ingest_source(installation, "line", clock.now)
    assert len(read_batches(engine, "line", 0)) == 1, "old ones that were read are dropped"
    assert len(stored(engine)) == number


def test_changes_in_later_batches_win(engine: Engine) -> None:
    clock = Clock(BEGIN)
    installation = Installation(parse(SETTINGS), engine)
    with serve(create_app(engine, parse(SETTINGS), now=clock), "127.0.0.1", 0) as url:
        line = Sender(f"{url}/ingest/line")
        for category, minute in [("Noise", 0), ("Music", 20), ("Noise again", 10)]:  # the last is an older copy
            updated = (BEGIN + timedelta(minutes=minute)).isoformat()
            line.send([call(1, BEGIN, category=category, updated_at=updated, status="open")], clock.now)
            clock.now += timedelta(minutes=1)
        report = ingest_source(installation, "line", clock.now)
    assert report.new == 1
    with snapshot(engine) as conn:
        updated_at = conn.execute(select(service_request.c.updated_at)).scalar_one()
    assert updated_at == BEGIN + timedelta(minutes=20)
