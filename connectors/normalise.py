"""From a source's columns to `ServiceRequest` or `DailyCount`, each unusable row with its reason.

All kinds of source come through here, so a time, a status or a coordinate means the same everywhere. Work is
done on whole columns: a million rows cost seconds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import repeat, starmap
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from connectors.scrub import description, label, quote
from connectors.times import Instants, Mask, Times, parse_times
from forewarn.request import DailyCount, Precision, Reject, ServiceRequest, Status

RequestField = Literal[
    "source_record_id",
    "requested_at",
    "updated_at",
    "closed_at",
    "due_at",
    "category",
    "subcategory",
    "area",
    "agency",
    "channel",
    "status",
    "latitude",
    "longitude",
    "description",
]
CountField = Literal["date", "opened", "closed", "category", "subcategory", "area", "agency", "channel"]
Columns = Mapping[str, pa.Array]  # field → one column of the source
Objects = npt.NDArray[np.object_]

LABEL_FIELDS = ("category", "subcategory", "area", "agency", "channel")
STATUS_WORDS = {
    Status.OPEN: "open, new, submitted, pending, unspecified, reopen, reopened, received",
    Status.IN_PROGRESS: "assigned, started, in progress, in_progress, acknowledged, investigating, planned, "
    "action scheduled, action_scheduled",
    Status.CLOSED: "closed, fixed, resolved, completed, archived, no further action, no_further_action",
    Status.DUPLICATE: "duplicate, closed (duplicate), completed - dup, open - dup",
    Status.CANCELLED: "cancelled, canceled",
}
_STATUSES = {word: status for status, words in STATUS_WORDS.items() for word in words.split(", ")}
_PRECISIONS = np.array([Precision.SECOND, Precision.DAY], dtype=object)
_A_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one page, told apart: usable ones, and the others with their reason."""

    requests: Sequence[ServiceRequest] = ()
    counts: Sequence[DailyCount] = ()
    rejects: Sequence[Reject] = ()
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Normaliser:
    """What must be known to read the rows of one source.

    Args:
        zone: Where civil days are counted.
        clock: Where times that name no zone were written.
        time_format: As in `times.parse_times`.
    """

    source: str
    zone: ZoneInfo
    clock: ZoneInfo
    time_format: str = ""

    def requests(self, columns: Columns, *, now: datetime, position: Callable[[int], str]) -> Batch:
        """Requests from columns named as `RequestField`; `source_record_id` and `requested_at` must be there.

        Args:
            now: A request from more than a day later is refused.
            position: Where a row stands, given its index, for the reader of a reject.
        """
        ids = as_text(columns["source_record_id"])
        requested = self._times(columns["requested_at"])
        latest = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us") + _A_DAY
        faults = {
            "no_id": (pc.equal(ids, "").to_numpy(zero_copy_only=False), "source_record_id"),
            "no_date": (~requested.written, "requested_at"),
            "sentinel_date": (requested.sentinel, "requested_at"),
            "bad_date": (np.isnat(requested.utc), "requested_at"),
            "future_date": (requested.utc > latest, "requested_at"),
        }
        rejects, good = _reject(faults, columns, position)
        closed, updated, due = (self._optional(columns, name) for name in ("closed_at", "updated_at", "due_at"))
        statuses, unmapped = _statuses(columns.get("status"), len(good))
        lat, lon, place_counters = _places(columns, len(good))
        closed_early = closed is not None and bool(good.size) and (closed.utc < requested.utc)[good]
        made = zip(
            repeat(self.source),
            ids.to_numpy(zero_copy_only=False)[good],
            _datetimes(requested.utc[good]),
            requested.day[good].astype(object),
            *(_labels(columns.get(name), len(good))[good] for name in LABEL_FIELDS),
            statuses[good],
            *_closing(closed, good),
            _moments(updated, good),
            _moments(due, good),
            _PRECISIONS[requested.day_only[good].astype(int)],
            lat[good],
            lon[good],
            _descriptions(columns.get("description"), good),
            strict=False,
        )
        counters = {
            "ambiguous_time": requested.ambiguous,
            "skipped_time": requested.skipped,
            "unmapped_status": int(unmapped[good].sum()),
            "closed_before_requested": int(np.sum(closed_early)),
            **place_counters,
        }
        return Batch(
            requests=list(starmap(ServiceRequest, made)),
            rejects=rejects,
            counters={name: count for name, count in counters.items() if count},
        )

    def counts(self, columns: Columns, *, now: datetime, position: Callable[[int], str]) -> Batch:
        """Ready volumes from columns named as `CountField`; `date` and `opened` must be there."""
        dates = self._times(columns["date"])
        opened, closed = (_numbers(columns.get(name), len(dates.utc)) for name in ("opened", "closed"))
        latest = np.datetime64(now.astimezone(self.zone).date(), "D")
        faults = {
            "no_date": (~dates.written, "date"),
            "sentinel_date": (dates.sentinel, "date"),
            "bad_date": (np.isnat(dates.utc), "date"),
            "future_date": (dates.day > latest, "date"),
            "bad_count": (~_is_count(opened), "opened"),
            "bad_closed_count": (~_is_count(closed) & ~np.isnan(closed), "closed"),
        }
        rejects, good = _reject(faults, columns, position)
        labels = {name: _labels(columns.get(name), len(dates.utc))[good] for name in LABEL_FIELDS}
        made = zip(
            dates.day[good].astype(object),
            *(labels[name] for name in ("category", "subcategory", "area", "agency", "channel")),
            opened[good].astype(int).tolist(),
            np.nan_to_num(closed[good]).astype(int).tolist(),
            strict=True,
        )
        return Batch(counts=list(starmap(DailyCount, made)), rejects=rejects)

    def _times(self, column: pa.Array) -> Times:
        return parse_times(column, self.zone, self.clock, time_format=self.time_format)

    def _optional(self, columns: Columns, name: str) -> Times | None:
        return self._times(columns[name]) if name in columns else None


