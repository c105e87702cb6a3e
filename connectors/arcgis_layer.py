"""A layer of an ArcGIS Feature or Map service: what it says of itself, how it is asked, how it says no.

Errors come with status 200, tokens have codes of their own (498, 499), and which form of a date a server understands
is found out only by asking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.documents import TryLater, parse_json
from connectors.http import MAX_TRIES, Client, counters_of
from forewarn.errors import SourceChanged, SourceUnavailable

DATE, DATE_ONLY, TIMESTAMP_OFFSET = "esriFieldTypeDate", "esriFieldTypeDateOnly", "esriFieldTypeTimestampOffset"
LITERALS = {DATE: ("timestamp", "date", "epoch"), DATE_ONLY: ("day",), TIMESTAMP_OFFSET: ("offset",)}
"""Type of a field → the forms in which its dates may be asked for, the likeliest first."""
_LATER = {429, 502, 503, 504}
_TOKEN = {401, 403, 498, 499}
_REFUSALS = frozenset({400, 401, 403, 498, 499, 500})
_MOST_ROWS = 1000  # where the layer does not say


class Refused(Exception):
    """The server did not answer this question; a smaller or another one may do."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer says of itself.

    Args:
        url: Its address.
        object_id: The field that numbers its rows; rebuilds number them anew.
        types: Field → type.
        most_rows: Of one answer.
        sorts, pages: Whether it understands an order, and a number of rows.
        clock: In which the dates of a question are read.
        is_local: Its dates are on the clock of its place, though they look like UTC.
        has_points: Whether rows come with a place.
        edited: When it was last edited; None: it does not say.
    """

    url: str
    object_id: str
    types: Mapping[str, str]
    most_rows: int
    sorts: bool
    pages: bool
    clock: tzinfo
    is_local: bool
    has_points: bool
    edited: datetime | None

    @classmethod
    def of(cls, url: str, about: Mapping[str, Any], zone: ZoneInfo) -> "Layer":
        """From the layer's own description.

        Raises:
            ValueError: It describes no layer with numbered rows.
        """
        types = {str(field["name"]): str(field.get("type", "")) for field in about.get("fields") or []}
        numbered = (name for name, kind in types.items() if kind == "esriFieldTypeOID")
        object_id = about.get("objectIdField") or next(numbered, None)
        if not object_id:
            raise ValueError("it has no field that numbers its rows")
        able = about.get("advancedQueryCapabilities") or {}
        pages = bool(able.get("supportsPagination"))
        edited = (about.get("editingInfo") or {}).get("lastEditDate")
        return cls(
            url=url,
            object_id=str(object_id),
            types=types,
            most_rows=int(about.get("maxRecordCount") or _MOST_ROWS),
            sorts=pages or bool(able.get("supportsOrderBy")) or bool(about.get("supportsAdvancedQueries")),
            pages=pages,
            clock=_clock(about.get("dateFieldsTimeReference") or {}, zone),
            is_local=bool(about.get("datesInUnknownTimezone")),
            has_points=about.get("geometryType") == "esriGeometryPoint",
            edited=datetime.fromtimestamp(edited / 1000, UTC) if isinstance(edited, int | float) else None,
        )

    def literal(self, moment: datetime, form: str) -> str:
        """`moment` as this layer reads it in a question."""
        local = moment.astimezone(self.clock)
        if form == "epoch":
            return str(round(moment.timestamp() * 1000))
        if form == "offset":
            return f"timestamp '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} +00:00'"
        return f"{form} '{local:%Y-%m-%d %H:%M:%S}'"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one answer: attributes, and `geometry` if places were wanted. Whether there are more is told by counting,
    as `exceededTransferLimit` is not known to all servers, nor always true.
    """

    rows: Sequence[dict[str, Any]]
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Service:
    """Asks the layers of one source."""

    source: str
    client: Client
    token: str

    def describe(self, url: str, zone: ZoneInfo) -> Layer:
        """The layer at `url`.

        Raises:
            SourceChanged: There is none.
        """
        try:
            about, _ = self._ask(url, {})
            return Layer.of(url, about, zone)
        except (Refused, ValueError) as problem:
            raise SourceChanged(self.source, f"there is no layer at this address: {problem}") from None

    def count(self, layer: Layer, where: str) -> int:
        """Rows for which `where` holds."""
        found, _ = self._query(layer, {"where": where, "returnCountOnly": "true"})
        if not isinstance(found.get("count"), int | float):
            raise Refused("it does not count its rows")
        return int(found["count"])

    def ids(self, layer: Layer, where: str) -> list[int]:
        """The numbers of these rows, ascending; some servers send them as decimal fractions."""
        found, _ = self._query(layer, {"where": where, "returnIdsOnly": "true"})
        return sorted(int(number) for number in found.get("objectIds") or [])

    def rows(
        self, layer: Layer, where: str, fields: Sequence[str], *, places: bool, page_rows: int, tries: int = MAX_TRIES
    ) -> Rows:
        """As many of these rows as one answer holds, in the order of their numbers if the server sorts."""
        params: dict[str, str | int] = {
            "where": where,
            "outFields": ",".join(dict.fromkeys([layer.object_id, *fields])),
            "returnGeometry": "true" if places else "false",
            **({"outSR": 4326} if places else {}),
            **({"orderByFields": layer.object_id} if layer.sorts else {}),
            **({"resultRecordCount": page_rows} if layer.pages else {}),
        }
        found, counters = self._query(layer, params, tries)
        features = [feature for feature in found.get("features") or [] if isinstance(feature, dict)]
        rows = [
            {**(feature.get("attributes") or {}), "geometry": feature.get("geometry") or {}} for feature in features
        ]
        return Rows(rows, counters)

    def _query(
        self, layer: Layer, params: Mapping[str, str | int], tries: int = MAX_TRIES
    ) -> tuple[dict[str, Any], dict[str, int]]:
        return self._ask(f"{layer.url}/query", params, tries)

    def _ask(
        self, url: str, params: Mapping[str, str | int], tries: int = MAX_TRIES
    ) -> tuple[dict[str, Any], dict[str, int]]:
        secret = {"token": self.token} if self.token else {}
        try:
            answer = self.client.get(
                url, {**params, "f": "json", **secret}, _parse, also_accepted=_REFUSALS, tries=tries
            )
        except SourceUnavailable as failed:
            if failed.status == 500:  # as one bad row makes it fail
                raise Refused(failed.problem) from None
            raise
        error = answer.document.get("error")
        if error is None:
            return answer.document, counters_of(answer)
        code = error.get("code") if isinstance(error, dict) else None
        said = self.client.quoted(error.get("message") or code if isinstance(error, dict) else error)
        if code in _TOKEN or answer.status in _TOKEN:
            problem = "the token is not accepted" if self.token else "it wants a token: set token"
            raise SourceChanged(self.source, f"{problem} ({said})")
        raise Refused(said)


def _parse(body: bytes) -> dict[str, Any]:
    document = parse_json(body)
    if not isinstance(document, dict):
        raise ValueError("not an object")
    error = document.get("error")
    if isinstance(error, dict) and error.get("code") in _LATER:
        raise TryLater(f"it says error {error['code']}")
    return document


def _clock(told: Mapping[str, Any], zone: ZoneInfo) -> tzinfo:
    """The zone in which a layer reads dates: UTC unless it names another. Without its common name it is the place's."""
    name = told.get("timeZoneIANA") or told.get("timeZone") or "UTC"
    try:
        declared = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        declared = zone
    if told.get("respectsDaylightSaving", True):
        return declared
    offsets = [datetime(2026, month, 1, tzinfo=declared).utcoffset() or timedelta() for month in (1, 7)]
    return timezone(min(offsets))
