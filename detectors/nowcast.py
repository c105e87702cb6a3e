"""How much of the last days' requests is known by now, and what will these days come to?

    1 - h_j          = sum_t w_t C_{t,j} / sum_t w_t C_{t,j+1}       of what is known on day j + 1, was known on day j
    completeness F_j = prod_{l >= j} (1 - h_l),                      nowcast = count so far / F_j

C_{t,j} are the requests of day t that are known j days later. The reverse hazards h are the development factors of the
chain ladder (Mack 1993) and the estimates of Lawless (1994) at once. Three things are added. Reports are typed in on
office days only: h differs by the weekday of the report. Some categories are filed slower than others: each has a
factor on h. Both factors are drawn to 1 by as much as chance explains them (gamma-Poisson empirical Bayes), so a rare
category keeps the source's delay. Last, delays change: an older day counts for half every `HALF_LIFE_DAYS`.

From day to day completeness varies by more than chance (a batch that is late, an upload that fails); the variance of
completeness has this in it, taken from how far past days were off when they were as young.

No day is completed before it is over. See docs/methods/nowcast.md for figures, and for when it misleads.

References:
    Lawless (1994), Can J Stat 22, 15-31. Mack (1993), ASTIN Bull 23, 213-225.
    Höhle & an der Heiden (2014), Biometrics 70, 993-1002.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from forewarn.calendar import weekdays
from forewarn.panel import Completeness, Floats, Panel
from forewarn.triangle import Triangle

HALF_LIFE_DAYS = 28.0

MIN_LIVE_DAYS = 21
"""Days watched live from which on delays are taken as known: three of each weekday."""

MIN_REPORTS = 30
"""Requests on them, below which nothing can be told."""

MIN_SHARE = 0.1
"""A day of which less is known is not judged."""

NEARLY_ALL = 0.9
"""Completeness from which a past day serves to tell how far off it was when it was young."""

NODES = (np.arange(32) + 0.5) / 32
"""Quantiles at which an uncertain completeness is looked at."""

BRIDGE = 3.0
"""Between two pulls reports come as a Dirichlet process of concentration 2 would bring them: often in one go."""


class Delays(NamedTuple):
    """What a triangle teaches; j counts the days after the day of the requests.

    Args:
        late: (n_series + 1, n_steps, 7) reverse hazard h_j by weekday of the day j + 1; the last row is the source's.
        uncertainty: (n_series + 1, n_steps) variance of log (1 - h_j).
        spread: (n_steps,) excess of the variance of completeness from day to day, over F (1 - F).
    """

    late: Floats
    uncertainty: Floats
    spread: Floats


def development(known: Floats) -> tuple[Floats, Floats]:
    """Reports that came on the day j + 1, and all that were known then; 0 where either is not known.

    Args:
        known: (..., n_delays) as in a triangle; both answers are (..., n_delays - 1).
    """
    late, reached = known[..., 1:] - known[..., :-1], known[..., 1:]
    unknown = np.isnan(late)
    return np.where(unknown, 0.0, late), np.where(unknown, 0.0, reached)


def reverse_hazard(late: Floats, reached: Floats, weights: Floats) -> Floats:
    """(n_steps,) share that came late of what was known on the day j + 1; late and reached (n_days, n_steps)."""
    total = weights @ reached
    return np.asarray((weights @ late) / np.where(total > 0, total, 1.0))


def completeness_of(late: Floats) -> Floats:
    """(..., n_steps + 1) share known after each delay, for reverse hazards (..., n_steps)."""
    share = np.cumprod((1 - late)[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([share, np.ones((*late.shape[:-1], 1))], axis=-1)


def learn_delays(triangle: Triangle) -> Delays:
    """Reverse hazards of every series of the triangle, the rare ones drawn to what all have in common."""
    known = triangle.known.astype(np.float64)
    age = len(triangle.dates) - 1 - np.arange(len(triangle.dates))
    weights = 0.5 ** (age / HALF_LIFE_DAYS)
    late, reached = (_with_source_row(part) for part in development(known))  # (n_series + 1, n_days, n_steps)
    report_day = _report_weekdays(triangle, late.shape[2])  # (n_days, n_steps)
    common = _by_weekday(late.sum(axis=0), reached.sum(axis=0), weights, report_day)  # (n_steps, 7)
    steps = np.arange(late.shape[2])
    due = reached * common[steps, report_day]  # (n_series, n_days, n_steps) late reports to be expected
    factor, uncertainty = _shrunk_factors(late, due, weights)
    hazard = np.clip(factor[:, :, None] * common, -0.5, 0.999)
    mean_hazard = np.clip(factor * common.mean(axis=1), -0.5, 0.999)
    log_variance = (mean_hazard / (1 - mean_hazard)) ** 2 * uncertainty
    return Delays(hazard, log_variance, _spread(known, hazard[:-1], report_day, weights))


def tells_delays(triangle: Triangle) -> bool:
    """Whether enough days were watched live, and enough came in on them, to tell how late reports are."""
    reports = np.nansum(np.nanmax(triangle.known, axis=2, initial=0.0))
    return triangle.live_days >= MIN_LIVE_DAYS and bool(reports >= MIN_REPORTS)


def completeness(triangle: Triangle, panel: Panel) -> Completeness | None:
    """How complete the panel's last days are, given how late reports have been so far; None: too little is known.

    The triangle may be coarser than the panel: a row has the delays of the triangle's row of the same labels, or, where
    that had no reports, those of the source.
    """
    if not tells_delays(triangle):
        return None
    delays = learn_delays(triangle)
    n_steps = delays.late.shape[1]
    recent = panel.dates[-n_steps:]
    rows = _rows(triangle, panel)
    delay = (triangle.dates[-1] - recent).astype(np.int64)  # (n_recent,) days after each day that are over
    mean = np.ones((len(panel.labels), len(recent)))
    variance = np.zeros_like(mean)
    for place in np.flatnonzero(delay < n_steps):
        at = max(int(delay[place]), 0)
        share, doubt = _share_of_day(delays, recent[place], at)
        if at > 0 and triangle.day_share < 1:
            before, doubt_before = _share_of_day(delays, recent[place], at - 1)
            part, step = triangle.day_share, share - before
            share = before + part * step
            doubt = doubt_before + part * (doubt - doubt_before) + step**2 * part * (1 - part) / BRIDGE
        mean[:, place], variance[:, place] = share[rows], doubt[rows]
    variance[mean < MIN_SHARE] = np.nan
    mean[mean < MIN_SHARE] = np.nan
    return Completeness(mean, variance)


def thinned(mean: Floats, variance: Floats, completeness: Completeness | None) -> tuple[Floats, Floats]:
    """Mean and variance of what is known by now of the last days' counts, each request being known with a chance p.

        E = m p,   V = m p + (v - m) (p² + s²) + m² s²

    Args:
        mean, variance: (n_series, n_days) m and v of the whole counts of the last days.
        completeness: Mean p and variance s² of the share that is known; None: all days are complete.
    Returns:
        Both NaN where too little is known to judge a day.
    """
    if completeness is None:
        return mean, variance
    known = completeness.last(mean.shape[1])
    second = known.mean**2 + known.variance
    so_far = mean * known.mean
    return so_far, so_far + (variance - mean) * second + mean**2 * known.variance


def nowcast(
    so_far: Floats, share: Floats, share_variance: Floats, *, shape: float = 0.5, rate: float = 0.0
) -> tuple[Floats, Floats]:
    """Mean and variance of what a day will come to; any shape.

    Given completeness p, and a Gamma(shape, rate) prior of the day's mean, what is still to come is negative binomial
    with size `shape` + n and mean (`shape` + n) (1 - p) / (`rate` + p); it is averaged over a beta distribution of p
    (Höhle & an der Heiden 2014). The default prior is Jeffreys': only what came so far and the delays count.
    """
    p = share_quantiles(share, share_variance)
    size = (shape + so_far)[..., None]
    odds = (1 - p) / (rate + p)
    ahead = size * odds
    mean = ahead.mean(axis=-1)
    within = (ahead + ahead * odds).mean(axis=-1)
    return so_far + mean, within + ahead.var(axis=-1)


def share_quantiles(share: Floats, share_variance: Floats) -> Floats:
    """(..., 32) equally likely values of a completeness, from the beta distribution of this mean and variance."""
    certain = (share_variance <= 0) | (share >= 1)
    mean = np.where(certain, 0.5, share)
    spread = np.minimum(np.where(certain, 1e-3, share_variance), 0.99 * mean * (1 - mean))
    size = mean * (1 - mean) / spread - 1
    values = special.betaincinv((mean * size)[..., None], ((1 - mean) * size)[..., None], NODES)
    return np.where(certain[..., None], share[..., None], np.maximum(values, 1e-6))


def _with_source_row(counts: Floats) -> Floats:
    """One more series without any report: what is said of it is what all have in common."""
    return np.concatenate([counts, np.zeros((1, *counts.shape[1:]))])


def _report_weekdays(triangle: Triangle, n_steps: int) -> npt.NDArray[np.int64]:
    """(n_days, n_steps) weekday of the day j + 1 after each day."""
    n_days = len(triangle.dates)
    dates = triangle.dates[0] + np.arange(n_days + n_steps)
    return np.asarray(weekdays(dates)[np.arange(n_days)[:, None] + np.arange(n_steps) + 1])


def _by_weekday(late: Floats, reached: Floats, weights: Floats, report_day: npt.NDArray[np.int64]) -> Floats:
    """(n_steps, 7) reverse hazards that all series have in common; arguments (n_days, n_steps)."""
    overall = reverse_hazard(late, reached, weights)
    is_day = report_day[:, :, None] == np.arange(7)  # (n_days, n_steps, 7)
    by_day = np.moveaxis(np.where(is_day, late[:, :, None], 0.0), 2, 0)
    due = np.moveaxis(np.where(is_day, (reached * overall)[:, :, None], 0.0), 2, 0)
    factor, _ = _shrunk_factors(by_day, due, weights)
    return overall[:, None] * factor.T


def _shrunk_factors(late: Floats, due: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Late reports over those due, drawn to 1, and the variance of this factor; (n_groups, n_steps).

    With L late reports in E due, whose variance is phi E, and factors that differ by the variance b between groups, the
    factor is (L + phi / b) / (E + phi / b). phi and b are found by moments, one for each step.

    Args:
        late, due: (n_groups, n_days, n_steps)
        weights: (n_days,)
    """
    w = weights[None, :, None]
    came, expected = (w * late).sum(axis=1), (w * due).sum(axis=1)  # (n_groups, n_steps)
    useful = expected > 0
    came, expected = np.where(useful, came, 0.0), np.where(useful, expected, 0.0)
    raw = np.where(useful, came / np.where(useful, expected, 1.0), 1.0)
    due_squared = np.maximum((w**2 * np.abs(due)).sum(axis=(0, 1)), 1e-9)
    total = np.maximum(expected.sum(axis=0), 1e-9)
    dispersion = (w**2 * (late - raw[:, None, :] * due) ** 2).sum(axis=(0, 1)) / due_squared
    phi = np.maximum(dispersion, 1.0) * np.minimum(due_squared / total, 1.0)
    between = (expected * (raw - 1) ** 2).sum(axis=0) - phi * (useful.sum(axis=0) - 1)
    between /= np.maximum(total - (expected**2).sum(axis=0) / total, 1e-9)
    prior = phi / np.clip(between, 1e-6, 1e3)
    factor = (came + prior) / (expected + prior)
    variance = phi / (expected + prior) + phi / np.maximum(total, 1.0)
    return np.maximum(factor, 0.0), variance


