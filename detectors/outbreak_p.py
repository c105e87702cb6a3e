"""Did the counts rise, without saying from which level or how fast? The outbreakP statistic.

    statistic_t = sum_{i<=t} y_i log( rising_i / level )

`rising` is the likeliest never-falling course of the mean up to day t (isotonic regression) and `level` the mean of
all days: the log likelihood ratio of "rising" against "constant" for Poisson counts. It needs no baseline, and so
takes every season, weekday and trend for a rise: it is meant for the one wave of a season, started in the quiet
weeks before.

References:
    Frisén, Andersson & Schiöler (2009), Stat Med 28, 3-23.
    Barlow, Bartholomew, Bremner & Brunk (1972), Statistical Inference under Order Restrictions (pooling).
"""

import numpy as np
from scipy import special

from forewarn.panel import Floats

OUTBREAK_FROM = np.log(100.0)
"""Statistic of an outbreak, the choice of the R package `surveillance`."""


def outbreak_p(counts: Floats) -> Floats:
    """(n_series, n_days) statistic of the days up to each; the history is (n_series, n_days) without NaN.

    The blocks of equal mean are kept on a stack for each series: a day opens a block, and blocks are pooled while
    one is not above the one before.
    """
    n_series, n_days = counts.shape
    total, width = np.zeros((n_series, n_days)), np.zeros((n_series, n_days))
    top = np.full(n_series, -1)  # position of the last block
    gain = np.zeros(n_series)  # sum over blocks of total * log(mean)
    sums = np.cumsum(counts, axis=1)
    statistic = np.empty(counts.shape)
    for day in range(n_days):
        rows = np.arange(n_series)
        top += 1
        total[rows, top], width[rows, top] = counts[:, day], 1.0
        gain += special.xlogy(counts[:, day], counts[:, day])
        while (rows := rows[top[rows] > 0]).size:
            last, before = top[rows], top[rows] - 1
            rows = rows[total[rows, last] * width[rows, before] <= total[rows, before] * width[rows, last]]
            last, before = top[rows], top[rows] - 1
            gain[rows] -= _gain(total[rows, last], width[rows, last]) + _gain(total[rows, before], width[rows, before])
            total[rows, before] += total[rows, last]
            width[rows, before] += width[rows, last]
            gain[rows] += _gain(total[rows, before], width[rows, before])
            top[rows] -= 1
        statistic[:, day] = gain - _gain(sums[:, day], np.float64(day + 1))
    return np.maximum(statistic, 0.0)


def _gain(total: Floats, width: Floats | np.float64) -> Floats:
    return np.asarray(special.xlogy(total, total / width))
