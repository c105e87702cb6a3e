"""What made a day's counts other than the public: a list entered at a desk, a category that was renamed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Cause(StrEnum):
    """Why counts say nothing about the world."""

    BATCH = "batch"  # one office entered a list
    UNLABELLED = "unlabelled"  # entered in bulk in one area, without what others say
    BURST = "burst"  # one person reported many things at one place, or along one walk
    BACKLOG = "backlog"  # what came in on days before landed on one day
    BEGUN = "begun"  # a category is new in the feed
    ENDED = "ended"  # a category is no longer in the feed
    RENAMED = "renamed"  # one ended as others began, or several ended as one began
    SILENT = "silent"  # a channel, an area or an agency brings nothing while the rest comes


@dataclass(frozen=True, slots=True)
class Irregularity:
    """One such thing, on the day on which it was recognised.

    Args:
        labels: What was counted, such as `{"category": "Transportation", "subcategory": "Bicycles"}`.
        who: Who or where, such as `{"agency": "Office 26"}`; {} where that is not the point.
        count: Requests that are concerned; for a category that ended what was usual since.
        usual: What the same brings on an ordinary day.
        others: Requests with these labels by all others that day.
        since: First day that is concerned, if not `day`.
        until: Last day that is concerned, of what went on for a while and is over.
        became: For a renamed category the names of those that began, and of those that ended.
    """

    cause: Cause
    day: date
    labels: Mapping[str, str]
    count: int
    usual: float = 0.0
    others: int = 0
    who: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    became: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
