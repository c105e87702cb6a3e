"""Which words became frequent, and is that a story of its own?

Words that are mostly in requests of a surge belong to it: they say what it is about, and are added to its evidence.
Words that only follow from how many requests each category had, without a surge, say nothing and are left out, and so
are those of a list that an office entered, of one reporter, of a backlog and of a category that began, which are told
as such (`alerts.rules.irregular`). What remains is an issue of its own. If it is the text of a category or sub-category
that is new, that is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from alerts.rules.cells import severity_of
from alerts.wording_of_words import words_title
from detectors.tokens import Bools
from detectors.words import Story
from forewarn.alert import Alarm, Alert, Finding, Kind, Severity, State
from forewarn.irregularity import Cause, Irregularity
from forewarn.request import Documents

BELONGS = 0.5
"""Share of a story's documents in the scope of a surge from which on they are part of it."""
LIVE = timedelta(days=7)
"""A surge that was last found so long ago still explains words."""
IS_LABEL = 0.8
"""Share of a story's documents under one label from which on that label may be the story."""
KNOWN = frozenset({"category", "subcategory", "area"})
"""Labels that documents have."""
SCOPES = 5
SCOPE_SHARE = 0.2
"""An area or category with a smaller share of the documents is not named."""
WORDS_OF_A_SURGE = 5


class Spoken(NamedTuple):
    """Stories of one source on one day; their rows are documents of `documents`."""

    source: str
    stories: Sequence[Story]
    documents: Documents

    def at(self, level: float) -> "Spoken":
        """What would have been found at a lower level."""
        return self._replace(stories=[story for story in self.stories if story.adjusted <= level])


class Told(NamedTuple):
    """Findings about words, and the surges, some of them with words in their evidence."""

    words: list[Finding]
    surges: list[Finding]


@dataclass(frozen=True)
class EmergingWords:
    """See the module."""

    name: str = "words"

    def evaluate(
        self,
        spoken: Spoken,
        day: date,
        surges: Sequence[Finding],
        alerts: Sequence[Alert],
        irregularities: Sequence[Irregularity],
    ) -> Told:
        """Findings of `day`.

        Args:
            surges: Findings of the same day.
            alerts: Alerts that there are, and that were; what a surge of the last days explains is no news either. A
                surge that is over explains the requests of its own days only.
            irregularities: What other than the public made counts; words of it are no news.
        """
        known = [a for a in alerts if a.kind is Kind.SURGE and a.first_day <= day <= a.last_day + LIVE]
        irregular = [one for one in irregularities if one.day <= day]
        words: list[Finding] = []
        said: dict[int, list[dict[str, Any]]] = {}
        for story in spoken.stories:
            places = [place for place, surge in enumerate(surges) if _belongs(story, spoken.documents, surge.labels)]
            if places:
                said.setdefault(places[0], []).append(_numbers(story) | {"words": story.term, "area": story.area})
            elif (
                not story.explained
                and not any(_belongs(story, spoken.documents, alert.labels, until=_end(alert)) for alert in known)
                and not _is_irregular(story, spoken.documents, irregular)
            ):
                words.append(_finding(spoken.source, story, spoken.documents, day))
        return Told(words, [_with_words(surge, said.get(place, [])) for place, surge in enumerate(surges)])


def keep_words(surges: Sequence[Finding], alerts: Sequence[Alert]) -> list[Finding]:
    """The surges with the words that their alerts hold of the same day, for when words are not looked at again."""
    said = [(a.source, a.labels, a.last_day, a.evidence["words"]) for a in alerts if "words" in a.evidence]
    kept = []
    for surge in surges:
        words = [
            w for source, labels, day, w in said if (source, labels, day) == (surge.source, surge.labels, surge.day)
        ]
        kept.append(_with_words(surge, words[0] if words else []))
    return kept


def _finding(source: str, story: Story, documents: Documents, day: date) -> Finding:
    labels = {"term": story.term} | ({"area": story.area} if story.area else {})
    alarm = Alarm(
        source=source,
        labels=labels,
        day=day,
        kind=Kind.WORDS,
        detector="words",
        observed=float(story.observed),
        expected=_steady(story.expected),
        low=story.low,
        high=story.high,
        limit=story.limit,
        tail=_steady(story.tail),
        window_days=story.window_days,
    )
    evidence: dict[str, Any] = {
        **_numbers(story),
        "excess": round(alarm.excess, 2),
        "limit": story.limit,
        "window_days": story.window_days,
        "since": story.since.isoformat(),
        "head": labels,
        "fires_at": int(story.limit) + 1,
        "tail": alarm.tail,
        "watched": story.n_judged,
        "detector": "words",
        "related": [{"labels": {"term": other.term}, **_numbers(other)} for other in story.others],
        "scopes": list(_scopes(story, documents)),
        "label": _new_label(story, documents),
        "history": {"last_day": day.isoformat(), "counts": story.history.tolist()},
        "usual": dict(zip(("expected", "low", "high"), map(_steady, story.usual), strict=True)),
    }
    return Finding(
        kind=Kind.WORDS,
        source=source,
        labels=labels,
        day=day,
        severity=Severity.NOTICE if evidence["label"] else severity_of(alarm),
        title=words_title(labels, evidence),
        evidence=evidence,
    )


