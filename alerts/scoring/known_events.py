"""Events that are known to have happened, for scoring a replay."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from forewarn.alert import Alert, Kind
from forewarn.errors import ConfigError

REQUIRED = ("event_id", "dataset", "kind", "first_day", "last_day")
LABELS = ("category", "subcategory", "area", "agency", "channel")


class EventKind(StrEnum):
    """What a known event was."""

    INCIDENT = "incident"  # a real problem: more requests, must be found
    INCIDENT_DIP = "incident_dip"  # a real event that lowers the counts: found by an alert of a drop
    BATCH = "batch"  # an administrative entry of many rows
    BURST = "burst"  # many reports by one reporter
    CALENDAR = "calendar"  # comes every year
    FEED_DEFECT = "feed_defect"  # the feed changed, not the world
    LEVEL_SHIFT = "level_shift"  # a new normal
    UNEXPLAINED = "unexplained"  # large and real in the data, cause not known


INCIDENTS = (EventKind.INCIDENT, EventKind.INCIDENT_DIP)
NO_INCIDENTS = (EventKind.BATCH, EventKind.BURST, EventKind.CALENDAR, EventKind.FEED_DEFECT)
"""Must not be told as an incident. The kinds in neither list are not scored."""

INCIDENT_ALERTS = frozenset({Kind.SURGE, Kind.CLUSTER, Kind.DROP, Kind.WORDS})
"""Alerts that say: here is a problem. Trouble of a source, said as such, is none."""


@dataclass(frozen=True)
class KnownEvent:
    """One row of an events file; `labels` holds what the file says of where it happened."""

    event_id: str
    kind: EventKind
    first_day: date
    last_day: date
    public_obvious_date: date | None
    labels: Mapping[str, str]

    @property
    def n_days(self) -> int:
        return (self.last_day - self.first_day).days + 1


def read_events(path: Path) -> dict[str, list[KnownEvent]]:
    """Source → its events, from a CSV with the columns `REQUIRED` and, if known, `LABELS` and `public_obvious_date`.

    Raises:
        ConfigError: The file is missing, or a column or a value is wrong; names the line and what is allowed.
    """
    events = defaultdict(list)
    lines_of: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            if missing := set(REQUIRED) - set(rows.fieldnames or ()):
                raise ConfigError(str(path), f"lacks the column {sorted(missing)[0]!r}", allowed=REQUIRED)
            for row in rows:
                where = f"{path} line {rows.line_num}"
                event = _event({name: (value or "").strip() for name, value in row.items() if name}, where)
                if event.event_id in lines_of:
                    raise ConfigError(where, f"event_id {event.event_id!r} is that of line {lines_of[event.event_id]}")
                lines_of[event.event_id] = rows.line_num
                events[row["dataset"].strip()].append(event)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is not text in UTF-8") from None
    except csv.Error as error:
        raise ConfigError(str(path), f"is not a CSV file: {error}") from None
    return dict(events)


def tells_of(alert: Alert, event: KnownEvent) -> bool:
    """Whether `alert`, as it is after one change, tells of `event` as of a problem.

    It was last found on a day of the event (or in a week with one), names what the event names (as its own scope, or
    among what it is made of), and is of the right kind: a drop for an `incident_dip`, no drop for an `incident`, any
    alert of a problem for the other kinds. An event without labels concerns the whole source, so every alert of those
    days tells of it.
    """
    if alert.kind not in INCIDENT_ALERTS or not days_of(alert, event):
        return False
    if event.kind in INCIDENTS and (alert.kind is Kind.DROP) != (event.kind is EventKind.INCIDENT_DIP):
        return False
    evidence = alert.evidence
    parts = [alert.labels, evidence.get("head", {})]
    parts += [part["labels"] for key in ("related", "parts", "scopes") for part in evidence.get(key, ())]
    return any(event.labels.items() <= part.items() for part in parts)


def days_of(alert: Alert, event: KnownEvent) -> list[date]:
    """Days of `event` on which the alert, as it is after one change, was last found: one, or those of a week."""
    found = (alert.last_day - timedelta(days=ago) for ago in range(alert.evidence.get("step_days", 1)))
    return [day for day in found if event.first_day <= day <= event.last_day]


def touching(events: Iterable[KnownEvent], labels: Mapping[str, str], day: date, step_days: int = 1) -> bool:
    """Whether the number of the series `labels` on `day` holds requests of any of `events`: no label contradicts.

    Args:
        step_days: Days that the number sums, `day` being the last.
    """
    begin = day - timedelta(days=step_days - 1)
    return any(
        event.first_day <= day
        and begin <= event.last_day
        and all(labels.get(name, value) == value for name, value in event.labels.items())
        for event in events
    )


def _event(row: Mapping[str, str], where: str) -> KnownEvent:
    def day(column: str) -> date:
        try:
            return date.fromisoformat(row[column])
        except ValueError:
            raise ConfigError(where, f"{column} {row[column]!r} is not a date such as 2026-03-31") from None

    for column in ("event_id", "dataset"):
        if not row[column]:
            raise ConfigError(where, f"{column} is empty")
    try:
        kind = EventKind(row["kind"])
    except ValueError:
        problem = f"kind {row['kind']!r} is not known"
        raise ConfigError(
            where, problem, allowed=[kind.value for kind in EventKind], value=row["kind"] or None
        ) from None
    first, last = day("first_day"), day("last_day")
    if last < first:
        raise ConfigError(where, f"last_day {last} is before first_day {first}")
    public = day("public_obvious_date") if row.get("public_obvious_date") else None
    labels = {name: value for name in LABELS if (value := row.get(name))}
    return KnownEvent(row["event_id"], kind, first, last, public, labels)
