"""Answers recorded from real ArcGIS servers of versions 10.0 and 10.2: all of them are understood, row by row."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from zoneinfo import ZoneInfo

import pytest

from connectors import connector_for
from connectors.arcgis import ArcGis
from connectors.arcgis_layer import Layer, Service
from forewarn.settings import SourceSettings

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SERVERS: dict[str, dict[str, Any]] = {
    "polk_fl": {
        "rows": 10,
        "count": 338142,
        "sorts": True,
        "id": "ESiteID",
        "at": "CREATION_DATE",
        "reason": "no_date",
        "box": (-83, -81, 27, 29),
    },
    "columbia_mo": {
        "rows": 43,
        "count": 84296,
        "sorts": False,
        "id": "ASSESSOR",
        "at": "EDIT_CODE",
        "reason": "bad_date",
        "box": (-93, -92, 38, 39),
    },
}


def replay(folder: Path, name: str) -> WSGIApplication:
    """Gives each question the answer that was recorded for its kind."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        kind = "metadata"
        if environ["PATH_INFO"].endswith("/query"):
            kind = "count-only" if "returnCountOnly" in query else "ids-only" if "returnIdsOnly" in query else "0"
        start_response("200 OK", [("Content-Type", "text/plain;charset=utf-8")])
        return [(folder / f"arcgis_{name}_{kind}.json").read_bytes()]

    return app


@pytest.fixture(params=sorted(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(name: str, real_data: Path, serving: Serving) -> ArcGis:
    fields = {"source_record_id": SERVERS[name]["id"], "requested_at": SERVERS[name]["at"]}
    options: Any = {"url": serving(replay(real_data / "api_payloads", name)), "fields": fields}
    options |= {"allow_http": True, "allow_private_hosts": True}
    found = connector_for("county", SourceSettings(kind="arcgis", zone="America/New_York", **options))
    assert isinstance(found, ArcGis)
    return found


def test_layers_counts_and_numbers(source: ArcGis, name: str) -> None:
    with source.client() as client:
        service = Service("county", client, "")
        layer = service.describe(source.url, ZoneInfo("America/New_York"))
        assert layer.object_id == "OBJECTID"
        assert layer.has_points
        assert (layer.sorts, layer.pages, layer.edited) == (SERVERS[name]["sorts"], False, None)
        assert service.count(layer, "1=1") == SERVERS[name]["count"]
        numbers = service.ids(layer, "1=1")
        assert len(numbers) == SERVERS[name]["rows"]
        assert all(isinstance(number, int) for number in numbers)
        assert numbers == sorted(numbers)


def test_every_row_is_a_request_or_has_its_reason(source: ArcGis, name: str) -> None:
    with source.client() as client:
        service = Service("county", client, "")
        layer: Layer = service.describe(source.url, ZoneInfo("America/New_York"))
        found = service.rows(layer, "1=1", sorted(set(source.fields.values())), places=True, page_rows=100)
    batch = source._batch(layer, found, NOW)
    assert len(found.rows) == len(batch.rejects) == SERVERS[name]["rows"]
    assert {reject.reason for reject in batch.rejects} == {SERVERS[name]["reason"]}  # addresses, not requests

    dated = [{**row, SERVERS[name]["at"]: "2026-05-02T10:00:00"} for row in found.rows]
    batch = source._batch(layer, replace(found, rows=dated), NOW)
    assert len(batch.requests) == SERVERS[name]["rows"]
    west, east, south, north = SERVERS[name]["box"]
    assert all(west < request.lon < east and south < request.lat < north for request in batch.requests)
