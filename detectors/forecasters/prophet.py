"""Prophet: a trend that bends, a week, a year, and the holidays and events of the panel's calendar.

    z_t = trend(t) + week(t) + year(t) + holiday(t) + error_t        z = sqrt(count + 3/8), see square_root.py

Good for busy series with a strong year and with holidays of their own habit. It follows a change of level slowly, and
a fit takes 0.2 s. Its holidays come from the panel's calendar, the one that every other method uses.

Prophet draws its range at random. The same variance is written down here instead: new bends of the trend
come as a Poisson process with rate S (bends in the history, per length of the history) and Laplace-distributed
size with scale lambda (mean absolute bend in the history), so at h lengths of the history ahead

    variance = sigma² + S * 2 lambda² * h³ / 3

References:
    Taylor & Letham (2018), Am Stat 72, 37-45.
"""

import logging
import warnings
from dataclasses import dataclass
from functools import partial

import cmdstanpy
import numpy as np
import pandas as pd
from prophet import Prophet

from detectors.forecasters.per_series import per_series
from detectors.forecasters.ranges import all_named, coming_days, forecast_of_counts
from detectors.forecasters.square_root import from_root, to_root
from forewarn.calendar import Dates, EventKind
from forewarn.panel import Floats, Panel
from forewarn.results import Forecast

cmdstanpy.utils.get_logger().setLevel(logging.WARNING)  # it tells of every fit; importing it sets its level
logging.getLogger("prophet").setLevel(logging.WARNING)


@dataclass(frozen=True)
class ProphetForecaster:
    """See the module.

    Args:
        history_days: Days that are fitted: three years.
        min_days: Observed days below which there is no forecast; 8 weeks.
        yearly_after_days: Length of history from which the year is modelled; two years tell a season from chance.
        seed: Of the optimiser, so that a fit can be repeated.
    """

    history_days: int = 1096
    min_days: int = 56
    yearly_after_days: int = 730
    seed: int = 1
    name: str = "prophet"

    def forecast(self, panel: Panel, horizon: int) -> Forecast:
        """Raises ValueError where `horizon` is below 1."""
        recent = slice(max(0, len(panel.dates) - self.history_days), None)
        dates = panel.dates[recent]
        holidays = _holiday_table(panel, np.concatenate((dates, coming_days(panel, horizon))))
        mean, variance = per_series(
            partial(self._fit_one, dates, holidays), panel, horizon, min_days=self.min_days, forecaster=self.name
        )
        return forecast_of_counts(panel, all_named(panel, self.name), mean, variance)

    def _fit_one(
        self, dates: Dates, holidays: pd.DataFrame | None, counts: Floats, horizon: int
    ) -> tuple[Floats, Floats]:
        z = to_root(counts[-len(dates) :])
        days = pd.DataFrame({"ds": pd.to_datetime(dates), "y": z})
        first, last = np.flatnonzero(np.isfinite(z))[[0, -1]]
        model = Prophet(
            holidays=holidays,
            weekly_seasonality=True,
            yearly_seasonality=bool(last - first + 1 >= self.yearly_after_days),
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        coming = pd.DataFrame({"ds": pd.to_datetime(dates[-1] + np.arange(1, horizon + 1))})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # prophet calls pandas in ways that pandas 4 ends
            predicted = model.fit(days, seed=self.seed).predict(coming)
        days_ahead = len(z) - 1 - last + np.arange(1.0, horizon + 1)
        return from_root(predicted["yhat"].to_numpy(), _variance(model, days_ahead / (last - first)))


def _variance(model: Prophet, ahead: Floats) -> Floats:
    """Variance on the scale of the fit, at `ahead` lengths of the history after its end."""
    bends = model.params["delta"]
    trend = bends.size * 2 * np.abs(bends).mean() ** 2 * ahead**3 / 3
    scaled = model.params["sigma_obs"].item() ** 2 + trend
    return np.asarray(scaled * np.asarray(model.y_scale, dtype=np.float64) ** 2)


def _holiday_table(panel: Panel, days: Dates) -> pd.DataFrame | None:
    """What the calendar knows of `days`, as prophet takes it: holidays by name, all else by kind; None: nothing."""
    rows = [(day, name) for day, name in zip(days, panel.calendar.holiday_names(days), strict=True) if name]
    for kind in (EventKind.CLOSURE, EventKind.EVENT, EventKind.SCHOOL_HOLIDAY):
        rows += [(day, kind.value) for day in days[panel.calendar.event_names(days, kind) != ""]]
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["ds", "holiday"])
    return table.assign(ds=pd.to_datetime(table["ds"]))
