import numpy as np
import pytest
from scipy import optimize, stats

from detectors import irls
from detectors.glr import glr_epidemic, glr_negbin, lr_cusum
from tests.detectors.surveillance import Block, blocks

AT = 5.0  # c.ARL of the reference


def baseline(block: Block, name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "glrpois_intercept":
        return block.poisson_mean(trend=True), np.zeros((len(block.names), 1))
    columns, past = block.seasonal(trend=True), block.counts[:, : block.first]
    fit, excess = irls.negative_binomial(past, np.ones(past.shape), columns[: block.first])
    return block.ahead(fit.coefficients, columns), excess[:, None]


@pytest.mark.parametrize("name", ["glrnb_intercept", "glrnb_epi", "glrnb_intercept_theta", "glrpois_intercept"])
def test_agrees_with_surveillance(reference, name: str) -> None:
    for block in blocks(reference, name):
        mean, excess = baseline(block, name)
        np.testing.assert_allclose(mean, block.outputs["mu0"], rtol=1e-8)
        np.testing.assert_allclose(excess, block.outputs["alpha"][:, :1], rtol=1e-8, atol=1e-10)
        if name == "glrnb_intercept_theta":
            statistic = lr_cusum(block.judged, mean, excess, factor=2.0, restart_above=AT).statistic
        else:
            chart = glr_epidemic if name == "glrnb_epi" else glr_negbin
            statistic = chart(block.judged, mean, excess, restart_at=AT).statistic
        same = np.full(len(mean), True)
        if name in ("glrnb_intercept", "glrnb_epi"):  # expected 1e-16 a week: R's search leaves its range and says 0
            same = np.array([series != "h1_nrwrp" for series in block.names])
        np.testing.assert_allclose(statistic[same], block.outputs["glr"][same], rtol=2e-8, atol=1e-7)
        np.testing.assert_array_equal((statistic >= AT)[same], block.outputs["alarm"][same] == 1)


def log_mass(y: np.ndarray, mean: np.ndarray, a: float) -> np.ndarray:
    return stats.poisson.logpmf(y, mean) if a == 0 else stats.nbinom.logpmf(y, 1 / a, 1 / (1 + a * mean))


@pytest.mark.parametrize("increase", [True, False])
@pytest.mark.parametrize("a", [0.0, 0.02, 1.5])
@pytest.mark.parametrize("window", [None, 7])
def test_equals_a_search_by_change_point(a: float, window: int | None, increase: bool) -> None:
    rng = np.random.default_rng(4)
    mean = rng.uniform(0.3, 9, (3, 25))
    counts = rng.poisson(mean * np.where(np.arange(25) < 15, 1, 1.6 if increase else 0.4)).astype(float)
    chart = glr_negbin(counts, mean, a, window=window, increase=increase)
    bounds = (1.0, 60.0) if increase else (1e-9, 1.0)
    for row in range(3):
        for day in range(25):
            best, since = 0.0, -1
            for k in range(0 if window is None else max(0, day + 1 - window), day + 1):
                y, m = counts[row, k : day + 1], mean[row, k : day + 1]
                search = optimize.minimize_scalar(
                    lambda r, y=y, m=m: -(log_mass(y, r * m, a) - log_mass(y, m, a)).sum(),
                    bounds=bounds,
                    method="bounded",
                    options={"xatol": 1e-10},
                )
                if -search.fun > best + 1e-7:
                    best, since = -search.fun, k
            assert chart.statistic[row, day] == pytest.approx(best, abs=1e-5)
            if best > 1e-5:
                assert chart.since[row, day] == since


def test_says_since_when_and_starts_anew() -> None:
    counts = np.array([[5.0] * 20 + [11.0] * 10 + [5.0] * 10])
    mean = np.full((1, 40), 5.0)
    chart = glr_negbin(counts, mean, 0.01)
    assert (chart.statistic[0, :20] == 0).all()
    assert (chart.since[0, 20:30] == 20).all()
    anew = glr_negbin(counts, mean, 0.01, restart_at=6.0)
    first = int(np.flatnonzero(anew.statistic[0] >= 6)[0])
    assert anew.since[0, first] == 20
    assert anew.since[0, first + 1] == first + 1
    assert anew.statistic[0, first + 1] < anew.statistic[0, first]


def test_last_only_cuts_and_a_missing_day_says_nothing() -> None:
    rng = np.random.default_rng(6)
    counts = rng.poisson(6.0, (5, 80)).astype(float)
    mean = np.full(counts.shape, 5.0)
    whole, cut = glr_negbin(counts, mean, 0.1, window=20), glr_negbin(counts, mean, 0.1, window=20, last=9)
    np.testing.assert_allclose(whole.statistic[:, -9:], cut.statistic, atol=1e-12)
    np.testing.assert_array_equal(whole.since[:, -9:], cut.since)
    holes = counts.copy()
    holes[:, 40] = np.nan
    without = glr_negbin(np.delete(counts, 40, axis=1), np.delete(mean, 40, axis=1), 0.1)
    np.testing.assert_allclose(glr_negbin(holes, mean, 0.1).statistic[:, 41:], without.statistic[:, 40:])
    both = rng.uniform(0.05, 0.5, counts.shape)  # a dispersion for each day
    single = glr_negbin(counts[2:3], mean[2:3], both[2:3]).statistic
    np.testing.assert_allclose(glr_negbin(counts, mean, both).statistic[2:3], single)


def test_dispersion_is_the_likeliest() -> None:
    rng = np.random.default_rng(7)
    mean = np.exp(1.5 + 0.5 * np.sin(np.arange(400) / 8))
    counts = rng.negative_binomial(4.0, 4.0 / (4.0 + mean), (30, 400)).astype(float)
    columns = np.column_stack([np.ones(400), np.sin(np.arange(400) / 8)])
    fit, excess = irls.negative_binomial(counts, np.ones(counts.shape), columns)
    assert excess.mean() == pytest.approx(0.25, rel=0.05)
    for row in range(3):
        here = log_mass(counts[row], fit.mean[row], excess[row]).sum()
        for other in (0.99, 1.01):
            assert log_mass(counts[row], fit.mean[row], excess[row] * other).sum() < here
            assert log_mass(counts[row], fit.mean[row] * other, excess[row]).sum() < here
