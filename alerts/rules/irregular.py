"""What looks like an incident and is none: told as what it is, once, and only where it would have mattered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import pandas as pd

from alerts.irregular_words import irregular_title
from alerts.rules.cells import column_of, severity_at
from forewarn.alert import Finding, Kind, Severity
from forewarn.irregularity import Cause, Irregularity
from forewarn.results import Detection

WITHHELD = {Cause.BATCH: Severity.CRITICAL, Cause.UNLABELLED: Severity.CRITICAL, Cause.BURST: Severity.WARNING}
"""Causes whose requests are not in the counts, and what they must have been told as if they were, to be worth a line.

What one person reported is there to be dealt with; a list that an office entered is not.
"""


@dataclass(frozen=True)
class NotAnIncident:
    """Requests that were kept out of the counts, and would have been told as severe; categories that came and went.

    Args:
        min_requests: As of the rule for surges.
    """

    min_requests: int = 5
    name: str = "irregular"

    def evaluate(
        self, irregularities: Sequence[Irregularity], detections: Sequence[Detection], day: date
    ) -> list[Finding]:
        """One finding for each office, place or category, the largest first; what is silent is told of the source."""
        if not irregularities or not detections:
            return []
        source, step_days = detections[0].panel.source, detections[0].panel.step_days
        told_here = [one for one in irregularities if one.cause is not Cause.SILENT]
        today = [one for one in told_here if 0 <= (day - one.day).days < step_days]
        told = [one for one in today if one.cause not in WITHHELD or self._would_be_told(one, today, detections)]
        told.sort(key=lambda one: (one.cause, sorted(_scope(one).items()), -one.count))
        groups = [list(group) for _, group in groupby(told, key=lambda one: (one.cause, _scope(one)))]
        return [self._finding(source, group, day) for group in sorted(groups, key=lambda group: -_total(group))]

    def _would_be_told(
        self, one: Irregularity, others: Sequence[Irregularity], detections: Sequence[Detection]
    ) -> bool:
        """Whether a series that counts all that was kept out of it that day would be as severe as it takes."""
        for detection in detections:
            column = column_of(detection, one.day)
            if column is None or not set(detection.panel.level) <= one.labels.keys() | one.who.keys():
                continue
            scope = {name: value for name, value in _all_of(one).items() if name in detection.panel.level}
            rows = (detection.panel.labels == pd.Series(scope)).all(axis=1).to_numpy().nonzero()[0]
            alike = (o for o in others if o.cause in WITHHELD and scope.items() <= _all_of(o).items())
            kept_out = sum(o.count for o in alike)
            if not rows.size:  # nothing is left of the series
                return severity_at(kept_out, self.min_requests) >= WITHHELD[one.cause]
            observed, expected, limit = (
                float(part[rows[0], column]) for part in (detection.observed, detection.expected, detection.limit)
            )
            if severity_at(observed + kept_out - expected, limit - expected) >= WITHHELD[one.cause]:
                return True
        return False

    def _finding(self, source: str, group: Sequence[Irregularity], day: date) -> Finding:
        return Finding(
            kind=Kind.DATA,
            source=source,
            labels=_scope(group[0]),
            day=day,
            severity=Severity.NOTICE,
            title=irregular_title(group),
            evidence={
                "cause": group[0].cause.value,
                "count": _total(group),
                "related": [
                    {
                        "labels": dict(one.labels),
                        "count": one.count,
                        "usual": one.usual,
                        "others": one.others,
                        "since": (one.since or one.day).isoformat(),
                    }
                    for one in group
                ],
                "ended": list(group[0].became[0]),
                "began": list(group[0].became[1]),
            },
        )


def _scope(one: Irregularity) -> dict[str, str]:
    """Who did it, where that is known; otherwise what it is about."""
    return dict(one.who or one.labels)


def _all_of(one: Irregularity) -> dict[str, str]:
    return {**one.labels, **one.who}


def _total(group: Sequence[Irregularity]) -> int:
    return sum(one.count for one in group)
