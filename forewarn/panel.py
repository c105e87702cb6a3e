"""Counts of many series over the same days, and what detectors and forecasters say about them.

All matrices have one row a series and one column a day; they are checked here and nowhere else.
"""

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Spans:
    """The days up to the judged one that, taken together, are furthest out of the ordinary.

    Args:
        steps: (n_series, n_judged) of int, length of the span; 1: the judged day alone.
        observed, expected, low, high: As in `Detection`, but summed over the span.
        limit: Largest (of a rise) or smallest (of a fall) count of the span that raises no alarm.
    """

    steps: npt.NDArray[np.int64]
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    limit: Floats


@dataclass(frozen=True)
class Detection:
    """A method's verdict on the last days of a panel.

    Every matrix is (n_series, n_judged), in requests in `window_days` days; NaN: no verdict.

    Args:
        detector: Name of the method.
        panel: The panel that was judged, whole.
        observed: Counts of the judged days.
        expected: Mean of an ordinary day.
        low, high: Range in which 95 % of ordinary days lie.
        limit: Largest count that raises no alarm.
        lower_limit: Smallest count that raises no alarm of a drop; below 0 where none could.
        upper_tail: P(Y >= observed) on an ordinary day; lower_tail: P(Y <= observed).
        window_days: Steps (days, unless the panel has others) that each number sums, the judged one being the last.
        rise, fall: The spans that make the upper and the lower tail; None: the judged day alone does.
        earlier: (n_series, n_earlier) expected of the days before the first judged one, where spans reach back to them.
        weather: By how much the weather multiplies the expected, beside that usual at this time of the year; None: not
            watched.
    """

    detector: str
    panel: Panel
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    limit: Floats
    lower_limit: Floats
    upper_tail: Floats
    lower_tail: Floats
    window_days: int = 1
    rise: Spans | None = None
    fall: Spans | None = None
    earlier: Floats | None = None
    weather: Floats | None = None

    def __post_init__(self) -> None:
        shape = (len(self.panel.labels), self.observed.shape[1])
        for name in (
            "observed",
            "expected",
            "low",
            "high",
            "limit",
            "lower_limit",
            "upper_tail",
            "lower_tail",
        ):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, found {getattr(self, name).shape}")

    @property
    def dates(self) -> Dates:
        """(n_judged,) the judged days."""
        return self.panel.dates[len(self.panel.dates) - self.observed.shape[1] :]

    def over(self, column: int, steps: int) -> tuple[Floats, Floats]:
        """(n_series,) observed and expected of the judged day at `column` and the `steps` - 1 days before it together.

        Days that were not observed count for neither.
        """
        if steps == 1:
            return self.observed[:, column], self.expected[:, column]
        earlier = self.expected[:, :0] if self.earlier is None else self.earlier
        expected = np.concatenate([earlier, self.expected], axis=1)
        end = earlier.shape[1] + column + 1
        expected = expected[:, max(end - steps, 0) : end]
        stop = len(self.panel.dates) - self.observed.shape[1] + column + 1
        observed = self.panel.counts[:, stop - expected.shape[1] : stop]
        known = ~np.isnan(observed + expected)
        return (np.where(known, observed, 0.0).sum(axis=1), np.where(known, expected, 0.0).sum(axis=1))

    @property
    def known_share(self) -> Floats:
        """(n_series, n_judged) share of the judged day's requests that is known by now; 1: complete."""
        n_judged = self.observed.shape[1]
        completeness = self.panel.completeness
        return np.ones_like(self.observed) if completeness is None else completeness.last(n_judged).mean

    @property
    def score(self) -> Floats:
        """(n_series, n_judged) 0 at the expected count, 1 at the limit; an alarm is a score above 1."""
        room = np.where(self.limit > self.expected, self.limit - self.expected, 1.0)
        return np.asarray(np.where(np.isnan(self.expected), np.nan, (self.observed - self.limit) / room + 1.0))

    def alarms(self) -> npt.NDArray[np.bool_]:
        """(n_series, n_judged) true where the count is above its limit."""
        return np.asarray(self.observed > self.limit)

    def drops(self) -> npt.NDArray[np.bool_]:
        """(n_series, n_judged) true where the count is below its lower limit."""
        return np.asarray(self.observed < self.lower_limit)


@dataclass(frozen=True)
class Forecast:
    """What the coming days should bring.

    Args:
        forecaster: (n_series,) name of the method that serves each series; '' where none does.
        dates: (horizon,) days after the panel's last.
        labels: As in the panel.
        mean, variance: (n_series, horizon), requests a day; NaN where the history is too short.
        low, high: (n_series, horizon), 80 % range.
        level_share: (n_series,) correlation of the errors of two days of the horizon, 0 to 1, as back-tested: how
            far the days are wrong together. None: not back-tested.
    """

    forecaster: Names
    dates: Dates
    labels: pd.DataFrame
    mean: Floats
    variance: Floats
    low: Floats
    high: Floats
    level_share: Floats | None = None

    def __post_init__(self) -> None:
        shape = (len(self.labels), len(self.dates))
        for name in ("mean", "variance", "low", "high"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, found {getattr(self, name).shape}")
        if self.forecaster.shape != shape[:1]:
            raise ValueError(f"forecaster must have shape {shape[:1]}, found {self.forecaster.shape}")


@dataclass(frozen=True)
class ClusterCell:
    """What one series has to do with a cluster: requests in the cluster's window."""

    labels: Mapping[str, str]
    observed: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Cluster:
    """Requests that rose together, in some areas or of some categories, over the last days.

    Args:
        source: Name of the source.
        day: The judged day, the last of the window.
        window_days: Days since it began.
        topics: What rose: labels without the area, such as `{"category": "Rats"}`.
        areas: Where.
        observed, expected: Requests of these topics in these areas in the window; `low` and `high`: the range of 95 %
            of ordinary windows.
        limit: Largest count that is no cluster; NaN where no single number says so, with several topics.
        tail: Chance that an ordinary day shows one at least as unusual among `areas`, whatever its window.
        scans: Scans a day among which false alarms are spread: about once in 1 / (tail · scans) days.
        cells: The series it is made of, the largest excess first.
        history: Requests of these topics in these areas on the last days, a day each, NaN where not observed; the
            judged day is the last. `usual`: likewise, what was expected.
    """

    source: str
    day: np.datetime64
    window_days: int
    topics: Sequence[Mapping[str, str]]
    areas: Sequence[str]
    observed: float
    expected: float
    low: float
    high: float
    limit: float
    tail: float
    scans: int
    cells: Sequence[ClusterCell]
    history: Floats
    usual: Floats


@dataclass(frozen=True)
class Breach:
    """A forecast volume limit that is likely to be crossed.

    Args:
        source: Name of the source.
        labels: Which series, such as `{"category": "Rats"}`; empty for the whole source.
        limit: Requests that can be handled in `window_days` days.
        window_days: Length of the sum that is held against the limit.
        day: First day on which the chance of having crossed the limit reaches the asked probability.
        probability: Chance that the limit is crossed within the horizon, 0 to 1.
        expected: Mean of the window's sum that ends on `day`; `low` and `high` its 80 % range.
        forecaster: Method that was used.
    """

    source: str
    labels: Mapping[str, str]
    limit: float
    window_days: int
    day: np.datetime64
    probability: float
    expected: float
    low: float
    high: float
    forecaster: str
