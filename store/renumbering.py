"""Has a source given new ids to its requests? Then they are the same ones, and must not be counted twice.

A publisher who builds a data set anew may number its rows anew. Rows of days that are known already then come under ids
that were never seen, and each is of the same instant and the same labels as a stored request that does not come. If
that is so of nearly all of many such rows, the stored requests take the new ids.

Times may be so coarse that requests cannot be told apart by them and their labels, as where only days are told: another
report of the same kind on the same day would be taken for the one before. Then the days must come whole, with nearly as
many requests of each of many kinds as are stored of them; which of those is which does not matter to any count.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, select, update

from store.dialect import rows_looked_up, stage
from store.schema import request_revision
from store.schema import service_request as stored
from store.types import Day, UtcTime

LEAST = 30
"""Fewer rows than this say nothing."""
NEARLY_ALL = 0.9
"""Such a share of them must have their match; and they and what they match must be told apart, or whole days match."""

_staging = MetaData()
_instant = Table(
    "request_instant",
    _staging,
    Column("instant", Integer, nullable=False),
    Column("series_id", Integer, nullable=False),
    Column("day", Day, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    prefixes=["TEMPORARY"],
)
"""Instants of series, and their numbers."""
_renumbered = Table(
    "renumbered_request",
    _staging,
    Column("old", Text, primary_key=True),
    Column("new", Text, nullable=False),
    prefixes=["TEMPORARY"],
)


def renumber(
    conn: Connection,
    source: str,
    columns: Mapping[str, npt.NDArray[Any]],
    is_stored: npt.NDArray[np.bool_],
    known_until: date,
) -> int:
    """Gives stored requests the ids under which they come now, if their source has given new ones; tells how many.

    Args:
        columns: Of one batch `source_record_id`, each once, `series_id`, `day` and `requested_at`.
        is_stored: (n_rows,) whether a row's id is in the store.
        known_until: Requests of later days may be new.
    """
    unknown = ~is_stored & (columns["day"] <= np.datetime64(known_until, "D"))
    if unknown.sum() < LEAST:
        return 0
    rows = {name: column[unknown] for name, column in columns.items()}
    instants = pd.DataFrame({"series_id": rows["series_id"], "at": rows["requested_at"].astype(np.int64)})
    come = pd.DataFrame(
        {"instant": instants.groupby(["series_id", "at"]).ngroup(), "new": rows["source_record_id"]}, dtype=object
    )
    first = ~come["instant"].duplicated().to_numpy()
    if first.sum() < LEAST:
        return 0
    asked = {name: rows[name][first] for name in ("series_id", "day", "requested_at")}
    held = _held(conn, source, {"instant": come["instant"].to_numpy()[first], **asked})
    held = held[~held["old"].isin(columns["source_record_id"][is_stored])]
    pairs = _counted(come).merge(_counted(held), on=["instant", "number"])
    if len(pairs) < NEARLY_ALL * len(come):
        return 0
    are_apart = all(frame["instant"].duplicated().mean() <= 1 - NEARLY_ALL for frame in (come, held))
    if not are_apart and len(pairs) < NEARLY_ALL * _absent(conn, source, rows["day"], columns["day"][is_stored]):
        return 0
    stage(conn, _renumbered, {name: pairs[name].to_numpy(object) for name in ("old", "new")})
    with rows_looked_up(conn):
        _rename(conn, source, stored)
    _rename(conn, source, request_revision)  # of which no index tells the ids
    return len(pairs)


def _rename(conn: Connection, source: str, table: Table) -> None:
    new = select(_renumbered.c.new).where(_renumbered.c.old == table.c.source_record_id).scalar_subquery()
    mine = (table.c.source == source) & table.c.source_record_id.in_(select(_renumbered.c.old))
    conn.execute(update(table).values(source_record_id=new).where(mine))


def _held(conn: Connection, source: str, instants: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    """Stored requests of these instants of series: the instant's number, and the id."""
    stage(conn, _instant, instants)
    same = (
        (stored.c.day == _instant.c.day)
        & (stored.c.series_id == _instant.c.series_id)
        & (stored.c.requested_at == _instant.c.requested_at)
        & stored.c.deleted_at.is_(None)
        & (stored.c.source == source)
    )
    statement = select(_instant.c.instant, stored.c.source_record_id).join_from(_instant, stored, same)
    with rows_looked_up(conn):
        found = conn.execute(statement.order_by(stored.c.source_record_id)).all()
    return pd.DataFrame([tuple(row) for row in found], columns=["instant", "old"], dtype=object)


def _absent(conn: Connection, source: str, days: npt.NDArray[Any], coming: npt.NDArray[Any]) -> int:
    """How many stored requests of these days do not come, of those that come the days being given."""
    asked = np.unique(days)
    within = stored.c.day.between(asked[0].item(), asked[-1].item())
    statement = select(stored.c.day, func.count()).where(
        stored.c.source == source, within, stored.c.deleted_at.is_(None)
    )
    there = sum(
        count for day, count in conn.execute(statement.group_by(stored.c.day)) if np.datetime64(day, "D") in asked
    )
    return int(there - np.isin(coming, asked).sum())


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """With the number of each row among those of its instant."""
    return rows.assign(number=rows.groupby("instant").cumcount())
