"""The statistic equals its formula, permutations keep both margins, and the tail is that of a Gumbel distribution."""

import math

import numpy as np
import pytest
from scipy.stats import gumbel_r, hypergeom

from detectors import permutation
from detectors.permutation import (
    Margins,
    Null,
    gumbel,
    gumbel_tail,
    gumbel_value,
    log_ratio,
    permuted,
    seeded,
    smallest_count,
)
from tests.detectors.towns import circles

AREAS = np.array([40, 10, 5, 0, 30, 15])
DAYS = np.array([3, 0, 7, 2])


def naive_ratio(count: float, expected: float, total: float) -> float:
    if count <= expected:
        return 0.0
    rest = (total - count) * math.log((total - count) / (total - expected)) if total > count else 0.0
    return count * math.log(count / expected) + rest


def test_the_log_ratio_is_its_formula() -> None:
    for count, expected, total in [(5, 1.5, 80), (1, 2.0, 80), (0, 0.0, 10), (10, 4.0, 10), (2, 2.0, 9)]:
        assert float(log_ratio(count, expected, total)) == pytest.approx(naive_ratio(count, expected, total))


def test_the_smallest_count_is_the_first_that_reaches_a_ratio() -> None:
    expected = np.array([0.2, 1.7, 9.9, 40.0])
    found = smallest_count(6.0, expected, 200)
    for count, mean in zip(found.tolist(), expected.tolist(), strict=True):
        assert naive_ratio(count - 1, mean, 200) < 6.0 <= naive_ratio(count, mean, 200)
    assert smallest_count(6.0, np.array([3.0]), 4).tolist() == [5]  # nothing of four reaches it


def test_permutations_keep_what_each_day_has_and_never_exceed_an_area() -> None:
    counts = permuted(Margins(AREAS, DAYS), 500, np.random.default_rng(1))
    assert counts.shape == (6, 4, 500)
    np.testing.assert_array_equal(counts.sum(axis=0), np.repeat(DAYS.cumsum()[:, None], 500, axis=1))
    assert (counts[:, -1] <= AREAS[:, None]).all()
    assert (np.diff(counts, axis=1) >= 0).all()


@pytest.mark.parametrize("cheap_draws", [0, 25])  # by areas, one by one
def test_each_area_gets_its_share_of_the_last_days_by_lot(cheap_draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "CHEAP_DRAWS", cheap_draws)
    counts = permuted(Margins(AREAS, DAYS), 20_000, np.random.default_rng(2))
    np.testing.assert_array_equal(counts.sum(axis=0), np.repeat(DAYS.cumsum()[:, None], 20_000, axis=1))
    for days in range(1, 5):
        for area in range(6):
            n = int(DAYS[:days].sum())
            exact = hypergeom.pmf(np.arange(n + 1), int(AREAS.sum()), int(AREAS[area]), n)
            drawn = np.bincount(counts[area, days - 1], minlength=n + 1) / 20_000
            assert np.abs(drawn - exact).max() < 0.015
    last = counts[:, -1] - counts[:, -2]  # what one day has does not depend on what the days before it have
    share = (AREAS * DAYS[-1] / AREAS.sum())[:, None]
    np.testing.assert_allclose(last.mean(axis=1, keepdims=True), share, atol=0.02)


def test_replicates_are_scanned_as_a_naive_loop_scans_them() -> None:
    zones = circles(12)
    rng = np.random.default_rng(5)
    margins = Margins(rng.poisson(20, 12), np.array([6, 4, 9]))
    above = 1.0
    zone, window, replicate, value = Null(margins, zones, above).draw(40, np.random.default_rng(6))
    found = {(int(z), int(w), int(r)): float(v) for z, w, r, v in zip(zone, window, replicate, value, strict=True)}
    counts, naive = permuted(margins, 40, np.random.default_rng(6)), {}
    total = margins.total
    for r in range(40):
        for z, members in enumerate(zones.members):
            in_zone = margins.in_area[members].sum()
            if counts[members, 0, r].sum() <= in_zone * margins.on_day[0] / total:
                continue
            for w in range(3):
                ratio = naive_ratio(counts[members, w, r].sum(), in_zone * margins.on_day[: w + 1].sum() / total, total)
                if ratio >= above:
                    naive[z, w, r] = ratio
    assert found == pytest.approx(naive)
    assert len(naive) > 50


def test_the_gumbel_tail_continues_a_sample() -> None:
    sample = gumbel_r(4.0, 0.9).rvs(20_000, random_state=np.random.default_rng(3))
    place, scale = gumbel(sample)
    assert (place, scale) == pytest.approx((4.0, 0.9), rel=0.03)
    assert gumbel_tail(12.0, 4.0, 0.9) == pytest.approx(gumbel_r(4.0, 0.9).sf(12.0), rel=1e-9)
    assert gumbel_tail(gumbel_value(1e-6, 4.0, 0.9), 4.0, 0.9) == pytest.approx(1e-6)
    assert (gumbel_tail(2.0, 1.5, 0.0), gumbel_tail(1.5, 1.5, 0.0)) == (0.0, 1.0)  # every replicate was alike


def test_the_same_words_give_the_same_numbers() -> None:
    assert seeded("bonn", "2026-01-01").random() == seeded("bonn", "2026-01-01").random()
    assert seeded("bonn", "2026-01-01").random() != seeded("bonn2", "026-01-01").random()
