"""A panel checks its shapes; a detection scores what it judged."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forewarn.panel import Detection, Panel

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
