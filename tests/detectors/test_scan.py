import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from detectors import irls
from detectors.baseline import fit_season, follow, mean_of, surge_weights
from detectors.design import Design, calendar_design, special_days
from detectors.drift import Drift
from detectors.foregoing import Foregoing
from detectors.lessons import learn
from detectors.limits import nb_tail
from detectors.past_spans import PastSpans, nearness
from detectors.pooling import shrunk_dispersion
from detectors.scan import COURSES, Scan
from detectors.spans import deviation, span_sums
from detectors.tails import Tail, chance, peaks_of, score_at, tail_of
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
    detection = Scan().detect(panel_of(counts, first="2021-03-01"), last)
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
    quiet = Scan().detect(panel_of(counts.copy()), 7)
    counts[10:, -7:] += 300
    surging = Scan().detect(panel_of(counts), 7)
    np.testing.assert_allclose(surging.expected, quiet.expected, rtol=1e-9)
    assert surging.alarms()[10:].all()


def test_a_lasting_change_becomes_the_new_normal() -> None:
    counts = city(12, 1000, seed=6)
    counts[11, 900:] *= 2
    detection = Scan(alpha=1e-5).detect(panel_of(counts), 110)
    assert detection.alarms()[11, 10:20].sum() >= 5
    assert detection.alarms()[11, -20:].sum() == 0


def test_a_category_that_comes_alive_is_known_within_weeks() -> None:
    counts = city(12, 900, seed=7)
    counts[0] = 0
    counts[0, -60:] = np.random.default_rng(8).poisson(3, 60)
    detection = Scan(alpha=1e-5).detect(panel_of(counts), 60)
    assert detection.alarms()[0, :5].any()
    assert not detection.alarms()[0, -14:].any()


def test_past_surges_count_for_little() -> None:
    counts = city(6, 1000, seed=9)
    plain = Scan().detect(panel_of(counts.copy()), 1)
    counts[5, 500:515] *= 8
    surged = Scan().detect(panel_of(counts), 1)
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
    detection = Scan().detect(panel_of(counts, calendar=calendar), 10)
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


def test_no_verdict_before_three_weeks_and_no_season_before_a_year() -> None:
    counts = city(5, 30, seed=12)
    detection = Scan().detect(panel_of(counts, first="2021-03-01"), 30)
    known = ~np.isnan(detection.expected[0])
    assert not known[:21].any()
    assert known[28:].all()
    dates = np.datetime64("2021-01-01") + np.arange(400)
    short, long = (
        calendar_design(dates, Calendar(), origin=dates[-1], history_days=days).columns.shape[1] for days in (364, 365)
    )
    assert long - short == 12


def test_a_series_that_began_late_waits_alone() -> None:
    counts = city(5, 500, seed=13)
    counts[2, :485] = np.nan
    detection = Scan().detect(panel_of(counts), 1)
    assert np.isnan(detection.limit[2, 0])
    assert np.isfinite(np.delete(detection.limit[:, 0], 2)).all()


def test_a_series_that_began_within_the_year_knows_no_season_among_older_ones() -> None:
    counts = city(40, 1100, seed=13)
    young = counts.copy()
    young[20:, :1000] = np.nan
    first = np.datetime64("2021-03-01")
    among_older = Scan().detect(panel_of(young, first=str(first)), 28)
    alone = Scan().detect(panel_of(young[:, 1000:], first=str(first + 1000)), 28)
    expected, width = (
        [part[20:].mean(axis=1) for part in parts]
        for parts in zip(*((one.expected, one.high - one.low) for one in (among_older, alone)), strict=True)
    )
    np.testing.assert_allclose(*expected, rtol=0.05)
    np.testing.assert_allclose(*width, rtol=0.25)


