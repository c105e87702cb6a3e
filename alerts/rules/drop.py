"""Where did fewer requests come in than on an ordinary day?

A drop is rarely good news: a form that broke, a telephone line that is dead, a category that was renamed.
Days that were not completely read are no drop: they hold no number, and no series without a number alarms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from alerts.rules.chances import LEAST_EXPECTED
from alerts.rules.issues import findings_of
from forewarn.alert import Finding, Kind
from forewarn.panel import Detection


@dataclass(frozen=True)
class Drop:
    """Series below their lower limit, merged into issues (see `alerts.rules.merging`).

    Args:
        min_expected: Series of which fewer are expected on the day are not judged.
    """

    min_expected: float = LEAST_EXPECTED
    name: str = "drop"

    def evaluate(self, detections: Sequence[Detection], day: date) -> list[Finding]:
        """Findings of `day`, given the detections of one source at all its levels."""
        return findings_of(detections, day, Kind.DROP, floor=self.min_expected)
