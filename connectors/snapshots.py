"""What a dropped file has, if it is a snapshot: all that there is of the days that its manifest says it covers.

A row that cannot be read might be any request, so a file with such rows says nothing of what it lacks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from connectors.texts import as_text
from forewarn.contracts import Everything
from forewarn.request import DailyCount, Reject

_NAMELESS = frozenset({"column_count", "unreadable", "no_id"})
"""Reasons of rows that are rejected without anybody knowing which request they are."""


@dataclass
class Snapshot:
    """What one file has, as it is read.

    Args:
        name: Of the file.
        counts: What it comes to, if it has ready counts.
        is_whole: No row was lost so far.
    """

    name: str
    record_ids: set[str] = field(default_factory=set)
    counts: Sequence[DailyCount] | None = None
    is_whole: bool = True

    def add_rows(self, ids: pa.Array, rejects: Collection[Reject]) -> None:
        """Rows with these ids, usable or not: they are there."""
        self.record_ids.update(as_text(ids).to_pylist())
        self.is_whole = self.is_whole and _NAMELESS.isdisjoint(row.reason for row in rejects)

    def add_counts(self, rejects: Collection[Reject]) -> None:
        """Counts, of which these could not be used."""
        self.is_whole = self.is_whole and not rejects

    def everything(self, skipped: Collection[Reject]) -> Everything | None:
        """All that there is, once the last rows that could not be used have gone by; None: nobody knows."""
        whole = self.is_whole and not skipped
        return Everything(self.name, frozenset(self.record_ids), self.counts) if whole else None
