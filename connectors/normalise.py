"""From a source's columns to `Requests` or `DailyCount`, each unusable row with its reason.

All kinds of source come through here, so a time, a status or a coordinate means the same everywhere. Work is
done on whole columns: a million rows cost seconds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import starmap
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contents import contents_of, field_of
from connectors.scrub import descriptions, label, quote
from connectors.texts import as_text, plain
from connectors.times import Mask, Times, never, parse_times
from forewarn.panel import LABELS, Floats
from forewarn.request import LONGEST_ID, NO_REQUESTS, DailyCount, Precision, Reject, Requests, Status, Texts

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
Rows = Literal["requests", "counts"]
Columns = Mapping[str, pa.Array]  # field → one column of the source

STATUS_WORDS = {
    Status.OPEN: "open, new, submitted, pending, unspecified, reopen, reopened, received, for_triage, "
    "offen, neu, eingegangen, gemeldet, abierto, abierta, nuevo, nueva, pendiente, ouvert, ouverte, nouveau, "
    "en attente",
    Status.IN_PROGRESS: "assigned, started, in progress, in_progress, acknowledged, investigating, planned, "
    "action scheduled, action_scheduled, hold, on hold, on-hold, work in progress, "
    "in bearbeitung, in arbeit, zugewiesen, en proceso, en curso, asignado, asignada, en cours, en traitement",
    Status.CLOSED: "closed, fixed, fixed - council, fixed - user, resolved, "
    "completed, archived, no further action, no_further_action, solved, "
    "closed complete, closed incomplete, closed skipped, not_councils_responsibility, internal_referral, "
    "geschlossen, abgeschlossen, erledigt, behoben, gelöst, cerrado, cerrada, resuelto, resuelta, finalizado, "
    "finalizada, fermé, fermée, clos, clôturé, terminé, résolu, traité",
    Status.DUPLICATE: "duplicate, closed (duplicate), completed - dup, open - dup, "
    "duplikat, dublette, duplicado, doublon",
    Status.CANCELLED: "cancelled, canceled, storniert, abgebrochen, cancelado, cancelada, anulado, anulada, annulé",
}
_STATUSES = {word: status for status, words in STATUS_WORDS.items() for word in words.split(", ")}
STATUS_COUNTER = "status."
"""How the counters of words for a status begin; they are for a look at a source, and not stored."""
MOST_STATUSES = 40
"""More words are no list of statuses but texts, and are not kept."""
_PRECISIONS = np.array([Precision.SECOND.value, Precision.DAY.value], dtype=object)
_A_DAY = np.timedelta64(1, "D")


def check_fields(fields: Mapping[RequestField | CountField, str], rows: Rows, needed: Sequence[str]) -> None:
    """See that the settings name the columns that rows of this kind need, and no others.

    Args:
        fields: Our field → column.

    Raises:
        ValueError: One is missing, empty, or not of this kind of rows.
    """
    known = get_args(RequestField if rows == "requests" else CountField)
    for ours, theirs in fields.items():
        if ours not in known:
            raise ValueError(f"fields.{ours} is not for rows = {rows!r}, of which each needs fields.{needed[0]}")
        if not theirs:
            raise ValueError(f"fields.{ours} names no column; leave it out if there is none")
    if missing := [name for name in needed if name not in fields]:
        raise ValueError(f"rows = {rows!r} needs fields.{missing[0]}: the column that holds it")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one page, told apart: usable ones, and the others with their reason."""

    requests: Requests = NO_REQUESTS
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
            "long_id": (pc.greater(pc.utf8_length(ids), LONGEST_ID).to_numpy(zero_copy_only=False), "source_record_id"),
            "no_date": (~requested.written, "requested_at"),
            "sentinel_date": (requested.sentinel, "requested_at"),
            "bad_date": (np.isnat(requested.utc), "requested_at"),
            "future_date": (requested.utc > latest, "requested_at"),
        }
        rejects, good = _reject(faults, columns, position)
        rows = len(good)
        nothing = np.full(rows, "", dtype=object)
        closed, updated, due = (
            self._times(columns[name]) if name in columns else never(rows)
            for name in ("closed_at", "updated_at", "due_at")
        )
        status, unmapped, words = _statuses(columns.get("status"), rows)
        lat, lon, place_counters = _places(columns, rows)
        requests = Requests(
            source=self.source,
            source_record_id=ids.to_numpy(zero_copy_only=False),
            requested_at=requested.utc,
            day=requested.day,
            **{name: _labels(columns[name]) if name in columns else nothing for name in LABELS},
            status=status,
            closed_at=closed.utc,
            closed_day=closed.day,
            updated_at=updated.utc,
            due_at=due.utc,
            precision=_PRECISIONS[requested.day_only.astype(int)],
            lat=lat,
            lon=lon,
            description=descriptions(as_text(columns["description"])) if "description" in columns else nothing,
        )
        counters = {
            "ambiguous_time": requested.ambiguous,
            "skipped_time": requested.skipped,
            "unmapped_status": int(unmapped[good].sum()),
            "closed_before_requested": int((closed.utc < requested.utc)[good].sum()),
            "updated_before_requested": int((updated.utc < requested.utc)[good].sum()),
            **words,
            **place_counters,
            **_contents(columns, rejects),
        }
        found = {name: count for name, count in counters.items() if count}
        return Batch(requests if good.all() else requests.where(good), rejects=rejects, counters=found)

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
        nothing = np.full(len(good), "", dtype=object)
        labels = {name: (_labels(columns[name]) if name in columns else nothing)[good] for name in LABELS}
        made = zip(
            dates.day[good].astype(object),
            *(labels[name] for name in ("category", "subcategory", "area", "agency", "channel")),
            opened[good].astype(int).tolist(),
            np.nan_to_num(closed[good]).astype(int).tolist(),
            strict=True,
        )
        return Batch(counts=list(starmap(DailyCount, made)), rejects=rejects, counters=_contents(columns, rejects))

    def _times(self, column: pa.Array) -> Times:
        return parse_times(column, self.zone, self.clock, time_format=self.time_format)


