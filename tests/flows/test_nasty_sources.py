"""What no database can hold stops no source: it is told, or left out, on SQLite and on PostgreSQL alike."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from flows.ingest import ingest_source
from forewarn.contracts import SourceHealth
from store.engine import snapshot
from store.sources import read_rejects
from tests.flows.towns import FIRST_DAY, Town, installed, morning_after, settings_of, source_settings

LONG = "".join(map(chr, Random(1).sample(range(256, 9000), 3000)))  # PostgreSQL would make one of a few letters short
LAST = FIRST_DAY + timedelta(days=2)


def rows(**more: Any) -> list[str]:
    """Lines of JSON, one request a day, each with `more`."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(3)]
    return [
        json.dumps({"id": f"{day}", "at": f"{day}T10:00:00", "category": "Rats", "area": "North", **more})
        for day in days
    ]


@pytest.mark.parametrize(
    ("lines", "health", "new"),
    [
        pytest.param(["id,at\0,category,area", "1,2,3,4"], SourceHealth.BROKEN, 0, id="name of a column"),
        pytest.param(rows(**{"k\ud800": 1}), SourceHealth.OK, 3, id="half a surrogate as a name"),
        pytest.param(rows(**{"k\0": 1}), SourceHealth.OK, 3, id="NUL as a name"),
        pytest.param(rows(category="R\ud800\0"), SourceHealth.OK, 3, id="label"),
        pytest.param([*rows(), *rows(id=LONG), *rows(id="y\0\ud800")], SourceHealth.OK, 4, id="ids"),
    ],
)
def test_what_no_database_can_hold(
    store_engine: Engine, tmp_path: Path, lines: list[str], health: SourceHealth, new: int
) -> None:
    town = Town(tmp_path / "town")
    town.write("a.csv" if lines[0].startswith("id") else "a.jsonl", lines)
    settings = source_settings(town.folder, first_day=str(FIRST_DAY)) | {"pattern": "*"}
    installation = installed(store_engine, settings_of(tmp_path, {"town": settings}))
    report = ingest_source(installation, "town", morning_after(LAST))
    assert (report.health, report.new) == (health, new), report.message
    town.write("b.jsonl", [line for line in lines if line.startswith("{")][:3])
    again = ingest_source(installation, "town", morning_after(LAST + timedelta(days=10)))
    assert (again.new, list(again.remarks), "gave way" in again.message) == (0, [], False)


def test_a_file_without_its_header_is_not_quoted_to_everybody(engine: Engine, tmp_path: Path) -> None:
    town = Town(tmp_path / "town")
    mine = ["Jane Doe <jane.doe@example.org>", "call 555-123-4567", *(f"column {number}" for number in range(900))]
    town.write("a.csv", [",".join(mine)])
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    said = ingest_source(installation, "town", morning_after(LAST)).message
    assert "has no column 'area'" in said
    assert not [secret for secret in ("jane.doe", "4567", "column 800") if secret in said]


def test_a_row_that_is_told_by_an_id_without_end_is_told_in_short(store_engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.db"
    with closing(sqlite3.connect(file)) as calls:
        calls.execute("CREATE TABLE call (id TEXT, created TEXT, updated TEXT)")
        calls.execute("INSERT INTO call VALUES (?, ?, ?)", (LONG, "2026-01-02 10:00:00", "2026-01-02 10:00:00"))
        calls.commit()
    after = "(updated > :since OR (updated = :since AND id > :after_id)) AND updated < :until"
    sql = {
        "kind": "sql",
        "database_url": f"sqlite:///{file}",
        "query": f"SELECT * FROM call WHERE {after} ORDER BY updated, id LIMIT :limit",
        "fields": {"source_record_id": "id", "requested_at": "created", "updated_at": "updated"},
        "clock": "UTC",
        "first_day": str(FIRST_DAY),
        "levels": [[]],
    }
    installation = installed(store_engine, settings_of(tmp_path, {"calls": sql}))
    report = ingest_source(installation, "calls", morning_after(LAST))
    with snapshot(store_engine) as conn:
        (reject,) = read_rejects(conn, "calls", 10)
    assert (report.rejected, reject.reason) == (1, "long_id")
    assert max(len(reject.position), len(reject.detail)) <= 200
