"""Where did more requests come in than on an ordinary day?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from alerts.rules.issues import findings_of
from forewarn.alert import Finding, Kind
from forewarn.results import Detection


@dataclass(frozen=True)
class Surge:
    """Series above their limit, merged into issues (see `alerts.rules.merging`).

    Args:
        min_requests: Fewer requests on a day never raise an alert, however rare they are: nobody can act on two.
    """

    min_requests: int = 5
    name: str = "surge"

    def evaluate(self, detections: Sequence[Detection], day: date) -> list[Finding]:
        """Findings of `day`, given the detections of one source at all its levels."""
        return findings_of(detections, day, Kind.SURGE, floor=self.min_requests)
