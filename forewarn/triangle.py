"""The reporting triangle: counts of past days as they were known on each day after."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forewarn.calendar import Dates

Known = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Triangle:
    """Counts of one source at one level, each with the history of what was known of it.

    Only days that were watched live from their beginning hold numbers: of what a back-fill brought, nobody knows when
    it was published.

    Args:
        known: (n_series, n_days, n_delays) requests of a day that were known at the end of so many days after it; NaN:
            the source was not read on that day after, or the day was not watched live. Whole numbers.
        dates: (n_days,) consecutive civil days; the last is that of the newest pull.
        labels: (n_series, len(level)) of str, as in a panel.
        day_share: Share of a whole day between the newest pull and the last one of an earlier day, 0 to 1. What is
            known now lies so far between the ends of these two days.
    """

    known: Known
    dates: Dates
    labels: pd.DataFrame
    day_share: float = 1.0

    def __post_init__(self) -> None:
        if self.known.ndim != 3 or self.known.shape[:2] != (len(self.labels), len(self.dates)):
            raise ValueError(
                f"known {self.known.shape} needs {len(self.labels)} labels, {len(self.dates)} dates and delays"
            )
        if not 0 <= self.day_share <= 1:
            raise ValueError(f"day_share must be 0 to 1, found {self.day_share}")

    @property
    def live_days(self) -> int:
        """Number of days that were watched live."""
        return int((~np.isnan(self.known)).any(axis=(0, 2)).sum())
