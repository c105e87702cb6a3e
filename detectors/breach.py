"""When will a limit be crossed: the chance, day by day, that the requests of a moving window exceed it.

Paths of the coming days are drawn from the forecast, each day a negative binomial count:

    count_h = quantile_h(Phi(u_h)),   u_h = sqrt(s) * a + sqrt(1 - s) * e_h,   a, e_h standard normal

`s` is the forecast's level share: where the level is misjudged, all days are wrong together. Independent days (s = 0)
would average out and make the sum of a week far too certain. A path crosses the limit on the first day on which
the sum of its last `window_days` days, observed ones included, is above `max_requests`. Days of the current
window that were not observed are drawn too, around the mean of the same weekdays.

A breach is reported where the chance of having crossed reaches the asked probability within the horizon. With
4,000 paths a chance of 0.5 is known to within 0.016.
"""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors.forecasters.ranges import RANGE
from detectors.forecasters.seasonal_naive import SeasonalNaive
from detectors.limits import nb_lower_tail, nb_quantile
from forewarn.likeness import meant
from forewarn.panel import Floats, Panel
from forewarn.results import Breach, Forecast
from forewarn.settings import LimitSettings

logger = logging.getLogger(__name__)

PATHS = 4000


def find_breaches(panel: Panel, forecast: Forecast, limits: Sequence[LimitSettings], *, seed: int = 1) -> list[Breach]:
    """The limits of the panel's source and level that are likely to be crossed, in the order of `limits`.

    Args:
        forecast: Of the panel's series, back-tested (with its level share).
        limits: Those of other sources and levels are passed over.
        seed: Of the paths. Each limit has its own, so that it does not matter which others are asked.

    Raises:
        ValueError: The forecast has no level share.
    """
    if forecast.level_share is None:
        raise ValueError("breaches need a forecast with its level share: use forecast_panel")
    breaches = []
    for limit in limits:
        if limit.source != panel.source or set(limit.labels) != set(panel.level):
            continue
        row = _row(panel, limit)
        if row is None:
            logger.warning(_nothing_of(panel, limit))
        elif np.isfinite(forecast.mean[row]).all():
            rng = np.random.default_rng(seed)
            sums = window_sums(panel, forecast, row, limit.window_days, limit.horizon_days, rng)
            breach = _breach(panel, forecast, row, limit, sums)
            breaches += [breach] if breach else []
    return breaches


def chance_crossed(sums: Floats, max_requests: float) -> Floats:
    """(horizon,) chance that the window's sum was above `max_requests` on that day or before.

    Args:
        sums: (n_paths, horizon) of `window_sums`.
    """
    crossed = np.logical_or.accumulate(sums > max_requests, axis=1)
    return np.asarray(crossed.mean(axis=0))


def window_sums(
    panel: Panel, forecast: Forecast, row: int, window_days: int, horizon_days: int, rng: np.random.Generator
) -> Floats:
    """(PATHS, horizon) requests in the `window_days` days that end on each coming day.

    The horizon is `horizon_days`, or that of the forecast if it is shorter.
    """
    share = 0.0 if forecast.level_share is None else float(forecast.level_share[row])
    mean, variance = forecast.mean[row, :horizon_days], forecast.variance[row, :horizon_days]
    before = np.full(window_days - 1, np.nan)  # the days before the forecast that its first windows reach into
    observed = panel.counts[row, max(0, len(panel.dates) - before.size) :] if before.size else before
    before[before.size - observed.size :] = observed
    missing = np.flatnonzero(np.isnan(before))
    if missing.size:
        usual = SeasonalNaive().forecast(panel.rows(slice(row, row + 1)), 7)
        weekday = (missing - before.size) % 7  # the last day before the forecast is a week before its seventh
        mean = np.concatenate((usual.mean[0, weekday], mean))
        variance = np.concatenate((usual.variance[0, weekday], variance))
    drawn = _draw(mean, variance, share, rng)
    days = np.tile(before, (PATHS, 1))
    days[:, missing] = drawn[:, : missing.size]
    total = np.cumsum(np.concatenate((np.zeros((PATHS, 1)), days, drawn[:, missing.size :]), axis=1), axis=1)
    return np.asarray(total[:, window_days:] - total[:, :-window_days])


def _draw(mean: Floats, variance: Floats, share: float, rng: np.random.Generator) -> Floats:
    """(PATHS, n_days) correlated negative binomial counts; `mean` and `variance` are (n_days,)."""
    level = rng.standard_normal((PATHS, 1))
    own = rng.standard_normal((PATHS, mean.size))
    u = special.ndtr(np.sqrt(share) * level + np.sqrt(1 - share) * own)
    # One table of the days' distributions is far quicker than 4,000 inversions a day.
    least = int(nb_quantile(1e-9, mean, variance).min())
    most = int(nb_quantile(1 - 1e-9, mean, variance).max())
    table = nb_lower_tail(np.arange(least, most), mean[:, np.newaxis], variance[:, np.newaxis])
    return np.stack([least + np.searchsorted(table[day], u[:, day]) for day in range(mean.size)], axis=1).astype(float)


def _row(panel: Panel, limit: LimitSettings) -> int | None:
    """The row that the limit is about; None: it is not in the panel."""
    match: npt.NDArray[np.bool_] = np.ones(len(panel.labels), dtype=np.bool_)
    for label, value in limit.labels.items():
        match &= (panel.labels[label] == value).to_numpy()
    rows = np.flatnonzero(match)
    return int(rows[0]) if rows.size else None


def _nothing_of(panel: Panel, limit: LimitSettings) -> str:
    """That a limit is on something that nobody has asked for, and what was likely meant."""
    of = " and ".join(f"{label} {value!r}" for label, value in limit.labels.items())
    unknown = [
        (value, known) for label, value in limit.labels.items() if value not in (known := set(panel.labels[label]))
    ]
    near = meant(*unknown[0]) if unknown else ""
    held = f"the limit of {limit.max_requests:g} on {limit.source} is held against nothing"
    return f"{held}: no request has {of}{near}" if of else f"{held}: there are no requests"


def _breach(panel: Panel, forecast: Forecast, row: int, limit: LimitSettings, sums: Floats) -> Breach | None:
    """The breach of one limit; None where it is less likely than was asked."""
    chance = chance_crossed(sums, limit.max_requests)
    if chance[-1] < limit.probability:
        return None
    day = int(np.argmax(chance >= limit.probability))
    low, high = np.quantile(sums[:, day], [(1 - RANGE) / 2, (1 + RANGE) / 2])
    return Breach(
        source=panel.source,
        labels=limit.labels,
        limit=limit.max_requests,
        window_days=limit.window_days,
        day=forecast.dates[day],
        probability=float(chance[-1]),
        expected=float(sums[:, day].mean()),
        low=float(low),
        high=float(high),
        forecaster=str(forecast.forecaster[row]),
        over=_over(panel.counts[row], limit),
    )


def _over(counts: Floats, limit: LimitSettings) -> float | None:
    """The sum of the last window, (n_days,), if all of it is known and it is above the limit."""
    last = counts[-limit.window_days :]
    known = last.size == limit.window_days and np.isfinite(last).all()
    return float(last.sum()) if known and last.sum() > limit.max_requests else None
