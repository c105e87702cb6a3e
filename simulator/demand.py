"""How many requests of each category are to be expected in each area on each day, and a draw of them."""

import numpy as np

from forewarn.calendar import Calendar, Dates, weekdays
from simulator.categories import Category
from simulator.places import Areas
from simulator.population import Floats, Ints
from simulator.weather import Weather, autocorrelated, day_of_year

AREA_SPREAD = 0.35  # how differently the areas share in a category, standard deviation of the logarithm
CITY_NOISE = 0.04  # days on which people report more of everything, standard deviation of the logarithm
CATEGORY_NOISE = 0.10  # the same, but of one category
CELL_DISPERSION = 0.15  # negative binomial: variance = mean + CELL_DISPERSION * mean²


def expected_counts(
    rng: np.random.Generator,
    categories: tuple[Category, ...],
    areas: Areas,
    dates: Dates,
    weather: Weather,
    calendar: Calendar,
    requests_per_day: float,
) -> Floats:
    """Mean counts (n_categories, n_areas, n_days) while nothing is wrong."""
    days = np.stack([_daily_mean(category, dates, weather, calendar) for category in categories])
    days *= requests_per_day / days.sum(axis=0).mean()
    shares = areas.weights * rng.lognormal(0.0, AREA_SPREAD, (len(categories), len(areas.names)))
    shares /= shares.sum(axis=1, keepdims=True)
    return days[:, None, :] * shares[:, :, None]


def draw_counts(rng: np.random.Generator, usual: Floats, expected: Floats) -> Ints:
    """Counts with the mean `expected`, all (n_categories, n_areas, n_days).

    The usual requests scatter more than Poisson ones; those of a trouble, which come on top, do not.
    """
    n_categories, _, n_days = usual.shape
    city = np.exp(autocorrelated(rng, n_days, memory=0.5, deviation=CITY_NOISE))
    category = rng.lognormal(-(CATEGORY_NOISE**2) / 2, CATEGORY_NOISE, (n_categories, 1, n_days))
    cell = rng.gamma(1.0 / CELL_DISPERSION, CELL_DISPERSION, usual.shape)
    return rng.poisson(usual * city * category * cell + (expected - usual))


def _daily_mean(category: Category, dates: Dates, weather: Weather, calendar: Calendar) -> Floats:
    peak = (category.peak_month - 0.5) / 12 * 365.25
    years = (dates - dates[-1]).astype(np.float64) / 365.25
    log_mean = (
        category.season * np.cos(2 * np.pi * (day_of_year(dates) - peak) / 365.25)
        + category.cold * np.maximum(12.0 - weather.temperature, 0.0) / 10
        + category.heat * np.maximum(weather.temperature - 22.0, 0.0) / 10
        + category.rain * np.minimum(weather.rain, 50.0) / 20
        + category.growth * years
    )
    # People catch up on Monday with what they did not report at the weekend.
    week = np.array([1.08, 1.02, 1.0, 1.0, 0.98, category.weekend, 0.9 * category.weekend])
    holiday = calendar.holiday_names(dates) != ""
    after = np.concatenate([[False], holiday[:-1]]) & ~holiday
    special = np.where(holiday, category.holiday, np.where(after & (category.holiday < 1), 1.1, 1.0))
    mean: Floats = category.share * np.exp(log_mean) * week[weekdays(dates)] * special
    return mean
