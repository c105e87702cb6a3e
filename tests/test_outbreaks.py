"""Our series of the published design are like those on which R was run, and the table counts them as R did."""

import numpy as np
import pytest

from benchmarks.detection import Published, measured, stored
from benchmarks.outbreaks import FIRST_JUDGED, SIGNALS, simulate
from benchmarks.peers import DAILY


def test_signals_have_the_means_and_the_spread_of_the_reference(reference) -> None:
    arrays = np.load(reference / "benchmark" / "daily_w5.npz")
    made = simulate(5, 20, np.random.default_rng(1))
    np.testing.assert_array_equal(made.is_holiday, arrays["is_holiday"])
    assert arrays["test_start"] == FIRST_JUDGED
    for number in SIGNALS:
        ours = made.counts[made.signal == number][:, :FIRST_JUDGED]  # before the outbreak, which differs by chance
        theirs = arrays["totals"][arrays["signal"] == number][:, :FIRST_JUDGED]
        assert ours.mean() == pytest.approx(theirs.mean(), rel=0.03), number
        assert ours.std() == pytest.approx(theirs.std(), rel=0.05), number


def test_outbreaks_last_as_long_as_those_of_the_reference(reference) -> None:
    arrays = np.load(reference / "benchmark" / "daily_w5.npz")
    made = simulate(5, 20, np.random.default_rng(2))
    assert not made.outbreak[:, :FIRST_JUDGED].any()
    ours, theirs = ((outbreak > 0).sum(axis=1).mean() for outbreak in (made.outbreak, arrays["outbreak"]))
    assert ours == pytest.approx(theirs, rel=0.08)


def test_the_same_seed_gives_the_same_series() -> None:
    one, same, other = (simulate(3, 1, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.counts, same.counts)
    assert (one.counts != other.counts).any()


def test_a_row_measured_here_is_the_one_that_was_published(reference) -> None:
    published = Published(reference / "benchmark")
    case = stored(reference / "benchmark" / "daily_w5.npz")
    r_row = published.row("ears_c2", case)
    (row,) = measured("ears_c2", case, DAILY["ears_c2"](case.design))
    assert row.own == r_row.own
    assert row.nominal == pytest.approx(r_row.nominal, abs=6e-4)
    for ours, theirs in zip(row.at, r_row.at, strict=True):
        assert ours == pytest.approx(theirs, abs=0.01)
