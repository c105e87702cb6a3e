"""Reads Socrata data sets through SODA 2.1 (https://dev.socrata.com).

Rows are walked in the order (:updated_at, :id), each page beginning after the last row of the one before, so
nothing shifts between pages. The first reading goes by the day of the request, month after month; later runs
ask for what was updated since. How far the data reaches is told by the data set's own `rowsUpdatedAt`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import Field, SecretStr

from connectors.days import civil_day, completed_days, day_start
from connectors.documents import parse_json
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Normaliser, RequestField, add_up, columns_of
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged

OVERLAP = timedelta(hours=1)  # read again by every run
DAYS_A_WINDOW = 28
DEFAULT_DAYS = 90  # read at first, if the settings name no first day
BACKFILL = "created"  # name of a window over the days of the requests
SINGLY = 100  # ids in one question, so that its address stays short enough
QUOTE = "'"
_NEEDED = ("source_record_id", "requested_at")


@dataclass(frozen=True, kw_only=True)
class Socrata(HttpSource):
    """One data set; `url` is the portal's address.

    Args:
        dataset: Its identifier, such as `erm2-nwe9`.
        fields: Our field → column of the data set.
        app_token: Raises the portal's limits; not needed for public data.
        first_day: Where reading begins.
        page_size: Rows in one answer.
        lag_minutes: The newest minutes are left for the next run.
    """

    dataset: str
    fields: dict[RequestField, str]
    app_token: SecretStr = SecretStr("")
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=1)] = 10_000
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if missing := [name for name in _NEEDED if name not in self.fields]:
            raise ValueError(f"fields.{missing[0]} is missing: the column that holds it")

    def probe(self) -> Capabilities:
        """The data set's columns, size and freshness."""
        with self._client() as client:
            types, fresh_until = self._describe(client)
            rows = self._total(client, "")
        age = "" if fresh_until is None else f", last updated {fresh_until.astimezone(self.tz):%Y-%m-%d %H:%M}"
        mapping = {str(ours): (theirs,) for ours, theirs in self.fields.items()}
        return Capabilities(True, fresh_until, types, rows, (f"{rows} rows{age}",), mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """At first all requests since the first day; then everything that was updated since the last window."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        today = civil_day(horizon, self.tz)
        if "watermark" in state and "filled" not in state:
            since = datetime.fromisoformat(state["watermark"]) - OVERLAP
            return [Window(since, horizon, state={**state, "watermark": horizon.isoformat()})]
        first = self.first_day or today - timedelta(days=DEFAULT_DAYS)
        filled = date.fromisoformat(state["filled"]) if "filled" in state else first
        # What is updated during the first reading, however often that is interrupted, is read after it.
        reached = {"watermark": state.get("watermark", horizon.isoformat())}
        windows = []
        while filled <= today:
            after = min(filled + timedelta(days=DAYS_A_WINDOW), today + timedelta(days=1))
            left = {"filled": after.isoformat()} if after <= today else {}
            windows.append(Window(day_start(filled, self.tz), day_start(after, self.tz), BACKFILL, reached | left))
            filled = after
        return windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows of a window, page after page.

        Raises:
            SourceUnavailable: The portal fails.
            SourceChanged: It refuses, or the data set lacks a column that the settings name.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        horizon = datetime.fromisoformat(window.state["watermark"])
        with self._client() as client:
            _, fresh_until = self._describe(client)
            asked = _since_the_last_load(window, fresh_until)
            first, last_row = self._first_uncovered(asked), None
            while rows := (answer := client.get(self._rows_url, self._query(asked, last_row), parse_rows)).document:
                page = self._batch(answer, horizon)
                first = min({first, *np.unique(page.requests.day).tolist()})
                yield page
                last_row = rows[-1]
        known_until = min(window.until, horizon, fresh_until or horizon)
        covers, open_day = completed_days(max(first, self.first_day or first), known_until, self.tz)
        covered = covers[1] if covers else min(first, civil_day(known_until, self.tz)) - timedelta(days=1)
        state = {**window.state, "covered": covered.isoformat()}
        if fresh_until is not None:
            state["fresh"] = fresh_until.isoformat()
        yield Page(counters=counters_of(answer), end=WindowEnd(state, covers, open_day, fresh_until))

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present rows of single requests."""
        with self._client() as client:
            for start in range(0, len(record_ids), SINGLY):
                ids = record_ids[start : start + SINGLY]
                quoted = ",".join(f"'{record_id.replace(QUOTE, 2 * QUOTE)}'" for record_id in ids)
                where = f"{self.fields['source_record_id']} IN ({quoted})"
                yield self._batch(client.get(self._rows_url, self._page(where, None, self._columns), parse_rows), now)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids that the portal has in the span; only their number, where they are not as many as it says."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        where, name = self._where_created(span.since, span.until), self.fields["source_record_id"]
        ids, rows, last_row = set[str](), 0, None
        with self._client() as client:
            total = self._total(client, where)
            while found := client.get(self._rows_url, self._page(where, last_row, {name}), parse_rows).document:
                ids.update(str(row[name]) for row in found if name in row)
                rows, last_row = rows + len(found), found[-1]
            if rows != total and rows != self._total(client, where):
                return Reconciliation(total=total)
        return Reconciliation(total=len(ids), record_ids=frozenset(ids))

    @property
    def _base(self) -> str:
        return self.url.strip().rstrip("/")

    @property
    def _rows_url(self) -> str:
        return f"{self._base}/resource/{self.dataset}.json"

    def _client(self) -> Client:
        token = self.app_token.get_secret_value()
        return self.client({"X-App-Token": token} if token else {})

    def _describe(self, client: Client) -> tuple[dict[str, str], datetime | None]:
        """Types of the columns, and when the rows were last updated; checks that our columns are there."""
        about = client.get(f"{self._base}/api/views/{self.dataset}.json", {}, _parse_object).document
        types = {str(column["fieldName"]): str(column.get("dataTypeName", "")) for column in about.get("columns", [])}
        if missing := [name for name in sorted(set(self.fields.values())) if types and name not in types]:
            problem = f"the data set has no column {missing[0]!r} any more; it has: {', '.join(sorted(types))}"
            raise SourceChanged(self.source, problem)
        updated = about.get("rowsUpdatedAt")
        return types, datetime.fromtimestamp(updated, UTC) if isinstance(updated, int) else None

    def _total(self, client: Client, where: str) -> int:
        params: dict[str, str | int] = {"$select": "count(*) as total", **({"$where": where} if where else {})}
        return int(client.get(self._rows_url, params, parse_rows).document[0]["total"])

    def _batch(self, answer: Answer, now: datetime) -> Page:
        """The page that an answer with rows makes."""
        rows = answer.document
        if rows and not any(self.fields["requested_at"] in row for row in rows):
            problem = f"no row of a whole page has the column {self.fields['requested_at']!r}"
            raise SourceChanged(self.source, problem)
        columns = {"updated_at": (":updated_at",)} | {str(ours): (theirs,) for ours, theirs in self.fields.items()}
        batch = Normaliser(self.source, self.tz, self.tz).requests(
            columns_of(rows, columns), now=now, position=[f"row {row[':id']}" for row in rows].__getitem__
        )
        counters = add_up([counters_of(answer), batch.counters, {"fetched": len(rows)}])
        return Page(requests=batch.requests, rejects=batch.rejects, counters=counters)

    def _query(self, window: Window, after: Mapping[str, str] | None) -> dict[str, str | int]:
        """Parameters of the next page, which begins behind the row `after`."""
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        if window.name == BACKFILL:
            where = self._where_created(window.since, window.until)
        else:
            where = f":updated_at >= '{_utc(window.since)}' AND :updated_at < '{_utc(window.until)}'"
        return self._page(where, after, self._columns)

    @property
    def _columns(self) -> set[str]:
        return set(self.fields.values())

    def _page(self, where: str, after: Mapping[str, str] | None, columns: set[str]) -> dict[str, str | int]:
        """Parameters of the page of rows behind the row `after`."""
        if after is not None:
            at, row_id = after[":updated_at"], after[":id"].replace("'", "''")
            where = f"({where}) AND (:updated_at > '{at}' OR (:updated_at = '{at}' AND :id > '{row_id}'))"
        names = ",".join([":id", ":updated_at", *sorted(columns - {":id", ":updated_at"})])
        return {"$select": names, "$where": where, "$order": ":updated_at,:id", "$limit": self.page_size}

    def _where_created(self, since: datetime, until: datetime) -> str:
        """The data set's own times have no zone; they are local."""
        column = self.fields["requested_at"]
        start, end = (moment.astimezone(self.tz).strftime("%Y-%m-%dT%H:%M:%S") for moment in (since, until))
        return f"{column} >= '{start}' AND {column} < '{end}'"

    def _first_uncovered(self, window: Window) -> date:
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        since = civil_day(window.since, self.tz)
        if window.name == BACKFILL or "covered" not in window.state:
            return since
        return min(since, date.fromisoformat(window.state["covered"]) + timedelta(days=1))


def _since_the_last_load(window: Window, fresh_until: datetime | None) -> Window:
    """A data set that stood still may come back with rows that are stamped with times at which we saw none of them."""
    seen = window.state.get("fresh")
    if window.name == BACKFILL or seen is None or window.since is None or fresh_until is None:
        return window
    last_load = datetime.fromisoformat(seen)
    return window if fresh_until == last_load else replace(window, since=min(window.since, last_load - OVERLAP))


def parse_rows(body: bytes) -> list[dict[str, Any]]:
    """A JSON array of objects."""
    rows = parse_json(body)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of rows")
    return rows


def _parse_object(body: bytes) -> dict[str, Any]:
    found = parse_json(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
