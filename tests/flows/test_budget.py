"""A budget of false alarms holds by counting, and a budget of alerts becomes a threshold that detection uses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from alerts.rules.chances import chances_of
from flows.allowance import Allowance, chances_for
from flows.backtest import backtest_sources, keep_threshold
from flows.budget import FACTORS
from flows.detect import detect_source, detection_in_force, judge
from forewarn.panel import Panel
from forewarn.settings import DetectionSettings
from store.engine import snapshot
from tests.flows.counted import LAST_DAY, SOURCE, counted, ordinary

NOW = datetime(2026, 7, 1, 6, tzinfo=UTC)
WEEKS = 52


@pytest.fixture(scope="module")
def busy() -> Panel:
    """A hundred busy series in which nothing ever happened, for three years."""
    counts = ordinary(np.linspace(40, 90, 100)[:, None], 100, 1100, seed=7)
    labels = pd.DataFrame({"category": [f"{row:03}" for row in range(100)]})
    dates = np.arange(np.datetime64("2023-06-26"), np.datetime64("2023-06-26") + 1100)
    return Panel(counts.astype(float), dates, labels, NOW)


def test_chance_raises_the_false_alarms_that_the_setting_asks_for(busy: Panel) -> None:
    asked = 1.4
    (detection,) = judge([busy], DetectionSettings(), Allowance(asked, 1), 7 * WEEKS)
    counted_alarms = int(detection.alarms().sum() + detection.drops().sum())
    expected = asked * WEEKS
    assert abs(counted_alarms - expected) < 3 * np.sqrt(expected)
    shared = judge([busy], DetectionSettings(), Allowance(asked, 4), 7 * WEEKS)[0]
    assert abs(int(shared.alarms().sum() + shared.drops().sum()) - expected / 4) < 3 * np.sqrt(expected / 4)


def test_small_series_raise_fewer_and_never_more() -> None:
    counts = ordinary(np.geomspace(0.01, 3, 100)[:, None], 100, 1100, seed=7).astype(float)
    labels = pd.DataFrame({"category": [f"{row:03}" for row in range(100)]})
    dates = np.arange(np.datetime64("2023-06-26"), np.datetime64("2023-06-26") + 1100)
    panel = Panel(counts, dates, labels, NOW)
    settings = DetectionSettings()
    chances = chances_for([panel], settings)
    assert len(chances.most) == 100, "none is busy enough for a drop"
    asked = 0.7
    allowance = Allowance(asked, 1)
    assert allowance.alpha(chances) > 1.5 * asked / 7 / 100, "many of them can raise next to none"
    (detection,) = judge([panel], settings, allowance, 7 * WEEKS)
    told = detection.alarms() & (detection.observed >= settings.min_requests)
    assert told.sum() < asked * WEEKS + 3 * np.sqrt(asked * WEEKS)
    assert detection.alarms().sum() > told.sum(), "some have too few requests to be told"


def test_what_comes_about_once_in_n_days_does(busy: Panel) -> None:
    (detection,) = judge([busy], DetectionSettings(), Allowance(1.0, 1), 7 * WEEKS)
    rarest = np.minimum(detection.upper_tail, detection.lower_tail).min(axis=0)  # (n_days,) the day's rarest number
    chances = chances_of([busy], DetectionSettings().min_requests).watched(1e-3)
    assert chances == 200
    days = 7 * WEEKS
    for n in (2, 5, 20):
        came = int((rarest * chances <= 1 / n).sum())
        expected = days * (1 - np.exp(-1 / n))  # days with at least one
        assert abs(came - expected) < 3 * np.sqrt(expected), n


@pytest.fixture(scope="module")
def surges() -> np.ndarray:
    """Forty series, with days of all sizes that stand out."""
    counts = ordinary(12, 40, 500, seed=3)
    rng = np.random.default_rng(4)
    for row, factor in enumerate(np.geomspace(1.0, 2.4, 40)):
        counts[row, 500 - int(rng.integers(5, 115))] += int(12 * factor)
    return counts


def test_each_rung_is_what_its_setting_comes_to(engine: Engine, tmp_path: Path, surges: np.ndarray) -> None:
    installation = counted(engine, tmp_path, surges, false_alarms_per_week=2.0)
    first = LAST_DAY - timedelta(days=119)
    budget = backtest_sources(installation, first=first).budget
    assert [point.false_alarms_per_week for point in budget.curve] == [2 * factor for factor in FACTORS]
    told = [point.alerts_per_week for point in budget.curve]
    assert told[0] > told[8] > told[-1]
    for place in (0, 4, 12):
        setting = {"detection": {"false_alarms_per_week": budget.curve[place].false_alarms_per_week}}
        tables = installation.settings.model_dump(include={"sources"}) | setting
        alone = type(installation)(type(installation.settings)(**tables), engine)
        (report,) = backtest_sources(alone, first=first).sources
        assert report.scores.alerts_per_week == pytest.approx(told[place])


def test_a_budget_is_kept_and_what_it_leaves_out_is_listed(engine: Engine, tmp_path: Path, surges: np.ndarray) -> None:
    first = LAST_DAY - timedelta(days=119)
    free = backtest_sources(counted(engine, tmp_path, surges, false_alarms_per_week=2.0), first=first)
    (all_told,) = free.sources
    assert free.budget.held_back == []
    asked = all_told.scores.alerts_per_week / 3
    installation = counted(engine, tmp_path, surges, false_alarms_per_week=2.0, alerts_per_week=asked)
    report = backtest_sources(installation, first=first)
    (kept,) = report.sources
    assert report.budget.kept
    assert report.budget.false_alarms_per_week < 2.0
    assert 0 < kept.scores.alerts_per_week <= asked
    assert kept.scores.alerts_per_week == pytest.approx(report.budget.alerts_per_week)
    looser = [
        point for point in report.budget.curve if 2 * report.budget.false_alarms_per_week == point.false_alarms_per_week
    ]
    assert all(point.alerts_per_week > asked for point in looser)
    assert len(report.budget.held_back) + len(kept.alerts) == len(all_told.alerts)
    ranks = [one.once_in_days for one in report.budget.held_back]
    assert ranks == sorted(ranks, reverse=True)
    assert max(ranks) < report.budget.held_back[0].needed_days
    assert "held back" in report.budget.summary()


def test_detection_uses_the_threshold_once_it_was_found(engine: Engine, tmp_path: Path) -> None:
    counts = ordinary(12, 40, 500, seed=3)
    counts[7, -1] += 28  # stands out a little, today
    counts[8:20, -60:-10:7] += 30  # and so did other things, more, every week
    settings = {"false_alarms_per_week": 2.0, "alerts_per_week": 0.1}
    installation = counted(engine, tmp_path, counts, **settings)
    with snapshot(engine) as conn:
        assert detection_in_force(conn, installation).false_alarms_per_week == 2.0
    report = backtest_sources(installation)
    keep_threshold(installation, report, NOW)
    with snapshot(engine) as conn:
        assert detection_in_force(conn, installation).false_alarms_per_week == report.budget.false_alarms_per_week
        other = counted(engine, tmp_path, counts[:1], **{**settings, "alerts_per_week": 0.2})
        assert detection_in_force(conn, other).false_alarms_per_week == 2.0, "found for another budget"
        without = counted(engine, tmp_path, counts[:1], false_alarms_per_week=2.0)
        assert detection_in_force(conn, without).false_alarms_per_week == 2.0
    titles = [change.alert.title for change in detect_source(without, SOURCE, NOW).changes]
    assert any(title.startswith("Category 7:") for title in titles)
    titles = [change.alert.title for change in detect_source(installation, SOURCE, NOW).changes]
    assert not any(title.startswith("Category 7:") for title in titles)


def test_a_budget_that_cannot_be_kept_says_so(engine: Engine, tmp_path: Path) -> None:
    counts = ordinary(12, 10, 400, seed=3)
    counts[np.arange(10), np.arange(300, 400, 10)] += 900
    report = backtest_sources(counted(engine, tmp_path, counts, alerts_per_week=0.01))
    assert not report.budget.kept
    assert "cannot be kept" in report.budget.summary()
    assert report.budget.false_alarms_per_week == report.budget.curve[-1].false_alarms_per_week


def test_without_a_budget_nothing_is_stored(engine: Engine, tmp_path: Path) -> None:
    installation = counted(engine, tmp_path, ordinary(12, 3, 200))
    keep_threshold(installation, backtest_sources(installation), NOW)
    with snapshot(engine) as conn:
        assert detection_in_force(conn, installation) == installation.settings.detection
