"""Has the number of requests grown (or fallen) slowly, without ever making a remarkable day?

As detectors/scan.py, but held against an expectation that the last eight weeks have not taught, and whose level follows
slowly; spans of 14 to 56 days that end on the judged day. What grows over weeks is told while it grows; a level that
lasts becomes the new normal after about a year. The same time is meant where steps are hours or weeks.

It is slow and sees what `scan` has got used to: use both. Series whose level wanders by itself over months get wide
limits from their own past (see detectors/past_spans.py), not many alarms. It needs 112 observed days, better two years.

References:
    Hoehle & Paul (2008), Comput Stat Data Anal 52, 4357-4368 (slow changes need an expectation that they do not move).
"""

from dataclasses import dataclass
from typing import ClassVar

from detectors.course import Course, Courses
from detectors.scan import Scan

COURSES = Courses(
    hours=Course(
        period=168,
        guard=1344,
        half_lives=(2688.0, 5376.0, 10752.0),
        spans=(1, 336, 672, 1008, 1344),
        penalties=(0.0, 0.1, 0.2, 0.3, 0.4),
        support=672.0,
        apart=336,
        least_history=1344,
    ),
    days=Course(
        period=7,
        guard=56,
        half_lives=(112.0, 224.0, 448.0),
        spans=(1, 14, 28, 42, 56),
        penalties=(0.0, 0.1, 0.2, 0.3, 0.4),
        support=28.0,
        apart=14,
        least_history=56,
    ),
    longer=Course(
        period=2,
        guard=8,
        half_lives=(16.0, 32.0, 64.0),
        spans=(1, 2, 4, 6, 8),
        penalties=(0.0, 0.1, 0.2, 0.3, 0.4),
        support=8.0,
        apart=4,
        least_history=26,
    ),
)


@dataclass(frozen=True)
class Drift(Scan):
    """See the module.

    Args:
        alpha: Chance of an alarm on an ordinary day; may be as small as 1e-7.
    """

    courses: ClassVar[Courses] = COURSES

    @property
    def name(self) -> str:
        return "drift"
