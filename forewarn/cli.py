"""The command line. Exit codes: 0 done, 1 something failed and was reported, 2 wrong use or wrong settings."""

import json
import os
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from forewarn import __version__
from forewarn.errors import ConfigError, ForewarnError
from forewarn.settings import DEFAULT_FILE

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # failures are told in our own words

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__.split(".")[0])
alerts_app = typer.Typer(no_args_is_help=True, help="Look at alerts and say what came of them.")
sources_app = typer.Typer(no_args_is_help=True, help="Look at the configured sources.")
app.add_typer(alerts_app, name="alerts")
app.add_typer(sources_app, name="sources")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

SettingsFile = Annotated[Path, typer.Option("--settings", "-s", help="Settings file.", envvar="FOREWARN_SETTINGS")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Another seed makes another city with other troubles.")] = 1,
    port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8050,
    days: Annotated[int, typer.Option(min=14, max=120, help="Days that are replayed up to today.")] = 90,
    keep_open: Annotated[bool, typer.Option("--keep-open/--exit", help="Keep the dashboard open.")] = True,
) -> None:
    """A simulated city behind a real Open311 endpoint: pull it, replay it to today, show alerts and dashboard."""
    from forewarn.demo import play

    play(seed=seed, port=port, days=days, keep_open=keep_open, console=out)


@app.command()
def init(path: Annotated[Path, typer.Argument(help="File to write.")] = DEFAULT_FILE) -> None:
    """Write a commented settings file."""
    if path.exists():
        raise ConfigError(str(path), "is there already; it was left as it is")
    path.write_text((Path(__file__).parent / "template.toml").read_text(encoding="utf-8"), encoding="utf-8")
    out.print(f"Wrote {path}. Name your source in it, then: forewarn sources check")


