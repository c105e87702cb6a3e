"""How large has a statistic been on ordinary days of its own past?"""

import numpy as np

from forewarn.panel import Floats

PAST_DAYS = 364
"""A year, so that every season is in it."""
STEP_DAYS = 7
"""The past is looked at on one fixed day of each week of the calendar: nearly as good as every day."""
LEAST_DAYS = 20
"""With fewer days the past says nothing."""
UPPER = 0.25
"""The tail is learnt from this share of the days."""
POOLED = 10.0
"""Weight of what all scans of a source have in common, in days."""
GUMBEL_SCALE = 0.8
"""Scale of the tail if requests were independent; a real one is never lighter."""


class Past:
    """Exponential tails of several scans' statistics.

        P(X >= x) = UPPER · exp(-(x - quantile) / scale)   above the upper quarter's edge, otherwise 1

    The scale is the median excess over the edge, which one wild week does not move, drawn towards that of all scans.

    Args:
        peaks: (n_days, n_scans) statistics of past days.
    """

    def __init__(self, peaks: Floats) -> None:
        self.enough = len(peaks) >= LEAST_DAYS
        if not self.enough:
            return
        self.edge = np.quantile(peaks, 1 - UPPER, axis=0)
        over = np.where(peaks > self.edge, peaks - self.edge, np.nan)
        n_over = np.count_nonzero(peaks > self.edge, axis=0)
        if not n_over.any():
            self.scale = np.full(len(self.edge), GUMBEL_SCALE)
            return
        over[0, n_over == 0] = 0.0  # a scan without any requests
        common = np.nanmedian(over[:, n_over > 0]) / np.log(2)
        own = np.nanmedian(over, axis=0) / np.log(2)
        self.scale = np.maximum((n_over * own + POOLED * common) / (n_over + POOLED), GUMBEL_SCALE)

    def tail(self, scan: int, value: float) -> float:
        """P(X >= value) of one scan; 0 if the past is too short to say."""
        if not self.enough:
            return 0.0
        above = value - float(self.edge[scan])
        return UPPER * float(np.exp(-above / self.scale[scan])) if above > 0 else 1.0

    def value(self, scan: int, tail: float) -> float:
        """The statistic whose `tail`, at most `UPPER`, is this one; 0 if the past is too short to say."""
        return float(self.edge[scan] + self.scale[scan] * np.log(UPPER / tail)) if self.enough else 0.0