def test_few_weeks_raise_no_more_false_alarms_than_promised_and_still_find_what_is_large() -> None:
    """Six towns of 300 series, whose weeks differ, on their fourth to eighth week."""
    found, cells = np.zeros(2), 0
    for seed in range(6):
        counts = city(300, 56, seed=seed)
        counts[:, -1] += np.where(np.arange(300) % 3 == 0, 12 + 2 * counts.mean(axis=1), 0)
        detection = Scan().detect(panel_of(counts, first=f"2021-03-{1 + seed:02}"), 34)
        ordinary = detection.upper_tail[:, :-1]
        cells += int((~np.isnan(ordinary)).sum())
        found += (ordinary < 1e-3).sum(), (ordinary < 1e-4).sum()
        assert (detection.upper_tail[::3, -1] < 1e-3).mean() > 0.8
    assert (found <= stats.binom.isf(1e-3, cells, [1.2e-3, 1.2e-4])).all()


def test_a_surge_in_the_first_weeks_does_not_hide_the_next_one() -> None:
    rng = np.random.default_rng(28)
    mean = np.tile([1.3, 1.2, 1.1, 1.2, 1.1, 0.6, 0.5], 8) * np.geomspace(15, 60, 60)[:, None]
    mean[:, 24:28] *= 3
    first, second = slice(24, 28), slice(42, 46)
    mean[:40, second] *= 3
    counts = rng.poisson(rng.gamma(mean / 0.5, 0.5)).astype(float)
    alarms = Scan().detect(panel_of(counts, first="2021-03-01"), 32).alarms()
    judged = 56 - 32
    assert alarms[:, first.start - judged : first.stop - judged].any(axis=1).mean() > 0.85
    assert alarms[:40, second.start - judged : second.stop - judged].any(axis=1).mean() > 0.6
    assert not alarms[40:, second.start - judged + 2 :].any()


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panel_of(city(23, 600, seed=14))
    whole = Scan().detect(panel, 3)
    monkeypatch.setattr("detectors.scan.BLOCK_ROWS", 5)
    split = Scan().detect(panel, 3)
    np.testing.assert_allclose(split.upper_tail, whole.upper_tail, rtol=1e-6)


def test_the_level_of_each_period_is_a_fading_ratio_of_what_came_to_what_was_due() -> None:
    counts = city(3, 294, seed=15)
    dates = np.datetime64("2021-01-01") + np.arange(294)
    design = calendar_design(dates, Calendar(), origin=dates[-1], history_days=287)
    start = np.zeros((3, design.columns.shape[1]))
    start[:, 0] = np.log(counts.mean(axis=1))
    seen = np.ones_like(counts)
    seen[:, -7:] = 0
    season = fit_season(counts[:, :287], seen[:, :287], Design(design.columns[:287], design.prior_sd), start)
    past = follow(counts * seen, seen, design.columns, season, COURSES.days._replace(half_lives=(28.0,)))
    mean = mean_of(season.coefficients, design.columns)
    weights = seen * surge_weights(counts, mean, season.dispersion)
    for row in range(3):
        support = min(28 * mean[row].mean(), 8 * season.dispersion[row])
        came = due = 0.0
        for week in range(42):
            if week >= 2:
                days = slice(7 * (week - 2), 7 * (week - 1))  # a week is left out before each week
                came = came * 0.5 ** (7 / 28) + (weights * counts)[row, days].sum()
                due = due * 0.5 ** (7 / 28) + (weights * mean)[row, days].sum()
            level = (support + came) / (support + due)
            days = slice(7 * week, 7 * week + 7)
            np.testing.assert_allclose(past.expected[row, days], mean[row, days] * level, rtol=1e-9)
        came = came * 0.5 ** (7 / 28) + (weights * counts)[row, 280:287].sum()
        due = due * 0.5 ** (7 / 28) + (weights * mean)[row, 280:287].sum()
        assert past.level[row] == pytest.approx((support + came) / (support + due), rel=1e-9)


