"""A small Socrata portal: one data set in SQLite, so that $where, $order and $limit mean what they say."""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

_SYSTEM = (":id", ":updated_at")


class SmallSocrata:
    """Serves the data set `abcd-1234`; change `columns`, `updated_at`, `token`, `rows_at_most` (a silent cap of the
    rows of one answer), `hides_metadata` (from those without a token) to see what happens. Version 3 wants a token.

    Nulls are left out of rows and numbers are texts, as in the real service.
    """

    def __init__(self, columns: Sequence[str], *, updated_at: int, token: str = "") -> None:
        self.columns = list(columns)
        self.updated_at = updated_at
        self.token = token
        self.rows_at_most: int | None = None
        self.hides_metadata = False
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
        path, is_known = environ["PATH_INFO"], "HTTP_X_APP_TOKEN" in environ
        is_closed = path.startswith("/api/v3/") or (self.hides_metadata and path.startswith("/api/views/"))
        if is_closed and not is_known:
            refusal = {"code": "authentication_required", "error": True, "message": "You must be logged in"}
            return _send(start_response, "403 Forbidden", refusal)
        if path.startswith("/api/views/"):
            columns = [{"fieldName": name, "dataTypeName": "text"} for name in self.columns]
            return _send(start_response, "200 OK", {"rowsUpdatedAt": self.updated_at, "columns": columns})
        if path.startswith("/api/v3/"):
            return _send(start_response, "200 OK", self._posted(environ))
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        order, limit = query.get("$order", ""), int(query.get("$limit", 1000))
        return _send(start_response, "200 OK", self._select(query["$select"], query.get("$where", ""), order, limit))

    def _posted(self, environ: WSGIEnvironment) -> list[dict[str, str]]:
        """SODA 3: names of columns stand in backquotes, and pages are numbered from 1."""
        assert environ["REQUEST_METHOD"] == "POST"
        question = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        form = re.fullmatch(r"SELECT (.*?)(?: WHERE (.*?))?(?: ORDER BY (.*?))?", question["query"])
        assert form is not None
        assert all("`" in name or ":" in name or "(" in name for name in form[1].split(", "))
        parts = [(part or "").replace("`", "") for part in form.groups()]
        page = question.get("page", {"pageNumber": 1, "pageSize": 1000})
        assert page["pageNumber"] == 1
        return self._select(parts[0].replace(", ", ","), parts[1], parts[2], page["pageSize"])

    def _select(self, select: str, where: str, order: str, limit: int) -> list[dict[str, str]]:
        expression, _, alias = select.partition(" as ")
        names = [alias] if alias else select.split(",")
        what = re.sub(r"(:[a-z_]+)", r'"\1"', expression) if alias else _quoted(select)
        sql = f'SELECT {what} FROM "data"'  # the client is ours
        if where:
            sql += f" WHERE {_quoted(where)}"
        if order:
            sql += f" ORDER BY {_quoted(order)}"
        sql += f" LIMIT {min(limit, self.rows_at_most or 50_000)}"
        rows = [dict(zip(names, row, strict=True)) for row in self._rows.execute(sql)]
        return [{name: str(value) for name, value in row.items() if value is not None} for row in rows]


class SmallPortal:
    """Several data sets at one address, each a `SmallSocrata` under its identifier."""

    def __init__(self, datasets: Mapping[str, SmallSocrata]) -> None:
        self.datasets = datasets

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        named = (portal for key, portal in self.datasets.items() if key in environ["PATH_INFO"])
        return next(named)(environ, start_response)


def _quoted(expression: str) -> str:
    """`expression` with its column names in double quotes, as SQLite needs them; texts stay."""
    return re.sub(r"'[^']*'|(:?[a-z_]+)", lambda found: f'"{found[1]}"' if found[1] else found[0], expression)


def _send(start_response: StartResponse, status: str, document: object) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
