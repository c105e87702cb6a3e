"""Prophet: our variance is the one that it would draw, and a failing fit harms no other series."""

import logging

import numpy as np
import pandas as pd
import pytest
from prophet import Prophet

from detectors.forecasters.prophet import ProphetForecaster, _variance
from forewarn.calendar import Calendar
from tests.detectors.forecasters.series import weekly_counts
from tests.detectors.panels import panel_of


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # prophet calls pandas in ways that pandas 4 ends
def test_variance_is_that_of_prophets_own_draws() -> None:
    rng = np.random.default_rng(3)
    days = pd.DataFrame({"ds": pd.date_range("2022-01-01", periods=300)})
    days["y"] = np.cumsum(rng.normal(0, 1, 300)) + 50  # a wandering level, so that the trend bends
    model = Prophet(
        weekly_seasonality=False,
        yearly_seasonality=False,
        daily_seasonality=False,
        uncertainty_samples=20_000,
        changepoint_prior_scale=0.5,
    )
    model.fit(days, seed=1)
    coming = pd.DataFrame({"ds": pd.date_range(days["ds"].iloc[-1], periods=91)[1:]})
    ahead = np.arange(1.0, 91) / 299
    np.random.seed(3)  # prophet draws from the global generator
    draws = model.predictive_samples(coming)["yhat"]
    # Prophet counts new bends from the last day that it is asked for, which is a day more than ours in 300.
    np.testing.assert_allclose(_variance(model, ahead)[[0, 44, 89]], draws.var(axis=1)[[0, 44, 89]], rtol=0.1)
    assert _variance(model, ahead)[-1] > 1.5 * _variance(model, ahead)[0]


def test_each_holiday_has_its_own_habit() -> None:
    calendar = Calendar("DE", "BW")
    days = np.arange("2021-01-01", "2023-12-24", dtype="datetime64[D]")
    names = calendar.holiday_names(days)
    counts = np.where(names == "New Year's Day", 90.0, np.where(names == "", 30.0, 5.0))[np.newaxis]
    forecast = ProphetForecaster().forecast(panel_of(counts, first="2021-01-01", calendar=calendar), 9)
    expected = dict(zip(forecast.dates.astype(str), forecast.mean[0], strict=True))
    assert expected["2023-12-25"] < 15
    assert expected["2023-12-28"] == pytest.approx(30, rel=0.1)
    assert expected["2024-01-01"] > 60


def test_says_nothing_of_a_fit_that_went_well(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        ProphetForecaster().forecast(panel_of(weekly_counts(np.random.default_rng(1), 1, 120)), 7)
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]
    assert capfd.readouterr() == ("", "")
