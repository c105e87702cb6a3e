"""Commands that do the work: run, backtest, serve."""

import threading
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.text import Text

from forewarn.cli.options import AsJson, SettingsFile, end_of, parse_date
from forewarn.errors import ConfigError
from forewarn.printing import err, out, plain, print_json, row, table
from forewarn.settings_file import DEFAULT_FILE, load

if TYPE_CHECKING:
    from alerts.scoring.power import PowerPoint
    from alerts.scoring.report import Backtest, BacktestReport
    from alerts.scoring.scores import Scores
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
    inject: Annotated[bool, typer.Option("--inject", help="Try made-up troubles: how large must one be?")] = False,
    page: Annotated[Path | None, typer.Option(help="Write the report as a web page to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay history day by day: which alerts would have come, and how many a week.

    Over all sources and the last year it also sets the threshold for the budget of alerts, if there is one.
    """
    from flows.backtest import backtest_sources, keep_threshold
    from flows.installation import open_installation
    from flows.replay import replayed_spans

    if page is not None:  # said before the replay, which may take long
        _check_page(page)
    installation = open_installation(settings)
    names = [source] if source else None
    days = parse_date(first, "--from") if first else None, parse_date(last, "--to") if last else None
    spans, _ = replayed_spans(installation, names, *days)
    n_days = sum((end - begin).days + 1 for begin, end in spans.values())
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Replaying", total=n_days)
        report = backtest_sources(installation, names, *days, events, lambda: progress.advance(task), with_power=inject)
    if source is None and first is None and last is None:
        keep_threshold(installation, report, datetime.now(UTC))
    if page is not None:
        _write_page(page, report)
    if as_json:
        print_json(report)
        return
    for one in report.sources:
        _show_backtest(one)
    for why in report.without.values():
        err.print(Text(why))
    if budget := report.budget.summary():
        out.print(Text(budget))


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
    sent = report.delivered
    if sent is not None and sent.delivered + sent.failed + sent.given_up:
        lost = f", {sent.given_up} given up" if sent.given_up else ""
        out.print(f"Messages: {sent.delivered} delivered, {sent.failed} to be tried again{lost}.")
    for problem in sent.problems if sent is not None else ():
        err.print(Text(problem, style="red"))
    for failure in report.failures:
        err.print(Text(failure, style="red"))


def _check_page(file: Path) -> None:
    if not file.parent.is_dir():
        raise ConfigError("--page", f"{file} cannot be written: there is no folder {file.parent}")
    if file.is_dir():
        raise ConfigError("--page", f"{file} cannot be written: it is a folder")


def _write_page(file: Path, report: "BacktestReport") -> None:
    from dashboards.backtest_page import backtest_page

    try:
        file.write_text(backtest_page(report), encoding="utf-8")
    except OSError as error:
        raise ConfigError("--page", f"{file} cannot be written: {error.strerror}") from None


def _show_backtest(report: "Backtest") -> None:
    out.print(Text(report.summary(), style="bold"))
    listed = table("first day", "peak", "severity", "alert", "known event")
    for scored in report.alerts:
        alert = scored.alert
        row(listed, alert.first_day, alert.peak_day, alert.severity.name.lower(), alert.title, scored.event or "")
    for notice in report.notices:
        row(listed, notice.first_day, notice.peak_day, "", notice.title, "no incident")
    out.print(listed)
    if report.events:
        known = table("event", "kind", "first day", "alerted", "days after", "days before public")
        for event in report.events:
            after, before = ("" if days is None else days for days in (event.days_after, event.days_before_public))
            row(known, event.event_id, event.kind, event.first_day, event.alerted_on or "no", after, before)
        out.print(known)
        _show_scores(report.scores)
    if report.power:
        found = table("made-up trouble", "usual a day", "found, by size")
        for (trouble, low, high), points in groupby(report.power, lambda p: (p.trouble, p.volume_from, p.volume_to)):
            shares = ", ".join(f"{_size(point)}: {point.detected:.0%}" for point in points)
            row(found, trouble, f"{low:g} to {high:g}" if high else f"over {low:g}", shares)
        out.print(found)


def _size(point: "PowerPoint") -> str:
    return f"-{point.size:.0%}" if point.unit == "share" else f"{point.size:g} {point.unit}"


def _show_scores(scores: "Scores") -> None:
    listed = table("score", "")
    for name, value in plain(scores).items():
        if name == "told_as_incident":
            for kind, told in value.items():
                row(listed, f"told as an incident: {kind}", f"{told['told']} of {told['events']}")
        elif value is not None:
            row(listed, name.replace("_", " "), f"{value:.4g}")
    out.print(listed)
