"""Reads Socrata data sets through SODA 2.1 or 3 (https://dev.socrata.com).

Rows are walked in the order (:updated_at, :id), each page beginning after the last row of the one before, so
nothing shifts between pages. The first reading goes by the day of the request, month after month; later runs
ask for what was updated since. How far the data reaches is told by the data set's own `rowsUpdatedAt`. A publisher who
replaces all rows gives them new ids and times of update: all are read again, and by their keys they are known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import Field, SecretStr

from connectors.days import civil_day, completed_days, day_start
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Normaliser, RequestField, add_up, columns_of
from connectors.soda import About, Soda, Version
from connectors.texts import as_text, no_column
from connectors.yearly import parts_of
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged

OVERLAP = timedelta(hours=1)  # read again by every run
DAYS_A_WINDOW = 28
DEFAULT_DAYS = 90  # read at first, if the settings name no first day
BACKFILL = "created"  # name of a window over the days of the requests
YEARS = "years"  # name of a window over the data sets of all years
SINGLY = 100  # ids in one question, so that its address stays short enough
SETTLED = timedelta(days=7)  # a data set that is over for so long is complete, though nobody updates it any more
_NEEDED = ("source_record_id", "requested_at")


@dataclass(frozen=True, kw_only=True)
class Socrata(HttpSource):
    """One data set, or one for each year; `url` is the portal's address.

    Args:
        fields: Our field → column of the data set.
        dataset: Its identifier, such as `erm2-nwe9`.
        datasets: Instead: year → identifier.
        soda: Version of the interface; 3 needs a token.
        app_token: Raises the portal's limits; 2.1 gives public data without.
        first_day, last_day: Where reading begins, and where the data set ends.
        page_size: Rows in one answer.
        lag_minutes: The newest minutes are left for the next run.
    """

    fields: dict[RequestField, str]
    dataset: str = ""
    datasets: dict[int, str] = field(default_factory=dict)
    soda: Version = "2.1"
    app_token: SecretStr = SecretStr("")
    first_day: date | None = None
    last_day: date | None = None
    page_size: Annotated[int, Field(ge=1)] = 10_000
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if missing := [name for name in _NEEDED if name not in self.fields]:
            raise ValueError(f"fields.{missing[0]} is missing: the column that holds it")
        if bool(self.dataset) == bool(self.datasets):
            raise ValueError("either dataset or datasets must be given: which data set to read, or which in each year")
        if self.soda == "3" and not self.app_token.get_secret_value():
            raise ValueError("soda = '3' needs an app_token: the portals answer no questions without")

    def probe(self) -> Capabilities:
        """The data set's columns, size and freshness; the newest one's, where each year has its own."""
        if self.datasets:
            return self._of_year(self.datasets[max(self.datasets)], self.first_day, None).probe()
        with self._client() as client:
            soda = self._soda(client)
            about = self._about(soda)
            rows = int(soda.one("count(*)") or 0)
        age = "" if about.updated is None else f", last updated {about.updated.astimezone(self.tz):%Y-%m-%d %H:%M}"
        remarks = [f"{rows} rows{age}"]
        if about.refused:
            remarks.append(f"the portal tells nothing else of the data set ({about.refused}); an app_token may help")
        return Capabilities(True, about.updated, about.types, rows, remarks, self._mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """At first all requests since the first day; then everything that was updated since the last window. Where each
        year has a data set, one round through all of them.
        """
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        if self.datasets:
            first = self.first_day or civil_day(horizon, self.tz) - timedelta(days=DEFAULT_DAYS)
            return [Window(day_start(first, self.tz), horizon, YEARS, state)]
        return self._windows(state, horizon)

    def _windows(self, state: Mapping[str, Any], horizon: datetime) -> list[Window]:
        today = civil_day(horizon, self.tz)
        if "watermark" in state and "filled" not in state:
            since = datetime.fromisoformat(state["watermark"]) - OVERLAP
            return [Window(since, horizon, state={**state, "watermark": horizon.isoformat()})]
        first = self.first_day or today - timedelta(days=DEFAULT_DAYS)
        last = today if self.last_day is None else min(today, self.last_day)
        filled = date.fromisoformat(state["filled"]) if "filled" in state else first
        # What is updated during the first reading, however often that is interrupted, is read after it.
        kept = {"watermark": horizon.isoformat(), "first_day": first.isoformat(), **state}
        reached = {name: kept[name] for name in ("watermark", "first_day")}
        windows = []
        while filled <= last:
            after = min(filled + timedelta(days=DAYS_A_WINDOW), last + timedelta(days=1))
            left = {"filled": after.isoformat()} if after <= last else {}
            windows.append(Window(day_start(filled, self.tz), day_start(after, self.tz), BACKFILL, reached | left))
            filled = after
        return windows

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows of a window, page after page.

        Raises:
            SourceUnavailable: The portal fails.
            SourceChanged: It refuses, or the data set lacks a column that the settings name.
        """
        if window.name == YEARS:
            yield from self._fetch_years(window)
            return
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        horizon = datetime.fromisoformat(window.state["watermark"])
        with self._client() as client:
            soda = self._soda(client)
            about = self._about(soda)
            self._check_columns(about)
            fresh_until = about.updated
            asked = _since_the_last_load(window, fresh_until)
            first = uncovered = self._first_uncovered(asked)
            last_row = None
            while rows := (answer := self._page(soda, self._where(soda, asked), last_row)).document:
                page = self._batch(answer, horizon)
                first = min({first, *np.unique(page.requests.day).tolist()})
                yield page
                last_row = rows[-1]
        known_until = min(window.until, horizon, fresh_until or horizon)
        if self.last_day is not None:
            closed = day_start(self.last_day + timedelta(days=1), self.tz)
            known_until = min(closed, horizon if horizon > closed + SETTLED else known_until)
        # Of the days before the first reading only those requests come that are updated.
        begun = date.fromisoformat(window.state.get("first_day", uncovered.isoformat()))
        covers, open_day = completed_days(max(first, begun), known_until, self.tz)
        covered = covers[1] if covers else min(first, civil_day(known_until, self.tz)) - timedelta(days=1)
        state = {**window.state, "covered": covered.isoformat()}
        if fresh_until is not None:
            state["fresh"] = fresh_until.isoformat()
        end = WindowEnd(state, covers, open_day, fresh_until, shape=_own(about.types))
        yield Page(counters=counters_of(answer), end=end)

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present rows of single requests."""
        today = civil_day(now, self.tz)
        first = self.first_day or today - timedelta(days=DEFAULT_DAYS)
        with self._client() as client:
            for part in parts_of(self.dataset, self.datasets, first, today):
                soda = self._soda(client, part.name)
                key = soda.column(self.fields["source_record_id"])
                for start in range(0, len(record_ids), SINGLY):
                    quoted = ",".join(f"'{_escaped(record_id)}'" for record_id in record_ids[start : start + SINGLY])
                    yield self._batch(self._page(soda, f"{key} IN ({quoted})", None), now)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids that the portal has in the span; only their number, where they are not as many as it says."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        ids: set[str] = set()
        total, rows = 0, 0
        first, last = (civil_day(moment, self.tz) for moment in (span.since, span.until))
        key = self.fields["source_record_id"]
        with self._client() as client:
            for part in parts_of(self.dataset, self.datasets, first, last):
                soda = self._soda(client, part.name)
                where, behind = self._where_created(soda, span.since, span.until), ""
                while found := soda.rows([":id", key], f"{where}{behind}", ":id", self.page_size).document:
                    rows += len(found)
                    named = as_text(columns_of(found, {key: (key,)})[key]).to_pylist()
                    ids.update(record_id for record_id in named if record_id)
                    behind = f" AND :id > '{_escaped(found[-1][':id'])}'"
                total += int(soda.one("count(*)", where) or 0)
        return Reconciliation(total=total) if rows != total else Reconciliation(len(ids), frozenset(ids))

    def _fetch_years(self, window: Window) -> Iterator[Page]:
        """One round through the data sets of all years; each has a state of its own."""
        assert window.since is not None  # noqa: S101
        assert window.until is not None  # noqa: S101
        years = dict(window.state.get("years", {}))
        today = civil_day(window.until, self.tz)
        for part in parts_of("", self.datasets, civil_day(window.since, self.tz), today):
            state = years.get(part.key, {})
            if part.is_closed(today) and state and "filled" not in state:
                continue
            of_year = self._of_year(part.name, part.first, part.last)
            for piece in of_year._windows(state, window.until):
                for page in of_year.fetch(piece):
                    if page.end is None:
                        yield page
                        continue
                    years[part.key] = page.end.state
                    yield replace(page, end=replace(page.end, state={"years": dict(years)}))

    def _of_year(self, dataset: str, first_day: date | None, last_day: date | None) -> "Socrata":
        return replace(self, dataset=dataset, datasets={}, first_day=first_day, last_day=last_day)

    @property
    def _mapping(self) -> dict[str, tuple[str]]:
        return {"updated_at": (":updated_at",)} | {str(ours): (theirs,) for ours, theirs in self.fields.items()}

    def _client(self) -> Client:
        token = self.app_token.get_secret_value()
        return self.client({"X-App-Token": token} if token else {})

    def _soda(self, client: Client, dataset: str = "") -> Soda:
        has_token = bool(self.app_token.get_secret_value())
        return Soda(self.source, client, self.url.strip().rstrip("/"), dataset or self.dataset, self.soda, has_token)

    def _about(self, soda: Soda) -> About:
        """What the portal tells of the data set, or when a row was last updated."""
        about = soda.about()
        if about.refused:
            newest = soda.one("max(:updated_at)")
            about = replace(about, updated=datetime.fromisoformat(newest).astimezone(UTC) if newest else None)
        return about

    def _check_columns(self, about: About) -> None:
        for name in sorted(set(self.fields.values())):
            if about.types and name not in about.types and not name.startswith(":"):
                raise SourceChanged(self.source, f"the data set {no_column(name, sorted(about.types))}")

    def _where(self, soda: Soda, window: Window) -> str:
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        if window.name == BACKFILL:
            return self._where_created(soda, window.since, window.until)
        return f":updated_at >= '{_utc(window.since)}' AND :updated_at < '{_utc(window.until)}'"

    def _page(self, soda: Soda, where: str, after: Mapping[str, str] | None) -> Answer:
        """The next page, which begins behind the row `after`."""
        if after is not None:
            at, row_id = after[":updated_at"], _escaped(after[":id"])
            where = f"({where}) AND (:updated_at > '{at}' OR (:updated_at = '{at}' AND :id > '{row_id}'))"
        columns = [":id", ":updated_at", *sorted(set(self.fields.values()) - {":id", ":updated_at"})]
        return soda.rows(columns, where, ":updated_at,:id", self.page_size)

    def _batch(self, answer: Answer, now: datetime) -> Page:
        """The page that an answer with rows makes."""
        rows = answer.document
        if rows and not any(self.fields["requested_at"] in row for row in rows):
            problem = f"no row of a whole page has the column {self.fields['requested_at']!r}"
            raise SourceChanged(self.source, problem)
        normaliser = Normaliser(self.source, self.tz, self.tz)
        batch = normaliser.requests(
            columns_of(rows, self._mapping), now=now, position=lambda index: f"row {rows[index][':id']}"
        )
        counters = add_up([counters_of(answer), batch.counters, {"fetched": len(rows)}])
        return Page(requests=batch.requests, rejects=batch.rejects, counters=counters)

    def _where_created(self, soda: Soda, since: datetime, until: datetime) -> str:
        """The data set's own times have no zone; they are local."""
        column = soda.column(self.fields["requested_at"])
        start, end = (moment.astimezone(self.tz).strftime("%Y-%m-%dT%H:%M:%S") for moment in (since, until))
        return f"{column} >= '{start}' AND {column} < '{end}'"

    def _first_uncovered(self, window: Window) -> date:
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        since = civil_day(window.since, self.tz)
        if window.name == BACKFILL or "covered" not in window.state:
            return since
        return min(since, date.fromisoformat(window.state["covered"]) + timedelta(days=1))


def _own(types: Mapping[str, str]) -> dict[str, str]:
    """The publisher's columns: the portal's own, such as regions computed from places, come and go."""
    return {name: kind for name, kind in types.items() if not name.startswith(":")}


def _since_the_last_load(window: Window, fresh_until: datetime | None) -> Window:
    """A data set that stood still may come back with rows that are stamped with times at which we saw none of them."""
    seen = window.state.get("fresh")
    if window.name == BACKFILL or seen is None or window.since is None or fresh_until is None:
        return window
    last_load = datetime.fromisoformat(seen)
    return window if fresh_until == last_load else replace(window, since=min(window.since, last_load - OVERLAP))


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