def test_scatter_of_days_is_told_from_a_level_that_wanders() -> None:
    rng = np.random.default_rng(16)
    level = np.exp(0.4 * np.sin(2 * np.pi * np.arange(1099) / 80))  # no season of ours has 80 days
    counts = rng.poisson(rng.gamma(40 * level / 1.0, 1.0, (8, 1099))).astype(float)  # variance twice the mean
    seen = np.ones_like(counts)
    design = calendar_design(
        np.datetime64("2021-01-01") + np.arange(1099),
        Calendar(),
        origin=np.datetime64("2021-01-01"),
        history_days=1099,
    )
    start = np.zeros((8, design.columns.shape[1]))
    start[:, 0] = np.log(40)
    season = fit_season(counts, seen, design, start)
    past = follow(counts, seen, design.columns, season, COURSES.days)
    assert season.dispersion.min() > 3
    np.testing.assert_allclose(past.dispersion, 2.0, rtol=0.25)


def test_a_series_may_scatter_less_than_chance() -> None:
    rng = np.random.default_rng(17)
    counts = np.round(rng.poisson(6000, (4, 900)) / 100)
    counts[2, -1] += 5
    detection = Scan(alpha=1e-4).detect(panel_of(counts), 1)
    assert (detection.high - detection.low < 5).all()
    assert detection.alarms()[:, 0].tolist() == [False, False, True, False]


def test_the_modified_root_is_the_deviate_of_the_mid_p_tail() -> None:
    rng = np.random.default_rng(18)
    mean = np.exp(rng.uniform(np.log(0.3), np.log(500), 2000))
    variance = mean * np.exp(rng.uniform(0.0, 2.0, 2000))
    count = np.ceil(mean + rng.uniform(1, 5, 2000) * np.sqrt(variance))
    exact = -stats.norm.ppf(nb_tail(count, mean, variance, mid=True))
    np.testing.assert_allclose(deviation(count, mean, variance), exact, atol=0.12)


def test_a_long_rise_is_seen_before_any_of_its_days_stands_out() -> None:
    rng = np.random.default_rng(19)
    counts = rng.poisson(20.0, (10, 900)).astype(float)
    counts[3, -8:] += 13
    detection = Scan(alpha=1e-4).detect(panel_of(counts), 8)
    assert detection.rise is not None
    alarms = detection.alarms()
    assert alarms[3].any()
    assert not np.delete(alarms, 3, axis=0).any()
    day = int(np.flatnonzero(alarms[3])[-1])
    steps = int(detection.rise.steps[3, day])
    assert steps > 1
    end = 892 + day + 1
    assert detection.rise.observed[3, day] == counts[3, end - steps : end].sum()
    observed, expected = detection.over(day, steps)
    assert observed[3] == detection.rise.observed[3, day]
    assert expected[3] == pytest.approx(detection.rise.expected[3, day], rel=0.02)  # each day as it was judged
    assert detection.rise.observed[3, day] > detection.rise.limit[3, day]


def test_what_grows_by_a_little_each_day_is_told_by_drift() -> None:
    rng = np.random.default_rng(22)
    mean = np.full((10, 1000), 20.0)
    mean[4, -50:] *= np.linspace(1, 1.5, 50)
    panel = panel_of(rng.poisson(mean).astype(float))
    drift = Drift(alpha=1e-4).detect(panel, 10)
    assert drift.alarms()[4].any()
    assert not np.delete(drift.alarms(), 4, axis=0).any()
    assert drift.rise is not None
    assert drift.rise.steps[4, drift.alarms()[4]].min() >= 14


def test_the_next_day_is_judged_by_the_same_past_without_learning_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = city(12, 806, seed=23)
    learnt = []
    monkeypatch.setattr("detectors.scan.learn", lambda *given: learnt.append(given) or learn(*given))
    revised = counts.copy()
    revised[:, -3:-1] += 1
    days = [Scan().detect(panel_of(part), 1) for part in (counts[:, :-1], counts, revised)]
    assert len(learnt) == 1  # all three days are of one week
    assert [day.dates[0].astype(str) for day in days] == ["2022-03-15", "2022-03-16", "2022-03-16"]


