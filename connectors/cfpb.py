"""Reads complaints from the Consumer Complaint Database of the CFPB (https://cfpb.github.io/ccdb5-api).

Complaints are walked in the order (date received, id), each page beginning after the last complaint of the one
before, as deeper pages by number are refused. Parameters that the server does not know are ignored without a word, so
every page is held against what was asked for. A complaint is published when the company answers, or after fifteen
days, and what consumers write comes later still: whenever the index has changed the last fourteen days are read
again, and one run a week the last ninety. The first run of a day reads again in any case, as the index names the day of
its loading only. Times are placeholders at noon; only the day counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from connectors.days import civil_day, completed_days, day_start
from connectors.documents import parse_json
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.revisits import NIGHTLY, WEEKLY, Revisits
from connectors.shapes import mapping_of, shape_of, shape_of_page
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable

REVISITS = Revisits(timedelta(days=14), nightly_days=14, weekly_days=90)
AGAIN = "again"  # name of a window that was read before, and need not be if the index is still the same
SUB = "\u2022"  # between a product and its sub-product, an issue and its sub-issue
FIELDS: Mapping[RequestField, str] = {
    "source_record_id": "complaint_id",
    "requested_at": "date_received",
    "category": "product",
    "subcategory": "issue",
    "area": "state",
    "channel": "submitted_via",
    "status": "company_response",
}
_FAILED_DEPENDENCY = frozenset({424})  # its search engine failed
_INDEX = "index"  # key of the state: what the index said of itself when all was read last
_DAY = timedelta(days=1)
_EVER = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Index:
    """What the index says of itself."""

    version: str  # changes when it is loaded
    newest_day: date | None  # on which a complaint was received
    is_stale: bool
    has_issue: bool  # the publisher says that something is wrong with the data


@dataclass(frozen=True, kw_only=True)
class Cfpb(HttpSource):
    """The complaints that pass `filters`; `url` is the address that ends in `/search/api/v1`.

    Args:
        filters: Parameter → values of which a complaint must have one, such as `product` or `state`.
        fields: Our field → key of a complaint, over the usual ones, such as `company` for `agency`.
        first_day: Where reading begins.
        page_size: Complaints in one answer.
    """

    filters: dict[
        Literal["product", "issue", "company", "state", "zip_code", "submitted_via", "tags", "company_response"],
        tuple[str, ...],
    ] = field(default_factory=dict)
    fields: dict[RequestField, str] = field(default_factory=dict)
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    pause_seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0  # twenty searches a minute

    def probe(self) -> Capabilities:
        """How many complaints there are, and how fresh the index is."""
        with self.client() as client:
            answer = self._ask(client, {"sort": "created_date_desc", "size": 25})
        hits, index = answer.document["hits"], _index_of(answer)
        remarks = [f"{hits['total']['value']} complaints"]
        if index.newest_day is not None:
            remarks.append(f"newest of them received on {index.newest_day}; those of the last weeks are still to come")
        if index.is_stale:
            remarks.append("it says itself that its data are stale")
        if index.has_issue:
            remarks.append("it says itself that there is a technical issue with its data")
        shape = shape_of(hit["_source"] for hit in hits["hits"])
        mapping = mapping_of({name: (key,) for name, key in self._fields.items()}, self.fields, shape)
        return Capabilities(
            reachable=True,
            fields=shape,
            mapping=mapping,
            rows=hits["total"]["value"],
            remarks=remarks,
        )

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """Windows over the days of receipt, from the last one's end, less what is read again, to today."""
        windows = REVISITS.windows(state, now.replace(microsecond=0), self.tz, self.first_day)
        today = civil_day(now, self.tz)
        is_again = state.get(NIGHTLY) == today.isoformat() and not REVISITS.is_weekly(state, today)
        return [replace(window, name=AGAIN) for window in windows] if is_again else windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The complaints of a window.

        Raises:
            SourceUnavailable: The server fails, or gives fewer complaints than it says there are.
            SourceChanged: It refuses, or ignores what it was asked for.
        """
        assert window.until is not None  # noqa: S101 - this connector's own windows have both ends
        with self.client() as client:
            answer = self._ask(client, {"size": 0})
            index = _index_of(answer)
            yield Page(counters=counters_of(answer))
            is_same = window.name == AGAIN and window.state.get(_INDEX) == index.version
            if not is_same:
                for complaints, counters in self._walk(client, *self._days(window)):
                    batch = self._batch(complaints, window.until)
                    counters = add_up([counters, batch.counters, {"data_issue": 1} if index.has_issue else {}])
                    shape = shape_of_page(complaints)
                    yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters, shape=shape)
        yield Page(end=self._end(window, index, is_same=is_same))

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids of the complaints that were received on the days of the span."""
        first, last = self._days(span)
        ids: set[str] = set()
        with self.client() as client:
            for complaints, _ in self._walk(client, first, last):
                ids.update(str(one["complaint_id"]) for one in complaints if one["date_received"] <= last.isoformat())
        return Reconciliation(total=len(ids), record_ids=frozenset(ids))

    @property
    def _fields(self) -> dict[RequestField, str]:
        return {**FIELDS, **self.fields}

    def _days(self, window: Window) -> tuple[date, date]:
        """First and last day of a window; it may begin and end within them."""
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        return civil_day(window.since, self.tz), civil_day(window.until - timedelta(microseconds=1), self.tz)

    def _end(self, window: Window, index: _Index, *, is_same: bool) -> WindowEnd:
        """Days after the newest that the index has of are not known, however empty they seem."""
        first, last = self._days(window)
        state = window.state
        if WEEKLY in state:  # the last window of a run
            state = {**state, _INDEX: index.version}
        known = min(last, index.newest_day or first - _DAY)
        covers, _ = completed_days(first, min(day_start(known + _DAY, self.tz), window.until or _EVER), self.tz)
        stale_since = day_start(index.newest_day, self.tz) if index.is_stale and index.newest_day else None
        return WindowEnd(state, None if is_same else covers, fresh_until=stale_since)

    def _walk(
        self, client: Client, first: date, last: date
    ) -> Iterator[tuple[list[dict[str, Any]], Mapping[str, int]]]:
        """The complaints received from `first` to `last`, page by page; perhaps some of the day after too."""
        days: dict[str, str | int] = {
            "date_received_min": first.isoformat(),
            "date_received_max": (last + _DAY).isoformat(),  # excluded as the documentation has it, but not in fact
            "sort": "created_date_asc",
            "size": self.page_size,
        }
        met, after = 0, None
        while True:
            answer = self._ask(client, days if after is None else {**days, "search_after": f"{after[0]}_{after[1]}"})
            hits, total = answer.document["hits"]["hits"], answer.document["hits"]["total"]["value"]
            keys = [(int(hit["sort"][0]), str(hit["sort"][1])) for hit in hits]
            if keys != sorted(keys) or (after is not None and keys and keys[0] <= after):
                raise SourceChanged(self.source, "it does not sort as it was asked to, or begins each page anew")
            complaints = [_complaint(hit) for hit in hits]
            self._check(complaints, first, last + _DAY)
            met += len(hits)
            yield complaints, add_up([counters_of(answer), {"fetched": len(hits)}])
            if met >= total:
                return
            if not hits:
                raise SourceUnavailable(self.source, f"it gives {met} complaints and says that there are {total}")
            after = keys[-1]

    def _ask(self, client: Client, params: Mapping[str, str | int]) -> Answer:
        asked: dict[str, int | str | Sequence[str]] = {str(name): values for name, values in self.filters.items()}
        asked |= {"no_aggs": "true", "no_highlight": "true", **params}
        return client.get(f"{self.url.strip().rstrip('/')}/", asked, _parse, also_retried=_FAILED_DEPENDENCY)

    def _check(self, complaints: Sequence[Mapping[str, Any]], first: date, last: date) -> None:
        """What the server does not understand it ignores: does each complaint pass what was asked for?"""
        for complaint in complaints:
            if not first.isoformat() <= complaint["date_received"] <= last.isoformat():
                raise SourceChanged(self.source, "it ignores date_received_min and date_received_max")
            for name, values in self.filters.items():
                if str(complaint.get(name)) not in {value.partition(SUB)[0] for value in values}:
                    raise SourceChanged(self.source, f"it ignores the filter {name!r}")

    def _batch(self, complaints: Sequence[Mapping[str, Any]], until: datetime) -> Batch:
        columns = columns_of(complaints, {name: (key,) for name, key in self._fields.items()})
        return Normaliser(self.source, self.tz, self.tz).requests(
            columns, now=until, position=lambda index: f"complaint {complaints[index]['complaint_id']}"
        )


