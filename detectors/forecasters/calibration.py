"""What held-out days say about a forecast: how wide its range must be, and how far its days err together.

With z the normal quantile of a held-out count's mid-p under its forecast (standard normal when all is well):

    factor = (80 % quantile of |z| / 1.2816)²       variance * factor makes the 80 % range hold 80 %
    share  = mean of z_s z_t over pairs of days of one forecast / mean of z²

Counts below one a day are mostly 0, so no width holds just 80 % of them: their factor is 1. Both numbers come from
few days, so each series is drawn towards all series of the panel, and the share towards what real cities showed
(docs/methods/forecasts.md). Arrays are (n_series, n_origins, horizon); NaN is not used.
"""

import numpy as np
from scipy import special

from detectors.forecasters.ranges import RANGE
from detectors.limits import nb_tail
from forewarn.panel import Floats

POOLED_DAYS = 56
"""Weight of the panel's factor, in held-out days. A factor from 112 days errs by a third, series differ by a half."""
POOLED_ORIGINS = 4
"""Weight of the panel's share in that of a series, and of `USUAL_SHARE` in the panel's, in origins."""
USUAL_SHARE = 0.1
"""Median share of the cities in benchmarks/forecasters.py."""
SPARSE_BELOW = 1.0
"""Forecast requests a day, in the mean, below which a series keeps its variance."""
LEAST_WIDTH = 0.1
"""Least 80 % quantile of |z|: a forecast that was always right may still be wrong."""
LARGEST_Z = 8.0
"""One freak day must not set the share; a normal count is not beyond this in the age of the universe."""


def held_out_z(observed: Floats, mean: Floats, variance: Floats) -> Floats:
    """z of each held-out count, of the arrays' shape."""
    z = -special.ndtri(nb_tail(observed, mean, np.maximum(variance, mean), mid=True))
    return np.asarray(np.clip(z, -LARGEST_Z, LARGEST_Z))


def variance_factor(z: Floats, mean: Floats) -> Floats:
    """(n_series,) by what to multiply the variance; 1 where nothing was held out or the counts are too small."""
    seen = np.isfinite(z)
    n_days = seen.sum(axis=(1, 2))
    usable = (n_days > 0) & (np.where(seen, mean, 0.0).sum(axis=(1, 2)) >= SPARSE_BELOW * n_days)
    factor = np.ones(len(z))
    if usable.any():
        n = n_days[usable]
        widths = np.sort(np.where(seen, np.abs(z), np.inf)[usable].reshape(n.size, -1), axis=1)
        at = np.ceil(RANGE * n).astype(int) - 1
        own = 2 * np.log(np.maximum(widths[np.arange(n.size), at], LEAST_WIDTH) / special.ndtri((1 + RANGE) / 2))
        factor[usable] = np.exp((n * own + POOLED_DAYS * np.median(own)) / (n + POOLED_DAYS))
    return factor


def level_share(z: Floats) -> Floats:
    """(n_series,) correlation of the errors of two days of one forecast, 0 to 0.95."""
    seen = np.isfinite(z)
    z = np.where(seen, z, 0.0)
    n = seen.sum(axis=2)  # (n_series, n_origins), as are the next
    squares = (z**2).sum(axis=2)
    pairs = n * (n - 1)
    products = (z.sum(axis=2) ** 2 - squares).sum(axis=1) / np.maximum(pairs.sum(axis=1), 1)
    scale = squares.sum(axis=1) / np.maximum(n.sum(axis=1), 1)
    own = np.clip(products / np.where(scale > 0, scale, 1.0), 0.0, 0.95)
    n_origins = (pairs > 0).sum(axis=1)
    pooled = ((n_origins * own).sum() + POOLED_ORIGINS * USUAL_SHARE) / (n_origins.sum() + POOLED_ORIGINS)
    return np.asarray((n_origins * own + POOLED_ORIGINS * pooled) / (n_origins + POOLED_ORIGINS))
