"""Replay history as it was known on each day: which alerts would have come, how many a week, how early."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.detect import Decision, decide, judge, read_panels
from flows.installation import Installation, open_installation
from flows.known_events import KnownEvent, read_events, same_issue
from forewarn.alert import Alert
from forewarn.errors import ConfigError
from forewarn.settings import DEFAULT_FILE
from store.counts import covered_span, revised_days

YEAR_DAYS = 364


@dataclass(frozen=True)
class ScoredAlert:
    """An alert of the replay and the known event that it tells of, if any."""

    alert: Alert
    event: str | None


@dataclass(frozen=True)
class ScoredEvent:
    """A known event and whether the replay told of it.

    Args:
        alerted_on: First day whose counts raised an alert that tells of it; None: never.
        days_after: From the event's first day to that day; 0: on the first day.
        days_before_public: From that day to the day on which the problem was plain to the public.
    """

    event_id: str
    kind: str
    first_day: date
    alerted_on: date | None
    days_after: int | None
    days_before_public: int | None


@dataclass(frozen=True)
class Backtest:
    """What a replay of one source came to."""

    source: str
    first: date
    last: date
    series: int
    alerts: Sequence[ScoredAlert]
    events: Sequence[ScoredEvent]
    alerts_per_week: float = field(init=False)

    def __post_init__(self) -> None:
        weeks = ((self.last - self.first).days + 1) / 7
        object.__setattr__(self, "alerts_per_week", len(self.alerts) / weeks)

    def summary(self) -> str:
        """The replay in one line."""
        text = (
            f"{self.source}: {len(self.alerts)} alerts from {self.first} to {self.last}, "
            f"{self.alerts_per_week:.1f} a week over {self.series:,} series"
        )
        incidents = [event for event in self.events if event.kind.startswith("incident")]
        if incidents:
            found = sum(event.alerted_on is not None for event in incidents)
            text += f"; {found} of {len(incidents)} known incidents found"
        return text


def replay(installation: Installation, name: str, first: date, last: date) -> Iterator[Decision]:
    """What each day from `first` to `last` would have come to, with the counts as they were known the day after.

    Counts that were never revised in between are judged in one call; the verdict on a day is the same.
    """
    settings, source = installation.settings, installation.source(name)
    alerts: dict[str, Alert] = {}
    for start, end in _stretches(installation, name, first, last):
        with installation.engine.connect() as conn:
            as_of = end + timedelta(days=1 + source.public_delay_days)
            panels = read_panels(conn, name, source, settings.detection, end, as_of)
        again = min(settings.detection.recheck_days, (start - first).days)  # what was revised is judged again
        n_days = (end - start).days + 1 + again
        detections = judge(panels, settings.detection, len(settings.sources), n_days)
        for offset in range(n_days):
            day = end - timedelta(days=n_days - 1 - offset)
            known_at = datetime.combine(max(day, start) + timedelta(days=1), time(), source.tz).astimezone(UTC)
            decision = decide(detections, day, list(alerts.values()), settings.detection, known_at)
            alerts |= {change.alert.fingerprint: change.alert for change in decision.changes}
            yield decision


def backtest_source(
    installation: Installation, name: str, first: date | None, last: date | None, events: Sequence[KnownEvent]
) -> Backtest:
    """Replay one source and score its alerts against known events.

    Raises:
        ConfigError: The source holds no days to replay.
    """
    source = installation.source(name)
    with installation.engine.connect() as conn:
        span = covered_span(conn, name)
        if span is None:
            raise ConfigError(f"sources.{name}", "holds no data yet; `forewarn run` reads it")
        last = min(last or span[1], span[1])
        first = max(first or last - timedelta(days=YEAR_DAYS - 1), span[0])
        series = sum(
            len(panel.labels)
            for panel in read_panels(conn, name, source, installation.settings.detection, last, last + timedelta(1))
        )
    if first > last:
        raise ConfigError("--from", f"{first} is after {last}, the last day of {name} that is complete")
    story = [change for decision in replay(installation, name, first, last) for change in decision.changes]
    alerts = {change.alert.fingerprint: change.alert for change in story}
    seen = [event for event in events if event.first_day <= last and event.last_day >= first]
    told_of = {
        fingerprint: next((e.event_id for e in seen if same_issue(alert, e)), None)
        for fingerprint, alert in alerts.items()
    }
    scored_events = []
    for event in seen:
        days = [
            max(change.alert.last_day, event.first_day) if change.alert.last_day >= event.first_day else None
            for change in story
            if same_issue(change.alert, event)
        ]
        alerted_on = min((day for day in days if day is not None), default=None)
        scored_events.append(_score(event, alerted_on))
    scored = [ScoredAlert(alert, told_of[fingerprint]) for fingerprint, alert in alerts.items()]
    return Backtest(name, first, last, series, sorted(scored, key=lambda s: s.alert.first_day), scored_events)


def backtest_sources(
    installation: Installation,
    names: Sequence[str] | None = None,
    first: date | None = None,
    last: date | None = None,
    events_file: Path | None = None,
) -> list[Backtest]:
    """Replay several sources; None: all of them, the year before their last day."""
    events: Mapping[str, list[KnownEvent]] = read_events(events_file) if events_file else {}
    return [
        backtest_source(installation, name, first, last, events.get(name, ()))
        for name in names or installation.require_sources()
    ]


def _score(event: KnownEvent, alerted_on: date | None) -> ScoredEvent:
    after = (alerted_on - event.first_day).days if alerted_on else None
    public = event.public_obvious_date
    before = (public - alerted_on).days if alerted_on and public else None
    return ScoredEvent(event.event_id, event.kind, event.first_day, alerted_on, after, before)


def _stretches(installation: Installation, name: str, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Spans of days between which nothing new became known about earlier days."""
    with installation.engine.connect() as conn:
        revised = revised_days(conn, name, first + timedelta(days=1), last + timedelta(days=1))
    starts = sorted({first, *(day - timedelta(days=1) for day in revised)})
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
