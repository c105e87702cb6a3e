"""Reads issues from SeeClickFix through its API, version 2 (https://dev.seeclickfix.com).

Issues are walked in the order of their last update, each question beginning at the newest time of the answer before,
so an issue that is touched meanwhile is met again instead of pushing others out of sight. All statuses are asked
for: by default archived issues are left out, and a week after their closing issues would seem deleted. One run a
week walks through the last ninety days by the time of filing, for changes that touched no time of update.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from connectors.days import civil_day, completed_days, day_start
from connectors.documents import parse_json
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.revisits import DAYS_A_WINDOW, DEFAULT_DAYS, WATERMARK, WEEKLY, Revisits
from connectors.shapes import mapping_of, shape_of, shape_of_page
from connectors.texts import as_text
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable

REVISITS = Revisits(timedelta(minutes=10), nightly_days=0, weekly_days=90)
EARLIER = "earlier"  # name of a window over times of update that does not reach up to now
FILED = "filed"  # name of a window over the times of filing
ALL_STATUSES = "open,acknowledged,closed,archived"
NOT_SHOWN = frozenset({403, 404, 410})  # statuses of an issue that was removed or made private
FIELDS: Mapping[RequestField, str] = {
    "source_record_id": "id",
    "requested_at": "created_at",
    "updated_at": "updated_at",
    "closed_at": "closed_at",
    "category": "request_type.title",
    "status": "status",
    "latitude": "lat",
    "longitude": "lng",
}
_UNCOVERED = "uncovered"  # key of the state: the first day that is not known to be complete
_NEWEST = "newest"  # key of the state: when the newest change was made that was read
_SECOND = timedelta(seconds=1)
_EVER = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is walked along: the time in an issue, and the parameters that go with it."""

    time: str
    after: str  # included
    before: str  # excluded


_BY_UPDATE = _Order("updated_at", "updated_at_after", "updated_at_before")
_BY_FILING = _Order("created_at", "after", "before")


