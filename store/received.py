"""Batches that were pushed to us: kept before the sender is told so, read in the order in which they were kept.

    number  ──  given while nobody else writes, so a batch with a higher number is never seen before one with a lower

A batch stays for some time after it was read, so that one that is sent again is recognised.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, select

from forewarn.contracts import ReceivedBatch
from store.dialect import write_one_by_one
from store.engine import snapshot
from store.schema import received_batch as table
from store.sources import ensure_source

BATCHES_A_TIME = 50


class KeptBatch(NamedTuple):
    """A batch that came before, under the same key or with the same signature."""

    number: int
    body_hash: str
    content: Mapping[str, Any]


def begin_receiving(conn: Connection, source: str) -> None:
    """Lets nobody else receive until the transaction ends; what follows in it is decided on what is there now."""
    ensure_source(conn, source)
    write_one_by_one(conn, table)


def find_batch(conn: Connection, source: str, *, idempotency_key: str, signature: str) -> KeptBatch | None:
    """The batch that has this key, or else this signature: who overhears a batch can choose a key, but cannot sign."""
    has_key = table.c.idempotency_key == idempotency_key
    same = select(table.c.number, table.c.body_hash, table.c.content).where(table.c.source == source)
    found = (
        conn.execute(same.where(has_key)).first() or conn.execute(same.where(table.c.signature == signature)).first()
    )
    return None if found is None else KeptBatch(*found)


def count_batches(conn: Connection, source: str, since: datetime) -> int:
    """How many batches of the source came since then."""
    lately = (table.c.source == source) & (table.c.received_at > since)
    number: int = conn.execute(select(func.count()).select_from(table).where(lately)).scalar_one()
    return number


def keep_batch(
    conn: Connection,
    source: str,
    content: Mapping[str, Any],
    *,
    received_at: datetime,
    idempotency_key: str,
    body_hash: str,
    signature: str,
) -> int:
    """Keeps a batch, in a transaction that was begun with `begin_receiving`; gives its number."""
    values = {
        "source": source,
        "received_at": received_at,
        "idempotency_key": idempotency_key,
        "body_hash": body_hash,
        "signature": signature,
        "content": dict(content),
    }
    number: int = conn.execute(table.insert().values(values).returning(table.c.number)).scalar_one()
    return number


def read_batches(engine: Engine, source: str, after: int) -> Sequence[ReceivedBatch]:
    """The next batches of the source after the one with this number, oldest first; none: there are no more."""
    columns = (table.c.number, table.c.received_at, table.c.content)
    mine = select(*columns).where(table.c.source == source, table.c.number > after)
    with snapshot(engine) as conn:
        return [ReceivedBatch(*row) for row in conn.execute(mine.order_by(table.c.number).limit(BATCHES_A_TIME))]


def drop_batches(conn: Connection, source: str, *, up_to: int, before: datetime) -> None:
    """Drops batches that were received before then and have no higher number than `up_to`."""
    conn.execute(delete(table).where(table.c.source == source, table.c.number <= up_to, table.c.received_at < before))
