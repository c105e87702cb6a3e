"""Commands that look at alerts and say what came of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from forewarn.alert import Alert, AlertEvent, Change, State, Verdict
from forewarn.cli.options import AsJson, SettingsFile
from forewarn.errors import ConfigError
from forewarn.printing import out, print_json, row, table
from forewarn.settings_file import DEFAULT_FILE

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(no_args_is_help=True, help="Look at alerts and say what came of them.")

Who = Annotated[str, typer.Option(help="Your name.")]
Note = Annotated[str, typer.Option(help="What you know of it.")]
Fingerprint = Annotated[str, typer.Argument(metavar="ALERT", help="The alert, or the first letters of it.")]

VERDICTS = {verdict.name.lower().replace("_", "-"): verdict for verdict in Verdict}


@app.command("list")
def list_alerts(
    settings: SettingsFile = DEFAULT_FILE,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Alerts, newest change first."""
    from flows.installation import open_installation
    from store.alerts import read_alerts
    from store.engine import snapshot

    states = None if everything else set(State) - {State.RESOLVED, State.DISMISSED}
    installation = open_installation(settings)
    with snapshot(installation.engine) as conn:
        found = read_alerts(conn, states=states)
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No alerts." if everything else "No open alerts.")
        return
    of_several = len(installation.settings.sources) > 1
    listed = table("alert", "since", "state", "severity", *(["source"] if of_several else []), "what")
    for alert in found:
        of = [alert.source] if of_several else []
        row(listed, alert.fingerprint[:8], alert.first_day, alert.state, alert.severity.name.lower(), *of, alert.title)
    out.print(listed)


@app.command("show")
def show_alert(alert: Fingerprint, settings: SettingsFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """One alert: what was seen, why it is told, and what happened to it."""
    from alerts.wording import explanation
    from flows.installation import open_installation

    found, events = _find(open_installation(settings).engine, alert)
    if as_json:
        print_json({"alert": found, "events": events})
        return
    out.print(Text(found.title, style="bold"))
    out.print(Text(f"{found.source}, {found.state}, {found.severity.name.lower()}", style="dim"))
    for line in explanation(found):
        out.print(Text(line))
    for event in events:
        out.print(Text(f"{event.at:%Y-%m-%d %H:%M} {event.what} by {event.who} {event.note}".rstrip(), style="dim"))


@app.command("ack")
def acknowledge(alert: Fingerprint, who: Who, note: Note = "", settings: SettingsFile = DEFAULT_FILE) -> None:
    """Say that somebody looks after it."""
    from alerts import lifecycle

    now = datetime.now(UTC)
    _change(settings, alert, who, lambda found: lifecycle.acknowledge(found, who=who, at=now, note=note))


@app.command("verdict")
def record_verdict(
    alert: Fingerprint,
    verdict: Annotated[str, typer.Argument(help=", ".join(VERDICTS))],
    who: Who,
    note: Note = "",
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Say what came of it."""
    from alerts import lifecycle

    if verdict not in VERDICTS:
        raise ConfigError("verdict", f"{verdict!r} is not one", allowed=VERDICTS, value=verdict)
    now = datetime.now(UTC)
    _change(
        settings,
        alert,
        who,
        lambda found: lifecycle.record_verdict(found, VERDICTS[verdict], who=who, at=now, note=note),
    )


@app.command("resolve")
def resolve(alert: Fingerprint, who: Who, note: Note = "", settings: SettingsFile = DEFAULT_FILE) -> None:
    """Say that it is over."""
    from alerts import lifecycle

    now = datetime.now(UTC)
    _change(settings, alert, who, lambda found: lifecycle.resolve(found, who=who, at=now, note=note))


def _find(engine: "Engine", prefix: str) -> tuple[Alert, list[AlertEvent]]:
    """The alert whose fingerprint begins with `prefix`.

    Raises:
        ConfigError: None does, or several do.
    """
    from store.alerts import read_alert, read_alerts
    from store.engine import snapshot

    with snapshot(engine) as conn:
        matching = [alert.fingerprint for alert in read_alerts(conn) if alert.fingerprint.startswith(prefix)]
        if len(matching) == 1 and (found := read_alert(conn, matching[0])):
            return found
    nothing = "no such alert; `forewarn alerts list --all` lists them"
    problem = "several alerts begin so; give more letters" if matching else nothing
    raise ConfigError(f"alert {prefix}", problem)


def _change(settings: Path, prefix: str, who: str, change: Callable[[Alert], Change]) -> None:
    """Make and keep one change of an alert.

    Raises:
        ConfigError: There is no such alert, nobody says it, or it cannot be done in the state that the alert is in.
    """
    from alerts.telling import record
    from flows.installation import open_installation
    from store.engine import transaction

    if not who.strip():
        raise ConfigError("--who", "is empty; say who you are")
    installation = open_installation(settings)
    found = _find(installation.engine, prefix)[0]
    try:
        made = change(found)
    except ValueError as error:
        raise ConfigError(f"alert {prefix}", str(error)) from None
    with transaction(installation.engine) as conn:
        record(conn, installation.settings, [made], made.event.at)
    out.print(Text(f"{made.alert.title}: {made.alert.state}"))
