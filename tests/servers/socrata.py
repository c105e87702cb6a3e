"""A small Socrata portal: one data set in SQLite, so that $where, $order and $limit mean what they say."""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

_SYSTEM = (":id", ":updated_at")


class SmallSocrata:
    """Serves the data set `abcd-1234`; change `columns`, `updated_at`, `token`, `rows_at_most` (a silent cap of the
    rows of one answer) to see what happens.

    Nulls are left out of rows and numbers are texts, as in the real service.
    """

    def __init__(self, columns: Sequence[str], *, updated_at: int, token: str = "") -> None:
        self.columns = list(columns)
        self.updated_at = updated_at
        self.token = token
        self.rows_at_most: int | None = None
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        names = ", ".join(f'"{name}" TEXT' for name in (*_SYSTEM, *self.columns))
        self._rows.execute(f'CREATE TABLE "data" ({names}, PRIMARY KEY(":id"))')

    def put(self, row_id: str, updated_at: str, **values: str | None) -> None:
        """Adds or replaces a row."""
        names = ", ".join(f'"{name}"' for name in (*_SYSTEM, *values))
        marks = ", ".join("?" * (2 + len(values)))
        self._rows.execute(
            f'INSERT OR REPLACE INTO "data" ({names}) VALUES ({marks})', (row_id, updated_at, *values.values())
        )

    def remove(self, row_id: str) -> None:
        """Takes a row away."""
        self._rows.execute('DELETE FROM "data" WHERE ":id" = ?', (row_id,))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.token and environ.get("HTTP_X_APP_TOKEN", self.token) != self.token:
            refusal = {"code": "permission_denied", "error": True, "message": "Invalid app_token specified"}
            return _send(start_response, "403 Forbidden", refusal)
        if environ["PATH_INFO"] == "/api/views/abcd-1234.json":
            columns = [{"fieldName": name, "dataTypeName": "text"} for name in self.columns]
            return _send(start_response, "200 OK", {"rowsUpdatedAt": self.updated_at, "columns": columns})
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        select = query["$select"]
        names = ["total"] if "count(*)" in select else select.split(",")
        sql = f'SELECT {select if names == ["total"] else _quoted(select)} FROM "data"'  # the client is ours
        if "$where" in query:
            sql += f" WHERE {_quoted(query['$where'])}"
        if "$order" in query:
            sql += (
                f" ORDER BY {_quoted(query['$order'])} LIMIT {min(int(query['$limit']), self.rows_at_most or 50_000)}"
            )
        rows = [dict(zip(names, row, strict=True)) for row in self._rows.execute(sql)]
        return _send(start_response, "200 OK", [{k: str(v) for k, v in row.items() if v is not None} for row in rows])


def _quoted(expression: str) -> str:
    """`expression` with its column names in double quotes, as SQLite needs them; texts stay."""
    return re.sub(r"'[^']*'|(:?[a-z_]+)", lambda found: f'"{found[1]}"' if found[1] else found[0], expression)


def _send(start_response: StartResponse, status: str, document: object) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
