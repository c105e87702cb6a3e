"""How long free texts are kept: descriptions of older requests are emptied, and nothing else of them.

Of each source it is noted from which day on its texts are kept. That day never moves back: what was emptied is gone.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from store.dialect import insert, overwrites_freed
from store.schema import rejected_row, source_state, sync_run
from store.schema import service_request as stored
from store.sources import ensure_source


def texts_from(conn: Connection, source: str) -> date | None:
    """The first day whose texts are kept; None: all are."""
    found: date | None = conn.execute(select(source_state.c.texts_from).where(source_state.c.source == source)).scalar()
    return found


def keep_texts_from(conn: Connection, source: str, day: date) -> None:
    """Notes that texts of earlier days were emptied."""
    ensure_source(conn, source)
    statement = insert(conn, source_state).values(source=source, state={}, message="", texts_from=day)
    conn.execute(statement.on_conflict_do_update(index_elements=["source"], set_={"texts_from": day}))


def days_with_texts(conn: Connection, source: str, before: date, since: date | None) -> list[tuple[date, int]]:
    """Days before `before` that still have texts, and how many, oldest first; those before `since` have none."""
    days = (stored.c.day < before) if since is None else stored.c.day.between(since, before) & (stored.c.day < before)
    statement = select(stored.c.day, func.count()).where(days, _has_text(source)).group_by(stored.c.day)
    return [(day, number) for day, number in conn.execute(statement.order_by(stored.c.day))]


def empty_texts(conn: Connection, source: str, first: date, last: date) -> int:
    """Empties the texts of these days; tells how many."""
    with overwrites_freed(conn):
        mine = and_(stored.c.day.between(first, last), _has_text(source))
        return conn.execute(update(stored).values(description="").where(mine)).rowcount


def empty_texts_of_removed(conn: Connection, source: str) -> int:
    """Empties the texts of requests that were deleted before texts went with them; tells how many."""
    removed = and_(stored.c.source == source, stored.c.deleted_at.is_not(None), stored.c.description != "")
    with overwrites_freed(conn):
        return conn.execute(update(stored).values(description="").where(removed)).rowcount


def drop_rejects(conn: Connection, source: str, before: datetime) -> int:
    """Drops rejected rows, which quote what a source sent, that no later run met; tells how many."""
    runs = select(sync_run.c.id).where(sync_run.c.source == source, sync_run.c.started_at < before)
    with overwrites_freed(conn):
        mine = and_(rejected_row.c.source == source, rejected_row.c.run_id.in_(runs))
        return conn.execute(delete(rejected_row).where(mine)).rowcount


def _has_text(source: str) -> ColumnElement[bool]:
    return and_(stored.c.source == source, stored.c.description != "", stored.c.deleted_at.is_(None))
