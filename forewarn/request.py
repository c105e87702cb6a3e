"""What sources deliver: single requests, or ready counts a day."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Times = npt.NDArray[np.datetime64]

LONGEST_ID = 500
"""Characters of an id at its source: no database can index texts without end."""


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


class DeletionReason(StrEnum):
    """Why a request is no longer to be had from its source."""

    DISAPPEARED = "disappeared"  # missing from two complete comparisons
    SOURCE_DELETED = "source_deleted"  # the source says so
    AGED_OUT = "aged_out"  # older than what the source keeps; it is no less a request, and stays counted


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


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Many requests of one source, column by column: a million rows are too many for an object each.

    The columns are those of `ServiceRequest`, all of one length: texts as plain `str` in object arrays, instants as
    datetime64[us] in UTC, days as datetime64[D]. NaT and NaN: unknown.
    """

    source: str
    source_record_id: Texts
    requested_at: Times
    day: Times
    category: Texts
    subcategory: Texts
    area: Texts
    agency: Texts
    channel: Texts
    status: Texts
    closed_at: Times
    closed_day: Times
    updated_at: Times
    due_at: Times
    precision: Texts
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    description: Texts

    def __post_init__(self) -> None:
        if len({column.shape for column in self._columns()}) > 1:
            raise ValueError("columns of requests must be of one length")

    @classmethod
    def of(cls, source: str, rows: Iterable[ServiceRequest]) -> "Requests":
        """The same requests as columns; for connectors that read few.

        Raises:
            ValueError: One is of another source, or has a time without a zone.
        """
        rows = list(rows)
        if strangers := {row.source for row in rows} - {source}:
            raise ValueError(f"requests of {sorted(strangers)} are not {source!r}'s")
        return cls(source, *(_column(name, [getattr(row, name) for row in rows]) for name in COLUMNS))

    @classmethod
    def join(cls, parts: Sequence["Requests"]) -> "Requests":
        """All requests of several parts of one source; at least one part."""
        return cls(parts[0].source, *map(np.concatenate, zip(*(part._columns() for part in parts), strict=True)))

    def where(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Requests":
        """The requests at `rows`: a mask, or row numbers."""
        return Requests(self.source, *(column[rows] for column in self._columns()))

    def with_texts_from(self, day: date) -> "Requests":
        """The same requests, those of earlier days without their descriptions."""
        is_old = self.day < np.datetime64(day, "D")
        return replace(self, description=np.where(is_old, "", self.description)) if is_old.any() else self

    def __len__(self) -> int:
        return len(self.source_record_id)

    def __iter__(self) -> Iterator[ServiceRequest]:
        columns = (map(_PLAIN.get(name, _same), getattr(self, name).astype(object)) for name in COLUMNS)
        return (ServiceRequest(self.source, *row) for row in zip(*columns, strict=True))

    def _columns(self) -> list[npt.NDArray[Any]]:
        return [getattr(self, name) for name in COLUMNS]


COLUMNS = tuple(field.name for field in fields(ServiceRequest) if field.name != "source")
"""Columns of `Requests`, in the order of `ServiceRequest`."""
_DTYPES = {
    **dict.fromkeys(("requested_at", "closed_at", "updated_at", "due_at"), "datetime64[us]"),
    **dict.fromkeys(("day", "closed_day"), "datetime64[D]"),
    **dict.fromkeys(("lat", "lon"), "float64"),
}


def _column(name: str, values: Sequence[Any]) -> npt.NDArray[Any]:
    if name in ("status", "precision"):
        values = [str(value) for value in values]
    if _DTYPES.get(name) == "datetime64[us]":
        if any(value is not None and value.tzinfo is None for value in values):
            raise ValueError(f"{name} has no time zone")
        values = [value and value.astimezone(UTC).replace(tzinfo=None) for value in values]
    return np.array(values, dtype=_DTYPES.get(name, "object"))


def _same(value: Any) -> Any:
    return value


_PLAIN: dict[str, Any] = {
    **dict.fromkeys(
        [name for name, dtype in _DTYPES.items() if dtype == "datetime64[us]"],
        lambda value: value and value.replace(tzinfo=UTC),
    ),
    **dict.fromkeys(("lat", "lon"), lambda value: None if value != value else value),
    "status": Status,
    "precision": Precision,
}
"""Column → what makes the value of a `ServiceRequest` of its."""
NO_REQUESTS = Requests.of("", ())


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


FILE_LEFT_OUT = "file left out: "
"""How the detail of a reject begins that stands for a whole file."""


class Reject(NamedTuple):
    """A row that could not be used, kept aside with its reason."""

    reason: str  # a short code such as `bad_date`, counted in the run's report
    detail: str  # the field and what it held, scrubbed and cut to 200 characters
    position: str  # where it stood: line number, record id or page


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """What requests of one source say, (n_documents,) each; texts are '' where unknown, positions NaN.

    Args:
        day: Civil day of the request, datetime64[D].
        known_from: Civil day from which on it could be read.
        label: Its sub-category.
        text: Its description.
    """

    day: Times
    known_from: Times
    category: Texts
    area: Texts
    label: Texts
    text: Texts
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]

    def where(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Documents":
        """The documents at `rows`: a mask, or row numbers."""
        return Documents(*(getattr(self, field.name)[rows] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.day)
