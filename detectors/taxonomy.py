"""Did the world change, or only the names of things?

A category that begins has no zeros before its first day, and one that ended no zeros after its last: they are blank.

    begun    never seen in the first 28 days of the source, or in 364 where older ones are not looked at
    ended    nothing for three days, where 10 requests or more were due by the middle one of the last eight weeks, and
             for more than twice as many days as ever before, while at least half of everything else came in
    renamed  categories ended and others began within a week of each other, with half to twice their requests a day

An ordinary silence of a Poisson series is due one request on average, and rarely more than seven in a year, so 10 means
something at any rate; the comparison with former silences makes it hold for closed days, too. The middle week knows
neither storms nor lists, so what comes now and then has no end. From the day on which an end is recognised until it is
seen again the category is not judged: it is told once, not every day.

A category that is used a few times a year begins and ends unnoticed. A disaster with a category of its own that was
never used before is told as a category that began.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forewarn.entries import Blank, Entries
from forewarn.irregularity import Cause, Irregularity
from forewarn.panel import Floats

Integers = npt.NDArray[np.int64]

YOUNG_DAYS = 28
"""A category that is not seen in so many first days of a source was not there."""
YEAR_DAYS = 364
"""So long may a season keep a category away."""
WEEKS = 8
DUE = 10.0
"""Requests that were due when a silence is an end."""
SILENT_DAYS, AT_ONCE = 3, 30.0
"""Days that a silence lasts at least, unless so many were due that one day says it."""
LONGER = 2.0
"""So many times as long as the longest silence before."""
TOLD_COUNT, TOLD_DAYS = 10, 28
"""A category that began is told of when it has so many requests, if it has them within so many days."""
PART = 0.1
"""What began is taken for a part of what ended if it has at least so much of its requests."""
TOGETHER_DAYS = 7
"""An end and a beginning that are at most so far apart may be one renaming."""


class Changes(NamedTuple):
    """What began and ended, and the days that say nothing because of it."""

    irregularities: list[Irregularity]
    blanks: list[Blank]


class _Topics(NamedTuple):
    """All topics at one level; (n_topics, n_days), NaN where a day was not covered."""

    labels: Sequence[dict[str, str]]
    counts: Floats
    due: Floats  # requests a day that the last weeks let expect
    first: Integers  # (n_topics,) first day seen


def find_changes(entries: Entries) -> Changes:
    """Categories and kinds of request that began, ended or were renamed; each day is judged by the days before."""
    irregularities, blanks = list[Irregularity](), list[Blank]()
    above: dict[str, date] = {}
    for level in (("category",), ("category", "subcategory")):
        topics = _topics(entries, level)
        if topics is None:
            continue
        begun, told = _begun(entries, topics)
        ended, silent = _ended(entries, topics, begun)
        blanks += [Blank(topics.labels[t], entries.first_day, entries.date_of(int(topics.first[t]) - 1)) for t in begun]
        blanks += silent
        for one in (*told, *ended):
            of_category = above.get(one.labels["category"])
            if of_category is None or abs((one.day - of_category).days) > TOLD_DAYS:
                irregularities.append(one)
        above = {one.labels["category"]: one.day for one in irregularities}
    return Changes(irregularities, blanks)


def _topics(entries: Entries, level: tuple[str, ...]) -> _Topics | None:
    code, names = entries.codes(*level)
    counted = entries.covered[entries.day] & np.array([all(name) for name in names], dtype=bool)[code]
    used, row = np.unique(code[counted], return_inverse=True)
    if not used.size:
        return None
    shape = len(used), len(entries.covered)
    cell = row * shape[1] + entries.day[counted]
    counts = np.bincount(cell, entries.count[counted], shape[0] * shape[1]).reshape(shape)
    first = (counts > 0).argmax(axis=1)
    counts[:, ~entries.covered] = np.nan
    seen = np.nansum(counts, axis=1) > 0
    labels = [dict(zip(level, names[number], strict=True)) for number in used[seen].tolist()]
    return _Topics(labels, counts[seen], _due(counts[seen]), first[seen])


def _due(counts: Floats) -> Floats:
    """Requests a day in the middle one of the last weeks, so that neither a storm nor a list counts; 0 at first."""
    due = np.zeros_like(counts)
    some = np.nansum(counts, axis=1) >= 4 * DUE  # others are too rare to be due
    if not some.any():
        return due
    if not some.all():
        due[some] = _due(counts[some])
        return due
    days = np.arange(7 * WEEKS, counts.shape[1])
    total = np.pad(np.cumsum(np.nan_to_num(counts), axis=1), ((0, 0), (1, 0)))
    known = np.pad(np.cumsum(~np.isnan(counts[0])), (1, 0))
    ends = days[:, None] - 7 * np.arange(WEEKS)  # (n, WEEKS), the first week ends yesterday
    observed = known[ends] - known[ends - 7]
    a_day = (total[:, ends] - total[:, ends - 7]) / np.maximum(observed, 1)
    due[:, days] = np.where((observed > 0).all(axis=1), np.sort(a_day, axis=2)[:, :, WEEKS // 2 - 1], 0.0)
    return due


def _begun(entries: Entries, topics: _Topics) -> tuple[list[int], list[Irregularity]]:
    """Which topics began, and what is told of them once they have some requests."""
    start = int(np.flatnonzero(entries.covered)[0])
    absent = YEAR_DAYS if start == 0 else YOUNG_DAYS  # what was before the first day is not known
    begun = np.flatnonzero(topics.first >= start + absent).tolist()
    told = []
    for topic in begun:
        first = int(topics.first[topic])
        so_far = np.nancumsum(topics.counts[topic, first : first + TOLD_DAYS])
        if so_far[-1] >= TOLD_COUNT:
            days = int((so_far >= TOLD_COUNT).argmax())
            told.append(
                Irregularity(
                    cause=Cause.BEGUN,
                    day=entries.date_of(first + days),
                    labels=topics.labels[topic],
                    count=int(so_far[days]),
                    usual=round(float(so_far[days]) / (days + 1), 2),
                    since=entries.date_of(first),
                )
            )
    return begun, told


def _ended(entries: Entries, topics: _Topics, begun: Sequence[int]) -> tuple[list[Irregularity], list[Blank]]:
    """Topics that ended, each with the day on which that was certain, and the silence from that day on."""
    n_topics, n_days = topics.counts.shape
    everything, all_due = np.nansum(topics.counts, axis=0), topics.due.sum(axis=0)
    due, usual, longest, others, others_due = (np.zeros(n_topics) for _ in range(5))
    since, silent = np.full(n_topics, -1), np.zeros(n_topics, dtype=np.int64)
    found, blanks = list[Irregularity](), list[Blank]()
    open_since: dict[int, int] = {}
    for day in np.flatnonzero(entries.covered).tolist():
        seen = topics.counts[:, day] > 0
        for topic in [topic for topic in open_since if seen[topic]]:
            blanks.append(_silence(entries, topics, topic, open_since.pop(topic), day - 1))
        longest = np.where(seen & (since >= 0), np.maximum(longest, silent), longest)
        since = np.where(seen, day + 1, since)
        usual = np.where(due > 0, usual, topics.due[:, day])
        due = np.where(seen, 0.0, due + topics.due[:, day])
        others = np.where(seen, 0.0, others + everything[day])
        others_due = np.where(seen, 0.0, others_due + all_due[day] - topics.due[:, day])
        silent = np.where(seen, 0, silent + 1)
        certain = (due >= np.where(silent >= SILENT_DAYS, DUE, AT_ONCE)) & (silent > LONGER * longest)
        over = certain & (others >= 0.5 * others_due) & (since >= 0)
        news = [topic for topic in np.flatnonzero(over).tolist() if topic not in open_since]
        for topic in news:
            open_since[topic] = day
        found += _told(entries, topics, begun, news, since, due, usual, day)
    blanks += [_silence(entries, topics, topic, day, n_days - 1) for topic, day in open_since.items()]
    return found, blanks


def _silence(entries: Entries, topics: _Topics, topic: int, first: int, last: int) -> Blank:
    return Blank(topics.labels[topic], entries.date_of(first), entries.date_of(last))


def _told(
    entries: Entries,
    topics: _Topics,
    begun: Sequence[int],
    ended: Sequence[int],
    since: Integers,
    due: Floats,
    usual: Floats,
    day: int,
) -> list[Irregularity]:
    """What is told of the topics whose end is certain on `day`: that they ended, or what took their place."""
    told = []
    for topic in ended:
        end = int(since[topic])
        near = [b for b in begun if abs(int(topics.first[b]) - end) <= TOGETHER_DAYS and topics.first[b] <= day]
        after = {b: float(np.nanmean(topics.counts[b, topics.first[b] : day + 1])) for b in near}
        with_it = np.flatnonzero((np.abs(since - end) <= TOGETHER_DAYS) & (due >= DUE / 2)).tolist()
        before = {t: float(usual[t]) for t in with_it}
        began = _same(topics, [b for b in near if after[b] >= PART * before[topic]], topic)
        also = _same(topics, list(before), topic)
        ratio = sum(after[b] for b in began) / sum(before[t] for t in also)
        renamed = 0.5 <= ratio <= 2.0
        told.append(
            Irregularity(
                cause=Cause.RENAMED if renamed else Cause.ENDED,
                day=entries.date_of(day),
                labels=topics.labels[topic],
                count=round(float(due[topic])),
                usual=round(float(usual[topic]), 2),
                since=entries.date_of(end),
                became=(_names(topics, also), _names(topics, began)) if renamed else ((), ()),
            )
        )
    return told


def _same(topics: _Topics, rows: Sequence[int], topic: int) -> list[int]:
    """Those `rows` that can have to do with `topic`: a kind of request with the other kinds of its category."""
    own = topics.labels[topic]
    return [r for r in rows if "subcategory" not in own or topics.labels[r]["category"] == own["category"]]


def _names(topics: _Topics, rows: Sequence[int]) -> tuple[str, ...]:
    return tuple(": ".join(topics.labels[row].values()) for row in rows)
