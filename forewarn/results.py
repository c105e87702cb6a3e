"""What detectors and forecasters say about the series of a panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forewarn.calendar import Dates
from forewarn.panel import Floats, Names, Panel


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
        over: Requests of the last window that is known as a whole, where they are above the limit already.
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
    over: float | None = None
