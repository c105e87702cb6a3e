"""Is this week's total far above the few comparable weeks before, taken exactly? The method Bayes.

    total of the n comparable weeks = s,   prior of the weekly rate: Jeffreys', Gamma(1/2, 0)
    this week ~ negative binomial with mean (s + 1/2) / n and variance mean * (1 + 1/n)

What a Poisson count will be when its rate is known from n weeks only. Small counts and short histories are taken
exactly, so it is a good first judge of a new or rare series. It knows no over-dispersion: where weeks vary more
than chance, it alarms more often than `alpha` says (see docs/methods/bayes.md).

References:
    Riebler (2004), Empirischer Vergleich von statistischen Methoden zur Ausbruchserkennung bei Surveillance Daten.
    Höhle (2007), Comput Stat 22, 571-582 (the R package `surveillance`, `algo.bayes`).
"""

from dataclasses import dataclass

import numpy as np

from detectors.verdict import count_verdict
from detectors.windows import RKI_BAYES, steps_of_week, trailing_totals, trailing_windows
from forewarn.panel import Floats, Panel
from forewarn.results import Detection


def posterior_prediction(baseline: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the negative binomial count that follows `baseline`, of which the last axis is averaged.

    A missing count is left out; with none at all the answer is NaN.
    """
    n = (~np.isnan(baseline)).sum(axis=-1)
    n = np.where(n > 0, n, np.nan)
    mean = (np.nansum(baseline, axis=-1) + 0.5) / n
    return mean, mean * (1 + 1 / n)


@dataclass(frozen=True)
class Bayes:
    """Bayes on the 7-day totals that end on each judged day. Every number of its verdict is a 7-day total.

    Steps of a week or more are their own totals.

    Args:
        alpha: Tail probability of an alarm.
        recent_weeks: Weeks just before that are compared with.
    """

    alpha: float = 0.01
    recent_weeks: int = RKI_BAYES[1].recent

    @property
    def name(self) -> str:
        return "bayes"

    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the 7-day totals that end on the last `last` days; none until all compared weeks are whole."""
        week = steps_of_week(panel.step)
        looked_at = week * (self.recent_weeks + 1) + last
        totals = trailing_totals(panel.counts[:, -looked_at:], week)
        weeks = [trailing_windows(totals, 1, lag=week * back - 1, last=last) for back in range(self.recent_weeks + 1)]
        observed, before = weeks[0][:, :, 0], np.concatenate(weeks[1:], axis=2)
        mean, variance = posterior_prediction(before)
        return count_verdict(
            self.name,
            panel,
            observed=observed,
            mean=np.where(np.isnan(before).any(axis=2), np.nan, mean),
            variance=variance,
            alpha=self.alpha,
            window_days=week,
        )
