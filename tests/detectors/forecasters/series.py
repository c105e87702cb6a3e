"""Simulated counts whose truth is known."""

import numpy as np

from forewarn.panel import Floats

WEEK = np.array([1.2, 1.1, 1.0, 1.0, 1.0, 0.8, 0.7])


def negative_binomial(rng: np.random.Generator, mean: Floats, dispersion: float) -> Floats:
    """Counts with variance `dispersion` * mean, above 1; shape of `mean`."""
    return rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(np.float64)


def weekly_counts(
    rng: np.random.Generator,
    n_series: int,
    n_days: int,
    *,
    level: float = 20.0,
    dispersion: float = 1.5,
    season: float = 0.2,
) -> Floats:
    """(n_series, n_days) with a weekday pattern and a yearly season, around `level` a day."""
    days = np.arange(n_days)
    mean = level * WEEK[days % 7] * np.exp(season * np.sin(2 * np.pi * days / 365.25))
    return negative_binomial(rng, np.tile(mean, (n_series, 1)), dispersion)
