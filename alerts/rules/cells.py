"""Which series were out of the ordinary on a day: the cells of detections that crossed their limit."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forewarn.alert import Alarm, Kind, Severity
from forewarn.panel import DAY, SETTLED
from forewarn.results import Detection

WEEKS_BEFORE = 8
"""A drop is held against the same weekday in so many weeks, too: after a surge its level is still expected."""
LEAST_WEEKS = 4
"""With fewer of them known, they say nothing."""


class Cell(NamedTuple):
    """An alarm, and where it stands in its detection."""

    alarm: Alarm
    detection: Detection
    row: int
    column: int
    steps: int = 1  # that the alarm's numbers sum, the last being at `column`

    @property
    def at(self) -> np.datetime64:
        """When the last of them begins."""
        return np.datetime64(self.detection.dates[self.column])


def column_of(detection: Detection, day: date) -> int | None:
    """Index of `day`, or of the week that it lies in, among the judged days or weeks."""
    return column_at(detection, np.datetime64(day, "D"))


def column_at(detection: Detection, at: np.datetime64) -> int | None:
    """Index of the judged step that `at` lies in."""
    dates = detection.dates
    place = int((at - dates[0]) // detection.panel.step) if len(dates) else -1
    return place if 0 <= place < len(dates) else None


def crossed(detections: Sequence[Detection], day: date, kind: Kind, floor: float) -> list[Cell]:
    """Cells beyond their limit, one a series.

    Args:
        floor: Least observed number of a surge, least expected number of a drop.

    Where several detectors alarm on a series, the one that finds the day least ordinary speaks.
    """
    rarest: dict[frozenset[tuple[str, str]], Cell] = {}
    for detection in detections:
        column = column_of(detection, day)
        if column is None:
            continue
        beyond = _beyond(detection, column, kind, floor)
        for row in np.flatnonzero(beyond):
            cell = cell_of(detection, int(row), column, day, kind)
            if kind is Kind.DROP and not _fell(cell):
                continue
            known = rarest.get(key := frozenset(cell.alarm.labels.items()))
            if known is None or cell.alarm.tail < known.alarm.tail:
                rarest[key] = cell
    return list(rarest.values())


def is_provisional(cell: Cell) -> bool:
    """Whether part of the day's requests is still to come in, so that only what is known by now was judged."""
    return bool(cell.detection.known_share[cell.row, cell.column] < SETTLED)


def severity_of(alarm: Alarm) -> Severity:
    """How much an alarm matters."""
    return severity_at(alarm.excess, alarm.limit - alarm.expected)


def severity_at(excess: float, room: float) -> Severity:
    """How much it matters that so many requests more (or fewer) came than expected.

    Critical: at least 3 times as far from the expected number as the limit, and by at least 30 requests.
    Warning: at least 1.5 times as far, and by at least 10 requests. Otherwise a notice.

    Args:
        room: From the expected number to the limit.
    """
    distance = excess / max(abs(room), 1.0)
    if distance >= 3 and excess >= 30:
        return Severity.CRITICAL
    if distance >= 1.5 and excess >= 10:
        return Severity.WARNING
    return Severity.NOTICE


def labels_of(detection: Detection, row: int) -> dict[str, str]:
    """Labels of a row; '' where unknown."""
    return {name: str(detection.panel.labels[name].iat[row]) for name in detection.panel.level}


def known_rows(detection: Detection) -> npt.NDArray[np.bool_]:
    """Rows all of whose labels are known. The others have no name; they count in the broader levels only."""
    return np.asarray((detection.panel.labels != "").all(axis=1).to_numpy(dtype=bool))


def _beyond(detection: Detection, column: int, kind: Kind, floor: float) -> npt.NDArray[np.bool_]:
    """(n_series,) as `Detection.alarms` and `drops`, for one day only: a replay asks for many days one by one."""
    observed = detection.observed[:, column]
    if kind is Kind.DROP:
        beyond = (observed < detection.lower_limit[:, column]) & (detection.expected[:, column] >= floor)
    else:
        beyond = (observed > detection.limit[:, column]) & (observed >= floor)
    return np.asarray(beyond & known_rows(detection)) if beyond.any() else beyond


def cell_of(detection: Detection, row: int, column: int, day: date, kind: Kind) -> Cell:
    """What a detection says of one step of one series, as an alarm of `day`."""
    drop = kind is Kind.DROP
    at = row, column
    span = detection.fall if drop else detection.rise
    numbers = detection if span is None else span
    day_limit = detection.lower_limit if drop else detection.limit
    steps = detection.window_days if span is None else int(span.steps[at])
    alarm = Alarm(
        source=detection.panel.source,
        labels=labels_of(detection, row),
        day=day,
        kind=kind,
        detector=detection.detector,
        observed=float(numbers.observed[at]),
        expected=_steady(numbers.expected[at]),
        low=_steady(numbers.low[at]),
        high=_steady(numbers.high[at]),
        limit=_steady((day_limit if span is None else span.limit)[at]),
        tail=_steady((detection.lower_tail if drop else detection.upper_tail)[at]),
        window_days=1 if detection.panel.step < DAY else steps * detection.panel.step_days,
    )
    return Cell(alarm, detection, row, column, steps)


def _fell(cell: Cell) -> bool:
    """Whether a drop lies below the median of the same weekday (or span) in the weeks before.

    If it does not, what is over is a surge, and what was usual before it is back.
    """
    detection, panel, alarm = cell.detection, cell.detection.panel, cell.alarm
    week = max(int(np.timedelta64(7, "D") / panel.step), 1)  # in steps
    ends = np.searchsorted(panel.dates, detection.dates[cell.column]) - week * np.arange(1, WEEKS_BEFORE + 1)
    place = ends[:, None] - np.arange(cell.steps)  # (weeks, steps of the span)
    before = panel.counts[cell.row][place[place.min(axis=1) >= 0]].sum(axis=1)
    known = before[~np.isnan(before)]
    share = float(detection.known_share[cell.row, cell.column])
    return len(known) < LEAST_WEEKS or alarm.observed < share * float(np.median(known))


def _steady(value: float) -> float:
    """Six digits: the last ones of a float depend on how many days are judged at once, and would look like news."""
    return float(f"{value:.6g}")
