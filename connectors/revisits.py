"""Which spans a run reads, where a source cannot tell what has changed.

Every run reads on from the end of the one before, and a little of the past again; the first run of a day reads more
of it, and one run a week still more, so that late and changed requests arrive. The state says how far it was read,
and on which days those runs were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.days import civil_day, day_start
from forewarn.contracts import Window

WATERMARK, NIGHTLY, WEEKLY = "watermark", "revisited", "reviewed"  # keys of the state
DAYS_A_WINDOW = 28
DEFAULT_DAYS = 90  # read at first, if the settings name no first day
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

    def windows(
        self, state: Mapping[str, Any], horizon: datetime, zone: ZoneInfo, first_day: date | None
    ) -> list[Window]:
        """The spans to read up to `horizon`, oldest first, each with the state that it leads to.

        A run is of the day that it reads into, so that the first of a day finds the day before it over.

        Args:
            first_day: Before it nothing is read; None: 90 days ago.
        """
        today = civil_day(horizon, zone)
        since = day_start(first_day or today - timedelta(days=DEFAULT_DAYS), zone)
        if WATERMARK in state:
            since = max(since, self._since(state, today, zone))
        reached = datetime.fromisoformat(state[WATERMARK]) if WATERMARK in state else since
        windows = []
        while since < horizon:
            until = min(day_start(civil_day(since, zone) + timedelta(days=DAYS_A_WINDOW), zone), horizon)
            windows.append(Window(since, until, state={**state, WATERMARK: max(until, reached).isoformat()}))
            since = until
        if windows:
            weekly = today.isoformat() if self.is_weekly(state, today) else state[WEEKLY]
            done = {**windows[-1].state, NIGHTLY: today.isoformat(), WEEKLY: weekly}
            windows[-1] = Window(windows[-1].since, horizon, state=done)
        return windows

    def is_weekly(self, state: Mapping[str, Any], today: date) -> bool:
        """Whether the run that reads more once a week is due."""
        return WEEKLY not in state or today - date.fromisoformat(state[WEEKLY]) >= _A_WEEK

    def _since(self, state: Mapping[str, Any], today: date, zone: ZoneInfo) -> datetime:
        since: datetime = datetime.fromisoformat(state[WATERMARK]) - self.overlap
        if state.get(NIGHTLY) != today.isoformat():
            since = min(
                day_start(civil_day(since, zone), zone), day_start(today - timedelta(days=self.nightly_days), zone)
            )
        if self.is_weekly(state, today):
            since = min(since, day_start(today - timedelta(days=self.weekly_days), zone))
        return since
