"""What a source looks like before it is trusted: how much, how fresh, what maps to what, and what looks wrong.

Nothing is stored. The source is asked what it has, and a sample of what would be read first is read as ingest would.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from connectors.normalise import status_of
from connectors.samples import Sample, held, newest_of, status_words
from connectors.shapes import is_there
from forewarn.contracts import Capabilities, Connector, TellsTime, Window
from forewarn.errors import SourceError
from forewarn.likeness import meant
from forewarn.panel import LABELS
from forewarn.request import FILE_LEFT_OUT, DailyCount, Reject, Requests, Status
from forewarn.shares import share
from forewarn.steps import DAYS, Steps

OLD_DAYS = 3
"""A source that brings nothing for so long asks for a look, unless its settings say that it takes longer."""
FEW_PLACES = 0.5
MOST_EXAMPLES = 3
_SHOWN = {*LABELS, "latitude", "longitude"}  # fields that hold something, or are not there: times may be empty


@dataclass(frozen=True)
class Check:
    """What was found out of one source, in words.

    Args:
        usable: Whether a run could read it.
        reached: The headline: how much there is, and how fresh it is.
        fields: What maps to what, a line each.
        holds: What the sample holds of each of these fields; '': nothing.
        unread: Fields of the source that no field of ours takes.
        sample: What the sample holds.
        plan: What would be read first.
        wrong: What looks wrong, the gravest first; empty: nothing.
        remarks: What the source's kind has to say.
    """

    usable: bool
    reached: str
    fields: Sequence[str]
    holds: Sequence[str]
    unread: Sequence[str]
    sample: str
    plan: str
    wrong: Sequence[str]
    remarks: Sequence[str]


def check(connector: Connector, now: datetime, title: str = "", delay_days: int = 0) -> Check:
    """Ask the source, and read a sample of the newest that it has.

    Args:
        title: What people call the source; '': its name.
        delay_days: Days until it has published a day completely.

    Raises:
        SourceError: It cannot be asked.
    """
    found = connector.probe()
    sample, windows, trouble = Sample(), list[Window](), list[str]()
    try:
        windows.extend(connector.plan({}, now))
        sample = newest_of(connector, windows, now, OLD_DAYS + delay_days)
    except SourceError as error:
        trouble = [f"a sample could not be read: {error.problem}"]
    holds = [held(sample, ours) for ours in found.mapping]
    unknown = _unknown_fields(found, holds)
    wrong = [*(unknown or trouble), *_unusable(sample.rejects, sample.usable)]
    if isinstance(connector, TellsTime) and (ahead := connector.clock_ahead(now)):
        by = f"{ahead.total_seconds() / 60:.0f} minutes"
        wrong.append(f"this machine's clock is {by} ahead of the server's, which counts; set this machine's by NTP")
    wrong += _silent(sample, now, OLD_DAYS + delay_days)
    if sample.usable and not unknown:
        wrong += _empty(found, holds, getattr(connector, "fields", {}))
    wrong += _doubtful(sample.requests, sample.counters) if sample.requests is not None else []
    if not sample.usable and not sample.rejects and not trouble:
        wrong.append("nothing could be read as a sample: there may be nothing yet, or not where the settings look")
    taken = {name for theirs in found.mapping.values() for name in theirs}
    return Check(
        usable=not trouble and (sample.usable > 0 or not sample.rejects),
        reached=f"{title or connector.source}: {_reached(found, sample, now)}",
        fields=[f"{ours} ← {' or '.join(theirs)}" for ours, theirs in found.mapping.items()],
        holds=holds,
        unread=[name for name in found.fields if not any(_covers(one, name) for one in taken)],
        sample=_sample_text(sample.requests, sample.counts, getattr(connector, "steps", DAYS)),
        plan=_plan_text(windows),
        wrong=wrong,
        remarks=found.remarks,
    )


def _covers(taken: str, name: str) -> bool:
    """Whether a field is read, or something of the structure that it is; the source's own bookkeeping is not told."""
    return taken == name or taken.startswith(f"{name}.") or name.startswith((":", "_"))


def _reached(found: Capabilities, sample: Sample, now: datetime) -> str:
    rows = f", {found.rows:,} rows" if found.rows is not None else ""
    if found.fresh_until is not None:
        at = found.fresh_until.astimezone(UTC)
        return f"reached{rows}, up to date until {at:%Y-%m-%d %H:%M} UTC ({_age(now - at)})"
    newest = sample.newest
    seen = f"; the newest that was seen is of {newest:%Y-%m-%d} ({_age(now - newest)})" if newest else ""
    return f"reached{rows}; it does not say how fresh it is{seen}"


def _age(age: timedelta) -> str:
    if age < timedelta():
        return "not over yet"
    if age < timedelta(hours=2):
        return f"{max(int(age.total_seconds() // 60), 0)} minutes ago"
    return f"{int(age.total_seconds() // 3600)} hours ago" if age < timedelta(days=3) else f"{age.days} days ago"


