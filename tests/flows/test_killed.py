"""Killed at any instant and run again: the store and the alerts are those of a run that nobody disturbed.

The plain functions are killed most often, since a kill of the command mostly meets Prefect's start.
`FOREWARN_KILLS=200 pytest tests/flows/test_killed.py` kills the functions so often, and the command a tenth of that.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.installation import open_installation
from flows.notify import drain_outbox
from simulator.city import MAIN_LINE, TENANT_LINE
from store.engine import open_store
from tests.flows.cities import ServedCity, morning, served, small_city
from tests.flows.one_run import PRELOADED, one_run
from tests.flows.towns import BOOKKEEPING, content, differences, told, toml

KILLS = int(os.environ.get("FOREWARN_KILLS", "24"))
N_DAYS = 6
RETRIED = {"attempts", "next_try_at", "tried_at", "delivered_at"}
"""Of a message: what tells how often and when it was sent."""


class Webhook:
    """Takes messages over HTTP and counts their keys."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        keys = self.keys

        class Sink(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                keys[self.headers["Idempotency-Key"]] += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/"


@contextmanager
def webhook() -> Iterator[Webhook]:
    sink = Webhook()
    thread = threading.Thread(target=sink.server.serve_forever, daemon=True)
    thread.start()
    yield sink
    sink.server.shutdown()
    sink.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def city() -> Iterator[ServedCity]:
    with served(small_city()) as found:
        yield found


def install(city: ServedCity, folder: Path, sink: Webhook) -> Path:
    """A settings file with both sources, a limit, a log and a webhook."""
    folder.mkdir()
    channels = {
        "log": {"kind": "log", "url": str(folder / "alerts.log")},
        "hook": {"kind": "apprise", "url": sink.url},
    }
    limit = {"source": MAIN_LINE, "max_requests": 200, "window_days": 7}
    settings = city.settings(folder, MAIN_LINE, TENANT_LINE, channels=channels, limits=[limit])
    file = folder / "forewarn.toml"
    file.write_text(toml(settings), encoding="utf-8")
    return file


def mornings(city: ServedCity) -> list[datetime]:
    """The mornings around the day on which the tenant line falls silent."""
    silence = next(trouble for trouble in city.city.troubles if trouble.kind == "silence")
    return [morning(silence.first_day + timedelta(days=offset)) for offset in range(-1, N_DAYS - 1)]


def left_over(file: Path, now: datetime) -> None:
    """Sends what a killed run had claimed: it is due again after its lease."""
    installation = open_installation(file)
    drain_outbox(installation, now + timedelta(hours=1))
    installation.engine.dispose()


def stored(file: Path) -> dict[str, list[str]]:
    engine = open_store(f"sqlite:///{file.parent / 'forewarn.db'}")
    try:
        return content(engine, without={**BOOKKEEPING, "notification": RETRIED})
    finally:
        engine.dispose()


def assert_same(killed: Path, twin: Path, killed_sink: Webhook, twin_sink: Webhook) -> None:
    found, wanted = stored(killed), stored(twin)
    assert differences(found, wanted) == {}
    assert len(wanted["alert"]) >= 2
    assert len(wanted["daily_count"]) > 1000
    keys = [message["key"] for message in told(twin.parent)]
    assert len(set(keys)) == len(keys) >= 2
    assert sorted(message["key"] for message in told(killed.parent)) == sorted(keys), "the log has each exactly once"
    assert set(killed_sink.keys) == set(twin_sink.keys)
    assert set(twin_sink.keys.values()) == {1}


def test_a_run_killed_at_any_instant_changes_nothing(city: ServedCity, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    rng = random.Random(5)

    def run(file: Path, now: datetime, seconds: float | None = None) -> int | None:
        """Exit code of a run; killed after `seconds`."""
        process = context.Process(target=one_run, args=(file, now))
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    with webhook() as twin_sink, webhook() as killed_sink:
        twin, killed = install(city, tmp_path / "twin", twin_sink), install(city, tmp_path / "killed", killed_sink)
        n_killed = 0
        for number, now in enumerate(mornings(city)):
            city.clock.now = now
            begun = time.perf_counter()
            assert run(twin, now) == 0
            lasts = time.perf_counter() - begun
            while n_killed < KILLS * (number + 1) / N_DAYS:
                n_killed += run(killed, now, rng.uniform(0, lasts)) == -signal.SIGKILL
            assert run(killed, now) == 0
            left_over(killed, now)
        assert n_killed >= KILLS
        assert_same(killed, twin, killed_sink, twin_sink)


@pytest.mark.xdist_group("prefect")
@pytest.mark.timeout(300 + 60 * KILLS)
def test_the_command_killed_at_any_instant_changes_nothing(city: ServedCity, tmp_path: Path) -> None:
    """`forewarn run`, killed together with the Prefect server that it started."""
    rng = random.Random(7)
    now = mornings(city)[-1]
    city.clock.now = now
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}

    def run(file: Path, seconds: float | None = None) -> int:
        """Exit code of a run; killed after `seconds`."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [str(Path(sys.executable).with_name("forewarn")), "run", "--as-of", str(now.date()), "-s", str(file)]
        process = subprocess.Popen(command, env=environment, **quiet, start_new_session=True)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    with webhook() as twin_sink, webhook() as killed_sink:
        twin, killed = install(city, tmp_path / "twin", twin_sink), install(city, tmp_path / "killed", killed_sink)
        (tmp_path / "prefect").mkdir()
        begun = time.perf_counter()
        assert run(twin) == 1, "one source is silent"
        lasts = time.perf_counter() - begun
        n_killed = 0
        while n_killed < max(KILLS // 10, 3):
            n_killed += run(killed, rng.uniform(0.4, 1) * lasts) == -signal.SIGKILL
        assert run(killed) == 1
        left_over(killed, now + timedelta(days=1))
        assert_same(killed, twin, killed_sink, twin_sink)
