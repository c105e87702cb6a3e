"""Did one office enter this, or did the public?

An office that enters a list, or what lay on its desk since autumn, makes a day that no public problem made. A cell
is what one office entered of one topic on one day. It is a batch if all of these hold:

    own     P(Poisson(2 u + 0.5) >= n) < 1e-3, where u is what this office usually enters of the topic in a day
    share   P(Binomial(N, s) >= n) < 1e-4, where N is what all offices entered of the topic that day, and s the
            office's usual share of everything, or of the offices that are there: the larger
    others  the other offices together entered no more of the topic in the last three days than on the same weekdays
            of the last year: P(Y >= S) > 0.01, or > 0.001 if fewer than three of them entered any, Y negative binomial
            with their mean and variance. Each office counts up to twice a day, so that one of them that enters a
            batch, too, does not speak for all.

The last one is what tells a batch from a snowstorm, in which one district may report most of what is reported, and
every other one more than usual. What was recognised as a batch is no history for what follows.

It asks who enters, so it works only where several offices enter the same topics. Where an agency is responsible for
its own topics (effective number of agencies within a topic below 3) the question has no meaning, and no answer.
A trouble of one district that only its own office enters looks like a batch. It is told as one, with these words.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, nbinom, poisson

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

YEAR_DAYS = 364
"""History that is looked at: whole weeks."""
LEAST_HISTORY_DAYS = 28
"""Before that nobody knows what is usual."""
NORMAL_DAYS = 56
"""What an office entered on most of so many days is usual, whatever it was called before."""
MOST_OF_ONE_CELL = 10
"""A batch of hundreds does not make an office large."""
MOST_OF_ANOTHER = 2.0
"""That many requests of one other office on one day say that it, too, has the trouble; more would say a batch."""
LEAST_OFFICES = 3.0
"""Effective number of offices (inverse Simpson index) that enter the same topic."""
UNUSUAL = 1e-3
RARE = 1e-4
REMARKABLE, REMARKABLE_OF_FEW = 0.01, 1e-3
LEAST_WITNESSES = 3
"""Other offices from which on they speak for all."""
ORDINARY = 0.9
"""Share of the days before that tell what is ordinary: on the highest the trouble itself, such as snow, was there."""


@dataclass(frozen=True)
class Batch:
    """Far more of one topic from one office on one day than it usually enters.

    Args:
        day: As in the cells.
        office: Its number; `topic` likewise.
        count: Requests it entered; `usual` what it enters in a day.
        others: Requests of the topic by all other offices that day.
        shared: The others report more than usual, too: no batch, but something real that is mostly there.
    """

    day: int
    office: int
    topic: int
    count: int
    usual: float
    others: int
    shared: bool


class Cells(NamedTuple):
    """What came in of each topic from each office on each day; (n_cells,) each, and several may have the same key.

    Args:
        day: A number that counts days.
        office, topic: Numbers from 0; -1: not known.
        asked: Requests that are asked about; `entered` with those that were recognised before.
    """

    day: Integers
    office: Integers
    topic: Integers
    asked: Integers
    entered: Integers


def find_batches(cells: Cells, mix: "Mix", *, since: int, least: int) -> list[Batch]:
    """Batches among cells, and what would be one if it were not `shared`; oldest first, judged by the days before.

    Args:
        mix: Who usually enters how much.
        since: First day of which the counts are known.
        least: Smallest batch that matters.
    """
    known = (cells.office >= 0) & (cells.topic >= 0) & (cells.day >= since)
    return _Search(Cells(*(column[known] for column in cells)), mix, since).batches(least) if known.any() else []


class _Search:
    """Cells added up and sorted twice: by topic and day, and by topic, office and day."""

    def __init__(self, cells: Cells, mix: "Mix", since: int) -> None:
        self.since, self.mix = since, mix
        summed = pd.DataFrame(cells._asdict()).groupby(["topic", "day", "office"])[["asked", "entered"]].sum()
        columns = (summed.reset_index()[name].to_numpy(np.int64) for name in Cells._fields)
        self.day, self.office, self.topic, self.count, self.entered = columns
        self.kept = self.count.astype(np.float64)  # without the batches found so far
        n_days, n_offices = int(self.day.max()) - since + 1, int(self.office.max()) + 1
        self.by_topic = self.topic * n_days + self.day - since
        self.key = (self.topic * n_offices + self.office) * n_days + self.day - since
        self.own_order = np.argsort(self.key, kind="stable")
        self.own_key = self.key[self.own_order]

    def batches(self, least: int) -> list[Batch]:
        found = []
        candidates = np.flatnonzero((self.count >= least) & (self.day - self.since >= LEAST_HISTORY_DAYS))
        for cell in candidates[np.argsort(self.day[candidates], kind="stable")].tolist():
            if (batch := self._judge(cell)) is not None:
                self.kept[cell] *= batch.shared
                found.append(batch)
        return found

    def _judge(self, cell: int) -> Batch | None:
        age = int(self.day[cell]) - self.since
        history = min(age, YEAR_DAYS)
        count = int(self.count[cell])
        usual = self._usual(cell, history)
        if poisson.sf(count - 1, 2 * usual + 0.5) >= UNUSUAL:
            return None
        share = self.mix.share(int(self.day[cell]), int(self.office[cell]))
        if share is None:
            return None
        today = self._topic_rows(cell, 0, 0)
        total = int(self.count[today].sum())
        if binom.sf(count - 1, total, share) >= RARE:
            return None
        return Batch(
            day=int(self.day[cell]),
            office=int(self.office[cell]),
            topic=int(self.topic[cell]),
            count=count,
            usual=usual,
            others=total - count,
            shared=self._others_too(cell, history),
        )

    def _usual(self, cell: int, history: int) -> float:
        """Mean of a day without batches, or what most of the last days had."""
        key = self.key[cell]
        low, mid, high = np.searchsorted(self.own_key, [key - history, key - min(history, NORMAL_DAYS), key])
        mean = self.kept[self.own_order[low:high]].sum() / history
        recent = np.zeros(min(history, NORMAL_DAYS))
        recent[: high - mid] = self.entered[self.own_order[mid:high]]
        return float(max(mean, np.median(recent)))

    def _topic_rows(self, cell: int, since: int, until: int) -> slice:
        """Rows of the topic from `since` to `until` days before the cell."""
        key = self.by_topic[cell]
        return slice(
            int(np.searchsorted(self.by_topic, key - since)), int(np.searchsorted(self.by_topic, key - until, "right"))
        )

    def _others_too(self, cell: int, history: int) -> bool:
        """Whether the other offices enter more than on the same weekdays before."""
        rows = self._topic_rows(cell, history, 0)
        others = np.minimum(self.kept[rows], MOST_OF_ANOTHER) * (self.office[rows] != self.office[cell])
        ago = self.day[cell] - self.day[rows]
        daily = np.bincount(ago, others, history + 1)  # today first
        sums = np.convolve(daily, np.ones(3), "valid")
        before = np.sort(sums[7::7])
        ordinary = before[: max(round(len(before) * ORDINARY), 1)]
        mean = max(float(ordinary.mean()), 0.05)
        variance = max(float(ordinary.var()), 1.5 * mean)
        witnesses = np.unique(self.office[rows][(others > 0) & (ago < 3)]).size
        remarkable = REMARKABLE if witnesses >= LEAST_WITNESSES else REMARKABLE_OF_FEW
        return bool(nbinom.sf(sums[0] - 1, mean**2 / (variance - mean), mean / variance) < remarkable)


class Mix:
    """Which office enters how much, learnt anew every four weeks from the year before.

    Args:
        day, office, count: (n_cells,) as in `Cells`.
        topic: What several offices must enter for the question to have a meaning.
    """

    def __init__(self, day: Integers, office: Integers, topic: Integers, count: Integers) -> None:
        known = (office >= 0) & (topic >= 0)
        self.columns = day[known], office[known], topic[known], count[known]
        self.known: dict[int, Floats | None] = {}

    def share(self, day: int, office: int) -> float | None:
        """The office's usual share, or that of one among equals; None: agencies do not share topics here."""
        block = day // LEAST_HISTORY_DAYS
        if block not in self.known:
            self.known[block] = self._shares(block * LEAST_HISTORY_DAYS)
        shares = self.known[block]
        return None if shares is None else float(max(shares[office], 1.0 / np.count_nonzero(shares)))

    def _shares(self, until: int) -> Floats | None:
        day, office, topic, count = self.columns
        past = (day < until) & (day >= until - YEAR_DAYS)
        if not past.any():
            return None
        table = np.zeros((int(topic.max()) + 1, int(office.max()) + 1))
        np.add.at(table, (topic[past], office[past]), np.minimum(count[past], MOST_OF_ONE_CELL))
        totals = table.sum(axis=1)
        used = totals > 0
        effective = totals[used] ** 2 / (table[used] ** 2).sum(axis=1)
        if (effective * totals[used]).sum() / totals.sum() < LEAST_OFFICES:
            return None
        shares: Floats = table.sum(axis=0) / totals.sum()
        return shares
