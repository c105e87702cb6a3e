"""How far is the number of requests of the last days, taken together, from what they should have brought?

For each span of w days that ends on the judged day, with Y requests where M were expected:

    V = dispersion * M + relative * M²,    z = signed root of the deviance of Y (negative binomial, or gamma if V < M)
    score = max over spans of  z_w / inflation_w - penalty_w     (spans of more than a day only if today is high, too)

`inflation` is learnt from spans of the past (detectors/past_spans.py). Where levels are known to stray, the steps just
before a span correct M (detectors/foregoing.py).

References:
    Barndorff-Nielsen (1986), Biometrika 73, 307-322 (the modified signed root, accurate in the tails).
    Glaz, Naus & Wallenstein (2001), Scan Statistics.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats


class Held(NamedTuple):
    """What the counts of spans are held against: mean and variance, of one shape."""

    due: Floats
    variance: Floats

    @classmethod
    def stacked(cls, spans: Iterable["Held"]) -> "Held":
        """Of all spans together: (n_spans, n_series, n_steps)."""
        return cls(*(np.array(parts) for parts in zip(*spans, strict=True)))


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
        have = max(sums)
        total = sums[have].copy()
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
    variance = np.square(due)
    variance *= relative
    if not even.any():  # means are not negative
        variance += due_scatter
        return variance
    scatter = np.minimum(due, np.where(even, steps / 12, 0.0))
    variance += np.maximum(due_scatter, scatter, out=scatter)
    return variance


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


def period_sums(values: Floats, period: int) -> Floats:
    """(n_series, n_periods)."""
    return values.reshape(len(values), -1, period) @ np.ones(period)
