"""What each series would have brought on an ordinary day: season from a regression, level from the last weeks.

    expected_t = exp(x_t beta) * level_t
    level_t    = (c + sum_k d^k w y_{t-g-k}) / (c + sum_k d^k w exp(x beta)_{t-g-k})

The regression knows weekday, season, trend and holidays. The level follows real drift: a weighted mean of
observed over expected in which older days count for less. How fast it forgets (d) is not known, so several
half-lives run side by side, and each series weighs them by how well they would have foretold its past.

The last `g` guard days teach neither, so that a surge that is running does not raise its own expectation; past
surges are down-weighted by their Anscombe residual, as in Noufaily et al. (2013).
"""

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


class Past(NamedTuple):
    """What the days before the guard teach; one row a series, and no row depends on another.

    Args:
        coefficients: (n_series, n_columns).
        covariance: (n_series, n_columns, n_columns) of the coefficients, over the dispersion.
        season_dispersion: (n_series,) variance over that of a Poisson count, by the regression alone.
        typical: (n_series,) mean count.
        seen, due: (n_series, n_half_lives) requests that came and that the regression expected, the older the less.
        fit: (n_series, n_half_lives) log-likelihood, over the dispersion.
        dispersion: (n_series, n_half_lives) variance over that of a Poisson count.
        freedom: (n_series,) degrees of freedom that the dispersion rests on.
    """

    coefficients: Floats
    covariance: Floats
    season_dispersion: Floats
    typical: Floats
    seen: Floats
    due: Floats
    fit: Floats
    dispersion: Floats
    freedom: Floats


class Outlook(NamedTuple):
    """What the past expects of the judged days.

    Args:
        mean: (n_series, n_judged) regression alone.
        uncertainty: (n_series, n_judged) relative variance of the mean, over the dispersion.
        levels: (n_half_lives, n_series, n_judged).
        level_uncertainty: as `levels`, relative variance over the dispersion.
    """

    mean: Floats
    uncertainty: Floats
    levels: Floats
    level_uncertainty: Floats


def learn(counts: Floats, design: Design, *, guard_days: int, start: Floats) -> Past:
    """What the past of each series teaches; the costly part.

    Args:
        counts: (n_series, n_past) days up to the guard; NaN: not observed.
        design: Columns for these days.
        guard_days: Days that will lie between a judged day and the last one that its level knows.
        start: (n_series, n_columns) first guess of the coefficients.
    """
    observed = (~np.isnan(counts)).astype(np.float64)
    y = np.nan_to_num(counts)
    season = _season(y, observed, design, start)
    typical = season.mean.mean(axis=1)
    support = _support(typical, season.dispersion)
    lag = guard_days + 1
    scored, known = slice(max(WARM_UP_DAYS, lag), None), slice(max(WARM_UP_DAYS - lag, 0), -lag)

    seen_last, due_last, fits, dispersions = [], [], [], []
    for half_life in HALF_LIVES:
        seen, due = (_fading(part, half_life) for part in (season.weights * y, season.weights * season.mean))
        seen_last.append(seen[:, -1])
        due_last.append(due[:, -1])
        level, relative = _level(seen[:, known], due[:, known], support)
        mean = season.mean[:, scored] * level
        unit = mean + mean**2 * relative  # variance over dispersion
        likelihood = season.weights[:, scored] * (y[:, scored] * np.log(mean) - mean)
        fits.append(likelihood.sum(axis=1) / season.dispersion)
        dispersions.append(_dispersion(y[:, scored], mean, unit, observed[:, scored], len(design.prior_sd)))
    return Past(
        coefficients=season.coefficients,
        covariance=_covariance(season, design),
        season_dispersion=season.dispersion,
        typical=typical,
        seen=np.array(seen_last).T,
        due=np.array(due_last).T,
        fit=np.array(fits).T,
        dispersion=np.array(dispersions).T,
        freedom=2 * observed.sum(axis=1) / (2 + 1 / typical),
    )


