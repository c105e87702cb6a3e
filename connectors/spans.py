"""A span of time, read piece by piece from a server that cuts long answers, or stumbles over some requests.

Servers cut often without a word and at differing numbers, and sort as they like, so page numbers may skip rows. A
piece is therefore halved until its answer is clearly not cut, and pages are turned only within one second. Others
fail as a whole over one request that they cannot write: then too the piece is halved, down to the one second.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connectors.dialects import Dialect
from connectors.georeport import Row, id_of
from connectors.http import MAX_TRIES, Answer, counters_of
from connectors.normalise import add_up
from forewarn.errors import SourceUnavailable

FIRST_PIECE = timedelta(days=1)
SECOND = timedelta(seconds=1)
LONGEST_PIECE = timedelta(days=90) - 4 * SECOND  # the specification's longest, less what is asked for at both ends
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
        is_whole: Nothing is missing; else it is one second, of which the server would not give everything.
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


class _Stumbled(Exception):
    """The server fails over what was asked for, but answers otherwise."""


@dataclass
class Pieces:
    """Reads spans from one server, and learns how much it gives at a time.

    Args:
        page_size: Rows that are asked for.
        length: Of the next piece; in the end that which would suit the source.
    """

    ask: Ask
    dialect: Dialect
    page_size: int
    length: timedelta = FIRST_PIECE
    _largest: int = 0  # rows of the longest answer: a shorter one was not cut
    _counters: list[Mapping[str, int]] = field(default_factory=list)
    _well: tuple[datetime, datetime] | None = None  # a span that was answered
    _is_wary: bool = False  # it stumbles over something near

    def of(self, since: datetime, until: datetime) -> Iterator[Piece]:
        """The pieces of [since, until), oldest first.

        They begin at `length`, double while an answer is less than half full, grow by a tenth while it is not full, and
        are halved when it may have been cut. What the server stumbles over is encircled by halving too.

        Raises:
            SourceUnavailable: The server fails.
        """
        start, was_whole = since, True
        usual, stumbled_until = self.length, since  # what was before the server stumbled; the end of what it did over
        self._well = self._well or (until - SECOND, until)
        while start < until:
            end = min(start + self.length, until)
            rows: Sequence[Row] = ()
            try:
                rows, is_whole = self._read(start, end, was_whole=was_whole)
            except _Cut:
                self._counters.append({"truncated_windows": 1})
                self.length = _half(end - start)
                continue
            except _Stumbled:
                usual, stumbled_until = (usual if self._is_wary else self.length), end
                self._is_wary, is_whole = True, False
                if end - start > SECOND:
                    self.length = _half(end - start)
                    continue
            yield Piece(start, end, rows, is_whole, was_whole and not is_whole, add_up(self._counters))
            self._counters.clear()
            start, was_whole = end, is_whole
            if not is_whole:
                self.length = SECOND  # the next ones may hold the same
            elif self._is_wary and start < stumbled_until:
                self.length = _half(stumbled_until - start)
            elif self._is_wary:
                self.length, self._is_wary = usual, False
            elif end < until:
                self.length = min(self._suited(len(rows)), LONGEST_PIECE)
        if self._is_wary:
            self.length, self._is_wary = usual, False

    def _suited(self, n_rows: int) -> timedelta:
        """The length after a piece of the present one held so many rows."""
        if 2 * n_rows < self.page_size:
            return self.length * 2
        if n_rows < self.page_size:
            return self.length * 1.1
        return self.length if n_rows <= 2 * self.page_size else _half(self.length)

    def _read(self, start: datetime, end: datetime, *, was_whole: bool) -> tuple[Sequence[Row], bool]:
        """The rows of a piece, and whether they are all."""
        is_second = end - start <= SECOND
        is_sure = not self._is_wary or (is_second and was_whole)
        try:
            answer = self.ask(start, end, page=None, tries=MAX_TRIES if is_sure else _WARY_TRIES)
        except SourceUnavailable as failure:
            is_theirs = failure.status is not None and failure.status >= 500
            if not is_theirs or ((is_sure or is_second) and not self._answers_otherwise()):
                raise
            raise _Stumbled from None
        self._counters.append(counters_of(answer))
        self._well = start, end
        rows: Sequence[Row] = answer.document
        self._largest = max(self._largest, len(rows))
        if not self.dialect.short_pages and not self._may_be_cut(rows):
            return rows, True
        if not self.dialect.short_pages and not is_second:
            raise _Cut
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


def _half(length: timedelta) -> timedelta:
    """Half of it in whole seconds, one at least."""
    return max(timedelta(seconds=length // SECOND // 2), SECOND)
