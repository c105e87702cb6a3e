"""Where did fewer requests come in than on an ordinary day?

A drop is rarely good news: a form that broke, a telephone line that is dead, a category that was renamed.
Days that were not completely read are no drop: they hold no number, and no series without a number alarms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from alerts.rules.chances import LEAST_EXPECTED
from alerts.rules.issues import findings_of
from alerts.rules.merging import EXPLAINS
from forewarn.alert import Finding, Kind
from forewarn.irregularity import Irregularity
from forewarn.results import Detection


@dataclass(frozen=True)
class Drop:
    """Series below their lower limit, merged into issues (see `alerts.rules.merging`).

    Args:
        min_expected: Series of which fewer are expected on the day are not judged.
    """

    min_expected: float = LEAST_EXPECTED
    name: str = "drop"

    def evaluate(
        self, detections: Sequence[Detection], day: date, silent: Sequence[Irregularity] = ()
    ) -> list[Finding]:
        """Findings of `day`, given the detections of one source at all its levels.

        Args:
            silent: Parts of the source that bring nothing, which is told of the source: sums drop with them.
        """
        found = findings_of(detections, day, Kind.DROP, floor=self.min_expected)
        return [finding for finding in found if _lost(finding, silent) < EXPLAINS * finding.alarms[0].excess]


def _lost(finding: Finding, silent: Sequence[Irregularity]) -> float:
    """What the silent parts would have brought of the requests that the finding is about, at the most."""
    head = finding.alarms[0]
    lost = 0.0
    for part in silent:
        if all(head.labels.get(name, value) == value for name, value in part.labels.items()):
            days = (finding.day - (part.since or part.day)).days + 1
            lost += part.usual * min(days, head.window_days)
    return lost
