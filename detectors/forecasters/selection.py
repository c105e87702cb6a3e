"""Which forecaster serves a series, how wide its range must be, and the forecast itself.

Each forecaster forecasts the last blocks of each series' own history, knowing only the days before (rolling origin).
It is calibrated on these held-out days, then scored by

    score = mean pinball loss at 10, 50 and 90 %

on the days that every candidate forecast; the lowest score serves, the name listed first on a tie. So the
first name should be the plainest method. It also serves where the history is too short for a back-test.

Cost: origins + 1 fits a series and forecaster. Costly models are tried on the busiest series only, see `REACH`.

References:
    Tashman (2000), Int J Forecast 16, 437-450 (rolling origin).
    Gneiting & Raftery (2007), J Am Stat Assoc 102, 359-378 (quantile scores are proper).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.forecasters import forecaster_for
from detectors.forecasters.calibration import held_out_z, level_share, variance_factor
from detectors.forecasters.ranges import RANGE, forecast_of_counts
from detectors.limits import nb_quantile
from forewarn.contracts import Forecaster
from forewarn.panel import Floats, Names, Panel
from forewarn.results import Forecast

ORIGINS = 4
"""Held-out blocks: with 28 days each, the last 16 weeks."""
VOLUME_DAYS = 365
"""Days over which a series' volume is taken."""
SCORED_LEVELS = np.array([(1 - RANGE) / 2, 0.5, (1 + RANGE) / 2])


class Reach(NamedTuple):
    """On which series a costly forecaster is tried."""

    min_mean: float  # requests a day
    max_series: int  # the busiest ones


REACH = {"ets": Reach(min_mean=0.5, max_series=400), "prophet": Reach(min_mean=5.0, max_series=20)}
"""Keeps a nightly run within minutes: a fit takes 0.07 s with ets and 0.25 s with prophet. Others reach all series."""


@dataclass(frozen=True)
class Selection:
    """The outcome of a back-test, one element a series.

    Args:
        forecaster: Name of the one that serves; '' where none may.
        factor: By what its variance is multiplied.
        level_share: See `Forecast`.
    """

    forecaster: Names
    factor: Floats
    level_share: Floats


def forecast_panel(panel: Panel, names: Sequence[str], horizon: int) -> Forecast:
    """The calibrated forecast of every series, each by the forecaster that its own history favours.

    Args:
        names: Of `FORECASTERS`, the plainest first.

    Raises:
        ConfigError: A name is not known.
        ValueError: `names` is empty, or `horizon` below 1.
    """
    forecasters = [forecaster_for(name) for name in names]
    selection = select(panel, forecasters, horizon, ORIGINS)
    mean = np.full((len(panel.labels), horizon), np.nan)
    variance = mean.copy()
    for forecaster in forecasters:
        rows = np.flatnonzero(selection.forecaster == forecaster.name)
        if rows.size:
            forecast = forecaster.forecast(panel.rows(rows), horizon)
            mean[rows] = forecast.mean
            variance[rows] = forecast.variance * selection.factor[rows, np.newaxis]
    served = np.where(np.isfinite(mean).all(axis=1), selection.forecaster, "")
    return forecast_of_counts(panel, served, mean, variance, selection.level_share)


