"""Which words became frequent?

    y ~ NB(mean m, size r)    m = N * rate,    rate = max((K + 1/2) / M, K8 / M8),    1/r = 1/(K + 1/2) + dispersion

y of the N documents of the last 1, 2, 4 or 7 days hold the term; K of the M documents of its history do, K8 of the M8
of the last eight weeks of it. The history ends a week before the judged day, so that what began slowly does not hide
itself. The size adds what is not known of the rate and how unevenly the term comes: counts of the history in spans as
long as the window, by moments, shrunk to `BURSTINESS`, since a rare word's own history cannot tell (Church & Gale).

A term is judged for the whole source and for each area by itself. Its tail is the smallest of the windows' times their
number; Benjamini-Hochberg at `level` goes over all terms and scopes whose documents are enough to be found at all.
It misleads where a season begins that the history has not seen, and says nothing of why.

References:
    Church & Gale (1995), Poisson mixtures, Natural Language Engineering 1, 163-190.
    Benjamini & Hochberg (1995), J R Stat Soc B 57, 289-300; valid for terms that share documents: Benjamini &
    Yekutieli (2001), Ann Stat 29, 1165-1188.
    Bourgon, Gentleman & Huber (2010), PNAS 107, 9546-9551, on leaving out by the total what could not be found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.stats import nbinom

from detectors.privacy import is_ordinary
from detectors.term_counts import dispersion, documents_by_day
from detectors.tokens import Bools, Ints
from detectors.vocabulary import Corpus
from forewarn.panel import Floats

WINDOWS = (1, 2, 4, 7)  # days; the last is also how long before the judged day the history ends
HISTORY_DAYS = 364  # whole weeks, and a year, so that each season was seen once
RECENT_DAYS = 56
LEAST_DAYS, LEAST_DOCUMENTS = 28, 200  # of history; below there is no verdict
BURSTINESS = 1.0  # dispersion of a word of which nothing is known
BURSTINESS_WEIGHT = 5.0  # squared expected counts of history that weigh as much as it
EXPLAINED = 1e-3  # chance from which on a term's count follows from how many requests each category had
SAME_DOCUMENTS = 0.5  # share of the smaller's documents from which on two terms are one story
NEARLY_AS_MANY = 0.8  # share of a story's documents that a longer term must hold to head it
STILL_DAYS = 2  # a term that did not come for so many days is over
SHOWN_DAYS = 28


class Related(NamedTuple):
    """Another term of the same documents; see `Story` for the numbers."""

    term: str
    observed: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Story:
    """A term that became frequent, with the others that became so in the same documents.

    Args:
        term: As it is shown; `area` in which it was found, '' for the whole source.
        window_days: Length of the window in which it is least ordinary; `since` its first day with the term.
        observed: Documents of the window that hold it; `expected`, `low` and `high` (95 %) on ordinary days.
        limit: Largest count that would not have been found.
        tail: Chance of such a count anywhere in the windows, before the number of terms is allowed for; `adjusted`
            the lowest level at which the story would still be found.
        n_judged: Number of terms and scopes that were judged that day.
        rows: (observed,) the documents.
        explained: The number of requests of each category explains it: it says nothing new about them.
        history: (SHOWN_DAYS,) documents a day until the judged day; `usual` per day: expected, low, high.
        others: Other terms of the same documents.
    """

    term: str
    area: str
    window_days: int
    since: date
    observed: int
    expected: float
    low: float
    high: float
    limit: float
    tail: float
    adjusted: float
    n_judged: int
    rows: Ints
    explained: bool
    history: Floats
    usual: tuple[float, float, float]
    others: tuple[Related, ...] = ()


@dataclass(frozen=True)
class Words:
    """The method; see the module.

    Args:
        level: Chance that an ordinary day brings any story, over all terms; on days with real ones, the share of
            false ones to be expected.
        min_documents: Fewer documents are never told, however rare the term is.
        min_origins: They must be from so many places, or where those are unknown from so many texts.
    """

    level: float = 0.01
    min_documents: int = 5
    min_origins: int = 3
    name: str = "words"

    def judge(self, corpus: Corpus, day: date, known_on: date | None = None) -> list[Story]:
        """Stories of `day` from what was known on `known_on` (None: all), the least ordinary first.

        None come before there is enough history.
        """
        today = int(np.datetime64(day, "D").astype(np.int64))
        known = corpus.days <= today
        if known_on is not None:
            known &= corpus.documents.known_from <= np.datetime64(known_on, "D")
        end = today - WINDOWS[-1]
        history = known & (corpus.days <= end) & (corpus.days > end - HISTORY_DAYS)
        window = known & (corpus.days > end)
        days = corpus.days[history]
        if days.size < LEAST_DOCUMENTS or end - days[0] + 1 < LEAST_DAYS:
            return []
        judged = _judge(corpus, history, window, today, self.min_documents)
        order = np.argsort(judged.tail, kind="stable")
        rank = np.arange(1, order.size + 1)
        stepped = judged.tail[order] * judged.n_judged / rank
        adjusted = np.empty(order.size)
        adjusted[order] = np.minimum.accumulate(stepped[::-1])[::-1]
        found = order[adjusted[order] <= self.level]
        if not found.size:
            return []
        threshold = self.level * found.size / judged.n_judged
        text, origin = (side[history | window] for side in (corpus.text, corpus.origin))
        content = np.unique(corpus.parts[judged.term[found]]).tolist()
        shown = {word for word in content if word < 0 or is_ordinary(corpus.guarded.usage, word, text, origin)}
        stories = [
            self._story(corpus, judged, cell, threshold, float(adjusted[cell]))
            for cell in found.tolist()
            if shown.issuperset(corpus.parts[judged.term[cell]].tolist())
        ]
        return _merge([one for one in stories if np.unique(corpus.origin[one.rows]).size >= self.min_origins])

    def _story(self, corpus: Corpus, judged: "_Judged", cell: int, threshold: float, adjusted: float) -> Story:
        term, area, best = int(judged.term[cell]), int(judged.area[cell]), int(judged.best[cell])
        name = str(corpus.areas[1][area]) if area >= 0 else ""
        span = judged.window & (corpus.days > judged.today - WINDOWS[best])
        scope = span if area < 0 else span & (corpus.areas[0] == area)
        rows = _holding(corpus, term, scope)
        mean, size = float(judged.mean[cell, best]), float(judged.size[cell, best])
        low, high = _range(mean, size)
        daily = mean / WINDOWS[best]
        return Story(
            term=corpus.term(term),
            area=name,
            window_days=WINDOWS[best],
            since=corpus.documents.day[rows].min().item(),
            observed=int(rows.size),
            expected=mean,
            low=low,
            high=high,
            limit=max(_quantile(mean, size, 1.0 - threshold / len(WINDOWS)), self.min_documents - 1.0),
            tail=float(judged.tail[cell]),
            adjusted=adjusted,
            n_judged=judged.n_judged,
            rows=rows,
            explained=_explained(corpus, judged, term, scope, rows.size, size),
            history=judged.by_day[cell, -SHOWN_DAYS:].astype(np.float64),
            usual=(daily, *_range(daily, float(judged.size[cell, 0]))),
        )


@dataclass(frozen=True, eq=False)
class _Judged:
    """Cells with enough documents lately, (n_cells,) each; `mean` and `size` (n_cells, len(WINDOWS))."""

    term: Ints
    area: Ints
    mean: Floats
    size: Floats
    tail: Floats
    best: Ints  # the window that `tail` is of
    by_day: Ints  # (n_cells, SHOWN_DAYS) until today
    n_judged: int
    today: int
    history: Bools  # (n_documents,)
    window: Bools


def _judge(corpus: Corpus, history: Bools, window: Bools, today: int, least: int) -> _Judged:
    cells, (areas, names) = corpus.cells, corpus.areas
    lately = cells.counts(window)
    n_judged = int((lately + cells.counts(history) >= least).sum())
    few = np.flatnonzero(lately >= least)
    asked = cells.area[few]  # -1, the whole source, is the last row of the documents
    n_days = HISTORY_DAYS + WINDOWS[-1]
    column = corpus.days - (today - n_days + 1)
    both = history | window
    counts = cells.by_day(both, few, column, n_days)
    documents = documents_by_day(areas, len(names), both, column, n_days)
    before, held = documents[:, :HISTORY_DAYS], counts[:, :HISTORY_DAYS]
    total, total_recent = (np.asarray(held[:, first:].sum(axis=1)).ravel() for first in (0, HISTORY_DAYS - RECENT_DAYS))
    base, base_recent = (
        np.maximum(before[:, first:].sum(axis=1), 1)[asked] for first in (0, HISTORY_DAYS - RECENT_DAYS)
    )
    rate = np.maximum((total + 0.5) / base, total_recent / base_recent)
    observed, mean, size = (np.empty((few.size, len(WINDOWS))) for _ in range(3))
    for place, days in enumerate(WINDOWS):
        observed[:, place] = np.asarray(counts[:, n_days - days :].sum(axis=1)).ravel()
        mean[:, place] = documents[:, n_days - days :].sum(axis=1)[asked] * rate
        uneven = dispersion(held, before[asked], total / base, days, prior=BURSTINESS, weight=BURSTINESS_WEIGHT)
        size[:, place] = 1.0 / (1.0 / (total + 0.5) + uneven)
    tails = np.where(observed > 0, nbinom.sf(observed - 1, size, size / (size + mean)), 1.0)
    tails[observed[:, WINDOWS.index(STILL_DAYS)] == 0] = 1.0
    return _Judged(
        term=cells.term[few],
        area=asked,
        mean=mean,
        size=size,
        tail=np.minimum(tails.min(axis=1, initial=1.0) * len(WINDOWS), 1.0),
        best=tails.argmin(axis=1),
        by_day=counts[:, n_days - SHOWN_DAYS :].toarray(),
        n_judged=n_judged,
        today=today,
        history=history,
        window=window,
    )


def _holding(corpus: Corpus, term: int, scope: Bools) -> Ints:
    """Documents of the scope that hold the term."""
    rows = np.flatnonzero(scope)
    return rows[corpus.holds[rows][:, [term]].toarray().ravel() > 0]


def _explained(corpus: Corpus, judged: _Judged, term: int, scope: Bools, observed: int, size: float) -> bool:
    """Whether the term is no more frequent than the number of requests of each category makes it."""
    topics, names = corpus.topics
    before, holding, now = (
        np.bincount(topics[rows] + 1, minlength=len(names) + 1)
        for rows in (judged.history, _holding(corpus, term, judged.history), scope)
    )
    mean = float((now * holding / np.maximum(before, 1)).sum())
    return mean > 0 and float(nbinom.sf(observed - 1, size, size / (size + mean))) > EXPLAINED


def _merge(stories: Sequence[Story]) -> list[Story]:
    """One story for each set of documents, the least ordinary first.

    Of terms in much the same documents the longest that holds nearly as many as the least ordinary one heads the
    story, as it says more; of the same term the whole source's rather than an area's.
    """
    ranked = sorted(stories, key=lambda s: (s.tail, -s.observed, -s.term.count(" "), s.area, s.term))
    groups: list[tuple[set[int], list[Story]]] = []
    for story in ranked:
        rows = set(story.rows.tolist())
        for told, group in groups:
            if len(rows & told) >= SAME_DOCUMENTS * min(len(rows), len(told)):
                group.append(story)
                break
        else:
            groups.append((rows, [story]))
    return [_headed(group) for _, group in groups]


def _headed(group: Sequence[Story]) -> Story:
    least = group[0]
    alike = [s for s in group if (s.area, s.window_days) == (least.area, least.window_days)]
    full = [s for s in alike if s.observed >= NEARLY_AS_MANY * least.observed]
    term = max(full, key=lambda s: (s.term.count(" "), s.observed, s.term)).term
    head = min((s for s in group if s.term == term), key=lambda s: (s.area != "", s.tail, s.area))
    first_of = {s.term: s for s in reversed(group) if s.term != term}
    others = sorted(first_of.values(), key=lambda s: (s.tail, s.term))
    told = tuple(Related(s.term, s.observed, s.expected, s.low, s.high) for s in others)
    return replace(
        head, explained=all(s.explained for s in group), others=told, adjusted=min(s.adjusted for s in group)
    )


def _range(mean: float, size: float) -> tuple[float, float]:
    """Within which 95 % of the counts lie."""
    return _quantile(mean, size, 0.025), _quantile(mean, size, 0.975)


def _quantile(mean: float, size: float, chance: float) -> float:
    return float(nbinom.ppf(chance, size, size / (size + mean)))
