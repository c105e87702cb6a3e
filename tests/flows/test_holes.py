"""A day of which hours are missing is partial until they come."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from flows.ingest import ingest_source
from forewarn.contracts import SourceHealth
from tests.flows.towns import FIRST_DAY, Town, installed, morning_after, settings_of, source_settings


def test_a_day_with_a_hole_is_partial_until_it_is_filled(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    rng = np.random.default_rng(4)

    def drop(day: date, until: int = 24) -> None:
        """120 requests of a day, of the hours from eight to 20 before `until`."""
        ids = [(int(hour), n) for n, hour in enumerate(rng.integers(8, 20, 120)) if hour < until]
        lines = [f"{day}-{n},{day}T{hour:02}:{n % 60:02}:00,Rats,North" for hour, n in ids]
        town.write(f"{day}.csv", ["id,at,category,area", *lines])

    for n in range(70):
        drop(FIRST_DAY + timedelta(days=n))
    day = FIRST_DAY + timedelta(days=69)
    assert ingest_source(installation, "town", morning_after(day)).health is SourceHealth.OK
    day += timedelta(days=1)
    drop(day, until=13)
    for _ in range(2):
        report = ingest_source(installation, "town", morning_after(day))
        assert report.health is SourceHealth.PARTIAL
        assert "Thursday 2026-03-12 has no requests between 13:00 and 00:00, where 6" in report.message
    drop(day)
    assert ingest_source(installation, "town", morning_after(day)).health is SourceHealth.OK
