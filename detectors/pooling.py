"""Series learn from each other what one alone cannot tell: empirical Bayes over the rows of a panel."""

import numpy as np

from forewarn.panel import Floats

NEIGHBOURS = 50
"""Series of like volume whose dispersion a series is drawn to."""


def shrunk_dispersion(dispersion: Floats, freedom: Floats, volume: Floats, *, floor: Floats) -> Floats:
    """(n_series,) each series' dispersion drawn towards that of series of like volume.

        log shrunk = (d0 * log typical + d * (log own + 1 / d)) / (d0 + d)

    d are the degrees of freedom of a series' own value, 1 / d makes up for the logarithm of what scatters being too low
    on average, and d0, the weight of the others, is large if the own values differ by no more than chance would
    make them. Small series thus borrow, large ones keep their own. Drawn on the log scale, one that scatters a hundred
    times less than its neighbours is not doubled by a little of theirs.

    References:
        Smyth (2004), Stat Appl Genet Mol Biol 3, 3; Robinson & Smyth (2007), Bioinformatics 23, 2881-2887.
    """
    order = np.argsort(volume, kind="stable")
    own, typical = np.log(dispersion) + 1 / freedom, np.empty_like(dispersion)
    typical[order] = _running_mean(own[order], freedom[order])
    spread = np.average((own - typical) ** 2, weights=freedom)
    chance = np.average(2 / freedom, weights=freedom)
    prior_freedom = 2 / np.clip(spread - chance, 2 / 1000, 2 / 4)
    shrunk = (prior_freedom * typical + freedom * own) / (prior_freedom + freedom)
    return np.maximum(np.exp(shrunk), floor)


def _running_mean(values: Floats, weights: Floats) -> Floats:
    """Weighted mean of each value's `NEIGHBOURS` (or a tenth of all, if more) nearest by position."""
    n = len(values)
    half = max(NEIGHBOURS, n // 10) // 2
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    total = np.concatenate([[0.0], np.cumsum(values * weights)])
    weight = np.concatenate([[0.0], np.cumsum(weights)])
    return np.asarray((total[high] - total[low]) / (weight[high] - weight[low]))
