import numpy as np
import pytest
from scipy import stats

from detectors.bayes import Bayes, posterior_prediction
from detectors.limits import nb_limit
from detectors.windows import RKI_BAYES, comparable_steps
from tests.detectors.panels import panel_of
from tests.detectors.surveillance import blocks


@pytest.mark.parametrize("number", RKI_BAYES)
def test_agrees_with_surveillance(reference, number: int) -> None:
    for block in blocks(reference, f"bayes{number}"):
        baseline = comparable_steps(block.counts, RKI_BAYES[number], last=block.counts.shape[1])
        limit = nb_limit(0.05, *posterior_prediction(baseline))
        limit = limit[:, block.first : block.first + block.judged.shape[1]]
        np.testing.assert_array_equal(limit, block.outputs["upperbound"])
        np.testing.assert_array_equal(block.judged > limit, block.outputs["alarm"] == 1)


def test_predicts_a_count_whose_rate_is_known_from_the_weeks_before() -> None:
    """The negative binomial is the Poisson distribution averaged over the posterior of its rate."""
    mean, variance = posterior_prediction(np.array([3.0, 5, np.nan, 4]))
    rate = np.random.default_rng(1).gamma(12.5, 1 / 3, 400_000)
    assert mean == pytest.approx(rate.mean(), rel=0.01)
    assert variance == pytest.approx(rate.var() + rate.mean(), rel=0.01)
    tail = stats.poisson.sf(8, rate).mean()
    size = mean**2 / (variance - mean)
    assert stats.nbinom.sf(8, size, mean / variance) == pytest.approx(tail, rel=0.02)


def test_detector_compares_seven_days_with_the_weeks_before() -> None:
    counts = np.random.default_rng(2).poisson(0.4, (3, 60)).astype(float)
    counts[2, 30] = np.nan
    detection = Bayes(alpha=0.05).detect(panel_of(counts), 13)
    weekly = counts[:, 60 - 49 :].reshape(3, 7, 7).sum(axis=2)
    mean, variance = posterior_prediction(weekly[:2, :6])
    np.testing.assert_allclose(detection.expected[:2, -1], mean)
    np.testing.assert_array_equal(detection.limit[:2, -1], nb_limit(0.05, mean, variance))
    np.testing.assert_array_equal(detection.observed[:2, -1], weekly[:2, 6])
    assert np.isnan(detection.expected[2, -1])
    assert np.isnan(detection.expected[0, 0])  # the 49 days that end on it begin before the first
    assert not np.isnan(detection.expected[0, 1:]).any()
