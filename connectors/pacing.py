"""How far to ask a server next: for as much as it gives at a time, and past what it stumbles over or has heaped up.

    an answer of n rows, of a server that gives so many     the next span is longer or shorter, so that it is three
                                                            quarters full; half as long at least, and twice at most,
                                                            unless it is known that more suits the source
    an answer that may be cut                               half of the span, unless most of its rows are crowded
                                                            together, as after a change of many rows at once: then the
                                                            span before the crowd, and the crowd by itself
    a failure over what was asked for                       half of the span, down to the seconds of one request

What is asked for reaches a second beyond both ends, so after an answer everything is known up to a second after its
end, and the next span begins there. The seconds over which the server stumbled in earlier readings are asked for by
themselves at once.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
MOMENT = 2 * SECOND
"""The longest span that is not made shorter when its answer may be cut: its pages are turned."""
LONGEST_PIECE = timedelta(days=90) - 4 * SECOND  # the specification's longest, less what is asked for at both ends
LONGEST_TROUBLE = 4 * SECOND
"""For so long a server stumbles over one request, which the seconds beside its own reach, too."""
_FILL, _PAGES = 0.75, 1.5  # of an answer; of a page, where pages are turned

Trouble = tuple[datetime, datetime]
"""Seconds over which the server stumbles."""
Crowd = tuple[datetime, datetime]
"""The first and the last second of many rows."""


@dataclass
class _Doubt:
    """An answer that may have been cut, and what came of its span since."""

    end: datetime
    ids: Set[str]
    found: set[str] = field(default_factory=set)


@dataclass
class Pace:
    """Where the next span of one reading ends.

    Args:
        length: Of the next span where nothing is in the way; in the end that which would suit the source.
        full: Rows that the server gives at a time, as far as is known.
        troubles: Of earlier readings, each of one request.
        turns_pages: An answer may have many pages, after the last of which one must be asked for.
    """

    length: timedelta
    full: int
    troubles: Sequence[Trouble] = ()
    turns_pages: bool = False
    _cap: int | None = None  # rows at which answers are cut, as it seems
    _doubt: _Doubt | None = None
    _crowds: set[Crowd] = field(default_factory=set)  # that lie ahead
    _stumbles_until: datetime | None = None  # end of the shortest span so far that it stumbles over
    _is_in_trouble: bool = False
    _met: list[Trouble] = field(default_factory=list)
    _usual: timedelta = field(init=False)

    def __post_init__(self) -> None:
        self._usual = self.length

    def end_after(self, start: datetime) -> datetime:
        """The end of the span that begins at `start`."""
        if self._is_in_trouble:
            return start + SECOND  # the next ones may hold the same
        if (trouble := self._trouble_at(start)) is not None:
            return trouble[1]
        ends = [start + self.length, *(begin - SECOND for begin, _ in self.troubles if begin - SECOND > start)]
        if self._stumbles_until is not None and self.is_wary(start):
            rest = self._stumbles_until + 2 * SECOND - start  # it may be what the last question reached beyond its end
            ends.append(start + min(_half(rest), max(rest - 3 * SECOND, SECOND)))
        if self._doubt is not None and self._doubt.end > start:
            ends.append(self._doubt.end)
        for first, last in self._crowds:
            if first - MOMENT > start:
                ends.append(first - MOMENT)
            elif last >= start:
                ends.append(min(last + SECOND, start + MOMENT) if first == last else last + SECOND)
        return min(ends)

    def is_wary(self, start: datetime) -> bool:
        """Whether it is likely to stumble over what comes next."""
        is_near = self._stumbles_until is not None and start <= self._stumbles_until + SECOND
        return is_near or self._is_in_trouble or self._trouble_at(start) is not None

    def is_last(self, start: datetime, end: datetime) -> bool:
        """Whether nothing would be gained by a shorter span."""
        return end - start <= SECOND or self._trouble_at(start) is not None

    def is_proof(self, start: datetime, end: datetime) -> bool:
        """Whether a failure of this span would be news, or prove that it stumbles there."""
        is_known = self._is_in_trouble or self._trouble_at(start) is not None
        return not self.is_wary(start) or (self.is_last(start, end) and not is_known)

    def note_whole(self, start: datetime, end: datetime, ids: Set[str]) -> None:
        """All of this span came, in so many rows."""
        self._is_in_trouble = False
        self._crowds = {crowd for crowd in self._crowds if crowd[1] > end}
        if self._cap is not None and len(ids) > self._cap:
            self._cap = None
        if self._doubt is not None:
            self._doubt.found |= ids
            if end + SECOND >= self._doubt.end:
                self._cap = self._cap if self._doubt.found - self._doubt.ids else None
                self._doubt = None
        if end - start == self.length:
            best = _PAGES * self.full if self.turns_pages else _FILL * (self._cap or self.full)
            wanted = self.length * (best / max(len(ids), 1))
            most = min(max(self.length * 2, self._usual), LONGEST_PIECE)
            self.length = _in_seconds(min(max(wanted, self.length / 2), most))

    def note_cut(self, start: datetime, end: datetime, ids: Set[str], crowd: Crowd | None) -> None:
        """More than came may be there of this span, and most of what came was in the crowd."""
        if crowd is not None:
            self._crowds.add(crowd)
            return
        self._cap, self._doubt = len(ids), _Doubt(end, ids)
        self.length = max(_half(end - start), MOMENT)

    def note_stumble(self, end: datetime) -> None:
        """It stumbles over the span up to `end`, and nothing before it."""
        self._stumbles_until = end

    def note_unread(self, start: datetime, end: datetime) -> bool:
        """Not everything of this span is to be had: whether that is another trouble than that of the span before."""
        self._is_in_trouble = self._trouble_at(start) is None
        self._stumbles_until = self._doubt = None
        begins = not self._met or self._met[-1][1] < start
        self._met.append((start, end) if begins else (self._met.pop()[0], end))
        return begins

    def remembered(self, since: datetime, until: datetime) -> list[Trouble]:
        """The troubles that the next reading should know of, after [since, until) was read."""
        kept = [old for old in self.troubles if old[1] <= since or old[0] >= until or _meets(old, self._met)]
        return kept + [new for new in self._met if new[1] - new[0] <= LONGEST_TROUBLE and not _meets(new, kept)]

    def _trouble_at(self, start: datetime) -> Trouble | None:
        return next((trouble for trouble in self.troubles if trouble[0] - SECOND <= start < trouble[1]), None)


def crowd_of(moments: Sequence[datetime], start: datetime, end: datetime) -> Crowd | None:
    """Where in the span most of these are, if it is a small part of it.

    A server that gives the newest rows first, or the oldest, also gives rows of a small part: those at one end.
    """
    if not moments:
        return None
    ordered = sorted(moment.replace(microsecond=0) for moment in moments)
    first, last = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    first, last = first - (last - first), last + (last - first)
    is_small = 2 * (last - first + MOMENT) <= end - start
    return (first, last) if is_small and start <= first and last < end else None


def _meets(one: Trouble, others: Sequence[Trouble]) -> bool:
    return any(one[0] < other[1] and other[0] < one[1] for other in others)


def _half(length: timedelta) -> timedelta:
    return _in_seconds(length / 2)


def _in_seconds(length: timedelta) -> timedelta:
    """In whole seconds, one at least."""
    return max(timedelta(seconds=length // SECOND), SECOND)
