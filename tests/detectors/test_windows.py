import numpy as np
import pytest

from detectors.windows import trailing_totals, trailing_windows


@pytest.mark.parametrize("lag", [-1, 0, 2, 30])
@pytest.mark.parametrize("last", [1, 4, 10])
def test_windows_end_lag_days_before_the_judged_day(lag: int, last: int) -> None:
    counts = np.arange(20.0).reshape(2, 10)
    windows = trailing_windows(counts, 3, lag=lag, last=last)
    assert windows.shape == (2, last, 3)
    for row in range(2):
        for j in range(last):
            end = 10 - last + j - lag  # excluded
            expected = [counts[row, day] if 0 <= day < 10 else np.nan for day in range(end - 3, end)]
            np.testing.assert_array_equal(windows[row, j], expected)


def test_totals_need_every_day() -> None:
    totals = trailing_totals(np.array([[1.0, 2, 3, np.nan, 5, 6, 7]]), 2)
    np.testing.assert_array_equal(totals, [[np.nan, 3, 5, np.nan, np.nan, 11, 13]])
