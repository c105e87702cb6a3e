"""Ready daily volumes that come piece by piece: rows with the same day and labels are added up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from forewarn.request import DailyCount

DAYS_A_WEEK = 7


@dataclass
class Volumes:
    """Volumes so far."""

    opened: Counter[DailyCount] = field(default_factory=Counter)
    closed: Counter[DailyCount] = field(default_factory=Counter)

    def add(self, rows: Iterable[DailyCount]) -> None:
        for row in rows:
            key = row._replace(opened=0, closed=0)
            self.opened[key] += row.opened
            self.closed[key] += row.closed

    def total(self) -> list[DailyCount]:
        """One row for each day and labels."""
        return [key._replace(opened=number, closed=self.closed[key]) for key, number in self.opened.items()]

    def not_daily(self) -> str:
        """Why they are no daily volumes, in words; '': they are."""
        days = sorted({key.day for key in self.opened})
        gap = min(((later - earlier).days for earlier, later in pairwise(days)), default=0)
        if gap < DAYS_A_WEEK:
            return ""
        return f"its days are at least {gap} apart: only daily volumes can be used, not weekly or monthly"
