import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln, logsumexp

from detectors.limits import (
    nb_limit,
    nb_lower_limit,
    nb_lower_tail,
    nb_quantile,
    nb_tail,
    normal_tail,
)

MEANS = st.floats(1e-4, 1e6)
EXCESS = st.one_of(st.just(0.0), st.floats(1e-6, 50))
ALPHAS = st.sampled_from([0.2, 0.025, 1e-2, 1e-5, 1e-7, 1e-12])


def summed_tail(y: int, mean: float, variance: float) -> float:
    """P(Y >= y) of a negative binomial, term by term."""
    size = mean**2 / (variance - mean)
    k = np.arange(y, y + 100_000)
    log_p = (
        gammaln(k + size)
        - gammaln(size)
        - gammaln(k + 1)
        + size * np.log(size / (size + mean))
        + k * np.log(mean / (size + mean))
    )
    return float(np.exp(logsumexp(log_p)))


@pytest.mark.parametrize(
    ("y", "mean", "variance"),
    [(1, 0.001, 0.002), (5, 0.1, 0.5), (50, 3, 10), (300, 100, 200), (2000, 1000, 1500), (0, 2, 3)],
)
def test_tail_equals_the_sum_of_its_terms_even_at_1e_minus_100(y: int, mean: float, variance: float) -> None:
    assert nb_tail(y, mean, variance) == pytest.approx(summed_tail(y, mean, variance), rel=1e-9)


def test_variance_near_the_mean_is_poisson() -> None:
    y = np.array([0, 1, 5, 40, 200])
    mean = np.array([0.01, 0.01, 0.3, 20, 100])
    poisson = stats.poisson.sf(y - 1, mean)
    np.testing.assert_allclose(nb_tail(y, mean, mean), poisson, rtol=1e-12)
    np.testing.assert_allclose(nb_tail(y, mean, mean * (1 + 1e-8)), poisson, rtol=1e-5)


def test_counts_of_a_billion() -> None:
    mean, variance = 1e9, 1e13
    limit = nb_limit(1e-3, mean, variance)
    assert limit == pytest.approx(mean + stats.norm.isf(1e-3) * variance**0.5, rel=1e-4)
    assert nb_tail(1e9, 3, 5) == 0
    assert nb_tail(3, 1e9, 1e9) == 1


@given(alpha=ALPHAS, mean=MEANS, excess=EXCESS)
def test_limit_is_the_largest_count_without_alarm(alpha: float, mean: float, excess: float) -> None:
    variance = mean * (1 + excess)
    limit = nb_limit(alpha, mean, variance)
    assert nb_tail(limit, mean, variance) >= alpha > nb_tail(limit + 1, mean, variance)


@given(p=st.one_of(ALPHAS, st.floats(0.001, 0.999)), mean=MEANS, excess=EXCESS)
def test_quantile_is_the_smallest_count_that_reaches_p(p: float, mean: float, excess: float) -> None:
    variance = mean * (1 + excess)
    quantile = nb_quantile(p, mean, variance)
    assert nb_lower_tail(quantile - 1, mean, variance) < p <= nb_lower_tail(quantile, mean, variance)


@given(y=st.integers(0, 2000), mean=MEANS, excess=EXCESS)
def test_both_tails_share_the_observed_count(y: int, mean: float, excess: float) -> None:
    variance = mean * (1 + excess)
    assert nb_tail(y + 1, mean, variance) + nb_lower_tail(y, mean, variance) == pytest.approx(1)
    both = (nb_tail(y, mean, variance) + nb_tail(y + 1, mean, variance)) / 2
    assert nb_tail(y, mean, variance, mid=True) == pytest.approx(both)


def test_no_drop_is_possible_where_zero_is_ordinary() -> None:
    assert nb_lower_limit(1e-3, 2.0, 3.0) == -1
    assert nb_lower_limit(1e-3, 100.0, 100.0) == stats.poisson.ppf(1e-3, 100)


def test_nan_stays_nan_and_shapes_broadcast() -> None:
    mean = np.array([[1.0], [np.nan]])
    for answer in (
        nb_tail([0, 1, 2], mean, 2.0),
        nb_limit([0.1, 0.2, 0.3], mean, 2.0),
        nb_quantile([0.1, 0.2, 0.3], mean, 2.0),
    ):
        assert answer.shape == (2, 3)
        assert np.isfinite(answer[0]).all()
        assert np.isnan(answer[1]).all()
    assert np.isnan(nb_tail(np.nan, 1.0, 2.0))
    assert np.isnan(nb_lower_tail(np.nan, 1.0, 2.0))


def test_an_impossible_count_where_none_is_expected() -> None:
    assert nb_tail([0, 1], 0.0, 0.0).tolist() == [1, 0]
    assert nb_limit(0.01, 0.0, 0.0) == 0


def test_normal_tail() -> None:
    np.testing.assert_allclose(normal_tail([1.0, 9.0], 0.0, 1.0), stats.norm.sf([1, 9]), rtol=1e-10)
    assert normal_tail([2, 3, 4, np.nan], 3.0, 0.0)[:3].tolist() == [1, 1, 0]
    assert np.isnan(normal_tail(np.nan, 3.0, 0.0))


@given(st.floats(5, 1e4), st.floats(0.02, 0.9), st.floats(1e-7, 0.4))
def test_counts_that_scatter_less_than_chance_have_a_limit_that_agrees_with_their_tail(
    mean: float, share: float, alpha: float
) -> None:
    variance = max(mean * share, 0.3)  # less than rounding alone brings cannot be told
    for mid in (False, True):
        limit = nb_limit(alpha, mean, variance, mid=mid)
        assert nb_tail(limit, mean, variance, mid=mid) >= alpha > nb_tail(limit + 1, mean, variance, mid=mid)
    lower = nb_quantile(alpha, mean, variance)
    assert nb_lower_tail(lower, mean, variance) >= alpha > nb_lower_tail(lower - 1, mean, variance)
    if share < 0.5:
        assert nb_limit(alpha, mean, variance) <= nb_limit(alpha, mean, mean)
    y = np.arange(np.ceil(mean) * 3)
    assert -np.diff(nb_tail(y, mean, variance)) @ y[:-1] == pytest.approx(mean, abs=0.3)


@given(st.floats(0.05, 1e4), st.floats(0, 5), st.floats(1e-7, 0.4))
def test_limits_by_mid_p_agree_with_it(mean: float, excess: float, alpha: float) -> None:
    variance = mean * (1 + excess)
    limit = nb_limit(alpha, mean, variance, mid=True)
    assert nb_tail(limit, mean, variance, mid=True) >= alpha > nb_tail(limit + 1, mean, variance, mid=True)
    lower = nb_lower_limit(alpha, mean, variance, mid=True)
    if lower >= 0:
        assert 1 - nb_tail(lower, mean, variance, mid=True) >= alpha * (1 - 1e-9)
    if lower >= 1:
        assert 1 - nb_tail(lower - 1, mean, variance, mid=True) < alpha * (1 + 1e-9) + 1e-12
