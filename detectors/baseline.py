"""What each series would have brought on an ordinary day: season from a regression, level from the last weeks.

    expected_t = exp(x_t beta) * level_t
    level_t    = (c + sum_k d^k w y_{t-g-k}) / (c + sum_k d^k w exp(x beta)_{t-g-k})

The regression knows weekday, season, trend and holidays. The level follows real drift: a weighted mean of
observed over expected in which older days count for less. How fast it forgets (d) is not known, so several
half-lives run side by side, and each series weighs them by how well they would have foretold its past.

The last `g` guard days teach neither, so that a surge that is running does not raise its own expectation; past
surges are down-weighted by their Anscombe residual, as in Noufaily et al. (2013).
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from detectors import irls
from detectors.design import Design
from forewarn.panel import Floats

HALF_LIVES = (14.0, 28.0, 56.0, 112.0, 224.0)
"""Days after which an observation counts half; the slowest is next to no drift."""

SUPPORT_DAYS = 28.0
SUPPORT_EVENTS = 8.0
"""Worth of the belief that the level is 1: so many ordinary days, and no more than so many requests (times the
dispersion). The days let a category that was dormant for years come alive within weeks."""

SURGE_THRESHOLD = 2.58
"""Residual above which a past day is down-weighted, the choice of Noufaily et al. (2013)."""

WINSOR = 4.0
"""Residual at which one day's part in the dispersion is cut: one disaster should not blunt a series for years."""

WARM_UP_DAYS = 28
"""First days, whose levels have seen too little to be scored."""


@dataclass(frozen=True)
class Baseline:
    """What a block of series teaches; the n_judged days are those after the guard.

    Args:
        coefficients: (n_series, n_columns).
        mean: (n_series, n_judged) regression alone.
        uncertainty: (n_series, n_judged) relative variance of the mean, over the dispersion.
        levels: (n_half_lives, n_series, n_judged).
        level_uncertainty: as `levels`, relative variance over the dispersion.
        fit: (n_series, n_half_lives) log-likelihood of the past, over the dispersion.
        dispersion: (n_series, n_half_lives) variance of the past over that of a Poisson count.
        freedom: (n_series,) degrees of freedom that the dispersion rests on.
    """

    coefficients: Floats
    mean: Floats
    uncertainty: Floats
    levels: Floats
    level_uncertainty: Floats
    fit: Floats
    dispersion: Floats
    freedom: Floats


def learn(counts: Floats, design: Design, *, n_judged: int, guard_days: int, start: Floats) -> Baseline:
    """The baseline of a block of series.

    Args:
        counts: (n_series, n_days), the last `n_judged` days being those to judge; NaN: not observed.
        design: Columns for all n_days.
        n_judged: Days that the same regression serves.
        guard_days: Days before the first judged one that are left out.
        start: (n_series, n_columns) first guess of the coefficients.
    """
    n_days = counts.shape[1]
    seen = ~np.isnan(counts)
    y = np.where(seen, counts, 0.0)
    past = slice(0, n_days - n_judged - guard_days)
    precision = np.where(np.isinf(design.prior_sd), 0.0, design.prior_sd**-2.0)

    def fit(weights: Floats, dispersion: Floats, start: Floats) -> Floats:
        penalty = dispersion[:, None] * precision
        return irls.fit(y[:, past], weights, design.columns[past], penalty, start, pseudo=0.5)

    every = seen[:, past].astype(np.float64)
    coefficients = fit(every, np.ones(len(y)), start)
    mean = np.exp(np.clip(coefficients @ design.columns.T, -50.0, 50.0))
    dispersion = _dispersion(y[:, past], mean[:, past], mean[:, past], every, len(precision))
    weights = seen * surge_weights(y, mean, dispersion)
    coefficients = fit(weights[:, past], dispersion, coefficients)
    mean = np.exp(np.clip(coefficients @ design.columns.T, -50.0, 50.0))
    weights = seen * surge_weights(y, mean, dispersion)

    info = irls.information(weights[:, past] * mean[:, past], design.columns[past], dispersion[:, None] * precision)
    info[:, 0, 0] += 0.5
    ahead = design.columns[n_days - n_judged :]  # (n_judged, n_columns)
    uncertainty = np.einsum(
        "jp,npj->nj", ahead, np.linalg.solve(info, np.broadcast_to(ahead.T, (len(y), *ahead.T.shape)))
    )

    typical = mean[:, past].mean(axis=1)
    support = np.minimum(SUPPORT_DAYS * typical, SUPPORT_EVENTS * dispersion)[:, None]
    levels, level_uncertainty, fits, dispersions = [], [], [], []
    scored = slice(WARM_UP_DAYS, past.stop)
    for half_life in HALF_LIVES:
        level, relative = _level(weights * y, weights * mean, support, half_life, guard_days)
        levels.append(level[:, n_days - n_judged :])
        level_uncertainty.append(relative[:, n_days - n_judged :])
        m = mean[:, scored] * level[:, scored]
        unit = m + m**2 * relative[:, scored]  # variance over dispersion
        w = weights[:, scored]
        fits.append((w * (y[:, scored] * np.log(m) - m)).sum(axis=1) / dispersion)
        dispersions.append(_dispersion(y[:, scored], m, unit, seen[:, scored], len(precision)))
    return Baseline(
        coefficients=coefficients,
        mean=mean[:, n_days - n_judged :],
        uncertainty=uncertainty,
        levels=np.array(levels),
        level_uncertainty=np.array(level_uncertainty),
        fit=np.array(fits).T,
        dispersion=np.array(dispersions).T,
        freedom=2 * every.sum(axis=1) / (2 + 1 / typical),
    )


def surge_weights(y: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """1 on ordinary days, less the further a count lies above its mean; shape of `y`.

    One request less than observed is compared, since in a rare series every single request is "surprising", and
    down-weighting them all would bring its mean down.
    """
    anscombe = 1.5 * (np.maximum(y - 1, 0) ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean))
    residual = anscombe / np.sqrt(dispersion)[:, None]
    return np.where(residual > SURGE_THRESHOLD, np.maximum(residual, 1.0) ** -2.0, 1.0)


def _dispersion(y: Floats, mean: Floats, unit: Floats, seen: Floats, n_columns: int) -> Floats:
    """(n_series,) mean squared residual over `unit`, at least 1, each day's part cut at `WINSOR` deviations."""
    squared = seen * (y - mean) ** 2 / unit
    n = np.maximum(seen.sum(axis=1), 1.0)
    freedom = np.maximum(n - n_columns, n / 2)
    first = np.maximum(squared.sum(axis=1) / freedom, 1.0)
    cut = WINSOR**2 * first[:, None] * np.maximum(1.0, 1 / mean)
    return np.asarray(np.maximum(np.minimum(squared, cut).sum(axis=1) / freedom, 1.0))


def _level(
    observed: Floats, expected: Floats, support: Floats, half_life: float, guard_days: int
) -> tuple[Floats, Floats]:
    """(n_series, n_days) each: level of each day from those before its guard, and its relative variance."""
    lag = guard_days + 1
    decay = 0.5 ** (1 / half_life)
    seen, due = (np.zeros_like(observed) for _ in range(2))
    seen[:, lag:] = lfilter([1.0], [1.0, -decay], observed[:, :-lag], axis=1)
    due[:, lag:] = lfilter([1.0], [1.0, -decay], expected[:, :-lag], axis=1)
    return (support + seen) / (support + due), 1 / (support + seen)
