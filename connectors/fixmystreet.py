"""Reads public reports from a FixMyStreet site through its Open311 answers (https://github.com/mysociety/fixmystreet).

A site gives so many reports at most, 1000 unless it was set up otherwise, the newest first and without pages. So the
end of the span is rolled back to the oldest report of each answer until nothing older comes. It filters by the time
at which a report was confirmed and knows no filter by update: every run reads the last two hours again, the first of
a day fourteen days, and one a week ninety. Older ones that are still open are asked for singly. Reports that are hidden
or made private vanish.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field

from connectors.days import civil_day, wholly_read_days
from connectors.georeport import FIELDS, Row, batch_of, id_of, rows_of
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Batch, RequestField, add_up
from connectors.revisits import Revisits
from connectors.shapes import mapping_of, shape_of, shape_of_page
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged
from forewarn.request import Reject

REVISITS = Revisits(timedelta(hours=2), nightly_days=14, weekly_days=90)
ANY_JURISDICTION = "fixmystreet"
AT_ONCE = 50
"""Single reports that are stored together."""
_SECOND = timedelta(seconds=1)
_AN_HOUR = timedelta(hours=1)  # what an offset may be wrong by in the night of autumn
_EVER = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class FixMyStreet(HttpSource):
    """One site; `url` is the address before `/requests.json`, such as `https://www.fixmystreet.com/open311/v2`.

    Args:
        bodies: Only reports that were sent to these authorities, by the numbers that the site has for them.
        jurisdiction_id: Must be sent, though any will do.
        fields: Our field → key of a report, over the usual ones.
        first_day: Where reading begins.
        lag_minutes: The newest minutes are left for the next run.
    """

    bodies: tuple[str, ...] = ()
    jurisdiction_id: Annotated[str, Field(min_length=1)] = ANY_JURISDICTION
    fields: dict[RequestField, str] = field(default_factory=dict)
    first_day: date | None = None
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def probe(self) -> Capabilities:
        """The categories and the newest reports of the site."""
        with self.client() as client:
            place = {"jurisdiction_id": self.jurisdiction_id}
            services = client.get(f"{self._base}/services.json", place, _parse_services).document
            rows = self._ask(client, {}).document
        batch = self._batch(rows, _EVER)
        remarks = [f"{len(services)} categories", f"{len(rows)} reports in one answer"]
        if len(batch.requests):
            newest = max(row.requested_at for row in batch.requests)
            remarks.append(f"newest of them from {newest.astimezone(self.tz):%Y-%m-%d %H:%M}")
        shape = shape_of(rows)
        return Capabilities(
            reachable=True,
            fields=shape,
            mapping=mapping_of(self._fields, self.fields, shape),
            remarks=remarks,
        )

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """Windows over the times of confirmation, from the last one's end, less what is read again, to now."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        return REVISITS.windows(state, horizon, self.tz, self.first_day)

    def fetch(self, window: Window) -> Iterator[Page]:
        """The reports of a window.

        Raises:
            SourceUnavailable: The site fails.
            SourceChanged: It refuses, does not give the newest reports first, or ignores the dates.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        unread: set[date] = set()
        with self.client() as client:
            for rows, counters, cut_at in self._roll(client, window.since, window.until):
                batch = self._batch(rows, window.until)
                rejects = list(batch.rejects)
                if cut_at is not None:
                    unread.add(civil_day(cut_at, self.tz))
                    at = cut_at.astimezone(self.tz).isoformat()
                    rejects.append(Reject("unreadable_second", "the site has more reports of it than it gives", at))
                counters = add_up([counters, batch.counters])
                yield Page(requests=batch.requests, rejects=rejects, counters=counters, shape=shape_of_page(rows))
        covers, open_day = wholly_read_days(window.since, window.until, self.tz)
        yield Page(end=WindowEnd(window.state, covers, open_day, partial_days=frozenset(unread)))

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids of the reports that are shown; nothing, where the site would not give all."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        ids: set[str] = set()
        with self.client() as client:
            for rows, _, cut_at in self._roll(client, span.since, span.until):
                if cut_at is not None:
                    return Reconciliation()
                ids.update(id_of(row) for row in rows)
        return Reconciliation(total=len(ids), record_ids=frozenset(ids))

    @property
    def revisited_days(self) -> int | None:
        """A site does not tell which reports were updated."""
        return REVISITS.weekly_days

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present state of single reports, asked for one by one, and which of them the site no longer shows.

        Of a site that answers with other reports nothing is believed.
        """
        with self.client() as client:
            for start in range(0, len(record_ids), AT_ONCE):
                rows, counters, missing = list[Row](), list[Mapping[str, int]](), list[str]()
                for record_id in record_ids[start : start + AT_ONCE]:
                    answer = self._ask(client, {"service_request_id": record_id})
                    counters.append(counters_of(answer))
                    if any(id_of(row) != record_id for row in answer.document):
                        return
                    rows += answer.document
                    missing += [] if answer.document else [record_id]
                batch = self._batch(rows, now)
                counted = add_up([*counters, batch.counters, {"fetched": len(rows)}])
                yield Page(requests=batch.requests, rejects=batch.rejects, counters=counted, removed=missing)

    @property
    def _base(self) -> str:
        return self.url.strip().rstrip("/")

    @property
    def _fields(self) -> Mapping[RequestField, tuple[str, ...]]:
        own: dict[RequestField, tuple[str, ...]] = {name: (key,) for name, key in self.fields.items()}
        return {**FIELDS, "channel": ("interface_used",), **own}

    def _roll(
        self, client: Client, since: datetime, until: datetime
    ) -> Iterator[tuple[list[Row], Mapping[str, int], datetime | None]]:
        """The reports of [since, until), newest first, with the second of which the site has more than it gives."""
        since, end = self._beyond(since, -_AN_HOUR), self._beyond(until, _AN_HOUR)
        largest, seen = 0, set[str]()
        while end > since:
            answer = self._ask(client, {"start_date": self._written(since), "end_date": self._written(end)})
            rows: list[Row] = answer.document
            times = self._times(rows, since, end)
            fresh = [row for row in rows if id_of(row) not in seen]
            seen.update(map(id_of, rows))
            counters = add_up([counters_of(answer), {"fetched": len(rows), "duplicates": len(rows) - len(fresh)}])
            if not fresh or len(rows) < largest:  # nothing older, or fewer than the site is known to give
                yield fresh, counters, None
                return
            largest = max(largest, len(rows))
            oldest = min(times, default=since)
            is_stuck = oldest + _SECOND >= end
            yield fresh, counters, oldest if is_stuck else None
            # The end is excluded, and what was confirmed later within that second may have been cut off.
            end = oldest if is_stuck else oldest + _SECOND

    def _ask(self, client: Client, params: Mapping[str, str]) -> Answer:
        bodies = {"agency_responsible": "|".join(self.bodies)} if self.bodies else {}
        place = {"jurisdiction_id": self.jurisdiction_id}
        return client.get(f"{self._base}/requests.json", {**place, **bodies, **params}, _parse_reports)

    def _written(self, moment: datetime) -> str:
        """On the site's own clock: its database leaves the offset unread."""
        return moment.astimezone(self.tz).isoformat(timespec="seconds")

    def _beyond(self, moment: datetime, apart: timedelta) -> datetime:
        """`moment`, or an hour further where the clocks are put back or forward: the site does not tell those hours."""
        before, after = (at.astimezone(self.tz).utcoffset() for at in (moment - _AN_HOUR, moment + _AN_HOUR))
        return moment if before == after else moment + apart

    def _times(self, rows: Sequence[Row], since: datetime, end: datetime) -> list[datetime]:
        """When the reports were confirmed, if they come newest first and were asked for."""
        times = [
            datetime.fromisoformat(str(row["requested_datetime"])) for row in rows if row.get("requested_datetime")
        ]
        if any(later > earlier for earlier, later in pairwise(times)):
            raise SourceChanged(self.source, "it does not give the newest reports first")
        slack = _AN_HOUR + _SECOND
        if times and not (since - slack <= times[-1] and times[0] < end + slack):
            raise SourceChanged(self.source, "it ignores start_date and end_date, or its clock is not that of `zone`")
        return times

    def _batch(self, rows: Sequence[Row], now: datetime) -> Batch:
        return batch_of(self.source, self.tz, [_flat(row) for row in rows], now=now, fields=self._fields)


def _flat(row: Row) -> Row:
    """The report with the names of those it was sent to as one text."""
    responsible = row.get("agency_responsible")
    if not isinstance(responsible, dict):
        return row
    names = responsible.get("recipient") or []
    return {**row, "agency_responsible": ", ".join(names) if isinstance(names, list) else names}


def _parse_reports(body: bytes) -> list[Row]:
    rows = rows_of(body, "json")
    for row in rows:
        if row.get("requested_datetime"):
            datetime.fromisoformat(str(row["requested_datetime"]))
    return rows


def _parse_services(body: bytes) -> list[Row]:
    return rows_of(body, "json", key="services")