def test_spans_stray_as_far_as_they_did_at_this_time_of_other_years() -> None:
    rng = np.random.default_rng(20)
    n_weeks, period = 156, 7
    y = rng.poisson(50.0, (4, n_weeks * period)).astype(float)
    winter = np.arange(n_weeks) % 52 < 6
    y[0, np.repeat(winter, period)] *= rng.choice([0.6, 1.5], winter.sum()).repeat(period)
    days = np.arange(n_weeks + 1) * 7.0 % 365.25
    near = nearness(days, days[:-1])[None]
    course = COURSES.days._replace(spans=(1, 7), penalties=(0.0, 0.1), looked_back=0)
    spans = PastSpans(y, np.full_like(y, 50.0), np.ones(4), np.zeros(4), course, near=near)
    in_winter, in_summer = spans.inflation[1, 0, 52 * 2 + 3], spans.inflation[1, 0, 52 * 2 + 26]
    assert in_winter > 2.5
    assert in_summer < 1.3
    assert (spans.inflation[:, 1:] < 1.4).all()


def waves(seed: int) -> np.ndarray:
    """Seven years of ten series around 40 a day; the first five have a wave each year that begins in another week."""
    rng = np.random.default_rng(seed)
    day = np.arange(2557)
    mean = np.full((10, len(day)), 40.0)
    for row in range(5):
        for year in range(7):
            begin = year * 365 + rng.integers(150, 190)
            age = np.clip((day - begin) / 45, 1e-9, None)
            mean[row] += 400 * np.exp(-2 * np.log(age) ** 2)
    return rng.poisson(rng.gamma(mean / 1.0, 1.0)).astype(float)  # variance twice the mean


def without_a_look_back() -> Scan:
    class Forgetful(Scan):
        courses = COURSES._replace(days=COURSES.days._replace(looked_back=0))

    return Forgetful(alpha=0.01)


def test_a_wave_that_begins_early_is_not_told_for_as_long_as_it_lasts() -> None:
    for seed in (24, 40):
        panel = panel_of(waves(seed)[:, : 6 * 365 + 280], first="2015-01-01")
        told, told_before = (
            m.detect(panel, 130).upper_tail[:5] < 0.01 for m in (Scan(alpha=0.01), without_a_look_back())
        )
        longest, longest_before = (
            max(len(run) for row in days.astype(int) for run in "".join(map(str, row)).split("0"))
            for days in (told, told_before)
        )
        assert longest < 0.6 * longest_before
        assert told.sum() < 0.8 * told_before.sum()


def test_a_sharp_rise_stands_out_within_a_wave() -> None:
    found, found_before = 0, 0
    for seed in (25, 41, 61):
        counts = waves(seed)[:, : 6 * 365 + 230]  # near the top of the wave
        counts[:5, -4:] += 170
        panel = panel_of(counts, first="2015-01-01")
        found += int(Scan(alpha=0.01).detect(panel, 4).alarms()[:5].any(axis=1).sum())
        found_before += int(without_a_look_back().detect(panel, 4).alarms()[:5].any(axis=1).sum())
    assert found >= 12
    assert found >= found_before + 5


