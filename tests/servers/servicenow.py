"""A small ServiceNow instance: tables behind the Table API, with encoded queries, access rules and a user's clock."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from urllib.parse import parse_qsl, urlencode
from wsgiref.types import StartResponse, WSGIEnvironment
from zoneinfo import ZoneInfo

Row = dict[str, str]
_TIMES = ("sys_created_on", "sys_updated_on", "opened_at", "closed_at", "due_date")
_PART = re.compile(r"([a-z_.]+)(>=|<=|=|>|<|IN)(.*)", re.DOTALL)
_LAYOUT = "%Y-%m-%d %H:%M:%S"


@dataclass
class Habits:
    """How this instance answers, and how it can fail."""

    hidden: Callable[[Row], bool] = lambda _row: False  # rows that the user may not see; they count all the same
    closed_columns: frozenset[str] = frozenset()  # left out of every row, as those that do not exist are
    audit_readable: bool = True
    user_zone: str = "UTC"  # in which times in queries are read, and shown
    tells_total: bool = True
    knows_lists: bool = True  # the operator IN
    rows_at_most: int = 10_000
    gives_up_after: int | None = None  # rows after which the time for a query is over
    answers_an_hour: int | None = None


@dataclass
class SmallServiceNow:
    """Serves `tables`: name → rows by `sys_id`, each a dictionary of texts as they are stored.

    Args:
        now: The instance's clock.
        shown: (column, value) → what people see instead.
        referenced: (column, value, column beyond the dot) → what stands there.
    """

    now: Callable[[], datetime]
    user: str = "forewarn"
    password: str = "pw-51c8aa"
    shown: dict[tuple[str, str], str] = field(default_factory=dict)
    referenced: dict[tuple[str, str, str], str] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)
    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: {"incident": {}, "sys_audit_delete": {}})
    _answers: int = 0

    def put(self, number: int | str, at: datetime, table: str = "incident", **values: str) -> str:
        """Makes or changes a row; gives its sys_id, which is `number` if that is a text."""
        row_id = _row_id(table, number)
        stamp = written(at)
        held = self.tables[table].get(row_id) or {
            "sys_id": row_id,
            "number": f"INC{number:0>7}",
            "sys_created_on": stamp,
            "opened_at": stamp,
            **dict.fromkeys(("closed_at", "due_date", "category", "subcategory", "location", "contact_type"), ""),
            "assignment_group": "",
            "state": "1",
        }
        self.tables[table][row_id] = {**held, **values, "sys_updated_on": stamp}
        return row_id

    def delete(self, number: int | str, at: datetime, table: str = "incident") -> str:
        """Deletes a row, which only the audit remembers."""
        row_id = _row_id(table, number)
        del self.tables[table][row_id]
        entry = {"sys_id": row_id[::-1], "tablename": table, "documentkey": row_id}
        self.tables["sys_audit_delete"][row_id[::-1]] = entry | dict.fromkeys(
            ("sys_created_on", "sys_updated_on"), written(at)
        )
        return row_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Basic ")
        if b64decode(told).decode() != f"{self.user}:{self.password}":
            return _send(start_response, "401 Unauthorized", _error("User Not Authenticated"))
        self._answers += 1
        if self.habits.answers_an_hour is not None and self._answers > self.habits.answers_an_hour:
            self._answers = 0
            reset = int(self.now().timestamp()) + 60
            limits = [("X-RateLimit-Limit", str(self.habits.answers_an_hour)), ("X-RateLimit-Reset", str(reset))]
            return _send(
                start_response, "429 Too Many Requests", _error("Rate limit"), [*limits, ("Retry-After", "60")]
            )
        table = environ["PATH_INFO"].removeprefix("/api/now/table/")
        if table not in self.tables:
            return _send(start_response, "400 Bad Request", _error(f"Invalid table {table}"))
        if table == "sys_audit_delete" and not self.habits.audit_readable:
            return _send(start_response, "403 Forbidden", _error("User Not Authorized"))
        return self._answer(environ, start_response, table)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse, table: str) -> list[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        found = self._found(table, query.get("sysparm_query", ""))
        limit = min(int(query.get("sysparm_limit", 10_000)), self.habits.rows_at_most)
        offset = int(query.get("sysparm_offset", 0))
        page = [row for row in found[offset : offset + limit] if not self.habits.hidden(row)]
        wanted = query.get("sysparm_fields", "").split(",")
        result = [self._cells(row, wanted, query["sysparm_display_value"]) for row in page]
        headers = [("X-Total-Count", str(len(found)))] if self.habits.tells_total else []
        if offset + limit < len(found) and self.habits.tells_total:
            after = urlencode({**query, "sysparm_offset": offset + limit})
            headers.append(("Link", f'<https://example.service-now.com/api/now/table/{table}?{after}>;rel="next"'))
        document: dict[str, Any] = {"result": result}
        if self.habits.gives_up_after is not None and len(result) > self.habits.gives_up_after:
            message = "Transaction cancelled: maximum execution time exceeded"
            document = {"result": result[: self.habits.gives_up_after], **_error(message)}
            self.habits.gives_up_after = None
        return _send(start_response, "200 OK", document, headers)

    def _found(self, table: str, query: str) -> list[Row]:
        """The rows of an encoded query, in its order. Parts that name no column are ignored without a word."""
        columns = {name for row in self.tables[table].values() for name in row}
        parts = [re.split(r"(?<!\^)\^(?!\^)", whole) for whole in query.split("^NQ")]
        order = [part.removeprefix("ORDERBY") for part in parts[-1] if part.startswith("ORDERBY")]
        tests = [
            [
                (match[1], match[2], match[3].replace("^^", "^"))
                for part in whole
                if not part.startswith("ORDERBY")
                and (match := _PART.fullmatch(part))
                and self._is_column(match[1], columns)
                and (self.habits.knows_lists or match[2] != "IN")
            ]
            for whole in parts
        ]
        rows = [
            row
            for row in self.tables[table].values()
            if any(all(self._holds(row, *test) for test in one) for one in tests)
        ]
        return sorted(rows, key=lambda row: [row.get(name, "") for name in order])

    def _is_column(self, name: str, columns: set[str]) -> bool:
        head, _, rest = name.partition(".")
        return head in columns and (not rest or any(key[0] == head and key[2] == rest for key in self.referenced))

    def _holds(self, row: Row, name: str, sign: str, value: str) -> bool:
        if name in _TIMES and value:  # read on the user's clock
            local = datetime.strptime(value, _LAYOUT).replace(tzinfo=ZoneInfo(self.habits.user_zone))
            value = written(local)
        held = self._value(row, name)
        if sign == "IN":
            return held in value.split(",")
        if name in _TIMES and not held:
            return False
        return {">=": held >= value, "<=": held <= value, "=": held == value, ">": held > value, "<": held < value}[
            sign
        ]

    def _value(self, row: Row, name: str) -> str:
        head, _, rest = name.partition(".")
        return self.referenced.get((head, row.get(head, ""), rest), "") if rest else row.get(head, "")

    def _cells(self, row: Row, wanted: Sequence[str], form: str) -> dict[str, Any]:
        cells = {}
        for name in wanted:
            if not self._is_column(name, set(row)) or name in self.habits.closed_columns:
                continue
            value = self._value(row, name)
            shown = self.shown.get((name, value), value)
            if name in _TIMES and value:
                at = datetime.strptime(value, _LAYOUT).replace(tzinfo=UTC)
                shown = at.astimezone(ZoneInfo(self.habits.user_zone)).strftime(_LAYOUT)
            both = {"display_value": shown, "value": value}
            cells[name] = both if form == "all" else both["display_value" if form == "true" else "value"]
        return cells


def _row_id(table: str, number: int | str) -> str:
    return number if isinstance(number, str) else md5(f"{table} {number}".encode(), usedforsecurity=False).hexdigest()


def written(at: datetime) -> str:
    """A time as the instance stores it."""
    return at.astimezone(UTC).strftime(_LAYOUT)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "detail": ""}, "status": "failure"}


def _send(
    start_response: StartResponse, status: str, document: Any, more: Sequence[tuple[str, str]] = ()
) -> list[bytes]:
    body = json.dumps(document).encode()
    kind = ("Content-Type", "application/json;charset=UTF-8")
    start_response(status, [kind, ("Content-Length", str(len(body))), *more])
    return [body]
