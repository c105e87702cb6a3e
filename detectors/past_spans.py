"""How far did spans of the past stray from what they should have brought, at this time of the year?

    z           = (Y - M) / sqrt(V)
    inflation   = mean over years of  sqrt(mean of z²)              over spans of near days of the year; at least 1
    persistence = mean over years of  sqrt(mean of z_before z)      over weeks of these days and those just before them

Where every winter's wave begins in another week, the level of a winter is not to be relied on. It is then the steps
just before a span that say what should come (detectors/foregoing.py), as far as such steps used to: a wave lasts, a day
of snow does not, and says nothing of the next week.
"""

import numpy as np
import numpy.typing as npt

from detectors.course import Course
from detectors.foregoing import LEAST, Foregoing, stray_of
from detectors.spans import deviation, period_sums, span_sums, variance_of
from forewarn.panel import Floats

SEASON_SD_DAYS = 12.0
"""Nearness of two days of the year: standard deviation of a normal kernel."""

BELIEF_STEPS = 30.0
"""Weight of the belief that spans stray by no more than sqrt(V)."""

WINSOR = 10.0
"""Deviations at which one span's part in the inflation is cut."""

ORDINARY = 1.2
"""Deviations below which a past span is not looked at more closely."""


class PastSpans:
    """The spans of the past, all of them judged as if they were today.

    Args:
        y: (n_series, n_past) counts, 0 where not observed.
        due: (n_series, n_past) what was expected of the observed steps, 0 on the others.
        dispersion: (n_series,); relative: (n_series,) relative variance of the level.
        course: How the steps are scanned; n_past is a multiple of its period.
        near: (n_years, n_periods + 1, n_periods) weight of each past period, by the year that it lies in, for each past
            period and, in the last row, the next. Years weigh alike, so that one disaster does not blunt its season.
    """

    def __init__(
        self, y: Floats, due: Floats, dispersion: Floats, relative: Floats, course: Course, *, near: Floats
    ) -> None:
        self._course = course
        self._known = due > 0
        self._today = y - due
        years = _Years(self._known, near, course.period)
        spread, relative, even = dispersion[:, None], relative[:, None], (dispersion < 1)[:, None]
        came, owed = (span_sums(part, (1, course.looked_back))[1] for part in (y, due))
        variance = variance_of(spread * owed, owed, relative, course.looked_back, even=even)
        self.stray = np.zeros((len(y), near.shape[1]))
        """(n_series, n_periods + 1) see detectors/foregoing.py."""
        if course.looked_back:
            self.stray = stray_of(years.persistence(_in_deviations(came - owed, variance), course.looked_back))
        stray = np.repeat(self.stray[:, :-1], course.period, axis=1)
        foregoing = Foregoing(came, owed, spread * owed, stray, relative)
        cells = foregoing.cells
        self._count = span_sums(y, course.spans)
        self._held, self._strayed = [], []
        for steps, count, total in zip(course.spans, self._count, span_sums(due, course.spans), strict=True):
            rising = count > total
            held = foregoing.held(total, spread * total, relative, steps, even=even, rising=rising)
            off = count - held.due
            off[cells] = np.where((off[cells] > 0) == rising[cells], off[cells], 0.0)
            self._held.append(held)
            self._strayed.append(_in_deviations(off, held.variance))
        self.inflation = np.stack([years.inflation(strayed) for strayed in self._strayed])
        """(n_spans, n_series, n_periods + 1), at least 1."""

    def scores(self, *, low: bool) -> Floats:
        """(n_series, n_past) score of each past step, -inf where it was nothing out of the ordinary."""
        sign = -1.0 if low else 1.0
        best = np.full(self._known.shape, -np.inf)
        today = self._known & (sign * self._today > 0)
        for number, penalty in enumerate(self._course.penalties):
            scale = np.repeat(self.inflation[number, :, :-1], self._course.period, axis=1)
            at = np.flatnonzero(today & (sign * self._strayed[number] > ORDINARY * scale))
            parts = self._count[number], *self._held[number]
            z = sign * deviation(*(part.ravel()[at] for part in parts))
            np.maximum.at(best.reshape(-1), at, z / scale.ravel()[at] - penalty)
        return best


class _Years:
    """Which past steps are known, and how near each period is to them, year by year."""

    def __init__(self, known: npt.NDArray[np.bool_], near: Floats, period: int) -> None:
        self._known, self._period = known.astype(np.float64), period
        steps = period_sums(self._known, period)
        self._near = []  # of each year: its periods, (n_within, n_periods + 1) their weights, and the sums of these
        for year in near:
            within = year.any(axis=0)
            weights = year[:, within].T
            self._near.append((within, weights, steps[:, within] @ weights))
        self._total = BELIEF_STEPS + sum(total for _, _, total in self._near)

    def inflation(self, strayed: Floats) -> Floats:
        """(n_series, n_periods + 1) for spans that strayed by so many deviations."""
        found = self._roots(np.minimum(strayed**2, WINSOR**2))
        return np.asarray(np.maximum((BELIEF_STEPS + found) / self._total, 1.0))

    def persistence(self, strayed: Floats, apart: int) -> Floats:
        """(n_series, n_periods + 1) for sums that strayed by so many deviations, each held against that of `apart`
        steps before; 0 where the one says nothing of the other."""
        product = np.zeros_like(strayed)
        np.multiply(strayed[:, apart:], strayed[:, :-apart], out=product[:, apart:])
        return np.asarray(self._roots(np.clip(product, -(WINSOR**2), WINSOR**2, out=product)) / self._total)

    def _roots(self, squares: Floats) -> Floats:
        """(n_series, n_periods + 1) sum over years of the root of the mean of the known steps, times their weight."""
        squares *= self._known
        sums = period_sums(squares, self._period)
        found = np.zeros((len(sums), self._near[0][1].shape[1]))
        for within, weights, total in self._near:
            found += np.sqrt(np.maximum(total * (sums[:, within] @ weights), 0.0))
        return found


def nearness(day_of_year: Floats, other: Floats) -> Floats:
    """(n, n_other) 1 for the same day of the year, less the further apart; in days, a year has 365.25."""
    apart = np.abs((day_of_year[:, None] - other[None, :] + 182.625) % 365.25 - 182.625)
    return np.exp(-0.5 * (apart / SEASON_SD_DAYS) ** 2)


def _in_deviations(off: Floats, variance: Floats) -> Floats:
    deviation = np.sqrt(np.maximum(variance, LEAST))
    return np.divide(off, deviation, out=deviation)