def select(panel: Panel, forecasters: Sequence[Forecaster], horizon: int, origins: int) -> Selection:
    """The forecaster of each series by back-test over the last `origins` blocks of `horizon` days.

    Raises:
        ValueError: `forecasters` is empty, or `horizon` or `origins` below 1.
    """
    if not forecasters or horizon < 1 or origins < 1:
        raise ValueError("a selection needs forecasters, and a horizon and origins of 1 or more")
    tried = np.array([_within_reach(panel, forecaster.name) for forecaster in forecasters])
    observed = _held_out(panel, horizon, origins)
    mean = np.full((len(forecasters), *observed.shape), np.nan)
    variance = mean.copy()
    factor = np.ones((len(forecasters), len(observed)))
    z = mean.copy()
    for i, forecaster in enumerate(forecasters):
        rows = np.flatnonzero(tried[i])
        mean[i, rows], variance[i, rows] = _backtest(panel.rows(rows), forecaster, horizon, origins)
        factor[i, rows] = variance_factor(held_out_z(observed[rows], mean[i, rows], variance[i, rows]), mean[i, rows])
        variance[i] *= factor[i, :, np.newaxis, np.newaxis]
        z[i] = held_out_z(observed, mean[i], variance[i])
    best = _scores(observed, mean, variance, tried).argmin(axis=0)  # (n_series,)
    series = np.arange(len(observed))
    names = np.array([forecaster.name for forecaster in forecasters])[best]
    return Selection(
        forecaster=np.where(tried.any(axis=0), names, ""),
        factor=factor[best, series],
        level_share=level_share(z[best, series]),
    )


def _within_reach(panel: Panel, name: str) -> npt.NDArray[np.bool_]:
    """(n_series,) whether the forecaster is tried on each series."""
    if name not in REACH:
        return np.ones(len(panel.labels), dtype=np.bool_)
    recent = panel.counts[:, -VOLUME_DAYS:]
    volume = np.nansum(recent, axis=1) / np.maximum(np.isfinite(recent).sum(axis=1), 1)
    place = np.empty(len(volume), dtype=np.int64)
    place[np.argsort(-volume, kind="stable")] = np.arange(len(volume))
    return np.asarray((volume >= REACH[name].min_mean) & (place < REACH[name].max_series))


def _starts(panel: Panel, horizon: int, origins: int) -> list[tuple[int, int]]:
    """Number and first day of each held-out block that has a history, the newest first."""
    starts = ((i, len(panel.dates) - (i + 1) * horizon) for i in range(origins))
    return [(i, start) for i, start in starts if start > 0]


def _held_out(panel: Panel, horizon: int, origins: int) -> Floats:
    """(n_series, origins, horizon) the counts to be forecast."""
    observed = np.full((len(panel.labels), origins, horizon), np.nan)
    for i, start in _starts(panel, horizon, origins):
        observed[:, i] = panel.counts[:, start : start + horizon]
    return observed


def _backtest(panel: Panel, forecaster: Forecaster, horizon: int, origins: int) -> tuple[Floats, Floats]:
    """Mean and variance that were forecast for the held-out counts; both of their shape."""
    mean = np.full((len(panel.labels), origins, horizon), np.nan)
    variance = mean.copy()
    for i, start in _starts(panel, horizon, origins):
        forecast = forecaster.forecast(panel.until(start), horizon)
        mean[:, i], variance[:, i] = forecast.mean, forecast.variance
    return mean, variance


def _scores(observed: Floats, mean: Floats, variance: Floats, tried: npt.NDArray[np.bool_]) -> Floats:
    """(n_forecasters, n_series) mean pinball loss; infinite where a forecaster may not serve.

    Args:
        observed: (n_series, origins, horizon)
        mean, variance: (n_forecasters, n_series, origins, horizon)
        tried: (n_forecasters, n_series)
    """
    forecast = np.isfinite(mean) & np.isfinite(observed)
    judged = forecast.any(axis=(2, 3)) & tried
    common = np.isfinite(observed) & (forecast | ~judged[:, :, np.newaxis, np.newaxis]).all(axis=0)
    levels = SCORED_LEVELS[:, np.newaxis, np.newaxis, np.newaxis, np.newaxis]
    error = observed - nb_quantile(levels, mean, np.maximum(variance, mean))
    loss = np.maximum(levels * error, (levels - 1) * error).mean(axis=0)
    score = np.where(common, loss, 0.0).sum(axis=(2, 3)) / np.maximum(common.sum(axis=(1, 2)), 1)
    # Without a back-test every score is nothing: the first that was tried serves.
    untested = ~judged.any(axis=0)
    return np.where(judged | (untested & tried), np.where(untested, 0.0, score), np.inf)
