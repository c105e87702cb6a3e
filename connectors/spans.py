"""A span of time, read piece by piece from a server that cuts long answers, or stumbles over some requests.

Servers cut often without a word and at differing numbers, and sort as they like, so page numbers may skip rows. A
piece is therefore made shorter until its answer is clearly not cut, and pages are turned only within a moment. Others
fail as a whole over one request that they cannot write: then too the piece is made shorter, down to the one second.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connectors.dialects import Dialect
from connectors.georeport import Row, id_of
from connectors.http import MAX_TRIES, Answer, counters_of
from connectors.normalise import add_up
from connectors.pacing import MOMENT, SECOND, Pace, crowd_of
from forewarn.errors import SourceUnavailable

FIRST_PIECE = timedelta(days=1)
_ROUND = 25  # servers cap at multiples of this, announced or not
_WARY_TRIES = 2  # of questions that fail though the server is well


class Ask(Protocol):
    def __call__(self, start: datetime, end: datetime, *, page: int | None, tries: int) -> Answer:
        """The rows of [start, end); `page` None: the first, and pages are not mentioned."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """What the server has of [start, end).

    Args:
        is_whole: Nothing is missing; else it is seconds of which the server would not give everything.
        begins_trouble: It is not whole, and the piece before it was: as what is asked for reaches a second further
            at both ends, the same trouble is met several times.
    """

    start: datetime
    end: datetime
    rows: Sequence[Row]
    is_whole: bool
    begins_trouble: bool
    counters: Mapping[str, int]


class _Cut(Exception):
    """The answer may not hold everything."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        super().__init__()


class _Stumbled(Exception):
    """The server fails over what was asked for, but answers otherwise."""


@dataclass
class Pieces:
    """Reads spans from one server, and learns how much it gives at a time.

    Args:
        moment_of: The time of a row by which it was asked for, where that can be told.
        page_size: Rows that are asked for.
        pace: How long the pieces are.
    """

    ask: Ask
    moment_of: Callable[[Row], datetime | None]
    dialect: Dialect
    page_size: int
    pace: Pace
    _largest: int = 0  # rows of the longest answer: a shorter one was not cut
    _counters: list[Mapping[str, int]] = field(default_factory=list)
    _well: tuple[datetime, datetime] | None = None  # a span that was answered

    def of(self, since: datetime, until: datetime) -> Iterator[Piece]:
        """The pieces of [since, until), oldest first.

        Raises:
            SourceUnavailable: The server fails.
        """
        start = since
        self._well = self._well or (until - SECOND, until)
        while start < until:
            end = min(self.pace.end_after(start), until)
            rows: Sequence[Row] = ()
            try:
                rows, is_whole = self._read(start, end)
            except _Cut as cut:
                self._counters.append({"truncated_windows": 1})
                moments = [moment for row in cut.rows if (moment := self.moment_of(row)) is not None]
                self.pace.note_cut(start, end, set(map(id_of, cut.rows)), crowd_of(moments, start, end))
                continue
            except _Stumbled:
                if not self.pace.is_last(start, end):
                    self.pace.note_stumble(end)
                    continue
                is_whole = False
            begins = not is_whole and self.pace.note_unread(start, end)
            if is_whole:
                self.pace.note_whole(start, end, set(map(id_of, rows)))
            yield Piece(start, end, rows, is_whole, begins, add_up(self._counters))
            self._counters.clear()
            start = end + SECOND if is_whole else end

    def _read(self, start: datetime, end: datetime) -> tuple[Sequence[Row], bool]:
        """The rows of a piece, and whether they are all."""
        is_proof, is_last = self.pace.is_proof(start, end), self.pace.is_last(start, end)
        try:
            answer = self.ask(start, end, page=None, tries=MAX_TRIES if is_proof else _WARY_TRIES)
        except SourceUnavailable as failure:
            is_theirs = failure.status is not None and failure.status >= 500
            if not is_theirs or ((is_proof or is_last) and not self._answers_otherwise()):
                raise
            raise _Stumbled from None
        self._counters.append(counters_of(answer))
        self._well = start, end
        rows: Sequence[Row] = answer.document
        self._largest = max(self._largest, len(rows))
        if not self.dialect.short_pages and not self._may_be_cut(rows):
            return rows, True
        if not self.dialect.short_pages and end - start > MOMENT and not is_last:
            raise _Cut(rows)
        return self._turn_pages(start, end, rows)

    def _answers_otherwise(self) -> bool:
        assert self._well is not None  # noqa: S101 - `of` has set it
        try:
            self._counters.append(counters_of(self.ask(*self._well, page=None, tries=1)))
        except SourceUnavailable:
            return False
        return True

    def _may_be_cut(self, rows: Sequence[Row]) -> bool:
        is_round = len(rows) > 0 and len(rows) % _ROUND == 0
        return len(rows) >= self.page_size or (is_round and len(rows) >= self._largest)

    def _turn_pages(self, start: datetime, end: datetime, first: Sequence[Row]) -> tuple[Sequence[Row], bool]:
        """The rows of all pages, and whether their end was seen; `first` is the first page."""
        rows, seen = list(first), {id_of(row) for row in first}
        page = self.dialect.first_page
        while first and self.dialect.page_name:
            page += 1
            answer = self.ask(start, end, page=page, tries=MAX_TRIES)
            self._counters.append(counters_of(answer))
            more = {id_of(row) for row in answer.document}
            if more <= seen:  # nothing, the last page again, or always the same as numbers mean nothing to it
                return rows, not more or self.dialect.short_pages
            rows += answer.document
            seen |= more
            if not self.dialect.short_pages and len(answer.document) < len(first):
                return rows, True
        return rows, not first
