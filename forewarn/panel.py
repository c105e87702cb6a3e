"""Counts of many series over the same days.

All matrices have one row a series and one column a day; they are checked here and nowhere else.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from forewarn.calendar import Calendar, Dates
from forewarn.weather import Weather

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

LABELS = ("agency", "category", "subcategory", "area", "channel")
"""What a series may be told apart by. A level is a subset of them, () being the whole source."""

Level = tuple[str, ...]

DAY = np.timedelta64(1, "D")
HOUR = np.timedelta64(1, "h")
WEEK = np.timedelta64(7, "D")
YEAR = np.timedelta64(364, "D")

SETTLED = 0.98
"""Share of a day's requests from which on the day counts as complete."""

LEAST_LEARNT = 0.5
"""Share of a day's requests below which nothing is learnt from the day."""


@dataclass(frozen=True)
class Completeness:
    """How much of the last days' requests is known by now.

    Args:
        mean: (n_series, n_recent) share that is known of each of the panel's last days; slightly above 1 where
            requests are withdrawn later. NaN: too little is known to judge the day.
        variance: (n_series, n_recent) of this share.
    """

    mean: Floats
    variance: Floats

    def last(self, n_days: int) -> "Completeness":
        """The same for exactly `n_days` last days; earlier ones are complete."""
        missing = max(n_days - self.mean.shape[1], 0)
        rows = len(self.mean)
        mean = np.hstack([np.ones((rows, missing)), self.mean[:, max(self.mean.shape[1] - n_days, 0) :]])
        variance = np.hstack([np.zeros((rows, missing)), self.variance[:, max(self.variance.shape[1] - n_days, 0) :]])
        return Completeness(mean, variance)

    def without_last(self, n_days: int) -> "Completeness":
        """The same for a panel that ends `n_days` days earlier."""
        kept = max(self.mean.shape[1] - n_days, 0)
        return Completeness(self.mean[:, :kept], self.variance[:, :kept])

    def rows(self, index: npt.NDArray[np.int64] | slice) -> "Completeness":
        """The same with only the rows at `index`."""
        return Completeness(self.mean[index], self.variance[index])

    @property
    def open_days(self) -> int:
        """Number of last days, from the first on of which some series is not settled."""
        unsettled = np.flatnonzero(~(self.mean >= SETTLED).all(axis=0))
        return self.mean.shape[1] - int(unsettled[0]) if unsettled.size else 0


