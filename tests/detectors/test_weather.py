"""Weather as regression columns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.design import calendar_design
from detectors.drift import Drift
from detectors.scan import Scan
from detectors.weather import MOST_RISE, WEATHER_SD, fresh_snow, trusted, weather_columns
from forewarn.calendar import Calendar
from forewarn.panel import Floats, Panel
from forewarn.weather import Weather
from tests.detectors.panels import panel_of

FIRST = "2022-01-01"
N_DAYS = 1100
DATES = np.datetime64(FIRST) + np.arange(N_DAYS)


def made_weather(seed: int = 1, n_days: int = N_DAYS) -> Weather:
    """A temperate climate: warm and cold spells, rain on one day in four, snow as it falls."""
    rng = np.random.default_rng(seed)
    day = np.arange(n_days)
    spell = np.convolve(rng.normal(0, 4, n_days + 4), np.ones(5) / np.sqrt(5), "valid")
    mean = 11 - 12 * np.cos(2 * np.pi * day / 365.25) + spell
    wet = np.where(rng.random(n_days) < 0.25, rng.gamma(1.0, 8.0, n_days), 0.0)
    return Weather(mean + 5, mean - 5, wet, np.full(n_days, np.nan))


def soaked(weather: Weather, seed: int = 2, n_series: int = 3) -> Floats:
    """Counts that rise by half on a day of 10 mm of rain, and a first row that cares for no weather."""
    rng = np.random.default_rng(seed)
    effect = 0.4 * np.log1p(weather.precipitation) / np.log1p(10.0)
    effects = np.tile(effect, (n_series, 1))
    effects[0] = 0.0
    return rng.poisson(30 * np.exp(effects)).astype(float)


def watching(counts: Floats, weather: Weather | None) -> Panel:
    return replace(panel_of(counts, first=FIRST, calendar=Calendar("DE")), weather=weather)


def test_columns_are_departures_from_the_season() -> None:
    columns = weather_columns(made_weather(), DATES, N_DAYS)
    assert columns.shape == (N_DAYS, 8)
    angle = 2 * np.pi * DATES.astype(float) / 365.25
    for column in columns.T:
        assert abs(np.corrcoef(column, np.cos(angle))[0, 1]) < 0.02
        assert abs(column.mean()) < 0.01


def test_the_second_of_each_pair_is_the_day_before() -> None:
    wet = replace(made_weather(), precipitation=np.where(np.arange(N_DAYS) == 500, 40.0, 0.0))
    rain, rain_before = weather_columns(wet, DATES, N_DAYS).T[4:6]
    assert (rain.argmax(), rain_before.argmax()) == (500, 501)


def test_snow_is_estimated_where_nobody_measured_it() -> None:
    temperature = np.array([-10.0, 1.0, 10.0, np.nan, 10.0])
    weather = Weather(temperature + 1, temperature - 1, np.array([8.0, 8.0, 8.0, 8.0, np.nan]), np.full(5, np.nan))
    np.testing.assert_allclose(fresh_snow(weather), [8, 4, 0, np.nan, 0])
    measured = replace(weather, snow=np.array([3.0, np.nan, np.nan, 2.0, 0.0]))
    np.testing.assert_allclose(fresh_snow(measured), [3, 4, 0, 2, 0])


@settings(max_examples=20)
@given(st.sets(st.integers(0, N_DAYS - 1), min_size=1, max_size=30))
def test_unknown_weather_has_no_effect(missing: set[int]) -> None:
    weather = made_weather()
    gaps = np.array(sorted(missing))
    for name in ("high", "low", "precipitation", "snow"):
        values = getattr(weather, name).copy()
        values[gaps] = np.nan
        weather = replace(weather, **{name: values})
    columns = weather_columns(weather, DATES, N_DAYS)
    assert (columns[gaps][:, ::2] == 0).all()
    after = gaps[gaps < N_DAYS - 1] + 1
    assert (columns[after][:, 1::2] == 0).all()


@given(st.integers(400, N_DAYS - 8), st.integers(0, 100))
@settings(max_examples=10)
def test_weather_that_comes_changes_no_earlier_column(n_taught: int, seed: int) -> None:
    weather = made_weather()
    known = weather_columns(weather, DATES, n_taught)[:n_taught]
    other = made_weather(seed + 10)
    later = np.arange(N_DAYS) >= n_taught
    mixed = Weather(
        *(
            np.where(later, getattr(other, name), getattr(weather, name))
            for name in ("high", "low", "precipitation", "snow")
        )
    )
    np.testing.assert_array_equal(weather_columns(mixed, DATES, n_taught)[:n_taught], known)


def test_too_little_weather_makes_no_columns() -> None:
    weather = made_weather()
    few = np.where(np.arange(N_DAYS) < 40, 1.0, np.nan)
    short = Weather(weather.high * few, weather.low * few, weather.precipitation * few, weather.snow)
    assert weather_columns(short, DATES, 1000).shape == (N_DAYS, 0)
    assert weather_columns(None, DATES, 1000).shape == (N_DAYS, 0)
    only_rain = replace(weather, high=weather.snow, low=weather.snow)
    assert weather_columns(only_rain, DATES, 1000).shape == (N_DAYS, 2)


def test_what_rain_does_is_expected_and_told() -> None:
    weather = made_weather()
    counts = soaked(weather)
    detection = Scan().detect(watching(counts, weather), 120)
    plain = Scan().detect(watching(counts, None), 120)
    assert detection.weather is not None
    wet = weather.precipitation[-120:] > 15
    truth = np.exp(0.4 * np.log1p(weather.precipitation) / np.log1p(10.0))
    told = detection.weather[1:] / (truth / np.exp(np.log(truth).mean()))[-120:]
    assert np.abs(told[:, wet] - 1).max() < 0.15
    off = [np.abs(found.observed[1:] - found.expected[1:]).mean() for found in (detection, plain)]
    assert off[0] < 0.85 * off[1]
    assert plain.weather is None


def test_weather_explains_a_doubling_at_most_and_any_fall() -> None:
    weather = made_weather()
    wet = np.log1p(weather.precipitation) / np.log1p(10.0)
    counts = np.random.default_rng(6).poisson(40 * np.exp(np.vstack([1.3 * wet, -1.3 * wet]))).astype(float)
    last = int(np.flatnonzero(weather.precipitation > 25)[-1]) + 1
    detection = Scan().detect(watching(counts, weather).until(last), 1)
    plain = Scan().detect(watching(counts, None).until(last), 1)
    assert detection.weather is not None
    assert detection.weather[0, 0] == MOST_RISE
    assert detection.expected[0, 0] < 0.7 * counts[0, last - 1], "the rest is told"
    assert detection.upper_tail[0, 0] < 1e-3
    assert detection.weather[1, 0] < 0.3
    assert detection.lower_tail[1, 0] > 0.2 > 0.05 > plain.lower_tail[1, 0], "a fall is expected"


def test_a_series_that_cares_for_no_weather_is_left_alone() -> None:
    weather = made_weather()
    counts = np.random.default_rng(5).poisson(20.0, (20, N_DAYS)).astype(float)
    detection = Scan().detect(watching(counts, weather), 28)
    assert detection.weather is not None
    assert (np.abs(detection.weather - 1) < 0.01).mean() > 0.6
    assert np.abs(detection.weather - 1).max() < 0.15


def test_without_known_weather_all_is_as_without_any() -> None:
    weather = made_weather()
    unknown = Weather(*(np.full(N_DAYS, np.nan) for _ in range(4)))
    counts = soaked(weather)
    plain = Scan().detect(watching(counts, None), 30)
    blind = Scan().detect(watching(counts, unknown), 30)
    for name in ("expected", "limit", "upper_tail", "lower_tail"):
        np.testing.assert_array_equal(getattr(blind, name), getattr(plain, name))
    assert blind.weather is not None
    assert (blind.weather == 1).all()


@pytest.mark.parametrize("detector", [Scan(), Drift()])
def test_a_later_days_weather_changes_no_verdict(detector: Scan) -> None:
    """Judged two weeks later, with another weather since, a day's verdict is the same."""
    weather = made_weather()
    counts = soaked(weather)
    whole = watching(counts, weather)
    cut = detector.detect(whole.until(N_DAYS - 14), 10)
    storm = replace(weather, precipitation=np.where(np.arange(N_DAYS) >= N_DAYS - 14, 200.0, weather.precipitation))
    later = detector.detect(watching(counts, storm), 24)
    np.testing.assert_allclose(later.expected[:, :10], cut.expected, rtol=1e-9)
    np.testing.assert_allclose(later.upper_tail[:, :10], cut.upper_tail, rtol=1e-7)


