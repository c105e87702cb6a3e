import numpy as np
import pytest

from detectors.first_look import HIGH, residuals, surges


def short(n_weeks: int, dispersion: float, *, mean: float = 20.0, n_series: int = 200, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    usual = np.tile([1.4, 1.2, 1.1, 1.2, 1.1, 0.6, 0.4], n_weeks) * np.full((n_series, 1), mean)
    return rng.poisson(rng.gamma(usual / (dispersion - 1), dispersion - 1)).astype(float)


def by_loops(y: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """Residuals of one series of whole weeks."""
    x = np.where(trusted > 0, 2 * np.sqrt(y + 0.375), np.nan).reshape(-1, 7)
    level, rhythm = np.zeros(len(x)), np.zeros(7)
    for _ in range(3):
        for week in range(len(x)):
            level[week] = np.nanmedian((x - rhythm)[max(week - 1, 0) : week + 2])
        rhythm = np.array([np.nanmedian(x[:, day] - level) for day in range(7)])
    left = np.abs(x - level[:, None] - rhythm)
    n, n_medians = trusted.sum(), len(x) / 3 + 7
    scale = 1.4826 * np.nanmedian(left) * np.sqrt(n / max(n - n_medians, n / 3))
    high = 2 * np.sqrt(np.maximum(y - 1, 0) + 0.375).reshape(-1, 7) - level[:, None] - rhythm
    return (high / max(scale, 1.0)).ravel()


def test_residuals_are_those_of_medians_of_three_weeks_and_of_weekdays() -> None:
    y = short(6, 3.0, n_series=4)
    trusted = np.ones(y.shape)
    trusted[1, 3:6] = trusted[2, 20] = 0
    found = residuals(y, trusted, 7)
    for row in range(4):
        np.testing.assert_allclose(found[row], by_loops(y[row], trusted[row]))


@pytest.mark.parametrize("n_weeks", [4, 5, 8, 30])
def test_a_surge_of_a_short_history_is_found_and_little_else(n_weeks: int) -> None:
    y = short(n_weeks, 1.5)
    y[:100, 8:12] *= 4
    found = surges(y, np.ones(y.shape), 7)
    assert found[:100, 8:12].mean() > 0.8
    found[:100, 8:12] = False
    assert found.mean() < 0.002


def test_days_that_scatter_are_no_surges() -> None:
    for mean in (0.3, 2.0, 20.0):
        y = short(4, 4.0, mean=mean)
        assert (residuals(y, np.ones(y.shape), 7) > HIGH).mean() < 0.02
        assert surges(y, np.ones(y.shape), 7).mean() < 0.005


def test_what_was_not_observed_is_no_surge_and_teaches_nothing() -> None:
    y = short(4, 1.5)
    observed = np.ones(y.shape)
    observed[:, :9] = 0
    other = np.where(observed > 0, y, 1e6)
    np.testing.assert_array_equal(surges(y, observed, 7), surges(other, observed, 7))
    assert not surges(other, observed, 7)[:, :9].any()
    assert not surges(y, np.zeros(y.shape), 7).any()
