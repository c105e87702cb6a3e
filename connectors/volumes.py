"""Ready volumes that come piece by piece: rows with the same day (or week) and labels are added up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from forewarn.request import DailyCount
from forewarn.steps import DAYS, DAYS_A_WEEK, Steps

DAYS_A_MONTH = 28


@dataclass
class Volumes:
    """Volumes so far.

    Args:
        steps: What they are wanted for. A week's are those of its last day.
    """

    steps: Steps = DAYS
    opened: Counter[DailyCount] = field(default_factory=Counter)
    closed: Counter[DailyCount] = field(default_factory=Counter)

    def add(self, rows: Iterable[DailyCount]) -> None:
        for row in rows:
            key = row._replace(day=self.steps.end_of(row.day), opened=0, closed=0)
            self.opened[key] += row.opened
            self.closed[key] += row.closed

    def total(self) -> list[DailyCount]:
        """One row for each step and labels."""
        return [key._replace(opened=number, closed=self.closed[key]) for key, number in self.opened.items()]

    def too_coarse(self) -> str:
        """Why they are not of such steps, in words; '': they are."""
        days = sorted({key.day for key in self.opened})
        gap = min(((later - earlier).days for earlier, later in pairwise(days)), default=0)
        if gap < (DAYS_A_WEEK if self.steps.days == 1 else DAYS_A_MONTH):
            return ""
        return f"its days are at least {gap} apart: only daily volumes can be used, or weekly ones with step = 'week'"