def _complaint(hit: Mapping[str, Any]) -> dict[str, Any]:
    """The complaint with its day instead of noon of it, and the company's answer as a status."""
    source = hit["_source"]
    answer = str(source.get("company_response") or "")
    return {
        **source,
        "complaint_id": source.get("complaint_id") or hit["_id"],
        "date_received": str(source.get("date_received"))[:10],
        "company_response": "closed" if answer.lower().startswith("closed") else answer,
    }


def _index_of(answer: Answer) -> _Index:
    meta = answer.document["_meta"]
    newest = str(meta.get("last_updated") or "")[:10]
    return _Index(
        version=f"{meta.get('last_indexed')} {meta.get('total_record_count')}",
        newest_day=date.fromisoformat(newest) if newest else None,
        is_stale=bool(meta.get("is_data_stale")),
        has_issue=bool(meta.get("has_data_issue")),
    )


def _parse(body: bytes) -> dict[str, Any]:
    """A page of complaints, and what the index says of itself."""
    found: dict[str, Any] = parse_json(body)
    try:
        hits, _ = found["hits"], found["_meta"]["last_indexed"]
        is_exact = hits["total"]["relation"] == "eq" and isinstance(hits["total"]["value"], int)
        is_whole = is_exact and all(len(hit.get("sort", ())) == 2 for hit in hits["hits"])
    except (KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise ValueError("not a page of complaints")
    return found
