from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alerts.rules.chances import Chances, chances_of
from forewarn.panel import Panel


def panel_of(counts: np.ndarray) -> Panel:
    dates = np.datetime64("2024-01-01") + np.arange(counts.shape[1])
    labels = pd.DataFrame({"category": [str(row) for row in range(len(counts))]}, dtype=str)
    return Panel(counts, dates, labels, datetime(2026, 1, 1, tzinfo=UTC))


def test_the_tail_is_the_one_that_brings_as_many_as_asked() -> None:
    chances = Chances(np.array([1e-9, 1e-6, 1e-4, 2e-3, 0.3, 1.0, 1.0]), np.array([1, 1, 1 / 7, 1, 1 / 7, 1, 1]))
    for a_day in (1e-8, 3e-4, 0.02, 0.5, 2.0):
        assert chances.expected(chances.tail_of(a_day)) == pytest.approx(a_day)
    assert chances.tail_of(7.0) == np.inf
    assert Chances(np.zeros(0), np.zeros(0)).tail_of(1.0) == np.inf


def test_of_series_that_all_can_it_is_an_even_share() -> None:
    chances = Chances(np.ones(40), np.ones(40))
    assert chances.tail_of(0.1) == pytest.approx(0.1 / 40)
    assert chances.watched(1e-5) == 40
    weekly = Chances(np.ones(40), np.full(40, 1 / 7))
    assert weekly.tail_of(0.1) == pytest.approx(0.7 / 40)


def test_a_rare_series_leaves_its_share_to_the_others() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.repeat([0.05, 3.0], 50)[:, None], (100, 800)).astype(float)
    chances = chances_of([panel_of(counts)], 5)
    assert chances.tail_of(0.01) == pytest.approx(0.01 / 50, rel=0.01)
    assert chances.watched(1e-3) == pytest.approx(50, rel=1e-3)
    assert chances_of([panel_of(counts)], 0).tail_of(0.01) == pytest.approx(0.01 / 100)


def test_how_often_a_series_can_alarm_is_never_less_than_it_has_the_requests_for_it() -> None:
    """Weekdays, a season, and scatter: days with the least number come no more often than is reckoned with."""
    rng = np.random.default_rng(2)
    day = np.arange(1092)
    rhythm = np.where(day % 7 < 5, 1.4, 0.0) * (1 + 0.5 * np.sin(2 * np.pi * day / 364))
    mean = np.geomspace(0.2, 4, 200)[:, None] * rhythm
    counts = rng.poisson(rng.gamma(2.0, mean / 2)).astype(float)
    most = np.array([chances_of([panel_of(counts[row : row + 1])], 5).most[0] for row in range(200)])
    came = (counts >= 5).mean(axis=1)
    groups = zip(came.reshape(10, 20).mean(axis=1), most.reshape(10, 20).mean(axis=1), strict=True)
    assert all(found <= 1.15 * reckoned + 1e-4 for found, reckoned in groups)


def test_busy_series_can_drop_too_and_what_was_not_observed_says_nothing() -> None:
    counts = np.full((2, 400), 30.0)
    counts[1, :390] = np.nan
    chances = chances_of([panel_of(counts)], 5)
    assert len(chances.most) == 4
    assert chances.most[-1] == 1.0
    unknown = chances_of([panel_of(np.full((1, 400), np.nan))], 5)
    assert unknown.most[0] == pytest.approx(stats.poisson.sf(4, 1))
