"""Reads Open311 GeoReport v2 endpoints, as JSON or XML (https://wiki.open311.org/GeoReport_v2).

Servers cut long answers and sort as they like, see `spans.py`. Requests change after they are filed: each run reads
the last two hours again, the first run of a day the last fourteen days, and one run a week the last ninety. Where
the server can tell what was updated, or lists changes of status, that is read too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from connectors.days import civil_day, wholly_read_days
from connectors.dialects import DIALECTS, Dialect, DialectName
from connectors.georeport import FIELDS, Row, batch_of, id_of, rows_of
from connectors.http import Answer, Client, HttpSource
from connectors.lookups import Lookup
from connectors.normalise import Batch, RequestField, add_up
from connectors.pacing import SECOND, Pace, Trouble
from connectors.revisits import Revisits
from connectors.shapes import mapping_of, shape_of, shape_of_page
from connectors.spans import FIRST_PIECE, Piece, Pieces
from connectors.status_changes import newest_changes, with_status
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged
from forewarn.request import Reject, Requests

REVISITS = Revisits(timedelta(hours=2), nightly_days=14, weekly_days=90)
UPDATES = "updates"  # name of a window over the times of update
STATUSES = "statuses"  # name of a window over changes of status
_UPDATED = "updated"  # key of the state: the end of the last such window
_LENGTHS = "lengths"  # key of the state: name of a window → seconds of the pieces that suited it
_TROUBLES = "troubles"  # key of the state: name of a window → first and last second of what the server stumbles over
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
        service_codes: Only requests of these services; empty: all.
        fields: Our field → key of a request, over the usual ones; such as `extended_attributes.ward`.
        dates: Whether dates are sent with their offset; '': as the dialect says.
        grid: The grid of which `lat` and `long` are northing and easting; '': they are degrees.
        first_day: Where reading begins.
        lag_minutes: The newest minutes are left for the next run, as servers are late with them.
    """

    dialect: DialectName = "standard"
    page_size: Annotated[int, Field(ge=1)] | None = None
    form: Literal["json", "xml"] = "json"
    jurisdiction_id: str = ""
    service_codes: tuple[str, ...] = ()
    fields: dict[RequestField, str] = field(default_factory=dict)
    dates: Literal["", "zoned", "local"] = ""
    grid: Literal["", "osgb36"] = ""
    first_day: date | None = None
    lag_minutes: Annotated[int, Field(ge=0)] = 5
    _learnt: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _troubles: dict[str, list[Trouble]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def probe(self) -> Capabilities:
        """The services it offers, and some of its requests."""
        with self.client() as client:
            services = client.get(f"{self._base}/services.{self.form}", self._place(), self._parse).document
            rows = self._ask(client, {}).document
        found = self._batch(rows, _EVER)
        remarks = [f"{len(services)} services", f"{len(rows)} requests in one answer"]
        if len(found.requests):
            newest = max(row.requested_at for row in found.requests)
            remarks.append(f"newest of them from {newest.astimezone(self.tz):%Y-%m-%d %H:%M}")
        codes = {str(service.get("service_code", "")) for service in services}
        if unknown := sorted(set(self.service_codes) - codes):
            remarks.append(f"it has no service {unknown[0]!r}, which service_codes names")
        if elsewhere := found.counters.get("bad_coordinates", 0):
            hint = "" if self.grid else "; if they are of the British National Grid, set grid = 'osgb36'"
            remarks.append(f"the places of {elsewhere} requests are no degrees and are left out{hint}")
        shape = shape_of(rows)
        mapping = mapping_of(self._fields, self.fields, shape)
        return Capabilities(reachable=True, fields=shape, mapping=mapping, remarks=remarks)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """Windows from the last one's end, less what is read again, to now; then what was updated meanwhile."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        updated = state.get(_UPDATED, horizon.isoformat())
        windows = REVISITS.windows({**state, _UPDATED: updated}, horizon, self.tz, self.first_day)
        followed = UPDATES if self._dialect.updated_after else STATUSES if self._dialect.updates else ""
        if windows and followed and _UPDATED in state:
            changed = datetime.fromisoformat(updated) - REVISITS.overlap
            done = {**windows[-1].state, _UPDATED: horizon.isoformat()}
            windows.append(Window(changed, horizon, followed, done))
        return windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The requests of a window, in pieces that the server does not cut.

        A second of which it would not give everything is told as a reject, and its day as partial.

        Raises:
            SourceUnavailable: The server fails.
            SourceChanged: The server ignores the dates, or no longer understands the question.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        seen: set[tuple[str, int]] = set()
        unread: set[date] = set()
        lengths: dict[str, int] = {**window.state.get(_LENGTHS, {}), **self._learnt}
        first = timedelta(seconds=lengths[window.name]) if window.name in lengths else FIRST_PIECE
        pace = Pace(first, self._page_size, self._known_troubles(window), turns_pages=self._dialect.short_pages)
        with self.client() as client:
            ask = partial(self._ask_span, client, window.name)
            reader = Pieces(ask, partial(self._moment, window.name), self._dialect, self._page_size, pace)
            for piece in reader.of(window.since, window.until):
                if not piece.is_whole:
                    unread |= {civil_day(at, self.tz) for at in (piece.start, piece.end - SECOND)}
                if piece.begins_trouble:
                    at = piece.start.astimezone(self.tz).isoformat()
                    yield Page(
                        rejects=[Reject("unreadable_second", "the server fails over this second, or cuts it", at)]
                    )
                if window.name == STATUSES:
                    yield from self._follow(client, piece, window.until)
                else:
                    yield self._page(piece, window, seen)
        covers, open_day = wholly_read_days(window.since, window.until, self.tz)
        if window.name:
            covers, open_day = None, None
        if pace.length != first:  # else nothing was learnt, and the same read again leaves the same state
            lengths[window.name] = pace.length // SECOND
        self._learnt.update(lengths)  # for the windows that were planned already
        self._troubles[window.name] = pace.remembered(window.since, window.until)
        state = {**window.state, _LENGTHS: lengths, **self._state_of_troubles(window)}
        yield Page(end=WindowEnd(state, covers, open_day, partial_days=frozenset(unread)))

    @property
    def revisited_days(self) -> int | None:
        """None, where the server tells what was updated."""
        return None if self._dialect.updated_after or self._dialect.updates else REVISITS.weekly_days

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present state of single requests, and which of them the server no longer has."""
        with self.client() as client:
            lookup = self._lookup(client)
            for found in lookup.of(record_ids):
                batch = self._batch(found.rows, now)
                counters = add_up([batch.counters, found.counters, {"fetched": len(found.rows)}])
                yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters, removed=found.missing)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids that the server has in the span; nothing, where it would not give everything."""
        ids: set[str] = set()
        for page in self.fetch(span):
            ids.update(
                row.source_record_id
                for row in page.requests
                if span.since is not None and span.until is not None and span.since <= row.requested_at < span.until
            )
            if page.end is not None and page.end.partial_days:
                return Reconciliation()
        return Reconciliation(total=len(ids), record_ids=frozenset(ids))

    @property
    def _dialect(self) -> Dialect:
        return DIALECTS[self.dialect]

    @property
    def _fields(self) -> Mapping[RequestField, tuple[str, ...]]:
        return {**FIELDS, **{name: (key,) for name, key in self.fields.items()}}

    @property
    def _page_size(self) -> int:
        return self.page_size or self._dialect.page_size

    @property
    def _base(self) -> str:
        return self.url.strip().rstrip("/")

    def _place(self) -> dict[str, str | int]:
        return {"jurisdiction_id": self.jurisdiction_id} if self.jurisdiction_id else {}

    def _known_troubles(self, window: Window) -> Sequence[Trouble]:
        """The seconds over which it stumbled when it was last read."""
        if window.name in self._troubles:
            return self._troubles[window.name]
        written = window.state.get(_TROUBLES, {}).get(window.name, [])
        return [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in written]

    def _state_of_troubles(self, window: Window) -> dict[str, Any]:
        """What is to be known of them when it is read again."""
        assert window.until is not None  # noqa: S101 - this connector's own windows have both ends
        oldest = window.until - timedelta(days=REVISITS.weekly_days + 1)
        written = {
            name: [[begin.isoformat(), end.isoformat()] for begin, end in troubles if end > oldest]
            for name, troubles in self._troubles.items()
        }
        known = {**window.state.get(_TROUBLES, {}), **written}
        return {_TROUBLES: known} if any(known.values()) or _TROUBLES in window.state else {}

    def _moment(self, name: str, row: Row) -> datetime | None:
        """The time of a row by which it was asked for, where it is written as the specification says."""
        written = row.get("updated_datetime" if name else "requested_datetime")
        try:
            moment = datetime.fromisoformat(str(written))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.tz)

    def _written(self, moment: datetime) -> str:
        local = moment.astimezone(self.tz)
        is_zoned = self.dates == "zoned" or (not self.dates and self._dialect.zoned_dates)
        return (local if is_zoned else local.replace(tzinfo=None)).isoformat(timespec="seconds")

    def _ask_span(
        self, client: Client, name: str, start: datetime, end: datetime, *, page: int | None, tries: int
    ) -> Answer:
        """A page of [start, end), a second wider on both sides: servers differ in which end belongs to it."""
        after, before = ("updated_after", "updated_before") if name == UPDATES else ("start_date", "end_date")
        params: dict[str, str | int] = {after: self._written(start - SECOND), before: self._written(end + SECOND)}
        if page is not None:
            params[self._dialect.page_name] = page
        return self._ask(client, params, self._dialect.updates if name == STATUSES else "requests", tries=tries)

    def _ask(self, client: Client, params: Mapping[str, str | int], resource: str = "requests", **how: Any) -> Answer:
        """One answer; its document is a list of rows."""
        dialect = self._dialect
        own: dict[str, str | int] = dict(self._place())
        if dialect.page_size_name and resource == "requests":
            own[dialect.page_size_name] = self._page_size
        if dialect.extensions or any("." in key for key in self.fields.values()):
            own["extensions"] = "true"
        if self.service_codes and resource == "requests":
            own["service_code"] = ",".join(self.service_codes)
        return client.get(
            f"{self._base}/{resource}.{self.form}",
            {**own, **params},
            self._parse,
            also_accepted=frozenset({404}) if dialect.nothing_is_404 else frozenset(),
            also_retried=frozenset({403}) if dialect.refuses_at_the_edge else frozenset(),
            **how,
        )

    def _parse(self, body: bytes) -> list[Row]:
        return rows_of(body, self.form, nothing_is_an_error=self._dialect.nothing_is_404)

    def _lookup(self, client: Client) -> Lookup:
        return Lookup(
            ask_many=lambda ids: self._ask(client, {"service_request_id": ",".join(ids)}),
            ask_one=lambda record_id: client.get(
                f"{self._base}/requests/{record_id}.{self.form}",
                self._place(),
                self._parse,
                means_nothing=frozenset({404, 410}),
            ),
        )

    def _page(self, piece: Piece, window: Window, seen: set[tuple[str, int]]) -> Page:
        assert window.until is not None  # noqa: S101 - this connector's own windows have both ends
        batch = self._batch(piece.rows, window.until)
        self._check_dates(batch.requests, piece, window.name)
        fresh = _unseen(batch.requests, seen)
        counters = {"fetched": len(piece.rows), "duplicates": len(batch.requests) - len(fresh)}
        counters = add_up([batch.counters, piece.counters, counters])
        return Page(requests=fresh, rejects=batch.rejects, counters=counters, shape=shape_of_page(piece.rows))

    def _follow(self, client: Client, piece: Piece, until: datetime) -> Iterator[Page]:
        """The requests whose status was changed, with that status."""
        changes = newest_changes(piece.rows)
        yield Page(counters=add_up([piece.counters, {"status_changes": len(piece.rows)}]))
        for found in self._lookup(client).of(sorted(changes)):
            batch = self._batch([with_status(row, changes[id_of(row)]) for row in found.rows], until)
            counters = {"fetched": len(found.rows), "changes_without_request": len(found.missing)}
            counters = add_up([batch.counters, found.counters, counters])
            yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters)

    def _batch(self, rows: Sequence[Row], now: datetime) -> Batch:
        """Requests of these rows, without those of other services, which a server sends if it knows not all."""
        wanted = rows
        if self.service_codes:
            wanted = [row for row in rows if str(row.get("service_code")) in self.service_codes]
        batch = batch_of(self.source, self.tz, wanted, now=now, fields=self._fields, grid=self.grid)
        if len(wanted) == len(rows):
            return batch
        counters = {**batch.counters, "other_services": len(rows) - len(wanted)}
        return Batch(batch.requests, rejects=batch.rejects, counters=counters)

    def _check_dates(self, requests: Requests, piece: Piece, name: str) -> None:
        first, last = (np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us") for at in (piece.start, piece.end))
        at, day = requests.updated_at if name == UPDATES else requests.requested_at, np.timedelta64(1, "D")
        elsewhere = int(((at < first - day) | (at > last + day)).sum())
        if len(requests) >= _ENOUGH_TO_TELL and 2 * elsewhere > len(requests):
            asked = "updated_after and updated_before" if name == UPDATES else "start_date and end_date"
            raise SourceChanged(self.source, f"it ignores {asked}: most requests are from other days")


def _unseen(requests: Requests, seen: set[tuple[str, int]]) -> Requests:
    """The requests that are not in `seen` in this state, which are put into it."""
    stamps = requests.updated_at.astype(np.int64).tolist()
    keys = list(zip(requests.source_record_id.tolist(), stamps, strict=True))
    is_new = np.array([key not in seen for key in keys], dtype=np.bool_)
    seen.update(keys)
    return requests.where(is_new)
