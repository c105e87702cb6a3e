"""One pull of a source at a time, and each may be killed: real processes on SQLite and PostgreSQL.

`FOREWARN_KILLS=100 pytest tests/flows/test_turns.py` kills so often.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from flows.ingest import ingest_source
from flows.installation import Installation, open_installation
from simulator.open311 import serve
from tests.flows.one_run import PRELOADED, one_ingest
from tests.flows.towns import BOOKKEEPING, content, differences, settings_of, toml
from tests.servers.population import Population
from tests.servers.served import ZONE, ServedOpen311

KILLS = int(os.environ.get("FOREWARN_KILLS", "6"))
FIRST_DAY, NOW = date(2026, 9, 20), datetime(2026, 10, 26, 10, tzinfo=UTC)
N_DAYS = 3


class Gate:
    """The server of a town, which can be made to wait in the middle of an answer."""

    def __init__(self) -> None:
        self.town = Population.drawn(3, FIRST_DAY, 60, per_day=40, zone=ZONE)
        self.served = ServedOpen311()
        self.entered, self.open = threading.Event(), threading.Event()
        self.open.set()

    def show(self, now: datetime) -> None:
        self.served.show(self.town.at(now), now)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.entered.set()
        self.open.wait(60)
        return self.served.app(environ, start_response)


@pytest.fixture(scope="module")
def gate() -> Iterator[tuple[Gate, str]]:
    found = Gate()
    with serve(found) as address:
        yield found, address


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def install(folder: Path, store_url: str, address: str) -> Path:
    folder.mkdir()
    web: dict[str, Any] = {"allow_http": True, "allow_private_hosts": True, "pause_seconds": 0}
    own = {"url": address, "first_day": str(FIRST_DAY), "zone": ZONE.key, "reconcile_every_days": 1}
    settings = settings_of(folder, {"town": {**ServedOpen311.settings, **web, **own}}, store={"url": store_url})
    file = folder / "forewarn.toml"
    file.write_text(toml(settings), encoding="utf-8")
    return file


def opened(file: Path) -> Installation:
    return open_installation(file)


def test_the_second_of_two_pulls_gives_way(
    gate: tuple[Gate, str], processes: multiprocessing.context.ForkServerContext, store_url: str, tmp_path: Path
) -> None:
    server, address = gate
    server.show(NOW)
    file = install(tmp_path / "town", store_url, address)
    installation = opened(file)
    server.entered.clear()
    server.open.clear()
    first = processes.Process(target=one_ingest, args=(file, "town", NOW))
    first.start()
    try:
        assert server.entered.wait(60)
        report = ingest_source(installation, "town", NOW)
        assert "gave way" in report.message
        assert (report.failure, report.new) == ("", 0)
    finally:
        server.open.set()
        first.join(60)
    assert first.exitcode == 0
    report = ingest_source(installation, "town", NOW + timedelta(hours=1))
    assert (report.new, "gave way" in report.message) == (0, False), "the first has read everything"
    installation.engine.dispose()


def test_a_pull_that_is_killed_lets_go_and_loses_nothing(
    gate: tuple[Gate, str], processes: multiprocessing.context.ForkServerContext, store_url: str, tmp_path: Path
) -> None:
    server, address = gate
    killed = install(tmp_path / "killed", store_url, address)
    twin = install(tmp_path / "twin", f"sqlite:///{tmp_path / 'twin.db'}", address)
    opened(killed).engine.dispose()  # makes the schema
    rng = random.Random(11)

    def run(file: Path, now: datetime, seconds: float | None = None) -> int | None:
        process = processes.Process(target=one_ingest, args=(file, "town", now))
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    n_killed = 0
    for number in range(N_DAYS):
        now = NOW + timedelta(days=number)
        server.show(now)
        begun = time.perf_counter()
        assert run(twin, now) == 0
        lasts = time.perf_counter() - begun
        while n_killed < KILLS * (number + 1) / N_DAYS:
            n_killed += run(killed, now, rng.uniform(0, lasts)) == -signal.SIGKILL
        assert run(killed, now) == 0
    found, wanted = everything(killed), everything(twin)
    assert differences(found, wanted) == {}
    assert len(wanted["service_request"]) > 1000
    assert wanted["request_revision"]


def everything(file: Path) -> dict[str, list[str]]:
    installation = opened(file)
    try:
        return content(installation.engine, without=BOOKKEEPING)
    finally:
        installation.engine.dispose()
