"""Sources are judged while others write: what is judged is one state of the store, and nobody waits for it."""

from collections.abc import Callable
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from flows.detect import detect_days
from flows.forecast import forecast_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.replay import judged_days
from store.engine import open_store
from tests.flows.towns import FIRST_DAY, Town, installed, morning_after, settings_of, source_settings

HOLE = FIRST_DAY + timedelta(days=87)
LAST = HOLE + timedelta(days=1)
NOW = morning_after(LAST)


def judged(installation: Installation) -> list[tuple[date, str]]:
    """Days and kinds of what is found."""
    return [
        (change.alert.last_day, change.alert.kind.value) for change in detect_days(installation, "town", NOW).changes
    ]


def replayed(installation: Installation) -> list[tuple[date, str]]:
    days = judged_days(installation, "town", HOLE, LAST, installation.settings.detection)
    return [(date.min, "drop") for day in days for found in day.detections if (found.panel.counts[:, -2] == 0).any()]


def looked_ahead(installation: Installation) -> list[tuple[date, str]]:
    forecast_source(installation, "town", NOW)
    return []


@pytest.mark.parametrize(
    ("read", "module", "first_read"),
    [
        (judged, "store.counts", "read_cells"),
        (replayed, "flows.replay", "read_history"),
        (looked_ahead, "store.counts", "read_cells"),
    ],
)
def test_a_day_that_is_filled_while_it_is_judged_is_no_zero(
    store_engine: Engine,
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Installation], list[tuple[date, str]]],
    module: str,
    first_read: str,
) -> None:
    town = Town(tmp_path / "town")
    town.drop(FIRST_DAY, HOLE - timedelta(days=1))
    town.drop(LAST, LAST)
    settings = settings_of(tmp_path, {"town": source_settings(town.folder)})
    installation = installed(store_engine, settings)
    ingest_source(installation, "town", NOW)
    town.drop(HOLE, HOLE)
    hasty = store_url if store_engine.dialect.name == "postgresql" else f"{store_url}?timeout=0.2"
    another = open_store(hasty)
    really_read, filled = getattr(import_module(module), first_read), list[int]()

    def fill_in_between(*arguments: Any, **more: Any) -> Any:
        cells = really_read(*arguments, **more)
        monkeypatch.setattr(f"{module}.{first_read}", really_read)
        filled.append(ingest_source(installed(another, settings), "town", NOW).new)
        return cells

    monkeypatch.setattr(f"{module}.{first_read}", fill_in_between)
    try:
        found = read(installation)
    finally:
        another.dispose()
    assert [new > 0 for new in filled] == [True]
    assert found == []
