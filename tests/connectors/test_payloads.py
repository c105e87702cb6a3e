"""Answers recorded from real systems parse in full; what cannot be used has a reason."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import connector_for
from connectors.documents import parse_json
from connectors.normalise import Normaliser, columns_of
from connectors.open311 import Open311
from forewarn.request import Status
from forewarn.settings import SourceSettings

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def open311(form: str, zone: str) -> Open311:
    settings = SourceSettings(kind="open311", zone=zone, url="https://example.org", form=form)
    found = connector_for("city", settings)
    assert isinstance(found, Open311)
    return found


@pytest.mark.parametrize(
    ("name", "zone", "rows", "first_day"),
    [
        ("open311_san_francisco_requests_2012.xml", "America/Los_Angeles", None, "2012-05-22"),
        ("open311_toronto_requests_multi_2018.xml", "America/Toronto", 2, "2018-07-30"),
        ("open311_chicago_requests_2014.json", "America/Chicago", 2, "2014-07-12"),
        ("open311_boston_requests_2026.json", "America/New_York", 50, "2026-03-10"),
    ],
)
def test_open311(real_data: Path, name: str, zone: str, rows: int | None, first_day: str) -> None:
    body = (real_data / "api_payloads" / name).read_bytes()
    source = open311(name.rpartition(".")[2], zone)
    document = source._parse(body)
    batch = source._batch(document, NOW)
    assert len(document) == (rows or body.count(b"<request>"))
    assert len(batch.requests) == len(document)
    assert not batch.rejects
    assert next(iter(batch.requests)).day.isoformat() == first_day
    assert all(request.category and request.status is not Status.UNKNOWN for request in batch.requests)
    assert all("@" not in str(request) for request in batch.requests)


def test_san_francisco_has_places_that_are_none(real_data: Path) -> None:
    body = (real_data / "api_payloads" / "open311_san_francisco_requests_2012.xml").read_bytes()
    source = open311("xml", "America/Los_Angeles")
    batch = source._batch(source._parse(body), NOW)
    assert batch.counters["null_island"] == sum(request.lat is None for request in batch.requests) > 0
    assert all(request.updated_at is None for request in list(batch.requests)[:3])
    assert next(iter(batch.requests)).requested_at == datetime(2012, 5, 23, 6, 57, 23, 970000, tzinfo=UTC)


def test_services(real_data: Path) -> None:
    body = (real_data / "api_payloads" / "open311_san_francisco_services_2012.xml").read_bytes()
    services = open311("xml", "America/Los_Angeles")._parse(body)
    assert services[0]["service_name"] == "Cans_Left_Out_24x7"


def test_socrata_json(real_data: Path) -> None:
    with gzip.open(real_data / "api_payloads" / "socrata_soda_json_nyc311_1000rows_2026-02-13.json.gz") as file:
        rows = parse_json(file.read())
    fields = {
        "source_record_id": "unique_key",
        "requested_at": "created_date",
        "closed_at": "closed_date",
        "category": "complaint_type",
        "subcategory": "descriptor",
        "area": "community_board",
        "agency": "agency",
        "channel": "open_data_channel_type",
        "status": "status",
        "latitude": "latitude",
        "longitude": "longitude",
        "description": "location",  # a structure where a text belongs
    }
    zone = SourceSettings(kind="socrata", zone="America/New_York").tz
    batch = Normaliser("nyc", zone, zone).requests(
        columns_of(rows, {name: (key,) for name, key in fields.items()}), now=NOW, position=str
    )
    assert len(batch.requests) == len(rows) == 1000
    assert next(iter(batch.requests)).requested_at == datetime(2026, 2, 13, 7, 5, 17, tzinfo=UTC)
    assert next(iter(batch.requests)).lat == pytest.approx(40.67094750245155)
    assert next(iter(batch.requests)).description == ""
    assert not batch.rejects


@pytest.mark.parametrize(
    ("name", "rows", "options"),
    [
        (
            "socrata_portal_csv_nyc311_200rows.csv",
            200,
            {
                "zone": "America/New_York",
                "fields": {
                    "source_record_id": "Unique Key",
                    "requested_at": "Created Date",
                    "closed_at": "Closed Date",
                    "category": "Complaint Type",
                    "status": "Status",
                },
            },
        ),
        (
            "socrata_portal_csv_la_myla311_2017_200rows.csv",
            200,
            {
                "zone": "America/Los_Angeles",
                "fields": {
                    "source_record_id": "SRNumber",
                    "requested_at": "CreatedDate",
                    "category": "RequestType",
                    "area": "NCName",
                },
            },
        ),
        (
            "csv_stuttgart_daily_without_header_2021-06-29.csv",
            None,
            {
                "zone": "Europe/Berlin",
                "clock": "UTC",
                "header": ["seen_at", "day", "weekday", "hour", "category", "place", "lat", "lon"],
                "fields": {"requested_at": "seen_at", "category": "category", "latitude": "lat", "longitude": "lon"},
            },
        ),
    ],
)
def test_csv(real_data: Path, name: str, rows: int | None, options: dict[str, Any]) -> None:
    path = real_data / "api_payloads" / name
    source = connector_for("city", SourceSettings(kind="files", path=str(path), **json.loads(json.dumps(options))))
    pages = [page for window in source.plan({}, NOW) for page in source.fetch(window)]
    found = [request for page in pages for request in page.requests]
    assert len(found) == (rows or len(path.read_text().splitlines()))
    assert not any(page.rejects for page in pages)
    assert all(request.category for request in found)
