"""What came in, cell by cell: the counts of one source before they are laid out as panels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from forewarn.calendar import Dates
from forewarn.panel import LABELS

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Blank:
    """Days on which the counts with these labels say nothing, as before a category began; both ends included."""

    labels: Mapping[str, str]
    first: date
    last: date


@dataclass(frozen=True)
class Entries:
    """Requests of one source by series and day, as they were known at `as_of`. A cell that is not there is 0.

    Args:
        source: Name of the source.
        first_day: Civil day that has the number 0.
        covered: (n_days,) whether a day's zeros are true.
        series: (n_series, 5) of str, columns `LABELS`, '' where unknown; index `series_id`.
        row: (n_cells,) row of `series`, as are the next two.
        day: Days since `first_day`.
        count: Requests, at least 0.
        as_of: Aware instant.
    """

    source: str
    first_day: date
    covered: npt.NDArray[np.bool_]
    series: pd.DataFrame
    row: Integers
    day: Integers
    count: Integers
    as_of: datetime

    def __post_init__(self) -> None:
        if not len(self.row) == len(self.day) == len(self.count):
            raise ValueError("row, day and count must be of one length")
        if list(self.series.columns) != list(LABELS):
            raise ValueError(f"series need the columns {LABELS}, found {list(self.series.columns)}")

    @property
    def dates(self) -> Dates:
        """(n_days,) datetime64[D]."""
        return np.datetime64(self.first_day, "D") + np.arange(len(self.covered))

    def without(self, withheld: Integers) -> "Entries":
        """The same without so many requests of each cell, (n_cells,)."""
        return replace(self, count=np.maximum(self.count - withheld, 0))

    def date_of(self, day: int) -> date:
        """The civil day with this number."""
        return self.first_day + timedelta(days=day)

    def codes(self, *names: str) -> tuple[Integers, Sequence[tuple[str, ...]]]:
        """(n_cells,) which combination of these labels each cell has, and the combinations."""
        keys = list(zip(*(self.series[name] for name in names), strict=True))
        code, distinct = pd.factorize(pd.Series(keys, dtype=object))
        return np.asarray(code, dtype=np.int64)[self.row], list(distinct)
