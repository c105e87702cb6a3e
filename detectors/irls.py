"""Poisson regressions of many series on one shared design, fitted together.

    maximise  sum_t w_t (y_t eta_t - exp(eta_t)) - sum_j penalty_j beta_j² / 2,   eta = X beta

by Newton's method (for this link the same as iteratively reweighted least squares). Since all series share X,
the information matrices of all series are one product: (series × days) weights times (days × columns²) outer
products. The result does not depend on the start, which only saves steps.
"""

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats

Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

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


def _symmetric(pairs: Floats, upper: Pairs, penalty: Floats) -> Floats:
    n_columns = penalty.shape[1]
    matrix = np.empty((len(pairs), n_columns, n_columns))
    matrix[:, upper[0], upper[1]] = pairs
    matrix[:, upper[1], upper[0]] = pairs
    diagonal = np.arange(n_columns)
    matrix[:, diagonal, diagonal] += penalty + 1e-10
    return matrix