def test_the_week_before_a_span_corrects_its_level_by_what_is_known_of_it() -> None:
    due = np.full((2, 30), 10.0)
    count, stray = due * 7, np.zeros((2, 30))
    count[:, 10:] *= 3
    stray[1] = 5.0
    level, even = np.full((2, 1), 0.001), np.zeros((2, 1), dtype=bool)
    foregoing = Foregoing(count, due * 7, due * 7, stray, level)
    assert np.unique(foregoing.cells[0]).tolist() == [1]
    rise, fall = (foregoing.held(due, due, level, 1, even=even, rising=rising) for rising in (True, False))
    plain = 10.0 + 0.001 * 10.0**2
    for held in (rise, fall):  # where levels do not stray, nothing is corrected
        np.testing.assert_array_equal(held.due[0], due[0])
        np.testing.assert_allclose(held.variance[0], plain)
    np.testing.assert_array_equal(fall.due[1], due[1])  # a rise does not make the usual look low
    error = 5.0 * (1 / 70 + 0.001)
    gain = error / (error + 0.001 + 1 / 70)
    np.testing.assert_allclose(rise.due[1, 1:11], 10.0)  # each span sees what ended before it
    high = 10.0 * (1 + 2 * gain)
    np.testing.assert_allclose(rise.due[1, 11:], high)
    left = 0.001 + error * (1 - gain)
    np.testing.assert_allclose(rise.variance[1, 11:], high + left * high**2)
    last = Foregoing(count, due * 7, due * 7, stray[:, -4:], level)  # the last steps alone
    mixed = np.array([[True] * 4, [False, True] * 2])
    now = last.held(due[:, -4:], due[:, -4:], level, 3, even=even, rising=mixed)
    np.testing.assert_allclose(now.due[1], [10.0, high] * 2)


def test_the_week_before_a_span_changes_nothing_where_levels_do_not_stray() -> None:
    counts = city(12, 2557, seed=26)
    counts[8:, -8:] *= 2  # a surge that lasts does not hide itself
    panel = panel_of(counts)
    looking_back, before = (m.detect(panel, 15) for m in (Scan(alpha=0.01), without_a_look_back()))
    assert looking_back.alarms()[8:, -8:].mean() > 0.9
    for verdict in ("upper_tail", "lower_tail", "limit", "lower_limit", "low", "high"):
        np.testing.assert_array_equal(getattr(looking_back, verdict), getattr(before, verdict))


def snow(now: float) -> np.ndarray:
    """Three years of ten rare series; each January of the first five has a day or three of dozens at another date. On
    the last day, and a little on the days before it, it snows again."""
    rng = np.random.default_rng(27)
    counts = rng.poisson(0.2, (10, 3 * 365 + 12)).astype(float)
    for row in range(5):
        for year, (height, days) in enumerate([(30, 2), (70, 3), (35, 1)]):
            begin = year * 365 + rng.integers(2, 25)
            counts[row, begin : begin + days] += rng.poisson(height, days)
    counts[:5, -3:-1] += 2
    counts[:5, -1] = now
    return counts


def test_short_events_of_other_years_leave_a_limit_that_the_next_one_crosses() -> None:
    detection = Scan(alpha=4e-4).detect(panel_of(snow(44.0), first="2015-01-01"), 1)
    assert detection.expected[:5].max() < 2
    assert detection.limit[:5].max() < 30
    assert detection.upper_tail[:5].max() < 1e-4


def test_span_sums_equal_their_loop() -> None:
    values = np.arange(24.0).reshape(2, 12) ** 2
    spans = (1, 2, 3, 5, 14)
    for steps, sums in zip(spans, span_sums(values, spans), strict=True):
        for day in range(12):
            np.testing.assert_allclose(sums[:, day], values[:, max(day - steps + 1, 0) : day + 1].sum(axis=1))


def test_a_heavy_tail_is_learnt_from_the_past_and_its_limit_agrees_with_its_chance() -> None:
    rng = np.random.default_rng(21)
    light = rng.normal(size=(6, 2000))
    heavy = light * np.where(rng.random((6, 2000)) < 0.03, 3.0, 1.0)
    known = np.ones(light.shape, dtype=bool)
    assert tail_of(peaks_of(heavy, known, 14)).heaviness.mean() > 1.8
    assert tail_of(peaks_of(light, known, 14)).heaviness.mean() < 1.25
    disaster = light.copy()
    disaster[:, 700] = 12.0
    np.testing.assert_array_less(peaks_of(disaster, known, 14).excess, peaks_of(light, known, 14).excess + 1e-6)
    tail = Tail(np.array([0.6, 1.0, 2.5]), np.array([1.0, 1.7, 3.0]))
    for alpha in (0.05, 0.01, 1e-4, 1e-8):
        score = score_at(alpha, tail)
        np.testing.assert_allclose(chance(score[:, None], tail)[:, 0], alpha, rtol=1e-6)


