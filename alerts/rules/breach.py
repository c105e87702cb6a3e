"""Which forecasts cross a limit that was set, and how soon?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from alerts.wording import breach_title
from forewarn.alert import Finding, Kind, Severity
from forewarn.results import Breach


@dataclass(frozen=True)
class LimitBreach:
    """Each breach is one finding: a date, a chance and the days that are left.

    Args:
        soon_days: A likely breach within so many days is critical: one shift plan ahead.
        likely: Chance from which on a breach is called likely.
    """

    soon_days: int = 7
    likely: float = 0.8
    name: str = "breach"

    def evaluate(self, breaches: Sequence[Breach], day: date) -> list[Finding]:
        """Findings from the forecasts made on `day`, the next breach first."""
        return [self._finding(breach, day) for breach in sorted(breaches, key=lambda breach: breach.day)]

    def _finding(self, breach: Breach, day: date) -> Finding:
        breach_day: date = breach.day.astype("datetime64[D]").item()
        lead_days = int((breach.day.astype("datetime64[D]") - np.datetime64(day, "D")).astype(int))
        return Finding(
            kind=Kind.BREACH,
            source=breach.source,
            labels=dict(breach.labels),
            day=day,
            severity=self._severity(lead_days, breach.probability),
            title=breach_title(breach, breach_day, day),
            evidence={
                "breach_day": breach_day.isoformat(),
                "lead_days": lead_days,
                "probability": round(breach.probability, 3),
                "limit": breach.limit,
                "window_days": breach.window_days,
                "expected": round(breach.expected, 1),
                "low": round(breach.low, 1),
                "high": round(breach.high, 1),
                "forecaster": breach.forecaster,
                "over": breach.over,
            },
        )

    def _severity(self, lead_days: int, probability: float) -> Severity:
        """Critical: likely and soon. Warning: one of the two. Otherwise a notice."""
        return Severity(1 + (lead_days <= self.soon_days) + (probability >= self.likely))
