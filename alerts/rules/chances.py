"""How many false alarms may an ordinary day bring, over everything that is watched?

    expected(t) = sum over verdicts of min(t, P(Y >= least))

is the number of verdicts whose tail falls below t by chance. An alert of a surge takes a least number of requests, so a
rare series, which hardly ever has so many, raises fewer false alarms than t says, and leaves the rest to the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.limits import nb_tail
from forewarn.panel import Floats, Panel

LEAST_EXPECTED = 10.0
"""A series of which fewer are expected raises no alarm of a drop: five too few is no news."""


@dataclass(frozen=True)
class Chances:
    """The chances for a false alarm of one ordinary day.

    Args:
        most: (n_chances,) of each verdict, how often it can raise one at all, in rising order.
        a_day: (n_chances,) verdicts a day: 1, or a seventh where weeks are judged.
    """

    most: Floats
    a_day: Floats

    def expected(self, tail: float) -> float:
        """False alarms a day, if what has a lesser chance than `tail` raises one."""
        return float((self.a_day * np.minimum(self.most, tail)).sum())

    def watched(self, tail: float) -> float:
        """Verdicts a day that would raise as many, if each of them did so with the chance `tail`."""
        return float(f"{self.expected(tail) / tail:.6g}") if tail > 0 else float(self.a_day.sum())

    def tail_of(self, false_alarms: float) -> float:
        """The `tail` that brings so many a day; infinite if all together cannot bring as many."""
        spent = self.a_day * self.most
        left = false_alarms - (np.cumsum(spent) - spent)  # what the smallest leave to the others
        tails = left / np.cumsum(self.a_day[::-1])[::-1]
        fits = np.flatnonzero(self.most >= tails)
        return float(tails[fits[0]]) if fits.size else np.inf


def chances_of(panels: Sequence[Panel], least: float) -> Chances:
    """A surge of each series, and a drop where enough is usual.

    Args:
        least: Requests on a day that an alert of a surge takes.

    How often a series has so many is that of a negative binomial count with the mean and the variance of the last year,
    what its weekdays, its seasons and past troubles add to it included.
    """
    most, a_day = [np.zeros(0)], [np.zeros(0)]
    for panel in panels:
        named = (panel.labels != "").all(axis=1).to_numpy(dtype=bool)  # others count in the broader levels only
        mean, variance = (part[named] for part in panel.last_year)
        surges = nb_tail(least, mean, np.maximum(variance, mean))
        drops = np.ones(int((mean >= LEAST_EXPECTED).sum()))
        most += [surges, drops]
        a_day.append(np.full(len(surges) + len(drops), 1 / panel.step_days))
    order = np.argsort(whole := np.concatenate(most))
    return Chances(whole[order], np.concatenate(a_day)[order])
