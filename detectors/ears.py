"""Is today far above the days just before it? EARS C1, C2 and C3.

    C1: mean and standard deviation (n - 1) of the `baseline_days` days before today
    C2: the same, of the days that end three days before today
    limit = mean + z_alpha * sd
    C3: limit = mean_C2 + (z_alpha - lead) * sd_C2,  lead = sum over the two days before of max(0, C2 - 1)

A rough and quick rule that needs no history to speak of: good for new sources. It knows neither season nor
holidays nor small counts: expect several times as many false alarms as `alpha` says (see docs/methods/ears.md),
and use `scan` as soon as there are eight weeks of history. A C3 lead above z alarms even on a low day,
since the days before were high enough by themselves.

Missing days are left out of the baseline; with more than a quarter of it missing there is no verdict.

References:
    Hutwagner, Thompson, Seeman & Treadwell (2003), J Urban Health 80, i89-i96.
    C3 follows the manual of the R package `surveillance`; its code puts today's count in place of the mean, so
    that today cannot alarm.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from detectors.verdict import normal_verdict
from detectors.windows import trailing_windows
from forewarn.panel import Floats, Panel
from forewarn.results import Detection

C2_LAG_DAYS = 2
"""Days between the baseline of C2 and today: a surge that builds up over three days does not raise its own limit."""


@dataclass(frozen=True)
class Ears:
    """EARS detector.

    Args:
        variant: `c1`, `c2` or `c3`.
        alpha: Tail probability of an alarm.
        baseline_days: Days averaged; 7 covers one of each weekday.
        min_sd: Least standard deviation, so that the first request after a quiet week is no alarm.

    Raises:
        ValueError: `baseline_days` is below 3.
    """

    variant: Literal["c1", "c2", "c3"] = "c1"
    alpha: float = 0.001
    baseline_days: int = 7
    min_sd: float = 0.5

    def __post_init__(self) -> None:
        if self.baseline_days < 3:
            raise ValueError(f"baseline_days must be at least 3, found {self.baseline_days}")

    @property
    def name(self) -> str:
        return f"ears-{self.variant}"

    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the last `last` days of every series."""
        shown = 2 if self.variant == "c3" else 0  # days before the first judged one that C3 looks at
        lag = 0 if self.variant == "c1" else C2_LAG_DAYS
        windows = trailing_windows(panel.counts, self.baseline_days, lag=lag, last=last + shown)
        observed = trailing_windows(panel.counts, 1, lag=-1, last=last + shown)[:, :, 0]
        mean, sd = _mean_and_sd(windows, self.min_sd)
        lead = np.zeros_like(mean)
        if self.variant == "c3":
            lead[:, 2:] = _lead(observed, mean, sd)
            with np.errstate(divide="ignore", invalid="ignore"):
                lead = np.minimum(lead, -ndtri(self.alpha) + mean / sd - 1e-9)  # a day of none never alarms
        observed, mean, sd, lead = (matrix[:, shown:] for matrix in (observed, mean, sd, lead))
        return normal_verdict(self.name, panel, observed=observed, mean=mean, sd=sd, alpha=self.alpha, lead=lead)


def _mean_and_sd(windows: Floats, min_sd: float) -> tuple[Floats, Floats]:
    """(n_series, last) each. Loops over the window, since a copy of all windows would need a lot of memory."""
    length = windows.shape[2]
    days = range(length)
    present = sum((~np.isnan(windows[:, :, day])).astype(np.float64) for day in days)
    enough = present >= 0.75 * length
    n = np.where(enough, present, np.nan)
    mean = sum(np.nan_to_num(windows[:, :, day]) for day in days) / n
    squares = sum(np.nan_to_num((windows[:, :, day] - mean) ** 2) for day in days)
    return np.asarray(mean), np.maximum(np.sqrt(squares / (n - 1)), min_sd)


def _lead(observed: Floats, mean: Floats, sd: Floats) -> Floats:
    """(n_series, last) sum of max(0, C2 - 1) over the two days before each day; a missing day adds nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.maximum((observed - mean) / sd - 1, 0)
    above = np.where(np.isnan(above), 0.0, above)
    return np.asarray(above[:, :-2] + above[:, 1:-1])


@dataclass(frozen=True)
class EarsC1(Ears):
    """C1, as listed in the table of detectors."""

    variant: Literal["c1", "c2", "c3"] = "c1"


@dataclass(frozen=True)
class EarsC2(Ears):
    """C2, as listed in the table of detectors."""

    variant: Literal["c1", "c2", "c3"] = "c2"


@dataclass(frozen=True)
class EarsC3(Ears):
    """C3, as listed in the table of detectors."""

    variant: Literal["c1", "c2", "c3"] = "c3"
