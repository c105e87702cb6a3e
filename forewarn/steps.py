"""What a source's counts are judged by: days, or whole weeks."""

from dataclasses import dataclass
from datetime import date, timedelta

DAYS_A_WEEK = 7
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Steps:
    """Civil days cut into steps. A step is called by its last day, on which all of it is known.

    Args:
        days: Length of a step: 1, or 7.
        begins: Weekday on which a week begins, 0 is Monday.
    """

    days: int = 1
    begins: int = 0

    def begin_of(self, day: date) -> date:
        """First day of the step that holds `day`."""
        return day - timedelta(days=(day.weekday() - self.begins) % self.days)

    def first_whole(self, day: date) -> date:
        """First day of the first step that begins on `day` or later."""
        return self.begin_of(day + timedelta(days=self.days - 1))

    def end_of(self, day: date) -> date:
        """Last day of the step that holds `day`."""
        return self.begin_of(day) + timedelta(days=self.days - 1)

    def last_over(self, day: date) -> date:
        """Last day of the newest step that is over at the end of `day`."""
        return self.begin_of(day + timedelta(days=1)) - timedelta(days=1)

    def ends(self, first: date, last: date) -> list[date]:
        """Last days of the steps that end from `first` to `last`."""
        found, end = list[date](), self.end_of(first)
        while end <= last:
            found.append(end)
            end += timedelta(days=self.days)
        return found


DAYS = Steps()
