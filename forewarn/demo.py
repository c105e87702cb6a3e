"""A simulated city from its Open311 endpoint to the alert on the screen.

The city is served over HTTP with a clock that is moved day by day, so that each day is read, judged and told with
what was known then. The detectors are not told what was planted; only the closing table is.
"""

import tempfile
import threading
import webbrowser
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from flows.detect import detect_source
from flows.embedded import run_embedded, start_server
from flows.forecast import forecast_source
from flows.ingest import ingest_source
from flows.installation import Installation, open_installation
from flows.notify import drain_outbox
from flows.pull import Reached
from forewarn.alert import Alert, Change, Kind, Severity
from forewarn.printing import row, table
from simulator.city import MAIN_LINE, ZONE, City, simulate
from simulator.open311 import Clock, open311_app, serve
from simulator.troubles import Trouble

MORNING = time(6)
"""The hour at which each day's counts are read: the day before is over."""
YEARS = timedelta(days=1095)
FORECAST_EVERY = 14  # days
REQUESTS_PER_DAY = 150.0  # a town of 100,000; more would only take longer to read
COLOURS = {Severity.NOTICE: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}
TOLD = ("opened", "worsened", "reopened", "released")

SETTINGS = """\
[store]
url = "sqlite:///demo.db"

{sources}
[detection]
detectors = ["scan", "drift"]
recheck_days = 2

[forecast]
forecasters = ["seasonal-naive", "ets"]

[[limits]]
source = "{main}"
category = "Rat sighting"
max_requests = 60
window_days = 7

[channels.log]
kind = "log"
url = "alerts.log"

[dashboard]
port = {port}
"""

SOURCE = """\
[sources.{name}]
kind = "open311"
title = "{title}"
url = "{url}"
dialect = "extended"
allow_private_hosts = true
allow_http = true
pause_seconds = 0
first_day = "{first_day}"
zone = "{zone}"
country = "US"
subdivision = "NY"
{levels}fields = {{ area = "extended_attributes.area", channel = "extended_attributes.channel" }}
"""


def play(*, seed: int, port: int, days: int, keep_open: bool, console: Console) -> None:
    """Simulate, serve, pull, replay `days` days up to today, run today's flows, and open the dashboard."""
    today = datetime.now(ZONE).date()
    server = start_server()
    with ExitStack() as stack:
        with _working(console, "Simulating a city: 40 categories, 30 areas, three years"):
            city = simulate(seed, today, requests_per_day=REQUESTS_PER_DAY)
        clock = Clock(_morning(today - timedelta(days=days)))
        addresses = {
            name: stack.enter_context(serve(open311_app(source.population, clock, freeze_at=source.freeze_at)))
            for name, source in city.sources.items()
        }
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forewarn-demo-")))
        settings_file = _write_settings(folder, addresses, city, today - YEARS, port)
        installation = open_installation(settings_file)
        for name, address in addresses.items():
            with _working(console, f"Reading {name} over Open311 from {address}") as progress:
                report = ingest_source(installation, name, clock.now, progress)
            console.print(Text(f"  {report.new:,} requests. {report.message}", style="dim"))

        console.print()
        told: list[Change] = []
        with _working(console, f"Replaying {days} days, each as it was known on its morning") as progress:
            for back in range(days - 1, 0, -1):
                clock.now = _morning(today - timedelta(days=back))
                progress.reaches(today - timedelta(days=back))
                changes = _live_through_a_day(installation, clock.now, forecasts=back % FORECAST_EVERY == 0)
                told += _tell(changes, console)

        clock.now = _morning(today)
        console.print()
        with _working(console, f"Today, {_date(today)}, as Prefect flows: ingest, detect, forecast, notify"):
            server.join()
            run = run_embedded(settings_file, clock.now)
        told += _tell(run.changes, console)
        _show_truth(city, told, console)
        _show_dashboard(installation, clock, keep_open, console)


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, ZONE).astimezone(UTC)


def _write_settings(folder: Path, addresses: Mapping[str, str], city: City, first_day: date, port: int) -> Path:
    tables = [
        SOURCE.format(
            name=name,
            title=city.sources[name].title,
            url=address,
            first_day=first_day,
            zone=ZONE.key,
            levels="" if name == MAIN_LINE else "levels = [[]]\n",
        )
        for name, address in addresses.items()
    ]
    text = SETTINGS.format(sources="\n".join(tables), main=MAIN_LINE, port=port)
    file = folder / "forewarn.toml"
    file.write_text(text, encoding="utf-8")
    return file


