"""Have small excesses added up to something? The cumulative sum chart on standardised counts.

    z_t = standardised count of day t
    S_t = max(0, S_{t-1} + z_t - k),   alarm: S_t >= h
    limit_t = count whose z is h + k - S_{t-1}: the one that carries today's sum to its threshold

Each day may exceed its mean by k standard deviations for free; what is above adds up. Best at a lasting rise by
2 k standard deviations.

References:
    Page (1954), Biometrika 41, 100-115.
    Rossi, Lampugnani & Marchi (1999), Stat Med 18, 2111-2122.
    Rogerson & Yamada (2004), Stat Med 23, 2195-2214.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forewarn.panel import Floats


class Scale(NamedTuple):
    """A way to standardise a count y of mean m and variance m + a m², and the way back.

    Args:
        deviate: (y, m, a) → z.
        count_of: (z, m, a) → y, 0 where no count is so low.
    """

    deviate: Callable[[Floats, Floats, Floats], Floats]
    count_of: Callable[[Floats, Floats, Floats], Floats]


def _pearson(y: Floats, m: Floats, a: Floats) -> Floats:
    return np.asarray((y - m) / np.sqrt(m + a * m**2))


def _count_of_pearson(z: Floats, m: Floats, a: Floats) -> Floats:
    return np.maximum(m + z * np.sqrt(m + a * m**2), 0.0)


def _rossi(y: Floats, m: Floats, _a: Floats) -> Floats:
    return np.asarray((y - 3 * m + 2 * np.sqrt(y * m)) / (2 * np.sqrt(m)))


def _count_of_rossi(z: Floats, m: Floats, _a: Floats) -> Floats:
    root = np.sqrt(np.maximum(4 * m + 2 * z * np.sqrt(m), 0.0)) - np.sqrt(m)
    return np.asarray(np.maximum(root, 0.0) ** 2)


def _anscombe(y: Floats, m: Floats, _a: Floats) -> Floats:
    return np.asarray(1.5 * (y ** (2 / 3) - m ** (2 / 3)) / m ** (1 / 6))


def _count_of_anscombe(z: Floats, m: Floats, _a: Floats) -> Floats:
    return np.asarray(np.maximum(2 / 3 * m ** (1 / 6) * z + m ** (2 / 3), 0.0) ** 1.5)


SCALES = {
    "pearson": Scale(_pearson, _count_of_pearson),
    "rossi": Scale(_rossi, _count_of_rossi),
    "anscombe": Scale(_anscombe, _count_of_anscombe),
}
"""`rossi` and `anscombe` are for Poisson counts and take no notice of a."""


class Chart(NamedTuple):
    """Course of a chart; both arrays are (n_series, n_days).

    Args:
        statistic: S.
        limit: Count at which S reaches h.
    """

    statistic: Floats
    limit: Floats


def cusum(
    counts: Floats,
    mean: Floats,
    dispersion: Floats | float = 0.0,
    *,
    scale: str = "pearson",
    k: float = 1.04,
    h: float = 2.26,
) -> Chart:
    """The chart of all series.

    Args:
        counts: (n_series, n_days); a NaN here or in `mean` leaves the sum as it was.
        mean: (n_series, n_days) mean of an ordinary day.
        dispersion: a in variance = m + a m², broadcast to the shape of `counts`.
        scale: Key of `SCALES`.
        k: Standard deviations a day that are free.
        h: Threshold; with the default of k about one false alarm in 500 days of normal deviates.
    """
    a = np.broadcast_to(np.asarray(dispersion, dtype=np.float64), counts.shape)
    step = np.nan_to_num(SCALES[scale].deviate(counts, mean, a) - k)
    statistic = np.zeros((len(counts), counts.shape[1] + 1))
    for day in range(counts.shape[1]):
        statistic[:, day + 1] = np.maximum(statistic[:, day] + step[:, day], 0.0)
    return Chart(statistic[:, 1:], SCALES[scale].count_of(h + k - statistic[:, :-1], mean, a))
