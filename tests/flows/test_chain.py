"""The plain functions on a real store: from files to delivered alerts, again and again."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flows.detect import detect_source
from flows.forecast import forecast_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.notify import drain_outbox
from forewarn.alert import Kind
from forewarn.contracts import SourceHealth
from forewarn.errors import ConfigError
from store.alerts import read_alerts, read_outbox
from store.detections import read_breaches, read_forecast
from store.engine import snapshot
from tests.flows.towns import FIRST_DAY, Town, content, installed, morning_after, settings_of, source_settings, told

LAST = FIRST_DAY + timedelta(days=100)
SURGE = {("Rats", "North"): 8.0}
LIMIT = {"source": "town", "category": "Noise", "max_requests": 30, "window_days": 7}


def live(installation: Installation, day: date) -> None:
    """The morning after `day`, as the flows do it."""
    now = morning_after(day)
    for name in installation.settings.sources:
        ingest_source(installation, name, now)
        detect_source(installation, name, now)
        forecast_source(installation, name, now)
    drain_outbox(installation, now)


def test_from_files_to_alerts_and_running_it_again_changes_nothing(
    store_engine: Engine, town: Town, tmp_path: Path
) -> None:
    installation = installed(
        store_engine, settings_of(tmp_path, {"town": source_settings(town.folder)}, limits=[LIMIT])
    )
    town.drop(FIRST_DAY, LAST - timedelta(days=1))
    live(installation, LAST - timedelta(days=1))
    town.drop(LAST, LAST, SURGE)
    live(installation, LAST)
    with snapshot(store_engine) as conn:
        alerts = {alert.kind: alert for alert in read_alerts(conn)}
        assert alerts[Kind.SURGE].labels == {"category": "Rats", "area": "North"}
        assert alerts[Kind.SURGE].first_day == LAST
        assert alerts[Kind.BREACH].labels == {"category": "Noise"}
        assert {row.breach.limit for row in read_breaches(conn)} == {30}
        assert read_forecast(conn, "town", {}) is not None
        assert all(row.delivered_at and row.attempts == 1 for row in read_outbox(conn, 100))
    subjects = [message["subject"] for message in told(tmp_path)]
    assert len(subjects) == len(alerts)
    assert any("Rats" in subject for subject in subjects)

    before = content(store_engine)
    live(installation, LAST)
    assert content(store_engine) == before
    assert [message["subject"] for message in told(tmp_path)] == subjects


def test_what_is_read_again_in_another_file_changes_nothing(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    first = town.drop(FIRST_DAY, LAST)
    live(installation, LAST)
    before = content(engine)
    first.rename(town.folder / "the same under another name.csv")
    report = ingest_source(installation, "town", morning_after(LAST))
    assert (report.new, report.changed) == (0, 0)
    after = content(engine)
    assert {table for table in before if before[table] != after[table]} == {"source_state"}


def test_late_reports_are_judged_again_and_told_once(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    town.drop(FIRST_DAY, LAST)
    live(installation, LAST)
    assert told(tmp_path) == []
    late = [f"late-{number},{LAST}T11:{number:02}:00,Rats,North" for number in range(40)]
    town.write("late.csv", ["id,at,category,area", *late])
    town.drop(LAST + timedelta(days=1), LAST + timedelta(days=1))
    for _ in range(2):
        live(installation, LAST + timedelta(days=1))
    (message,) = told(tmp_path)
    assert "Rats" in message["subject"]
    with snapshot(engine) as conn:
        (alert,) = read_alerts(conn)
    assert alert.first_day == LAST


def test_no_source_and_nothing_read_yet_is_nothing_to_judge(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    report = ingest_source(installation, "town", morning_after(LAST))
    assert report.health is SourceHealth.UNDETERMINED
    assert detect_source(installation, "town", morning_after(LAST)).days == 0
    assert forecast_source(installation, "town", morning_after(LAST)).series == 0
    with pytest.raises(ConfigError, match="did you mean 'town'"):
        ingest_source(installation, "twon", morning_after(LAST))
