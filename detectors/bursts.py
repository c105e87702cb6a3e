"""Did one person report all of this, walking along, or did many people report one thing?

Of the requests of a category on a day that has far more of it than usual, those are a burst that lie within two hours
and hang together in steps of at most 400 m, came by one channel, leave nothing remarkable when they are taken away, and
bear one hand:

    a walk       sum over pairs of |t_i - t_j| d_ij is larger than chance: who walks is far away later (Mantel 1967)
    one place    sum of squared gaps between reports is smaller than chance: one hand keeps a pace (Greenwood 1946)

Both are Monte-Carlo tests at 2 %, exact under the hypothesis that many people report independently of each other: then
place says nothing of time, and gaps are as uneven as chance makes them. A burst main with thirty callers in one street
fails them 49 times in 50, and is an incident. Where time stamps are too coarse to tell, it is an incident, too.

References:
    Mantel (1967), Cancer Research 27, 209-220. Greenwood (1946), J R Stat Soc 109, 85-110.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components
from scipy.stats import poisson

from forewarn.entries import Entries
from forewarn.irregularity import Cause, Irregularity
from forewarn.panel import Floats

Integers = npt.NDArray[np.int64]

YEAR_DAYS, LEAST_HISTORY_DAYS = 364, 28
UNUSUAL = 1e-3
HOURS, STEP_METRES, PLACE_METRES = 2.0, 400.0, 100.0
ONE_HAND = 0.02
DRAWS = 999
MOST_OF_ONE_HAND = 500
"""Nobody reports more in two hours."""
EARTH_METRES = 6_371_000.0


class Reports(NamedTuple):
    """Single requests with a place; (n,) each.

    Args:
        row: Row of `Entries.series`; `day` as in `Entries`.
        hour: Time of the report, in hours since any instant.
        lat, lon: Degrees.
    """

    row: Integers
    day: Integers
    hour: Floats
    lat: Floats
    lon: Floats

    def at(self, rows: Integers | npt.NDArray[np.bool_]) -> "Reports":
        """Only these reports."""
        return Reports(self.row[rows], self.day[rows], self.hour[rows], self.lat[rows], self.lon[rows])


class Suspect(NamedTuple):
    """A category on a day with far more requests than usual."""

    category: str
    day: int
    requests: int
    usual: float


def suspects(entries: Entries, least: int) -> list[Suspect]:
    """Days of categories that are worth a closer look; each is judged by the days before."""
    code, names = entries.codes("category")
    n_days = len(entries.covered)
    cell, requests = code * n_days + entries.day, entries.count * entries.covered[entries.day]
    counts = np.bincount(cell, requests, len(names) * n_days).reshape(len(names), n_days).astype(np.float64)
    total = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
    known = np.pad(np.cumsum(entries.covered), (1, 0))
    begin = np.maximum(np.arange(n_days) - YEAR_DAYS, 0)
    days: Integers = known[:-1] - known[begin]
    usual = (total[:, :-1] - total[:, begin]) / np.maximum(days, 1)
    far = (counts >= least) & (days >= LEAST_HISTORY_DAYS) & _remarkable(counts, usual)
    return [Suspect(names[c][0], int(d), int(counts[c, d]), float(usual[c, d])) for c, d in np.argwhere(far)]


def find_bursts(
    entries: Entries, reports: Reports, asked: Sequence[Suspect], least: int
) -> tuple[Entries, list[Irregularity]]:
    """The entries without bursts, and the bursts."""
    category, channel = (entries.series[name].to_numpy() for name in ("category", "channel"))
    withheld = np.zeros(len(entries.row), dtype=np.int64)
    found = []
    for suspect in asked:
        mine = np.flatnonzero((reports.day == suspect.day) & (category[reports.row] == suspect.category))
        for name in sorted(set(channel[reports.row[mine]])):
            of_channel = mine[channel[reports.row[mine]] == name]
            if not least <= len(of_channel) <= MOST_OF_ONE_HAND:
                continue
            burst = of_channel[_together(reports.at(of_channel))]
            rest = suspect.requests - len(burst)
            if len(burst) < least or _remarkable(rest, suspect.usual) or not _one_hand(reports.at(burst)):
                continue
            rows, counts = np.unique(reports.row[burst], return_counts=True)
            for row, count in zip(rows, counts, strict=True):
                withheld[(entries.row == row) & (entries.day == suspect.day)] += count
            day: date = entries.date_of(suspect.day)
            usual = round(suspect.usual, 2)
            found.append(Irregularity(Cause.BURST, day, {"category": suspect.category}, len(burst), usual, rest))
    return entries.without(withheld), found


def _remarkable(counts: Floats | int, usual: Floats | float) -> npt.NDArray[np.bool_]:
    return np.asarray(poisson.sf(np.asarray(counts) - 1, 2 * np.asarray(usual) + 0.5) < UNUSUAL)


def _together(reports: Reports) -> Integers:
    """The most reports within some hours that hang together in short steps."""
    best = np.zeros(0, dtype=np.int64)
    apart = _metres(reports)
    for start in np.unique(reports.hour):
        inside = np.flatnonzero((reports.hour >= start) & (reports.hour <= start + HOURS))
        if len(inside) <= len(best):
            continue
        _, label = connected_components(apart[np.ix_(inside, inside)] <= STEP_METRES, directed=False)
        largest = inside[label == np.bincount(label).argmax()]
        best = largest if len(largest) > len(best) else best
    return best


def _metres(reports: Reports) -> Floats:
    """(n, n) distances."""
    lat, lon = np.radians(reports.lat), np.radians(reports.lon)
    north, east = EARTH_METRES * lat, EARTH_METRES * lon * np.cos(lat.mean() if len(lat) else 0.0)
    return np.asarray(np.hypot(north[:, None] - north, east[:, None] - east))


def _one_hand(burst: Reports) -> bool:
    n = len(burst.hour)
    apart, random = _metres(burst), np.random.default_rng(n)  # the same counts give the same answer
    if apart.max() > PLACE_METRES:
        later = np.abs(burst.hour[:, None] - burst.hour)
        orders = (random.permutation(n) for _ in range(DRAWS))
        drawn = np.array([(later * apart[np.ix_(order, order)]).sum() for order in orders])
        as_far = np.count_nonzero(drawn >= (later * apart).sum() * (1 - 1e-9))
        return bool((as_far + 1) / (DRAWS + 1) <= ONE_HAND)
    at = np.sort(burst.hour)
    if len(np.unique(at)) < len(at):
        return False  # stamped together: nothing tells the pace
    span = at[-1] - at[0]
    inner = np.sort(random.random((DRAWS, len(at) - 2)), axis=1) * span
    drawn_gaps = np.diff(np.pad(inner, ((0, 0), (1, 1)), constant_values=((0, 0), (0, span))), axis=1)
    as_steady = np.count_nonzero((drawn_gaps**2).sum(axis=1) <= (np.diff(at) ** 2).sum())
    return bool((as_steady + 1) / (DRAWS + 1) <= ONE_HAND)
