import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from detectors import irls
from detectors.baseline import learn, look_ahead, surge_weights
from detectors.design import Design, calendar_design, special_days
from detectors.pooling import mixture_weights, shrunk_dispersion
from detectors.regression import Regression
from forewarn.calendar import Calendar
from tests.detectors.panels import panel_of


def city(n_series: int, n_days: int, seed: int, *, dispersion: float = 1.5) -> np.ndarray:
    """Counts of means 0.02 to 200 with a week, a year and a given dispersion."""
    rng = np.random.default_rng(seed)
    day = np.arange(n_days)
    rhythm = np.exp(0.3 * np.sin(2 * np.pi * day / 7) + 0.4 * np.cos(2 * np.pi * day / 365.25))
    mean = np.geomspace(0.02, 200, n_series)[:, None] * rhythm
    return rng.poisson(rng.gamma(mean / (dispersion - 1), dispersion - 1)).astype(float)


def test_a_block_of_series_is_fitted_as_statsmodels_fits_each() -> None:
    counts = city(8, 800, seed=3)[2:]
    dates = np.datetime64("2021-01-01") + np.arange(800)
    columns = calendar_design(dates, Calendar(), origin=dates[-1], history_days=800).columns[:, :14]
    weights = np.random.default_rng(1).uniform(0.2, 1, counts.shape)
    start = np.zeros((6, 14))
    start[:, 0] = np.log(counts.mean(axis=1))
    together = irls.fit(counts, weights, columns, np.zeros((6, 14)), start)
    for row in range(6):
        alone = sm.GLM(counts[row], columns, family=sm.families.Poisson(), freq_weights=weights[row]).fit(tol=1e-12)
        np.testing.assert_allclose(together[row], alone.params, rtol=1e-6, atol=1e-8)


def test_a_penalty_is_a_normal_prior() -> None:
    y = np.array([[3.0, 0, 4, 9]])
    columns = np.array([[1.0, 0], [1, 1], [1, 0], [1, 1]])
    beta = irls.fit(y, np.ones((1, 4)), columns, np.array([[0.0, 4.0]]), np.zeros((1, 2)))[0]
    slope = (columns.T @ (y[0] - np.exp(columns @ beta))) - np.array([0, 4.0 * beta[1]])
    np.testing.assert_allclose(slope, 0, atol=1e-9)