def look_ahead(past: Past, counts: Floats, columns: Floats, *, guard_days: int) -> Outlook:
    """What the judged days should bring: cheap, and done anew for every judged day.

    Args:
        counts: (n_series, guard_days + n_judged) the days after the past; NaN: not observed.
        columns: (guard_days + n_judged, n_columns) of the design.
    """
    mean = _mean_of(past.coefficients, columns)
    y = np.nan_to_num(counts)
    weights = ~np.isnan(counts) * surge_weights(y, mean, past.season_dispersion)
    support = _support(past.typical, past.season_dispersion)
    n_judged = counts.shape[1] - guard_days
    taught = slice(0, n_judged - 1)  # the first judged day knows the past, the last one these days too
    levels, uncertainties = [], []
    for number, half_life in enumerate(HALF_LIVES):
        seen = _fading_on(past.seen[:, number], (weights * y)[:, taught], half_life)
        due = _fading_on(past.due[:, number], (weights * mean)[:, taught], half_life)
        level, relative = _level(seen, due, support)
        levels.append(level)
        uncertainties.append(relative)
    ahead = columns[guard_days:]
    return Outlook(
        mean=mean[:, guard_days:],
        uncertainty=((ahead @ past.covariance) * ahead).sum(axis=2),
        levels=np.array(levels),
        level_uncertainty=np.array(uncertainties),
    )


class _Season(NamedTuple):
    """The regression: (n_series, n_columns), twice (n_series, n_past), (n_series,), and its penalty."""

    coefficients: Floats
    mean: Floats
    weights: Floats
    dispersion: Floats
    penalty: Floats


def _season(y: Floats, observed: Floats, design: Design, start: Floats) -> _Season:
    """Fitted twice: the first fit finds past surges, which the second down-weights."""
    columns = design.columns
    precision = np.where(np.isinf(design.prior_sd), 0.0, design.prior_sd**-2.0)
    penalty = np.tile(precision, (len(y), 1))
    first = irls.fit(y, observed, columns, penalty, start, pseudo=PSEUDO_EVENTS)
    mean = _mean_of(first, columns)
    dispersion = _dispersion(y, mean, mean, observed, len(precision))
    penalty *= dispersion[:, None]  # a prior counts for more where each request tells less
    weights = observed * surge_weights(y, mean, dispersion)
    second = irls.fit(y, weights, columns, penalty, first, pseudo=PSEUDO_EVENTS)
    mean = _mean_of(second, columns)
    return _Season(second, mean, observed * surge_weights(y, mean, dispersion), dispersion, penalty)


def _mean_of(coefficients: Floats, columns: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(coefficients @ columns.T, -50.0, 50.0)))


def _covariance(season: _Season, design: Design) -> Floats:
    information = irls.information(season.weights * season.mean, design.columns, season.penalty)
    information[:, 0, 0] += PSEUDO_EVENTS
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


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


def _support(typical: Floats, dispersion: Floats) -> Floats:
    """(n_series,) requests that the belief in a level of 1 is worth."""
    return np.asarray(np.minimum(SUPPORT_DAYS * typical, SUPPORT_EVENTS * dispersion))


def _fading(counts: Floats, half_life: float) -> Floats:
    """(n_series, n_days) sum of each day and those before it, which count for half every `half_life` days."""
    return np.asarray(lfilter([1.0], [1.0, -(0.5 ** (1 / half_life))], counts, axis=1))


def _fading_on(before: Floats, counts: Floats, half_life: float) -> Floats:
    """(n_series, 1 + n_days) the sum `before` (n_series,) the first day, and the sums that follow."""
    return _fading(np.column_stack([before, counts]), half_life)


def _level(seen: Floats, due: Floats, support: Floats) -> tuple[Floats, Floats]:
    """(n_series, n_days) each: level, and its relative variance over the dispersion."""
    believed = support[:, None]
    return (believed + seen) / (believed + due), 1 / (believed + seen)
