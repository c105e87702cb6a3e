"""One series' failing model is NaN and told; the others go on."""

import logging

import numpy as np
import pytest

from detectors.forecasters.per_series import per_series
from forewarn.panel import Floats
from tests.detectors.panels import panel_of


def mean_of_known(counts: Floats, horizon: int) -> tuple[Floats, Floats]:
    if np.nanmax(counts) > 100:
        raise RuntimeError("did not converge")
    return np.full(horizon, np.nanmean(counts)), np.full(horizon, np.nanvar(counts))


def test_a_failure_is_nan_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    counts = np.array([[1.0, 3.0, 2.0], [1.0, 500.0, 2.0], [4.0, 4.0, 4.0]])
    with caplog.at_level(logging.WARNING):
        mean, variance = per_series(mean_of_known, panel_of(counts), 2, min_days=1, forecaster="plain")
    np.testing.assert_array_equal(mean, [[2, 2], [np.nan, np.nan], [4, 4]])
    np.testing.assert_array_equal(np.isnan(variance[:, 0]), [False, True, False])
    assert "plain could not be fitted to 1 of 3 series" in caplog.text
    assert "did not converge" in caplog.text
    assert "c0001" in caplog.text


def test_too_few_days_are_not_fitted(caplog: pytest.LogCaptureFixture) -> None:
    counts = np.array([[np.nan, 500.0, np.nan], [1.0, 2.0, 3.0]])
    mean, _ = per_series(mean_of_known, panel_of(counts), 1, min_days=2, forecaster="plain")
    np.testing.assert_array_equal(mean, [[np.nan], [2]])
    assert not caplog.records
