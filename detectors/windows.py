"""The days before each judged day, as arrays."""

from typing import NamedTuple

import numpy as np

from forewarn.panel import WEEK, Floats


def trailing_windows(counts: Floats, length: int, *, lag: int, last: int) -> Floats:
    """The `length` days that end `lag` + 1 days before each of the last `last` days.

    Args:
        counts: (n_series, n_days).
        length: Days a window.
        lag: Days left out between a window and its judged day; -1 lets the window end on that day.
        last: Number of judged days.

    Returns:
        (n_series, last, length), read-only, oldest day first; NaN where a window reaches before the first day.
    """
    n_series, n_days = counts.shape
    first = n_days - last - lag - length  # where the first window begins; negative: before the first day
    end = n_days - 1 - lag
    padded = np.full((n_series, end - first), np.nan)
    padded[:, max(-first, 0) :] = counts[:, max(first, 0) : max(end, 0)]
    return np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)


def trailing_totals(counts: Floats, length: int) -> Floats:
    """(n_series, n_days) sums over the `length` days that end on each day; NaN where one of them is missing."""
    return np.asarray(trailing_windows(counts, length, lag=-1, last=counts.shape[1]).sum(axis=2))


def steps_of_week(step: np.timedelta64) -> int:
    """Steps that make a week; 1 where a step is longer than half of it."""
    return max(int(WEEK // step), 1)


class Comparable(NamedTuple):
    """The steps that a step (a week, say) is compared with.

    Args:
        recent: Steps just before it.
        years: Years back.
        half_window: Steps before and after the same step of each of those years.
        steps_per_year: 52 for weeks.
    """

    recent: int
    years: int
    half_window: int
    steps_per_year: int = 52


RKI_BAYES = {1: Comparable(6, 0, 0), 2: Comparable(6, 1, 6), 3: Comparable(0, 2, 4)}
"""The three choices of the methods RKI and Bayes of the Robert Koch Institute."""


def comparable_steps(counts: Floats, comparable: Comparable, *, last: int) -> Floats:
    """(n_series, last, n_compared) counts that each of the last `last` steps is compared with; NaN: not known."""
    parts = [trailing_windows(counts, comparable.recent, lag=0, last=last)] if comparable.recent else []
    for year in range(1, comparable.years + 1):
        lag = year * comparable.steps_per_year - comparable.half_window - 1
        parts.append(trailing_windows(counts, 2 * comparable.half_window + 1, lag=lag, last=last))
    return np.concatenate(parts, axis=2)
