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
from typing import NamedTuple

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

PSEUDO_EVENTS = 0.5
"""Requests added to the total, so that a series of zeros keeps a finite mean; Jeffreys' prior of a rate."""

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
    n_past = counts.shape[1] - n_judged - guard_days
    seen = (~np.isnan(counts)).astype(np.float64)
    y = np.nan_to_num(counts)
    season = _season(y, seen, design, n_past, start)
    typical = season.mean[:, :n_past].mean(axis=1)
    support = np.minimum(SUPPORT_DAYS * typical, SUPPORT_EVENTS * season.dispersion)[:, None]
    judged, scored = slice(-n_judged, None), slice(WARM_UP_DAYS, n_past)

    levels, uncertainties, fits, dispersions = [], [], [], []
    for half_life in HALF_LIVES:
        level, relative = _level(season.weights * y, season.weights * season.mean, support, half_life, guard_days)
        levels.append(level[:, judged])
        uncertainties.append(relative[:, judged])
        mean = season.mean[:, scored] * level[:, scored]
        unit = mean + mean**2 * relative[:, scored]  # variance over dispersion
        likelihood = season.weights[:, scored] * (y[:, scored] * np.log(mean) - mean)
        fits.append(likelihood.sum(axis=1) / season.dispersion)
        dispersions.append(_dispersion(y[:, scored], mean, unit, seen[:, scored], len(design.prior_sd)))
    return Baseline(
        coefficients=season.coefficients,
        mean=season.mean[:, judged],
        uncertainty=_uncertainty(season, design, n_past)[:, judged],
        levels=np.array(levels),
        level_uncertainty=np.array(uncertainties),
        fit=np.array(fits).T,
        dispersion=np.array(dispersions).T,
        freedom=2 * seen[:, :n_past].sum(axis=1) / (2 + 1 / typical),
    )


class _Season(NamedTuple):
    """The regression: (n_series, n_columns), twice (n_series, n_days), (n_series,), and its penalty."""

    coefficients: Floats
    mean: Floats
    weights: Floats
    dispersion: Floats
    penalty: Floats


def _season(y: Floats, seen: Floats, design: Design, n_past: int, start: Floats) -> _Season:
    """Fitted twice: the first fit finds past surges, which the second down-weights."""
    columns, past = design.columns, slice(0, n_past)
    precision = np.where(np.isinf(design.prior_sd), 0.0, design.prior_sd**-2.0)

    def mean_of(coefficients: Floats) -> Floats:
        return np.asarray(np.exp(np.clip(coefficients @ columns.T, -50.0, 50.0)))

    penalty = np.tile(precision, (len(y), 1))
    first = irls.fit(y[:, past], seen[:, past], columns[past], penalty, start, pseudo=PSEUDO_EVENTS)
    mean = mean_of(first)
    dispersion = _dispersion(y[:, past], mean[:, past], mean[:, past], seen[:, past], len(precision))
    weights = seen * surge_weights(y, mean, dispersion)
    penalty *= dispersion[:, None]  # a prior counts for more where each request tells less
    second = irls.fit(y[:, past], weights[:, past], columns[past], penalty, first, pseudo=PSEUDO_EVENTS)
    mean = mean_of(second)
    return _Season(second, mean, seen * surge_weights(y, mean, dispersion), dispersion, penalty)


def _uncertainty(season: _Season, design: Design, n_past: int) -> Floats:
    """(n_series, n_days - n_past) relative variance of the regression's mean, over the dispersion."""
    past = slice(0, n_past)
    information = irls.information(season.weights[:, past] * season.mean[:, past], design.columns[past], season.penalty)
    information[:, 0, 0] += PSEUDO_EVENTS
    ahead = design.columns[n_past:]
    solved = np.linalg.solve(information, np.broadcast_to(ahead.T, (len(information), *ahead.T.shape)))
    return np.asarray(np.einsum("jp,npj->nj", ahead, solved))


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
