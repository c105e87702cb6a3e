"""Verdicts of a scan, filled in period by period: which span is the most striking, its chance, and today's limit."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors.course import Course
from detectors.lessons import Lessons
from detectors.limits import nb_limit, nb_lower_limit, nb_quantile, nb_tail
from detectors.spans import Held
from detectors.tails import Peaks, chance, score_at, tail_of
from forewarn.panel import Floats, Panel
from forewarn.results import Detection, Spans

LEAST_TAIL = 1e-300

RANGE = (0.025, 0.975)
"""Of ordinary days, what a verdict shows as usual."""


class Outlook(NamedTuple):
    """What is looked at and what should have come.

    Args:
        counts: (n_spans, n_series, n_judged) of each span; NaN: the step was not observed.
        rise, fall: What rises and falls are held against.
        mean: (n_series, n_judged) of the step alone.
        recent: (n_series, course.reach) of the steps before.
        weather: (n_series, n_judged) by how much the weather multiplies the mean.
    """

    counts: Floats
    rise: Held
    fall: Held
    mean: Floats
    recent: Floats
    weather: Floats


class Sheet:
    """The matrices of a detection of `n_series` series on their `last` steps.

    Args:
        course: How the steps are scanned.
        alpha: Chance of an alarm.
    """

    def __init__(self, n_series: int, last: int, course: Course, alpha: float) -> None:
        self._course = course
        self._alpha = alpha
        self._shape = n_series, last
        self._expected, self._low, self._high = self._blank(), self._blank(), self._blank()
        self._limit, self._lower_limit = self._blank(), self._blank()
        self._upper_tail, self._lower_tail = self._blank(), self._blank()
        self._rise, self._fall = self._blank_spans(), self._blank_spans()
        self._earlier: Floats | None = None
        self._weather = self._blank()

    def _blank(self) -> Floats:
        return np.full(self._shape, np.nan)

    def _blank_spans(self) -> Spans:
        steps = np.ones(self._shape, dtype=np.int64)
        return Spans(steps, self._blank(), self._blank(), self._blank(), self._blank(), self._blank())

    def fill(self, rows: npt.NDArray[np.int64], column: int, outlook: Outlook, lessons: Lessons, skipped: int) -> None:
        """Verdicts on the period's steps from `skipped` on; they begin at `column`."""
        counts, mean = outlook.counts[:, :, skipped:], outlook.mean[:, skipped:]
        rise, fall = (Held(*(part[:, :, skipped:] for part in held)) for held in (outlook.rise, outlook.fall))
        at = np.ix_(rows, np.arange(column, column + mean.shape[1]))
        self._expected[at] = mean
        self._weather[at] = np.where(np.isnan(mean), np.nan, outlook.weather[:, skipped:])
        self._low[at] = nb_quantile(RANGE[0], fall.due[0], fall.variance[0])
        self._high[at] = nb_quantile(RANGE[1], rise.due[0], rise.variance[0])
        if column == 0:
            reach = outlook.recent.shape[1]
            self._earlier = np.full((self._shape[0], reach), np.nan)
            self._earlier[rows] = np.concatenate([outlook.recent, outlook.mean[:, :skipped]], axis=1)[:, -reach:]
        upper = nb_tail(counts, *rise, mid=True)
        lower = 1 - upper
        if (differ := np.flatnonzero((rise.due != fall.due).any(axis=(0, 2)))).size:
            lower[:, differ] = 1 - nb_tail(counts[:, differ], fall.due[:, differ], fall.variance[:, differ], mid=True)
        for low, p, held, spans in ((False, upper, rise, self._rise), (True, lower, fall, self._fall)):
            side = self._side(counts, held, mean, p, lessons, low=low)
            spans.steps[at] = np.array(self._course.spans)[side.best]
            for matrix, of_spans in ((spans.observed, counts), (spans.expected, held.due), (spans.limit, side.limits)):
                matrix[at] = _taken(of_spans, side.best)
            due, variance = (_taken(part, side.best) for part in held)
            spans.low[at], spans.high[at] = (nb_quantile(p, due, variance) for p in RANGE)
            (self._lower_tail if low else self._upper_tail)[at] = side.tail
            (self._lower_limit if low else self._limit)[at] = side.day_limit

    def _side(self, counts: Floats, held: Held, mean: Floats, p: Floats, lessons: Lessons, *, low: bool) -> "_Side":
        """The most striking span of each step, its chance, and from which count of the step on it would be an alarm.

        Args:
            p: (n_spans, n_series, n_judged) mid-p tail of each span.
        """
        inflation = lessons.inflation.T[:, :, None]
        penalty = np.array(self._course.penalties)[:, None, None]
        tail = tail_of(Peaks(*(lessons.low if low else lessons.high).T))
        score = -special.ndtri(np.clip(p, LEAST_TAIL, 1 - 1e-16)) / inflation - penalty
        score[1:] = np.where(counts[0] < mean if low else counts[0] > mean, score[1:], -np.inf)
        best = np.nan_to_num(score, nan=-np.inf).argmax(axis=0)
        asked = special.ndtr(-(score_at(self._alpha, tail)[None, :, None] + penalty) * inflation)
        limit = nb_lower_limit if low else nb_limit
        limits = limit(np.maximum(asked, LEAST_TAIL), *held, mid=True)
        alone = limits - (counts - counts[0])  # what the step may come to, those before being what they are
        alone[1:] = np.minimum(alone[1:], np.ceil(mean)) if low else np.maximum(alone[1:], np.floor(mean))
        unknown = np.isnan(mean)
        return _Side(
            best,
            np.where(unknown, np.nan, chance(_taken(score, best), tail)),
            np.where(unknown, np.nan, alone.max(axis=0) if low else alone.min(axis=0)),
            limits,
        )

    def detection(self, name: str, panel: Panel) -> Detection:
        """The verdicts, as method `name`'s on the last steps of `panel`."""
        return Detection(
            detector=name,
            panel=panel,
            observed=panel.counts[:, len(panel.dates) - self._shape[1] :],
            expected=self._expected,
            low=self._low,
            high=self._high,
            limit=self._limit,
            lower_limit=self._lower_limit,
            upper_tail=self._upper_tail,
            lower_tail=self._lower_tail,
            rise=self._rise,
            fall=self._fall,
            earlier=self._earlier,
            weather=None if panel.weather is None else self._weather,
        )


class _Side(NamedTuple):
    """Verdict on rises or falls: (n_series, n_judged) each, but for `limits` (n_spans, n_series, n_judged)."""

    best: npt.NDArray[np.int64]
    tail: Floats
    day_limit: Floats
    limits: Floats


def _taken(of_spans: Floats, best: npt.NDArray[np.int64]) -> Floats:
    """(n_series, n_judged) of the chosen spans."""
    return np.asarray(np.take_along_axis(of_spans, best[None], axis=0)[0])
