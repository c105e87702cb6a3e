import numpy as np
import pytest

from detectors.cusum import SCALES, cusum
from tests.detectors.surveillance import blocks

REFERENCE = {
    "cusum_standard_mean": ("pearson", 0.0),
    "cusum_rossi_glm": ("rossi", 0.0),
    "cusum_anscombe_glm": ("anscombe", 0.0),
    "cusum_pearsonNegBin_glm": ("pearson", 0.2),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_agrees_with_surveillance(reference, name: str) -> None:
    scale, dispersion = REFERENCE[name]
    for block in blocks(reference, name):
        if name == "cusum_standard_mean":
            mean = np.repeat(block.counts[:, : block.first].mean(axis=1)[:, None], block.judged.shape[1], axis=1)
        else:
            mean = block.poisson_mean(trend=False)
        np.testing.assert_allclose(mean, block.outputs["expected"], rtol=2e-9)
        chart = cusum(block.judged, mean, dispersion, scale=scale)
        np.testing.assert_allclose(chart.statistic, block.outputs["cusum"], rtol=2e-9, atol=1e-8)
        np.testing.assert_array_equal(chart.statistic >= 2.26, block.outputs["alarm"] == 1)
        limit = np.ceil(chart.limit - 1e-9) if name == "cusum_standard_mean" else chart.limit  # R rounds this one up
        bound = block.outputs["upperbound"]
        if scale == "rossi":  # where no count is so low, R takes the square of a negative root
            bound = np.where(chart.limit == 0, 0.0, bound)
        np.testing.assert_allclose(limit, bound, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("scale", SCALES)
def test_equals_its_loop_over_days(scale: str) -> None:
    rng = np.random.default_rng(2)
    mean = rng.uniform(0.5, 20, (4, 60))
    counts = rng.poisson(mean * 1.2).astype(float)
    counts[1, 10:13] = np.nan
    chart = cusum(counts, mean, 0.3, scale=scale, k=0.5, h=3.0)
    for row in range(4):
        level = 0.0
        for day in range(60):
            reaches = SCALES[scale].count_of(np.float64(3.5 - level), mean[row, day], np.float64(0.3))
            np.testing.assert_allclose(chart.limit[row, day], reaches)
            if not np.isnan(counts[row, day]):
                z = SCALES[scale].deviate(counts[row, day], mean[row, day], np.float64(0.3))
                level = max(0.0, level + z - 0.5)
            np.testing.assert_allclose(chart.statistic[row, day], level)


@pytest.mark.parametrize("scale", SCALES)
def test_the_limit_is_the_count_that_carries_todays_sum_to_the_threshold(scale: str) -> None:
    rng = np.random.default_rng(3)
    mean = rng.uniform(3, 30, (50, 20))
    counts = rng.poisson(mean).astype(float)
    limit = cusum(counts, mean, 0.1, scale=scale, h=4.0).limit[:, -1]
    counts[:, -1] = limit
    np.testing.assert_allclose(cusum(counts, mean, 0.1, scale=scale, h=4.0).statistic[:, -1], 4.0)
