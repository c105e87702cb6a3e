"""Poisson regressions of many series on one shared design, fitted together.

    maximise  sum_t w_t (y_t eta_t - exp(eta_t)) - sum_j penalty_j beta_j² / 2,   eta = X beta

by Newton's method (for this link the same as iteratively reweighted least squares). Since all series share X,
the information matrices of all series are one product: (series × days) weights times (days × columns²) outer
products. The result does not depend on the start, which only saves steps.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from forewarn.panel import Floats

Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

R_MAX_STEPS = 25  # glm.control(maxit)
R_TOLERANCE = 1e-8  # glm.control(epsilon)
R_THETA_TOLERANCE = np.finfo(np.float64).eps ** 0.25  # theta.ml(eps)
LEAST_EXCESS = 1e-12  # stands for 0, the Poisson count, in the deviance
TINY = 1e-14  # keeps a matrix with an empty season block invertible

WIDE = 64
"""Columns above which the products of all pairs are not kept: hours have many columns, and few series."""

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
    # Single precision is enough to find the way: where it ends is where the gradient is zero, in double precision.
    products = _products(columns, upper, np.float32)
    target = (weights * counts) @ columns
    target[:, 0] += pseudo
    beta = start.copy()
    open_ = np.arange(len(beta))
    for _ in range(MAX_STEPS):
        mean = weights[open_] * np.exp(np.clip(beta[open_] @ columns.T, -50.0, 50.0))
        gradient = target[open_] - mean @ columns - penalty[open_] * beta[open_]
        change = np.linalg.solve(
            _symmetric(products(mean), upper, penalty[open_]),
            gradient[:, :, None],
        )[:, :, 0]
        largest = np.abs(change).max(axis=1)
        beta[open_] += change * np.minimum(1.0, MAX_CHANGE / np.maximum(largest, 1e-300))[:, None]
        open_ = open_[largest > TOLERANCE]
        if not open_.size:
            break
    return beta


def information(weighted_mean: Floats, columns: Floats, penalty: Floats) -> Floats:
    """(n_series, n_columns, n_columns) X' W X + penalty, for W = weight * mean of each series."""
    upper = np.triu_indices(columns.shape[1])
    return _symmetric(_products(columns, upper, np.float64)(weighted_mean), upper, penalty)


class QuasiPoisson(NamedTuple):
    """Fits of all series: (n_series, n_columns), twice (n_series, n_days), (n_series, n_columns, n_columns).

    `working_weights` and `unscaled_covariance` belong to the last step but one, as in R's `glm`.
    """

    coefficients: Floats
    mean: Floats
    working_weights: Floats
    unscaled_covariance: Floats


def quasi_poisson(counts: Floats, weights: Floats, columns: Floats, offset: npt.ArrayLike = 0.0) -> QuasiPoisson:
    """Unpenalised fits that take R's steps from R's start and stop where R stops, so that results agree.

    Args:
        counts: (n_series, n_days), without NaN; a missing day has weight 0.
        weights: (n_series, n_days).
        columns: (n_days, n_columns).
        offset: (n_days,) added to log mean.
    """
    return _as_r(counts, weights, columns, np.asarray(offset), np.zeros(len(counts)), counts + 0.1)


def _as_r(
    counts: Floats, weights: Floats, columns: Floats, offset: Floats, excess: Floats, start: Floats
) -> QuasiPoisson:
    """Fits with variance mean + excess * mean², `excess` being (n_series,), from the means `start`."""
    n_columns = columns.shape[1]
    upper = np.triu_indices(n_columns)
    outer = columns[:, upper[0]] * columns[:, upper[1]]
    mean = start.copy()
    working = np.zeros_like(mean)
    coefficients = np.zeros((len(mean), n_columns))
    covariance = np.zeros((len(mean), n_columns, n_columns))
    deviance = _deviance(counts, mean, weights, excess)
    open_ = np.flatnonzero((weights.sum(axis=1) > 0) & (counts.sum(axis=1) > 0))  # no request at all: stays at 0.1
    for _ in range(R_MAX_STEPS):
        w, m = weights[open_], mean[open_]
        share = w / (1 + excess[open_, None] * m)
        working[open_] = share * m
        response = share * (m * (np.log(m) - offset) + counts[open_] - m)  # W z
        information = _symmetric(working[open_] @ outer, upper, np.full((len(open_), n_columns), TINY))
        covariance[open_] = np.linalg.inv(information)
        coefficients[open_] = (covariance[open_] @ (response @ columns)[:, :, None])[:, :, 0]
        mean[open_] = np.exp(np.clip(coefficients[open_] @ columns.T + offset, -50.0, 50.0))
        now = _deviance(counts[open_], mean[open_], w, excess[open_])
        moving = np.abs(now - deviance[open_]) / (np.abs(now) + 0.1) >= R_TOLERANCE
        deviance[open_] = now
        open_ = open_[moving]
        if not open_.size:
            break
    return QuasiPoisson(coefficients, mean, working, covariance)


