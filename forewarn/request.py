"""What sources deliver: single requests, or ready counts a day."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """State of a request, whatever the source calls it."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"
    DUPLICATE = "duplicate"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Precision(StrEnum):
    """How exactly a source states its times. A day is never spread over its hours."""

    SECOND = "second"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One request or complaint. `(source, source_record_id)` is its key; text fields are '' where unknown.

    `day` is the civil day of `requested_at` in the source's own time zone, and `closed_day` likewise: the
    connector knows the zone, so it fixes the days once. Times are aware and in UTC. `description` must reach
    this class already scrubbed of names, mail addresses and phone numbers.
    """

    source: str
    source_record_id: str
    requested_at: datetime
    day: date
    category: str
    subcategory: str = ""
    area: str = ""
    agency: str = ""
    channel: str = ""
    status: Status = Status.UNKNOWN
    closed_at: datetime | None = None
    closed_day: date | None = None
    updated_at: datetime | None = None
    due_at: datetime | None = None
    precision: Precision = Precision.SECOND
    lat: float | None = None
    lon: float | None = None
    description: str = ""


class DailyCount(NamedTuple):
    """Requests of one category in one area on one civil day, from sources that publish only volumes."""

    day: date
    category: str
    subcategory: str
    area: str
    agency: str
    channel: str
    opened: int
    closed: int


class Reject(NamedTuple):
    """A row that could not be used, kept aside with its reason."""

    reason: str  # a short code such as `bad_date`, counted in the run's report
    detail: str  # the field and what it held, scrubbed and cut to 200 characters
    position: str  # where it stood: line number, record id or page