@dataclass(frozen=True, kw_only=True)
class SeeClickFix(HttpSource):
    """The issues of one place; `url` is the address before `/issues`, usually `https://seeclickfix.com/api/v2`.

    Args:
        place_url: The place as the web site names it, such as `new-haven`.
        fields: Our field → key of an issue, over the usual ones; such as `summary` for `description`.
        first_day: Where reading begins.
        page_size: Issues in one answer; the server gives 100 at most.
        lag_minutes: The newest minutes are left for the next run.
    """

    place_url: str
    fields: dict[RequestField, str] = field(default_factory=dict)
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] = 100
    lag_minutes: Annotated[int, Field(ge=0)] = 5
    pause_seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0  # twenty requests a minute, as public clients keep to
    _newest_change: list[datetime] = field(default_factory=list, init=False, repr=False, compare=False)  # none, or one

    def probe(self) -> Capabilities:
        """How many issues the place has, and when the newest was updated."""
        with self.client() as client:
            newest = {"status": ALL_STATUSES, "sort": "updated_at", "sort_direction": "DESC"}
            answer = client.get(self._issues_url, {"place_url": self.place_url, **newest}, _parse_issues)
        issues, pages = answer.document["issues"], answer.document["metadata"]["pagination"]
        remarks = [f"{pages['entries']} issues of {self.place_url}"]
        batch = self._batch(issues, _EVER)
        if updated := [row.updated_at for row in batch.requests if row.updated_at]:
            remarks.append(f"newest change from {max(updated).astimezone(self.tz):%Y-%m-%d %H:%M}")
        fields = shape_of(issues)
        mapping = mapping_of({name: (key,) for name, key in self._fields.items()}, self.fields, fields)
        return Capabilities(reachable=True, fields=fields, mapping=mapping, rows=pages["entries"], remarks=remarks)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """Windows over the times of update from the last one's end to now; once a week one over those of filing."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        today = civil_day(now, self.tz)
        first = self.first_day or today - timedelta(days=DEFAULT_DAYS)
        start = since = day_start(first, self.tz)
        if WATERMARK in state:
            # Where nothing came since the newest change, nothing is lost by asking from there on again; a server that
            # stood still may come back with changes of that time.
            since = min(datetime.fromisoformat(state[key]) for key in (WATERMARK, _NEWEST) if key in state)
            since = max(since - REVISITS.overlap, start)
        windows = []
        uncovered = min(civil_day(since, self.tz), date.fromisoformat(state.get(_UNCOVERED, first.isoformat())))
        kept = {**state, _UNCOVERED: uncovered.isoformat()}
        if REVISITS.is_weekly(state, today):
            kept[WEEKLY] = today.isoformat()
            if WEEKLY in state:  # else the first reading sees everything
                ago = day_start(today - timedelta(days=REVISITS.weekly_days), self.tz)
                windows.append(Window(max(start, ago), horizon, FILED, kept))
        while since < horizon:
            until = min(day_start(civil_day(since, self.tz) + timedelta(days=DAYS_A_WINDOW), self.tz), horizon)
            done = {**kept, WATERMARK: until.isoformat()}
            if until < horizon and WEEKLY not in state:
                del done[WEEKLY]
            windows.append(Window(since, until, EARLIER if until < horizon else "", done))
            since = until
        return windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The issues of a window.

        Raises:
            SourceUnavailable: The server fails, or gives fewer issues than it says there are.
            SourceChanged: It does not filter or sort as it was asked to.
        """
        with self.client() as client:
            for issues, counters in self._walk(client, window):
                batch = self._batch(issues, window.until or _EVER)
                if window.name != FILED and (
                    changed := [at for one in issues if (at := _moment(one.get("updated_at")))]
                ):
                    self._newest_change[:] = [max(changed + self._newest_change)]
                counters = add_up([counters, batch.counters])
                yield Page(
                    requests=batch.requests, rejects=batch.rejects, counters=counters, shape=shape_of_page(issues)
                )
        yield Page(end=self._end(window))

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present state of single issues, and which of them were removed or made private."""
        with self.client() as client:
            for record_id in record_ids:
                answer = client.get(f"{self._issues_url}/{record_id}", {}, _parse_issue, means_nothing=NOT_SHOWN)
                issues = [answer.document] if answer.document else []
                batch = self._batch(issues, now)
                counters = add_up([counters_of(answer), batch.counters, {"fetched": len(issues)}])
                gone = [] if issues else [record_id]
                yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters, removed=gone)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids of the issues that were filed in the span."""
        with self.client() as client:
            walked = self._walk(client, Window(span.since, span.until, FILED))
            ids = frozenset(str(issue["id"]) for issues, _ in walked for issue in issues if "id" in issue)
        return Reconciliation(total=len(ids), record_ids=ids)

    @property
    def _issues_url(self) -> str:
        return f"{self.url.strip().rstrip('/')}/issues"

    @property
    def _fields(self) -> dict[RequestField, str]:
        return {**FIELDS, **self.fields}

    def _end(self, window: Window) -> WindowEnd:
        """Only once everything that changed up to now was read, the issues of a day are all known."""
        assert window.until is not None  # noqa: S101 - this connector's own windows have both ends
        newest = {_NEWEST: max(self._newest_change).isoformat()} if self._newest_change else {}
        if window.name:
            return WindowEnd({**window.state, **newest})
        covers, open_day = completed_days(date.fromisoformat(window.state[_UNCOVERED]), window.until, self.tz)
        uncovered = {_UNCOVERED: civil_day(window.until, self.tz).isoformat()}
        return WindowEnd({**window.state, **newest, **uncovered}, covers, open_day)

    def _walk(self, client: Client, window: Window) -> Iterator[tuple[list[dict[str, Any]], Mapping[str, int]]]:
        """The issues of a window that were not met before, answer by answer."""
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        order = _BY_FILING if window.name == FILED else _BY_UPDATE
        reached, page, seen = window.since, 1, set[tuple[str, str]]()
        while True:
            answer = self._ask(client, order, reached, window.until, page)
            issues, pages = answer.document["issues"], answer.document["metadata"]["pagination"]
            newest = self._newest(order, issues, reached)
            keys = [(str(issue.get("id")), str(issue.get("updated_at"))) for issue in issues]
            fresh = [issue for issue, key in zip(issues, keys, strict=True) if key not in seen]
            seen.update(keys)
            counters = {"fetched": len(issues), "duplicates": len(issues) - len(fresh)}
            yield fresh, add_up([counters_of(answer), counters])
            if pages["next_page"] is None:
                if (page - 1) * pages["per_page"] + len(issues) < pages["entries"]:
                    raise SourceUnavailable(self.source, "it gives fewer issues than it says there are")
                return
            if not fresh and page > 1:
                raise SourceUnavailable(self.source, "it says that there is more, and gives the same issues again")
            reached, page = (newest, 1) if newest > reached else (reached, page + 1)

    def _ask(self, client: Client, order: _Order, since: datetime, until: datetime, page: int) -> Answer:
        params: dict[str, str | int] = {
            "place_url": self.place_url,
            "status": ALL_STATUSES,
            order.after: _written(since),
            order.before: _written(until),
            "sort": order.time,
            "sort_direction": "ASC",
            "per_page": self.page_size,
            "page": page,
        }
        return client.get(self._issues_url, params, _parse_issues)

    def _newest(self, order: _Order, issues: Sequence[Mapping[str, Any]], since: datetime) -> datetime:
        """The newest time among `issues`, if they are sorted by it and none is older than was asked for."""
        times = [_moment(issue.get(order.time)) for issue in issues]
        known = [at for at in times if at is not None]
        if any(later < earlier for earlier, later in pairwise(known)):
            raise SourceChanged(self.source, f"it does not sort its issues by {order.time}, as it was asked to")
        if known and known[0] < since - _SECOND:
            raise SourceChanged(self.source, f"it ignores {order.after}: issues are older than was asked for")
        return max(known, default=since)

    def _batch(self, issues: Sequence[Mapping[str, Any]], until: datetime) -> Batch:
        columns = columns_of(issues, {name: (key,) for name, key in self._fields.items()})
        # An issue that was opened again keeps the time of its closing.
        over = pc.is_in(pc.utf8_lower(as_text(columns["status"])), pa.array(["closed", "archived"]))
        columns["closed_at"] = pc.if_else(over, columns["closed_at"], None)
        return Normaliser(self.source, self.tz, self.tz).requests(
            columns, now=until, position=lambda index: f"issue {issues[index].get('id')}"
        )


def _parse_issues(body: bytes) -> dict[str, Any]:
    """An answer with its issues and the page that it is."""
    found: dict[str, Any] = parse_json(body)
    try:
        pages, issues = found["metadata"]["pagination"], found["issues"]
    except (KeyError, TypeError):
        raise ValueError("not a page of issues") from None
    if not {"entries", "per_page", "next_page"} <= pages.keys() or not all(isinstance(one, dict) for one in issues):
        raise ValueError("not a page of issues")
    return found


def _parse_issue(body: bytes) -> dict[str, Any]:
    found = parse_json(body)
    if not isinstance(found, dict) or "id" not in found:
        raise ValueError("not an issue")
    return found


def _moment(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
