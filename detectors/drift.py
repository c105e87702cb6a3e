"""Has the number of requests grown (or fallen) slowly, without ever making a remarkable day?

As detectors/scan.py, but held against an expectation that the last eight weeks have not taught, and whose level follows
slowly; spans of 14 to 56 days that end on the judged day. What grows over weeks is told while it grows; a level that
lasts becomes the new normal after about a year.

It is slow and sees what `scan` has got used to: use both. Series whose level wanders by itself over months get wide
limits from their own past (see detectors/spans.py), not many alarms. It needs 112 observed days, better two years.

References:
    Hoehle & Paul (2008), Comput Stat Data Anal 52, 4357-4368 (slow changes need an expectation that they do not move).
"""

from dataclasses import dataclass
from typing import ClassVar

from detectors.baseline import Course
from detectors.scan import Scan


@dataclass(frozen=True)
class Drift(Scan):
    """See the module.

    Args:
        alpha: Chance of an alarm on an ordinary day; may be as small as 1e-7.
    """

    course: ClassVar[Course] = Course(7, 56, (112.0, 224.0, 448.0))
    spans: ClassVar[tuple[int, ...]] = (1, 14, 28, 42, 56)

    @property
    def name(self) -> str:
        return "drift"
