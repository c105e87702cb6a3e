"""CKAN's action API: how it is asked, how it says no, and what a table of its datastore is.

An error comes as an object with `success: false`, or as a bare text where CKAN does not know the action. A table that
is being loaded anew is answered with 404, as one that is gone: only its resource's own record tells the two apart.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.documents import TryLater, parse_json
from connectors.http import Client, counters_of
from forewarn.errors import SourceChanged, SourceUnavailable

DATED = ("timestamp", "timestamptz", "date")
"""Types of columns that a server sorts by time. Texts it sorts by letters, whatever they mean."""
_MOST_ROWS = 32_000
_REFUSALS = frozenset({400, 403, 404, 409})


class Refused(Exception):
    """CKAN understood the question and said no."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Table:
    """A resource with a table in the datastore."""

    id: str
    name: str
    modified: datetime | None  # when it was last loaded, as its record says


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table holds.

    Args:
        types: Column → type.
        total: Rows; may be remembered from earlier.
    """

    types: Mapping[str, str]
    total: int


@dataclass(frozen=True, slots=True)
class Records:
    """One answer with rows."""

    rows: Sequence[Mapping[str, Any]]
    total: int | None
    limit: int | None  # the most rows it would have given, which may be fewer than were asked for
    truncated: bool
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Api:
    """The actions that reading needs, of one portal."""

    source: str
    base: str
    client: Client

    def tables_of(self, package: str) -> list[Table]:
        """All resources of a package, whether or not they have a table.

        Raises:
            SourceChanged: There is no such package.
        """
        found = self._record("package_show", package, "package")
        return [_table(resource) for resource in found.get("resources", []) if isinstance(resource, dict)]

    def table(self, resource: str) -> Table:
        """One resource.

        Raises:
            SourceChanged: There is no such resource.
        """
        return _table(self._record("resource_show", resource, "resource"))

    def shape(self, table: Table) -> Shape:
        """Columns and size of a table.

        Raises:
            SourceUnavailable: Its table is not there, as while it is loaded.
        """
        result, _ = self._of_table(table, {"limit": 0})
        types = {str(field["id"]): str(field.get("type", "")) for field in result.get("fields", [])}
        return Shape(types, int(result.get("total") or 0))

    def search(self, table: Table, columns: Sequence[str], sort: str, limit: int, offset: int) -> Records:
        """Rows `offset` to `offset + limit` in the order of `sort`."""
        page = {"sort": sort, "limit": limit, "offset": offset, **self._named(columns)}
        return _records(*self._of_table(table, page))

    def having(self, table: Table, columns: Sequence[str], column: str, values: Sequence[str | int]) -> Records:
        """The rows whose `column` has one of these values."""
        filters = json.dumps({column: list(values)})
        page = {"filters": filters, "sort": '"_id"', "limit": _MOST_ROWS, **self._named(columns)}
        return _records(*self._of_table(table, page))

    def sql(self, statement: str) -> Records:
        """Rows of a statement.

        Raises:
            Refused: The portal does not take statements, or not this one.
        """
        return _records(*self._call("datastore_search_sql", {"sql": statement}))

    def _named(self, columns: Sequence[str]) -> dict[str, str | int]:
        """Which columns are wanted; all of them, where one's name cannot be put into a list."""
        return {} if any("," in name for name in columns) else {"fields": ",".join(columns)}

    def _of_table(self, table: Table, params: Mapping[str, str | int]) -> tuple[dict[str, Any], dict[str, int]]:
        try:
            return self._call("datastore_search", {"resource_id": table.id, **params})
        except Refused as refused:
            if refused.status == 404:
                self.table(table.id)  # says so if it is gone for good
                problem = f"resource {table.id} has no table in the datastore now; it may be being loaded"
                raise SourceUnavailable(self.source, problem) from None
            raise self._changed(f"resource {table.id}", refused) from None

    def _record(self, action: str, key: str, kind: str) -> dict[str, Any]:
        try:
            found, _ = self._call(action, {"id": key})
        except Refused as refused:
            if refused.status == 404:
                raise SourceChanged(self.source, f"the portal has no {kind} {key!r} any more") from None
            raise self._changed(f"{kind} {key}", refused) from None
        return found

    def _changed(self, what: str, refused: Refused) -> SourceChanged:
        if refused.status == 403:
            return SourceChanged(self.source, f"the portal does not let us read {what}: look at token")
        return SourceChanged(self.source, f"the portal refuses to give {what}: {refused.reason}")

    def _call(self, action: str, params: Mapping[str, str | int]) -> tuple[dict[str, Any], dict[str, int]]:
        answer = self.client.get(f"{self.base}/api/3/action/{action}", params, _parse, also_accepted=_REFUSALS)
        document = answer.document
        if not document["success"]:
            raise Refused(answer.status, self.client.quoted(document["error"]))
        if not isinstance(document.get("result"), dict):
            raise SourceChanged(self.source, f"{action} does not answer with an object")
        return document["result"], counters_of(answer)


def _parse(body: bytes) -> dict[str, Any]:
    document = parse_json(body)
    if isinstance(document, str):
        return {"success": False, "error": document}
    if not isinstance(document, dict) or not isinstance(document.get("success"), bool):
        raise ValueError("not an answer of the action API")
    error = document.setdefault("error", "")
    if not document["success"] and "took too long" in str(error):
        raise TryLater("the portal's database took too long")
    return document


def _table(resource: Mapping[str, Any]) -> Table:
    modified = resource.get("last_modified") or resource.get("created")
    try:
        at = datetime.fromisoformat(str(modified))
    except ValueError:
        at = None
    if at is not None:  # without a zone it is UTC
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Table(str(resource.get("id", "")), str(resource.get("name") or ""), at)


def _records(result: Mapping[str, Any], counters: Mapping[str, int]) -> Records:
    rows = [row for row in result.get("records", []) if isinstance(row, dict)]
    total = None if result.get("total_was_estimated") else result.get("total")
    return Records(rows, total, result.get("limit"), bool(result.get("records_truncated")), counters)