@dataclass(frozen=True)
class Panel:
    """Counts of one source at one level, as they were known at `as_of`.

    Args:
        counts: (n_series, n_days); NaN: not observed, 0: observed and none. Made read-only.
        dates: (n_days,) consecutive days, datetime64[D]; or where each step begins on the civil clock, datetime64[h] if
            steps are no whole days.
        labels: (n_series, len(level)) of str; index `series_id`, columns a subset of `LABELS`.
        as_of: Aware instant at which these counts were known.
        source: Name of the source in the settings.
        calendar: Holidays and events of the place.
        completeness: How much of the last days is known by now; None: all days are complete.
        title: What people call the source; '': its name.
        step: Time that a count covers: a day, some days, or hours of which a whole number makes a day.
        weather: Weather of the place on the same days, where steps are days; None: it is not watched.
    """

    counts: Floats
    dates: Dates
    labels: pd.DataFrame
    as_of: datetime
    source: str = ""
    calendar: Calendar = field(default_factory=Calendar)
    completeness: Completeness | None = None
    title: str = ""
    step: np.timedelta64 = DAY
    weather: Weather | None = None

    def __post_init__(self) -> None:
        counts = np.ascontiguousarray(self.counts, dtype=np.float64)
        step = _checked(self.step)
        dates = np.asarray(self.dates).astype(f"datetime64[{np.datetime_data(step)[0]}]")
        if counts.ndim != 2 or dates.ndim != 1:
            raise ValueError(f"counts must be (n_series, n_days), found shape {counts.shape}")
        if counts.shape != (len(self.labels), len(dates)):
            raise ValueError(f"counts {counts.shape} need {len(self.labels)} labels and {len(dates)} dates")
        if (np.diff(dates) != step).any():
            raise ValueError("dates must be consecutive days" if step == DAY else f"dates must be consecutive: {step}")
        if (counts < 0).any() or np.isinf(counts).any():
            raise ValueError("counts must not be negative or infinite")
        if unknown := set(self.labels.columns) - set(LABELS):
            raise ValueError(f"unknown labels {sorted(unknown)}; allowed: {LABELS}")
        if self.completeness is not None:
            n_series, n_recent = self.completeness.mean.shape
            if n_series != len(counts) or n_recent > len(dates):
                raise ValueError(f"completeness {(n_series, n_recent)} for counts {counts.shape}")
        if self.weather is not None and (step != DAY or len(self.weather.high) != len(dates)):
            raise ValueError(f"weather of {len(self.weather.high)} days for {len(dates)} dates, {step} apart")
        counts.flags.writeable = False
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "dates", dates)
        object.__setattr__(self, "step", step)

    @property
    def step_days(self) -> int:
        """Whole days that a count covers; 1 for a part of a day, too."""
        return max(int(self.step / DAY), 1)

    @property
    def level(self) -> Level:
        """The labels that tell the series apart; () for the whole source."""
        return tuple(str(column) for column in self.labels.columns)

    @property
    def first_observed(self) -> int:
        """Position of the first day on which any series was observed; the number of days if none was."""
        observed = np.flatnonzero((~np.isnan(self.counts)).any(axis=0))
        return int(observed[0]) if observed.size else len(self.dates)

    @cached_property
    def last_year(self) -> tuple[Floats, Floats]:
        """(n_series,) mean and variance of a step's count in the last 364 days, of what was observed and one more."""
        counts = self.counts[:, -max(int(YEAR / self.step), 1) :]
        known = ~np.isnan(counts)
        steps = known.sum(axis=1)
        mean = (np.where(known, counts, 0.0).sum(axis=1) + 1) / (steps + 1)
        squared = np.where(known, (counts - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return mean, squared / np.maximum(steps, 1)

    @property
    def completed(self) -> Floats:
        """(n_series, n_days) counts as they are likely to be once the last days are complete, to learn from.

        What is known of a day is divided by the share that it is; NaN where that share is below `LEAST_LEARNT`.
        """
        if self.completeness is None:
            return self.counts
        share = self.completeness.mean
        recent = slice(len(self.dates) - share.shape[1], None)
        completed = self.counts.copy()
        certain = np.where(share >= SETTLED, 1.0, np.where(share >= LEAST_LEARNT, share, np.nan))
        completed[:, recent] /= certain
        completed.flags.writeable = False
        return completed

    @property
    def whole(self) -> "Panel":
        """The same panel with `completed` counts, for methods that look ahead and judge no day."""
        return replace(self, counts=self.completed, completeness=None)

    @property
    def settled(self) -> "Panel":
        """The same panel with days that are not complete as not observed, for methods that know of no delay."""
        if self.completeness is None:
            return self
        share = self.completeness.mean
        counts = self.counts.copy()
        counts[:, len(self.dates) - share.shape[1] :][~(share >= SETTLED)] = np.nan
        return replace(self, counts=counts, completeness=None)

    def until(self, n_days: int) -> "Panel":
        """The same panel cut after its first `n_days` days."""
        completeness = self.completeness and self.completeness.without_last(len(self.dates[n_days:]))
        weather = self.weather and self.weather.on(slice(n_days))
        return replace(
            self,
            counts=self.counts[:, :n_days],
            dates=self.dates[:n_days],
            completeness=completeness,
            weather=weather,
        )

    def rows(self, index: npt.NDArray[np.int64] | slice) -> "Panel":
        """The same panel with only the rows at `index`."""
        completeness = self.completeness and self.completeness.rows(index)
        return replace(self, counts=self.counts[index], labels=self.labels.iloc[index], completeness=completeness)


def _checked(step: np.timedelta64) -> np.timedelta64:
    """The step in days if it is whole days, otherwise in hours."""
    if step > np.timedelta64(0) and not step % DAY:
        return np.timedelta64(int(step / DAY), "D")
    if not HOUR <= step < DAY or step % HOUR or DAY % step:
        raise ValueError(f"a step must be whole days, or hours of which a whole number makes a day; found {step}")
    return np.timedelta64(int(step / HOUR), "h")
