"""What each series would have brought on an ordinary day: season from a regression, level from the last weeks.

    expected_t = exp(x_t beta) * level_w          for every day t of period (week) w
    level_w    = (c + sum_k d^k Y_{w-k}) / (c + sum_k d^k M_{w-k})

The regression knows weekday, season, trend and holidays; Y and M are the requests that came, and that it expected, in
earlier periods. The level follows real drift. How fast it should forget (d) is not known, so several half-lives run
side by side, and each series weighs them by how well they would have foretold its past.

The last `guard` days before a period teach it nothing, so that a surge that is running does not raise its own
expectation; past surges are down-weighted by their Anscombe residual, as in Noufaily et al. (2013). Every past period
is expected with the level that was known before it. The residuals of the past are thus those of real forecasts,
and tell how far the expectation can be trusted (detectors/past_spans.py, detectors/tails.py).
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from detectors import irls
from detectors.course import Course
from detectors.design import Design
from detectors.spans import period_sums
from detectors.weather import trusted
from forewarn.panel import Floats

SUPPORT_EVENTS = 8.0
"""Worth of the belief that the level is 1: the course's support, and no more than so many requests (times the
dispersion). The support lets a category that was dormant for years come alive within weeks."""

SURGE_THRESHOLD = 2.58
"""Residual above which a past day is down-weighted, the choice of Noufaily et al. (2013)."""

WINSOR = 4.0
"""Residual at which one day's part in the dispersion is cut: one disaster should not blunt a series for years."""

BLOCK_PERIODS = 4
BLOCK_TOLERANCE = 2.0
"""Dispersion is a mean over blocks of periods; a block is cut where it lies so many standard errors above the others:
what a season adds at one time of the year is a matter of that season (detectors/past_spans.py)."""

PSEUDO_EVENTS = 0.5
"""Requests added to the total, so that a series of zeros keeps a finite mean; Jeffreys' prior of a rate."""

NO_SEASON = 1e6
"""Precision at which a season is none, for a series that began less than a year ago among others that are older."""

WARM_UP_PERIODS = 4
"""First periods, whose levels have seen too little to be scored."""

LEAST_DISPERSION = 0.01
EVEN_FROM = 3.0
"""Counts a day at which a series may scatter half as little as chance would have it: a rare one cannot show it."""


class Season(NamedTuple):
    """The regression.

    Args:
        coefficients: (n_series, n_columns).
        covariance: (n_series, n_columns, n_columns) of the coefficients, over the dispersion.
        dispersion: (n_series,) variance over that of a Poisson count, by the regression alone.
    """

    coefficients: Floats
    covariance: Floats
    dispersion: Floats


class Past(NamedTuple):
    """What was expected of the past, and what the next period should bring; one row a series.

    Args:
        expected: (n_series, n_past) with the level that was known before each period.
        level: (n_series,) of the next period.
        relative: (n_series,) relative variance of that level, over the dispersion.
        disagreement: (n_series,) relative variance between half-lives.
        dispersion: (n_series,) variance of one step over that of a Poisson count.
        freedom: (n_series,) degrees of freedom that it rests on.
    """

    expected: Floats
    level: Floats
    relative: Floats
    disagreement: Floats
    dispersion: Floats
    freedom: Floats


def fit_season(y: Floats, observed: Floats, design: Design, start: Floats) -> Season:
    """Fitted twice: the first fit finds past surges, which the second down-weights.

    Args:
        y: (n_series, n_taught) counts, 0 where not `observed` (1 or 0).
        design: Columns for these steps.
        start: (n_series, n_columns) first guess of the coefficients.
    """
    columns = design.columns
    precision = np.where(np.isinf(design.prior_sd), 0.0, design.prior_sd**-2.0)
    penalty = np.tile(precision, (len(y), 1))
    young = observed.shape[1] - observed.argmax(axis=1) < design.annual_from
    penalty[np.ix_(young, design.annual)] = NO_SEASON
    first = irls.fit(y, observed, columns, penalty, start, pseudo=PSEUDO_EVENTS)
    mean = mean_of(first, columns)
    dispersion = _regression_dispersion(y, mean, observed, len(precision))
    penalty *= dispersion[:, None]  # a prior counts for more where each request tells less
    weights = observed * surge_weights(y, mean, dispersion)
    second = irls.fit(y, weights, columns, penalty, first, pseudo=PSEUDO_EVENTS)
    mean = mean_of(second, columns)
    information = irls.information(weights * mean, columns, penalty)
    information[:, 0, 0] += PSEUDO_EVENTS
    covariance = np.asarray(np.linalg.inv(information))
    of_weather = design.prior_sd[len(design.prior_sd) - design.n_weather :]
    return Season(*trusted(second, covariance, dispersion, of_weather), dispersion)


