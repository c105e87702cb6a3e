"""Commands that do the work: run, backtest, serve."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from forewarn.cli.options import AsJson, SettingsFile, end_of, parse_date
from forewarn.printing import err, out, print_json, row, table
from forewarn.settings import DEFAULT_FILE, load

if TYPE_CHECKING:
    from alerts.scoring.report import Backtest
    from flows.run import RunReport


def run(
    settings: SettingsFile = DEFAULT_FILE,
    as_of: Annotated[str | None, typer.Option(help="Date (2026-03-31): as if it were the end of that day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ingest, detect, forecast and notify once."""
    now = datetime.now(UTC) if as_of is None else end_of(parse_date(as_of, "--as-of"))
    found = load(settings)  # a wrong setting is said before Prefect takes its seconds to start
    from flows.embedded import import_methods, run_embedded, start_server

    server = start_server()
    try:
        from flows.installation import open_installation

        installation = open_installation(settings)
        installation.engine.dispose()
        installation.check()
        import_methods(found)
    finally:
        server.join()  # Python does not survive to end while a thread starts the server
    report = run_embedded(settings, now)
    if as_json:
        print_json(report)
    else:
        _show_run(report)
    if report.failures:
        raise typer.Exit(1)


def backtest(
    settings: SettingsFile = DEFAULT_FILE,
    source: Annotated[str | None, typer.Option(help="One source; default: all.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day; default: a year before the last.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day; default: the last complete one.")] = None,
    events: Annotated[Path | None, typer.Option(help="CSV of known events to score against.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay history day by day: which alerts would have come, and how many a week."""
    from flows.backtest import backtest_sources
    from flows.installation import open_installation

    report = backtest_sources(
        open_installation(settings),
        names=[source] if source else None,
        first=parse_date(first, "--from") if first else None,
        last=parse_date(last, "--to") if last else None,
        events_file=events,
    )
    if as_json:
        print_json(report)
        return
    for one in report.sources:
        _show_backtest(one)


def serve(settings: SettingsFile = DEFAULT_FILE) -> None:
    """Open the dashboard."""
    from dashboards.app import create_app
    from dashboards.app import serve as serve_dashboard
    from flows.installation import open_installation

    installation = open_installation(settings)
    found = installation.settings.dashboard
    dashboard = create_app(installation.engine, installation.settings, now=lambda: datetime.now(UTC))
    with serve_dashboard(dashboard, found.host, found.port) as url:
        out.print(f"Dashboard on {url}. Ctrl-C ends it.")
        threading.Event().wait()


def _show_run(report: "RunReport") -> None:
    for read in report.ingested:
        news = f"{read.new:,} new, {read.changed:,} changed, {read.rejected:,} rejected"
        out.print(Text(f"{read.source}: {read.health}. {news}. {read.message}"))
    for change in report.changes:
        if change.event.what != "continued":
            out.print(Text(f"{change.event.what}: {change.alert.title}", style="bold"))
    if not report.changes:
        out.print("Nothing unusual." if not report.failures else "Nothing unusual in what could be read and judged.")
    if report.delivered is not None and report.delivered.delivered + report.delivered.failed:
        out.print(f"Messages: {report.delivered.delivered} delivered, {report.delivered.failed} to be tried again.")
    for failure in report.failures:
        err.print(Text(failure, style="red"))


def _show_backtest(report: "Backtest") -> None:
    out.print(Text(report.summary(), style="bold"))
    listed = table("first day", "peak", "severity", "alert", "known event")
    for scored in report.alerts:
        alert = scored.alert
        row(listed, alert.first_day, alert.peak_day, alert.severity.name.lower(), alert.title, scored.event or "")
    out.print(listed)
    if report.events:
        known = table("event", "kind", "first day", "alerted", "days after", "days before public")
        for event in report.events:
            alerted = event.alerted_on or "no"
            row(
                known,
                event.event_id,
                event.kind,
                event.first_day,
                alerted,
                event.days_after,
                event.days_before_public,
            )
        out.print(known)
