from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from detectors.farrington import Farrington, Fit, Model, fit_step, season_blocks
from detectors.limits import nb_limit, nb_tail
from tests.detectors.panels import panel_of

WEEKLY = {
    "weekly_nbPlugin": (Model(), 0.01, "nbPlugin"),
    "weekly_nbPlugin_alpha005": (Model(), 0.005, "nbPlugin"),
    "weekly_nbPlugin_ptrend005": (Model(trend_p=0.05), 0.01, "nbPlugin"),
    "weekly_nbPlugin_noreweight": (Model(reweight_above=None), 0.01, "nbPlugin"),
    "weekly_nbPlugin_notrend": (Model(trend=False), 0.01, "nbPlugin"),
    "weekly_muan": (Model(), 0.01, "muan"),
    "weekly_delta": (Model(), 0.01, "delta"),
    "weekly_delta_default": (Model(blocks=1, left_out=3, trend_p=0.05), 0.05, "delta"),
    "weekly_delta_farrington1996like": (
        Model(blocks=1, left_out=3, trend_p=0.05, reweight_above=1),
        0.01,
        "delta",
    ),
}


def bound_and_tail(fit: Fit, observed: np.ndarray, alpha: float, method: str) -> tuple[np.ndarray, np.ndarray]:
    """The three thresholds of `surveillance`; the detector itself uses the first."""
    z = stats.norm.isf(alpha)
    if method == "delta":
        se = np.sqrt(4 / 9 * fit.mean ** (1 / 3) * (fit.dispersion + fit.log_se**2 * fit.mean))
        return (fit.mean ** (2 / 3) + z * se) ** 1.5, stats.norm.sf(observed ** (2 / 3), fit.mean ** (2 / 3), se)
    mean = fit.mean if method == "nbPlugin" else fit.mean * np.exp(np.minimum(z * fit.log_se, 25))
    variance = fit.dispersion * mean
    return nb_limit(alpha, mean, variance), nb_tail(observed, mean, variance)


def series_of(reference: Path, name: str) -> dict[str, pd.DataFrame]:
    return dict(iter(pd.read_csv(reference / "inputs" / f"{name}.csv.gz").groupby("series")))


