"""Replay history as it was known on each day: which alerts would have come, how many a week, how early."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from alerts.lifecycle import REOPEN_DAYS
from alerts.scoring.known_events import KnownEvent, read_events
from alerts.scoring.report import Backtest
from alerts.scoring.scores import Exposure, score_alerts, score_events, scores_of
from flows.detect import Decision, days_to_recheck, days_to_wait, decide, judge, read_panels
from flows.installation import Installation, open_installation
from forewarn.alert import Alert, Change, State
from forewarn.errors import ConfigError
from forewarn.panel import Detection, Panel
from forewarn.settings import DEFAULT_FILE, DetectionSettings
from store.counts import covered_span, revised_days
from store.triangle import MAX_DELAY_DAYS, days_read

YEAR_DAYS = 364
CHUNK_DAYS = 56
"""Days judged in one call: progress can be told in between, and verdicts of a year need not fit into memory."""

OnDay = Callable[[date], None]
"""Told of each day of a replay once it is done."""


class JudgedDay(NamedTuple):
    """The verdicts on one day of a replay, with the counts as they were known at `known_at`."""

    day: date
    known_at: datetime
    detections: Sequence[Detection]


@dataclass
class Life:
    """The alerts of one source as the days of a replay go by; nothing is stored."""

    detection: DetectionSettings
    alerts: dict[str, Alert] = field(default_factory=dict)

    def live(self, judged: JudgedDay) -> Decision:
        """What the day comes to; the next days see it."""
        decision = decide(judged.detections, judged.day, list(self.alerts.values()), self.detection, judged.known_at)
        self.alerts |= {change.alert.fingerprint: change.alert for change in decision.changes}
        oldest = judged.day - timedelta(days=REOPEN_DAYS + max(self.detection.recheck_days, MAX_DELAY_DAYS))
        self.alerts = {
            fingerprint: alert
            for fingerprint, alert in self.alerts.items()
            if alert.state is not State.RESOLVED or alert.last_day >= oldest
        }
        return decision


def judged_days(installation: Installation, name: str, first: date, last: date) -> Iterator[JudgedDay]:
    """The verdicts on each day from `first` to `last`, as the day after knew its counts.

    Counts that were never revised in between are judged in few calls; the verdict on a day is the same. After a
    revision the days before it are judged again, as `detect` does.
    """
    settings, source = installation.settings, installation.source(name)
    detection = settings.detection
    for start, end in _stretches(installation, name, first, last):
        with installation.engine.connect() as conn:
            day_after = end + timedelta(days=1)
            as_of = day_after + timedelta(days=days_to_wait(conn, name, source, day_after))
            panels = read_panels(conn, name, source, detection, end, as_of)
        again = min(days_to_recheck(panels, detection), (start - first).days)  # what was revised is judged again
        days = [start + timedelta(days=n) for n in range(-again, (end - start).days + 1)]
        for place in range(0, len(days), CHUNK_DAYS):
            chunk = days[place : place + CHUNK_DAYS]
            cut = [panel.until(len(panel.dates) - (end - chunk[-1]).days) for panel in panels]
            detections = judge(cut, detection, len(settings.sources), len(chunk))
            for day in chunk:
                known_on = max(day, start) + timedelta(days=1)
                yield JudgedDay(day, datetime.combine(known_on, time(), source.tz).astimezone(UTC), detections)


def replay(installation: Installation, name: str, first: date, last: date) -> Iterator[Decision]:
    """What each day from `first` to `last` would have come to, with the counts as they were known the day after."""
    life = Life(installation.settings.detection)
    return (life.live(judged) for judged in judged_days(installation, name, first, last))


def replayed_span(installation: Installation, name: str, first: date | None, last: date | None) -> tuple[date, date]:
    """The first and last day that a replay of the source can cover: as asked for, or the year before its last day.

    Raises:
        ConfigError: The source holds no such days.
    """
    with installation.engine.connect() as conn:
        span = covered_span(conn, name)
    if span is None:
        raise ConfigError(f"sources.{name}", "holds no data yet; `forewarn run` reads it")
    last = min(last or span[1], span[1])
    first = max(first or last - timedelta(days=YEAR_DAYS - 1), span[0])
    if first > last:
        raise ConfigError("--from", f"{first} is after {last}, the last day of {name} that is complete")
    return first, last


def backtest_source(
    installation: Installation,
    name: str,
    first: date | None,
    last: date | None,
    events: Sequence[KnownEvent],
    on_day: OnDay | None = None,
) -> Backtest:
    """Replay one source and score its alerts against the known events that begin in these days.

    Raises:
        ConfigError: The source holds no days to replay.
    """
    first, last = replayed_span(installation, name, first, last)
    seen = [event for event in events if first <= event.first_day <= last]
    life, exposure = Life(installation.settings.detection), Exposure(seen)
    story, panels = list[Change](), dict[int, Panel]()
    for judged in judged_days(installation, name, first, last):
        decision = life.live(judged)
        story += decision.changes
        exposure.add(judged.day, judged.detections, decision.alarms)
        panels = {id(detection.panel): detection.panel for detection in judged.detections}
        if on_day:
            on_day(judged.day)
    alerts, scored = score_alerts(story, seen), score_events(story, seen)
    scores = scores_of(alerts, scored, exposure, n_days=(last - first).days + 1)
    series = sum(len(panel.labels) for panel in panels.values())
    return Backtest(name, first, last, series, alerts, scored, scores)


def backtest_sources(
    installation: Installation,
    names: Sequence[str] | None = None,
    first: date | None = None,
    last: date | None = None,
    events_file: Path | None = None,
    on_day: OnDay | None = None,
) -> list[Backtest]:
    """Replay several sources; None: all of them, the year before their last day."""
    events: Mapping[str, list[KnownEvent]] = read_events(events_file) if events_file else {}
    return [
        backtest_source(installation, name, first, last, events.get(name, ()), on_day)
        for name in names or installation.require_sources()
    ]


def _stretches(installation: Installation, name: str, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Spans of days between which nothing new became known about earlier days, not even that nothing new came."""
    following_days = first + timedelta(days=1), last + timedelta(days=1)
    with installation.engine.connect() as conn:
        revised = revised_days(conn, name, *following_days)
        read = days_read(conn, name, *following_days, installation.source(name).tz)
    starts = sorted({first, *(day - timedelta(days=1) for day in (*revised, *read))})
    for start, following in zip(starts, [*starts[1:], last + timedelta(days=1)], strict=True):
        yield start, following - timedelta(days=1)


@flow(name="backtest")
def backtest(settings_file: Path = DEFAULT_FILE, names: Sequence[str] | None = None) -> list[Backtest]:
    """Replay the last year of every source and report alerts a week."""
    reports = backtest_sources(open_installation(settings_file), names)
    lines = [f"- {report.summary()}" for report in reports]
    create_markdown_artifact(key="backtest", markdown="\n".join(lines), description="Alerts a week over the last year")
    return reports


if __name__ == "__main__":
    backtest()
