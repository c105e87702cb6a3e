"""Is today far from what a forecaster expected? Makes a detector of any forecaster.

    limit = largest count y with P(Y >= y) >= alpha,   Y ~ NB(mean, variance) of the forecast for that day

Days are judged in blocks of `refit_days`: the forecaster is fitted to the days before a block and forecasts
it, so a day is judged on a forecast of 1 to `refit_days` days ahead. Blocks begin on fixed civil days (each Monday
where `refit_days` is 7), so that a day's verdict does not depend on how many other days are judged with it.

Use it to hold a model such as prophet against `scan`, which is hundreds of times quicker. A surge that goes
on raises its own limit from the next block on. The forecast's variance is the model's own, not calibrated
that far out: expect several times as many alarms as `alpha` says on series with rare outbursts.
"""

from dataclasses import dataclass

import numpy as np

from detectors.verdict import count_verdict
from forewarn.contracts import Forecaster
from forewarn.panel import Panel
from forewarn.results import Detection

MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True)
class Exceedance:
    """See the module.

    Args:
        forecaster: Says what is expected.
        alpha: Tail probability of an alarm.
        refit_days: Days that one fit serves; 1 fits anew for each judged day.

    Raises:
        ValueError: `refit_days` is below 1.
    """

    forecaster: Forecaster
    alpha: float = 0.001
    refit_days: int = 7

    def __post_init__(self) -> None:
        if self.refit_days < 1:
            raise ValueError(f"refit_days must be 1 or more, found {self.refit_days}")

    @property
    def name(self) -> str:
        return f"exceedance-{self.forecaster.name}"

    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the last `last` days of every series; NaN where the history before them is too short."""
        n_series, n_days = panel.counts.shape
        first = n_days - last
        mean = np.full((n_series, last), np.nan)
        variance = mean.copy()
        blocks = (panel.dates - MONDAY).astype(np.int64) // self.refit_days  # (n_days,)
        for block in np.unique(blocks[first:]):
            start, end = np.flatnonzero(blocks == block)[[0, -1]] + [0, 1]
            if start > 0:
                forecast = self.forecaster.forecast(panel.until(int(start)), int(end - start))
                judged = slice(max(start, first), end)
                answer = slice(judged.start - first, end - first)
                mean[:, answer] = forecast.mean[:, judged.start - start :]
                variance[:, answer] = forecast.variance[:, judged.start - start :]
        return count_verdict(
            self.name,
            panel,
            observed=panel.counts[:, first:],
            mean=mean,
            variance=variance,
            alpha=self.alpha,
        )
