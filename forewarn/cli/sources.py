"""Commands that look at the configured sources."""

from typing import Annotated

import typer
from rich.text import Text

from forewarn.cli.options import AsJson, SettingsFile
from forewarn.errors import ConfigError, ForewarnError
from forewarn.printing import err, out, print_json, row, table
from forewarn.settings import DEFAULT_FILE, load

app = typer.Typer(no_args_is_help=True, help="Look at the configured sources.")


@app.command("list")
def list_sources(settings: SettingsFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """How each source does."""
    from flows.installation import open_installation
    from store.sources import read_health

    installation = open_installation(settings)
    with installation.engine.connect() as conn:
        known = {health.source: health for health in read_health(conn)}
    if as_json:
        print_json([known.get(name, {"source": name, "health": None}) for name in installation.settings.sources])
        return
    listed = table("source", "state", "newest day", "message")
    for name in installation.settings.sources:
        if name in known:
            health = known[name]
            row(listed, name, health.health, health.newest_day or "-", health.message)
        else:
            row(listed, name, "never read", "-", "")
    out.print(listed)


@app.command("check")
def check_source(
    name: Annotated[str | None, typer.Argument(help="One source; default: all.")] = None,
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Reach each source and say what was found, without storing anything."""
    from connectors import connector_for

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
