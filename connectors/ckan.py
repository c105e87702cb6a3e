"""Reads tables of CKAN's datastore (https://docs.ckan.org/en/latest/maintaining/datastore.html).

A datastore knows no time of update, numbers its rows anew whenever it is loaded, and counts them from memory. So each
run reads the last seven days again, newest first (or by a statement, where the portal takes any), and once a week
everything. A category may move from one table to another, and each year may have its own, so several tables make one
source, and a day is complete only when all of them are read.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import Field, SecretStr

from connectors.ckan_api import DATED, Api, Records, Refused, Shape, Table
from connectors.ckan_passes import Moved, by_statement, newest_first, whole
from connectors.days import civil_day, completed_days, day_start
from connectors.http import Client, HttpSource
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.texts import no_column
from connectors.times import Instants, parse_times
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable

OVERLAP = timedelta(days=7)  # read again by every run
WHOLE_DAYS = 7  # all is read again after so many days
DEFAULT_DAYS = 90  # read at first, if the settings name no first day
LIVE_DAYS = 3  # a table whose newest row is so much older than another's no longer takes part
SHRUNK = 0.9  # a table that has less than this share of its rows is taken as being loaded, for one day
RESTARTS = 3
SINGLY = 50  # ids in one question, so that its address stays short enough
_NEEDED = ("source_record_id", "requested_at")
_ORDERS = ("requested_at", "updated_at")
_PROBED = 'SELECT "_id" FROM "{}" LIMIT 1'

Names = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one table is read.

    Args:
        columns: Our field → its column.
        orders: Columns by which it is read, newest first; '': all of it, in the order of its rows' numbers.
        since: How far back.
    """

    table: Table
    shape: Shape
    columns: Mapping[str, str]
    orders: Sequence[str]
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Ckan(HttpSource):
    """Tables of one portal; `url` is the portal's address.

    Args:
        fields: Our field → column, or several of which each table has one.
        resources: Ids of the tables.
        package: Instead, or besides: the data set whose tables are looked up on each run, as each year has a new one.
        resource_pattern: A regular expression; only tables of the package in whose name it is found.
        token: For portals that are not public.
        time_format: As for `strptime`, where times are texts in an unusual form.
        first_day: Where reading begins.
        page_size: Rows in one answer.
        lag_minutes: The newest minutes are left for the next run.
    """

    fields: dict[RequestField, Names]
    resources: tuple[str, ...] = ()
    package: str = ""
    resource_pattern: str = ""
    token: SecretStr = SecretStr("")
    time_format: str = ""
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=1, le=32_000)] = 10_000
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if missing := [name for name in _NEEDED if name not in self.fields]:
            raise ValueError(f"fields.{missing[0]} is missing: the column that holds it")
        if not self.resources and not self.package:
            raise ValueError("resources or package must be given: which tables to read")
        try:
            re.compile(self.resource_pattern)
        except re.error as error:
            raise ValueError(f"resource_pattern is not a regular expression: {error}") from None

    def probe(self) -> Capabilities:
        """The tables, their columns and size, and whether the portal takes statements."""
        with self._client() as client:
            api = self._api(client)
            found = [(table, api.shape(table)) for table in self._tables(api)]
            takes_statements = self._takes_statements(api, found[0][0])
        remarks = []
        for table, shape in found:
            loaded = f", loaded {table.modified.astimezone(self.tz):%Y-%m-%d %H:%M}" if table.modified else ""
            remarks.append(f"{table.name or table.id}: {shape.total} rows{loaded}")
            dated = next((name for name in self._names("requested_at") if name in shape.types), None)
            if dated is not None and shape.types[dated] not in DATED:
                remarks.append(f"{dated!r} is a text there, so all of it is read by every run")
        remarks.append("takes SQL statements" if takes_statements else "takes no SQL statements")
        modified = max((table.modified for table, _ in found if table.modified), default=None)
        types = {name: kind for _, shape in reversed(found) for name, kind in shape.types.items()}
        mapping = {str(ours): self._names(ours) for ours in self.fields}
        return Capabilities(True, modified, types, sum(shape.total for _, shape in found), remarks, mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """One round through all tables, from a week before the last one's end; what it starts from is its state."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        first = day_start(self.first_day or civil_day(horizon, self.tz) - timedelta(days=DEFAULT_DAYS), self.tz)
        return [Window(first, horizon, state=state)] if first < horizon else []

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows of one round. What was found of a table is committed with its last page, so that a first reading
        that is interrupted goes on with the next table; days are covered when the round is over.

        Raises:
            SourceUnavailable: The portal fails, a table is being loaded, or it does not hold still.
            SourceChanged: A table, or a column that the settings name, is gone.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        state = {**window.state, "tables": dict(window.state.get("tables", {}))}
        earliest = window.until
        with self._client() as client:
            api = self._api(client)
            tables = self._tables(api)
            if "sql" not in state:
                state["sql"] = self._takes_statements(api, tables[0])
            for table in tables:
                before = state["tables"].get(table.id, {})
                shape = api.shape(table)
                plan = self._reach(table, shape, before, window)
                if shrunk := self._shrunk(shape, before, window.until):
                    state["tables"][table.id] = {**before, "shrunk": shrunk}
                    yield Page(end=WindowEnd({**state, "tables": dict(state["tables"])}))
                    problem = f"{table.name or table.id} has {shape.total} rows and had {before['rows']}: it is loaded"
                    raise SourceUnavailable(self.source, problem)
                newest = yield from self._read(api, plan, window.until, state)
                earliest = min(earliest, plan.since)
                state["tables"][table.id] = self._noted(plan, before, window, newest)
                yield Page(end=WindowEnd({**state, "tables": dict(state["tables"])}))
        end = self._end(state, tables, earliest, window)
        yield Page(end=replace(end, shape={name: kind for name, kind in shape.types.items() if name != "_id"}))

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present rows of single requests, from whichever table has them.

        What is in none is not told as deleted: a table may be half loaded.
        """
        with self._client() as client:
            api = self._api(client)
            for table in self._tables(api):
                shape = api.shape(table)
                plan = _Plan(table, shape, self._columns(table, shape), ("",), now)
                key = plan.columns["source_record_id"]
                is_text = shape.types[key] == "text"
                ids = [record_id for record_id in record_ids if is_text or _is_number(record_id)]
                for start in range(0, len(ids), SINGLY):
                    asked = ids[start : start + SINGLY]
                    found = api.having(table, list(dict.fromkeys(plan.columns.values())), key, asked)
                    batch = self._batch(plan, found, now)
                    if not set(batch.requests.source_record_id.tolist()) <= set(asked):
                        raise SourceChanged(
                            self.source, f"it ignores filters: there are other rows than those of {key}"
                        )
                    counters = add_up([found.counters, batch.counters, {"fetched": len(found.rows)}])
                    yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids that the tables have in the span, by all their rows down to its beginning."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        needed = replace(self, fields={name: names for name, names in self.fields.items() if name in _NEEDED})
        first, last = (np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us") for at in (span.since, span.until))
        ids: set[str] = set()
        with self._client() as client:
            api = self._api(client)
            for table in self._tables(api):
                plan = needed._reach(table, api.shape(table), {}, span)
                for page in needed._read(api, plan, span.until, {"sql": False}):
                    inside = (page.requests.requested_at >= first) & (page.requests.requested_at < last)
                    ids.update(page.requests.source_record_id[inside].tolist())
        return Reconciliation(total=len(ids), record_ids=frozenset(ids))

    def _client(self) -> Client:
        token = self.token.get_secret_value()
        return self.client({"Authorization": token} if token else {})

    def _api(self, client: Client) -> Api:
        return Api(self.source, self.url.strip().rstrip("/"), client)

    def _tables(self, api: Api) -> list[Table]:
        found = [api.table(resource) for resource in self.resources]
        if self.package:
            listed = [t for t in api.tables_of(self.package) if re.search(self.resource_pattern, t.name)]
            found += [table for table in listed if table.id not in self.resources]
            if not listed:
                problem = f"no resource of package {self.package!r} has a name with {self.resource_pattern!r} in it"
                raise SourceChanged(self.source, problem)
        return found

    def _takes_statements(self, api: Api, table: Table) -> bool:
        try:
            api.sql(_PROBED.format(table.id))
        except Refused:
            return False
        return True

    def _names(self, ours: RequestField) -> tuple[str, ...]:
        theirs = self.fields[ours]
        return (theirs,) if isinstance(theirs, str) else theirs

    def _columns(self, table: Table, shape: Shape) -> dict[str, str]:
        """Our field → the column of this table."""
        columns = {}
        for ours in self.fields:
            names = self._names(ours)
            column = next((name for name in names if name in shape.types), None)
            if column is None:
                others = f", nor {' or '.join(map(repr, names[1:]))}" if names[1:] else ""
                problem = f"{table.name or table.id} {no_column(names[0], sorted(shape.types))}"
                raise SourceChanged(self.source, problem + others)
            columns[str(ours)] = column
        return columns

    def _reach(self, table: Table, shape: Shape, before: Mapping[str, Any], window: Window) -> _Plan:
        """From when on a table is read: the last days, or all of it once a week and when nothing is known of it."""
        assert window.since is not None  # noqa: S101
        assert window.until is not None  # noqa: S101
        columns = self._columns(table, shape)
        is_dated = [columns[name] for name in _ORDERS if name in columns and shape.types[columns[name]] in DATED]
        if columns["requested_at"] not in is_dated:
            return _Plan(table, shape, columns, ("",), window.since)
        began = before.get("since", "")  # of what was ever read as a whole; the settings may now begin earlier
        if not began or window.since < datetime.fromisoformat(began) or self._is_due(before, window.until):
            return _Plan(table, shape, columns, (columns["requested_at"],), window.since)
        since = max(window.since, datetime.fromisoformat(before["reaches"]) - OVERLAP)
        return _Plan(table, shape, columns, is_dated, since)

    def _is_due(self, before: Mapping[str, Any], until: datetime) -> bool:
        return civil_day(until, self.tz) - date.fromisoformat(before["whole"]) >= timedelta(days=WHOLE_DAYS)

    def _shrunk(self, shape: Shape, before: Mapping[str, Any], now: datetime) -> str:
        """Since when a table is smaller than it was, if that is too short a time to believe it; '': it is not."""
        if shape.total >= SHRUNK * before.get("rows", 0):
            return ""
        since: str = before.get("shrunk", now.isoformat())
        return since if now - datetime.fromisoformat(since) < timedelta(days=1) else ""

    def _read(self, api: Api, plan: _Plan, until: datetime, state: dict[str, Any]) -> Generator[Page, None, str]:
        """Pages of one table; comes back with the time of its newest request, '' if there is none."""
        newest = ""
        for order in plan.orders:
            newest = max(newest, (yield from self._read_in_order(api, plan, order, until, state)))
        return newest

    def _read_in_order(
        self, api: Api, plan: _Plan, order: str, until: datetime, state: dict[str, Any]
    ) -> Generator[Page, None, str]:
        newest, counted = "", None
        for _ in range(1 + RESTARTS):
            pages = 0
            try:
                for records in self._records(api, plan, order, state):
                    batch = self._batch(plan, records, until)
                    newest = max(newest, _newest(batch, until))
                    counters = add_up([records.counters, batch.counters, {"fetched": len(records.rows)}])
                    yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters)
                    pages += 1
                if pages > 1:
                    self._check_still(api, plan)
            except Moved as moved:
                if moved.rows is not None and moved.rows == counted:
                    return newest  # twice the same, so it is the portal's count that is old
                counted = moved.rows
                table = api.table(plan.table.id)
                shape = api.shape(table)
                plan = replace(plan, table=table, shape=shape, columns=self._columns(table, shape))
            else:
                return newest
        raise SourceUnavailable(self.source, f"{plan.table.name or plan.table.id} changes while it is read")

    def _records(self, api: Api, plan: _Plan, order: str, state: dict[str, Any]) -> Iterator[Records]:
        wanted = list(dict.fromkeys(plan.columns.values()))
        if not order:
            yield from whole(api, plan.table, plan.shape, wanted, self.page_size)
            return
        if state["sql"]:
            since = plan.since.astimezone(self.tz).replace(tzinfo=None).isoformat(timespec="seconds")
            try:
                yield from by_statement(api, plan.table, wanted, order, since, self.page_size)
            except Refused:
                state["sql"] = False  # switched off meanwhile
            else:
                return
        since_utc = np.datetime64(plan.since.astimezone(UTC).replace(tzinfo=None), "us")
        yield from newest_first(api, plan.table, plan.shape, wanted, order, since_utc, self.page_size, self._moments)

    def _check_still(self, api: Api, plan: _Plan) -> None:
        """What took several questions must have held still all the while."""
        if api.shape(plan.table).total != plan.shape.total or api.table(plan.table.id).modified != plan.table.modified:
            raise Moved

    def _batch(self, plan: _Plan, records: Records, until: datetime) -> Batch:
        rows = [{ours: row.get(theirs) for ours, theirs in plan.columns.items()} for row in records.rows]
        where = [f"row {row.get('_id')} of {plan.table.id}" for row in records.rows]
        normaliser = Normaliser(self.source, self.tz, self.tz, self.time_format)
        columns = columns_of(rows, {ours: (ours,) for ours in plan.columns})
        return normaliser.requests(columns, now=until, position=where.__getitem__)

    def _moments(self, rows: Sequence[Mapping[str, Any]], column: str) -> Instants:
        values = columns_of([{"at": row.get(column)} for row in rows], {"at": ("at",)})["at"]
        return parse_times(values, self.tz, self.tz, time_format=self.time_format).utc

    def _noted(self, plan: _Plan, before: Mapping[str, Any], window: Window, newest: str) -> dict[str, Any]:
        """What the next round must know of a table.

        A table holds all up to when it was loaded, or to its newest request if that is later or its record says
        nothing. What one that stands still brings later is from after that.
        """
        assert window.since is not None  # noqa: S101
        assert window.until is not None  # noqa: S101
        newest = max(newest, before.get("newest", ""))
        known = [plan.table.modified] if plan.table.modified else []
        known += [datetime.fromisoformat(newest)] if newest else []
        is_whole, since = plan.since == window.since, window.since.isoformat()
        return {
            "reaches": min(max(known, default=window.since), window.until).isoformat(),
            "whole": civil_day(window.until, self.tz).isoformat() if is_whole else before["whole"],
            "since": min(since, before.get("since", since)) if is_whole else before["since"],
            "rows": plan.shape.total,
            "newest": newest,
        }

    def _end(self, state: Mapping[str, Any], tables: Sequence[Table], earliest: datetime, window: Window) -> WindowEnd:
        """The days that are known once all tables are read."""
        assert window.since is not None  # noqa: S101
        kept = {table.id: state["tables"][table.id] for table in tables}
        filled = [
            (datetime.fromisoformat(note["newest"]), datetime.fromisoformat(note["reaches"]))
            for note in kept.values()
            if note["newest"]
        ]
        last = max((newest for newest, _ in filled), default=None)
        live = [reaches for newest, reaches in filled if last and newest >= last - timedelta(days=LIVE_DAYS)]
        fresh_until = min(live, default=None)
        first = civil_day(earliest if "covered" in state else window.since, self.tz)
        if "covered" in state:
            first = min(first, date.fromisoformat(state["covered"]) + timedelta(days=1))
        covers, open_day = completed_days(first, fresh_until, self.tz) if fresh_until else (None, None)
        covered = {"covered": covers[1].isoformat()} if covers else {}
        return WindowEnd({**state, "tables": kept, **covered}, covers, open_day, fresh_until)


def _is_number(record_id: str) -> bool:
    try:
        return float(record_id) == float(record_id)
    except ValueError:
        return False


def _newest(batch: Batch, until: datetime) -> str:
    """The time of the newest request that is not from the future, as text; '': there is none."""
    times = batch.requests.requested_at
    times = times[times <= np.datetime64(until.astimezone(UTC).replace(tzinfo=None), "us")]
    return times.max().item().replace(tzinfo=UTC).isoformat() if len(times) else ""
