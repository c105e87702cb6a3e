"""Is what the store has of a source still what the source has? Asked once a week, day by day of the last months.

    missing from two comparisons       the request is gone: it is marked and leaves the counts
    missing, and very many of them     believed only after three weeks; until then the source is taken for broken
    known to the source only           read singly where that is possible, and told otherwise
    one number from the source         held against the number in the store, and told if they differ

A request of days that the source does not keep any longer has aged out, and stays counted.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from connectors.days import day_start
from flows.pull import Pull, write
from forewarn.contracts import Connector, ReadsSingly, Window
from forewarn.errors import SourceUnavailable
from forewarn.request import DeletionReason
from store import removals, sources
from store.counts import daily_totals
from store.engine import transaction

TOLERANCE, TOLERATED = 0.01, 25
"""By such a share of the requests, and such a number, a comparison may be off before the source counts as broken."""
MASS_PATIENCE = timedelta(days=21)
"""So long very many requests must be missing before they are taken for gone: servers lose a table for days, too."""
AGAIN = timedelta(days=1)
"""A comparison that was off is made again this soon."""
SINGLY = 500
"""The most requests that are asked for one by one in a comparison."""


class Control(NamedTuple):
    """What a comparison came to, in requests; kept as JSON."""

    first: str  # day, as is the next
    last: str
    expected: int  # in the store
    actual: int  # at the source
    missing: int = 0
    unknown: int = 0

    @property
    def is_off(self) -> bool:
        off = max(abs(self.expected - self.actual), self.missing, self.unknown)
        return off > max(TOLERANCE * self.expected, TOLERATED)

    def __str__(self) -> str:
        return (
            f"From {self.first} to {self.last} it has {self.actual} requests, and {self.expected} are stored "
            f"({self.missing} of them are not there any more, {self.unknown} were never read)."
        )


def reconcile(engine: Engine, connector: Connector, pull: Pull) -> None:
    """Compares the store with the source, if that is due.

    A source that fails in between is asked again by the next run; what was marked until then stays.

    Raises:
        SourceChanged: The source is not what it was.
        StoreError: The store cannot be used.
    """
    with transaction(engine) as conn:
        last_at, control = sources.read_control(conn, pull.name)
        if last_at is None:  # all that there is was read just now
            sources.set_control(conn, pull.name, pull.now, None)
            return
    was_off = control is not None and Control(**control).is_off
    wait = AGAIN if was_off else timedelta(days=pull.settings.reconcile_every_days)
    if not pull.settings.reconcile_every_days or pull.now - last_at < wait:
        return
    first, last = _span(pull)
    if first > last:
        return
    zone = pull.settings.tz
    try:
        listed = connector.reconcile(Window(day_start(first, zone), day_start(last + timedelta(days=1), zone)))
        if not listed.is_all:
            return
        if listed.record_ids is not None:
            found = _compare(engine, connector, pull, first, last, listed.record_ids, last_at)
        elif listed.total is not None:
            found = _count(engine, pull, first, last, listed.total)
        else:
            return  # it would not give everything
    except SourceUnavailable:
        pull.counters["not_reconciled"] += 1
        return
    pull.counters.update(control_expected=found.expected, control_actual=found.actual)
    pull.counters.update(control_missing=found.missing, control_unknown=found.unknown)
    with transaction(engine) as conn:
        sources.set_control(conn, pull.name, pull.now, found._asdict())


def _span(pull: Pull) -> tuple[date, date]:
    """The days that are compared: over for a day, published, and still kept by the source."""
    settings = pull.settings
    days = [pull.today - timedelta(days=settings.reconcile_days)]
    if settings.first_day is not None:
        days.append(settings.first_day)
    if settings.retention_days is not None:
        days.append(pull.today - timedelta(days=settings.retention_days - 1))
    return max(days), pull.today - timedelta(days=1 + settings.public_delay_days)


def _count(engine: Engine, pull: Pull, first: date, last: date, total: int) -> Control:
    with transaction(engine) as conn:
        _, totals = daily_totals(conn, pull.name, first, last)
    return Control(first.isoformat(), last.isoformat(), int(totals.sum()), total)


def _compare(
    engine: Engine, connector: Connector, pull: Pull, first: date, last: date, ids: frozenset[str], last_at: datetime
) -> Control:
    """Marks what is missing, reads what is unknown, and takes away what has been missing for long enough."""
    with transaction(engine) as conn:
        found = removals.compare(conn, pull.name, first, last, ids)
        removals.note_missing(conn, pull.name, first, last, found.missing, pull.now)
        gone = removals.missing_since(conn, pull.name, first, last, last_at)
    control = Control(
        first.isoformat(), last.isoformat(), found.stored, found.listed, len(found.missing), len(found.unknown)
    )
    are_many = control.missing > max(TOLERANCE * found.stored, TOLERATED)
    if isinstance(connector, ReadsSingly) and (asked := [*found.unknown, *([] if are_many else gone)][:SINGLY]):
        for page in connector.read_again(asked, pull.now):
            with transaction(engine) as conn:
                write(conn, pull, [page])
    with transaction(engine) as conn:
        before = pull.now - MASS_PATIENCE if are_many else last_at
        gone = removals.missing_since(conn, pull.name, first, last, before)
        pull.counters["removed"] += removals.remove(
            conn, pull.name, gone, DeletionReason.DISAPPEARED, at=pull.now, seen_day=pull.today
        )
        if pull.settings.retention_days is not None:
            kept_from = pull.today - timedelta(days=pull.settings.retention_days - 1)
            pull.counters["aged_out"] += removals.age_out(conn, pull.name, kept_from, pull.now)
        still = removals.compare(conn, pull.name, first, last, ids)
    return control._replace(expected=still.stored, missing=len(still.missing), unknown=len(still.unknown))


def canary_of(conn: Connection, source: str) -> str:
    """What the last comparison says against the source, in words; '' if it found it sound."""
    _, control = sources.read_control(conn, source)
    return str(Control(**control)) if control is not None and Control(**control).is_off else ""
