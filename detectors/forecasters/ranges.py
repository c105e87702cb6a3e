"""From a model's mean and variance to a forecast of counts."""

import numpy as np

from detectors.limits import nb_quantile
from forewarn.calendar import Dates
from forewarn.panel import Floats, Names, Panel
from forewarn.results import Forecast

RANGE = 0.8
"""Share of days that a forecast's range should hold."""


def coming_days(panel: Panel, horizon: int) -> Dates:
    """(horizon,) the days after the panel's last."""
    return np.asarray(panel.dates[-1] + np.arange(1, horizon + 1))


def forecast_of_counts(
    panel: Panel, names: Names, mean: Floats, variance: Floats, level_share: Floats | None = None
) -> Forecast:
    """Forecast with a negative binomial range around `mean`.

    The mean is never below half a request in the whole history, so that a series without any request is not
    taken for one that can have none. The variance is never below the mean, as counts are at best Poisson.

    Args:
        names: (n_series,) the method of each series; '' where none could serve it.
        mean, variance: (n_series, horizon); a row is NaN where no forecast could be made.
    """
    observed_days = np.isfinite(panel.counts).sum(axis=1, keepdims=True)
    mean = np.maximum(mean, 0.5 / np.maximum(observed_days, 1))
    variance = np.maximum(variance, mean)
    return Forecast(
        forecaster=names,
        dates=coming_days(panel, mean.shape[1]),
        labels=panel.labels,
        mean=mean,
        variance=variance,
        low=nb_quantile((1 - RANGE) / 2, mean, variance),
        high=nb_quantile((1 + RANGE) / 2, mean, variance),
        level_share=level_share,
    )


def all_named(panel: Panel, name: str) -> Names:
    """(n_series,) the same name for every series."""
    return np.full(len(panel.labels), name)
