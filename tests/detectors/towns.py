"""Simulated towns with areas on a map, for the tests of scans."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from detectors.zones import Zones, distance_km, nearest
from forewarn.panel import Floats, Panel

FIRST = "2024-01-01"


def town(counts: Floats, *, source: str = "bonn", first: str = FIRST) -> Panel:
    """A panel by category and area of counts (n_categories, n_areas, n_days)."""
    n_categories, n_areas, n_days = counts.shape
    labels = pd.DataFrame(
        [(f"c{k}", f"a{j:03d}") for k in range(n_categories) for j in range(n_areas)], columns=["category", "area"]
    )
    dates = np.datetime64(first, "D") + np.arange(n_days)
    return Panel(counts.reshape(-1, n_days), dates, labels, datetime(2026, 1, 1, tzinfo=UTC), source)


def ordinary(
    n_categories: int, n_areas: int, n_days: int, *, mean: float = 0.5, seed: int = 1, rise: float = 1.0
) -> Floats:
    """Counts without clusters: areas of many sizes, a week, and days on which everything is higher.

    On the last three days everything is `rise` times as high.
    """
    rng = np.random.default_rng(seed)
    size = rng.gamma(2.0, 0.5, (n_categories, n_areas, 1))
    day = np.arange(n_days)
    season = 0.4 * np.sin(2 * np.pi * day / 7) + 0.5 * np.cos(2 * np.pi * day / 120)
    rhythm = np.exp(season + rng.normal(0, 0.2, n_days)) * np.where(day >= n_days - 3, rise, 1.0)
    return rng.poisson(mean * size * rhythm).astype(np.float64)


def map_of(n_areas: int, *, seed: int = 2) -> tuple[list[str], Floats, Floats]:
    """Names, latitudes and longitudes of areas scattered over 20 km."""
    rng = np.random.default_rng(seed)
    return (
        [f"a{j:03d}" for j in range(n_areas)],
        50.7 + rng.uniform(0, 0.18, n_areas),
        7.1 + rng.uniform(0, 0.28, n_areas),
    )


def circles(n_areas: int) -> Zones:
    return nearest(*map_of(n_areas))


def around(centre: int, n_areas: int, size: int) -> list[int]:
    """The `size` areas nearest to one, itself first."""
    _, latitude, longitude = map_of(n_areas)
    away = distance_km(latitude[centre], longitude[centre], latitude, longitude)
    found: list[int] = np.argsort(away)[:size].tolist()
    return found
