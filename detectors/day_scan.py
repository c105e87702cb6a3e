"""All zones, windows and topics of one judged day, held against their expectation."""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom, norm

from detectors.cube import Cube
from detectors.permutation import Margins, Null, log_ratio
from detectors.zones import Zones
from forewarn.panel import Floats

TOLD = 1.5
"""Smaller log ratios of a replicate are not told: every scan of more than a few cells has larger ones."""
SECOND_SHARE = 0.2
"""Several topics rise together if this share of their statistic is not the strongest one's."""
MOST_PEAKS = 3
"""Clusters of the same topics on one day, which share no area."""
DRAWS = 20_000
MOST_REQUESTS = 10_000_000
"""Of a topic in the baseline, for Monte Carlo."""


class Peak(NamedTuple):
    """A statistic, and where it is reached."""

    value: float
    zone: int
    window: int  # days - 1


class DayScan:
    """The log ratios of one day.

    A scan is the number of a topic, or the number of topics for all of them together.

    Args:
        day: Place of the judged day in the cube.
        baseline_days: Days whose totals are taken as given, the judged day being the last.
    """

    def __init__(self, cube: Cube, zones: Zones, day: int, *, baseline_days: int, window_days: int) -> None:
        self.zones, self.together = zones, len(cube.topics)
        baseline = cube.counts[:, :, day - baseline_days + 1 : day + 1]
        recent = baseline[:, :, : -window_days - 1 : -1]  # the newest first
        in_area, on_day = baseline.sum(axis=2), recent.sum(axis=1)
        self.margins = [Margins(*both) for both in zip(in_area, on_day, strict=True)]
        total = in_area.sum(axis=1)
        share = zones.sums(in_area.T) / np.maximum(total, 1)
        self.expected = share[:, :, None] * on_day.cumsum(axis=1)  # (n_zones, n_topics, window_days), as the next two
        self.counts = zones.sums(recent.cumsum(axis=2).transpose(1, 0, 2))
        rises = (self.counts > self.expected) & (self.counts[..., :1] > self.expected[..., :1])
        place = np.flatnonzero(rises)
        topic = place // window_days % self.together
        self.ratio = np.zeros(self.counts.shape)
        self.ratio.ravel()[place] = log_ratio(self.counts.ravel()[place], self.expected.ravel()[place], total[topic])
        n_active = max(int(np.count_nonzero(on_day.any(axis=1))), 2)
        self.penalty = 0.5 * float(norm.isf(1 / n_active)) ** 2

    @cached_property
    def _sum(self) -> Floats:
        """(n_zones, window_days) statistic of all topics together; 0 where one topic alone makes it."""
        beyond = np.maximum(self.ratio - self.penalty, 0.0)
        total = beyond.sum(axis=1)
        return np.asarray(np.where(total - beyond.max(axis=1) >= SECOND_SHARE * total, total, 0.0))

    def statistic(self, scan: int) -> Floats:
        """(n_zones, window_days)."""
        return self._sum if scan == self.together else self.ratio[:, scan]

    def peaks(self) -> Floats:
        """(n_topics + 1,) largest statistic of each scan."""
        return np.append(self.ratio.max(axis=(0, 2)), self._sum.max())

    def highest(self, scan: int) -> Iterator[Peak]:
        """The largest statistic, and the largest ones in zones that share no area with those before."""
        left = self.statistic(scan)
        for _ in range(MOST_PEAKS):
            zone, window = np.unravel_index(int(left.argmax()), left.shape)
            yield Peak(float(left[zone, window]), int(zone), int(window))
            apart = ~(self.zones.members & self.zones.members[zone]).any(axis=1)
            left = np.where(apart[:, None], left, 0.0)

    def topics(self, scan: int, peak: Peak) -> list[int]:
        """The topics that rise there."""
        if scan < self.together:
            return [scan]
        return [int(topic) for topic in np.flatnonzero(self.ratio[peak.zone, :, peak.window] > self.penalty)]

    def bound(self) -> tuple[float, float]:
        """Place and scale of a Gumbel distribution above that of a topic's scan, by Chernoff and Bonferroni."""
        return float(np.log(len(self.zones) * self.counts.shape[2])), 1.0

    def chance(self, scan: int, peak: Peak, rng: np.random.Generator) -> float:
        """Chance of such a statistic in this zone and window alone: the scan's tail is no smaller."""
        topics = [scan] if scan < self.together else range(self.together)
        value = np.zeros(DRAWS if scan == self.together else 1)
        for topic in topics:
            margins = self.margins[topic]
            in_zone = int(margins.in_area[self.zones.members[peak.zone]].sum())
            on_days = int(margins.on_day[: peak.window + 1].sum())
            if scan < self.together:
                count = int(self.counts[peak.zone, scan, peak.window])
                return float(hypergeom.sf(count - 1, margins.total, in_zone, on_days))
            if in_zone:
                drawn = rng.hypergeometric(in_zone, margins.total - in_zone, on_days, DRAWS)
                ratio = log_ratio(drawn, np.float64(in_zone * on_days / margins.total), margins.total)
                value += np.maximum(ratio - self.penalty, 0.0)
        return float((value >= peak.value).mean())

    def permuted(self, scan: int, replicates: int, rng: np.random.Generator) -> Floats:
        """(replicates,) largest statistics if requests had their days by lot; at most `MOST_REQUESTS` of each topic."""
        if scan < self.together:
            largest = np.full(replicates, TOLD)
            _, _, replicate, value = Null(self.margins[scan], self.zones, TOLD).draw(replicates, rng)
            np.maximum.at(largest, replicate, value)
            return largest
        total = np.zeros((len(self.zones), self.counts.shape[2], replicates), dtype=np.float32)
        for margins in self.margins:
            if margins.on_day.any():
                zone, window, replicate, value = Null(margins, self.zones, self.penalty).draw(replicates, rng)
                total[zone, window, replicate] += value - self.penalty
        return np.asarray(total.max(axis=(0, 1)), dtype=np.float64)
