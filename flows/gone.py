"""What a source no longer has: when that is believed, and what is said until then.

    few are missing                 gone, once two comparisons a week apart did not list them
    many                            likewise, but the source is broken meanwhile, and a person may believe it at once
    more than a quarter of all      believed after three weeks: servers lose a table for days, too

A file that says of itself that it has everything of its days is such a comparison, and its word: few that it lacks are
gone at once.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, Engine

from forewarn.contracts import Everything
from forewarn.request import DailyCount, DeletionReason, Reject
from store import counts, removals, sources
from store.engine import transaction

if TYPE_CHECKING:
    from flows.pull import Pull

TOLERANCE, TOLERATED, TOLERATED_OF_FEW = 0.01, 25, 3
"""So large a share of the requests, and such a number, are few; where there are hardly more than that number, half."""
MASS = 0.25
PATIENCE, MASS_PATIENCE = timedelta(days=7), timedelta(days=21)
"""So long many requests, and more than that share, must be missing before they are taken for gone."""


def are_many(number: int, stored: int) -> bool:
    """Whether so many of the stored requests are more than may change between two comparisons."""
    return number > max(TOLERANCE * stored, min(TOLERATED, max(stored // 2, TOLERATED_OF_FEW)))


def patience(missing: int, stored: int) -> timedelta:
    """How long these must be missing before they are taken for gone; none, where few are."""
    if not are_many(missing, stored):
        return timedelta()
    return PATIENCE if missing <= MASS * stored else MASS_PATIENCE


class Control(NamedTuple):
    """What a comparison came to, in requests; kept as JSON."""

    first: str  # day, as is the next
    last: str
    expected: int  # in the store
    actual: int  # at the source
    missing: int = 0
    unknown: int = 0
    file: str = ""  # that was the comparison
    believed_on: str = ""  # day on which what is missing is taken for gone, if it stays so

    @property
    def days(self) -> tuple[date, date]:
        return date.fromisoformat(self.first), date.fromisoformat(self.last)

    @property
    def is_off(self) -> bool:
        return are_many(max(abs(self.expected - self.actual), self.missing, self.unknown), self.expected)

    def said(self, source: str) -> str:
        """It in words, with what can be done."""
        told = (
            f"From {self.first} to {self.last} {self.file or 'it'} has {self.actual} requests, and {self.expected} are "
            f"stored ({self.missing} of them are not there any more, {self.unknown} were never read)."
        )
        if are_many(self.missing, self.expected):
            later = "drop a file that has them" if self.file else f"that is done on {self.believed_on}, if it stays so"
            told += (
                " If they were taken away on purpose, "
                f"`forewarn sources accept {source}` takes them out of the counts; else {later}."
            )
        elif are_many(max(self.unknown, self.actual - self.expected), self.expected):
            told += f" `forewarn sources backfill {source} --again` reads all that it has."
        return told


def take_snapshot(conn: Connection, pull: "Pull", days: tuple[date, date], found: Everything) -> None:
    """Takes a source at its word that of some days it has this and nothing else.

    Where it lacks many, nothing is taken away until another snapshot lacks them too, or a person says so.
    """
    if found.counts is None:
        _take_ids(conn, pull, *days, found.record_ids, found.name)
    else:
        _take_counts(conn, pull, *days, found.counts, found.name)


def _take_ids(conn: Connection, pull: "Pull", first: date, last: date, ids: frozenset[str], file: str) -> None:
    found = removals.compare(conn, pull.name, first, last, ids)
    removals.note_missing(conn, pull.name, first, last, found.missing, pull.now)
    gone = removals.missing_since(conn, pull.name, first, last, pull.now - patience(len(found.missing), found.stored))
    pull.counters["removed"] += removals.remove(
        conn, pull.name, gone, DeletionReason.SOURCE_DELETED, at=pull.now, seen_day=pull.today
    )
    control = Control(first.isoformat(), last.isoformat(), 0, 0, file=file)
    if (held := read_control(conn, pull.name)) is not None and held.is_off:  # what it asks is not answered yet
        control = control._replace(first=min(held.first, control.first), last=max(held.last, control.last))
    sources.set_control(conn, pull.name, pull.now, _with_numbers(conn, pull.name, control)._asdict())


def _take_counts(
    conn: Connection, pull: "Pull", first: date, last: date, told: Sequence[DailyCount], file: str
) -> None:
    others = counts.other_counts(conn, pull.name, first, last, told)
    stored = int(counts.daily_totals(conn, pull.name, first, last)[1].sum())
    lacks = sum(other.opened for other in others)
    if are_many(lacks, stored):
        problem = f"it lacks {lacks} of {stored} requests, so its other counts stay; a count of 0 would take them away"
        sources.write_rejects(conn, pull.name, pull.run_id, [Reject("small_snapshot", problem, file)])
        return
    zeros = [other._replace(opened=0, closed=0) for other in others]
    written = counts.write_counts(conn, pull.name, zeros, seen_day=pull.today, backfill=pull.backfill)
    pull.counters["removed_counts"] += written.changed


def read_control(conn: Connection, source: str) -> Control | None:
    """What the last comparison came to; for one with a file, what of it is still so."""
    _, held = sources.read_control(conn, source)
    if held is None:
        return None
    control = Control(**held)
    return _with_numbers(conn, source, control) if control.file else control


def _with_numbers(conn: Connection, source: str, control: Control) -> Control:
    """With what is stored of its days, and what of that is missing."""
    stored, missing = removals.count_missing(conn, source, *control.days)
    return control._replace(expected=stored, actual=stored - missing, missing=missing)


def accept(engine: Engine, name: str, now: datetime, today: date) -> int:
    """Takes what the last comparison did not find for gone, as a person says that it is; tells how many.

    Raises:
        StoreError: The store cannot be used.
    """
    with transaction(engine) as conn:
        compared_at, _ = sources.read_control(conn, name)
        control = read_control(conn, name)
        if compared_at is None or control is None:
            return 0
        gone = removals.missing_since(conn, name, *control.days, now)
        removed = removals.remove(conn, name, gone, DeletionReason.DISAPPEARED, at=now, seen_day=today)
        control = control._replace(expected=control.expected - removed, missing=0, believed_on="")
        sources.set_control(conn, name, compared_at, control._asdict())
    return removed
