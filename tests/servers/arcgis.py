"""A small ArcGIS server: layers in SQLite, asked with `where`, and with the habits of different servers."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment
from zoneinfo import ZoneInfo

Values = dict[str, Any]
_LITERAL = re.compile(
    r"(timestamp|date) '(\d{4}-\d{2}-\d{2})(?: (\d{2}:\d{2}:\d{2}))?( [+-]\d{2}:\d{2})?'", re.IGNORECASE
)


@dataclass
class Habits:
    """How this server is set up, and what goes wrong."""

    most_rows: int = 1000
    gives_at_most: int | None = None  # though it tells `most_rows`
    tells_cut: bool = True
    pages: bool = True
    sorts: bool = True
    ignores_where: bool = False
    literals: tuple[str, ...] = ("timestamp", "date", "epoch")
    zone: str = "UTC"  # in which dates of a question are read
    declared: Mapping[str, Any] | None = None  # what it tells of that
    unknown_zone: bool = False
    ids_at_most: int | None = None
    poisoned: set[int] = field(default_factory=set)  # no answer with one of these rows
    poison: str = "error"  # or "silence", or "crash"
    token: str = ""
    last_edit: datetime | None = None


@dataclass
class SmallLayer:
    """`types` without OBJECTID; rows with it. Dates are in milliseconds, or texts for the newer types."""

    types: dict[str, str]
    rows: list[Values]
    places: dict[int, tuple[float, float]] | None = None  # OBJECTID → x, y in degrees


class SmallArcGis:
    """Serves `layers` (rest of the address → layer); `meanwhile` is called after each answer with rows."""

    def __init__(self, layers: dict[str, SmallLayer], habits: Habits | None = None) -> None:
        self.layers = layers
        self.habits = habits or Habits()
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, _, last = environ["PATH_INFO"].strip("/").rpartition("/")
        is_query = last == "query"
        layer = self.layers.get(path if is_query else f"{path}/{last}".strip("/"))
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if self.habits.token and query.get("token") != self.habits.token:
            code, said = (498, "Invalid token.") if "token" in query else (499, "Token Required")
            return _send(start_response, _error(code, said))
        if layer is None:
            return _send(start_response, _error(404, "Layer not found"))
        if not is_query:
            return _send(start_response, self._about(layer))
        try:
            answer = self._answer(layer, query)
        except (ValueError, sqlite3.Error):
            answer = _error(400, "Unable to complete operation.")
        except OSError:
            return _send(start_response, _error(500, "Error performing query operation"), "500 Internal Server Error")
        return _send(start_response, answer)

    def _about(self, layer: SmallLayer) -> Values:
        habits = self.habits
        fields = [
            {"name": name, "type": kind} for name, kind in {"OBJECTID": "esriFieldTypeOID", **layer.types}.items()
        ]
        able = (
            {"advancedQueryCapabilities": {"supportsPagination": True, "supportsOrderBy": True}} if habits.pages else {}
        )
        edited = habits.last_edit and round(habits.last_edit.timestamp() * 1000)
        return {
            "currentVersion": 11.2 if habits.pages else 10.01,
            "maxRecordCount": habits.most_rows,
            "fields": fields,
            "geometryType": None if layer.places is None else "esriGeometryPoint",
            "supportsAdvancedQueries": habits.pages and habits.sorts,
            **able,
            **({"objectIdField": "OBJECTID"} if habits.pages else {}),
            **({"dateFieldsTimeReference": habits.declared} if habits.declared else {}),
            **({"datesInUnknownTimezone": True} if habits.unknown_zone else {}),
            **({"editingInfo": {"lastEditDate": edited}} if edited else {}),
        }

    def _answer(self, layer: SmallLayer, query: Mapping[str, str]) -> Values:
        found = self._select(layer, query["where"])
        if "returnCountOnly" in query:
            return {"count": len(found)}
        if "returnIdsOnly" in query:
            numbers = sorted(float(row["OBJECTID"]) for row in found)[: self.habits.ids_at_most]
            return {"objectIdFieldName": "OBJECTID", "objectIds": numbers or None}
        if "resultRecordCount" in query and not self.habits.pages:
            raise ValueError("pagination is not supported")
        if "orderByFields" in query and self.habits.sorts:
            found.sort(key=lambda row: int(row[query["orderByFields"]]))
        limit = min(int(query.get("resultRecordCount", self.habits.most_rows)), self.habits.most_rows)
        limit = min(limit, self.habits.gives_at_most or limit)
        page = found[:limit]
        if self.habits.poisoned & {row["OBJECTID"] for row in page}:
            if self.habits.poison == "crash":
                raise OSError
            if self.habits.poison == "error":
                raise ValueError("a row that cannot be read")
            page = []
        self.meanwhile()
        wanted = query["outFields"].split(",")
        features: list[Values] = [{"attributes": {name: row[name] for name in wanted}} for row in page]
        if query["returnGeometry"] == "true" and layer.places is not None:
            for feature, row in zip(features, page, strict=True):
                feature["geometry"] = _point(layer.places.get(row["OBJECTID"]), query.get("outSR"))
        cut = {"exceededTransferLimit": True} if self.habits.tells_cut and len(found) > limit else {}
        return {"objectIdFieldName": "OBJECTID", "features": features, **cut}

    def _select(self, layer: SmallLayer, where: str) -> list[Values]:
        table = sqlite3.connect(":memory:")
        columns = ", ".join(f'"{name}"' for name in ("OBJECTID", *layer.types))
        table.execute(f"CREATE TABLE data ({columns})")
        marks = ", ".join("?" * (1 + len(layer.types)))
        names = ("OBJECTID", *layer.types)
        table.executemany(
            f"INSERT INTO data VALUES ({marks})",
            [[row.get(name) for name in names] for row in layer.rows],
        )
        condition = "1=1" if self.habits.ignores_where else self._understood(where)
        found = table.execute(f"SELECT {columns} FROM data WHERE {condition}")
        return [dict(zip(names, row, strict=True)) for row in found]

    def _understood(self, where: str) -> str:
        """`where` with its dates as the rows have them; what this server does not take is an error."""
        if re.search(r"[<>=] '\d", where) or ("epoch" not in self.habits.literals and re.search(r"\d{12}", where)):
            raise ValueError("it takes no such date")

        def number(found: re.Match[str]) -> str:
            kind, day, clock, offset = found[1].lower(), found[2], found[3], found[4]
            if clock is None:
                return f"'{day}'"
            if offset is not None:
                return f"'{day}T{clock}.000{offset.strip()}'"
            if kind not in self.habits.literals:
                raise ValueError("it takes no such date")
            moment = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZoneInfo(self.habits.zone))
            return str(round(moment.timestamp() * 1000))

        return _LITERAL.sub(number, where)


def milliseconds(moment: datetime) -> int:
    """As a layer holds a date."""
    return round(moment.astimezone(UTC).timestamp() * 1000)


def _point(place: tuple[float, float] | None, wanted: str | None) -> Values:
    """A place, in degrees only if these are asked for."""
    if place is None:
        return {"x": "NaN", "y": "NaN"}
    scale = 1 if wanted == "4326" else 111_000
    return {"x": place[0] * scale, "y": place[1] * scale}


def _error(code: int, said: str) -> Values:
    return {"error": {"code": code, "message": said, "details": []}}


def _send(start_response: StartResponse, document: object, status: str = "200 OK") -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json;charset=UTF-8"), ("Content-Length", str(len(body)))])
    return [body]
