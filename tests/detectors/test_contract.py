"""What every detector of the table promises."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import DETECTORS, detector_for
from forewarn.calendar import Calendar
from forewarn.contracts import Detector
from forewarn.panel import Floats, Panel
from forewarn.results import Detection
from tests.detectors.panels import panel_of

ALPHA = 0.01
SHARING = ("scan", "drift")
"""Those that learn from all rows of a panel what one row alone cannot tell."""
N_DAYS = 850
MATRICES = ("expected", "low", "high", "limit", "lower_limit", "upper_tail", "lower_tail")

over_the_table = pytest.mark.parametrize("name", DETECTORS)
made = partial(detector_for, alpha=ALPHA)


def ordinary(seed: int = 1, n_days: int = N_DAYS, n_series: int = 6) -> Floats:
    """Counts with a week, a year, over-dispersion and volumes from rare to large."""
    rng = np.random.default_rng(seed)
    day = np.arange(n_days)
    rhythm = np.exp(0.4 * np.sin(2 * np.pi * day / 7) + 0.5 * np.cos(2 * np.pi * day / 365.25))
    mean = np.geomspace(0.05, 300, n_series)[:, None] * rhythm
    return rng.poisson(rng.gamma(mean / 0.5, 0.5)).astype(float)


def panel(counts: Floats) -> Panel:
    return panel_of(counts, calendar=Calendar("US", "NY"))


def assert_same(one: Detection, other: Detection, rtol: float = 1e-6) -> None:
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(one, matrix), getattr(other, matrix), rtol=rtol, err_msg=matrix)


@over_the_table
def test_no_day_sees_a_later_one(name: str) -> None:
    counts = ordinary()
    changed = counts.copy()
    changed[:, -5:] = 10 * changed[:, -5:] + 7
    before = made(name).detect(panel(counts[:, :-5]), 10)
    after = made(name).detect(panel(changed), 15)
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(after, matrix)[:, :10], getattr(before, matrix), rtol=1e-6)


@over_the_table
def test_todays_count_cannot_move_todays_limit(name: str) -> None:
    counts = ordinary()
    changed = counts.copy()
    changed[:, -1] += 1000
    one, other = (made(name).detect(panel(c), 1) for c in (counts, changed))
    for matrix in ("expected", "low", "high", "limit", "lower_limit"):
        known = ~np.isnan(getattr(one, matrix))  # Farrington gives no verdict on fewer than five requests in four weeks
        np.testing.assert_allclose(getattr(one, matrix)[known], getattr(other, matrix)[known], rtol=1e-9)


@over_the_table
def test_last_only_cuts_the_answer(name: str) -> None:
    whole = made(name).detect(panel(ordinary()), 25)
    short = made(name).detect(panel(ordinary()), 4)
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(whole, matrix)[:, -4:], getattr(short, matrix), rtol=1e-6)
    np.testing.assert_array_equal(whole.dates[-4:], short.dates)


@over_the_table
@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(name: str, order: list[int]) -> None:
    counts = ordinary()
    one = made(name).detect(panel(counts), 3)
    other = made(name).detect(panel(counts[order]), 3)
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(one, matrix)[order], getattr(other, matrix), rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in SHARING])
def test_rows_are_independent(name: str) -> None:
    counts = ordinary()
    alone = made(name).detect(panel(counts[2:3]), 5)
    together = made(name).detect(panel(counts), 5)
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(together, matrix)[2:3], getattr(alone, matrix), rtol=1e-9)


@pytest.mark.parametrize("name", SHARING)
def test_rows_may_share_dispersion_and_tails_but_not_the_last_days(name: str) -> None:
    """Another row's wild week moves nothing; its wild history moves a limit by little."""
    counts = ordinary(n_series=30)
    one = made(name).detect(panel(counts), 5)
    wild_week = counts.copy()
    wild_week[4, -5:] += 500
    other = made(name).detect(panel(wild_week), 5)
    rest = np.arange(30) != 4
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(other, matrix)[rest], getattr(one, matrix)[rest], rtol=1e-9)
    wild_past = counts.copy()
    wild_past[4, ::9] *= 20
    other = made(name).detect(panel(wild_past), 5)
    np.testing.assert_allclose(other.expected[rest], one.expected[rest], rtol=0.05, atol=0.01)
    assert np.abs(other.limit - one.limit)[rest].max() <= 0.15 * one.limit.max()