def _belongs(story: Story, documents: Documents, labels: Mapping[str, str], *, until: date = date.max) -> bool:
    """Whether enough of the story's documents are in the scope of a surge; the whole source explains nothing.

    Args:
        until: Last day of the surge.
    """
    if not labels or not labels.keys() <= KNOWN:
        return False
    before_end = documents.day[story.rows] <= np.datetime64(until, "D")
    return bool((before_end & _inside(story, documents, labels)).mean() >= BELONGS)


def _end(alert: Alert) -> date:
    """Last day of a surge: what comes in its scope after it was over may be something else."""
    return alert.last_day if alert.state is State.RESOLVED else date.max


def _is_irregular(story: Story, documents: Documents, irregularities: Sequence[Irregularity]) -> bool:
    """Whether enough of the story's documents are of a list, a burst, a backlog, or a category that began."""
    days = documents.day[story.rows]
    inside = np.zeros(story.rows.size, dtype=bool)
    for one in irregularities:
        labels = {name: value for name, value in {**one.labels, **one.who}.items() if name in KNOWN}
        if not labels or one.others > one.count:
            continue
        held = days >= np.datetime64(one.since or one.day, "D")
        if one.cause not in (Cause.BEGUN, Cause.RENAMED):  # these last
            held &= days <= np.datetime64(one.day, "D")
        if held.any():
            inside |= held & _inside(story, documents, labels)
    return bool(inside.mean() >= BELONGS)


def _inside(story: Story, documents: Documents, labels: Mapping[str, str]) -> Bools:
    """(n_rows,) documents of the story that have these labels."""
    columns = {"category": documents.category, "subcategory": documents.label, "area": documents.area}
    inside = np.ones(story.rows.size, dtype=bool)
    for name, value in labels.items():
        inside &= columns[name][story.rows] == value
    return inside


def _with_words(surge: Finding, words: list[dict[str, Any]]) -> Finding:
    return replace(surge, evidence={**surge.evidence, "words": words[:WORDS_OF_A_SURGE]}) if words else surge


def _scopes(story: Story, documents: Documents) -> Iterator[dict[str, Any]]:
    """Where the story is and what it is about: areas, then categories, the largest first."""
    for name, column in (("area", documents.area), ("category", documents.category)):
        values, counts = np.unique(column[story.rows].astype(str), return_counts=True)
        known = [(int(-count), str(value)) for value, count in zip(values, counts, strict=True) if value]
        for minus, value in sorted(known)[:SCOPES]:
            if -minus >= SCOPE_SHARE * story.observed:
                yield {"labels": {name: value}, "observed": -minus}


def _new_label(story: Story, documents: Documents) -> dict[str, Any] | None:
    """The category or sub-category that the story merely is the beginning of.

    `instead_of` is the label of the same category that came most often before and not since; None: there is none.
    """
    before = documents.day < np.datetime64(story.since, "D")
    since = ~before & (documents.day <= documents.day[story.rows].max())
    for name, column in (("subcategory", documents.label), ("category", documents.category)):
        values, counts = np.unique(column[story.rows].astype(str), return_counts=True)
        value = str(values[counts.argmax()])
        if not value or counts.max() < IS_LABEL * story.observed or (column[before] == value).any():
            continue
        within = documents.category == documents.category[story.rows[0]]
        ended = _ended(column, before & within, since) if name == "subcategory" else _ended(column, before, since)
        return {"label": name, "name": value, "instead_of": ended}
    return None


def _ended(column: np.ndarray[Any, Any], before: Bools, since: Bools) -> str | None:
    values, counts = np.unique(column[before].astype(str), return_counts=True)
    come = set(column[since].astype(str).tolist())
    known = [(int(count), str(value)) for value, count in zip(values, counts, strict=True)]
    gone = [(count, value) for count, value in known if value and value not in come]
    share = max(gone, default=(0, ""))
    expected = share[0] * since.sum() / max(before.sum(), 1)
    return share[1] if expected >= 3 else None  # three were due, none came: less than one chance in 20


def _numbers(story: Any) -> dict[str, float]:
    return {
        "observed": float(story.observed),
        "expected": round(float(story.expected), 2),
        "low": float(story.low),
        "high": float(story.high),
    }


def _steady(value: float) -> float:
    return float(f"{value:.6g}")