def _deviance(counts: Floats, mean: Floats, weights: Floats, excess: Floats) -> Floats:
    a = np.maximum(excess, LEAST_EXCESS)[:, None]
    growth = np.log1p(a * counts) - np.log1p(a * mean)
    return np.asarray(2 * (weights * (special.xlogy(counts, counts / mean) - (counts + 1 / a) * growth)).sum(axis=1))


def negative_binomial(counts: Floats, weights: Floats, columns: Floats) -> tuple[QuasiPoisson, Floats]:
    """Fits and the maximum likelihood excess a in variance = mean + a mean², by the steps of R's `glm.nb`.

    A series whose counts vary less than Poisson counts gets a next to 0, where the steps end. A NaN excess: the
    series is empty, or the steps led nowhere.
    """
    excess = np.zeros(len(counts))
    fit = _as_r(counts, weights, columns, np.zeros(1), excess, counts + 0.1)
    excess = _excess(counts, fit.mean, weights)
    likelihood = _likelihood(counts, fit.mean, weights, excess)
    freedom = np.maximum(weights.sum(axis=1) - columns.shape[1], 1.0)
    coefficients, mean, working, covariance = (part.copy() for part in fit)
    open_ = np.flatnonzero(np.isfinite(likelihood))
    for _ in range(R_MAX_STEPS):
        y, w, before = counts[open_], weights[open_], excess[open_]
        step = _as_r(y, w, columns, np.zeros(1), before, mean[open_])
        excess[open_] = _excess(y, mean[open_], w)
        for whole, part in zip((coefficients, mean, working, covariance), step, strict=True):
            whole[open_] = part
        now = _likelihood(y, mean[open_], w, excess[open_])
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.abs(now - likelihood[open_]) / np.sqrt(2 * freedom[open_]) + np.abs(
                1 / before - 1 / excess[open_]
            )
        likelihood[open_] = now
        open_ = open_[change > R_TOLERANCE]
        if not open_.size:
            break
    return QuasiPoisson(coefficients, mean, working, covariance), excess


def _excess(counts: Floats, mean: Floats, weights: Floats) -> Floats:
    """Maximum likelihood 1 / theta for given means, by Newton's method on theta as in R's `theta.ml`."""
    total = weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = total / (weights * (counts / mean - 1) ** 2).sum(axis=1)
    moving = np.flatnonzero(np.isfinite(theta))
    for _ in range(R_MAX_STEPS - 1):
        if not moving.size:
            break
        y, m, w = counts[moving], mean[moving], weights[moving]
        th = np.abs(theta[moving])[:, None]
        score = special.digamma(th + y) - special.digamma(th) + np.log(th) + 1 - np.log(th + m) - (y + th) / (m + th)
        information = (
            special.polygamma(1, th) - special.polygamma(1, th + y) - 1 / th + 2 / (m + th) - (y + th) / (m + th) ** 2
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (w * score).sum(axis=1) / (w * information).sum(axis=1)
        theta[moving] = th[:, 0] + step
        moving = moving[np.abs(step) > R_THETA_TOLERANCE]
    with np.errstate(divide="ignore"):
        return np.where(theta > 0, 1 / theta, np.nan)


def _likelihood(counts: Floats, mean: Floats, weights: Floats, excess: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        th = 1 / excess[:, None]
        each = special.gammaln(th + counts) - special.gammaln(th) - special.gammaln(counts + 1)
        each += th * np.log(th) + special.xlogy(counts, mean) - (th + counts) * np.log(th + mean)
    return np.asarray((weights * each).sum(axis=1))


def _products(columns: Floats, upper: Pairs, precision: npt.DTypeLike) -> Callable[[Floats], Floats]:
    """From weights (n_series, n_days) to the sums of products of each pair of columns (n_series, n_pairs)."""
    if columns.shape[1] <= WIDE:
        outer = (columns[:, upper[0]] * columns[:, upper[1]]).astype(precision)  # (n_days, n_pairs)
        return lambda weights: (weights.astype(precision) @ outer).astype(np.float64)
    same = columns.astype(precision)

    def row_by_row(weights: Floats) -> Floats:
        sums = [((same * row[:, None]).T @ same)[upper] for row in weights.astype(precision)]
        return np.array(sums, dtype=np.float64)

    return row_by_row


def _symmetric(pairs: Floats, upper: Pairs, penalty: Floats) -> Floats:
    n_columns = penalty.shape[1]
    matrix = np.empty((len(pairs), n_columns, n_columns))
    matrix[:, upper[0], upper[1]] = pairs
    matrix[:, upper[1], upper[0]] = pairs
    diagonal = np.arange(n_columns)
    matrix[:, diagonal, diagonal] += penalty
    return matrix
