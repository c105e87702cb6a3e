"""How far back a run reads again, where a source cannot tell what has changed.

Every run reads a little of the past again, the first run of a day more, and one run a week still more, so that late
and changed requests arrive. Which runs did is kept in the source's state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.days import day_start

NIGHTLY, WEEKLY = "revisited", "reviewed"  # keys of the state: the day of the last such run
_A_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Revisits:
    """What is read again before the watermark.

    Args:
        overlap: By every run.
        nightly_days: By the first run of a day.
        weekly_days: By one run a week.
    """

    overlap: timedelta
    nightly_days: int
    weekly_days: int

    def since(self, state: Mapping[str, Any], today: date, zone: ZoneInfo) -> datetime:
        """Where the run begins to read."""
        since: datetime = datetime.fromisoformat(state["watermark"]) - self.overlap
        if state.get(NIGHTLY) != today.isoformat():
            since = min(since, day_start(today - timedelta(days=self.nightly_days), zone))
        if self.is_weekly(state, today):
            since = min(since, day_start(today - timedelta(days=self.weekly_days), zone))
        return since

    def is_weekly(self, state: Mapping[str, Any], today: date) -> bool:
        """Whether the run that reads more once a week is due."""
        return WEEKLY not in state or today - date.fromisoformat(state[WEEKLY]) >= _A_WEEK

    def marks(self, state: Mapping[str, Any], today: date) -> dict[str, str]:
        """What the state says of this once the run is done."""
        weekly = today.isoformat() if self.is_weekly(state, today) else state[WEEKLY]
        return {NIGHTLY: today.isoformat(), WEEKLY: weekly}
