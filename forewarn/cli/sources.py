"""Commands that add sources and look at them."""

import time
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from forewarn.cli.options import AsJson, SettingsFile
from forewarn.errors import ConfigError, ForewarnError
from forewarn.printing import err, out, print_json, row, table
from forewarn.settings_file import DEFAULT_FILE, load
from forewarn.shares import share

if TYPE_CHECKING:
    from connectors.checking import Check
    from flows.pull import Reached
    from forewarn.contracts import Received
    from forewarn.settings import Settings

BEGINNING = """\
# Settings of one forewarn installation. Every key is explained in docs/settings.md.
# ${NAME} is taken from the environment: keep passwords and tokens there.
"""

MOST_UNREAD = 30
"""Fields of a source that are not read, as listed by `check`."""

app = typer.Typer(no_args_is_help=True, help="Add sources, and look at them.")


@app.command("list")
def list_sources(settings: SettingsFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """How each source does."""
    from flows.installation import open_installation
    from store.engine import snapshot
    from store.sources import read_health, read_state

    installation = open_installation(settings)
    with snapshot(installation.engine) as conn:
        known = {health.source: health for health in read_health(conn)}
        begun = {name for name in installation.settings.sources if name not in known and read_state(conn, name)}
    if as_json:
        print_json([known.get(name, {"source": name, "health": None}) for name in installation.settings.sources])
        return
    listed = table("source", "state", "newest day", "free texts", "message")
    for name, source in installation.settings.sources.items():
        kept = f"{source.keep_text_days:,} days" if source.keep_text_days else "not kept"
        if name in known:
            health = known[name]
            row(listed, name, health.health, health.newest_day or "-", kept, health.message)
        else:
            stopped = "Its first reading was stopped; the next run goes on from there." if name in begun else ""
            row(listed, name, "not yet read" if stopped else "never read", "-", kept, stopped)
    out.print(listed)


@app.command("show")
def show_source(
    name: Annotated[str, typer.Argument(help="The source.")],
    days: Annotated[int, typer.Option("--days", min=1, help="Of so many last days.")] = 7,
    settings: SettingsFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """How one source does, what is new about its fields, and what its rows were like."""
    from connectors.field_news import news_of
    from connectors.quality import quality_of
    from flows.installation import open_installation
    from store.engine import snapshot
    from store.sources import read_health, read_shape, sum_counters

    installation = open_installation(settings)
    installation.source(name)
    with snapshot(installation.engine) as conn:
        health = next((known for known in read_health(conn) if known.source == name), None)
        news = news_of(read_shape(conn, name))
        counters = sum_counters(conn, name, datetime.now(UTC) - timedelta(days=days))
    quality = quality_of(counters)
    if as_json:
        print_json({"health": health, "news": news, "quality": quality})
        return
    state = f"{health.health}. {health.message}" if health else "never read."
    out.print(Text(f"{name}: {state}", style="bold"))
    for change in news:
        out.print(Text(f"  since {change.day}: {change.words}", style="yellow"))
    if not quality:
        out.print(Text(f"Nothing was read in the last {days} days."))
        return
    listed = table("how many", f"what the rows of the last {days} days were", "of all")
    for one in quality:
        row(listed, f"{one.number:,}", one.words, share(one.number, one.of) if one.of else "")
    out.print(listed)


@app.command("presets")
def list_presets() -> None:
    """Public data sets that can be added by name, and templates for systems of your own."""
    from connectors.presets import presets, templates

    listed = table("name", "data set", "place", "kind")
    for preset in presets():
        row(listed, preset.name, preset.title, preset.place, preset.kind)
    out.print(listed)
    out.print(Text("\nFor systems of your own: addresses and columns have to be put in."), style="dim")
    own = table("name", "kind")
    for template in templates():
        row(own, template.name, template.kind)
    out.print(own)


@app.command("add")
def add_source(
    preset: Annotated[
        str, typer.Argument(help="Name of a data set or template; `forewarn sources presets` lists them.")
    ],
    name: Annotated[str, typer.Option("--name", help="What to call the source; default: the data set's name.")] = "",
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Write the settings of a public data set, or a template, into the settings file; begun if there is none."""
    from connectors import presets

    source = name or preset
    piece = presets.preset(preset, source)
    try:
        before = settings.read_text(encoding="utf-8-sig") if settings.exists() else BEGINNING
        known = tomllib.loads(before).get("sources", {})
    except OSError as error:
        raise ConfigError(str(settings), f"the settings file cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(settings), f"not valid TOML: {error}") from None
    if source in known:
        raise ConfigError(f"sources.{source}", "is there already; --name gives the new one another name")
    written = settings.with_name(f".{settings.name}.new")
    try:
        written.write_text(f"{before.rstrip()}\n\n{piece}", encoding="utf-8")
        written.replace(settings)
    except OSError as error:
        raise ConfigError(str(settings), f"cannot be written: {error.strerror}") from None
    out.print(Text(f"[sources.{source}] is now in {settings}. Look it through, and see what it brings:"))
    out.print(Text(f"  forewarn sources check {source}"))


@app.command("check")
def check_source(
    name: Annotated[str | None, typer.Argument(help="One source; default: all.")] = None,
    settings: SettingsFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Reach each source, read a sample, and say what was found and what looks wrong. Nothing is stored."""
    from connectors import connector_for
    from connectors.checking import check
    from connectors.surroundings import check_surroundings

    loaded = load(settings)
    if name is not None and name not in loaded.sources:
        raise ConfigError(f"sources.{name}", "no such source", allowed=loaded.sources, value=name)
    code, found = 0, {}
    for source in [name] if name else loaded.sources:
        try:
            own, now = loaded.sources[source], datetime.now(UTC)
            connector = connector_for(source, own, _received(loaded, source))
            with err.status(Text(f"Asking {source} …")):  # one that does not answer is asked for over a minute
                seen = check(connector, now, own.title, own.public_delay_days)
                remarks, wrong = check_surroundings(loaded, source, now)
            found[source] = replace(seen, remarks=[*seen.remarks, *remarks], wrong=[*seen.wrong, *wrong])
        except ForewarnError as error:
            code = max(code, 2 if isinstance(error, ConfigError) else 1)
            err.print(Text(str(error), style="red"))
            continue
        code = code or int(not found[source].usable)
        if not as_json:
            _show(found[source])
    if as_json:
        print_json(found)
    if code:
        raise typer.Exit(code)


def _received(loaded: "Settings", source: str) -> "Received":
    """What was pushed to a source and kept; other sources than those that are pushed need no store."""
    from connectors import nothing_received
    from store.engine import open_store
    from store.received import read_batches

    if loaded.sources[source].kind != "webhook":
        return nothing_received
    return partial(read_batches, open_store(loaded.store_url), source)


def _show(found: "Check") -> None:
    """One source, in words."""
    out.print(Text(found.reached, style="bold"))
    told = Table(box=None, show_header=False, padding=(0, 1, 0, 1))
    told.add_column(no_wrap=True)
    parts: list[tuple[str, Sequence[str | Text | Table]]] = [
        ("sample", [found.sample]),
        ("would read", [found.plan]),
        ("fields", [_fields(found)] if found.fields else []),
        ("not read", _shortened(found.unread)),
        ("note", found.remarks),
        ("looks wrong", [Text(line, style="yellow") for line in found.wrong]),
    ]
    for what, lines in parts:
        for number, line in enumerate(lines):
            told.add_row(Text("" if number else what, style="dim"), Text(line) if isinstance(line, str) else line)
    out.print(told)
    if not found.wrong:
        out.print(Text("  Nothing looks wrong.", style="green"))


def _shortened(names: Sequence[str]) -> list[str]:
    """One line with all names, or the first of very many."""
    more = f", and {len(names) - MOST_UNREAD} more" if len(names) > MOST_UNREAD else ""
    return [", ".join(names[:MOST_UNREAD]) + more] if names else []


def _fields(found: "Check") -> Table:
    """What maps to what, and what the sample holds of it."""
    fields = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for line, held in zip(found.fields, found.holds, strict=True):
        fields.add_row(Text(line), Text(held) if held else Text("nothing in the sample", style="dim"))
    return fields


@app.command("backfill")
def backfill_source(
    name: Annotated[str, typer.Argument(help="The source.")],
    again: Annotated[bool, typer.Option("--again", help="All from its first day on, as if nothing was read.")] = False,
    settings: SettingsFile = DEFAULT_FILE,
) -> None:
    """Read one source to its end. What was read is kept if it is interrupted, and the next time goes on from there.

    Where reading begins is the source's `first_day`.
    """
    from flows.ingest import ingest_source
    from flows.installation import open_installation

    installation = open_installation(settings)
    installation.source(name)
    began = time.monotonic()
    columns = (TextColumn(f"Reading {name}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[done]}"))
    with Progress(*columns, TimeRemainingColumn(), console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=1.0, done="")

        def tell(reached: "Reached") -> None:
            rate = reached.rows / max(time.monotonic() - began, 1e-3)
            day = f", up to {reached.newest_day}" if reached.newest_day else ""
            done = f"{reached.rows:,} rows{day}, {rate:,.0f} a second"
            progress.update(task, completed=reached.share, done=done)

        try:
            report = ingest_source(installation, name, datetime.now(UTC), tell, again=again)
        except KeyboardInterrupt:
            progress.stop()
            err.print(Text(f"Stopped. What was read is kept; `forewarn sources backfill {name}` goes on from there."))
            raise typer.Exit(130) from None
    news = f"{report.new:,} new, {report.changed:,} changed, {report.rejected:,} rejected"
    out.print(Text(f"{name}: {report.health}. {news}. {report.message}"))
    if report.failure:
        raise typer.Exit(1)


@app.command("accept")
def accept_source(
    name: Annotated[str, typer.Argument(help="The source.")], settings: SettingsFile = DEFAULT_FILE
) -> None:
    """Believe a source at once: what its fields hold now is right, and requests that it lacks are gone."""
    from flows.gone import accept
    from flows.installation import open_installation
    from store.engine import transaction
    from store.sources import accept_contents

    installation = open_installation(settings)
    now, zone = datetime.now(UTC), installation.source(name).tz
    with transaction(installation.engine) as conn:
        accept_contents(conn, name, now)
    out.print(Text(f"What {name} sends from now on is what is usual; the next run reads what was held back."))
    removed = accept(installation.engine, name, now, now.astimezone(zone).date())
    if not removed:
        out.print(Text(f"Nothing is missing from {name}, as far as it was compared."))
        return
    out.print(Text(f"{removed:,} requests of {name} are marked as gone and no longer counted. They count again if"))
    out.print(Text("they are seen again. The next run says how the source is doing."))
