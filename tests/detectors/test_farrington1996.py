import numpy as np
import pytest
from scipy import stats

from detectors.farrington import Fit, fit_step
from detectors.farrington1996 import MODEL, power_limit
from tests.detectors.surveillance import blocks

REFERENCE = {
    "reweight_23": (MODEL, 0.01, 2 / 3),
    "noreweight_23": (MODEL._replace(reweight_above=None), 0.01, 2 / 3),
    "reweight_12": (MODEL, 0.01, 1 / 2),
    "reweight_none": (MODEL, 0.01, 1.0),
    "reweight_alpha05": (MODEL, 0.05, 2 / 3),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_agrees_with_surveillance(reference, name: str) -> None:
    model, alpha, power = REFERENCE[name]
    for block in blocks(reference, f"farrington_weekly_{name}"):
        years = np.arange(4 if block.counts.shape[1] == 209 else 6)
        times = block.outputs["t"][0]
        fits = [fit_step(block.counts, t - 1 - 52 * years, model) for t in times]
        fit = Fit(*(np.array(parts).T for parts in zip(*fits, strict=True)))
        enough = np.array([block.counts[:, t - 4 : t].sum(axis=1) >= 5 for t in times]).T
        limit = np.where(enough, power_limit(fit, alpha, power), 0.0)  # R says 0 for "no verdict"
        np.testing.assert_allclose(limit, block.outputs["upperbound"], rtol=2e-9)
        np.testing.assert_array_equal((block.judged > limit) & enough, block.outputs["alarm"] == 1)
        np.testing.assert_array_equal((~np.isnan(fit.trend))[enough], (block.outputs["trend_used"] == 1)[enough])


def test_without_a_transformation_the_limit_is_that_of_a_normal_count() -> None:
    fit = Fit(*(np.array([value]) for value in (25.0, 2.0, 0.1, np.nan)))
    expected = stats.norm.isf(0.005, 25.0, np.sqrt(2.0 * 25 + 0.1**2 * 25**2))
    np.testing.assert_allclose(power_limit(fit, 0.01, 1.0), expected)
