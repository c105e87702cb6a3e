"""What is said of a source's place before it is trusted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.surroundings import check_surroundings
from forewarn.errors import ConfigError
from forewarn.settings import Settings
from forewarn.settings_file import parse

NOW = datetime(2026, 2, 10, 5, tzinfo=UTC)


def settings_of(folder: Path, **source: Any) -> Settings:
    return parse({"sources": {"bonn": {"kind": "files", "zone": "Europe/Berlin", **source}}}, folder=folder)


def test_a_plain_source_has_none(tmp_path: Path) -> None:
    assert check_surroundings(settings_of(tmp_path), "bonn", NOW) == ([], [])


def test_what_is_planned_and_what_the_weather_was(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("first_day,name\n2025-06-01,Fair\n2026-06-06,Fair\n", encoding="utf-8")
    (tmp_path / "w.csv").write_text("date,high,low,precipitation\n2026-02-08,4,-1,12\n", encoding="utf-8")
    settings = settings_of(tmp_path, events=[{"path": "own.csv"}], weather={"kind": "file", "path": "w.csv"})
    remarks, wrong = check_surroundings(settings, "bonn", NOW)
    assert remarks[0] == "2 planned events; next Fair, 2026-06-06"
    assert remarks[1].endswith("w.csv: 2026-02-08 -1 to 4 °C, 12 mm")
    assert wrong == []


def test_what_is_out_of_date_looks_wrong(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("first_day,name\n2025-06-01,Fair\n", encoding="utf-8")
    (tmp_path / "w.csv").write_text("date,high\n2026-01-08,4\n", encoding="utf-8")
    settings = settings_of(tmp_path, events=[{"path": "own.csv"}], weather={"kind": "file", "path": "w.csv"})
    _, (planned, weather) = check_surroundings(settings, "bonn", NOW)
    assert "no planned event is to come" in planned
    assert weather.endswith("w.csv has no day of the last 7")
    missing = settings_of(tmp_path, weather={"kind": "file", "path": "none.csv"})
    _, (unread,) = check_surroundings(missing, "bonn", NOW)
    assert "the weather cannot be read" in unread
    with pytest.raises(ConfigError, match="cannot be read"):
        check_surroundings(settings_of(tmp_path, events=[{"path": "none.csv"}]), "bonn", NOW)
