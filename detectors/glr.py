"""Has the level gone up, since when, and by how much? Likelihood ratio charts for negative binomial counts.

    statistic_t = max over k <= t, r >= 1 of  sum_{i=k..t} log f(y_i; r m_i, a_i) / f(y_i; m_i, a_i)

f is the negative binomial probability of mean m and variance m + a m² (a = 0: Poisson), k the first day of the
change and r the factor by which it raised the mean. Neither has to be named beforehand: a step, a ramp or a slow
drift are found by the same chart, and the best k says since when. Twice the statistic is roughly chi-squared with
one degree of freedom for one k; the maximum over k makes it larger, so a threshold is calibrated, not read off a
table. With a known factor (`lr_cusum`) the maximum becomes a recursion.

References:
    Höhle & Paul (2008), Comput Stat Data Anal 52, 4357-4368.
    Lai (1995), J R Stat Soc B 57, 613-658 (window-limited charts).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from forewarn.panel import Floats

Positions = npt.NDArray[np.int64]

LEAST_DISPERSION = 1e-12
"""Stands for 0, the Poisson count; the likelihoods differ by less than rounding."""

MAX_STEPS = 50
TOLERANCE = 1e-4
"""Relative change of a factor in the last step of Newton's method; the error left is of the order of its square."""

LEAST_FACTOR = 1e-8
"""Where the search for a factor of a series that fell silent ends, as in R."""

BLOCK_CELLS = 2**20
"""Cells (change points × days) worked on together; keeps the memory of a long window small."""


class Chart(NamedTuple):
    """Course of a likelihood ratio chart; both arrays are (n_series, n_days).

    Args:
        statistic: Log likelihood ratio, 0 where nothing speaks for a change.
        since: Position of the first day of the most likely change; -1 where the statistic is 0.
    """

    statistic: Floats
    since: Positions


