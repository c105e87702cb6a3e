"""Hours, days and weeks go through the same code."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from detectors import DETECTORS, detector_for
from detectors.course import Courses
from detectors.design import calendar_design, days_of, like_weekday, special_days
from detectors.drift import Drift
from detectors.scan import Scan
from forewarn.calendar import Calendar
from forewarn.panel import DAY, HOUR, WEEK, Floats, Panel
from forewarn.results import Detection

MATRICES = ("observed", "expected", "low", "high", "limit", "lower_limit", "upper_tail", "lower_tail")


def panel_of(
    counts: Floats, step: np.timedelta64, *, first: str = "2020-01-06", calendar: Calendar = Calendar()
) -> Panel:
    labels = pd.DataFrame({"category": [f"c{row}" for row in range(len(counts))]})
    dates = np.datetime64(first) + step * np.arange(counts.shape[1])
    return Panel(counts, dates, labels, datetime(2026, 1, 1, tzinfo=UTC), calendar=calendar, step=step)


def counts_of(
    n_steps: int, *, steps_per_year: float, seed: int = 1, n_series: int = 6, dispersion: float = 1.5
) -> Floats:
    """Means of 0.5 to 200 a step, with a year and over-dispersion."""
    rng = np.random.default_rng(seed)
    season = np.exp(0.4 * np.cos(2 * np.pi * np.arange(n_steps) / steps_per_year))
    mean = np.geomspace(0.5, 200, n_series)[:, None] * season
    return rng.poisson(rng.gamma(mean / (dispersion - 1), dispersion - 1)).astype(float)


def hourly(n_days: int, *, seed: int = 2, n_series: int = 4) -> Floats:
    """Means of 0.3 to 50 an hour, busy in the evening and more so on Friday and Saturday."""
    rng = np.random.default_rng(seed)
    hour = np.arange(24 * n_days)
    day = hour // 24 % 7  # a Monday first
    evening = np.exp(1.2 * np.cos(2 * np.pi * (hour % 24 - 21) / 24))
    mean = np.geomspace(0.3, 50, n_series)[:, None] * evening * np.where((day == 4) | (day == 5), 1.8, 1.0)
    return rng.poisson(rng.gamma(mean / 0.5, 0.5)).astype(float)


def assert_same(one: Detection, other: Detection, rtol: float = 1e-9) -> None:
    for matrix in MATRICES:
        np.testing.assert_allclose(getattr(one, matrix), getattr(other, matrix), rtol=rtol, err_msg=matrix)


over_the_table = pytest.mark.parametrize("name", DETECTORS)


@over_the_table
def test_a_week_is_a_week_in_whatever_unit(name: str) -> None:
    counts = counts_of(200, steps_per_year=52.18)
    counts[:, -5:] *= 3
    units = (np.timedelta64(7, "D"), np.timedelta64(1, "W"), np.timedelta64(168, "h"))
    dates = [panel_of(counts, step, first="2020-01-06T00").dates for step in units]
    weeks = [detector_for(name, 0.01).detect(panel_of(counts, step, first="2020-01-06T00"), 12) for step in units]
    assert weeks[0].alarms().any()
    for week, its in zip(weeks[1:], dates[1:], strict=True):
        np.testing.assert_array_equal(its, dates[0])
        assert_same(week, weeks[0])


@over_the_table
@pytest.mark.parametrize(("step", "n_steps"), [(HOUR, 24 * 40), (DAY, 500), (WEEK, 120)])
def test_56_years_later_the_calendar_is_the_same(name: str, step: np.timedelta64, n_steps: int) -> None:
    """56 years of 365.25 days are pairs of weeks, so that neither a week nor a year tells the two apart."""
    counts = counts_of(n_steps, steps_per_year=float(np.timedelta64(8766, "h") / step), seed=3)
    counts[:, -4:] += 5
    now, later = (
        detector_for(name, 0.01).detect(panel_of(counts, step, first=first), 8)
        for first in ("1968-01-01", "2024-01-01")
    )
    assert_same(now, later, rtol=1e-6)


@over_the_table
def test_steps_that_know_no_calendar_are_judged_alike_however_long_they_are(name: str) -> None:
    """Below a year of history there is nothing that one length of a step could know and another could not."""
    counts = counts_of(36, steps_per_year=1e9, seed=4)
    counts[2:, -1] *= 4
    short, long = (detector_for(name, 0.001).detect(panel_of(counts, n * DAY), 4) for n in (7, 9))
    np.testing.assert_array_equal(short.alarms(), long.alarms())
    np.testing.assert_allclose(short.expected, long.expected, rtol=0.1)


@over_the_table
@pytest.mark.parametrize("step", [HOUR, 6 * HOUR, WEEK])
def test_promises_of_days_hold_for_other_steps(name: str, step: np.timedelta64) -> None:
    counts = counts_of(24 * 40, steps_per_year=8766) if step < DAY else counts_of(170, steps_per_year=52.18)
    detector = detector_for(name, 0.01)
    before, now = detector.detect(panel_of(counts[:, :-3], step), 5), detector.detect(panel_of(counts, step), 8)
    for matrix in MATRICES[1:]:  # no step sees a later one, and `last` only cuts the answer
        np.testing.assert_allclose(getattr(now, matrix)[:, :5], getattr(before, matrix), rtol=1e-6, err_msg=matrix)
    higher = counts.copy()
    higher[:, -1] += 1000
    other = detector.detect(panel_of(higher, step), 8)
    for matrix in ("expected", "limit", "lower_limit"):
        known = ~np.isnan(getattr(now, matrix))
        np.testing.assert_allclose(getattr(other, matrix)[known], getattr(now, matrix)[known], rtol=1e-9)
    for quiet in (np.zeros_like(counts), np.full_like(counts, np.nan), np.full_like(counts, 3.0), counts[:, :1]):
        assert not detector.detect(panel_of(quiet, step), 1).alarms().any()
    assert np.isnan(
        detector.detect(
            panel_of(np.where(np.arange(counts.shape[1]) == counts.shape[1] - 1, np.nan, counts), step), 1
        ).upper_tail
    ).all()


def test_false_alarms_of_weeks_are_as_rare_as_promised() -> None:
    counts = counts_of(260, steps_per_year=52.18, seed=5, n_series=160)
    detection = Scan().detect(panel_of(counts, WEEK, first="2012-01-02"), 52)
    cells = detection.upper_tail.size
    for alpha in (1e-2, 1e-3, 1e-4):
        for tail in (detection.upper_tail, detection.lower_tail):
            assert (tail < alpha).sum() <= stats.binom.isf(1e-4, cells, 1.35 * alpha), alpha
    large = detection.upper_tail[80:]
    assert (large < 1e-2).sum() >= stats.binom.ppf(1e-4, large.size, 0.6 * 1e-2)


def test_false_alarms_of_hours_are_as_rare_as_promised() -> None:
    counts = hourly(50, n_series=16)
    detection = Scan().detect(panel_of(counts, HOUR), 24 * 20)
    cells = detection.upper_tail.size
    for alpha in (1e-2, 1e-3, 1e-4):
        for tail in (detection.upper_tail, detection.lower_tail):
            assert (tail < alpha).sum() <= stats.binom.isf(1e-4, cells, 1.35 * alpha), alpha


def test_hours_know_the_evening_of_each_weekday() -> None:
    counts = hourly(90, seed=6)
    detection = Scan().detect(panel_of(counts, HOUR), 24 * 7)
    expected = detection.expected[3].reshape(7, 24)  # the last seven days are Saturday to Friday
    first = int((detection.dates[0].astype("datetime64[D]").astype(int) + 3) % 7)
    by_day = dict(zip([(first + n) % 7 for n in range(7)], expected, strict=True))
    assert by_day[1][21] == pytest.approx(50 * np.exp(1.2), rel=0.15)
    assert by_day[5][21] == pytest.approx(1.8 * 50 * np.exp(1.2), rel=0.15)
    assert by_day[1][9] == pytest.approx(50 * np.exp(-1.2), rel=0.2)


def test_an_hour_that_stands_out_is_told_and_so_are_hours_that_do_together() -> None:
    counts = hourly(90, seed=7)
    counts[3, -2] += 200
    counts[2, -5:] += 28
    detection = Scan(alpha=1e-5).detect(panel_of(counts, HOUR), 5)
    assert detection.rise is not None
    assert detection.alarms()[3].tolist()[:4] == [False, False, False, True]
    assert detection.alarms()[2, -1]
    assert detection.rise.steps[2, -1] > 1
    assert not detection.alarms()[:2].any()


def test_what_grows_over_weeks_is_told_by_drift_of_weeks() -> None:
    rng = np.random.default_rng(8)
    mean = np.full((8, 250), 40.0)
    mean[4, -8:] *= np.linspace(1.1, 1.7, 8)
    detection = Drift(alpha=1e-4).detect(panel_of(rng.poisson(mean).astype(float), WEEK), 2)
    assert detection.alarms()[4].any()
    assert not np.delete(detection.alarms(), 4, axis=0).any()


def test_a_week_has_its_share_of_each_special_day_and_no_weekday() -> None:
    calendar = Calendar("US")
    weeks = np.datetime64("2023-01-02") + 7 * np.arange(60)
    by_week = calendar_design(weeks, calendar, origin=weeks[-2], history_days=400, step=WEEK)
    days = days_of(weeks, WEEK)
    share = special_days(days.ravel(), calendar).reshape(60, 7, 5).mean(axis=1)
    of_days = calendar_design(days.ravel(), calendar, origin=weeks[-2], history_days=400)
    assert by_week.columns.shape[1] == of_days.columns.shape[1] - 6
    np.testing.assert_allclose(by_week.columns[:, 14:19], share)
    assert share[:, 0].max() == pytest.approx(1 / 7)


def test_the_eve_of_a_holiday_is_like_saturday_and_the_holiday_like_sunday() -> None:
    labour_day = np.arange("2023-09-01T12", "2023-09-06T12", 24, dtype="datetime64[h]")  # Friday to Tuesday
    assert like_weekday(labour_day, Calendar("US")).tolist() == [4, 5, 5, 6, 1]
    assert like_weekday(labour_day, Calendar()).tolist() == [4, 5, 6, 0, 1]


def test_hours_are_cut_into_steps_of_some_hours() -> None:
    courses: Courses = Scan.courses
    assert courses.of(HOUR) == courses.hours
    quarter = courses.of(6 * HOUR)
    assert (quarter.period, quarter.spans, quarter.least_history) == (4, (1, 2, 4), 112)
    assert len(quarter.penalties) == 3
    assert courses.of(2 * DAY) == courses.of(WEEK) == courses.longer
    assert Drift.courses.of(12 * HOUR).spans == (1, 28, 56, 84, 112)


def test_a_panel_keeps_its_step_and_refuses_others() -> None:
    whole = panel_of(np.ones((2, 50)), 6 * HOUR)
    assert whole.until(1).step == replace(whole, source="x").step == 6 * HOUR
    assert whole.dates[1] - whole.dates[0] == 6 * HOUR
    for wrong in (5 * HOUR, 36 * HOUR, np.timedelta64(90, "m"), -DAY, np.timedelta64(0, "D")):
        with pytest.raises(ValueError, match="a step must be"):
            panel_of(np.ones((1, 3)), wrong)
    with pytest.raises(ValueError, match="consecutive"):
        replace(whole, dates=whole.dates[0] + np.arange(50) * 5 * HOUR)