def follow(y: Floats, observed: Floats, columns: Floats, season: Season, course: Course) -> Past:
    """The levels of all past periods, each known from what came before it, and that of the next.

    Args:
        y: (n_series, n_past) counts up to the next period, 0 where not `observed`; n_past is a multiple of the period.
        columns: (n_past, n_columns) of the design.
    """
    mean = mean_of(season.coefficients, columns)
    weights = observed * surge_weights(y, mean, season.dispersion)
    typical = mean.mean(axis=1)
    support = np.minimum(course.support * typical, SUPPORT_EVENTS * season.dispersion)[:, None]
    came, due = weights * y, weights * mean
    taught_came, taught_due = _taught_sums(came, course), _taught_sums(due, course)
    period_came, period_due = (period_sums(part, course.period)[:, WARM_UP_PERIODS:] for part in (came, due))

    levels, relatives, fits = [], [], []
    for half_life in course.half_lives:
        decay = 0.5 ** (course.period / half_life)
        seen, owed = (support + lfilter([1.0], [1.0, -decay], part, axis=1) for part in (taught_came, taught_due))
        level = seen / owed
        known = level[:, WARM_UP_PERIODS:-1]
        fits.append((period_came * np.log(known) - period_due * known).sum(axis=1) / season.dispersion)
        levels.append(level)
        relatives.append(1 / seen[:, -1])
    trust = _trust(np.array(fits))  # (n_half_lives, n_series)
    level = np.einsum("hn,hnw->nw", trust, np.array(levels))
    now = np.array([part[:, -1] for part in levels])
    expected = mean * np.repeat(level[:, :-1], course.period, axis=1)
    dispersion, freedom = _step_dispersion(y, observed, expected, course)
    return Past(
        expected=expected,
        level=level[:, -1],
        relative=(trust * np.array(relatives)).sum(axis=0),
        disagreement=(trust * (now / level[:, -1] - 1) ** 2).sum(axis=0),
        dispersion=dispersion,
        freedom=freedom,
    )


def mean_of(coefficients: Floats, columns: Floats) -> Floats:
    """(n_series, n_steps) mean by the regression alone."""
    return np.asarray(np.exp(np.clip(coefficients @ columns.T, -50.0, 50.0)))