@over_the_table
def test_no_data_gives_no_alarm(name: str) -> None:
    for counts in (np.full((3, N_DAYS), np.nan), np.zeros((0, 100)), np.ones((2, 1)), np.full((2, 1), 1e9)):
        detection = made(name).detect(panel(counts), 1)
        assert not detection.alarms().any()
        assert not detection.drops().any()


@over_the_table
def test_a_missing_day_has_no_verdict_and_is_not_a_zero(name: str) -> None:
    counts = ordinary()
    counts[:, -1] = np.nan
    detection = made(name).detect(panel(counts), 1)
    assert np.isnan(detection.upper_tail).all()
    assert not detection.alarms().any()
    assert not detection.drops().any()

    counts = np.tile(ordinary(n_series=6)[5], (1, 1))
    holes, zeros = counts.copy(), counts.copy()
    holes[0, -20:-10], zeros[0, -20:-10] = np.nan, 0
    whole, holed, zeroed = (made(name).detect(panel(c), 1).expected for c in (counts, holes, zeros))
    if not np.isnan(holed):
        assert abs(holed - whole) <= abs(zeroed - whole) + 1e-9


@over_the_table
@pytest.mark.parametrize("value", [0.0, 1.0, 3.0, 1e9])
def test_constant_series_are_quiet(name: str, value: float) -> None:
    detection = made(name).detect(panel(np.full((3, N_DAYS), value)), 60)
    assert not detection.alarms().any()
    assert not detection.drops().any()


@over_the_table
def test_a_billion_is_an_alarm_and_no_crash(name: str) -> None:
    counts = ordinary()
    counts[:, -1] = 1e9
    detection = made(name).detect(panel(counts), 1)
    judged = ~np.isnan(detection.expected)
    assert judged.sum() >= 5
    assert detection.alarms()[judged].all()


@over_the_table
def test_an_alarm_is_a_tail_below_alpha(name: str) -> None:
    counts = ordinary()
    counts[:, -30::3] *= 3
    detection = made(name).detect(panel(counts), 60)
    assert 5 < detection.alarms().sum() < detection.observed.size
    np.testing.assert_array_equal(detection.alarms(), detection.upper_tail < ALPHA)
    np.testing.assert_array_equal(detection.drops(), detection.lower_tail < ALPHA)
    assert detection.detector == name


@over_the_table
def test_smaller_alpha_means_fewer_alarms(name: str) -> None:
    counts = ordinary()
    often, seldom = (detector_for(name, alpha).detect(panel(counts), 100) for alpha in (0.05, 1e-7))
    assert often.alarms().sum() > seldom.alarms().sum()
    assert (seldom.limit >= often.limit - 1e-6)[~np.isnan(often.limit)].all()


def test_every_detector_is_a_detector() -> None:
    detectors: list[Detector] = [made(name) for name in DETECTORS]
    assert [detector.name for detector in detectors] == list(DETECTORS)


@over_the_table
def test_days_before_the_source_was_read_change_nothing(name: str) -> None:
    known = panel(ordinary(seed=33, n_days=300))  # less than a year: no season can be learnt
    unread = np.full((len(known.labels), 700), np.nan)
    dates = known.dates[0] - 700 + np.arange(700 + 300)
    padded = Panel(np.hstack([unread, known.counts]), dates, known.labels, known.as_of, "", known.calendar)
    assert_same(made(name).detect(known, 30), made(name).detect(padded, 30))
