"""A cluster that no single series shows is told once, live as in a replay, whatever says where the areas lie."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.replay import replay
from forewarn.alert import Alert, Kind
from forewarn.errors import ConfigError
from store.alerts import read_alerts
from store.engine import snapshot
from tests.flows.towns import FIELDS, Town, installed, morning_after, settings_of, source_settings

FIRST = date(2026, 1, 1)
LAST = FIRST + timedelta(days=149)
RISE = [LAST - timedelta(days=ago) for ago in range(4)]
SIDE = 6
NAMES = [f"{x}-{y}" for x in range(SIDE) for y in range(SIDE)]
RISING = {"2-2", "2-3", "3-2", "3-3"}
DETECTION = {"recheck_days": 10, "min_requests": 12, "false_alarms_per_week": 0.2}  # more than any area has on a day
LEVELS = [[], ["category"], ["category", "area"]]


def write(town: Town) -> None:
    """36 areas of a chessboard, 3 categories; on the last four days four areas have twice and more of one."""
    rng = np.random.default_rng(3)
    lines = ["id,at,category,area,lat,lon"]
    for day in (FIRST + timedelta(days=place) for place in range((LAST - FIRST).days + 1)):
        for name in NAMES:
            x, y = map(int, name.split("-"))
            for category in ("Rats", "Noise", "Light"):
                mean = 1.0 + 2.6 * (day in RISE and name in RISING and category == "Rats")
                for n in range(rng.poisson(mean)):
                    place = f"{50.7 + 0.018 * (x + rng.random()):.5f},{7.1 + 0.028 * (y + rng.random()):.5f}"
                    lines.append(f"{day}-{name}-{category}-{n},{day}T10:00:00,{category},{name},{place}")
    town.write("all.csv", lines)


def files(folder: Path) -> None:
    steps = [(x, y, dx, dy) for x in range(SIDE) for y in range(SIDE) for dx, dy in ((0, 1), (1, 0))]
    pairs = [f"{x}-{y},{x + dx}-{y + dy}" for x, y, dx, dy in steps if x + dx < SIDE and y + dy < SIDE]
    (folder / "neighbours.csv").write_text("area,neighbour\n" + "\n".join(pairs), encoding="utf-8")
    centres = [f"{x}-{y},{50.709 + 0.018 * x},{7.114 + 0.028 * y}" for x in range(SIDE) for y in range(SIDE)]
    (folder / "centres.csv").write_text("area,latitude,longitude\n" + "\n".join(centres), encoding="utf-8")


def clusters(alerts: list[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind is Kind.CLUSTER]


@pytest.mark.parametrize(
    "geography",
    [
        {"kind": "centroids", "path": "centres.csv"},
        {"kind": "adjacency", "path": "neighbours.csv"},
        {"kind": "requests"},
        {"kind": "points"},
    ],
    ids=lambda geography: geography["kind"],
)
def test_a_cluster_is_told_once_and_a_replay_tells_the_same(
    engine: Engine, town: Town, tmp_path: Path, geography: Mapping[str, Any]
) -> None:
    write(town)
    files(tmp_path)
    fields = {**FIELDS, "latitude": "lat", "longitude": "lon"}
    source = source_settings(town.folder, levels=LEVELS, fields=fields, geography=geography)
    if "path" in geography:
        source["geography"] = {**geography, "path": str(tmp_path / geography["path"])}
    installation = installed(engine, settings_of(tmp_path, {"town": source}, detection=DETECTION))
    ingest_source(installation, "town", morning_after(LAST))
    detect_source(installation, "town", morning_after(LAST))
    with snapshot(engine) as conn:
        alerts = clusters(read_alerts(conn, source="town"))
    (told,) = [alert for alert in alerts if {"category": "Rats"} in alert.evidence["topics"]]
    evidence = told.evidence
    assert evidence["observed"] > 1.5 * evidence["expected"]
    assert told.last_day in RISE
    if geography["kind"] != "points":
        assert len(RISING & set(evidence["areas"])) >= 2
    again: dict[str, Alert] = {}
    for decision in replay(installation, "town", LAST - timedelta(days=9), LAST):
        again |= {change.alert.fingerprint: change.alert for change in decision.changes}
    assert {(alert.fingerprint, alert.title) for alert in clusters(list(again.values()))} == {
        (alert.fingerprint, alert.title) for alert in alerts
    }


def test_a_source_without_areas_is_not_scanned_and_a_wrong_file_is_named(
    engine: Engine, town: Town, tmp_path: Path
) -> None:
    write(town)
    plain = source_settings(town.folder, levels=[[], ["category"]])
    lost = source_settings(town.folder, levels=LEVELS, geography={"kind": "adjacency", "path": "gone.csv"})
    installation = installed(engine, settings_of(tmp_path, {"plain": plain, "lost": lost}))
    for name in ("plain", "lost"):
        ingest_source(installation, name, morning_after(LAST))
    detect_source(installation, "plain", morning_after(LAST))
    with snapshot(engine) as conn:
        assert clusters(read_alerts(conn, source="plain")) == []
    with pytest.raises(ConfigError, match=r"sources\.lost\.geography\.path: .*gone\.csv cannot be read"):
        detect_source(installation, "lost", morning_after(LAST))
