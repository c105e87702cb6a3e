"""A small CKAN portal: packages, resources, and datastore tables in SQLite."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

Values = Mapping[str, str | int | float | None]


@dataclass
class Habits:
    """How this portal is set up, and what it is doing just now."""

    rows_max: int = 32_000  # the most rows of one answer, whatever is asked for
    tells_limit: bool = True  # says so in the answer
    takes_sql: bool = False
    ignores_sort: bool = False
    ignores_filters: bool = False
    old_total: int | None = None  # the size of its tables as it remembers it
    token: str = ""
    reloading: bool = False  # the tables are not there


@dataclass
class Resource:
    """One resource; `types` has the columns of its table with their types in PostgreSQL, {} if it has none."""

    name: str
    types: dict[str, str]
    last_modified: str | None = None  # without a zone, in UTC
    rows: list[Values] = field(default_factory=list)


class SmallCkan:
    """Serves `resources` (id → resource) as the package `requests`; rows are numbered anew on each `load`.

    `meanwhile` is called before each answer with rows and may change everything.
    """

    def __init__(self, resources: dict[str, Resource], habits: Habits | None = None) -> None:
        self.resources = resources
        self.habits = habits or Habits()
        self.meanwhile: Callable[[], None] = lambda: None

    def load(self, resource_id: str, rows: Sequence[Values], modified: str | None = None) -> None:
        """Replaces all rows, as the portals' loaders do."""
        resource = self.resources[resource_id]
        resource.rows = list(rows)
        resource.last_modified = modified or resource.last_modified

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        action = environ["PATH_INFO"].rpartition("/")[2]
        answers = {
            "package_show": self._package,
            "resource_show": self._resource,
            "datastore_search": self._search,
            **({"datastore_search_sql": self._sql} if self.habits.takes_sql else {}),
        }
        if action not in answers:
            return _send(start_response, "400 Bad Request", f"Bad request: Action name not known: {action}")
        if self.habits.token and environ.get("HTTP_AUTHORIZATION") != self.habits.token:
            return _refuse(start_response, "403 Forbidden", "Authorization Error", message="Access denied")
        try:
            result = answers[action](query)
        except KeyError as missing:
            return _refuse(start_response, "404 Not Found", "Not Found Error", message=f"Not found: {missing}")
        except ValueError as error:
            return _refuse(start_response, "409 Conflict", "Validation Error", sort=[str(error)])
        return _send(start_response, "200 OK", {"help": "…", "success": True, "result": result})

    def _package(self, query: Mapping[str, str]) -> dict[str, Any]:
        if query["id"] != "requests":
            raise KeyError(query["id"])
        return {"name": "requests", "resources": [self._resource({"id": key}) for key in self.resources]}

    def _resource(self, query: Mapping[str, str]) -> dict[str, Any]:
        found = self.resources[query["id"]]
        active = bool(found.types) and not self.habits.reloading
        return {
            "id": query["id"],
            "name": found.name,
            "last_modified": found.last_modified,
            "created": None,
            "datastore_active": active,
        }

    def _search(self, query: Mapping[str, str]) -> dict[str, Any]:
        found = self.resources[query["resource_id"]]
        if not found.types or self.habits.reloading:
            raise KeyError(f"Resource {query['resource_id']} was not found.")
        limit = min(int(query.get("limit", 100)), self.habits.rows_max)
        if limit:
            self.meanwhile()
        order = _order(query.get("sort", "_id"), found.types)
        wanted = query["fields"].split(",") if "fields" in query else ["_id", *found.types]
        if unknown := set(wanted) - {"_id", *found.types}:
            raise ValueError(f"field {unknown} not in table")
        names = ", ".join(f'"{name}"' for name in wanted)
        kept, values = ("1", []) if self.habits.ignores_filters else _filtered(query.get("filters", "{}"), found.types)
        by = "rowid" if self.habits.ignores_sort else order
        sql = f"SELECT {names} FROM data WHERE {kept} ORDER BY {by} LIMIT ? OFFSET ?"
        rows = self._table(found).execute(sql, (*values, limit, int(query.get("offset", 0))))
        total = len(found.rows) if self.habits.old_total is None else self.habits.old_total
        return {
            "resource_id": query["resource_id"],
            "fields": [{"id": "_id", "type": "int"}, *({"id": k, "type": v} for k, v in found.types.items())],
            "records": [dict(zip(wanted, row, strict=True)) for row in rows],
            "total": total,
            **({"limit": limit} if self.habits.tells_limit else {}),
        }

    def _sql(self, query: Mapping[str, str]) -> dict[str, Any]:
        statement = query["sql"]
        (resource_id,) = re.findall(r'FROM "([^"]+)"', statement)
        found = self.resources[resource_id]
        if self.habits.reloading:
            raise ValueError(f'relation "{resource_id}" does not exist')
        self.meanwhile()
        limited = f"SELECT * FROM ({statement.replace(resource_id, 'data')}) LIMIT {self.habits.rows_max + 1}"
        cursor = self._table(found).execute(limited)
        rows = [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]
        cut = {"records_truncated": True} if len(rows) > self.habits.rows_max else {}
        return {"records": rows[: self.habits.rows_max], "fields": [], "sql": statement, **cut}

    def _table(self, resource: Resource) -> sqlite3.Connection:
        table = sqlite3.connect(":memory:")
        kinds = {"int": "INTEGER", "numeric": "NUMERIC"}
        columns = ", ".join(f'"{name}" {kinds.get(kind, "TEXT")}' for name, kind in resource.types.items())
        table.execute(f'CREATE TABLE data ("_id" INTEGER PRIMARY KEY, {columns})')
        marks = ", ".join("?" * (1 + len(resource.types)))
        values = ([n, *map(row.get, resource.types)] for n, row in enumerate(resource.rows, 1))
        table.executemany(f"INSERT INTO data VALUES ({marks})", values)
        return table


def _filtered(filters: str, types: Mapping[str, str]) -> tuple[str, list[Any]]:
    """`WHERE` of CKAN's `filters`: equality, or one of a list; as in PostgreSQL numbers are compared with no text."""
    parts, values = ["1"], []
    for name, wanted in json.loads(filters).items():
        if name not in {"_id", *types}:
            raise ValueError(f"field {name!r} not in table")
        some = wanted if isinstance(wanted, list) else [wanted]
        if types.get(name, "int") in ("int", "numeric"):
            some = [float(value) for value in some]
        parts.append(f'"{name}" IN ({", ".join("?" * len(some))})')
        values += some
    return " AND ".join(parts), values


def _order(sort: str, types: Mapping[str, str]) -> str:
    """`ORDER BY` of CKAN's `sort`; as in PostgreSQL nothing is more than everything."""
    clauses = []
    for clause in sort.split(","):
        found = re.fullmatch(r'"?(.+?)"?( +(asc|desc))?', clause)
        assert found is not None
        if found[1] not in {"_id", *types}:
            raise ValueError(f"field {clause!r} not in table")
        falls = (found[3] or "asc") == "desc"
        clauses.append(f'"{found[1]}" {"DESC NULLS FIRST" if falls else "ASC NULLS LAST"}')
    return ", ".join(clauses)


def _refuse(start_response: StartResponse, status: str, kind: str, **said: object) -> list[bytes]:
    return _send(start_response, status, {"help": "…", "success": False, "error": {"__type": kind, **said}})


def _send(start_response: StartResponse, status: str, document: object) -> list[bytes]:
    body = json.dumps(document).encode()
    headers = [("Content-Type", "application/json;charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
