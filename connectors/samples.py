"""A sample of the newest that a source has, read as a first run would read it, and what it holds of each field.

A first run begins far back, so its first pages are old. Here it begins yesterday, and a little earlier each time until
enough has come: what the source has lately is seen, and if it has nothing, since when.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import numpy as np

from connectors.normalise import STATUS_COUNTER, status_of
from forewarn.contracts import Connector, Page, Window
from forewarn.panel import LABELS
from forewarn.request import DailyCount, Precision, Reject, Requests
from forewarn.shares import share

ENOUGH = 200
"""Rows with which no more are looked for."""
MOST_PAGES = 12
"""Read of one span: most sources want a pause between two requests."""
SPANS = (1, 28)
"""Days before today at which reading begins, besides those for which a source may be silent."""
MOST_EXAMPLES = 2
MOST_WORDS = 12
"""Words for a status that are shown."""
_LONGEST_EXAMPLE = 40


@dataclass(frozen=True)
class Sample:
    """What was read.

    Args:
        usable: How many rows could be used. `requests` and `counts` are the last of them.
        complete_from: Everything from this day on was read; None: that is not known.
    """

    requests: Requests | None = None
    counts: Sequence[DailyCount] = ()
    rejects: Sequence[Reject] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    usable: int = 0
    complete_from: date | None = None

    @property
    def newest(self) -> datetime | None:
        """When the newest request was made, or the last instant of the newest day that has a number."""
        if self.requests is not None:
            newest: datetime = self.requests.requested_at.max().item()
            return newest.replace(tzinfo=UTC)
        if self.counts:
            return datetime.combine(max(count.day for count in self.counts), datetime.max.time(), UTC)
        return None


def newest_of(connector: Connector, windows: Sequence[Window], now: datetime, silent_days: int) -> Sample:
    """A sample of what the source has.

    Args:
        windows: What a first run would read.
        silent_days: The source may bring nothing for so long.

    Raises:
        SourceError: It cannot be read.
    """
    begins = min((_day(window.since) for window in windows if window.since), default=None)
    if begins is None:  # not spans of time but files, or what was pushed to us
        return _read(connector, windows[-1:], None)
    sample = Sample()
    for days in sorted({*SPANS, silent_days}):
        first = now.date() - timedelta(days=days)
        if first <= begins:
            break
        recent = cast(Connector, replace(cast(Any, connector), first_day=first))
        found = _read(recent, recent.plan({}, now), first)
        if found.usable and (found.usable >= ENOUGH or found.complete_from is None):
            return found if not sample.usable or found.complete_from else sample
        sample = found if found.usable or not sample.usable else sample
    found = _read(connector, windows, begins)
    return sample if sample.usable and found.complete_from is None else found


def _read(connector: Connector, windows: Sequence[Window], first: date | None) -> Sample:
    """The newest windows first, up to enough rows or too many pages.

    Args:
        first: The day from which on the windows reach up to now; None: all is read, and the last pages are kept.
    """
    kept, read, usable = deque[Page](maxlen=MOST_PAGES), 0, 0
    rejects, counters = list[Reject](), Counter[str]()
    for page in (page for window in reversed(windows) for page in connector.fetch(window)):
        rejects.extend(page.rejects)
        counters.update(page.counters)
        read, usable = read + 1, usable + len(page.requests) + len(page.counts)
        if len(page.requests) or page.counts:
            kept.append(page)
        if first is not None and (usable >= ENOUGH or read >= MOST_PAGES):
            complete_from = None
            break
    else:
        complete_from = first if windows else None
    requests = [page.requests for page in kept if len(page.requests)]
    return Sample(
        Requests.join(requests) if requests else None,
        [count for page in kept for count in page.counts],
        rejects,
        counters,
        usable,
        complete_from,
    )


def _day(midnight: datetime) -> date:
    """The civil day that begins at `midnight`, in whichever zone."""
    return (midnight + timedelta(hours=12)).date()


def held(sample: Sample, ours: str) -> str:
    """What the sample holds of one of our fields, in words; '' if nothing. Descriptions are not quoted."""
    if sample.requests is not None:
        words = status_words(sample.counters) if ours == "status" else ()
        return _words(words) or _of_requests(sample.requests, ours)
    if not sample.counts:
        return ""
    if ours in ("opened", "closed"):
        return f"{sum(getattr(count, ours) for count in sample.counts):,} in all"
    if ours == "date":
        days = [count.day for count in sample.counts]
        return f"{min(days)} to {max(days)}"
    return _labels([getattr(count, ours) for count in sample.counts])


def status_words(counters: Mapping[str, int]) -> list[tuple[str, int]]:
    """Words for a status, and how often each came, the most usual first."""
    counted = {name.removeprefix(STATUS_COUNTER): n for name, n in counters.items() if name.startswith(STATUS_COUNTER)}
    return sorted(counted.items(), key=lambda one: -one[1])


def _words(words: Sequence[tuple[str, int]]) -> str:
    """Which words stand for a status, and what each is taken for."""
    total = sum(count for _, count in words)
    told = [f"{share(count, total)} {_short(word)!r} ({status_of(word).value})" for word, count in words[:MOST_WORDS]]
    more = f", and {len(words) - MOST_WORDS} more words" if len(words) > MOST_WORDS else ""
    return ", ".join(told) + more


def _of_requests(requests: Requests, ours: str) -> str:
    if ours == "source_record_id":
        return f"such as {_short(requests.source_record_id[-1])}"
    if ours == "requested_at":
        day_only = " (days only)" if (requests.precision == Precision.DAY.value).all() else ""
        return f"{requests.day.min()} to {requests.day.max()}{day_only}"
    if ours in ("updated_at", "closed_at", "due_at"):
        times = getattr(requests, ours)
        known = times[~np.isnat(times)].astype("datetime64[D]")
        return f"{_share(len(known), len(times))}{known.min()} to {known.max()}" if len(known) else ""
    if ours in ("latitude", "longitude"):
        degrees = requests.lat if ours == "latitude" else requests.lon
        known = degrees[~np.isnan(degrees)]
        return f"{_share(len(known), len(degrees))}{known.min():.4g} to {known.max():.4g}" if len(known) else ""
    if ours == "status":
        counted = Counter(requests.status.tolist()).most_common()
        return ", ".join(f"{share(count, len(requests))} {status}" for status, count in counted)
    if ours == "description":
        written = int((requests.description != "").sum())
        return f"{share(written, len(requests))} have one" if written else ""
    return _labels(getattr(requests, ours).tolist()) if ours in LABELS else ""


def _labels(labels: Sequence[str]) -> str:
    counted = Counter(label for label in labels if label)
    if not counted:
        return ""
    examples = ", ".join(repr(_short(label)) for label, _ in counted.most_common(MOST_EXAMPLES))
    more = ", …" if len(counted) > MOST_EXAMPLES else ""
    different = f"{len(counted)} different: " if len(counted) > 1 else "only "
    return f"{_share(counted.total(), len(labels))}{different}{examples}{more}"


def _share(known: int, of_all: int) -> str:
    return "" if known == of_all else f"in {share(known, of_all)}: "


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[: _LONGEST_EXAMPLE - 1]}…"
