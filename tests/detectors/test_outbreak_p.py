import numpy as np
from scipy.optimize import isotonic_regression

from detectors.outbreak_p import OUTBREAK_FROM, outbreak_p
from tests.detectors.surveillance import blocks


def test_agrees_with_surveillance(reference) -> None:
    for block in blocks(reference, "outbreakP"):
        n_judged = block.judged.shape[1]
        statistic = outbreak_p(block.counts)[:, block.first : block.first + n_judged]
        np.testing.assert_allclose(statistic, np.log(block.outputs["statistic"]), rtol=0, atol=2e-9)
        np.testing.assert_array_equal(statistic > OUTBREAK_FROM, block.outputs["alarm"] == 1)


def test_equals_an_isotonic_regression_of_each_day() -> None:
    rng = np.random.default_rng(8)
    counts = rng.poisson(rng.uniform(0, 4, (6, 40)) * np.linspace(0.5, 1.5, 40)).astype(float)
    counts[0] = 0
    statistic = outbreak_p(counts)
    for row in range(6):
        for day in range(40):
            y = counts[row, : day + 1]
            rising = isotonic_regression(y).x
            seen = y > 0
            expected = (y[seen] * np.log(rising[seen] / y.mean())).sum()
            np.testing.assert_allclose(statistic[row, day], expected, atol=1e-9)
