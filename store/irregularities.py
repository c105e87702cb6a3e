"""What of a source's last days is not the public's doing, as the latest run of detection saw it."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from forewarn.irregularity import Cause, Irregularity
from store.schema import irregularity
from store.sources import ensure_source


def write_irregularities(conn: Connection, source: str, found: Sequence[Irregularity]) -> None:
    """Makes these all that is known of the source; they are worked out anew at each run, and earlier ones go."""
    ensure_source(conn, source)
    conn.execute(delete(irregularity).where(irregularity.c.source == source))
    rows = [
        {
            "source": source,
            "day": one.day,
            "cause": one.cause.value,
            "labels": dict(one.labels),
            "who": dict(one.who),
            "count": one.count,
            "usual": one.usual,
            "others": one.others,
            "since": one.since,
        }
        for one in found
    ]
    if rows:
        conn.execute(irregularity.insert(), rows)


def read_irregularities(conn: Connection, source: str) -> list[Irregularity]:
    """What is known of the source, the latest day first and of one day the largest; without what names became."""
    table = irregularity.c
    rows = conn.execute(
        select(table.cause, table.day, table.labels, table.count, table.usual, table.others, table.who, table.since)
        .where(table.source == source)
        .order_by(table.day.desc(), table.count.desc(), table.id)
    )
    return [Irregularity(Cause(row.cause), *row[1:]) for row in rows]
