"""The back-test picks the better forecaster, sets the range to what held-out days showed, and bounds its cost."""

from dataclasses import dataclass

import numpy as np
import pytest

from detectors.forecasters.ranges import all_named, forecast_of_counts
from detectors.forecasters.seasonal_naive import SeasonalNaive
from detectors.forecasters.selection import REACH, forecast_panel, select
from forewarn.panel import Panel
from forewarn.results import Forecast
from tests.detectors.forecasters.series import WEEK, negative_binomial, weekly_counts
from tests.detectors.panels import panel_of


@dataclass(frozen=True)
class Flat:
    """Forecasts the same number always, and remembers which series it was asked for."""

    level: float
    asked: list[int]
    name: str = "flat"

    def forecast(self, panel: Panel, horizon: int) -> Forecast:
        self.asked.append(len(panel.labels))
        mean = np.full((len(panel.labels), horizon), self.level)
        return forecast_of_counts(panel, all_named(panel, self.name), mean, mean)


def test_each_series_gets_what_serves_it() -> None:
    rng = np.random.default_rng(2)
    weekly = weekly_counts(rng, 20, 300, level=50)
    flat = rng.poisson(30, (20, 300)).astype(float)
    panel = panel_of(np.concatenate((weekly, flat)))
    selection = select(panel, [SeasonalNaive(), Flat(30.0, [])], 28, 4)
    assert (selection.forecaster[:20] == "seasonal-naive").all()
    assert (selection.forecaster[20:] == "flat").mean() > 0.8


def test_the_first_serves_where_nothing_can_be_tested() -> None:
    forecasters = [SeasonalNaive(), Flat(4.0, [])]
    selection = select(panel_of(np.full((1, 30), 4.0)), forecasters, 28, 4)
    assert selection.forecaster.tolist() == ["flat"]  # it alone has a forecast for the one block with a history
    selection = select(panel_of(np.full((1, 30), np.nan)), forecasters, 28, 4)
    assert selection.forecaster.tolist() == ["seasonal-naive"]
    assert selection.factor.tolist() == [1.0]


def test_the_last_days_move_the_choice_only_through_the_back_test() -> None:
    counts = weekly_counts(np.random.default_rng(2), 2, 200)
    changed = counts.copy()
    changed[:, 150:] += 5
    forecasters = [SeasonalNaive(), Flat(20.0, [])]
    cut, other = (select(panel_of(c).until(150), forecasters, 14, 3) for c in (counts, changed))
    np.testing.assert_array_equal(cut.factor, other.factor)
    np.testing.assert_array_equal(cut.level_share, other.level_share)


def test_ranges_hold_what_they_say_after_calibration() -> None:
    rng = np.random.default_rng(7)
    n_days = 300
    level = np.exp(np.cumsum(rng.normal(0, 0.03, (150, n_days)), axis=1))  # wanders, as the method does not expect
    counts = negative_binomial(rng, 100 * level * WEEK[np.arange(n_days) % 7], 2.0)
    panel, coming = panel_of(counts).until(n_days - 28), counts[:, -28:]
    plain = SeasonalNaive().forecast(panel, 28)
    calibrated = forecast_panel(panel, ["seasonal-naive"], 28)

    def inside(forecast: Forecast) -> float:
        return float(((coming >= forecast.low) & (coming <= forecast.high)).mean())

    assert inside(plain) < 0.74
    assert 0.76 < inside(calibrated) < 0.86
    assert calibrated.level_share is not None
    assert np.median(calibrated.level_share) > 0.25  # the level is misjudged for weeks on end


def test_costly_forecasters_are_tried_on_the_busiest_series_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REACH, "flat", type(REACH["ets"])(min_mean=5.0, max_series=3))
    levels = np.array([1.0, 50.0, 10.0, 40.0, 6.0, 30.0])
    counts = np.tile(levels[:, np.newaxis], (1, 200))
    asked: list[int] = []
    selection = select(panel_of(counts), [Flat(30.0, asked)], 14, 4)
    assert asked == [3] * 4
    assert selection.forecaster.tolist() == ["", "flat", "", "flat", "", "flat"]


def test_a_forecast_says_who_made_it_and_leaves_the_short_history_alone() -> None:
    counts = weekly_counts(np.random.default_rng(2), 3, 120)
    counts[1, :-10] = np.nan
    forecast = forecast_panel(panel_of(counts), ["seasonal-naive", "ets"], 14)
    assert forecast.forecaster[1] == ""
    assert set(forecast.forecaster[[0, 2]]) <= {"seasonal-naive", "ets"}
    assert np.isnan(forecast.mean[1]).all()
    assert np.isfinite(forecast.mean[[0, 2]]).all()


def test_prophet_and_ets_serve_beside_each_other() -> None:
    counts = weekly_counts(np.random.default_rng(4), 2, 200, level=30)
    forecast = forecast_panel(panel_of(counts), ["prophet", "ets"], 14)
    assert set(forecast.forecaster) <= {"prophet", "ets"}
    np.testing.assert_allclose(forecast.mean.mean(axis=1), counts[:, -56:].mean(axis=1), rtol=0.3)


def test_nothing_to_choose_from_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="forecasters"):
        forecast_panel(panel_of(np.ones((1, 50))), [], 7)


def test_an_empty_panel_has_an_empty_forecast() -> None:
    assert forecast_panel(panel_of(np.ones((0, 100))), ["seasonal-naive"], 7).mean.shape == (0, 7)
