"""The days before each judged day, as arrays."""

import numpy as np

from forewarn.panel import Floats


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
