"""The days of the past once more, each as it was known on the morning after it. Nothing is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.belonging import REOPEN_DAYS
from alerts.rules.chances import Chances
from alerts.rules.words import Spoken
from flows.allowance import YEAR_DAYS, Allowance, allowance_of, chances_for
from flows.clusters import clusters_of, read_grounds
from flows.detect import Decision, days_to_recheck, days_to_wait, decide, judge
from flows.hours import NO_HOURS, Hours, decide_hours, judge_hours
from flows.installation import Installation
from flows.reading import read_ordinary
from flows.words import listener_of
from forewarn.alert import Alert, State
from forewarn.errors import ConfigError
from forewarn.irregularity import Irregularity
from forewarn.panel import Floats
from forewarn.results import Cluster, Detection
from forewarn.settings import DetectionSettings
from store.cells import read_history
from store.counts import covered_span, revised_days
from store.engine import snapshot
from store.triangle import MAX_DELAY_DAYS, days_read

CHUNK_DAYS = 56
"""Days judged in one call: what is learnt from goes back from their end as far as it would have gone on each of them,
progress can be told in between, and the verdicts of a year need not fit into memory."""


class JudgedDay(NamedTuple):
    """The verdicts on one day, or the week that ends on it, with the counts as they were known at `known_at`."""

    day: date
    known_at: datetime
    detections: Sequence[Detection]
    clusters: Sequence[Cluster]
    irregularities: Sequence[Irregularity]
    allowance: Allowance
    chances: Chances
    spoken: Spoken | None  # None: the source has no text
    hours: Hours = NO_HOURS


@dataclass
class Life:
    """The alerts of one source as the days of a replay go by."""

    detection: DetectionSettings
    alerts: dict[str, Alert] = field(default_factory=dict)

    def live(self, judged: JudgedDay) -> Decision:
        """What the day comes to; the next days see it."""
        told = decide_hours(
            judged.hours,
            judged.irregularities,
            judged.day,
            list(self.alerts.values()),
            self.detection,
            judged.known_at,
        )
        self.alerts |= {change.alert.fingerprint: change.alert for change in told}
        known = list(self.alerts.values())
        decision = decide(
            judged.detections,
            judged.clusters,
            judged.irregularities,
            judged.day,
            known,
            self.detection,
            judged.known_at,
            spoken=judged.spoken,
        )
        self.alerts |= {change.alert.fingerprint: change.alert for change in decision.changes}
        oldest = judged.day - timedelta(days=REOPEN_DAYS + max(self.detection.recheck_days, MAX_DELAY_DAYS))
        over = [a.fingerprint for a in self.alerts.values() if a.state is State.RESOLVED and a.last_day < oldest]
        for fingerprint in over:  # nothing that comes can belong to it
            del self.alerts[fingerprint]
        return replace(decision, changes=[*told, *decision.changes])


def judged_days(
    installation: Installation, name: str, first: date, last: date, detection: DetectionSettings
) -> Iterator[JudgedDay]:
    """The verdicts on each day from `first` to `last`, as the day after knew its counts.

    Counts that were never revised in between are judged in few calls; the verdict on a day is the same. After a
    revision the days before it are judged again, as `detect` does. All of it is one state of the store.
    """
    with snapshot(installation.engine) as conn:
        yield from _judged_days(conn, installation, name, first, last, detection)


def _judged_days(
    conn: Connection, installation: Installation, name: str, first: date, last: date, detection: DetectionSettings
) -> Iterator[JudgedDay]:
    settings, source = installation.settings, installation.source(name)
    listener = listener_of(conn, installation, name, detection, first, last)
    stretches = _stretches(conn, installation, name, first, last)
    history = None
    if len(stretches) > 1:
        history = read_history(conn, name, first - timedelta(days=detection.history_days), last)
    scanned: dict[bytes, Floats] = {}
    for start, until in stretches:
        new = source.steps.ends(start, until)
        if not new:  # no week ends in it
            continue
        end = new[-1]
        day_after = end + timedelta(days=1)
        as_of = day_after + timedelta(days=days_to_wait(conn, name, source, day_after))
        reading = read_ordinary(conn, installation, name, detection, end, as_of, history)
        again = max(days_to_recheck(reading.panels, detection), source.steps.days)  # what was revised, too
        days = source.steps.ends(max(new[0] - timedelta(days=again), first), end)
        grounds = read_grounds(conn, installation, name, reading, days[0], end, as_of)
        allowance = allowance_of(settings, name, detection, clusters=bool(grounds))
        detections = judge(reading.panels, detection, allowance, len(days))
        alpha, least = allowance.alpha_of_clusters, detection.min_requests
        clusters = clusters_of(grounds, alpha, least, days[0], end, scanned)
        chances = chances_for(reading.panels, detection)
        hours = NO_HOURS
        if source.step == "hour":
            hours = judge_hours(conn, installation, name, allowance, days[0], end, as_of=as_of)
        for day in days:
            known_at = datetime.combine(max(day, new[0]) + timedelta(days=1), time(), source.tz).astimezone(UTC)
            spoken = listener.on(day, as_of) if listener else None
            irregularities = reading.irregularities
            yield JudgedDay(day, known_at, detections, clusters, irregularities, allowance, chances, spoken, hours)


def replay(installation: Installation, name: str, first: date, last: date) -> Iterator[Decision]:
    """What each day from `first` to `last` would have come to, with the counts as they were known the day after."""
    detection = installation.settings.detection
    life = Life(detection)
    return (life.live(judged) for judged in judged_days(installation, name, first, last, detection))


def replayed_span(installation: Installation, name: str, first: date | None, last: date | None) -> tuple[date, date]:
    """The first and last day that a replay of the source can cover: as asked for, or the year before its last day.

    Raises:
        ConfigError: There is no such source, or it holds no such days.
    """
    installation.source(name)
    with snapshot(installation.engine) as conn:
        span = covered_span(conn, name)
    if span is None:
        raise ConfigError(f"sources.{name}", "holds no data yet; `forewarn run` reads it")
    if first is not None and last is not None and first > last:
        raise ConfigError("--from", f"{first} is after {last}, the day of --to")
    if first is not None and first > span[1]:
        raise ConfigError("--from", f"{first} is after {span[1]}, the last day of {name} that is complete")
    if last is not None and last < span[0]:
        raise ConfigError("--to", f"{last} is before {span[0]}, the first day of {name}")
    last = min(last or span[1], span[1])
    return max(first or last - timedelta(days=YEAR_DAYS - 1), span[0]), last


def replayed_spans(
    installation: Installation, names: Sequence[str] | None, first: date | None, last: date | None
) -> tuple[dict[str, tuple[date, date]], dict[str, str]]:
    """The span of each source, and why others cannot be replayed; names None: all sources.

    Raises:
        ConfigError: A source that was named, or every source, holds no such days.
    """
    spans, without = dict[str, tuple[date, date]](), dict[str, str]()
    for name in names or installation.require_sources():
        try:
            spans[name] = replayed_span(installation, name, first, last)
        except ConfigError as error:
            if names is not None:
                raise
            without[name] = str(error)
    if not spans:
        raise ConfigError("sources", "no source can be replayed: " + "; ".join(without.values()))
    return spans, without


def _stretches(
    conn: Connection, installation: Installation, name: str, first: date, last: date
) -> list[tuple[date, date]]:
    """Spans of at most `CHUNK_DAYS`, within which nothing new became known about days before the one that was over.

    Not even that nothing new came.
    """
    following_days = first + timedelta(days=1), last + timedelta(days=1)
    revised = revised_days(conn, name, *following_days)
    read = days_read(conn, name, *following_days, installation.source(name).tz)
    even = (first + timedelta(days=ago) for ago in range(0, (last - first).days + 1, CHUNK_DAYS))
    starts = sorted({*even, *(day - timedelta(days=1) for day in (*revised, *read))})
    following = [*starts[1:], last + timedelta(days=1)]
    return [(start, after - timedelta(days=1)) for start, after in zip(starts, following, strict=True)]