def columns_of(rows: Sequence[Mapping[str, Any]], fields: Mapping[Any, Sequence[str]]) -> dict[str, pa.Array]:
    """Columns of parsed JSON or XML rows.

    Args:
        fields: Our name → keys of a row, of which the first counts that holds something; a dot leads into a structure.
    """
    columns = {}
    for name, keys in fields.items():
        values = _held(rows, keys[0])
        for key in keys[1:]:
            if None in values or "" in values:
                values = [
                    other if value in (None, "") else value
                    for value, other in zip(values, _held(rows, key), strict=True)
                ]
        columns[name] = _column(values)
    return columns


def _held(rows: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    head, _, rest = key.partition(".")
    values = [row.get(head) for row in rows]
    return _held([value if isinstance(value, dict) else {} for value in values], rest) if rest else values


def _column(values: Sequence[Any]) -> pa.Array:
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):  # of several types, or no text
        column = None
    if column is None or pa.types.is_nested(column.type) or pa.types.is_null(column.type):
        column = pa.array([plain(value) for value in values], pa.string())
    return column


def add_up(counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of several sets of counters."""
    total: Counter[str] = Counter()
    for each in counters:
        total.update(each)
    return dict(total)


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
            rejects.append(Reject(reason, detail[:200], label(position(int(index)))))  # it may be told by its id
        good &= ~mask
    return rejects, good


def _contents(columns: Columns, rejects: Sequence[Reject]) -> dict[str, int]:
    return contents_of(columns, Counter(map(field_of, rejects)))


def _labels(column: pa.Array) -> Texts:
    """Tidy labels; few distinct ones are expected, so each is made once."""
    coded = as_text(column).dictionary_encode()
    distinct = np.array([label(text) for text in coded.dictionary.to_pylist()], dtype=object)
    labels: Texts = distinct[coded.indices.to_numpy(zero_copy_only=False)]
    return labels


def status_of(word: str) -> Status:
    """What a word for a status is taken for, whatever its case."""
    return _STATUSES.get(label(word).casefold(), Status.UNKNOWN)


def _statuses(column: pa.Array | None, rows: int) -> tuple[Texts, Mask, dict[str, int]]:
    """Statuses, which rows hold a word that the table does not know, and how often each word comes."""
    if column is None:
        return np.full(rows, Status.UNKNOWN.value, dtype=object), np.zeros(rows, dtype=np.bool_), {}
    coded = as_text(column).dictionary_encode()
    words = [label(text).casefold() for text in coded.dictionary.to_pylist()]
    known = np.array([status_of(word).value for word in words], dtype=object)
    unmapped = np.array([word != "" and word not in _STATUSES for word in words], dtype=np.bool_)
    where = coded.indices.to_numpy(zero_copy_only=False)
    counts = Counter[str]()
    if len(words) <= MOST_STATUSES:
        times = np.bincount(where, minlength=len(words)).tolist()
        for word, count in zip(words, times, strict=True):
            counts[f"{STATUS_COUNTER}{quote(word)}" if word else ""] += count
        del counts[""]
    return known[where], unmapped[where], dict(counts)


def _places(columns: Columns, rows: int) -> tuple[Floats, Floats, dict[str, int]]:
    """Latitudes and longitudes, NaN where the source has none that can be on Earth or it says 0, 0."""
    lat, lon = (_numbers(columns.get(name), rows) for name in ("latitude", "longitude"))
    null_island = (np.abs(lat) < 1e-3) & (np.abs(lon) < 1e-3)
    elsewhere = (np.abs(lat) > 90) | (np.abs(lon) > 180)
    unknown = null_island | elsewhere | np.isnan(lat) | np.isnan(lon)
    counters = {"null_island": int(null_island.sum()), "bad_coordinates": int(elsewhere.sum())}
    if "latitude" in columns:
        counters["no_place"] = int(unknown.sum())
    return np.where(unknown, np.nan, lat), np.where(unknown, np.nan, lon), counters


def _numbers(column: pa.Array | None, rows: int) -> Floats:
    if column is None:
        return np.full(rows, np.nan)
    numbers: Floats
    try:
        written = pc.if_else(pc.equal(column, ""), None, column) if pa.types.is_string(column.type) else column
        numbers = written.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # some are not numbers
        numbers = pd.to_numeric(as_text(column).to_pandas(), errors="coerce").to_numpy(np.float64)
    return numbers


def _is_count(numbers: Floats) -> Mask:
    whole: Mask = (numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 1e9)
    return whole