@app.command()
def run(
    settings: SettingsFile = DEFAULT_FILE,
    as_of: Annotated[
        str | None, typer.Option(help="Date (2026-03-31): as if it were the end of that day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ingest, detect, forecast and notify once."""
    now = datetime.now(UTC) if as_of is None else end_of(parse_date(as_of, "--as-of"))
    from flows.installation import open_installation

    open_installation(
        settings
    ).engine.dispose()  # a wrong setting is said before Prefect takes its seconds to start
    from flows.run import run_embedded

    report = run_embedded(settings, now)
    if as_json:
        print_json(report_table(report))
    else:
        show_run(report)
    if report.failures:
        raise typer.Exit(1)


@app.command()
def backtest(
    settings: SettingsFile = DEFAULT_FILE,
    source: Annotated[str | None, typer.Option(help="One source; default: all.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day; default: a year before the last.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day; default: the last complete one.")] = None,
    events: Annotated[Path | None, typer.Option(help="CSV of known events to score against.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay history day by day: which alerts would have come, and how many a week."""
    from flows.backtest import backtest_sources
    from flows.installation import open_installation

    reports = backtest_sources(
        open_installation(settings),
        names=[source] if source else None,
        first=parse_date(first, "--from") if first else None,
        last=parse_date(last, "--to") if last else None,
        events_file=events,
    )
    if as_json:
        print_json([report.as_json() for report in reports])
        return
    for report in reports:
        show_backtest(report)


@app.command()
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
        wait_for_interrupt()


@alerts_app.command("list")
def list_alerts(
    settings: SettingsFile = DEFAULT_FILE,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Alerts, newest change first."""
    from flows.installation import open_installation
    from forewarn.alert import State
    from store.alerts import read_alerts

    states = None if everything else set(State) - {State.RESOLVED, State.DISMISSED}
    with open_installation(settings).engine.connect() as conn:
        found = read_alerts(conn, states=states)
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No open alerts.")
        return
    table = Table("alert", "since", "state", "severity", "what", box=None, pad_edge=False)
    for alert in found:
        cells = (
            alert.fingerprint[:8],
            str(alert.first_day),
            alert.state,
            alert.severity.name.lower(),
            alert.title,
        )
        table.add_row(*map(Text, cells))
    out.print(table)


@alerts_app.command("show")
def show_alert(fingerprint: str, settings: SettingsFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """One alert: what was seen, why it is told, and what happened to it."""
    from alerts.wording import explanation
    from flows.installation import open_installation

    alert, events = _find_alert(open_installation(settings).engine, fingerprint)
    if as_json:
        print_json({"alert": alert, "events": events})
        return
    out.print(Text(alert.title, style="bold"))
    for line in explanation(alert):
        out.print(Text(line))
    for event in events:
        out.print(
            Text(f"{event.at:%Y-%m-%d %H:%M} {event.what} by {event.who} {event.note}".rstrip(), style="dim")
        )


@alerts_app.command("ack")
def acknowledge_alert(
    fingerprint: str,
    who: Annotated[str, typer.Option(help="Your name.")],
    note: str = "",
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Say that somebody looks after it."""
    from alerts.lifecycle import acknowledge

    _change_alert(
        settings, fingerprint, lambda alert: acknowledge(alert, who=who, at=datetime.now(UTC), note=note)
    )


@alerts_app.command("verdict")
def judge_alert(
    fingerprint: str,
    verdict: Annotated[str, typer.Argument(help="real, expected, false-alarm, data-trouble or new-normal")],
    who: Annotated[str, typer.Option(help="Your name.")],
    note: str = "",
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Say what came of it."""
    from alerts.lifecycle import record_verdict
    from forewarn.alert import Verdict

    verdicts = {item.name.lower().replace("_", "-"): item for item in Verdict}
    if verdict not in verdicts:
        raise ConfigError("verdict", f"{verdict!r} is not one", allowed=verdicts, value=verdict)
    _change_alert(
        settings,
        fingerprint,
        lambda alert: record_verdict(alert, verdicts[verdict], who=who, at=datetime.now(UTC), note=note),
    )


@alerts_app.command("resolve")
def resolve_alert(
    fingerprint: str,
    who: Annotated[str, typer.Option(help="Your name.")],
    note: str = "",
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Say that it is over."""
    from alerts.lifecycle import resolve

    _change_alert(settings, fingerprint, lambda alert: resolve(alert, who=who, at=datetime.now(UTC), note=note))


@sources_app.command("list")
def list_sources(settings: SettingsFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """How each source does."""
    from flows.installation import open_installation
    from store.sources import read_health

    installation = open_installation(settings)
    with installation.engine.connect() as conn:
        known = {row.source: row for row in read_health(conn)}
    if as_json:
        print_json([known.get(name, {"source": name, "health": None}) for name in installation.settings.sources])
        return
    table = Table("source", "state", "newest day", "message", box=None, pad_edge=False)
    for name in installation.settings.sources:
        row = known.get(name)
        cells = (
            (name, row.health, str(row.newest_day or "-"), row.message) if row else (name, "never read", "-", "")
        )
        table.add_row(*map(Text, cells))
    out.print(table)


@sources_app.command("check")
def check_source(
    name: Annotated[str | None, typer.Argument(help="One source; default: all.")] = None,
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Reach each source and say what was found, without storing anything."""
    from connectors import connector_for
    from forewarn.settings import load

    loaded = load(settings)
    if name is not None and name not in loaded.sources:
        raise ConfigError(f"sources.{name}", "no such source", allowed=loaded.sources, value=name)
    failed = False
    for source in [name] if name else loaded.sources:
        try:
            found = connector_for(source, loaded.sources[source]).probe()
        except ForewarnError as error:
            failed = True
            err.print(Text(str(error), style="red"))
            continue
        rows = f", {found.rows:,} rows" if found.rows is not None else ""
        fresh = f", holds everything up to {found.fresh_until:%Y-%m-%d %H:%M} UTC" if found.fresh_until else ""
        out.print(Text(f"{source}: reached{rows}{fresh}"))
        for remark in found.remarks:
            out.print(Text(f"  {remark}"))
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; what forewarn can explain is told in one line, without a traceback."""
    try:
        app(standalone_mode=False)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except typer.Abort:
        sys.exit(1)
    except ConfigError as error:
        err.print(Text(str(error), style="red"))
        sys.exit(2)
    except ForewarnError as error:
        err.print(Text(str(error), style="red"))
        sys.exit(1)
