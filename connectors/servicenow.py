"""Reads a table of a ServiceNow instance through its Table API.

Rows are read by the time of their last update, so new and changed ones come alike. Deleted rows are listed in the
table `sys_audit_delete`, if this user may read it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import Field, SecretStr

from connectors.headers import authorization
from connectors.http import Client, HttpSource, counters_of
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.table_api import NO_ACCESS, Question, Row, ask, check_clock, rows_of, total_of, walk
from connectors.updates import end_of_updates, plan_updates
from forewarn.contracts import Capabilities, Page, Reconciliation, Window
from forewarn.errors import SourceChanged

OVERLAP = timedelta(minutes=10)  # read again by every run
DAYS_A_WINDOW = 7  # of the first reading
SINGLY = 50  # ids in one question, so that its address stays short enough
UPDATED = "sys_updated_on"
DELETIONS = "sys_audit_delete"

# Our field → column of a table of tasks, such as `incident` or `sn_customerservice_case`.
FIELDS: Mapping[RequestField, str] = {
    "requested_at": "opened_at",
    "closed_at": "closed_at",
    "due_at": "due_date",
    "category": "category",
    "subcategory": "subcategory",
    "area": "location",
    "agency": "assignment_group",
    "channel": "contact_type",
    "status": "state",
}
_AS_STORED = ("source_record_id", "requested_at", "updated_at", "closed_at", "due_at")  # the others as shown to people


@dataclass(frozen=True, kw_only=True)
class ServiceNow(HttpSource):
    """One table; `url` is the instance's address, such as https://example.service-now.com.

    Args:
        table: Its name, such as `incident`.
        user: Who reads: a user whose time zone is GMT and whose date format is yyyy-MM-dd.
        password: That user's.
        bearer_token: An OAuth token, instead of both.
        fields: Our field → column, over the usual ones; a dot leads to a referenced record.
        where: Column → value: other rows are left out.
        first_day: Where reading begins.
        page_size: Rows in one answer.
        lag_minutes: The newest minutes are left for the next run.
    """

    table: str
    user: str = ""
    password: SecretStr = SecretStr("")
    bearer_token: SecretStr = SecretStr("")
    fields: dict[RequestField, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=2, le=10_000)] = 1000
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bearer_token.get_secret_value() and not (self.user and self.password.get_secret_value()):
            raise ValueError("user and password, or bearer_token, are missing; write secrets as ${NAME}")
        if taken := [name for name in ("source_record_id", "updated_at") if name in self.fields]:
            raise ValueError(f"fields.{taken[0]} cannot be chosen: it is {'sys_id' if 'id' in taken[0] else UPDATED}")

    def probe(self) -> Capabilities:
        """How many rows the table has, which columns are there, and whether deletions can be seen."""
        with self._client() as client:
            answer = ask(client, self.url, self._question(UPDATED, *self._columns.values()), "", 1)
            deleted = ask(client, self.url, Question(DELETIONS, "sys_created_on", optional=True), "", 1)
        for row in answer.document:
            check_clock(self.source, row, UPDATED)
        found = {name for row in answer.document for name in row}
        found |= {name.partition(".")[0] for name in found}
        mapping = {str(o): (name,) for o, name in self._names.items() if name in found or o in self.fields}
        remarks = []
        if missing := [f"{column} ({ours})" for ours, column in self._columns.items() if found and column not in found]:
            remarks.append(f"not there, or closed to this user: {', '.join(missing)}")
        if deleted.status == NO_ACCESS or (total_of(deleted) and not deleted.document):
            remarks.append(f"the table {DELETIONS} is closed to this user, so deleted rows are not told")
        columns = dict.fromkeys(sorted(found), "column")
        return Capabilities(True, fields=columns, rows=total_of(answer), remarks=remarks, mapping=mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """At first what was updated since the first day, week after week; then what was updated since the last run."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        return plan_updates(
            state, horizon, self.tz, first_day=self.first_day, overlap=OVERLAP, days_a_window=DAYS_A_WINDOW
        )

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows that were updated within a window, and the ids of those that were deleted within it.

        Raises:
            SourceUnavailable: The instance fails.
            SourceChanged: It refuses, ignores what was asked, or lacks a column that the settings name.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        span, touched = (window.since, window.until), set[date]()
        deletions = Question(
            DELETIONS, "sys_created_on", frozenset({"documentkey"}), {"tablename": self.table}, optional=True
        )
        with self._client() as client:
            wanted = self._question(UPDATED, *self._columns.values())
            for rows, answer in walk(client, self.url, wanted, *span, page_size=self.page_size):
                self._check_columns(rows)
                batch = self._batch(rows, window.until)
                touched |= set(np.unique(batch.requests.day).tolist())
                counters = add_up([counters_of(answer), batch.counters, {"fetched": len(rows)}])
                yield Page(batch.requests, rejects=batch.rejects, counters=counters)
            for rows, answer in walk(client, self.url, deletions, *span, page_size=self.page_size):
                removed = [row["documentkey"]["value"] for row in rows if "documentkey" in row]
                yield Page(counters=counters_of(answer), removed=removed)
                yield from self._present(client, removed, window.until)  # what was put back is there again
        yield Page(end=end_of_updates(window, touched, self.tz))

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present rows of single requests; a row that this user may not see is no deleted one."""
        with self._client() as client:
            yield from self._present(client, record_ids, now)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids of the rows from the span that this user may see."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        question = self._question(self._columns["requested_at"])
        with self._client() as client:
            pages = walk(client, self.url, question, span.since, span.until, page_size=self.page_size)
            ids = frozenset(row["sys_id"]["value"] for rows, _ in pages for row in rows)
        return Reconciliation(total=len(ids), record_ids=ids)

    def _present(self, client: Client, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        question = self._question(UPDATED, *self._columns.values())
        ids = [record_id for record_id in record_ids if record_id.isalnum()]  # others would end the list of ids
        for start in range(0, len(ids), SINGLY):
            rows, answer = rows_of(client, self.url, question, ids[start : start + SINGLY])
            batch = self._batch(rows, now)
            counters = add_up([counters_of(answer), batch.counters, {"fetched": len(rows)}])
            yield Page(batch.requests, rejects=batch.rejects, counters=counters)

    @property
    def _columns(self) -> dict[RequestField, str]:
        return {**FIELDS, **self.fields}

    @property
    def _names(self) -> dict[str, str]:
        return {"source_record_id": "sys_id", "updated_at": UPDATED} | {str(k): v for k, v in self._columns.items()}

    def _client(self) -> Client:
        bearer = self.bearer_token.get_secret_value()
        return self.client(authorization(self.user, self.password.get_secret_value(), bearer))

    def _question(self, stamp: str, *columns: str) -> Question:
        return Question(self.table, stamp, frozenset({UPDATED, *columns}), self.where)

    def _check_columns(self, rows: Sequence[Row]) -> None:
        """That a page has what the settings name: a single row may hide a column, and a usual one may not exist."""
        needed = {**self.fields, "requested_at": self._columns["requested_at"]}
        for ours, column in needed.items():
            if rows and not any(column in row for row in rows):
                problem = f"the table has no column {column!r} (fields.{ours}), or its user may not read it"
                raise SourceChanged(self.source, problem)

    def _batch(self, rows: Sequence[Row], until: datetime) -> Batch:
        names = self._names
        held = [
            {
                ours: row[column]["value" if ours in _AS_STORED else "display_value"]
                for ours, column in names.items()
                if column in row
            }
            for row in rows
        ]
        normaliser = Normaliser(self.source, self.tz, ZoneInfo("UTC"))
        columns = columns_of(held, {ours: (ours,) for ours in names})
        return normaliser.requests(columns, now=until, position=lambda index: f"row {rows[index]['sys_id']['value']}")