def test_a_disaster_says_nothing_of_how_often_ordinary_steps_stand_out() -> None:
    ordinary = np.random.default_rng(22).normal(size=(6, 2000))
    known = np.ones(ordinary.shape, dtype=bool)
    struck = ordinary.copy()
    struck[:5, 700:712] = np.linspace(5, 9, 12)
    struck[5, 1998:] = 9.0
    after, before = (peaks_of(score, known, 14) for score in (struck, ordinary))
    np.testing.assert_array_equal(before.steps - after.steps, [29] * 5 + [16])
    assert (after.above <= before.above).all()
    np.testing.assert_allclose(tail_of(after).frequency, tail_of(before).frequency, atol=0.05)


def test_dispersion_is_drawn_to_series_of_like_volume_where_little_is_known() -> None:
    rng = np.random.default_rng(2)
    volume = np.repeat([0.1, 100.0], 200)
    freedom = np.repeat([10.0, 500.0], 200)
    truth = np.repeat([1.5, 6.0], 200)
    own = np.maximum(truth * rng.chisquare(freedom) / freedom, 1)
    shrunk = shrunk_dispersion(own, freedom, volume, floor=np.ones(400))
    assert np.abs(shrunk - truth)[:150].mean() < 0.5 * np.abs(own - truth)[:150].mean()
    np.testing.assert_allclose(shrunk[250:], own[250:], rtol=0.2)
    different = np.tile([1.2, 9.0], 200)
    np.testing.assert_allclose(
        shrunk_dispersion(different, np.full(400, 800.0), np.ones(400), floor=np.ones(400)), different, rtol=0.05
    )


def test_a_steady_series_stays_steady_among_others_that_scatter() -> None:
    own = np.tile([1.0, 1.5, 4.0, 2.0], 50)
    own[100] = 0.013
    shrunk = shrunk_dispersion(own, np.full(200, 2000.0), np.full(200, 80.0), floor=np.zeros(200))
    assert shrunk[100] == pytest.approx(0.013, rel=0.05)


def test_drawing_dispersions_together_does_not_lower_them() -> None:
    rng, freedom = np.random.default_rng(5), 20.0
    own = rng.chisquare(freedom, 2000) / freedom
    shrunk = shrunk_dispersion(own, np.full(2000, freedom), np.full(2000, 8.0), floor=np.zeros(2000))
    assert shrunk.mean() == pytest.approx(own.mean(), rel=0.005)
    assert shrunk.std() < own.std() / 10


def test_agrees_with_daily_counts_of_a_real_city(real_data) -> None:
    """False alarms at one in a thousand, on seven years of animal complaints."""
    rows = pd.read_parquet(real_data / "boston_animal_pest" / "requests_2013_2019.parquet", columns=["created_at"])
    days = rows["created_at"].dt.floor("D").value_counts()
    counts = days.reindex(pd.date_range("2015-01-01", "2019-12-31"), fill_value=0).to_numpy(float)[None, :]
    panel = panel_of(counts, first="2015-01-01", calendar=Calendar("US", "MA"))
    detection = Scan().detect(panel, 700)
    assert (detection.upper_tail < 1e-2).sum() <= 16
    assert (detection.upper_tail < 1e-3).sum() <= 5
    inside = (detection.observed >= detection.low) & (detection.observed <= detection.high)
    assert 0.93 <= inside.mean() <= 0.99
