"""Reads layers of ArcGIS Feature and Map services (https://developers.arcgis.com/rest/services-reference/).

Rows are asked for by the time of the request and walked by their number, and must be as many as the server counts.
Each run reads the last day again, the first run of a day the last 14 days, the first of a week the last 90; where the
layer tells when a row was edited, that is read too. A last window has no end, so that dates read in another zone than
we think lose nothing.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
from pydantic import Field, SecretStr

from connectors.arcgis_drain import Drain
from connectors.arcgis_layer import DATE, LITERALS, Layer, Refused, Rows, Service
from connectors.days import civil_day, day_start, wholly_read_days
from connectors.http import Client, HttpSource
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.texts import no_column
from connectors.yearly import Part, parts_of
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable
from forewarn.request import Reject

OVERLAP = timedelta(days=1)  # read again by every run
NIGHTLY_DAYS, WEEKLY_DAYS = 14, 90  # read again by the first run of a day, and of a week
DAYS_A_WINDOW = 28
DEFAULT_DAYS = 90  # read at first, if the settings name no first day
SETTLED = timedelta(days=7)  # a year that is over for so long is complete, though its layer says nothing
_NEEDED = ("source_record_id", "requested_at")
_TIMES = ("requested_at", "updated_at", "closed_at", "due_at")
_NUMBERS = tuple(f"esriFieldType{kind}" for kind in ("OID", "Integer", "SmallInteger", "BigInteger", "Double"))
SINGLY = 50  # ids in one question, so that its address stays short enough
UNREADABLE = "unreadable_row"
_ENOUGH_TO_TELL = 10  # rows from which on a server that ignores the dates is recognised

Note = dict[str, Any]
"""What is remembered of one layer (JSON)."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows with a time in a field; `until` None: and all later ones."""

    field: str  # ours: `requested_at` or `updated_at`
    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class ArcGis(HttpSource):
    """One layer, or one for each year; `url` is its address, such as `…/MapServer/18`, or the beginning of theirs.

    Args:
        fields: Our field → field of the layer. A layer of points needs no `latitude` and `longitude`.
        layers: Year → rest of the address, where each year has a layer of its own.
        clock: Zone of the layer's times, where they are on another clock than they say.
        token: For layers that are not public.
        first_day: Where reading begins.
        page_size: Rows in one answer.
        lag_minutes: The newest minutes are left for the next run.
    """

    fields: dict[RequestField, str]
    layers: dict[int, str] = field(default_factory=dict)
    clock: str = ""
    token: SecretStr = SecretStr("")
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=1)] = 1000
    lag_minutes: Annotated[int, Field(ge=0)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if missing := [name for name in _NEEDED if name not in self.fields]:
            raise ValueError(f"fields.{missing[0]} is missing: the field that holds it")
        if self.clock and self.clock not in available_timezones():
            raise ValueError(f"clock: {self.clock!r} is not an IANA time zone such as 'America/Chicago'")

    def probe(self) -> Capabilities:
        """The newest layer's fields, size and freshness, and how it wants its dates."""
        with self._client() as client:
            service = self._service(client)
            newest = parts_of("", self.layers, date.min, civil_day(datetime.now(UTC), self.tz))[-1]
            layer = service.describe(self._address(newest), self.tz)
            rows = service.count(layer, "1=1")
            column, note = self.fields["requested_at"], Note()
            if layer.types.get(column) in LITERALS:
                self._counted(service, layer, _Span("requested_at", datetime.now(UTC) - OVERLAP, None), note)
        remarks = [f"{rows} rows"]
        if note:
            remarks.append(f"dates are asked for as {note['forms'][column]}, in {layer.clock}")
        if layer.edited is not None:
            remarks.append(f"last edited {layer.edited.astimezone(self.tz):%Y-%m-%d %H:%M}")
        if self.fields["source_record_id"] == layer.object_id:
            remarks.append(f"{layer.object_id} is given anew when the layer is rebuilt: name another field as the id")
        if not layer.sorts:
            remarks.append("the server does not sort; rows are asked for by their numbers")
        mapping = {str(ours): (theirs,) for ours, theirs in self.fields.items()}
        types = dict(layer.types)
        if layer.has_points and "latitude" not in self.fields:
            mapping |= {"latitude": ("geometry.y",), "longitude": ("geometry.x",)}
            types["geometry"] = "esriGeometryPoint"
        return Capabilities(True, layer.edited, types, rows, remarks, mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """One round through all layers; what it starts from is its state."""
        horizon = (now - timedelta(minutes=self.lag_minutes)).replace(microsecond=0)
        first = day_start(self.first_day or civil_day(horizon, self.tz) - timedelta(days=DEFAULT_DAYS), self.tz)
        return [Window(first, horizon, state=state)] if first < horizon else []

    def fetch(self, window: Window) -> Iterator[Page]:
        """The rows of one round, committed span by span.

        Raises:
            SourceUnavailable: The server fails, or its rows do not come to what it counts.
            SourceChanged: It refuses, ignores the dates, or lacks a field that the settings name.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        today = civil_day(window.until, self.tz)
        notes: dict[str, Note] = {key: dict(note) for key, note in window.state.get("layers", {}).items()}
        with self._client() as client:
            service = self._service(client)
            for part in parts_of("", self.layers, civil_day(window.since, self.tz), today):
                begun = {"covered": (part.first - timedelta(days=1)).isoformat(), "updated": window.until.isoformat()}
                note = notes.setdefault(part.key, begun)
                spans = self._spans(part, note, window.until)
                if not spans:
                    continue
                layer = self._layer(service, part)
                if "updated_at" in self.fields and "weekly" in note:
                    spans.append(_Span("updated_at", datetime.fromisoformat(note["updated"]) - OVERLAP, None))
                unread: set[date] = set()
                for number, span in enumerate(spans, 1):
                    unread |= yield from self._read(service, layer, span, note, window.until)
                    end = self._ended(part, layer, span, note, window.until)
                    end = replace(end, partial_days=frozenset(unread), shape=layer.types)
                    if number == len(spans):
                        note |= self._round(note, today, is_clean=not unread)
                    yield Page(end=replace(end, state={"layers": {key: dict(each) for key, each in notes.items()}}))

    @property
    def revisited_days(self) -> int | None:
        """None, where the layer tells when a row was edited."""
        return None if "updated_at" in self.fields else WEEKLY_DAYS

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present rows of single requests, from whichever layer has them, and in the end which none of them has."""
        today = civil_day(now, self.tz)
        first = self.first_day or today - timedelta(days=DEFAULT_DAYS)
        left = set(record_ids)
        with self._client() as client:
            service = self._service(client)
            for part in parts_of("", self.layers, first, today):
                for found in self._read_singly(service, self._layer(service, part), record_ids, now):
                    left.difference_update(found.requests.source_record_id.tolist(), found.removed)
                    yield replace(found, removed=())
        yield Page(removed=sorted(left))

    def _read_singly(self, service: Service, layer: Layer, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """Rows with these ids, in halves where the server stumbles; `removed` are those of which it tells nothing."""
        key = self.fields["source_record_id"]
        is_number = layer.types[key] in _NUMBERS
        ids = [record_id for record_id in record_ids if not is_number or (record_id.isascii() and record_id.isdigit())]
        columns = sorted(set(self.fields.values()))
        places = layer.has_points and "latitude" not in self.fields
        pieces = [ids[start : start + SINGLY] for start in range(0, len(ids), SINGLY)][::-1]
        while pieces:
            piece = pieces.pop()
            written = piece if is_number else ["'" + record_id.replace("'", "''") + "'" for record_id in piece]
            try:
                found = service.rows(
                    layer, f"{key} IN ({','.join(written)})", columns, places=places, page_rows=layer.most_rows, tries=1
                )
            except Refused:
                middle = len(piece) // 2
                if middle:
                    pieces += [piece[middle:], piece[:middle]]
                else:
                    yield Page(counters={"not_read_singly": 1}, removed=piece)
                continue
            batch = self._batch(layer, found, now)
            if not set(batch.requests.source_record_id.tolist()) <= set(piece):
                raise SourceChanged(self.source, "it ignores the condition: there are other rows than were asked for")
            counters = add_up([found.counters, batch.counters, {"fetched": len(found.rows)}])
            yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters)

    def reconcile(self, span: Window) -> Reconciliation:
        """The ids that the layers have in the span; only their number, if there are rows that cannot be read."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        needed = replace(self, fields={name: column for name, column in self.fields.items() if name in _NEEDED})
        first, last = (np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us") for at in (span.since, span.until))
        ids: set[str] = set()
        unreadable = 0
        with self._client() as client:
            service = self._service(client)
            for part in parts_of("", self.layers, civil_day(span.since, self.tz), civil_day(span.until, self.tz)):
                asked = _Span("requested_at", span.since, span.until)
                for page in needed._read(service, self._layer(service, part), asked, {}, span.until):
                    inside = (page.requests.requested_at >= first) & (page.requests.requested_at < last)
                    ids.update(page.requests.source_record_id[inside].tolist())
                    unreadable += len([reject for reject in page.rejects if reject.reason == UNREADABLE])
        return Reconciliation(total=len(ids) + unreadable, record_ids=None if unreadable else frozenset(ids))

    def _client(self) -> Client:
        return self.client(secrets=(self.token.get_secret_value(),))

    def _service(self, client: Client) -> Service:
        return Service(self.source, client, self.token.get_secret_value())

    def _address(self, part: Part) -> str:
        return "/".join(piece.strip().strip("/") for piece in (self.url, part.name) if piece.strip())

    def _layer(self, service: Service, part: Part) -> Layer:
        layer = service.describe(self._address(part), self.tz)
        if missing := [name for name in sorted(set(self.fields.values())) if name not in layer.types]:
            raise SourceChanged(self.source, f"the layer {no_column(missing[0], sorted(layer.types), 'field')}")
        for name in ("requested_at", "updated_at"):
            column = self.fields.get(name, "")
            if column and layer.types[column] not in LITERALS:
                problem = f"{column} is no date but {layer.types[column]}: requests cannot be asked for by it"
                raise SourceChanged(self.source, problem)
        return layer

    def _spans(self, part: Part, note: Note, until: datetime) -> list[_Span]:
        """The pieces of one layer that are read in this round, by the time of the request."""
        today = civil_day(until, self.tz)
        begin = day_start(part.first, self.tz)
        end = until if part.last is None else min(until, day_start(part.last + timedelta(days=1), self.tz))
        since = begin
        if "watermark" in note:
            reached = datetime.fromisoformat(note["watermark"])
            days = self._revisit_days(note, today)
            if part.is_closed(today) or (reached >= end < until and not days):
                return []
            since = reached - OVERLAP
            since = max(begin, min(since, day_start(today - timedelta(days=days), self.tz)) if days else since)
        spans = []
        while since < end:
            upto = min(day_start(civil_day(since, self.tz) + timedelta(days=DAYS_A_WINDOW), self.tz), end)
            spans.append(_Span("requested_at", since, None if upto == until else upto))
            since = upto
        return spans

    def _revisit_days(self, note: Note, today: date) -> int:
        """So many days are due to be read again."""
        if "weekly" not in note:  # the first reading goes on
            return 0
        if today - date.fromisoformat(note["weekly"]) >= timedelta(days=7):
            return WEEKLY_DAYS
        return NIGHTLY_DAYS if note["nightly"] != today.isoformat() else 0

    def _round(self, note: Note, today: date, *, is_clean: bool) -> Note:
        """Which revisits were done, once all spans are drained; not the nightly one, where rows could not be read."""
        is_weekly = "weekly" not in note or self._revisit_days(note, today) == WEEKLY_DAYS
        weekly = today.isoformat() if is_weekly else note["weekly"]
        return {"nightly": today.isoformat() if is_clean else "", "weekly": weekly}

    def _ended(self, part: Part, layer: Layer, span: _Span, note: Note, until: datetime) -> WindowEnd:
        """What a drained span proves. The layer holds all up to its last edit, or to its newest request if that is
        later or it tells of no edits.
        """
        known = [layer.edited] if layer.edited else []
        known += [datetime.fromisoformat(note["newest"])] if "newest" in note else []
        fresh_until = min(max(known), until) if known else None
        if span.field == "updated_at":
            note["updated"] = min(until, layer.edited or until).isoformat()  # what came in since may be stamped earlier
            return WindowEnd({}, fresh_until=fresh_until)
        upto = span.until or until
        if part.last and until > day_start(part.last, self.tz) + SETTLED:
            fresh_until = until
        if fresh_until is None:
            return WindowEnd({})
        # What a layer that stands still brings later is from after its last edit, so we go back to there.
        note["watermark"] = max(note.get("watermark", ""), min(upto, fresh_until).isoformat())
        covered = date.fromisoformat(note["covered"])
        covers, open_day = wholly_read_days(span.since, min(upto, fresh_until), self.tz)
        if covers:
            note["covered"] = max(covered, covers[1]).isoformat()
        return WindowEnd({}, covers, open_day if span.until is None else None, fresh_until)

    def _read(
        self, service: Service, layer: Layer, span: _Span, note: Note, until: datetime
    ) -> Generator[Page, None, set[date]]:
        """All rows of a span; comes back with the days of those that cannot be read."""
        expected, where = self._counted(service, layer, span, note)
        places = layer.has_points and "latitude" not in self.fields
        columns = sorted(set(self.fields.values()))
        drain = Drain(service, layer, where, columns, places, min(self.page_size, layer.most_rows))
        for found in drain.pages(expected):
            batch = self._batch(layer, found, until)
            self._check_dates(batch, span)
            if newest := _newest(batch, until):
                note["newest"] = max(newest, note.get("newest", ""))
            counters = add_up([found.counters, batch.counters, {"fetched": len(found.rows)}])
            yield Page(requests=batch.requests, rejects=batch.rejects, counters=counters)
        where_it_is = [f"{layer.object_id} {number}" for number in drain.unreadable]
        if where_it_is:
            yield Page(rejects=[Reject(UNREADABLE, "the server cannot give this row", place) for place in where_it_is])
        return {self._day_of(service, layer, number, note, until) for number in drain.unreadable}

    def _day_of(self, service: Service, layer: Layer, number: int, note: Note, until: datetime) -> date:
        """The day of a row that can be counted, though not read."""
        first, last = self.first_day or date(1971, 1, 1), civil_day(until, self.tz)
        while first < last:
            middle = first + (last - first + timedelta(days=1)) // 2
            span = _Span("requested_at", day_start(middle, self.tz), None)
            counted, _ = self._counted(service, layer, span, note, f" AND {layer.object_id} = {number}")
            first, last = (middle, last) if counted else (first, middle - timedelta(days=1))
        return first

    def _counted(self, service: Service, layer: Layer, span: _Span, note: Note, more: str = "") -> tuple[int, str]:
        """How many rows a span has, and the condition for it, in the form of dates that the server understands."""
        column = self.fields[span.field]  # type: ignore[index]
        forms = LITERALS[layer.types[column]]
        remembered = note.get("forms", {}).get(column)
        for form in sorted(forms, key=lambda form: form != remembered):
            where = f"{column} >= {self._literal(layer, span.since, form)}"
            if span.until is not None:
                where += f" AND {column} < {self._literal(layer, span.until, form)}"
            where += more
            try:
                counted = service.count(layer, where)
            except Refused as refused:
                said = str(refused)
            else:
                note["forms"] = {**note.get("forms", {}), column: form}
                return counted, where
        raise SourceUnavailable(self.source, f"it counts the rows for no form of a date: {said}")

    def _literal(self, layer: Layer, moment: datetime, form: str) -> str:
        if form == "day":
            return f"date '{civil_day(moment, self.tz)}'"
        return layer.literal(moment.astimezone(self._clock(layer)).replace(tzinfo=UTC), form)

    def _clock(self, layer: Layer) -> ZoneInfo:
        """On which clock the layer's times were written."""
        return ZoneInfo(self.clock) if self.clock else self.tz if layer.is_local else ZoneInfo("UTC")

    def _batch(self, layer: Layer, found: Rows, until: datetime) -> Batch:
        names = {str(ours): theirs for ours, theirs in self.fields.items()}
        rows = [{ours: row.get(theirs) for ours, theirs in names.items()} for row in found.rows]
        columns = columns_of(rows, {ours: (ours,) for ours in names})
        if "latitude" not in names:
            places = [row["geometry"] for row in found.rows]
            columns |= columns_of(places, {"latitude": ("y",), "longitude": ("x",)})
        for ours in set(_TIMES) & names.keys():
            if layer.types[names[ours]] == DATE and pa.types.is_primitive(columns[ours].type):
                columns[ours] = columns[ours].cast(pa.int64(), safe=False).cast(pa.timestamp("ms"))
        where = [f"{layer.object_id} {row.get(layer.object_id)}" for row in found.rows]
        normaliser = Normaliser(self.source, self.tz, self._clock(layer))
        return normaliser.requests(columns, now=until, position=where.__getitem__)

    def _check_dates(self, batch: Batch, span: _Span) -> None:
        times = getattr(batch.requests, span.field)
        ends = [np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us") for at in (span.since, span.until) if at]
        a_day = np.timedelta64(1, "D")
        elsewhere = times < ends[0] - a_day
        if len(ends) > 1:
            elsewhere |= times > ends[1] + a_day
        if len(times) >= _ENOUGH_TO_TELL and 2 * int(elsewhere.sum()) > len(times):
            raise SourceChanged(self.source, "it ignores the dates: most requests are from other days")


def _newest(batch: Batch, until: datetime) -> str:
    """The time of the newest request that is not from the future, as text; '': there is none."""
    times = batch.requests.requested_at
    times = times[times <= np.datetime64(until.astimezone(UTC).replace(tzinfo=None), "us")]
    return times.max().item().replace(tzinfo=UTC).isoformat() if len(times) else ""
