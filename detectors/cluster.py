"""Where did requests rise together: in a group of areas, or of several categories in one group, over the last days?

For every zone (see `detectors.zones`) and every window of the last 1 to `window_days` days that ends on the judged day
the count is held against what the totals of areas and days let expect (see `detectors.permutation`). A category's
statistic is the largest log ratio; that of several categories together is the largest

    sum over categories of (log ratio - penalty), where positive;   penalty: one category in all reaches it by chance

Its tail is the larger of two: what Monte Carlo permutation says, and what the same statistic was on days of the past
year. Real requests come in clumps (one inspector, one neighbour), which permutation does not know and the past does.

A zone counts only if today is above its expectation: what is over is not told again.

References:
    Kulldorff et al. (2005), PLoS Med 2(3), e59 (space-time permutation).
    Kulldorff, Mostashari, Duczmal, Yih, Kleinman & Platt (2007), Stat Med 26, 1824-1833 (several data sets).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson

from detectors.cube import Cube, areas_of
from detectors.day_scan import MOST_REQUESTS, DayScan, Peak
from detectors.past import PAST_DAYS, STEP_DAYS, Past
from detectors.permutation import gumbel, gumbel_tail, gumbel_value, seeded, smallest_count
from detectors.zones import Integers, Zones
from forewarn.panel import Floats, Panel
from forewarn.results import Cluster, ClusterCell

HISTORY_DAYS = 56
SCREEN_ROOM = 4.0
"""A zone and window that alone is so many times likelier than asked needs no Monte Carlo: the largest of all is
likelier still. The room is for the error of the draws, and for the demand that today is high."""


@dataclass(frozen=True)
class SpaceTimePermutation:
    """The prospective space-time permutation scan.

    Args:
        alpha: Chance at which an ordinary day may show any cluster at all, over everything that is scanned.
        zones: Groups of areas, the panel's and perhaps others. If they are single areas only, no category is scanned
            by itself: other detectors do that.
        window_days: Longest window.
        baseline_days: Days whose totals are taken as given, the judged day being the last. At least three times
            `window_days` of them must have been observed.
        replicates: Monte Carlo replicates of one category; several together have a fifth of them.
        min_requests: Clusters with fewer requests are not told.
    Raises:
        ValueError: The baseline is not at least three times as long as the window.
    """

    alpha: float
    zones: Zones
    window_days: int = 14
    baseline_days: int = 84
    replicates: int = 999
    min_requests: int = 5
    name: str = "cluster"

    def __post_init__(self) -> None:
        if self.baseline_days < 3 * self.window_days:
            raise ValueError(f"{self.baseline_days} days are no baseline for windows of {self.window_days} days")

    def scan(self, panel: Panel, last: int, scanned: dict[bytes, Floats] | None = None) -> list[Cluster]:
        """Clusters that end on the last `last` days of a panel whose level has the area.

        The oldest day comes first, and of one day the least ordinary cluster. No day sees a later one.

        Args:
            scanned: Keeps what scans of the past found, by the counts they were made of. Where much the same panel is
                scanned again and again, pass the same one.
        Raises:
            ValueError: The panel has areas that the zones lack.
        """
        if lacking := set(areas_of(panel)) - set(self.zones.areas):
            raise ValueError(f"the zones lack {len(lacking)} areas of the panel")
        cube = Cube.of(panel, self.zones.areas, last + self.window_days + PAST_DAYS + self.baseline_days)
        if not cube.topics:
            return []
        n_days, first = len(cube.dates), self.baseline_days - 1
        observed = cube.observed.any(axis=0)
        n_observed = np.convolve(observed, np.ones(self.baseline_days))[:n_days]  # of each day's baseline
        known = observed & (n_observed >= 3 * self.window_days)
        judged = [day for day in range(max(n_days - last, first), n_days) if known[day]]
        if not judged:
            return []
        on_step = known & (cube.dates.astype(np.int64) % STEP_DAYS == 0)
        steps = first + np.flatnonzero(on_step[first : judged[-1] - self.window_days + 1])
        peaks = self._peaks(cube, steps, {} if scanned is None else scanned)
        clusters: list[Cluster] = []
        for day in judged:
            ago = day - self.window_days - steps
            past = Past(peaks[(ago >= 0) & (ago < PAST_DAYS)])
            found = _Judged(self, panel.source, cube, day, self._look(cube, day), past).clusters()
            clusters += sorted(found, key=lambda cluster: (cluster.tail * cluster.scans, -cluster.observed))
        return clusters

    def _look(self, cube: Cube, day: int) -> DayScan:
        return DayScan(cube, self.zones, day, baseline_days=self.baseline_days, window_days=self.window_days)

    def _peaks(self, cube: Cube, days: Integers, scanned: dict[bytes, Floats]) -> Floats:
        """(len(days), n_topics + 1) the largest statistics of each day."""
        prints = cube.prints()
        same_ground = hashlib.blake2b(repr(cube.counts.shape[:2]).encode() + self.zones.members.tobytes()).digest()
        found = np.zeros((len(days), len(cube.topics) + 1))
        for row, day in enumerate(days.tolist()):
            key = same_ground + prints[day - self.baseline_days + 1 : day + 1].tobytes()
            if key not in scanned:
                scanned[key] = self._look(cube, day).peaks()
            found[row] = scanned[key]
        return found


@dataclass(frozen=True)
class _Judged:
    """One day on trial."""

    detector: SpaceTimePermutation
    source: str
    cube: Cube
    day: int
    scan: DayScan
    past: Past

    def clusters(self) -> Iterator[Cluster]:
        by_topic = len(self.detector.zones) > len(self.cube.areas)
        n_topics = len(self.cube.topics)
        for topic in range(n_topics if by_topic else 0):
            yield from self._significant(topic, scans=n_topics * (2 if n_topics > 1 else 1))
        if n_topics > 1:
            yield from self._significant(n_topics, scans=2 if by_topic else 1)

    def _significant(self, scan: int, scans: int) -> Iterator[Cluster]:
        """Clusters of one scan, the highest first.

        Args:
            scans: Among how many scans `alpha` would be shared if all were like this one: half of it is for the scan of
                several topics together.
        """
        alpha = self.detector.alpha / scans
        null: tuple[float, float] | None = None
        for peak in self.scan.highest(scan):
            from_past = self.past.tail(scan, peak.value)
            topics = self.scan.topics(scan, peak)
            n_requests = self.scan.counts[peak.zone, topics, peak.window].sum()
            if from_past >= alpha or n_requests < self.detector.min_requests:
                return
            null = null or self._null(scan, peak, alpha)
            if null is None:
                return
            tail = max(gumbel_tail(peak.value, *null), from_past)
            if tail >= alpha:
                return
            limit = np.nan
            if scan < self.scan.together:
                limit = self._limit(peak, scan, max(gumbel_value(alpha, *null), self.past.value(scan, alpha)))
            yield self._cluster(peak, topics, tail, scans, limit)

    def _null(self, scan: int, peak: Peak, alpha: float) -> tuple[float, float] | None:
        """Place and scale of the scan's Gumbel distribution; None: its tail at `peak` is clearly not below `alpha`."""
        if any(margins.total > MOST_REQUESTS for margins in self.scan.margins):
            return self.scan.bound()
        together = scan == self.scan.together
        rng = self._generator([] if together else [scan])
        if self.scan.chance(scan, peak, rng) >= SCREEN_ROOM * alpha:
            return None
        replicates = self.detector.replicates // (5 if together else 1)
        return gumbel(self.scan.permuted(scan, replicates, rng))

    def _cluster(self, peak: Peak, topics: list[int], tail: float, scans: int, limit: float) -> Cluster:
        scan, cube, detector = self.scan, self.cube, self.detector
        areas = np.flatnonzero(detector.zones.members[peak.zone]).tolist()
        block = cube.counts[topics][:, areas, : self.day + 1].astype(np.float64)
        in_window = block[:, :, -peak.window - 1 :].sum(axis=2)
        block[:, :, ~cube.observed[topics, : self.day + 1].all(axis=0)] = np.nan
        in_area = np.stack([scan.margins[topic].in_area for topic in topics])
        totals = cube.counts[topics].sum(axis=1)[:, self.day - detector.baseline_days + 1 : self.day + 1]
        share = in_area[:, areas] / in_area.sum(axis=1, keepdims=True)  # (n_topics, n_areas)
        usual = (share.sum(axis=1)[:, None] * totals).sum(axis=0)  # (baseline_days,)
        expected = share * totals[:, -peak.window - 1 :].sum(axis=1, keepdims=True)
        cells = [
            ClusterCell(
                {**cube.topics[topic], "area": cube.areas[area]},
                float(in_window[i, j]),
                float(expected[i, j]),
                *usual_range(float(expected[i, j])),
            )
            for i, topic in enumerate(topics)
            for j, area in enumerate(areas)
            if in_window[i, j] or expected[i, j]
        ]
        low, high = usual_range(float(expected.sum()))
        days = slice(-min(HISTORY_DAYS, detector.baseline_days), None)
        return Cluster(
            source=self.source,
            day=cube.dates[self.day],
            window_days=peak.window + 1,
            topics=[cube.topics[topic] for topic in topics],
            areas=[cube.areas[area] for area in areas],
            observed=float(in_window.sum()),
            expected=float(expected.sum()),
            low=low,
            high=high,
            limit=limit,
            tail=tail,
            scans=scans,
            cells=sorted(cells, key=lambda cell: cell.expected - cell.observed),
            history=block.sum(axis=(0, 1))[days],
            usual=usual[days],
        )

    def _limit(self, peak: Peak, topic: int, ratio: float) -> float:
        """The largest count of this zone and window whose log ratio is below `ratio`."""
        expected = self.scan.expected[peak.zone, topic, peak.window : peak.window + 1]
        return float(smallest_count(ratio, expected, self.scan.margins[topic].total)[0] - 1)

    def _generator(self, topics: list[int]) -> np.random.Generator:
        """The same one whenever the same thing is judged."""
        names = [value for topic in topics for value in self.cube.topics[topic].values()]
        return seeded(self.source, str(self.cube.dates[self.day]), *names)


def usual_range(mean: float) -> tuple[float, float]:
    """Range of 95 % of ordinary windows."""
    low, high = poisson.ppf(np.array([0.025, 0.975]), mean)
    return float(low), float(high)
