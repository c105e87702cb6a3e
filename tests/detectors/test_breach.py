"""A limit's breach: the right window, the right day, and chances that come true as often as they say."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from detectors.breach import chance_crossed, find_breaches, window_sums
from detectors.forecasters.ranges import all_named, forecast_of_counts
from detectors.forecasters.selection import forecast_panel
from forewarn.panel import Floats, Panel
from forewarn.results import Forecast
from forewarn.settings import LimitSettings
from tests.detectors.forecasters.series import WEEK, negative_binomial
from tests.detectors.panels import panel_of


def limit(max_requests: float, **more: object) -> LimitSettings:
    return LimitSettings.model_validate({"source": "", "category": "c0000", "max_requests": max_requests, **more})


def forecast_of(panel: Panel, mean: Floats, *, share: float = 0.0, variance: float | None = None) -> Forecast:
    spread = mean if variance is None else np.full(mean.shape, variance)
    return forecast_of_counts(panel, all_named(panel, "given"), mean, spread, np.full(len(mean), share))


def test_the_day_is_the_first_on_which_the_asked_chance_is_reached() -> None:
    panel = panel_of(np.full((1, 60), 100.0))
    mean = np.full((1, 14), 100.0)
    mean[0, 5:] = 200.0  # from the sixth day on
    breach = find_breaches(panel, forecast_of(panel, mean), [limit(900, window_days=7)])[0]
    # Sums of seven days: 700 up to the fifth, 800 on the sixth, 900 on the seventh, 1000 on the eighth.
    assert breach.day in panel.dates[-1] + np.array([7, 8])
    assert breach.probability == pytest.approx(1.0, abs=0.01)
    assert breach.low < breach.expected < breach.high
    assert (breach.forecaster, breach.labels) == ("given", {"category": "c0000"})


def test_observed_days_of_the_window_count() -> None:
    busy = np.full((1, 60), 10.0)
    busy[0, -3:] = 200
    quiet = np.full((1, 60), 10.0)
    mean = np.full((1, 7), 10.0)
    for counts, expected in ((busy, 1), (quiet, 0)):
        panel = panel_of(counts)
        assert len(find_breaches(panel, forecast_of(panel, mean), [limit(300)])) == expected


def test_a_limit_that_is_passed_already_is_said_with_what_came() -> None:
    busy = np.full((1, 60), 10.0)
    busy[0, -3:] = 200
    mean = np.full((1, 7), 10.0)
    unknown = busy.copy()
    unknown[0, -7] = np.nan
    for counts, max_requests, over in ((busy, 300, 640.0), (unknown, 300, None), (busy, 639, 640.0)):
        panel = panel_of(counts)
        (breach,) = find_breaches(panel, forecast_of(panel, mean), [limit(max_requests, probability=0.01)])
        assert breach.over == over
    rising = panel_of(np.full((1, 60), 10.0))
    (breach,) = find_breaches(rising, forecast_of(rising, mean + 90), [limit(300)])
    assert breach.over is None


def test_a_missing_day_of_the_window_is_drawn_not_zero() -> None:
    counts = np.full((1, 60), 100.0)
    counts[0, -2] = np.nan
    panel = panel_of(counts)
    forecast = forecast_of(panel, np.full((1, 7), 100.0))
    sums = window_sums(panel, forecast, 0, 7, 7, np.random.default_rng(1))
    assert sums[:, 0].mean() == pytest.approx(700, rel=0.02)
    assert sums[:, 0].std() > 11  # of two days that are not known


def test_below_the_asked_chance_there_is_no_breach() -> None:
    panel = panel_of(np.full((1, 60), 100.0))
    forecast = forecast_of(panel, np.full((1, 7), 100.0))
    assert find_breaches(panel, forecast, [limit(740, probability=0.5)]) == []
    assert len(find_breaches(panel, forecast, [limit(740, probability=0.02)])) == 1


def test_days_that_err_together_make_the_sum_less_certain() -> None:
    panel = panel_of(np.full((1, 60), 100.0))
    spread = {}
    for share in (0.0, 0.5):
        forecast = forecast_of(panel, np.full((1, 28), 100.0), share=share, variance=400.0)
        sums = window_sums(panel, forecast, 0, 28, 28, np.random.default_rng(1))[:, -1]
        spread[share] = sums.std()
        assert sums.mean() == pytest.approx(2800, rel=0.02)
    assert spread[0.0] == pytest.approx(np.sqrt(28 * 400), rel=0.05)
    assert spread[0.5] == pytest.approx(np.sqrt(28 * 400 + 0.5 * 28 * 27 * 400), rel=0.05)


def test_the_chance_never_falls_and_the_horizon_ends_it() -> None:
    panel = panel_of(np.full((1, 60), 20.0))
    forecast = forecast_of(panel, np.full((1, 28), 20.0))
    sums = window_sums(panel, forecast, 0, 7, 10, np.random.default_rng(1))
    assert sums.shape[1] == 10
    assert (np.diff(chance_crossed(sums, 150)) >= 0).all()


def test_only_limits_of_this_source_and_level_are_judged(caplog: pytest.LogCaptureFixture) -> None:
    panel = panel_of(np.full((2, 60), 100.0))
    forecast = forecast_of(panel, np.full((2, 28), 100.0))
    others = [limit(1, source="elsewhere"), limit(1, category=""), limit(1, area="North")]
    assert find_breaches(panel, forecast, others) == []
    with caplog.at_level(logging.WARNING):
        assert find_breaches(panel, forecast, [limit(1, category="unheard of")]) == []
    assert "held against nothing: no request has category 'unheard of'" in caplog.text
    with caplog.at_level(logging.WARNING):
        assert find_breaches(panel, forecast, [limit(1, category="C0001x")]) == []
    assert "no request has category 'C0001x'; did you mean 'c0001'?" in caplog.text
    second = find_breaches(panel, forecast, [limit(1, category="c0001")])
    assert [breach.labels for breach in second] == [{"category": "c0001"}]
    whole = replace(panel, counts=panel.counts[:1], labels=pd.DataFrame(index=pd.RangeIndex(1)))
    assert find_breaches(whole, forecast_of(whole, np.full((1, 28), 100.0)), [limit(1, category="")])[0].labels == {}


def test_a_breach_does_not_depend_on_the_other_limits() -> None:
    panel = panel_of(np.full((1, 60), 100.0))
    forecast = forecast_of(panel, np.full((1, 28), 100.0))
    both = find_breaches(panel, forecast, [limit(710), limit(730)])
    assert find_breaches(panel, forecast, [limit(730)]) == both[1:]


def test_a_series_without_a_forecast_has_no_breach() -> None:
    panel = panel_of(np.full((1, 60), 100.0))
    assert find_breaches(panel, forecast_of(panel, np.full((1, 28), np.nan)), [limit(1)]) == []


def test_a_forecast_that_was_not_back_tested_is_a_mistake() -> None:
    panel = panel_of(np.full((1, 60), 100.0))
    forecast = replace(forecast_of(panel, np.full((1, 28), 100.0)), level_share=None)
    with pytest.raises(ValueError, match="level share"):
        find_breaches(panel, forecast, [limit(1)])


def test_of_breaches_foretold_at_p_a_share_of_p_comes_true() -> None:
    """Levels wander, so days err together; limits lie where the outcome is open."""
    rng = np.random.default_rng(11)
    n_series, n_days, horizon = 180, 280, 28
    level = np.exp(np.cumsum(rng.normal(0, 0.03, (n_series, n_days)), axis=1))
    counts = negative_binomial(rng, 40 * level * WEEK[np.arange(n_days) % 7], 2.0)
    panel = panel_of(counts).until(n_days - horizon)
    forecast = forecast_panel(panel, ["seasonal-naive"], horizon)
    coming = np.concatenate((counts[:, -horizon - 6 : -horizon], counts[:, -horizon:]), axis=1)
    largest = np.lib.stride_tricks.sliding_window_view(coming, 7, axis=1).sum(axis=2).max(axis=1)
    chance, crossed = np.empty(n_series), np.empty(n_series, dtype=bool)
    for row in range(n_series):
        max_requests = forecast.mean[row].sum() / 4 * rng.uniform(0.9, 1.5)
        sums = window_sums(panel, forecast, row, 7, horizon, rng)
        chance[row] = chance_crossed(sums, max_requests)[-1]
        crossed[row] = largest[row] > max_requests
    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.95)):
        foretold = (chance >= low) & (chance < high)
        n = int(foretold.sum())
        assert n >= 20
        least, most = binom.interval(0.998, n, chance[foretold].mean())
        assert least <= crossed[foretold].sum() <= most, (low, n, chance[foretold].mean(), crossed[foretold].mean())
