"""Sources: their connector's state, their health, their runs and the rows that could not be used."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, select, update

from forewarn.contracts import SourceHealth
from forewarn.request import Reject
from store.dialect import insert
from store.schema import rejected_row, source, source_state, sync_run

CONTENTS_KEPT = 200
"""Pulls whose contents tell what is usual."""


class SourceRow(NamedTuple):
    """How a source is doing."""

    source: str
    health: SourceHealth
    message: str
    changed_at: datetime  # since when the health is what it is
    checked_at: datetime
    newest_day: date | None


class RunRow(NamedTuple):
    """One pull of a source; `finished_at` is None while it runs, and for ever if it was killed."""

    id: int
    source: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    counters: Mapping[str, int]
    message: str


class RejectRow(NamedTuple):
    """A row that could not be used, and the last run that met it."""

    run_id: int
    reason: str
    detail: str
    position: str


def ensure_source(conn: Connection, name: str) -> None:
    """Makes the source known, which other tables refer to."""
    conn.execute(insert(conn, source).values(name=name).on_conflict_do_nothing())


def advance_source(conn: Connection, name: str, seen_day: date) -> date:
    """Locks the source until the transaction ends, and gives the civil day under which to file what is written.

    That is `seen_day`, unless the clock went back: what was known on a past day stays as it was.
    """
    statement = insert(conn, source).values(name=name, seen_day=seen_day)
    new = statement.excluded.seen_day
    later = case((source.c.seen_day > new, source.c.seen_day), else_=new)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"seen_day": later})
    filed: date = conn.execute(statement.returning(source.c.seen_day)).scalar_one()
    return filed


def read_state(conn: Connection, source: str) -> Mapping[str, Any]:
    """The connector's committed state; {} if the source was never read."""
    found = conn.execute(select(source_state.c.state).where(source_state.c.source == source)).scalar()
    return found or {}


def commit_state(conn: Connection, source: str, state: Mapping[str, Any]) -> None:
    """Keeps the connector's state; belongs in the transaction of the rows that it covers."""
    ensure_source(conn, source)
    statement = insert(conn, source_state).values(source=source, state=dict(state), message="")
    conn.execute(statement.on_conflict_do_update(index_elements=["source"], set_={"state": dict(state)}))


def read_control(conn: Connection, source: str) -> tuple[datetime | None, Mapping[str, Any] | None]:
    """When the store was last compared with the source, and what that came to; None: never."""
    table = source_state.c
    found = conn.execute(select(table.reconciled_at, table.control).where(table.source == source)).first()
    return (found.reconciled_at, found.control) if found else (None, None)


def set_control(conn: Connection, source: str, at: datetime, control: Mapping[str, Any] | None) -> None:
    """Notes a comparison with a source of which something was read."""
    values = {"reconciled_at": at, "control": control and dict(control)}
    conn.execute(update(source_state).where(source_state.c.source == source).values(values))


def read_shape(conn: Connection, source: str) -> Mapping[str, Any]:
    """What is known of the source's fields; {}: nothing yet."""
    found = conn.execute(select(source_state.c.shape).where(source_state.c.source == source)).scalar()
    return found or {}


def set_shape(conn: Connection, source: str, shape: Mapping[str, Any]) -> None:
    """Keeps what is known of the fields of a source of which the health was told."""
    conn.execute(update(source_state).where(source_state.c.source == source).values(shape=dict(shape)))


def accept_contents(conn: Connection, source: str, at: datetime) -> None:
    """From now on what the source holds is compared with what it will hold, not with what it held."""
    set_shape(conn, source, {**read_shape(conn, source), "news": {}, "accepted": at.isoformat()})


def read_contents(conn: Connection, source: str) -> list[Mapping[str, int]]:
    """Counters of the last pulls that ended well and read rows, newest first, since a person last accepted them."""
    table = sync_run.c
    well = (table.source == source) & table.outcome.is_not(None) & (table.outcome != "failed")
    if accepted := read_shape(conn, source).get("accepted"):
        well &= table.started_at >= datetime.fromisoformat(accepted)
    newest_first = select(table.counters).where(well).order_by(table.id.desc()).limit(CONTENTS_KEPT)
    return [counters for counters in conn.execute(newest_first).scalars() if counters.get("rows")]


