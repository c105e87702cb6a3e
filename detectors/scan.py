"""Has more (or less) come in than weekday, season, holiday and recent level explain, today or in the last days?

Days may as well be hours or weeks (detectors/course.py says how the scan goes along with them).

The expectation is that of detectors/baseline.py. All spans of 1 to 14 days that end on the judged day are looked at
(detectors/spans.py), and the most striking one gets the chance that it has on each series' own history
(detectors/tails.py). The limit is the count of the judged day from which on any of the spans would raise an alarm, the
days before being what they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.baseline import least_dispersion, mean_of
from detectors.course import Course, Courses
from detectors.design import Design, calendar_design
from detectors.foregoing import Foregoing
from detectors.lessons import Lessons, learn
from detectors.memory import RowMemory
from detectors.nowcast import thinned
from detectors.pooling import shrunk_dispersion
from detectors.sheet import Outlook, Sheet
from detectors.spans import Held, span_sums
from detectors.weather import MOST_RISE
from forewarn.calendar import Dates
from forewarn.panel import DAY, Floats, Panel
from forewarn.results import Detection

BLOCK_ROWS = 250
"""Series worked on together, so that their arrays stay in the processor's cache."""

_MEMORY = RowMemory(most_bytes=512 * 2**20)
"""Between two refits a series is judged day after day, often many times a day, by the same past."""

COURSES = Courses(
    hours=Course(
        period=24,
        guard=24,
        half_lives=(24.0, 48.0, 96.0, 168.0, 336.0, 672.0, 1344.0, 2688.0),
        spans=(1, 2, 3, 4, 6, 8, 12, 24),
        penalties=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        support=672.0,
        apart=24,
        least_history=672,
        together=True,
    ),
    days=Course(
        period=7,
        guard=7,
        half_lives=(7.0, 14.0, 28.0, 56.0, 112.0, 224.0),
        spans=(1, 2, 3, 4, 5, 7, 10, 14),
        penalties=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        support=28.0,
        apart=14,
        least_history=14,
        looked_back=7,
        cycle=7,
    ),
    longer=Course(
        period=2,
        guard=1,
        half_lives=(4.0, 8.0, 16.0, 32.0, 64.0, 256.0),
        spans=(1, 2, 3),
        penalties=(0.2, 0.0, 0.9),
        support=8.0,
        apart=4,
        least_history=26,
    ),
)
"""Four of each hour of the week, eight of each day of the week, or half a year make the least history."""


