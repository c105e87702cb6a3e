"""What a source looks like before it is trusted: how much, how fresh, what maps to what, and what looks wrong.

Nothing is stored. The source is asked what it has, and a sample of what would be read first is read as ingest would.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

import numpy as np

from forewarn.contracts import Capabilities, Connector, Page, Window
from forewarn.errors import SourceError
from forewarn.request import DailyCount, Reject, Requests

MOST_PAGES = 5
"""Read for the sample, until something comes."""
OLD = timedelta(days=3)
"""A sample whose newest request is older than this asks for a look, where the source should be up to now."""
FEW_PLACES = 0.5
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Check:
    """What was found out of one source, in words.

    Args:
        usable: Whether a run could read it.
        reached: The headline: how much there is, and how fresh it is.
        fields: What maps to what, a line each.
        sample: What the sample holds.
        plan: What would be read first.
        wrong: What looks wrong, the gravest first; empty: nothing.
        remarks: What the source's kind has to say.
    """

    usable: bool
    reached: str
    fields: Sequence[str]
    sample: str
    plan: str
    wrong: Sequence[str]
    remarks: Sequence[str]


def check(connector: Connector, now: datetime, title: str = "") -> Check:
    """Ask the source, and read a sample of what a first run would read.

    Args:
        title: What people call the source; '': its name.

    Raises:
        SourceError: It cannot be asked.
    """
    found = connector.probe()
    windows = connector.plan({}, now)
    sample: list[Page] = []
    try:
        sample = _sample(connector, windows)
    except SourceError as error:
        trouble = [f"a sample could not be read: {error.problem}"]
    else:
        trouble = []
    requests = [page.requests for page in sample if len(page.requests)]
    joined = Requests.join(requests) if requests else None
    counts = [count for page in sample for count in page.counts]
    rejects = [reject for page in sample for reject in page.rejects]
    counters = sum((Counter(page.counters) for page in sample), Counter[str]())
    unknown = _unknown_fields(found)
    wrong = [*(unknown or trouble), *_unusable(rejects, len(joined or ()) + len(counts))]
    wrong += _doubtful(joined, counters, now) if joined is not None else []
    if joined is None and not counts and not trouble:
        wrong.append("nothing could be read as a sample: there may be nothing yet, or not where the settings look")
    return Check(
        usable=not trouble,
        reached=f"{title or connector.source}: {_reached(found, now)}",
        fields=[f"{ours} ← {' or '.join(theirs)}" for ours, theirs in found.mapping.items()],
        sample=_sample_text(joined, counts),
        plan=_plan_text(windows),
        wrong=wrong,
        remarks=found.remarks,
    )


def _sample(connector: Connector, windows: Sequence[Window]) -> list[Page]:
    """Pages of the newest window, until rows came."""
    pages: list[Page] = []
    for window in reversed(windows):
        for page in connector.fetch(window):
            pages.append(page)
            if len(page.requests) or page.counts or len(pages) >= MOST_PAGES:
                return pages
    return pages


def _reached(found: Capabilities, now: datetime) -> str:
    rows = f", {found.rows:,} rows" if found.rows is not None else ""
    if found.fresh_until is None:
        return f"reached{rows}; it does not say how fresh it is"
    age = _age(now - found.fresh_until)
    return f"reached{rows}, up to date until {found.fresh_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({age})"


def _age(age: timedelta) -> str:
    if age < timedelta(hours=2):
        return f"{max(int(age.total_seconds() // 60), 0)} minutes ago"
    return f"{int(age.total_seconds() // 3600)} hours ago" if age < timedelta(days=3) else f"{age.days} days ago"


def _unknown_fields(found: Capabilities) -> list[str]:
    """Fields that the settings name and the source does not have."""
    if not found.fields:
        return []
    wrong = []
    for ours, theirs in found.mapping.items():
        if any(name.partition(".")[0] in found.fields or name.startswith(":") for name in theirs):
            continue
        near = get_close_matches(theirs[0], list(found.fields), 1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        wrong.append(f"{ours} ← {' or '.join(theirs)}: the source shows no such field{hint}")
    return wrong


def _unusable(rejects: Sequence[Reject], usable: int) -> list[str]:
    if not rejects:
        return []
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(one.reason for one in rejects).most_common())
    examples = "; ".join(f"{one.position}: {one.detail}" for one in rejects[:MOST_EXAMPLES])
    return [f"{len(rejects)} of {len(rejects) + usable} rows cannot be used ({reasons}), such as {examples}"]


def _doubtful(requests: Requests, counters: Mapping[str, int], now: datetime) -> list[str]:
    wrong, n_rows = [], len(requests)
    newest = requests.requested_at.max().item().replace(tzinfo=UTC)
    if now - newest > OLD:
        wrong.append(f"the newest request of the sample is of {newest:%Y-%m-%d}, {_age(now - newest)}")
    if counters.get("unmapped_status"):
        wrong.append(f"{counters['unmapped_status']} statuses are words that are not known; they are kept as 'unknown'")
    if not (requests.category != "").any():
        wrong.append("no request of the sample has a category")
    placed = float((~np.isnan(requests.lat)).mean())
    if 0 < placed < FEW_PLACES:
        wrong.append(f"only {placed:.0%} of the sample have a place")
    doubled = n_rows - len(set(requests.source_record_id.tolist()))
    if doubled:
        wrong.append(f"{doubled} of {n_rows} ids come more than once; is it the right field?")
    return wrong


def _sample_text(requests: Requests | None, counts: Sequence[DailyCount]) -> str:
    if requests is not None:
        days = requests.day
        labels = ", ".join(
            f"{len(set(getattr(requests, name).tolist()) - {''})} {words}"
            for name, words in (("category", "categories"), ("area", "areas"), ("channel", "channels"))
        )
        placed = float((~np.isnan(requests.lat)).mean())
        span = f"{days.min()} to {days.max()}"
        return f"{len(requests):,} requests of {span}: {labels}, {placed:.0%} with a place"
    if counts:
        total = sum(count.opened for count in counts)
        span = f"{min(count.day for count in counts)} to {max(count.day for count in counts)}"
        return f"{len(counts):,} daily numbers of {span}, {total:,} requests in all"
    return "nothing"


def _plan_text(windows: Sequence[Window]) -> str:
    if not windows:
        return "nothing: there is nothing to read now"
    since = min((window.since for window in windows if window.since is not None), default=None)
    until = max((window.until for window in windows if window.until is not None), default=None)
    pieces = f"{len(windows)} piece{'' if len(windows) == 1 else 's'}"
    if since is None or until is None:
        return f"{pieces}: {', '.join(window.name for window in windows[:MOST_EXAMPLES])}"
    return f"{since:%Y-%m-%d} to {until:%Y-%m-%d}, in {pieces}"
