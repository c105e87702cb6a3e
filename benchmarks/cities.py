"""What forewarn would have told on recorded cities: alerts a week, known events, times and memory.

    FOREWARN_DATA=… python -m benchmarks.cities [--city NAME …] [--year YEAR …] [--json | --table]

FOREWARN_DATA names the folder of the recorded requests, with an `events.csv` of known happenings. Each city is read
with its settings of docs/examples into a new store, and a year is replayed day by day as `forewarn backtest` does:
the last one, or each `--year` that it holds. A city runs in a process of its own, so that its peak memory is its own.
`--table` prints the rows of the tables in docs/examples.
"""

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from alerts.scoring.report import Backtest
from alerts.scoring.scores import ScoredAlert, ScoredEvent
from flows.backtest import backtest_sources
from flows.ingest import ingest_source
from flows.installation import open_installation
from forewarn.alert import Severity
from store.counts import covered_span

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
TOO_SHORT = ("los-angeles", "nyc-one-day")
"""Examples of a few days only: to read, not to judge."""
CITIES = tuple(sorted(f.parent.name for f in EXAMPLES.glob("*/forewarn.toml") if f.parent.name not in TOO_SHORT))


@dataclass(frozen=True)
class Told:
    """One alert of the replay, on its worst day.

    Args:
        a_day: How many as unlikely as this one an ordinary day brings, over all that was watched.
    """

    first_day: date
    last_day: date
    severity: str
    title: str
    a_day: float
    event: str | None


@dataclass(frozen=True)
class Notice:
    """What was told as no incident: how the data came to be."""

    first_day: date
    last_day: date
    title: str


@dataclass(frozen=True)
class Replay:
    """What one city came to in one span."""

    city: str
    first: date
    last: date
    series: int
    alerts: Sequence[Told]
    events: Sequence[ScoredEvent]
    notices: Sequence[Notice]
    alerts_per_week: float
    rows: int
    ingest_seconds: float
    replay_seconds: float
    peak_mb: float


def replay_city(city: str, years: Sequence[int], folder: Path) -> list[Replay]:
    """Read the city into a new store, and replay its last year or each of `years`."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FOREWARN_STORE__URL"] = f"sqlite:///{scratch}/city.db"
        installation = open_installation(EXAMPLES / city / "forewarn.toml")
        (name,) = installation.settings.sources
        began = time.perf_counter()
        read = ingest_source(installation, name, datetime.now(UTC))
        ingest_seconds = time.perf_counter() - began
        replays = []
        spans: Sequence[int | None] = years or [None]
        with installation.engine.connect() as conn:
            held = covered_span(conn, name)
        for year in spans:
            first, last = (date(year, 1, 1), date(year, 12, 31)) if year else (None, None)
            if held is None or (first and last and not (first <= held[1] and held[0] <= last)):
                continue
            began = time.perf_counter()
            (backtest,) = backtest_sources(installation, [name], first, last, folder / "events.csv").sources
            seconds = time.perf_counter() - began
            replays.append(_replay(city, backtest, read.new, ingest_seconds, seconds))
        installation.engine.dispose()
    return replays


def _replay(city: str, backtest: Backtest, rows: int, ingest_seconds: float, replay_seconds: float) -> Replay:
    return Replay(
        city=city,
        first=backtest.first,
        last=backtest.last,
        series=backtest.series,
        alerts=[_told(scored) for scored in backtest.alerts],
        events=backtest.events,
        notices=[Notice(notice.first_day, notice.last_day, notice.title) for notice in backtest.notices],
        alerts_per_week=backtest.scores.alerts_per_week,
        rows=rows,
        ingest_seconds=ingest_seconds,
        replay_seconds=replay_seconds,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _told(scored: ScoredAlert) -> Told:
    alert, peak = scored.alert, scored.alert.evidence["peak"]
    a_day = peak["tail"] * alert.evidence["watched"]
    return Told(alert.first_day, alert.last_day, alert.severity.name, peak["title"], a_day, scored.event)


def show(replay: Replay) -> None:
    """One line for the city, then its known events, its alerts, the least likely by chance first, and its notices."""
    severities = Counter(alert.severity for alert in replay.alerts)
    graded = ", ".join(f"{severities[severity.name]} {severity.name.lower()}" for severity in reversed(Severity))
    print(
        f"{replay.city} {replay.first} to {replay.last}: {len(replay.alerts)} alerts ({graded}), "
        f"{len(replay.notices)} notices of no incident, {replay.alerts_per_week:.2f} a week "
        f"over {replay.series:,} series; {replay.rows:,} rows read "
        f"in {replay.ingest_seconds:.1f} s, replayed in {replay.replay_seconds:.1f} s, "
        f"{replay.peak_mb:,.0f} MB at most"
    )
    for event in replay.events:
        alerted = "not alerted"
        if event.alerted_on is not None:
            alerted = f"alerted {event.alerted_on}, {event.days_after} days after its first"
        if event.days_before_public is not None:
            alerted += f", {event.days_before_public} before it was public"
        print(f"  {event.event_id} {event.kind:12} from {event.first_day}: {alerted}")
    for alert in sorted(replay.alerts, key=lambda told: told.a_day):
        span = f"{alert.first_day} to {alert.last_day}"
        print(f"  {alert.a_day:8.1e}  {span}  {alert.severity:8} {alert.event or '-':4} {alert.title}")
    for notice in replay.notices:
        print(f"  no incident  {notice.first_day} to {notice.last_day}  {notice.title}")
    print(flush=True)


def show_rows(replay: Replay) -> None:
    """A row of what was told, then one for each known incident."""
    severities = Counter(alert.severity for alert in replay.alerts)
    graded = " / ".join(str(severities[severity.name]) for severity in reversed(Severity))
    cells = (
        replay.city,
        f"{replay.first} to {replay.last}",
        f"{replay.series:,}",
        f"{replay.alerts_per_week:.2f}",
        graded,
        str(len(replay.notices)),
        f"{replay.rows:,}",
    )
    print(f"| {' | '.join(cells)} |")
    for event in replay.events:
        found = event.alerted_on, event.days_after, event.days_before_public
        told = ["no", "", ""] if event.alerted_on is None else ["" if cell is None else str(cell) for cell in found]
        print(f"| {event.event_id} {event.kind} | {event.first_day} | {' | '.join(told)} |")
    sys.stdout.flush()


def main() -> None:
    """Prints each city as it is ready, or all as JSON."""
    parser = argparse.ArgumentParser(description="Replay recorded cities.")
    parser.add_argument("--city", nargs="*", choices=CITIES, default=CITIES)
    parser.add_argument("--year", nargs="*", type=int, default=[], help="calendar years instead of the last year")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON for programs")
    how.add_argument("--table", action="store_true", help="print rows of tables")
    args = parser.parse_args()
    replays = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as processes:
        for city in args.city:
            task = processes.submit(replay_city, city, args.year, Path(os.environ["FOREWARN_DATA"]))
            for replay in task.result():
                replays.append(replay)
                if not args.json:
                    (show_rows if args.table else show)(replay)
    if args.json:
        print(json.dumps([asdict(replay) for replay in replays], default=str, indent=2))


if __name__ == "__main__":
    main()
