"""Counts on a scale on which their scatter does not grow with their level.

    z = sqrt(y + 3/8)

has a variance near 1/4 for a Poisson count whatever its mean, so that models with one error variance fit quiet and
busy seasons alike. A normal z with mean m and variance v belongs to a count with

    mean = m² + v - 3/8,   variance = 4 m² v + 2 v²

References:
    Anscombe (1948), Biometrika 35, 246-254.
"""

import numpy as np

from forewarn.panel import Floats


def to_root(counts: Floats) -> Floats:
    """z of each count."""
    return np.sqrt(counts + 0.375)


def from_root(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the counts whose z have this mean and variance; a negative mean of z is taken as 0."""
    mean = np.maximum(mean, 0.0)
    return np.maximum(mean**2 + variance - 0.375, 0.0), 4 * mean**2 * variance + 2 * variance**2
