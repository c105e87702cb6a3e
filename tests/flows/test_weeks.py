"""Sources that are judged in weeks: weekly volumes from file to alert, and requests that are summed up."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from dashboards.desk import Desk
from dashboards.history import read_history
from dashboards.pages import alert as alert_page
from dashboards.pages import explore
from flows.backtest import backtest_sources
from flows.detect import detect_source
from flows.forecast import forecast_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.notify import drain_outbox
from forewarn.alert import Kind, State
from forewarn.contracts import Coverage, SourceHealth
from store.alerts import read_alerts
from store.counts import covered_span, read_coverage
from store.engine import snapshot
from tests.flows.towns import FIRST_DAY, Town, content, installed, morning_after, settings_of, source_settings, told

MONDAY = date(2024, 1, 1)
N_WEEKS = 112
USUAL = {("Rats", "North"): 60.0, ("Rats", "South"): 40.0, ("Noise", "North"): 25.0}
SURGE = {("Noise", "North"): 3.0}


def week(number: int) -> date:
    """The Monday of a week."""
    return MONDAY + timedelta(weeks=number)


def drop(folder: Path, first: int, last: int, factors: Mapping[tuple[str, str], float] = {}, dated: int = 0) -> None:
    """A file with the weeks from `first` to `last`, each called by its Monday or a day later."""
    folder.mkdir(exist_ok=True)
    lines = ["week,category,area,n"]
    for number in range(first, last + 1):
        rng = np.random.default_rng(1000 + number)
        for (category, area), mean in USUAL.items():
            count = rng.poisson(rng.gamma(mean * factors.get((category, area), 1.0) / 0.5, 0.5))
            lines.append(f"{week(number) + timedelta(days=dated)},{category},{area},{count}")
    (folder / f"{first:03}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def volumes(engine: Engine, tmp_path: Path, source: Mapping[str, Any] = {}) -> Installation:
    fields = {"date": "week", "opened": "n", "category": "category", "area": "area"}
    table = source_settings(tmp_path / "weeks", rows="counts", step="week", **source) | {"fields": fields}
    detection = {"false_alarms_per_week": 0.1}
    return installed(engine, settings_of(tmp_path, {"town": table}, detection=detection))


def live(installation: Installation, now: datetime) -> SourceHealth:
    report = ingest_source(installation, "town", now)
    detect_source(installation, "town", now)
    forecast_source(installation, "town", now)
    drain_outbox(installation, now)
    return report.health


def after(number: int) -> datetime:
    """Monday morning, when a week is over."""
    return morning_after(week(number) + timedelta(days=6))


def test_weekly_volumes_from_file_to_alert(store_engine: Engine, tmp_path: Path) -> None:
    installation = volumes(store_engine, tmp_path)
    drop(tmp_path / "weeks", 0, N_WEEKS - 2)
    assert live(installation, after(N_WEEKS - 2)) is SourceHealth.OK
    drop(tmp_path / "weeks", N_WEEKS - 1, N_WEEKS - 1, SURGE)
    assert live(installation, after(N_WEEKS - 1)) is SourceHealth.OK
    sunday = week(N_WEEKS - 1) + timedelta(days=6)
    with snapshot(store_engine) as conn:
        (alert,) = read_alerts(conn)
        coverage = read_coverage(conn, "town", MONDAY, sunday)
    assert alert.kind is Kind.SURGE
    assert alert.labels == {"category": "Noise", "area": "North"}
    assert (alert.first_day, alert.last_day) == (sunday, sunday)
    assert alert.evidence["window_days"] == alert.evidence["step_days"] == 7
    assert f"in the 7 days to Sun {sunday.day} Feb" in alert.title
    assert set(coverage.values()) == {Coverage.OBSERVED}
    assert len(coverage) == 7 * N_WEEKS
    (message,) = told(tmp_path)
    assert "in a week like this" in message["text"]

    before = content(store_engine)
    live(installation, after(N_WEEKS - 1))
    assert content(store_engine) == before
    assert live(installation, after(N_WEEKS - 1) + timedelta(days=5)) is SourceHealth.OK, "the next is not due"
    assert told(tmp_path) == [message]
    drop(tmp_path / "weeks", N_WEEKS, N_WEEKS)
    live(installation, after(N_WEEKS))
    with snapshot(store_engine) as conn:
        assert [a.state for a in read_alerts(conn)] == [State.RESOLVED]
    assert ["new alert" in m["subject"] for m in told(tmp_path)] == [True, False]
    assert live(installation, after(N_WEEKS + 1)) is SourceHealth.LATE


def test_a_week_without_rows_is_no_week_of_zeros(engine: Engine, tmp_path: Path) -> None:
    installation = volumes(engine, tmp_path)
    drop(tmp_path / "weeks", 0, 40)
    drop(tmp_path / "weeks", 42, 60)
    live(installation, after(60))
    with snapshot(engine) as conn:
        assert read_coverage(conn, "town", week(41), week(41) + timedelta(days=6)) == {}
        history = read_history(conn, desk(installation, after(60)), "town", {}, week(40), week(42) + timedelta(days=6))
    assert np.isfinite(history.counts).tolist() == [True, False, True]


def test_a_running_week_is_not_known(engine: Engine, tmp_path: Path) -> None:
    installation = volumes(engine, tmp_path)
    drop(tmp_path / "weeks", 0, 60)
    live(installation, after(60) - timedelta(days=3))
    with snapshot(engine) as conn:
        assert covered_span(conn, "town") == (MONDAY, week(60) - timedelta(days=1))


@pytest.mark.parametrize(("dated", "begins", "last"), [(5, "sunday", 5), (6, "monday", 6), (6, "sunday", 12)])
def test_a_week_is_called_by_any_of_its_days(
    engine: Engine, tmp_path: Path, dated: int, begins: str, last: int
) -> None:
    installation = volumes(engine, tmp_path, {"week_begins": begins})
    drop(tmp_path / "weeks", 0, 60, dated=dated)
    live(installation, after(63))
    with snapshot(engine) as conn:
        assert covered_span(conn, "town") == (MONDAY + timedelta(days=last - 6), week(60) + timedelta(days=last))


def test_a_replay_finds_what_was_told(engine: Engine, tmp_path: Path) -> None:
    installation = volumes(engine, tmp_path)
    drop(tmp_path / "weeks", -60, 100)
    drop(tmp_path / "weeks", 101, 101, SURGE)
    drop(tmp_path / "weeks", 102, N_WEEKS)
    ingest_source(installation, "town", after(N_WEEKS))
    events = tmp_path / "events.csv"
    wednesday = week(101) + timedelta(days=2)
    events.write_text(
        "event_id,dataset,kind,first_day,last_day,category\n"
        f"party,town,incident,{wednesday},{wednesday + timedelta(days=1)},Noise\n"
    )
    report = backtest_sources(installation, events_file=events, with_power=True)
    (town,) = report.sources
    (party,) = town.events
    assert party.alerted_on == week(101) + timedelta(days=6)
    assert (party.days_after, party.days_found) == (4, 2)
    assert town.scores.alerts_per_week <= 0.2
    assert {point.trouble for point in town.power} >= {"spike", "step"}
    assert town.scores.series_days >= 50 * 5


def desk(installation: Installation, now: datetime) -> Desk:
    return Desk(installation.engine, installation.settings, lambda: now)


def test_pages_show_weeks(engine: Engine, tmp_path: Path) -> None:
    installation = volumes(engine, tmp_path, {"country": "DE"})
    drop(tmp_path / "weeks", 0, N_WEEKS - 2)
    drop(tmp_path / "weeks", N_WEEKS - 1, N_WEEKS - 1, SURGE)
    live(installation, after(N_WEEKS - 1))
    at = desk(installation, after(N_WEEKS - 1))
    with snapshot(engine) as conn:
        (alert,) = read_alerts(conn)
        history = read_history(conn, at, "town", {"category": "Noise"}, week(60), week(N_WEEKS))
    assert history.title == "Requests a week"
    assert history.dates[-1] == np.datetime64(alert.last_day)
    assert (np.diff(history.dates) == np.timedelta64(7, "D")).all()
    assert any("Easter Monday" in name for name in history.holidays)
    page = str(alert_page.layout(at, alert.fingerprint, {})[1])
    assert "the last 56 weeks" in page
    assert "Week to" in page
    shown = str(explore.layout(at, "", {"source": "town"})[1])
    assert "requests in 52 weeks" in shown
    assert "a week" in shown


def test_requests_are_judged_in_weeks_too(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder, step="week")}))
    last = FIRST_DAY + timedelta(days=7 * 45 + 2)  # a Saturday
    assert last.weekday() == 5
    town.drop(FIRST_DAY, last - timedelta(days=6))
    town.drop(last - timedelta(days=5), last, {("Rats", "North"): 3.0})
    ingest_source(installation, "town", morning_after(last))
    assert not detect_source(installation, "town", morning_after(last)).changes
    town.drop(last + timedelta(days=1), last + timedelta(days=1))
    ingest_source(installation, "town", morning_after(last + timedelta(days=1)))
    report = detect_source(installation, "town", morning_after(last + timedelta(days=1)))
    (change,) = report.changes
    assert change.alert.labels == {"category": "Rats", "area": "North"}
    assert change.alert.last_day == last + timedelta(days=1)
    assert change.alert.evidence["window_days"] == 7


def test_recorded_weeks_of_complaints(engine: Engine, real_data: Path, tmp_path: Path) -> None:
    path = real_data / "cfpb_complaints" / "weekly_2011-11_2016-12.csv"
    fields = {"date": "week_start", "opened": "complaints", "category": "series"}
    table = {"kind": "files", "path": str(path), "rows": "counts", "step": "week", "fields": fields}
    zone = {"zone": "America/New_York", "country": "US", "levels": [["category"]]}
    installation = installed(engine, settings_of(tmp_path, {"cfpb": table | zone}))
    assert ingest_source(installation, "cfpb", datetime(2017, 2, 1, tzinfo=UTC)).rejected == 0
    with snapshot(engine) as conn:
        assert covered_span(conn, "cfpb") == (date(2011, 11, 28), date(2017, 1, 1))
    report = backtest_sources(installation, ["cfpb"], date(2015, 1, 1), date(2016, 12, 31))
    (cfpb,) = report.sources
    assert cfpb.scores.series_days == 3 * 104
    assert cfpb.scores.alerts_per_week < 0.2
