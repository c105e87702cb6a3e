"""Thresholds at which a replay kept to the budget of alerts a week, each for the settings that it was found with."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from store.dialect import insert
from store.schema import threshold


class Threshold(NamedTuple):
    """What a replay found.

    Args:
        found_at: When it ended.
        first_day, last_day: Days that were replayed.
        alerts_per_week: What they came to.
        false_alarms_per_week: The setting of this name at which they did.
    """

    found_at: datetime
    first_day: date
    last_day: date
    alerts_per_week: float
    false_alarms_per_week: float


def write_threshold(conn: Connection, version: str, found: Threshold) -> None:
    """Keeps the threshold for this version of code and settings, in place of an earlier one."""
    statement = insert(conn, threshold).values(version=version, **found._asdict())
    conn.execute(statement.on_conflict_do_update(index_elements=["version"], set_=found._asdict()))


def read_threshold(conn: Connection, version: str) -> Threshold | None:
    """The threshold found for this version; None: no replay has looked for it."""
    columns = (threshold.c[name] for name in Threshold._fields)
    row = conn.execute(select(*columns).where(threshold.c.version == version)).one_or_none()
    return Threshold(*row) if row else None
