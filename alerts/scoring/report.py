"""What a replay came to; the command line, pages and programs show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from alerts.scoring.power import PowerPoint
from alerts.scoring.scores import ScoredAlert, ScoredEvent, Scores
from forewarn.alert import Alert, Severity


@dataclass(frozen=True)
class Backtest:
    """The replay of one source from `first` to `last`, its scores, and what made-up troubles would have raised."""

    source: str
    first: date
    last: date
    series: int
    alerts: Sequence[ScoredAlert]
    events: Sequence[ScoredEvent]
    scores: Scores
    notices: Sequence[Alert]  # what was told as no incident
    power: Sequence[PowerPoint] = ()

    def summary(self) -> str:
        """The replay in one line."""
        scores = self.scores
        text = (
            f"{self.source}: {len(self.alerts)} alerts from {self.first} to {self.last}, "
            f"{scores.alerts_per_week:.1f} a week over {self.series:,} series"
        )
        if scores.incidents:
            text += f"; {scores.incidents_found} of {scores.incidents} known incidents found"
        if told := sum(kind.told for kind in scores.told_as_incident.values()):
            text += f"; {told} told that were no incidents"
        return text


@dataclass(frozen=True)
class BudgetPoint:
    """What a setting of `false_alarms_per_week` would have come to, over all sources."""

    false_alarms_per_week: float
    alerts_per_week: float


@dataclass(frozen=True)
class HeldBack:
    """An alert that a budget leaves out: chance alone brings one in `once_in_days`, the budget tells from
    `needed_days` on."""

    source: str
    first_day: date
    last_day: date
    title: str
    severity: Severity
    once_in_days: float
    needed_days: float


@dataclass(frozen=True)
class Budget:
    """The threshold for a budget of alerts a week.

    Args:
        asked_per_week: The budget; None: there is none, and the setting of false alarms holds.
        kept: Whether the replay kept to it at the threshold; else that is the strictest that was tried.
        alerts_per_week: What the replay came to at the threshold.
        false_alarms_per_week: The threshold, as a setting.
        curve: What looser and stricter settings come to, the loosest first.
        held_back: What the setting alone would have told and the budget does not, the least likely by chance first.
    """

    asked_per_week: float | None
    kept: bool
    alerts_per_week: float
    false_alarms_per_week: float
    curve: Sequence[BudgetPoint]
    held_back: Sequence[HeldBack]

    def summary(self) -> str:
        """The budget in one line; '' if there is none."""
        if self.asked_per_week is None:
            return ""
        found = f"{self.alerts_per_week:.1f} alerts a week at false_alarms_per_week = {self.false_alarms_per_week:.3g}"
        if not self.kept:
            return f"The budget of {self.asked_per_week:g} alerts a week cannot be kept: still {found}"
        return f"For the budget of {self.asked_per_week:g} alerts a week: {found}; {len(self.held_back)} held back"


@dataclass(frozen=True)
class BacktestReport:
    """All replayed sources, the budget that they share, and why other sources could not be replayed."""

    sources: Sequence[Backtest]
    budget: Budget
    without: Mapping[str, str]
