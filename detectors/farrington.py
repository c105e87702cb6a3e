"""Is this week's total far above the same season of earlier years? Farrington flexible.

    log mean_t = trend * t + level of the season block,   variance = dispersion * mean
    limit      = (1 - alpha) quantile of a negative binomial count of that mean and variance

The years before are cut into `blocks` blocks; the last holds the weeks around this week of the year. Past
outbreaks are found by their Anscombe residual and count for less in a second fit. The trend is dropped if
fewer than three years are known or if it leads above everything ever seen.

Reliable and well studied for public health, and a standard to compare with. It sees a surge late, since a 7-day
total takes days to rise, has too many false alarms among rare series (docs/methods/farrington.md), and needs at
least two years; series with fewer than five requests in the last four weeks get no verdict. Prefer `scan`
for daily operations.

References:
    Noufaily et al. (2013), Stat Med 32, 1206-1222.
    Farrington et al. (1996), J R Stat Soc A 159, 547-563.
    Checked against the R package `surveillance` 1.20.3, whose quirks are kept where marked.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors import irls
from detectors.design import DAYS_PER_YEAR
from detectors.verdict import count_verdict
from detectors.windows import steps_of_week, trailing_totals
from forewarn.panel import DAY, Floats, Panel
from forewarn.results import Detection

Positions = npt.NDArray[np.int64]

MAX_YEARS = 5
MIN_TREND_YEARS = 3
MIN_REQUESTS = 5  # in the last MIN_REQUESTS_WEEKS weeks, this one included
MIN_REQUESTS_WEEKS = 4


class Model(NamedTuple):
    """Settings of the fit, in steps (weeks, unless the counts have another spacing).

    Args:
        half_window: Steps before and after the reference step of each year.
        blocks: Season blocks of a year; 1: only the windows are used.
        left_out: Steps before the judged one that teach nothing.
        reweight_above: Residual above which a past step counts for less; None: none does.
        trend: Whether a trend is tried; it is kept if its p-value is below `trend_p`.
        trend_p: 1 keeps every trend that does not lead too high.
        errors_of_refit: Whether standard errors are those of the last fit; if not, those of R's flexible version.
    """

    half_window: int = 3
    blocks: int = 10
    left_out: int = 26
    reweight_above: float | None = 2.58
    trend: bool = True
    trend_p: float = 1.0
    errors_of_refit: bool = False


class Fit(NamedTuple):
    """Expectation of one step for all series; every array is (n_series,).

    `log_se` is the standard error of log mean; `trend` is per step, NaN where it was dropped.
    """

    mean: Floats
    dispersion: Floats
    log_se: Floats
    trend: Floats


def season_blocks(references: Positions, half_window: int, blocks: int) -> Positions:
    """(references[0] + 1,) block of each step, 0: unused, `blocks`: the window around the reference steps.

    The steps between two windows are cut into `blocks` - 1 blocks, the longer ones first.

    Args:
        references: The judged step, the same step one year before, two years before and so on.
    """
    now = int(references[0])
    block = np.zeros(now + 1, dtype=np.int64)
    block[now - half_window :] = blocks
    for later, reference in pairwise(references):
        first, last = int(reference) + half_window + 1, int(later) - half_window  # last is excluded
        for number, part in enumerate(np.array_split(np.arange(first, last), blocks - 1) if blocks > 1 else [], 1):
            block[part] = number
        block[max(int(reference) - half_window, 0) : first] = blocks
    return block


def fit_step(counts: Floats, references: Positions, model: Model, exposure: Floats | None = None) -> Fit:
    """What the past of each series leads to expect at step `references[0]`.

    Args:
        counts: (n_series, n_steps); NaN: not observed. Nothing from `references[0]` on is used.
        references: See `season_blocks`.
        model: Settings.
        exposure: (n_steps,) population, to which the mean is proportional.
    """
    now = int(references[0])
    block = season_blocks(references, model.half_window, model.blocks)
    block[now - model.left_out :] = 0
    used = np.flatnonzero(block)
    size = np.ones(now + 1) if exposure is None else exposure
    scale = max(now - used[0], 1)
    columns = np.column_stack(
        [block[used] == number for number in np.unique(block[used])] + [(used - now) / scale]
    ).astype(np.float64)
    here = np.zeros(columns.shape[1])
    here[-2] = 1.0  # the window block; the trend is zero now
    past = counts[:, used]
    plain = _fit_past(past, size[used], columns[:, :-1], here[:-1], model)
    answer = Fit(plain.mean * size[now], plain.dispersion, plain.log_se, np.full(len(counts), np.nan))
    if not model.trend or len(references) - 1 < MIN_TREND_YEARS:
        return answer
    sloped = _fit_past(past, size[used], columns, here, model)
    keep = (sloped.mean * size[now] <= np.nanmax(past, axis=1, initial=-np.inf)) & (sloped.slope_p < model.trend_p)
    return Fit(
        np.where(keep, sloped.mean * size[now], answer.mean),
        np.where(keep, sloped.dispersion, answer.dispersion),
        np.where(keep, sloped.log_se, answer.log_se),
        np.where(keep, sloped.slope / scale, np.nan),
    )


class _PastFit(NamedTuple):
    mean: Floats
    dispersion: Floats
    log_se: Floats
    slope: Floats
    slope_p: Floats


def _fit_past(past: Floats, size: Floats, columns: Floats, here: Floats, model: Model) -> _PastFit:
    """Quasi-Poisson fit and, with a threshold, a second one in which surges count for less."""
    seen = (~np.isnan(past)).astype(np.float64)
    y = np.nan_to_num(past)
    n = np.maximum(seen.sum(axis=1), 1.0)
    freedom = np.maximum(n - columns.shape[1], 1.0)

    def dispersion_of(weights: Floats, mean: Floats) -> Floats:
        return np.asarray((weights * ((y - mean) / mean) ** 2).sum(axis=1) / freedom)

    fit = irls.quasi_poisson(y, seen, columns, np.log(size))
    odd_dispersion = dispersion_of(fit.working_weights, fit.mean)
    dispersion = np.maximum(odd_dispersion, 1.0)
    if model.reweight_above is not None:
        leverage = fit.working_weights * ((columns @ fit.unscaled_covariance) * columns).sum(axis=2)
        anscombe = 1.5 * (y ** (2 / 3) * fit.mean ** (-1 / 6) - np.sqrt(fit.mean))
        with np.errstate(invalid="ignore", divide="ignore"):
            residual = anscombe / np.sqrt(dispersion[:, None] * (1 - leverage))
            weights = seen * np.where(residual > model.reweight_above, residual**-2.0, 1.0)
        weights *= (n / np.maximum(weights.sum(axis=1), 1e-300))[:, None]
        fit = irls.quasi_poisson(y, weights, columns, np.log(size))
        # As in R, the standard errors take the down-weights for the weights of the last step of the fit.
        odd_dispersion = dispersion_of(fit.working_weights if model.errors_of_refit else weights, fit.mean)
        dispersion = np.maximum(dispersion_of(fit.working_weights, fit.mean), 1.0)
    slope = fit.coefficients[:, -1]
    slope_se = np.sqrt(np.maximum(fit.unscaled_covariance[:, -1, -1] * odd_dispersion, 1e-300))
    error_dispersion = dispersion if model.errors_of_refit else odd_dispersion
    covariance = fit.unscaled_covariance * error_dispersion[:, None, None]
    return _PastFit(
        mean=np.exp(np.minimum(fit.coefficients @ here, 700.0)),
        dispersion=dispersion,
        log_se=np.sqrt(np.maximum(np.einsum("i,nij,j->n", here, covariance, here), 0)),
        slope=slope,
        slope_p=2 * special.stdtr(freedom, -np.abs(slope) / slope_se),
    )


@dataclass(frozen=True)
class Farrington:
    """Farrington flexible on the 7-day totals that end on each judged day, with the settings of the paper.

    Every number of its verdict is a 7-day total. It looks back as many years as are known, two to five.

    Args:
        alpha: Tail probability of an alarm.
    """

    alpha: float = 0.01

    @property
    def name(self) -> str:
        return "farrington"

    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the 7-day totals that end on the last `last` days; weeks are their own totals."""
        n_days, week = len(panel.dates), steps_of_week(panel.step)
        steps_per_year = DAYS_PER_YEAR / float(week * panel.step / DAY)
        totals = trailing_totals(panel.counts, week)
        first = n_days - last
        mean = np.full((len(panel.labels), last), np.nan)
        variance = mean.copy()
        whole_from = panel.first_observed + week - 1  # days before the source was read are no history
        for day in range(max(first, 0), n_days):
            earliest = whole_from + (day - whole_from) % week
            weekly = totals[:, earliest : day + 1 : week]  # this day's total is the last
            references = _same_step_of_each_year(weekly.shape[1] - 1, steps_per_year)
            if len(references) <= 2:
                continue
            fit = fit_step(weekly, references, Model())
            enough = np.nan_to_num(weekly[:, -MIN_REQUESTS_WEEKS:]).sum(axis=1) >= MIN_REQUESTS
            mean[:, day - first] = np.where(enough, fit.mean, np.nan)
            variance[:, day - first] = fit.dispersion * fit.mean
        return count_verdict(
            self.name,
            panel,
            observed=totals[:, first:],
            mean=mean,
            variance=variance,
            alpha=self.alpha,
            window_days=week,
        )


def _same_step_of_each_year(now: int, steps_per_year: float) -> Positions:
    """Step `now` and the steps nearest to one, two … years before it, as far as their window is known."""
    back = np.rint(np.arange(MAX_YEARS + 1) * steps_per_year).astype(np.int64)
    return np.asarray(now - back[back <= now - Model().half_window])
