"""Reads files that somebody drops into a folder: CSV, TSV, JSON lines (also gzipped) and Parquet.

A file holds request rows or ready volumes of days or weeks. It is known by its content: one that was read is not read
again, and one that has grown or was mended is. A file is believed whole or not at all, so a file that was cut
while it was written is refused with the reason, and read when it is complete. A manifest beside a file says what must
be true of it; a file without one is read when it has stopped growing.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from connectors.days import Span, completed_days, day_start
from connectors.json_lines import ENDINGS, open_json_lines
from connectors.manifests import Manifest, believed, manifest_of, settled, sha256_of
from connectors.normalise import Batch, CountField, Normaliser, RequestField, Rows, check_fields
from connectors.relisted import Relisted
from connectors.row_ids import RowIds
from connectors.snapshots import Snapshot
from connectors.tables import FileFault, Table, open_table, other_delimiter, unreadable
from connectors.texts import as_text, no_column, plain
from connectors.volumes import Volumes
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable
from forewarn.request import FILE_LEFT_OUT, DailyCount, Reject
from forewarn.steps import DAYS, Steps

_TEXTS = (".csv", ".tsv", ".txt", *ENDINGS)
_KINDS = (*_TEXTS, *(f"{kind}.gz" for kind in _TEXTS), ".parquet")
_UNFINISHED = (".part", "-part", ".tmp")
_EVER = datetime(9998, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Files:
    """A drop folder, or a single file.

    Args:
        zone: Where civil days are counted.
        path: The folder or the file.
        pattern: Which files of the folder are meant.
        rows: `requests`: a row is a request; `counts`: a row is a number of requests on one day, or in one week.
        steps: What volumes are of; rows of any day of a week are its.
        fields: Our field → column of the file.
        constants: Our field → value, for what the file does not say.
        where: Column → value: other rows are left out.
        header: Names of the columns, if the file does not begin with them.
        delimiter: None: found out from the first line.
        clock: Zone in which times without one are written; '': `zone`.
        time_format: As for `strptime`; '': ISO 8601, American and German forms are recognised.
        first_day: Days before it are never said to be completely known.
        relisted_days: Rows that say the same within so many days of each other are one request, first seen then; 0: no.
    """

    source: str
    zone: str
    path: Path
    fields: dict[RequestField | CountField, str]
    pattern: str = "*"
    rows: Rows = "requests"
    steps: Steps = DAYS
    constants: dict[RequestField | CountField, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    encoding: str = "utf-8"
    clock: str = ""
    time_format: str = ""
    first_day: date | None = None
    relisted_days: int = 0
    sleep: ClassVar[Callable[[float], None]] = staticmethod(time.sleep)  # one place for tests to hook in
    _listed: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self.fields, self.rows, {"requests": ["requested_at"], "counts": ["date", "opened"]}[self.rows])
        if self.relisted_days < 0:
            raise ValueError("relisted_days must not be negative")
        if self.clock and self.clock not in available_timezones():
            raise ValueError(f"clock = {self.clock!r} is not an IANA time zone such as 'Europe/Berlin'")
        if not _is_encoding(self.encoding):
            raise ValueError(f"encoding = {self.encoding!r} is not known; usual ones are 'utf-8', 'cp1252', 'utf-16'")
        if self.time_format and not _is_time_format(self.time_format):
            raise ValueError(f"time_format = {self.time_format!r} cannot be used; see strptime, such as '%d.%m.%Y'")
        if not _is_pattern(self.pattern):
            raise ValueError(f"pattern = {self.pattern!r} cannot be used; it is meant within `path`, such as '*.csv'")

    def probe(self) -> Capabilities:
        """What lies there, and the columns of the newest file."""
        files = self._files()
        if not files:
            return Capabilities(reachable=True, remarks=(f"no file in {self.path} matches {self.pattern!r}",))
        newest = max(files, key=lambda file: file.stat().st_mtime)
        try:
            names = self._open(newest).names
        except FileFault as fault:
            return Capabilities(reachable=True, remarks=(f"{newest.name} cannot be used: {fault}",))
        except OSError as error:
            raise SourceUnavailable(self.source, f"{newest.name} cannot be read: {error.strerror}") from None
        remarks = [f"{len(files)} file{'' if len(files) == 1 else 's'}; looked at {newest.name}"]
        if misfit := self._misfit(names):
            remarks.append(f"{newest.name} {misfit}")
        mapping = {str(ours): (theirs,) for ours, theirs in self.fields.items()}
        return Capabilities(True, fields=dict.fromkeys(names, "column"), mapping=mapping, remarks=remarks)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """The files whose content has not been read yet, by name; those that still grow are left for the next run."""
        known: Mapping[str, str] = state.get("files", {})
        self._listed.clear()
        self._listed.update(state.get("listed", {}))
        digests = {file: self._digest(file) for file in self._files()}
        news = {file: digest for file, digest in digests.items() if known.get(self._name(file)) != digest}
        windows = []
        for file in settled(news, type(self).sleep):
            known = {**known, self._name(file): news[file]}
            windows.append(Window(until=now, name=self._name(file), state={"files": known}))
        return windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows of one file.

        Raises:
            SourceUnavailable: The file cannot be read.
            SourceChanged: It lacks a column that the settings name.
        """
        until = window.until or _EVER
        first, last = date.max, date.min
        file = self.path if self.path.is_file() else self.path / window.name
        try:
            manifest = believed(file, lambda: _count(self._open(file)))
            table = self._open(file)
            if misfit := self._misfit(table.names):
                raise SourceChanged(self.source, f"{window.name} {misfit}")
            snapshot = self._snapshot(window.name, manifest)
            read = self._requests if self.rows == "requests" else self._counts
            for batch in read(table, until, snapshot):
                days = {*np.unique(batch.requests.day).tolist(), *(row.day for row in batch.counts)}
                first, last = min({first, *map(self._counted.begin_of, days)}), max({last, *days})
                yield Page(batch.requests, batch.counts, batch.rejects, batch.counters)
        except FileFault as fault:
            problem = Reject(fault.reason, f"{FILE_LEFT_OUT}{fault}"[:200], window.name)
            left_out = f"{window.name} ({fault})"
            yield Page(rejects=[problem], end=WindowEnd(self._state(window), left_out=left_out))
        except OSError as error:
            raise SourceUnavailable(self.source, f"{window.name} cannot be read: {error.strerror}") from None
        else:
            if manifest is not None and manifest.covers is not None:
                first, last = manifest.covers
            everything = None if snapshot is None else snapshot.everything(table.skipped)
            covered = self._covered(first, last, until)
            end = WindowEnd(self._state(window), *covered, shape=table.types, everything=everything)
            seen = {} if table.types else dict.fromkeys(table.names, "column")
            yield Page(rejects=table.skipped, end=end, shape=seen)

    def reconcile(self, span: Window) -> Reconciliation:
        """What all files together hold of the span."""
        since, until = span.since or datetime.min.replace(tzinfo=UTC), span.until or _EVER
        self._listed.clear()
        ids: set[str] = set()
        volumes: dict[DailyCount, int] = {}
        for file in self._files():
            for page in self.fetch(Window(name=self._name(file))):
                ids |= {row.source_record_id for row in page.requests if since <= row.requested_at < until}
                volumes |= {
                    row._replace(opened=0, closed=0): row.opened
                    for row in page.counts
                    if since <= day_start(row.day, self._tz) < until  # a week is where its last day is
                }
        if self.rows == "requests":
            return Reconciliation(total=len(ids), record_ids=frozenset(ids), is_all=False)
        return Reconciliation(total=sum(volumes.values()), is_all=False)

    @property
    def _tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def _counted(self) -> Steps:
        """What is known as a whole: weeks of weekly volumes, otherwise days."""
        return self.steps if self.rows == "counts" else DAYS

    @property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self.source, self._tz, ZoneInfo(self.clock or self.zone), self.time_format)

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            raise SourceUnavailable(self.source, f"there is no file or folder {str(self.path)!r}; see `path`")
        return sorted(
            file
            for file in self.path.glob(self.pattern)
            if file.is_file()
            and not file.name.startswith(".")
            and not file.name.endswith(_UNFINISHED)
            and file.name.endswith(_KINDS)
        )

    def _name(self, file: Path) -> str:
        name = file.name if file == self.path else file.relative_to(self.path).as_posix()
        if name != plain(name):
            raise SourceChanged(self.source, f"the name of the file {plain(name)!r} is no UTF-8; rename it")
        return name

    def _open(self, file: Path) -> Table:
        if file.name.removesuffix(".gz").endswith(ENDINGS):
            return open_json_lines(file, self.encoding)
        return open_table(file, header=self.header, delimiter=self.delimiter, encoding=self.encoding)

    def _digest(self, file: Path) -> str:
        """Of its content, and of its manifest's."""
        beside = manifest_of(file)
        try:
            return sha256_of(file) if beside is None else f"{sha256_of(file)}+{sha256_of(beside)}"
        except OSError as error:
            raise SourceUnavailable(self.source, f"{file.name} cannot be read: {error.strerror}") from None

    def _misfit(self, names: Sequence[str]) -> str:
        """Which column the settings name and a file does not have just once, in words; '': none."""
        for name in sorted({*self.fields.values(), *self.where}):
            if name not in names and (sign := other_delimiter(names)):
                return f"seems to be split by {sign!r}, not by {self.delimiter!r}; set `delimiter`, or leave it out"
            if name not in names:
                return no_column(name, names)
            if names.count(name) > 1:
                return f"has {names.count(name)} columns {name!r}; rename all but the one that is meant"
        return ""

    def _snapshot(self, name: str, manifest: Manifest | None) -> Snapshot | None:
        """Empty, if the file is one. What was listed before is left out of a file, which then lacks it."""
        if manifest is None or manifest.mode != "snapshot" or self.relisted_days:
            return None
        return Snapshot(name)

    def _columns(self, table: Table) -> Iterator[tuple[dict[str, pa.Array], Callable[[int], str]]]:
        """Our columns, batch by batch, and where each row stands in the file."""
        rows_before = 0
        try:
            for batch in table.batches:
                keep = np.ones(batch.num_rows, dtype=np.bool_)
                for column, value in self.where.items():
                    keep &= pc.equal(as_text(batch.column(column)), value).to_numpy(zero_copy_only=False)
                chosen = batch if keep.all() else batch.filter(pa.array(keep))
                columns = {ours: chosen.column(theirs) for ours, theirs in self.fields.items()}
                for ours, value in self.constants.items():
                    columns[ours] = pa.array([value] * chosen.num_rows, pa.string())
                numbers = np.flatnonzero(keep) + rows_before + 1
                rows_before += batch.num_rows
                yield columns, lambda index, numbers=numbers: f"row {numbers[index]}"  # type: ignore[misc]
        except pa.ArrowInvalid as error:
            raise unreadable(error) from None

    def _requests(self, table: Table, now: datetime, snapshot: Snapshot | None) -> Iterator[Batch]:
        normaliser, row_ids = self._normaliser, RowIds()
        for columns, position in self._columns(table):
            if "source_record_id" not in columns:
                columns["source_record_id"] = row_ids.of(columns)
            batch = normaliser.requests(columns, now=now, position=position)
            if self.relisted_days:
                first_seen = Relisted(self.relisted_days, self._listed).first_of_each(batch.requests)
                again = len(batch.requests) - len(first_seen)
                batch = replace(batch, requests=first_seen, counters={**batch.counters, "relisted": again})
            batch = _with_skipped(batch, table)
            if snapshot is not None:
                snapshot.add_rows(columns["source_record_id"], batch.rejects)
            yield batch

    def _state(self, window: Window) -> Mapping[str, Any]:
        """The state once the window is drained, with the items that may still be listed."""
        if not self.relisted_days:
            return window.state
        return {**window.state, "listed": Relisted(self.relisted_days, self._listed).still_listed()}

    def _counts(self, table: Table, now: datetime, snapshot: Snapshot | None) -> Iterator[Batch]:
        """Volumes of the whole file at once; rows with the same day and labels are added up."""
        volumes, normaliser = Volumes(self.steps), self._normaliser
        for columns, position in self._columns(table):
            batch = normaliser.counts(columns, now=now, position=position)
            volumes.add(batch.counts)
            batch = _with_skipped(replace(batch, counts=()), table)
            if snapshot is not None:
                snapshot.add_counts(batch.rejects)
            yield batch
        if problem := volumes.too_coarse():
            raise FileFault("too_coarse", problem)
        total = volumes.total()
        if snapshot is not None:
            snapshot.counts = total
        yield Batch(counts=total)

    def _covered(self, first: date, last: date, now: datetime) -> tuple[Span | None, date | None]:
        """The days that a file with rows from `first` to `last` knows completely, and the day not over yet."""
        if first <= last:
            first = self._counted.first_whole(max(first, self.first_day or date.min))
        if first > last:
            return None, None
        return completed_days(first, min(now, day_start(last + timedelta(days=1), self._tz)), self._tz, self._counted)


def _is_encoding(name: str) -> bool:
    try:
        return "id,Straße\n".encode(name, errors="replace").decode(name).startswith("id,")
    except (LookupError, UnicodeError):
        return False


def _is_time_format(layout: str) -> bool:
    try:
        pd.to_datetime(datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC).strftime(layout), format=layout)
    except ValueError:
        return False
    return True


def _is_pattern(pattern: str) -> bool:
    try:
        next(Path(os.devnull).glob(pattern), None)  # nothing is looked through
    except (ValueError, NotImplementedError):
        return False
    return True


def _with_skipped(batch: Batch, table: Table) -> Batch:
    """`batch`, and the rows of a wrong length that were passed on the way."""
    passed = table.skipped[:]
    table.skipped.clear()
    return replace(batch, rejects=[*batch.rejects, *passed])


def _count(table: Table) -> int:
    """Rows of a table, usable or not; what could not be told apart as a row is one."""
    try:
        rows: int = sum(batch.num_rows for batch in table.batches)
    except pa.ArrowInvalid as error:
        raise unreadable(error) from None
    return rows + len(table.skipped)
