"""In which hours of a day did more requests come in than in others like them?

A surge of an afternoon is told in the afternoon. What it was in the whole day is judged when that is over, by
`alerts.rules.surge`; the two are one alert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from alerts.rules.cells import Cell, cell_of, known_rows, severity_of
from alerts.rules.evidence import areas_watched, evidence_of
from alerts.rules.irregular import WITHHELD
from alerts.rules.merging import EXPLAINS, merge
from alerts.wording import issue_title
from forewarn.alert import Alarm, Finding, Kind
from forewarn.irregularity import Irregularity
from forewarn.panel import HOUR, Floats
from forewarn.results import Detection

SHOWN_HOURS = 48
HOURS_A_DAY = 24


@dataclass(frozen=True)
class HourlySurge:
    """Hours above their limit, of each series the most striking of the day, merged into issues as those of days are.

    Hours belong to the day in which their middle lies. What the nights around a holiday are like is not known from
    other nights: holidays and closures, the days before and after them are judged as whole days only.

    Args:
        min_requests: Fewer requests in these hours raise no alert.
    """

    min_requests: int = 5
    name: str = "hours"

    def evaluate(
        self, detections: Sequence[Detection], day: date, irregularities: Sequence[Irregularity] = ()
    ) -> list[Finding]:
        """Findings of `day` so far, the largest first.

        Args:
            detections: Of one source in hours, at all its levels.
            irregularities: What came in that day and is no incident; a series that it explains raises no alert.
        """
        if not detections or _is_off(detections[0], day):
            return []
        entered = [one for one in irregularities if one.day == day and one.cause in WITHHELD]
        cells = {
            frozenset(cell.alarm.labels.items()): cell
            for detection in detections
            for cell in _cells(detection, day, self.min_requests)
            if not _is_entered(cell.alarm, entered)
        }
        watched = HOURS_A_DAY * sum(len(detection.panel.labels) for detection in detections)
        found = []
        for issue in merge([cell.alarm for cell in cells.values()]):
            head = cells[frozenset(issue.head.labels.items())]
            first, last = span_of(head)
            evidence = evidence_of(issue, head, detections, watched=watched, floor=self.min_requests)
            del evidence["history"]
            evidence |= {
                "day_stands_out": True,
                "missing_days": 0,
                "known_at": last.isoformat(),
                "hours": {"first": first.isoformat(), "last": last.isoformat(), **_chart(head)},
            }
            title = issue_title(
                issue.labels,
                issue.alarms,
                source=head.detection.panel.title or issue.head.source,
                with_areas=areas_watched(detections),
                hours=(first, last),
            )
            found.append(
                Finding(
                    kind=Kind.SURGE,
                    source=issue.head.source,
                    labels=issue.labels,
                    day=day,
                    severity=severity_of(issue.head),
                    title=title,
                    evidence=evidence,
                    alarms=issue.alarms,
                )
            )
        return found


def _is_off(detection: Detection, day: date) -> bool:
    """Whether a day is a holiday or a planned closure, or next to one."""
    around = np.datetime64(day, "D") + np.arange(-1, 2)
    return bool(detection.panel.calendar.is_off(around).any())


def span_of(cell: Cell) -> tuple[datetime, datetime]:
    """First of the hours that a cell tells of, and the one after the last, on the source's clock."""
    step = cell.detection.panel.step
    first, last = cell.at - (cell.steps - 1) * step, cell.at + step
    return first.astype("datetime64[s]").item(), last.astype("datetime64[s]").item()


def _cells(detection: Detection, day: date, floor: int) -> list[Cell]:
    """The most striking hours of each series on `day` that are beyond their limit."""
    if detection.rise is None or not detection.observed.shape[1]:
        return []
    steps = detection.rise.steps
    middle = detection.dates - steps // 2 * detection.panel.step  # (n_series, n_judged)
    beyond = detection.alarms() & (middle.astype("datetime64[D]") == np.datetime64(day, "D"))
    beyond &= (detection.rise.observed >= floor) & known_rows(detection)[:, None]
    tail = np.where(beyond, detection.upper_tail, np.inf)
    best = tail.argmin(axis=1)
    return [cell_of(detection, int(row), int(best[row]), day, Kind.SURGE) for row in np.flatnonzero(beyond.any(axis=1))]


def _is_entered(alarm: Alarm, entered: Sequence[Irregularity]) -> bool:
    """Whether what one office or one hand entered that day explains an alarm."""
    inside = [
        one.count
        for one in entered
        if all(alarm.labels.get(name, value) == value for name, value in {**one.labels, **one.who}.items())
    ]
    return sum(inside) >= EXPLAINS * alarm.excess > 0


def _chart(head: Cell) -> Mapping[str, Any]:
    """The last hours up to the head's last one."""
    detection = head.detection
    shown = slice(max(head.column + 1 - SHOWN_HOURS * int(HOUR / detection.panel.step), 0), head.column + 1)
    matrices = {
        "counts": detection.observed,
        "expected": detection.expected,
        "low": detection.low,
        "high": detection.high,
        "limit": detection.limit,
    }
    return {name: _listed(matrix[head.row, shown]) for name, matrix in matrices.items()}


def _listed(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 2) for value in values]