def _spread(known: Floats, late: Floats, report_day: npt.NDArray[np.int64], weights: Floats) -> Floats:
    """(n_steps,) how far completeness varies from day to day by more than chance, over F (1 - F).

    Days of which nearly all is known tell how far the counts they had when they were young were off.
    """
    n_steps = late.shape[1]
    steps = np.arange(n_steps)
    share = completeness_of(late[:, steps, report_day])  # (n_series, n_days, n_steps + 1)
    newest = np.where(np.isnan(known), -1, np.arange(n_steps + 1)).max(axis=2)  # (n_series, n_days)
    at = np.maximum(newest, 0)[:, :, None]
    last = np.take_along_axis(share, at, axis=2)
    final = np.take_along_axis(known, at, axis=2) / last
    settled = (newest[:, :, None] >= 0) & (last > NEARLY_ALL) & (np.arange(n_steps) < at)
    p = share[:, :, :-1]
    off = known[:, :, :-1] - final * p
    chance = np.abs(p * (1 - p))
    use = settled & ~np.isnan(off)
    w = weights[None, :, None]
    excess = np.where(use, w * (off**2 - final * chance), 0.0).sum(axis=(0, 1))
    room = np.where(use, w * final**2 * chance, 0.0).sum(axis=(0, 1))
    return np.asarray(np.clip(excess / np.maximum(room, 1e-9), 0.0, 0.9))


def _share_of_day(delays: Delays, day: np.datetime64, delay: int) -> tuple[Floats, Floats]:
    """(n_series + 1,) mean and variance of the completeness of `day`, `delay` days later; the last is the source's."""
    n_steps = delays.late.shape[1]
    steps = np.arange(delay, n_steps)
    share = np.prod(1 - delays.late[:, steps, weekdays(day + steps + 1)], axis=1)
    doubt = share**2 * delays.uncertainty[:, delay:].sum(axis=1)
    return share, doubt + delays.spread[delay] * np.abs(share * (1 - share))


def _rows(triangle: Triangle, panel: Panel) -> npt.NDArray[np.int64]:
    """(n_series,) the triangle's row that tells of each of the panel's rows; the one behind the last: the source."""
    columns = list(triangle.labels.columns)
    if not columns:
        return np.zeros(len(panel.labels), dtype=np.int64)
    position = {key: row for row, key in enumerate(triangle.labels.itertuples(index=False, name=None))}
    keys = panel.labels[columns].itertuples(index=False, name=None)
    return np.array([position.get(key, len(position)) for key in keys], dtype=np.int64)
