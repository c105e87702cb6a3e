import numpy as np
import pytest
from scipy import stats

from detectors.rki import CROW_GARDNER_95, rki_limit
from detectors.windows import RKI_BAYES, Comparable
from tests.detectors.surveillance import blocks


@pytest.mark.parametrize("number", RKI_BAYES)
def test_agrees_with_surveillance(reference, number: int) -> None:
    for block in blocks(reference, f"rki{number}"):
        limit = rki_limit(block.counts, RKI_BAYES[number], last=block.counts.shape[1])
        limit = limit[:, block.first : block.first + block.judged.shape[1]]
        np.testing.assert_allclose(limit, block.outputs["upperbound"], rtol=1e-9)
        np.testing.assert_array_equal(block.judged > limit, block.outputs["alarm"] == 1)


def test_the_table_is_an_interval_of_95_percent() -> None:
    """Below its upper end, the mean that lies within has at least the count with a chance above 1 %."""
    for count, upper in enumerate(CROW_GARDNER_95):
        assert 0.01 < stats.poisson.cdf(count, upper) < 0.05
    assert (np.diff(CROW_GARDNER_95) > 0).all()


def test_equals_its_loop_over_weeks() -> None:
    counts = np.random.default_rng(9).poisson(np.array([[4.0], [60.0]]), (2, 130)).astype(float)
    compared = Comparable(recent=3, years=2, half_window=2)
    limit = rki_limit(counts, compared, last=130)
    for row in range(2):
        for week in range(130):
            if week - 2 * 52 - 2 < 0:
                assert np.isnan(limit[row, week])
                continue
            same = [counts[row, week - 52 * year - 2 : week - 52 * year + 3] for year in (1, 2)]
            before = np.concatenate([counts[row, week - 3 : week], *same])
            mean = before.mean()
            rule = mean + 2 * before.std(ddof=1) if mean > 20 else CROW_GARDNER_95[int(mean)]
            assert limit[row, week] == pytest.approx(rule)
