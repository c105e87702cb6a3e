"""What a replay of one source came to; the command line, pages and programs show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from alerts.scoring.scores import ScoredAlert, ScoredEvent, Scores


@dataclass(frozen=True)
class Backtest:
    """The replay of one source from `first` to `last`, and its scores."""

    source: str
    first: date
    last: date
    series: int
    alerts: Sequence[ScoredAlert]
    events: Sequence[ScoredEvent]
    scores: Scores

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
