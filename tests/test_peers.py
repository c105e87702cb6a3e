"""The peers of the benchmark raise the alarms that R raised on the same simulated series."""

import numpy as np
import pytest

from benchmarks.detectors import scores
from benchmarks.peers import DAILY, WEEKLY, at_rate, load

N_SERIES = {"ff_nb": 8, "farrington": 8, "glrnb_roll7": 3}  # the slow ones


@pytest.mark.parametrize("name", [name for name in DAILY if name != "ears_c3_manual"])
def test_daily_alarms_equal_those_of_r(reference, name: str) -> None:
    alarms = np.load(reference / "benchmark" / "peer_alarms.npz")
    design = load(reference / "benchmark" / "daily_w5.npz")
    some = slice(0, None, len(alarms[f"daily_w5.{name}.idx"]) // N_SERIES.get(name, 32))
    rows = alarms[f"daily_w5.{name}.idx"][some]
    expected = np.unpackbits(alarms[f"daily_w5.{name}"], axis=1)[some, : design.n_judged] == 1
    answer = DAILY[name](design._replace(counts=design.counts[rows]))
    np.testing.assert_array_equal(answer.alarm, expected)
    assert np.nanmax(answer.score[~answer.alarm]) <= answer.score[answer.alarm].min()


@pytest.mark.parametrize("name", [name for name in WEEKLY if name not in ("ears_c3_manual", "farrington")])
def test_weekly_alarms_equal_those_of_r(reference, name: str) -> None:
    alarms = np.load(reference / "benchmark" / "peer_alarms.npz")
    design = load(reference / "benchmark" / "weekly28.npz")
    rows = alarms[f"weekly28.{name}.idx"][::14]
    expected = np.unpackbits(alarms[f"weekly28.{name}"], axis=1)[::14, : design.n_judged] == 1
    np.testing.assert_array_equal(WEEKLY[name](design._replace(counts=design.counts[rows])).alarm, expected)


def test_figures_are_counted_within_a_kind_and_averaged_over_kinds() -> None:
    alarm = np.array([[1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 1, 0]]) == 1
    outbreak = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]) == 1
    figures = scores(alarm, outbreak, np.array([7, 7, 8]))
    assert figures.sensitivity == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert figures.fpr == pytest.approx((2 / 5 + 0) / 2)
    assert figures.pod == 1
    assert figures.timeliness == 0


def test_a_threshold_is_passed_by_the_asked_share_of_quiet_days() -> None:
    score = np.random.default_rng(1).normal(size=(10, 1000))
    score[0, :100] = np.nan
    outbreak = np.zeros(score.shape, dtype=bool)
    outbreak[:, 500:600] = True
    assert at_rate(score, outbreak, 0.02)[~outbreak].mean() == pytest.approx(0.02, abs=2e-4)
