"""Reads any database that SQLAlchemy can open, by queries of one's own, in transactions that only read.

Rows are walked in the order (updated, id): each page begins behind the last row of the one before. Until when can be
read is told by the database's own clock, as it stamps the rows. What is committed late has an earlier stamp, so the
time before the last window is read again; it must be longer than the longest transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from pydantic import Field, SecretStr
from sqlalchemy import text

from connectors.database import Database, Row, fault_of
from connectors.days import civil_day, completed_days, day_start
from connectors.normalise import CountField, Normaliser, RequestField, Rows, check_fields, columns_of
from connectors.shapes import shape_of_page
from connectors.texts import no_column
from connectors.updates import DEFAULT_DAYS, end_of_updates, plan_updates
from connectors.volumes import Volumes
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged
from forewarn.steps import DAYS, Steps

DAYS_A_WINDOW = 28
REVISIT_DAYS = 14  # of ready counts, read again by every run
_SECOND = timedelta(seconds=1)  # some databases round
_BINDS = {"requests": {"since", "until", "after_id", "limit"}, "counts": {"since", "until"}}
_NEEDED = {"requests": ("source_record_id", "requested_at", "updated_at"), "counts": ("date", "opened")}


@dataclass(frozen=True, kw_only=True)
class Sql:
    """One database.

    Args:
        zone: Where civil days are counted.
        database_url: Its address for SQLAlchemy, such as `postgresql://user:password@host/database`.
        query: Gives rows; see docs/sources.md for what it must say.
        created_query: As `query`, for rows without a time of update, in the order (created, id).
        ids_query: Gives the ids of all requests made from :since on and before :until, to compare.
        rows: `requests`: a row is a request; `counts`: a row is a number of requests on one day, or in one week.
        steps: What volumes are of; rows of any day of a week are its.
        fields: Our field → column of the result.
        clock: Zone in which the database's times are written, if they name none.
        time_format: As for `strptime`, for times that are kept as text; '': ISO 8601 with a space.
        first_day: Where reading begins.
        page_size: The most rows of one answer, :limit.
        overlap_minutes: Read again by every run; must be longer than the longest transaction.
        timeout_seconds: A query that takes longer is ended.
    """

    source: str
    zone: str
    database_url: SecretStr
    query: str
    created_query: str = ""
    ids_query: str = ""
    rows: Rows = "requests"
    steps: Steps = DAYS
    fields: dict[RequestField | CountField, str]
    clock: str = ""
    time_format: str = ""
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=2, le=100_000)] = 5000
    overlap_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 60
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60

    def __post_init__(self) -> None:
        check_fields(self.fields, self.rows, _NEEDED[self.rows])
        if self.clock and self.clock not in available_timezones():
            raise ValueError(f"clock = {self.clock!r} is not an IANA time zone such as 'Europe/Berlin'")
        if problem := fault_of(self.database_url.get_secret_value()):
            raise ValueError(f"database_url {problem}")
        _check_binds("query", self.query, _BINDS[self.rows])
        if self.created_query:
            _check_binds("created_query", self.created_query, _BINDS["requests"])
        if self.ids_query:
            _check_binds("ids_query", self.ids_query, _BINDS["counts"])

    def probe(self) -> Capabilities:
        """That the query runs, and the columns of its result."""
        with self._open() as database:
            now = self._now(database)
            today = civil_day(now, self.tz)
            counts = self.rows == "counts"
            names, _ = database.ask(
                self.query, _days(today, today, database) if counts else self._first(now, now, database)
            )
            remarks = (
                [] if database.has_a_limit else ["queries have no time limit here; give one to the database's user"]
            )
        return Capabilities(True, fields=dict.fromkeys(names, "column"), remarks=remarks, mapping=self._keys)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """What was updated since the last window, up to now by the earlier of two clocks, ours and the database's."""
        with self._open() as database:
            horizon = min(now, self._now(database)).replace(microsecond=0)
        if self.rows == "counts":
            return self._plan_counts(state, horizon)
        overlap = timedelta(minutes=self.overlap_minutes)
        return plan_updates(
            state, horizon, self.tz, first_day=self.first_day, overlap=overlap, days_a_window=DAYS_A_WINDOW
        )

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows of a window.

        Raises:
            SourceUnavailable: The database cannot be reached, or takes too long.
            SourceChanged: A query fails, or gives something else than it was asked for.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        if self.rows == "counts":
            yield from self._fetch_counts(window, window.since, window.until)
            return
        touched: set[date] = set()
        queries = [(self.query, self.fields["updated_at"])]
        if self.created_query:
            queries.append((self.created_query, self.fields["requested_at"]))
        with self._open() as database:
            for query, stamp in queries:
                for rows in self._walk(database, query, stamp, window.since, window.until):
                    batch = self._normaliser.requests(
                        columns_of(rows, self._keys), now=window.until, position=self._position(rows)
                    )
                    touched |= set(np.unique(batch.requests.day).tolist())
                    counters = {**batch.counters, "fetched": len(rows), "requests_sent": 1}
                    yield Page(batch.requests, rejects=batch.rejects, counters=counters, shape=shape_of_page(rows))
        yield Page(end=end_of_updates(window, touched, self.tz))

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids of the span, if there is a query for them."""
        if not self.ids_query or span.since is None or span.until is None:
            return Reconciliation()
        with self._open() as database:
            binds = {"since": self._written(span.since, database), "until": self._written(span.until, database)}
            names, rows = database.ask(self.ids_query, binds)
        column = self.fields["source_record_id"]
        if column not in names:
            raise SourceChanged(self.source, f"the result of ids_query {no_column(column, names)}")
        ids = frozenset(str(row[column]) for row in rows)
        return Reconciliation(total=len(ids), record_ids=ids)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self.source, self.tz, ZoneInfo(self.clock or self.zone), self.time_format)

    @property
    def _keys(self) -> dict[str, tuple[str]]:
        return {str(ours): (theirs,) for ours, theirs in self.fields.items()}

    def _open(self) -> Database:
        return Database(self.source, self.database_url.get_secret_value(), self.timeout_seconds)

    def _now(self, database: Database) -> datetime:
        return database.now(ZoneInfo(self.clock or "UTC"))

    def _position(self, rows: Sequence[Row]) -> Callable[[int], str]:
        column = self.fields["source_record_id"]
        return lambda index: f"row {rows[index][column]}"

    def _walk(
        self, database: Database, query: str, stamp: str, since: datetime, until: datetime
    ) -> Iterator[Sequence[Row]]:
        """Pages of the query's rows; the last row of a page is where the next begins, until there is none.

        A page that is not full may not be the last, as where rows are left out after the limit.
        """
        row_id = self.fields["source_record_id"]
        binds = self._first(since, until, database)
        while True:
            names, rows = database.ask(query, binds)
            self._check_columns(names)
            self._check_rows(rows, stamp, binds["since"], binds["until"])
            yield rows
            if not rows:
                return
            key = {"since": rows[-1][stamp], "after_id": rows[-1][row_id]}
            if key.items() <= binds.items():
                problem = "the query does not go on behind :since and :after_id"
                raise SourceChanged(self.source, f"{problem}: it must say updated = :since AND id > :after_id")
            binds |= key

    def _check_columns(self, names: Sequence[str]) -> None:
        for column in self.fields.values():
            if column not in names:
                raise SourceChanged(self.source, f"the result {no_column(column, names)}")

    def _check_rows(self, rows: Sequence[Row], stamp: str, first: Any, last: Any) -> None:
        """That rows are in order, and within the times that were asked for."""
        stamps = [row[stamp] for row in rows]
        if None in stamps:
            problem = f"rows without {stamp}: say `{stamp} IS NOT NULL` in the query, and read them by created_query"
            raise SourceChanged(self.source, problem)
        if stamps and not self.time_format and (has_zone := _has_zone(stamps[0])) is not None:
            if not has_zone and not self.clock:
                raise SourceChanged(self.source, f"the times of {stamp} name no zone; set clock to the one they are of")
            if has_zone and self.clock:
                raise SourceChanged(
                    self.source, f"the times of {stamp} name their zone; take clock out of the settings"
                )
        try:
            in_order = all(earlier <= later for earlier, later in pairwise(stamps))
            within = all(first <= one < last for one in stamps)
        except TypeError:
            kinds = ", ".join(sorted({type(one).__name__ for one in stamps}))
            problem = f"{stamp} holds {kinds}, which cannot be compared with times; set time_format, or CAST it"
            raise SourceChanged(self.source, problem) from None
        if not in_order:
            raise SourceChanged(self.source, f"the query is not ordered by {stamp}, and then the id")
        if not within:
            raise SourceChanged(
                self.source, f"the query gives rows of which {stamp} is not from :since on and before :until"
            )

    def _first(self, since: datetime, until: datetime, database: Database) -> dict[str, Any]:
        """What is bound for the first page; a second more than wanted, as rows of that very instant belong to it."""
        return {
            "since": self._written(since - _SECOND, database),
            "until": self._written(until, database),
            "after_id": None,
            "limit": self.page_size,
        }

    def _written(self, moment: datetime, database: Database) -> datetime | str:
        """A time as the database's columns hold it."""
        local = moment.astimezone(ZoneInfo(self.clock or "UTC"))
        if self.time_format:
            return local.strftime(self.time_format)
        if database.is_sqlite:
            return local.strftime("%Y-%m-%d %H:%M:%S")
        return local.replace(tzinfo=None) if self.clock else local

    def _plan_counts(self, state: Mapping[str, Any], horizon: datetime) -> Sequence[Window]:
        today = civil_day(horizon, self.tz)
        first = self.first_day or today - timedelta(days=DEFAULT_DAYS)
        if "watermark" in state:
            first = max(first, date.fromisoformat(state["watermark"]) - timedelta(days=REVISIT_DAYS))
        first = self.steps.begin_of(first)
        windows = []
        while first <= today:
            after = min(first + timedelta(days=DAYS_A_WINDOW), today + timedelta(days=1))
            until = min(day_start(after, self.tz), horizon)
            windows.append(Window(day_start(first, self.tz), until, state={"watermark": min(after, today).isoformat()}))
            first = after
        return windows

    def _fetch_counts(self, window: Window, since: datetime, until: datetime) -> Iterator[Page]:
        """Volumes of whole days or weeks; one of which there is no row had none."""
        first, last = civil_day(since, self.tz), civil_day(until - timedelta(microseconds=1), self.tz)
        with self._open() as database:
            names, rows = database.ask(self.query, _days(first, last + timedelta(days=1), database))
        self._check_columns(names)
        batch = self._normaliser.counts(
            columns_of(rows, self._keys), now=until, position=lambda index: f"row {index + 1}"
        )
        if any(not first <= row.day <= last for row in batch.counts):
            raise SourceChanged(self.source, "the query gives days that are not from :since on and before :until")
        volumes = Volumes(self.steps)
        volumes.add(batch.counts)
        if problem := volumes.too_coarse():
            raise SourceChanged(self.source, problem)
        counters = {**batch.counters, "fetched": len(rows), "requests_sent": 1}
        end = WindowEnd(window.state, *completed_days(self.steps.first_whole(first), until, self.tz, self.steps))
        yield Page(counts=volumes.total(), rejects=batch.rejects, counters=counters, end=end)


def _check_binds(name: str, query: str, needed: set[str]) -> None:
    found = set(text(query).compile().params)
    if missing := sorted(needed - found):
        raise ValueError(
            f"{name} does not use :{missing[0]}; it needs {', '.join(f':{one}' for one in sorted(needed))}"
        )
    if unknown := sorted(found - needed):
        raise ValueError(
            f"{name} uses :{unknown[0]}, which is not given; there are {', '.join(f':{one}' for one in sorted(needed))}"
        )


def _days(first: date, after: date, database: Database) -> dict[str, date | str]:
    """The days of a query for counts; SQLite has no type for them."""
    if database.is_sqlite:
        return {"since": first.isoformat(), "until": after.isoformat()}
    return {"since": first, "until": after}


def _has_zone(value: Any) -> bool | None:
    """Whether a time names its zone; None: it is no time."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value.tzinfo is not None if isinstance(value, datetime) else None
