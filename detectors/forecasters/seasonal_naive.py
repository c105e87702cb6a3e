"""The same as on the last same weekdays: the plain model that any other must beat.

    mean_w     = mean of the last k observed counts on weekday w
    phi        = max(1, sum over w of scatter around mean_w / sum over w of (k_w - 1) * mean_w)
    variance_w = phi * mean_w * (1 + 1 / k_w)

It follows a change of level within k weeks, knows neither the time of year nor growth, and lags behind both by
k / 2 weeks. The dispersion `phi` is taken over all weekdays together, as the scatter of k counts alone would be
too uncertain. All series are done at once.

References:
    Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from dataclasses import dataclass

import numpy as np

from detectors.forecasters.holidays import ordinary_counts, put_holidays_back
from detectors.forecasters.ranges import all_named, coming_days, forecast_of_counts
from forewarn.panel import Floats, Panel
from forewarn.results import Forecast


@dataclass(frozen=True)
class SeasonalNaive:
    """See the module.

    Args:
        weeks: Same weekdays averaged. 8 is two months: short enough to follow the season.
        search_weeks: How far back they are looked for when days are missing.
        min_weeks: Same weekdays that must have been observed; fewer give NaN.
    """

    weeks: int = 8
    search_weeks: int = 16
    min_weeks: int = 3
    name: str = "seasonal-naive"

    def forecast(self, panel: Panel, horizon: int) -> Forecast:
        """Raises ValueError where `horizon` is below 1."""
        if horizon < 1:
            raise ValueError(f"horizon must be 1 or more days, found {horizon}")
        past = self._last_same_weekdays(panel)  # (n_series, search_weeks, 7)
        used = np.isfinite(past)
        k = used.sum(axis=1)  # (n_series, 7)
        enough = k >= self.min_weeks
        mean = np.where(used, past, 0.0).sum(axis=1) / np.maximum(k, 1)
        scatter = np.where(used, (past - mean[:, np.newaxis, :]) ** 2, 0.0).sum(axis=(1, 2))
        expected = (np.maximum(k - 1, 0) * mean).sum(axis=1)
        phi = np.maximum(scatter / np.where(expected > 0, expected, 1.0), 1.0)
        variance = phi[:, np.newaxis] * mean * (1 + 1 / np.maximum(k, 1))
        days_ahead = np.arange(horizon) % 7  # column 0 is the weekday of the first coming day
        mean = np.where(enough, mean, np.nan)[:, days_ahead]
        variance = np.where(enough, variance, np.nan)[:, days_ahead]
        put_holidays_back(panel, coming_days(panel, horizon), mean, variance)
        return forecast_of_counts(panel, all_named(panel, self.name), mean, variance)

    def _last_same_weekdays(self, panel: Panel) -> Floats:
        """(n_series, search_weeks, 7) ordinary counts of the last weeks, oldest first; NaN beyond the last `weeks`."""
        n_series, n_days = panel.counts.shape
        days = np.full((n_series, self.search_weeks * 7), np.nan)
        width = min(n_days, days.shape[1])
        days[:, days.shape[1] - width :] = ordinary_counts(panel)[:, n_days - width :]
        past = days.reshape(n_series, self.search_weeks, 7)
        seen_since = np.isfinite(past)[:, ::-1].cumsum(axis=1)[:, ::-1]
        past[seen_since > self.weeks] = np.nan
        return past