def columns_of(rows: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> dict[str, pa.Array]:
    """Columns of parsed JSON or XML rows: `fields` maps our names to the rows' keys; everything becomes text."""
    return {name: pa.array([_plain(row.get(key)) for row in rows], pa.string()) for name, key in fields.items()}


def as_text(column: pa.Array) -> pa.Array:
    """`column` as trimmed texts, '' where nothing stands; whole numbers without a decimal point."""
    if pa.types.is_floating(column.type) and bool(pc.all(pc.equal(column, pc.floor(column))).as_py()):
        column = column.cast(pa.int64())
    return pc.fill_null(pc.utf8_trim_whitespace(column.cast(pa.string())), "")


def add_up(counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of several sets of counters."""
    total: Counter[str] = Counter()
    for each in counters:
        total.update(each)
    return dict(total)


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        return None  # a structure where a text belongs is no text
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reject(
    faults: Mapping[str, tuple[Mask, str]], columns: Columns, position: Callable[[int], str]
) -> tuple[list[Reject], Mask]:
    """A reject for each faulty row, by its first fault; and which rows are good."""
    good = np.ones(len(next(iter(columns.values()))), dtype=np.bool_)
    rejects = []
    for reason, (mask, name) in faults.items():
        for index in np.flatnonzero(mask & good):
            held = columns[name][int(index)].as_py()
            detail = f"{name} is empty" if held in (None, "") else f"{name} holds {quote(held)!r}"
            rejects.append(Reject(reason, detail[:200], position(int(index))))
        good &= ~mask
    return rejects, good


def _labels(column: pa.Array | None, rows: int) -> Objects:
    """Tidy labels; few distinct ones are expected, so each is made once."""
    if column is None:
        return np.full(rows, "", dtype=object)
    coded = as_text(column).dictionary_encode()
    distinct = np.array([label(text) for text in coded.dictionary.to_pylist()], dtype=object)
    found: Objects = distinct[coded.indices.to_numpy(zero_copy_only=False)] if rows else np.array([], dtype=object)
    return found


def _statuses(column: pa.Array | None, rows: int) -> tuple[Objects, Mask]:
    """Statuses, and which rows hold a word that the table does not know."""
    words = _labels(column, rows)
    distinct, where = np.unique(words.astype(str), return_inverse=True)
    known = np.array([_STATUSES.get(word.casefold(), Status.UNKNOWN) for word in distinct], dtype=object)
    statuses = known[where] if rows else words
    return statuses, np.array([status is Status.UNKNOWN for status in statuses], dtype=np.bool_) & (words != "")


def _places(columns: Columns, rows: int) -> tuple[Objects, Objects, dict[str, int]]:
    """Latitudes and longitudes, None where the source has none that can be on Earth or it says 0, 0."""
    lat, lon = (_numbers(columns.get(name), rows) for name in ("latitude", "longitude"))
    null_island = (np.abs(lat) < 1e-3) & (np.abs(lon) < 1e-3)
    elsewhere = (np.abs(lat) > 90) | (np.abs(lon) > 180)
    unknown = null_island | elsewhere | np.isnan(lat) | np.isnan(lon)
    counters = {"null_island": int(null_island.sum()), "bad_coordinates": int(elsewhere.sum())}
    return _or_none(lat.astype(object), unknown), _or_none(lon.astype(object), unknown), counters


def _numbers(column: pa.Array | None, rows: int) -> npt.NDArray[np.float64]:
    if column is None:
        return np.full(rows, np.nan)
    numbers: npt.NDArray[np.float64]
    try:
        written = pc.if_else(pc.equal(column, ""), None, column) if pa.types.is_string(column.type) else column
        numbers = written.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # some are not numbers
        numbers = pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(np.float64)
    return numbers


def _is_count(numbers: npt.NDArray[np.float64]) -> Mask:
    whole: Mask = (numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 1e9)
    return whole


def _datetimes(utc: Instants) -> Objects:
    moments = pd.DatetimeIndex(utc).tz_localize("UTC").to_pydatetime()
    return _or_none(np.asarray(moments, dtype=object), np.isnat(utc))


def _moments(times: Times | None, good: Mask) -> Iterable[datetime | None]:
    return repeat(None) if times is None else _datetimes(times.utc[good])


def _closing(times: Times | None, good: Mask) -> tuple[Iterable[datetime | None], Iterable[date | None]]:
    if times is None:
        return repeat(None), repeat(None)
    days = times.day[good]
    return _datetimes(times.utc[good]), _or_none(days.astype(object), np.isnat(days))


def _descriptions(column: pa.Array | None, good: Mask) -> Iterable[str]:
    if column is None:
        return repeat("")
    return [description(text) for text in as_text(column).filter(pa.array(good)).to_pylist()]


def _or_none(values: Objects, unknown: Mask) -> Objects:
    values[unknown] = None
    return values
