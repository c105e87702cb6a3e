"""What the steps just before a span say of its level, where levels are known to stray at this time of the year.

    E    = max(persistence² - TOLERANCE, 0) · (dispersion / D + R)     how far the level strays for weeks, besides R
    gain = E / (E + R + dispersion / D)                                  D were expected in the steps before, Y came
    rises are held against  M · (1 + gain · max(Y / D - 1, 0))
    falls are held against  M · (1 + gain · min(Y / D - 1, 0))           with the relative variance  R + E (1 - gain)

A winter's wave that begins early is thus told when it begins, not for as long as it lasts, and a sharp rise on top of
it stands out. What returns to the usual is neither rise nor fall, since both are held against the further of the two
expectations. Where levels keep to what is expected of them, or stray for a few days only, E is 0 and the steps before
change nothing: a surge that lasts does not hide itself.

References:
    Kalman (1960), J Basic Eng 82, 35-45 (the gain).
"""

import numpy as np
import numpy.typing as npt

from detectors.spans import Held, variance_of
from forewarn.panel import Floats

Truths = npt.NDArray[np.bool_]

TOLERANCE = 0.5
"""What chance alone may bring, a few weeks of a few years being all that is seen."""

LEAST = 1e-9
"""Requests expected below which the steps before say nothing."""


class Foregoing:
    """The steps before the spans of a block of series.

    Args:
        count, due, scatter: (n_series, n_steps) that came, were expected, and dispersion times that, all summed over as
            many steps ending on each step as are looked back on.
        stray: (n_series, n_judged) `stray_of` the last steps.
        relative: (n_series, 1) relative variance R of the level.
    """

    def __init__(self, count: Floats, due: Floats, scatter: Floats, stray: Floats, relative: Floats) -> None:
        self.cells = np.nonzero(stray)
        """Rows and steps at which levels stray; at all others the steps before change nothing."""
        self._stray, self._relative = stray[self.cells], relative[self.cells[0], 0]
        self._sums = count, due, scatter
        self._skipped = count.shape[1] - stray.shape[1]

    def held(
        self, due: Floats, scatter: Floats, relative: Floats, steps: int, *, even: Truths, rising: Truths | bool
    ) -> Held:
        """What spans of `steps` steps that end on the judged ones are held against.

        Args:
            due, scatter: (n_series, n_judged) of `variance_of`, relative: that or (n_series, 1), R and what else is
                unsure; even: (n_series, 1).
            rising: (n_series, n_judged), or one for all: whether a rise is in question, or a fall.
        """
        variance = variance_of(scatter, due, relative, steps, even=even)
        cells, rows = self.cells, self.cells[0]
        if not rows.size:
            return Held(due, variance)
        ended = self._skipped + cells[1] - steps
        came, owed, spread = (np.where(ended >= 0, part[rows, np.maximum(ended, 0)], 0.0) for part in self._sums)
        known = owed > LEAST
        owed = np.where(known, owed, 1.0)
        chance = np.where(known, spread / owed**2, 0.0)
        error = self._stray * (chance + self._relative)
        gain = np.divide(error, error + self._relative + chance, out=np.zeros(len(rows)), where=known)
        change = gain * (came / owed - 1)
        ratio = 1 + np.where(np.broadcast_to(rising, due.shape)[cells], np.maximum(change, 0), np.minimum(change, 0))
        corrected = due.copy()
        corrected[cells] *= ratio
        left = np.broadcast_to(relative, due.shape)[cells] + error * (1 - gain)
        variance[cells] = variance_of(scatter[cells] * ratio, corrected[cells], left, steps, even=even[rows, 0])
        return Held(corrected, variance)


def stray_of(persistence: Floats) -> Floats:
    """Variance that past weeks had in common with those before them, over what is expected of chance, for their
    persistence (detectors/past_spans.py)."""
    return np.maximum(persistence**2 - TOLERANCE, 0.0)
