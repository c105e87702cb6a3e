"""Reads what is planned in a place, past and to come: holidays of its own, closures, school holidays, events.

| file | its rows |
| --- | --- |
| `.ics` | iCalendar (RFC 5545); what recurs is repeated, without what is cancelled or moved |
| `.csv` | columns `first_day`, `name`, and if they are wanted `last_day` and `kind` |
"""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from forewarn.calendar import Event, EventKind
from forewarn.errors import ConfigError

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Days outside are a mistake."""
MOST_EVENTS = 20_000
MOST_BYTES = 32 << 20
TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
KINDS = tuple(kind.value for kind in EventKind)


def read_events(path: Path, kind: EventKind, *, key: str, zone: ZoneInfo, until: int) -> tuple[Event, ...]:
    """The events of the file, by day.

    Args:
        kind: Of rows that name none. In iCalendar one of the CATEGORIES may name it.
        key: The setting, such as `sources.bonn.events.0`, for messages.
        zone: In which an event with hours falls on days.
        until: Year until whose end what recurs is repeated.

    Raises:
        ConfigError: The file cannot be read or a row is wrong; names the line and what is allowed.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{key}.path", f"{path} has more than {MOST_BYTES >> 20} MB")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{key}.path", f"{path} cannot be read: {reason}") from None
    if path.suffix.lower() == ".csv":
        events = list(_rows(text, path, kind, f"{key}.path"))
    elif path.suffix.lower() == ".ics":
        events = list(_entries(text, path, kind, f"{key}.path", zone, until))
    else:
        raise ConfigError(f"{key}.path", f"{path} must be an iCalendar or CSV file", allowed=(".ics", ".csv"))
    return tuple(sorted(set(events), key=lambda event: (event.first, event.last, event.name)))


def _rows(text: str, path: Path, kind: EventKind, key: str) -> Iterator[Event]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = rows.fieldnames or ()
    if missing := [column for column in ("first_day", "name") if column not in columns]:
        needed = ("first_day", "last_day", "kind", "name")
        raise ConfigError(key, f"{path} line 1 lacks the column {missing[0]!r}", allowed=needed)
    for row in rows:
        where = f"{path} line {rows.line_num}"
        cell = {name: (row.get(name) or "").strip() for name in ("first_day", "last_day", "kind", "name")}
        first = _day(cell["first_day"], "first_day", where, key)
        last = _day(cell["last_day"], "last_day", where, key) if cell["last_day"] else first
        yield _event(cell["kind"] or kind.value, first, last, cell["name"], where, key)


def _day(text: str, column: str, where: str, key: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(key, f"{where}: {column} {text!r} is no day such as 2026-03-31") from None


def _event(kind: str, first: date, last: date, name: str, where: str, key: str) -> Event:
    if kind not in KINDS:
        raise ConfigError(key, f"{where}: {kind!r} is no kind of event", allowed=KINDS, value=kind)
    if last < first:
        raise ConfigError(key, f"{where}: it ends on {last}, before it begins on {first}")
    if not FIRST_YEAR <= first.year <= last.year <= LAST_YEAR:
        raise ConfigError(key, f"{where}: its days {first} to {last} must lie from {FIRST_YEAR} to {LAST_YEAR}")
    return Event(EventKind(kind), first, last, " ".join(name.split()) or kind.replace("_", " "))


def _entries(text: str, path: Path, kind: EventKind, key: str, zone: ZoneInfo, until: int) -> Iterator[Event]:
    import icalendar  # half a second that only those pay who have such a file
    import recurring_ical_events

    try:
        calendar = icalendar.Calendar.from_ical(text)
    except ValueError as error:
        raise ConfigError(key, f"{path} is not a whole iCalendar file: {error}") from None
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if line.strip() == "BEGIN:VEVENT"]
    for line, entry in zip(lines, calendar.walk("VEVENT"), strict=False):
        _check(entry, f"{path} line {line}", key)
    try:
        found = recurring_ical_events.of(calendar).between((FIRST_YEAR, 1, 1), (until + 1, 1, 1))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ConfigError(key, f"{path}: what recurs in it cannot be repeated: {error}") from None
    if len(found) > MOST_EVENTS:
        raise ConfigError(key, f"{path} comes to {len(found)} events until {until}; at most {MOST_EVENTS} are of use")
    for entry in found:
        if str(entry.get("STATUS", "")).upper() == "CANCELLED":
            continue
        first, last = _days_of(entry, zone)
        named = next((word for word in _categories(entry) if word in KINDS), kind.value)
        yield _event(named, first, last, str(entry.get("SUMMARY", "")), f"{path}, event of {first}", key)


def _check(entry: Any, where: str, key: str) -> None:
    """An entry whose day or rule cannot be read would otherwise be left out without a word."""
    for name, problem in entry.errors:
        if name in ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"):
            raise ConfigError(key, f"{where}: {name} cannot be read: {problem}")
    if "DTSTART" not in entry:
        raise ConfigError(key, f"{where}: the event has no DTSTART")
    rules = entry.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if often := [word for word in rule.get("FREQ", []) if str(word).upper() in TOO_OFTEN]:
            allowed = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
            raise ConfigError(key, f"{where}: it recurs {often[0]}", allowed=allowed)


def _days_of(entry: Any, zone: ZoneInfo) -> tuple[date, date]:
    """First and last civil day; an end at midnight belongs to the day before."""
    start, end = entry.start, entry.end
    if not isinstance(start, datetime):
        return start, max(end - timedelta(days=1), start)
    begins, ends = (moment.astimezone(zone) if moment.tzinfo else moment for moment in (start, end))
    return begins.date(), max((ends - timedelta(microseconds=1)).date(), begins.date())


def _categories(entry: Any) -> list[str]:
    found = entry.get("CATEGORIES", [])
    listed = found if isinstance(found, list) else [found]
    return [str(word).strip().lower().replace(" ", "_") for one in listed for word in one.cats]
