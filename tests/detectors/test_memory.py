"""What was computed once is not computed again, and is never another row's."""

import numpy as np
import numpy.typing as npt

from detectors.memory import RowMemory
from forewarn.panel import Floats


class Squares:
    """Computes squares, and notes how many rows it was asked for."""

    def __init__(self, counts: Floats) -> None:
        self.counts = counts
        self.asked = 0

    def __call__(self, new: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        self.asked += len(new)
        return self.counts[new] ** 2, self.counts[new].sum(axis=1)


def ask(memory: RowMemory, counts: Floats, *shared: object) -> tuple[int, list[Floats]]:
    squares = Squares(counts)
    found = memory.rows_of(memory.keys_of(counts, *shared), squares)
    return squares.asked, found


def test_only_rows_that_changed_are_computed() -> None:
    memory = RowMemory(most_bytes=10_000)
    counts = np.arange(12.0).reshape(4, 3)
    assert ask(memory, counts)[0] == 4
    changed = counts.copy()
    changed[2, 0] = np.nan
    asked, (squares, sums) = ask(memory, changed)
    assert asked == 1
    np.testing.assert_array_equal(squares, changed**2)
    np.testing.assert_array_equal(sums, changed.sum(axis=1))


def test_rows_in_another_order_get_their_own_results() -> None:
    memory = RowMemory(most_bytes=10_000)
    counts = np.arange(12.0).reshape(4, 3)
    ask(memory, counts)
    asked, (squares, _) = ask(memory, counts[::-1])
    assert asked == 0
    np.testing.assert_array_equal(squares, counts[::-1] ** 2)


def test_another_design_is_another_question() -> None:
    memory = RowMemory(most_bytes=10_000)
    counts = np.arange(12.0).reshape(4, 3)
    ask(memory, counts, np.ones(3), 7)
    assert ask(memory, counts, np.ones(3), 8)[0] == 4
    assert ask(memory, counts, np.zeros(3), 7)[0] == 4


def test_what_was_not_used_for_longest_is_forgotten_and_the_answer_is_whole_all_the_same() -> None:
    memory = RowMemory(most_bytes=150)  # three rows
    counts = np.arange(30.0).reshape(10, 3)
    for _ in range(2):
        asked, (squares, _) = ask(memory, counts)
        np.testing.assert_array_equal(squares, counts**2)
    assert asked >= 7
