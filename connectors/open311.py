"""Reads Open311 GeoReport v2 endpoints, as JSON or XML (https://wiki.open311.org/GeoReport_v2).

Servers cut long answers, often without a word and at differing numbers, and sort as they like, so page numbers
may skip rows. A span of time is therefore halved until its answer is clearly not cut. Requests change after
they are filed: each run reads the last two hours again, and the first run of a day the last fourteen days.
Where the server can tell what was updated, that is read too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from xml.etree.ElementTree import Element  # the name only; defusedxml does the parsing

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from connectors.days import civil_day, completed_days, day_start
from connectors.dialects import DIALECTS, FIELDS, Dialect
from connectors.documents import parse_json, parse_xml
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.texts import as_text
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable
from forewarn.request import Requests, Status

Row = Mapping[str, Any]

OVERLAP = timedelta(hours=2)  # read again by every run
REVISIT_DAYS = 14  # read again by the first run of a day
DAYS_A_WINDOW = 28
DEFAULT_DAYS = 90  # read at first, if the settings name no first day
UPDATES = "updates"  # name of a window over the times of update
_SECOND = timedelta(seconds=1)
_ROUND = 25  # servers cap at multiples of this, announced or not
_NOTHING_FOUND = re.compile(r"\bno (service )?requests? found", re.IGNORECASE)
_EVER = datetime(9000, 1, 1, tzinfo=UTC)
_ENOUGH_TO_TELL = 10  # rows from which on a server that ignores the dates is recognised


@dataclass(frozen=True, kw_only=True)
class Open311(HttpSource):
    """One endpoint; `url` is the address before `/requests.json`.

    Args:
        dialect: The family of servers, see `dialects.py`.
        page_size: Instead of the dialect's.
        form: Prefer JSON; some servers have usable XML only.
        jurisdiction_id: Only where the endpoint serves several places.
        fields: Our field → key of a request, over the usual ones; such as `extended_attributes.ward`.
        first_day: Where reading begins.
        lag_minutes: The newest minutes are left for the next run, as servers are late with them.
    """

    dialect: Literal[
        "standard", "extended", "connected-bits", "mark-a-spot", "ureport", "helsinki", "citysdk", "fixmystreet"
    ] = "standard"
    page_size: Annotated[int, Field(ge=1)] | None = None
    form: Literal["json", "xml"] = "json"
    jurisdiction_id: str = ""
    fields: dict[RequestField, str] = field(default_factory=dict)
    first_day: date | None = None
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def probe(self) -> Capabilities:
        """The services it offers, and some of its requests."""
        with self.client() as client:
            services = client.get(f"{self._base}/services.{self.form}", self._place(), self._parse).document
            answer = self._ask(client, {})
        found = self._batch(answer.document, _EVER)
        newest = max((row.requested_at for row in found.requests), default=None)
        remarks = [f"{len(services)} services", f"{len(answer.document)} requests in one answer"]
        if newest is not None:
            remarks.append(f"newest of them from {newest.astimezone(self.tz):%Y-%m-%d %H:%M}")
        keys = {key for row in answer.document for key in row}
        return Capabilities(reachable=True, fields=dict.fromkeys(sorted(keys), "text"), remarks=remarks)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """Windows from the last one's end, less the overlap, to now; then what was updated meanwhile."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        today = civil_day(now, self.tz)
        start = day_start(self.first_day or today - timedelta(days=DEFAULT_DAYS), self.tz)
        updated = state.get("updated", horizon.isoformat())
        since = start
        if "watermark" in state:
            since = datetime.fromisoformat(state["watermark"]) - OVERLAP
            if state.get("revisited") != today.isoformat():
                since = min(since, day_start(today - timedelta(days=REVISIT_DAYS), self.tz))
        ends = []
        while since < horizon:
            until = min(day_start(civil_day(since, self.tz) + timedelta(days=DAYS_A_WINDOW), self.tz), horizon)
            ends.append((since, until))
            since = until
        kept = {"revisited": state["revisited"]} if "revisited" in state else {}
        windows = [
            Window(since, until, state={**kept, "watermark": until.isoformat(), "updated": updated})
            for since, until in ends
        ]
        if not windows:
            return []
        done = {"watermark": windows[-1].state["watermark"], "revisited": today.isoformat(), "updated": updated}
        windows[-1] = Window(windows[-1].since, windows[-1].until, state=done)
        if self._dialect.updated_after and "updated" in state:
            changed = datetime.fromisoformat(updated) - OVERLAP
            windows.append(Window(changed, horizon, UPDATES, {**done, "updated": horizon.isoformat()}))
        return windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The requests of a window, in spans that the server does not cut.

        Spans begin at a day. They double while an answer is less than half full, grow by a tenth while it is
        not full, and are halved when it may have been cut.

        Raises:
            SourceUnavailable: The server fails, or cuts what it has within one second.
            SourceChanged: The server ignores the dates, or no longer understands the question.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        seen: set[tuple[str, int]] = set()
        start, step, halved = window.since, timedelta(days=1), 0
        with self.client() as client:
            while start < window.until:
                end = min(start + step, window.until)
                answer = self._ask(client, self._span(start, end, window.name))
                rows: Sequence[Row] = answer.document
                counters: list[Mapping[str, int]] = [counters_of(answer)]
                if self._may_be_cut(rows):
                    if end - start > _SECOND:
                        step = max(timedelta(seconds=(end - start) // _SECOND // 2), _SECOND)
                        halved += 1
                        continue
                    rows, asked = self._turn_pages(client, self._span(start, end, window.name), rows)
                    counters.append(asked)
                batch = self._batch(rows, window.until)
                if window.name != UPDATES:
                    self._check_dates(batch.requests, start, end)
                fresh = _unseen(batch.requests, seen)
                counters += [batch.counters, {"fetched": len(rows), "duplicates": len(batch.requests) - len(fresh)}]
                counters.append({"truncated_windows": halved})
                yield Page(requests=fresh, rejects=batch.rejects, counters=add_up(counters))
                start, halved = end, 0
                step = step * 2 if 2 * len(rows) < self._page_size else step * 1.1
        covers, open_day = completed_days(civil_day(window.since, self.tz), window.until, self.tz)
        if window.name == UPDATES:
            covers, open_day = None, None
        yield Page(end=WindowEnd(window.state, covers, open_day))

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids that the server has in the span."""
        ids = frozenset(
            row.source_record_id
            for page in self.fetch(span)
            for row in page.requests
            if span.since is not None and span.until is not None and span.since <= row.requested_at < span.until
        )
        return Reconciliation(total=len(ids), record_ids=ids)

    @property
    def _dialect(self) -> Dialect:
        return DIALECTS[self.dialect]

    @property
    def _page_size(self) -> int:
        return self.page_size or self._dialect.page_size

    @property
    def _base(self) -> str:
        return self.url.strip().rstrip("/")

    def _place(self) -> dict[str, str | int]:
        return {"jurisdiction_id": self.jurisdiction_id} if self.jurisdiction_id else {}

    def _span(self, start: datetime, end: datetime, name: str) -> dict[str, str | int]:
        """Parameters of a span, a second wider on both sides: servers differ in which end belongs to it."""
        after, before = ("updated_after", "updated_before") if name == UPDATES else ("start_date", "end_date")
        return {after: self._written(start - _SECOND), before: self._written(end + _SECOND)}

    def _written(self, moment: datetime) -> str:
        local = moment.astimezone(self.tz)
        return (local if self._dialect.zoned_dates else local.replace(tzinfo=None)).isoformat(timespec="seconds")

    def _ask(self, client: Client, params: Mapping[str, str | int]) -> Answer:
        """One answer to `/requests`; its document is a list of rows."""
        size = {self._dialect.page_size_name: self._page_size} if self._dialect.page_size_name else {}
        extended = any("." in key for key in self.fields.values())
        more: dict[str, str | int] = {"extensions": "true"} if extended else {}
        empty = frozenset({404}) if self._dialect.empty_is_404 else frozenset()
        return client.get(
            f"{self._base}/requests.{self.form}",
            {**self._place(), **size, **more, **params},
            self._parse,
            also_accepted=empty,
        )

    def _parse(self, body: bytes) -> list[Row]:
        document = _from_xml(parse_xml(body)) if self.form == "xml" else parse_json(body)
        if isinstance(document, dict):
            document = document.get("service_requests", [document])
        if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
            raise ValueError("not a list of records")
        if document and all({"code", "description"} <= row.keys() for row in document):
            if self._dialect.empty_is_404 and _NOTHING_FOUND.search(str(document[0]["description"])):
                return []
            raise ValueError("an error instead of records")
        return document

    def _may_be_cut(self, rows: Sequence[Row]) -> bool:
        return len(rows) == self._page_size or (len(rows) > 0 and len(rows) % _ROUND == 0)

    def _turn_pages(
        self, client: Client, params: Mapping[str, str | int], first: Sequence[Row]
    ) -> tuple[list[Row], dict[str, int]]:
        """All pages of a span that cannot be halved any more."""
        rows, seen = list(first), {_id(row) for row in first}
        counters: list[Mapping[str, int]] = []
        while self._dialect.page_name:
            number = len(counters) + 1 + self._dialect.first_page
            answer = self._ask(client, {**params, self._dialect.page_name: number})
            counters.append(counters_of(answer))
            more = {_id(row) for row in answer.document}
            if more and more <= seen:
                break
            rows += answer.document
            seen |= more
            if len(answer.document) < len(first):
                return rows, add_up(counters)
        problem = f"it has {len(first)} requests or more in one second and does not turn pages"
        raise SourceUnavailable(self.source, problem)

    def _batch(self, rows: Sequence[Row], until: datetime) -> Batch:
        normaliser = Normaliser(self.source, self.tz, self.tz)
        columns = columns_of(rows, {**FIELDS, **{name: (key,) for name, key in self.fields.items()}})
        if "closed_at" not in columns:
            is_closed = pc.equal(pc.utf8_lower(as_text(columns["status"])), Status.CLOSED.value)
            columns["closed_at"] = pc.if_else(is_closed, columns["updated_at"], None)  # so says the specification
        return normaliser.requests(columns, now=until, position=lambda index: f"request {_id(rows[index])}")

    def _check_dates(self, requests: Requests, start: datetime, end: datetime) -> None:
        first, last = (np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us") for at in (start, end))
        at, day = requests.requested_at, np.timedelta64(1, "D")
        elsewhere = int(((at < first - day) | (at > last + day)).sum())
        if len(requests) >= _ENOUGH_TO_TELL and 2 * elsewhere > len(requests):
            problem = "it ignores start_date and end_date: most requests are from other days"
            raise SourceChanged(self.source, problem)


def _id(row: Row) -> str:
    return str(next((row[key] for key in FIELDS["source_record_id"] if row.get(key)), "without id"))


def _unseen(requests: Requests, seen: set[tuple[str, int]]) -> Requests:
    """The requests that are not in `seen` in this state, which are put into it."""
    stamps = requests.updated_at.astype(np.int64).tolist()
    keys = list(zip(requests.source_record_id.tolist(), stamps, strict=True))
    is_new = np.array([key not in seen for key in keys], dtype=np.bool_)
    seen.update(keys)
    return requests.where(is_new)


def _from_xml(element: Element) -> Any:
    """Elements as the JSON that would say the same; the root is the list of its children."""
    return [_record(child) for child in element]


def _record(element: Element) -> Any:
    if not len(element):
        return element.text
    return {child.tag.rpartition("}")[2]: _record(child) for child in element}
