"""Lists of changes of status, as mySociety's adapter serves them beside the requests (`servicerequestupdates`).

The requests themselves know only open and closed; the changes say more, such as that work is planned.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.georeport import Row, id_of

_NEVER = datetime.min.replace(tzinfo=UTC)


def newest_changes(rows: Sequence[Row]) -> dict[str, Row]:
    """Of each request the newest of these changes of status; one without a time or a status says nothing."""
    newest: dict[str, Row] = {}
    for row in rows:
        held = newest.get(id_of(row))
        if row.get("status") and _moment(row) > (_NEVER if held is None else _moment(held)):
            newest[id_of(row)] = row
    return newest


def with_status(row: Row, change: Row) -> Row:
    """The request `row` with the status that a change gave it, unless the request is newer than that."""
    if _moment(change) < _moment(row) or str(change["status"]).lower() == "unchanged":
        return row
    return {**row, "status": change["status"], "updated_datetime": change["updated_datetime"]}


def _moment(row: Mapping[str, Any]) -> datetime:
    """When a row was updated; long ago where it does not say."""
    try:
        at = datetime.fromisoformat(str(row.get("updated_datetime")))
    except ValueError:
        return _NEVER
    return at if at.tzinfo else at.replace(tzinfo=UTC)
