"""An area that falls silent while the rest comes: told of the source, no zero, and no drop of anything."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from flows.detect import detect_source
from flows.ingest import IngestReport, ingest_source
from flows.installation import Installation
from flows.reading import read_ordinary
from forewarn.alert import Kind, Severity, State
from forewarn.contracts import SourceHealth
from store.alerts import read_alerts
from store.engine import snapshot, transaction
from store.sources import accept_contents
from tests.flows.towns import FIRST_DAY, Town, installed, morning_after, settings_of, source_settings

LAST = FIRST_DAY + timedelta(days=100)
LARGE = {("Rats", "North"): 5.0, ("Rats", "South"): 6.0, ("Noise", "North"): 2.0}
NO_SOUTH = {**LARGE, ("Rats", "South"): 0.0}


def read(installation: Installation, day: date) -> IngestReport:
    report = ingest_source(installation, "town", morning_after(day))
    detect_source(installation, "town", morning_after(day))
    return report


def kinds(engine: Engine) -> dict[Kind, State]:
    with snapshot(engine) as conn:
        return {alert.kind: alert.state for alert in read_alerts(conn)}


def test_a_silent_area_is_trouble_of_the_source_and_no_drop(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    town.drop(FIRST_DAY, LAST, LARGE)
    assert read(installation, LAST).health is SourceHealth.OK
    for days in (1, 2, 3):
        day = LAST + timedelta(days=days)
        town.drop(day, day, NO_SOUTH)
        report = read(installation, day)
        assert report.health is SourceHealth.PARTIAL
        assert "Nothing comes from area 'South' (usually " in report.message
        assert "since Sunday 2026-04-12, though the rest comes as usual." in report.message
        assert report.failure == "", "what came was read"
        assert kinds(engine) == {Kind.SOURCE: State.OPEN}
    with snapshot(engine) as conn:
        (alert,) = read_alerts(conn)
    assert (alert.title, alert.severity) == ("Nothing from South in town since Sun 12 Apr", Severity.WARNING)
    with snapshot(engine) as conn:
        detection = installation.settings.detection
        reading = read_ordinary(conn, installation, "town", detection, day, day + timedelta(days=1))
    panel = reading.panels[-1]
    south, north = (panel.counts[(panel.labels["area"] == area).to_numpy()] for area in ("South", "North"))
    assert np.isnan(south[:, -3:]).all()
    assert not np.isnan(north[:, -3:]).any()

    surge = {**NO_SOUTH, ("Noise", "North"): 12.0}
    town.drop(LAST + timedelta(days=4), LAST + timedelta(days=4), surge)
    read(installation, LAST + timedelta(days=4))
    assert kinds(engine) == {Kind.SOURCE: State.OPEN, Kind.SURGE: State.OPEN}, "elsewhere it is watched as usual"

    for days in (5, 6):
        town.drop(LAST + timedelta(days=days), LAST + timedelta(days=days), LARGE)
        report = read(installation, LAST + timedelta(days=days))
    assert report.health is SourceHealth.OK
    assert kinds(engine)[Kind.SOURCE] is State.RESOLVED


def test_a_person_can_say_that_it_is_meant_to_be_so(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    town.drop(FIRST_DAY, LAST, LARGE)
    read(installation, LAST)
    day = LAST + timedelta(days=1)
    town.drop(day, day, NO_SOUTH)
    assert read(installation, day).health is SourceHealth.PARTIAL
    with transaction(engine) as conn:
        accept_contents(conn, "town", morning_after(day))
    day += timedelta(days=1)
    town.drop(day, day, NO_SOUTH)
    assert read(installation, day).health is SourceHealth.OK


def test_a_part_that_was_silent_for_long_before_is_not_told_of_a_shorter_silence(
    engine: Engine, town: Town, tmp_path: Path
) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    first, again = FIRST_DAY + timedelta(days=80), FIRST_DAY + timedelta(days=220)
    town.drop(FIRST_DAY, first - timedelta(days=1), LARGE)
    town.drop(first, first + timedelta(days=6), NO_SOUTH)
    town.drop(first + timedelta(days=7), again - timedelta(days=1), LARGE)
    town.drop(again, again + timedelta(days=9), NO_SOUTH)
    assert read(installation, again + timedelta(days=9)).health is SourceHealth.OK
