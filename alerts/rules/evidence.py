"""What a message or a page needs to explain a surge or a drop, as JSON.

observed, expected, low, high, limit, excess   of the head, in requests
head            labels of the head; the issue's own may be broader
window_days     days that these numbers sum, the alert's last day being the last of them
step_days       days of a step of the source: 1, or 7 where weeks are judged; where it is 7, what is said of days in
                `day_stands_out`, `history`, `holiday`, `planned` and `missing_days` is meant of weeks
day_stands_out  whether the last of these days by itself lies outside of what is usual
fires_at        smallest (for a drop: largest) count that would still have fired
tail, watched   chance of such a count on an ordinary day; chances for such an alarm a day, over all series that can
                have one
detector        name of the method
related         the other alarms of the issue
one_cause       `labels` of what a cluster shows to have one cause with it, itself included; missing: nothing is shown
parts           the five largest contributions of areas or categories, alarmed or not, with their `share`
history         the head's counts of the last 28 days, null where not observed, with the last day
holiday, holiday_before                        public holiday that day, the day before; ''
bridge          whether it is a single working day between a holiday and a weekend
planned         what else was known of the day beforehand: `name` and `kind` (closure, school_holiday, event)
weather         of the day, `high` and `low` in degrees Celsius, `precipitation` in mm and `snow` in cm, null where not
                known, and `factor`, by which it multiplies what is expected; null: it is not watched
missing_days    days of the last 28 without a complete count
with_areas      whether areas are watched too
known_at        when the counts were read
hours           of a surge that was seen in hours: `first` and `last` of them on the source's clock, the last excluded,
                and up to 48 `counts`, `expected`, `low`, `high` and `limit` of the hours until then, null where not
                known; there is no `history`
so_far          of a day that is not complete: the share of such a day that is known by now, and the range (`low`,
                `high`) in which the day's count will lie with a chance of 9 in 10; null: it is complete
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from alerts.rules.cells import Cell, column_at, is_provisional, labels_of
from alerts.rules.merging import Issue
from detectors.limits import nb_quantile
from detectors.nowcast import nowcast
from detectors.occasions import bridge_days
from forewarn.alert import Alarm, Kind
from forewarn.calendar import Calendar, Dates, EventKind
from forewarn.results import Detection

HISTORY_DAYS = 28
PARTS = 5
RELATED = 50
NUMBERS = ("observed", "expected", "low", "high", "excess")
"""Of an alarm, in requests."""


def evidence_of(
    issue: Issue, head: Cell, detections: Sequence[Detection], *, watched: float, floor: float
) -> dict[str, Any]:
    """Evidence of one issue; keys as above.

    Args:
        watched: Chances a day for such an alarm, see `alerts.rules.chances`.
        floor: Least count of a surge that may fire at all; 0 for a drop.
    """
    alarm = head.alarm
    calendar, step_days = head.detection.panel.calendar, head.detection.panel.step_days
    step = np.datetime64(alarm.day, "D") + np.arange(1 - step_days, 1)
    holiday_before, holiday = _holidays(calendar, step)
    history = _history(head)
    others = sorted(issue.alarms[1:], key=lambda other: -other.excess)
    return {
        **_numbers(alarm),
        "limit": round(alarm.limit, 2),
        "window_days": alarm.window_days,
        "step_days": step_days,
        "head": dict(alarm.labels),
        "day_stands_out": _stands_out(head),
        "fires_at": _fires_at(alarm, floor),
        "tail": alarm.tail,
        "watched": watched,
        "detector": alarm.detector,
        "related": [{"labels": dict(other.labels), **_numbers(other)} for other in others[:RELATED]],
        "parts": parts_of(issue.labels, head, detections),
        "history": {"last_day": alarm.day.isoformat(), "counts": history},
        "holiday": holiday,
        "holiday_before": holiday_before,
        "bridge": step_days == 1 and bool(bridge_days(step, calendar)[0]),
        "planned": [
            {"kind": kind.value, "name": name}
            for kind in (EventKind.CLOSURE, EventKind.SCHOOL_HOLIDAY, EventKind.EVENT)
            if (name := _joined(calendar.event_names(step, kind)))
        ],
        "weather": _weather(head),
        "missing_days": history.count(None),
        "with_areas": areas_watched(detections),
        "known_at": head.detection.panel.as_of.isoformat(),
        "so_far": _so_far(head),
    }


def areas_watched(detections: Sequence[Detection]) -> bool:
    """Whether some level tells areas apart."""
    return any("area" in detection.panel.level for detection in detections)


def parts_of(labels: Mapping[str, str], head: Cell, detections: Sequence[Detection]) -> list[dict[str, Any]]:
    """Largest contributions to the excess within `labels`, from the next finer level that was judged."""
    finer = [
        d
        for d in detections
        if d.detector == head.alarm.detector and set(d.panel.level) > set(labels) and column_at(d, head.at) is not None
    ]
    if not finer:
        return []
    detection = min(finer, key=lambda d: len(d.panel.level))
    column = column_at(detection, head.at)
    assert column is not None  # noqa: S101 - the finer ones were chosen by it
    inside = np.ones(len(detection.panel.labels), dtype=bool)
    for name, value in labels.items():
        inside &= (detection.panel.labels[name] == value).to_numpy()
    sign = -1.0 if head.alarm.kind is Kind.DROP else 1.0
    steps = 1 if head.detection.rise is None else head.steps
    observed, expected = detection.over(column, steps)
    reach = np.sqrt(steps) * (detection.high[:, column] - detection.low[:, column]) / 2
    low, high = detection.low[:, column], detection.high[:, column]
    if steps > 1:
        low, high = np.floor(np.maximum(expected - reach, 0)), np.ceil(expected + reach)
    excess = sign * (observed - expected)
    excess = np.where(inside & ~np.isnan(excess), np.maximum(excess, 0.0), 0.0)
    total = head.alarm.excess if head.alarm.labels == labels else float(excess.sum())
    largest = [int(row) for row in np.argsort(-excess, kind="stable")[:PARTS] if excess[row] > 0]
    return [
        {
            "labels": labels_of(detection, row),
            "observed": float(observed[row]),
            "expected": round(float(expected[row]), 2),
            "low": round(float(low[row]), 2),
            "high": round(float(high[row]), 2),
            "excess": round(float(excess[row]), 2),
            "share": round(min(float(excess[row]) / total, 1.0), 3),
        }
        for row in largest
    ]


def _holidays(calendar: Calendar, step: Dates) -> tuple[str | None, str | None]:
    """Names for the day before and the days of the step."""
    before, *on_the_days = calendar.holiday_names(np.concatenate([step[:1] - 1, step]))
    if calendar.country is None and not calendar.of_kind(EventKind.HOLIDAY):
        return None, None
    return str(before), _joined(on_the_days)


def _joined(names: Iterable[object]) -> str:
    """Each name once."""
    return ", ".join(dict.fromkeys(text for name in names if (text := str(name))))


def _weather(head: Cell) -> dict[str, float | None] | None:
    detection, weather = head.detection, head.detection.panel.weather
    if detection.weather is None or weather is None:
        return None
    day = len(detection.panel.dates) - detection.observed.shape[1] + head.column
    numbers = {
        "factor": detection.weather[head.row, head.column],
        "high": weather.high[day],
        "low": weather.low[day],
        "precipitation": weather.precipitation[day],
        "snow": weather.snow[day],
    }
    return {name: None if np.isnan(value) else round(float(value), 2) for name, value in numbers.items()}


def _so_far(head: Cell) -> dict[str, float] | None:
    completeness = head.detection.panel.completeness
    if completeness is None or not is_provisional(head):
        return None
    n_judged = head.detection.observed.shape[1]
    known, here = completeness.last(n_judged), (head.row, slice(head.column, head.column + 1))
    so_far = head.detection.panel.counts[:, -n_judged:][here]
    mean, variance = nowcast(so_far, known.mean[here], known.variance[here])
    low, high = (so_far + nb_quantile(level, mean - so_far, variance) for level in (0.05, 0.95))
    return {"share": round(float(known.mean[here][0]), 3), "low": float(low[0]), "high": float(high[0])}


def _stands_out(head: Cell) -> bool:
    at = head.row, head.column
    detection = head.detection
    if head.alarm.kind is Kind.DROP:
        return bool(detection.observed[at] < detection.low[at])
    return bool(detection.observed[at] > detection.high[at])


def _numbers(alarm: Alarm) -> dict[str, float]:
    return {
        "observed": alarm.observed,
        "expected": round(alarm.expected, 2),
        "low": round(alarm.low, 2),
        "high": round(alarm.high, 2),
        "excess": round(alarm.excess, 2),
    }


def _fires_at(alarm: Alarm, floor: float) -> int:
    if alarm.kind is Kind.DROP:
        return math.ceil(alarm.limit) - 1
    return max(math.floor(alarm.limit) + 1, math.ceil(floor))


def _history(head: Cell) -> list[float | None]:
    panel = head.detection.panel
    end = len(panel.dates) - head.detection.observed.shape[1] + head.column + 1
    counts = panel.counts[head.row, max(0, end - HISTORY_DAYS) : end]
    return [None if np.isnan(count) else float(count) for count in counts]


def history_days(evidence: Mapping[str, Any]) -> list[tuple[date, float | None]]:
    """The days of `evidence["history"]`, or the last days of its weeks, with their counts."""
    history = evidence["history"]
    counts, last, step = history["counts"], date.fromisoformat(history["last_day"]), evidence.get("step_days", 1)
    return [(last - timedelta(days=step * ago), counts[-1 - ago]) for ago in reversed(range(len(counts)))]
