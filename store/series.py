"""Series: each combination of labels that a source has ever used, with a number."""

from collections.abc import Collection

from sqlalchemy import Column, Connection, MetaData, Table, Text, and_, literal, select

from forewarn.panel import LABELS
from store.dialect import empty_staging, load
from store.schema import series

Key = tuple[str, ...]
"""Values of `forewarn.panel.LABELS`, '' where unknown."""

_wanted = Table(
    "wanted_series",
    MetaData(),
    *(Column(label, Text, nullable=False) for label in LABELS),
    prefixes=["TEMPORARY"],
)
_same = and_(*(series.c[label] == _wanted.c[label] for label in LABELS))


def series_ids(conn: Connection, source: str, keys: Collection[Key]) -> dict[Key, int]:
    """The number of each of these series; new ones are made.

    Call it within `advance_source`'s lock: two writers must not make the same series.
    """
    empty_staging(conn, _wanted)
    load(conn, _wanted, list(zip(*keys, strict=True)))
    mine = and_(series.c.source == source, _same)
    unknown = select(literal(source), *_wanted.c).where(~select(series.c.id).where(mine).exists())
    conn.execute(series.insert().from_select(["source", *LABELS], unknown))
    rows = conn.execute(select(series.c.id, *_wanted.c).join_from(_wanted, series, mine))
    return {tuple(key): number for number, *key in rows}
