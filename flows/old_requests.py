"""Old requests that are still open, of sources that do not tell by themselves what becomes of them: looked up singly.

Once a day some are asked for, those first that were seen longest ago, and each once a week at most; so few that a run
reads hardly more than what is new. What is not there twice, a week apart, is gone. A server that has hardly any of them
does not keep old requests, or is ill: neither makes them gone.
"""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Engine

from connectors.days import day_start
from flows.pull import Pull, write
from forewarn.contracts import Connector, ForgetsOld
from forewarn.errors import SourceUnavailable
from forewarn.request import DeletionReason
from store import removals, sources
from store.engine import transaction

EVERY = timedelta(days=7)
A_DAY, SHARE = 500, 0.005
"""So many are looked up in a day, about fifty in one question; or such a share of all that is stored."""
ENOUGH = 10  # answers from which on a server that has hardly any of them is recognised


def how_many(stored: int) -> int:
    """The most that are looked up in a day."""
    return min(A_DAY, int(SHARE * stored) + 1)


def look_up_old(engine: Engine, connector: Connector, pull: Pull) -> None:
    """Asks what became of old requests, if that is due today.

    A source that fails in between is asked for the others tomorrow.

    Raises:
        SourceChanged: The source is not what it was.
        StoreError: The store cannot be used.
    """
    if not isinstance(connector, ForgetsOld) or connector.revisited_days is None:
        return
    settings = pull.settings
    last = pull.today - timedelta(days=connector.revisited_days + 1)
    first = settings.first_day or date.min
    if settings.retention_days is not None:
        first = max(first, pull.today - timedelta(days=settings.retention_days - 1))
    with transaction(engine) as conn:
        if sources.was_counted(conn, pull.name, "looked_up", day_start(pull.today, settings.tz)):
            return
        limit = how_many(removals.count_stored(conn, pull.name, date.min, date.max))
        asked = removals.oldest_open(conn, pull.name, first, last, pull.now - EVERY, limit)
    pull.counters["looked_up"] = 0
    missing: set[str] = set()
    try:
        for page in connector.read_again(asked, pull.now) if asked else ():
            there = set(page.requests.source_record_id.tolist())
            missing |= set(page.removed)
            with transaction(engine) as conn:
                write(conn, pull, [replace(page, removed=())])
            pull.counters["looked_up"] += len(there)
            if len(missing) >= ENOUGH and len(missing) > pull.counters["looked_up"]:
                return
    except SourceUnavailable:
        pull.counters["not_looked_up"] += 1
        return
    with transaction(engine) as conn:
        gone = removals.note_missing_singly(conn, pull.name, missing, pull.now, pull.now - EVERY)
        pull.counters["removed"] += removals.remove(
            conn, pull.name, gone, DeletionReason.DISAPPEARED, at=pull.now, seen_day=pull.today
        )
