"""Is this week far above the same season of earlier years, with what is uncertain in the model in the limit? Boda.

    log mean_t = trend * t + level of the season block,   variance = mean + mean² / size
    limit      = (1 - alpha) quantile of the counts that all plausible means and sizes predict together

The regression is that of Farrington flexible, but its counts are negative binomial by likelihood, and mean and size
are not taken as known: the limit is that of a mixture over their asymptotic (normal) posterior. Past outbreaks are not
down-weighted. Kept to compare with: after a past outbreak the season blocks and the trend swing, and limits with
them. See docs/methods/boda.md.

References:
    Salmon, Schumacher, Stark & Höhle (2015), Biometrical J 57, 1051-1067.
    Manitz & Höhle (2013), Biometrical J 55, 509-526.
    Checked against `bodaDelay` (asymptotic, without delay) of the R package `surveillance` 1.20.3.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import special

from detectors import irls
from detectors.farrington import Model, Positions, season_blocks
from detectors.limits import nb_tail
from forewarn.panel import Floats

ROUNDS = 12
"""Turns of fitting the means given the sizes and the sizes given the means; three or four settle all but odd series."""

LEAST_LOG_SIZE, LARGEST_LOG_SIZE = -7.0, 16.0
"""Range of the logarithm of the size: from next to no request ever to Poisson."""

HALVINGS = 40
RIDGE = 1e-8  # keeps the information of a season without any request invertible

MEAN_NODES, SIZE_NODES = np.polynomial.hermite_e.hermegauss(12), np.polynomial.hermite_e.hermegauss(6)
"""Deviates of a normal distribution and their weights."""


class Prediction(NamedTuple):
    """What the past leads to expect of one step; every array is (n_series,).

    Args:
        log_mean, log_se: Of the mean, normal on the log scale.
        size, size_se: Of the negative binomial size, normal.
    """

    log_mean: Floats
    log_se: Floats
    size: Floats
    size_se: Floats


def predict_step(counts: Floats, references: Positions, model: Model) -> Prediction:
    """Prediction of step `references[0]`, NaN without any request; see `detectors.farrington.fit_step`.

    Args:
        model: Its down-weights are not used.
    """
    now = int(references[0])
    block = season_blocks(references, model.half_window, model.blocks)
    block[now - model.left_out :] = 0
    used = np.flatnonzero(block)
    columns = np.column_stack(
        [block[used] == number for number in np.unique(block[used])] + [(used - now) / max(now - used[0], 1)]
    ).astype(np.float64)
    here = np.zeros(columns.shape[1])
    here[-2] = 1.0  # the window block; the trend is zero now
    seen = (~np.isnan(counts[:, used])).astype(np.float64)
    y = np.nan_to_num(counts[:, used])
    beta = np.zeros((len(y), columns.shape[1]))
    beta[:, :-1] = np.log(np.maximum(y.sum(axis=1) / np.maximum(seen.sum(axis=1), 1.0), 0.05))[:, None]
    size = np.full(len(y), np.exp(LARGEST_LOG_SIZE))
    for _ in range(ROUNDS):
        beta = _means_given_sizes(y, seen, columns, size, beta)
        mean = np.exp(np.clip(beta @ columns.T, -30.0, 30.0))
        size = _sizes_given_means(y, seen, mean)
    information = _information(seen * mean / (1 + mean / size[:, None]), columns)
    log_se = np.sqrt(np.einsum("i,nij,j->n", here, np.linalg.inv(information), here))
    s = size[:, None]
    curvature = (
        special.polygamma(1, s) - special.polygamma(1, s + y) - 1 / s + 2 / (mean + s) - (y + s) / (mean + s) ** 2
    )
    size_se = 1 / np.sqrt(np.maximum(np.abs((seen * curvature).sum(axis=1)), 1e-300))
    log_mean = np.where(y.any(axis=1), beta @ here, np.nan)  # without any request nothing can be told
    return Prediction(log_mean, log_se, size, size_se)


def limit_of(prediction: Prediction, alpha: float) -> Floats:
    """(n_series,) largest count y with P(Y >= y) >= `alpha`, averaged over what is uncertain in the prediction."""
    low, high = np.full(len(prediction.size), -1.0), np.ones(len(prediction.size))
    while (short := tail_of(prediction, high + 1) >= alpha).any():
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        over = tail_of(prediction, middle + 1) < alpha
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.where(np.isnan(prediction.log_mean), np.nan, high)


def tail_of(prediction: Prediction, observed: Floats) -> Floats:
    """(n_series,) P(Y >= observed), averaged over all means and all sizes above zero that are plausible."""
    total, weights = np.zeros(len(observed)), np.zeros(len(observed))
    for (z, mean_weight), (u, size_weight) in product(zip(*MEAN_NODES, strict=True), zip(*SIZE_NODES, strict=True)):
        mean = np.exp(np.minimum(prediction.log_mean + z * prediction.log_se, 30.0))
        size = prediction.size + u * prediction.size_se
        weight = np.where(size > 0, mean_weight * size_weight, 0.0)
        total += weight * nb_tail(observed, mean, mean + mean**2 / np.where(size > 0, size, 1.0))
        weights += weight
    return np.asarray(total / weights)


def _means_given_sizes(y: Floats, seen: Floats, columns: Floats, size: Floats, beta: Floats) -> Floats:
    """Coefficients by Fisher's scoring from `beta` on."""
    for _ in range(irls.MAX_STEPS):
        mean = np.exp(np.clip(beta @ columns.T, -30.0, 30.0))
        shrink = seen / (1 + mean / size[:, None])
        gradient = (shrink * (y - mean)) @ columns
        change = np.linalg.solve(_information(shrink * mean, columns), gradient[:, :, None])[:, :, 0]
        largest = np.abs(change).max(axis=1)
        beta = beta + change * np.minimum(1.0, irls.MAX_CHANGE / np.maximum(largest, 1e-300))[:, None]
        if (largest < irls.TOLERANCE).all():
            break
    return beta


def _sizes_given_means(y: Floats, seen: Floats, mean: Floats) -> Floats:
    """Sizes of the largest likelihood, by halving the range in which its slope changes sign."""
    low, high = np.full(len(y), LEAST_LOG_SIZE), np.full(len(y), LARGEST_LOG_SIZE)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        s = np.exp(middle)[:, None]
        slope = special.digamma(s + y) - special.digamma(s) + np.log(s) + 1 - np.log(s + mean) - (y + s) / (mean + s)
        rising = (seen * slope).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.asarray(np.exp((low + high) / 2))


def _information(weights: Floats, columns: Floats) -> Floats:
    return irls.information(weights, columns, np.full((len(weights), columns.shape[1]), RIDGE))