@pytest.mark.parametrize("dispersion", [1.001, 1.5, 4.0])
def test_false_alarms_are_as_rare_as_promised(dispersion: float) -> None:
    """105,000 ordinary days each, of rare and of large series; `benchmarks.detectors calibration` takes two million."""
    n_series, last = 300, 350
    counts = city(n_series, 1096, seed=11, dispersion=dispersion)
    detection = Regression(refit_days=70).detect(panel_of(counts, first="2021-03-01"), last)
    cells = detection.upper_tail.size
    for alpha in (1e-2, 1e-3, 1e-4, 1e-5):
        most = stats.binom.isf(1e-4, cells, 1.35 * alpha)  # the mean and the dispersion are estimates
        assert (detection.upper_tail < alpha).sum() <= most, alpha
        assert (detection.lower_tail < alpha).sum() <= most, alpha
    large = detection.upper_tail[n_series // 2 :]  # where tails are not coarse, alarms must not be too rare either
    for alpha in (1e-2, 1e-3):
        assert (large < alpha).sum() >= stats.binom.ppf(1e-4, large.size, 0.6 * alpha), alpha


def test_a_surge_does_not_teach_itself_within_its_first_week() -> None:
    counts = city(20, 900, seed=5)
    quiet = Regression().detect(panel_of(counts.copy()), 7)
    counts[10:, -7:] += 300
    surging = Regression().detect(panel_of(counts), 7)
    np.testing.assert_allclose(surging.expected, quiet.expected, rtol=1e-9)
    assert surging.alarms()[10:].all()


def test_a_lasting_change_becomes_the_new_normal() -> None:
    counts = city(12, 1000, seed=6)
    counts[11, 900:] *= 2
    detection = Regression(alpha=1e-5).detect(panel_of(counts), 110)
    assert detection.alarms()[11, 10:20].sum() >= 5
    assert detection.alarms()[11, -20:].sum() == 0


def test_a_category_that_comes_alive_is_known_within_weeks() -> None:
    counts = city(12, 900, seed=7)
    counts[0] = 0
    counts[0, -60:] = np.random.default_rng(8).poisson(3, 60)
    detection = Regression(alpha=1e-5).detect(panel_of(counts), 60)
    assert detection.alarms()[0, :5].any()
    assert not detection.alarms()[0, -14:].any()


def test_past_surges_count_for_little() -> None:
    counts = city(6, 1000, seed=9)
    plain = Regression().detect(panel_of(counts.copy()), 1)
    counts[5, 500:515] *= 8
    surged = Regression().detect(panel_of(counts), 1)
    assert surged.expected[5, 0] == pytest.approx(plain.expected[5, 0], rel=0.03)


def test_a_single_request_in_a_rare_series_is_not_down_weighted() -> None:
    weights = surge_weights(np.array([[0.0, 1, 6]]), np.full((1, 3), 0.01), np.ones(1))
    assert weights[0, :2].tolist() == [1, 1]
    assert weights[0, 2] < 0.05


def test_holidays_are_learnt() -> None:
    calendar = Calendar("US", "NY")
    counts = city(4, 1096, seed=10)
    dates = np.datetime64("2020-01-01") + np.arange(1096)
    closed = special_days(dates, calendar)[:, 0] == 1
    counts[3, closed] = np.round(counts[3, closed] * 0.1)
    detection = Regression().detect(panel_of(counts, calendar=calendar), 10)
    christmas = np.flatnonzero(detection.dates == np.datetime64("2022-12-26"))[0]  # observed on Monday
    assert detection.expected[3, christmas] < 0.4 * detection.expected[3, christmas - 10 + 9]
    assert not detection.drops()[3].any()


def test_special_days_of_a_christmas_week() -> None:
    dates = np.arange("2024-12-23", "2025-01-04", dtype="datetime64[D]")
    on_workday, at_weekend, after, before, year_end = special_days(dates, Calendar("US")).T
    assert dates[on_workday == 1].astype(str).tolist() == ["2024-12-25", "2025-01-01"]
    assert not at_weekend.any()
    assert dates[after == 1].astype(str).tolist() == ["2024-12-26", "2025-01-02"]
    assert dates[before == 1].astype(str).tolist() == ["2024-12-24", "2024-12-31"]
    assert dates[year_end == 1].astype(str).tolist()[0] == "2024-12-24"


def test_no_verdict_before_eight_weeks_and_no_season_before_a_year() -> None:
    counts = city(5, 70, seed=12)
    detection = Regression().detect(panel_of(counts, first="2021-03-01"), 70)
    known = ~np.isnan(detection.expected[0])
    assert not known[:56].any()
    assert known[-1]
    dates = np.datetime64("2021-01-01") + np.arange(400)
    short, long = (
        calendar_design(dates, Calendar(), origin=dates[-1], history_days=days).columns.shape[1] for days in (364, 365)
    )
    assert long - short == 6


def test_a_series_that_began_late_waits_alone() -> None:
    counts = city(5, 500, seed=13)
    counts[2, :470] = np.nan
    detection = Regression().detect(panel_of(counts), 1)
    assert np.isnan(detection.limit[2, 0])
    assert np.isfinite(np.delete(detection.limit[:, 0], 2)).all()


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panel_of(city(23, 600, seed=14))
    whole = Regression().detect(panel, 3)
    monkeypatch.setattr("detectors.regression.BLOCK_ROWS", 5)
    split = Regression().detect(panel, 3)
    np.testing.assert_allclose(split.upper_tail, whole.upper_tail, rtol=1e-6)


def test_the_level_equals_its_recursion_day_by_day() -> None:
    counts = city(3, 300, seed=15)
    dates = np.datetime64("2021-01-01") + np.arange(300)
    design = calendar_design(dates, Calendar(), origin=dates[293], history_days=286)
    start = np.zeros((3, design.columns.shape[1]))
    start[:, 0] = np.log(counts.mean(axis=1))
    past = learn(counts[:, :286], Design(design.columns[:286], design.prior_sd), guard_days=7, start=start)
    outlook = look_ahead(past, counts[:, 286:], design.columns[286:], guard_days=7)
    mean = np.exp(past.coefficients @ design.columns.T)
    first = np.exp(
        irls.fit(
            counts[:, :286],
            np.ones((3, 286)),
            design.columns[:286],
            np.repeat(np.where(np.isinf(design.prior_sd), 0, design.prior_sd**-2.0)[None], 3, axis=0),
            start,
            pseudo=0.5,
        )
        @ design.columns.T
    )
    for row in range(3):
        squared = (counts[row, :286] - first[row, :286]) ** 2 / first[row, :286]
        freedom = 286 - design.columns.shape[1]
        rough = max(squared.sum() / freedom, 1)
        dispersion = max(np.minimum(squared, 16 * rough * np.maximum(1, 1 / first[row, :286])).sum() / freedom, 1)
        weights = surge_weights(counts[row : row + 1], mean[row : row + 1], np.array([dispersion]))[0]
        support = min(28 * mean[row, :286].mean(), 8 * dispersion)
        seen = due = 0.0
        for day in range(300 - 8):  # the last judged day knows the days up to a week before it
            seen = seen * 0.5 ** (1 / 14) + weights[day] * counts[row, day]
            due = due * 0.5 ** (1 / 14) + weights[day] * mean[row, day]
        assert outlook.levels[0, row, -1] == pytest.approx((support + seen) / (support + due), rel=1e-6)


def test_series_trust_what_foretold_them_and_what_their_peers_trust() -> None:
    trust = mixture_weights(np.array([[0.0, -50], [-50, 0], [0, 0], [0, -50], [0, -50]]))
    np.testing.assert_allclose(trust.sum(axis=1), 1)
    assert trust[0, 0] > 0.99
    assert trust[1, 1] > 0.99
    assert 0.6 < trust[2, 0] < 0.9  # undecided: three of four peers trust the first


def test_dispersion_is_drawn_to_series_of_like_volume_where_little_is_known() -> None:
    rng = np.random.default_rng(2)
    volume = np.repeat([0.1, 100.0], 200)
    freedom = np.repeat([10.0, 500.0], 200)
    truth = np.repeat([1.5, 6.0], 200)
    own = np.maximum(truth * rng.chisquare(freedom) / freedom, 1)
    shrunk = shrunk_dispersion(own, freedom, volume)
    assert np.abs(shrunk - truth)[:150].mean() < 0.5 * np.abs(own - truth)[:150].mean()
    np.testing.assert_allclose(shrunk[250:], own[250:], rtol=0.2)
    different = np.tile([1.2, 9.0], 200)
    np.testing.assert_allclose(shrunk_dispersion(different, np.full(400, 800.0), np.ones(400)), different, rtol=0.05)


def test_agrees_with_daily_counts_of_a_real_city(real_data) -> None:
    """False alarms at one in a thousand, on seven years of animal complaints."""
    rows = pd.read_parquet(real_data / "boston_animal_pest" / "requests_2013_2019.parquet", columns=["created_at"])
    days = rows["created_at"].dt.floor("D").value_counts()
    counts = days.reindex(pd.date_range("2015-01-01", "2019-12-31"), fill_value=0).to_numpy(float)[None, :]
    panel = panel_of(counts, first="2015-01-01", calendar=Calendar("US", "MA"))
    detection = Regression(refit_days=28).detect(panel, 700)
    assert (detection.upper_tail < 1e-2).sum() <= 16
    assert (detection.upper_tail < 1e-3).sum() <= 5
    inside = (detection.observed >= detection.low) & (detection.observed <= detection.high)
    assert 0.93 <= inside.mean() <= 0.99
