"""How far is the number of requests of the last days, taken together, from what they should have brought?

For each span of w days that ends on the judged day, with Y requests where M were expected:

    V = dispersion * M + relative * M²,    z = signed root of the deviance of Y (negative binomial, or gamma if V < M)
    score = max over spans of  z_w / inflation_w - penalty_w     (spans of more than a day only if today is high, too)

`inflation` says how much further than sqrt(V) such spans strayed at this time of the year: where every winter's wave
begins in another week, the level of a winter is not to be relied on, and only a sharp rise stands out.

References:
    Barndorff-Nielsen (1986), Biometrika 73, 307-322 (the modified signed root, accurate in the tails).
    Glaz, Naus & Wallenstein (2001), Scan Statistics.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats

SEASON_SD_DAYS = 12.0
"""Nearness of two days of the year: standard deviation of a normal kernel."""

BELIEF_STEPS = 30.0
"""Weight of the belief that spans stray by no more than sqrt(V)."""

WINSOR = 10.0
"""Deviations at which one span's part in the inflation is cut."""

ORDINARY = 1.2
"""Deviations below which a past span is not looked at more closely."""


def span_sums(values: Floats, spans: Sequence[int]) -> list[Floats]:
    """Sums over the steps that end on each step, or over as many as there are.

    Args:
        values: (n_series, n_steps).
        spans: Lengths in steps, rising, the first being 1.
    Returns:
        (n_series, n_steps) for each length, put together from shorter ones.
    """
    sums = {1: values}
    for steps in spans[1:]:
        total, have = np.zeros_like(values), 0
        while have < steps:
            part = max(shorter for shorter in sums if shorter <= steps - have)
            total[:, have:] += sums[part][:, : max(values.shape[1] - have, 0)]
            have += part
        sums[steps] = total
    return [sums[steps] for steps in spans]


def variance_of(
    due_scatter: Floats, due: Floats, relative: Floats, steps: int, *, even: npt.NDArray[np.bool_]
) -> Floats:
    """Variance of a span's count; all shapes as `due`.

    Args:
        due_scatter: Sum of dispersion * mean.
        due: Sum of the means.
        relative: Relative variance of the level.
        even: Where the dispersion is below 1, counts are rounded at the least.
    """
    floor = np.where(even, np.minimum(due, steps / 12), 0.0)
    return np.asarray(np.maximum(due_scatter, floor) + relative * due**2)


def deviation(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Normal deviate of the mid-p tail of each count, by the modified signed root; one shape, all means above 0."""
    y = np.maximum(count, 0.25)
    even = variance <= mean * (1 - 1e-9)
    size = mean**2 / np.where(even, variance, np.maximum(variance - mean, 1e-9 * mean))
    ratio = np.log(y / mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.log((y + size) / (mean + size))
        deviance = np.where(even, size * (y / mean - 1 - ratio), y * ratio - (y + size) * both)
        root = np.sign(y - mean) * np.sqrt(2 * np.maximum(deviance, 0.0))
        wald = np.where(even, np.sqrt(size) * (y / mean - 1), (ratio - both) * np.sqrt(y + y**2 / size))
        modified = root + np.log(wald / root) / root
    return np.asarray(np.where(np.abs(root) < 0.05, root, modified))


def nearness(day_of_year: Floats, other: Floats) -> Floats:
    """(n, n_other) 1 for the same day of the year, less the further apart; in days, a year has 365.25."""
    apart = np.abs((day_of_year[:, None] - other[None, :] + 182.625) % 365.25 - 182.625)
    return np.exp(-0.5 * (apart / SEASON_SD_DAYS) ** 2)


class PastSpans:
    """The spans of the past, all of them judged as if they were today.

    Args:
        y: (n_series, n_past) counts, 0 where not observed.
        due: (n_series, n_past) what was expected of the observed steps, 0 on the others.
        dispersion: (n_series,); relative: (n_series,) relative variance of the level.
        spans: Lengths in steps, the first being 1; `penalties`: see detectors/course.py.
        period: Steps a period; n_past is a multiple.
        near: (n_years, n_periods + 1, n_periods) weight of each past period, by the year that it lies in, for each past
            period and, in the last row, the next. Years weigh alike, so that one disaster does not blunt its season.
    """

    def __init__(
        self,
        y: Floats,
        due: Floats,
        dispersion: Floats,
        relative: Floats,
        spans: Sequence[int],
        *,
        penalties: Sequence[float],
        period: int,
        near: Floats,
    ) -> None:
        self._penalties = penalties
        self._period = period
        self._known = due > 0
        even = (dispersion < 1)[:, None]
        self._count = span_sums(y, spans)
        self._due = span_sums(due, spans)
        self._variance = [
            np.maximum(variance_of(dispersion[:, None] * part, part, relative[:, None], steps, even=even), 1e-9)
            for steps, part in zip(spans, self._due, strict=True)
        ]
        self._strayed = [
            (part - mean) / np.sqrt(variance)
            for part, mean, variance in zip(self._count, self._due, self._variance, strict=True)
        ]
        self.inflation = np.stack([self._inflation(strayed, near) for strayed in self._strayed])
        """(n_spans, n_series, n_periods + 1), at least 1."""

    def _inflation(self, strayed: Floats, near: Floats) -> Floats:
        squared = np.where(self._known, np.minimum(strayed**2, WINSOR**2), 0.0)
        sums, steps = (part.reshape(len(part), -1, self._period).sum(axis=2) for part in (squared, self._known))
        total = weight = np.full((len(sums), near.shape[1]), BELIEF_STEPS)
        for year in near:
            n = steps @ year.T
            total = total + np.sqrt(n * (sums @ year.T))
            weight = weight + n
        return np.asarray(np.maximum(total / weight, 1.0))

    def scores(self, *, low: bool) -> Floats:
        """(n_series, n_past) score of each past step, -inf where it was nothing out of the ordinary."""
        sign = -1.0 if low else 1.0
        best = np.full(self._known.shape, -np.inf)
        today = sign * self._strayed[0] > 0
        for number, penalty in enumerate(self._penalties):
            scale = np.repeat(self.inflation[number, :, :-1], self._period, axis=1)
            at = np.flatnonzero((sign * self._strayed[number] > ORDINARY * scale) & self._known & today)
            parts = self._count[number], self._due[number], self._variance[number]
            z = sign * deviation(*(part.ravel()[at] for part in parts))
            np.maximum.at(best.reshape(-1), at, z / scale.ravel()[at] - penalty)
        return best
