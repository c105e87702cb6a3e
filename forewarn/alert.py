"""Alarms, alerts and their life.

An alarm is one series on one day beyond its limit. An alert is one issue that a person may have to act on:
a rule made it of alarms, breaches or source trouble, and it lives until it is resolved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any


class Kind(StrEnum):
    """What an alert is about."""

    SURGE = "surge"  # more requests than expected
    CLUSTER = "cluster"  # more requests than expected in some areas, or of several categories together
    DROP = "drop"  # fewer requests than expected
    BREACH = "breach"  # a limit is about to be crossed
    WORDS = "words"  # words or phrases became frequent
    SOURCE = "source"  # a source does not deliver
    DATA = "data"  # counts that look like an incident, and are none


class Severity(IntEnum):
    """How much it matters; ordered, so that channels can ask for a least severity."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class State(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    VERIFIED = "verified"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


class Verdict(StrEnum):
    """What came of an alert."""

    REAL = "real problem"
    EXPECTED = "expected"
    FALSE_ALARM = "false alarm"
    DATA_TROUBLE = "data trouble"
    NEW_NORMAL = "new normal"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One series on one day beyond its limit, in requests in `window_days` days; see `Detection` for the numbers."""

    source: str
    labels: Mapping[str, str]  # such as {"category": "Rats", "area": "Ward 7"}; {} for the whole source
    day: date
    kind: Kind
    detector: str
    observed: float
    expected: float
    low: float
    high: float
    limit: float  # for a drop the lower limit
    tail: float  # chance of a count at least this extreme on an ordinary day
    window_days: int = 1  # days that the numbers sum, `day` being the last

    @property
    def excess(self) -> float:
        """Requests above (or, for a drop, below) the expected number."""
        return abs(self.observed - self.expected)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule made of one day: one issue, before it is known whether it is new.

    `alarms` holds the head first, then its contributions. `cluster`, `breach` and `source` findings have none.
    """

    kind: Kind
    source: str
    labels: Mapping[str, str]
    day: date
    severity: Severity
    title: str
    evidence: Mapping[str, Any]  # JSON: what the message and the page need to explain it
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One issue, from its first day to its resolution."""

    fingerprint: str  # stable: the same issue found again has the same one
    kind: Kind
    source: str
    labels: Mapping[str, str]
    state: State
    severity: Severity
    title: str
    first_day: date
    last_day: date  # last day on which it was found
    peak_day: date
    opened_at: datetime
    changed_at: datetime
    revision: int  # number of events so far
    evidence: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One change in an alert's life; appended, never altered."""

    fingerprint: str
    sequence: int  # the alert's revision after this event; 1 for the first
    at: datetime
    what: str  # opened, continued, worsened, acknowledged, verdict, resolved, reopened
    who: str  # `forewarn`, or the user
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An alert as it is after `event`; both are stored in one transaction."""

    alert: Alert
    event: AlertEvent


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one channel, waiting in the outbox until it is delivered.

    `idempotency_key` is the same whenever the same change is told to the same channel, so that a receiver can
    recognise a message that was sent again because the process died between sending and noting it.
    """

    idempotency_key: str
    channel: str
    fingerprint: str
    subject: str
    text: str
    html: str
    created_at: datetime
    attempts: int = 0
