"""The calendar of a source's place: public holidays, and what the files of its settings say is planned."""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.events import FIRST_YEAR, LAST_YEAR, read_events
from forewarn.calendar import Calendar, Event, EventKind
from forewarn.settings import Settings

YEARS_AFTER = 2
"""What recurs is repeated for so many years after the one that is looked at: longer than anything is forecast."""


def calendar_of(settings: Settings, name: str, last_day: date) -> Calendar:
    """The calendar of the source `name`, with events until after `last_day`.

    Raises:
        ConfigError: A file cannot be read, or a row of it is wrong.
    """
    source = settings.sources[name]
    until = min(max(last_day.year + YEARS_AFTER, FIRST_YEAR), LAST_YEAR)
    events: list[Event] = []
    for number, file in enumerate(source.events):
        path = settings.folder / file.path
        events += _events(path, _stamp(path), file.kind, f"sources.{name}.events.{number}", source.tz, until)
    return replace(source.calendar, events=tuple(events))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Another where a file was changed."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


@lru_cache(maxsize=64)
def _events(
    path: Path,
    stamp: tuple[int, int] | None,  # noqa: ARG001 - part of the key
    kind: EventKind,
    key: str,
    zone: ZoneInfo,
    until: int,
) -> tuple[Event, ...]:
    """A replay asks for the same file on each of its days."""
    return read_events(path, kind, key=key, zone=zone, until=until)