def test_weather_never_seen_widens_what_is_usual() -> None:
    weather = made_weather()
    counts = soaked(weather)
    blizzard = replace(weather, snow=np.where(np.arange(N_DAYS) == N_DAYS - 1, 60.0, 0.0))
    plain = Scan().detect(watching(counts, replace(weather, snow=np.zeros(N_DAYS))), 1)
    detection = Scan().detect(watching(counts, blizzard), 1)
    np.testing.assert_allclose(detection.expected, plain.expected, rtol=0.02)
    assert (detection.high > 1.2 * plain.high).all()


def test_effects_are_trusted_as_far_as_chance_cannot_make_them() -> None:
    coefficients = np.array([[1.0, 0.02, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    covariance = np.tile(np.diag([1.0, 0.0001, 0.09]), (3, 1, 1))
    covariance[1, 1, 1] = 0.01
    shrunk, left = trusted(coefficients, covariance, np.ones(3), np.full(2, 0.3))
    np.testing.assert_allclose(shrunk[:, 0], 1.0)
    assert (shrunk[[0, 2], 1] == 0).all()
    assert 0.9 < shrunk[1, 1] < 1
    np.testing.assert_allclose(left[:, 0, 0], 1.0)
    assert left[2, 1, 1] < 1e-6, "known to be none"
    np.testing.assert_allclose(left[:, 2, 2], 0.09, rtol=1e-6, err_msg="nothing is known but the prior")
    np.testing.assert_allclose(left[1, 1, 1], 0.01, rtol=0.1)
    same = trusted(coefficients, covariance, np.ones(3), np.zeros(0))
    assert same[0] is coefficients
    assert same[1] is covariance


def test_weather_columns_come_last() -> None:
    design = calendar_design(DATES, Calendar("DE"), origin=DATES[-7], history_days=1000, weather=made_weather())
    assert design.n_weather == 8
    assert (design.prior_sd[-8:] == WEATHER_SD).all()
    np.testing.assert_array_equal(design.columns[:, -8:], weather_columns(made_weather(), DATES, 1000))


def test_weather_has_the_days_of_its_panel() -> None:
    with pytest.raises(ValueError, match="weather of 1100 days for 1000 dates"):
        watching(np.zeros((1, 1000)), made_weather())
    assert watching(np.zeros((1, N_DAYS)), made_weather()).until(900).weather.high.shape == (900,)  # type: ignore[union-attr]
