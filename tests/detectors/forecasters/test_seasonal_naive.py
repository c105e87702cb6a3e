"""The vectorised seasonal naive equals its plain loop, and its ranges hold what they should."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.forecasters.seasonal_naive import SeasonalNaive
from forewarn.panel import Floats
from tests.detectors.forecasters.series import weekly_counts
from tests.detectors.panels import panel_of


def plain(counts: Floats, horizon: int) -> list[tuple[float, float]]:
    """One series, day by day, with 8 weeks and 3 of them needed."""
    same = []
    for ahead in range(7):
        past = [counts[day] for day in range(len(counts)) if (len(counts) + ahead - day) % 7 == 0]
        same.append([y for y in past[-16:] if not np.isnan(y)][-8:])
    scatter = sum((y - np.mean(past)) ** 2 for past in same for y in past)
    expected = sum((len(past) - 1) * np.mean(past) for past in same if past)
    phi = max(1.0, scatter / expected) if expected > 0 else 1.0
    return [
        (float(np.mean(past)), float(phi * np.mean(past) * (1 + 1 / len(past)))) if len(past) >= 3 else (np.nan, np.nan)
        for past in (same[ahead % 7] for ahead in range(horizon))
    ]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n_days=st.integers(1, 200), missing=st.floats(0, 0.9))
def test_equals_the_plain_loop(seed: int, n_days: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(8, (2, n_days)).astype(float)
    counts[rng.random(counts.shape) < missing] = np.nan
    forecast = SeasonalNaive().forecast(panel_of(counts), 9)
    for row in range(2):
        expected = np.array(plain(counts[row], 9))
        np.testing.assert_allclose(forecast.mean[row], expected[:, 0])
        np.testing.assert_allclose(forecast.variance[row], np.maximum(expected[:, 1], expected[:, 0]))


def test_eighty_per_cent_of_days_are_in_range() -> None:
    counts = weekly_counts(np.random.default_rng(5), 300, 400, level=60, season=0)
    forecast = SeasonalNaive().forecast(panel_of(counts).until(386), 14)
    coming = counts[:, 386:]
    inside = ((coming >= forecast.low) & (coming <= forecast.high)).mean()
    assert 0.78 < inside < 0.87  # counts are whole, so a range holds a little more than it must
