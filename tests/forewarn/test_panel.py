"""A panel checks its shapes; a detection scores what it judged."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forewarn.panel import Completeness, Panel
from forewarn.results import Detection

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def panel(counts: list[list[float]], labels: list[str]) -> Panel:
    first = np.datetime64("2026-01-01", "D")
    dates = first + np.arange(len(counts[0]))
    return Panel(np.array(counts, dtype=float), dates, pd.DataFrame({"category": labels}), NOW)


def test_counts_cannot_be_changed() -> None:
    made = panel([[1, 2, 3]], ["Rats"])
    with pytest.raises(ValueError, match="read-only"):
        made.counts[0, 0] = 5


@pytest.mark.parametrize(
    ("counts", "labels", "words"),
    [
        ([[1.0, 2.0]], ["a", "b"], "need 2 labels"),
        ([[1.0, -2.0]], ["a"], "negative"),
        ([[1.0, np.inf]], ["a"], "infinite"),
    ],
)
def test_wrong_shapes_and_counts_are_refused(counts: list[list[float]], labels: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        panel(counts, labels)


def test_days_must_follow_each_other() -> None:
    dates = np.array(["2026-01-01", "2026-01-03"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="consecutive"):
        Panel(np.ones((1, 2)), dates, pd.DataFrame({"category": ["a"]}), NOW)


def test_unknown_labels_are_refused() -> None:
    dates = np.array(["2026-01-01"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="unknown labels"):
        Panel(np.ones((1, 1)), dates, pd.DataFrame({"ward": ["a"]}), NOW)


def test_cutting_days_and_rows_keeps_the_rest() -> None:
    made = panel([[1, 2, 3], [4, 5, 6]], ["a", "b"])
    assert made.until(2).counts.tolist() == [[1, 2], [4, 5]]
    assert made.rows(np.array([1])).labels["category"].tolist() == ["b"]


def test_score_is_nought_at_expected_one_at_the_limit_and_an_alarm_above() -> None:
    made = panel([[0, 10, 20, 21]], ["a"])
    row = np.full((1, 3), 10.0)
    found = Detection("x", made, made.counts[:, 1:], row, row, row, row + 10, row - 15, row, row)
    assert found.score.tolist() == [[0.0, 1.0, 1.1]]
    assert found.alarms().tolist() == [[False, False, True]]
    assert not found.drops().any()
    assert found.dates.tolist() == made.dates[1:].tolist()


def test_no_verdict_is_no_alarm() -> None:
    made = panel([[5.0]], ["a"])
    none = np.full((1, 1), np.nan)
    found = Detection("x", made, made.counts, none, none, none, none, none, none, none)
    assert np.isnan(found.score).all()
    assert not found.alarms().any()
    assert not found.drops().any()


def incomplete() -> Panel:
    """Two series, of which the last two days are not complete."""
    made = panel([[8, 8, 8, 6], [5, 5, 5, 1]], ["a", "b"])
    share = np.array([[1.0, 0.75], [0.99, np.nan]])
    return replace(made, completeness=Completeness(share, 0.01 * share))


def test_what_is_not_complete_is_completed_to_learn_from_and_left_out_by_those_who_cannot() -> None:
    made = incomplete()
    np.testing.assert_array_equal(made.completed, [[8, 8, 8, 8], [5, 5, 5, np.nan]])
    np.testing.assert_array_equal(made.settled.counts, [[8, 8, 8, np.nan], [5, 5, 5, np.nan]])
    assert made.settled.completeness is None
    np.testing.assert_array_equal(made.whole.counts, made.completed)
    assert made.whole.completeness is None
    whole = replace(made, completeness=None)
    assert whole.completed is whole.counts
    assert whole.settled is whole
    assert made.counts[0, -1] == 6


def test_completeness_goes_along_when_days_and_rows_are_cut() -> None:
    made = incomplete()
    assert made.completeness is not None
    assert made.completeness.open_days == 1
    for cut, mean in (
        (made.until(3), [[1.0], [0.99]]),
        (made.until(1), [[], []]),
        (made.rows(slice(0, 1)), [[1, 0.75]]),
    ):
        assert cut.completeness is not None
        np.testing.assert_array_equal(cut.completeness.mean, mean)
        assert cut.completeness.variance.shape == cut.completeness.mean.shape
    np.testing.assert_array_equal(made.completeness.last(3).mean, [[1, 1, 0.75], [1, 0.99, np.nan]])
    np.testing.assert_array_equal(made.completeness.last(3).variance[0], [0, 0.01, 0.0075])
    np.testing.assert_array_equal(made.completeness.last(1).mean, [[0.75], [np.nan]])


def test_completeness_must_fit_the_counts() -> None:
    made = panel([[1, 2]], ["a"])
    for shape in ((2, 1), (1, 3)):
        with pytest.raises(ValueError, match="completeness"):
            replace(made, completeness=Completeness(np.ones(shape), np.zeros(shape)))
