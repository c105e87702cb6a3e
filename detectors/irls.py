"""Poisson regressions of many series on one shared design, fitted together.

    maximise  sum_t w_t (y_t eta_t - exp(eta_t)) - sum_j penalty_j beta_j² / 2,   eta = X beta

by Newton's method (for this link the same as iteratively reweighted least squares). Since all series share X,
the information matrices of all series are one product: (series × days) weights times (days × columns²) outer
products. The result does not depend on the start, which only saves steps.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from forewarn.panel import Floats

Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

R_MAX_STEPS = 25  # glm.control(maxit)
R_TOLERANCE = 1e-8  # glm.control(epsilon)
TINY = 1e-14  # keeps a matrix with an empty season block invertible

MAX_STEPS = 50
TOLERANCE = 1e-9
"""Largest change of a coefficient at the end; convergence is quadratic, so the error left is far smaller."""

MAX_CHANGE = 2.0
"""Largest change of a coefficient in one step: counts that are nearly all zero would otherwise overshoot."""


def fit(
    counts: Floats, weights: Floats, columns: Floats, penalty: Floats, start: Floats, *, pseudo: float = 0.0
) -> Floats:
    """(n_series, n_columns) coefficients.

    Args:
        counts: (n_series, n_days), without NaN; a missing day has weight 0.
        weights: (n_series, n_days).
        columns: (n_days, n_columns), the first being the intercept.
        penalty: (n_series, n_columns) 1 / prior variance.
        start: (n_series, n_columns) first guess.
        pseudo: Requests added to each series' total, so that a series of zeros keeps a finite mean.
    """
    n_columns = columns.shape[1]
    upper = np.triu_indices(n_columns)
    outer = columns[:, upper[0]] * columns[:, upper[1]]  # (n_days, n_pairs)
    target = (weights * counts) @ columns
    target[:, 0] += pseudo
    beta = start.copy()
    open_ = np.arange(len(beta))
    for _ in range(MAX_STEPS):
        mean = weights[open_] * np.exp(np.clip(beta[open_] @ columns.T, -50.0, 50.0))
        gradient = target[open_] - mean @ columns - penalty[open_] * beta[open_]
        change = np.linalg.solve(_symmetric(mean @ outer, upper, penalty[open_]), gradient[:, :, None])[:, :, 0]
        largest = np.abs(change).max(axis=1)
        beta[open_] += change * np.minimum(1.0, MAX_CHANGE / np.maximum(largest, 1e-300))[:, None]
        open_ = open_[largest > TOLERANCE]
        if not open_.size:
            break
    return beta


def information(weighted_mean: Floats, columns: Floats, penalty: Floats) -> Floats:
    """(n_series, n_columns, n_columns) X' W X + penalty, for W = weight * mean of each series."""
    upper = np.triu_indices(columns.shape[1])
    return _symmetric(weighted_mean @ (columns[:, upper[0]] * columns[:, upper[1]]), upper, penalty)


class QuasiPoisson(NamedTuple):
    """Fits of all series: (n_series, n_columns), twice (n_series, n_days), (n_series, n_columns, n_columns).

    `working_weights` and `unscaled_covariance` belong to the last step but one, as in R's `glm`.
    """

    coefficients: Floats
    mean: Floats
    working_weights: Floats
    unscaled_covariance: Floats


def quasi_poisson(counts: Floats, weights: Floats, columns: Floats, offset: Floats) -> QuasiPoisson:
    """Unpenalised fits that take R's steps from R's start and stop where R stops, so that results agree.

    Args:
        counts: (n_series, n_days), without NaN; a missing day has weight 0.
        weights: (n_series, n_days).
        columns: (n_days, n_columns).
        offset: (n_days,) added to log mean.
    """
    n_columns = columns.shape[1]
    upper = np.triu_indices(n_columns)
    outer = columns[:, upper[0]] * columns[:, upper[1]]
    mean = counts + 0.1
    working = np.zeros_like(mean)
    coefficients = np.zeros((len(mean), n_columns))
    covariance = np.zeros((len(mean), n_columns, n_columns))
    deviance = _deviance(counts, mean, weights)
    open_ = np.flatnonzero((weights.sum(axis=1) > 0) & (counts.sum(axis=1) > 0))  # no request at all: stays at 0.1
    for _ in range(R_MAX_STEPS):
        w, m = weights[open_], mean[open_]
        working[open_] = w * m
        response = w * (m * (np.log(m) - offset) + counts[open_] - m)  # W z
        information = _symmetric(working[open_] @ outer, upper, np.full((len(open_), n_columns), TINY))
        covariance[open_] = np.linalg.inv(information)
        coefficients[open_] = (covariance[open_] @ (response @ columns)[:, :, None])[:, :, 0]
        mean[open_] = np.exp(np.clip(coefficients[open_] @ columns.T + offset, -50.0, 50.0))
        now = _deviance(counts[open_], mean[open_], w)
        moving = np.abs(now - deviance[open_]) / (np.abs(now) + 0.1) >= R_TOLERANCE
        deviance[open_] = now
        open_ = open_[moving]
        if not open_.size:
            break
    return QuasiPoisson(coefficients, mean, working, covariance)


def _deviance(counts: Floats, mean: Floats, weights: Floats) -> Floats:
    return np.asarray(2 * (weights * (special.xlogy(counts, counts / mean) - counts + mean)).sum(axis=1))


def _symmetric(pairs: Floats, upper: Pairs, penalty: Floats) -> Floats:
    n_columns = penalty.shape[1]
    matrix = np.empty((len(pairs), n_columns, n_columns))
    matrix[:, upper[0], upper[1]] = pairs
    matrix[:, upper[1], upper[0]] = pairs
    diagonal = np.arange(n_columns)
    matrix[:, diagonal, diagonal] += penalty
    return matrix
