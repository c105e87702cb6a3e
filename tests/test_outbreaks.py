"""Our series of the published design are like those on which R was run, and the table counts them as R did."""

import numpy as np
import pytest

from benchmarks import weekly_outbreaks
from benchmarks.detection import Published, measured, scan, stored
from benchmarks.detectors import scores
from benchmarks.outbreaks import FIRST_JUDGED, SIGNALS, simulate
from benchmarks.peers import DAILY, at_rate


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


def test_yearly_waves_are_those_of_the_reference(reference) -> None:
    """By year and weekday: that of signal 15 is sized by another clock, and lies on all weekdays alike."""
    arrays = np.load(reference / "benchmark" / "daily_w5.npz")
    made = simulate(5, 20, np.random.default_rng(4))
    for number, weeks in ((5, slice(30)), (6, slice(30)), (15, slice(30, 52))):
        ours, theirs = made.counts - made.outbreak, arrays["totals"] - arrays["outbreak"]
        ours, theirs = (counts[some["signal"] == number] for counts, some in ((ours, made._asdict()), (theirs, arrays)))
        for axes, apart in (((0, 2, 3), 0.12), ((0, 1, 2), 0.04)):  # by year, by weekday
            one, other = (counts.reshape(20, 7, 52, 7)[:, :, weeks].mean(axis=axes) for counts in (ours, theirs))
            np.testing.assert_allclose(one, other, rtol=apart, atol=1e-9)


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


def test_weeks_have_the_means_the_spread_and_the_outbreaks_of_the_reference(reference) -> None:
    arrays = np.load(reference / "benchmark" / "weekly28.npz")
    made = weekly_outbreaks.simulate(40, np.random.default_rng(3))
    first = weekly_outbreaks.FIRST_JUDGED
    assert arrays["test_start"] == first
    assert not made.outbreak[:, :first].any()
    before, past = slice(0, weekly_outbreaks.FIRST_PAST), []
    for number, (family, trend, m) in enumerate(weekly_outbreaks.KINDS, start=1):
        ours, theirs = made.signal == number, arrays["signal"] == number
        mean = family.mean(trend=trend, harmonics=m)
        np.testing.assert_allclose(mean, arrays["baseline_mean"][theirs][0], rtol=1e-5)
        assert (arrays["phi"][theirs] == family.phi).all()
        for counts in (made.counts[ours], arrays["totals"][theirs]):
            scaled = (counts - mean) / np.sqrt(family.phi * mean)
            assert abs(scaled[:, before].mean()) < 4 / np.sqrt(scaled[:, before].size)
            assert scaled[:, before].var() == pytest.approx(1, abs=0.15)
            past.append(scaled[:, weekly_outbreaks.FIRST_PAST : first].sum(axis=1).mean())
    assert np.mean(past[0::2]) == pytest.approx(np.mean(past[1::2]), abs=3.0)
    assert np.mean(past[0::2]) == pytest.approx(20, abs=2.0)  # four outbreaks of five standard deviations
    lasted, theirs_lasted = ((outbreak > 0).sum(axis=1).mean() for outbreak in (made.outbreak, arrays["outbreak"]))
    assert lasted == pytest.approx(theirs_lasted, rel=0.06)


def test_scan_is_ahead_of_farrington_on_weeks(reference) -> None:
    """On five of the twenty replicates, at the rate of false alarms of R's Farrington flexible."""
    published = Published(reference / "benchmark")
    whole = stored(reference / "benchmark" / "weekly28.npz")
    some = whole.replicate % 4 == 0
    case = whole.rows(some)
    packed = published.alarms["weekly28.ff_nb"][some]
    farrington = scores(np.unpackbits(packed, axis=1)[:, : case.design.n_judged] == 1, case.outbreak, case.signal)
    ours = scores(at_rate(scan(case).score, case.outbreak, farrington.fpr), case.outbreak, case.signal)
    assert ours.sensitivity > farrington.sensitivity + 0.08
    assert ours.pod > farrington.pod
    assert ours.timeliness < farrington.timeliness
