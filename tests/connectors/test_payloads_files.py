"""Every recorded file is read in full: each row is a request, or is kept aside with its reason."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from connectors import connector_for
from forewarn.contracts import Page
from forewarn.settings import SourceSettings

NOW = datetime(2026, 11, 1, tzinfo=UTC)
REQUESTS = {"requested_at": "created_at", "closed_at": "closed_at", "category": "category", "status": "status"}
LISTED = {"requested_at": "first_seen_at_timestamp", "category": "category", "latitude": "lat", "longitude": "lon"}
VOLUMES = {
    "nyc_311_daily_2025/daily_by_category_2025-01_2025-02.csv": {"date": "date", "opened": "n_requests"},
    "dc_311_aggregates/weekly_2026.csv": {"date": "iso_week", "opened": "requests"},
    "dc_311_aggregates/monthly_2009-01_2026-06.csv": {"date": "month", "opened": "requests"},
    "cfpb_complaints/monthly_by_product.csv": {"date": "month", "opened": "complaints"},
    "cfpb_complaints/weekly_2011-11_2016-12.csv": {"date": "week_start", "opened": "complaints"},
}
ELSEWHERE = {
    "api_payloads": "test_payloads.py and test_payloads_arcgis.py",
    "weather": "test_weather.py",
    "README.md": "not data",
    "events.csv": "what is known of the data",
    "daily_totals.csv.gz": "what the data come to",
    "nyc_311_daily_2025/complaint_category_map.csv": "names of categories",
}


def read(path: Path, **options: Any) -> list[Page]:
    source = connector_for("city", SourceSettings(kind="files", path=str(path), **options))
    return [page for window in source.plan({}, NOW) for page in source.fetch(window)]


def tables(folder: Path) -> list[str]:
    """The files with requests, by their columns."""
    names = [file.relative_to(folder).as_posix() for file in folder.glob("**/*.parquet")]
    return sorted(name for name in names if "created_at" in pq.read_schema(folder / name).names)


def test_no_file_is_forgotten(real_data: Path) -> None:
    known = {*tables(real_data), *VOLUMES, "stuttgart_gelbe_karten/raw_listing_2020-12_2023-12.csv.gz"}
    for file in real_data.glob("**/*"):
        name = file.relative_to(real_data).as_posix()
        if file.is_file() and name not in known:
            assert any(name.startswith(elsewhere) for elsewhere in ELSEWHERE), name


def test_tables_of_requests(real_data: Path) -> None:
    totals = pd.read_csv(real_data / "daily_totals.csv.gz")
    assert len(tables(real_data)) >= 10
    for name in tables(real_data):
        rows = pq.read_table(real_data / name, columns=["request_id"])
        ids = {} if rows.column(0).null_count == len(rows) else {"source_record_id": "request_id"}
        pages = read(real_data / name, fields={**REQUESTS, **ids})
        rejects = [reject for page in pages for reject in page.rejects]
        assert sum(len(page.requests) for page in pages) + len(rejects) == len(rows), name
        assert all(reject.reason and reject.detail and reject.position for reject in rejects), name
        found = Counter(str(day) for page in pages for day in page.requests.day)
        told = totals[totals.file == name].set_index("date").requests.to_dict()  # without stray rows of long before
        assert {day: found[day] for day in told} == told, name


def test_a_listing_that_was_scraped(real_data: Path) -> None:
    path = real_data / "stuttgart_gelbe_karten" / "raw_listing_2020-12_2023-12.csv.gz"
    pages = read(path, zone="Europe/Berlin", clock="UTC", fields=LISTED)
    rejects = [reject for page in pages for reject in page.rejects]
    assert sum(len(page.requests) for page in pages) + len(rejects) == len(pd.read_csv(path)) == 62_196
    assert all(reject.reason and reject.detail for reject in rejects)


@pytest.mark.parametrize("name", VOLUMES)
def test_volumes_are_taken_by_the_day_or_left_out_with_a_reason(real_data: Path, name: str) -> None:
    pages = read(real_data / name, rows="counts", fields=VOLUMES[name])
    rejects = [reject for page in pages for reject in page.rejects]
    assert all(reject.reason and reject.detail for reject in rejects)
    if "daily" in name:
        assert sum(count.opened for page in pages for count in page.counts) == 603_544
        assert not rejects
    else:
        assert not any(page.counts for page in pages)
        assert {reject.reason for reject in rejects} <= {"too_coarse", "bad_date"}
        assert rejects
