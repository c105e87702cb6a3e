"""Is a part of a source silent, though the rest of it speaks?

A channel whose feed is cut, or an area that a form no longer offers, brings nothing while everything else comes in.
What it shows is no zero: nobody looked. A part is silent on a run of days if on each of them at most 5 % of what was
due came, and over all of them

    the chance of so little    below 1e-8: a negative binomial with the mean of the same weekday in the eight weeks
                               before and the unevenness of these counts or of the week's; of several days the product
    what was due               30 requests or more
    the run                    more than twice as long as any such run before
    everything else            at least half of what was due

Days off, and days on which nothing was due and nothing came, tell nothing: an office is closed at weekends as usual.
From its first silent day until it is heard again the part is blank. Where other values of the same label rose by half
to twice its requests in these days, it has got another name, and is no trouble of the source.
Categories are not looked at here, as they come and go for good reasons: see taxonomy.py.

A part with a handful of requests a day is silent for a week or more before that is certain. Everything at once is
judged by connectors/health.py. Of an office that is closed for good the first two weeks count as trouble.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from forewarn.entries import Blank, Entries
from forewarn.irregularity import Cause, Irregularity
from forewarn.panel import Floats

LABELS = ("channel", "area", "agency")
WEEKS = 8
NEAR_ZERO = 0.05
UNLIKELY = 1e-8
DUE = 30.0
LARGE = 3.0
"""Requests a day from which on a part is looked at."""
LONGER = 2.0
"""So many times as long as the longest such run before."""
OTHERS = 0.5
ROSE, SHARE = 2.0, 0.1
"""A part that brings so many times what was due, and more of it than this share of what is silent, takes its place."""
RENAMED = (0.5, 2.0)
TOGETHER = 7
"""Days between the beginnings of silences that may be one renaming."""
PATIENCE = timedelta(days=14)
"""So long a silence counts as trouble: then it is how things are."""

Days = npt.NDArray[np.bool_]
"""(n_days,) of which days something holds."""


class Silences(NamedTuple):
    """Parts that fell silent, and the days that say nothing of them."""

    irregularities: list[Irregularity]
    blanks: list[Blank]


def find_silences(entries: Entries, is_off: Days) -> Silences:
    """Parts that fell silent, each on the day on which that was certain; every day is judged by the days before.

    Args:
        is_off: (n_days,) holidays and planned closures.
    """
    irregularities, blanks = list[Irregularity](), list[Blank]()
    told = entries.covered & ~is_off
    for label in LABELS:
        code, names = entries.codes(label)
        named = np.array([name != ("",) for name in names], dtype=np.bool_)
        if named.sum() < 2:
            continue
        n_days = len(entries.covered)
        counts = np.bincount(code * n_days + entries.day, entries.count, len(names) * n_days).reshape(-1, n_days)
        parts = [name for (name,), is_named in zip(names, named, strict=True) if is_named]
        found = _silences(entries, label, parts, counts[named].astype(np.float64), told)
        irregularities += found.irregularities
        blanks += found.blanks
    return Silences(irregularities, blanks)


def silent_on(irregularities: Sequence[Irregularity], day: date) -> list[Irregularity]:
    """The parts of which it was certain on `day` that they were silent, and for no more than two weeks."""
    return [
        one
        for one in irregularities
        if one.cause is Cause.SILENT
        and one.day <= day <= (one.until or day)
        and day < (one.since or one.day) + PATIENCE
    ]


def _silences(entries: Entries, label: str, parts: Sequence[str], counts: Floats, known: Days) -> Silences:
    mean, excess = _usual(counts, known)
    total, total_due = counts.sum(axis=0), mean.sum(axis=0)
    told, blanks = list[Irregularity](), list[Blank]()
    renamed: dict[int, list[tuple[int, int]]] = {}
    silences = [
        (part, *run)
        for part in np.flatnonzero(mean.max(axis=1) >= LARGE).tolist()
        for run in _runs(counts[part], mean[part], excess[part], (total - counts[part], total_due - mean[part]), known)
    ]
    for part, begun, certain, end in silences:
        span = slice(begun, certain + 1)
        over = entries.date_of(end)
        blanks.append(Blank({label: parts[part]}, entries.date_of(begun), over))
        with_it = [other for other, at, _, _ in silences if begun - TOGETHER <= at <= certain]
        gone = mean[with_it, span].sum()
        rise = _rise(counts, mean, span, gone)
        if RENAMED[0] <= rise.sum() / gone <= RENAMED[1]:
            renamed.setdefault(certain, []).append((part, begun))
        else:
            told.append(
                Irregularity(
                    cause=Cause.SILENT,
                    day=entries.date_of(certain),
                    labels={label: parts[part]},
                    count=int(counts[part, span].sum()),
                    usual=round(float(mean[part, span].mean()), 1),
                    others=int((total - counts[part])[span].sum()),
                    since=entries.date_of(begun),
                    until=over if end < len(entries.covered) - 1 else None,
                )
            )
    for certain, ended in renamed.items():
        span = slice(min(begun for _, begun in ended), certain + 1)
        began = np.flatnonzero(_rise(counts, mean, span, mean[[part for part, _ in ended], span].sum()))
        told.append(
            Irregularity(
                cause=Cause.RENAMED,
                day=entries.date_of(certain),
                labels={label: parts[ended[0][0]]} if len(ended) == 1 else {},
                count=0,
                since=entries.date_of(span.start),
                became=(tuple(parts[part] for part, _ in ended), tuple(parts[new] for new in began.tolist())),
            )
        )
    return Silences(told, blanks)


def _rise(counts: Floats, mean: Floats, span: slice, gone: float) -> Floats:
    """(n_parts,) by how much each part rose in these days, 0 where that has nothing to do with what is gone."""
    came, due = counts[:, span].sum(axis=1), mean[:, span].sum(axis=1)
    rise: Floats = np.where((came >= ROSE * due) & (came - due >= SHARE * gone), came - due, 0.0)
    return rise


def _runs(
    counts: Floats, mean: Floats, excess: Floats, others: tuple[Floats, Floats], known: Days
) -> Iterator[tuple[int, int, int]]:
    """First day, day on which it was certain, and last day of each silence of one part."""
    longest, end = 0, -1
    for run in _little(counts, mean, known):
        if run[0] <= end:  # it goes on, though by now hardly anything is usual
            continue
        if mean[run].sum() >= DUE:
            chance = np.cumsum(_log_chance(counts[run], mean[run], excess[run]))
            came, were_due = (np.cumsum(numbers[run]) for numbers in others)
            is_certain = (chance < np.log(UNLIKELY)) & (np.cumsum(mean[run]) >= DUE) & (came >= OTHERS * were_due)
            is_certain &= np.arange(1, len(run) + 1) > LONGER * longest
            if is_certain.any():
                heard = np.flatnonzero(known & (counts > 0) & (np.arange(len(counts)) > run[-1]))
                end = int(heard[0] - 1 if heard.size else len(counts) - 1)
                yield int(run[0]), int(run[is_certain.argmax()]), end
        longest = max(longest, len(run))


def _little(counts: Floats, mean: Floats, known: Days) -> list[npt.NDArray[np.int64]]:
    """Runs of days on which hardly anything of what was due came, without days on which nothing was due or came."""
    days = np.flatnonzero(known & ((mean > 0) | (counts > 0)))
    little = counts[days] <= NEAR_ZERO * mean[days]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], little, [False]]).astype(np.int8)))
    return [days[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _usual(counts: Floats, known: Days) -> tuple[Floats, Floats]:
    """(n_parts, n_days) the mean of the same weekday's last counts, and by how much the variance exceeds it, as a share
    of the squared mean; the mean is 0 where too few weeks are known.
    """
    counts = np.where(known, counts, 0.0)
    weeks = _of_last_weeks(known[None].astype(np.float64))
    weeks[:, : 7 * WEEKS] = 0
    mean = np.where(weeks >= WEEKS / 2, _of_last_weeks(counts) / np.maximum(weeks, 1), 0.0)
    variance = np.maximum(_of_last_weeks(counts**2) - weeks * mean**2, 0.0) / np.maximum(weeks - 1, 1)
    over, squared = np.maximum(variance - mean, 0.0), mean**2
    own = over / np.maximum(squared, 1e-9)
    of_week = _of_last_days(over) / np.maximum(_of_last_days(squared), 1e-9)  # eight counts tell little of a variance
    return mean, np.maximum(own, of_week)


def _of_last_weeks(numbers: Floats) -> Floats:
    """(n, n_days) sums over the same weekday of the weeks before."""
    n_days = numbers.shape[1]
    padded = np.pad(numbers, ((0, 0), (7 * WEEKS, 0)))
    sums: Floats = sum((padded[:, 7 * week : 7 * week + n_days] for week in range(WEEKS)), np.zeros_like(numbers))
    return sums


def _of_last_days(numbers: Floats) -> Floats:
    """(n, n_days) sums over the week that ends on each day."""
    total = np.pad(numbers, ((0, 0), (7, 0))).cumsum(axis=1)
    sums: Floats = total[:, 7:] - total[:, :-7]
    return sums


def _log_chance(counts: Floats, mean: Floats, excess: Floats) -> Floats:
    """Logarithm of the chance of so few requests."""
    mean = np.maximum(mean, 1e-9)
    poisson = stats.poisson.logcdf(counts, mean)
    size = 1 / np.maximum(excess, 1e-6)
    binomial = stats.nbinom.logcdf(counts, size, size / (size + mean))
    chances: Floats = np.where(excess > 1e-6, binomial, poisson)
    return chances