def set_health(
    conn: Connection, source: str, health: SourceHealth, message: str, at: datetime, newest_day: date | None
) -> None:
    """Notes how a source is doing; `changed_at` moves only when the health is another one."""
    ensure_source(conn, source)
    statement = insert(conn, source_state).values(
        source=source,
        state={},
        health=health.value,
        message=message,
        changed_at=at,
        checked_at=at,
        newest_day=newest_day,
    )
    new = statement.excluded
    same = source_state.c.health == new.health
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["source"],
            set_={
                "health": new.health,
                "message": new.message,
                "changed_at": case((same, source_state.c.changed_at), else_=new.changed_at),
                "checked_at": new.checked_at,
                "newest_day": new.newest_day,
            },
        )
    )


def read_health(conn: Connection) -> list[SourceRow]:
    """Every source whose health was told, by name."""
    table = source_state.c
    columns = (table.source, table.health, table.message, table.changed_at, table.checked_at, table.newest_day)
    rows = conn.execute(select(*columns).where(table.health.is_not(None)).order_by(table.source))
    return [SourceRow(name, SourceHealth(health), *rest) for name, health, *rest in rows]


def start_run(conn: Connection, source: str, at: datetime) -> int:
    """Notes that a pull begins; gives its number."""
    ensure_source(conn, source)
    values = {"source": source, "started_at": at, "counters": {}, "message": ""}
    run_id: int = conn.execute(sync_run.insert().values(values).returning(sync_run.c.id)).scalar_one()
    return run_id


def finish_run(
    conn: Connection, run_id: int, at: datetime, outcome: str, counters: Mapping[str, int], message: str
) -> None:
    """Notes how a pull ended."""
    values = {"finished_at": at, "outcome": outcome, "counters": dict(counters), "message": message}
    conn.execute(update(sync_run).where(sync_run.c.id == run_id).values(values))


def was_ever_read(conn: Connection, source: str) -> bool:
    """Whether a pull of the source was ever completed; until then, when its rows were published is not known."""
    completed = (sync_run.c.source == source) & sync_run.c.outcome.is_not(None) & (sync_run.c.outcome != "failed")
    return conn.execute(select(sync_run.c.id).where(completed).limit(1)).first() is not None


def read_runs(conn: Connection, source: str | None = None, limit: int = 50) -> list[RunRow]:
    """The last pulls, newest first."""
    statement = select(sync_run).order_by(sync_run.c.started_at.desc(), sync_run.c.id.desc()).limit(limit)
    if source is not None:
        statement = statement.where(sync_run.c.source == source)
    return [RunRow(*row) for row in conn.execute(statement)]


def sum_counters(conn: Connection, source: str, since: datetime) -> Counter[str]:
    """The counters of all pulls that ended since then, added up."""
    total: Counter[str] = Counter()
    ended = (sync_run.c.source == source) & (sync_run.c.started_at >= since)
    for counters in conn.execute(select(sync_run.c.counters).where(ended)).scalars():
        total.update(counters)
    return total


def was_counted(conn: Connection, source: str, what: str, since: datetime) -> bool:
    """Whether a pull that began since then noted such a counter, if only as 0."""
    lately = (sync_run.c.source == source) & (sync_run.c.started_at >= since)
    return any(what in counters for counters in conn.execute(select(sync_run.c.counters).where(lately)).scalars())


def write_rejects(conn: Connection, source: str, run_id: int, rejects: Sequence[Reject]) -> None:
    """Keeps rows that could not be used; one that is met again is not kept twice."""
    distinct = dict.fromkeys(rejects)
    if not distinct:
        return
    rows = [{"source": source, "run_id": run_id, **reject._asdict()} for reject in distinct]
    statement = insert(conn, rejected_row)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["source", "position", "reason", "detail"],
            set_={"run_id": statement.excluded.run_id},
        ),
        rows,
    )


def read_rejects(conn: Connection, source: str, limit: int) -> list[RejectRow]:
    """Rows of a source that could not be used, last met first."""
    table = rejected_row.c
    statement = select(table.run_id, table.reason, table.detail, table.position).where(table.source == source)
    newest_first = statement.order_by(table.run_id.desc(), table.id.desc()).limit(limit)
    return [RejectRow(*row) for row in conn.execute(newest_first)]
