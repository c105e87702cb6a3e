"""Events that are known to have happened, for scoring a replay."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from forewarn.alert import Alert
from forewarn.errors import ConfigError

REQUIRED = ("event_id", "dataset", "kind", "first_day", "last_day")
LABELS = ("category", "subcategory", "area", "agency")


@dataclass(frozen=True)
class KnownEvent:
    """One row of an events file; `labels` holds what the file says of where it happened."""

    event_id: str
    kind: str
    first_day: date
    last_day: date
    public_obvious_date: date | None
    labels: Mapping[str, str]


def read_events(path: Path) -> dict[str, list[KnownEvent]]:
    """Source → its events, from a CSV with the columns `REQUIRED` and, if known, `LABELS` and `public_obvious_date`.

    Raises:
        ConfigError: The file is missing, or a column or a date is wrong; names it.
    """
    events = defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            if missing := set(REQUIRED) - set(rows.fieldnames or ()):
                raise ConfigError(str(path), f"lacks the column {sorted(missing)[0]!r}", allowed=REQUIRED)
            for number, row in enumerate(rows, start=2):
                events[row["dataset"]].append(_event(row, f"{path} line {number}"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    return dict(events)


def same_issue(alert: Alert, event: KnownEvent) -> bool:
    """Whether `alert` tells of `event`: it was found while the event lasted, and names what the event names.

    An event without labels concerns the whole source, so every alert of those days tells of it.
    """
    if alert.first_day > event.last_day or alert.last_day < event.first_day:
        return False
    evidence = alert.evidence
    parts = [alert.labels, evidence.get("head", {})]
    parts += [part["labels"] for key in ("related", "parts") for part in evidence.get(key, ())]
    return any(event.labels.items() <= part.items() for part in parts)


def _event(row: Mapping[str, str], where: str) -> KnownEvent:
    def day(column: str) -> date:
        try:
            return date.fromisoformat(row[column])
        except ValueError:
            raise ConfigError(where, f"{column} {row[column]!r} is not a date such as 2026-03-31") from None

    public = day("public_obvious_date") if row.get("public_obvious_date") else None
    labels = {name: value for name in LABELS if (value := row.get(name))}
    return KnownEvent(row["event_id"], row["kind"], day("first_day"), day("last_day"), public, labels)
