"""Alerts, changes and events of February 2026, drawn by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from alerts.scoring.known_events import EventKind, KnownEvent
from forewarn.alert import Alert, AlertEvent, Change, Kind, Severity, State

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def event(
    name: str = "E1",
    kind: str = "incident",
    first: int = 1,
    last: int = 3,
    labels: Mapping[str, str] | None = None,
    public: date | None = None,
) -> KnownEvent:
    return KnownEvent(name, EventKind(kind), date(2026, 2, first), date(2026, 2, last), public, labels or {})


def alert(
    name: str = "A1",
    kind: Kind = Kind.SURGE,
    first: int | None = None,
    last: int = 1,
    labels: Mapping[str, str] | None = None,
    related: Sequence[Mapping[str, Any]] = (),
    told: bool = True,
) -> Alert:
    """An alert as it is after it was found on the `last` of February."""
    return Alert(
        fingerprint=name,
        kind=kind,
        source="town",
        labels=labels or {},
        state=State.OPEN,
        severity=Severity.NOTICE,
        title=name,
        first_day=date(2026, 2, first or last),
        last_day=date(2026, 2, last),
        peak_day=date(2026, 2, last),
        opened_at=NOW,
        changed_at=NOW,
        revision=1,
        evidence={"related": list(related), "told": {"severity": 1, "excess": 9.0} if told else None},
    )


def change(what: str = "opened", **of: Any) -> Change:
    changed = alert(**of)
    return Change(changed, AlertEvent(changed.fingerprint, 1, NOW, what, "forewarn"))
