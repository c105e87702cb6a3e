"""Which days of a short history were surges? Found by medians, before anything is learnt from them.

    x        = 2 sqrt(y + 3/8)                             scatters by 1 where chance alone does
    x        ~ level + weekday                             medians of three weeks, and of each weekday
    residual = (x of y - 1, less level and weekday) / scale,      scale = 1.5 median |x - level - weekday|, at least 1

Four weeks hold four Wednesdays. If one of them had three times the usual, a regression takes half of that for what
Wednesdays bring and the rest for scatter, so that neither this day nor the next one like it stands out. Medians stay.

References:
    Tukey (1977), Exploratory Data Analysis, ch. 11 (median polish); Anscombe (1948), Biometrika 35, 246-254.
"""

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats

Truths = npt.NDArray[np.bool_]

HIGH, ALONE = 4.0, 6.0
"""Deviations beyond which two days within a week are a surge, and beyond which one is: days that scatter four times as
much as chance would have it lie beyond 4 once in a hundred."""

ROUNDS = 3
"""Of medians of levels and of weekdays in turn; more change next to nothing."""

NORMAL = 1.4826
"""Standard deviations in the median distance of normal deviates."""


def surges(y: Floats, observed: Floats, cycle: int) -> Truths:
    """(n_series, n_steps) the steps that are part of a surge. Looked for twice, as the largest hide smaller ones.

    Args:
        y: (n_series, n_steps) counts; observed: 1 or 0.
        cycle: Steps of the rhythm, such as 7 days; n_steps is a multiple of it.
    """
    first = _beyond(observed * residuals(y, observed, cycle), cycle)
    return first | _beyond(observed * residuals(y, observed * ~first, cycle), cycle)


def residuals(y: Floats, trusted: Floats, cycle: int) -> Floats:
    """(n_series, n_steps) deviations by which each count lies above the medians of the `trusted` (1 or 0) ones.

    One request less than observed is compared: in a rare series every single one is surprising.
    """
    table = len(y), y.shape[1] // cycle, cycle
    x = np.where(trusted > 0, _stable(y), np.nan).reshape(table)
    rhythm = np.zeros((len(y), 1, cycle))
    for _ in range(ROUNDS):
        level = _median(_around(x - rhythm))[:, :, None]
        rhythm = np.nan_to_num(_median((x - level).transpose(0, 2, 1))[:, None, :])
    usual = level + rhythm
    n, n_medians = np.maximum(trusted.sum(axis=1), 1.0), x.shape[1] / 3 + cycle
    few = np.sqrt(n / np.maximum(n - n_medians, n / 3))
    scale = NORMAL * few * _median(np.abs(x - usual).reshape(y.shape))
    above = (_stable(np.maximum(y - 1, 0)).reshape(table) - usual).reshape(y.shape)
    return np.asarray(np.nan_to_num(above / np.maximum(scale, 1.0)[:, None]))


def _stable(y: Floats) -> Floats:
    """Counts on a scale on which chance scatters all of them by 1."""
    return np.asarray(2 * np.sqrt(y + 0.375))


def _beyond(residual: Floats, cycle: int) -> Truths:
    high = np.pad(residual > HIGH, ((0, 0), (cycle // 2, cycle // 2)))
    near = np.lib.stride_tricks.sliding_window_view(high, cycle, axis=1).sum(axis=2)
    return np.asarray((residual > ALONE) | ((residual > HIGH) & (near > 1)))


def _around(x: Floats) -> Floats:
    """(n_series, n_cycles, 3 · cycle) each cycle with the one before and the one after."""
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)), constant_values=np.nan)
    return np.concatenate([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], axis=2)


def _median(values: Floats) -> Floats:
    """Median along the last axis of what is known; NaN where nothing is."""
    ordered = np.sort(values, axis=-1)  # NaN come last
    n = np.isfinite(values).sum(axis=-1, keepdims=True)
    low, high = (np.take_along_axis(ordered, np.maximum(at, 0), axis=-1) for at in ((n - 1) // 2, n // 2))
    return np.asarray(np.where(n % 2, low, (low + high) / 2)[..., 0])
