"""How a scan goes along with time: what shares a level, what teaches nothing, how soon the past is forgotten.

Steps may be hours, days, weeks. The level of hours is followed from day to day, since the hours of one day rise and
fall together. Steps of more than a day know no rhythm but the year's.
"""

from typing import NamedTuple

import numpy as np

from forewarn.panel import DAY, HOUR


class Course(NamedTuple):
    """All lengths are in steps.

    Args:
        period: Steps that share one level; the regression is fitted anew as often.
        guard: Steps before a period that teach it nothing.
        half_lives: Steps after which an observation counts half; the slowest is next to no drift.
        spans: Lengths that are looked at together, rising, the first being 1.
        penalties: What each span has to score more; on equal evidence the shorter span speaks, as it is sooner.
        support: Ordinary steps that the belief in a level of 1 is worth.
        apart: Reach of one rise: what lies so far apart is told apart.
        least_history: Observed steps below which a series gets no verdict.
        looked_back: Steps before a span that tell its level where levels are known to stray; 0: none do.
        cycle: Steps of the rhythm by which surges of a short history are told; 0: they are not.
        together: Whether steps near each other rise and fall together, by an amount that no level foretells.
    """

    period: int
    guard: int
    half_lives: tuple[float, ...]
    spans: tuple[int, ...]
    penalties: tuple[float, ...]
    support: float
    apart: int
    least_history: int
    looked_back: int = 0
    together: bool = False
    cycle: int = 0

    @property
    def reach(self) -> int:
        """Steps before a judged one that its verdict looks at."""
        return max(self.spans) - 1 + self.looked_back

    def of_hours(self, hours: int) -> "Course":
        """The course of steps of some hours, where this is that of hours."""
        longer = [place for place, span in enumerate(self.spans) if span > hours and span % hours == 0]
        return Course(
            period=self.period // hours,
            guard=self.guard // hours,
            half_lives=tuple(half_life / hours for half_life in self.half_lives),
            spans=(1, *(self.spans[place] // hours for place in longer)),
            penalties=(self.penalties[0], *(self.penalties[place] for place in longer)),
            support=self.support / hours,
            apart=self.apart // hours,
            least_history=self.least_history // hours,
            looked_back=self.looked_back // hours,
            together=self.together,
        )


class Courses(NamedTuple):
    """A course for each length of a step."""

    hours: Course
    days: Course
    longer: Course

    def of(self, step: np.timedelta64) -> Course:
        """The course of a panel of such steps."""
        if step < DAY:
            return self.hours.of_hours(int(step // HOUR))
        return self.days if step == DAY else self.longer