def _unknown_fields(found: Capabilities, holds: Sequence[str]) -> list[str]:
    """Fields that the settings name, and that neither the source nor its sample shows."""
    if not found.fields:
        return []
    return [
        f"{ours} ← {' or '.join(theirs)}: the source shows no such field{meant(theirs[0], found.fields)}"
        for (ours, theirs), held_of_it in zip(found.mapping.items(), holds, strict=True)
        if not held_of_it and not any(is_there(name, found.fields) for name in theirs)
    ]


def _unusable(rejects: Sequence[Reject], usable: int) -> list[str]:
    if not rejects:
        return []
    files = [one for one in rejects if one.detail.startswith(FILE_LEFT_OUT)]
    left_out = [
        f"{one.position} is left out: {one.detail.removeprefix(FILE_LEFT_OUT)}" for one in files[:MOST_EXAMPLES]
    ]
    if len(files) > MOST_EXAMPLES:
        left_out.append(f"{len(files) - MOST_EXAMPLES} more files are left out")
    rows = [one for one in rejects if one not in files]
    if not rows:
        return left_out
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(one.reason for one in rows).most_common())
    examples = "; ".join(f"{one.position}: {one.detail}" for one in rows[:MOST_EXAMPLES])
    unusable = f"{len(rows)} of {len(rows) + usable} rows cannot be used ({reasons}), such as {examples}"
    return [*left_out, unusable]


def _silent(sample: Sample, now: datetime, silent_days: int) -> list[str]:
    """That nothing new comes, if that is so."""
    newest = sample.newest
    if newest is None or now - newest <= timedelta(days=silent_days):
        return []
    since = f"; none came since {sample.complete_from}" if sample.complete_from is not None else ""
    if sample.complete_from is not None and sample.complete_from <= newest.date():
        since = "; none is newer"
    return [f"the newest request of the sample is of {newest:%Y-%m-%d}, {_age(now - newest)}{since}"]


def _empty(found: Capabilities, holds: Sequence[str], chosen: Mapping[str, object]) -> list[str]:
    """Fields that the settings name and no request of the sample has."""
    return [
        f"{ours} ← {' or '.join(theirs)}: holds nothing in the whole sample"
        for (ours, theirs), held_of_it in zip(found.mapping.items(), holds, strict=True)
        if not held_of_it and ours in _SHOWN and ours in chosen
    ]


def _doubtful(requests: Requests, counters: Mapping[str, int]) -> list[str]:
    wrong, n_rows = [], len(requests)
    if counters.get("unmapped_status"):
        unknown = [word for word, _ in status_words(counters) if status_of(word) is Status.UNKNOWN]
        such = f": {', '.join(map(repr, unknown[:MOST_EXAMPLES]))}" if unknown else ""
        n = counters["unmapped_status"]
        wrong.append(f"{n} statuses are words that are not known; they are kept as 'unknown'{such}")
    if not (requests.category != "").any():
        wrong.append("no request of the sample has a category")
    placed = float((~np.isnan(requests.lat)).mean())
    if 0 < placed < FEW_PLACES:
        wrong.append(f"only {placed:.0%} of the sample have a place")
    doubled = n_rows - len(set(requests.source_record_id.tolist()))
    if doubled:
        wrong.append(f"{doubled} of {n_rows} ids come more than once; is it the right field?")
    return wrong


def _sample_text(requests: Requests | None, counts: Sequence[DailyCount], steps: Steps) -> str:
    if requests is not None:
        days = requests.day
        labels = ", ".join(
            f"{len(set(getattr(requests, name).tolist()) - {''})} {words}"
            for name, words in (("category", "categories"), ("area", "areas"), ("channel", "channels"))
        )
        placed = int((~np.isnan(requests.lat)).sum())
        span = f"{days.min()} to {days.max()}"
        return f"{len(requests):,} requests of {span}: {labels}, {share(placed, len(requests))} with a place"
    if counts:
        total = sum(count.opened for count in counts)
        span = f"{min(count.day for count in counts)} to {max(count.day for count in counts)}"
        often = "daily" if steps.days == 1 else "weekly"
        return f"{len(counts):,} {often} numbers of {span}, {total:,} requests in all"
    return "nothing"


def _plan_text(windows: Sequence[Window]) -> str:
    if not windows:
        return "nothing: there is nothing to read now"
    since = min((window.since for window in windows if window.since is not None), default=None)
    until = max((window.until for window in windows if window.until is not None), default=None)
    pieces = f"{len(windows)} piece{'' if len(windows) == 1 else 's'}"
    if since is None or until is None:
        names = ", ".join(window.name for window in windows[:MOST_EXAMPLES])
        return f"{pieces}: {names}" if names else pieces
    return f"{since:%Y-%m-%d} to {until:%Y-%m-%d}, in {pieces}"
