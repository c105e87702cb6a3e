"""A list that is scraped again and again: each item is one request, in one file and over several."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from connectors.files import Files
from forewarn.contracts import Window

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FIELDS = {"requested_at": "seen", "category": "what", "latitude": "lat", "longitude": "lon", "description": "where"}


def source(folder: Path, **more: object) -> Files:
    return Files(source="list", zone="UTC", path=folder, fields=FIELDS, relisted_days=7, **more)  # type: ignore[arg-type]


def scrape(folder: Path, name: str, *rows: tuple[str, str]) -> None:
    lines = [f"{seen},{what},50.0,8.0,Street {what}" for seen, what in rows]
    (folder / name).write_text("\n".join(["seen,what,lat,lon,where", *lines]) + "\n")


def read(connector: Files, state: dict[str, object]) -> tuple[list[tuple[str, str, datetime]], dict[str, object]]:
    found = []
    for window in connector.plan(state, NOW):
        for page in connector.fetch(window):
            found += [(row.source_record_id, row.category, row.requested_at) for row in page.requests]
            state = dict(page.end.state) if page.end else state
    return found, state


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_item_is_one_request_that_came_when_it_was_first_seen(tmp_path: Path) -> None:
    hours = [f"2026-03-02T{hour:02}:00:00" for hour in (8, 9, 10)]
    scrape(tmp_path, "a.csv", *((hour, "Waste") for hour in hours), (hours[1], "Light"))
    found, _ = read(source(tmp_path), {})
    assert sorted((what, seen) for _, what, seen in found) == [("Light", at(hours[1])), ("Waste", at(hours[0]))]


def test_it_is_the_same_one_in_the_next_file_and_in_the_next_run(tmp_path: Path) -> None:
    scrape(tmp_path, "a.csv", ("2026-03-02T08:00:00", "Waste"))
    scrape(tmp_path, "b.csv", ("2026-03-05T08:00:00", "Waste"))
    found, state = read(source(tmp_path), {})
    assert len(found) == 1
    scrape(tmp_path, "c.csv", ("2026-03-11T08:00:00", "Waste"), ("2026-03-11T08:00:00", "Light"))
    assert [what for _, what, _ in read(source(tmp_path), state)[0]] == ["Light"]


def test_long_after_it_is_another_one(tmp_path: Path) -> None:
    scrape(tmp_path, "a.csv", ("2026-03-02T08:00:00", "Waste"), ("2026-03-10T08:00:00", "Waste"))
    found, _ = read(source(tmp_path), {})
    assert len({name for name, _, _ in found}) == 2


def test_a_file_that_has_grown_brings_no_other_ids(tmp_path: Path) -> None:
    rows = [("2026-03-02T08:00:00", "Waste"), ("2026-03-02T09:00:00", "Light")]
    scrape(tmp_path, "a.csv", *rows)
    first, state = read(source(tmp_path), {})
    scrape(tmp_path, "a.csv", *rows, ("2026-03-02T10:00:00", "Rats"))
    again, _ = read(source(tmp_path), state)
    assert [what for _, what, _ in again] == ["Rats"]
    assert {name for name, _, _ in read(source(tmp_path), {})[0]} == {name for name, _, _ in (*first, *again)}


def test_what_is_remembered_does_not_grow(tmp_path: Path) -> None:
    day = at("2026-03-02")
    scrape(tmp_path, "a.csv", *(((day + timedelta(days=n)).isoformat()[:19], f"Kind {n}") for n in range(60)))
    _, state = read(source(tmp_path), {})
    listed = state["listed"]
    assert isinstance(listed, dict)
    assert len(listed) == 8


def test_all_files_together_hold_each_item_once(tmp_path: Path) -> None:
    scrape(tmp_path, "a.csv", ("2026-03-02T08:00:00", "Waste"), ("2026-03-02T09:00:00", "Waste"))
    assert source(tmp_path).reconcile(Window()).total == 1


def test_a_recorded_list_becomes_the_reports_that_were_cleaned_by_hand(real_data: Path) -> None:
    """Stuttgart's page, scraped for three years: 63 % of 62,196 rows repeat."""
    fields = {"requested_at": "first_seen_at_timestamp", "category": "category", "description": "location"}
    connector = Files(
        source="list",
        zone="Europe/Berlin",
        clock="UTC",
        path=real_data / "stuttgart_gelbe_karten",
        pattern="raw_listing_*.csv.gz",
        fields={**fields, "latitude": "lat", "longitude": "lon"},  # type: ignore[dict-item]
        relisted_days=7,
    )
    (window,) = connector.plan({}, NOW)
    rows = [len(page.requests) for page in connector.fetch(window)]
    truth = len(pd.read_parquet(real_data / "stuttgart_gelbe_karten" / "reports_2020-12_2023-12.parquet"))
    assert sum(rows) == pytest.approx(truth, rel=0.005)
