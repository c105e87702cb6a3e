"""How unusual is a count in some areas on the last days, given each area's total and each day's total?

    expected = requests of the areas · requests of the days / all requests
    ratio    = c · log(c / expected) + (C - c) · log((C - c) / (C - expected))

Both totals are taken as given, so what the whole place did on a day, and how many requests an area always has,
explain themselves: weekday, season, holiday and size need no model. Under the hypothesis each request could as well
have come on the day of any other one.

References:
    Kulldorff, Heffernan, Hartman, Assunção & Mostashari (2005), PLoS Med 2(3), e59.
    Abrams, Kleinman & Kulldorff (2010), Int J Health Geogr 9, 61 (Gumbel tail of the replicates).
"""

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from detectors.zones import Integers, Zones
from forewarn.panel import Floats

CELLS_AT_ONCE = 1 << 21
"""Zones · windows · replicates that are held at once: what fits into memory near the processor."""


CHEAP_DRAWS = 25
"""So many requests are drawn one by one in the time of one hypergeometric draw."""


class Margins(NamedTuple):
    """The totals of one category that every permutation keeps."""

    in_area: Integers  # (n_areas,) requests of the whole baseline
    on_day: Integers  # (window_days,) requests of the last days, the newest first

    @property
    def total(self) -> int:
        return int(self.in_area.sum())


def log_ratio(counts: npt.ArrayLike, expected: npt.ArrayLike, totals: npt.ArrayLike) -> Floats:
    """Kulldorff's log likelihood ratio where a count is above its expectation, broadcast; 0 elsewhere."""
    count, mean, total = (np.asarray(some, dtype=np.float64) for some in (counts, expected, totals))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = xlogy(count, count / mean) + xlogy(total - count, (total - count) / (total - mean))
    return np.asarray(np.where(count > mean, ratio, 0.0))


def smallest_count(ratio: npt.ArrayLike, expected: Floats, total: npt.ArrayLike) -> Integers:
    """The smallest counts above their expectation whose log ratio reaches `ratio`, broadcast.

    One more than `total` where none does.
    """
    low, ratio = np.broadcast_arrays(np.floor(expected), ratio)
    total = np.broadcast_to(np.asarray(total, dtype=np.float64), low.shape)
    high = total + 1.0  # low fails and high holds, all the way
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        holds = log_ratio(np.minimum(middle, total), expected, total) >= ratio
        low, high = np.where(holds, low, middle), np.where(holds, middle, high)
    return high.astype(np.int64)


def permuted(margins: Margins, replicates: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """(n_areas, window_days, replicates) counts of the last 1, 2, … days if requests had their days by lot."""
    n_cells = len(margins.in_area) * len(margins.on_day)
    draw = _one_by_one if margins.on_day.sum() <= CHEAP_DRAWS * n_cells else _area_by_area
    return np.asarray(draw(margins, replicates, rng).cumsum(axis=1, dtype=np.int32))


def _one_by_one(margins: Margins, replicates: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Each request of the last days is one of all, drawn without replacement."""
    n_areas, n_days = len(margins.in_area), len(margins.on_day)
    area_of = np.repeat(np.arange(n_areas), margins.in_area)
    row_of = np.repeat(np.arange(n_days), margins.on_day)
    counts = np.empty((n_areas * n_days, replicates), dtype=np.int32)
    for replicate in range(replicates):
        drawn = area_of[rng.choice(len(area_of), len(row_of), replace=False)]
        counts[:, replicate] = np.bincount(drawn * n_days + row_of, minlength=n_areas * n_days)
    return counts.reshape(n_areas, n_days, replicates)


def _area_by_area(margins: Margins, replicates: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """The same by hypergeometric draws: their number does not grow with that of the requests."""
    counts = np.empty((len(margins.in_area), len(margins.on_day), replicates), dtype=np.int32)
    left = np.repeat(margins.in_area[:, None], replicates, axis=1)  # requests that have no day yet
    for day, n_requests in enumerate(margins.on_day):
        pool, wanted = left.sum(axis=0), np.full(replicates, n_requests)
        for area in range(len(left)):
            drawn = rng.hypergeometric(left[area], pool - left[area], wanted)
            pool, wanted = pool - left[area], wanted - drawn
            counts[area, day] = drawn
        left = left - counts[:, day]
    return counts


class Null:
    """Log ratios of one category's zones and windows when its requests had their days by lot.

    Args:
        above: Only log ratios of at least this much are told.
    """

    def __init__(self, margins: Margins, zones: Zones, above: float) -> None:
        self.margins, self.zones = margins, zones
        in_zone = zones.sums(margins.in_area)
        self.expected = in_zone[:, None] * margins.on_day.cumsum() / max(margins.total, 1)
        self.least = smallest_count(above, self.expected, margins.total).astype(np.int32)

    def draw(self, replicates: int, rng: np.random.Generator) -> tuple[Integers, Integers, Integers, Floats]:
        """Zone, window, replicate and value of each log ratio that is large enough."""
        counts = permuted(self.margins, replicates, rng)
        parts = max(1, len(self.zones) * counts.shape[1] * replicates // CELLS_AT_ONCE)
        found = []
        for columns in np.array_split(np.arange(replicates), parts):
            in_zone = self.zones.sums(counts[:, :, columns])
            large = np.flatnonzero(in_zone >= self.least[:, :, None])
            zone, window, column = np.unravel_index(large, in_zone.shape)
            value = log_ratio(in_zone.ravel()[large], self.expected[zone, window], self.margins.total)
            rises = in_zone[zone, 0, column] > self.expected[zone, 0]
            found.append((zone[rises], window[rises], columns[column[rises]], value[rises]))
        zones, windows, replicate, values = (np.concatenate(column) for column in zip(*found, strict=True))
        return zones, windows, replicate, values


def gumbel(largest: Floats) -> tuple[float, float]:
    """Place and scale of the Gumbel distribution with the mean and the spread of a sample, by moments."""
    scale = float(largest.std(ddof=1)) * np.sqrt(6) / np.pi
    return float(largest.mean()) - np.euler_gamma * scale, scale


def gumbel_tail(value: float, place: float, scale: float) -> float:
    """P(X >= value)."""
    if scale <= 0:
        return float(value <= place)
    return float(-np.expm1(-np.exp(-(value - place) / scale)))


def gumbel_value(tail: float, place: float, scale: float) -> float:
    """The value whose `gumbel_tail` is `tail`."""
    return float(place - scale * np.log(-np.log1p(-tail)))


def seeded(*words: str) -> np.random.Generator:
    """A generator that is the same whenever the same thing is judged."""
    digest = hashlib.sha256("\x1f".join(words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
