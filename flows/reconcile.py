"""Is what the store has of a source still what the source has? Asked once a week, day by day of the last months.

    missing                            when that is believed: see flows/gone.py
    known to the source only           read singly where that is possible, and told otherwise
    one number from the source         held against the number in the store, and told if they differ

A request of days that the source does not keep any longer has aged out, and stays counted.
"""

from datetime import date, timedelta

from sqlalchemy import Connection, Engine

from connectors.days import day_start
from flows.gone import Control, are_many, patience, read_control
from flows.pull import Pull, write
from forewarn.contracts import Connector, ReadsSingly, Window
from forewarn.errors import SourceUnavailable
from forewarn.request import DeletionReason
from store import removals, sources
from store.counts import daily_totals
from store.engine import transaction

AGAIN = timedelta(days=1)
"""A comparison that was off is made again this soon."""
SINGLY = 500
"""The most requests that are asked for one by one in a comparison."""


def reconcile(engine: Engine, connector: Connector, pull: Pull) -> None:
    """Compares the store with the source, if that is due.

    A source that fails in between is asked again by the next run; what was marked until then stays.

    Raises:
        SourceChanged: The source is not what it was.
        StoreError: The store cannot be used.
    """
    with transaction(engine) as conn:
        last_at, held = sources.read_control(conn, pull.name)
        if last_at is None:  # all that there is was read just now
            sources.set_control(conn, pull.name, pull.now, None)
            return
    control = Control(**held) if held is not None else None
    was_off = control is not None and control.is_off and not control.file  # about a file only files can tell
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
            with transaction(engine) as conn:
                sources.set_control(conn, pull.name, pull.now, held)
            return
        if listed.record_ids is not None:
            found = _compare(engine, connector, pull, first, last, listed.record_ids)
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


def _compare(engine: Engine, connector: Connector, pull: Pull, first: date, last: date, ids: frozenset[str]) -> Control:
    """Marks what is missing, reads what is unknown, and takes away what has been missing for long enough."""
    with transaction(engine) as conn:
        found = removals.compare(conn, pull.name, first, last, ids)
        removals.note_missing(conn, pull.name, first, last, found.missing, pull.now)
        a_comparison_ago = timedelta(days=pull.settings.reconcile_every_days)
        before = pull.now - max(a_comparison_ago, patience(len(found.missing), found.stored))
        gone = removals.missing_since(conn, pull.name, first, last, before)
    asked = [*found.unknown, *([] if are_many(len(found.missing), found.stored) else gone)][:SINGLY]
    if isinstance(connector, ReadsSingly) and asked:
        for page in connector.read_again(asked, pull.now):
            with transaction(engine) as conn:
                write(conn, pull, [page])
    with transaction(engine) as conn:
        gone = removals.missing_since(conn, pull.name, first, last, before)
        pull.counters["removed"] += removals.remove(
            conn, pull.name, gone, DeletionReason.DISAPPEARED, at=pull.now, seen_day=pull.today
        )
        if pull.settings.retention_days is not None:
            kept_from = pull.today - timedelta(days=pull.settings.retention_days - 1)
            pull.counters["aged_out"] += removals.age_out(conn, pull.name, kept_from, pull.now)
        still = removals.compare(conn, pull.name, first, last, ids)
        numbers = (still.stored, found.listed, len(still.missing), len(still.unknown))
        control = Control(first.isoformat(), last.isoformat(), *numbers)
        since = removals.first_missed(conn, pull.name, first, last) or pull.now
    believed_on = since + patience(control.missing, control.expected)
    return control._replace(believed_on=believed_on.astimezone(pull.settings.tz).date().isoformat())


def canary_of(conn: Connection, source: str) -> str:
    """What the last comparison says against the source, in words; '' if it found it sound."""
    control = read_control(conn, source)
    return control.said(source) if control is not None and control.is_off else ""
