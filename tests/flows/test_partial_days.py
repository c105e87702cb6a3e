"""A day of which a source would not give everything is not known, until it gives it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest
from sqlalchemy import Engine

from connectors.http import HttpSource
from flows.ingest import ingest_source
from forewarn.contracts import Coverage
from simulator.open311 import serve
from store.counts import daily_totals, read_coverage
from store.engine import snapshot
from store.sources import read_rejects, read_runs
from tests.flows.towns import installed, settings_of
from tests.servers.open311 import Habits, SmallOpen311

NOW = datetime(2026, 6, 30, 10, tzinfo=UTC)
BAD_DAY = date(2026, 6, 28)


@pytest.fixture
def serving() -> Iterator[Callable[[WSGIApplication], str]]:
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serve(app))


def test_a_request_that_cannot_be_had_leaves_its_day_open(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serving: Callable[[WSGIApplication], str]
) -> None:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    start = datetime(2026, 6, 20, tzinfo=UTC)
    rows = [
        {
            "service_request_id": f"{number}",
            "service_name": "Rats",
            "status": "open",
            "requested_datetime": (start + number * timedelta(hours=2)).isoformat(),
        }
        for number in range(120)
    ]
    bad = next(row for row in rows if row["requested_datetime"].startswith(f"{BAD_DAY}T12"))
    server = SmallOpen311(rows, Habits(unwritable=frozenset({bad["service_request_id"]})), now=lambda: NOW)
    source = {
        "kind": "open311",
        "url": serving(server),
        "first_day": "2026-06-20",
        "allow_http": True,
        "allow_private_hosts": True,
    }
    town = installed(engine, settings_of(tmp_path, {"town": source}))

    def known(day: date) -> tuple[Coverage, float]:
        with snapshot(engine) as conn:
            return read_coverage(conn, "town", day, day)[day], float(daily_totals(conn, "town", day, day)[1][0])

    report = ingest_source(town, "town", NOW)
    assert report.rejected == 1
    assert known(BAD_DAY) == (Coverage.PARTIAL, 11)
    assert known(BAD_DAY - timedelta(days=1)) == (Coverage.OBSERVED, 12)
    with snapshot(engine) as conn:
        assert read_runs(conn, "town", 1)[0].outcome == "partial"
        assert [reject.reason for reject in read_rejects(conn, "town", 9)] == ["unreadable_second"]

    server.habits = Habits()
    ingest_source(town, "town", NOW + timedelta(days=1))
    assert known(BAD_DAY) == (Coverage.OBSERVED, 12)