def glr_negbin(
    counts: Floats,
    mean: Floats,
    dispersion: npt.ArrayLike,
    *,
    window: int | None = None,
    increase: bool = True,
    restart_at: float = np.inf,
    last: int | None = None,
) -> Chart:
    """Generalised likelihood ratio chart against a change by an unknown factor on an unknown day.

    A change point is left out for good once the counts from it to some later day speak against the change: from
    the day after that one on, they speak for it more. About the square root of all change points remain.

    Args:
        counts: (n_series, n_days). A NaN here or in `mean` is a day that says nothing.
        mean: (n_series, n_days) mean without a change.
        dispersion: a in variance = m + a m², broadcast to the shape of `counts`.
        window: Days up to today among which the change is sought; None: all.
        increase: Whether a factor above 1 is sought, or one below.
        restart_at: Statistic at which the chart starts anew on the following day.
        last: Days to answer for; None: all.
    """
    n_series, n_days = counts.shape
    y, m, a = _known(counts, mean, dispersion)
    pull = np.cumsum((y - m) / (1 + a * m) * (1 if increase else -1), axis=1)  # derivative at factor 1
    before = np.hstack([np.zeros((n_series, 1)), pull[:, :-1]])
    open_ = np.ones(counts.shape, dtype=bool)
    factor = np.ones(counts.shape)  # best factor of each change point as of yesterday
    limits = (1.0, np.inf) if increase else (LEAST_FACTOR, 1.0)
    answer = Chart(np.zeros(counts.shape), np.full(counts.shape, -1))
    judged_from = n_days - (n_days if last is None else last)
    for day in range(n_days):
        first = 0 if window is None else max(day + 1 - window, 0)
        days = slice(first, day + 1)
        open_[:, days] &= before[:, days] < pull[:, day, None]
        if day < judged_from and np.isinf(restart_at):
            continue
        ratio = np.zeros((n_series, day + 1 - first))
        row, point = np.nonzero(open_[:, days])
        for part in np.array_split(np.arange(len(row)), 1 + row.size * ratio.shape[1] // BLOCK_CELLS):
            r, k = row[part], point[part]
            after = np.arange(ratio.shape[1]) >= k[:, None]
            some = y[r, days] * after, m[r, days] * after, a[r, days]
            factor[r, first + k] = best_factor(*some, factor[r, first + k], limits)
            ratio[r, k] = log_ratio(*some, some[1] * factor[r, first + k, None]).sum(axis=1)
        best = ratio.argmax(axis=1)
        answer.statistic[:, day] = ratio[np.arange(n_series), best]
        answer.since[:, day] = np.where(answer.statistic[:, day] > 0, first + best, -1)
        open_[answer.statistic[:, day] >= restart_at, : day + 1] = False
    return Chart(answer.statistic[:, judged_from:], answer.since[:, judged_from:])


def best_factor(y: Floats, m: Floats, a: Floats, start: Floats, limits: tuple[float, float]) -> Floats:
    """(n_rows,) most likely factor of the mean of each row; a day with count and mean 0 is not counted.

    The factor r solves sum (y + 1/a) / (1 + a m r) = sum 1/a. The left side is a harmonic sum, whose inverse is
    concave in r: Newton's method on the inverse lands below the root and rises to it from any start, in one
    step where a m does not vary.
    """
    inverse_total = 1 / (1 / a).sum(axis=1)
    factor = np.clip(start, *limits)
    moving = np.arange(len(y))
    for _ in range(MAX_STEPS):
        yo, mo, ao, r = y[moving], m[moving], a[moving], factor[moving]
        raised = mo * r[:, None]
        share = 1 / (1 + ao * raised)
        score = ((yo - raised) * share).sum(axis=1)
        slope = (mo * (ao * yo + 1) * share**2).sum(axis=1)
        new = np.clip(r + score / slope * (1 + score * inverse_total[moving]), *limits)
        factor[moving] = new
        moving = moving[np.abs(new - r) > TOLERANCE * r]
        if not moving.size:
            break
    return factor


def log_ratio(y: Floats, m: Floats, a: Floats, other: Floats) -> Floats:
    """log f(y; other, a) / f(y; m, a); 0 where the mean is 0."""
    growth = np.log1p(a * other) - np.log1p(a * m)
    return np.asarray(special.xlogy(y, other / np.where(m > 0, m, 1.0)) - (y + 1 / a) * growth)


def _known(counts: Floats, mean: Floats, dispersion: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Counts, mean and dispersion, of one shape; a day that says nothing has count and mean 0."""
    silent = np.isnan(counts) | np.isnan(mean)
    a = np.maximum(np.broadcast_to(np.asarray(dispersion, dtype=np.float64), counts.shape), LEAST_DISPERSION)
    return np.where(silent, 0.0, counts), np.where(silent, 0.0, mean), a


def lr_cusum(
    counts: Floats, mean: Floats, dispersion: npt.ArrayLike, *, factor: float, restart_above: float = np.inf
) -> Chart:
    """Likelihood ratio CUSUM against a change by a known factor on an unknown day.

    statistic_t = max(0, statistic_{t-1} + log f(y_t; factor m_t) / f(y_t; m_t))

    Args:
        factor: By which the change multiplies the mean.
        restart_above: Statistic above which the chart starts anew on the following day.
    """
    y, m, a = _known(counts, mean, dispersion)
    each = log_ratio(y, m, a, factor * m)
    statistic, since = np.zeros(counts.shape), np.full(counts.shape, -1)
    now, begin = np.zeros(len(counts)), np.full(len(counts), -1)
    for day in range(counts.shape[1]):
        begin = np.where((now <= 0) | (now > restart_above), day, begin)
        now = np.maximum(np.where(now > restart_above, 0.0, now) + each[:, day], 0.0)
        statistic[:, day], since[:, day] = now, np.where(now > 0, begin, -1)
    return Chart(statistic, since)


def glr_epidemic(counts: Floats, mean: Floats, dispersion: npt.ArrayLike, *, restart_at: float = np.inf) -> Chart:
    """Chart against an epidemic, in which each count of the day before brings r new ones: mean m_t + r y_{t-1}.

    Kept as R has it: r is not estimated in this model but taken from the chart against a factor, so that the
    statistic is no maximum and sees few epidemics.
    """
    y, m, a = _known(counts, mean, dispersion)
    raised_by = np.hstack([np.zeros((len(y), 1)), y[:, :-1]])
    answer = Chart(np.zeros(counts.shape), np.full(counts.shape, -1))
    factor = np.ones(counts.shape)
    begin = np.zeros(len(y), dtype=np.int64)
    for day in range(counts.shape[1]):
        ratio = np.zeros((len(y), day + 1))
        for k in range(day + 1):
            rows, days = np.flatnonzero(begin <= k), slice(k, day + 1)
            some = y[rows, days], m[rows, days], a[rows, days]
            factor[rows, k] = best_factor(*some, factor[rows, k], (LEAST_FACTOR, np.inf))
            epidemic = some[1] + factor[rows, k, None] * raised_by[rows, days]
            ratio[rows, k] = np.maximum(log_ratio(*some, epidemic).sum(axis=1), 0.0)
        best = ratio.argmax(axis=1)
        answer.statistic[:, day] = ratio[np.arange(len(y)), best]
        answer.since[:, day] = np.where(answer.statistic[:, day] > 0, best, -1)
        begin[answer.statistic[:, day] >= restart_at] = day + 1
    return answer