def surge_weights(y: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """1 on ordinary days, less the further a count lies above its mean; shape of `y`.

    One request less than observed is compared, since in a rare series every single request is "surprising", and
    down-weighting them all would bring its mean down.
    """
    anscombe = 1.5 * (np.cbrt(np.maximum(y - 1, 0)) ** 2 / np.cbrt(np.sqrt(mean)) - np.sqrt(mean))
    residual = anscombe / np.sqrt(dispersion)[:, None]
    return np.where(residual > SURGE_THRESHOLD, np.maximum(residual, 1.0) ** -2.0, 1.0)


def least_dispersion(typical: Floats) -> Floats:
    """Dispersion that a series of `typical` counts a step may fall to; 1 for rare ones."""
    return np.maximum(1 / (1 + (typical / EVEN_FROM) ** 2), LEAST_DISPERSION)


def _regression_dispersion(y: Floats, mean: Floats, observed: Floats, n_columns: int) -> Floats:
    """(n_series,) mean squared Pearson residual, each day's part cut at `WINSOR` deviations."""
    squared = observed * (y - mean) ** 2 / mean
    n = np.maximum(observed.sum(axis=1), 1.0)
    freedom = np.maximum(n - n_columns, n / 2)
    least = least_dispersion(mean.mean(axis=1))
    first = np.maximum(squared.sum(axis=1) / freedom, least)
    cut = WINSOR**2 * first[:, None] * np.maximum(1.0, 1 / mean)
    return np.asarray(np.maximum(np.minimum(squared, cut).sum(axis=1) / freedom, least))


def _step_dispersion(y: Floats, observed: Floats, expected: Floats, course: Course) -> tuple[Floats, Floats]:
    """(n_series,) scatter of single steps around the level of the periods around them, and its degrees of freedom.

    A level that was misjudged for weeks is no scatter of days; it is measured apart (detectors/past_spans.py).
    """
    period = course.period
    due = observed * expected
    around_y, around_due = (_around(period_sums(part, period), period) - part for part in (y, due))
    local = due * (around_y + 1) / (around_due + 1)
    told = due > 1e-3 * due.mean(axis=1, keepdims=True)  # closed on that weekday: tells nothing of scatter
    squared = np.where(told, (y - local) ** 2, 0.0) / np.maximum(local * (1 + due / np.maximum(around_due, 1e-9)), 1e-9)
    n = np.maximum(told.sum(axis=1), 1.0)
    dispersion = np.maximum(squared.sum(axis=1) / n, LEAST_DISPERSION)
    most = WINSOR**2 * np.maximum(1.0, 1 / np.maximum(local, 1e-9))
    for _ in range(2):
        dispersion = np.maximum(np.minimum(squared, most * dispersion[:, None]).sum(axis=1) / n, LEAST_DISPERSION)
    squared = np.minimum(squared, most * dispersion[:, None])
    block = min(period * BLOCK_PERIODS, y.shape[1])
    whole = slice(-(y.shape[1] // block * block), None)
    sums, days, volume = (period_sums(part[:, whole], block) for part in (squared, told, due))
    days = np.maximum(days, 1.0)
    error = np.sqrt((2 + days / np.maximum(volume, 1e-3 * days)) / days)
    for _ in range(20):
        cut = np.minimum(sums, days * dispersion[:, None] * (1 + BLOCK_TOLERANCE * error))
        dispersion = np.maximum(cut.sum(axis=1) / days.sum(axis=1), LEAST_DISPERSION)
    typical = due.sum(axis=1) / n
    return np.maximum(dispersion, least_dispersion(typical)), 2 * n / (2 + 1 / np.maximum(typical, 1e-9))


def two_scatters(y: Floats, due: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """What steps scatter each on its own, and what those near each other share: variance = a · mean + b · mean².

    Args:
        y, due: (n_series, n_past), 0 where not observed.
        dispersion: (n_series,) first guess of a.
    Returns:
        a and b, (n_series,), by weighted least squares of the squared residuals, cut at `WINSOR` deviations.
    """
    known = due > 1e-3 * due.mean(axis=1, keepdims=True)
    mean = np.where(known, due, 1.0)
    squared = (y - due) ** 2
    a, b = dispersion, np.zeros(len(y))
    for _ in range(4):
        variance = a[:, None] * mean + b[:, None] * mean**2
        weight = np.where(known, variance**-2, 0.0)
        cut = np.minimum(squared, WINSOR**2 * variance * np.maximum(1.0, 1 / mean))
        m2, m3, m4 = ((weight * mean**power).sum(axis=1) for power in (2, 3, 4))
        r1, r2 = ((weight * cut * mean**power).sum(axis=1) for power in (1, 2))
        b = np.maximum((m2 * r2 - m3 * r1) / np.maximum(m2 * m4 - m3**2, 1e-300), 0.0)
        a = np.maximum((r1 - b * m3) / np.maximum(m2, 1e-300), least_dispersion(mean.mean(axis=1)))
    return a, b


def _trust(log_likelihood: Floats) -> Floats:
    """(n_half_lives, n_series) how much each series trusts each half-life, columns adding up to 1."""
    relative = np.exp(np.maximum(log_likelihood - log_likelihood.max(axis=0), -700.0))
    return np.asarray(relative / relative.sum(axis=0))


def _around(sums: Floats, period: int) -> Floats:
    """(n_series, n_steps) sum over each step's period, the one before and the one after."""
    padded = np.pad(sums, ((0, 0), (1, 1)))
    return np.repeat(padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:], period, axis=1)


def _taught_sums(values: Floats, course: Course) -> Floats:
    """(n_series, n_periods + 1) sums over the period that ends `guard` steps before each period, the next included."""
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    ends = np.arange(values.shape[1] // course.period + 1) * course.period - course.guard
    return total[:, np.maximum(ends, 0)] - total[:, np.maximum(ends - course.period, 0)]
