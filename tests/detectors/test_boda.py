from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from detectors.boda import Prediction, limit_of, predict_step, tail_of
from detectors.farrington import Model
from tests.detectors.surveillance import blocks


def test_agrees_with_surveillance_as_far_as_random_draws_can(reference: Path) -> None:
    """Within a tenth, or one request; R averages over 500 draws."""
    cells = 0
    for block in blocks(reference, "bodaDelay_asym"):
        years = 5 if block.counts.shape[1] == 312 else 3
        for place, t in enumerate(block.outputs["t"][0].astype(int)):
            prediction = predict_step(block.counts, t - 1 - 52 * np.arange(years + 1), Model())
            theirs = block.outputs["upperbound"][:, place]
            ours = limit_of(prediction, 0.01)
            assert (np.abs(ours - theirs) <= np.maximum(0.1 * theirs, 1)).all()
            np.testing.assert_array_equal(block.judged[:, place] > ours, block.outputs["alarm"][:, place] == 1)
            cells += len(ours)
    assert cells == 80


def test_size_and_mean_are_those_of_the_largest_likelihood() -> None:
    rng = np.random.default_rng(1)
    y = rng.negative_binomial(3, 3 / (3 + 12.0), (4, 300)).astype(float)
    y[1, 40:60] = np.nan
    found = predict_step(y, 299 - 52 * np.arange(6), Model(blocks=1, left_out=26))
    np.testing.assert_allclose(np.exp(found.log_mean), 12, rtol=0.5)
    np.testing.assert_allclose(found.size, 3, atol=4 * found.size_se.max())
    assert (found.size_se < 2.5).all()


def test_a_tail_is_that_of_draws_of_mean_and_size() -> None:
    rng = np.random.default_rng(2)
    one = Prediction(*(np.array([value]) for value in (1.2, 0.3, 3.0, 0.6)))
    means, sizes = np.exp(rng.normal(1.2, 0.3, 400_000)), rng.normal(3.0, 0.6, 400_000)
    for y in (5.0, 10.0, 15.0):
        drawn = stats.nbinom.sf(y - 1, sizes, sizes / (sizes + means)).mean()
        assert tail_of(one, np.array([y]))[0] == pytest.approx(drawn, rel=0.01)
    limit = limit_of(one, 0.01)
    assert tail_of(one, limit)[0] >= 0.01 > tail_of(one, limit + 1)[0]


def test_series_are_independent_and_without_a_request_nothing_is_told() -> None:
    rng = np.random.default_rng(3)
    y = rng.poisson(4.0, (3, 260)).astype(float)
    y[2] = 0
    references = 259 - 52 * np.arange(5)
    together, alone = predict_step(y, references, Model()), predict_step(y[1:2], references, Model())
    for part, own in zip(together, alone, strict=True):
        np.testing.assert_allclose(part[1], own[0], rtol=1e-5)
    assert np.isnan(limit_of(together, 0.01)).tolist() == [False, False, True]
