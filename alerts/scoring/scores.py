"""Scores of a replay against known events; docs/backtest.md defines each in words.

    probability of detection   incidents found / incidents
    sensitivity                days of incidents on which they were found / days of incidents
    timeliness                 mean of (first day found - first day) / days of the incident; 1 if it was missed
    precision                  alerts that tell of an incident / alerts, without those of events that are not scored
    false-positive rate        alarms / verdicts, over the days and series on which no event was known

References:
    Noufaily et al. (2019), Bioinformatics 35, 3110-3118 (POD, sensitivity, timeliness).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, median

import numpy as np

from alerts.messages import ENDS
from alerts.rules.cells import column_of
from alerts.scoring.known_events import INCIDENTS, NO_INCIDENTS, EventKind, KnownEvent, days_of, tells_of, touching
from forewarn.alert import Alarm, Alert, Change, Kind
from forewarn.results import Detection


@dataclass(frozen=True)
class ScoredAlert:
    """An alert that was told, and the known event that it tells of, if any; an incident before any other."""

    alert: Alert
    event: str | None
    kind: EventKind | None


@dataclass(frozen=True)
class ScoredEvent:
    """A known event and whether the replay told of it.

    Args:
        alerted_on: First day whose counts (or those of the week that ends on it) raised an alert that tells of it, as
            people hear the next morning; None: never.
        days_found: Days of the event on which such an alert was found.
        days_after: From the event's first day to `alerted_on`; 0: on the first day.
        days_before_public: From `alerted_on` to the day on which the problem was plain to the public.
    """

    event_id: str
    kind: EventKind
    first_day: date
    last_day: date
    alerted_on: date | None
    days_found: int
    days_after: int | None
    days_before_public: int | None


@dataclass(frozen=True)
class Told:
    """Of the events of one kind, how many were told as an incident."""

    told: int
    events: int


@dataclass(frozen=True)
class Scores:
    """See the module; None: there was nothing to take a share of."""

    alerts_per_week: float
    incidents: int
    incidents_found: int
    probability_of_detection: float | None
    sensitivity: float | None
    timeliness: float | None
    median_days_after: float | None
    median_days_before_public: float | None
    precision: float | None
    false_alerts_per_week: float | None
    false_positive_rate: float | None
    false_alarms_per_week: float | None
    series_days: int
    told_as_incident: Mapping[str, Told]


COUNTED = (Kind.SURGE, Kind.DROP)
"""Alarms of a series on a day; words are alarms of their own, not of one of the series that are watched."""


class Exposure:
    """Counts the verdicts and alarms on days and series of which no event was known."""

    def __init__(self, events: Sequence[KnownEvent]) -> None:
        self._events = events
        self._verdicts: dict[date, int] = {}
        self._alarms: dict[date, int] = {}

    def add(self, day: date, detections: Sequence[Detection], alarms: Iterable[Alarm]) -> None:
        """What was judged on `day`; a day that is judged again counts once, as it was judged last."""
        step_days = detections[0].panel.step_days if detections else 1
        begin = day - timedelta(days=step_days - 1)
        events = [event for event in self._events if event.first_day <= day and begin <= event.last_day]
        counted = [alarm for alarm in alarms if alarm.kind in COUNTED]
        self._alarms[day] = sum(not touching(events, alarm.labels, day, step_days) for alarm in counted)
        judged: dict[int, tuple[Detection, np.ndarray]] = {}
        for detection in detections:
            column = column_of(detection, day)
            if column is not None:
                known = ~np.isnan(detection.expected[:, column] + detection.observed[:, column])
                earlier = judged.get(id(detection.panel))
                judged[id(detection.panel)] = detection, known if earlier is None else earlier[1] | known
        self._verdicts[day] = sum(int((known & _free(one, events)).sum()) for one, known in judged.values())

    @property
    def verdicts(self) -> int:
        return sum(self._verdicts.values())

    @property
    def alarms(self) -> int:
        return sum(self._alarms.values())


def _free(detection: Detection, events: Sequence[KnownEvent]) -> np.ndarray:
    """(n_series,) rows whose labels are known and that hold no requests of any of `events`."""
    labels = detection.panel.labels
    free = np.asarray((labels != "").all(axis=1).to_numpy(dtype=bool))
    for event in events:
        touched = np.ones(len(labels), dtype=bool)
        for name in event.labels.keys() & set(labels.columns):
            touched &= (labels[name] == event.labels[name]).to_numpy(dtype=bool)
        free = free & ~touched
    return free


def score_events(story: Iterable[Change], events: Sequence[KnownEvent]) -> list[ScoredEvent]:
    """Each event with the days on which it was found, given all changes of alerts in the order in which they came."""
    days: dict[str, set[date]] = {event.event_id: set() for event in events}
    alerted: dict[str, date] = {}
    for change in story:
        if says_found(change):
            for event in events:
                if tells_of(change.alert, event):
                    days[event.event_id].update(days_of(change.alert, event))
                    last = change.alert.last_day
                    alerted[event.event_id] = min(alerted.get(event.event_id, last), last)
    return [_scored(event, alerted.get(event.event_id), days[event.event_id]) for event in events]


def score_alerts(story: Iterable[Change], events: Sequence[KnownEvent]) -> list[ScoredAlert]:
    """Each alert that was told, as it was in the end, the earliest first."""
    last: dict[str, Alert] = {}
    told_of: dict[str, set[str]] = {}
    for change in story:
        last[change.alert.fingerprint] = change.alert
        if says_found(change):
            found = told_of.setdefault(change.alert.fingerprint, set())
            found.update(event.event_id for event in events if tells_of(change.alert, event))
    ranked = sorted(events, key=lambda event: event.kind not in INCIDENTS)
    scored = []
    for fingerprint, found in told_of.items():
        event = next((event for event in ranked if event.event_id in found), None)
        name, kind = (event.event_id, event.kind) if event else (None, None)
        scored.append(ScoredAlert(last[fingerprint], name, kind))
    return sorted(scored, key=lambda one: (one.alert.first_day, one.alert.fingerprint))


def scores_of(
    alerts: Sequence[ScoredAlert], events: Sequence[ScoredEvent], exposure: Exposure, *, n_days: int
) -> Scores:
    """All scores of a replay of `n_days` days; those that need known events are None where none is known."""
    incidents = [event for event in events if event.kind in INCIDENTS]
    found = [event for event in incidents if event.alerted_on is not None]
    scored = [one for one in alerts if one.kind is None or one.kind in (*INCIDENTS, *NO_INCIDENTS)]
    false = [one for one in scored if one.kind not in INCIDENTS]
    weeks = n_days / 7
    verdicts, alarms = exposure.verdicts, exposure.alarms
    before = [event.days_before_public for event in incidents if event.days_before_public is not None]
    return Scores(
        alerts_per_week=len(alerts) / weeks,
        incidents=len(incidents),
        incidents_found=len(found),
        probability_of_detection=len(found) / len(incidents) if incidents else None,
        sensitivity=sum(e.days_found for e in found) / sum(map(_n_days, incidents)) if incidents else None,
        timeliness=fmean(map(_timeliness, incidents)) if incidents else None,
        median_days_after=median(e.days_after for e in found if e.days_after is not None) if found else None,
        median_days_before_public=median(before) if before else None,
        precision=(len(scored) - len(false)) / len(scored) if events and scored else None,
        false_alerts_per_week=len(false) / weeks if events else None,
        false_positive_rate=alarms / verdicts if verdicts else None,
        false_alarms_per_week=alarms / weeks,
        series_days=verdicts,
        told_as_incident={
            kind.value: Told(sum(e.alerted_on is not None for e in of_kind), len(of_kind))
            for kind in NO_INCIDENTS
            if (of_kind := [event for event in events if event.kind is kind])
        },
    )


def says_found(change: Change) -> bool:
    """Whether people knew of the alert and it was found: not held back, and not told as no incident."""
    if change.alert.kind is Kind.DATA:
        return False
    return change.event.what not in ENDS and change.alert.evidence["told"] is not None


def _scored(event: KnownEvent, first: date | None, days: set[date]) -> ScoredEvent:
    public = event.public_obvious_date
    return ScoredEvent(
        event_id=event.event_id,
        kind=event.kind,
        first_day=event.first_day,
        last_day=event.last_day,
        alerted_on=first,
        days_found=len(days),
        days_after=(first - event.first_day).days if first else None,
        days_before_public=(public - first).days if first and public else None,
    )


def _n_days(event: ScoredEvent) -> int:
    return (event.last_day - event.first_day).days + 1


def _timeliness(event: ScoredEvent) -> float:
    return 1.0 if event.days_after is None else min(event.days_after / _n_days(event), 1.0)