def outputs_of(reference: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(reference / "outputs" / f"farringtonFlexible_{name}.csv.gz")


def judge(y: np.ndarray, times: np.ndarray, period: int, years: int, model: Model) -> list[Fit]:
    """One fit of all series (n_series, n_steps) for each of `times`, which are 1-based, as in R."""
    return [fit_step(y, t - 1 - period * np.arange(years + 1), model) for t in times]


def of_series(fits: list[Fit], row: int) -> Fit:
    """What the fits say of one series, over the judged times."""
    return Fit(*(np.array([part[row] for part in parts]) for parts in zip(*fits, strict=True)))


def assert_agrees(rows: pd.DataFrame, fit: Fit, alpha: float, method: str) -> None:
    bound, tail = bound_and_tail(fit, rows["observed"].to_numpy(float), alpha, method)
    known = (rows["upperbound"] < 1e9).to_numpy()  # a threshold without bound is no agreement to test
    np.testing.assert_allclose(fit.dispersion, rows["phi"], rtol=1e-9)
    np.testing.assert_array_equal(~np.isnan(fit.trend), rows["trend_used"] == 1)
    np.testing.assert_allclose(fit.mean[known], rows["expected"][known], rtol=1e-9)
    np.testing.assert_allclose(bound[known], rows["upperbound"][known], rtol=1e-8 if method == "delta" else 0)
    alarm = (rows["observed"] > bound) & known
    np.testing.assert_array_equal(alarm, rows["alarm"] == 1)
    if method == "nbPlugin":
        np.testing.assert_allclose(tail, rows["pvalue"], rtol=0, atol=2e-8)


@pytest.mark.parametrize("name", WEEKLY)
def test_agrees_with_surveillance_on_weeks(reference: Path, name: str) -> None:
    model, alpha, method = WEEKLY[name]
    counts = {series: rows["observed"].to_numpy(float) for series, rows in series_of(reference, "weekly").items()}
    outputs = dict(iter(outputs_of(reference, name).groupby("series")))
    for length, years in ((209, 3), (312, 5), (624, 5)):
        alike = [series for series in outputs if len(counts[series]) == length]
        y = np.array([counts[series] for series in alike])
        fits = judge(y, outputs[alike[0]]["t"].to_numpy(), 52, years, model)
        for row, series in enumerate(alike):
            assert_agrees(outputs[series], of_series(fits, row), alpha, method)


def test_months_agree_as_far_as_their_unequal_lengths_allow(reference: Path) -> None:
    """R measures the trend in days, and we in steps, so months agree only nearly."""
    y = series_of(reference, "monthly")["rotaBB"]["observed"].to_numpy(float)
    rows = outputs_of(reference, "monthly")
    fit = of_series(judge(y[None, :], rows["t"].to_numpy(), 12, 5, Model(half_window=1, blocks=1, left_out=3)), 0)
    np.testing.assert_allclose(fit.mean, rows["expected"], rtol=0.01)
    limit = nb_limit(0.01, fit.mean, fit.dispersion * fit.mean)
    np.testing.assert_array_equal(rows["observed"] > limit, rows["alarm"] == 1)


@pytest.mark.parametrize("period", [364, 365])
def test_agrees_on_daily_steps(reference: Path, period: int) -> None:
    outputs = dict(iter(outputs_of(reference, f"daily_freq{period}_nbPlugin").groupby("series")))
    counts = series_of(reference, "daily")
    y = np.array([counts[series]["observed"].to_numpy(float) for series in outputs])
    times = outputs["simd01"]["t"].to_numpy()[::9]
    fits = judge(y, times, period, 5, Model(half_window=10, left_out=182))
    for row, rows in enumerate(outputs.values()):
        assert_agrees(rows[rows["t"].isin(times)], of_series(fits, row), 0.01, "nbPlugin")


@pytest.mark.parametrize("threshold", ["", "nbPlugin", "delta"])
def test_agrees_on_dated_weeks_and_with_a_population(reference: Path, threshold: str) -> None:
    outputs = outputs_of(reference, "dated_population" if threshold else "dated_nbPlugin")
    if threshold:
        outputs = outputs[outputs["threshold"] == threshold]
    counts = series_of(reference, "weekly_dated")
    for series, rows in outputs.groupby("series"):
        days = pd.DatetimeIndex(counts[series]["date"])
        y = counts[series]["observed"].to_numpy(float)[None, :]
        size = counts[series]["population"].to_numpy(float) if threshold else None
        fits = []
        for t in rows["t"]:
            same_day = [days[t - 1] - pd.DateOffset(years=back) for back in range(6)]
            references = np.array([np.abs(days - day).argmin() for day in same_day])
            fits.append(fit_step(y, references, Model(), size))
        assert_agrees(rows, of_series(fits, 0), 0.01, threshold or "nbPlugin")


def test_blocks_cover_the_past_with_the_longer_ones_first() -> None:
    block = season_blocks(np.array([60, 40, 20]), 2, 4)
    assert block.tolist()[18:41] == [4] * 5 + [1] * 5 + [2] * 5 + [3] * 5 + [4] * 3
    assert block.tolist()[:18] == [0] * 18
    assert [np.sum(season_blocks(np.array([70, 48]), 2, 4)[51:68] == number) for number in (1, 2, 3)] == [6, 6, 5]


def test_missing_weeks_are_left_out_not_taken_as_zero() -> None:
    rng = np.random.default_rng(4)
    y = rng.poisson(20.0, (1, 300)).astype(float)
    references = 299 - 52 * np.arange(5)
    holes = y.copy()
    holes[0, 20:260:3] = np.nan
    whole, holed, zeroed = (fit_step(counts, references, Model()) for counts in (y, holes, np.nan_to_num(holes)))
    assert holed.mean[0] == pytest.approx(whole.mean[0], rel=0.1)
    assert zeroed.mean[0] < 0.92 * whole.mean[0]


def test_detector_judges_the_seven_days_that_end_on_each_day() -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(4.0, (3, 1200)).astype(float)
    detection = Farrington(alpha=0.01).detect(panel_of(counts), 10)
    weekly = counts[:, 1200 - 7 * 171 :].reshape(3, 171, 7).sum(axis=2)
    references = 170 - np.rint(np.arange(4) * 365.25 / 7).astype(int)
    fit = fit_step(weekly, references, Model())
    np.testing.assert_allclose(detection.expected[:, -1], fit.mean)
    np.testing.assert_array_equal(detection.observed[:, -1], weekly[:, -1])
    np.testing.assert_array_equal(detection.limit[:, -1], nb_limit(0.01, fit.mean, fit.dispersion * fit.mean))


def test_no_verdict_with_under_two_years_or_under_five_requests_in_four_weeks() -> None:
    counts = np.ones((2, 900))
    counts[1, 100:] = 0
    assert np.isnan(Farrington().detect(panel_of(counts[:, :700]), 5).expected).all()
    known = ~np.isnan(Farrington().detect(panel_of(counts), 5).expected)
    assert known[0].all()
    assert not known[1].any()
