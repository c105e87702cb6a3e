"""Exceedance keeps the contract of a detector with any forecaster."""

import numpy as np
import pytest

from detectors.exceedance import Exceedance
from detectors.forecasters.ets import Ets
from detectors.forecasters.seasonal_naive import SeasonalNaive
from tests.detectors.forecasters.series import weekly_counts
from tests.detectors.panels import panel_of

COUNTS = weekly_counts(np.random.default_rng(8), 2, 150, season=0)
SETTINGS = [Exceedance(SeasonalNaive()), Exceedance(SeasonalNaive(), refit_days=1), Exceedance(Ets(), refit_days=14)]


@pytest.mark.parametrize("detector", SETTINGS)
def test_a_verdict_does_not_depend_on_what_else_is_judged(detector: Exceedance) -> None:
    whole = detector.detect(panel_of(COUNTS), 20)
    short = detector.detect(panel_of(COUNTS), 4)
    np.testing.assert_array_equal(whole.expected[:, -4:], short.expected)
    earlier = detector.detect(panel_of(COUNTS).until(146), 16)
    np.testing.assert_array_equal(whole.upper_tail[:, :-4], earlier.upper_tail)
    alone = detector.detect(panel_of(COUNTS).rows(slice(1, 2)), 20)
    np.testing.assert_allclose(alone.limit, whole.limit[1:2])


@pytest.mark.parametrize("detector", SETTINGS)
def test_today_cannot_move_todays_limit(detector: Exceedance) -> None:
    surged = COUNTS.copy()
    surged[:, -1] = 400
    calm, loud = (detector.detect(panel_of(counts), 1) for counts in (COUNTS, surged))
    np.testing.assert_array_equal(calm.limit, loud.limit)
    assert not calm.alarms().any()
    assert loud.alarms().all()
    assert (loud.upper_tail < detector.alpha).all()


def test_too_short_a_history_gives_no_verdict() -> None:
    detection = Exceedance(SeasonalNaive()).detect(panel_of(COUNTS[:, :20]), 20)
    assert np.isnan(detection.expected[:, :14]).all()
    assert not detection.alarms().any()


def test_a_missing_day_is_no_alarm() -> None:
    counts = COUNTS.copy()
    counts[:, -1] = np.nan
    detection = Exceedance(SeasonalNaive()).detect(panel_of(counts), 1)
    assert np.isfinite(detection.expected).all()
    assert not detection.alarms().any()
    assert not detection.drops().any()


def test_alarms_come_about_as_often_as_asked() -> None:
    counts = weekly_counts(np.random.default_rng(9), 100, 200, season=0)
    detection = Exceedance(SeasonalNaive(), alpha=0.01).detect(panel_of(counts), 90)
    assert 0.004 < detection.alarms().mean() < 0.016


def test_blocks_of_no_day_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="refit_days"):
        Exceedance(SeasonalNaive(), refit_days=0)