@contextmanager
def _working(console: Console, text: str) -> Iterator["_Line"]:
    """Shows that something goes on, and how long it took."""
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(text, total=1)
        yield _Line(progress, task, text)
        progress.update(task, description=text, completed=1)


class _Line:
    """Tells a progress line how far the work is."""

    def __init__(self, progress: Progress, task: TaskID, text: str) -> None:
        self._progress, self._task, self._text = progress, task, text

    def __call__(self, reached: Reached) -> None:
        until = f" up to {_date(reached.newest_day)}" if reached.newest_day else ""
        self._progress.update(self._task, description=f"{self._text}: {reached.rows:,} requests{until}")

    def reaches(self, day: date) -> None:
        self._progress.update(self._task, description=f"{self._text}: {_date(day)}")


def _live_through_a_day(installation: Installation, now: datetime, *, forecasts: bool) -> list[Change]:
    """What the flows do each day, by their plain functions; not all make forecasts, which take longest."""
    changes: list[Change] = []
    for name in installation.settings.sources:
        changes += ingest_source(installation, name, now).changes
        changes += detect_source(installation, name, now).changes
        if forecasts and name == MAIN_LINE:
            changes += forecast_source(installation, name, now).changes
    drain_outbox(installation, now)
    return changes


def _tell(changes: Iterable[Change], console: Console) -> list[Change]:
    """Print those of `changes` that people are told of, and return them."""
    told = [change for change in changes if change.event.what in TOLD]
    for change in told:
        alert, what = change.alert, change.event.what
        line = Table.grid(Column(width=13), Column(width=9), Column())  # a long title goes on below itself
        line.add_row(
            Text(f"  {_date(change.event.at.astimezone(ZONE).date())}", style="dim"),
            Text(alert.severity.name.lower(), style=COLOURS[alert.severity]),
            Text(f"{'' if what == 'opened' else what + ': '}{alert.title}"),
        )
        console.print(line)
    return told


def _show_truth(city: City, told: list[Change], console: Console) -> None:
    """What was planted beside what was told."""
    shown = table("planted", "first day", "peak", "first alert", "told", "what happened")
    explained = set[str]()
    for trouble in city.troubles:
        telling = telling_of(trouble, told)
        explained |= {change.alert.fingerprint for change in telling}
        first = min((change.event.at.astimezone(ZONE).date() for change in telling), default=None)
        lead = _lead(trouble.peak_day, first) if first else ""
        first_alert = _date(first) if first else "not told"
        row(
            shown,
            trouble.name,
            _date(trouble.first_day),
            _date(trouble.peak_day),
            first_alert,
            lead,
            trouble.description,
        )
    console.print()
    console.print(shown)
    alerts = {change.alert.fingerprint for change in told}
    console.print(f"{len(alerts)} alerts in all; {len(alerts - explained)} of them tell of nothing that was planted.")


def _lead(peak: date, told: date) -> str:
    days = (peak - told).days
    if days == 0:
        return "on the day of the peak"
    return f"{abs(days)} {'day' if abs(days) == 1 else 'days'} {'before' if days > 0 else 'after'} the peak"


def telling_of(trouble: Trouble, told: Iterable[Change]) -> list[Change]:
    """The changes that tell of `trouble`: an alert does so only from the change on that names it."""
    return [change for change in told if _tells_of(change.alert, trouble)]


def _tells_of(alert: Alert, trouble: Trouble) -> bool:
    """Whether the alert is about the trouble: its source, its days, one of its categories and of its areas."""
    if alert.source != trouble.source or alert.last_day < trouble.first_day or alert.first_day > trouble.last_day:
        return False
    if trouble.kind == "silence":
        return alert.kind is Kind.SOURCE
    scopes = [alert.labels, alert.evidence.get("head", {})]
    scopes += [part["labels"] for part in alert.evidence.get("related", ())]
    return any(
        scope.get("category") in trouble.categories and scope.get("area", trouble.areas[0]) in trouble.areas
        for scope in scopes
    )


def _show_dashboard(installation: Installation, clock: Clock, keep_open: bool, console: Console) -> None:
    from dashboards.app import create_app
    from dashboards.app import serve as serve_dashboard

    found = installation.settings.dashboard
    app = create_app(installation.engine, installation.settings, now=clock)
    with serve_dashboard(app, found.host, found.port) as url:
        console.print(Text(f"\nDashboard: {url}", style="bold"))
        if keep_open:
            webbrowser.open(url)
            console.print("Ctrl-C ends the demo; nothing of it stays.")
            threading.Event().wait()


def _date(day: date) -> str:
    return f"{day:%a} {day.day:>2} {day:%b}"
