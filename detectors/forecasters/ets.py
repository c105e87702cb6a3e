"""Exponential smoothing with a weekly season: the level follows the recent past as fast as the series asks for.

    z_t = level_{t-1} + season_{t-7} + error_t        z = sqrt(count + 3/8), see square_root.py

The speeds of level and season are fitted by maximum likelihood (statsmodels ETSModel, additive error and season, no
trend). Good where the level wanders; blind to the time of year, so a forecast of more than some weeks into a
changing season is better left to prophet. A public holiday is not learned from, see holidays.py. Missing days
are filled from the same weekdays beside them.

References:
    Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing, model (A,N,A).
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from detectors.forecasters.holidays import ordinary_counts, put_holidays_back
from detectors.forecasters.per_series import per_series
from detectors.forecasters.ranges import all_named, coming_days, forecast_of_counts
from detectors.forecasters.square_root import from_root, to_root
from forewarn.panel import Floats, Panel
from forewarn.results import Forecast


@dataclass(frozen=True)
class Ets:
    """See the module.

    Args:
        history_days: Days that are fitted: two years. One year was 2 % worse on real cities, three no better.
        min_days: Observed ordinary days below which there is no forecast; 8 weeks.
    """

    history_days: int = 730
    min_days: int = 56
    name: str = "ets"

    def forecast(self, panel: Panel, horizon: int) -> Forecast:
        """Raises ValueError where `horizon` is below 1."""
        ordinary = replace(panel, counts=ordinary_counts(panel))
        mean, variance = per_series(self._fit_one, ordinary, horizon, min_days=self.min_days, forecaster=self.name)
        put_holidays_back(panel, coming_days(panel, horizon), mean, variance)
        return forecast_of_counts(panel, all_named(panel, self.name), mean, variance)

    def _fit_one(self, counts: Floats, horizon: int) -> tuple[Floats, Floats]:
        z = to_root(filled(counts[-self.history_days :]))
        with warnings.catch_warnings():
            # A search that stopped early still gives usable speeds; the back-test judges what they are worth.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = ETSModel(z, error="add", seasonal="add", seasonal_periods=7).fit(disp=False)
        mean = np.asarray(fitted.forecast(horizon))
        speed = np.full(horizon, fitted.smoothing_level)
        speed[6::7] += fitted.smoothing_seasonal  # an error comes back with its weekday
        variance = fitted.mse * np.concatenate(([1.0], 1.0 + np.cumsum(speed[:-1] ** 2)))
        return from_root(mean, variance)


def filled(counts: Floats) -> Floats:
    """`counts` (n_days,) with each NaN interpolated between the observed same weekdays beside it.

    Raises:
        ValueError: A weekday was never observed.
    """
    result = counts.copy()
    for first in range(7):
        same = result[first::7]
        seen = np.flatnonzero(np.isfinite(same))
        if not seen.size:
            raise ValueError("a weekday was never observed")
        result[first::7] = np.interp(np.arange(same.size), seen, same[seen])
    return result