@dataclass(frozen=True)
class Scan:
    """Negative binomial regression with a scan of the last steps.

    Args:
        alpha: Chance of an alarm on an ordinary step; may be as small as 1e-7.
    """

    alpha: float = 0.001
    courses: ClassVar[Courses] = COURSES

    @property
    def name(self) -> str:
        return "scan"

    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the last `last` steps of every series."""
        n_series, n_steps = panel.counts.shape
        first = n_steps - last
        course = self.courses.of(panel.step)
        sheet = Sheet(n_series, last, course, self.alpha)
        start: Floats | None = None
        for origin, stop in _periods(panel, first, course.period):
            start = self._judge(panel, course, origin, stop, start, sheet, first)
        return sheet.detection(self.name, panel)

    def _judge(
        self, panel: Panel, course: Course, origin: int, stop: int, start: Floats | None, sheet: Sheet, first: int
    ) -> Floats | None:
        """Judges the steps from `origin` to `stop`, and gives the coefficients (n_series, n_columns).

        The past begins on a fixed day of the calendar too, so that it is the same every day until the next refit.
        """
        known_from = panel.first_observed  # steps before the source was read are no history
        begin = known_from + (origin - known_from) % course.period
        n_past = origin - begin
        n_taught = n_past - course.guard
        counts, dates = panel.completed[:, begin:stop], panel.dates[begin:stop]
        enough = np.flatnonzero((~np.isnan(counts[:, : max(n_taught, 0)])).sum(axis=1) >= course.least_history)
        if not enough.size:
            return start
        weather = panel.weather and panel.weather.on(slice(begin, stop))
        design = calendar_design(
            dates,
            panel.calendar,
            origin=panel.dates[origin],
            history_days=int(n_taught * panel.step // DAY),
            step=panel.step,
            weather=weather,
        )
        blocks = []
        for rows in np.array_split(enough, -(-len(enough) // BLOCK_ROWS)):
            past = counts[rows, :n_past]
            past[:, n_taught:] = np.nan  # teaches nothing, and may yet change
            guess = _start(past[:, :n_taught], design, None if start is None else start[rows])
            known = design.on(slice(n_past))
            blocks.append(self._learn(past, dates[: n_past + 1], known, guess, course))
        learnt = Lessons(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))
        coefficients = np.full((len(panel.labels), design.columns.shape[1]), np.nan)
        coefficients[enough] = learnt.coefficients
        skipped = max(first - origin, 0)
        outlook = self._look_ahead(learnt, panel.until(stop).rows(enough), design.on(slice(n_past, None)), course)
        sheet.fill(enough, max(origin, first) - first, outlook, learnt, skipped)
        return coefficients

    def _learn(self, past: Floats, dates: Dates, design: Design, start: Floats, course: Course) -> Lessons:
        """What the past teaches, for the rows whose past is not remembered from an earlier call."""
        keys = _MEMORY.keys_of(past, design.columns, design.prior_sd, dates, course)
        return Lessons(*_MEMORY.rows_of(keys, lambda new: learn(past[new], dates, design, start[new], course)))

    def _look_ahead(self, learnt: Lessons, panel: Panel, design: Design, course: Course) -> Outlook:
        """What the last steps of the panel, described by `design`, should have brought alone and with those before."""
        columns = design.columns
        n_judged, n_plain = len(columns), columns.shape[1] - design.n_weather
        by_weather = mean_of(learnt.coefficients[:, n_plain:], columns[:, n_plain:])
        weather = np.minimum(by_weather, MOST_RISE)
        mean = mean_of(learnt.coefficients, columns) * (weather / by_weather) * learnt.level[:, None]
        whole = np.concatenate([learnt.recent, mean], axis=1)[:, -panel.counts.shape[1] :]
        dispersion = shrunk_dispersion(
            learnt.dispersion, learnt.freedom, learnt.typical, floor=least_dispersion(learnt.typical)
        )
        season = _spread(columns, learnt.covariance)
        if design.n_weather:  # how far a rise that is cut would have gone is no matter
            plain = _spread(columns[:, :n_plain], learnt.covariance[:, :n_plain, :n_plain])
            season = np.where(by_weather > MOST_RISE, plain, season)
        level = (dispersion * learnt.relative + learnt.disagreement)[:, None]
        due, scatter = thinned(whole, dispersion[:, None] * whole, panel.completeness)
        y = panel.counts[:, -whole.shape[1] :]
        observed = ~np.isnan(y + due)
        y, due, scatter = (np.where(observed, part, 0.0) for part in (y, due, scatter))
        came, owed, scattered = (span_sums(part, (1, course.looked_back))[1] for part in (y, due, scatter))
        stray = np.broadcast_to(learnt.stray[:, None], mean.shape)
        foregoing = Foregoing(came, owed, scattered, stray, level)
        relative, even = level + season * learnt.season_dispersion[:, None], (dispersion < 1)[:, None]
        count, total, spread = (np.array(span_sums(part, course.spans))[:, :, -n_judged:] for part in (y, due, scatter))
        rise, fall = (
            Held.stacked(
                foregoing.held(sums, scattered, relative, steps, even=even, rising=rising)
                for steps, sums, scattered in zip(course.spans, total, spread, strict=True)
            )
            for rising in (True, False)
        )
        known = observed[:, -n_judged:]
        return Outlook(
            np.where(known, count, np.nan),
            rise,
            fall,
            np.where(known, due[:, -n_judged:], np.nan),
            learnt.recent,
            weather,
        )


def _spread(columns: Floats, covariance: Floats) -> Floats:
    """(n_series, n_steps) variance of the log of what the regression expects."""
    return np.asarray(((columns @ covariance) * columns).sum(axis=2))


def _periods(panel: Panel, first: int, period: int) -> Iterator[tuple[int, int]]:
    """First and (excluded) last position of each calendar period that holds a step from `first` on."""
    number = panel.dates.astype(np.int64) // panel.step.astype(np.int64)
    n_steps = len(number)
    origin = first - int(number[first] % period) if first < n_steps else n_steps
    for begin in range(origin, n_steps, period):
        if begin >= 0:
            yield begin, min(begin + period, n_steps)


def _start(past: Floats, design: Design, earlier: Floats | None) -> Floats:
    """First guess of the coefficients: the last period's, where there are any of the same columns."""
    guess = np.zeros((len(past), design.columns.shape[1]))
    guess[:, 0] = np.log((np.nansum(past, axis=1) + 0.5) / (~np.isnan(past)).sum(axis=1))
    if earlier is None or earlier.shape[1] != guess.shape[1]:
        return guess
    return np.where(np.isnan(earlier), guess, earlier)
